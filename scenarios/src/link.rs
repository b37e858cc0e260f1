//! Proxies as they are written: `LISTEN -> UPSTREAM`, the long form, and the endpoints on both sides.
//! It reads one proxy at a time and knows neither faults nor other proxies.

mod endpoint;

use crate::keys::{self, PROXY};
use faultwire_faults::{
    complaint::{Complaint, nearest},
    fit::Carrier,
    node::{Node, Place, Value},
    protocol::Protocol,
};
use std::ops::Range;

/// One link, named.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxySpec {
    pub name: String,
    pub name_place: Place,
    pub listen: Listen,
    pub listen_place: Place,
    pub upstream: Upstream,
    pub upstream_place: Place,
    /// The service that calls.
    pub from: Option<String>,
    /// The service that is called, if it is not the upstream's host.
    pub to: Option<String>,
    /// `false`: the port refuses.
    pub enabled: bool,
    /// The variables of a wrapped command that hold this address.
    pub env: Vec<String>,
    /// What the upstream hears.
    pub speaks: Protocol,
    /// What stands on the left of the arrow, if anything: there Faultwire serves what it says.
    pub serves: Option<Protocol>,
    pub tls: Option<Tls>,
    /// The request that tells that the upstream is up.
    pub ready: Option<String>,
    /// Which answers count as errors.
    pub bad: Vec<String>,
    /// Whether addresses that the upstream hands out are put behind ports of ours.
    pub rewrites: Option<bool>,
    /// The port on the right is the scheme's own, and was not written.
    pub usual_port: bool,
    /// What of it this version cannot do.
    pub unbuilt: Vec<Complaint>,
    pub place: Place,
}

/// Files and names for TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    pub cert: Option<String>,
    pub key: Option<String>,
    pub ca: Option<String>,
    pub verify: Option<bool>,
    pub names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    pub host: String,
    /// `0`: any free port.
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
}

impl ProxySpec {
    /// A proxy that carries bytes from here to there, and that nobody has written down.
    pub fn plain(name: &str, listen: Listen, upstream: Upstream) -> ProxySpec {
        ProxySpec {
            name: name.to_owned(),
            name_place: Place::default(),
            listen,
            listen_place: Place::default(),
            upstream,
            upstream_place: Place::default(),
            from: None,
            to: None,
            enabled: true,
            env: Vec::new(),
            speaks: Protocol::Tcp,
            serves: None,
            tls: None,
            ready: None,
            bad: Vec::new(),
            rewrites: None,
            usual_port: false,
            unbuilt: Vec::new(),
            place: Place::default(),
        }
    }

    /// Whether the client's TLS ends here.
    pub fn serves_tls(&self) -> bool {
        self.serves.is_some_and(|protocol| protocol.speech().tls)
    }

    /// What faults find on it.
    pub fn carrier(&self) -> Carrier<'_> {
        Carrier {
            name: &self.name,
            protocol: self.speaks,
            serves_tls: self.serves_tls(),
            upstream: &self.upstream_place,
            listen: &self.listen_place,
        }
    }

    /// The service it leads to: `to`, or else the upstream's host.
    pub fn leads_to(&self) -> &str {
        self.to.as_deref().unwrap_or(&self.upstream.host)
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&joined(&self.host, self.port))
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&joined(&self.host, self.port))
    }
}

/// `host:port`, with the brackets that an IPv6 address needs.
fn joined(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

const LONGEST_NAME: usize = 64;

/// Whether this can name a proxy.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(fits)
}

/// Reads what stands behind a proxy's name. `bind` is the host to listen on when none is written. What this version cannot do is
/// refused.
pub fn read(name: &str, name_place: &Place, node: &Node, bind: &str) -> Result<ProxySpec, Vec<Complaint>> {
    let spec = draft(name, name_place, node, bind)?;
    if spec.unbuilt.is_empty() { Ok(spec) } else { Err(spec.unbuilt) }
}

/// The same, for which `unbuilt` holds what this version cannot do.
pub fn draft(name: &str, name_place: &Place, node: &Node, bind: &str) -> Result<ProxySpec, Vec<Complaint>> {
    let mut reading = Reading { name, bind, complaints: Vec::new(), unbuilt: Vec::new() };
    if !is_name(name) {
        reading.complaints.push(
            Complaint::new("E0207", format!("`{name}` cannot name a proxy"), name_place, "not a name")
                .note(format!("names are letters, digits, `.`, `_` and `-`, at most {LONGEST_NAME} of them")),
        );
    }
    let spec = match &node.value {
        Value::Map(_) => reading.long(name_place, node),
        Value::List(_) | Value::Null => {
            reading.complaints.push(
                Complaint::new("E0107", format!("`{name}` does not say where to listen"), name_place, format!("this is {}", node.kind()))
                    .note("write it as `listen -> upstream`"),
            );
            None
        }
        _ => reading.short(name_place, node),
    };
    match spec.filter(|_| reading.complaints.is_empty()) {
        Some(spec) => Ok(ProxySpec { unbuilt: reading.unbuilt, ..spec }),
        None => Err(reading.complaints),
    }
}

/// A port below the range the kernel hands out, which reminds of another one.
pub fn tame_port(like: u16, lead: u16) -> u16 {
    lead * 10_000 + like % 10_000
}

struct Reading<'a> {
    name: &'a str,
    bind: &'a str,
    complaints: Vec<Complaint>,
    unbuilt: Vec<Complaint>,
}

impl Reading<'_> {
    fn short(&mut self, name_place: &Place, node: &Node) -> Option<ProxySpec> {
        let text = node.text().unwrap_or_default();
        let written = Written { node, text };
        let Some(arrow) = text.find("->") else {
            self.no_arrow(&written);
            return None;
        };
        let left = trimmed(text, 0..arrow);
        let right = trimmed(text, arrow + 2..text.len());
        let (listen_place, upstream_place) = (written.part(left.clone()), written.part(right.clone()));
        let listen = self.listen(&written, left);
        let upstream = self.upstream(&written, right);
        let (left, right) = (listen?, upstream?);
        self.agree(&left, &right, &listen_place, &upstream_place)?;
        Some(ProxySpec {
            name_place: name_place.clone(),
            listen_place,
            upstream_place,
            speaks: right.speaks,
            serves: left.serves,
            usual_port: right.usual_port,
            place: node.place.clone(),
            ..ProxySpec::plain(self.name, left.listen, right.upstream)
        })
    }

    fn long(&mut self, name_place: &Place, node: &Node) -> Option<ProxySpec> {
        self.only_known_keys(node);
        let listen = self.end(node, "listen", "E0107", "does not say where to listen", name_place);
        let upstream = self.end(node, "upstream", "E0212", "does not say where it leads", name_place);
        let listen = listen.and_then(|written| Some((self.listen(&written, trimmed(written.text, 0..written.text.len()))?, written)));
        let upstream = upstream.and_then(|written| Some((self.upstream(&written, trimmed(written.text, 0..written.text.len()))?, written)));
        let ((left, listen_at), (right, upstream_at)) = (listen?, upstream?);
        let (listen_place, upstream_place) = (listen_at.node.place.clone(), upstream_at.node.place.clone());
        self.agree(&left, &right, &listen_place, &upstream_place)?;
        let text = |key: &str| node.entry(key).and_then(|entry| entry.value.text()).map(str::to_owned);
        Some(ProxySpec {
            name_place: name_place.clone(),
            listen_place,
            upstream_place,
            from: text("from"),
            to: text("to"),
            enabled: node.entry("enabled").is_none_or(|entry| entry.value.value != Value::Bool(false)),
            env: texts(node, "env"),
            speaks: right.speaks,
            serves: left.serves,
            tls: node.entry("tls").map(|entry| tls(&entry.value)),
            ready: text("ready"),
            bad: texts(node, "bad"),
            rewrites: text("advertise").map(|word| word == "rewrite"),
            usual_port: right.usual_port,
            place: node.place.clone(),
            ..ProxySpec::plain(self.name, left.listen, right.upstream)
        })
    }

    /// What is served on the left must be what is spoken on the right, with or without TLS.
    fn agree(&mut self, left: &Left, right: &Right, listen: &Place, upstream: &Place) -> Option<()> {
        let Some(serves) = left.serves else { return Some(()) };
        if serves.speech().kind == right.speaks.speech().kind {
            return Some(());
        }
        let (l, r) = (serves.speech().scheme, right.speaks.speech().scheme);
        let complaint = Complaint::new(
            "E0106",
            format!("`{l}://` and `{r}://` are two protocols"),
            upstream,
            format!("speaks {}", right.speaks.title()),
        )
        .also(listen, format!("serves {}", serves.title()));
        self.complaints.push(match right.speaks {
            Protocol::Tcp if !right.said => complaint.fix(
                "the same on the right",
                &Place { range: upstream.range.start..upstream.range.start, ..upstream.clone() },
                format!("{l}://"),
            ),
            _ => complaint.note("what is served on the left is what is spoken on the right, with or without TLS"),
        });
        None
    }

    fn only_known_keys(&mut self, node: &Node) {
        for entry in node.entries().unwrap_or_default() {
            let Some(key) = PROXY.iter().find(|key| key.name == entry.key) else {
                self.complaints.push(keys::unknown(entry, "a proxy", "not a key of a proxy", PROXY));
                continue;
            };
            key.form.check(key.name, &entry.value, &mut |complaint| self.complaints.push(complaint));
            if !key.since.built {
                let message = format!("`{}` comes with a later version", key.name);
                self.unbuilt.push(Complaint::new("E0109", message, &entry.key_place, "not in this one"));
            }
        }
    }

    fn end<'a>(&mut self, node: &'a Node, key: &str, code: &'static str, lacks: &str, name_place: &Place) -> Option<Written<'a>> {
        let missing = |label: String, place: &Place| Complaint::new(code, format!("`{}` {lacks}", self.name), place, label);
        let Some(entry) = node.entry(key) else {
            // A misspelt key has been told already.
            let misspelt =
                node.entries().unwrap_or_default().iter().any(|entry| nearest(&entry.key, PROXY.iter().map(|key| key.name)) == Some(key));
            if !misspelt {
                self.complaints.push(missing(format!("no `{key}` here"), name_place));
            }
            return None;
        };
        match (&entry.value.value, entry.value.text()) {
            (Value::Text(_) | Value::Number(_), Some(text)) => Some(Written { node: &entry.value, text }),
            _ => {
                self.complaints.push(missing(format!("this is {}, not an address", entry.value.kind()), &entry.value.place));
                None
            }
        }
    }

    fn no_arrow(&mut self, written: &Written<'_>) {
        let name = self.name;
        let whole = 0..written.text.len();
        if let Some(at) = ["=>", "→", "-->"].iter().find_map(|arrow| written.text.find(arrow).map(|at| at..at + arrow.len())) {
            let wrong = &written.text[at.clone()];
            let complaint = Complaint::new("E0212", format!("`{wrong}` is not an arrow"), &written.part(at.clone()), "here it is `->`");
            self.complaints.push(written.fixed(complaint, "write the arrow as `->`", at, "->"));
            return;
        }
        if written.text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
            let complaint =
                Complaint::new("E0212", format!("`{name}` does not say where it leads"), &written.part(whole), "only a port here");
            self.complaints.push(complaint.note("write it as `listen -> upstream`"));
            return;
        }
        let complaint = Complaint::new(
            "E0107",
            format!("`{name}` does not say where to listen"),
            &written.part(whole.clone()),
            "only one address here",
        )
        .note("write it as `listen -> upstream`");
        // A port that looks like the upstream's, if that is an address at all.
        let quiet = &mut Reading { name, bind: self.bind, complaints: Vec::new(), unbuilt: Vec::new() };
        self.complaints.push(match quiet.upstream(written, trimmed(written.text, whole)) {
            Some(Right { upstream, .. }) => {
                let port = tame_port(upstream.port, 2);
                written.fixed(complaint, "listen on a port of your own", 0..0, &format!("{port} -> "))
            }
            None => complaint,
        });
    }

    fn listen(&mut self, written: &Written<'_>, range: Range<usize>) -> Option<Left> {
        let end = self.endpoint(written, range.clone(), true)?;
        let Some(port) = end.port else {
            let complaint =
                Complaint::new("E0107", format!("`{}` does not say on which port to listen", self.name), &written.part(range), "no port");
            self.complaints.push(complaint.note("write it as `PORT -> upstream`, or `HOST:PORT -> upstream`"));
            return None;
        };
        let serves = end.scheme.map(|speech| speech.protocol);
        Some(Left { listen: Listen { host: end.host.unwrap_or_else(|| self.bind.to_owned()), port }, serves })
    }

    fn upstream(&mut self, written: &Written<'_>, range: Range<usize>) -> Option<Right> {
        let end = self.endpoint(written, range.clone(), false)?;
        let name = self.name;
        let usual = end.scheme.and_then(|speech| speech.port);
        match (end.host, end.port.or(usual)) {
            (Some(host), Some(port)) if port > 0 => Some(Right {
                upstream: Upstream { host, port },
                speaks: end.scheme.map_or(Protocol::Tcp, |speech| speech.protocol),
                said: end.scheme.is_some(),
                usual_port: end.port.is_none(),
            }),
            (Some(_), Some(_)) => {
                let complaint = Complaint::new("E0212", "port 0 cannot be reached", &written.part(range), "to which port does it lead?");
                self.complaints.push(complaint.note("`0` is any free port, and only where a proxy listens"));
                None
            }
            (Some(_), None) => {
                let complaint =
                    Complaint::new("E0212", format!("`{name}` does not say to which port it leads"), &written.part(range), "no port");
                let title = end.scheme.map_or("plain TCP", |speech| speech.title);
                self.complaints.push(complaint.note(format!("{title} has no port of its own: write `HOST:PORT`")));
                None
            }
            (None, _) => {
                let rest = written.text[range.clone()].find("://").map_or(0, |at| at + 3);
                let start = range.start + rest;
                let complaint = Complaint::new(
                    "E0212",
                    format!("`{name}` does not say to which host it leads"),
                    &written.part(range.clone()),
                    "no host",
                );
                let bare = !written.text[start..range.end].starts_with(':');
                self.complaints.push(match bare {
                    true => written.fixed(complaint, "on this machine", start..start, "localhost:"),
                    false => written.fixed(complaint, "on this machine", start..start, "localhost"),
                });
                None
            }
        }
    }
}

/// What stands on the left of the arrow.
struct Left {
    listen: Listen,
    serves: Option<Protocol>,
}

/// What stands on its right.
struct Right {
    upstream: Upstream,
    speaks: Protocol,
    /// The scheme was written.
    said: bool,
    usual_port: bool,
}

/// One text, or a list of them.
fn texts(node: &Node, key: &str) -> Vec<String> {
    let Some(entry) = node.entry(key) else { return Vec::new() };
    let items = match &entry.value.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(&entry.value),
    };
    items.iter().filter_map(Node::text).map(str::to_owned).collect()
}

fn tls(node: &Node) -> Tls {
    let text = |key: &str| node.entry(key).and_then(|entry| entry.value.text()).map(str::to_owned);
    let verify = node.entry("verify").map(|entry| entry.value.value == Value::Bool(true));
    Tls { cert: text("cert"), key: text("key"), ca: text("ca"), verify, names: texts(node, "names") }
}

/// A scalar and its text, which is shorter or longer than its place when it holds variables or escapes.
struct Written<'a> {
    node: &'a Node,
    text: &'a str,
}

impl Written<'_> {
    fn exact(&self) -> bool {
        self.text.len() == self.node.place.range.len()
    }

    /// The place of a part of the text, or of the whole where its parts have no places.
    fn part(&self, range: Range<usize>) -> Place {
        self.node.place.part(range, self.text.len())
    }

    /// Adds a patch of a part, if the part has a place.
    fn fixed(&self, complaint: Complaint, title: &str, range: Range<usize>, text: &str) -> Complaint {
        match self.exact() {
            true => complaint.fix(title, &self.part(range), text),
            false => complaint,
        }
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests;
