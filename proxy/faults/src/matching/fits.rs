//! Whether a request fits: facts of a match, resolved once, against what has come of a request and its answer. It waits for nothing and
//! keeps nothing of a request: it says what it needs to know, and is asked again when that has come.

mod keys;

pub(crate) use keys::{Mark, PathKey, method_bit};

use super::{
    Fact, Facts, Match, Want,
    body::{self, Body, Kind, Unreadable},
    carried, json,
    pattern::{Case, Pattern},
};
use crate::{
    complaint::Complaint,
    fault::later,
    protocol::{Protocol, kind},
    subject::{Headers, Subject, call, host},
};
use std::net::IpAddr;

/// A match on one protocol, ready to be asked.
#[derive(Clone, Debug)]
pub struct Matcher {
    facts: Facts,
    /// Cheap ones first.
    head: Box<[Check]>,
    body: Box<[Check]>,
    response: Box<[Check]>,
    /// Of single messages.
    messages: Box<[Check]>,
}

/// What is known at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Yes,
    No,
    /// That depends on what has not come yet.
    Needs {
        body: bool,
        response: bool,
    },
    /// That depends on a body which cannot be read. Nobody knows whether it fits, so it does not.
    Unreadable(Unreadable),
}

#[derive(Clone, Debug)]
struct Check {
    asks: Asks,
    /// It stands behind `not`.
    negated: bool,
    /// Which fact it is: those of `not` are counted on.
    fact: usize,
}

/// The order is that of their cost.
#[derive(Clone, Debug)]
enum Asks {
    Method(Pattern),
    Path(Pattern),
    Service(Pattern),
    Call(Pattern),
    Client(Range),
    Host(Box<[HostPattern]>),
    Sni(Pattern),
    Header(Box<str>, Pattern),
    Query(Box<str>, Pattern),
    Baggage(Box<str>, Pattern),
    Operation(Pattern),
    Value { pointer: Box<str>, steps: Box<[Box<str>]>, pattern: Pattern },
    Status(Pattern),
    ResponseHeader(Box<str>, Pattern),
    Opcode(Pattern),
}

/// With a port, it is about the whole authority.
#[derive(Clone, Debug)]
struct HostPattern {
    port: bool,
    pattern: Pattern,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug)]
struct Range {
    address: IpAddr,
    bits: u32,
}

/// What a fact says when it is asked with the head.
enum Early {
    Known(bool),
    Waits,
    Unreadable(Unreadable),
}

impl Match {
    /// Ready for requests of this protocol, or why it cannot be asked there.
    pub fn matcher(&self, on: Protocol) -> Result<Matcher, Complaint> {
        Matcher::new(self.facts(on)?, on)
    }
}

impl Matcher {
    /// The facts are those that a match has on this protocol.
    pub fn new(facts: Facts, on: Protocol) -> Result<Matcher, Complaint> {
        let mut matcher = Matcher {
            facts: Facts::default(),
            head: Box::default(),
            body: Box::default(),
            response: Box::default(),
            messages: Box::default(),
        };
        let (mut head, mut body, mut response, mut messages) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let not = facts.not.iter().flat_map(|not| &not.all);
        let all = facts.all.iter().map(|fact| (fact, false)).chain(not.map(|fact| (fact, true)));
        for (n, (fact, negated)) in all.enumerate() {
            let check = Check { asks: Asks::of(fact, on)?, negated, fact: n };
            match check.asks {
                Asks::Operation(_) | Asks::Value { .. } => body.push(check),
                Asks::Status(_) | Asks::ResponseHeader(..) => response.push(check),
                Asks::Opcode(_) => messages.push(check),
                _ => head.push(check),
            }
        }
        head.sort_by_key(|check: &Check| check.asks.cost());
        matcher.facts = facts;
        (matcher.head, matcher.body) = (head.into(), body.into());
        (matcher.response, matcher.messages) = (response.into(), messages.into());
        Ok(matcher)
    }

    /// With the head of a request.
    pub fn head(&self, subject: &dyn Subject) -> Fit {
        if !self.head.iter().all(|check| check.asks.fits(subject) != check.negated) {
            return Fit::No;
        }
        let mut needs_body = false;
        let mut unreadable = None;
        for check in &self.body {
            match check.asks.early(subject) {
                Early::Known(fits) if fits == check.negated => return Fit::No,
                Early::Known(_) => {}
                Early::Waits => needs_body = true,
                Early::Unreadable(why) => unreadable = Some(why),
            }
        }
        match (unreadable, !self.response.is_empty()) {
            (Some(why), _) => Fit::Unreadable(why),
            (None, false) if !needs_body => Fit::Yes,
            (None, response) => Fit::Needs { body: needs_body, response },
        }
    }

    /// With the whole body, after `head` said that it is needed. It never asks for the body again.
    pub fn body(&self, subject: &dyn Subject, body: &mut Body) -> Fit {
        let mut unreadable = None;
        for check in &self.body {
            let fits = match check.asks.early(subject) {
                Early::Known(fits) => Ok(fits),
                Early::Unreadable(why) => Err(why),
                Early::Waits => check.asks.stands_in(body),
            };
            match fits {
                Ok(fits) if fits == check.negated => return Fit::No,
                Ok(_) => {}
                Err(why) => unreadable = Some(why),
            }
        }
        match (unreadable, self.response.is_empty()) {
            (Some(why), _) => Fit::Unreadable(why),
            (None, true) => Fit::Yes,
            (None, false) => Fit::Needs { body: false, response: true },
        }
    }

    /// With the head of the answer, after `head` or `body` said that it is needed.
    pub fn response(&self, status: u16, headers: &dyn Headers) -> bool {
        self.response.iter().all(|check| check.asks.answered(status, headers) != check.negated)
    }

    /// With a message inside, of this opcode.
    pub fn message(&self, opcode: &str) -> bool {
        self.messages.iter().all(|check| matches!(&check.asks, Asks::Opcode(pattern) if pattern.fits(opcode.as_bytes()) != check.negated))
    }

    /// Whether it may ever ask for a body, or for an answer.
    pub fn asks_for(&self) -> Fit {
        match (!self.body.is_empty(), !self.response.is_empty()) {
            (false, false) => Fit::Yes,
            (body, response) => Fit::Needs { body, response },
        }
    }

    /// The nearest miss: the first fact that keeps this head from fitting. Facts are looked at from method and path to headers and body.
    pub fn miss(&self, subject: &dyn Subject) -> Option<&Fact> {
        let head = self.head.iter().find(|check| check.asks.fits(subject) == check.negated);
        let missed = head.or_else(|| {
            self.body.iter().find(|check| match check.asks.early(subject) {
                Early::Known(fits) => fits == check.negated,
                Early::Unreadable(_) => true,
                Early::Waits => false,
            })
        });
        self.fact(missed?.fact)
    }

    /// The first fact of the body that keeps it from fitting.
    pub fn miss_in_body(&self, subject: &dyn Subject, body: &mut Body) -> Option<&Fact> {
        let fits = |check: &Check, body: &mut Body| match check.asks.early(subject) {
            Early::Known(fits) => fits != check.negated,
            Early::Unreadable(_) => false,
            Early::Waits => check.asks.stands_in(body).is_ok_and(|fits| fits != check.negated),
        };
        let missed = self.body.iter().find(|check| !fits(check, body))?;
        self.fact(missed.fact)
    }

    /// The first fact of the answer that keeps it from fitting.
    pub fn miss_in_response(&self, status: u16, headers: &dyn Headers) -> Option<&Fact> {
        let missed = self.response.iter().find(|check| check.asks.answered(status, headers) == check.negated)?;
        self.fact(missed.fact)
    }

    fn fact(&self, n: usize) -> Option<&Fact> {
        self.facts.all.iter().chain(self.facts.not.iter().flat_map(|not| &not.all)).nth(n)
    }

    /// What it asks, as it was written.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether it names the path of this request, or the call, as a text of its own and not by a wildcard.
    pub fn names_literally(&self, subject: &dyn Subject) -> bool {
        let path = subject.path();
        let mut service = false;
        for check in self.head.iter().filter(|check| !check.negated) {
            match &check.asks {
                Asks::Path(pattern) => return pattern.is_literally(path),
                Asks::Service(pattern) => service = call(path).is_some_and(|(service, _)| pattern.is_literally(service)),
                Asks::Call(pattern) if !call(path).is_some_and(|(_, method)| pattern.is_literally(method)) => return false,
                _ => {}
            }
        }
        service
    }
}

impl Asks {
    fn of(fact: &Fact, on: Protocol) -> Result<Asks, Complaint> {
        let ready = |want: &Want, case| {
            Pattern::new(want, case).map_err(|wrong| {
                Complaint::new("E0207", format!("`{wrong}` is not a regular expression"), &fact.place, "it cannot be read")
            })
        };
        let pattern = |case| ready(&fact.want, case);
        let part = || fact.part.as_deref().unwrap_or_default();
        let header = || part().to_ascii_lowercase().into();
        Ok(match fact.name {
            "method" if on.is(kind::GRPC) => Asks::Call(pattern(Case::Matters)?),
            "method" => Asks::Method(pattern(Case::Matters)?),
            "path" => Asks::Path(pattern(Case::Matters)?),
            "service" => Asks::Service(pattern(Case::Matters)?),
            "client" => Asks::Client(Range::of(fact)?),
            "host" => Asks::Host(alternatives(&fact.want).into_iter().map(|want| HostPattern::of(want, ready)).collect::<Result<_, _>>()?),
            "sni" => Asks::Sni(pattern(Case::Ignored)?),
            "headers" => Asks::Header(header(), pattern(Case::Matters)?),
            "query" => Asks::Query(part().into(), pattern(Case::Matters)?),
            "baggage" => Asks::Baggage(part().into(), pattern(Case::Matters)?),
            "operation" => Asks::Operation(pattern(Case::Matters)?),
            "body" => Asks::Value { pointer: part().into(), steps: json::steps(part()), pattern: pattern(Case::Matters)? },
            "response" => Asks::Status(ready(&status(&fact.want), Case::Matters)?),
            "response_headers" => Asks::ResponseHeader(header(), pattern(Case::Matters)?),
            "opcode" => Asks::Opcode(pattern(Case::Matters)?),
            name => return Err(later(&fact.key_place, name)),
        })
    }

    fn cost(&self) -> u8 {
        match self {
            Asks::Method(_) => 0,
            Asks::Path(_) => 1,
            Asks::Service(_) => 2,
            Asks::Call(_) => 3,
            Asks::Client(_) => 4,
            Asks::Host(_) => 5,
            Asks::Sni(_) => 6,
            Asks::Header(..) => 7,
            Asks::Query(..) => 8,
            Asks::Baggage(..) => 9,
            Asks::Operation(_) | Asks::Value { .. } | Asks::Status(_) | Asks::ResponseHeader(..) | Asks::Opcode(_) => 10,
        }
    }

    /// What is known with the head. What is not there fits no pattern.
    fn fits(&self, subject: &dyn Subject) -> bool {
        match self {
            Asks::Method(pattern) => pattern.fits(subject.method()),
            Asks::Path(pattern) => pattern.fits(subject.path()),
            Asks::Service(pattern) => call(subject.path()).is_some_and(|(service, _)| pattern.fits(service)),
            Asks::Call(pattern) => call(subject.path()).is_some_and(|(_, method)| pattern.fits(method)),
            Asks::Client(range) => subject.client().is_some_and(|client| range.holds(client)),
            Asks::Host(any) => subject.authority().is_some_and(|authority| any.iter().any(|one| one.fits(authority))),
            Asks::Sni(pattern) => subject.sni().is_some_and(|name| pattern.fits(name.as_bytes())),
            Asks::Header(name, pattern) => subject.any(name, &mut |value| pattern.fits(value)),
            Asks::Query(name, pattern) => {
                subject.query().is_some_and(|query| carried::any_parameter(query, name, &mut |value| pattern.fits(value)))
            }
            Asks::Baggage(name, pattern) => carried::any_member(subject, name, &mut |value| pattern.fits(value)),
            Asks::Operation(_) | Asks::Value { .. } | Asks::Status(_) | Asks::ResponseHeader(..) | Asks::Opcode(_) => false,
        }
    }

    /// What the head says about something in the body.
    fn early(&self, subject: &dyn Subject) -> Early {
        if let (Asks::Operation(pattern), b"GET" | b"HEAD") = (self, subject.method()) {
            return Early::Known(subject.query().is_some_and(|query| operation(query, pattern)));
        }
        match (Kind::of(subject), self) {
            (Kind::Other, _) | (Kind::Graphql, Asks::Value { .. }) => Early::Known(false),
            _ => body::unreadable(subject).map_or(Early::Waits, Early::Unreadable),
        }
    }

    fn stands_in(&self, body: &mut Body) -> Result<bool, Unreadable> {
        match self {
            Asks::Operation(pattern) => body.any_operation(|name| pattern.fits(name)),
            Asks::Value { pointer, steps, pattern } => body.any_value(pointer, steps, |value| match value {
                Some(text) => pattern.fits(text),
                None => pattern.is_anything(),
            }),
            _ => Ok(false),
        }
    }

    fn answered(&self, status: u16, headers: &dyn Headers) -> bool {
        match self {
            Asks::Status(pattern) => {
                let digit = |by: u16| b'0' + (status / by % 10) as u8;
                pattern.fits(&[digit(100), digit(10), digit(1)])
            }
            Asks::ResponseHeader(name, pattern) => headers.any(name, &mut |value| pattern.fits(value)),
            _ => false,
        }
    }
}

/// The operation that the query of a GET names.
fn operation(query: &[u8], pattern: &Pattern) -> bool {
    let mut named = false;
    let fits = carried::any_parameter(query, "operationName", &mut |name| {
        named |= !name.is_empty();
        !name.is_empty() && pattern.fits(name)
    });
    let only = &mut |document: &[u8]| super::graphql::in_document(document).is_some_and(|name| pattern.fits(name));
    fits || (!named && carried::any_parameter(query, "query", only))
}

fn alternatives(want: &Want) -> Vec<&Want> {
    match want {
        Want::OneOf(wants) => wants.iter().flat_map(alternatives).collect(),
        one => vec![one],
    }
}

/// `2xx` as a glob over the three digits of a status.
fn status(want: &Want) -> Want {
    match want {
        Want::Glob(class) if class.len() == 3 && class.ends_with("xx") => Want::Glob(format!("{}*", &class[..1])),
        Want::OneOf(wants) => Want::OneOf(wants.iter().map(status).collect()),
        want => want.clone(),
    }
}

impl HostPattern {
    fn of(want: &Want, ready: impl Fn(&Want, Case) -> Result<Pattern, Complaint>) -> Result<HostPattern, Complaint> {
        let port = match want {
            Want::Glob(text) => {
                let behind = text.rsplit_once(':').filter(|(name, _)| name.ends_with(']') || !name.contains(':'));
                behind.is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*'))
            }
            _ => false,
        };
        let pattern = match want {
            Want::Glob(text) if !port && text.parse::<std::net::Ipv6Addr>().is_ok() => Pattern::glob(&format!("[{text}]"), Case::Ignored),
            Want::Glob(text) if !port => Pattern::glob(text.strip_suffix('.').unwrap_or(text), Case::Ignored),
            want => ready(want, Case::Ignored)?,
        };
        Ok(HostPattern { port, pattern })
    }

    fn fits(&self, authority: &[u8]) -> bool {
        self.pattern.fits(if self.port { authority } else { host(authority) })
    }
}

impl Range {
    fn of(fact: &Fact) -> Result<Range, Complaint> {
        let wrong = || Complaint::new("E0207", "this is not a range of addresses", &fact.place, "such as `10.1.0.0/16`");
        let Want::Glob(text) = &fact.want else { return Err(wrong()) };
        let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = width(address);
        let bits = bits.map_or(Ok(widest), |bits| bits.parse().map_err(|_| wrong()))?;
        match (address, address.to_canonical()) {
            _ if bits > widest => Err(wrong()),
            (IpAddr::V6(_), inner @ IpAddr::V4(_)) if bits >= 96 => Ok(Range { address: inner, bits: bits - 96 }),
            _ => Ok(Range { address, bits }),
        }
    }

    /// An address of IPv4 is the same inside one of IPv6, as sockets for both give it.
    fn holds(self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        if client.is_ipv4() != self.address.is_ipv4() {
            return false;
        }
        let differs = number(client) ^ number(self.address);
        self.bits == 0 || differs >> (width(client) - self.bits) == 0
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

#[cfg(test)]
mod tests;
