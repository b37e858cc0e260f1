//! `faultwire demo`: the whole loop in some seconds, on an upstream and a client of its own. Nothing in it is made up:
//! real sockets, the same engine as `serve`, and numbers that the client has measured.

use crate::{
    config::Config,
    engine::{Engine, Settings},
    exit::{Exit, Failure},
    say::{Say, count as counted},
};
use faultwire_faults::{dice::Seed, fault::Fault, node::Node, plan::Owner, protocol::Protocol};
use faultwire_proxy::{
    dial::Upstream,
    proxies::{Heal, Link, Proxies},
    tasks::Scope,
};
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// What the client waits for an answer, as clients do.
const PATIENCE: Duration = Duration::from_millis(300);
/// And how often it tries again.
const RETRIES: usize = 2;
const REQUESTS: usize = 12;
const QUESTION: &[u8] = b"price of a cup of tea?\n";
const ANSWER: &[u8] = b"3.20\n";

/// One thing that goes wrong, and what the demo says of it.
struct Act {
    title: &'static str,
    fault: Value,
    /// As it would be typed.
    typed: &'static str,
}

/// What the client has seen of a number of requests.
#[derive(Default)]
struct Seen {
    well: usize,
    attempts: usize,
    times: Vec<Duration>,
    last_error: Option<String>,
}

pub fn main(seed: Option<u64>, say: &Say) -> Result<Exit, Failure> {
    let seed = Seed(seed.unwrap_or_else(crate::seed::fresh));
    let engine = Engine::start(Settings::new(seed, Config::default()))?;
    let verdict = engine.block_on(play(&engine, seed, say));
    engine.stop(Duration::from_millis(200));
    verdict
}

async fn play(engine: &Engine, seed: Seed, say: &Say) -> Result<Exit, Failure> {
    let scope = engine.scope();
    let upstream = shop(&scope).await.map_err(unable)?;
    let proxies = engine.proxies();
    let link = Link {
        name: "shop".to_owned(),
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        upstream: Upstream { host: upstream.ip().to_string(), port: upstream.port() },
        from: None,
        to: None,
        enabled: true,
        speaks: Protocol::Tcp,
        asleep: None,
    };
    proxies.put_proxy(link).await.map_err(|error| Failure::new(Exit::Unavailable, format!("error: {error}")))?;
    let Some(view) = proxies.proxy("shop").await else { return Err(unable(io::ErrorKind::NotFound.into())) };

    say.data("Faultwire stands between a client and a server and breaks the network between them, on purpose.");
    say.data(format!("Here is a small shop at {upstream}, and a proxy in front of it:\n"));
    say.data(format!("  shop   {} -> {upstream}     seed {}\n", view.address, seed.0));
    say.data(format!(
        "A client asks {REQUESTS} times. It waits {} ms for an answer and tries again {RETRIES} times.\n",
        PATIENCE.as_millis()
    ));

    let before = ask_often(view.address).await;
    say.data(line("nothing is wrong", &before));
    let mut unfelt = Vec::new();
    for act in acts() {
        let hits = perform(proxies, &act, view.address, say).await?;
        if hits == 0 {
            unfelt.push(act.title);
        }
    }
    let (recovery, after) = recover(proxies, view.address).await;
    say.data("\n  $ faultwire heal");
    say.data(line("healed", &after));
    Ok(conclude(&before, &after, recovery, &unfelt, say))
}

fn acts() -> [Act; 4] {
    [
        Act { title: "every answer 100 ms late", fault: json!({"latency": "100ms"}), typed: "faultwire inject shop latency=100ms" },
        Act {
            title: "a reset for half of the connections",
            fault: json!({"reset": true, "probability": "50%"}),
            typed: "faultwire inject shop reset=true probability=50%",
        },
        Act {
            title: "silence for one in four",
            fault: json!({"blackhole": true, "every": 4}),
            typed: "faultwire inject shop blackhole=true every=4",
        },
        Act { title: "the port refuses", fault: json!({"down": true}), typed: "faultwire inject shop down=true" },
    ]
}

/// Switches a fault on, lets the client ask, heals it; says how often it was hit.
async fn perform(proxies: &Proxies, act: &Act, address: SocketAddr, say: &Say) -> Result<u64, Failure> {
    say.data(format!("\n  $ {}", act.typed));
    let mut written = act.fault.clone();
    written["proxy"] = "shop".into();
    let bug = |what: String| Failure::new(Exit::Bug, format!("error: the demo's own fault was refused: {what}"));
    let fault = Fault::read(&Node::from_json(&written)).map_err(|complaints| bug(format!("{complaints:?}")))?;
    // One connection is open when the fault comes: those are subject to it as well.
    let open = TcpStream::connect(address).await.map_err(unable)?;
    let resets = crate::run::resets_sent();
    proxies.put_fault(Owner::Api, None, fault, None).await.map_err(|error| bug(error.to_string()))?;
    let seen = ask_often(address).await;
    drop(open);
    let (healed, _) = proxies.heal(&Heal::default()).await;
    let hits: u64 = healed.iter().map(|fault| fault.counts.hits).sum();
    say.data(line(act.title, &seen));
    let refused =
        resets.zip(crate::run::resets_sent()).map(|(before, after)| after.saturating_sub(before)).filter(|_| act.fault["down"] == true);
    let hit = match refused {
        Some(count) => format!("cut {}, refused at most {}", counted(hits as usize, "open connection"), counted(count as usize, "connect")),
        None => format!("hit {hits} of {}", counted(healed.iter().map(|fault| fault.counts.matched).sum::<u64>() as usize, "connection")),
    };
    say.data(format!("  {:<38} {hit}", ""));
    Ok(hits)
}

/// Heals all, and measures until the first request that goes well at once.
async fn recover(proxies: &Proxies, address: SocketAddr) -> (Option<Duration>, Seen) {
    proxies.heal(&Heal::default()).await;
    let start = Instant::now();
    let mut recovery = None;
    while recovery.is_none() && start.elapsed() < Duration::from_secs(5) {
        if ask(address).await.is_ok() {
            recovery = Some(start.elapsed());
        }
    }
    (recovery, ask_often(address).await)
}

fn conclude(before: &Seen, after: &Seen, recovery: Option<Duration>, unfelt: &[&str], say: &Say) -> Exit {
    let steady = |seen: &Seen| seen.well == REQUESTS;
    let (verdict, exit) = match recovery {
        _ if !steady(before) => ("not steady: the shop did not answer before anything was broken", Exit::NotSteady),
        _ if !unfelt.is_empty() => ("inconclusive: not every fault was felt", Exit::Inconclusive),
        Some(_) if steady(after) => ("held: every fault was felt, and after healing all is as it was", Exit::Held),
        _ => ("failed: the shop did not come back", Exit::Failed),
    };
    for title in unfelt {
        say.data(format!("  never felt: {title}"));
    }
    let recovery = recovery.map_or_else(|| "never".to_owned(), |time| format!("after {} ms", tenths(time)));
    say.data(format!("\n  recovered {recovery}"));
    say.data(format!("  verdict   {verdict}\n"));
    say.data("Next: a command of your own, with a fault between it and what it needs:");
    say.data("  faultwire run --wrap REDIS_URL --inject \"redis latency=2s\" -- your-test-command");
    exit
}

fn line(title: &str, seen: &Seen) -> String {
    let mut times = seen.times.clone();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    let retries = seen.attempts - REQUESTS.min(seen.attempts);
    let mut text =
        format!("  {title:<38} {:>2} of {REQUESTS} answered, median {} ms, slowest {} ms", seen.well, tenths(median), tenths(slowest));
    if retries > 0 {
        text += &format!(", {}", counted(retries, "retry"));
    }
    if let Some(error) = &seen.last_error {
        text += &format!(" ({error})");
    }
    text
}

fn tenths(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

/// The client: a few requests, one after the other, with retries.
async fn ask_often(address: SocketAddr) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..REQUESTS {
        let start = Instant::now();
        for _ in 0..=RETRIES {
            seen.attempts += 1;
            match ask(address).await {
                Ok(()) => {
                    seen.well += 1;
                    break;
                }
                Err(error) => seen.last_error = Some(error),
            }
        }
        seen.times.push(start.elapsed());
    }
    seen
}

async fn ask(address: SocketAddr) -> Result<(), String> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(QUESTION).await?;
        let mut answer = [0; ANSWER.len()];
        stream.read_exact(&mut answer).await?;
        if answer == *ANSWER { Ok(()) } else { Err(io::Error::other("another answer")) }
    };
    match timeout(PATIENCE, exchange).await {
        Err(_) => Err("no answer in time".to_owned()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Err("connection reset".to_owned()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err("connection refused".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(())) => Ok(()),
    }
}

/// The upstream: answers every line with the price.
async fn shop(scope: &Scope) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let own = scope.clone();
    scope.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            own.spawn(async move {
                let mut buffer = [0; 1024];
                while let Ok(n) = stream.read(&mut buffer).await {
                    let answers = buffer[..n].iter().filter(|byte| **byte == b'\n').count();
                    if n == 0 || stream.write_all(&ANSWER.repeat(answers)).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

fn unable(error: io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("error: the demo cannot use the loopback network: {error}"))
}
