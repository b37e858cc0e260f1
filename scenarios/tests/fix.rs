//! Patches mend what they were made for: the first of each complaint leaves a scenario that passes, unless a person must decide;
//! the safe ones never leave it worse.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and may fail")]

use faultwire_faults::complaint::{Complaint, Severity};
use faultwire_scenarios::{
    fix::{self, Mended, Which},
    render,
    scenario::{self, Setting},
};
use std::{fs, path::Path};

/// Mistakes of which only a person can say what was meant.
const DECIDE: &[&str] = &[
    "bracket",
    "conditions",
    "contradiction",
    "down-for-some",
    "duplicate-key",
    "effects",
    "empty",
    "expectations",
    "include-itself",
    "late-latency",
    "later",
    "loop",
    "m06-two-endings",
    "m09-port-twice",
    "m13-endless-phase",
    "m15-nothing",
    "m16-duplicate-key",
    "m21-never-reached",
    "m24-down-for-some",
    "m29-expected-for-ever",
    "match",
    "moments",
    "never-reached",
    "no-abort",
    "not-in-protocol",
    "not-yaml",
    "nothing",
    "nothing-fits",
    "outside",
    "partition",
    "port-twice",
    "protected",
    "recovered",
    "replay-missing",
    "same-name",
    "shapes",
    "two-endings",
    "two-protocols",
    "unknown-keys",
    "variables",
];

/// Mistakes that are mended without asking anybody.
const SAFE: &[&str] = &[
    "m01-typo",
    "m04-unknown-proxy",
    "m07-toxiproxy-words",
    "m08-regex-for-glob",
    "m11-db-error-name",
    "m17-tab",
    "m26-yes",
    "m27-websocket-scheme",
    "tab",
    "toxiproxy-words",
    "typo",
    "unknown-proxy",
    "websocket-scheme",
    "yes",
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes"))
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).collect();
    names.sort();
    names
}

fn mend(name: &str, which: Which) -> Mended {
    let reader = |name: &str| fs::read_to_string(folder().join(name));
    fix::mend(&[format!("{name}.yaml")], &reader, &|_| None, &Setting { bind: "127.0.0.1", ..Setting::default() }, which)
}

/// What is wrong besides what comes later.
fn left(complaints: &[Complaint]) -> Vec<Complaint> {
    complaints.iter().filter(|complaint| complaint.code != "E0109").cloned().collect()
}

#[test]
fn first_patches_leave_a_scenario_that_passes() {
    for name in names() {
        let mended = mend(&name, Which::First);
        let left = left(&mended.loaded.complaints);
        let said = render::render(&left, &mended.loaded.sources, false);
        match DECIDE.contains(&name.as_str()) {
            true => assert!(name == "later" || !left.is_empty(), "{name} is mended without a person: take it off the list"),
            false => assert!(left.is_empty() && mended.applied > 0, "{name}:\n{said}"),
        }
    }
}

#[test]
fn every_patch_mends_its_own_complaint() {
    for name in names() {
        let reader = |name: &str| fs::read_to_string(folder().join(name));
        let before = scenario::load(&[format!("{name}.yaml")], &reader, &|_| None, "127.0.0.1");
        for complaint in &before.complaints {
            for fix in &complaint.fixes {
                let file = format!("{name}.yaml");
                let text = reader(&file).unwrap();
                let text = render::apply(&[fix], 0, &text);
                let over = |wanted: &str| if wanted == file { Ok(text.clone()) } else { reader(wanted) };
                let after = scenario::load(std::slice::from_ref(&file), &over, &|_| None, "127.0.0.1");
                let same = |other: &&Complaint| {
                    (other.code, &other.message, &other.place) == (complaint.code, &complaint.message, &complaint.place)
                };
                assert!(
                    after.complaints.iter().find(same).is_none(),
                    "{name}: `{}` does not mend `{}`\n{text}",
                    fix.title,
                    complaint.message
                );
                let errors = |complaints: &[Complaint]| left(complaints).iter().filter(|one| one.severity() == Severity::Error).count();
                assert!(errors(&after.complaints) <= errors(&before.complaints), "{name}: `{}` makes it worse\n{text}", fix.title);
            }
        }
    }
}

#[test]
fn safe_patches_are_only_those_that_read_one_way() {
    let mended: Vec<String> =
        names().into_iter().filter(|name| left(&mend(name, Which::Safe).loaded.complaints).is_empty() && name != "later").collect();
    assert_eq!(mended, SAFE);
    for name in names() {
        let first =
            scenario::load(&[format!("{name}.yaml")], &|name: &str| fs::read_to_string(folder().join(name)), &|_| None, "127.0.0.1");
        let ask = |complaint: &&Complaint| complaint.fixes.len() > 1 && complaint.fixes.iter().any(|fix| fix.safe);
        assert_eq!(first.complaints.iter().find(ask), None, "{name}: a question has no safe answer");
    }
}
