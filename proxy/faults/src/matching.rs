//! `match`: which units of a proxy a fault is about. A line in the protocol's own manner, or a map in which all keys must agree.
//! It is read without knowing the protocol, and resolved once that is known; `fits` looks at traffic with what has come of it.

pub mod body;
mod carried;
pub mod exempt;
pub mod fits;
mod graphql;
mod json;
mod line;
pub mod pattern;

use crate::{
    complaint::Complaint,
    form::{Form, Like},
    node::{Node, Place, Value},
    protocol::{Protocol, kind},
    units::split_number,
    value::{said, unknown_key},
};
use line::Line;
use std::net::IpAddr;

/// As it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub place: Place,
    pub what: Written,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    Line(String),
    Map(Facts),
}

/// What must be so: all of it, and nothing of `not`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub all: Vec<Fact>,
    /// It holds no `not` of its own.
    pub not: Option<Box<Facts>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The key of the map: `path`, `headers`, `table`.
    pub name: &'static str,
    /// Which header, parameter or value, where there are many.
    pub part: Option<String>,
    pub want: Want,
    pub place: Place,
    /// Where the key itself stands.
    pub key_place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// `*` is anything.
    Glob(String),
    Regex(String),
    OneOf(Vec<Want>),
    Is(bool),
}

/// A key of the map, and where it means something.
#[derive(Debug)]
pub struct FactRow {
    pub name: &'static str,
    /// Kinds of protocols; `ALL`: it is about the connection.
    pub kinds: u16,
    pub form: Form,
    pub about: &'static str,
}

const PATTERN: Form = Form::Like(&Like { pattern: "", read: pattern });
const PARTS: Form = Form::MapOf(&PATTERN);

const fn fact(name: &'static str, kinds: u16, form: Form, about: &'static str) -> FactRow {
    FactRow { name, kinds, form, about }
}

pub const FACTS: &[FactRow] = &[
    fact("method", kind::HTTP | kind::GRPC, PATTERN, "The method."),
    fact("path", kind::HTTP, PATTERN, "The path as it was sent, without its query."),
    fact("host", kind::HTTP, PATTERN, "The host that was asked for, in any case; without its port, unless the pattern has one."),
    fact("query", kind::HTTP, PARTS, "Parameters of the query, decoded. `*`: it is there."),
    fact("headers", kind::HTTP | kind::GRPC, PARTS, "Headers of the request. Of a repeated one any may fit; `*`: it is there."),
    fact("baggage", kind::HTTP | kind::GRPC, PARTS, "Members of the W3C baggage, by which one shared environment serves many tests."),
    fact(
        "body",
        kind::HTTP,
        PARTS,
        "Values of a JSON body, by pointer: `{ /amount: \"1*\" }`. The request waits until its body has come. One of more than 1 MiB, or a compressed one, fits nothing.",
    ),
    fact(
        "operation",
        kind::HTTP,
        PATTERN,
        "The name of a GraphQL operation: `operationName`, or else the only name in the document. It is looked for in the body as `body` is, and in the query of a GET.",
    ),
    fact("response", kind::HTTP, PATTERN, "The answer's status: `2xx`, `503`. Needs `when: after_upstream`, or shaping of the answer."),
    fact("response_headers", kind::HTTP, PARTS, "Headers of the answer: `{ x-cache: MISS }`. Needs what `response` needs."),
    fact("service", kind::GRPC, PATTERN, "The service, with its package."),
    fact("opcode", kind::HTTP, Form::Word(&["text", "binary"]), "What a WebSocket message is."),
    fact("statement", kind::SQL, PATTERN, "The statement, white space folded, in any case."),
    fact("table", kind::SQL, PATTERN, "A table that is named in it."),
    fact("access", kind::SQL, Form::Word(&["read", "write"]), "Whether it reads or writes."),
    fact("in_transaction", kind::SQL, Form::Switch, "Whether a transaction is open."),
    fact("user", kind::SQL, PATTERN, "Who is logged in."),
    fact("database", kind::SQL, PATTERN, "The database of the connection."),
    fact("command", kind::REDIS | kind::MONGODB, PATTERN, "The command."),
    fact("key", kind::REDIS | kind::MONGODB | kind::AMQP | kind::NATS, PATTERN, "The key, collection, routing key or subject."),
    fact("type", kind::DNS, PATTERN, "The type of record."),
    fact("name", kind::DNS, PATTERN, "The name that is asked for."),
    fact("api", kind::KAFKA, PATTERN, "The API of the request."),
    fact("topic", kind::KAFKA, PATTERN, "The topic."),
    fact("client_id", kind::KAFKA, PATTERN, "What the client calls itself."),
    fact("client", kind::ALL, CIDR, "The client's address, or a range: `10.1.0.0/16`."),
    fact("sni", kind::ALL, PATTERN, "The name in the client's TLS greeting."),
];

/// An address or a range of them.
pub const CIDR: Form = Form::Like(&Like { pattern: "^[0-9a-fA-F.:]+(/[0-9]+)?$", read: cidr });

fn cidr(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let widest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => Some(32),
        Ok(IpAddr::V6(_)) => Some(128),
        Err(_) => None,
    };
    let fits = |bits: &str| bits.parse::<u32>().is_ok_and(|bits| widest.is_some_and(|most| bits <= most));
    match widest.is_some() && bits.is_none_or(fits) {
        true => Ok(()),
        false => Err(Complaint::new("E0207", format!("{} is not a range of addresses", said(node)), &node.place, "such as `10.1.0.0/16`")),
    }
}

/// A glob, `{ regex: … }`, or a list of which one must fit.
fn pattern(node: &Node) -> Result<(), Complaint> {
    want(node).map(drop)
}

fn want(node: &Node) -> Result<Want, Complaint> {
    match &node.value {
        Value::Text(text) | Value::Number(text) => Ok(Want::Glob(text.clone())),
        Value::Bool(switch) => Ok(Want::Glob(switch.to_string())),
        Value::List(items) if !items.is_empty() => Ok(Want::OneOf(items.iter().map(want).collect::<Result<_, _>>()?)),
        Value::Map(entries) => match &entries[..] {
            [only] if only.key == "regex" => regex(&only.value),
            [only] => Err(unknown_key(only, "a pattern", &mut ["regex"].into_iter())),
            _ => Err(Complaint::new("E0207", "this is not a pattern", &node.place, "text, or `{ regex: ... }`")),
        },
        Value::List(_) | Value::Null => {
            Err(Complaint::new("E0207", "there is nothing to match here", &node.place, "text, or a list of which one must fit"))
        }
    }
}

/// Longer ones are not written by people.
const LONGEST_REGEX: usize = 2000;

fn regex(node: &Node) -> Result<Want, Complaint> {
    let wrong = |label: String| Err(Complaint::new("E0207", format!("{} is not a regular expression", said(node)), &node.place, label));
    match node.text() {
        Some("") => wrong("it is empty".to_owned()),
        Some(text) if text.len() > LONGEST_REGEX => wrong(format!("longer than {LONGEST_REGEX} characters")),
        Some(text) => match regex_lite::Regex::new(text) {
            Ok(_) => Ok(Want::Regex(text.to_owned())),
            Err(error) => wrong(error.to_string().lines().last().unwrap_or_default().to_owned()),
        },
        None => wrong("text is wanted here".to_owned()),
    }
}

impl Match {
    pub fn line(text: &str, place: &Place) -> Match {
        Match { place: place.clone(), what: Written::Line(text.to_owned()) }
    }

    /// Reads a line or a map. All that is wrong is told.
    pub fn read(node: &Node, keep: &mut dyn FnMut(Complaint)) -> Option<Match> {
        let what = match &node.value {
            Value::Text(text) | Value::Number(text) if !text.trim().is_empty() => Written::Line(text.clone()),
            Value::Map(entries) if !entries.is_empty() => Written::Map(facts(node, keep)?),
            Value::Text(_) | Value::Map(_) | Value::Null => {
                keep(
                    Complaint::new("E0207", "this `match` is empty", &node.place, "nothing would fit")
                        .note("left out, it means all of them"),
                );
                return None;
            }
            _ => {
                keep(Complaint::new(
                    "E0207",
                    format!("`match` is text or a map, and this is {}", node.kind()),
                    &node.place,
                    "which units?",
                ));
                return None;
            }
        };
        Some(Match { place: node.place.clone(), what })
    }

    /// What it asks on this protocol, or why it cannot be asked there.
    pub fn facts(&self, on: Protocol) -> Result<Facts, Complaint> {
        match &self.what {
            Written::Map(facts) => {
                facts.allowed(on)?;
                Ok(facts.clone())
            }
            Written::Line(text) => Ok(Facts { all: Line { text, place: &self.place }.facts(on)?, not: None }),
        }
    }

    /// Whether it asks only what is known of any connection.
    pub fn is_about_connections(&self) -> bool {
        matches!(&self.what, Written::Map(facts) if facts.everything(&|fact| row(fact.name).is_some_and(|row| row.kinds == kind::ALL)))
    }

    /// Whether every unit fits.
    pub fn fits_all(&self) -> bool {
        matches!(&self.what, Written::Line(text) if matches!(text.trim(), "*" | "/*" | "* *" | "* /*" | "*/*"))
    }

    /// A glob that somebody wrote as a regular expression.
    pub fn looks_like_regex(&self) -> Option<Complaint> {
        match &self.what {
            Written::Line(text) => regex_for_glob(text, &self.place),
            Written::Map(facts) => facts.all.iter().filter(|fact| fact.name == "path").find_map(|fact| match &fact.want {
                Want::Glob(text) => regex_for_glob(text, &fact.place),
                _ => None,
            }),
        }
    }
}

impl Facts {
    fn everything(&self, is: &dyn Fn(&Fact) -> bool) -> bool {
        self.all.iter().all(is) && self.not.as_ref().is_none_or(|not| not.everything(is))
    }

    /// Whether some fact is of this name, negated ones included.
    pub fn names(&self, name: &str) -> bool {
        !self.everything(&|fact| fact.name != name)
    }

    fn allowed(&self, on: Protocol) -> Result<(), Complaint> {
        for fact in &self.all {
            if row(fact.name).is_none_or(|row| !on.is(row.kinds)) {
                let here: Vec<String> = FACTS.iter().filter(|row| on.is(row.kinds)).map(|row| format!("`{}`", row.name)).collect();
                return Err(Complaint::new(
                    "E0403",
                    format!("{} has no `{}`", on.title(), fact.name),
                    &fact.key_place,
                    "not in this protocol",
                )
                .note(format!("here a match may ask for {}", here.join(", "))));
            }
            if let ("path", Want::Glob(path)) = (fact.name, &fact.want) {
                Line { text: path, place: &fact.place }.path(0..path.len())?;
            }
        }
        self.not.as_ref().map_or(Ok(()), |not| not.allowed(on))
    }
}

impl Fact {
    /// Whether it is known with the answer's head, and not before.
    pub fn is_about_answers(&self) -> bool {
        matches!(self.name, "response" | "response_headers")
    }

    /// `response`, and none of the classes that it asks for.
    pub fn wrong_class(&self) -> Option<Complaint> {
        fn wrong(want: &Want) -> Option<&str> {
            match want {
                Want::Glob(class) => (!is_status_class(class)).then_some(class),
                Want::OneOf(wants) => wants.iter().find_map(wrong),
                Want::Regex(_) | Want::Is(_) => None,
            }
        }
        let class = if self.name == "response" { wrong(&self.want)? } else { return None };
        Some(Complaint::new("E0207", format!("`{class}` is not a class of answers"), &self.place, "such as `2xx` or `503`"))
    }
}

fn row(name: &str) -> Option<&'static FactRow> {
    FACTS.iter().find(|row| row.name == name)
}

fn facts(node: &Node, keep: &mut dyn FnMut(Complaint)) -> Option<Facts> {
    let mut facts = Facts::default();
    let mut well = true;
    for entry in node.entries().unwrap_or_default() {
        if entry.key == "not" {
            if let Some(inner) = entry.value.entry("not") {
                keep(
                    Complaint::new("E0207", "`not` stands inside `not`", &inner.key_place, "what must not be so is so")
                        .note("what must be so stands beside `not`"),
                );
                well = false;
                continue;
            }
            match &entry.value.value {
                Value::Map(entries) if !entries.is_empty() => facts.not = self::facts(&entry.value, keep).map(Box::new),
                _ => keep(Complaint::new("E0207", "`not` holds what must not match", &entry.value.place, "a map of the same keys")),
            }
            well &= facts.not.is_some();
            continue;
        }
        let Some(row) = row(&entry.key) else {
            keep(unknown_key(entry, "a match", &mut FACTS.iter().map(|row| row.name).chain(["not"])));
            well = false;
            continue;
        };
        let mut fine = true;
        row.form.check(row.name, &entry.value, &mut |complaint| {
            fine = false;
            keep(complaint);
        });
        if !fine {
            well = false;
            continue;
        }
        let made = |part: Option<String>, value: &Node, key_place: &Place| {
            let want = match &value.value {
                Value::Bool(switch) if row.name == "in_transaction" => Ok(Want::Is(*switch)),
                _ => want(value),
            };
            want.ok().map(|want| Fact { name: row.name, part, want, place: value.place.clone(), key_place: key_place.clone() })
        };
        match (&row.form, entry.value.entries()) {
            (Form::MapOf(_), Some(parts)) => {
                if let Some(wrong) = parts.iter().find(|part| row.name == "body" && !part.key.starts_with('/')) {
                    keep(
                        Complaint::new("E0207", format!("`{}` is not a JSON pointer", wrong.key), &wrong.key_place, "it begins with `/`")
                            .fix("from the beginning", &wrong.key_place, format!("/{}", wrong.key)),
                    );
                    well = false;
                }
                facts.all.extend(parts.iter().filter_map(|part| made(Some(part.key.clone()), &part.value, &part.key_place)));
            }
            _ => facts.all.extend(made(None, &entry.value, &entry.key_place)),
        }
    }
    well.then_some(facts)
}

/// `W0204`: what a regular expression has and a path has not.
fn regex_for_glob(text: &str, place: &Place) -> Option<Complaint> {
    let signs = [".*", ".+", "\\", "[0-9", "[a-z", "[^", "(?", "/^"];
    let strange = signs.iter().any(|sign| text.contains(sign)) || text.trim_end().ends_with('$') || text.contains(" ^");
    strange.then(|| {
        let complaint =
            Complaint::new("W0204", "this looks like a regular expression", place, "here `*` means anything and `.` means a dot")
                .note("if you do want a regular expression, write `match: { path: { regex: ... } }`");
        let glob = text.replace(".*", "*").replace(".+", "*");
        let glob = glob.trim_end_matches('$').replace(" ^", " ");
        match glob != text && !["\\", "[", "(", "^"].iter().any(|sign| glob.contains(sign)) {
            true => complaint.fix("as a glob", place, glob),
            false => complaint,
        }
    })
}

/// Classes of answers: `2xx`, `503`.
pub fn is_status_class(text: &str) -> bool {
    let class = text.len() == 3 && text.ends_with("xx") && text.starts_with(|c: char| ('1'..='5').contains(&c));
    class || split_number(text).is_some_and(|(status, rest)| rest.is_empty() && (100.0..=599.0).contains(&status))
}

#[cfg(test)]
mod tests;
