//! Conversations drawn from all that is legal: many streams at once, tables of both directions, padding, trailers, resets, frames of any
//! size. Cut in any split they are what was drawn.

use crate::harness::{Chance, converse, frame, hello, settings};
use faultwire_http2::Way;

#[test]
fn what_was_meant_is_what_is_cut() {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let mut frames = 0;
    for seed in 0..seeds {
        frames += one(seed);
    }
    assert!(frames > seeds as usize * 20, "{frames} frames");
}

fn one(seed: u64) -> usize {
    let drawn = Drawn::new(seed);
    let said: Vec<(Way, &[u8])> = drawn.said.iter().map(|(way, bytes, _)| (*way, &bytes[..])).collect();
    let mut chance = Chance(seed);
    let most = *chance.pick(&[1, 7, 100, 20_000, 200_000]);
    let most = if said.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 100_000 { most.max(100) } else { most };
    let streams = converse(&said, || 1 + chance.below(most));
    for way in Way::BOTH {
        let meant: Vec<&String> = drawn.said.iter().filter(|(other, _, _)| *other == way).map(|(_, _, line)| line).collect();
        let seen = &streams[way.index()].seen;
        for (i, (seen, meant)) in seen.iter().zip(&meant).enumerate() {
            assert_eq!(seen, *meant, "seed {seed}, {way:?}, frame {i}");
        }
        assert_eq!(seen.len(), meant.len(), "seed {seed}");
    }
    said.len()
}

/// A conversation: who says what, and the line that it is to be cut into.
pub struct Drawn {
    pub said: Vec<(Way, Vec<u8>, String)>,
    chance: Chance,
    encoders: [Encoder; 2],
    blocks: [u64; 2],
    open: Vec<Open>,
    next: u32,
}

/// What may still come each way on a stream.
struct Open {
    number: u32,
    to_server: Next,
    to_client: Next,
}

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Head,
    Body,
    Nothing,
}

impl Drawn {
    pub fn new(seed: u64) -> Drawn {
        let mut drawn =
            Drawn { said: Vec::new(), chance: Chance(seed), encoders: Default::default(), blocks: [0; 2], open: Vec::new(), next: 1 };
        let [ours, theirs] = [0, 1].map(|_| drawn.table());
        drawn.say(Way::ToServer, hello(&ours), "preface");
        // The preface is a cut of its own.
        let (way, hello, _) = drawn.said.pop().unwrap();
        let (preface, first) = hello.split_at(24);
        drawn.said.push((way, preface.to_vec(), "preface".into()));
        drawn.said.push((way, first.to_vec(), "settings".into()));
        drawn.say(Way::ToClient, settings(&theirs), "settings");
        for (way, table) in [(Way::ToServer, theirs), (Way::ToClient, ours)] {
            drawn.say(way, frame(4, 1, 0, &[]), "ack");
            drawn.encoders[way.index()].bound = table[0].1 as usize;
        }
        for _ in 0..20 + drawn.chance.below(60) {
            drawn.step();
        }
        drawn
    }

    fn table(&mut self) -> [(u16, u32); 2] {
        [(1, *self.chance.pick(&[0, 50, 200, 4096, 65_536])), (4, 65_535)]
    }

    fn say(&mut self, way: Way, bytes: Vec<u8>, line: impl Into<String>) {
        self.said.push((way, bytes, line.into()));
    }

    fn step(&mut self) {
        let way = if self.chance.hits(50) { Way::ToServer } else { Way::ToClient };
        match self.chance.below(12) {
            0 => self.say(way, frame(6, self.chance.0 as u8 & 1, 0, &[7; 8]), "ping"),
            1 => {
                let by = 1 + self.chance.below(9000) as u32;
                self.say(way, frame(8, 0, 0, &by.to_be_bytes()), format!("window 0 {by}"));
            }
            2 => {
                let length = self.chance.below(100);
                self.say(way, frame(0x20, 9, 3, &vec![1; length]), "unknown 32 on 3");
            }
            3 if !self.open.is_empty() => {
                let number = self.open[self.chance.below(self.open.len())].number;
                self.say(Way::ToServer, frame(2, 0, number, &[0, 0, 0, 1, 9]), format!("priority {number}"));
            }
            4 if self.chance.hits(30) && !self.open.is_empty() => {
                let at = self.chance.below(self.open.len());
                let number = self.open.remove(at).number;
                self.say(way, frame(3, 0, number, &[0, 0, 0, 8]), format!("reset {number} 8"));
            }
            5 | 6 => {
                let number = self.next;
                self.next += 2 * (1 + self.chance.below(3) as u32);
                let end = self.chance.hits(50);
                self.head(Way::ToServer, number, "head", &[(":method", "GET"), (":path", "/"), (":scheme", "https")], end);
                self.open.push(Open { number, to_server: if end { Next::Nothing } else { Next::Body }, to_client: Next::Head });
            }
            _ if !self.open.is_empty() => self.go_on(way),
            _ => {}
        }
    }

    fn go_on(&mut self, way: Way) {
        let at = self.chance.below(self.open.len());
        let number = self.open[at].number;
        let next = match way {
            Way::ToServer => self.open[at].to_server,
            Way::ToClient => self.open[at].to_client,
        };
        let then = match next {
            Next::Nothing => return,
            Next::Head if self.chance.hits(20) => {
                self.head(way, number, "interim", &[(":status", "103")], false);
                Next::Head
            }
            Next::Head => {
                let end = self.chance.hits(30);
                self.head(way, number, "head", &[(":status", "200")], end);
                if end { Next::Nothing } else { Next::Body }
            }
            Next::Body if self.chance.hits(15) => {
                self.head(way, number, "trailers", &[("grpc-status", "0")], true);
                Next::Nothing
            }
            Next::Body => {
                let end = self.chance.hits(20);
                self.data(way, number, end);
                if end { Next::Nothing } else { Next::Body }
            }
        };
        match way {
            Way::ToServer => self.open[at].to_server = then,
            Way::ToClient => self.open[at].to_client = then,
        }
        if self.open[at].to_server == Next::Nothing && self.open[at].to_client == Next::Nothing {
            self.open.remove(at);
        }
    }

    fn data(&mut self, way: Way, number: u32, end: bool) {
        let length = *self.chance.pick(&[0, 1, 100, 16_384, 65_536, 65_537, 140_000]);
        let length = if self.chance.hits(70) { length.min(500) } else { length };
        let padding = if self.chance.hits(30) { Some(self.chance.below(256)) } else { None };
        let mut payload: Vec<u8> = padding.iter().map(|padding| *padding as u8).collect();
        payload.extend((0..length).map(|i| i as u8));
        payload.resize(payload.len() + padding.unwrap_or(0), 0);
        let flags = u8::from(end) | if padding.is_some() { 8 } else { 0 };
        let mark = if end { " end" } else { "" };
        let before = usize::from(padding.is_some());
        let line = match payload.len() > 65_536 {
            true => {
                let first = length.min(65_536 - before);
                format!("data {number} {first}+{} first ... {length} in all{mark}", 65_536 - first)
            }
            false => format!("data {number} {length}+{}{mark}", payload.len() - length),
        };
        self.say(way, frame(0, flags, number, &payload), line);
    }

    fn head(&mut self, way: Way, number: u32, kind: &str, first: &[(&str, &str)], end: bool) {
        let d = way.index();
        let mut fields: Vec<(String, String, bool)> = first.iter().map(|(n, v)| (n.to_string(), v.to_string(), false)).collect();
        for _ in 0..self.chance.below(6) {
            let name = *self.chance.pick(&["x-a", "x-b", "cookie", "x-a-rather-long-name-of-a-field", "date", ""]);
            let value = *self.chance.pick(&["", "1", "two words", "a value of some length, with = and ;", "1"]);
            fields.push((name.into(), value.into(), self.chance.hits(10)));
        }
        let (block, sizes) = self.encoders[d].encode(&fields, &mut self.chance);
        let mut line = format!("{kind} {number} #{}", self.blocks[d]);
        self.blocks[d] += 1;
        for (name, value, sensitive) in &fields {
            line += &format!(" {name}{}={value}", if *sensitive { "!" } else { "" });
        }
        let priority = kind == "head" && way == Way::ToServer && self.chance.hits(20);
        let padding = if self.chance.hits(20) { Some(self.chance.below(100)) } else { None };
        for (is, mark) in [(priority, " priority"), (sizes, " sizes"), (end, " end")] {
            line += if is { mark } else { "" };
        }
        let frames = if self.chance.hits(20) { 1 + self.chance.below(4) } else { 1 };
        let mut parts: Vec<&[u8]> = block.chunks(block.len().div_ceil(frames).max(1)).collect();
        if self.chance.hits(5) {
            parts.push(&[]);
        }
        let mut payload: Vec<u8> = padding.iter().map(|padding| *padding as u8).collect();
        payload.extend_from_slice(if priority { &[0, 0, 0, 0, 200] } else { &[] });
        payload.extend_from_slice(parts.first().copied().unwrap_or_default());
        payload.resize(payload.len() + padding.unwrap_or(0), 0);
        let flags = u8::from(end) | if padding.is_some() { 8 } else { 0 } | if priority { 32 } else { 0 };
        let last = |i: usize| if i + 1 >= parts.len() { 4 } else { 0 };
        let mut bytes = frame(1, flags | last(0), number, &payload);
        for (i, part) in parts.iter().enumerate().skip(1) {
            bytes.extend(frame(9, last(i), number, part));
        }
        self.say(way, bytes, line);
    }
}

/// An encoder that uses its table in every way there is.
struct Encoder {
    /// The newest first.
    table: Vec<(String, String)>,
    max: usize,
    /// What the receiver allows.
    bound: usize,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder { table: Vec::new(), max: 4096, bound: 4096 }
    }
}

impl Encoder {
    /// A block, and whether it changes the size of the table.
    fn encode(&mut self, fields: &[(String, String, bool)], chance: &mut Chance) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let mut sizes = false;
        while self.max > self.bound || chance.hits(5) {
            self.max = chance.below(self.bound + 1);
            self.shrink(self.max);
            integer(&mut out, 0x20, 5, self.max);
            sizes = true;
        }
        for (name, value, sensitive) in fields {
            let same = self.table.iter().position(|(n, v)| n == name && v == value);
            let named = self.table.iter().position(|(n, _)| n == name).map_or(0, |at| 62 + at);
            match same {
                Some(at) if !sensitive && chance.hits(80) => {
                    integer(&mut out, 0x80, 7, 62 + at);
                    continue;
                }
                _ => {}
            }
            let named = if chance.hits(70) { named } else { 0 };
            let (pattern, prefix) = match sensitive {
                true => (0x10, 4),
                false => *chance.pick(&[(0x40, 6), (0x40, 6), (0x00, 4)]),
            };
            integer(&mut out, pattern, prefix, named);
            for text in [name, value].into_iter().skip(usize::from(named > 0)) {
                integer(&mut out, 0, 7, text.len());
                out.extend_from_slice(text.as_bytes());
            }
            if pattern == 0x40 {
                let cost = name.len() + value.len() + 32;
                self.shrink(self.max.saturating_sub(cost));
                if cost <= self.max {
                    self.table.insert(0, (name.clone(), value.clone()));
                }
            }
        }
        (out, sizes)
    }

    fn shrink(&mut self, to: usize) {
        while self.table.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>() > to {
            self.table.pop();
        }
    }
}

fn integer(out: &mut Vec<u8>, pattern: u8, prefix: u32, mut number: usize) {
    let most = (1 << prefix) - 1;
    if number < most {
        return out.push(pattern | number as u8);
    }
    out.push(pattern | most as u8);
    number -= most;
    while number >= 128 {
        out.push(number as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}
