//! Under another name the program has another's manners: as `toxiproxy` or `toxiproxy-server` it takes that server's flags, its file and
//! its exit codes. What it does then is what it always does.

use crate::{
    api::{server, toxiproxy},
    cli::variable,
    config::Config,
    engine::{Engine, Settings},
    exit::{Exit, Failure},
    log::{Level, Log, Shape},
    say::plain,
    seed, serve,
};
use faultwire_faults::dice::Seed;
use serde_json::json;
use std::{ffi::OsString, path::Path, time::Duration};

const USAGE: &str = "\
Usage of toxiproxy-server:
  -config string
    \tJSON file containing proxies to create on startup
  -host string
    \tHost for toxiproxy's API to listen on (default \"localhost\")
  -port string
    \tPort for toxiproxy's API to listen on (default \"8474\")
  -proxy-metrics
    \taccepted: /metrics is always there, with bytes by proxy and direction
  -runtime-metrics
    \taccepted: /metrics is always there
  -seed int
    \tSeed for randomizing toxics with (default: printed at the start)
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
    version: bool,
    help: bool,
}

/// Acts as that server if the program was started under its name.
pub fn main() -> Option<Exit> {
    let mut words = std::env::args_os();
    let own = words.next()?;
    let name = Path::new(&own).file_name()?.to_str()?;
    if !["toxiproxy", "toxiproxy-server"].contains(&name) {
        return None;
    }
    let flags = match Flags::read(words) {
        Ok(flags) => flags,
        Err(why) => {
            eprintln!("{why}\n{}", USAGE.trim_end());
            return Some(Exit::Child(2));
        }
    };
    if flags.help {
        eprint!("{USAGE}");
        return Some(Exit::Held);
    }
    if flags.version {
        println!("toxiproxy-server version {}", toxiproxy::SPOKEN);
        return Some(Exit::Held);
    }
    Some(run(&flags).unwrap_or_else(|failure| {
        eprintln!("{}", failure.text);
        failure.exit
    }))
}

fn run(flags: &Flags) -> Result<Exit, Failure> {
    let mut settings = Settings::new(Seed(flags.seed.unwrap_or_else(seed::fresh)), Config::default());
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
    Level::parse(&said).unwrap_or_else(|| {
        eprintln!("error: LOG_LEVEL={said} is not a level: everything is logged");
        Level::Debug
    })
}

impl Flags {
    /// As Go's `flag` reads them: one dash or two, `-x v` or `-x=v`, up to the first word that is none.
    fn read(words: impl Iterator<Item = OsString>) -> Result<Flags, String> {
        let mut flags =
            Flags { host: "localhost".into(), port: "8474".into(), config: String::new(), seed: None, version: false, help: false };
        let mut words = words.map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            if word == "--" || word == "-" || !word.starts_with('-') {
                break;
            }
            let bare = word.strip_prefix("--").or(word.strip_prefix('-')).unwrap_or_default();
            let (name, inline) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value.to_owned())));
            if name.is_empty() || name.starts_with('-') {
                return Err(format!("bad flag syntax: {word}"));
            }
            let switch = |value: &Option<String>| match value.as_deref() {
                None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
                Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
                Some(other) => Err(format!("invalid boolean value \"{other}\" for -{name}: parse error")),
            };
            match name {
                "h" | "help" => flags.help = true,
                "version" => flags.version = switch(&inline)?,
                "runtime-metrics" | "proxy-metrics" => drop(switch(&inline)?),
                "host" | "port" | "config" | "seed" => {
                    let value = inline.or_else(|| words.next()).ok_or_else(|| format!("flag needs an argument: -{name}"))?;
                    match name {
                        "host" => flags.host = value,
                        "port" => flags.port = value,
                        "config" => flags.config = value,
                        _ => {
                            let seed: i64 = value.parse().map_err(|_| format!("invalid value \"{value}\" for flag -seed: parse error"))?;
                            flags.seed = Some(seed.cast_unsigned());
                        }
                    }
                }
                _ => return Err(format!("flag provided but not defined: -{name}")),
            }
        }
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, String> {
        Flags::read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn flags_as_go_reads_them() {
        let flags = read("-host=0.0.0.0 --port 1 -config=a=b.json -seed -7 --proxy-metrics -runtime-metrics=false").unwrap();
        assert_eq!((flags.host.as_str(), flags.port.as_str(), flags.config.as_str()), ("0.0.0.0", "1", "a=b.json"));
        assert_eq!(flags.seed, Some(u64::MAX - 6));
        assert!(!flags.version && !flags.help);
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
}
