//! Ten thousand small mistakes in the examples: a misspelt or doubled key, a dropped unit, swapped values, a wrong indentation, a
//! deleted line. None is accepted with another meaning, unless it is something that a person may well have meant; and one mistake
//! is told once. `SEED=n` makes others.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files, takes the time, and may fail")]

use faultwire_faults::{
    complaint::Severity,
    node::{Entry, Node, Value},
};
use faultwire_scenarios::{plan::Plan, render, scenario, yaml};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
    time::Instant,
};

const WANTED: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Misspelt,
    Doubled,
    Unitless,
    Swapped,
    Indented,
    Deleted,
}

const KINDS: [Kind; 6] = [Kind::Misspelt, Kind::Doubled, Kind::Unitless, Kind::Swapped, Kind::Indented, Kind::Deleted];

struct Mutant {
    file: usize,
    kind: Kind,
    text: String,
    /// What was changed, for the message.
    what: String,
    /// A rule by which another meaning is legitimate.
    excuse: Option<&'static str>,
}

struct Original {
    name: String,
    text: String,
    printed: String,
    entries: Vec<(Vec<String>, Entry)>,
    maps: Vec<Vec<Entry>>,
}

/// Chance with a seed: the same mutants in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples"))
}

struct Said {
    refused: bool,
    told: usize,
    printed: Option<String>,
    text: String,
}

fn load(name: &str, text: &str, show: bool) -> Said {
    let reader = |wanted: &str| if wanted == name { Ok(text.to_owned()) } else { fs::read_to_string(folder().join(wanted)) };
    let env = |name: &str| {
        name.ends_with("URL").then(|| "https://hooks.example".to_owned()).or((name == "GRAFANA_TOKEN").then(|| "t".to_owned()))
    };
    let loaded = scenario::load(&[name.to_owned()], &reader, &env, "127.0.0.1");
    let told: Vec<_> = loaded.complaints.iter().filter(|complaint| complaint.code != "E0109").cloned().collect();
    if let Some(scenario) = &loaded.checked {
        // What can be read can be planned, whatever it says; a plan is lines, and no line moves the cursor of a terminal.
        let plan = Plan::of(scenario, Vec::new());
        assert!(!plan.text(None).contains(|c: char| c.is_control() && c != '\n') && plan.json().is_object(), "{text}");
    }
    Said {
        refused: told.iter().any(|complaint| complaint.severity() == Severity::Error),
        told: told.len(),
        printed: loaded.checked.map(|scenario| scenario.to_yaml()),
        text: if show { render::render(&told, &loaded.sources, false) } else { String::new() },
    }
}

fn originals() -> Vec<Original> {
    let mut names: Vec<String> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(folder().join(&name)).unwrap();
            let root = yaml::read(&text, 0).root.unwrap();
            let (mut entries, mut maps) = (Vec::new(), Vec::new());
            walk(&root, &mut Vec::new(), &mut entries, &mut maps);
            let printed = load(&name, &text, false).printed.unwrap();
            Original { name, text, printed, entries, maps }
        })
        .collect()
}

fn walk(node: &Node, path: &mut Vec<String>, entries: &mut Vec<(Vec<String>, Entry)>, maps: &mut Vec<Vec<Entry>>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| walk(item, path, entries, maps)),
        Value::Map(map) => {
            maps.push(map.clone());
            for entry in map {
                entries.push((path.clone(), entry.clone()));
                path.push(entry.key.clone());
                walk(&entry.value, path, entries, maps);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Maps whose keys are names of one's own.
const FREE: &[&str] = &["links", "headers", "trailers", "body", "query", "baggage", "error"];
/// Keys whose values are words to people, or of somebody else's language.
const WORDS: &[&str] = &[
    "name",
    "description",
    "message",
    "query",
    "http",
    "prometheus",
    "slack",
    "grafana",
    "token",
    "incident",
    "match",
    "xfail",
    "path",
    "type",
    "listen",
    "upstream",
];

/// What kind of value stands behind a key: values of one kind can be swapped, and it is a scenario all the same.
fn sort_of(key: &str) -> &'static str {
    match key {
        "name" | "description" | "message" | "type" | "lead" | "operator" | "slack" | "token" | "xfail" | "incident" => "words",
        "latency" | "jitter" | "for" | "at" | "repeat" | "duration" | "timeout" | "every_span" | "older_than" | "retry_after"
        | "baseline" | "recover_within" | "ttl" | "gap" | "stale" | "mean" | "median" | "p50" | "p90" | "p99" | "max" | "min"
        | "stddev" | "amplitude" | "period" | "max_duration" | "lease" | "bad" | "good" => "time",
        "times" | "skip" | "every" | "burst" | "max_active" | "max_streams" => "count",
        "probability" | "corrupt" | "reorder" | "duplicate" | "loss" | "average" | "max_affected" | "truncate" => "share",
        "slice" | "vary" | "window" => "size",
        "enabled" | "optional" | "disguise" | "blind" => "switch",
        "from" | "to" => "service",
        "gate" | "until" => "approval",
        other => Box::leak(other.to_owned().into_boxed_str()),
    }
}

fn mutant(original: &Original, file: usize, kind: Kind, dice: &mut Dice) -> Option<Mutant> {
    let text = &original.text;
    let edit = |range: std::ops::Range<usize>, with: &str| format!("{}{with}{}", &text[..range.start], &text[range.end..]);
    let made = |text: String, what: String, excuse: Option<&'static str>| Some(Mutant { file, kind, text, what, excuse });
    match kind {
        Kind::Misspelt => {
            let (path, entry) = dice.of(&original.entries)?;
            let key: Vec<char> = entry.key.chars().collect();
            let at = dice.below(key.len());
            let mut wrong = key.clone();
            match dice.below(4) {
                0 => drop(wrong.remove(at)),
                1 => wrong.insert(at, key[at]),
                2 => wrong.swap(at, (at + 1) % key.len()),
                _ => wrong[at] = char::from(b'a' + dice.below(26) as u8),
            }
            let wrong: String = wrong.into_iter().collect();
            if wrong == entry.key {
                return None;
            }
            let free = path.last().is_some_and(|last| FREE.contains(&last.as_str()));
            // A name of one's own that nothing refers to is as good as another.
            let own = path.last().is_some_and(|last| last == "proxies" || last == "probes");
            let another = ["p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p999"].contains(&wrong.as_str());
            let excuse = if another {
                Some("another percentile")
            } else if free {
                Some("a name of one's own")
            } else if own {
                Some("a proxy or probe that nothing else names")
            } else {
                None
            };
            made(edit(entry.key_place.range.clone(), &wrong), format!("{} -> {wrong}", entry.key), excuse)
        }
        Kind::Doubled => {
            let (_, entry) = dice.of(&original.entries)?;
            let value = entry.value.text().filter(|value| !value.contains('\n')).unwrap_or("x");
            let (start, line) = line_of(text, entry.key_place.range.start);
            let column = entry.key_place.range.start - start;
            let twice = match line[..column].trim_start_matches(['-', ' ']).is_empty() {
                true => edit(start..start, &format!("{}{}: {value}\n", " ".repeat(column), entry.key)),
                false => edit(entry.key_place.range.start..entry.key_place.range.start, &format!("{}: {value}, ", entry.key)),
            };
            // In front of the first key of an item the line belongs to what stands above.
            let head = line[..column].contains('-') && line[..column].trim_start_matches(['-', ' ']).is_empty();
            if head {
                return None;
            }
            made(twice, format!("{} twice", entry.key), None)
        }
        Kind::Unitless => {
            let (path, entry) = dice.of(&original.entries)?;
            let place = match &entry.value.value {
                Value::List(items) => dice.of(items)?.place.clone(),
                Value::Map(_) => return None,
                _ => entry.value.place.clone(),
            };
            let value = text.get(place.range.clone())?;
            let units: Vec<std::ops::Range<usize>> = numbers(value);
            let unit = dice.of(&units)?.clone();
            let range = place.range.start + unit.start..place.range.start + unit.end;
            let words = WORDS.contains(&entry.key.as_str()) || path.iter().any(|key| FREE.contains(&key.as_str()) || key == "proxies");
            made(
                edit(range, ""),
                format!("{}: {value} without `{}`", entry.key, &value[unit]),
                words.then_some("words to people, or a part of a name"),
            )
        }
        Kind::Swapped => {
            let map = dice.of(&original.maps)?;
            let scalars: Vec<&Entry> =
                map.iter().filter(|entry| entry.value.text().is_some() && !entry.value.place.range.is_empty()).collect();
            let (a, b) = (*dice.of(&scalars)?, *dice.of(&scalars)?);
            let (a, b) = if a.value.place.range.start < b.value.place.range.start { (a, b) } else { (b, a) };
            let (first, second) = (&text[a.value.place.range.clone()], &text[b.value.place.range.clone()]);
            if first == second || first.contains('\n') || second.contains('\n') {
                return None;
            }
            let one = edit(b.value.place.range.clone(), first);
            let swapped = format!("{}{second}{}", &one[..a.value.place.range.start], &one[a.value.place.range.end..]);
            let excuse = (sort_of(&a.key) == sort_of(&b.key)).then_some("values of one kind");
            let ramp = [&a.key, &b.key].iter().all(|key| ["from", "to", "over"].contains(&key.as_str()));
            let excuse = excuse.or(ramp.then_some("values of one kind"));
            let excuse = excuse.or_else(|| {
                [&a.key, &b.key]
                    .iter()
                    .all(|key| ["name", "message", "proxy", "group", "match"].contains(&key.as_str()))
                    .then_some("both are text")
            });
            let links = map.iter().any(|entry| entry.value.text().is_some_and(|text| text.contains("->") || text.contains("://")));
            made(swapped, format!("{}: {first} and {}: {second}", a.key, b.key), excuse.or(links.then_some("two links change their names")))
        }
        Kind::Indented => {
            let lines: Vec<usize> =
                std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).filter(|at| *at < text.len()).collect();
            let start = *dice.of(&lines)?;
            let (_, line) = line_of(text, start);
            let indent = line.len() - line.trim_start().len();
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                return None;
            }
            let changed = match dice.below(4) {
                0 => edit(start..start, " "),
                1 => edit(start..start, "  "),
                2 if indent >= 1 => edit(start..start + 1, ""),
                3 if indent >= 2 => edit(start..start + 2, ""),
                _ => return None,
            };
            // Lines of a folded text may stand where they like.
            let folded = line.trim_start().chars().next().is_some_and(char::is_alphabetic) && !line.contains(':');
            // The line behind a folded text becomes a part of it.
            let above = text[..start].trim_end().rsplit('\n').next().unwrap_or_default();
            let behind = above.starts_with("  ") && !above.contains(": ") && !above.trim_start().starts_with('-');
            let excuse = if folded || behind { Some("a line of folded text, or behind one") } else { None };
            let both = line.trim_start().starts_with("headers:").then_some("`headers` is a key of a match, and one of a fault");
            made(changed, format!("indentation of `{}`", line.trim()), excuse.or(both))
        }
        Kind::Deleted => {
            let lines: Vec<usize> =
                std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).filter(|at| *at < text.len()).collect();
            let start = *dice.of(&lines)?;
            let (_, line) = line_of(text, start);
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                return None;
            }
            let end = (start + line.len() + 1).min(text.len());
            let changed = edit(start..end, "");
            let before = yaml::read(text, 0).root.map(|root| root.to_json());
            let after = yaml::read(&changed, 0).root.map(|root| root.to_json());
            let less = before.zip(after).is_some_and(|(before, after)| without_one(&before, &after));
            made(
                changed,
                format!("without `{}`", line.trim()),
                less.then_some("a scenario without that key or item")
                    .or(line.ends_with(": >").then_some("a folded text has become a part of the text above")),
            )
        }
    }
}

/// Whether one key, item or line of text has gone, and all else is as it was.
fn without_one(before: &serde_json::Value, after: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (before, after) {
        (_, Value::Null) => true,
        (Value::Object(a), Value::Object(b)) => {
            let gone = a.keys().filter(|key| !b.contains_key(*key)).count();
            let changed: Vec<_> =
                a.iter().filter_map(|(key, value)| b.get(key).map(|other| (value, other))).filter(|(a, b)| a != b).collect();
            let more = b.keys().any(|key| !a.contains_key(key));
            !more && (gone, changed.len()) == (1, 0) || (gone == 0 && changed.len() == 1 && without_one(changed[0].0, changed[0].1))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() + 1 => {
            (0..a.len()).any(|gone| a[..gone] == b[..gone] && a[gone + 1..] == b[gone..])
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let changed: Vec<_> = a.iter().zip(b).filter(|(a, b)| a != b).collect();
            changed.len() == 1 && without_one(changed[0].0, changed[0].1)
        }
        (Value::String(a), Value::String(b)) => a.len() > b.len(),
        _ => false,
    }
}

fn line_of(text: &str, at: usize) -> (usize, &str) {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    (start, text[start..].split('\n').next().unwrap_or_default())
}

/// Where the units behind numbers stand.
fn numbers(value: &str) -> Vec<std::ops::Range<usize>> {
    let bytes = value.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let fresh = before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'_');
        if !(fresh && bytes[at].is_ascii_digit()) {
            at += 1;
            continue;
        }
        let digits = value[at..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(value.len(), |end| at + end);
        let unit = value[digits..].find(|c: char| !c.is_ascii_alphabetic() && c != '%').map_or(value.len(), |end| digits + end);
        let unit = if value[unit..].starts_with("/s") || value[unit..].starts_with("/h") { unit + 2 } else { unit };
        if unit > digits && !value[at..digits].ends_with('.') {
            found.push(digits..unit);
        }
        at = unit.max(at + 1);
    }
    found
}

#[derive(Default)]
struct Count {
    all: usize,
    refused: usize,
    same: usize,
    excused: BTreeMap<&'static str, usize>,
    told: usize,
    many: usize,
}

#[test]
fn no_mistake_is_accepted_in_silence() {
    let begun = Instant::now();
    let originals = originals();
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_270_314);
    let mut dice = Dice(seed);
    let mut mutants: Vec<Mutant> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    while mutants.len() < WANTED {
        let file = dice.below(originals.len());
        // There are more ways to misspell a key than to delete a line.
        let kind = KINDS[[0, 0, 0, 0, 1, 2, 3, 4, 4, 5][dice.below(10)]];
        let Some(mutant) = mutant(&originals[file], file, kind, &mut dice) else { continue };
        if mutant.text != originals[file].text && seen.insert(mutant.text.clone()) {
            mutants.push(mutant);
        }
    }
    let half = mutants.len() / 2;
    let (first, second) = mutants.split_at(half);
    let (one, other) = std::thread::scope(|scope| {
        let there = scope.spawn(|| judge(&originals, first));
        let here = judge(&originals, second);
        (there.join().unwrap(), here)
    });
    let (mut wrong, mut noisy) = (one.1, one.2);
    wrong.extend(other.1);
    noisy.extend(other.2);
    let mut counts = one.0;
    for (kind, more) in other.0 {
        let count = counts.entry(kind).or_default();
        count.all += more.all;
        count.refused += more.refused;
        count.same += more.same;
        count.told += more.told;
        count.many += more.many;
        more.excused.into_iter().for_each(|(rule, n)| *count.excused.entry(rule).or_default() += n);
    }
    let (mut told, mut many) = (0, 0);
    for (kind, count) in &counts {
        eprintln!(
            "{kind:?}: {} mutants, {} refused, {} mean the same, excused {:?}; told more than once: {}",
            count.all, count.refused, count.same, count.excused, count.many
        );
        told += count.told;
        many += count.many;
    }
    let share = 100.0 - 100.0 * many as f64 / told as f64;
    eprintln!("{} mutants in {:?}, seed {seed}; {share:.2} % of those that are told are told once", mutants.len(), begun.elapsed());
    if std::env::var_os("NOISY").is_some() {
        eprintln!("{}", noisy.join("\n"));
    }
    assert!(wrong.is_empty(), "{} accepted in silence:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(share >= 95.0, "{share:.2} %:\n{}", noisy[..noisy.len().min(20)].join("\n"));
}

type Judged = (BTreeMap<Kind, Count>, Vec<String>, Vec<String>);

fn judge(originals: &[Original], mutants: &[Mutant]) -> Judged {
    let mut counts: BTreeMap<Kind, Count> = BTreeMap::new();
    let (mut wrong, mut noisy) = (Vec::new(), Vec::new());
    for mutant in mutants {
        let original = &originals[mutant.file];
        let said = load(&original.name, &mutant.text, false);
        let count = counts.entry(mutant.kind).or_default();
        count.all += 1;
        count.told += usize::from(said.told > 0);
        if said.told > 1 {
            count.many += 1;
            noisy.push(format!("{} {:?} {}\n{}", original.name, mutant.kind, mutant.what, load(&original.name, &mutant.text, true).text));
        }
        if said.refused {
            count.refused += 1;
        } else if said.printed.as_ref() == Some(&original.printed) {
            count.same += 1;
        } else if let Some(rule) = mutant.excuse {
            *count.excused.entry(rule).or_default() += 1;
        } else {
            wrong.push(format!("{}: {:?} {} ({} told)", original.name, mutant.kind, mutant.what, said.told));
        }
    }
    (counts, wrong, noisy)
}
