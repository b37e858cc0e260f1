//! Garbage: no panic, no byte lost, and work that grows with the bytes and not with their square.

use crate::harness::{Chance, Peer, converse};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

#[test]
fn random_bytes_are_no_trouble() {
    for seed in 0..3000 {
        let mut chance = Chance(seed);
        let words: [&[u8]; 16] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"GET / HTTP/1.1\r\n",
            b"Content-Length: 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b": ",
            b" ",
            b"0\r\n\r\n",
            b"5\r\n",
            b"\0",
            b"HTTP/1.1 200 OK\r\n",
            b"a",
            b"\xff",
            b"Connection: upgrade\r\nUpgrade: x\r\n",
            b"HTTP/1.1 101 S\r\n\r\n",
        ];
        let mut text = |len: usize| -> Vec<u8> {
            let mut text = Vec::new();
            for _ in 0..chance.below(len) {
                if chance.hits(80) {
                    text.extend_from_slice(words[chance.below(words.len())]);
                } else {
                    text.push(chance.next() as u8);
                }
            }
            text
        };
        let (mut requests, responses) = (text(30), text(30));
        if seed % 2 == 0 {
            requests.splice(..0, *b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        }
        let mut sizes = Chance(seed);
        let whole = converse(&requests, &responses, || usize::MAX);
        assert_eq!(converse(&requests, &responses, || 1), whole, "seed {seed}: {}", requests.escape_ascii());
        assert_eq!(converse(&requests, &responses, || 1 + sizes.below(30)), whole, "seed {seed}: {}", requests.escape_ascii());
    }
}

/// How long `work` takes, at best of three.
fn took(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        #[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

/// Eight times the bytes may take eight times as long, not sixty-four times.
fn is_linear(name: &str, work: impl Fn(usize)) {
    let small = took(|| work(1)).max(Duration::from_millis(1));
    let large = took(|| work(8));
    println!("{name}: {small:?}, eight times as much: {large:?}");
    assert!(large < small * 30, "{name}: {small:?}, eight times as much: {large:?}");
}

#[test]
fn a_head_that_never_ends_costs_its_bytes() {
    is_linear("a head of 32 KiB, byte by byte", |times| {
        let head = format!("GET / HTTP/1.1\r\nCookie: {}", "a".repeat(times * 32 * 1024 - 24));
        let mut peer = Peer::new();
        head.as_bytes().iter().for_each(|byte| peer.client_sends(&[*byte]));
        assert_eq!(peer.conversation.to_server.refused.is_some(), times == 8);
    });
    let mut peer = Peer::new();
    peer.client_sends(&vec![b'a'; 1024 * 1024]);
    assert!(peer.conversation.to_server.refused.is_some());
}

#[test]
fn fields_without_end_cost_their_bytes() {
    is_linear("a head of 128 fields, byte by byte", |times| {
        let head = format!("GET / HTTP/1.1\r\n{}", "Content-Length: 5\r\n".repeat(128 * times));
        let mut peer = Peer::new();
        head.as_bytes().iter().for_each(|byte| peer.client_sends(&[*byte]));
        assert!(peer.conversation.to_server.seen.is_empty());
    });
}

#[test]
fn a_million_chunks_cost_their_bytes() {
    is_linear("chunks of a byte, in reads of 64 KiB", |times| {
        let chunks = "1\r\na\r\n".repeat(125_000 * times);
        let mut peer = Peer::new();
        peer.client_sends(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        for read in chunks.as_bytes().chunks(64 * 1024) {
            peer.client_sends(read);
            black_box(peer.conversation.to_server.seen.drain(1..).count());
        }
        assert!(peer.conversation.to_server.refused.is_none());
    });
}

#[test]
fn the_line_of_a_chunk_costs_its_bytes() {
    is_linear("extensions of 2 KiB, byte by byte", |times| {
        let line = format!("1;{}", "a".repeat(2000 * times));
        let mut peer = Peer::new();
        peer.client_sends(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        line.as_bytes().iter().for_each(|byte| peer.client_sends(&[*byte]));
        assert!(peer.conversation.to_server.refused.is_none());
    });
}
