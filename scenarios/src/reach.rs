//! Faults that cannot act as they are written: those that a fault above leaves nothing, and those with no chance at all.

use crate::{link::ProxySpec, names::MOST_PATTERNS};
use faultwire_faults::{
    complaint::Complaint,
    contract::Strike,
    fault::{Connections, Draft, Fault, Often, Targets, fits},
    fit,
    node::Place,
    protocol::Protocol,
    units::{Percent, Span},
    value::Ramped,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// `W0105`: no chance at all.
pub fn never_happens(draft: &Draft) -> Option<Complaint> {
    let entry = draft.entry("probability").filter(|_| draft.fault.often.probability == Ramped::Steady(Percent::NEVER))?;
    Some(
        Complaint::new("W0105", "this fault never happens", &entry.value.place, "no chance at all")
            .note("a fault that is to wait until something switches it on says `enabled: false`"),
    )
}

/// Faults in the order of evaluation, all in force together.
pub fn check(faults: &[&Draft], proxies: &HashMap<&str, &ProxySpec>, complaints: &mut Vec<Complaint>) {
    let mut told = vec![false; faults.len()];
    let on = by_pattern(faults);
    let mut covered: BTreeSet<&str> = BTreeSet::new();
    let mut globs_seen = 0;
    for (above, fault) in faults.iter().enumerate().filter(|(_, fault)| ends_everything(fault)) {
        // What an earlier one covers needs no second look.
        let many = globs_seen > MOST_PATTERNS && patterns(&fault.fault).any(|pattern| pattern.contains('*'));
        globs_seen += patterns(&fault.fault).filter(|pattern| pattern.contains('*')).count();
        if many || told[above] || patterns(&fault.fault).all(|pattern| !covered.insert(pattern)) {
            continue;
        }
        let over: HashSet<&str> = patterns(&fault.fault).collect();
        let globs: Vec<&str> = over.iter().copied().filter(|pattern| pattern.contains('*')).collect();
        let covers = |below: &str| over.contains(below) || globs.iter().any(|glob| fits(glob, below));
        let lost: Vec<usize> =
            candidates(&fault.fault, &on).into_iter().filter(|at| *at > above && !told[*at] && waits_for(faults[*at], &covers)).collect();
        let Some(first) = lost.first() else { continue };
        lost.iter().for_each(|at| told[*at] = true);
        let complaint = unreachable(fault, &faults[*first].head(), speaks(fault, proxies));
        complaints.push(lost.iter().skip(1).fold(complaint, |complaint, at| complaint.also(&faults[*at].head(), "nor this far")));
    }
}

fn speaks(draft: &Draft, proxies: &HashMap<&str, &ProxySpec>) -> Protocol {
    let mut specs = patterns(&draft.fault).filter_map(|pattern| proxies.get(pattern));
    specs.next().map_or(Protocol::Tcp, |spec| spec.speaks)
}

fn by_pattern<'a>(faults: &[&'a Draft]) -> BTreeMap<&'a str, BTreeSet<usize>> {
    let mut on: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, draft) in faults.iter().enumerate() {
        for pattern in patterns(&draft.fault) {
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

pub fn patterns(fault: &Fault) -> impl Iterator<Item = &str> {
    let targets = match &fault.targets {
        Targets::Proxies(targets) => targets.as_slice(),
        Targets::Between { .. } => &[],
    };
    targets.iter().map(|target| target.pattern.as_str())
}

/// Whether nothing restricts it: it acts on every unit of its proxies, from beginning to end.
pub fn is_always(draft: &Draft) -> bool {
    let fault = &draft.fault;
    let always = fault.enabled && fault.often == Often::default() && fault.clock.at == Span::ZERO && fault.clock.lasts.is_none();
    let chooses = draft.fault.chooses.as_ref().is_some_and(|chooses| !chooses.fits_all());
    let limited = draft.fault.over.is_some() || draft.group.is_some() || draft.episodes.is_some() || draft.max_active.is_some();
    always && !chooses && !limited && fault.connections == Connections::All
}

/// Whether no unit of its proxies is left to the faults below.
fn ends_everything(draft: &Draft) -> bool {
    let fault = &draft.fault;
    let at_once =
        fault.direction.is_none() && fault.when.is_none() && fault.after.is_none() && draft.mark.is_none() && draft.fault.per.is_none();
    // What is only closed by half, asked to go, or answered from what was stored, goes on.
    let spares =
        fault.strike() == Some(Strike::CloseHalf) || ["goaway", "stale", "auth", "failover"].iter().any(|effect| draft.has(effect));
    let lasts = draft.ending().is_some_and(|entry| entry.key != "partition");
    is_always(draft) && at_once && lasts && !spares
}

fn waits_for(below: &Draft, covers: &dyn Fn(&str) -> bool) -> bool {
    let covered = patterns(&below.fault).all(covers);
    // A closed port is closed whatever stands above it, and a greeting is sent before there is anything to end.
    let earlier = below.has("down") || below.effects.iter().any(|chosen| chosen.row.on.tls);
    below.fault.enabled && !below.fault.optional && covered && !earlier && !below.fault.targets.is_between()
}

fn unreachable(above: &Draft, place: &Place, on: Protocol) -> Complaint {
    let name = above.fault.name.as_deref().unwrap_or_default();
    let ending = above.ending();
    let does = if ending.is_some_and(|entry| fit::answers(&entry.key)) { "answers" } else { "ends" };
    let unit = on.unit();
    let way_out = if on.is_bytes() { "a `probability`" } else { "a `match` or a `probability`" };
    Complaint::new("E0305", "this fault can never be reached", place, "nothing gets this far")
        .also(ending.map_or(&above.node.place, |entry| &entry.key_place), format!("`{name}` already {does} every {unit}"))
        .note(format!("faults are read from top to bottom, and the first that ends a {unit} wins"))
        .note(format!("put this one first, or give `{name}` {way_out}"))
}
