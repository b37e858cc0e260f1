//! `faultwire plan`: what a scenario will do and when, or how it differs from what a Faultwire that runs has in force. It changes
//! nothing. A scenario of which this version cannot do everything is told as well, and ends as a mistake does: nobody is to take it
//! for one that runs.

mod against;

use crate::{
    cli::variable,
    config::{Origin, USUAL_FILE, text_of},
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::complaint::{Complaint, Severity};
use faultwire_scenarios::{
    plan, render,
    scenario::{self, Loaded, Scenario},
};
use serde_json::{Value, json};
use std::{cell::OnceCell, fs, io, path::PathBuf};

/// What is wanted, as the command line says it.
#[derive(clap::Args, Clone, Debug)]
pub struct Wanted {
    /// Scenario files, folders, names of the library, or `-` [default: faultwire.yaml]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print the scenario as it was understood: files merged, defaults and variables filled in, names given
    #[arg(long)]
    pub yaml: bool,
    /// Print how it differs from what this Faultwire has in force; differences are no error
    #[arg(long, value_name = "URL", conflicts_with = "yaml")]
    pub against: Option<String>,
}

pub fn main(wanted: &Wanted, say: &Say) -> Result<Exit, Failure> {
    let files = Files::named(&wanted.files)?;
    let loaded = files.load("127.0.0.1");
    let Some(scenario) = &loaded.checked else {
        if say.json {
            let mistakes: Value = loaded.complaints.iter().map(|complaint| render::json(complaint, &loaded.sources)).collect();
            say.data(json!({ "runs": false, "mistakes": mistakes }).to_string());
        }
        return Err(wrong(&loaded, say));
    };
    let (later, warnings): (Vec<Complaint>, Vec<Complaint>) =
        loaded.complaints.iter().cloned().partition(|complaint| complaint.severity() == Severity::Error);
    if !warnings.is_empty() {
        say.talk(render::render(&warnings, &loaded.sources, say.colored()).trim_end());
    }
    let later = words(&later);
    if let Some(url) = &wanted.against {
        return match later.is_empty() {
            true => against::main(scenario, &files, url, say),
            false => Err(wrong(&loaded, say)),
        };
    }
    match wanted.yaml {
        true => repeated(scenario, say),
        false => planned(scenario, &later, say),
    }
    if later.is_empty() {
        return Ok(Exit::Held);
    }
    if wanted.yaml {
        say.error(format!("error[E0109]: this version cannot run it: {} come with a later version", later.join(", ")));
    }
    say.talk(format!("where they stand: faultwire check {}", files.said()));
    Ok(Exit::Scenario)
}

/// The same diagnostics that `check` prints.
fn wrong(loaded: &Loaded, say: &Say) -> Failure {
    let text = render::render(&loaded.complaints, &loaded.sources, say.colored());
    Failure::new(Exit::Scenario, format!("{text}\n{}", render::count(&loaded.complaints)))
}

fn planned(scenario: &Scenario, later: &[String], say: &Say) {
    let plan = plan::Plan::of(scenario, later.to_vec());
    say.data(match say.json {
        true => plan.json().to_string(),
        false => plan.text(variable("FAULTWIRE_ENV").as_deref()).trim_end().to_owned(),
    });
}

fn repeated(scenario: &Scenario, say: &Say) {
    say.data(match say.json {
        true => scenario.to_node().to_json().to_string(),
        false => scenario.to_yaml().trim_end().to_owned(),
    });
}

/// What comes with a later version, each word once, in the order of the file.
fn words(later: &[Complaint]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in later.iter().filter_map(|complaint| complaint.message.split('`').nth(1)) {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// The files that are named, and how they are read: from where they are, from the library, or from the standard input, once.
struct Files {
    names: Vec<String>,
    stdin: OnceCell<Result<String, io::ErrorKind>>,
}

impl Files {
    fn named(paths: &[PathBuf]) -> Result<Files, Failure> {
        let usual = [PathBuf::from(USUAL_FILE)];
        if paths.is_empty() && !usual[0].exists() {
            return Err(Failure::usage(format!(
                "error: there is no {USUAL_FILE} here\nhelp: name the files, or a ready scenario: faultwire library"
            )));
        }
        let paths = if paths.is_empty() { &usual[..] } else { paths };
        let names = Origin { paths: paths.to_vec(), bind: String::new() }.files()?;
        match names.is_empty() {
            true => {
                let said = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
                Err(Failure::usage(format!("error: there are no scenario files in {said}")))
            }
            false => Ok(Files { names, stdin: OnceCell::new() }),
        }
    }

    /// Reads all of it. `bind` is the host to listen on where none is written.
    fn load(&self, bind: &str) -> Loaded {
        let reader = |name: &str| match name {
            "-" => {
                let read = || io::read_to_string(io::stdin()).map_err(|error| error.kind());
                self.stdin.get_or_init(read).clone().map_err(io::Error::from)
            }
            name => text_of(name, fs::read(name), &self.names),
        };
        scenario::load(&self.names, &reader, &|name| std::env::var(name).ok(), bind)
    }

    fn said(&self) -> String {
        self.names.join(" ")
    }
}
