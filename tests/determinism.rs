//! The same seed decides the same for the n-th connection, however many come at once and in whatever order.

use crate::{
    harness::{Dir, eventually, world},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    thread,
};

const CLIENTS: u64 = 16;
const EACH: u64 = 300;

/// What every fault decided for every number, as the journal tells it.
fn decisions(seed: u64) -> BTreeMap<(String, u64), String> {
    let upstream = Upstream::echo();
    let dir = Dir::new();
    let journal = dir.0.join("journal.jsonl");
    let running = world()
        .seed(seed)
        .proxy("db", &upstream)
        .faults(json!([
            { "name": "some", "proxy": "db", "reset": true, "probability": "30%" },
            { "name": "often", "proxy": "db", "latency": "1ms", "probability": "70%" },
            { "name": "third", "proxy": "db", "close": true, "every": 3, "probability": "50%" },
        ]))
        .arg("--journal")
        .arg(&journal)
        .start();
    let port = running.port("db");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..EACH {
                    let mut client = TcpStream::connect(port).unwrap();
                    crate::harness::patient(&client);
                    client.write_all(b"x").and_then(|()| client.read_exact(&mut [0])).ok();
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    eventually("every connection is over", || running.connections("db") == 0);
    assert_eq!(running.fault("some")["matched"], CLIENTS * EACH);
    drop(running);
    let mut decided = BTreeMap::new();
    for line in std::fs::read_to_string(&journal).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let (Some(fault), Some(n)) = (event["fault"].as_str(), event["n"].as_u64()) else { continue };
        let outcome = match event["event"].as_str() {
            Some("fault.hit") => "hit".to_owned(),
            _ => event["reason"].as_str().unwrap_or_default().to_owned(),
        };
        let before = decided.insert((fault.to_owned(), n), outcome);
        assert_eq!(before, None, "decided twice: {fault} {n}");
    }
    decided
}

#[test]
fn one_seed_one_fate_for_each_number_and_another_seed_another() {
    let first = decisions(7193);
    let count = |fault: &str| first.keys().filter(|(name, _)| name == fault).count() as u64;
    assert_eq!(count("some"), CLIENTS * EACH, "every number has its decision");
    let second = decisions(7193);
    // Those below a fault that ends a connection are not rolled; whether a byte came before the end is not the dice's business.
    for (key, outcome) in &first {
        let other = second.get(key).unwrap_or_else(|| panic!("{key:?} was decided in one run only"));
        assert!(outcome == other || [outcome, other].iter().any(|word| *word == "ended_first"), "{key:?}: {outcome} and {other}");
    }
    assert_eq!(first.len(), second.len());
    let other = decisions(7194);
    let differ = first.iter().filter(|(key, outcome)| other.get(*key) != Some(*outcome)).count();
    assert!(differ > 100, "another seed decided {differ} of {} otherwise", first.len());
}
