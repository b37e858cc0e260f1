//! `body`: a real message with another body. It is held back until it has come whole; then its head can say what follows.

use super::{
    coding::decoded,
    gathered::{Gathered, MOST, Next},
    merge::Patch,
};
use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    foreseen::BODY,
    head::Head,
    piece::{Direction, Payload, Piece},
    plan::Reason,
    protocol::kind,
};
use bytes::Bytes;

/// Fields that speak of the body as it was.
const OF_THE_BODY: &[&str] = &["content-encoding", "content-md5", "digest", "content-digest", "repr-digest", "etag"];
/// So much of a patch is shown.
const SHOWN: usize = 60;

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Text(Bytes),
    Merge(Patch),
}

#[derive(Debug, Default)]
pub enum Memory {
    /// Its head has not come.
    #[default]
    Before,
    Gathering(Gathered),
    /// The rest goes on as it comes.
    Through,
}

impl Effect for Body {
    const KEYS: &'static [Key] = &[Key {
        name: "body",
        form: BODY,
        values: "TEXT | MAP",
        about: "Text replaces the body; a map is a JSON merge patch (RFC 7396). Held back until it has come, at most 1 MiB; sent without coding.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::HTTP);
    const EXAMPLE: &'static str = "{ body: { price: null } }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Body, Complaint> {
        let value = &share.head.value;
        Ok(match value.text() {
            Some(text) => Body::Text(text.to_owned().into()),
            None => Body::Merge(Patch::of(value)),
        })
    }

    fn describe(&self) -> String {
        match self {
            Body::Text(text) => format!("body of {} other bytes", text.len()),
            Body::Merge(patch) => {
                let text = patch.text();
                let shown: String = text.chars().take(SHOWN).collect();
                format!("body with {shown}{}", if shown.len() < text.len() { "..." } else { "" })
            }
        }
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match (&mut *memory, &piece.payload) {
            (Memory::Before, Payload::Head(head)) => match keeps(head, cx.direction) {
                None => {
                    *memory = Memory::Gathering(Gathered::of(piece));
                    Outcome::Untouched
                }
                Some(outcome) => {
                    *memory = Memory::Through;
                    cx.pass(piece);
                    outcome
                }
            },
            (Memory::Gathering(gathered), _) => {
                let outcome = match gathered.add(piece) {
                    Next::More => return Outcome::Untouched,
                    Next::Whole => self.finish(gathered, cx),
                    Next::Kept(reason) => Err(reason),
                };
                let outcome = outcome.unwrap_or_else(Outcome::Kept);
                gathered.pass(cx);
                *memory = Memory::Through;
                outcome
            }
            (Memory::Before | Memory::Through, _) => {
                cx.pass(piece);
                Outcome::Untouched
            }
        }
    }

    fn held(memory: &mut Memory) -> Vec<Payload> {
        match std::mem::replace(memory, Memory::Through) {
            Memory::Gathering(mut gathered) => gathered.payloads(),
            before => {
                *memory = before;
                Vec::new()
            }
        }
    }

    fn holds(memory: &Memory) -> usize {
        if let Memory::Gathering(gathered) = memory { gathered.bytes() } else { 0 }
    }
}

impl Body {
    fn finish(&self, gathered: &mut Gathered, cx: &mut Cx<'_>) -> Result<Outcome, Reason> {
        let Some(head) = gathered.head() else { return Err(Reason::Unreadable) };
        let body = match self {
            Body::Text(text) => text.clone(),
            Body::Merge(patch) => {
                if !head.is_json() {
                    return Err(Reason::Unreadable);
                }
                let plain = decoded(head.all("content-encoding"), gathered.body())?;
                let document = std::str::from_utf8(&plain).map_err(|_| Reason::Unreadable)?;
                let merged = patch.apply(document).ok_or(Reason::Unreadable)?;
                if merged == document {
                    return Ok(Outcome::Untouched);
                }
                merged.into()
            }
        };
        let mut head = head.clone();
        head.remove(OF_THE_BODY);
        head.resize(body.len() as u64);
        cx.mark_answer(&mut head);
        gathered.replace(head, body, cx);
        Ok(Outcome::Edited)
    }
}

/// What is said at the head already, if the message is not one to be held back.
pub fn keeps(head: &Head, direction: Direction) -> Option<Outcome> {
    let waits = direction == Direction::ToServer && head.first("expect").is_some();
    // Chunks may have a coding of their own beneath.
    let is_coded = head.all("transfer-encoding").any(|value| !value.eq_ignore_ascii_case(b"chunked"));
    match head.length() {
        _ if !head.has_body() => Some(Outcome::Untouched),
        // Its sender wants an answer to the head before there is a body.
        _ if waits || is_coded => Some(Outcome::Kept(Reason::Unreadable)),
        Some(length) if length > MOST => Some(Outcome::Kept(Reason::TooLarge)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect::coding::tests::gzip,
        piece::End,
        testing::{exchange, http1, list},
    };
    use serde_json::json;

    const GET: (u64, &str) = (0, ">GET / HTTP/1.1~~");

    /// The answer that leaves, and what is counted.
    fn answer(fault: serde_json::Value, came: &str) -> (String, (u64, Vec<&'static str>)) {
        let played = http1(&[fault], &[GET, (1, &format!("<{came}")), (2, "<fin")]);
        (played.to_client.replace(" | 2: fin", ""), played.counts())
    }

    #[test]
    fn json_is_merged_and_text_replaces() {
        let no_price = json!({"body": {"price": null}});
        let json = "content-type: application/json";
        for (fault, came, left) in [
            (
                no_price.clone(),
                format!("HTTP/1.1 200 OK~{json}~ETag: x~Digest: y~Content-Length: 22~A: 1~~{{\"price\":1, \"n\":  1.0}}"),
                format!("HTTP/1.1 200 OK~{json}~Content-Length: 12~A: 1~x-faultwire-fault: f0~~{{ \"n\":  1.0}}"),
            ),
            (
                no_price.clone(),
                format!("HTTP/1.1 200 OK~Trailer: t~{json}~transfer-encoding: chunked~~3~{{\"p~8~rice\":1}}~0~t: 1~~"),
                format!("HTTP/1.1 200 OK~{json}~content-length: 2~x-faultwire-fault: f0~~{{}}"),
            ),
            (
                json!({"body": "oops", "disguise": true}),
                "HTTP/1.1 200 OK~content-encoding: gzip~Content-Length: 2~~ok".to_owned(),
                "HTTP/1.1 200 OK~Content-Length: 4~~oops".to_owned(),
            ),
            (
                json!({"body": "oops"}),
                "HTTP/1.1 200 OK~~ok".to_owned(),
                "HTTP/1.1 200 OK~content-length: 4~x-faultwire-fault: f0~~oops".to_owned(),
            ),
            (
                json!({"body": ""}),
                "HTTP/1.1 200 OK~content-length: 2~~ok".to_owned(),
                "HTTP/1.1 200 OK~content-length: 0~x-faultwire-fault: f0~~".to_owned(),
            ),
        ] {
            let (text, counts) = answer(fault.clone(), &came);
            let text = text.trim_start_matches("1: ").trim_start_matches("2: ").trim_end_matches("fin").to_owned();
            assert_eq!((text, counts), (left, (1, vec![])), "{fault} {came}");
        }
    }

    #[test]
    fn what_cannot_be_edited_passes_as_it_came() {
        let json = "content-type: application/json";
        let large = "x".repeat(MOST as usize + 1);
        let chunked = format!("{:x}~{}~{:x}~{}~0~~", MOST, &large[1..], 1, "x");
        for (fault, came, reason) in [
            (json!({"body": {"a": 1}}), "HTTP/1.1 200 OK~content-length: 2~~{}".to_owned(), "unreadable"),
            (json!({"body": {"a": 1}}), format!("HTTP/1.1 200 OK~{json}~content-length: 2~~{{]"), "unreadable"),
            (json!({"body": {"a": 1}}), format!("HTTP/1.1 200 OK~{json}~content-encoding: zstd~content-length: 2~~{{}}"), "unreadable"),
            (json!({"body": {"a": 1}}), format!("HTTP/1.1 200 OK~{json}~transfer-encoding: gzip, chunked~~2~{{}}~0~~"), "unreadable"),
            (json!({"body": {"a": null}}), format!("HTTP/1.1 200 OK~{json}~content-length: 2~~{{}}"), "ended_first"),
            (json!({"body": "x"}), "HTTP/1.1 204 No Content~~".to_owned(), "ended_first"),
            (json!({"body": "x"}), "HTTP/1.1 304 Not Modified~content-length: 5~~".to_owned(), "ended_first"),
            (json!({"body": "x"}), format!("HTTP/1.1 200 OK~content-length: {}~~{large}", large.len()), "too_large"),
            (json!({"body": "x"}), format!("HTTP/1.1 200 OK~transfer-encoding: chunked~~{chunked}"), "too_large"),
            // It breaks off.
            (json!({"body": "x"}), "HTTP/1.1 200 OK~content-length: 5~~{}".to_owned(), "ended_first"),
            (json!({"body": "x"}), "HTTP/1.1 200 OK~transfer-encoding: chunked~~2~{}~".to_owned(), "ended_first"),
        ] {
            let (text, counts) = answer(fault.clone(), &came);
            let text = text.replace("2: ", "").replace("1: ", "").replace("fin", "");
            assert!(text == came, "{fault} {:.300} {text:.300}", came);
            assert_eq!(counts, (0, vec![reason]), "{fault} {:.300}", came);
        }
        let played = http1(&[json!({"body": "x"})], &[(0, ">HEAD / HTTP/1.1~~"), (1, "<HTTP/1.1 200 OK~content-length: 5~~")]);
        assert_eq!(played.to_client, "1: HTTP/1.1 200 OK~content-length: 5~~");
    }

    #[test]
    fn requests_and_lists_are_edited_alike() {
        let fault = json!({"body": {"amount": 10}, "direction": "to_server"});
        let post = ">POST / HTTP/1.1~Content-Type: application/json~Content-Length: 12~~{\"amount\":1}";
        let played = http1(std::slice::from_ref(&fault), &[(0, post)]);
        assert_eq!(played.to_server, "0: POST / HTTP/1.1~Content-Type: application/json~Content-Length: 13~~{\"amount\":10}");
        let expects = ">POST / HTTP/1.1~Expect: 100-continue~Content-Type: application/json~Content-Length: 12~~";
        let played = http1(&[fault], &[(0, expects), (1, "<HTTP/1.1 100 Continue~~"), (2, ">{\"amount\":1}")]);
        assert!(played.to_server.ends_with(" | 2: {\"amount\":1}"), "{}", played.to_server);
        assert_eq!(played.counts(), (0, vec!["unreadable"]));

        let head = list(":status 200, content-type application/json, content-encoding gzip, etag x, content-length 30", false);
        let script = vec![
            (0, Direction::ToClient, Payload::Head(head)),
            (1, Direction::ToClient, Payload::Data(gzip(b"{\"a\":1,\"b\":2}"))),
            (2, Direction::ToClient, Payload::Trailers(list("t 1", false))),
            (3, Direction::ToClient, Payload::End(End::Fin)),
        ];
        let mut unsaid = script.clone();
        unsaid[0].2 = Payload::Head(list(":status 200, content-type application/json, content-encoding gzip", false));
        let played = exchange(&json!({"body": {"a": null}}), unsaid);
        assert_eq!(
            played.to_client,
            "3: [:status 200, content-type application/json, content-length 7, x-faultwire-fault f0][{\"b\":2}][t 1][fin]"
        );
        // It promised more than came.
        assert_eq!(exchange(&json!({"body": {"a": null}}), script).counts(), (0, vec!["ended_first"]));
    }

    #[test]
    fn healing_lets_it_go_as_it_came() {
        let script = [GET, (1, "<HTTP/1.1 200 OK~content-length: 5~~he"), (5, "!"), (6, "<llo")];
        let played = http1(&[json!({"body": "x"})], &script);
        assert_eq!(played.to_client, "5: HTTP/1.1 200 OK~content-length: 5~~he | 6: llo");
    }
}
