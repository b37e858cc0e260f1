//! The places between the messages of a long conversation: faults that count them, that end one, and that say goodbye between two.

use super::{Chosen, Conversation, Hold, State};
use crate::{
    contract::Strike,
    effect::AnyEffect,
    piece::{Bound, Direction, End, Payload},
    plan::{Compiled, Moment, Reason},
};
use std::{sync::Arc, time::Instant};

/// What a WebSocket says to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaking {
    Between,
    /// A part of a frame has left.
    Inside,
    /// It has said goodbye.
    Parted,
}

impl Conversation {
    /// Of what leaves to the client: whether a goodbye can stand behind it.
    pub(super) fn speak(&mut self, direction: Direction, payload: &Payload, now: Instant) {
        match (direction, payload) {
            (Direction::ToClient, Payload::Head(_)) => {
                self.spoken = true;
                self.strike_ripe(now);
            }
            (Direction::ToClient, Payload::Data(_)) => {
                self.websocket = self.websocket.map(|_| Speaking::Inside);
            }
            _ => {}
        }
    }

    /// All that was before this place has left.
    pub(super) fn reach(&mut self, direction: Direction, bound: Bound, now: Instant) {
        if self.over.is_some() {
            return;
        }
        if direction == Direction::ToClient {
            let speaking = if bound == Bound::Last { Speaking::Parted } else { Speaking::Between };
            self.websocket = self.websocket.map(|known| if known == Speaking::Parted { known } else { speaking });
        }
        match bound {
            Bound::Between | Bound::Last => {}
            Bound::Message => {
                for i in 0..self.holds.len() {
                    let Some(hold) = self.holds.get_mut(i) else { return };
                    if let (State::Waiting, Moment::Messages(way, count)) = (hold.state, hold.fault.moment)
                        && way == direction
                        && !hold.ripe
                    {
                        hold.left += 1;
                        if hold.left >= count {
                            self.begin_strike(i, now);
                        }
                    }
                }
            }
            Bound::Strike(mark) => {
                if let Some(i) =
                    self.holds.iter().position(|hold| hold.mark.is_some_and(|(number, _)| number == mark) && hold.state == State::Waiting)
                {
                    self.begin_strike(i, now);
                }
            }
        }
        self.strike_ripe(now);
    }

    /// What waits for a place where it can act.
    fn strike_ripe(&mut self, now: Instant) {
        if let Some(i) = self.holds.iter().position(|hold| hold.ripe && hold.state == State::Waiting) {
            self.begin_strike(i, now);
        }
    }

    /// It carries a WebSocket from now on. `spoken`: the head of the answer has left. `inside`: so has a part of a message, perhaps.
    pub fn upgrade(&mut self, spoken: bool, inside: bool) {
        if self.websocket.is_none() {
            self.spoken |= spoken;
            self.websocket = Some(if inside { Speaking::Inside } else { Speaking::Between });
        }
    }

    /// Of a message that comes next that way a fault has been chosen to end it: it strikes once all before it has left.
    pub fn strike_at(&mut self, direction: Direction, chosen: Chosen, now: Instant) {
        // One end is enough.
        if self.over.is_some() || self.holds.iter().any(|hold| hold.mark.is_some() && hold.fault.name == chosen.fault.name) {
            chosen.fault.give_back(chosen.drawn_by);
            return;
        }
        self.marks += 1;
        self.holds.push(Hold::struck(chosen, (self.marks, direction), now));
        self.receive(direction, Payload::Bound(Bound::Strike(self.marks)), now);
        self.reckon();
    }

    /// The head of an answer has left.
    pub fn has_spoken(&self) -> bool {
        self.spoken
    }

    /// Whether an ending whose moment has come can be had now. A goodbye waits for a place where it can be said.
    pub(super) fn may_strike(&mut self, i: usize, now: Instant) -> bool {
        if !matches!(self.holds[i].fault.fault.strike(), Some(Strike::CloseFrame(_))) {
            return true;
        }
        self.holds[i].ripe = !(self.spoken && self.websocket == Some(Speaking::Between));
        if self.websocket == Some(Speaking::Parted) {
            self.holds[i].give_back();
            self.suppress(i, Reason::TooLate, now);
        }
        !self.holds[i].ripe
    }

    /// A goodbye to the client, behind the last message that is due; what comes behind it is thrown away.
    pub(super) fn part(&mut self, i: usize, fault: &Arc<Compiled>, code: u16, now: Instant) {
        const D: Direction = Direction::ToClient;
        if self.holds[i].ends_inside() != Some(D) && !self.is_stopped(D) {
            self.advance(D, now);
        }
        match self.holds[i].ends_inside() {
            Some(D) => drop(self.exits[D.index()].take()),
            Some(other) => {
                self.discard(other);
                self.exits[D.index()].cut_short();
            }
            None => self.exits[D.index()].cut_short(),
        }
        for lane in self.holds.iter_mut().filter_map(|hold| hold.lanes[D.index()].as_mut()) {
            lane.empty().for_each(drop);
        }
        let said = fault.fault.effects.iter().find_map(AnyEffect::goodbye);
        let reason = said.unwrap_or(if fault.fault.disguise { "" } else { &fault.name });
        let frame = faultwire_messages::websocket::close(code, reason, None);
        self.exits[D.index()].push(Payload::Data(frame));
        self.end(fault, End::Fin, now);
    }
}
