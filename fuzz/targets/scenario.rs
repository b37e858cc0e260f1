//! Any bytes as a scenario file: no panic, no endless look; what is said of it can be shown, its patches applied, and what is taken
//! means the same when it is printed and read again.

#![no_main]

use faultwire_faults::protocol::Protocol;
use faultwire_scenarios::{
    fix::{self, Which},
    plan::Plan,
    render,
    scenario::{self, Loaded, Setting},
};
use libfuzzer_sys::fuzz_target;
use std::io;

const NAMES: [&str; 1] = ["a.yaml"];
const SETTING: Setting<'static> = Setting { bind: "127.0.0.1", there: &[], in_container: false };

fn reader(text: &str) -> impl Fn(&str) -> io::Result<String> + '_ {
    |name| if name == NAMES[0] { Ok(text.to_owned()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
}

fn env(name: &str) -> Option<String> {
    (name == "SET").then(|| "26379".to_owned())
}

fn load(text: &str) -> Loaded {
    scenario::load_with(&NAMES.map(str::to_owned), &reader(text), &env, &SETTING)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let loaded = load(text);
    for complaint in &loaded.complaints {
        assert!(!complaint.message.is_empty());
        render::json(complaint, &loaded.sources);
    }
    render::render(&loaded.complaints, &loaded.sources, false);
    if bytes.len() < 4096 {
        fix::mend(&NAMES.map(str::to_owned), &reader(text), &env, &SETTING, Which::First);
    }
    if let Some(checked) = &loaded.checked {
        checked.drafts().for_each(|draft| drop(draft.fault.describe(Protocol::Http)));
        let plan = Plan::of(checked, Vec::new());
        plan.text(None);
        plan.json();
        let printed = checked.to_yaml();
        let again = load(&printed);
        let said = render::render(&again.complaints, &again.sources, false);
        let read = again.checked.unwrap_or_else(|| panic!("printed, it is not taken:\n{printed}\n{said}"));
        assert_eq!(printed, read.to_yaml());
    }
});
