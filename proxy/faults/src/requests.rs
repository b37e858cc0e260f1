//! The requests of one connection, in whichever version of HTTP it turns out to speak: a client of HTTP/2 says so with its first bytes, and
//! a server that is not waited for with its own (RFC 9113, 3.4). All else is HTTP/1.

use crate::{
    again::Again,
    conversation::Over,
    event::Event,
    exchanges::{self, Exchanges},
    piece::{Direction, End, Payload},
    plan::{Compiled, Plan, Reason},
    record::{Ends, Record},
    reply::Dates,
    streams::{self, Streams},
    who::Who,
};
use bytes::BytesMut;
use faultwire_http1::Refused;
use faultwire_http2::{Preface, is_preface};
use std::{sync::Arc, time::Instant};

#[derive(Debug)]
pub struct Requests {
    carried: Carried,
    watched: bool,
}

#[derive(Debug)]
enum Carried {
    /// Nothing that says which version it is has come.
    Unknown(Box<Unknown>),
    One(Box<Exchanges>),
    Two(Box<Streams>),
}

#[derive(Debug)]
struct Unknown {
    plan: Arc<Plan>,
    who: Who,
    dates: Option<Box<dyn Dates>>,
    opened: Instant,
    /// What has come from either side.
    came: [BytesMut; 2],
    ended: [Option<End>; 2],
}

/// What is to be told, besides what faults do.
#[derive(Debug)]
pub enum Told {
    /// A request was refused: it could be read in two ways, or not at all.
    Refused(Refused),
    Lost(Lost),
    /// An exchange has ended.
    Ended(Box<Record>),
    /// A request is to be sent again.
    Again(Box<Again>),
}

/// What came could not be read: the rest of it is plain bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its name; it never changes.
    pub reason: &'static str,
    pub about: &'static str,
    /// Which response, or which frame, from 1.
    pub message: u64,
}

impl Requests {
    pub fn new(plan: Arc<Plan>, who: Who, dates: Box<dyn Dates>, now: Instant) -> Requests {
        let unknown = Unknown { plan, who, dates: Some(dates), opened: now, came: Default::default(), ended: [None, None] };
        Requests { carried: Carried::Unknown(Box::new(unknown)), watched: false }
    }

    /// Takes a new plan, for the exchanges under way as well.
    pub fn adopt(&mut self, plan: Arc<Plan>, now: Instant) {
        match &mut self.carried {
            Carried::Unknown(unknown) => unknown.plan = plan,
            Carried::One(exchanges) => exchanges.adopt(plan, now),
            Carried::Two(streams) => streams.adopt(plan, now),
        }
    }

    /// Something has come from one side of the connection.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        match &mut self.carried {
            Carried::One(exchanges) => return exchanges.receive(direction, payload, now),
            Carried::Two(streams) => return streams.receive(direction, payload, now),
            Carried::Unknown(unknown) => unknown.take_in(direction, payload),
        }
        self.find_out(now);
    }

    fn find_out(&mut self, now: Instant) {
        let Carried::Unknown(unknown) = &mut self.carried else { return };
        let Some(speaks_two) = unknown.speaks_two() else { return };
        let Some(dates) = unknown.dates.take() else { return };
        let (plan, who, opened) = (unknown.plan.clone(), unknown.who.clone(), unknown.opened);
        let (mut came, ended) = (std::mem::take(&mut unknown.came), unknown.ended);
        self.carried = match speaks_two {
            true => Carried::Two(Box::new(Streams::new(plan, who, dates, opened))),
            false => Carried::One(Box::new(Exchanges::new(plan, who, dates, opened))),
        };
        self.watch(self.watched);
        for direction in Direction::BOTH {
            let bytes = came[direction.index()].split().freeze();
            if !bytes.is_empty() {
                self.receive(direction, Payload::Data(bytes), now);
            }
            if let Some(end) = ended[direction.index()] {
                self.receive(direction, Payload::End(end), now);
            }
        }
    }

    /// Does what time alone brings.
    pub fn tick(&mut self, now: Instant) {
        match &mut self.carried {
            Carried::Unknown(_) => {}
            Carried::One(exchanges) => exchanges.tick(now),
            Carried::Two(streams) => streams.tick(now),
        }
    }

    /// Puts what no fault is about and what may go out that way now behind `out`, as long as that is shorter than `most`.
    pub fn pass(&mut self, direction: Direction, out: &mut BytesMut, most: usize, now: Instant) {
        match &mut self.carried {
            Carried::Unknown(_) => {}
            Carried::One(exchanges) => exchanges.pass(direction, out, most, now),
            Carried::Two(streams) => streams.pass(direction, out, most, now),
        }
    }

    /// Asks the client to leave; whether that could be said. None: nobody knows yet what it speaks.
    pub fn go_away(&mut self, fault: &Arc<Compiled>) -> Option<Result<(), Reason>> {
        match &mut self.carried {
            Carried::Unknown(_) => None,
            Carried::One(_) => Some(Err(Reason::Http1)),
            Carried::Two(streams) => {
                streams.go_away(fault);
                Some(Ok(()))
            }
        }
    }

    /// The next payload that may go out that way now.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        match &mut self.carried {
            Carried::Unknown(_) => None,
            Carried::One(exchanges) => exchanges.transmit(direction, now),
            Carried::Two(streams) => streams.transmit(direction, now),
        }
    }

    /// The one moment at which it wants to be asked again.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        match &self.carried {
            Carried::Unknown(_) => None,
            Carried::One(exchanges) => exchanges.wake(taking),
            Carried::Two(streams) => streams.wake(taking),
        }
    }

    /// Whether to read from that direction's source.
    pub fn wants(&self, direction: Direction) -> bool {
        match &self.carried {
            Carried::Unknown(_) => true,
            Carried::One(exchanges) => exchanges.wants(direction),
            Carried::Two(streams) => streams.wants(direction),
        }
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        match &self.carried {
            Carried::Unknown(unknown) => unknown.came[direction.index()].len(),
            Carried::One(exchanges) => exchanges.held(direction),
            Carried::Two(streams) => streams.held(direction),
        }
    }

    pub fn over(&self) -> Option<&Over> {
        match &self.carried {
            Carried::Unknown(_) => None,
            Carried::One(exchanges) => exchanges.over(),
            Carried::Two(streams) => streams.over(),
        }
    }

    /// No more will come.
    pub fn finish(&mut self, now: Instant) {
        match &mut self.carried {
            Carried::Unknown(_) => {}
            Carried::One(exchanges) => exchanges.finish(now),
            Carried::Two(streams) => streams.finish(now),
        }
    }

    pub fn has_events(&self) -> bool {
        match &self.carried {
            Carried::Unknown(_) => false,
            Carried::One(exchanges) => exchanges.has_events(),
            Carried::Two(streams) => streams.has_events(),
        }
    }

    pub fn events(&mut self) -> Vec<Event> {
        match &mut self.carried {
            Carried::Unknown(_) => Vec::new(),
            Carried::One(exchanges) => exchanges.events(),
            Carried::Two(streams) => streams.events(),
        }
    }

    /// Whether somebody wants to know of every exchange.
    pub fn watch(&mut self, watched: bool) {
        self.watched = watched;
        match &mut self.carried {
            Carried::Unknown(_) => {}
            Carried::One(exchanges) => exchanges.watched = watched,
            Carried::Two(streams) => streams.watched = watched,
        }
    }

    /// How exchanges have ended since this was last asked.
    pub fn take_ends(&mut self) -> Ends {
        match &mut self.carried {
            Carried::Unknown(_) => Ends::default(),
            Carried::One(exchanges) => exchanges.take_ends(),
            Carried::Two(streams) => streams.take_ends(),
        }
    }

    /// What else there is to tell.
    pub fn told(&mut self) -> Vec<Told> {
        match &mut self.carried {
            Carried::Unknown(_) => Vec::new(),
            Carried::One(exchanges) => exchanges.told().into_iter().map(Told::from).collect(),
            Carried::Two(streams) => streams.told().into_iter().map(Told::from).collect(),
        }
    }
}

impl Unknown {
    fn take_in(&mut self, direction: Direction, payload: Payload) {
        match payload.into_bytes() {
            Ok(bytes) => self.came[direction.index()].extend_from_slice(&bytes),
            Err(end) => self.ended[direction.index()] = Some(end),
        }
    }

    /// Whether it is HTTP/2, once that is known.
    fn speaks_two(&self) -> Option<bool> {
        let [client, server] = &self.came;
        let over = self.ended.iter().any(Option::is_some);
        match is_preface(client) {
            Preface::Yes => Some(true),
            Preface::No => Some(false),
            Preface::NeedMore if over => Some(false),
            Preface::NeedMore => is_settings(server),
        }
    }
}

/// Whether a server's first bytes are a frame of SETTINGS on the connection: RFC 9113, 6.5. None: too few to tell.
fn is_settings(bytes: &[u8]) -> Option<bool> {
    const REST: [u8; 6] = [4, 0, 0, 0, 0, 0];
    let length = bytes.get(..3.min(bytes.len())).unwrap_or_default();
    let long = length.first().is_some_and(|byte| *byte != 0);
    let rest = bytes.get(3..).unwrap_or_default();
    let known = rest.len().min(REST.len());
    match () {
        () if bytes.is_empty() => None,
        () if long || rest[..known] != REST[..known] => Some(false),
        () if known < REST.len() => None,
        () => Some((usize::from(length[1]) << 8 | usize::from(length[2])).is_multiple_of(6)),
    }
}

impl From<exchanges::Told> for Told {
    fn from(told: exchanges::Told) -> Told {
        match told {
            exchanges::Told::Refused(refused) => Told::Refused(refused),
            exchanges::Told::Ended(record) => Told::Ended(record),
            exchanges::Told::Again(again) => Told::Again(again),
            exchanges::Told::Lost(lost) => {
                let row = lost.reason.row();
                Told::Lost(Lost { reason: row.word, about: row.about, message: lost.place.message })
            }
        }
    }
}

impl From<streams::Told> for Told {
    fn from(told: streams::Told) -> Told {
        match told {
            streams::Told::Ended(record) => Told::Ended(record),
            streams::Told::Again(again) => Told::Again(again),
            streams::Told::Lost(_, lost) => {
                let row = lost.reason.row();
                Told::Lost(Lost { reason: row.word, about: row.about, message: lost.place.frame })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_waited_for_says_what_it_speaks() {
        for (bytes, is) in [
            (&b""[..], None),
            (b"\0", None),
            (b"\0\0\x12\x04\0", None),
            (b"\0\0\x12\x04\0\0\0\0\0", Some(true)),
            (b"\0\0\0\x04\0\0\0\0\0", Some(true)),
            (b"\0\0\x05\x04\0\0\0\0\0", Some(false)),
            (b"\0\0\0\x04\x01", Some(false)),
            (b"HTTP/1.1 408", Some(false)),
            (b"220 hello", Some(false)),
        ] {
            assert_eq!(is_settings(bytes), is, "{}", bytes.escape_ascii());
        }
    }
}
