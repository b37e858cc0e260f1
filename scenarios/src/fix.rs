//! Patches: which of them read one way only, and texts with them applied, over and over until nothing more can be mended.

use crate::{
    files::Reader,
    render,
    scenario::{self, Loaded, Setting},
    variables::Env,
};
use faultwire_faults::complaint::{Complaint, Fix};
use std::{collections::BTreeMap, io};

/// Which patches are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that cannot mean anything else.
    Safe,
    /// The first of each complaint, be it a guess.
    First,
}

/// What mending has come to.
#[derive(Debug)]
pub struct Mended {
    /// The texts that have changed, by the names of their files.
    pub texts: BTreeMap<String, String>,
    /// How many patches were applied.
    pub applied: usize,
    /// What is said now.
    pub loaded: Loaded,
}

/// A patch may bring to light what was hidden behind the mistake; this often it is looked for.
const MOST_ROUNDS: usize = 8;

/// Marks the patches that may be applied without asking: the only one of their complaint, of a kind that adds nothing of its own.
pub fn mark(complaint: &mut Complaint) {
    let code = complaint.code;
    if let [only] = &mut complaint.fixes[..] {
        only.safe = reads_one_way(code, only);
    }
}

fn reads_one_way(code: &str, fix: &Fix) -> bool {
    let title = fix.title.as_str();
    // A word for one that is not known, or a form for one that nothing else can mean.
    let word = ["did you mean", "here it is", "write `", "write the arrow", "another name", "here it is called"]
        .iter()
        .any(|start| title.starts_with(start));
    match code {
        "E0002" | "E0108" | "W0204" => true,
        "E0101" | "E0206" | "E0207" | "E0209" | "E0210" | "E0212" | "E0213" | "E0301" | "E0404" | "E0501" | "E0510" | "E0511" | "E0512" => {
            word
        }
        "E0202" | "E0203" | "E0205" => true,
        "E0505" => word || title == "without the space",
        "E0502" => title == "a percentage" || title == "so many times",
        _ => false,
    }
}

/// The patches to apply, one of each complaint.
pub fn chosen(complaints: &[Complaint], which: Which) -> Vec<&Fix> {
    let firsts = complaints.iter().filter_map(|complaint| complaint.fixes.first());
    firsts.filter(|fix| which == Which::First || fix.safe).collect()
}

/// Reads, applies patches, and reads again. Files are not written; the texts come back.
pub fn mend(names: &[String], reader: Reader<'_>, env: Env<'_>, setting: &Setting<'_>, which: Which) -> Mended {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut applied = 0;
    let mut loaded = read(names, reader, env, setting, &texts);
    for _ in 0..MOST_ROUNDS {
        let fixes = chosen(&loaded.complaints, which);
        let mut changed = false;
        for (index, source) in loaded.sources.iter().enumerate() {
            let mine: Vec<&Fix> = fixes.iter().copied().filter(|fix| fix.edits.iter().any(|edit| edit.place.source == index)).collect();
            let text = render::apply(&mine, index, &source.text);
            if text != source.text && source.name != "<stdin>" {
                applied += mine.len();
                changed = true;
                texts.insert(source.name.clone(), text);
            }
        }
        if !changed {
            break;
        }
        loaded = read(names, reader, env, setting, &texts);
    }
    Mended { texts, applied, loaded }
}

fn read(names: &[String], reader: Reader<'_>, env: Env<'_>, setting: &Setting<'_>, texts: &BTreeMap<String, String>) -> Loaded {
    let over = |name: &str| match texts.get(name) {
        Some(text) => io::Result::Ok(text.clone()),
        None => reader(name),
    };
    scenario::load_with(names, &over, env, setting)
}
