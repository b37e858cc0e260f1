//! What passes as it came, what cannot be done, and what is refused.

use super::*;
use crate::plan::Reason;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::{Value, json};

#[test]
fn with_no_fault_every_byte_passes_at_once() {
    let events = [chunk(": hello\n\n"), chunk("data: a\r\n\r\ndata: b\n"), chunk("\n"), b"0\r\nt: 1\r\n\r\n".to_vec()].concat();
    let frames =
        [frame(0x01, "fr"), frame(0x89, "ping"), frame(0x80, "ag"), frame(0x82, "x"), frame(0x88, "\u{3}\u{e8}"), b"more".to_vec()]
            .concat();
    let odd = b"no frames at all, in a tunnel".to_vec();
    // One that is about other requests changes nothing.
    for faults in [vec![], vec![json!({"match": "GET /other", "per": "message", "loss": "100%"})], vec![json!({"latency": "0ms"})]] {
        for (ask, answer, wire) in [(GET, FEED, &events), (ASK, OPEN, &frames), (ASK, OPEN, &odd)] {
            for size in [1, 2, 3, 5, 7, 1000] {
                let mut world = World::new(&faults);
                world.open(ask, answer);
                let mut all = Vec::new();
                for part in wire.chunks(size) {
                    world.comes('<', 1, part);
                    let left = world.left('<');
                    assert!(answer == FEED || left == part, "{faults:?} {:?} is held", String::from_utf8_lossy(part));
                    all.extend(left);
                }
                assert_eq!(all, *wire, "in parts of {size}");
            }
        }
    }
}

#[test]
fn a_fault_that_comes_waits_for_the_message_and_the_chunk_under_way() {
    let lose = [json!({"per": "message", "loss": "100%"})];
    let mut world = World::feed(&[]);
    let wire = chunk("data: 0\n\ndata: 1\n\n");
    world.comes('<', 1, &wire[..8]);
    world.adopt(&lose, 2);
    world.comes('<', 3, &wire[8..wire.len() - 2]);
    world.comes('<', 4, &[&wire[wire.len() - 2..], &chunk("data: 2\n\n"), b"0\r\n\r\n"].concat());
    assert_eq!(String::from_utf8(world.left('<')).unwrap(), "12\r\ndata: 0\n\ndata: 1\n\n\r\n0\r\n\r\n");
    let mut world = World::socket(&[]);
    let wire = [frame(0x81, "hello"), frame(0x81, "gone")].concat();
    world.comes('<', 1, &wire[..3]);
    world.adopt(&lose, 2);
    world.comes('<', 3, &wire[3..]);
    assert_eq!((world.told('<'), world.counts()), ("3 hello".into(), (1, 1, 1)));
}

#[test]
fn what_has_a_length_keeps_it() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 18\r\n\r\n";
    for (fault, hits, kept) in [(json!({"loss": "100%"}), 0, 2), (json!({"latency": "5ms"}), 2, 0), (json!({"corrupt": "100%"}), 2, 0)] {
        let mut fault = fault;
        fault["per"] = "message".into();
        let mut world = World::new(&[fault]);
        world.comes('>', 0, GET.as_bytes());
        world.comes('<', 0, answer.as_bytes());
        world.comes('<', 1, b"data: 0\n\ndata: 1\n\n");
        world.run(50);
        assert_eq!((world.left('<').len(), world.counts().2, world.count(Reason::FixedLength)), (answer.len() + 18, hits, kept));
    }
}

#[test]
fn what_cannot_be_read_passes() {
    let mut world = World::socket(&[json!({"per": "message", "loss": "100%"})]);
    world.says('<', 1, "a");
    world.comes('<', 2, b"\xff\xffnobody knows");
    assert_eq!((world.left('<'), world.counts().2, world.count(Reason::ProtocolLost)), (b"\xff\xffnobody knows".to_vec(), 1, 1));
    let mut world = World::feed(&[json!({"per": "message", "loss": "100%"})]);
    world.comes('<', 1, &chunk(&format!("data: {}", "x".repeat(2 << 20))));
    world.comes('<', 2, &chunk("\n\n"));
    assert_eq!((world.counts().2, world.count(Reason::TooLarge)), (0, 1));
    let content: usize = world.told('<').len();
    assert!(content > 2 << 20);
    // What is there of a message when its stream ends goes on.
    let mut world = World::socket(&[json!({"per": "message", "loss": "100%"})]);
    world.comes('<', 1, &frame(0x81, "hello")[..4]);
    world.ends('<', 2);
    assert_eq!((world.left('<'), world.count(Reason::EndedFirst)), (frame(0x81, "hello")[..4].to_vec(), 1));
}

/// Compresses with all that was said before, as both ends of permessage-deflate do.
struct Deflating(Compress);

impl Deflating {
    fn frame(&mut self, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 100);
        self.0.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        out.truncate(out.len() - 4);
        [&[0xc1, out.len() as u8][..], &out].concat()
    }
}

fn inflated(inflate: &mut Decompress, frame: &[u8]) -> String {
    let mut out = Vec::with_capacity(4096);
    inflate.decompress_vec(&[&frame[2..], &[0, 0, 255, 255]].concat(), &mut out, FlushDecompress::Sync).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_missing_message_does_not_spoil_those_that_refer_to_it() {
    let ask = ASK.replace("upgrade: websocket", "upgrade: websocket\r\nsec-websocket-extensions: permessage-deflate");
    let open = OPEN.replace("upgrade: WebSocket", "upgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate");
    let lose = json!({"name": "f0", "per": "message", "loss": "20%"});
    for late in [false, true] {
        let mut world = World::new(if late { &[] } else { std::slice::from_ref(&lose) });
        world.open(&ask, &open);
        if late {
            world.adopt(std::slice::from_ref(&lose), 0);
        }
        let mut deflate = Deflating(Compress::new(Compression::new(6), false));
        let mut inflate = Decompress::new(false);
        let mut arrived = 0;
        for i in 0..200 {
            let text = format!("the same words again and again, {i}");
            world.comes('<', 1, &deflate.frame(&text));
            let left = world.left('<');
            if !left.is_empty() {
                assert_eq!(inflated(&mut inflate, &left), text);
                arrived += 1;
            }
        }
        let (hits, compressed) = (world.counts().2, world.count(Reason::Compressed));
        match late {
            false => assert!((20..60).contains(&hits) && arrived == 200 - hits && compressed == 0, "{hits} lost, {arrived} arrived"),
            // Nobody has followed it from its beginning.
            true => assert_eq!((hits, compressed, arrived), (0, world.counts().1, 200)),
        }
    }
}

/// What is wrong with a fault, by code and first words.
fn wrong(fault: &Value) -> String {
    let mut fault = fault.clone();
    fault["proxy"] = "p".into();
    match crate::fault::Fault::read(&crate::node::Node::from_json(&fault)) {
        Ok(_) => String::new(),
        Err(complaints) => {
            complaints.iter().map(|complaint| format!("{} {}", complaint.code, complaint.message)).collect::<Vec<_>>().join(" | ")
        }
    }
}

#[test]
fn what_means_nothing_for_a_message_is_refused() {
    for (fault, said) in [
        (json!({"per": "message", "bandwidth": "1kB/s"}), "E0109 `bandwidth per message` comes with a later version"),
        (json!({"per": "request", "latency": "1s"}), "E0109 `per: request` comes with a later version"),
        (json!({"per": "message", "reset": true, "when": "after_upstream"}), "E0106 `when` is a moment of a whole request"),
        (json!({"per": "message", "loss": "1%", "after": "50%"}), "E0106 messages have no announced length"),
        (json!({"per": "message", "loss": "1%", "over": "5 requests"}), "E0106 messages are not open"),
        (json!({"per": "message", "latency": "1s", "mode": "total"}), "E0106 `mode: total` counts from a request"),
        (json!({"per": "message", "latency": {"retransmit": "1%"}}), "E0106 `retransmit` is for streams"),
        (json!({"per": "message", "truncate": "1B", "framing": "fix_length"}), "E0106 `framing` is of a body"),
        (json!({"per": "message", "close": "half"}), "E0106 `close: half` is of a connection"),
        (json!({"close": 1006}), "E0207 no close frame says `1006`"),
        (json!({"close": true, "message": "bye"}), "E0106 `message` goes with a close code"),
        (json!({"close": 1000, "message": "x".repeat(124)}), "E0207 this is too long for a close frame"),
        (json!({"close": 1000, "when": "before_upstream"}), "E0106 a close frame needs an open WebSocket"),
        (json!({"close": 1000, "after": "1KiB"}), "E0106 a close frame stands between two messages"),
        (json!({"per": "message", "loss": {"average": "90%", "burst": 2}}), "E0207 so much is not lost in bursts that are so short"),
        (json!({"per": "message", "loss": {"p": "0%", "r": "0%"}}), "E0207 this chain never moves"),
        (json!({"per": "message", "loss": {"average": "5%"}, "correlation": "5%"}), "E0106 `correlation` goes with a plain share only"),
        (json!({"per": "message", "duplicate": "1%", "copies": 2000}), "E0208 `2000` is too many"),
        (json!({"per": "message", "reorder": "1%"}), "E0106 `reorder` needs `latency`"),
        (json!({"per": "message", "loss": {"average": "5%", "burst": 3}, "over": "5/s"}), ""),
        (json!({"per": "message", "blackhole": "5s", "after": "2 messages"}), ""),
    ] {
        assert_eq!(wrong(&fault), said, "{fault}");
    }
}
