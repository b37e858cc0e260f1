//! Conversations drawn from all that is legal: pipelined, of every framing, with answers that come early. Cut in any split and in any
//! interleaving that a server could bring about, they are what was drawn.

use crate::harness::{Chance, Peer};

/// A message as it was meant.
struct Meant {
    wire: Vec<u8>,
    about: String,
    body: Vec<u8>,
    last: bool,
}

#[test]
fn what_was_meant_is_what_is_cut() {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1500);
    let mut messages = 0;
    for seed in 0..seeds {
        messages += one(seed);
    }
    assert!(messages > seeds, "{messages} messages");
}

fn one(seed: u64) -> u64 {
    let mut chance = Chance(seed);
    let count = 1 + chance.below(12);
    let mut exchanges: Vec<(Meant, Meant)> = Vec::new();
    while exchanges.len() < count && !exchanges.last().is_some_and(|(request, response)| request.last || response.last) {
        let number = exchanges.len() as u64 + 1;
        let (request, method) = request(&mut chance, number);
        let response = response(&mut chance, number, method, request.last);
        exchanges.push((request, response));
    }
    let requests: Vec<u8> = exchanges.iter().flat_map(|(request, _)| request.wire.clone()).collect();
    let mut peer = Peer::new();
    let (mut sent, mut answered) = (0, Vec::new());
    let mut pending: Vec<Vec<u8>> = exchanges.iter().rev().map(|(_, response)| response.wire.clone()).collect();
    let most = *chance.pick(&[1, 3, 40, 4000]);
    while sent < requests.len() || !pending.is_empty() {
        // A server can answer what has come to it.
        let may_answer = peer.conversation.to_server.count("head") > exchanges.len() - pending.len();
        if sent < requests.len() && (!may_answer || chance.hits(50)) {
            let size = (1 + chance.below(most)).min(requests.len() - sent);
            peer.client_sends(&requests[sent..sent + size]);
            sent += size;
        } else if may_answer && let Some(answer) = pending.last_mut() {
            let size = (1 + chance.below(most)).min(answer.len());
            let part: Vec<u8> = answer.drain(..size).collect();
            peer.server_sends(&part);
            answered.extend_from_slice(&part);
            if answer.is_empty() {
                pending.pop();
            }
        } else {
            panic!("seed {seed}: nobody can go on");
        }
    }
    let conversation = peer.end();
    assert_eq!(conversation.to_server.whole(), requests, "seed {seed}");
    assert_eq!(conversation.to_client.whole(), answered, "seed {seed}");
    for (stream, meant) in [
        (&conversation.to_server, exchanges.iter().map(|(request, _)| request).collect::<Vec<_>>()),
        (&conversation.to_client, exchanges.iter().map(|(_, response)| response).collect()),
    ] {
        let heads: Vec<&str> = stream.seen.iter().filter(|seen| seen.kind == "head").map(|seen| seen.about.as_str()).collect();
        assert_eq!(heads.len(), meant.len(), "seed {seed}: {conversation}");
        for (head, meant) in heads.iter().zip(&meant) {
            assert!(head.starts_with(&meant.about), "seed {seed}: {head} is not {}", meant.about);
        }
        let bodies: Vec<Vec<u8>> = meant.iter().map(|meant| meant.body.clone()).collect();
        assert_eq!(stream.bodies(), bodies, "seed {seed}");
        assert_eq!((stream.refused, stream.lost), (None, None), "seed {seed}");
        assert!(stream.left.is_empty(), "seed {seed}");
    }
    exchanges.len() as u64
}

fn request(chance: &mut Chance, number: u64) -> (Meant, &'static str) {
    let method = *chance.pick(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X-ODD"]);
    let target = *chance.pick(&["/", "/a/b?c=d", "/%20%0d%0a", "http://a.example/x?y", "*", "/\u{e9}"]);
    let old = chance.hits(10);
    let mut last = old;
    let mut fields = vec![field(chance, "Host", "a.example")];
    match chance.below(10) {
        0 if !old => {
            fields.push(field(chance, "Connection", "close"));
            last = true;
        }
        1 => {
            fields.push(field(chance, "Connection", "Keep-Alive"));
            last = false;
        }
        2 => fields.push(field(chance, "Expect", "100-continue")),
        _ => {}
    }
    let (announced, coded, body) = body(chance, old, false);
    fields.extend(announced);
    let empty = if number > 1 && chance.hits(10) { "\r\n" } else { "" };
    let wire = head(chance, &format!("{empty}{method} {target} HTTP/1.{}", u8::from(!old)), fields);
    (Meant { wire: [wire, coded].concat(), about: format!("#{number} {method} "), body, last }, method)
}

fn response(chance: &mut Chance, number: u64, method: &str, mut last: bool) -> Meant {
    let status = *chance.pick(&[200, 200, 200, 201, 204, 206, 301, 304, 404, 500, 503]);
    let mut wire = Vec::new();
    while chance.hits(10) {
        wire.extend(head(chance, "HTTP/1.1 103 Early Hints", vec!["Link: </a>; rel=preload".to_owned()]));
    }
    let to_end = last && chance.hits(30);
    let (announced, mut coded, mut body) = body(chance, false, to_end);
    if method == "HEAD" || status == 204 || status == 304 {
        coded.clear();
        body.clear();
    } else if to_end {
        last = true;
    }
    let mut fields = announced;
    if !to_end && fields.is_empty() {
        fields.push("Content-Length: 0".to_owned());
        coded.clear();
        body.clear();
    }
    if chance.hits(5) {
        fields.push("connection: close".to_owned());
        last = true;
    }
    let reason = *chance.pick(&[" OK", " ", "", " Not Quite  OK"]);
    wire.extend(head(chance, &format!("HTTP/1.1 {status}{reason}"), fields));
    wire.extend(coded);
    Meant { wire, about: format!("#{number} {status} "), body, last }
}

/// Field lines in any order, with others between them.
fn head(chance: &mut Chance, line: &str, mut fields: Vec<String>) -> Vec<u8> {
    for _ in 0..chance.below(6) {
        let others = ["Accept: */*", "X-Empty:", "x-many: 1", "X-MANY: 2", "Cookie: a=b; c=\u{e9}", "X-Tab:\ta\tb\t", "Content-Lengthy: 5"];
        let at = chance.below(fields.len() + 1);
        fields.insert(at, (*chance.pick(&others)).to_owned());
    }
    format!("{line}\r\n{}\r\n", fields.iter().map(|field| format!("{field}\r\n")).collect::<String>()).into_bytes()
}

fn field(chance: &mut Chance, name: &str, value: &str) -> String {
    let name = if chance.hits(50) { name.to_ascii_lowercase() } else { name.to_owned() };
    format!("{name}:{}{value}{}", chance.pick(&["", " ", "  "]), chance.pick(&["", " "]))
}

/// What announces it, how it stands on the wire, and what it is.
fn body(chance: &mut Chance, old: bool, to_end: bool) -> (Vec<String>, Vec<u8>, Vec<u8>) {
    let hostile = b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    let body: Vec<u8> = (0..chance.below(200)).map(|i| hostile[(i + chance.below(3)) % hostile.len()]).collect();
    match chance.below(3) {
        _ if to_end => (Vec::new(), body.clone(), body),
        0 => (Vec::new(), Vec::new(), Vec::new()),
        1 if !old => {
            let mut coded = Vec::new();
            let mut rest = &body[..];
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(1 + chance.below(rest.len()));
                coded.extend(format!("{:x}{}\r\n", chunk.len(), chance.pick(&["", ";x", ";a=\"b\""])).into_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
                rest = after;
            }
            coded.extend_from_slice(b"0\r\n");
            if chance.hits(30) {
                coded.extend_from_slice(b"X-Sum: 1\r\n");
            }
            coded.extend_from_slice(b"\r\n");
            (vec![field(chance, "Transfer-Encoding", "chunked")], coded, body)
        }
        _ => (vec![field(chance, "Content-Length", &body.len().to_string())], body.clone(), body),
    }
}
