//! What the codes of diagnostics mean: the rule of each in a line, and a wrong and a right text. It finds no mistakes itself.

mod examples;

pub use faultwire_scenarios::codes::{CODES, find};

/// A text that gets this code, and the same as it should be.
pub fn example(code: &str) -> Option<(&'static str, &'static str)> {
    examples::EXAMPLES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(code)).map(|(_, wrong, right)| (*wrong, *right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::await_::Condition, verbs::check::unanswered};
    use examples::EXAMPLES;
    use faultwire_scenarios::{
        render,
        scenario::{self, Setting},
    };
    use std::{collections::BTreeSet, io, path::Path};

    #[test]
    fn codes_are_there_once() {
        assert!(CODES.windows(2).all(|pair| pair[0].0[1..] < pair[1].0[1..]));
        assert!(find("e0101").is_some() && find("E9999").is_none());
        for (code, about) in CODES {
            let (wrong, right) = example(code).unwrap_or_else(|| panic!("{code} has no example"));
            assert!(about.ends_with('.') && wrong.ends_with('\n') && right.ends_with('\n'), "{code}");
        }
        assert!(EXAMPLES.iter().all(|(code, ..)| find(code).is_some()));
    }

    /// The codes that `check` finds in a text, and what it says.
    fn said(text: &str) -> (BTreeSet<&'static str>, String) {
        let reader = |name: &str| match name {
            "faultwire.yaml" => Ok(text.to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let setting = Setting { bind: "127.0.0.1", in_container: text.starts_with("# in a container"), ..Setting::default() };
        let loaded = scenario::load_with(&["faultwire.yaml".to_owned()], &reader, &|_| None, &setting);
        (loaded.complaints.iter().map(|complaint| complaint.code).collect(), render::render(&loaded.complaints, &loaded.sources, false))
    }

    #[test]
    fn every_wrong_example_is_wrong_in_its_way_and_every_right_one_is_right() {
        for (code, wrong, right) in EXAMPLES {
            if let Some(condition) = wrong.strip_prefix("faultwire await ") {
                let bare = |line: &str| line.trim().trim_matches('"').to_owned();
                let problem = Condition::parse(&bare(condition)).expect_err("it is wrong");
                assert!(format!("{problem:?}").contains(code), "{code}: {problem:?}");
                let right = right.strip_prefix("faultwire await ").expect("the same command");
                assert!(Condition::parse(&bare(right)).is_ok(), "{code}: {right}");
                continue;
            }
            // A word that this version cannot do yet is right for all that.
            let built = |mut found: BTreeSet<&'static str>| {
                found.retain(|found| found == code || *found != "E0109");
                found
            };
            let (found, text) = said(wrong);
            let found = built(found);
            match *code {
                // The world decides about this one, and here nothing listens.
                "E0601" => assert!(found.is_empty() && unanswered(wrong) == ["E0601"], "{text}"),
                _ => assert_eq!(found, BTreeSet::from([*code]), "{code}, wrong:\n{wrong}\n{text}"),
            }
            let (found, text) = said(right);
            let found = built(found);
            assert!(found.is_empty(), "{code}, right:\n{right}\n{text}");
        }
    }

    #[test]
    fn every_code_that_is_said_is_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut told = BTreeSet::new();
        for folder in ["scenarios/src", "proxy/faults/src", "control/src"] {
            codes_in(&root.join(folder), &mut told);
        }
        assert!(told.len() > 30, "{told:?}");
        for code in told {
            assert!(find(&code).is_some(), "{code} is said, and not explained");
        }
    }

    fn codes_in(folder: &Path, told: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, told);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("src/codes.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                told.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
            }
        }
    }

    fn is_code(word: &str) -> bool {
        word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|byte| byte.is_ascii_digit())
    }
}
