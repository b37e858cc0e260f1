//! Every word that can be explained, found in the tables that read scenarios: a word that is added to one of them is known here.

use faultwire_faults::{
    contract::Key,
    effect::{self, Row},
    fault::{BESIDE_OVER, KEYS},
    foreseen::PROFILES,
    form::Form,
    matching::{FACTS, FactRow},
};
use faultwire_scenarios::{
    keys::{EXPECTATION, FILE, PHASE, PROBE, PROXY},
    measure::{MEASURES, Measure},
};

/// Keys that stand in one kind of map.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// `a phase`, `limits`.
    pub of: &'static str,
    pub keys: &'static [Key],
}

/// What a word means in one place.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// An effect, by its own name or by a key of it.
    Effect(&'static Row),
    Key(&'static str, &'static Key),
    Measure(&'static Measure),
    Fact(&'static FactRow),
    Profile(&'static str),
}

const ROOTS: &[Table] = &[
    Table { of: "a fault", keys: KEYS },
    Table { of: "a fault with `over`", keys: BESIDE_OVER },
    Table { of: "a scenario", keys: FILE },
    Table { of: "a proxy", keys: PROXY },
    Table { of: "a phase", keys: PHASE },
    Table { of: "a probe", keys: PROBE },
    Table { of: "an expectation", keys: EXPECTATION },
];

/// All tables of keys, those of maps within values included; the keys of effects stand with their effects.
pub fn tables() -> Vec<Table> {
    let mut tables = ROOTS.to_vec();
    for key in ROOTS.iter().flat_map(|table| table.keys).chain(effect::all().flat_map(|row| row.keys)) {
        within(&key.form, &mut tables);
    }
    tables
}

fn within(form: &'static Form, tables: &mut Vec<Table>) {
    match form {
        Form::Map { what, keys } if !tables.iter().any(|table| table.of == *what) => {
            tables.push(Table { of: what, keys });
            keys.iter().for_each(|key| within(&key.form, tables));
        }
        Form::Either(forms) => forms.iter().for_each(|form| within(form, tables)),
        Form::Some(of) | Form::List(of) | Form::MapOf(of) | Form::Ramp(of) => within(of, tables),
        _ => {}
    }
}

/// Everything that the word means: effects first, then keys of faults, then what is farther away.
pub fn meanings(word: &str) -> Vec<Meaning> {
    let mut found: Vec<Meaning> = effect::row(word).map(Meaning::Effect).into_iter().collect();
    let keys = tables().into_iter().filter_map(|table| {
        let key = table.keys.iter().find(|key| key.name == word)?;
        Some(Meaning::Key(table.of, key))
    });
    found.extend(keys);
    found.extend(effect::all().filter(|row| row.owns(word)).map(Meaning::Effect));
    found.extend(MEASURES.iter().filter(|measure| measure.name == word).map(Meaning::Measure));
    found.extend(FACTS.iter().filter(|fact| fact.name == word).map(Meaning::Fact));
    found.extend(PROFILES.iter().filter(|profile| **profile == word).map(|profile| Meaning::Profile(profile)));
    found
}

/// All words, each once.
pub fn all() -> Vec<&'static str> {
    let keys = tables().into_iter().flat_map(|table| table.keys).chain(effect::all().flat_map(|row| row.keys)).map(|key| key.name);
    let others = MEASURES.iter().map(|measure| measure.name).chain(FACTS.iter().map(|fact| fact.name)).chain(PROFILES.iter().copied());
    let mut words: Vec<&str> = Vec::new();
    for word in keys.chain(others) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
