//! Phases: named spans of the timeline, what goes wrong in each, and what ends them.

use crate::{
    condition::{Condition, Named, Subject, read::KnownProbe},
    defaults,
    expect::{self, Expectation},
    keys::{self, PHASE},
    sources::Sources,
};
use faultwire_faults::{
    complaint::{Complaint, Edit, Fix, FromNode, nearest},
    fault::Draft,
    node::{Entry, Node, Place, Value},
    units::Span,
};

#[derive(Clone, Debug)]
pub struct Phase {
    pub name: String,
    /// Its name, or else its beginning.
    pub place: Place,
    pub ends: Ends,
    pub gate: Option<Approval>,
    pub faults: Vec<PhaseFault>,
    pub expect: Vec<Expectation>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ends {
    After(Span),
    When { until: Until, timeout: Span },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Until {
    /// `recovered` is one of them.
    Condition(Box<Condition>),
    Approval(Approval),
}

/// A person says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approval {
    /// The role; anybody if it is not said.
    pub by: Option<Named>,
}

#[derive(Clone, Debug)]
pub enum PhaseFault {
    Own(Box<Draft>),
    /// Declared with `enabled: false`.
    Named(Named),
}

/// A phase whose faults have been read with the defaults of their file, and whose conditions wait for all probes.
pub struct Begun {
    node: Node,
    faults: Vec<BegunFault>,
}

enum BegunFault {
    Read(defaults::Read),
    Named(Named),
}

/// Reads the faults of a phase.
pub fn begin(node: &Node, defaults: &[Entry], record: &mut defaults::Record, keep: &mut dyn FnMut(Complaint)) -> Option<Begun> {
    if node.entries().is_none() {
        keep(Complaint::new(
            "E0207",
            format!("a phase is a map, and this is {}", node.kind()),
            &node.place,
            "with keys such as `duration` and `faults`",
        ));
        return None;
    }
    let items = match node.entry("faults").map(|entry| &entry.value) {
        None => &[],
        Some(Node { value: Value::List(items), .. }) => items.as_slice(),
        Some(Node { value: Value::Null, .. }) => &[],
        Some(other) => {
            keep(Complaint::new(
                "E0207",
                format!("`faults` is a list, and this is {}", other.kind()),
                &other.place,
                "a list is wanted here",
            ));
            &[]
        }
    };
    let faults = items.iter().map(|item| match &item.value {
        Value::Text(name) => BegunFault::Named(Named { name: name.clone(), place: item.place.clone() }),
        _ => BegunFault::Read(defaults::read_one(item, defaults, record)),
    });
    Some(Begun { node: node.clone(), faults: faults.collect() })
}

impl Begun {
    /// The faults of its own that were read, well or not.
    pub fn read(&self) -> impl Iterator<Item = &defaults::Read> {
        self.faults.iter().filter_map(|fault| match fault {
            BegunFault::Read(read) => Some(read),
            BegunFault::Named(_) => None,
        })
    }

    /// The whole phase. `at` is its place in the list, from 1.
    pub fn finish(self, at: usize, probes: &[KnownProbe], sources: &Sources, complaints: &mut Vec<Complaint>) -> Phase {
        let node = &self.node;
        let keep = &mut |complaint: Complaint| complaints.push(complaint);
        keys::check(node, "a phase", PHASE, keep);
        let name = node.entry("name").and_then(|entry| entry.value.text()).map_or_else(|| format!("phase {at}"), str::to_owned);
        let ends = ends(node, probes, sources, keep);
        let gate = node.entry("gate").and_then(|entry| approval(&entry.value, keep));
        let expect = node.entry("expect").map(|entry| expect::expectations(&entry.value, probes, keep)).unwrap_or_default();
        let faults = self.faults.into_iter().filter_map(|fault| match fault {
            BegunFault::Named(named) => Some(PhaseFault::Named(named)),
            BegunFault::Read((_, Ok(draft))) => Some(PhaseFault::Own(draft)),
            BegunFault::Read((_, Err(wrong))) => {
                wrong.into_iter().for_each(&mut *keep);
                None
            }
        });
        let faults = faults.collect();
        Phase { name, place: head(node), ends: ends.unwrap_or(Ends::After(Span::ZERO)), gate, faults, expect }
    }
}

impl Phase {
    pub fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.faults.iter().filter_map(|fault| match fault {
            PhaseFault::Own(draft) => Some(&**draft),
            PhaseFault::Named(_) => None,
        })
    }

    /// The longest it can last.
    pub fn longest(&self) -> Span {
        match &self.ends {
            Ends::After(span) | Ends::When { timeout: span, .. } => *span,
        }
    }

    pub fn until(&self) -> Option<&Condition> {
        match &self.ends {
            Ends::When { until: Until::Condition(condition), .. } => Some(condition),
            _ => None,
        }
    }

    pub fn approvals(&self) -> impl Iterator<Item = &Approval> {
        let until = match &self.ends {
            Ends::When { until: Until::Approval(approval), .. } => Some(approval),
            _ => None,
        };
        self.gate.iter().chain(until)
    }
}

/// Whether this waits for the steady state.
pub fn recovered(condition: &Condition) -> Option<&Place> {
    match &condition.subject {
        Subject::Recovered(place) => Some(place),
        _ => None,
    }
}

fn head(node: &Node) -> Place {
    let Some(name) = node.entry("name") else { return node.place.clone() };
    Place { range: name.key_place.range.start..name.value.place.range.end.max(name.key_place.range.end), ..name.key_place.clone() }
}

/// A key that is not there under its name, but nearly.
fn misspelt(node: &Node, key: &str) -> bool {
    let mut entries = node.entries().unwrap_or_default().iter();
    entries.any(|entry| PHASE.iter().all(|known| known.name != entry.key) && nearest(&entry.key, [key]).is_some())
}

fn ends(node: &Node, probes: &[KnownProbe], sources: &Sources, keep: &mut dyn FnMut(Complaint)) -> Option<Ends> {
    let span = |key: &str| node.entry(key).and_then(|entry| Span::from_node(&entry.value).ok());
    let (duration, until, timeout) = (node.entry("duration"), node.entry("until"), node.entry("timeout"));
    if let (Some(duration), Some(until)) = (duration, until) {
        keep(
            Complaint::new("E0106", "`duration` and `until` both end this phase", &until.key_place, "by what is measured")
                .also(&duration.key_place, "by the clock")
                .note("with `until`, the longest it may take is `timeout`"),
        );
        return None;
    }
    match (duration, until) {
        (Some(duration), _) => {
            if let Some(timeout) = timeout {
                keep(Complaint::new("E0106", "`timeout` gives `until` up", &timeout.key_place, "there is no `until` here"));
            }
            if span("duration") == Some(Span::ZERO) {
                keep(Complaint::new("E0201", "this phase ends as it begins", &duration.value.place, "longer than that"));
            }
            span("duration").map(Ends::After)
        }
        (None, Some(until)) => {
            if timeout.is_none() && !misspelt(node, "timeout") {
                keep(endless_wait(until, sources));
            }
            let until = self::until(&until.value, probes, keep);
            Some(Ends::When { until: until?, timeout: span("timeout")? })
        }
        (None, None) => {
            if !misspelt(node, "duration") && !misspelt(node, "until") {
                keep(
                    Complaint::new("E0503", "this phase never ends", &head(node), "needs `duration` or `until`")
                        .note("`duration: 5m` ends it by the clock; `until: p95(orders) < 400ms` ends it by what is measured"),
                );
            }
            None
        }
    }
}

fn endless_wait(until: &Entry, sources: &Sources) -> Complaint {
    let place = match until.value.place.range.is_empty() {
        true => &until.key_place,
        false => &until.value.place,
    };
    let complaint = Complaint::new("E0504", "this phase may wait for ever", place, "and if it never comes true?");
    let text = sources.source(place.source).map_or("", |source| &source.text);
    let before = text.get(..until.key_place.range.start).unwrap_or_default();
    let indent = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    let line = &before[before.len() - indent..];
    let rest = text.get(until.value.place.range.end..).unwrap_or_default();
    let rest = rest.split('\n').next().unwrap_or_default();
    // A new line under the key, where the map is written on lines of its own.
    if text.is_empty() || line.contains(['{', ',']) || until.value.entries().is_some() {
        return complaint.note("with `timeout: 5m` it is given up, and counts as a failed expectation");
    }
    let end = until.value.place.range.end + rest.trim_end_matches('\r').len();
    let edit = Edit { place: Place { range: end..end, ..place.clone() }, text: format!("\n{}timeout: 5m", " ".repeat(indent)) };
    let mut complaint = complaint;
    complaint.fixes.push(Fix {
        title: "give up after a while, and count it as a failed expectation".to_owned(),
        safe: false,
        edits: vec![edit],
    });
    complaint
}

fn until(node: &Node, probes: &[KnownProbe], keep: &mut dyn FnMut(Complaint)) -> Option<Until> {
    let text = node.text().unwrap_or_default().trim();
    if text == "approval" || text.starts_with("approval ") {
        return approval(node, keep).map(Until::Approval);
    }
    expect::condition(node, probes, keep).map(Box::new).map(Until::Condition)
}

/// `approval`, or `approval by ROLE`.
fn approval(node: &Node, keep: &mut dyn FnMut(Complaint)) -> Option<Approval> {
    let text = node.text().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["approval"] => Some(Approval::default()),
        ["approval", "by", role] => {
            let start = text.rfind(role).unwrap_or(0);
            let place = node.place.part(start..start + role.len(), text.len());
            Some(Approval { by: Some(Named { name: role.to_owned(), place }) })
        }
        _ => {
            let complaint = Complaint::new(
                "E0207",
                format!("{} is not an approval", faultwire_faults::value::said(node)),
                &node.place,
                "write it as `approval`, or `approval by lead`",
            );
            keep(match words[..] {
                [word] if nearest(word, ["approval"]).is_some() => complaint.fix("did you mean `approval`?", &node.place, "approval"),
                _ => complaint,
            });
            None
        }
    }
}
