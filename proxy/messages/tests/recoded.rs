//! permessage-deflate with messages lost, doubled, moved and changed: whoever inflates with one context from the start of the connection
//! reads all others.

use crate::{generated::frames, harness::Chance};
use bytes::{Bytes, BytesMut};
use faultwire_messages::{
    Cut, Direction, Extensions, Message, Messages, ROOM,
    websocket::{Deflate, Window},
};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// What could be read, or why not.
type Heard = Result<Vec<Vec<u8>>, String>;

/// One end that compresses.
struct Sender {
    context: Compress,
    window: Window,
    masked: bool,
}

/// One end that inflates: the messages that it has read, or the first that it could not.
struct Receiver {
    context: Decompress,
    window: Window,
}

fn fresh(window: Window) -> Compress {
    Compress::new_with_window_bits(Compression::new(6), false, window.bits)
}

impl Sender {
    fn send(&mut self, content: &[u8], compressed: bool, chance: &mut Chance) -> Vec<u8> {
        if !compressed {
            return frames(chance, 0x82, self.masked, content, false);
        }
        if !self.window.takeover {
            self.context = fresh(self.window);
        }
        let mut out = Vec::with_capacity(content.len() + content.len() / 100 + 100);
        self.context.compress_vec(content, &mut out, FlushCompress::Sync).unwrap();
        if content.is_empty() {
            // There was nothing to flush.
            out = vec![0, 0, 0, 0xff, 0xff];
        }
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]) && out.len() < content.len() + content.len() / 100 + 100);
        out.truncate(out.len() - 4);
        frames(chance, 0xc2, self.masked, &out, false)
    }
}

impl Receiver {
    /// Frames as RFC 6455 has them, read anew: nothing of the crate is used.
    fn read(&mut self, mut wire: &[u8]) -> Heard {
        let mut messages = Vec::new();
        let mut under: Option<(bool, Vec<u8>)> = None;
        while let [first, second, ..] = *wire {
            let (length, mut at) = match second & 0x7f {
                126 => (u16::from_be_bytes(wire[2..4].try_into().unwrap()) as usize, 4),
                127 => (u64::from_be_bytes(wire[2..10].try_into().unwrap()) as usize, 10),
                length => (length as usize, 2),
            };
            let key = (second & 0x80 != 0).then(|| [wire[at], wire[at + 1], wire[at + 2], wire[at + 3]]);
            at += if key.is_some() { 4 } else { 0 };
            let payload = wire.get(at..at + length).ok_or("a frame is cut short")?;
            let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ key.map_or(0, |key| key[i & 3]));
            match (&mut under, first & 0x7f) {
                (None, 0x42 | 0x02) => under = Some((first & 0x40 != 0, payload.collect())),
                (Some((_, message)), 0x00) => message.extend(payload),
                (_, odd) => return Err(format!("a frame that begins with {odd:02x}")),
            }
            wire = &wire[at + length..];
            if first & 0x80 != 0
                && let Some((compressed, message)) = under.take()
            {
                messages.push(if compressed { self.inflate(message)? } else { message });
            }
        }
        if under.is_some() || !wire.is_empty() { Err("a message is cut short".to_owned()) } else { Ok(messages) }
    }

    fn inflate(&mut self, mut message: Vec<u8>) -> Result<Vec<u8>, String> {
        if !self.window.takeover {
            self.context = Decompress::new_with_window_bits(false, self.window.bits);
        }
        message.extend([0, 0, 0xff, 0xff]);
        let mut out = Vec::new();
        let start = self.context.total_in();
        loop {
            out.reserve(64 << 10);
            let at = (self.context.total_in() - start) as usize;
            self.context.decompress_vec(&message[at..], &mut out, FlushDecompress::Sync).map_err(|error| error.to_string())?;
            let done = (self.context.total_in() - start) as usize == message.len();
            if done && out.len() < out.capacity() {
                return Ok(out);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passes,
    Lost,
    Doubled,
    /// Behind the next one.
    Moved,
    Shorter,
    Damaged,
}

/// A conversation that goes on about the same things, so that messages refer to those before.
struct Run {
    chance: Chance,
    window: Window,
    direction: Direction,
    follow: bool,
    room: usize,
}

impl Run {
    fn new(seed: u64, window: Window) -> Run {
        Run { chance: Chance(seed), window, direction: *Chance(seed).pick(&Direction::BOTH), follow: true, room: ROOM }
    }

    fn content(&mut self) -> Vec<u8> {
        let chance = &mut self.chance;
        let draw = chance.below(100);
        if draw == 0 {
            // Does not compress: larger than the room on the wire.
            return (0..ROOM + 70_000).map(|_| chance.next() as u8).collect();
        }
        let words = match draw {
            1 => 40_000,
            0..8 => 800,
            8..20 => 0,
            _ => chance.below(60),
        };
        (0..words).flat_map(|_| format!("{{\"symbol\": {}, \"price\": {}}}", chance.below(9), chance.below(1000)).into_bytes()).collect()
    }

    /// What the recipient should read, what it reads, and how many messages went on exactly as they came.
    fn run(&mut self, count: usize, fates: &[Fate]) -> (Vec<Vec<u8>>, Heard, usize) {
        let both = Deflate { to_server: self.window, to_client: self.window };
        let mut messages = Messages::websocket(Extensions::Deflate(both), self.follow);
        messages.hold(self.room);
        let masked = self.direction == Direction::ToServer;
        let mut sender = Sender { context: fresh(self.window), window: self.window, masked };
        let mut receiver = Receiver { context: Decompress::new_with_window_bits(false, self.window.bits), window: self.window };
        let (mut expected, mut wire, mut same) = (Vec::new(), Vec::new(), 0);
        let mut moved: Option<(Vec<u8>, Vec<Message>)> = None;
        let mut buffer = BytesMut::new();
        for _ in 0..count {
            let content = self.content();
            let compressed = self.chance.hits(90);
            let sent = sender.send(&content, compressed, &mut self.chance);
            let size = *self.chance.pick(&[100, 5000, 65_536]);
            let mut parts = Vec::new();
            for piece in sent.chunks(size) {
                buffer.extend_from_slice(piece);
                while let Some(cut) = messages.cut(self.direction, &mut buffer) {
                    let Cut::Message(part) = cut else { panic!("{cut:?}") };
                    parts.push(part);
                }
            }
            let mut fate = *self.chance.pick(fates);
            let edited = match fate {
                Fate::Shorter => parts[0].truncated(content.len() / 2),
                Fate::Damaged => parts[0].corrupted(|at| u8::from(at % 50 == 0)),
                _ => None,
            };
            if matches!(fate, Fate::Shorter | Fate::Damaged) && edited.is_none() {
                assert!(!parts[0].is_whole() || content.is_empty() || content.len() > ROOM, "{} bytes cannot be edited", content.len());
                fate = Fate::Passes;
            }
            let mut said = content;
            match fate {
                Fate::Shorter => said.truncate(said.len() / 2),
                Fate::Damaged => said.iter_mut().step_by(50).for_each(|byte| *byte ^= 1),
                _ => {}
            }
            parts = edited.map_or(parts, |edited| vec![edited]);
            let mut leave = |said: &Vec<u8>, parts: &[Message]| {
                let written: Vec<Bytes> = parts.iter().map(|part| messages.leave(self.direction, part)).collect();
                same += usize::from(written.iter().zip(parts).all(|(written, part)| written == part.raw()));
                wire.extend(written.concat());
                expected.push(said.clone());
            };
            match fate {
                Fate::Lost => {}
                Fate::Moved if moved.is_none() => moved = Some((said, parts)),
                _ => {
                    leave(&said, &parts);
                    if fate == Fate::Doubled {
                        leave(&said, &parts);
                    }
                    if let Some((said, parts)) = moved.take() {
                        leave(&said, &parts);
                    }
                }
            }
        }
        assert!(buffer.is_empty());
        let read = receiver.read(&wire);
        (expected, read, same)
    }
}

fn windows() -> Vec<Window> {
    let sizes = [9, 10, 12, 15].map(|bits| Window { takeover: true, bits });
    [&sizes[..], &[Window { takeover: false, bits: 15 }, Window { takeover: false, bits: 10 }]].concat()
}

fn assert_read(name: &str, expected: &[Vec<u8>], read: Heard) {
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(read.len(), expected.len(), "{name}");
    for (i, (read, expected)) in read.iter().zip(expected).enumerate() {
        assert!(read == expected, "{name}: message {i} of {} bytes was read as {}", expected.len(), read.len());
    }
}

const ALL: &[Fate] = &[Fate::Passes, Fate::Lost, Fate::Doubled, Fate::Moved, Fate::Shorter, Fate::Damaged];
const FIFTH: &[Fate] = &[Fate::Passes, Fate::Passes, Fate::Passes, Fate::Passes, Fate::Lost];

#[test]
fn a_fifth_of_the_messages_lost_and_all_others_decode() {
    for (i, window) in windows().into_iter().enumerate() {
        let (expected, read, _) = Run::new(i as u64, window).run(200, FIFTH);
        assert!((120..195).contains(&expected.len()), "{} of 200 were left", expected.len());
        assert_read(&format!("{window:?}"), &expected, read);
    }
}

#[test]
fn without_it_they_do_not() {
    let mut run = Run::new(1, Window { takeover: true, bits: 15 });
    run.follow = false;
    let (expected, read, _) = run.run(200, FIFTH);
    assert!(read != Ok(expected), "this test would not see a broken context");
}

#[test]
fn doubled_moved_and_changed_messages_decode() {
    for (i, window) in windows().into_iter().enumerate() {
        let (expected, read, _) = Run::new(100 + i as u64, window).run(200, ALL);
        assert_read(&format!("{window:?}"), &expected, read);
    }
}

#[test]
fn messages_that_come_in_parts_decode() {
    for (i, window) in windows().into_iter().enumerate() {
        for room in [0, 20, 300] {
            let mut run = Run::new(400 + i as u64, window);
            run.room = room;
            let (expected, read, _) = run.run(100, ALL);
            assert_read(&format!("{window:?}, room {room}"), &expected, read);
        }
    }
}

#[test]
fn what_is_not_touched_is_the_same_to_the_byte() {
    for (i, window) in windows().into_iter().enumerate() {
        let (expected, read, same) = Run::new(200 + i as u64, window).run(150, &[Fate::Passes]);
        assert_eq!(same, 150, "{window:?}");
        assert_read(&format!("{window:?}"), &expected, read);
    }
    // Messages that stand for themselves stay the same whatever happens to others.
    let (expected, _, same) = Run::new(300, Window { takeover: false, bits: 15 }).run(150, FIFTH);
    assert_eq!(same, expected.len());
}
