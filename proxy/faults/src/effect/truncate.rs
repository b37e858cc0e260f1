//! `truncate`: the body is shorter than it was. The head may still promise all of it, or the last chunk is missing, or nobody can tell.

use super::{
    body::keeps,
    gathered::{Gathered, MOST, Next},
};
use crate::{
    complaint::{Complaint, FromNode},
    contract::{Cx, Effect, Key, Letter, On, Outcome, Place, Share, Strike},
    form::Form,
    head::Head,
    node::{Node, Value},
    piece::{End, Payload, Piece},
    plan::Reason,
    protocol::kind,
    units::{Percent, Size},
    value::one_of,
};
use bytes::{Bytes, BytesMut};
use faultwire_messages::Kind;
use std::time::Instant;

#[derive(Clone, Debug, PartialEq)]
pub struct Truncate {
    pub place: Place,
    pub framing: Framing,
}

/// What is said of the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// What was said; the connection closes.
    KeepLength,
    /// What is true: the client believes that it has all.
    FixLength,
    /// The last chunk is missing; the connection closes.
    CutChunk,
}

#[derive(Debug, Default)]
pub enum Memory {
    /// Its head has not come.
    #[default]
    Before,
    /// `cut_chunk`: so much is still to pass.
    Cutting(Chunks),
    /// `fix_length`: nobody has said how long it is.
    Gathering(Gathered),
    /// `fix_length`: the head promises so much more, and trailers go with the chunks of HTTP/1.
    Fixed { left: u64, lines: bool },
    /// What comes is thrown away.
    Gone,
    /// What comes goes on.
    Through,
}

/// The rest of a body up to its place, and its chunks.
#[derive(Debug)]
pub struct Chunks {
    left: u64,
    chunked: bool,
    /// A line around a chunk that has come in part.
    line: BytesMut,
    /// A chunk of another size was announced.
    promised: bool,
}

impl Effect for Truncate {
    const KEYS: &'static [Key] = &[
        Key {
            name: "truncate",
            form: Form::Either(&[Form::Size, Form::Percent]),
            values: "SIZE | PERCENT",
            about: "The body ends here, and the connection closes, unless `framing: fix_length`. What is shorter stays.",
            ..Key::BLANK
        },
        Key {
            name: "framing",
            form: Form::Word(&["keep_length", "fix_length", "cut_chunk"]),
            values: "keep_length | fix_length | cut_chunk",
            default: "keep_length",
            about: "What is said of the length: `keep_length` what was said; `fix_length` what is true, so that the client believes it has all; `cut_chunk` whole chunks without the last one.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::HTTP).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ truncate: 50% }";
    const ENDS: bool = true;
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Truncate, Complaint> {
        let framing = match share.node("framing") {
            None => Framing::KeepLength,
            Some(node) => match one_of(node, &["keep_length", "fix_length", "cut_chunk"])? {
                "fix_length" => Framing::FixLength,
                "cut_chunk" => Framing::CutChunk,
                _ => Framing::KeepLength,
            },
        };
        Ok(Truncate { place: place(&share.head.value)?, framing })
    }

    fn describe(&self) -> String {
        let framing = match self.framing {
            Framing::KeepLength => "",
            Framing::FixLength => ", its length fixed",
            Framing::CutChunk => ", without a last chunk",
        };
        match self.place {
            Place::Bytes(size) => format!("truncate after {size}{framing}"),
            Place::Share(share) => format!("truncate after {share}{framing}"),
        }
    }

    fn strike(&self) -> Option<Strike> {
        (self.framing == Framing::KeepLength).then_some(Strike::Close)
    }

    fn place(&self) -> Option<Place> {
        (self.framing == Framing::KeepLength).then_some(self.place)
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match memory {
            Memory::Before => match &piece.payload {
                Payload::Head(head) if self.framing == Framing::FixLength => self.fix(memory, head.clone(), piece, cx),
                Payload::Head(head) => self.cut(memory, head.clone(), piece, cx),
                _ => pass(piece, cx),
            },
            Memory::Cutting(chunks) => match chunks.take(piece, cx) {
                Some(next) => {
                    *memory = next;
                    if matches!(memory, Memory::Gone) { Outcome::Broken } else { Outcome::Untouched }
                }
                None => Outcome::Untouched,
            },
            Memory::Gathering(gathered) => {
                let next = gathered.add(piece);
                self.gathered(memory, next, cx)
            }
            Memory::Fixed { left, lines } => match piece.payload {
                Payload::Data(mut bytes) => {
                    let bytes = bytes.split_to(bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= bytes.len() as u64;
                    if !bytes.is_empty() {
                        cx.pass(Piece { due: piece.due, payload: Payload::Data(bytes) });
                    }
                    Outcome::Cut
                }
                Payload::Frame(_) => Outcome::Untouched,
                Payload::Trailers(_) if *lines => Outcome::Untouched,
                payload => pass(Piece { due: piece.due, payload }, cx),
            },
            Memory::Gone => Outcome::Untouched,
            Memory::Through => pass(piece, cx),
        }
    }

    fn message(&self, _: &mut Memory, letters: &mut Vec<Letter>, _: &mut Cx<'_>) -> Outcome {
        let mut outcome = Outcome::Untouched;
        for letter in letters {
            let length = letter.message.content().map_or(0, |content| content.len() as u64);
            if let Some(shorter) = letter.message.truncated(usize::try_from(self.end(length)).unwrap_or(usize::MAX)) {
                // An event has no way to be shorter but to break off.
                letter.breaks = shorter.kind == Kind::Event;
                letter.message = shorter;
                outcome = Outcome::Cut;
            }
        }
        outcome
    }

    fn held(memory: &mut Memory) -> Vec<Payload> {
        match memory {
            Memory::Gathering(gathered) => gathered.payloads(),
            Memory::Cutting(chunks) if !chunks.line.is_empty() => vec![Payload::Frame(chunks.line.split().freeze())],
            _ => Vec::new(),
        }
    }

    fn holds(memory: &Memory) -> usize {
        match memory {
            Memory::Gathering(gathered) => gathered.bytes(),
            Memory::Cutting(chunks) => chunks.line.len(),
            _ => 0,
        }
    }

    fn holed(memory: &Memory) -> bool {
        match memory {
            Memory::Fixed { .. } | Memory::Gone => true,
            Memory::Cutting(chunks) => chunks.promised,
            Memory::Before | Memory::Gathering(_) | Memory::Through => false,
        }
    }
}

fn pass(piece: Piece, cx: &mut Cx<'_>) -> Outcome {
    cx.pass(piece);
    Outcome::Untouched
}

fn place(node: &Node) -> Result<Place, Complaint> {
    match node.text() {
        Some(text) if matches!(node.value, Value::Text(_)) && text.trim_end().ends_with('%') => match Percent::from_node(node)? {
            Percent::ALWAYS => Err(Complaint::new("E0104", "`truncate: 100%` cuts nothing off", &node.place, "less than that")),
            share => Ok(Place::Share(share)),
        },
        _ => Size::from_node(node).map(Place::Bytes),
    }
}

impl Truncate {
    /// Where a body of that length ends.
    fn end(&self, length: u64) -> u64 {
        match self.place {
            Place::Bytes(size) => size.0.min(length),
            Place::Share(share) => share.of(length),
        }
    }

    fn cut(&self, memory: &mut Memory, head: Head, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let due = piece.due;
        cx.pass(piece);
        let left = match (self.place, head.length()) {
            _ if !head.has_body() => None,
            (_, Some(length)) => Some(self.end(length)).filter(|end| *end < length),
            (Place::Bytes(size), None) => Some(size.0),
            (Place::Share(_), None) => {
                *memory = Memory::Through;
                return Outcome::Kept(Reason::NoLength);
            }
        };
        match left {
            None => {
                *memory = Memory::Through;
                Outcome::Untouched
            }
            Some(0) => {
                *memory = Memory::Gone;
                cx.pass(Piece { due, payload: Payload::End(End::Fin) });
                Outcome::Broken
            }
            Some(left) => {
                *memory = Memory::Cutting(Chunks { left, chunked: head.is_chunked(), line: BytesMut::new(), promised: false });
                Outcome::Untouched
            }
        }
    }

    fn fix(&self, memory: &mut Memory, head: Head, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match head.length() {
            Some(length) if head.has_body() => {
                let end = self.end(length);
                if end == length {
                    *memory = Memory::Through;
                    return pass(piece, cx);
                }
                *memory = Memory::Fixed { left: end, lines: matches!(head, Head::Http1(_)) };
                cx.pass(Piece { due: piece.due, payload: Payload::Head(shortened(head, end, cx)) });
                Outcome::Cut
            }
            _ => match keeps(&head, cx.direction) {
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
        }
    }

    fn gathered(&self, memory: &mut Memory, next: Next, cx: &mut Cx<'_>) -> Outcome {
        let Memory::Gathering(gathered) = memory else { return Outcome::Untouched };
        let content = gathered.content();
        let end = self.end(content);
        // A size is known to be exceeded before all has come.
        let exceeds = matches!(self.place, Place::Bytes(size) if size.0 <= MOST && size.0 < content);
        let head = gathered.head().filter(|_| exceeds || next == Next::Whole && end < content).cloned();
        let outcome = match (head, next) {
            (Some(head), _) => {
                let lines = matches!(head, Head::Http1(_));
                let body = gathered.body().split_to(end as usize);
                gathered.replace(shortened(head, end, cx), body, cx);
                *memory = Memory::Fixed { left: 0, lines };
                return Outcome::Cut;
            }
            (None, Next::More) => return Outcome::Untouched,
            (None, Next::Whole) => Outcome::Untouched,
            (None, Next::Kept(reason)) => Outcome::Kept(reason),
        };
        gathered.pass(cx);
        *memory = Memory::Through;
        outcome
    }
}

/// Nothing in it is to tell that there was more.
fn shortened(mut head: Head, length: u64, cx: &Cx<'_>) -> Head {
    head.remove(&["content-md5", "digest", "content-digest", "repr-digest"]);
    head.resize(length);
    cx.mark_answer(&mut head);
    head
}

impl Chunks {
    /// What comes then, if this was the last of it.
    fn take(&mut self, piece: Piece, cx: &mut Cx<'_>) -> Option<Memory> {
        let due = piece.due;
        match piece.payload {
            Payload::Frame(bytes) if self.chunked => return self.frame(bytes, due, cx),
            Payload::Data(mut bytes) if bytes.len() as u64 >= self.left => {
                cx.pass(Piece { due, payload: Payload::Data(bytes.split_to(self.left as usize)) });
                if self.chunked {
                    cx.pass(Piece { due, payload: Payload::Frame(Bytes::from_static(b"\r\n")) });
                }
                cx.pass(Piece { due, payload: Payload::End(End::Fin) });
                return Some(Memory::Gone);
            }
            Payload::End(_) if !self.line.is_empty() => {
                cx.pass(Piece { due, payload: Payload::Frame(self.line.split().freeze()) });
                cx.pass(piece);
            }
            payload => {
                self.left -= payload.content();
                cx.pass(Piece { due, payload });
            }
        }
        None
    }

    /// The line of a chunk's size, perhaps behind the end of the chunk before.
    fn frame(&mut self, bytes: Bytes, due: Instant, cx: &mut Cx<'_>) -> Option<Memory> {
        self.line.extend_from_slice(&bytes);
        let line = self.line.clone();
        let size = line.strip_prefix(b"\r\n").unwrap_or(&line);
        let is_end = size.is_empty() && !line.is_empty();
        if !is_end && !size.ends_with(b"\n") {
            // The rest of it is still to come.
            return None;
        }
        let digits = size.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let number = std::str::from_utf8(&size[..digits]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let mut out = self.line.split();
        if let Some(number) = number.filter(|number| *number >= self.left) {
            out.truncate(out.len() - size.len());
            out.extend_from_slice(format!("{:x}\r\n", self.left).as_bytes());
            self.promised = number > self.left;
        }
        cx.pass(Piece { due, payload: Payload::Frame(out.freeze()) });
        (number == Some(0)).then_some(Memory::Through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        piece::Direction::*,
        testing::{exchange, http1, list},
    };
    use serde_json::json;

    const KNOWN: &str = "<HTTP/1.1 200 OK~Content-Length: 10~~0123456789";
    const CHUNKED: &str = "<HTTP/1.1 200 OK~transfer-encoding: chunked~~4;a=b~0123~6~456789~0~t: 1~~";

    #[test]
    fn the_body_ends_there() {
        for (fault, came, left, counts) in [
            // What was announced stays, and the connection ends.
            (json!({"truncate": "50%"}), KNOWN, "HTTP/1.1 200 OK~Content-Length: 10~~01234fin", (1, vec![])),
            (json!({"truncate": "3B"}), KNOWN, "HTTP/1.1 200 OK~Content-Length: 10~~012fin", (1, vec![])),
            (json!({"truncate": "0B"}), KNOWN, "HTTP/1.1 200 OK~Content-Length: 10~~fin", (1, vec![])),
            (json!({"truncate": "11B"}), KNOWN, "HTTP/1.1 200 OK~Content-Length: 10~~0123456789", (0, vec!["ended_first"])),
            (json!({"truncate": "5B"}), CHUNKED, "HTTP/1.1 200 OK~transfer-encoding: chunked~~4;a=b~0123~6~4fin", (1, vec![])),
            (
                json!({"truncate": "50%"}),
                CHUNKED,
                "HTTP/1.1 200 OK~transfer-encoding: chunked~~4;a=b~0123~6~456789~0~t: 1~~",
                (0, vec!["no_length"]),
            ),
            // Whole chunks, and no last one.
            (
                json!({"truncate": "5B", "framing": "cut_chunk"}),
                CHUNKED,
                "HTTP/1.1 200 OK~transfer-encoding: chunked~~4;a=b~0123~1~4~fin",
                (1, vec![]),
            ),
            (
                json!({"truncate": "4B", "framing": "cut_chunk"}),
                CHUNKED,
                "HTTP/1.1 200 OK~transfer-encoding: chunked~~4~0123~fin",
                (1, vec![]),
            ),
            (
                json!({"truncate": "10B", "framing": "cut_chunk"}),
                CHUNKED,
                "HTTP/1.1 200 OK~transfer-encoding: chunked~~4;a=b~0123~6~456789~fin",
                (1, vec![]),
            ),
            (json!({"truncate": "0B", "framing": "cut_chunk"}), CHUNKED, "HTTP/1.1 200 OK~transfer-encoding: chunked~~fin", (1, vec![])),
            (json!({"truncate": "11B", "framing": "cut_chunk"}), CHUNKED, &CHUNKED[1..], (0, vec!["ended_first"])),
            (json!({"truncate": "50%", "framing": "cut_chunk"}), CHUNKED, &CHUNKED[1..], (0, vec!["no_length"])),
            (json!({"truncate": "50%", "framing": "cut_chunk"}), KNOWN, "HTTP/1.1 200 OK~Content-Length: 10~~01234fin", (1, vec![])),
            // Nobody can tell.
            (
                json!({"truncate": "50%", "framing": "fix_length"}),
                KNOWN,
                "HTTP/1.1 200 OK~Content-Length: 5~x-faultwire-fault: f0~~01234",
                (1, vec![]),
            ),
            (
                json!({"truncate": "3B", "framing": "fix_length", "disguise": true}),
                CHUNKED,
                "HTTP/1.1 200 OK~content-length: 3~~012",
                (1, vec![]),
            ),
            (
                json!({"truncate": "25%", "framing": "fix_length", "disguise": true}),
                CHUNKED,
                "HTTP/1.1 200 OK~content-length: 2~~01",
                (1, vec![]),
            ),
            (
                json!({"truncate": "0B", "framing": "fix_length", "disguise": true}),
                KNOWN,
                "HTTP/1.1 200 OK~Content-Length: 0~~",
                (1, vec![]),
            ),
            (json!({"truncate": "10B", "framing": "fix_length"}), CHUNKED, &CHUNKED[1..], (0, vec!["ended_first"])),
            (json!({"truncate": "10B", "framing": "fix_length"}), KNOWN, &KNOWN[1..], (0, vec!["ended_first"])),
            (
                json!({"truncate": "1B", "framing": "fix_length"}),
                "<HTTP/1.1 304 Not Modified~~",
                "HTTP/1.1 304 Not Modified~~",
                (0, vec!["ended_first"]),
            ),
        ] {
            let played = http1(std::slice::from_ref(&fault), &[(0, ">GET / HTTP/1.1~~"), (1, came)]);
            assert_eq!((played.to_client.clone(), played.counts()), (format!("1: {left}"), counts), "{fault} {came}");
        }
    }

    #[test]
    fn the_size_of_what_comes_does_not_matter() {
        for framing in ["cut_chunk", "fix_length", "keep_length"] {
            for at in 0..=10 {
                let fault = json!({"truncate": format!("{at}B"), "framing": framing});
                let slices = json!({"slice": "1B", "name": "above"});
                let whole = http1(std::slice::from_ref(&fault), &[(0, ">GET / HTTP/1.1~~"), (1, CHUNKED)]);
                // A fault above cuts even the lines around the chunks.
                let sliced = http1(&[slices, fault.clone()], &[(0, ">GET / HTTP/1.1~~"), (1, CHUNKED)]);
                assert_eq!(sliced.to_client.replace("f1", "f0"), whole.to_client, "{fault}");
            }
        }
    }

    #[test]
    fn the_next_answer_follows_what_was_fixed() {
        let fault = json!({"truncate": "2B", "framing": "fix_length", "times": 1, "disguise": true});
        let played = http1(&[fault], &[(0, ">GET / HTTP/1.1~~GET / HTTP/1.1~~"), (1, CHUNKED), (2, KNOWN)]);
        assert_eq!(played.to_client, format!("1: HTTP/1.1 200 OK~content-length: 2~~01 | 2: {}", &KNOWN[1..]));
    }

    #[test]
    fn streams_of_http2_are_cut_by_their_end() {
        let script = |head: &str| {
            vec![
                (1, ToClient, Payload::Head(list(head, false))),
                (1, ToClient, Payload::Data("0123".into())),
                (2, ToClient, Payload::Data("456789".into())),
                (3, ToClient, Payload::Trailers(list("t 1", false))),
                (3, ToClient, Payload::End(End::Fin)),
            ]
        };
        for (fault, head, left) in [
            (json!({"truncate": "50%"}), ":status 200, content-length 10", "1: [:status 200, content-length 10][0123] | 2: [4][fin]"),
            (json!({"truncate": "5B", "framing": "cut_chunk"}), ":status 200", "1: [:status 200][0123] | 2: [4][fin]"),
            (
                json!({"truncate": "5B", "framing": "fix_length"}),
                ":status 200",
                "2: [:status 200, content-length 5, x-faultwire-fault f0][01234] | 3: [t 1][fin]",
            ),
        ] {
            assert_eq!(exchange(&fault, script(head)).to_client, left, "{fault}");
        }
    }

    #[test]
    fn healing_in_the_middle_resets_what_has_a_hole() {
        for (framing, left) in [
            ("cut_chunk", "1: HTTP/1.1 200 OK~transfer-encoding: chunked~~5~01 | 5: rst"),
            ("fix_length", "5: HTTP/1.1 200 OK~transfer-encoding: chunked~~a~01 | 6: 23456789~0~~"),
        ] {
            let fault = json!({"truncate": "5B", "framing": framing});
            let came = "<HTTP/1.1 200 OK~transfer-encoding: chunked~~a~01";
            let played = http1(&[fault], &[(0, ">GET / HTTP/1.1~~"), (1, came), (5, "!"), (6, "<23456789~0~~")]);
            assert_eq!(played.to_client, left);
        }
    }

    #[test]
    fn all_of_it_is_no_place() {
        let wrong = |value: serde_json::Value| place(&Node::from_json(&value)).map_err(|complaint| complaint.code);
        assert_eq!(wrong(json!("100%")), Err("E0104"));
        assert_eq!(wrong(json!("0%")), Ok(Place::Share(Percent::NEVER)));
        assert_eq!(wrong(json!("1KiB")), Ok(Place::Bytes(Size(1024))));
    }
}
