//! The bounds, the order of answers, and what an engine does by itself: withdrawing a request, giving up on one.

use crate::harness::Peer;
use bytes::BytesMut;
use faultwire_http1::{Cut, Ended, Http1, Limits, Reason};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn refused(bytes: &[u8], limits: Limits) -> Option<Reason> {
    let whole = first_refusal(bytes, limits, bytes.len());
    assert_eq!(first_refusal(bytes, limits, 7), whole, "in sevens");
    whole
}

fn first_refusal(bytes: &[u8], limits: Limits, size: usize) -> Option<Reason> {
    let mut http = Http1::new(limits);
    let mut buffer = BytesMut::new();
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        loop {
            match http.request(&mut buffer) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(refused) => {
                    assert_eq!(http.request(&mut buffer).unwrap_err(), refused, "a refusal stays");
                    return Some(refused.reason);
                }
            }
        }
    }
    None
}

#[test]
fn bounds_hold_to_the_byte() {
    let limits = Limits { head: 200, fields: 3, chunk_line: 10, ..Limits::default() };
    let head = |len: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(len - 23));
    assert_eq!(refused(head(200).as_bytes(), limits), None);
    assert_eq!(refused(head(201).as_bytes(), limits), Some(Reason::HeadTooLarge));
    assert_eq!(refused(&head(300).as_bytes()[..200], limits), Some(Reason::HeadTooLarge), "before it ends");
    assert_eq!(refused(&head(203).as_bytes()[..201], limits), Some(Reason::HeadTooLarge), "with the line that is too much");
    assert_eq!(refused(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200)).as_bytes(), limits), Some(Reason::TargetTooLong));
    assert_eq!(refused(b"GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", limits), None);
    assert_eq!(refused(b"GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n", limits), Some(Reason::TooManyFields));
    let chunked = |rest: &str| format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    assert_eq!(refused(chunked("1;45678\r\na\r\n").as_bytes(), limits), None);
    assert_eq!(refused(chunked("1;4567890\r\na\r\n").as_bytes(), limits), Some(Reason::ChunkLine));
    assert_eq!(refused(chunked("0000000000").as_bytes(), limits), Some(Reason::ChunkLine));
    let trailers = |len: usize| chunked(&format!("0\r\nA: {}\r\n\r\n", "x".repeat(len - 7)));
    assert_eq!(refused(trailers(200).as_bytes(), limits), None);
    assert_eq!(refused(trailers(201).as_bytes(), limits), Some(Reason::TrailersTooLarge));
    assert_eq!(refused(chunked("0\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n").as_bytes(), limits), Some(Reason::TooManyFields));
}

#[test]
fn so_many_requests_wait_and_no_more() {
    let mut http = Http1::new(Limits { outstanding: 2, ..Limits::default() });
    let mut buffer = BytesMut::from(GET.repeat(4).as_bytes());
    let mut answers = BytesMut::from(OK);
    let mut heads = |http: &mut Http1| {
        let mut count = 0;
        while let Some(cut) = http.request(&mut buffer).unwrap() {
            count += usize::from(matches!(cut, Cut::Head(_)));
        }
        count
    };
    assert_eq!(heads(&mut http), 2);
    assert!(http.is_waiting());
    assert_eq!(http.request_ended(GET.as_bytes()), Ended::Undecided);
    assert!(matches!(http.response(&mut answers), Some(Cut::Head(head)) if head.answers == 1));
    assert_eq!(heads(&mut http), 1);
    // One that is answered here makes room as well, and the next answer is that of the other.
    assert!(http.withdraw(2));
    assert!(!http.withdraw(2), "only once");
    assert_eq!(heads(&mut http), 1);
    answers.extend_from_slice(OK.as_bytes());
    assert!(matches!(http.response(&mut answers), Some(Cut::End)));
    assert!(matches!(http.response(&mut answers), Some(Cut::Head(head)) if head.answers == 3));
    assert_eq!(http.outstanding(), 1);
}

#[test]
fn a_withdrawn_connect_makes_no_tunnel() {
    let mut peer = Peer::new();
    peer.client_sends(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    peer.client_sends(GET.as_bytes());
    assert!(peer.http.is_waiting());
    assert!(peer.http.withdraw(1));
    peer.client_sends(b"");
    peer.server_sends(OK.as_bytes());
    let conversation = peer.end();
    assert_eq!(conversation.to_server.count("head"), 2);
    assert!(conversation.to_client.seen[0].about.starts_with("#2 200"), "{conversation}");
}

#[test]
fn an_answer_may_come_before_its_request_is_whole() {
    let mut peer = Peer::new();
    peer.client_sends(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    peer.server_sends(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    peer.client_sends(b"56789GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.server_sends(OK.as_bytes());
    let conversation = peer.end();
    assert_eq!(conversation.to_server.bodies(), [b"0123456789".to_vec(), Vec::new()]);
    assert_eq!(conversation.to_client.count("end"), 2);
    assert_eq!(conversation.to_client.ended, Some(Ended::Between));
}

#[test]
fn a_switch_before_the_body_is_whole_waits_for_the_body() {
    let mut peer = Peer::new();
    peer.client_sends(b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\n01");
    peer.server_sends(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello");
    peer.client_sends(b"23world");
    let conversation = peer.end();
    assert_eq!(conversation.to_server.bodies(), [b"0123".to_vec()]);
    let kinds: Vec<&str> = conversation.to_server.seen.iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, ["head", "body", "end", "tunnel"]);
    assert_eq!(conversation.to_client.seen.last().unwrap().bytes, b"hello");
}

#[test]
fn a_lost_answer_frees_what_waits() {
    let mut peer = Peer::new();
    peer.client_sends(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwaiting bytes");
    assert!(peer.http.is_waiting());
    peer.server_sends(b"?!");
    assert!(!peer.http.is_waiting());
    let conversation = peer.end();
    assert_eq!(conversation.to_server.seen.last().unwrap().bytes, b"waiting bytes");
}

#[test]
fn a_refusal_outlives_a_lost_answer_but_not_the_engines_word() {
    let mut peer = Peer::new();
    peer.client_sends(GET.as_bytes());
    peer.client_sends(b"GET / HTTP/1.1\nHost: a\r\n\r\n");
    peer.server_sends(b"?!");
    peer.client_sends(b"more");
    assert!(peer.conversation.to_server.refused.is_some());
    assert_eq!(peer.conversation.to_server.count("tunnel"), 0);
    peer.http.lose();
    peer.client_sends(b"");
    let conversation = peer.end();
    assert_eq!(conversation.to_server.seen.last().unwrap().bytes, b"GET / HTTP/1.1\nHost: a\r\n\r\nmore");
}

/// The end of a chunk is passed on although the size of the next has not come: there are readers that wait for it.
#[test]
fn nothing_is_held_that_a_reader_could_use() {
    let mut peer = Peer::new();
    peer.client_sends(GET.as_bytes());
    for part in ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\n", "da", "ta:", "\r\n", "3\r\n", "abc\r\n", "0\r\n", "\r\n"]
    {
        peer.server_sends(part.as_bytes());
        assert!(peer.responses.is_empty(), "{part:?} is held");
    }
    assert_eq!(peer.end().to_client.ended, Some(Ended::Between));
}
