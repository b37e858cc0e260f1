//! The messages of one exchange that carries a long conversation: a WebSocket, server-sent events, a call of gRPC. Cuts what comes, lets
//! the faults that are about single messages act on it, and hands the rest to the conversation of the exchange, with the places where
//! messages end. It stands in front of that conversation, and knows nothing of the faults there.

mod chunks;
mod grip;
mod line;
mod side;

pub use side::Out;

use crate::{
    event::{Event, What},
    piece::{Direction, Payload},
    plan::{Compiled, Plan},
    subject::Headers,
    who::Who,
};
use bytes::Bytes;
use faultwire_messages::{Extensions, Lost, Messages};
use side::Side;
use std::{sync::Arc, time::Instant};

#[derive(Debug)]
pub struct Messaging {
    messages: Messages,
    sides: [Side; 2],
    plan: Arc<Plan>,
    opened: Instant,
    events: Vec<Event>,
}

/// What is known while messages come.
pub struct Scene<'a> {
    messages: &'a mut Messages,
    plan: &'a Plan,
    who: &'a Who,
    opened: Instant,
    now: Instant,
    events: &'a mut Vec<Event>,
}

impl Messaging {
    /// Of a request that begins a long conversation by itself: a call of gRPC.
    pub fn of_request(request: &dyn Headers, opened: Instant) -> Option<Messaging> {
        let is_call = request.any("content-type", &mut |value| {
            let rest = value.strip_prefix(b"application/grpc");
            rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
        });
        is_call.then(|| Messaging::new(Messages::grpc(), opened))
    }

    /// Of an answer that begins one. `follows`: single messages may be changed or lost.
    pub fn of_answer(status: u16, answer: &dyn Headers, request: &dyn Headers, follows: bool, opened: Instant) -> Option<Messaging> {
        let is = |name: &str, word: &[u8]| answer.any(name, &mut |value| value.trim_ascii().eq_ignore_ascii_case(word));
        let messages = match status {
            101 if is("upgrade", b"websocket") => {
                let [offered, accepted] = [request, answer].map(|headers| all(headers, "sec-websocket-extensions"));
                let extensions = Extensions::agreed(offered.iter().map(Vec::as_slice), accepted.iter().map(Vec::as_slice));
                Messages::websocket(extensions, follows)
            }
            200 if !answer.any("content-encoding", &mut |value| !value.eq_ignore_ascii_case(b"identity")) => {
                let is_events = answer.any("content-type", &mut |value| {
                    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                    kind.eq_ignore_ascii_case(b"text/event-stream")
                });
                is_events.then(Messages::events)?
            }
            _ => return None,
        };
        Some(Messaging::new(messages, opened))
    }

    fn new(mut messages: Messages, opened: Instant) -> Messaging {
        messages.hold(0);
        Messaging { messages, sides: Direction::BOTH.map(Side::new), plan: Arc::new(Plan::empty(0)), opened, events: Vec::new() }
    }

    pub fn is_websocket(&self) -> bool {
        matches!(self.messages, Messages::WebSocket(_))
    }

    /// Takes the part of a plan that is about its exchange.
    pub fn adopt(&mut self, plan: &Arc<Plan>, who: &Who, now: Instant) {
        self.plan = plan.clone();
        for direction in Direction::BOTH {
            self.with(direction, who, now, |side, scene| side.adopt(scene.plan, scene));
        }
    }

    /// Something has come from one side. `splits`: somebody wants to know where messages end.
    pub fn receive(&mut self, direction: Direction, payload: Payload, splits: bool, who: &Who, now: Instant) {
        self.with(direction, who, now, |side, scene| side.receive(payload, splits, scene));
    }

    /// Content has gone by that nobody here is to hand on: it is only looked at.
    pub fn look(&mut self, direction: Direction, bytes: &Bytes, who: &Who, now: Instant) {
        self.with(direction, who, now, |side, scene| side.look(bytes.clone(), scene));
    }

    fn with(&mut self, direction: Direction, who: &Who, now: Instant, act: impl FnOnce(&mut Side, &mut Scene<'_>)) {
        let (messages, plan, events) = (&mut self.messages, &*self.plan, &mut self.events);
        let mut scene = Scene { messages, plan, who, opened: self.opened, now, events };
        act(&mut self.sides[direction.index()], &mut scene);
    }

    /// What may go on that way now.
    pub fn release(&mut self, direction: Direction, now: Instant) -> Option<Out> {
        self.sides[direction.index()].release(&mut self.messages, now)
    }

    /// Bytes of that direction pass as they come, whoever wants them.
    pub fn watches(&self, direction: Direction) -> bool {
        self.sides[direction.index()].watches()
    }

    /// Whether a message of that direction is under way.
    pub fn is_inside(&self, direction: Direction) -> bool {
        self.sides[direction.index()].is_inside(&self.messages)
    }

    /// A WebSocket has said goodbye that way.
    pub fn is_parted(&self, direction: Direction) -> bool {
        matches!(&self.messages, Messages::WebSocket(websocket) if websocket.is_closed(side::theirs(direction)))
    }

    pub fn wake(&self, direction: Direction) -> Option<Instant> {
        self.sides[direction.index()].wake()
    }

    pub fn has_room(&self, direction: Direction) -> bool {
        self.sides[direction.index()].has_room()
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        self.sides[direction.index()].held()
    }

    /// Why, and from where on, a direction cannot be read.
    pub fn lost(&self, direction: Direction) -> Option<Lost> {
        self.sides[direction.index()].lost()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

impl Scene<'_> {
    fn tell(&mut self, fault: &Arc<Compiled>, n: u64, what: What) {
        let (at, generation) = (self.now, self.plan.generation);
        let (request, trace) = (self.who.line(), self.who.trace());
        self.events.push(Event { at, generation, fault: fault.clone(), n, request, trace, what });
    }
}

fn all(headers: &dyn Headers, name: &str) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    headers.any(name, &mut |value| {
        values.push(value.to_vec());
        false
    });
    values
}

#[cfg(test)]
mod tests;
