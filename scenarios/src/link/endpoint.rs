//! One end of an arrow: `[scheme://][host][:port]`.

use super::{Reading, Written};
use faultwire_faults::{
    complaint::{Complaint, nearest},
    node::Place,
    protocol::{Protocol, SPEECHES, Speech},
};
use std::{net::Ipv6Addr, ops::Range};

impl Reading<'_> {
    pub(super) fn endpoint(&mut self, written: &Written<'_>, range: Range<usize>, listens: bool) -> Option<End> {
        let text = &written.text[range.clone()];
        let (scheme, rest) = match text.find("://") {
            Some(at) => (Some(range.start..range.start + at), range.start + at + 3..range.end),
            None => (None, range.clone()),
        };
        let authority = self.authority(written, rest.clone(), listens);
        match scheme {
            Some(at) => self.scheme(written, at, rest, authority),
            None => authority,
        }
    }

    /// What a scheme makes of the address behind it. Those that are not spoken yet can still be carried as bytes.
    pub(super) fn scheme(&mut self, written: &Written<'_>, at: Range<usize>, rest: Range<usize>, end: Option<End>) -> Option<End> {
        let word = &written.text[at.clone()];
        let place = written.part(at.clone());
        let Some(speech) = Protocol::of_scheme(word) else {
            self.complaints.push(unknown_scheme(word, written, at, place));
            return None;
        };
        let end = end?;
        if !speech.since.built {
            let message = format!("`{word}://` comes with a later version");
            let complaint = Complaint::new("E0109", message, &place, "this version carries plain TCP and HTTP");
            let missing = end.port.is_none() && end.host.is_some();
            let port = speech.port.filter(|_| missing).map(|port| format!(":{port}")).unwrap_or_default();
            let plain = format!("{}{port}", &written.text[rest.clone()]);
            self.unbuilt.push(match !missing || speech.port.is_some() {
                true => written.fixed(complaint, "carry it as plain bytes", at.start..rest.end, &plain),
                false => complaint,
            });
        }
        Some(End { scheme: Some(speech), ..end })
    }

    pub(super) fn authority(&mut self, written: &Written<'_>, range: Range<usize>, listens: bool) -> Option<End> {
        let text = &written.text[range.clone()];
        let place = written.part(range.clone());
        if text.is_empty() {
            let side = if listens { "left" } else { "right" };
            let complaint = Complaint::new(
                "E0212",
                format!("nothing stands on the {side} of the arrow"),
                &written.part(0..written.text.len()),
                "no address",
            );
            self.complaints.push(complaint.note("write it as `listen -> upstream`"));
            return None;
        }
        if let Some(at) = text.find(['/', '?', '#', '@']) {
            let complaint = match text[at..].starts_with('@') {
                true => {
                    Complaint::new("E0212", "an address has no user", &written.part(range.start..range.start + at + 1), "leave this out")
                        .note("a proxy hands the login on as it comes")
                }
                false => Complaint::new("E0212", "an address has no path", &written.part(range.start + at..range.end), "leave this out")
                    .note("a proxy carries whole connections; `match` chooses among requests"),
            };
            self.complaints.push(complaint);
            return None;
        }
        let (host, port) = match split(text) {
            Ok(parts) => parts,
            Err(label) => {
                self.complaints.push(Complaint::new("E0212", format!("`{text}` is not an address"), &place, label));
                return None;
            }
        };
        let port_at = range.end - port.map_or(0, str::len)..range.end;
        let port = match port.map(|port| (port, port.parse::<u16>(), port.bytes().all(|byte| byte.is_ascii_digit()))) {
            None => None,
            Some((_, Ok(number), true)) => Some(number),
            Some((port, ..)) => {
                let complaint = Complaint::new("E0212", format!("`{port}` is not a port"), &written.part(port_at), "from 1 to 65535");
                self.complaints.push(complaint);
                return None;
            }
        };
        Some(End { host: host.map(str::to_owned), port, scheme: None })
    }
}

pub(super) struct End {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub scheme: Option<&'static Speech>,
}

/// Host and port of an address without a scheme. A number alone is a port.
fn split(text: &str) -> Result<(Option<&str>, Option<&str>), &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok((None, Some(text)));
    }
    if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or("`]` is missing")?;
        let address = host.split_once('%').map_or(host, |(address, _)| address);
        address.parse::<Ipv6Addr>().map_err(|_| "between brackets stands an IPv6 address")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((Some(host), Some(port))),
            None if rest.is_empty() => Ok((Some(host), None)),
            None => Err("after `]` comes `:PORT`"),
        };
    }
    let (host, port) = match text.split_once(':') {
        Some((_, port)) if port.contains(':') => return Err("IPv6 addresses stand in brackets: `[::1]:6379`"),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Err("write it as `HOST:PORT`");
    }
    Ok((Some(host).filter(|host| !host.is_empty()), port))
}

fn unknown_scheme(word: &str, written: &Written<'_>, at: Range<usize>, place: Place) -> Complaint {
    let said = |label: &str| Complaint::new("E0108", format!("`{word}` is not something a proxy can speak"), &place, label);
    match word {
        "ws" | "wss" => {
            let begins = if word == "ws" { "http" } else { "https" };
            let complaint =
                said("WebSockets begin as HTTP").note("on such a proxy, `per: message` makes a fault act on each WebSocket message");
            written.fixed(complaint, "name the protocol they begin with", at, begins)
        }
        "postgresql" => written.fixed(said("another name of it"), "here it is called `postgres`", at, "postgres"),
        _ => match nearest(word, SPEECHES.iter().map(|speech| speech.scheme)) {
            Some(near) => written.fixed(said("unknown here"), &format!("did you mean `{near}`?"), at, near),
            None => said("unknown here").note("without a scheme a proxy carries plain TCP"),
        },
    }
}
