//! How often: rates, sequences, what a roll depends on. The parts that act already are in `Often`.

use crate::{
    complaint::{Complaint, FromNode},
    node::{Entry, Node, Value},
    units::{Flow, Span, split_number},
    value::{Count, Ramped, said},
};
use std::fmt;

/// `over`: only what exceeds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Over {
    pub limit: Limit,
    /// Tokens in the bucket; one second's worth if it is not said.
    pub burst: Option<u64>,
    pub per: RatePer,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    Rate(Ramped<Flow>),
    AtOnce(AtOnce),
}

/// So many at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtOnce {
    pub count: u64,
    pub of: &'static str,
}

/// Who shares a rate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RatePer {
    #[default]
    Proxy,
    Connection,
    Client,
    Header(String),
}

/// What a roll depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Draw {
    #[default]
    Ordinal,
    Identity,
    Trace,
}

/// Acts in bad spells only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Episodes {
    AsLearned,
    Mean { bad: Span, good: Span },
}

/// What can be open or in flight at once, in the plural.
const UNITS: &[&str] = &["connections", "requests", "calls", "statements", "commands", "queries", "messages", "datagrams"];

impl Over {
    pub fn read(node: &Node, beside: &[&Entry]) -> Option<Over> {
        let beside = |key: &str| beside.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let per = match beside("rate_per").and_then(Node::text) {
            Some("connection") => RatePer::Connection,
            Some("client") => RatePer::Client,
            Some(text) => text.strip_prefix("header ").map_or(RatePer::Proxy, |name| RatePer::Header(name.trim().to_owned())),
            None => RatePer::Proxy,
        };
        let burst = beside("burst").and_then(|node| Count::from_node(node).ok()).map(|count| count.0);
        Some(Over { limit: limit(node).ok()?, burst, per })
    }
}

/// Whether this can stand behind `over`.
pub fn is_over(node: &Node) -> Result<(), Complaint> {
    limit(node).map(drop)
}

fn limit(node: &Node) -> Result<Limit, Complaint> {
    let text = node.text().unwrap_or_default().trim();
    if matches!(node.value, Value::Map(_)) || text.contains(" to ") || Flow::parse(text).is_some() {
        return Ramped::from_node(node).map(Limit::Rate);
    }
    let wrong = |label: &str| Complaint::new("E0210", format!("{} is not a limit", said(node)), &node.place, label);
    match split_number(text).map(|(number, unit)| (number, unit.trim())) {
        Some((number, unit)) if !unit.is_empty() && number >= 1.0 && number.fract() == 0.0 => {
            let of = UNITS.iter().find(|word| **word == unit || singular(word) == unit);
            match of {
                Some(of) => Ok(Limit::AtOnce(AtOnce { count: number as u64, of })),
                None => Err(match crate::complaint::nearest(unit, UNITS.iter().copied()) {
                    Some(near) => wrong("of what?").fix(format!("did you mean `{near}`?"), &node.place, format!("{number} {near}")),
                    None => wrong("write it as `20/s`, or `20 connections`"),
                }),
            }
        }
        Some((_, "")) => Err(wrong(&format!("{text} of what?")).fix("so many a second", &node.place.end(), "/s").fix(
            "or so many at once",
            &node.place.end(),
            " connections",
        )),
        _ => Err(wrong("write it as `20/s`, or `20 connections`")),
    }
}

fn singular(word: &str) -> &str {
    if word == "queries" { "query" } else { word.trim_end_matches('s') }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.limit {
            Limit::Rate(rate) => write!(f, "{rate}"),
            Limit::AtOnce(AtOnce { count, of }) => write!(f, "{count} {of}"),
        }
    }
}

impl Draw {
    pub fn read(node: &Node) -> Draw {
        match node.entry("draw").and_then(|entry| entry.value.text()) {
            Some("identity") => Draw::Identity,
            Some("trace") => Draw::Trace,
            _ => Draw::Ordinal,
        }
    }
}

impl Episodes {
    pub fn read(node: &Node) -> Option<Episodes> {
        if node.value == Value::Bool(true) {
            return Some(Episodes::AsLearned);
        }
        let span = |key: &str| node.entry(key).and_then(|entry| Span::from_node(&entry.value).ok());
        Some(Episodes::Mean { bad: span("bad")?, good: span("good")? })
    }
}

/// The words of `sequence`; `true` is `fail`.
pub fn sequence(node: &Node) -> Result<Vec<bool>, Complaint> {
    let words: Option<Vec<bool>> = node
        .text()
        .unwrap_or_default()
        .split_whitespace()
        .map(|word| match word {
            "fail" => Some(true),
            "pass" => Some(false),
            _ => None,
        })
        .collect();
    match words {
        Some(words) if words.contains(&true) => Ok(words),
        Some(_) => Err(Complaint::new("E0104", "this sequence never fails", &node.place, "one `fail` at least")),
        None => Err(Complaint::new("E0207", format!("{} is not a sequence", said(node)), &node.place, "write it as `fail fail pass`")),
    }
}

pub fn is_sequence(node: &Node) -> Result<(), Complaint> {
    sequence(node).map(drop)
}

/// A count that stands there and is one.
pub fn count(node: &Node, key: &str) -> Option<u64> {
    node.entry(key).and_then(|entry| Count::from_node(&entry.value).ok()).map(|count| count.0)
}
