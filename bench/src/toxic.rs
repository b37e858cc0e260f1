//! How long the API takes to add, change and remove a toxic of a proxy that has many open connections.

use crate::{
    idle::{self, Helper},
    median,
    places::{Place, Start, servers},
    spread,
};
use anyhow::{Context, Result};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// How many connections, unless `CONNECTIONS` says something else.
const CONNECTIONS: u64 = 9_900;
const ROUNDS: usize = 15;

/// What is asked in each round: its name, method, path and body.
const CALLS: [(&str, &str, &str, &str); 3] = [
    ("add", "POST", "/proxies/plain/toxics", r#"{"type":"latency","name":"bench","attributes":{"latency":1000}}"#),
    ("change", "PATCH", "/proxies/plain/toxics/bench", r#"{"attributes":{"latency":2000}}"#),
    ("remove", "DELETE", "/proxies/plain/toxics/bench", ""),
];

/// One server, its connections, and its times in milliseconds by call.
struct Crowd {
    place: Place,
    api: Api,
    times: [Vec<f64>; 3],
    _clients: Helper,
    _upstream: Helper,
}

pub fn measure() -> Result<()> {
    let wanted = std::env::var("CONNECTIONS").map_or(Ok(CONNECTIONS), |text| text.parse())?;
    let count = idle::room(wanted);
    if count < wanted {
        eprintln!("no more than {count} connections of {wanted}: see `ulimit -Hn`");
    }
    let mut crowds = Vec::new();
    for start in servers() {
        crowds.push(Crowd::gather(&start, count)?);
    }
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for crowd in &mut crowds {
            for ((_, method, path, body), times) in CALLS.iter().zip(&mut crowd.times) {
                times.push(crowd.api.time(method, path, body)?.as_secs_f64() * 1e3);
            }
        }
    }
    print(&crowds, count);
    Ok(())
}

impl Crowd {
    fn gather(start: &Start, count: u64) -> Result<Crowd> {
        let count = count.to_string();
        let mut upstream = Helper::start(&[idle::ACCEPT])?;
        let place = start(upstream.line()?.parse()?)?;
        let mut clients = Helper::start(&[idle::HOLD, &place.plain.to_string(), &count])?;
        // Each is open from end to end.
        clients.line()?;
        let api = Api::connect(place.api.context("it has an API")?)?;
        eprintln!("{} has {count} connections", place.name);
        Ok(Crowd { place, api, times: Default::default(), _clients: clients, _upstream: upstream })
    }
}

fn print(crowds: &[Crowd], count: u64) {
    println!("| a toxic, with {count} open connections | add ms | change ms | remove ms |");
    println!("| --- | ---: | ---: | ---: |");
    for crowd in crowds {
        let cells = crowd.times.each_ref().map(|times| spread(times, 2));
        println!("| {} | {} |", crowd.place.name, cells.join(" | "));
    }
    if let [ours, theirs] = crowds {
        let ratio = |at: usize| format!("{:.3}", median(ours.times[at].clone()) / median(theirs.times[at].clone()));
        println!("| {} of {} | {} |", ours.place.name, theirs.place.name, [0, 1, 2].map(ratio).join(" | "));
    }
    println!("\nMedians of {ROUNDS} rounds (least to most): from the first byte of the request to the last of the answer.");
}

/// A client that keeps its connection.
struct Api {
    stream: BufReader<TcpStream>,
}

impl Api {
    fn connect(address: SocketAddr) -> Result<Api> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Api { stream: BufReader::new(stream) })
    }

    fn time(&mut self, method: &str, path: &str, body: &str) -> Result<Duration> {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let begin = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        self.stream.read_exact(&mut vec![0; length])?;
        let took = begin.elapsed();
        anyhow::ensure!(status.starts_with("HTTP/1.1 2"), "{method} {path}: {}", status.trim_end());
        Ok(took)
    }
}
