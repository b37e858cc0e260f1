//! Ready scenarios that come with the program: `slow`, `flaky`, `blackhole` and others, each a file to copy from.

/// One ready scenario.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub name: &'static str,
    /// In one line, what it shows.
    pub about: &'static str,
    pub text: &'static str,
}

macro_rules! ready {
    ($($name:literal: $about:literal,)*) => {
        pub const LIBRARY: &[Ready] =
            &[$(Ready { name: $name, about: $about, text: include_str!(concat!("../library/", $name, ".yaml")) }),*];
    };
}

ready! {
    "slow": "every answer is late: do time-outs and budgets hold?",
    "slow-tail": "most answers are fast, a few are very slow: do hedging and deadlines help?",
    "flaky": "some connections are reset: are they tried again, and not too often?",
    "lossy-link": "a link that loses packets: stalls, not errors",
    "pool-reset": "pooled connections die at the moment of use",
    "pool-silent": "open connections fall silent, as after a failover: how long until the pool notices?",
    "blackhole": "connections are accepted, then nothing: is there a time-out at all?",
    "down": "the port refuses: is the error handled, and is there a way back?",
    "flapping": "down for a few seconds in every half minute",
    "throttled": "a thin pipe: do large answers and uploads still come through?",
    "half-answer": "the connection ends in the middle of an answer",
    "brownout": "it gets slower and slower, until nothing works",
}

/// The ready scenario of this name.
pub fn find(name: &str) -> Option<&'static Ready> {
    LIBRARY.iter().find(|ready| ready.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{render::render, scenario::load};
    use std::io;

    #[test]
    fn every_ready_scenario_can_be_used_as_it_stands() {
        for ready in LIBRARY {
            let reader = |_: &str| io::Result::Ok(ready.text.to_owned());
            let loaded = load(&[format!("{}.yaml", ready.name)], &reader, &|_| None, "127.0.0.1");
            assert_eq!(render(&loaded.complaints, &loaded.sources, false), "", "{}", ready.name);
            assert!(loaded.scenario.is_some_and(|scenario| !scenario.faults.is_empty() && scenario.description.is_some()));
            assert!(ready.text.starts_with("# "), "{} begins with what it shows", ready.name);
        }
    }

    #[test]
    fn every_file_of_the_library_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("library");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), LIBRARY.len());
    }
}
