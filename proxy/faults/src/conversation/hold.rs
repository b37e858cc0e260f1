//! What one conversation keeps of one fault, and what waits at its two ends.

use crate::{
    contract::{Cx, Strike},
    lane::Lane,
    piece::{Direction, End, Payload},
    plan::{Compiled, Counted, Moment},
};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long no byte may pass for a connection to be idle.
const IDLE: Duration = Duration::from_millis(100);

/// What is due and only waits for the peer.
#[derive(Debug, Default)]
pub struct Exit {
    pub queue: VecDeque<Payload>,
    pub bytes: usize,
}

/// A fault that has been chosen for a message.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub fault: Arc<Compiled>,
    pub n: u64,
    pub drawn_by: Option<u64>,
    /// Its hit has been counted.
    pub told: bool,
}

/// The grip of one fault on this conversation.
#[derive(Debug)]
pub struct Hold {
    pub fault: Arc<Compiled>,
    pub n: u64,
    /// What its roll depends on, if not on the number.
    pub drawn_by: Option<u64>,
    /// It is open, for the `over` of its fault.
    pub counted: Option<Counted>,
    pub reached: Instant,
    pub state: State,
    /// Its hit has been counted.
    pub told: bool,
    /// Bytes of the ending's direction that have left.
    pub left: u64,
    /// How many are to leave before it strikes, once that is known.
    pub place: Option<(Direction, u64)>,
    /// It waits for the place of that number: a message of that direction that it is to end.
    pub mark: Option<(u64, Direction)>,
    /// Its moment has come, and it waits for a place where it can act.
    pub ripe: bool,
    /// It has broken off the message of that direction: behind its end all is over.
    pub breaks: Option<Direction>,
    /// It has thrown away a part of an answer that it waits for.
    pub swallowed: bool,
    pub dial_at: Option<Instant>,
    /// The time to the next token of its `over`, when it was chosen.
    pub wait: Option<Duration>,
    pub lanes: [Option<Box<Lane>>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A fault above had ended the unit: it has its number, and no roll yet.
    Unrolled,
    /// It passed, or has done what it had to.
    Spent,
    /// It only shapes.
    Shaping,
    /// Its ending waits for its moment.
    Waiting,
    /// The moment has come; the fault's own latency puts the ending off.
    Striking {
        at: Instant,
    },
    Silent {
        until: Option<Instant>,
        resume: bool,
        lost: bool,
    },
}

impl Hold {
    pub fn new(fault: Arc<Compiled>, reached: Instant) -> Hold {
        let n = fault.number();
        let place = place_of(&fault);
        Hold {
            fault,
            n,
            drawn_by: None,
            counted: None,
            reached,
            state: State::Unrolled,
            told: false,
            left: 0,
            place,
            mark: None,
            ripe: false,
            breaks: None,
            swallowed: false,
            dial_at: None,
            wait: None,
            lanes: [None, None],
        }
    }

    /// Of a fault that has been rolled for a message already, and is to end it.
    pub fn struck(chosen: Chosen, mark: (u64, Direction), now: Instant) -> Hold {
        Hold {
            fault: chosen.fault,
            n: chosen.n,
            drawn_by: chosen.drawn_by,
            counted: None,
            reached: now,
            state: State::Waiting,
            told: chosen.told,
            left: 0,
            place: None,
            mark: Some(mark),
            ripe: false,
            breaks: None,
            swallowed: false,
            dial_at: None,
            wait: None,
            lanes: [None, None],
        }
    }

    /// Of which direction it ends what it ends, if there is a place for it: nothing behind that leaves.
    pub fn ends_inside(&self) -> Option<Direction> {
        match (self.place, self.fault.moment) {
            _ if self.mark.is_some() => self.mark.map(|(_, direction)| direction),
            (Some((direction, _)), _) | (None, Moment::Messages(direction, _)) => Some(direction),
            _ => None,
        }
    }

    /// What draws depend on.
    pub fn draw(&self) -> u64 {
        self.drawn_by.unwrap_or(self.n)
    }

    pub fn give_back(&self) {
        self.fault.give_back(self.drawn_by);
    }

    /// Those below are then neither rolled nor counted.
    pub fn has_ended_the_unit(&self) -> bool {
        matches!(self.state, State::Striking { .. } | State::Silent { .. }) && !self.fault.fault.staged
    }

    pub fn is_striking(&self) -> bool {
        matches!(self.state, State::Striking { .. })
    }

    /// A stage that lets nothing of that direction past.
    pub fn catches(&self, direction: Direction) -> bool {
        let ends = match self.state {
            // The answer is on its way, and is not to arrive.
            State::Waiting | State::Striking { .. } if self.fault.moment == Moment::Answered => return direction == Direction::ToClient,
            State::Waiting => matches!(self.fault.moment, Moment::NextBytes(_)),
            State::Striking { .. } | State::Silent { .. } => true,
            State::Unrolled | State::Spent | State::Shaping => false,
        };
        ends && self.fault.fault.staged && self.fault.way.includes(direction)
    }

    /// How the conversation ends because this stage is taken away: what it has swallowed is missing, and whoever has had a silent one
    /// is to notice.
    pub fn parting(&self) -> Option<End> {
        match self.fault.fault.strike() {
            // A part of the answer has been thrown away.
            _ if self.fault.moment == Moment::Answered && self.swallowed => Some(End::Rst),
            _ if !self.fault.fault.staged => None,
            _ if self.is_striking() => Some(End::Rst),
            Some(Strike::Silence { .. }) => Some(End::Fin),
            _ => None,
        }
    }

    /// Rolled for anew; what has been counted stands, and what waits in its lanes still waits.
    pub fn edited(self, fault: Arc<Compiled>, now: Instant) -> Hold {
        Hold { n: fault.number(), reached: now, state: State::Unrolled, told: false, dial_at: None, place: place_of(&fault), fault, ..self }
    }

    /// A stream has lost bytes to it, or was promised others: it cannot go on without it.
    pub fn is_holed(&self) -> bool {
        matches!(self.state, State::Silent { lost: true, .. }) || self.lanes.iter().flatten().any(|lane| lane.is_holed())
    }

    /// Everything that waits in its lanes, in order.
    pub fn empty(&mut self) -> Vec<(Direction, Payload)> {
        let mut waiting = Vec::new();
        for direction in Direction::BOTH {
            if let Some(lane) = &mut self.lanes[direction.index()] {
                waiting.extend(lane.empty().map(|payload| (direction, payload)));
            }
        }
        waiting
    }

    /// When its moment comes, if time alone brings it.
    pub fn moment_at(&self, last: Instant) -> Option<Instant> {
        match self.fault.moment {
            _ if self.ripe => None,
            Moment::Idle => Some(last.max(self.reached) + IDLE),
            Moment::Time(span) => Some(self.reached + span),
            Moment::Connect | Moment::Answered | Moment::NextBytes(_) | Moment::Bytes(..) | Moment::Share(..) => None,
            Moment::Messages(..) | Moment::Message => None,
        }
    }

    /// By how much the fault's own latency puts its ending, or the dial, off.
    pub fn put_off(&self, now: Instant) -> Option<Duration> {
        let mut nowhere = Vec::new();
        let direction = Direction::ToClient;
        let (since, dice, n) = (self.fault.since, self.fault.dice, self.draw());
        let mut cx = Cx { now, since, dice, n, direction, offset: 0, whole: false, asked: None, mark: None, out: &mut nowhere };
        self.fault.fault.effects.iter().find_map(|effect| effect.puts_off(&mut cx)).map(|span| span.duration())
    }

    pub fn is_silent(&self, direction: Direction) -> bool {
        matches!(self.state, State::Silent { .. }) && self.fault.way.includes(direction) && !self.fault.fault.staged
    }

    /// Silent, and throwing away what comes.
    pub fn silences(&self, direction: Direction) -> bool {
        matches!(self.state, State::Silent { resume: false, .. }) && self.is_silent(direction)
    }
}

/// The bytes after which a fault's ending strikes, if it says so itself.
fn place_of(fault: &Compiled) -> Option<(Direction, u64)> {
    match fault.moment {
        Moment::Bytes(direction, bytes) => Some((direction, bytes)),
        _ => None,
    }
}

impl Exit {
    pub fn push(&mut self, payload: Payload) {
        self.bytes += payload.len();
        self.queue.push_back(payload);
    }

    /// The first payload, or at most `limit` bytes of it.
    pub fn pop(&mut self, limit: Option<u64>) -> Option<Payload> {
        let head = self.queue.front_mut()?;
        let payload = match head {
            Payload::Data(bytes) if limit.is_some_and(|limit| limit < bytes.len() as u64) => {
                Payload::Data(bytes.split_to(limit.map_or(0, |limit| limit as usize)))
            }
            _ => self.queue.pop_front()?,
        };
        self.bytes -= payload.len();
        Some(payload)
    }

    /// Throws away what is behind the last place between two messages.
    pub fn cut_short(&mut self) {
        let whole = self.queue.iter().rposition(|payload| matches!(payload, Payload::Bound(_))).map_or(0, |at| at + 1);
        self.queue.truncate(whole);
        self.bytes = self.queue.iter().map(Payload::len).sum();
    }

    /// Throws everything away; says how many payloads there were.
    pub fn take(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.queue).iter().filter(|payload| !matches!(payload, Payload::Bound(_))).count()
    }
}
