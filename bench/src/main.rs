//! Faultwire beside a direct connection, and beside Toxiproxy where it is at hand, in one run. Rounds are interleaved and medians
//! taken over them: machines are noisy, ratios travel.
//!
//!     cargo build --release && cargo run --release -p faultwire-bench
//!     TOXIPROXY=/path/to/toxiproxy-server cargo run --release -p faultwire-bench
//!
//! A word chooses one measure: `streams` for round trips, rates and delays, `toxic` for changes while many connections are open, `http` for
//! requests beside nginx and haproxy, `stream` for messages of long answers. `README.md` beside this crate has methods and figures.

mod hop;
mod http;
mod idle;
mod load;
mod places;
mod stream;
mod toxic;

use anyhow::Result;
use places::Place;
use std::time::Duration;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            streams()?;
            println!();
            toxic::measure()
        }
        ["streams"] => streams(),
        ["toxic"] => toxic::measure(),
        ["http"] => http::measure(),
        ["stream"] => stream::measure(),
        // Ends of connections live in processes of their own, as each may have only so many.
        [idle::ACCEPT] => idle::accept(),
        [idle::HOLD, address, count] => idle::hold(address.parse()?, count.parse()?),
        _ => anyhow::bail!("the measures are `streams`, `toxic`, `http` and `stream`"),
    }
}

/// What was measured at one place: a figure for each round.
struct Row {
    name: &'static str,
    round_trip: Vec<f64>,
    late_p50: Vec<f64>,
    late_p99: Vec<f64>,
    rate: Vec<f64>,
}

fn streams() -> Result<()> {
    let upstream = load::upstream()?;
    let mut places = vec![Place::direct(upstream)];
    for start in places::servers() {
        places.push(start(upstream)?);
    }
    let mut rows: Vec<Row> = places.iter().map(Row::of).collect();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for (place, row) in places.iter().zip(&mut rows) {
            row.round_trip.push(median(load::round_trips(place.plain, 5_000)?));
            row.rate.push(load::download(place.plain, 1 << 30)?);
            if let Some(delayed) = place.delayed {
                let mut late = load::delays(delayed, 10, 200)?;
                late.sort_by(f64::total_cmp);
                row.late_p50.push(late[late.len() / 2]);
                row.late_p99.push(late[late.len() * 99 / 100]);
            }
        }
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[Row]) {
    println!("| | round trip µs | of direct | download MB/s | of direct | 10 ms of latency: late by, p50 µs | p99 µs |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let base = (median(rows[0].round_trip.clone()), median(rows[0].rate.clone()));
    for row in rows {
        let (trip, rate) = (median(row.round_trip.clone()), median(row.rate.clone()));
        let late = |figures: &[f64]| if figures.is_empty() { "-".to_owned() } else { spread(figures, 0) };
        println!(
            "| {} | {} | {:.2} | {} | {:.2} | {} | {} |",
            row.name,
            spread(&row.round_trip, 0),
            trip / base.0,
            spread(&row.rate, 0),
            rate / base.1,
            late(&row.late_p50),
            late(&row.late_p99)
        );
    }
    println!("\nMedians of {ROUNDS} rounds (least to most). Latency: measured less configured, so the round trip is in it.");
}

/// The median, and between what it lies, with so many digits behind the point.
fn spread(figures: &[f64], digits: usize) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(0.0, f64::max);
    format!("{:.digits$} ({least:.digits$} to {most:.digits$})", median(figures.to_vec()))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

impl Row {
    fn of(place: &Place) -> Row {
        Row { name: place.name, round_trip: Vec::new(), late_p50: Vec::new(), late_p99: Vec::new(), rate: Vec::new() }
    }
}

/// What is configured where delays are measured.
pub const LATENCY: Duration = Duration::from_millis(10);
