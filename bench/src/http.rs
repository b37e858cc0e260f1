//! Requests a second, their slowest hundredth, and what the proxy itself takes of the processors: HTTP/1.1 over many connections that are kept,
//! and HTTP/2 over few with many streams. `README.md` beside this crate says how it is measured, and what came of it.

mod load;

use crate::{
    hop::{Faults, Hop, threads},
    median, spread,
};
use anyhow::Result;
use load::{CONNECTIONS, Figures, STREAMS, TWO_CONNECTIONS};
use std::{path::Path, process::Command};

/// Unless `ROUNDS` says something else.
const ROUNDS: usize = 5;
/// A measure at one place: its figures for each round.
type Rows = Vec<Vec<Figures>>;

pub fn measure() -> Result<()> {
    install()?;
    let rounds = std::env::var("ROUNDS").map_or(Ok(ROUNDS), |text| text.parse())?;
    let upstream = Hop::answering()?;
    let at = upstream.at;
    let hops = [
        Hop::direct(at),
        Hop::faultwire_before(at, Faults::None)?,
        Hop::faultwire_before(at, Faults::Elsewhere(10))?,
        Hop::faultwire_before(at, Faults::Elsewhere(10_000))?,
        Hop::faultwire_before(at, Faults::Off(10_000))?,
        Hop::nginx_before(at)?,
        Hop::haproxy_before(at)?,
    ];
    let mut one: Rows = hops.iter().map(|_| Vec::new()).collect();
    let mut two = one.clone();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (i, hop) in hops.iter().enumerate() {
            one[i].push(load::one(hop)?);
            two[i].push(load::two(hop)?);
        }
    }
    print(&format!("HTTP/1.1, {CONNECTIONS} connections that are kept"), &hops, &one);
    print(&format!("HTTP/2, {TWO_CONNECTIONS} connections with {STREAMS} streams each"), &hops, &two);
    println!("Medians of {rounds} rounds (least to most); {} threads for each; ratios are those of the same round.", threads());
    Ok(())
}

/// What stands beside, and what makes the load.
fn install() -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install");
    anyhow::ensure!(Command::new(&script).status()?.success(), "{} has failed", script.display());
    Ok(())
}

fn print(title: &str, hops: &[Hop], rows: &Rows) {
    println!(
        "| {title} | requests/s | of haproxy | of nginx | p99 ms | of haproxy | of nginx | CPU s per 100,000 | of haproxy | of nginx |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let peer = |name: &str| hops.iter().position(|hop| hop.name == name).map(|i| &rows[i]);
    for (hop, row) in hops.iter().zip(rows) {
        let cells = [(Figures::rate as fn(&Figures) -> f64, 0), (Figures::p99, 2), (Figures::cpu, 2)].map(|(figure, digits)| {
            let own: Vec<f64> = row.iter().map(figure).collect();
            if own.iter().all(|figure| *figure == 0.0) {
                return "- | - | -".to_owned();
            }
            let ratio = |name| {
                let Some(theirs) = peer(name) else { return "-".to_owned() };
                format!("{:.2}", median(own.iter().zip(theirs.iter().map(figure)).map(|(own, theirs)| own / theirs).collect()))
            };
            format!("{} | {} | {}", spread(&own, digits), ratio("haproxy"), ratio("nginx"))
        });
        println!("| {} | {} |", hop.name, cells.join(" | "));
    }
    println!();
}
