//! How much later a message of a stream comes through a proxy than without it: Server-Sent Events over HTTP/1.1, and messages of gRPC over
//! HTTP/2 in both directions. Each message says when it was sent, and is sent long after the one before: whoever waits for more of them
//! before it hands one on is seen to.

mod talk;

use crate::{
    hop::{Addresses, Faults, Hop},
    median, spread,
};
use anyhow::Result;
use std::time::Duration;

/// Unless `ROUNDS` says something else.
const ROUNDS: usize = 5;
/// Messages of a stream.
const MESSAGES: usize = 250;
/// How far apart.
const GAP: Duration = Duration::from_millis(10);
/// New connections, of each of which the first byte of the answer is waited for.
const FIRSTS: usize = 50;

/// What came at one place, by round.
#[derive(Default)]
struct Row {
    first: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    most: Vec<f64>,
    /// Messages that came with another in one read.
    together: usize,
}

type Streams = fn(Addresses) -> Result<talk::Came>;
type First = fn(Addresses) -> Result<Duration>;

const KINDS: [(&str, Streams, First); 3] = [
    ("Server-Sent Events", talk::events, talk::first_event),
    ("gRPC, to the client", talk::to_client, talk::first_message),
    ("gRPC, to the server", talk::to_server, talk::first_message),
];

pub fn measure() -> Result<()> {
    let rounds = std::env::var("ROUNDS").map_or(Ok(ROUNDS), |text| text.parse())?;
    let upstream = talk::upstream()?;
    let hops = [
        Hop::direct(upstream),
        Hop::faultwire_before(upstream, Faults::None)?,
        Hop::faultwire_before(upstream, Faults::Elsewhere(10_000))?,
    ];
    let mut tables = KINDS.map(|_| hops.each_ref().map(|_| Row::default()));
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for ((_, streams, first), rows) in KINDS.iter().zip(&mut tables) {
            for (hop, row) in hops.iter().zip(rows) {
                let mut firsts = Vec::new();
                for _ in 0..FIRSTS {
                    firsts.push(first(hop.at)?.as_secs_f64() * 1e3);
                }
                row.first.push(median(firsts));
                row.add(streams(hop.at)?);
            }
        }
    }
    for ((name, ..), rows) in KINDS.iter().zip(&tables) {
        print(name, &hops, rows);
    }
    println!("Medians of {rounds} rounds (least to most) of {MESSAGES} messages, {} ms apart, in milliseconds.", GAP.as_millis());
    println!("First byte: from a new connection's first to the first of its answer, the median of {FIRSTS}.");
    Ok(())
}

impl Row {
    fn add(&mut self, came: talk::Came) {
        let mut late: Vec<f64> = came.late.iter().map(|late| late.as_secs_f64() * 1e3).collect();
        late.sort_by(f64::total_cmp);
        self.p50.push(late[late.len() / 2]);
        self.p99.push(late[late.len() * 99 / 100]);
        self.most.push(late[late.len() - 1]);
        self.together += came.together;
    }

    fn figures(&self) -> [&Vec<f64>; 4] {
        [&self.first, &self.p50, &self.p99, &self.most]
    }
}

fn print(title: &str, hops: &[Hop], rows: &[Row]) {
    println!("| {title} | first byte | added | late by, p50 | added | p99 | added | most | added | came with another |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (i, (hop, row)) in hops.iter().zip(rows).enumerate() {
        let cells = row.figures().into_iter().zip(rows[0].figures()).map(|(own, direct)| {
            let added = median(own.iter().zip(direct).map(|(own, direct)| own - direct).collect());
            let added = if i == 0 { "-".to_owned() } else { format!("{added:.2}") };
            format!("{} | {added}", spread(own, 2))
        });
        println!("| {} | {} | {} |", hop.name, cells.collect::<Vec<_>>().join(" | "), row.together);
    }
    println!();
}
