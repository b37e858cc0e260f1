//! `faultwire check`: mistakes in scenario files, on stdout; how many, on stderr.

use crate::{
    config::{Origin, USUAL_FILE},
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::complaint::Severity;
use faultwire_scenarios::render;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Human,
    Json,
}

pub fn main(mut files: Vec<PathBuf>, format: Format, strict: bool, say: &Say) -> Result<Exit, Failure> {
    if files.is_empty() {
        files.push(USUAL_FILE.into());
        if !files[0].exists() {
            return Err(Failure::usage(format!("error: there is no {USUAL_FILE} here\nhelp: name the files to check")));
        }
    }
    let origin = Origin { paths: files, bind: "127.0.0.1".into() };
    let loaded = origin.check()?;
    let complaints = &loaded.complaints;
    if format == Format::Json || say.json {
        let list: Vec<Value> = complaints.iter().map(|complaint| render::json(complaint, &loaded.sources)).collect();
        say.data(Value::from(list).to_string());
    } else if !complaints.is_empty() {
        say.data(render::render(complaints, &loaded.sources, say.colored_data()).trim_end());
    }
    let wrong = complaints.iter().any(|complaint| strict || complaint.severity() == Severity::Error);
    match complaints.is_empty() {
        true => say.talk("no mistakes found"),
        false => say.talk(render::count(complaints)),
    }
    Ok(if wrong { Exit::Scenario } else { Exit::Held })
}
