//! How fast cutting is: nanoseconds for a typical head, gigabytes in a second for bodies. `cargo run --release -p faultwire-http1 --example speed`,
//! and behind `--` a part of a name to measure that alone, and how often.

#![allow(clippy::disallowed_methods, reason = "it is here to look at the clock")]

use bytes::{Bytes, BytesMut};
use faultwire_http1::Http1;
use std::{hint::black_box, time::Instant};

const GET: &str = "GET /api/v1/customers/4711/orders?limit=20&offset=40 HTTP/1.1\r\n\
    Host: shop.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: application/json, text/plain, */*\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N\r\n\
    X-Request-Id: 4f1d2b7e-8d3c-4b2a-9f6e-2c1d0b9a8e7f\r\n\
    Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
    Connection: keep-alive\r\n\r\n";
const SMALL: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const OK: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{\"fine\":true}";

fn main() {
    exchanges("small GET and answer", SMALL, OK);
    exchanges("typical GET and answer", GET, OK);
    requests("small GET alone", SMALL);
    requests("typical GET alone", GET);
    httparse_alone();
    bodies("counted body, 64 KiB reads", "Content-Length: 9000000000000000000", vec![b'x'; 64 * 1024]);
    let chunk = [b"4000\r\n".to_vec(), vec![b'x'; 0x4000], b"\r\n".to_vec()].concat();
    bodies("chunks of 16 KiB", "Transfer-Encoding: chunked", chunk.repeat(4));
    let chunk = [b"64\r\n".to_vec(), vec![b'x'; 100], b"\r\n".to_vec()].concat();
    bodies("chunks of 100 B", "Transfer-Encoding: chunked", chunk.repeat(600));
}

/// As an engine would: a read into one buffer, cut until nothing is left.
fn exchanges(name: &str, request: &str, response: &str) {
    let mut http = Http1::default();
    let (mut up, mut down) = (BytesMut::with_capacity(64 * 1024), BytesMut::with_capacity(64 * 1024));
    best(name, request.len() + response.len(), || {
        up.extend_from_slice(request.as_bytes());
        while let Ok(Some(cut)) = http.request(&mut up) {
            black_box(cut);
        }
        down.extend_from_slice(response.as_bytes());
        while let Some(cut) = http.response(&mut down) {
            black_box(cut);
        }
    });
}

fn requests(name: &str, request: &str) {
    let mut http = Http1::default();
    let mut number = 0;
    let mut up = BytesMut::with_capacity(64 * 1024);
    best(name, request.len(), || {
        up.extend_from_slice(request.as_bytes());
        while let Ok(Some(cut)) = http.request(&mut up) {
            black_box(cut);
        }
        number += 1;
        assert!(http.withdraw(number));
    });
}

/// What the fastest parser of heads takes, which looks at no framing and keeps nothing.
fn httparse_alone() {
    best("typical GET by httparse", GET.len(), || {
        let mut room = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut room);
        black_box(request.parse(black_box(GET.as_bytes()))).ok();
    });
}

fn bodies(name: &str, framing: &str, read: Vec<u8>) {
    if !is_wanted(name) {
        return;
    }
    let mut http = Http1::default();
    let mut bytes = BytesMut::from(format!("POST / HTTP/1.1\r\n{framing}\r\n\r\n").as_bytes());
    let read = Bytes::from(read);
    let (rounds, mut best) = (2000, f64::MAX);
    for _ in 0..5 {
        let mut spent = 0.0;
        for _ in 0..rounds {
            // The copy stands for the read of a socket, and is not counted.
            bytes.extend_from_slice(&read);
            let start = Instant::now();
            while let Ok(Some(cut)) = http.request(&mut bytes) {
                black_box(cut);
            }
            spent += start.elapsed().as_secs_f64();
        }
        best = f64::min(best, spent);
    }
    println!("{name}: {:.1} GB/s", (read.len() * rounds) as f64 / best / 1e9);
}

fn is_wanted(name: &str) -> bool {
    std::env::args().nth(1).is_none_or(|part| name.contains(&part))
}

fn best(name: &str, bytes: usize, mut work: impl FnMut()) {
    if !is_wanted(name) {
        return;
    }
    let rounds = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(400_000);
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name}, {bytes} B: {:.0} ns", best / rounds as f64 * 1e9);
}
