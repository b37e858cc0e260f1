//! The command line: what may be said, and which verb hears it. What a verb does stands in its own file.

use crate::{
    config::{Origin, USUAL_FILE},
    demo,
    exit::{Exit, Failure},
    log::Shape,
    run,
    say::{Color, Say, count},
    serve, verbs,
};
use clap::{ArgAction, CommandFactory, Parser, Subcommand, error::ErrorKind};
use faultwire_faults::units::Span;
use std::{ffi::OsString, path::PathBuf};

const USUAL_URL: &str = "http://localhost:8474";

/// Verbs in groups, as people look for them. A test holds it complete.
const GROUPS: &str = "\
Run
  run         Run a command with faults between it and its dependencies
  serve       Run the proxies and the API
  demo        See the whole loop in a few seconds, without any set-up

Write
  init        Write a first faultwire.yaml, from a compose file if there is one
  check       Find mistakes in scenario files
  plan        Show what a scenario will do, and when
  import      Turn Toxiproxy's file into a scenario
  library     Ready scenarios, to run by name or to copy from

Act on a running Faultwire
  status      Proxies, faults, and what they have done
  inject      Start a fault
  heal        Stop faults
  await       Wait until a condition holds

Watch
  tap         Print events as they happen

More
  explain     Explain a fault, a key, a measure or an error code
  ready       Exit 0 when Faultwire is ready (for health checks)
  schema      Print the JSON Schema of scenarios
  completions Print what makes a shell complete these words
  man         Print a page of the manual
  version, help
";

const TEMPLATE: &str = "{about}\n\nUsage: faultwire <COMMAND>{after-help}\nOptions:\n{options}\n";
/// Of a verb: what it does and examples come first.
const VERB: &str = "{about}{after-help}\n\n{usage-heading} {usage}\n\n{all-args}\n";

#[derive(Parser, Debug)]
#[command(name = "faultwire", version, about = "Make the network between your services go wrong, on purpose.")]
#[command(help_template = TEMPLATE, after_help = GROUPS, after_long_help = GROUPS)]
struct Cli {
    /// The running Faultwire [env: FAULTWIRE_URL, TOXIPROXY_URL] [default: http://localhost:8474]
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    url: Option<String>,
    /// Data as JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// No talk but errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    quiet: bool,
    /// More talk
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    verbose: u8,
    /// Colours in diagnostics
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    color: Color,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Run a command with faults between it and its dependencies
    #[command(help_template = VERB, after_help = "Examples:
  faultwire run --wrap REDIS_URL --inject \"redis latency=2s\" -- pytest
  faultwire run --wrap auto --inject \"database down=true\" -- npm test
  faultwire run faultwire.yaml -- go test ./...
  faultwire run slow-database --wrap DATABASE_URL -- go test ./...")]
    Run(RunArgs),
    /// Run the proxies and the API
    #[command(help_template = VERB, after_help = "Examples:
  faultwire serve
  faultwire serve faultwire.yaml --watch
  faultwire serve cable-cut
  faultwire serve --api 0.0.0.0:8474 --bind 0.0.0.0 /etc/faultwire")]
    Serve(ServeArgs),
    /// See the whole loop in a few seconds, without any set-up
    Demo {
        /// Repeat the dice of an earlier run
        #[arg(long, value_name = "N", value_parser = seed)]
        seed: Option<u64>,
    },
    /// Write a first faultwire.yaml, from a compose file if there is one
    #[command(help_template = VERB, after_help = "Examples:
  faultwire init
  faultwire init deploy/compose.yaml .env")]
    Init {
        /// Compose files, `.env` files, or the folder they are in [default: what is in this folder]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Find mistakes in scenario files
    #[command(help_template = VERB, after_help = "Examples:
  faultwire check
  faultwire check --fix scenarios/
  faultwire check --format sarif > faultwire.sarif")]
    Check(verbs::check::Wanted),
    /// Show what a scenario will do, and when
    #[command(help_template = VERB, after_help = "Examples:
  faultwire plan
  faultwire plan game-day.yaml
  faultwire plan faultwire.yaml --against http://staging:8474
  faultwire plan slow --yaml

It changes nothing. What comes with a later version is planned as well, with a note; it ends with 65 then, as `check` does.
With --against it ends with 0, whether there are differences or not.")]
    Plan(verbs::plan::Wanted),
    /// Turn Toxiproxy's file into a scenario
    #[command(help_template = VERB, after_help = "Examples:
  faultwire import toxiproxy.json > faultwire.yaml
  curl -s localhost:8474/proxies | faultwire import - -o faultwire.yaml")]
    Import {
        /// Toxiproxy's configuration, or what its `GET /proxies` answers; `-` is the standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Write it there, unless something is there [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Ready scenarios, to run by name or to copy from
    #[command(help_template = VERB, after_help = "Examples:
  faultwire library
  faultwire run cable-cut --wrap DATABASE_URL -- go test ./...
  faultwire library cable-cut > faultwire.yaml")]
    Library {
        /// Print this one
        name: Option<String>,
    },
    /// Proxies, faults, and what they have done
    Status,
    /// Start a fault
    #[command(help_template = VERB, after_help = "Examples:
  faultwire inject redis latency=2s probability=20%
  faultwire inject redis down=true --for 30s
  faultwire inject db-down")]
    Inject {
        /// `PROXY KEY=VALUE ...`, or the name of a fault that is there
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// Heals by itself after this time, or `ever` [default: 15m]
        #[arg(long = "for", value_name = "DURATION|ever")]
        lasts: Option<String>,
    },
    /// Stop faults
    Heal {
        /// These only
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Wait until a condition holds
    #[command(help_template = VERB, after_help = "Example:
  faultwire await \"hits(redis-slow) >= 3\" --timeout 5s

Measures: hits(FAULT), seen(FAULT), matched(FAULT), connections(PROXY), bytes(PROXY)")]
    Await {
        /// Such as `hits(redis-slow) >= 3`
        condition: String,
        /// Give up after this time, and exit 124
        #[arg(long, value_name = "DURATION", default_value = "5s")]
        timeout: String,
    },
    /// Print events as they happen
    Tap {
        /// Of this proxy only; `*` is anything
        proxy: Option<String>,
        /// Hits of faults only
        #[arg(long)]
        hits: bool,
        /// Events of these types only, such as `fault.*,proxy.down`
        #[arg(long, value_name = "TYPES", conflicts_with = "hits")]
        types: Option<String>,
    },
    /// Explain a fault, a key, a measure or an error code
    Explain {
        /// Such as `latency`, `probability`, `steady_state`, `p95`, `slow-4g`, `E0201`
        word: Option<String>,
    },
    /// Exit 0 when Faultwire is ready (for health checks)
    Ready {
        /// Wait for it so long
        #[arg(long, value_name = "DURATION")]
        wait: Option<String>,
    },
    /// Print the JSON Schema of scenarios
    #[command(help_template = VERB, after_help = "Example:
  faultwire schema > scenario.schema.json

With `# yaml-language-server: $schema=scenario.schema.json` as its first line, editors complete and explain a scenario.")]
    Schema,
    /// Print what makes a shell complete these words
    #[command(help_template = VERB, after_help = "Examples:
  faultwire completions bash > ~/.local/share/bash-completion/completions/faultwire
  faultwire completions zsh > ~/.zfunc/_faultwire
  faultwire completions fish > ~/.config/fish/completions/faultwire.fish")]
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print a page of the manual
    #[command(help_template = VERB, after_help = "Examples:
  faultwire man | man -l -
  faultwire man run > /usr/local/share/man/man1/faultwire-run.1")]
    Man {
        /// Of this verb; without it, of the whole
        verb: Option<String>,
    },
    /// Print the version
    Version,
}

#[derive(clap::Args, Debug)]
struct RunArgs {
    /// A proxy in front of the address this variable holds; the command sees the proxy's. `auto`: every variable that holds one
    #[arg(short, long, value_name = "[NAME=]VAR|auto")]
    wrap: Vec<String>,
    /// Start with this fault: `PROXY KEY=VALUE ...`, or the name of a fault of the file
    #[arg(short, long, value_name = "FAULT")]
    inject: Vec<String>,
    /// Repeat the dice of an earlier run
    #[arg(long, value_name = "N", env = "FAULTWIRE_SEED", value_parser = seed, hide_env_values = true)]
    seed: Option<u64>,
    /// End the command after this time, and exit 124
    #[arg(long, value_name = "DURATION", value_parser = span)]
    timeout: Option<Span>,
    /// Exit 0 instead of 98 when a fault was never hit
    #[arg(long)]
    allow_inconclusive: bool,
    /// The journal goes into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The journal goes into this file
    #[arg(long, value_name = "FILE", conflicts_with = "report")]
    journal: Option<PathBuf>,
    /// Scenario files, or names of ready scenarios
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(clap::Args, Debug)]
pub struct ServeArgs {
    /// Scenario files or folders, or names of ready scenarios [env: FAULTWIRE_CONFIG] [default: faultwire.yaml if it is there]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the API listens
    #[arg(long, value_name = "HOST:PORT", env = "FAULTWIRE_API", default_value = "127.0.0.1:8474", hide_env_values = true)]
    pub api: String,
    /// Where proxies listen that name no host
    #[arg(long, value_name = "HOST", env = "FAULTWIRE_BIND", default_value = "127.0.0.1", hide_env_values = true)]
    pub bind: String,
    /// Repeat the dice of an earlier run
    #[arg(long, value_name = "N", env = "FAULTWIRE_SEED", value_parser = seed, hide_env_values = true)]
    pub seed: Option<u64>,
    /// Append everything that happens to this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Take in the files when they change
    #[arg(long, env = "FAULTWIRE_WATCH", value_parser = clap::builder::BoolishValueParser::new(), hide_env_values = true)]
    pub watch: bool,
    /// Shape of the log [default: text on a terminal, json elsewhere]
    #[arg(long, value_enum, env = "FAULTWIRE_LOG", hide_env_values = true)]
    pub log: Option<Shape>,
    /// On Toxiproxy's API: refuse what Toxiproxy would ignore
    #[arg(long, env = "FAULTWIRE_STRICT_TOXICS", value_parser = clap::builder::BoolishValueParser::new(), hide_env_values = true)]
    pub strict_toxics: bool,
    /// How long connections may take to finish when it stops
    #[arg(long, value_name = "DURATION", env = "FAULTWIRE_GRACE", default_value = "5s", value_parser = span, hide_env_values = true)]
    pub grace: Span,
}

/// Hears the command line and does what it says.
pub fn main() -> Exit {
    if let Some(exit) = crate::persona::main() {
        return exit;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error),
    };
    let say = Say { json: cli.json, quiet: cli.quiet, verbose: cli.verbose, color: cli.color };
    let Some(verb) = cli.verb else {
        introduce(&say);
        return Exit::Held;
    };
    let named = cli.url.or_else(|| variable("FAULTWIRE_URL")).or_else(|| variable("TOXIPROXY_URL"));
    // In its own container the address of the API is told by the variable that `serve` reads.
    let url = named.or_else(|| variable("FAULTWIRE_API").map(|api| near(&api))).unwrap_or_else(|| USUAL_URL.to_owned());
    match hear(verb, &url, &say) {
        Ok(exit) => exit,
        Err(failure) => {
            say.error(&failure.text);
            failure.exit
        }
    }
}

/// How an address that is listened on is reached from the same machine.
fn near(api: &str) -> String {
    match api.rsplit_once(':') {
        Some((host, port)) if !matches!(host, "" | "0.0.0.0" | "[::]") => format!("http://{host}:{port}"),
        Some((_, port)) => format!("http://127.0.0.1:{port}"),
        None => format!("http://127.0.0.1:{api}"),
    }
}

fn hear(verb: Verb, url: &str, say: &Say) -> Result<Exit, Failure> {
    match verb {
        Verb::Run(args) => run::main(&args.wanted()?, say),
        Verb::Serve(args) => serve::main(&args, say),
        Verb::Demo { seed } => demo::main(seed, say),
        Verb::Init { paths } => verbs::init::main(&paths, say),
        Verb::Check(wanted) => verbs::check::main(&wanted, say),
        Verb::Plan(wanted) => verbs::plan::main(&wanted, say),
        Verb::Import { file, output } => verbs::import::main(&file, output.as_deref(), say),
        Verb::Library { name } => verbs::library::main(name.as_deref(), say),
        Verb::Status => verbs::status::main(url, say),
        Verb::Inject { words, lasts } => verbs::inject::main(&words, lasts.as_deref(), url, say),
        Verb::Heal { names } => verbs::heal::main(&names, url, say),
        Verb::Await { condition, timeout } => verbs::await_::main(&condition, &timeout, url, say),
        Verb::Tap { proxy, hits, types } => {
            verbs::tap::main(proxy.as_deref(), if hits { Some("fault.hit") } else { types.as_deref() }, url, say)
        }
        Verb::Explain { word } => verbs::explain::main(word.as_deref(), say),
        Verb::Ready { wait } => verbs::ready::main(wait.as_deref(), url, say),
        Verb::Schema => verbs::schema::main(say),
        Verb::Completions { shell } => verbs::completions::script(shell, Cli::command(), say),
        Verb::Man { verb } => verbs::completions::page(verb.as_deref(), Cli::command(), say),
        Verb::Version => {
            say.data(format!("faultwire {}", env!("CARGO_PKG_VERSION")));
            Ok(Exit::Held)
        }
    }
}

impl RunArgs {
    fn wanted(self) -> Result<run::Wanted, Failure> {
        let journal = match self.report {
            Some(folder) => {
                std::fs::create_dir_all(&folder)
                    .map_err(|error| Failure::new(Exit::CannotWrite, format!("error: cannot write to {}: {error}", folder.display())))?;
                Some(folder.join("journal.jsonl"))
            }
            None => self.journal,
        };
        Ok(run::Wanted {
            files: self.files,
            wrap: self.wrap,
            inject: self.inject,
            seed: self.seed,
            timeout: self.timeout,
            allow_inconclusive: self.allow_inconclusive,
            journal,
            bind: variable("FAULTWIRE_BIND").unwrap_or_else(|| "127.0.0.1".to_owned()),
            command: self.command,
        })
    }
}

/// A variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Help and version are answers; everything else is wrong usage.
fn misunderstood(error: &clap::Error) -> Exit {
    // Nobody may be reading.
    error.print().ok();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Held,
        _ => Exit::Usage,
    }
}

/// Without a verb: the help, and what is here.
fn introduce(say: &Say) {
    say.data(Cli::command().render_help().to_string().trim_end());
    let here = PathBuf::from(USUAL_FILE);
    if !here.is_file() {
        return;
    }
    let said = match (Origin { paths: vec![here], bind: "127.0.0.1".into() }).load(false) {
        Ok(config) => {
            let names: Vec<&str> = config.faults.iter().filter_map(|fault| fault.name.as_deref()).collect();
            let shown = names.iter().take(5).copied().chain((names.len() > 5).then_some("...")).collect::<Vec<_>>().join(", ");
            let faults = if names.is_empty() { String::new() } else { format!(" ({shown})") };
            format!("{}, {}{faults}", count(config.links.len(), "proxy"), count(names.len(), "fault"))
        }
        Err(_) => "it has mistakes: faultwire check".to_owned(),
    };
    say.data(format!("\nHere: {USUAL_FILE}, {said}"));
}

fn seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| "a seed is a whole number, as it was printed".to_owned())
}

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text).ok_or_else(|| "a length of time has a unit, such as `5s` or `500ms`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_the_help_complete() {
        Cli::command().debug_assert();
        for verb in Cli::command().get_subcommands() {
            assert!(GROUPS.contains(&format!("  {}", verb.get_name())), "{}", verb.get_name());
        }
    }

    #[test]
    fn flags_stand_before_or_after() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map_err(|error| error.kind());
        assert!(parse("faultwire --json status").unwrap().json);
        assert!(parse("faultwire status --json --url http://x:1").unwrap().json);
        assert!(
            matches!(parse("faultwire run -w A=B -i x a.yaml -- cmd --json").unwrap().verb, Some(Verb::Run(args)) if args.command.len() == 2)
        );
        assert!(
            matches!(parse("faultwire inject redis latency=1s --for 5s").unwrap().verb, Some(Verb::Inject { words, .. }) if words.len() == 2)
        );
        assert!(parse("faultwire frobnicate").is_err());
        assert!(parse("faultwire inject").is_err());
        assert!(parse("faultwire serve --grace 5").is_err());
    }
}
