//! One stream among the others of its connection: what of it waits, and where.

use crate::{
    exchange::Exchange,
    head::{Field, Head, List},
    piece::{Direction, End, Payload},
    plan::Plan,
    subject::{Headers, Subject},
};
use bytes::Bytes;
use faultwire_http2::{self as http2, Cut, Fields};
use std::{collections::VecDeque, time::Instant};

#[derive(Debug)]
pub struct Open {
    /// Which request of its connection it is, from 1.
    pub number: u64,
    pub exchange: Exchange,
    /// It goes through its exchange, and not past it as it came.
    pub under: bool,
    /// How many of its frames wait in the line to pass as they came: nothing of its exchange goes before them.
    pub raws: [usize; 2],
    /// Content that has passed as it came.
    pub passed: [u64; 2],
    /// The heads that have gone into the exchange and not come out.
    heads: [VecDeque<(Kind, http2::Head)>; 2],
    /// Bytes of the first informational answer among them that have come out.
    framed: usize,
    /// What goes out before anything of the exchange.
    pub front: [VecDeque<Item>; 2],
    /// What goes in once the exchange takes more.
    pub backlog: [VecDeque<Payload>; 2],
    /// How that side's sender has reset it.
    pub resets: [Option<Cut>; 2],
    pub is_head: bool,
    /// The client has been told a status.
    pub has_said: bool,
    /// It is answered here.
    pub answered: bool,
    /// It is answered with bytes that nobody can read, and the connection ends behind them.
    pub is_flawed: bool,
    /// It waits in the row of those that may go on.
    pub ready: [bool; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Head,
    Interim,
    Trailers,
}

/// What is to be written of a stream.
#[derive(Debug)]
pub enum Item {
    /// The head that came, with other fields where there are any, or one of our own.
    Head(Option<http2::Head>, Option<Vec<Field>>),
    /// The message ends behind it, if so.
    Data(Bytes, bool),
    /// The last that is said on the connection.
    Flaw(Bytes),
    End(End),
}

impl Open {
    pub fn new(number: u64, exchange: Exchange, is_head: bool) -> Open {
        Open {
            number,
            under: !exchange.is_free(),
            exchange,
            raws: [0; 2],
            passed: [0; 2],
            heads: Default::default(),
            framed: 0,
            front: Default::default(),
            backlog: Default::default(),
            resets: [None, None],
            is_head,
            has_said: false,
            answered: false,
            is_flawed: false,
            ready: [false; 2],
        }
    }

    /// More of it has come, and goes through the exchange.
    pub fn take(&mut self, direction: Direction, cut: Cut, plan: &Plan, now: Instant) {
        let d = direction.index();
        let ends = match &cut {
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => head.end,
            Cut::Data(data) => data.end,
            _ => false,
        };
        let payload = match cut {
            Cut::Head(head) => {
                let list = list(&head);
                self.heads[d].push_back((Kind::Head, head));
                Payload::Head(list)
            }
            Cut::Trailers(head) => {
                let list = list(&head);
                self.heads[d].push_back((Kind::Trailers, head));
                Payload::Trailers(list)
            }
            Cut::Interim(head) => {
                let raw = head.raw.clone();
                self.heads[d].push_back((Kind::Interim, head));
                Payload::Frame(raw)
            }
            Cut::Data(data) => Payload::Data(data.bytes),
            reset => {
                self.resets[d] = Some(reset);
                Payload::End(End::Rst)
            }
        };
        if !payload.is_empty() || matches!(payload, Payload::End(_)) {
            self.give(direction, payload, plan, now);
        }
        if ends {
            self.give(direction, Payload::End(End::Fin), plan, now);
        }
    }

    fn give(&mut self, direction: Direction, payload: Payload, plan: &Plan, now: Instant) {
        let backlog = &mut self.backlog[direction.index()];
        if !backlog.is_empty() || !self.exchange.wants(direction) {
            backlog.push_back(payload);
        } else if direction == Direction::ToServer {
            self.exchange.asks(payload, plan, now);
        } else {
            self.exchange.receive(direction, payload, now);
        }
    }

    /// What is to be written next that way.
    pub fn next(&mut self, direction: Direction, plan: &Plan, now: Instant) -> Option<Item> {
        let d = direction.index();
        if let Some(item) = self.front[d].pop_front() {
            return Some(item);
        }
        loop {
            match self.exchange.transmit(direction, now) {
                Some(payload) => {
                    if let Some(item) = self.item(direction, payload) {
                        return Some(item);
                    }
                }
                None if self.exchange.wants(direction) => {
                    let payload = self.backlog[d].pop_front()?;
                    // What is behind it waits for its turn.
                    let rest = std::mem::take(&mut self.backlog[d]);
                    self.give(direction, payload, plan, now);
                    self.backlog[d] = rest;
                }
                None => return None,
            }
        }
    }

    fn item(&mut self, direction: Direction, payload: Payload) -> Option<Item> {
        let d = direction.index();
        match payload {
            Payload::Head(Head::Http2(list)) => Some(self.with_head(d, Kind::Head, *list)),
            Payload::Trailers(Head::Http2(list)) => Some(self.with_head(d, Kind::Trailers, *list)),
            Payload::Frame(bytes) if self.is_flawed && d == 1 => Some(Item::Flaw(bytes)),
            Payload::Frame(bytes) => {
                self.framed += bytes.len();
                let at = self.heads[d].iter().position(|(kind, _)| *kind == Kind::Interim)?;
                if self.framed < self.heads[d][at].1.raw.len() {
                    return None;
                }
                self.framed = 0;
                let (_, head) = self.heads[d].drain(..=at).next_back()?;
                Some(Item::Head(Some(head), None))
            }
            Payload::Data(bytes) => Some(Item::Data(bytes, false)),
            Payload::End(end) => Some(Item::End(end)),
            // Those are of HTTP/1, or never leave an exchange.
            Payload::Head(_) | Payload::Trailers(_) | Payload::Pong(_) | Payload::Bound(_) => None,
        }
    }

    /// The head that came, for one that leaves. Those before it have been swallowed.
    fn with_head(&mut self, d: usize, kind: Kind, list: List) -> Item {
        let came = match self.heads[d].iter().position(|(other, _)| *other == kind).filter(|_| !(self.answered && d == 1)) {
            Some(at) => self.heads[d].drain(..=at).next_back().map(|(_, head)| head),
            None => None,
        };
        let fields = (came.is_none() || list.raw.is_none()).then_some(list.fields);
        Item::Head(came, fields)
    }

    /// Nothing more of what has come goes on, but what is on its way to the client already.
    pub fn clear(&mut self) {
        for d in [0, 1] {
            self.heads[d].clear();
            self.backlog[d].clear();
        }
        self.front[0].clear();
        self.framed = 0;
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        let d = direction.index();
        let front = |item: &Item| if let Item::Data(bytes, _) = item { bytes.len() } else { 0 };
        self.exchange.held(direction)
            + self.backlog[d].iter().map(Payload::len).sum::<usize>()
            + self.front[d].iter().map(front).sum::<usize>()
    }
}

/// A head as effects see it.
fn list(head: &http2::Head) -> Head {
    Head::Http2(Box::new(List { fields: head.fields.list(), raw: Some(head.raw.clone()), is_all: head.end }))
}

/// A request, as its head says it.
pub struct Asking(pub Fields);

impl Headers for Fields {
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.iter().filter(|(other, _)| *other == name.as_bytes()).any(|(_, value)| is(value))
    }
}

impl Headers for Asking {
    fn any(&self, name: &str, is: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.0.any(name, is)
    }
}

impl Asking {
    fn target(&self) -> &[u8] {
        self.0.first(":path").unwrap_or_default()
    }

    fn question(&self) -> Option<usize> {
        self.target().iter().position(|byte| *byte == b'?')
    }
}

impl Subject for Asking {
    fn method(&self) -> &[u8] {
        self.0.first(":method").unwrap_or_default()
    }

    fn path(&self) -> &[u8] {
        &self.target()[..self.question().unwrap_or(self.target().len())]
    }

    fn query(&self) -> Option<&[u8]> {
        Some(&self.target()[self.question()? + 1..])
    }

    fn authority(&self) -> Option<&[u8]> {
        self.0.first(":authority").or_else(|| self.0.first("host"))
    }
}
