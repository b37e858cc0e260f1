//! Any bytes as a scenario file: no panic, no endless look, and what is said of it can be shown.

#![no_main]

use faultwire_scenarios::{render, scenario};
use libfuzzer_sys::fuzz_target;
use std::io;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let reader = |name: &str| if name == "a.yaml" { Ok(text.to_owned()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) };
    let env = |name: &str| (name == "SET").then(|| "26379".to_owned());
    let loaded = scenario::load(&["a.yaml".to_owned()], &reader, &env, "127.0.0.1");
    for complaint in &loaded.complaints {
        assert!(!complaint.message.is_empty());
        render::json(complaint, &loaded.sources);
    }
    render::render(&loaded.complaints, &loaded.sources, false);
    for fault in loaded.scenario.iter().flat_map(|scenario| &scenario.faults) {
        fault.describe();
    }
});
