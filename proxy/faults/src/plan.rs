//! All faults of one proxy, compiled and immutable; a change is a new plan with a new generation.

use crate::{
    contract::{Strike, Way},
    dice::{Dice, Purpose, Seed, falls_below},
    effect::{AnyEffect, AnyShared},
    fault::{After, Connections, Fault, When},
    piece::Direction,
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Whose faults they are; layers are read in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    File,
    Run,
    Api,
}

/// What is wrong with a proxy.
#[derive(Debug)]
pub struct Plan {
    pub generation: u64,
    pub faults: Box<[Arc<Compiled>]>,
    /// Held while a connection takes its numbers: what is the n-th for one fault is the n-th for all that look at the same ones.
    numbering: Mutex<()>,
}

/// A fault on one proxy, with all that it needs there.
#[derive(Debug)]
pub struct Compiled {
    /// `NAME`, or `NAME@PROXY` for a fault over several proxies.
    pub name: Arc<str>,
    pub fault: Arc<Fault>,
    pub owner: Owner,
    /// When it began: ramps count from here, and connections opened before are `existing`.
    pub since: Instant,
    pub tally: Arc<Tally>,
    pub shared: Arc<[AnyShared]>,
    pub dice: Dice,
    /// Which way its shaping acts, and its silence.
    pub way: Way,
    /// When its ending strikes, if it has one.
    pub moment: Moment,
}

/// When an ending strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the upstream is dialled; open connections at once.
    Connect,
    /// No byte either way for 100 ms.
    Idle,
    /// The next bytes of that direction.
    NextBytes(Direction),
    /// That many bytes of that direction have left.
    Bytes(Direction, u64),
    /// So long after the connection began, or the fault reached it.
    Time(Duration),
}

/// The counts of a fault. They survive new plans; only a new name starts again.
#[derive(Debug, Default)]
pub struct Tally {
    number: AtomicU64,
    pub seen: AtomicU64,
    pub matched: AtomicU64,
    pub hits: AtomicU64,
    /// Hits and what may become one: `times` is a promise about both.
    reserved: AtomicU64,
    suppressed: [AtomicU64; Reason::ALL.len()],
}

/// Why a fault that matched did not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Skip,
    Every,
    Probability,
    Times,
    EndedFirst,
}

/// The fate of one unit under one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roll {
    Chosen,
    Passed(Reason),
}

impl Plan {
    pub fn new(generation: u64, faults: Vec<Arc<Compiled>>) -> Plan {
        Plan { generation, faults: faults.into(), numbering: Mutex::default() }
    }

    pub fn empty(generation: u64) -> Plan {
        Plan::new(generation, Vec::new())
    }

    /// To be held while all numbers of one connection are taken.
    pub fn numbering(&self) -> MutexGuard<'_, ()> {
        self.numbering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is wrong.
    pub fn is_calm(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether the port is open: not while `down` holds.
    pub fn listens(&self) -> bool {
        !self.faults.iter().any(|fault| fault.fault.strike() == Some(Strike::Down))
    }
}

impl Compiled {
    /// `way`: the direction that a partition gives it, if it is one.
    pub fn new(
        name: Arc<str>,
        fault: Arc<Fault>,
        owner: Owner,
        since: Instant,
        (tally, shared): (Arc<Tally>, Arc<[AnyShared]>),
        seed: Seed,
        way: Option<Way>,
    ) -> Compiled {
        let own_way = fault.effects.iter().find(|effect| effect.ends()).or(fault.effects.first()).map_or(Way::ToClient, AnyEffect::way);
        let said = way.or(fault.direction);
        let moment = Moment::of(&fault, said);
        let dice = Dice::new(seed, &name, "");
        Compiled { name, owner, since, tally, shared, dice, way: said.unwrap_or(own_way), moment, fault }
    }

    pub fn shared_of(fault: &Fault) -> Arc<[AnyShared]> {
        fault.effects.iter().map(AnyEffect::shared).collect()
    }

    /// Whether what a conversation remembers of `other` still means something here.
    pub fn continues(&self, other: &Compiled) -> bool {
        self.name == other.name
            && (!self.fault.staged || Arc::ptr_eq(&self.fault, &other.fault))
            && self.moment == other.moment
            && self.way == other.way
            && self.fault.strike() == other.fault.strike()
            && self.fault.effects.len() == other.fault.effects.len()
            && self.fault.effects.iter().zip(&other.fault.effects).all(|(a, b)| a.name() == b.name())
    }

    /// Whether this is `other` after an edit, for which a conversation rolls anew.
    pub fn edits(&self, other: &Compiled) -> bool {
        self.fault.staged && other.fault.staged && self.name == other.name && self.since == other.since
    }

    /// Whether a connection opened at that moment is one that this fault looks at.
    pub fn looks_at(&self, opened: Instant) -> bool {
        match self.fault.connections {
            Connections::All => true,
            Connections::New => opened >= self.since,
            Connections::Existing => opened < self.since,
        }
    }

    /// The number of the next match, from 1. A unit that a fault above has ended takes one as well.
    pub fn number(&self) -> u64 {
        self.tally.number.fetch_add(1, Relaxed) + 1
    }

    /// Decides the n-th match: a pure function of (seed, fault, n), but for `times`.
    pub fn roll(&self, n: u64, now: Instant) -> Roll {
        let often = &self.fault.often;
        let Some(k) = n.checked_sub(often.skip).filter(|k| *k > 0) else { return Roll::Passed(Reason::Skip) };
        let in_turn = match often.sequence.len() as u64 {
            0 => k.is_multiple_of(often.every),
            len => often.sequence[((k - 1) % len) as usize],
        };
        if !in_turn {
            return Roll::Passed(Reason::Every);
        }
        let share = often.probability.at(now.saturating_duration_since(self.since)).0;
        if !falls_below(self.dice.draw(Purpose::Fire, n, 0), share) {
            return Roll::Passed(Reason::Probability);
        }
        if let Some(times) = often.times
            && self.tally.reserved.fetch_update(Relaxed, Relaxed, |taken| (taken < times).then_some(taken + 1)).is_err()
        {
            return Roll::Passed(Reason::Times);
        }
        Roll::Chosen
    }

    /// Gives back what `roll` has reserved, for a unit that ended before the effect could act.
    pub fn give_back(&self) {
        if self.fault.often.times.is_some() {
            self.tally.reserved.fetch_sub(1, Relaxed);
        }
    }
}

impl Moment {
    fn of(fault: &Fault, way: Option<Way>) -> Moment {
        let direction = if way == Some(Way::ToServer) { Direction::ToServer } else { Direction::ToClient };
        match (fault.when, fault.after) {
            (Some(When::Idle), _) => Moment::Idle,
            (Some(When::BeforeUpstream), _) => Moment::NextBytes(Direction::ToServer),
            (Some(When::AfterUpstream), _) => Moment::NextBytes(Direction::ToClient),
            (_, Some(After::Bytes(size))) => Moment::Bytes(direction, size.0),
            (_, Some(After::Time(span))) => Moment::Time(span.duration()),
            (Some(When::Connect) | None, None) => Moment::Connect,
        }
    }
}

impl Tally {
    pub fn suppress(&self, reason: Reason) {
        self.suppressed[reason as usize].fetch_add(1, Relaxed);
    }

    pub fn suppressed(&self, reason: Reason) -> u64 {
        self.suppressed[reason as usize].load(Relaxed)
    }
}

impl Reason {
    pub const ALL: [Reason; 5] = [Reason::Skip, Reason::Every, Reason::Probability, Reason::Times, Reason::EndedFirst];

    pub fn name(self) -> &'static str {
        match self {
            Reason::Skip => "skip",
            Reason::Every => "every",
            Reason::Probability => "probability",
            Reason::Times => "times",
            Reason::EndedFirst => "ended_first",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Owner::File => "file",
            Owner::Run => "run",
            Owner::Api => "api",
        })
    }
}
