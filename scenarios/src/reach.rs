//! Faults that cannot act as they are written: those that a fault above leaves nothing, and those with no chance at all.

use faultwire_faults::{
    complaint::Complaint,
    contract::Strike,
    effect,
    fault::{Connections, Fault, Often, Targets, fits},
    node::{Node, Place},
    units::{Percent, Span},
    value::Ramped,
};
use std::collections::{BTreeMap, BTreeSet};

/// Faults in the order of evaluation, each with the map it was read from.
pub fn check(faults: &[(&Node, &Fault)], complaints: &mut Vec<Complaint>) {
    for (node, fault) in faults {
        never_happens(node, fault, complaints);
    }
    let mut told = vec![false; faults.len()];
    let on = by_pattern(faults);
    for (above, (node, fault)) in faults.iter().enumerate().filter(|(_, (_, fault))| ends_everything(fault)) {
        let lost: Vec<usize> =
            candidates(fault, &on).into_iter().filter(|at| *at > above && !told[*at] && waits_for(faults[*at].1, fault)).collect();
        let Some(first) = lost.first().filter(|_| !told[above]) else { continue };
        lost.iter().for_each(|at| told[*at] = true);
        let complaint = unreachable(node, fault, &head(faults[*first].0));
        complaints.push(lost.iter().skip(1).fold(complaint, |complaint, at| complaint.also(&head(faults[*at].0), "nor this far")));
    }
}

fn by_pattern<'a>(faults: &[(&'a Node, &'a Fault)]) -> BTreeMap<&'a str, BTreeSet<usize>> {
    let mut on: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, (_, fault)) in faults.iter().enumerate() {
        for pattern in patterns(fault) {
            on.entry(pattern).or_default().insert(at);
        }
    }
    on
}

/// Faults that may be on the proxies of this one.
fn candidates(fault: &Fault, on: &BTreeMap<&str, BTreeSet<usize>>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for pattern in patterns(fault) {
        match pattern.contains('*') {
            true => found.extend(on.iter().filter(|(other, _)| fits(pattern, other)).flat_map(|(_, faults)| faults)),
            false => found.extend(on.get(pattern).into_iter().flatten()),
        }
    }
    found
}

fn patterns(fault: &Fault) -> impl Iterator<Item = &str> {
    let targets = match &fault.targets {
        Targets::Proxies(targets) => targets.as_slice(),
        Targets::Between { .. } => &[],
    };
    targets.iter().map(|target| target.pattern.as_str())
}

fn never_happens(node: &Node, fault: &Fault, complaints: &mut Vec<Complaint>) {
    let Some(entry) = node.entry("probability").filter(|_| fault.often.probability == Ramped::Steady(Percent::NEVER)) else { return };
    complaints.push(
        Complaint::new("W0105", "this fault never happens", &entry.value.place, "no chance at all")
            .note("a fault that is to wait until something switches it on says `enabled: false`"),
    );
}

/// Whether no connection of its proxies is left to the faults below.
fn ends_everything(fault: &Fault) -> bool {
    let always = fault.enabled && fault.often == Often::default() && fault.clock.at == Span::ZERO && fault.clock.lasts.is_none();
    let everyone = fault.connections == Connections::All && fault.direction.is_none() && fault.when.is_none() && fault.after.is_none();
    always && everyone && fault.strike().is_some_and(|strike| strike != Strike::CloseHalf)
}

fn waits_for(below: &Fault, above: &Fault) -> bool {
    let mut on = patterns(below);
    let covered = on.all(|pattern| patterns(above).any(|over| over == pattern || fits(over, pattern)));
    // A closed port is closed whatever stands above it.
    below.enabled && !below.optional && covered && below.strike() != Some(Strike::Down)
}

fn unreachable(node: &Node, above: &Fault, place: &Place) -> Complaint {
    let name = above.name.as_deref().unwrap_or_default();
    let ending = node
        .entries()
        .unwrap_or_default()
        .iter()
        .find(|entry| entry.key == "partition" || effect::row(&entry.key).is_some_and(|row| row.ends));
    let ending = ending.map_or(&node.place, |entry| &entry.key_place);
    Complaint::new("E0305", "this fault can never be reached", place, "nothing gets this far")
        .also(ending, format!("`{name}` already ends every connection"))
        .note("faults are read from top to bottom, and the first that ends a connection wins")
        .note(format!("put this one first, or give `{name}` a `probability`"))
}

/// What a fault is marked at: its name, or else its beginning.
fn head(node: &Node) -> Place {
    let Some(name) = node.entry("name") else { return node.place.clone() };
    Place { range: name.key_place.range.start..name.value.place.range.end.max(name.key_place.range.end), ..name.key_place.clone() }
}
