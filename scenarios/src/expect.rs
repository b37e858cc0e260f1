//! What is judged: conditions in lists, and expectations with more to say. Read once all probes are known.

use crate::{
    condition::{
        Condition, Test,
        read::{self, KnownProbe},
    },
    keys::{self, EXPECTATION},
};
use faultwire_faults::{
    complaint::{Complaint, FromNode},
    node::{Node, Place, Value},
    units::Percent,
    value::Count,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub that: Condition,
    /// `severity: warn`: it is told, and fails nothing.
    pub warns: bool,
    pub min_samples: Option<u64>,
    pub confidence: Option<Confidence>,
    pub no_data: NoData,
    pub xfail: Option<Xfail>,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    Percent(Percent),
    /// The bare number is compared.
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoData {
    #[default]
    Inconclusive,
    Held,
    Failed,
}

/// Known not to hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xfail {
    pub issue: String,
    /// The last day, as `2027-06-30`.
    pub until: String,
}

pub fn confidence(node: &Node) -> Option<Confidence> {
    match node.text() {
        Some("none") => Some(Confidence::None),
        _ => Percent::from_node(node).ok().map(Confidence::Percent),
    }
}

/// Reads a condition, and tells what is wrong with it.
pub fn condition(node: &Node, probes: &[KnownProbe], keep: &mut dyn FnMut(Complaint)) -> Option<Condition> {
    let text = match &node.value {
        Value::Text(text) if !text.trim().is_empty() => text,
        // `YAML` reads `a: b` as a map, and a colon is easily typed.
        _ => {
            keep(Complaint::new(
                "E0505",
                format!("{} is not a condition", faultwire_faults::value::said(node)),
                &node.place,
                "such as `p95(PROXY) < 400ms`",
            ));
            return None;
        }
    };
    let read = read::read(text, &node.place, probes);
    read.complaints.into_iter().for_each(keep);
    read.condition
}

/// A list of conditions; a single one may stand alone.
pub fn conditions(node: &Node, probes: &[KnownProbe], keep: &mut dyn FnMut(Complaint)) -> Vec<Condition> {
    let made: Vec<Condition> = items(node).iter().filter_map(|item| condition(item, probes, keep)).collect();
    for condition in made.iter().filter(|condition| condition.test.is_none()) {
        keep(Complaint::new(
            "E0505",
            format!("`{}` is no test by itself", condition.subject),
            condition.subject.place(),
            "compared with what?",
        ));
    }
    made
}

pub fn expectations(node: &Node, probes: &[KnownProbe], keep: &mut dyn FnMut(Complaint)) -> Vec<Expectation> {
    items(node).iter().filter_map(|item| expectation(item, probes, keep)).collect()
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

fn expectation(node: &Node, probes: &[KnownProbe], keep: &mut dyn FnMut(Complaint)) -> Option<Expectation> {
    let Value::Map(entries) = &node.value else {
        let that = condition(node, probes, keep)?;
        return Some(Expectation {
            that,
            warns: false,
            min_samples: None,
            confidence: None,
            no_data: NoData::default(),
            xfail: None,
            place: node.place.clone(),
        });
    };
    keys::check(node, "an expectation", EXPECTATION, keep);
    let value = |key: &str| node.entry(key).map(|entry| &entry.value);
    let text = |key: &str| value(key).and_then(Node::text);
    let misspelt = |key: &str| {
        entries.iter().any(|entry| {
            EXPECTATION.iter().all(|known| known.name != entry.key) && faultwire_faults::complaint::nearest(&entry.key, [key]).is_some()
        })
    };
    if let (Some(xfail), None, false) = (node.entry("xfail"), node.entry("until"), misspelt("until")) {
        let place = Place {
            range: xfail.key_place.range.start..xfail.value.place.range.end.max(xfail.key_place.range.end),
            ..xfail.key_place.clone()
        };
        keep(
            Complaint::new("E0509", "an expected failure needs a last day", &place, "until when?")
                .note("write `until: 2027-06-30`, or another day; after it, this counts as a failure again"),
        );
    }
    if let (None, Some(until), false) = (node.entry("xfail"), node.entry("until"), misspelt("xfail")) {
        keep(Complaint::new("E0106", "`until` is the last day of `xfail`", &until.key_place, "there is no `xfail` here"));
    }
    let Some(that) = value("that") else {
        let unknown = entries.iter().any(|entry| EXPECTATION.iter().all(|known| known.name != entry.key));
        if !unknown {
            keep(Complaint::new("E0505", "this expects nothing", &node.place, "add `that:`"));
        }
        return None;
    };
    Some(Expectation {
        that: condition(that, probes, keep)?,
        warns: text("severity") == Some("warn"),
        min_samples: value("min_samples").and_then(|node| Count::from_node(node).ok()).map(|count| count.0),
        confidence: value("confidence").and_then(confidence),
        no_data: match text("no_data") {
            Some("held") => NoData::Held,
            Some("failed") => NoData::Failed,
            _ => NoData::Inconclusive,
        },
        xfail: text("xfail").zip(text("until")).map(|(issue, until)| Xfail { issue: issue.to_owned(), until: until.to_owned() }),
        place: node.place.clone(),
    })
}

/// Whether a condition speaks of what was measured before the first fault.
pub fn against_baseline(condition: &Condition) -> Option<&Place> {
    match &condition.test {
        Some(Test::Against { reference: crate::condition::Reference::Baseline, place, .. }) => Some(place),
        _ => None,
    }
}
