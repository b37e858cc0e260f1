//! Who is behind a unit, as far as rolls, rates and matches depend on it.

use crate::{
    fault::{Draw, RatePer},
    subject::{Asked, Peer, Subject},
};
use std::{fmt, net::IpAddr, sync::Arc};

/// Of one connection, or of one request on it.
#[derive(Clone, Default)]
pub struct Who {
    pub peer: Peer,
    /// The number of the connection on its proxy.
    pub connection: u64,
    pub request: Option<Arc<dyn Subject + Send + Sync>>,
    /// What the whole request comes to: method, path, query and body.
    pub identity: Option<u64>,
}

impl Who {
    pub fn connection(client: IpAddr, connection: u64) -> Who {
        Who { peer: Peer { client: Some(client), sni: None }, connection, request: None, identity: None }
    }

    /// The same for a request on that connection.
    pub fn asking(&self, request: Arc<dyn Subject + Send + Sync>) -> Who {
        Who { request: Some(request), identity: None, ..self.clone() }
    }

    /// With everything that a match may ask for.
    pub fn with<T>(&self, look: impl FnOnce(&dyn Subject) -> T) -> T {
        match &self.request {
            Some(request) => look(&Asked { request: &**request, peer: &self.peer }),
            None => look(&self.peer),
        }
    }

    /// The request in a few words, for people: `POST /orders`.
    pub fn line(&self) -> Option<Box<str>> {
        let request = self.request.as_ref()?;
        let path = request.path();
        let more = if path.len() > LONGEST { "..." } else { "" };
        Some(format!("{} {}{more}", request.method().escape_ascii(), path[..path.len().min(LONGEST)].escape_ascii()).into())
    }

    /// Units with the same key share a rate.
    pub fn shares(&self, per: &RatePer) -> u64 {
        match per {
            RatePer::Proxy => 0,
            RatePer::Connection => self.connection,
            RatePer::Client => self.peer.client.map_or(0, |client| hash(client.to_string().as_bytes())),
            RatePer::Header(name) => {
                let mut key = BASIS;
                self.with(|subject| {
                    subject.any(&name.to_ascii_lowercase(), &mut |value| {
                        key = go_on(go_on(key, value), b"\n");
                        false
                    })
                });
                key
            }
        }
    }

    /// What a roll depends on instead of the number of the match.
    pub fn drawn_by(&self, draw: Draw) -> Option<u64> {
        match draw {
            Draw::Ordinal => None,
            Draw::Identity => self.identity,
            Draw::Trace => self.trace().map(|id| hash(id.as_bytes())),
        }
    }

    /// W3C Trace Context, 3.2.2.3: the trace id, which all hops and all tries of one request share.
    pub fn trace(&self) -> Option<Box<str>> {
        self.request.as_ref()?;
        let mut found = None;
        self.with(|subject| {
            subject.any("traceparent", &mut |value| {
                let id = value.split(|byte| *byte == b'-').nth(1);
                let id = id.filter(|id| id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit));
                found = id.map(|id| String::from_utf8_lossy(id).to_ascii_lowercase().into());
                found.is_some()
            })
        });
        found
    }

    /// What the request comes to, with a body that has come whole.
    pub fn identified(&self, body: &[u8]) -> u64 {
        self.with(|subject| {
            let mut key = BASIS;
            for part in [subject.method(), subject.path(), subject.query().unwrap_or_default(), body] {
                key = go_on(go_on(key, part), b"\0");
            }
            key
        })
    }
}

/// So much of a path is told.
const LONGEST: usize = 200;

/// FNV-1a, 64 bits: part of the format, since rolls depend on it.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn hash(bytes: &[u8]) -> u64 {
    go_on(BASIS, bytes)
}

fn go_on(key: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(key, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Who").field("peer", &self.peer).field("connection", &self.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::request;

    fn who(head: &str) -> Who {
        Who::connection([10, 0, 0, 1].into(), 7).asking(Arc::new(request(head)))
    }

    #[test]
    fn the_same_request_is_the_same_whoever_asks() {
        let one = who("POST /a?x=1 HTTP/1.1\nhost: a");
        let again = Who { connection: 9, ..who("POST /a?x=1 HTTP/1.1\nhost: a\nretry: 1") };
        let other = who("POST /a?x=2 HTTP/1.1\nhost: a");
        assert_eq!(one.identified(b"body"), again.identified(b"body"));
        assert_ne!(one.identified(b"body"), one.identified(b"bodi"));
        assert_ne!(one.identified(b"body"), other.identified(b"body"));
    }

    #[test]
    fn a_trace_is_its_id_alone() {
        let trace = |parent: &str| who(&format!("GET / HTTP/1.1\nhost: a\ntraceparent: {parent}")).drawn_by(Draw::Trace);
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert!(trace(&format!("00-{id}-b7ad6b7169203331-01")).is_some());
        assert_eq!(trace(&format!("00-{id}-b7ad6b7169203331-01")), trace(&format!("00-{}-00f067aa0ba902b7-00", id.to_uppercase())));
        assert_eq!(trace("garbage"), None);
    }

    #[test]
    fn who_shares_a_rate() {
        let key = |head: &str| who(head).shares(&RatePer::Header("X-Api-Key".to_owned()));
        let with = |value: &str| format!("GET / HTTP/1.1\nhost: a\nx-api-key: {value}");
        assert_eq!(key(&with("a")), key(&with("a")));
        assert_ne!(key(&with("a")), key(&with("b")));
        assert_eq!(who("GET / HTTP/1.1\nhost: a").shares(&RatePer::Connection), 7);
    }
}
