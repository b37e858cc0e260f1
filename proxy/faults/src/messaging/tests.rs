//! Long conversations on invented time: what comes in, and what leaves, message by message.

mod ends;
mod limits;
mod shapes;

use crate::{
    conversation::Over,
    piece::{Direction, End, Payload},
    plan::Reason,
    reply::Dates,
    talk::Talk,
    testing::{Planner, epoch, ms},
    who::Who,
};
use bytes::Bytes;
use faultwire_messages::{Kind, websocket};
use serde_json::Value;
use std::sync::atomic::Ordering::Relaxed;

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        "Fri, 20 Nov 2026 00:00:00 GMT".to_owned()
    }
}

/// A connection of HTTP/1.
struct World {
    planner: Planner,
    talk: Talk,
    now: u64,
    /// What has left, by direction: when, and what.
    out: [Vec<(u64, Result<Bytes, End>)>; 2],
}

const KEY: [u8; 4] = [7, 1, 9, 200];
const ASK: &str = "GET /socket HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const OPEN: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\r\n";
const FEED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
const GET: &str = "GET /events HTTP/1.1\r\nhost: a\r\n\r\n";

impl World {
    fn new(faults: &[Value]) -> World {
        let mut planner = Planner::of_exchanges(1);
        let talk = Talk::http(planner.plan(faults, epoch()), Who::default(), Box::new(Then), epoch());
        World { planner, talk, now: 0, out: Default::default() }
    }

    /// With a WebSocket that is open.
    fn socket(faults: &[Value]) -> World {
        let mut world = World::new(faults);
        world.open(ASK, OPEN);
        world
    }

    /// With an answer that is a feed of events.
    fn feed(faults: &[Value]) -> World {
        let mut world = World::new(faults);
        world.open(GET, FEED);
        world
    }

    fn open(&mut self, ask: &str, answer: &str) {
        self.comes('>', 0, ask.as_bytes());
        self.comes('<', 0, answer.as_bytes());
        assert_eq!((self.left('>'), self.left('<')), (ask.as_bytes().to_vec(), answer.as_bytes().to_vec()));
    }

    fn adopt(&mut self, faults: &[Value], at: u64) {
        self.run(at);
        let plan = self.planner.plan(faults, ms(at));
        self.talk.adopt(plan, ms(at));
        self.run(at);
    }

    fn comes(&mut self, way: char, at: u64, bytes: &[u8]) {
        self.run(at);
        self.talk.receive(direction(way), Payload::Data(Bytes::copy_from_slice(bytes)), ms(at));
        self.run(at);
    }

    fn ends(&mut self, way: char, at: u64) {
        self.run(at);
        self.talk.receive(direction(way), Payload::End(End::Fin), ms(at));
        self.run(at);
    }

    fn says(&mut self, way: char, at: u64, text: &str) {
        let key = (way == '>').then_some(KEY);
        self.comes(way, at, &websocket::message(Kind::Text, text.as_bytes(), key));
    }

    fn event(&mut self, at: u64, text: &str) {
        self.comes('<', at, &chunk(&format!("data: {text}\n\n")));
    }

    fn run(&mut self, until: u64) {
        loop {
            let now = self.now;
            self.talk.tick(ms(now));
            while let Some((way, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, self.talk.transmit(way, ms(now))?))) {
                self.out[way.index()].push((now, payload.into_bytes()));
            }
            // Whole milliseconds will do, and nothing is asked too early.
            let wake = self.talk.wake([true; 2]).inspect(|wake| assert!(*wake > ms(now), "asked to be woken at a moment that has passed"));
            match wake.map(|wake| (wake - epoch()).as_nanos().div_ceil(1_000_000) as u64) {
                Some(wake) if wake <= until => self.now = wake,
                _ => break,
            }
        }
        self.now = until;
    }

    /// The bytes that have left that way.
    fn left(&mut self, way: char) -> Vec<u8> {
        self.out[direction(way).index()].drain(..).filter_map(|(_, what)| what.ok()).flatten().collect()
    }

    /// The frames of a WebSocket, or the events of a feed, each with its moment; `FIN` and `RST`.
    fn told(&mut self, way: char) -> String {
        let mut told: Vec<String> = Vec::new();
        let (mut wire, mut is_feed) = (Vec::new(), false);
        for (at, what) in self.out[direction(way).index()].drain(..) {
            let Ok(bytes) = what else {
                if !wire.is_empty() {
                    told.push(format!("{at} ...{}", String::from_utf8_lossy(&wire).escape_debug()));
                    wire.clear();
                }
                told.push(format!("{at} {}", if what == Err(End::Fin) { "FIN" } else { "RST" }));
                continue;
            };
            wire.extend_from_slice(&bytes);
            is_feed |= wire.first().is_some_and(u8::is_ascii_hexdigit);
            while let Some((text, size)) = if is_feed { chunk_of(&wire) } else { frame_of(&wire) } {
                wire.drain(..size);
                told.push(format!("{at} {text}"));
            }
        }
        assert!(wire.is_empty(), "{told:?} and {:?}", String::from_utf8_lossy(&wire));
        told.join(" | ")
    }

    fn count(&self, reason: Reason) -> u64 {
        self.planner.tally("f0").suppressed(reason)
    }

    /// Seen, matched and hit by the first fault.
    fn counts(&self) -> (u64, u64, u64) {
        let tally = self.planner.tally("f0");
        (tally.seen(), tally.matched.load(Relaxed), tally.hits.load(Relaxed))
    }

    fn over(&self) -> Option<&Over> {
        self.talk.over()
    }
}

fn direction(way: char) -> Direction {
    if way == '>' { Direction::ToServer } else { Direction::ToClient }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// A chunk at the beginning, and its size on the wire.
fn chunk_of(wire: &[u8]) -> Option<(String, usize)> {
    let text = std::str::from_utf8(wire).unwrap();
    let (line, rest) = text.split_once("\r\n")?;
    let size = usize::from_str_radix(line, 16).unwrap();
    let content = rest.get(..size)?;
    rest.get(size..size + 2)?;
    Some((if size == 0 { "LAST".to_owned() } else { content.escape_debug().to_string() }, line.len() + 2 + size + 2))
}

/// A frame at the beginning, and its size.
fn frame_of(wire: &[u8]) -> Option<(String, usize)> {
    let [first, second, ..] = *wire else { return None };
    let (length, mut at) = match second & 0x7f {
        126 => (u16::from_be_bytes(*wire.get(2..4)?.first_chunk()?) as usize, 4),
        127 => (u64::from_be_bytes(*wire.get(2..10)?.first_chunk()?) as usize, 10),
        length => (length as usize, 2),
    };
    let key = if second & 0x80 != 0 { Some(*wire.get(at..at + 4)?.first_chunk::<4>()?) } else { None };
    at += if key.is_some() { 4 } else { 0 };
    let payload: Vec<u8> = wire.get(at..at + length)?.iter().enumerate().map(|(i, byte)| byte ^ key.map_or(0, |key| key[i & 3])).collect();
    let said = match first {
        0x81 | 0x82 => String::from_utf8_lossy(&payload).into_owned(),
        0x88 => format!("close {} {}", u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8_lossy(&payload[2..])),
        first => format!("{first:02x} {}", String::from_utf8_lossy(&payload)),
    };
    Some((said, at + length))
}

/// A control frame, or a fragment.
fn frame(first: u8, payload: &str) -> Vec<u8> {
    [&[first, payload.len() as u8], payload.as_bytes()].concat()
}
