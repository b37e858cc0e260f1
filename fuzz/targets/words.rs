//! Any text as the words of `inject`.

#![no_main]

use faultwire_scenarios::{render, scenario, sources::Sources, words::Words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = Sources::default();
    let complaints = match scenario::inject(text, &mut sources) {
        Ok(Words::Fault(node)) => scenario::faults(&[node], &[], &|_| false).err().unwrap_or_default(),
        Ok(Words::Name(_)) => Vec::new(),
        Err(complaints) => complaints,
    };
    render::render(&complaints, &sources, false);
});
