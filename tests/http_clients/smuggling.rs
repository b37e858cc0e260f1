//! Requests that recipients cut differently, over real sockets: never does the server see two where the client sent one, or one of two. What
//! comes to it are the bytes that were sent, or only such as make no whole request, and then the client has been told so.

use super::{
    answers::{self, Next},
    proxy,
    recorder::Recorder,
    same_bytes,
};
use crate::{conformance::SCHEME, harness::connect};
use cases::{CASES, Verdict};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr},
};

mod cases;

/// What is never to be seen alone.
const NEXT: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Whether requests are read on their way, or only carried.
const READS: bool = SCHEME.as_bytes()[0] == b'h';

/// Answers whatever it takes for a request; a tunnel it opens to nobody.
fn server() -> Recorder {
    Recorder::script(|talk| {
        while let Some(request) = talk.request() {
            if request.method == "CONNECT" {
                talk.send(b"HTTP/1.1 405 No tunnel\r\nContent-Length: 0\r\n\r\n");
            } else if let Next::Close = answers::answer(talk, &request) {
                break;
            }
        }
    })
}

/// Sends all at once, ends, and reads to the end, whichever it is.
fn send(to: SocketAddr, bytes: &str) -> String {
    let mut client = connect(to);
    client.write_all(bytes.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).ok();
    let mut answers = Vec::new();
    client.read_to_end(&mut answers).ok();
    String::from_utf8_lossy(&answers).into_owned()
}

/// What the server got of it, and what the client.
fn exchange(server: &Recorder, to: SocketAddr, bytes: &str) -> (Vec<u8>, String) {
    let answers = send(to, bytes);
    let mut heard = server.heard();
    // A connection for a request that was refused may be heard of late, and carries nothing.
    heard.retain(|heard| !heard.bytes.is_empty());
    assert!(heard.len() <= 1, "{bytes:?} came on {} connections", heard.len());
    (heard.pop().map(|heard| heard.bytes).unwrap_or_default(), answers)
}

/// The status of an answer that is not the server's.
fn refusal(answers: &str) -> Option<u16> {
    let status: u16 = answers.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    (status >= 400).then_some(status)
}

/// None if it is as it should be. `reads`: the proxy cuts requests on their way.
fn judge(reads: bool, sent: &str, verdict: Verdict, straight: &(Vec<u8>, String), through: &(Vec<u8>, String)) -> Option<String> {
    let (heard, answers) = through;
    let shown = || format!("server: {}\n  client: {}", heard.escape_ascii(), answers.escape_debug());
    if !sent.as_bytes().starts_with(heard) {
        return Some(format!("the server got other bytes\n  {}", shown()));
    }
    if heard == sent.as_bytes() {
        let refused = reads && matches!(verdict, Verdict::Refused(_));
        let same = *answers == straight.1;
        return (refused || !same).then(|| format!("it passed\n  {}", shown()));
    }
    if verdict == Verdict::UpToTheLast && reads {
        let first = sent.find("\r\n\r\n").unwrap() + 4;
        return (heard.len() != first || *answers != straight.1).then(|| format!("not up to the last\n  {}", shown()));
    }
    let smuggled = heard.windows(9).any(|window| window == b"/smuggled");
    let told = Verdict::Refused(refusal(answers).unwrap_or_default()) == verdict;
    (!reads || smuggled || !told).then(|| format!("it was cut, expected {verdict:?}\n  {}", shown()))
}

#[test]
fn the_server_cuts_what_the_client_cut() {
    let server = server();
    let running = proxy(server.address());
    let mut wrong = Vec::new();
    for (name, bytes, verdict) in CASES {
        let more = [bytes, NEXT].concat();
        // Behind what passes, more would be another case.
        let variants = if matches!(verdict, Verdict::Refused(_)) { vec![*bytes, &more] } else { vec![*bytes] };
        for sent in variants {
            let straight = exchange(&server, server.address(), sent);
            same_bytes(name, sent.as_bytes(), &straight.0);
            let through = exchange(&server, running.port("web"), sent);
            wrong.extend(judge(READS, sent, *verdict, &straight, &through).map(|why| format!("{name}: {why}")));
        }
    }
    assert!(CASES.len() >= 150);
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

/// The judge itself, since a proxy that only carries never lets it say much.
#[test]
fn what_is_cut_otherwise_is_found() {
    let refused = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let head = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sent = [head, "zz\r\n", NEXT].concat();
    let straight = (sent.clone().into_bytes(), "HTTP/1.1 200 OK\r\n\r\n".to_owned());
    let told = |heard: &str, answers: &str| (heard.as_bytes().to_vec(), answers.to_owned());
    let flaw = Verdict::Refused(400);
    let fine = |verdict, heard: &str, answers: &str| judge(true, &sent, verdict, &straight, &told(heard, answers)).is_none();
    assert!(fine(flaw, "", refused) && fine(flaw, head, refused));
    assert!(fine(Verdict::Passes, &sent, &straight.1));
    // It passes, is another, is only a part of what passes, or has the next one in it; or the client was told something else, or nothing.
    assert!(!fine(flaw, &sent, &straight.1) && !fine(flaw, "GET / HTTP/1.1\r\n\r\n", refused) && !fine(Verdict::Passes, head, refused));
    assert!(!fine(flaw, &sent[..sent.len() - 1], refused));
    assert!(!fine(flaw, head, &straight.1) && !fine(flaw, head, "") && !fine(Verdict::Refused(501), head, refused));
    // A proxy that only carries refuses nothing.
    assert!(judge(false, &sent, flaw, &straight, &straight).is_none());
    assert!(judge(false, &sent, flaw, &straight, &told("", refused)).is_some());
}
