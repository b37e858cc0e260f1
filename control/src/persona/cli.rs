//! As `toxiproxy-cli` it is that command line: its commands and flags, what it prints, and how it ends, for any server that speaks
//! Toxiproxy's API. What differs: flags may stand behind the argument, and `--host` behind the command; `toxic update` sends no toxicity
//! that was not given; `--json` prints what programs read; names need no escapes; a line that cannot be read ends with 1, where theirs
//! ends with 0.

mod grammar;
mod help;
mod objects;
mod remote;
mod verbs;

use self::{
    grammar::{COMMANDS, Command, Does, Flag, GLOBAL, HELP, HOST, JSON, NAME, USUAL_HOST, VERSION},
    remote::Remote,
    verbs::{Call, Done, Refused},
};
use super::flags::{self, Given, HELP_REQUESTED, Places, Takes};
use crate::{api::toxiproxy::SPOKEN, cli::variable, exit::Exit};
use serde_json::json;
use std::io::{self, IsTerminal, Write};

pub fn main(words: &[String]) -> Exit {
    let (out, err, exit) = match hear(words, io::stdout().is_terminal()) {
        Ok(out) => (out, String::new(), Exit::Held),
        Err(refused) => (refused.out, refused.err, Exit::Child(refused.code)),
    };
    // Whoever has gone away does not read it.
    io::stdout().lock().write_all(out.as_bytes()).ok();
    io::stdout().lock().flush().ok();
    io::stderr().lock().write_all(err.as_bytes()).ok();
    exit
}

/// What holds for the whole line, wherever in it it was said.
#[derive(Clone, Debug, Default)]
struct Line {
    host: Option<String>,
    json: bool,
    terminal: bool,
}

fn hear(words: &[String], terminal: bool) -> Done {
    let takes = |name: &str| GLOBAL.iter().find(|flag| flag.names.contains(&name)).map(|flag| flag.takes);
    let given = read(words, Places::InFront, takes, GLOBAL).map_err(|why| misused(&why, &help::all()))?;
    if given.is_on(HELP.names) {
        return topic(NAME, COMMANDS, &given.words).unwrap_or_else(|| Ok(help::all()));
    }
    if given.is_on(VERSION.names) {
        let json = json!({ "version": SPOKEN, "faultwire": env!("CARGO_PKG_VERSION") });
        return Ok(if given.is_on(JSON.names) { format!("{json}\n") } else { format!("{NAME} version {SPOKEN}\n") });
    }
    let line = Line { terminal, ..Line::default() }.with(&given);
    choose(line, NAME, COMMANDS, &given.words, help::all())
}

/// Finds the command that the first word names. Without a word, or where it is asked for, there is the help.
fn choose(line: Line, path: &str, commands: &[Command], words: &[String], help: String) -> Done {
    let Some((name, words)) = words.split_first().filter(|(name, _)| !name.is_empty()) else { return Ok(help) };
    if is_help(name) {
        return topic(path, commands, words).unwrap_or(Ok(help));
    }
    let Some(command) = Command::find(commands, name) else { return Err(no_topic(name)) };
    let path = format!("{path} {}", command.name());
    let help = help::of(&path, command, true);
    let places = if matches!(command.does, Does::Lead(_)) { Places::InFront } else { Places::Anywhere };
    let given = read(words, places, |name| command.takes(name), command.flags).map_err(|why| misused(&why, &help))?;
    let line = line.with(&given);
    match command.does {
        Does::Lead(below) if given.is_on(HELP.names) => topic(&path, below, &given.words).unwrap_or(Ok(help)),
        Does::Lead(below) => choose(line, &path, below, &given.words, help),
        Does::Act(act) => {
            let mut words = given.words.iter();
            if given.is_on(HELP.names) || words.next().is_some_and(|word| is_help(word)) {
                return words.next().map_or_else(|| Ok(help::of(&path, command, false)), |word| Err(no_topic(word)));
            }
            if line.json && !command.prints_json() {
                return Err(misused("-json is for list, inspect and -version", &help));
            }
            let host = line.host.or_else(|| variable("TOXIPROXY_URL")).unwrap_or_else(|| USUAL_HOST.to_owned());
            act(&Call { given, remote: Remote::new(&host), json: line.json, terminal: line.terminal, help })
        }
    }
}

/// The help of what these words name, if there are any.
fn topic(path: &str, commands: &[Command], words: &[String]) -> Option<Done> {
    let (name, words) = words.split_first().filter(|(name, _)| !name.is_empty() && !is_help(name))?;
    let Some(command) = Command::find(commands, name) else { return Some(Err(no_topic(name))) };
    let path = format!("{path} {}", command.name());
    let below = match command.does {
        Does::Lead(below) => topic(&path, below, words),
        Does::Act(_) => None,
    };
    Some(below.unwrap_or_else(|| Ok(help::of(&path, command, false))))
}

fn is_help(word: &str) -> bool {
    matches!(word, "help" | "h")
}

/// Reads the flags. One flag is not to be said by two of its names.
fn read(words: &[String], places: Places, takes: impl Fn(&str) -> Option<Takes>, known: &[Flag]) -> Result<Given, String> {
    let given = flags::read(words, places, takes)?;
    for flag in known {
        let mut said = flag.names.iter().filter(|name| given.has(name));
        if let (Some(first), Some(second)) = (said.next(), said.next()) {
            return Err(format!("Cannot use two forms of the same flag: {second} {first}"));
        }
    }
    Ok(given)
}

/// Told on stdout, with the help behind it. Who asked for help in this way has not failed.
fn misused(why: &str, help: &str) -> Refused {
    let code = u8::from(why != HELP_REQUESTED);
    Refused { out: format!("Incorrect Usage: {why}\n\n{help}"), err: String::new(), code }
}

fn no_topic(name: &str) -> Refused {
    Refused { code: 3, ..Refused::because(format!("No help topic for '{name}'")) }
}

impl Line {
    fn with(self, given: &Given) -> Line {
        let host = given.text(HOST.names).map(str::to_owned);
        Line { host: host.or(self.host), json: self.json || given.is_on(JSON.names), ..self }
    }
}
