//! What all requests that fit a match have in common, as far as it can be looked up: by this an index finds the match.

use super::{Asks, HostPattern, Matcher};
use crate::{
    matching::{
        carried,
        pattern::{Pattern, Start},
    },
    subject::{Subject, host},
};

#[derive(Debug)]
pub(crate) struct Keys {
    /// One of these.
    pub paths: Vec<PathKey>,
    /// One of these, in small letters; `None`: any.
    pub hosts: Option<Vec<Box<[u8]>>>,
    /// One of these, as bits of `method_bit`.
    pub methods: u16,
    /// One of these values; `None`: whatever is there.
    pub marked: Option<(Mark, Vec<Box<[u8]>>)>,
}

/// By what requests on one path and host can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Header(Box<str>),
    Baggage(Box<str>),
}

impl Mark {
    pub fn each_value(&self, subject: &dyn Subject, take: &mut dyn FnMut(&[u8])) {
        let mut take = |value: &[u8]| {
            take(value);
            false
        };
        match self {
            Mark::Header(name) => subject.any(name, &mut take),
            Mark::Baggage(name) => carried::any_member(subject, name, &mut take),
        };
    }
}

/// Of a request that may be any.
impl Default for Keys {
    fn default() -> Keys {
        Keys { paths: vec![PathKey::Prefix(Box::default())], hosts: None, methods: METHODS_ALL, marked: None }
    }
}

/// All that fits, if it can be counted.
fn literals(pattern: &Pattern) -> Option<Vec<Box<[u8]>>> {
    let literal = |start| match start {
        Start::Literal(value) => Some(value.into()),
        Start::Prefix(_) => None,
    };
    pattern.starts().map(literal).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathKey {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
}

const METHODS: [&[u8]; 9] = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE"];
const METHODS_ALL: u16 = (1 << (METHODS.len() + 1)) - 1;

/// One bit for each method that is usual, and one for all others.
pub(crate) fn method_bit(method: &[u8]) -> u16 {
    1 << METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len())
}

fn methods(pattern: &Pattern, negated: bool) -> u16 {
    let only_known = pattern.starts().all(|start| matches!(start, Start::Literal(method) if METHODS.contains(&method)));
    let others = if only_known && !negated { 0 } else { 1 << METHODS.len() };
    let known = METHODS.iter().filter(|method| pattern.fits(method) != negated).map(|method| method_bit(method));
    known.fold(others, |all, bit| all | bit)
}

fn call_keys(service: Start<'_>, method: Option<&Pattern>) -> Vec<PathKey> {
    match service {
        Start::Prefix(start) => vec![PathKey::Prefix([b"/", start].concat().into())],
        Start::Literal(service) => {
            let Some(method) = method else { return vec![PathKey::Prefix([b"/", service].concat().into())] };
            let key = |start: Start<'_>| match start {
                // A path of one word has a method that is empty, and no second `/`.
                Start::Literal(b"") | Start::Prefix(b"") => PathKey::Prefix([b"/", service].concat().into()),
                Start::Literal(method) => PathKey::Exact([b"/", service, b"/", method].concat().into()),
                Start::Prefix(method) => PathKey::Prefix([b"/", service, b"/", method].concat().into()),
            };
            method.starts().map(key).collect()
        }
    }
}

impl Matcher {
    /// By what an index may find it: what all requests that fit have in common.
    pub(crate) fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        let mut calls: [Option<&Pattern>; 2] = [None, None];
        for check in &self.head {
            match (&check.asks, check.negated) {
                (Asks::Method(pattern), negated) => keys.methods &= methods(pattern, negated),
                (Asks::Path(pattern), false) => {
                    keys.paths = pattern
                        .starts()
                        .map(|start| match start {
                            Start::Literal(path) => PathKey::Exact(path.into()),
                            Start::Prefix(path) => PathKey::Prefix(path.into()),
                        })
                        .collect();
                }
                (Asks::Service(pattern), false) => calls[0] = Some(pattern),
                (Asks::Call(pattern), false) => calls[1] = Some(pattern),
                (Asks::Host(any), false) => keys.hosts = any.iter().flat_map(HostPattern::names).collect(),
                (Asks::Header(name, pattern), false) if keys.marked.is_none() => {
                    keys.marked = literals(pattern).map(|values| (Mark::Header(name.clone()), values));
                }
                // It tells tests apart, where a header may be the same for all of them.
                (Asks::Baggage(name, pattern), false) => {
                    keys.marked = literals(pattern).map(|values| (Mark::Baggage(name.clone()), values)).or(keys.marked);
                }
                _ => {}
            }
        }
        if let Some(service) = calls[0] {
            keys.paths = service.starts().flat_map(|start| call_keys(start, calls[1])).collect();
        }
        keys
    }
}

impl HostPattern {
    /// The hosts that can fit, if they can be counted: `None` among them if not.
    fn names(&self) -> impl Iterator<Item = Option<Box<[u8]>>> {
        self.pattern.starts().map(|start| match start {
            Start::Literal(name) => Some(if self.port { host(name) } else { name }.into()),
            Start::Prefix(_) => None,
        })
    }
}
