//! Which proxies a fault means, and what a fault is called: patterns, partitions, names that are not found or are there twice.

use crate::link::ProxySpec;
use faultwire_faults::{
    complaint::{Complaint, Edit, Fix, nearest},
    fault::{Fault, Target, Targets, is_name},
    node::{Node, Place, Value},
};
use std::collections::{HashMap, HashSet};

/// Looking for what was meant takes a look at every name: done for the first few, which are the ones that are read.
const MOST_GUESSES: usize = 20;
/// Every pattern takes a look at every name.
pub const MOST_PATTERNS: usize = 200;

/// A proxy's name and where it stands, whether or not the rest of it could be read.
#[derive(Clone, Debug)]
pub struct Declared {
    pub name: String,
    pub place: Place,
    /// Its own complaints have been told: what follows from them is not.
    pub broken: bool,
}

/// A name that somebody uses for a proxy.
#[derive(Clone, Debug)]
pub struct Use {
    pub target: Target,
    /// In a condition, and not in a fault.
    pub aside: bool,
}

/// What a fault's `proxy` says, whether or not the rest of the fault could be read.
pub fn patterns(node: &Node) -> Vec<Target> {
    let Some(entry) = node.entry("proxy") else { return Vec::new() };
    let items = match &entry.value.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    let named = items.iter().filter(|item| matches!(item.value, Value::Text(_) | Value::Number(_)));
    named.map(|item| Target { pattern: item.text().unwrap_or_default().to_owned(), exact: false, place: item.place.clone() }).collect()
}

/// Names that no proxy has. One name is one cause, however many faults use it.
pub fn unknown(uses: &[Use], proxies: &[Declared]) -> Vec<Complaint> {
    let exact: HashSet<&str> = proxies.iter().map(|proxy| proxy.name.as_str()).collect();
    let mut globs: HashMap<&str, bool> = HashMap::new();
    let mut groups: Vec<Vec<&Use>> = Vec::new();
    let mut group_of: HashMap<&str, usize> = HashMap::new();
    for used in uses {
        let (target, pattern) = (&used.target, used.target.pattern.as_str());
        let looked_at = globs.len() <= MOST_PATTERNS;
        let fits = || !looked_at || exact.iter().any(|name| target.fits(name));
        let known = exact.contains(pattern) || (!target.is_literal() && *globs.entry(pattern).or_insert_with(fits));
        if known {
            continue;
        }
        let at = *group_of.entry(pattern).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(used),
            None => groups.push(vec![used]),
        }
    }
    let mut complaints: Vec<Complaint> =
        groups.iter().enumerate().map(|(at, same)| not_found(same, uses, proxies, at < MOST_GUESSES)).collect();
    if globs.len() > MOST_PATTERNS
        && let Some(last) = uses.iter().rev().find(|used| !used.target.is_literal())
    {
        complaints.push(
            Complaint::new(
                "E0207",
                format!("there are more than {MOST_PATTERNS} patterns with `*` here"),
                &last.target.place,
                "one too many",
            )
            .note("name proxies in lists instead"),
        );
    }
    complaints
}

fn not_found(same: &[&Use], uses: &[Use], proxies: &[Declared], guess: bool) -> Complaint {
    let (pattern, place) = (same[0].target.pattern.as_str(), &same[0].target.place);
    if !same[0].target.is_literal() {
        return Complaint::new("E0301", format!("no proxy fits `{pattern}`"), place, "not found").note(there_are(proxies));
    }
    let complaint = Complaint::new("E0301", format!("there is no proxy named `{pattern}`"), place, "not found");
    let near = if guess { nearest(pattern, proxies.iter().map(|proxy| proxy.name.as_str())) } else { None };
    let Some(near) = near.and_then(|near| proxies.iter().find(|proxy| proxy.name == near)) else {
        return also_all(complaint, &same[1..], "nor here").note(there_are(proxies));
    };
    // Several faults agree on a name and none uses the one that is there: then that one is misspelt.
    let unused = !uses.iter().any(|other| other.target.fits(&near.name));
    let here = shown(&near.place);
    if same.len() > 1 && unused && here {
        let complaint = complaint.also(&near.place, "nothing uses this one");
        return also_all(complaint, &same[1..], "nor for this one").fix(format!("was this meant to be `{pattern}`?"), &near.place, pattern);
    }
    let complaint = if here && !same[0].aside { complaint.also(&near.place, format!("there is `{}`", near.name)) } else { complaint };
    let mut complaint = also_all(complaint, &same[1..], "nor here");
    let edits = same.iter().map(|used| Edit { place: used.target.place.clone(), text: near.name.clone() }).collect();
    complaint.fixes.push(Fix { title: format!("did you mean `{}`?", near.name), safe: false, edits });
    complaint
}

fn also_all(complaint: Complaint, others: &[&Use], label: &str) -> Complaint {
    others.iter().fold(complaint, |complaint, other| complaint.also(&other.target.place, label))
}

fn there_are(proxies: &[Declared]) -> String {
    let names: Vec<String> = proxies.iter().take(10).map(|proxy| format!("`{}`", proxy.name)).collect();
    match (names.len(), proxies.len()) {
        (0, _) => "there are no proxies here".to_owned(),
        (shown, all) if shown < all => format!("there are {} and {} more", names.join(", "), all - shown),
        _ => format!("there {} {}", if names.len() == 1 { "is" } else { "are" }, names.join(", ")),
    }
}

/// What came through the API has no place in a text.
fn shown(place: &Place) -> bool {
    !place.range.is_empty()
}

/// What is wrong with partitions that find nothing to cut. Which proxies one cuts is found out where it is put in force.
pub fn nothing_to_cut<'a>(faults: impl Iterator<Item = &'a Fault>, proxies: &[ProxySpec]) -> Vec<Complaint> {
    let joined: HashSet<(&str, &str)> = proxies.iter().filter_map(|proxy| Some((proxy.from.as_deref()?, proxy.leads_to()))).collect();
    let mut complaints = Vec::new();
    for fault in faults {
        let Targets::Between { from, to, place, .. } = &fault.targets else { continue };
        if !joined.contains(&(from, to)) && !joined.contains(&(to, from)) {
            let looked_at = if complaints.len() < MOST_GUESSES { proxies } else { &[] };
            complaints.push(nothing_between(from, to, place, looked_at));
        }
    }
    complaints
}

fn nothing_between(from: &str, to: &str, place: &Place, proxies: &[ProxySpec]) -> Complaint {
    let complaint = Complaint::new("E0301", format!("no proxy lies between `{from}` and `{to}`"), place, "nothing to cut");
    let half = proxies.iter().find(|proxy| proxy.from.is_none() && (proxy.leads_to() == to || proxy.leads_to() == from));
    match half {
        Some(proxy) => {
            let caller = if proxy.leads_to() == to { from } else { to };
            let complaint = match shown(&proxy.name_place) {
                true => complaint.also(&proxy.name_place, format!("`{}` does not say who calls", proxy.name)),
                false => complaint,
            };
            complaint.note(format!("with `from: {caller}` in its long form, `{}` would be such a proxy", proxy.name))
        }
        None => complaint.note("a proxy lies between two services when its `from` is one and its `to`, or its upstream's host, the other"),
    }
}

/// Gives a name to every fault that has none: `PROXY-EFFECT`, then `PROXY-EFFECT-2`. Names of one's own come first, so that they
/// never depend on what others are called.
pub fn give(faults: &mut [&mut Fault], taken: &dyn Fn(&str) -> bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut seen: HashMap<String, Place> = HashMap::new();
    for fault in faults.iter() {
        let Some(name) = &fault.name else { continue };
        if name.trim().is_empty() {
            complaints.push(Complaint::new("E0207", "this name is empty", &fault.name_place, "every fault needs one of its own"));
        } else if !is_name(name) {
            complaints.push(
                Complaint::new("E0207", format!("`{name}` cannot name a fault"), &fault.name_place, "not a name")
                    .note("a name has no `/`, no `@`, no control characters, and at most 128 bytes"),
            );
        } else if let Some(first) = seen.get(name) {
            complaints.push(
                Complaint::new("E0304", format!("two faults are named `{name}`"), &fault.name_place, "and again here")
                    .also(first, "first here")
                    .note("a fault is switched, counted and rolled for by its name"),
            );
        } else {
            seen.insert(name.clone(), fault.name_place.clone());
        }
    }
    let mut names: HashSet<String> = seen.into_keys().collect();
    let mut last: HashMap<String, usize> = HashMap::new();
    for fault in faults.iter_mut().filter(|fault| fault.name.is_none()) {
        let base = fault.default_name();
        let next = last.entry(base.clone()).or_insert(0);
        let name = loop {
            *next += 1;
            let name = if *next == 1 { base.clone() } else { format!("{base}-{next}") };
            if !taken(&name) && names.insert(name.clone()) {
                break name;
            }
        };
        fault.name = Some(name);
    }
    complaints
}
