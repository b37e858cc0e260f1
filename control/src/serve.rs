//! `faultwire serve`: the proxies and the API, until a signal ends them. It owns the signals and what is said at the start.

use crate::{
    cli::{ServeArgs, variable},
    config::{Config, Origin, USUAL_FILE, listen_address},
    control::{Control, Manners},
    engine::{Engine, Settings},
    exit::{Exit, Failure},
    log::{Level, Log, Shape},
    say::{Say, columns},
    seed, watch,
};
use faultwire_faults::dice::Seed;
use faultwire_proxy::proxies::{Heal, Proxies};
use serde_json::json;
use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
enum Asked {
    End(u8),
    Reload,
    Heal,
    TellState,
}

/// The signals that a process gets from those who run it.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user1: Signal,
    user2: Signal,
}

/// What somebody relies on and this version does not do is refused, and never ignored.
fn refuse_later_variables() -> Result<(), Failure> {
    let later = [
        ("FAULTWIRE_TOKEN", "the API would be open all the same"),
        ("FAULTWIRE_TOKEN_READ", "the API would be open all the same"),
        ("FAULTWIRE_HEALTH", "health is told where the API listens"),
    ];
    match later.iter().find(|(name, _)| variable(name).is_some()) {
        None => Ok(()),
        Some((name, why)) => Err(Failure::usage(format!("error: {name} is set, and comes with a later version: {why}\nhelp: unset it"))),
    }
}

pub fn main(args: &ServeArgs, say: &Say) -> Result<Exit, Failure> {
    let begun = Instant::now();
    refuse_later_variables()?;
    let log = log(args, say);
    let origin = Origin { paths: paths(args), bind: args.bind.clone() };
    let config = origin.load(say.colored())?;
    if !config.warnings.is_empty() {
        say.talk(config.warnings.trim_end());
    }
    let seed = Seed(args.seed.or(config.seed).unwrap_or_else(seed::fresh));
    let engine = Engine::start(Settings {
        api: Some(listen_address(&args.api)?),
        hosts: hosts(),
        bind: args.bind.clone(),
        manners: Manners { strict: args.strict_toxics, counters: false },
        journal: args.journal.clone(),
        // People see a picture first, and then what happens.
        log: if log.shape == Shape::Text { Log::silent() } else { log },
        ..Settings::new(seed, config.clone())
    })?;
    let mut signals = signals(&engine)?;
    engine.block_on(introduce(&engine, &config, begun.elapsed(), log, say));
    let watcher = watch::Watcher::new(origin, config, engine.control.clone());
    let ended_by = engine.block_on(serve(&engine, watcher, args.watch, &mut signals));
    end(engine, &mut signals, ended_by, args.grace.duration())
}

/// The signals of this process, from now on.
pub fn signals(engine: &Engine) -> Result<Signals, Failure> {
    engine.block_on(async { Signals::listen() }).map_err(|error| Failure::new(Exit::Unavailable, format!("error: {error}")))
}

/// Serves what is there, without a file, until a signal ends it and everything with it.
pub fn until_signal(engine: Engine, mut signals: Signals) -> Result<Exit, Failure> {
    let control = engine.control.clone();
    let ended_by = engine.block_on(async {
        loop {
            match signals.next().await {
                Asked::End(signal) => break signal,
                Asked::Reload => {}
                Asked::TellState => control.tell_state().await,
                Asked::Heal => heal_all(&control).await,
            }
        }
    });
    end(engine, &mut signals, ended_by, Duration::ZERO)
}

fn end(engine: Engine, signals: &mut Signals, ended_by: u8, grace: Duration) -> Result<Exit, Failure> {
    engine.control.journal.record(
        "serve.stopping",
        format!("{} came: healing, then ending connections", name_of(ended_by)),
        json!({ "signal": ended_by }),
    );
    match engine.stop_unless(grace, signals.end()) {
        None => Ok(Exit::Held),
        Some(signal) => Ok(Exit::Signal(signal)),
    }
}

/// Serves until a signal ends it; says which one.
async fn serve(engine: &Engine, watcher: watch::Watcher, watches: bool, signals: &mut Signals) -> u8 {
    let watcher = Arc::new(watcher);
    let eye = if watches { Some(watch::Eye::open(watcher.clone(), &engine.scope())) } else { None };
    let control = engine.control.clone();
    let ended_by = loop {
        match signals.next().await {
            Asked::End(signal) => break signal,
            Asked::Reload => watcher.reload("SIGHUP").await,
            Asked::TellState => control.tell_state().await,
            Asked::Heal => heal_all(&control).await,
        }
    };
    drop(eye);
    ended_by
}

async fn heal_all(control: &Control) {
    let (healed, generation) = control.heal(&Heal::default()).await;
    let names: Vec<String> = healed.into_iter().map(|fault| fault.name).collect();
    control.journal.record(
        "order",
        format!("SIGUSR1 healed everything: {}", names.join(", ")),
        json!({ "who": "SIGUSR1", "healed": names, "generation": generation }),
    );
}

impl Signals {
    fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Asked {
        let end = |kind: SignalKind| Asked::End(kind.as_raw_value() as u8);
        tokio::select! {
            _ = self.terminate.recv() => end(SignalKind::terminate()),
            _ = self.interrupt.recv() => end(SignalKind::interrupt()),
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.user1.recv() => Asked::Heal,
            _ = self.user2.recv() => Asked::TellState,
        }
    }

    /// The next signal that wants it to end.
    async fn end(&mut self) -> u8 {
        loop {
            if let Asked::End(signal) = self.next().await {
                return signal;
            }
        }
    }
}

fn name_of(signal: u8) -> &'static str {
    if signal == SignalKind::interrupt().as_raw_value() as u8 { "SIGINT" } else { "SIGTERM" }
}

/// What is named; else what the environment names; else the usual file, if it is there.
fn paths(args: &ServeArgs) -> Vec<PathBuf> {
    if !args.files.is_empty() {
        return args.files.clone();
    }
    match variable("FAULTWIRE_CONFIG") {
        Some(path) => vec![path.into()],
        None => Some(PathBuf::from(USUAL_FILE)).filter(|path| path.exists()).into_iter().collect(),
    }
}

pub fn hosts() -> Vec<String> {
    let said = variable("FAULTWIRE_HOSTS").unwrap_or_default();
    said.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

fn log(args: &ServeArgs, say: &Say) -> Log {
    let usual = if io::stderr().is_terminal() { Shape::Text } else { Shape::Json };
    let said = variable("LOG_LEVEL").and_then(|level| Level::parse(&level)).unwrap_or(Level::Info);
    let level = match (say.quiet, say.verbose) {
        (true, _) => Level::Warn,
        (_, 0) => said,
        _ => Level::Debug,
    };
    Log { shape: args.log.unwrap_or(usual), level }
}

/// What there is now: for people as a picture, for machines as a line.
async fn introduce(engine: &Engine, config: &Config, took: Duration, log: Log, say: &Say) {
    let Some(api) = engine.api else { return };
    let seed = engine.proxies().seed().0;
    let open = !api.ip().is_loopback();
    let proxies: Vec<_> = engine
        .proxies()
        .proxies()
        .await
        .iter()
        .map(|proxy| json!({ "name": proxy.link.name, "listen": proxy.address.to_string(), "upstream": proxy.link.upstream.to_string() }))
        .collect();
    let msg = format!("ready in {} ms: API at http://{api}, seed {seed}", took.as_millis());
    let fields = json!({ "version": env!("CARGO_PKG_VERSION"), "seed": seed, "api": format!("http://{api}"), "file": config.name, "proxies": proxies, "faults": config.faults.len() });
    engine.control.journal.record("serve.ready", msg, fields);
    if log.shape == Shape::Text {
        if !say.quiet {
            picture(engine.proxies(), config, seed, api, took, say).await;
        }
        engine.control.journal.speak(log);
    } else if open {
        engine.control.journal.record("api.open", open_to_all(api), json!({ "api": api.to_string() }));
    }
}

async fn picture(proxies: &Proxies, config: &Config, seed: u64, api: SocketAddr, took: Duration, say: &Say) {
    let file = if config.name.is_empty() { "no file" } else { &config.name };
    say.talk(format!("faultwire {}   {file}   seed {seed}\n", env!("CARGO_PKG_VERSION")));
    let faults = proxies.faults().await;
    let mut rows = Vec::new();
    for proxy in proxies.proxies().await {
        let on = faults.iter().filter(|fault| fault.proxies.contains(&proxy.link.name));
        let words: Vec<String> =
            on.map(|fault| format!("{}{}", fault.describe(), if fault.fault.enabled { "" } else { " (off)" })).collect();
        let words = if proxy.link.enabled { words.join("; ") } else { "refuses: enabled is false".to_owned() };
        rows.push(vec![format!("  {}", proxy.link.name), format!("{} -> {}", proxy.address, proxy.link.leads_to()), words]);
    }
    columns(&rows).iter().for_each(|line| say.talk(line));
    if rows.is_empty() {
        say.talk("  no proxies yet: name a file, or PUT /v1/proxies/NAME");
    }
    say.talk(format!("\n  API  http://{api}"));
    if !api.ip().is_loopback() {
        say.talk(format!("  {}", open_to_all(api)));
    }
    say.talk(format!("  ready in {} ms. Ctrl-C heals everything and stops.", took.as_millis()));
}

fn open_to_all(api: SocketAddr) -> String {
    format!("whoever reaches {api} may break the network here: the API asks for no password")
}
