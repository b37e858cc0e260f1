//! What one conversation keeps of one fault, and what waits at its two ends.

use crate::{
    contract::{Cx, Strike},
    lane::Lane,
    piece::{Direction, End, Payload},
    plan::{Compiled, Moment},
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

/// The grip of one fault on this conversation.
#[derive(Debug)]
pub struct Hold {
    pub fault: Arc<Compiled>,
    pub n: u64,
    pub reached: Instant,
    pub state: State,
    /// Its hit has been counted.
    pub told: bool,
    /// Bytes of the ending's direction that have left.
    pub left: u64,
    pub dial_at: Option<Instant>,
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
        Hold { fault, n, reached, state: State::Unrolled, told: false, left: 0, dial_at: None, lanes: [None, None] }
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
            _ if !self.fault.fault.staged => None,
            _ if self.is_striking() => Some(End::Rst),
            Some(Strike::Silence { .. }) => Some(End::Fin),
            _ => None,
        }
    }

    /// Rolled for anew; what has been counted stands, and what waits in its lanes still waits.
    pub fn edited(self, fault: Arc<Compiled>, now: Instant) -> Hold {
        Hold { n: fault.number(), reached: now, state: State::Unrolled, told: false, dial_at: None, fault, ..self }
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
            Moment::Idle => Some(last.max(self.reached) + IDLE),
            Moment::Time(span) => Some(self.reached + span),
            Moment::Connect | Moment::NextBytes(_) | Moment::Bytes(..) => None,
        }
    }

    /// By how much the fault's own latency puts its ending, or the dial, off.
    pub fn put_off(&self, now: Instant) -> Option<Duration> {
        let mut nowhere = Vec::new();
        let direction = Direction::ToClient;
        let mut cx = Cx { now, since: self.fault.since, dice: self.fault.dice, n: self.n, direction, offset: 0, out: &mut nowhere };
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

    /// Throws everything away; says how many payloads there were.
    pub fn take(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.queue).len()
    }
}
