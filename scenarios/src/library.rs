//! Ready scenarios that come with the program: `slow-database`, `cable-cut`, `outage` and others, each a file that can be run by its name
//! and copied from. Each has one proxy, and says by variables where that listens and leads.

use faultwire_faults::complaint::nearest;

/// One ready scenario.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub name: &'static str,
    /// In one line, what it shows.
    pub about: &'static str,
    pub text: &'static str,
}

/// The one proxy of every ready scenario.
pub const PROXY: &str = "upstream";
/// The variable that says where it listens.
pub const LISTEN: &str = "LISTEN";
/// The variable that says where it leads.
pub const UPSTREAM: &str = "UPSTREAM";

macro_rules! ready {
    ($($name:literal: $about:literal,)*) => {
        pub const LIBRARY: &[Ready] =
            &[$(Ready { name: $name, about: $about, text: include_str!(concat!("../library/", $name, ".yaml")) }),*];
    };
}

ready! {
    "slow-database": "every answer is late: do time-outs, pools and budgets hold?",
    "slow-tail": "most answers are fast, a few are very slow: do hedging and deadlines help?",
    "flaky-payments": "requests get lost, answers get lost after the work was done: is anything paid twice?",
    "packet-loss": "a link that loses packets: stalls, not errors",
    "cross-region": "every round trip takes 80ms more: who asks in a loop?",
    "throttled": "a thin pipe: do large answers and uploads still come through?",
    "trickle": "answers come in drops: is there a deadline for the whole?",
    "half-answer": "the connection ends in the middle of an answer: is half of one taken for all?",
    "blackhole": "connections are accepted, then nothing: is there a time-out at all?",
    "cable-cut": "the link is cut for 20s, and what was held goes on: what is done twice?",
    "outage": "the port refuses for 10s: is the error handled, and is there a way back?",
    "flapping": "down for 5s in every half minute: does anything wear out?",
    "slow-start": "refuses at first, then warms up: do callers wait, or drown it?",
    "brownout": "slower and thinner for two minutes: do callers shed load before they fail?",
    "connection-storm": "all connections are lost at once: do they all come back at once?",
    "rolling-restart": "a third of the idle connections closes every half minute: does a call fail?",
    "pool-reset": "pooled connections die at the moment of use: is the call sent again?",
    "pool-silent": "open connections fall silent, as after a failover: how long until the pool notices?",
}

/// The ready scenario of this name.
pub fn find(name: &str) -> Option<&'static Ready> {
    LIBRARY.iter().find(|ready| ready.name == name)
}

/// The name that may have been meant: one that differs in a letter or two, or that has this word in it.
pub fn near(name: &str) -> Option<&'static str> {
    let names = || LIBRARY.iter().map(|ready| ready.name);
    nearest(name, names()).or_else(|| names().find(|whole| whole.split('-').any(|word| word == name)))
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
            let scenario = loaded.scenario.unwrap();
            assert!(!scenario.faults.is_empty() && scenario.description.is_some(), "{}", ready.name);
            assert_eq!(scenario.name, ready.name, "it is called what its file is called");
            assert!(
                ready.text.starts_with("# ") && ready.text.contains("\n# A healthy client "),
                "{} begins with what it shows",
                ready.name
            );
            assert!(ready.text.lines().count() <= 30 && ready.about.len() <= 90, "{} fits on a screen", ready.name);
        }
    }

    #[test]
    fn every_ready_scenario_stands_in_front_of_whatever_is_wanted() {
        for ready in LIBRARY {
            let reader = |_: &str| io::Result::Ok(ready.text.to_owned());
            let env =
                |name: &str| [(LISTEN, "0"), (UPSTREAM, "[::1]:9")].iter().find(|(own, _)| *own == name).map(|(_, at)| (*at).to_owned());
            let scenario = load(&[ready.name.to_owned()], &reader, &env, "127.0.0.1").scenario.unwrap();
            let [proxy] = &scenario.proxies[..] else { panic!("{} has {} proxies", ready.name, scenario.proxies.len()) };
            assert_eq!((proxy.name.as_str(), proxy.listen.port, proxy.upstream.to_string().as_str()), (PROXY, 0, "[::1]:9"));
            assert!(ready.text.contains("  - name: ") && !ready.text.contains("enabled: false"), "{} acts by itself", ready.name);
        }
    }

    #[test]
    fn what_was_meant() {
        assert_eq!(
            [near("slow-databse"), near("flaky"), near("payments")],
            [Some("slow-database"), Some("flaky-payments"), Some("flaky-payments")]
        );
        assert_eq!([near("nonsense"), near("")], [None, None]);
    }

    #[test]
    fn names_are_told_apart_from_files_and_folders() {
        for ready in LIBRARY {
            assert!(ready.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", ready.name);
        }
    }

    #[test]
    fn every_file_of_the_library_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("library");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), LIBRARY.len());
    }
}
