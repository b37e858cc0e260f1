//! Feeds a direction in any split, joins the parts of a message, and checks what must always hold: no byte is changed, none is lost.

use bytes::BytesMut;
use faultwire_messages::{
    Cut, Direction, Ended, Extensions, Message, Messages, ROOM,
    websocket::{Deflate, Window},
};

/// A cut, the parts of a message and neighbours of the same kind joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: String,
    pub bytes: Vec<u8>,
    /// Of a whole message.
    pub content: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Stream {
    pub seen: Vec<Seen>,
    pub left: Vec<u8>,
    pub ended: Ended,
}

/// What is cut, and how it is hosted.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub what: What,
    pub direction: Direction,
    pub room: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Plain,
    Deflate { takeover: bool, follow: bool },
    Events,
    Grpc,
}

impl Host {
    pub fn new(what: What) -> Host {
        Host { what, direction: Direction::ToClient, room: ROOM }
    }

    pub fn messages(&self) -> Messages {
        let mut messages = match self.what {
            What::Plain => Messages::websocket(Extensions::None, true),
            What::Deflate { takeover, follow } => {
                let window = Window { takeover, bits: 15 };
                Messages::websocket(Extensions::Deflate(Deflate { to_server: window, to_client: window }), follow)
            }
            What::Events => Messages::events(),
            What::Grpc => Messages::grpc(),
        };
        messages.hold(self.room);
        messages
    }

    /// What becomes of these bytes, in pieces of these sizes.
    pub fn cut(&self, bytes: &[u8], size: impl FnMut() -> usize) -> Stream {
        let mut stream = Stream { seen: Vec::new(), left: Vec::new(), ended: Ended::Between };
        let (mut data, mut control) = (Vec::new(), Vec::new());
        let mut messages = self.feed(bytes, size, |messages, cut| {
            match &cut {
                Cut::Control(_) => control.extend_from_slice(cut.bytes()),
                _ => data.extend_from_slice(cut.bytes()),
            }
            if let Cut::Message(message) = &cut {
                assert_eq!(messages.leave(self.direction, message), message.raw(), "what is not touched goes as it came");
            }
            stream.take(cut);
        });
        stream.left = messages.1.to_vec();
        stream.ended = messages.0.ended(self.direction, &messages.1);
        // At the end nothing stays behind.
        messages.0.hold(0);
        while let Some(cut) = messages.0.cut(self.direction, &mut messages.1) {
            data.extend_from_slice(cut.bytes());
        }
        data.extend_from_slice(&messages.1);
        if control.is_empty() {
            assert_eq!(data, bytes, "a byte was changed, lost or moved");
        } else if self.room > 0 {
            let (mut exact_data, mut exact_control, mut exact) = (Vec::new(), Vec::new(), Vec::new());
            let (_, left) = Host { room: 0, ..*self }.feed(
                bytes,
                || usize::MAX,
                |_, cut| {
                    exact.extend_from_slice(cut.bytes());
                    let of_its_kind = if matches!(cut, Cut::Control(_)) { &mut exact_control } else { &mut exact_data };
                    of_its_kind.extend_from_slice(cut.bytes());
                },
            );
            assert_eq!([&exact[..], &left].concat(), bytes, "with nothing held, all comes in order");
            assert_eq!((data, control), ([&exact_data[..], &left].concat(), exact_control), "only control frames overtake");
        }
        stream
    }

    /// Messages lost, doubled, changed, whatever comes in: it must be borne.
    pub fn disturb(&self, bytes: &[u8], size: impl FnMut() -> usize) -> usize {
        let mut out = 0;
        self.feed(bytes, size, |messages, cut| {
            let Cut::Message(message) = cut else { return };
            let lasting = if message.is_bound() { 2 } else { message.number % 6 };
            let changed = match lasting {
                0 => return,
                3 => message.truncated(1),
                4 => message.corrupted(|at| at as u8),
                _ => None,
            };
            out += messages.leave(self.direction, changed.as_ref().unwrap_or(&message)).len();
            if lasting == 5 && message.is_whole() {
                out += messages.leave(self.direction, &message).len();
            }
        });
        out
    }

    pub fn feed(&self, bytes: &[u8], mut size: impl FnMut() -> usize, mut take: impl FnMut(&mut Messages, Cut)) -> (Messages, BytesMut) {
        let mut messages = self.messages();
        let mut buffer = BytesMut::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(size().min(rest.len()));
            rest = others;
            buffer.extend_from_slice(piece);
            while let Some(cut) = messages.cut(self.direction, &mut buffer) {
                take(&mut messages, cut);
            }
        }
        (messages, buffer)
    }

    /// The same in one piece, byte by byte, and in random splits: the outcome is always one.
    pub fn cut_in_every_split(&self, name: &str, bytes: &[u8], splits: u64) -> Stream {
        let whole = self.cut(bytes, || usize::MAX);
        assert_eq!(self.cut(bytes, || 1), whole, "{name}: byte by byte");
        for seed in 0..splits {
            let mut chance = Chance(seed);
            let most = [2, 5, 20, 200][seed as usize % 4];
            assert_eq!(self.cut(bytes, || 1 + chance.below(most)), whole, "{name}: split {seed}");
        }
        whole
    }
}

impl Stream {
    fn take(&mut self, cut: Cut) {
        let (kind, joins) = match &cut {
            Cut::Message(message) if message.is_whole() => (about(message), false),
            Cut::Message(message) => (about(message), !message.begins),
            Cut::Control(control) => (format!("{control:?}"), false),
            Cut::Between(_) => ("between".to_owned(), true),
            Cut::Plain(_) => ("plain".to_owned(), true),
            Cut::Lost(lost) => (format!("lost: {lost}"), false),
        };
        let content = if let Cut::Message(message) = &cut { message.content().map(|content| content.to_vec()) } else { None };
        match self.seen.last_mut() {
            Some(last) if joins && last.kind.trim_end_matches(" ends") == kind.trim_end_matches(" ends") => {
                last.bytes.extend_from_slice(cut.bytes());
                last.kind = kind;
            }
            _ => self.seen.push(Seen { kind, bytes: cut.bytes().to_vec(), content }),
        }
    }
}

fn about(message: &Message) -> String {
    let whole = if message.is_whole() { "whole" } else { "in parts" };
    // Whether the parts of a message can be inflated is known when one cannot.
    let bound = if message.is_whole() && message.is_bound() { " bound" } else { "" };
    format!("#{} {:?} {whole}{bound}{}", message.number, message.kind, if message.ends { " ends" } else { "" })
}

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
