//! What stands around the faults: probes, limits, who takes part and who is told. Read from maps that have been held to their tables.

use crate::{
    expect::Confidence,
    keys::{self, PROBE},
    measure::Unit,
};
use faultwire_faults::{
    complaint::{Complaint, FromNode},
    node::{Entry, Node, Place, Value},
    units::{Flow, Percent, Span},
    value::Count,
};

/// A measurement from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub name: String,
    pub name_place: Place,
    pub asks: Asks,
    pub status: Vec<String>,
    /// A pointer to the number in the answer.
    pub json: Option<String>,
    pub every: Span,
    pub timeout: Span,
    pub unit: Option<ProbeUnit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    Http(String),
    Tcp(String),
    Prometheus { url: String, query: String },
    Command(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeUnit {
    Ratio,
    Milliseconds,
    Number,
}

/// What may never be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    pub max_duration: Span,
    /// `None`: any but `production`.
    pub environments: Option<Vec<String>>,
    /// Hosts, as globs.
    pub protect: Vec<String>,
    /// `None`: the usual ones.
    pub exempt: Option<Vec<String>>,
    pub max_connections: Option<u64>,
    pub max_affected: Percent,
    pub max_rate: Option<Flow>,
    pub clients: Vec<String>,
    pub lease: Option<Span>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    pub lead: Option<String>,
    pub operator: Option<String>,
    pub responders: Vec<String>,
    pub observers: Vec<String>,
}

/// Who is told what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub to: Channel,
    pub url: String,
    pub token: Option<String>,
    pub events: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Slack,
    Webhook,
    Grafana,
}

/// What is measured before the first fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    Measure(Span),
    File(String, Place),
    None,
}

pub const DEFAULT_MAX_DURATION: Span = Span::from_secs(3600);
pub const DEFAULT_CONFIDENCE: Confidence = Confidence::Percent(Percent(950_000));
const PROTECTED: [&str; 2] = ["*.prod.*", "*.production.*"];

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_duration: DEFAULT_MAX_DURATION,
            environments: None,
            protect: PROTECTED.map(str::to_owned).to_vec(),
            exempt: None,
            max_connections: None,
            max_affected: Percent::ALWAYS,
            max_rate: None,
            clients: Vec::new(),
            lease: None,
        }
    }
}

impl Roles {
    /// Who has this role, if it is one.
    pub fn has(&self, role: &str) -> Option<bool> {
        match role {
            "lead" => Some(self.lead.is_some()),
            "operator" => Some(self.operator.is_some()),
            "responders" => Some(!self.responders.is_empty()),
            "observers" => Some(!self.observers.is_empty()),
            _ => None,
        }
    }
}

impl ProbeUnit {
    pub fn unit(self) -> Option<Unit> {
        match self {
            ProbeUnit::Ratio => Some(Unit::Percent),
            ProbeUnit::Milliseconds => Some(Unit::Duration),
            ProbeUnit::Number => None,
        }
    }
}

fn value<T: FromNode>(node: &Node, key: &str) -> Option<T> {
    node.entry(key).and_then(|entry| T::from_node(&entry.value).ok())
}

/// One text, or a list of them.
pub fn texts(node: &Node) -> Vec<String> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    };
    items.iter().filter_map(Node::text).map(str::to_owned).collect()
}

pub fn probe(entry: &Entry, keep: &mut dyn FnMut(Complaint)) -> Option<Probe> {
    let node = &entry.value;
    if node.entries().is_none() {
        keep(Complaint::new(
            "E0207",
            format!("a probe is a map, and this is {}", node.kind()),
            &entry.key_place,
            "with a key such as `http`",
        ));
        return None;
    }
    keys::check(node, "a probe", PROBE, keep);
    let mut asks = Vec::new();
    for key in ["http", "tcp", "prometheus", "command"] {
        if let Some(entry) = node.entry(key) {
            let text = entry.value.text().unwrap_or_default().to_owned();
            let asked = match key {
                "http" => Asks::Http(text),
                "tcp" => Asks::Tcp(text),
                "command" => Asks::Command(text),
                _ => Asks::Prometheus { url: text, query: value(node, "query").unwrap_or_default() },
            };
            asks.push((entry, asked));
        }
    }
    let misspelt = node.entries().unwrap_or_default().iter().any(|entry| PROBE.iter().all(|key| key.name != entry.key));
    match &asks[..] {
        [] if misspelt => {}
        [] => keep(Complaint::new(
            "E0104",
            format!("`{}` measures nothing", entry.key),
            &entry.key_place,
            "no `http`, `tcp`, `prometheus` or `command`",
        )),
        [(_, Asks::Prometheus { query, .. })] if query.is_empty() && !misspelt => {
            keep(Complaint::new("E0207", "`prometheus` needs `query`", &asks[0].0.key_place, "what is it to be asked?"));
        }
        [_] => {}
        [(first, _), (second, _), ..] => keep(
            Complaint::new("E0106", "a probe measures one thing", &second.key_place, "this one as well")
                .also(&first.key_place, "this one")
                .note("make it two probes"),
        ),
    }
    let prometheus = asks.iter().any(|(_, asked)| matches!(asked, Asks::Prometheus { .. }));
    if let (Some(query), false, false) = (node.entry("query"), prometheus, misspelt) {
        keep(Complaint::new("E0101", "`query` needs `prometheus`", &query.key_place, "there is no `prometheus` in this probe"));
    }
    let (_, asks) = asks.into_iter().next()?;
    Some(Probe {
        name: entry.key.clone(),
        name_place: entry.key_place.clone(),
        asks,
        status: node.entry("status").map(|entry| texts(&entry.value)).unwrap_or_default(),
        json: value(node, "json"),
        every: value(node, "every").unwrap_or(Span::from_secs(10)),
        timeout: value(node, "timeout").unwrap_or(Span::from_secs(5)),
        unit: node.entry("unit").and_then(|entry| match entry.value.text() {
            Some("ratio") => Some(ProbeUnit::Ratio),
            Some("ms") => Some(ProbeUnit::Milliseconds),
            Some("number") => Some(ProbeUnit::Number),
            _ => None,
        }),
    })
}

/// Limits as they were, with what a further file says.
pub fn limits(node: &Node, was: Limits) -> Limits {
    let list = |key: &str| node.entry(key).map(|entry| texts(&entry.value));
    Limits {
        max_duration: value(node, "max_duration").unwrap_or(was.max_duration),
        environments: list("environments").or(was.environments),
        protect: list("protect").unwrap_or(was.protect),
        exempt: list("exempt").or(was.exempt),
        max_connections: value::<Count>(node, "max_connections").map(|count| count.0).or(was.max_connections),
        max_affected: value(node, "max_affected").unwrap_or(was.max_affected),
        max_rate: value(node, "max_rate").or(was.max_rate),
        clients: list("clients").unwrap_or(was.clients),
        lease: value(node, "lease").or(was.lease),
    }
}

pub fn roles(node: &Node) -> Roles {
    let list = |key: &str| node.entry(key).map(|entry| texts(&entry.value)).unwrap_or_default();
    Roles { lead: value(node, "lead"), operator: value(node, "operator"), responders: list("responders"), observers: list("observers") }
}

pub fn announcement(node: &Node, keep: &mut dyn FnMut(Complaint)) -> Option<Announcement> {
    let channels = [("slack", Channel::Slack), ("webhook", Channel::Webhook), ("grafana", Channel::Grafana)];
    let mut found = channels.iter().filter_map(|(key, channel)| Some((node.entry(key)?, *channel)));
    let Some((entry, to)) = found.next() else {
        if node.entries().is_some_and(|entries| entries.iter().all(|entry| ["token", "events"].contains(&entry.key.as_str()))) {
            keep(Complaint::new("E0207", "this announcement goes nowhere", &node.place, "add `slack:`, `webhook:` or `grafana:`"));
        }
        return None;
    };
    if let Some((second, _)) = found.next() {
        keep(
            Complaint::new("E0106", "an announcement goes to one place", &second.key_place, "this one as well")
                .also(&entry.key_place, "this one"),
        );
    }
    if let Some(events) =
        node.entry("events").and_then(|entry| if let Value::List(items) = &entry.value.value { Some(items) } else { None })
    {
        for event in events {
            if let (Some(text), Value::Text(_)) = (event.text(), &event.value)
                && !text.contains('.')
            {
                keep(Complaint::new("E0207", format!("`{text}` is not an event"), &event.place, "such as `run.phase`"));
            }
        }
    }
    if let (Some(token), true) = (node.entry("token"), to != Channel::Grafana) {
        keep(Complaint::new("E0101", "`token` needs `grafana`", &token.key_place, "there is no `grafana` in this announcement"));
    }
    let url = entry.value.text().unwrap_or_default().to_owned();
    let events = node.entry("events").map(|entry| texts(&entry.value)).unwrap_or_default();
    Some(Announcement { to, url, token: value(node, "token"), events })
}

pub fn baseline(node: &Node) -> Option<Baseline> {
    match node.text() {
        Some("none") => Some(Baseline::None),
        _ => match Span::from_node(node) {
            Ok(span) => Some(Baseline::Measure(span)),
            Err(_) => node.text().map(|file| Baseline::File(file.to_owned(), node.place.clone())),
        },
    }
}
