//! What one connection says under one plan, whatever it carries: a conversation about the connection, and behind it, where the proxy knows
//! the protocol, the exchanges inside. The side of the client comes first: an answer made here meets what is wrong with the connection.

use crate::{
    conversation::{Conversation, Dial, Over},
    event::Event,
    piece::{Direction, Payload},
    plan::Plan,
    record::Ends,
    reply::Dates,
    requests::{Requests, Told},
    who::Who,
};
use bytes::BytesMut;
use std::{sync::Arc, time::Instant};

#[derive(Debug)]
pub struct Talk {
    /// All of it, of whatever unit.
    plan: Arc<Plan>,
    who: Who,
    connection: Conversation,
    exchanges: Option<Box<Requests>>,
}

impl Talk {
    /// Plain bytes.
    pub fn bytes(plan: Arc<Plan>, who: Who, now: Instant) -> Talk {
        let connection = Conversation::of(plan.of_connection(&who), who.clone(), now, now);
        Talk { connection, who, plan, exchanges: None }
    }

    /// HTTP, of either version.
    pub fn http(plan: Arc<Plan>, who: Who, dates: Box<dyn Dates>, now: Instant) -> Talk {
        let exchanges = Requests::new(plan.clone(), who.clone(), dates, now);
        let connection = Conversation::of(plan.of_connection(&who), who.clone(), now, now);
        Talk { connection, who, plan, exchanges: Some(Box::new(exchanges)) }
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Takes a new plan.
    pub fn adopt(&mut self, plan: Arc<Plan>, now: Instant) {
        self.connection.adopt(plan.of_connection(&self.who), now);
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.adopt(plan.clone(), now);
        }
        self.plan = plan;
        self.ask_to_leave(now);
    }

    /// What asks a connection to leave is said where its exchanges are.
    fn ask_to_leave(&mut self, now: Instant) {
        if let (Some(fault), Some(exchanges)) = (self.connection.leaves(), &mut self.exchanges)
            && let Some(done) = exchanges.go_away(&fault)
        {
            self.connection.did(&fault, "goaway", done, now);
        }
    }

    /// Something has come from one side.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        match (&mut self.exchanges, direction) {
            (Some(exchanges), Direction::ToClient) => exchanges.receive(direction, payload, now),
            _ => self.connection.receive(direction, payload, now),
        }
        // What no fault is about goes to the client by `pass`.
        if direction == Direction::ToServer || !self.is_free(direction) {
            self.hand_on(direction, now);
        }
        self.ask_to_leave(now);
    }

    /// Does what time alone brings. To be called before `transmit`, whenever `wake` has come.
    pub fn tick(&mut self, now: Instant) {
        self.connection.tick(now);
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.tick(now);
        }
        self.ask_to_leave(now);
    }

    /// The next payload that may go out that way now.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        self.hand_on(direction, now);
        match (&mut self.exchanges, direction) {
            (Some(exchanges), Direction::ToServer) => exchanges.transmit(direction, now).map(plain),
            _ => self.connection.transmit(direction, now),
        }
    }

    /// Puts what may go out that way now, and what no fault is about, behind `out`: no piece is made of it.
    pub fn pass(&mut self, direction: Direction, out: &mut BytesMut, most: usize, now: Instant) {
        let free = self.is_free(direction);
        if let (Some(exchanges), true) = (&mut self.exchanges, free) {
            exchanges.pass(direction, out, most, now);
        }
    }

    /// Nothing is wrong with the connection that way.
    fn is_free(&self, direction: Direction) -> bool {
        self.connection.is_direct(direction) && self.connection.over().is_none()
    }

    /// Whether it looks at what is said before anybody is there to hear it.
    pub fn looks_ahead(&self) -> bool {
        self.exchanges.is_some()
    }

    /// Whether a fault may answer in the upstream's place, so that it need not be there.
    pub fn may_answer(&self) -> bool {
        self.exchanges.is_some() && self.plan.looks_at_requests()
    }

    /// Whether somebody wants to know of every exchange.
    pub fn watch(&mut self, watched: bool) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.watch(watched);
        }
    }

    /// How exchanges have ended since this was last asked.
    pub fn take_ends(&mut self) -> Ends {
        self.exchanges.as_mut().map(|exchanges| exchanges.take_ends()).unwrap_or_default()
    }

    /// Moves what may move between the connection and its exchanges.
    fn hand_on(&mut self, direction: Direction, now: Instant) {
        let Some(exchanges) = &mut self.exchanges else { return };
        match direction {
            Direction::ToServer => {
                while exchanges.wants(direction)
                    && let Some(payload) = self.connection.transmit(direction, now)
                {
                    exchanges.receive(direction, payload, now);
                }
            }
            Direction::ToClient => {
                while self.connection.wants(direction)
                    && let Some(payload) = exchanges.transmit(direction, now)
                {
                    self.connection.receive(direction, plain(payload), now);
                }
            }
        }
    }

    /// The one moment at which it wants to be asked again, whatever else happens.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        let Some(exchanges) = &self.exchanges else { return self.connection.wake(taking) };
        let own = self.connection.wake([exchanges.wants(Direction::ToServer), taking[1]]);
        let theirs = exchanges.wake([taking[0], self.connection.wants(Direction::ToClient)]);
        [own, theirs].into_iter().flatten().min()
    }

    /// Whether to read from that direction's source: back-pressure.
    pub fn wants(&self, direction: Direction) -> bool {
        match (&self.exchanges, direction) {
            (Some(exchanges), Direction::ToClient) => exchanges.wants(direction),
            _ => self.connection.wants(direction),
        }
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        self.connection.held(direction) + self.exchanges.as_ref().map_or(0, |exchanges| exchanges.held(direction))
    }

    /// Nothing is in the way and nothing waits: bytes may pass by.
    pub fn is_direct(&self, direction: Direction) -> bool {
        self.exchanges.is_none() && self.connection.is_direct(direction)
    }

    pub fn dial(&self, now: Instant) -> Dial {
        self.connection.dial(now)
    }

    pub fn dialled(&mut self) {
        self.connection.dialled();
    }

    /// How a fault ended it, if one did.
    pub fn over(&self) -> Option<&Over> {
        self.connection.over().or_else(|| self.exchanges.as_ref()?.over())
    }

    /// No more will come.
    pub fn finish(&mut self, now: Instant) {
        self.connection.finish(now);
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.finish(now);
        }
    }

    pub fn has_events(&self) -> bool {
        self.connection.has_events() || self.exchanges.as_ref().is_some_and(|exchanges| exchanges.has_events())
    }

    pub fn events(&mut self) -> Vec<Event> {
        let mut events: Vec<Event> = self.connection.events().collect();
        events.extend(self.exchanges.iter_mut().flat_map(|exchanges| exchanges.events()));
        events
    }

    /// What else there is to tell of its exchanges.
    pub fn told(&mut self) -> Vec<Told> {
        self.exchanges.as_mut().map(|exchanges| exchanges.told()).unwrap_or_default()
    }
}

/// Of a connection only bytes are seen.
fn plain(payload: Payload) -> Payload {
    payload.into_bytes().map_or_else(Payload::End, Payload::Data)
}
