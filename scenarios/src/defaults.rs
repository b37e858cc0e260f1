//! What a file's `defaults` add to each of its faults. A fault's own key wins; a default that does not go with a fault is left
//! out there, and told only if it goes with none.

use faultwire_faults::{
    complaint::Complaint,
    fault::{Draft, is_known, key_of, unknown},
    matching::Match,
    node::{Entry, Node, Place, Value},
};
use std::collections::HashSet;

/// A fault's map with the defaults that went with it, and what came of reading it. What is wrong with it may have been told elsewhere.
pub type Read = (Node, Result<Box<Draft>, Vec<Complaint>>);

/// How each default fared.
#[derive(Default)]
pub struct Record {
    refused: Vec<(usize, Complaint)>,
    /// Some fault took it, or might have.
    useful: Vec<bool>,
    faults: usize,
    /// Those with a key that some fault may have. The others are told once, for themselves.
    known: Vec<usize>,
}

impl Record {
    pub fn of(defaults: &[Entry]) -> Record {
        let known = (0..defaults.len()).filter(|at| is_known(&defaults[*at].key)).collect();
        Record { refused: Vec::new(), useful: vec![false; defaults.len()], faults: 0, known }
    }

    /// What is wrong with defaults that no fault has taken: keys no fault has, and values that none could have.
    fn untaken(&mut self, defaults: &[Entry]) {
        let refused: HashSet<usize> = self.refused.iter().map(|(at, _)| *at).collect();
        let untaken: Vec<usize> = (0..defaults.len()).filter(|at| !self.useful[*at]).collect();
        for at in untaken {
            let entry = &defaults[at];
            if refused.contains(&at) {
                continue;
            }
            let mut keep = |complaint: Complaint| self.refused.push((at, complaint));
            match key_of(&entry.key) {
                Some(_) if entry.key == "match" => drop(Match::read(&entry.value, &mut |complaint| keep(complaint))),
                Some(key) => key.form.check(key.name, &entry.value, &mut keep),
                None => keep(unknown(entry)),
            }
        }
    }

    /// What is wrong with the defaults themselves.
    pub fn told(mut self, defaults: &[Entry]) -> Vec<Complaint> {
        self.untaken(defaults);
        if self.faults == 0 {
            self.useful.fill(true);
        }
        let mut told: Vec<Complaint> = Vec::new();
        let mut seen = HashSet::new();
        // A wrong value is wrong whether or not some fault did without it, and says more than that the key does not go here.
        let (values, shapes): (Vec<_>, Vec<_>) = self.refused.into_iter().partition(|(_, complaint)| is_wrong_anyway(complaint));
        let wrong: HashSet<usize> = values.iter().map(|(at, _)| *at).collect();
        let shapes = shapes.into_iter().filter(|(at, _)| !self.useful[*at] && !wrong.contains(at));
        for (_, complaint) in values.into_iter().chain(shapes) {
            if seen.insert((complaint.code, complaint.place.range.start)) {
                told.push(complaint);
            }
        }
        told
    }
}

/// Reads the faults of one list. What is wrong with the defaults is kept in the record.
pub fn read(nodes: &[Node], defaults: &[Entry], record: &mut Record) -> Vec<Read> {
    nodes.iter().map(|node| read_one(node, defaults, record)).collect()
}

pub fn read_one(node: &Node, defaults: &[Entry], record: &mut Record) -> Read {
    let made = |node: &Node| Draft::read(node).map(Box::new);
    let Some(own) = node.entries() else { return (node.clone(), made(node)) };
    record.faults += 1;
    let mut told_there = record.known.len() < defaults.len();
    let mut given: Vec<usize> = record.known.iter().copied().filter(|at| own.iter().all(|entry| entry.key != defaults[*at].key)).collect();
    loop {
        let entries = own.iter().chain(given.iter().map(|at| &defaults[*at])).cloned().collect();
        let whole = Node { place: node.place.clone(), value: Value::Map(entries) };
        let mut complaints = match made(&whole) {
            Ok(fault) => {
                given.iter().for_each(|at| record.useful[*at] = true);
                return (whole, Ok(fault));
            }
            Err(complaints) => complaints,
        };
        let mut unfit = Vec::new();
        for complaint in &complaints {
            for at in given.iter().filter(|at| is_about(complaint, &defaults[**at])) {
                unfit.push(*at);
                told_there |= is_wrong_anyway(complaint);
                record.refused.push((*at, complaint.clone()));
            }
        }
        if unfit.is_empty() {
            // What else is wrong hides whether these would go with it.
            given.iter().for_each(|at| record.useful[*at] = true);
            if told_there {
                complaints.retain(|complaint| !complaint.code.starts_with("E01") || complaint.code == "E0103");
            }
            return (whole, Err(complaints));
        }
        given.retain(|at| !unfit.contains(at));
    }
}

fn is_wrong_anyway(complaint: &Complaint) -> bool {
    complaint.code.starts_with("E02") || (complaint.code == "E0101" && complaint.message.starts_with("unknown key"))
}

fn is_about(complaint: &Complaint, default: &Entry) -> bool {
    let places = std::iter::once(&complaint.place).chain(complaint.also.iter().map(|(place, _)| place));
    let mut within = places.filter(|place| inside(place, &default.key_place) || anywhere(place, &default.value));
    within.next().is_some()
}

fn anywhere(place: &Place, node: &Node) -> bool {
    inside(place, &node.place)
        || match &node.value {
            Value::List(items) => items.iter().any(|item| anywhere(place, item)),
            Value::Map(entries) => entries.iter().any(|entry| inside(place, &entry.key_place) || anywhere(place, &entry.value)),
            _ => false,
        }
}

fn inside(place: &Place, whole: &Place) -> bool {
    place.source == whole.source && whole.range.start <= place.range.start && place.range.end <= whole.range.end
}
