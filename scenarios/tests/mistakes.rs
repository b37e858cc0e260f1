//! What is said about each mistake, to the byte: `tests/mistakes/*.yaml` beside their `.expected`. `UPDATE=1` writes these anew.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and may fail")]

use faultwire_faults::complaint::Severity;
use faultwire_scenarios::{render, scenario};
use std::{fs, path::Path};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes"))
}

fn said(file: &str) -> (String, bool) {
    let reader = |name: &str| fs::read_to_string(folder().join(name));
    let loaded = scenario::load(&[file.to_owned()], &reader, &|_| None, "127.0.0.1");
    let wrong = loaded.complaints.iter().any(|complaint| complaint.severity() == Severity::Error);
    assert_eq!(wrong, loaded.scenario.is_none(), "{file}: a scenario only if nothing is wrong");
    for complaint in &loaded.complaints {
        let json = render::json(complaint, &loaded.sources);
        assert!(json["code"].is_string() && json["file"].is_string(), "{json}");
    }
    // Warnings say what is wrong with a scenario that this version cannot do yet; that it cannot is told as well, and goes away.
    let own = file == "later.yaml";
    let told: Vec<_> = loaded.complaints.iter().filter(|complaint| own || complaint.code != "E0109").cloned().collect();
    (render::render(&told, &loaded.sources, false), told.is_empty())
}

#[test]
fn every_mistake_is_told_as_expected() {
    let mut names: Vec<String> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut wrong = Vec::new();
    for file in names.iter().filter(|name| name.ends_with(".yaml")) {
        let (text, fine) = said(file);
        assert!(!fine, "{file} has a mistake, and nothing was said");
        let path = folder().join(file.replace(".yaml", ".expected"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(format!("--- {file}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}
