//! The example scenarios are accepted as they stand. What this version cannot do yet is told by `E0109`, and listed in
//! `tests/examples/later.txt`: that list shrinks to nothing. `UPDATE=1` writes it anew.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files, takes the time, and may fail")]

use faultwire_scenarios::{
    render,
    scenario::{self, Loaded},
};
use std::{collections::BTreeMap, fs, path::Path, time::Instant};

pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples"))
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names
}

fn load(name: &str) -> Loaded {
    let reader = |name: &str| fs::read_to_string(folder().join(name));
    let env = |name: &str| {
        name.ends_with("URL").then(|| "https://hooks.example".to_owned()).or((name == "GRAFANA_TOKEN").then(|| "t".to_owned()))
    };
    scenario::load(&[name.to_owned()], &reader, &env, "127.0.0.1")
}

#[test]
fn examples_are_accepted_but_for_what_comes_later() {
    let mut later: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names() {
        let loaded = load(&name);
        let others: Vec<_> = loaded.complaints.iter().filter(|complaint| complaint.code != "E0109").cloned().collect();
        assert!(others.is_empty(), "{}", render::render(&others, &loaded.sources, false));
        assert!(loaded.checked.is_some(), "{name}");
        assert_eq!(loaded.scenario.is_some(), loaded.complaints.is_empty(), "{name}");
        let mut places: Vec<_> = loaded.complaints.iter().map(|complaint| complaint.place.range.clone()).collect();
        places.dedup();
        assert_eq!(places.len(), loaded.complaints.len(), "{name}: one place, one complaint");
        let words = loaded.complaints.iter().map(|complaint| complaint.message.split('`').nth(1).unwrap().to_owned());
        later.insert(name, words.collect());
    }
    let said: String = later.iter().map(|(name, words)| format!("{name}: {}\n", words.join(", "))).collect();
    let file = folder().join("later.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &said).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap_or_default(), said, "what comes later has changed");
}

#[test]
fn a_game_day_is_read_in_a_moment() {
    let start = Instant::now();
    for _ in 0..10 {
        assert!(load("08-game-day.yaml").checked.is_some());
    }
    // Without optimisation, on a busy machine: far more than it takes, far less than anybody would wait.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
