//! The load: `wrk` for HTTP/1.1, `h2load` for HTTP/2, on one thread each, and what they say about it.

use crate::hop::{Hop, folder};
use anyhow::{Context, Result};
use std::{net::SocketAddr, process::Command};

pub const CONNECTIONS: usize = 64;
pub const TWO_CONNECTIONS: usize = 8;
pub const STREAMS: usize = 32;
const SECONDS: &str = "2";

/// What came of one round.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Requests a second.
    rate: f64,
    /// In milliseconds.
    p99: f64,
    /// Seconds of the proxy's threads for 100,000 requests.
    cpu: f64,
}

impl Figures {
    pub fn rate(&self) -> f64 {
        self.rate
    }

    pub fn p99(&self) -> f64 {
        self.p99
    }

    pub fn cpu(&self) -> f64 {
        self.cpu
    }
}

pub fn one(hop: &Hop) -> Result<Figures> {
    let before = hop.cpu()?;
    let connections = CONNECTIONS.to_string();
    let says = run("wrk", &["--latency", "-t", "1", "-c", &connections, "-d", SECONDS, &url(hop.at.one)])?;
    let cpu = (hop.cpu()? - before).as_secs_f64();
    for trouble in ["Socket errors", "Non-2xx"] {
        anyhow::ensure!(!says.contains(trouble), "{}: {says}", hop.name);
    }
    let word = |behind: &str| says.split(behind).nth(1)?.split_whitespace().next().map(str::to_owned);
    let requests: f64 =
        says.split(" requests in ").next().and_then(|text| text.split_whitespace().last()).context("no requests")?.parse()?;
    Ok(Figures {
        rate: word("Requests/sec:").context("no rate")?.parse()?,
        p99: milliseconds(&word("99%").context("no p99")?)?,
        cpu: cpu / requests * 1e5,
    })
}

/// Twice: h2load knows percentiles only from a log of all requests, and to write it takes as long as to ask. So the second time is about them
/// alone, under somewhat less load.
pub fn two(hop: &Hop) -> Result<Figures> {
    let before = hop.cpu()?;
    let says = h2load(hop.at.two, &[])?;
    let cpu = (hop.cpu()? - before).as_secs_f64();
    let (rate, requests) = counted(&says).with_context(|| format!("{}: {says}", hop.name))?;
    let folder = folder("h2load")?;
    let log = folder.join("log");
    let logged = h2load(hop.at.two, &["--log-file", &log.to_string_lossy()])?;
    counted(&logged).with_context(|| format!("{}: {logged}", hop.name))?;
    let lines = std::fs::read_to_string(&log)?;
    std::fs::remove_dir_all(folder)?;
    // Each line says when it began, its status, and how many microseconds it took.
    let mut times = Vec::new();
    for line in lines.lines() {
        let [_, status, took] = line.split('\t').collect::<Vec<_>>()[..] else { anyhow::bail!("in the log of h2load: {line}") };
        anyhow::ensure!(status == "200", "{}: a request got {status}", hop.name);
        times.push(took.parse::<u64>()?);
    }
    times.sort_unstable();
    let p99 = *times.get(times.len() * 99 / 100).context("nothing was asked")? as f64 / 1e3;
    Ok(Figures { rate, p99, cpu: cpu / requests * 1e5 })
}

fn h2load(to: SocketAddr, more: &[&str]) -> Result<String> {
    let (connections, streams) = (TWO_CONNECTIONS.to_string(), STREAMS.to_string());
    run("h2load", &[&["-t", "1", "-c", &connections, "-m", &streams, "-D", SECONDS], more, &[&url(to)]].concat())
}

/// Requests a second, and all of them, none of which has failed.
fn counted(says: &str) -> Option<(f64, f64)> {
    let rate = says.split(" req/s").next()?.split_whitespace().last()?.parse().ok()?;
    let line = says.lines().find(|line| line.starts_with("requests: "))?;
    let count = |name: &str| line.split(name).next()?.split_whitespace().last()?.parse::<u64>().ok();
    (count(" failed")? == 0 && count(" errored")? == 0).then_some(())?;
    Some((rate, count(" succeeded")? as f64))
}

/// As wrk writes lengths of time.
fn milliseconds(text: &str) -> Result<f64> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let number: f64 = text[..text.len() - unit.len()].parse()?;
    Ok(match unit {
        "us" => number / 1e3,
        "ms" => number,
        "s" => number * 1e3,
        _ => anyhow::bail!("{text} is no length of time"),
    })
}

fn url(to: SocketAddr) -> String {
    format!("http://{to}/")
}

fn run(program: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program).args(words).output().with_context(|| format!("cannot start {program}"))?;
    let says = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(output.status.success(), "{program}: {says}{}", String::from_utf8_lossy(&output.stderr));
    Ok(says)
}
