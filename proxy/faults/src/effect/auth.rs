//! `auth`: the login no longer counts. What a client shows is remembered as keyed hashes, and only as long as its fault is there.

use crate::{
    complaint::Complaint,
    contract::{self, Effect, Key, On, Reply, RetryAfter, Share, Strike},
    form::Form,
    protocol::kind,
    subject::Subject,
    units::Span,
    value::one_of,
};
use faultwire_http1::edit::Line;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// So many tokens are remembered; then those that were seen first go.
const MOST: usize = 10_000;
/// Fields that hold a token and nothing else.
const FIELDS: &[&str] = &["x-auth-token", "x-access-token", "x-session-token"];
/// The first words of an authorization that goes on with a token. A password does not expire like one.
const SCHEMES: &[&str] = &["bearer", "dpop", "token", "jwt"];
/// A key that signs nothing: that of RFC 7517, A.1, under a name of its own.
const KEY_SET: &str = concat!(
    r#"{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"5d0c3c1e-8b52-4c58-9a61-0e4f2a7d9b13","#,
    r#""n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"#,
    r#"jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"#,
    r#"vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKn"#,
    r#"qDKgw","e":"AQAB"}]}"#
);

#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    pub loss: Loss,
    pub older_than: Option<Span>,
    answer: Vec<Line>,
}

/// What no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    ExpiredToken,
    RevokedSession,
    InsufficientScope,
    RotatedKeys,
}

const LOSSES: &[(&str, Loss)] = &[
    ("expired_token", Loss::ExpiredToken),
    ("revoked_session", Loss::RevokedSession),
    ("insufficient_scope", Loss::InsufficientScope),
    ("rotated_keys", Loss::RotatedKeys),
];

/// When each token was seen for the first time.
#[derive(Debug, Default)]
pub struct Seen {
    /// Its key is drawn anew by each process: nothing can be made of what it gives.
    hash: RandomState,
    tokens: Mutex<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    first: HashMap<u64, Instant>,
    /// The one that was seen before all others.
    earliest: Option<u64>,
}

impl Effect for Auth {
    const KEYS: &'static [Key] = &[
        Key {
            name: "auth",
            form: Form::Word(&["expired_token", "revoked_session", "insufficient_scope", "rotated_keys"]),
            values: "expired_token | revoked_session | insufficient_scope | rotated_keys",
            about: "The login no longer counts, in the server's place: `expired_token` 401 for tokens, `revoked_session` 401 for tokens and session cookies, until there is a new one; `insufficient_scope` 403 for all of them; `rotated_keys` another key set for `GET`s of one (`*jwk*`, `*keys*`, `*certs*`).",
            ..Key::BLANK
        },
        Key {
            name: "older_than",
            form: Form::Span,
            values: "DURATION",
            default: "before the fault began",
            about: "For tokens first seen so long ago. Without it for those that were there before, which the first one counts as. With `expired_token` only.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ auth: expired_token, older_than: 30s }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = Seen;

    fn read(share: &Share<'_>) -> Result<Auth, Complaint> {
        let word = one_of(&share.head.value, &["expired_token", "revoked_session", "insufficient_scope", "rotated_keys"])?;
        let loss = LOSSES.iter().find(|(name, _)| *name == word).map_or(Loss::ExpiredToken, |(_, loss)| *loss);
        if let (true, Some(node)) = (loss != Loss::ExpiredToken, share.node("older_than")) {
            return Err(Complaint::new(
                "E0106",
                "`older_than` goes with `expired_token` only",
                &node.place,
                "the others do not ask for an age",
            )
            .also(&share.head.value.place, "this one"));
        }
        let says = match loss {
            Loss::ExpiredToken => Some(r#"Bearer error="invalid_token", error_description="The access token expired""#),
            Loss::RevokedSession => Some(r#"Bearer error="invalid_token", error_description="The session was revoked""#),
            Loss::InsufficientScope => Some(r#"Bearer error="insufficient_scope""#),
            Loss::RotatedKeys => None,
        };
        let answer = says.and_then(|says| Line::new("www-authenticate", says).ok()).into_iter().collect();
        let older_than = share.optional::<Span>("older_than")?.filter(|span| *span > Span::ZERO);
        Ok(Auth { loss, older_than, answer })
    }

    fn describe(&self) -> String {
        let word = LOSSES.iter().find(|(_, loss)| *loss == self.loss).map_or("", |(name, _)| name);
        let age = self.older_than.map(|span| format!(", seen first {span} ago")).unwrap_or_default();
        format!("auth {word}{age}")
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Answer)
    }

    fn reply(&self) -> Option<Reply<'_>> {
        let status = match self.loss {
            Loss::ExpiredToken | Loss::RevokedSession => 401,
            Loss::InsufficientScope => 403,
            Loss::RotatedKeys => 200,
        };
        let key_set = (self.loss == Loss::RotatedKeys).then_some(KEY_SET.as_bytes());
        Some(Reply::Status(contract::Status {
            status,
            headers: &self.answer,
            body: key_set,
            kind: key_set.map(|_| "application/json"),
            retry_after: RetryAfter::Unsaid,
        }))
    }

    fn chooses(&self, shared: &Seen, request: &dyn Subject, now: Instant, since: Instant) -> bool {
        match self.loss {
            Loss::RotatedKeys => is_for_keys(request),
            Loss::InsufficientScope => !shared.hashes(request, true).is_empty(),
            Loss::ExpiredToken => self.is_over(shared, shared.hashes(request, false), now, since),
            Loss::RevokedSession => self.is_over(shared, shared.hashes(request, true), now, since),
        }
    }
}

impl Auth {
    /// Whether one of them counts no longer.
    fn is_over(&self, seen: &Seen, tokens: Vec<u64>, now: Instant, since: Instant) -> bool {
        let mut over = false;
        for token in tokens {
            let (first, is_earliest) = seen.first(token, now);
            over |= match self.older_than {
                Some(age) => now.saturating_duration_since(first) >= age.duration(),
                None => first < since || is_earliest,
            };
        }
        over
    }
}

/// Whether it asks for the keys that tokens are signed with.
fn is_for_keys(request: &dyn Subject) -> bool {
    let last = request.path().rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_ascii_lowercase();
    let last = String::from_utf8_lossy(&last);
    request.method() == b"GET" && ["jwk", "keys", "certs"].iter().any(|word| last.contains(word))
}

impl Seen {
    /// What the request shows to be let in.
    fn hashes(&self, request: &dyn Subject, sessions: bool) -> Vec<u64> {
        let mut hashes = Vec::new();
        request.any("authorization", &mut |value| {
            let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
            if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known.as_bytes())) {
                hashes.push(self.hash.hash_one(value[scheme.len()..].trim_ascii()));
            }
            false
        });
        for field in FIELDS {
            request.any(field, &mut |value| {
                hashes.push(self.hash.hash_one(value));
                false
            });
        }
        if sessions {
            request.any("cookie", &mut |value| {
                let cookies = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                hashes.extend(cookies.filter(|cookie| is_session(cookie)).map(|cookie| self.hash.hash_one(cookie)));
                false
            });
        }
        hashes
    }

    /// When it was seen first, and whether it was the first of all.
    fn first(&self, token: u64, now: Instant) -> (Instant, bool) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = *tokens.earliest.get_or_insert(token);
        if tokens.first.len() >= MOST && !tokens.first.contains_key(&token) {
            // A tenth at once, so that this is rare.
            let mut times: Vec<(Instant, u64)> = tokens.first.iter().map(|(token, first)| (*first, *token)).collect();
            times.sort_unstable();
            for (_, token) in &times[..MOST / 10] {
                tokens.first.remove(token);
            }
        }
        (*tokens.first.entry(token).or_insert(now), token == earliest)
    }
}

/// Whether a cookie is one that a login leaves, by its name: `JSESSIONID`, `connect.sid`, `access_token`. One against forgery is none.
fn is_session(cookie: &[u8]) -> bool {
    let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default().to_ascii_lowercase();
    let name = String::from_utf8_lossy(&name);
    let guards = name.contains("csrf") || name.contains("xsrf");
    !guards && (["sess", "token", "jwt", "auth"].iter().any(|word| name.contains(word)) || name.ends_with("sid"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        node::{Entry, Node},
        subject::tests::request,
        testing::{http1, ms},
    };
    use serde_json::json;

    fn auth(fault: &serde_json::Value) -> Auth {
        let node = Node::from_json(fault);
        let entries: Vec<&Entry> = node.entries().unwrap().iter().collect();
        Auth::read(&Share { head: entries[0], entries: entries.clone() }).unwrap()
    }

    /// Who is chosen, of requests with these fields at these moments; the fault began at 10 ms.
    fn chosen(fault: serde_json::Value, asked: &[(u64, &str)]) -> Vec<bool> {
        let (auth, seen) = (auth(&fault), Seen::default());
        let chooses =
            |(at, fields): &(u64, &str)| auth.chooses(&seen, &request(&format!("GET /a HTTP/1.1\nHost: a\n{fields}")), ms(*at), ms(10));
        asked.iter().map(chooses).collect()
    }

    #[test]
    fn tokens_expire_and_new_ones_work() {
        let (a, b) = ("Authorization: Bearer a", "authorization: bearer  b");
        for (fault, asked, want) in [
            // The first that is seen was there before.
            (json!({"auth": "expired_token"}), vec![(20, a), (21, a), (22, b), (99, b), (99, a)], vec![true, true, false, false, true]),
            // As was all that was seen before it began again.
            (json!({"auth": "expired_token"}), vec![(1, a), (2, b), (20, b), (21, "X-Auth-Token: c")], vec![true, true, true, false]),
            (json!({"auth": "expired_token"}), vec![(20, ""), (20, "Authorization: Basic eA=="), (20, "Cookie: sid=1")], vec![false; 3]),
            (
                json!({"auth": "expired_token", "older_than": "30ms"}),
                vec![(20, a), (49, a), (50, b), (50, a), (79, b), (80, b)],
                vec![false, false, false, true, false, true],
            ),
            (
                json!({"auth": "revoked_session"}),
                vec![
                    (20, "Cookie: theme=x; JSESSIONID=1"),
                    (21, "Cookie: JSESSIONID=2; csrftoken=1"),
                    (22, "cookie: a=b;connect.sid=1"),
                    (23, "Cookie: JSESSIONID=1"),
                ],
                vec![true, false, false, true],
            ),
            (
                json!({"auth": "insufficient_scope"}),
                vec![(20, a), (21, b), (22, ""), (23, "Cookie: session=1")],
                vec![true, true, false, true],
            ),
        ] {
            assert_eq!(chosen(fault.clone(), &asked), want, "{fault} {asked:?}");
        }
    }

    #[test]
    fn key_sets_are_asked_for() {
        let auth = auth(&json!({"auth": "rotated_keys"}));
        for (line, want) in [
            ("GET /.well-known/jwks.json", true),
            ("GET /oauth2/v3/certs?x", true),
            ("GET /discovery/v2.0/keys", true),
            ("POST /keys", false),
            ("GET /keys/1", false),
            ("POST /token", false),
            ("GET /.well-known/openid-configuration", false),
        ] {
            assert_eq!(auth.chooses(&Seen::default(), &request(&format!("{line} HTTP/1.1\nHost: a")), ms(1), ms(0)), want, "{line}");
        }
        let keys: serde_json::Value = serde_json::from_str(KEY_SET).unwrap();
        // 2048 bits in base64.
        assert_eq!(keys["keys"][0]["n"].as_str().map(str::len), Some(342));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let seen = Seen::default();
        for token in 0..3 * MOST as u64 {
            seen.first(token, ms(token));
        }
        let tokens = seen.tokens.lock().unwrap();
        assert!(tokens.first.len() <= MOST);
        assert!(tokens.first.contains_key(&(3 * MOST as u64 - 1)) && !tokens.first.contains_key(&1));
    }

    #[test]
    fn the_answer_says_why() {
        let answer = |word: &str, asked: &str| {
            let fault = json!({"auth": word, "disguise": true});
            http1(&[fault], &[(0, &format!(">GET {asked} HTTP/1.1~Host: a~Authorization: Bearer x~~"))]).to_client
        };
        assert!(answer("expired_token", "/a").starts_with(
            "0: HTTP/1.1 401 Unauthorized~date: Fri, 20 Nov 2026 00:00:00 GMT~www-authenticate: Bearer error=\"invalid_token\", error_description=\"The access token expired\"~"
        ));
        assert!(answer("insufficient_scope", "/a").contains("403 Forbidden~") && answer("revoked_session", "/a").contains("401 Un"));
        let keys = answer("rotated_keys", "/jwks");
        assert!(
            keys.starts_with("0: HTTP/1.1 200 OK~") && keys.contains("~content-type: application/json~") && keys.contains(KEY_SET),
            "{keys}"
        );
    }

    #[test]
    fn an_age_is_of_tokens() {
        let node = Node::from_json(&json!({"proxy": "p", "auth": "rotated_keys", "older_than": "3s"}));
        assert_eq!(crate::fault::Fault::read(&node).unwrap_err()[0].code, "E0106");
    }
}
