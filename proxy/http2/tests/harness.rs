//! Feeds both streams in any split, joins neighbouring parts, and checks what must always hold: no byte is changed, none is lost.

use bytes::{Bytes, BytesMut};
use faultwire_http2::{Cut, Field, Head, Http2, Limits, Lost, Part, Way, preface::PREFACE};
use std::fmt::Write;

/// Both sides of a connection, and the buffers that an engine would have.
pub struct Peer {
    pub http: Http2,
    buffers: [BytesMut; 2],
    pub streams: [Stream; 2],
}

/// What became of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// A line for each cut; parts of a frame are joined.
    pub seen: Vec<String>,
    /// The bytes of all cuts, with what was left.
    pub raw: Vec<u8>,
    /// What was written for all cuts, as they came.
    pub written: Vec<u8>,
    pub lost: Option<Lost>,
    part: usize,
}

impl Peer {
    pub fn new() -> Peer {
        Peer { http: Http2::new(Limits::default()), buffers: Default::default(), streams: Default::default() }
    }

    pub fn sends(&mut self, way: Way, bytes: &[u8]) {
        let d = way.index();
        self.buffers[d].extend_from_slice(bytes);
        while let Some(cut) = self.http.cut(way, &mut self.buffers[d]) {
            let written = self.http.pass(way, &cut).unwrap_or_default();
            self.streams[d].written.extend_from_slice(&written);
            self.streams[d].take(&cut);
        }
    }

    pub fn end(mut self) -> [Stream; 2] {
        for (stream, buffer) in self.streams.iter_mut().zip(&self.buffers) {
            stream.raw.extend_from_slice(buffer);
            stream.written.extend_from_slice(buffer);
        }
        assert!(self.http.is_untouched());
        self.streams
    }
}

impl Stream {
    fn take(&mut self, cut: &Cut) {
        let raw = cut.raw();
        assert!(!raw.is_empty() || matches!(cut, Cut::Lost(_)), "an empty {cut:?}");
        self.raw.extend_from_slice(raw);
        if let Cut::Lost(lost) = cut {
            self.lost = Some(*lost);
        }
        let line = line(cut);
        match cut {
            Cut::Data(data) if !matches!(data.part, Part::Whole | Part::First) => {
                self.part += data.bytes.len();
                if data.part == Part::Last {
                    let end = if data.end { " end" } else { "" };
                    let _ = write!(self.seen.last_mut().unwrap(), " ... {} in all{end}", self.part);
                }
            }
            Cut::Data(data) => {
                self.part = data.bytes.len();
                self.seen.push(line);
            }
            Cut::Rest { more, .. } => {
                assert!(raw.len() <= 64 << 10);
                self.seen.last_mut().unwrap().push_str(if *more { "." } else { ". whole" });
            }
            Cut::Plain(_) if self.seen.last().is_some_and(|last| last == "plain") => {}
            _ => self.seen.push(line),
        }
    }
}

fn head(kind: &str, head: &Head) -> String {
    let mut text = format!("{kind} {} #{}", head.stream, head.block);
    for field in head.fields.list() {
        let _ = write!(text, " {}{}={}", field.name.escape_ascii(), if field.sensitive { "!" } else { "" }, field.value.escape_ascii());
    }
    for (is, mark) in [(head.priority.is_some(), " priority"), (head.sizes.is_some(), " sizes"), (head.end, " end")] {
        text.push_str(if is { mark } else { "" });
    }
    if head.promised != 0 {
        let _ = write!(text, " promised {}", head.promised);
    }
    text
}

pub fn line(cut: &Cut) -> String {
    match cut {
        Cut::Preface(_) => "preface".into(),
        Cut::Head(at) => head("head", at),
        Cut::Interim(at) => head("interim", at),
        Cut::Trailers(at) => head("trailers", at),
        Cut::PushPromise(at) => head("promise", at),
        Cut::Stray(at) => head("stray", at),
        Cut::Data(data) => {
            let padding = data.length as usize - data.bytes.len();
            let end = if data.end { " end" } else { "" };
            format!("data {} {}+{padding}{}{end}", data.stream, data.bytes.len(), if data.part == Part::Whole { "" } else { " first" })
        }
        Cut::Reset { stream, code, .. } => format!("reset {stream} {code}"),
        Cut::WindowUpdate { stream, by, .. } => format!("window {stream} {by}"),
        Cut::Settings { ack, .. } => if *ack { "ack" } else { "settings" }.into(),
        Cut::Ping(_) => "ping".into(),
        Cut::GoAway { last, code, .. } => format!("goaway {last} {code}"),
        Cut::Priority { stream, .. } => format!("priority {stream}"),
        Cut::Unknown { stream, raw, .. } => format!("unknown {} on {stream}", raw[3]),
        Cut::Rest { .. } => "rest".into(),
        Cut::Lost(lost) => format!("lost {} at {}", lost.reason.word(), lost.place.frame),
        Cut::Plain(_) => "plain".into(),
    }
}

/// All that is said, in that order, each in pieces of these sizes.
pub fn converse(said: &[(Way, &[u8])], mut size: impl FnMut() -> usize) -> [Stream; 2] {
    let mut peer = Peer::new();
    let mut whole = [Vec::new(), Vec::new()];
    for (way, bytes) in said {
        whole[way.index()].extend_from_slice(bytes);
        let mut rest = *bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(size().min(rest.len()));
            peer.sends(*way, piece);
            rest = after;
        }
    }
    let streams = peer.end();
    for (stream, whole) in streams.iter().zip(&whole) {
        assert!(stream.raw == *whole, "a byte was changed");
        let at = stream.written.iter().zip(whole).position(|(a, b)| a != b);
        assert!(stream.written == *whole, "other bytes were written, from {at:?} on: {:?}", stream.seen);
    }
    streams
}

/// The same in one piece, byte by byte, and in many random splits: the outcome is always one.
pub fn converse_in_every_split(name: &str, said: &[(Way, &[u8])], splits: u64) -> [Stream; 2] {
    let whole = converse(said, || usize::MAX);
    let length: usize = said.iter().map(|(_, bytes)| bytes.len()).sum();
    if length < 50_000 {
        assert_eq!(converse(said, || 1), whole, "{name}: byte by byte");
    }
    for seed in 0..splits {
        let mut chance = Chance(seed);
        let most = [2, 10, 50, 70_000][seed as usize % 4].max(length / 5_000);
        assert_eq!(converse(said, || 1 + chance.below(most)), whole, "{name}: split {seed}");
    }
    whole
}

/// A frame as somebody might send it.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let entries: Vec<u8> = values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(4, 0, 0, &entries)
}

/// The client's first bytes.
pub fn hello(values: &[(u16, u32)]) -> Vec<u8> {
    [PREFACE, &settings(values)].concat()
}

/// A block without any table.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    faultwire_http2::hpack::write(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes(), false)), None).to_vec()
}

pub fn fields(fields: &[(&str, &str)]) -> Vec<Field> {
    fields.iter().map(|(name, value)| Field::new(name, Bytes::copy_from_slice(value.as_bytes()))).collect()
}

pub const GET: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "http"), (":path", "/a"), (":authority", "x")];
pub const OK: &[(&str, &str)] = &[(":status", "200"), ("server", "s")];

/// SplitMix64: the same numbers on every machine.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn hits(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
