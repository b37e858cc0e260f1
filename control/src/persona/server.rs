//! As `toxiproxy-server` it takes that server's flags, its file, its levels of logging and its exit codes.

use super::flags::{self, Given, HELP_REQUESTED, Places, Takes};
use crate::{
    api::{server, toxiproxy},
    cli::variable,
    config::Config,
    control::Manners,
    engine::{Engine, Settings},
    exit::{Exit, Failure},
    log::{Level, Log, Shape},
    say::plain,
    seed, serve,
};
use faultwire_faults::dice::Seed;
use serde_json::json;
use std::time::Duration;

const USAGE: &str = "\
Usage of toxiproxy-server:
  -config string
    \tJSON file containing proxies to create on startup
  -host string
    \tHost for toxiproxy's API to listen on (default \"localhost\")
  -port string
    \tPort for toxiproxy's API to listen on (default \"8474\")
  -proxy-metrics
    \tToxiproxy's two counters of bytes in /metrics, which is always there
  -runtime-metrics
    \taccepted: the measures of the process are always in /metrics
  -seed int
    \tSeed for randomizing toxics with (default: printed at the start)
  -strict
    \trefuse what Toxiproxy ignores: unknown fields, renames, values without sense
  -version
    \tprint version
";

/// What the flags say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flags {
    host: String,
    port: String,
    config: String,
    seed: Option<u64>,
    manners: Manners,
    version: bool,
    help: bool,
}

pub fn main(words: &[String]) -> Exit {
    let flags = match Flags::read(words) {
        Ok(flags) => flags,
        Err(why) => {
            eprintln!("{why}\n{}", USAGE.trim_end());
            return Exit::Child(2);
        }
    };
    if flags.help {
        eprint!("{USAGE}");
        return Exit::Held;
    }
    if flags.version {
        println!("toxiproxy-server version {}", toxiproxy::SPOKEN);
        return Exit::Held;
    }
    run(&flags).unwrap_or_else(|failure| {
        eprintln!("{}", failure.text);
        failure.exit
    })
}

fn run(flags: &Flags) -> Result<Exit, Failure> {
    let mut settings = Settings::new(Seed(flags.seed.unwrap_or_else(seed::fresh)), Config::default());
    settings.manners = flags.manners;
    settings.log = Log { shape: Shape::Stdout, level: level() };
    let mut engine = Engine::start(settings)?;
    let bound = serve::signals(&engine).and_then(|signals| Ok((signals, bind(flags, &engine)?)));
    let (signals, listener) = match bound {
        Ok(bound) => bound,
        Err(failure) => {
            engine.stop(Duration::ZERO);
            return Err(failure);
        }
    };
    engine.block_on(take_file(flags, &engine));
    // Whoever asks finds everything there.
    let address = engine.open_api(listener, &serve::hosts())?;
    let seed = engine.proxies().seed().0;
    let fields =
        json!({ "version": toxiproxy::SPOKEN, "faultwire": env!("CARGO_PKG_VERSION"), "seed": seed, "api": format!("http://{address}") });
    engine.control.journal.record("serve.ready", "Starting Toxiproxy HTTP server", fields);
    serve::until_signal(engine, signals)
}

/// The port of the API comes first: without it nothing is begun.
fn bind(flags: &Flags, engine: &Engine) -> Result<std::net::TcpListener, Failure> {
    let host = if flags.host.contains(':') && !flags.host.starts_with('[') { format!("[{}]", flags.host) } else { flags.host.clone() };
    let text = format!("{host}:{}", flags.port);
    let cannot = |why: String| Failure::new(Exit::Unavailable, format!("error: the API cannot listen on {text}: {why}"));
    let listen = engine.block_on(toxiproxy::resolve(&text)).map_err(cannot)?;
    server::claim(listen.address).map_err(|error| cannot(plain(&error)))
}

/// Takes in the file. What is wrong with it is told, and what could be made of it stays.
async fn take_file(flags: &Flags, engine: &Engine) {
    if flags.config.is_empty() {
        return;
    }
    let control = &engine.control;
    let why = match std::fs::read(&flags.config) {
        Err(error) => Some(format!("Error reading config file: {}: {}", flags.config, plain(&error))),
        Ok(bytes) => match toxiproxy::populate_from(control, &bytes, &mut Vec::new()).await {
            Ok(()) => None,
            Err(refusal) => Some(format!("Failed to populate proxies from file: {}: {}", flags.config, refusal.message)),
        },
    };
    match why {
        Some(why) => control.miss(&flags.config, &why),
        None => {
            control.journal.record("config.taken", format!("Populated proxies from file {}", flags.config), json!({ "file": flags.config }))
        }
    }
}

/// Everything, unless something else is said.
fn level() -> Level {
    let Some(said) = variable("LOG_LEVEL") else { return Level::Debug };
    level_called(&said).unwrap_or_else(|| {
        eprintln!("error: LOG_LEVEL={said} is not a level: everything is logged");
        Level::Debug
    })
}

/// By its name, or by the number that zerolog has for it.
fn level_called(said: &str) -> Option<Level> {
    match said.parse::<i8>() {
        Ok(..=0) => Some(Level::Debug),
        Ok(1) => Some(Level::Info),
        Ok(2) => Some(Level::Warn),
        Ok(3..=5) => Some(Level::Error),
        Ok(6..) => Some(Level::Off),
        Err(_) if said.eq_ignore_ascii_case("disabled") => Some(Level::Off),
        Err(_) => Level::parse(said),
    }
}

impl Flags {
    fn read(words: &[String]) -> Result<Flags, String> {
        let read = flags::read(words, Places::InFront, |name| match name {
            "version" | "runtime-metrics" | "proxy-metrics" | "strict" => Some(Takes::Nothing),
            "host" | "port" | "config" | "seed" => Some(Takes::Text),
            _ => None,
        });
        let (given, help) = match read {
            Err(why) if why == HELP_REQUESTED => (Given::default(), true),
            read => (read?, false),
        };
        let text = |name: &str, usual: &str| given.text(&[name]).unwrap_or(usual).to_owned();
        let seed = given.text(&["seed"]).map(|value| {
            let seed: Result<i64, _> = value.parse();
            seed.map(i64::cast_unsigned).map_err(|_| format!("invalid value {value:?} for flag -seed: parse error"))
        });
        Ok(Flags {
            host: text("host", "localhost"),
            port: text("port", "8474"),
            config: text("config", ""),
            seed: seed.transpose()?,
            manners: Manners { strict: given.is_on(&["strict"]), counters: given.is_on(&["proxy-metrics"]) },
            version: given.is_on(&["version"]),
            help,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, String> {
        Flags::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_as_go_reads_them() {
        let flags = read("-host=0.0.0.0 --port 1 -config=a=b.json -seed -7 --proxy-metrics -runtime-metrics=false").unwrap();
        assert_eq!((flags.host.as_str(), flags.port.as_str(), flags.config.as_str()), ("0.0.0.0", "1", "a=b.json"));
        assert_eq!(flags.seed, Some(u64::MAX - 6));
        assert!(!flags.version && !flags.help);
        assert_eq!(flags.manners, Manners { strict: false, counters: true });
        assert!(read("-strict").unwrap().manners.strict);
        assert_eq!(read("").unwrap().port, "8474");
        assert_eq!(read("-host a word -port 1").unwrap().port, "8474");
        assert!(read("-version").unwrap().version && read("--help").unwrap().help);
        for (line, why) in [
            ("-nope", "flag provided but not defined: -nope"),
            ("-port", "flag needs an argument: -port"),
            ("-seed x", "invalid value \"x\" for flag -seed: parse error"),
            ("---x", "bad flag syntax: ---x"),
        ] {
            assert_eq!(read(line).unwrap_err(), why);
        }
    }

    #[test]
    fn every_level_of_zerolog_is_one() {
        for (said, level) in [
            ("panic", Level::Error),
            ("FATAL", Level::Error),
            ("error", Level::Error),
            ("warn", Level::Warn),
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("trace", Level::Debug),
            ("Disabled", Level::Off),
            ("-1", Level::Debug),
            ("1", Level::Info),
            ("7", Level::Off),
        ] {
            assert_eq!(level_called(said), Some(level), "{said}");
        }
        assert_eq!(level_called("loud"), None);
        assert_eq!(level_called("1000"), None);
    }
}
