//! `faultwire init`: a first scenario, made of what is here. It finds compose files and `.env`, has a draft made of them, and writes what
//! comes of it; nothing that is there is ever touched.

mod address;
mod catalogue;
mod compose;
mod dotenv;
mod draft;
mod fill;
mod kinds;
mod names;
mod ports;
mod write;

use crate::{
    config::USUAL_FILE,
    exit::{Exit, Failure},
    say::{Say, columns, count, plain},
};
use compose::Project;
use dotenv::Dotenv;
use draft::Draft;
use faultwire_faults::complaint::Severity;
use faultwire_scenarios::{render, scenario};
use serde_json::json;
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

const OVERRIDE: &str = "compose.faultwire.yaml";
const DOTENV: &str = ".env";
/// In the order in which compose looks for them, each with those that it lays over.
const COMPOSE: [(&str, [&str; 2]); 4] = [
    ("compose.yaml", ["compose.override.yaml", "compose.override.yml"]),
    ("compose.yml", ["compose.override.yml", "compose.override.yaml"]),
    ("docker-compose.yml", ["docker-compose.override.yml", "docker-compose.override.yaml"]),
    ("docker-compose.yaml", ["docker-compose.override.yaml", "docker-compose.override.yml"]),
];
/// Room for the text of any file that a person keeps.
const LARGEST: u64 = 4 << 20;

pub fn main(paths: &[PathBuf], say: &Say) -> Result<Exit, Failure> {
    let mut found = find(paths)?;
    let (dotenv, mut left) = found.variables()?;
    if paths.is_empty() {
        found.named_in(&dotenv);
    }
    let project = found.project(&dotenv, say)?;
    if project.services.iter().any(|service| service.name == draft::OURS) {
        let text = format!("error: there is a service `{}` in {} already, and it is left alone", draft::OURS, found.names(&found.compose));
        return Err(Failure::new(Exit::CannotWrite, text));
    }
    let made = made(&found, &project, &dotenv);
    left.extend(made.draft.left.iter().cloned());
    refuse_mistakes(&made)?;
    create(&found.folder, &made.files)?;
    told(&found, &made, &left, say);
    Ok(Exit::Held)
}

/// What there is to make a scenario of.
#[derive(Debug, Default)]
struct Found {
    /// Where the files are written: beside what they are made of.
    folder: PathBuf,
    compose: Vec<PathBuf>,
    dotenv: Option<PathBuf>,
}

/// What is to be written, and what is to be said of it.
struct Made {
    draft: Draft,
    files: Vec<(&'static str, String)>,
    faults: Vec<String>,
    next: Vec<String>,
}

/// Files that are named, or what there is in the folder that is named, or in this one.
fn find(paths: &[PathBuf]) -> Result<Found, Failure> {
    let mut found = Found::default();
    for path in paths {
        path.metadata().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::usage(format!("error: there is no {}", path.display())),
            _ => Failure::usage(format!("error: cannot read {}: {}", path.display(), plain(error))),
        })?;
    }
    let named = |path: &&PathBuf| !path.is_dir();
    let is_dotenv = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(DOTENV));
    found.compose = paths.iter().filter(named).filter(|path| !is_dotenv(path)).cloned().collect();
    found.dotenv = paths.iter().filter(named).find(is_dotenv).cloned();
    let first = found.compose.first().or(found.dotenv.as_ref());
    let folder = paths.iter().find(|path| path.is_dir()).cloned();
    found.folder = folder.or_else(|| Some(first?.parent()?.to_owned())).unwrap_or_default();
    if found.dotenv.is_none() {
        found.dotenv = Some(found.folder.join(DOTENV)).filter(|path| path.is_file());
    }
    if found.compose.is_empty() && !paths.iter().any(|path| !path.is_dir()) {
        let usual = COMPOSE.iter().map(|(name, over)| (found.folder.join(name), over)).find(|(path, _)| path.is_file());
        if let Some((path, over)) = usual {
            let over = over.iter().map(|name| found.folder.join(name)).find(|path| path.is_file());
            found.compose = std::iter::once(path).chain(over).collect();
        }
    }
    Ok(found)
}

impl Found {
    fn variables(&self) -> Result<(Dotenv, Vec<String>), Failure> {
        let Some(path) = &self.dotenv else { return Ok((Dotenv::default(), Vec::new())) };
        let text = read(path).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => Failure::new(Exit::Scenario, format!("error: {} is not text", path.display())),
            _ => Failure::usage(format!("error: cannot read {}: {}", path.display(), plain(error))),
        })?;
        let dotenv = dotenv::read(&text, &|_| None);
        let unread = dotenv.unread.iter().map(|line| format!("{}:{line} is no `NAME=value`, and was not read", path.display())).collect();
        Ok((dotenv, unread))
    }

    /// Compose itself looks there first.
    fn named_in(&mut self, dotenv: &Dotenv) {
        let separator = dotenv.get("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
        if let Some(files) = dotenv.get("COMPOSE_FILE").filter(|files| !files.is_empty()) {
            self.compose = files.split(separator).filter(|file| !file.is_empty()).map(|file| self.folder.join(file)).collect();
        }
    }

    fn project(&self, dotenv: &Dotenv, say: &Say) -> Result<Project, Failure> {
        let project = compose::read(&self.compose, &|path| read(path), dotenv);
        match project.complaints.iter().any(|complaint| complaint.severity() == Severity::Error) {
            true => Err(Failure::new(Exit::Scenario, render::render(&project.complaints, &project.sources, say.colored()))),
            false => Ok(project),
        }
    }

    fn names(&self, paths: &[PathBuf]) -> String {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ")
    }

    /// `docker compose` with all files, the new one last.
    fn command(&self, words: &str) -> String {
        let files = self.compose.iter().cloned().chain(std::iter::once(self.folder.join(OVERRIDE)));
        let files: Vec<String> = files.map(|file| format!("-f {}", crate::run::quoted(&file.display().to_string()))).collect();
        format!("docker compose {} {words}", files.join(" "))
    }
}

fn made(found: &Found, project: &Project, dotenv: &Dotenv) -> Made {
    if let Some(draft) = draft::of_project(project).filter(|draft| !draft.proxies.is_empty()) {
        let (text, faults) = write::scenario(&draft, &found.names(&found.compose));
        let command = found.command("up -d");
        let over = write::compose(&draft, &command);
        let next = vec![command, format!("faultwire inject {}", write::first_to_try(&draft))];
        return Made { draft, files: vec![(USUAL_FILE, text), (OVERRIDE, over)], faults, next };
    }
    let draft = draft::of_machine(project, dotenv);
    if draft.proxies.is_empty() {
        let (text, faults) = write::starter();
        return Made { draft, files: vec![(USUAL_FILE, text)], faults, next: served(found, "redis-slow") };
    }
    let origins: Vec<PathBuf> = found.compose.iter().chain(&found.dotenv).cloned().collect();
    let (text, faults) = write::scenario(&draft, &found.names(&origins));
    let first = write::first_to_try(&draft);
    // A variable that is set for the command is led through the proxy by `run` itself.
    let next = match (draft.proxies.iter().any(|proxy| !proxy.env.is_empty()), &found.dotenv) {
        (true, Some(dotenv)) => vec![
            format!("set -a; . {}; set +a", crate::run::quoted(&beside(dotenv))),
            format!(
                "faultwire run {} --inject {first} -- COMMAND",
                crate::run::quoted(&found.folder.join(USUAL_FILE).display().to_string())
            ),
        ],
        _ => served(found, &first),
    };
    Made { draft, files: vec![(USUAL_FILE, text)], faults, next }
}

/// A shell looks for a file without a slash on its path.
fn beside(path: &Path) -> String {
    let name = path.display().to_string();
    if name.contains('/') { name } else { format!("./{name}") }
}

fn served(found: &Found, fault: &str) -> Vec<String> {
    let file = found.folder.join(USUAL_FILE).display().to_string();
    let file = if file == USUAL_FILE { String::new() } else { format!(" {}", crate::run::quoted(&file)) };
    vec![format!("faultwire serve{file}"), format!("faultwire inject {fault}")]
}

/// What is written must pass `check`; if it would not, that is a bug, and nothing is written.
fn refuse_mistakes(made: &Made) -> Result<(), Failure> {
    let loaded = scenario::load(&[USUAL_FILE.to_owned()], &|_| Ok(made.files[0].1.clone()), &|_| None, "127.0.0.1");
    match loaded.complaints.is_empty() {
        true => Ok(()),
        false => {
            let said = render::render(&loaded.complaints, &loaded.sources, false);
            Err(Failure::new(Exit::Bug, format!("error: this is a bug: what would be written has mistakes, and was not written\n\n{said}")))
        }
    }
}

/// All of them or none: a file that is there is somebody's work.
fn create(folder: &Path, files: &[(&'static str, String)]) -> Result<(), Failure> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    let there: Vec<String> = paths.iter().filter(|path| path.symlink_metadata().is_ok()).map(|path| path.display().to_string()).collect();
    if !there.is_empty() {
        let (is, are_left) = if there.len() == 1 { ("is", "it is left alone") } else { ("are", "they are left alone") };
        let text = format!("error: {} {is} there already, and {are_left}; nothing was written", there.join(" and "));
        return Err(Failure::new(Exit::CannotWrite, text));
    }
    let mut written: Vec<&Path> = Vec::new();
    for (path, (_, text)) in paths.iter().zip(files) {
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let mine = created.is_ok();
        if let Err(error) = created.and_then(|mut file| file.write_all(text.as_bytes())) {
            // What this call has made goes with it, and nothing else.
            let mine = mine.then_some(path.as_path());
            written.into_iter().chain(mine).for_each(|path| drop(std::fs::remove_file(path)));
            return Err(Failure::new(Exit::CannotWrite, format!("error: cannot write {}: {}", path.display(), plain(error))));
        }
        written.push(path);
    }
    Ok(())
}

fn told(found: &Found, made: &Made, left: &[String], say: &Say) {
    let files: Vec<String> = made.files.iter().map(|(name, _)| found.folder.join(name).display().to_string()).collect();
    if say.json {
        let proxies: Vec<_> = made.draft.proxies.iter().map(|proxy| json!(proxy.name)).collect();
        let json = json!({ "written": files, "proxies": proxies, "faults": made.faults, "left": left, "next": made.next });
        say.data(json.to_string());
        return;
    }
    let rows: Vec<Vec<String>> = made.draft.proxies.iter().map(row).collect();
    for line in columns(&rows) {
        say.talk(format!("  {line}"));
    }
    if rows.is_empty() {
        say.talk("found nothing to stand in front of: this is a scenario to begin with");
    }
    for line in left {
        say.talk(format!("left alone: {line}"));
    }
    let proxies = made.draft.proxies.len().max(1);
    say.talk(format!("wrote {}: {}, {}, all of them off", files[0], count(proxies, "proxy"), count(made.faults.len(), "fault")));
    if let Some(over) = files.get(1) {
        say.talk(format!("wrote {over}: Faultwire between {}", count(made.draft.changes.len(), "service") + " and what they call"));
        if made.draft.changes.iter().flat_map(|change| &change.sets).any(|set| set.secret) {
            say.talk(format!("{over} holds values of variables, passwords among them: keep it where {DOTENV} is kept"));
        }
    }
    say.talk("next");
    for line in &made.next {
        say.talk(format!("  {line}"));
    }
}

fn row(proxy: &draft::Proxy) -> Vec<String> {
    vec![proxy.name.clone(), format!("{} -> {}:{}", proxy.listen, proxy.host, proxy.port), proxy.users.join(", ")]
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}
