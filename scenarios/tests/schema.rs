//! The JSON Schema accepts every example and everything else that is accepted, and refuses the mistakes that a schema can see.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and may fail")]

use faultwire_scenarios::{
    library::LIBRARY,
    schema::{self, ID, schema},
    yaml,
};
use jsonschema::Validator;
use serde_json::Value;
use std::{fs, path::Path};

/// Mistakes in the shape of a file: keys, units, words, what must stand beside what.
const SEEN: &[&str] = &[
    "m01-typo",
    "m02-no-unit",
    "m03-bare-probability",
    "m06-two-endings",
    "m07-toxiproxy-words",
    "m13-endless-phase",
    "m14-listen-forgotten",
    "m24-down-for-some",
    "m25-over-what",
    "m26-yes",
    "m27-websocket-scheme",
    "m29-expected-for-ever",
];

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

fn json(text: &str) -> Option<Value> {
    let read = yaml::read(text, 0);
    read.root.filter(|_| read.complaints.is_empty()).map(|root| root.to_json())
}

fn files(name: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The copy that editors fetch: its address says this version, and the file of that address is it.
#[test]
fn the_copy_is_fresh_and_stands_where_its_id_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = ID.split_once(concat!("/v", env!("CARGO_PKG_VERSION"), "/")).unwrap().1;
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root.join(path), schema::printed()).unwrap();
    }
    let there = fs::read_to_string(root.join(path)).unwrap_or_default();
    assert!(there == schema::printed(), "{path} is stale: UPDATE=1 cargo test -p faultwire-scenarios");
    let there: Value = serde_json::from_str(&there).unwrap();
    assert_eq!(there["$id"], ID);
    jsonschema::draft202012::meta::validate(&there).unwrap();
}

#[test]
fn what_is_accepted_is_accepted_by_the_schema() {
    let validator = validator();
    let everything = ("everything".to_owned(), include_str!("everything.yaml").to_owned());
    let ready = LIBRARY.iter().map(|ready| (ready.name.to_owned(), ready.text.to_owned()));
    for (name, text) in files("examples").into_iter().chain([everything]).chain(ready) {
        let errors: Vec<String> =
            validator.iter_errors(&json(&text).unwrap()).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
    }
}

#[test]
fn mistakes_of_shape_are_refused() {
    let validator = validator();
    let refused: Vec<String> = files("mistakes")
        .into_iter()
        .filter(|(name, text)| {
            name.starts_with('m') && name.as_bytes()[1].is_ascii_digit() && json(text).is_some_and(|json| !validator.is_valid(&json))
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(refused, SEEN);
}

#[test]
fn hovering_shows_prose() {
    let schema = schema();
    let about = |pointer: &str| schema.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert!(about("/properties/seed/description").contains("dice"));
    assert!(about("/$defs/fault/properties/latency/description").contains("later"));
    assert!(about("/$defs/fault/properties/burst/description").contains("Or:"));
    assert!(about("/$defs/phase/properties/until/description").contains("timeout"));
    let mut without = Vec::new();
    for (place, properties) in [
        ("scenario", &schema["properties"]),
        ("fault", &schema["$defs"]["fault"]["properties"]),
        ("phase", &schema["$defs"]["phase"]["properties"]),
    ] {
        without.extend(
            properties
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, value)| value["description"].is_null())
                .map(|(key, _)| format!("{place}.{key}")),
        );
    }
    assert_eq!(without, Vec::<String>::new());
}
