//! Complaints as annotations of GitHub Actions: workflow commands, one line each. It shows the ten most useful, as GitHub shows no more.

use super::in_a_line;
use faultwire_faults::complaint::{Complaint, Severity};
use faultwire_scenarios::{render, sources::Sources};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

const MOST_SHOWN: usize = 10;

/// The folder of the checked-out repository, and the one we are in: GitHub knows files by their path in the repository.
#[derive(Clone, Debug, Default)]
pub struct Root {
    pub repository: PathBuf,
    pub here: PathBuf,
}

pub fn root() -> Root {
    let repository = crate::cli::variable("GITHUB_WORKSPACE").map(PathBuf::from).unwrap_or_default();
    Root { repository, here: std::env::current_dir().unwrap_or_default() }
}

pub fn annotations(complaints: &[Complaint], sources: &Sources, root: &Root) -> Vec<String> {
    let shown = most_useful(complaints);
    let more = complaints.len() - shown.len();
    let lines = shown.into_iter().map(|complaint| annotation(complaint, sources, root));
    let count = (more > 0).then(|| format!("{} in all, {MOST_SHOWN} of them shown", render::count(complaints)));
    lines.chain(count).collect()
}

/// Errors before warnings, and the first of each kind before its repetitions.
fn most_useful(complaints: &[Complaint]) -> Vec<&Complaint> {
    let mut seen = HashSet::new();
    let mut ranked: Vec<(bool, bool, &Complaint)> =
        complaints.iter().map(|complaint| (complaint.severity() == Severity::Warning, !seen.insert(complaint.code), complaint)).collect();
    ranked.sort_by_key(|(warning, again, _)| (*warning, *again));
    ranked.into_iter().take(MOST_SHOWN).map(|(.., complaint)| complaint).collect()
}

/// `::error file=faultwire.yaml,line=6,col=5,endColumn=15,title=E0101::unknown key …`
fn annotation(complaint: &Complaint, sources: &Sources, root: &Root) -> String {
    let level = match complaint.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    let name = sources.name(&complaint.place);
    if !name.is_empty() && !name.starts_with('<') {
        properties.push(("file", in_repository(name, root)));
    }
    if let Some((start, end)) = sources.spots(&complaint.place) {
        properties.push(("line", start.line.to_string()));
        // GitHub takes columns only where a single line is meant.
        match end.line == start.line {
            true => properties.extend([("col", start.col.to_string()), ("endColumn", end.col.to_string())]),
            false => properties.push(("endLine", end.line.to_string())),
        }
    }
    properties.push(("title", complaint.code.to_owned()));
    let properties: Vec<String> = properties.iter().map(|(key, value)| format!("{key}={}", property(value))).collect();
    format!("::{level} {}::{}", properties.join(","), data(&in_a_line(complaint)))
}

fn in_repository(name: &str, root: &Root) -> String {
    let path = root.here.join(name);
    match path.strip_prefix(&root.repository) {
        Ok(inside) if !root.repository.as_os_str().is_empty() => without_dots(inside).display().to_string(),
        _ => name.to_owned(),
    }
}

fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::node::Place;

    fn world(text: &str, name: &str) -> (Sources, impl Fn(std::ops::Range<usize>) -> Place) {
        let mut sources = Sources::default();
        let source = sources.add(name, text);
        (sources, move |range| Place { source, range, pointer: String::new() })
    }

    #[test]
    fn the_line_of_the_handbook() {
        let text = "proxies:\n  orders: 8081 -> orders:8080\nfaults:\n  - proxy: orders\n    latency: 1s\n    probabilty: 10%\n";
        let (sources, at) = world(text, "faultwire.yaml");
        let start = text.find("probabilty").unwrap();
        let place = at(start..start + 10);
        let complaint = Complaint::new("E0101", "unknown key `probabilty` in a fault", &place, "not a fault key").fix(
            "did you mean `probability`?",
            &place,
            "probability",
        );
        assert_eq!(
            annotations(&[complaint], &sources, &Root::default()),
            [
                "::error file=faultwire.yaml,line=6,col=5,endColumn=15,title=E0101::unknown key `probabilty` in a fault. Did you mean `probability`?"
            ]
        );
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let (sources, at) = world("a\nb\n", "od,d:name%.yaml");
        let complaint = Complaint::new("W0303", "100%\r\n::error::", &at(0..3), "");
        assert_eq!(
            annotations(&[complaint], &sources, &Root::default()),
            ["::warning file=od%2Cd%3Aname%25.yaml,line=1,endLine=2,title=W0303::100%25%0D%0A::error::"]
        );
    }

    #[test]
    fn files_are_named_as_the_repository_knows_them() {
        let root = Root { repository: "/repo".into(), here: "/repo/services/shop".into() };
        assert_eq!(in_repository("faultwire.yaml", &root), "services/shop/faultwire.yaml");
        assert_eq!(in_repository("./faultwire.yaml", &root), "services/shop/faultwire.yaml");
        assert_eq!(in_repository("/repo/a.yaml", &root), "a.yaml");
        assert_eq!(in_repository("/elsewhere/a.yaml", &root), "/elsewhere/a.yaml");
        assert_eq!(in_repository("a.yaml", &Root { repository: PathBuf::new(), here: "/x".into() }), "a.yaml");
    }

    #[test]
    fn the_ten_most_useful_and_the_count() {
        let (sources, at) = world("x\n", "f.yaml");
        let mut complaints: Vec<Complaint> = (0..3).map(|_| Complaint::new("W0303", "w", &at(0..1), "")).collect();
        complaints.extend((0..12).map(|n| Complaint::new("E0201", format!("same {n}"), &at(0..1), "")));
        complaints.push(Complaint::new("E0301", "another", &at(0..1), ""));
        let lines = annotations(&complaints, &sources, &Root::default());
        assert_eq!(lines.len(), 11);
        assert!(lines[0].contains("same 0") && lines[1].contains("another"), "{lines:#?}");
        assert_eq!(lines[10], "13 errors, 3 warnings in all, 10 of them shown");
        assert!(annotations(&[], &sources, &Root::default()).is_empty());
    }
}
