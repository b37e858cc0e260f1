//! `limits.exempt`: health checks and probes, which no fault touches unless its match names them literally. A restarted pod says nothing
//! about the network between services.

use super::{
    Fact, Match,
    fits::Matcher,
    pattern::{Case, Pattern},
};
use crate::{node::Place, protocol::Protocol, subject::Subject};

/// What is spared if a scenario says nothing else. A list of its own takes the place of this one.
pub const EXEMPT: &[&str] = &["/healthz", "/livez", "/readyz", "grpc.health.v1.Health/*", "user-agent: kube-probe/*"];

/// Requests that are spared.
#[derive(Clone, Debug)]
pub struct Exempt {
    /// As they were written: a match of HTTP, a call of gRPC, or a header as `NAME: GLOB`. Words of other protocols are here as well.
    pub words: Vec<String>,
    entries: Box<[Entry]>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// A call of gRPC is a request, whatever the proxy calls it: probes of both kinds come to proxies of both kinds.
    Request {
        method: Option<Pattern>,
        path: Pattern,
    },
    Header {
        name: Box<str>,
        value: Pattern,
    },
}

impl Default for Exempt {
    fn default() -> Exempt {
        Exempt::of(EXEMPT)
    }
}

impl Exempt {
    pub fn of<T: AsRef<str>>(words: &[T]) -> Exempt {
        let words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
        let entries = words.iter().filter_map(|word| Entry::read(word)).collect();
        Exempt { words, entries }
    }

    /// Whether it is on the list.
    pub fn spares(&self, subject: &dyn Subject) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Request { method, path } => {
                path.fits(subject.path()) && method.as_ref().is_none_or(|method| method.fits(subject.method()))
            }
            Entry::Header { name, value } => subject.any(name, &mut |found| value.fits(found)),
        })
    }

    /// Whether it is on the list, and stays spared by a fault with this match.
    pub fn spares_from(&self, subject: &dyn Subject, matcher: Option<&Matcher>) -> bool {
        self.spares(subject) && !matcher.is_some_and(|matcher| matcher.names_literally(subject))
    }
}

impl Entry {
    /// `None`: it is in the manner of another protocol.
    fn read(word: &str) -> Option<Entry> {
        let read = |on| Some(Match::line(word, &Place::default()).facts(on).ok()?.all);
        let glob = |facts: &[Fact], name| match &facts.iter().find(|fact| fact.name == name)?.want {
            super::Want::Glob(text) => Some(text.clone()),
            _ => None,
        };
        let exact = |text: &str| Pattern::glob(text, Case::Matters);
        if let Some(facts) = read(Protocol::Http) {
            return Some(Entry::Request {
                method: glob(&facts, "method").map(|method| exact(&method)),
                path: exact(&glob(&facts, "path")?),
            });
        }
        if let Some(facts) = read(Protocol::Grpc) {
            let (service, method) = (glob(&facts, "service")?, glob(&facts, "method").unwrap_or_else(|| "*".to_owned()));
            return Some(Entry::Request { method: None, path: exact(&format!("/{service}/{method}")) });
        }
        let (name, value) = word.split_once(": ")?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        is_name.then(|| Entry::Header { name: name.to_ascii_lowercase().into(), value: exact(value.trim()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{node::Node, subject::tests::request};
    use serde_json::json;

    #[test]
    fn health_checks_and_probes_are_spared() {
        let usual = Exempt::default();
        for (head, spared) in [
            ("GET /healthz HTTP/1.1\nHost: a", true),
            ("HEAD /healthz?verbose HTTP/1.1\nHost: a", true),
            ("GET http://a/livez HTTP/1.1\nHost: a", true),
            ("GET /readyz HTTP/1.1\nHost: a", true),
            ("POST /grpc.health.v1.Health/Check HTTP/1.1\nHost: a", true),
            ("GET / HTTP/1.1\nHost: a\nUser-Agent: kube-probe/1.31", true),
            ("GET /healthz/ HTTP/1.1\nHost: a", false),
            ("GET /health HTTP/1.1\nHost: a", false),
            ("GET /orders HTTP/1.1\nHost: a\nUser-Agent: my-kube-probe/1", false),
            ("POST /grpc.health.v1.Healthy/Check HTTP/1.1\nHost: a", false),
        ] {
            assert_eq!(usual.spares(&request(head)), spared, "{head}");
        }
    }

    #[test]
    fn a_list_takes_the_place_of_the_usual_one() {
        let own = Exempt::of(&["/metrics", "GET /status/*", "shop.Admin/Ping", "x-probe: *", "PING", "AUTH *", "select 1"]);
        for (head, spared) in [
            ("GET /metrics HTTP/1.1\nHost: a", true),
            ("GET /status/db HTTP/1.1\nHost: a", true),
            ("POST /status/db HTTP/1.1\nHost: a", false),
            ("POST /shop.Admin/Ping HTTP/1.1\nHost: a", true),
            ("GET /x HTTP/1.1\nHost: a\nX-Probe: yes", true),
            ("GET /healthz HTTP/1.1\nHost: a", false),
            ("GET /x HTTP/1.1\nHost: a\nUser-Agent: kube-probe/1", false),
        ] {
            assert_eq!(own.spares(&request(head)), spared, "{head}");
        }
        assert_eq!(own.words.len(), 7);
        assert!(!Exempt::of::<&str>(&[]).spares(&request("GET /healthz HTTP/1.1\nHost: a")));
        for word in EXEMPT {
            assert!(Entry::read(word).is_some(), "{word} is no entry");
        }
    }

    #[test]
    fn who_names_it_literally_means_it() {
        let usual = Exempt::default();
        let spared = |fault: serde_json::Value, on: Protocol, head: &str| {
            let matcher = Match::read(&Node::from_json(&fault), &mut |complaint| panic!("{complaint:?}")).unwrap().matcher(on).unwrap();
            usual.spares_from(&request(head), Some(&matcher))
        };
        let probe = "GET /healthz HTTP/1.1\nHost: a\nUser-Agent: kube-probe/1.31";
        for (fault, is_spared) in [
            (json!("/healthz"), false),
            (json!("GET /healthz"), false),
            (json!({ "path": ["/a", "/healthz"] }), false),
            (json!("/health*"), true),
            (json!("*"), true),
            (json!({ "path": { "regex": "^/healthz$" } }), true),
            (json!({ "path": ["/livez", "/health*"] }), true),
            (json!({ "not": { "path": "/healthz" } }), true),
            (json!({ "headers": { "user-agent": "kube-probe/*" } }), true),
        ] {
            assert_eq!(spared(fault.clone(), Protocol::Http, probe), is_spared, "{fault}");
        }
        let call = "POST /grpc.health.v1.Health/Check HTTP/1.1\nHost: a";
        for (fault, is_spared) in [
            (json!("grpc.health.v1.Health/Check"), false),
            (json!({ "service": "grpc.health.v1.Health" }), false),
            (json!({ "service": "grpc.health.v1.Health", "method": ["Watch", "Check"] }), false),
            (json!("grpc.health.v1.Health/*"), true),
            (json!("grpc.health.*/Check"), true),
            (json!({ "method": "Check" }), true),
        ] {
            assert_eq!(spared(fault.clone(), Protocol::Grpc, call), is_spared, "{fault}");
        }
        assert!(usual.spares_from(&request(probe), None));
        assert!(!usual.spares_from(&request("GET /orders HTTP/1.1\nHost: a"), None));
    }
}
