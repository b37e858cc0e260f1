//! A match in one line, in the manner of its protocol: `POST /orders/*`, `GET session:*`, `A *.internal`.

use super::{Fact, Want};
use crate::{
    complaint::{Complaint, nearest},
    node::Place,
    protocol::{Protocol, kind},
};

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
const RECORDS: &[&str] = &["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "NS", "PTR", "SOA", "CAA", "HTTPS", "SVCB", "ANY", "*"];
const KAFKA_APIS: &[&str] = &[
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "ApiVersions",
    "CreateTopics",
    "DeleteTopics",
    "InitProducerId",
    "AddPartitionsToTxn",
    "EndTxn",
    "*",
];

/// A match in one line, with places inside it.
pub(super) struct Line<'a> {
    pub text: &'a str,
    pub place: &'a Place,
}

impl Line<'_> {
    pub fn facts(&self, on: Protocol) -> Result<Vec<Fact>, Complaint> {
        let words: Vec<std::ops::Range<usize>> = self.words();
        let whole = words.first().map_or(0..0, |first| first.start..words.last().map_or(first.end, |last| last.end));
        let glob = |name: &'static str, range: std::ops::Range<usize>| Fact {
            name,
            part: None,
            want: Want::Glob(self.text[range.clone()].to_owned()),
            place: self.part(range.clone()),
            key_place: self.part(range),
        };
        let rest = || words.get(1).map(|second| second.start..whole.end);
        match () {
            () if on.is(kind::HTTP) => match &words[..] {
                [path] if !METHODS.contains(&&self.text[path.clone()]) => {
                    self.path(path.clone())?;
                    Ok(vec![glob("path", path.clone())])
                }
                [method] => Err(Complaint::new("E0205", "this says no path", &self.part(method.clone()), "which requests?").fix(
                    "all of them",
                    &self.part(method.end..method.end),
                    " *",
                )),
                [method, path] => {
                    self.method(method.clone())?;
                    self.path(path.clone())?;
                    Ok(vec![glob("method", method.clone()), glob("path", path.clone())])
                }
                _ => Err(Complaint::new("E0205", "this is not a request", &self.part(whole), "write it as `POST /orders/*`")),
            },
            () if on.is(kind::GRPC) => {
                let text = &self.text[whole.clone()];
                match text.split_once('/') {
                    Some(("", _)) => {
                        Err(Complaint::new("E0205", format!("`{text}` is not a call"), &self.part(whole.clone()), "a service comes first")
                            .fix("without the first `/`", &self.part(whole.start..whole.start + 1), ""))
                    }
                    Some((service, method)) if words.len() == 1 && !method.is_empty() && !method.contains('/') => {
                        let middle = whole.start + service.len();
                        Ok(vec![glob("service", whole.start..middle), glob("method", middle + 1..whole.end)])
                    }
                    None if text == "*" => Ok(vec![glob("service", whole)]),
                    _ => Err(Complaint::new(
                        "E0205",
                        format!("`{text}` is not a call"),
                        &self.part(whole),
                        "write it as `pkg.Service/Method`",
                    )),
                }
            }
            () if on.is(kind::SQL) => Ok(vec![glob("statement", whole)]),
            () if on.is(kind::REDIS | kind::MONGODB) => {
                Ok(words.first().cloned().map(|word| glob("command", word)).into_iter().chain(rest().map(|key| glob("key", key))).collect())
            }
            () if on.is(kind::DNS) => match &words[..] {
                [name] => Ok(vec![glob("name", name.clone())]),
                [record, name] => {
                    self.one_of(record.clone(), RECORDS, "a type of record")?;
                    Ok(vec![glob("type", record.clone()), glob("name", name.clone())])
                }
                _ => Err(Complaint::new("E0205", "this is not a query", &self.part(whole), "write it as `A *.internal`")),
            },
            () if on.is(kind::KAFKA) => {
                if let Some(api) = words.first() {
                    self.one_of(api.clone(), KAFKA_APIS, "an API of Kafka")?;
                }
                Ok(words
                    .first()
                    .cloned()
                    .map(|word| glob("api", word))
                    .into_iter()
                    .chain(rest().map(|topic| glob("topic", topic)))
                    .collect())
            }
            () => Ok(vec![glob("key", whole)]),
        }
    }

    fn method(&self, range: std::ops::Range<usize>) -> Result<(), Complaint> {
        let word = &self.text[range.clone()];
        if METHODS.contains(&word) || word.contains('*') {
            return Ok(());
        }
        let place = self.part(range);
        let upper = word.to_ascii_uppercase();
        if upper != word && METHODS.contains(&&*upper) {
            return Err(Complaint::new("E0207", format!("`{word}` is not a method"), &place, "methods are written in capitals").fix(
                format!("did you mean `{upper}`?"),
                &place,
                upper,
            ));
        }
        let known = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        match nearest(word, METHODS.iter().copied()) {
            Some(near) => Err(Complaint::new("E0207", format!("`{word}` is not a method"), &place, "unknown to HTTP").fix(
                format!("did you mean `{near}`?"),
                &place,
                near,
            )),
            None if known => Ok(()),
            None => Err(Complaint::new("E0207", format!("`{word}` is not a method"), &place, "write it as `POST /orders/*`")),
        }
    }

    pub fn path(&self, range: std::ops::Range<usize>) -> Result<(), Complaint> {
        let path = &self.text[range.clone()];
        if let Some(at) = path.find('?') {
            return Err(Complaint::new("E0205", "a path has no query", &self.part(range.start + at..range.end), "leave this out")
                .note("write it as `match: { path: ..., query: { ... } }`"));
        }
        match path.starts_with(['/', '*', '^']) {
            true => Ok(()),
            false => Err(Complaint::new("E0205", format!("`{path}` is not a path"), &self.part(range.clone()), "a path begins with `/`")
                .fix("from the root", &self.part(range.start..range.start), "/")),
        }
    }

    fn one_of(&self, range: std::ops::Range<usize>, words: &[&'static str], what: &str) -> Result<(), Complaint> {
        let word = &self.text[range.clone()];
        if words.contains(&word) {
            return Ok(());
        }
        let place = self.part(range);
        let complaint = Complaint::new("E0207", format!("`{word}` is not {what}"), &place, "unknown here");
        let same = words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
        Err(match same.or_else(|| nearest(word, words.iter().copied())) {
            Some(near) => complaint.fix(format!("did you mean `{near}`?"), &place, near),
            None => complaint,
        })
    }

    fn words(&self) -> Vec<std::ops::Range<usize>> {
        let mut words = Vec::new();
        let mut start = None;
        for (at, c) in self.text.char_indices().chain([(self.text.len(), ' ')]) {
            match (c.is_whitespace(), start) {
                (true, Some(from)) => {
                    words.push(from..at);
                    start = None;
                }
                (false, None) => start = Some(at),
                _ => {}
            }
        }
        words
    }

    fn part(&self, range: std::ops::Range<usize>) -> Place {
        self.place.part(range, self.text.len())
    }
}
