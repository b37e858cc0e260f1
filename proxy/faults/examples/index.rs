//! What it costs a request that a plan holds many faults: nanoseconds to find those that may fit and to ask them, and the memory of the
//! index. `cargo run --release -p faultwire-faults --example index`

#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "it is here to look at the clock")]

use bytes::{Bytes, BytesMut};
use faultwire_faults::{
    index::Index,
    matching::{
        Match,
        body::{BODY_ROOM, Body},
        exempt::Exempt,
        fits::{Fit, Matcher},
    },
    node::Node,
    protocol::Protocol,
};
use faultwire_http1::{Cut, Http1, Request};
use serde_json::{Value, json};
use std::{hint::black_box, time::Instant};

/// What it is about, the match of the n-th fault, and the n-th request.
type Kind = (&'static str, fn(usize) -> Value, fn(usize) -> String);

const KINDS: &[Kind] = &[
    ("distinct paths", |n| json!(format!("POST /api/v1/things-{n}")), |n| format!("/api/v1/things-{n}")),
    ("distinct prefixes", |n| json!(format!("/api/v1/things-{n}/*")), |n| format!("/api/v1/things-{n}/lines/17")),
    ("no path fits", |n| json!(format!("/api/v1/things-{n}")), |n| format!("/api/v2/others-{n}")),
    ("distinct hosts", |n| json!({ "host": format!("tenant-{n}.shop.example") }), |n| format!("/tenant/{n}")),
    ("other methods", |_| json!("DELETE *"), |n| format!("/api/v1/things-{n}")),
    ("globs of baggage", |n| json!({ "baggage": { "test": format!("checkout-{n}*") } }), |n| format!("/api/v1/things-{n}")),
    ("distinct baggage", |n| json!({ "baggage": { "test": format!("checkout-{n}") } }), |n| format!("/api/v1/things-{n}")),
];

fn main() {
    println!("{:<20}{:>8}  {:>12}  {:>12}  {:>12}", "", "faults", "find and ask", "candidates", "index");
    for (name, written, path) in KINDS {
        for count in [10, 1_000, 10_000] {
            let matchers: Vec<Matcher> = (0..count).map(|n| matcher(&written(n))).collect();
            let index = Index::new(matchers.iter().map(Some));
            let requests: Vec<Request> = (0..count).map(|n| request(&path(n), n)).collect();
            let mut candidates = 0;
            let mut ask = || {
                for request in &requests {
                    for n in index.candidates(request) {
                        candidates += 1;
                        black_box(matchers[n].head(request) == Fit::Yes);
                    }
                }
            };
            // What has nothing literal to be found by is asked of all, so fewer rounds will do.
            let rounds = 1 + 2_000_000 / count / if *name == "globs of baggage" { count } else { 1 };
            let best = best(|| (0..rounds).for_each(|_| ask()));
            let asked = candidates as f64 / (9 * rounds * count) as f64;
            println!("{name:<20}{count:>8}  {:>9.0} ns  {asked:>12.1}  {:>10} B", best / (rounds * count) as f64, index.size());
        }
    }
    let request = request("/api/v1/things", 1);
    let exempt = Exempt::default();
    let nanoseconds = best(|| (0..1_000_000).for_each(|_| assert!(!exempt.spares(black_box(&request))))) / 1e6;
    println!("{:<20}{:>8}  {nanoseconds:>9.0} ns", "exempt, the usual", "-");
    let index = Index::new([None, None]);
    let nanoseconds = best(|| (0..1_000_000).for_each(|_| assert_eq!(index.candidates(black_box(&request)).count(), 2))) / 1e6;
    println!("{:<20}{:>8}  {nanoseconds:>9.0} ns", "no match at all", 2);
    let order = r#"{"sku": "a-17", "amount": 17.50, "gift": false, "notes": [null, "none"]}, "#;
    let text = Bytes::from(format!("{{\"lines\": [{} 0], \"id\": 7}}", order.repeat(BODY_ROOM / order.len() - 1)));
    let asks = matcher(&json!({ "body": { "/id": 7 } }));
    let nanoseconds = best(|| assert_eq!(asks.body(&request, &mut Body::new(&request, text.clone())), Fit::Yes));
    println!("{:<20}{:>8}  {nanoseconds:>9.0} ns", "a body of 1 MiB", 1);
}

/// The best of nine, in nanoseconds.
fn best(mut work: impl FnMut()) -> f64 {
    let one = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e9
    };
    (0..9).map(one).fold(f64::INFINITY, f64::min)
}

fn matcher(written: &Value) -> Matcher {
    let read = Match::read(&Node::from_json(written), &mut |_| {}).expect("it is a match");
    read.matcher(Protocol::Http).expect("it is one of HTTP")
}

fn request(path: &str, n: usize) -> Request {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: tenant-{n}.shop.example:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         Accept: application/json\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
         Baggage: test=checkout-{n}\r\nContent-Length: 0\r\n\r\n"
    );
    match Http1::default().request(&mut BytesMut::from(head.as_bytes())) {
        Ok(Some(Cut::Head(request))) => request,
        other => panic!("{head} is no request: {other:?}"),
    }
}
