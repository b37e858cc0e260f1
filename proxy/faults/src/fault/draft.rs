//! A fault as it was written, read whole: what this version does, in a `Fault`, and beside it everything that it only understands.
//! All that is wrong with the map is told, once for each cause; proxies and protocols are not known here.

use super::{
    After, BESIDE_OVER, Fault, KEYS, Targets, later,
    nonsense::nonsense,
    often::{self, Episodes, Over},
    read::{self, read_after, value},
};
use crate::{
    complaint::{Complaint, FromNode},
    contract::{Share, Way},
    effect::{AnyEffect, Row, all, blackhole::Blackhole, latency::Latency},
    form::Form,
    matching::Match,
    node::{Entry, Node, Place},
    units::{Percent, split_number},
    value::said,
};

/// A checked fault. Some of what it says may be for a later version: `unbuilt` tells what, and where.
#[derive(Clone, Debug)]
pub struct Draft {
    pub fault: Fault,
    pub group: Option<String>,
    pub episodes: Option<Episodes>,
    pub max_active: Option<u64>,
    /// A place in the stream that is neither bytes nor a time.
    pub mark: Option<Mark>,
    /// Its effects as they stand there, in the order of the map; `partition` is not among them.
    pub effects: Vec<Chosen>,
    pub unbuilt: Vec<Unbuilt>,
    /// The map, with what defaults have added.
    pub node: Node,
}

/// How far into an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    Share(Percent),
    Messages(u64),
}

/// An effect and the keys that are its own.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub row: &'static Row,
    pub entries: Vec<Entry>,
}

/// A word of the language that this version does not do.
#[derive(Clone, Debug, PartialEq)]
pub struct Unbuilt {
    pub what: String,
    pub place: Place,
}

impl Unbuilt {
    pub fn complaint(&self) -> Complaint {
        later(&self.place, &self.what)
    }
}

impl Chosen {
    pub fn head(&self) -> &Entry {
        &self.entries[0]
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Fault {
    /// Reads one fault's flat map, for whatever proxies it will be on. All that is wrong is told, once for each cause.
    pub fn read(node: &Node) -> Result<Fault, Vec<Complaint>> {
        let draft = Draft::read(node)?;
        match draft.unbuilt.is_empty() {
            true => Ok(draft.fault),
            false => Err(draft.unbuilt.iter().map(Unbuilt::complaint).collect()),
        }
    }
}

impl Draft {
    /// Reads one fault's flat map.
    pub fn read(node: &Node) -> Result<Draft, Vec<Complaint>> {
        let Some(entries) = node.entries() else {
            return Err(vec![Complaint::new("E0104", format!("{} is not a fault", said(node)), &node.place, "a fault is a map")]);
        };
        let mut complaints = Vec::new();
        let mut unbuilt = Vec::new();
        let chosen = read::sort(entries, &mut complaints);
        check_frame(entries, &chosen, &mut complaints, &mut unbuilt);
        let mut effects = Vec::new();
        for chosen in &chosen {
            effects.extend(make(chosen, &mut complaints, &mut unbuilt));
        }
        let targets = read::targets(node, &mut complaints);
        if matches!(targets, Targets::Between { .. }) {
            effects.push(AnyEffect::Blackhole(Blackhole { lasts: None, resume: value(node, "resume").unwrap_or(false) }));
        }
        complaints.extend(read::two_endings(node.entry("partition"), &chosen));
        let (after, mark) = place_in_the_stream(node);
        let mut chooses = None;
        if let Some(entry) = node.entry("match") {
            chooses = Match::read(&entry.value, &mut |complaint| complaints.push(complaint));
        }
        let beside_over: Vec<&Entry> = entries.iter().filter(|entry| BESIDE_OVER.iter().any(|key| key.name == entry.key)).collect();
        let mut draft = Draft {
            fault: Fault {
                effects,
                after,
                chooses,
                per: node.entry("per").and_then(|entry| super::PER.iter().find(|word| Some(**word) == entry.value.text()).copied()),
                over: node.entry("over").and_then(|entry| Over::read(&entry.value, &beside_over)),
                ..read::frame(node, targets)
            },
            group: value(node, "group"),
            episodes: node.entry("episodes").and_then(|entry| Episodes::read(&entry.value)),
            max_active: often::count(node, "max_active"),
            mark,
            effects: chosen,
            unbuilt,
            node: node.clone(),
        };
        draft.paced_messages();
        if complaints.is_empty() {
            complaints.extend(nonsense(&draft));
        }
        if complaints.is_empty() { Ok(draft.settled()) } else { Err(complaints) }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.node.entry(key)
    }

    /// What shapes a stream of messages, and is done to a stream of bytes only so far.
    fn paced_messages(&mut self) {
        let later =
            self.effects.iter().filter(|chosen| self.fault.per == Some("message") && matches!(chosen.row.name, "bandwidth" | "profile"));
        self.unbuilt.extend(later.map(|chosen| {
            let head = chosen.head();
            Unbuilt { what: format!("{} per message", head.key), place: head.key_place.clone() }
        }));
    }

    /// Its ending, as it stands there.
    pub fn ending(&self) -> Option<&Entry> {
        self.effects.iter().find(|chosen| chosen.row.ends).map(Chosen::head).or_else(|| self.entry("partition"))
    }

    pub fn has(&self, effect: &str) -> bool {
        self.effects.iter().any(|chosen| chosen.row.name == effect)
    }

    /// What it is marked at: its name, or else its beginning.
    pub fn head(&self) -> Place {
        let Some(name) = self.entry("name") else { return self.node.place.clone() };
        Place { range: name.key_place.range.start..name.value.place.range.end.max(name.key_place.range.end), ..name.key_place.clone() }
    }

    /// Puts effects in the order of the table, and tells each what the fault's own keys mean for it.
    fn settled(mut self) -> Draft {
        let order = |effect: &AnyEffect| all().position(|row| row.name == effect.name());
        self.fault.effects.sort_by_key(order);
        for effect in &mut self.fault.effects {
            match effect {
                AnyEffect::Latency(Latency { per_connection, .. }) => *per_connection = self.fault.per == Some("connection"),
                AnyEffect::Corrupt(corrupt) => corrupt.of_messages = self.fault.per == Some("message"),
                _ => {}
            }
        }
        self
    }
}

/// Holds each key of the frame to its form.
fn check_frame(entries: &[Entry], chosen: &[Chosen], complaints: &mut Vec<Complaint>, unbuilt: &mut Vec<Unbuilt>) {
    let effects: usize = chosen.iter().map(|chosen| chosen.entries.len()).sum();
    for entry in entries {
        let key = KEYS.iter().find(|key| key.name == entry.key && (effects == 0 || !taken(chosen, &entry.key)));
        let beside = BESIDE_OVER.iter().find(|key| key.name == entry.key && !taken(chosen, &entry.key));
        if beside.is_some() && !entries.iter().any(|entry| entry.key == "over") {
            continue;
        }
        let Some(key) = key.or(beside) else {
            if entry.key == "resume" && !taken(chosen, "resume") {
                Form::Switch.check("resume", &entry.value, &mut |complaint| complaints.push(complaint));
            }
            continue;
        };
        key.form.check(key.name, &entry.value, &mut |complaint| complaints.push(complaint));
        let other = key.name == "per" && !matches!(entry.value.text(), Some("connection" | "message"));
        if other && let Some(word) = entry.value.text() {
            unbuilt.push(Unbuilt { what: format!("per: {word}"), place: entry.key_place.clone() });
        } else if !key.since.built && beside.is_none() {
            unbuilt.push(Unbuilt { what: key.name.to_owned(), place: entry.key_place.clone() });
        }
    }
}

fn taken(chosen: &[Chosen], key: &str) -> bool {
    chosen.iter().any(|chosen| chosen.entry(key).is_some())
}

/// An effect of its keys, if this version has it and nothing is wrong with them.
fn make(chosen: &Chosen, complaints: &mut Vec<Complaint>, unbuilt: &mut Vec<Unbuilt>) -> Option<AnyEffect> {
    let before = complaints.len();
    let mut later_values = Vec::new();
    for entry in &chosen.entries {
        let Some(key) = chosen.row.key(&entry.key) else { continue };
        key.form.check(key.name, &entry.value, &mut |complaint| match complaint.code {
            "E0109" => later_values.push(complaint),
            _ => complaints.push(complaint),
        });
    }
    if complaints.len() > before {
        return None;
    }
    let head = chosen.head();
    let Some(read) = chosen.row.read else {
        let stage = chosen.row.since().stage;
        let beyond = |entry: &&Entry| chosen.row.key(&entry.key).is_some_and(|key| key.since.stage > stage);
        let told = std::iter::once(head).chain(chosen.entries.iter().skip(1).filter(beyond));
        unbuilt.extend(told.map(|entry| Unbuilt { what: entry.key.clone(), place: entry.key_place.clone() }));
        return None;
    };
    let waiting = chosen.entries.iter().skip(1).filter(|entry| chosen.row.key(&entry.key).is_some_and(|key| !key.since.built));
    unbuilt.extend(waiting.map(|entry| Unbuilt { what: entry.key.clone(), place: entry.key_place.clone() }));
    let share = Share { head, entries: chosen.entries.iter().collect() };
    match read(&share) {
        Ok(effect) => Some(effect),
        Err(complaint) if complaint.code == "E0109" => {
            let what = complaint.message.split('`').nth(1).unwrap_or(&head.key).to_owned();
            unbuilt.push(Unbuilt { what, place: complaint.place });
            None
        }
        Err(complaint) => {
            complaints.push(complaint);
            None
        }
    }
}

fn place_in_the_stream(node: &Node) -> (Option<After>, Option<Mark>) {
    let Some(entry) = node.entry("after") else { return (None, None) };
    if let Ok(after) = read_after(&entry.value) {
        return (after, None);
    }
    let text = entry.value.text().unwrap_or_default();
    let mark = match split_number(text.trim()).map(|(number, unit)| (number, unit.trim())) {
        Some((_, "%")) => {
            let share = Percent::from_node(&entry.value).ok();
            return (share.map(After::Share), share.map(Mark::Share));
        }
        Some((number, "messages" | "message")) => {
            let count = number as u64;
            return (Some(After::Messages(count)), Some(Mark::Messages(count)));
        }
        _ => None,
    };
    (None, mark)
}

impl Targets {
    /// Which way a partition cuts on a proxy that leads from one to another service.
    pub fn is_between(&self) -> bool {
        matches!(self, Targets::Between { .. })
    }
}

/// Which way an effect acts if nothing is said.
pub fn own_way(draft: &Draft) -> Way {
    let rows = || draft.effects.iter().map(|chosen| chosen.row);
    rows().find(|row| row.ends).or(rows().next()).map_or(Way::Both, |row| row.way)
}
