//! `faultwire check`: mistakes in scenario files, on stdout; how many, on stderr. It reads, and with `--fix` it writes; how a mistake is
//! said to a machine stands in the formats, how files are mended in `fix`.

mod connect;
mod desk;
mod fix;
mod github;
mod junit;
mod sarif;

use crate::{
    config::{Origin, USUAL_FILE},
    exit::{Exit, Failure},
    say::{Say, count},
};
use desk::Desk;
use faultwire_faults::complaint::{Complaint, Severity};
use faultwire_scenarios::{render, scenario::Loaded, sources::Sources};
use serde_json::Value;
use std::path::PathBuf;

/// For people, programs, annotations of GitHub Actions, code scanning, and whatever shows test results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Human,
    Json,
    Github,
    Sarif,
    Junit,
}

/// What is wanted, as the command line says it.
#[derive(clap::Args, Clone, Debug)]
pub struct Wanted {
    /// Scenario files, folders, names of ready scenarios, or `-` [default: faultwire.yaml]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How it is said [default: human; github when GITHUB_ACTIONS=true]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Warnings are errors
    #[arg(long)]
    pub strict: bool,
    /// Apply the patches that leave no doubt; of `-` the result is printed
    #[arg(long)]
    pub fix: bool,
    /// Ask the upstreams as well, from this machine
    #[arg(long)]
    pub connect: bool,
}

pub fn main(wanted: &Wanted, say: &Say) -> Result<Exit, Failure> {
    let desk = Desk::new(files(&wanted.files)?)?;
    let format = chosen(wanted.format, say);
    let mut loaded = match wanted.fix {
        true => mended(&desk, say)?,
        false => desk.load(),
    };
    if wanted.connect {
        ask(&mut loaded, say);
    }
    // The standard output belongs to the text that was mended.
    match wanted.fix && desk.has_stdin() {
        true => say.talk(render::render(&loaded.complaints, &loaded.sources, say.colored()).trim_end()),
        false => told(&loaded, format, say),
    }
    match loaded.complaints.is_empty() {
        true => say.talk("no mistakes found"),
        false => say.talk(render::count(&loaded.complaints)),
    }
    let wrong = loaded.complaints.iter().any(|complaint| wanted.strict || complaint.severity() == Severity::Error);
    Ok(if wrong { Exit::Scenario } else { Exit::Held })
}

fn files(named: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let usual = [PathBuf::from(USUAL_FILE)];
    if named.is_empty() && !usual[0].exists() {
        return Err(Failure::usage(format!(
            "error: there is no {USUAL_FILE} here\nhelp: name the files to check, or write one: faultwire init"
        )));
    }
    let origin = Origin { paths: if named.is_empty() { usual.to_vec() } else { named.to_vec() }, bind: String::new() };
    let files = origin.files()?;
    match files.is_empty() {
        true => Err(Failure::usage(format!("error: there are no scenario files in {}", origin.name()))),
        false => Ok(files),
    }
}

fn chosen(format: Option<Format>, say: &Say) -> Format {
    let by_itself = || match crate::cli::variable("GITHUB_ACTIONS").as_deref() {
        Some("true") => Format::Github,
        _ => Format::Human,
    };
    format.or(say.json.then_some(Format::Json)).unwrap_or_else(by_itself)
}

/// Nothing is said of nothing, but for machines that wait for a list.
fn told(loaded: &Loaded, format: Format, say: &Say) {
    let (complaints, sources) = (&loaded.complaints, &loaded.sources);
    let text = match format {
        Format::Human => render::render(complaints, sources, say.colored_data()),
        Format::Json => complaints.iter().map(|complaint| render::json(complaint, sources)).collect::<Value>().to_string(),
        Format::Github => github::annotations(complaints, sources, &github::root()).join("\n"),
        Format::Sarif => sarif::log(complaints, sources).to_string(),
        Format::Junit => junit::report(complaints, sources),
    };
    if !text.is_empty() {
        say.data(text.trim_end());
    }
}

/// Mends what can be mended without asking, and says what that was.
fn mended(desk: &Desk, say: &Say) -> Result<Loaded, Failure> {
    let mended = fix::mend(&|texts| desk.load_with(texts));
    for refused in &mended.refused {
        say.talk(format!("not fixed: {refused}"));
    }
    let written = desk.put_back(&mended.texts, |text| say.data(text.strip_suffix('\n').unwrap_or(text)))?;
    for fixed in &mended.fixed {
        say.talk(format!("fixed {fixed}"));
    }
    if !written.is_empty() {
        say.talk(format!("{} in {}", count_fixes(mended.fixed.len()), written.join(", ")));
    }
    let open = mended.loaded.complaints.iter().filter(|complaint| !complaint.fixes.is_empty()).count();
    if open > 0 {
        say.talk(format!(
            "{} a patch that is yours to choose",
            if open == 1 { "1 mistake has".to_owned() } else { format!("{open} mistakes have") }
        ));
    }
    Ok(mended.loaded)
}

fn count_fixes(n: usize) -> String {
    if n == 1 { "1 fix".to_owned() } else { format!("{n} fixes") }
}

/// Asks the upstreams of a scenario that can be read.
fn ask(loaded: &mut Loaded, say: &Say) {
    let Some(scenario) = &loaded.scenario else {
        say.talk("no upstream was asked, as the scenario has errors");
        return;
    };
    let (asked, complaints) = connect::ask(&scenario.proxies);
    say.talk(format!("asked {}", count(asked, "upstream")));
    loaded.complaints.extend(complaints);
    loaded.complaints.sort_by_key(|complaint| (complaint.place.source, complaint.place.range.start));
}

/// Where a complaint stands: `faultwire.yaml:5:14`, or the file alone.
fn spot(complaint: &Complaint, sources: &Sources) -> String {
    let name = sources.name(&complaint.place);
    match sources.spots(&complaint.place) {
        Some((start, _)) => format!("{name}:{}:{}", start.line, start.col),
        None => name.to_owned(),
    }
}

/// A complaint without its picture, for formats that have a line for it: what is wrong, and what to write instead.
fn in_a_line(complaint: &Complaint) -> String {
    let patches = complaint.fixes.iter().map(|fix| fix.title.as_str()).collect::<Vec<_>>().join(", ");
    let label = Some(complaint.label.as_str()).filter(|_| !patches.starts_with("did you mean"));
    let notes = complaint.notes.iter().map(String::as_str).filter(|_| patches.is_empty());
    let more = label.into_iter().chain(notes).chain(std::iter::once(patches.as_str())).filter(|text| !text.is_empty()).map(sentence);
    std::iter::once(complaint.message.clone()).chain(more).collect::<Vec<_>>().join(". ").replace("?. ", "? ")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The codes of what does not answer in a scenario.
#[cfg(test)]
pub fn unanswered(text: &str) -> Vec<&'static str> {
    let loaded = faultwire_scenarios::scenario::load(&["f.yaml".to_owned()], &|_| Ok(text.to_owned()), &|_| None, "127.0.0.1");
    let scenario = loaded.scenario.expect("it has no errors");
    connect::ask(&scenario.proxies).1.iter().map(|complaint| complaint.code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::node::Place;

    #[test]
    fn a_complaint_in_a_line() {
        let place = Place::default();
        let typo = Complaint::new("E0101", "unknown key `probabilty` in a fault", &place, "not a fault key").fix(
            "did you mean `probability`?",
            &place,
            "probability",
        );
        assert_eq!(in_a_line(&typo), "unknown key `probabilty` in a fault. Did you mean `probability`?");
        let bare = Complaint::new("E0201", "`250` is not a length of time", &place, "which unit?");
        assert_eq!(in_a_line(&bare), "`250` is not a length of time. Which unit?");
        assert_eq!(in_a_line(&bare.clone().note("write it")), "`250` is not a length of time. Which unit? Write it");
        let choice = bare.fix("milliseconds", &place, "ms").fix("or seconds", &place, "s");
        assert_eq!(in_a_line(&choice), "`250` is not a length of time. Which unit? Milliseconds, or seconds");
    }
}
