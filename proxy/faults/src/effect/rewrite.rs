//! `rewrite`: a request goes on with another method, path or query. Whoever matched it saw the old ones.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share, Way},
    foreseen::REWRITE,
    head::Head,
    node::{Node, Value},
    piece::{Direction, Payload, Piece},
    protocol::kind,
    value::said,
};
use faultwire_http1::edit::{Rewrite as Line, Unfit};

#[derive(Clone, Debug, PartialEq)]
pub struct Rewrite {
    pub method: Option<String>,
    pub path: Option<String>,
    /// Parameters by their names; none removes.
    pub query: Vec<(String, Vec<String>)>,
}

impl Effect for Rewrite {
    const KEYS: &'static [Key] = &[Key {
        name: "rewrite",
        form: REWRITE,
        values: "{method, path, query}",
        about: "Changes the request before it goes on; `match` saw the old one. Of the query only what is named; `null` removes, a list repeats.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::HTTP);
    const EXAMPLE: &'static str = "{ rewrite: { path: /v1/products } }";
    const WAY: Way = Way::ToServer;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Rewrite, Complaint> {
        let map = &share.head.value;
        let text = |key: &str| map.entry(key).and_then(|entry| entry.value.text()).map(str::to_owned);
        let rewrite = Rewrite {
            method: text("method"),
            path: text("path"),
            query: map.entry("query").map(|entry| parameters(&entry.value)).unwrap_or_default(),
        };
        for key in ["method", "path"] {
            let (method, path) = (rewrite.method.as_deref().filter(|_| key == "method"), rewrite.path.as_deref().filter(|_| key == "path"));
            if let (Err(unfit), Some(entry)) = (Line::new(method, path, None), map.entry(key)) {
                return Err(wrong(&entry.value, unfit));
            }
        }
        if map.entries().is_none_or(<[_]>::is_empty) {
            return Err(Complaint::new("E0104", "this rewrites nothing", &map.place, "a `method`, `path` or `query`"));
        }
        Ok(rewrite)
    }

    fn describe(&self) -> String {
        let mut parts = vec!["rewrite".to_owned()];
        parts.extend(self.method.clone());
        parts.extend(self.path.clone());
        parts.extend(self.query.iter().map(|(name, values)| match &values[..] {
            [] => format!("no {name}"),
            values => values.iter().map(|value| format!("{name}={value}")).collect::<Vec<_>>().join("&"),
        }));
        parts.join(" ")
    }

    fn piece(&self, (): &mut (), piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match piece.payload {
            Payload::Head(mut head) if cx.direction == Direction::ToServer => {
                let is_other = self.rewrite(&mut head);
                cx.pass(Piece { due: piece.due, payload: Payload::Head(head) });
                if is_other { Outcome::Edited } else { Outcome::Untouched }
            }
            _ => {
                cx.pass(piece);
                Outcome::Untouched
            }
        }
    }
}

fn wrong(value: &Node, unfit: Unfit) -> Complaint {
    let what = match unfit {
        Unfit::Method | Unfit::FramingMethod => "a method to rewrite to",
        _ => "a path to rewrite to",
    };
    let label = match unfit {
        Unfit::FramingMethod => "its answers end in a way of their own",
        Unfit::Method => "such as `GET`",
        _ => "begins with `/`, and has no `?`: parameters stand in `query`",
    };
    Complaint::new("E0207", format!("{} is not {what}", said(value)), &value.place, label)
}

fn parameters(map: &Node) -> Vec<(String, Vec<String>)> {
    let text = |node: &Node| node.text().unwrap_or_default().to_owned();
    let values = |node: &Node| match &node.value {
        Value::Null => Vec::new(),
        Value::List(items) => items.iter().map(text).collect(),
        _ => vec![text(node)],
    };
    map.entries().unwrap_or_default().iter().map(|entry| (entry.key.clone(), values(&entry.value))).collect()
}

impl Rewrite {
    /// Whether that made any difference.
    fn rewrite(&self, head: &mut Head) -> bool {
        let query = match (&self.query[..], head.target()) {
            ([], _) | (_, None) => None,
            (_, Some(target)) => Some(self.query(query_of(target))),
        };
        match Line::new(self.method.as_deref(), self.path.as_deref(), query.as_deref()) {
            Ok(line) => head.rewrite(&line),
            // The query that came has what no query may have.
            Err(_) => false,
        }
    }

    /// What is not named stays, in its place and as it was written.
    fn query(&self, came: &str) -> String {
        let mut parts = Vec::new();
        let mut said = vec![false; self.query.len()];
        for part in came.split('&').filter(|part| !part.is_empty()) {
            let name = decoded(part.split('=').next().unwrap_or_default());
            let Some(i) = self.query.iter().position(|(known, _)| known.as_bytes() == name) else {
                parts.push(part.to_owned());
                continue;
            };
            if !std::mem::replace(&mut said[i], true) {
                parts.extend(written(&self.query[i]));
            }
        }
        for (parameter, _) in self.query.iter().zip(said).filter(|(_, said)| !said) {
            parts.extend(written(parameter));
        }
        parts.join("&")
    }
}

fn query_of(target: &[u8]) -> &str {
    let target = &target[..target.iter().position(|byte| *byte == b'#').unwrap_or(target.len())];
    let query = target.iter().position(|byte| *byte == b'?').map_or(&[][..], |at| &target[at + 1..]);
    std::str::from_utf8(query).unwrap_or_default()
}

fn written((name, values): &(String, Vec<String>)) -> impl Iterator<Item = String> {
    values.iter().map(move |value| format!("{}={}", encoded(name), encoded(value)))
}

/// RFC 3986: what is not unreserved is percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{exchange, http1, list};
    use serde_json::json;

    #[test]
    fn requests_go_on_as_others() {
        for (rewrite, came, left) in [
            (json!({"path": "/v1/products"}), "GET /v2/products?page=2", "GET /v1/products?page=2"),
            (json!({"method": "PUT"}), "POST /a", "PUT /a"),
            (json!({"method": "PUT"}), "HEAD /a", "HEAD /a"),
            (json!({"query": {"page": "9", "sort": null}}), "GET /a?sort=x&b&page=2&page=3&c=%20", "GET /a?b&page=9&c=%20"),
            (json!({"query": {"a b": ["1", "ä&"]}}), "GET /a", "GET /a?a%20b=1&a%20b=%C3%A4%26"),
            (json!({"query": {"a b": "2"}}), "GET /a?a+b=1&a%20b=1", "GET /a?a%20b=2"),
            (json!({"query": {"a": null}}), "GET /a?a=1", "GET /a"),
            (json!({"path": "/x", "query": {"q": "1"}, "method": "POST"}), "GET http://h/a", "POST http://h/x?q=1"),
            (json!({"path": "/x"}), "OPTIONS *", "OPTIONS *"),
        ] {
            let fault = json!({"rewrite": rewrite});
            let request = |line: &str| format!("{line} HTTP/1.1~hOST:h~Content-Length: 2~~ok");
            let played = http1(std::slice::from_ref(&fault), &[(0, &format!(">{}", request(came)))]);
            assert_eq!(played.to_server, format!("0: {}", request(left)), "{fault}");
            let (hits, _) = played.counts();
            assert_eq!(hits, u64::from(came != left), "{fault}");
        }
    }

    #[test]
    fn lists_are_rewritten_as_lines_are() {
        for (rewrite, came, left) in [
            (json!({"path": "/x", "query": {"a": "2"}}), ":method GET, :path /a?a=1&b=1", ":method GET, :path /x?a=2&b=1"),
            (json!({"method": "PUT"}), ":method POST, :path /a", ":method PUT, :path /a"),
            (json!({"method": "PUT"}), ":method HEAD, :path /a", ":method HEAD, :path /a"),
            (json!({"path": "/x"}), ":method OPTIONS, :path *", ":method OPTIONS, :path *"),
            (json!({"path": "/x"}), ":method CONNECT, :authority a", ":method CONNECT, :authority a"),
        ] {
            let fault = json!({"rewrite": rewrite});
            let played = exchange(&fault, vec![(0, Direction::ToServer, Payload::Head(list(came, true)))]);
            assert_eq!(played.to_server, format!("0: [{left}]"), "{fault}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let read = |rewrite: serde_json::Value| {
            let node = Node::from_json(&json!({"proxy": "p", "rewrite": rewrite}));
            crate::fault::Fault::read(&node).map(|fault| fault.effects[0].describe()).map_err(|complaints| complaints[0].code)
        };
        for (rewrite, want) in [
            (json!({"path": "v1"}), Err("E0207")),
            (json!({"path": "/a b"}), Err("E0207")),
            (json!({"path": "/a?b"}), Err("E0207")),
            (json!({"method": "HEAD"}), Err("E0207")),
            (json!({"method": "G T"}), Err("E0207")),
            (json!({}), Err("E0104")),
            (json!({"method": "PUT", "path": "/a", "query": {"a": "1", "b": null}}), Ok("rewrite PUT /a a=1 no b".to_owned())),
        ] {
            assert_eq!(read(rewrite.clone()), want, "{rewrite}");
        }
    }
}
