//! All faults of one proxy, compiled and immutable; a change is a new plan with a new generation.

use crate::{
    contract::{Place, Strike, Way},
    dice::{Dice, Purpose, Seed, falls_below},
    effect::{AnyEffect, AnyShared},
    fault::{After, Connections, Fault, When},
    index::Index,
    matching::{
        exempt::Exempt,
        fits::{Fit, Matcher},
    },
    over::{Admission, Meter},
    piece::Direction,
    protocol::Protocol,
    subject::Subject,
    units::Percent,
    who::Who,
};
use std::{
    collections::{HashMap, HashSet},
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
    /// Held while a unit takes its numbers: what is the n-th for one fault is the n-th for all that look at the same ones.
    numbering: Arc<Mutex<()>>,
    /// Those about exchanges, found by what a request says: places in `faults`.
    index: Index,
    exchanges: Box<[u32]>,
    /// Those about connections.
    connections: Box<[u32]>,
    /// Which requests no fault touches.
    exempt: Arc<Exempt>,
    /// Requests that its proxy has carried, under whatever plan.
    pub carried: Arc<AtomicU64>,
    /// Some fault of its proxy works on single messages, now or when it is switched on: what compresses them is followed from its beginning.
    pub follows: bool,
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
    /// What its proxy carries.
    pub on: Protocol,
    /// What it is rolled and counted for.
    pub unit: Unit,
    /// Which units it is about.
    pub chooses: Chooses,
    /// Which way its shaping acts, and its silence.
    pub way: Way,
    /// When its ending strikes, if it has one.
    pub moment: Moment,
}

/// What a fault is rolled and counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Connection,
    /// A request and its answer.
    Exchange,
    /// One message of a long conversation inside an exchange.
    Message,
}

impl Unit {
    fn of(fault: &Fault, on: Protocol) -> Unit {
        match fault.unit(on) {
            "connection" => Unit::Connection,
            "message" => Unit::Message,
            _ => Unit::Exchange,
        }
    }
}

/// `match`, on its proxy.
#[derive(Debug)]
pub enum Chooses {
    All,
    Those(Matcher),
    /// It asks for what its proxy does not have, which is refused before it comes here.
    None,
}

/// When an ending strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the upstream is dialled, or an exchange's head is handed on; open connections at once.
    Connect,
    /// An exchange's answer has come whole, and none of it has been handed on.
    Answered,
    /// No byte either way for 100 ms.
    Idle,
    /// The next bytes of that direction.
    NextBytes(Direction),
    /// That many bytes of that direction have left.
    Bytes(Direction, u64),
    /// That share of the announced length has left that way.
    Share(Direction, Percent),
    /// That many messages of that direction have left.
    Messages(Direction, u64),
    /// The message that it is rolled for comes.
    Message,
    /// So long after the connection began, or the fault reached it.
    Time(Duration),
}

/// The counts of a fault. They survive new plans; only a new name starts again.
#[derive(Debug, Default)]
pub struct Tally {
    number: AtomicU64,
    /// Units that it was asked about one by one.
    pub seen: AtomicU64,
    /// Of requests it is enough to know how many came while it was in force.
    watch: Mutex<Watch>,
    meter: Meter,
    /// Of rolls that do not depend on the number of the match: how often each came, and was hit.
    turns: Mutex<HashMap<u64, Turns>>,
    pub matched: AtomicU64,
    pub hits: AtomicU64,
    /// Requests that are being sent again.
    copies: AtomicU64,
    /// Hits and what may become one: `times` is a promise about both.
    reserved: AtomicU64,
    suppressed: [AtomicU64; Reason::ALL.len()],
}

/// Over how many requests of its proxy a fault has watched.
#[derive(Debug, Default)]
struct Watch {
    /// Those of earlier times.
    before: u64,
    /// The proxy's count, and what it was when the fault came into force.
    now: Option<(Arc<AtomicU64>, u64)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Turns {
    came: u64,
    reserved: u64,
}

/// So many identities are remembered for one fault; then it begins anew.
const IDENTITIES: usize = 100_000;

/// A unit that counts as open until this is dropped.
#[derive(Debug)]
pub struct Counted {
    tally: Arc<Tally>,
    key: u64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.meter.leave(self.key);
    }
}

/// So many requests of one fault are sent again at once.
const COPIES: u64 = 64;

/// A request that is being sent again, until this is dropped.
#[derive(Debug)]
pub struct Copied(Arc<Tally>);

impl Drop for Copied {
    fn drop(&mut self) {
        self.0.copies.fetch_sub(1, Relaxed);
    }
}

/// Why a fault that matched did not act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Skip,
    Every,
    /// It did not exceed what `over` allows.
    Within,
    Probability,
    Times,
    /// It is a health check, or a probe.
    Exempt,
    EndedFirst,
    /// What it was to prevent had happened before it came.
    TooLate,
    /// More than may be collected.
    TooLarge,
    /// A share of a length that nobody has said.
    NoLength,
    /// What it would change cannot be read.
    Unreadable,
    /// As many of its units as may be are under way.
    MaxActive,
    /// What it says depends on what was said before, in a compression that nobody has followed from its beginning.
    Compressed,
    /// The messages of this conversation cannot be read any more.
    ProtocolLost,
    /// So many bytes were announced, and no other number of them can leave.
    FixedLength,
    /// The exchange is of HTTP/1, which has nothing of the kind.
    Http1,
}

/// The fate of one unit under one fault.
#[derive(Debug)]
pub struct Roll {
    /// Why it passed; none: it is chosen.
    pub passed: Option<Reason>,
    /// It counts as open for `over`.
    pub counted: Option<Counted>,
    /// The time to the next token of `over`.
    pub wait: Option<Duration>,
}

impl Plan {
    pub fn new(generation: u64, faults: Vec<Arc<Compiled>>) -> Plan {
        Plan::of(generation, faults, Arc::default(), Arc::default())
    }

    pub fn empty(generation: u64) -> Plan {
        Plan::new(generation, Vec::new())
    }

    /// Of a proxy that has carried so many requests, some of which are spared.
    pub fn of(generation: u64, faults: Vec<Arc<Compiled>>, exempt: Arc<Exempt>, carried: Arc<AtomicU64>) -> Plan {
        let of = |is_it: &dyn Fn(Unit) -> bool| -> Box<[u32]> {
            (0..).zip(&faults).filter(|(_, fault)| is_it(fault.unit)).map(|(place, _)| place).collect()
        };
        let (exchanges, connections) = (of(&|unit| unit != Unit::Connection), of(&|unit| unit == Unit::Connection));
        let index = Index::new(exchanges.iter().map(|place| faults[*place as usize].matcher()));
        let follows = faults.iter().any(|fault| fault.unit == Unit::Message);
        Plan { generation, faults: faults.into(), numbering: Arc::default(), index, exchanges, connections, exempt, carried, follows }
    }

    /// The same plan of a proxy that has faults on single messages among those that are switched off.
    pub fn following(self) -> Plan {
        Plan { follows: true, ..self }
    }

    /// The same plan with some of its faults alone.
    pub fn only(&self, faults: Vec<Arc<Compiled>>) -> Plan {
        let (numbering, exempt, carried) = (self.numbering.clone(), self.exempt.clone(), self.carried.clone());
        let (index, exchanges, connections) = (Index::default(), Box::default(), Box::default());
        let (generation, faults, follows) = (self.generation, faults.into(), self.follows);
        Plan { generation, faults, numbering, index, exchanges, connections, exempt, carried, follows }
    }

    /// The part of it that is about a connection.
    pub fn of_connection(self: &Arc<Plan>, who: &Who) -> Arc<Plan> {
        // There may be very many about exchanges: they are not looked at.
        let faults = self.connections.iter().map(|place| &self.faults[*place as usize]);
        let about: Vec<_> = faults.filter(|fault| fault.is_about(who) == Fit::Yes).cloned().collect();
        match about.len() == self.faults.len() {
            true => self.clone(),
            false => Arc::new(self.only(about)),
        }
    }

    /// Whether some fault is about single requests.
    pub fn looks_at_requests(&self) -> bool {
        !self.exchanges.is_empty()
    }

    /// The faults that are about a request, or may be, in their order. Those that spare it are left out.
    pub fn about(&self, who: &Who, spared: &mut dyn FnMut(&Compiled)) -> Vec<(Arc<Compiled>, Fit)> {
        who.with(|subject| {
            let candidates = self.index.candidates(subject);
            let faults = candidates.map(|candidate| &self.faults[self.exchanges[candidate] as usize]);
            let mut about = Vec::new();
            for fault in faults {
                match fault.matcher().map_or(Fit::Yes, |matcher| matcher.head(subject)) {
                    Fit::No => {}
                    _ if self.exempt.spares_from(subject, fault.matcher()) => spared(fault),
                    fit => about.push((fault.clone(), fit)),
                }
            }
            about
        })
    }

    /// Whether it spares the same requests.
    pub fn spares_as(&self, exempt: &Arc<Exempt>) -> bool {
        Arc::ptr_eq(&self.exempt, exempt)
    }

    /// From now on its faults watch over what its proxy carries.
    pub fn watch(&self) {
        let requests = self.exchanges.iter().map(|place| &self.faults[*place as usize]).filter(|fault| fault.unit == Unit::Exchange);
        requests.for_each(|fault| fault.tally.watch(Some(&self.carried)));
    }

    /// Those of its faults that are not among the next ones watch over no more.
    pub fn leave(&self, next: &[Arc<Compiled>]) {
        let stay: HashSet<*const Tally> = next.iter().map(|fault| Arc::as_ptr(&fault.tally)).collect();
        for fault in self.faults.iter().filter(|fault| !stay.contains(&Arc::as_ptr(&fault.tally))) {
            fault.tally.watch(None);
        }
    }

    /// To be held while all numbers of one unit are taken.
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
        (on, way): (Protocol, Option<Way>),
    ) -> Compiled {
        let unit = Unit::of(&fault, on);
        let own_way = fault.effects.iter().find(|effect| effect.ends()).or(fault.effects.first()).map_or(Way::ToClient, AnyEffect::way);
        let said = way.or(fault.direction);
        let chooses = match &fault.chooses {
            None => Chooses::All,
            Some(chooses) => chooses.matcher(on).map_or(Chooses::None, Chooses::Those),
        };
        let moment = Moment::of(&fault, unit, said);
        let dice = Dice::new(seed, &name, "");
        Compiled { name, owner, since, tally, shared, dice, on, unit, chooses, way: said.unwrap_or(own_way), moment, fault }
    }

    pub fn shared_of(fault: &Fault) -> Arc<[AnyShared]> {
        fault.effects.iter().map(AnyEffect::shared).collect()
    }

    /// Whether what a conversation remembers of `other` still means something here.
    pub fn continues(&self, other: &Compiled) -> bool {
        self.name == other.name
            && (!self.fault.staged || Arc::ptr_eq(&self.fault, &other.fault))
            && self.moment == other.moment
            && self.unit == other.unit
            && self.fault.chooses.as_ref().map(|chooses| &chooses.what) == other.fault.chooses.as_ref().map(|chooses| &chooses.what)
            && self.way == other.way
            && self.fault.strike() == other.fault.strike()
            && self.fault.effects.len() == other.fault.effects.len()
            && self.fault.effects.iter().zip(&other.fault.effects).all(|(a, b)| a.name() == b.name())
    }

    /// Whether this is `other` after an edit, for which a conversation rolls anew.
    pub fn edits(&self, other: &Compiled) -> bool {
        self.fault.staged && other.fault.staged && self.name == other.name && self.since == other.since
    }

    /// Whether its effects are for this request at all. They may remember what they have seen.
    pub fn is_for(&self, request: &dyn Subject, now: Instant) -> bool {
        let mut effects = self.fault.effects.iter().zip(self.shared.iter());
        effects.all(|(effect, shared)| effect.chooses(shared, request, now, self.since))
    }

    /// Whether a unit is one that it matches, by what is known of it now.
    pub fn is_about(&self, who: &Who) -> Fit {
        match &self.chooses {
            Chooses::All => Fit::Yes,
            Chooses::Those(matcher) => who.with(|subject| matcher.head(subject)),
            Chooses::None => Fit::No,
        }
    }

    pub fn matcher(&self) -> Option<&Matcher> {
        match &self.chooses {
            Chooses::Those(matcher) => Some(matcher),
            Chooses::All | Chooses::None => None,
        }
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

    /// Decides the n-th match: a pure function of (seed, fault, n or what is drawn by), but for `times` and `over`.
    pub fn roll(&self, n: u64, drawn_by: Option<u64>, who: &Who, now: Instant) -> Roll {
        let often = &self.fault.often;
        let turn = drawn_by.map_or(n, |identity| self.tally.turn(identity));
        let passed = |reason| Roll { passed: Some(reason), counted: None, wait: None };
        let Some(k) = turn.checked_sub(often.skip).filter(|k| *k > 0) else { return passed(Reason::Skip) };
        let in_turn = match often.sequence.len() as u64 {
            0 => k.is_multiple_of(often.every),
            len => often.sequence[((k - 1) % len) as usize],
        };
        if !in_turn {
            return passed(Reason::Every);
        }
        let mut roll = Roll { passed: None, counted: None, wait: None };
        if let Some(over) = &self.fault.over {
            let key = who.shares(&over.per);
            match self.tally.meter.admit(over, key, now.saturating_duration_since(self.since), now) {
                Admission::Within { counted } => {
                    let counted = counted.then(|| Counted { tally: self.tally.clone(), key });
                    return Roll { passed: Some(Reason::Within), counted, wait: None };
                }
                Admission::Over(wait) => roll.wait = Some(wait),
            }
        }
        let share = often.probability.at(now.saturating_duration_since(self.since)).0;
        if !falls_below(self.dice.draw(Purpose::Fire, drawn_by.unwrap_or(n), 0), share) {
            roll.passed = Some(Reason::Probability);
        } else if !self.tally.reserve(often.times, drawn_by) {
            roll.passed = Some(Reason::Times);
        }
        roll
    }

    /// Gives back what `roll` has reserved, for a unit that ended before the effect could act.
    pub fn give_back(&self, drawn_by: Option<u64>) {
        if self.fault.often.times.is_some() {
            self.tally.give_back(drawn_by);
        }
    }
}

impl Moment {
    fn of(fault: &Fault, unit: Unit, way: Option<Way>) -> Moment {
        let direction = if way == Some(Way::ToServer) { Direction::ToServer } else { Direction::ToClient };
        match (fault.when, fault.after) {
            _ if unit == Unit::Message => Moment::Message,
            (Some(When::Idle), _) => Moment::Idle,
            // An exchange begins with its head.
            (Some(When::BeforeUpstream), _) if unit == Unit::Exchange => Moment::Connect,
            (Some(When::AfterUpstream), _) if unit == Unit::Exchange => Moment::Answered,
            (Some(When::BeforeUpstream), _) => Moment::NextBytes(Direction::ToServer),
            (Some(When::AfterUpstream), _) => Moment::NextBytes(Direction::ToClient),
            (_, Some(After::Bytes(size))) => Moment::Bytes(direction, size.0),
            (_, Some(After::Time(span))) => Moment::Time(span.duration()),
            (_, Some(After::Share(share))) => Moment::Share(direction, share),
            (_, Some(After::Messages(count))) => Moment::Messages(direction, count),
            // Once the WebSocket is there.
            (None, None) if matches!(fault.strike(), Some(Strike::CloseFrame(_))) => Moment::Messages(Direction::ToClient, 0),
            (Some(When::Connect) | None, None) => match fault.effects.iter().find_map(AnyEffect::place) {
                Some(Place::Bytes(size)) => Moment::Bytes(direction, size.0),
                Some(Place::Share(share)) => Moment::Share(direction, share),
                None => Moment::Connect,
            },
        }
    }
}

impl Tally {
    /// Units that its match has considered.
    pub fn seen(&self) -> u64 {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let since = watch.now.as_ref().map_or(0, |(count, from)| count.load(Relaxed).saturating_sub(*from));
        self.seen.load(Relaxed) + watch.before + since
    }

    /// From now on it watches over the requests that are counted there; none: over no more.
    pub fn watch(&self, count: Option<&Arc<AtomicU64>>) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((known, _)), Some(count)) = (&watch.now, count)
            && Arc::ptr_eq(known, count)
        {
            return;
        }
        if let Some((count, from)) = watch.now.take() {
            watch.before += count.load(Relaxed).saturating_sub(from);
        }
        watch.now = count.map(|count| (count.clone(), count.load(Relaxed)));
    }

    /// How often this has come, this time included.
    fn turn(&self, identity: u64) -> u64 {
        let mut turns = self.turns();
        if turns.len() >= IDENTITIES && !turns.contains_key(&identity) {
            turns.clear();
        }
        let turn = turns.entry(identity).or_default();
        turn.came += 1;
        turn.came
    }

    fn reserve(&self, times: Option<u64>, drawn_by: Option<u64>) -> bool {
        let Some(times) = times else { return true };
        match drawn_by {
            None => self.reserved.fetch_update(Relaxed, Relaxed, |taken| (taken < times).then_some(taken + 1)).is_ok(),
            Some(identity) => {
                let mut turns = self.turns();
                let turn = turns.entry(identity).or_default();
                let free = turn.reserved < times;
                turn.reserved += u64::from(free);
                free
            }
        }
    }

    fn give_back(&self, drawn_by: Option<u64>) {
        match drawn_by {
            None => {
                self.reserved.fetch_sub(1, Relaxed);
            }
            Some(identity) => {
                if let Some(turn) = self.turns().get_mut(&identity) {
                    turn.reserved = turn.reserved.saturating_sub(1);
                }
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<u64, Turns>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request is sent again, if there is room for it.
    pub fn copy(self: &Arc<Tally>) -> Option<Copied> {
        let room = self.copies.fetch_update(Relaxed, Relaxed, |under_way| (under_way < COPIES).then_some(under_way + 1));
        room.is_ok().then(|| Copied(self.clone()))
    }

    pub fn suppress(&self, reason: Reason) {
        self.suppressed[reason as usize].fetch_add(1, Relaxed);
    }

    pub fn suppressed(&self, reason: Reason) -> u64 {
        self.suppressed[reason as usize].load(Relaxed)
    }
}

impl Reason {
    pub const ALL: [Reason; 16] = [
        Reason::Skip,
        Reason::Every,
        Reason::Within,
        Reason::Probability,
        Reason::Times,
        Reason::Exempt,
        Reason::EndedFirst,
        Reason::TooLate,
        Reason::TooLarge,
        Reason::NoLength,
        Reason::Unreadable,
        Reason::MaxActive,
        Reason::Compressed,
        Reason::ProtocolLost,
        Reason::FixedLength,
        Reason::Http1,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Reason::Skip => "skip",
            Reason::Every => "every",
            Reason::Within => "within",
            Reason::Exempt => "exempt",
            Reason::Probability => "probability",
            Reason::Times => "times",
            Reason::EndedFirst => "ended_first",
            Reason::TooLate => "too_late",
            Reason::TooLarge => "too_large",
            Reason::NoLength => "no_length",
            Reason::Unreadable => "unreadable",
            Reason::MaxActive => "max_active",
            Reason::Compressed => "compressed",
            Reason::ProtocolLost => "protocol_lost",
            Reason::FixedLength => "fixed_length",
            Reason::Http1 => "http1",
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
