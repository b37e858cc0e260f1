//! A rehearsal: clients that ask, an upstream that answers, and between them the faults of a scenario on one proxy, all on invented
//! time. Plans come and go as the data plane puts them in force, and every connection is a real `Conversation`; there is no socket.

use bytes::Bytes;
use faultwire_faults::{
    conversation::{Conversation, Dial},
    dice::Seed,
    fault::Fault,
    piece::{Direction, End, Payload},
    plan::{Compiled, Owner, Plan, Reason, Tally},
    protocol::Protocol,
};
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// What the upstream takes to answer.
pub const THINKS: Duration = Duration::from_millis(1);
/// What is read from a socket at once.
const READ: usize = 16 << 10;

/// Asks again and again, and connects first if it has to.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub from: Duration,
    pub every: Duration,
    /// It asks again on the connection it has, and does not open one for each call.
    pub keeps: bool,
    pub request: usize,
    pub answer: usize,
    /// When it gives a call up, and its connection with it.
    pub patience: Duration,
}

/// How a call ended for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Refused,
    Reset,
    /// A clean end before the whole answer.
    Closed,
    GaveUp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub client: usize,
    pub asked: Duration,
    /// On a connection that was there already.
    pub pooled: bool,
    /// When the upstream had all of it.
    pub arrived: Option<Duration>,
    /// When each part of the answer came.
    pub parts: Vec<(Duration, usize)>,
    pub ended: Duration,
    pub outcome: Outcome,
}

/// What one fault has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Felt {
    pub matched: u64,
    pub hits: u64,
    /// Those that the die let pass.
    pub passed: u64,
    pub ended_first: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Played {
    pub calls: Vec<Call>,
    pub felt: Vec<(String, Felt)>,
    /// Connections that ended while nothing was asked on them.
    pub ended_idle: usize,
    /// Bytes that were still held when everybody had gone home.
    pub left: usize,
    /// Calls that never ended.
    pub hung: usize,
}

impl Call {
    pub fn took(&self) -> Duration {
        self.ended - self.asked
    }

    /// How much of the answer came.
    pub fn got(&self) -> usize {
        self.parts.iter().map(|(_, length)| length).sum()
    }
}

impl Played {
    pub fn felt(&self, fault: &str) -> &Felt {
        &self.felt.iter().find(|(name, _)| name == fault).unwrap_or_else(|| panic!("no fault `{fault}`")).1
    }

    pub fn asked(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| (from..to).contains(&call.asked))
    }

    pub fn count(&self, outcome: Outcome) -> usize {
        self.calls.iter().filter(|call| call.outcome == outcome).count()
    }
}

/// Plays faults before clients. At `length` everything is healed; for `after` more the clients go on asking.
pub fn play(faults: &[Fault], clients: &[Client], seed: u64, epoch: Instant, (length, after): (Duration, Duration)) -> Played {
    let named = |fault: &Fault| (fault.name.clone().unwrap_or_default(), Arc::new(fault.clone()), Arc::<Tally>::default());
    let mut stage = Stage {
        epoch,
        seed: Seed(seed),
        faults: faults.iter().map(named).collect(),
        plan: Arc::new(Plan::empty(0)),
        healed: epoch + length,
        closes: epoch + length + after,
        seats: clients.iter().map(|client| Seat { client: *client, next: epoch + client.from, conn: None, call: None }).collect(),
        agenda: BinaryHeap::new(),
        calls: Vec::new(),
        ended_idle: 0,
    };
    stage.play();
    let felt = |(name, _, tally): &(String, Arc<Fault>, Arc<Tally>)| (name.clone(), Felt::of(tally));
    Played {
        felt: stage.faults.iter().map(felt).collect(),
        left: stage.seats.iter().filter_map(|seat| seat.conn.as_ref()).map(Conn::waiting).sum(),
        hung: stage.seats.iter().filter(|seat| seat.call.is_some()).count(),
        ended_idle: stage.ended_idle,
        calls: stage.calls,
    }
}

impl Felt {
    fn of(tally: &Tally) -> Felt {
        Felt {
            matched: tally.matched.load(Relaxed),
            hits: tally.hits.load(Relaxed),
            passed: tally.suppressed(Reason::Probability),
            ended_first: tally.suppressed(Reason::EndedFirst),
        }
    }
}

struct Stage {
    epoch: Instant,
    seed: Seed,
    faults: Vec<(String, Arc<Fault>, Arc<Tally>)>,
    plan: Arc<Plan>,
    healed: Instant,
    closes: Instant,
    seats: Vec<Seat>,
    /// Whose turn it is when. A turn that is not needed any more does no harm.
    agenda: BinaryHeap<Reverse<(Instant, usize)>>,
    calls: Vec<Call>,
    ended_idle: usize,
}

struct Seat {
    client: Client,
    next: Instant,
    conn: Option<Conn>,
    call: Option<Call>,
}

struct Conn {
    talk: Conversation,
    dialled: bool,
    /// What lies in the kernel, unread.
    unread: [VecDeque<(Instant, Payload)>; 2],
    /// How much of the request the upstream has.
    has: usize,
}

impl Stage {
    fn play(&mut self) {
        let mut change = Some(self.epoch);
        self.agenda.extend(self.seats.iter().enumerate().map(|(i, seat)| Reverse((seat.next, i))));
        loop {
            let turn = self.agenda.peek().map(|Reverse((at, _))| *at);
            let Some(now) = turn.into_iter().chain(change).min() else { return };
            // A change comes before what happens at its moment.
            if change.is_some_and(|at| at <= now) {
                change = self.put_in_force(now);
                continue;
            }
            if let Some(Reverse((_, i))) = self.agenda.pop() {
                self.turn(i, now);
            }
        }
    }

    /// The plan of this moment, for everybody; when there is another one.
    fn put_in_force(&mut self, now: Instant) -> Option<Instant> {
        let healed = now >= self.healed;
        let spells = self.faults.iter().map(|(_, fault, _)| if healed { (None, None) } else { fault.clock.spell(self.epoch, now) });
        let (began, next): (Vec<_>, Vec<_>) = spells.unzip();
        let faults = self.faults.iter().zip(began).filter_map(|(fault, began)| Some(self.compile(fault, began?))).collect();
        self.plan = Arc::new(Plan::new(self.plan.generation + 1, faults));
        for i in 0..self.seats.len() {
            if let Some(conn) = &mut self.seats[i].conn {
                conn.talk.adopt(self.plan.clone(), now);
            }
            self.turn(i, now);
        }
        (!healed).then(|| next.into_iter().flatten().chain([self.healed]).min()).flatten()
    }

    /// A fault that goes on is the same one.
    fn compile(&self, (name, fault, tally): &(String, Arc<Fault>, Arc<Tally>), began: Instant) -> Arc<Compiled> {
        let same = self.plan.faults.iter().find(|known| *known.name == **name && known.since == began);
        same.cloned().unwrap_or_else(|| {
            let shared = Compiled::shared_of(fault);
            Arc::new(Compiled::new(
                name.as_str().into(),
                fault.clone(),
                Owner::File,
                began,
                (tally.clone(), shared),
                self.seed,
                (Protocol::Tcp, None),
            ))
        })
    }

    /// Everything that one client can do at this moment.
    fn turn(&mut self, i: usize, now: Instant) {
        self.seats[i].give_up(now, self.epoch).into_iter().for_each(|call| self.calls.push(call));
        self.ask(i, now);
        while let Some((direction, payload)) = self.seats[i].conn.as_mut().and_then(|conn| conn.next(now)) {
            match direction {
                Direction::ToServer => self.seats[i].reaches_upstream(&payload, self.epoch, now),
                Direction::ToClient => self.reaches_client(i, &payload, now),
            }
        }
        let next = self.seats[i].wants_to_ask(self.closes).into_iter().chain(self.seats[i].wake(now, self.epoch)).min();
        self.agenda.extend(next.map(|at| Reverse((at.max(now), i))));
    }

    fn ask(&mut self, i: usize, now: Instant) {
        let seat = &mut self.seats[i];
        if seat.wants_to_ask(self.closes).is_none_or(|at| at > now) {
            return;
        }
        seat.next = now + seat.client.every;
        let pooled = seat.conn.is_some();
        let asked = now - self.epoch;
        let call = Call { client: i, asked, pooled, arrived: None, parts: Vec::new(), ended: asked, outcome: Outcome::Refused };
        if !pooled && !self.plan.listens() {
            self.calls.push(call);
            return;
        }
        let plan = self.plan.clone();
        let conn = seat.conn.get_or_insert_with(|| Conn {
            talk: Conversation::open(plan, now),
            dialled: false,
            unread: Default::default(),
            has: 0,
        });
        conn.has = 0;
        conn.put(Direction::ToServer, seat.client.request, now);
        seat.call = Some(call);
    }

    fn reaches_client(&mut self, i: usize, payload: &Payload, now: Instant) {
        let seat = &mut self.seats[i];
        let outcome = match payload {
            Payload::Data(bytes) => {
                let Some(call) = &mut seat.call else { panic!("an answer that nobody has asked for") };
                call.parts.push((now - self.epoch, bytes.len()));
                match call.got().cmp(&seat.client.answer) {
                    Ordering::Less => return,
                    Ordering::Equal => Outcome::Answered,
                    Ordering::Greater => panic!("more than was answered"),
                }
            }
            Payload::End(End::Rst) => Outcome::Reset,
            Payload::End(End::Fin) => Outcome::Closed,
            _ => panic!("these proxies carry bytes"),
        };
        match seat.call.take() {
            Some(call) => self.calls.push(Call { outcome, ended: now - self.epoch, ..call }),
            None => self.ended_idle += 1,
        }
        if outcome != Outcome::Answered || !seat.client.keeps {
            seat.hang_up(now);
        }
    }
}

impl Seat {
    /// When it asks next: one call at a time.
    fn wants_to_ask(&self, closes: Instant) -> Option<Instant> {
        Some(self.next).filter(|at| self.call.is_none() && *at < closes)
    }

    /// Gives its call up, if it has waited long enough.
    fn give_up(&mut self, now: Instant, epoch: Instant) -> Option<Call> {
        self.patience_ends(epoch).filter(|at| *at <= now)?;
        self.hang_up(now);
        let call = self.call.take()?;
        Some(Call { outcome: Outcome::GaveUp, ended: now - epoch, ..call })
    }

    fn patience_ends(&self, epoch: Instant) -> Option<Instant> {
        self.call.as_ref().map(|call| epoch + call.asked + self.client.patience)
    }

    fn wake(&self, now: Instant, epoch: Instant) -> Option<Instant> {
        let conn = self.conn.as_ref().and_then(|conn| conn.wake(now));
        conn.into_iter().chain(self.patience_ends(epoch)).min()
    }

    fn reaches_upstream(&mut self, payload: &Payload, epoch: Instant, now: Instant) {
        let (Some(conn), Payload::Data(bytes)) = (&mut self.conn, payload) else { return };
        conn.has += bytes.len();
        if conn.has == self.client.request {
            conn.put(Direction::ToClient, self.client.answer, now + THINKS);
            self.call.iter_mut().for_each(|call| call.arrived = Some(now - epoch));
        }
    }

    fn hang_up(&mut self, now: Instant) {
        if let Some(mut conn) = self.conn.take() {
            conn.talk.finish(now);
        }
    }
}

impl Conn {
    /// What is sent lies in the kernel until it is read.
    fn put(&mut self, direction: Direction, length: usize, at: Instant) {
        let pieces = (0..length).step_by(READ).map(|from| Bytes::from(vec![b'x'; READ.min(length - from)]));
        self.unread[direction.index()].extend(pieces.map(|bytes| (at, Payload::Data(bytes))));
    }

    /// The next thing that leaves at this moment.
    fn next(&mut self, now: Instant) -> Option<(Direction, Payload)> {
        loop {
            self.talk.tick(now);
            let moved = self.dial(now) | self.take_in(now);
            for direction in Direction::BOTH {
                // Without an upstream nothing can be sent to it.
                let there = self.dialled || direction == Direction::ToClient;
                if let Some(payload) = there.then(|| self.talk.transmit(direction, now)).flatten() {
                    return Some((direction, payload));
                }
            }
            if !moved {
                return None;
            }
        }
    }

    fn dial(&mut self, now: Instant) -> bool {
        let reached = !self.dialled && self.talk.dial(now) == Dial::Now;
        if reached {
            self.dialled = true;
            self.talk.dialled();
        }
        reached
    }

    fn reads(&self, direction: Direction, now: Instant) -> bool {
        // Of a client whose upstream is not to be dialled, it is read only to be thrown away.
        let to_whom = self.dialled || direction == Direction::ToServer && self.talk.dial(now) == Dial::Wait;
        to_whom && self.talk.wants(direction)
    }

    fn take_in(&mut self, now: Instant) -> bool {
        let mut moved = false;
        for direction in Direction::BOTH {
            let come = |unread: &VecDeque<(Instant, Payload)>| unread.front().is_some_and(|(at, _)| *at <= now);
            if come(&self.unread[direction.index()])
                && self.reads(direction, now)
                && let Some((_, payload)) = self.unread[direction.index()].pop_front()
            {
                self.talk.receive(direction, payload, now);
                moved = true;
            }
        }
        moved
    }

    fn wake(&self, now: Instant) -> Option<Instant> {
        let comes = self.unread.iter().filter_map(|unread| unread.front()).map(|(at, _)| *at).filter(|at| *at > now);
        let dials = match self.talk.dial(now) {
            Dial::At(at) if !self.dialled => Some(at),
            _ => None,
        };
        self.talk.wake([self.dialled, true]).into_iter().chain(dials).chain(comes).min()
    }

    /// Bytes that are on their way.
    fn waiting(&self) -> usize {
        let held: usize = Direction::BOTH.into_iter().map(|direction| self.talk.held(direction)).sum();
        held + self.unread.iter().flatten().map(|(_, payload)| payload.len()).sum::<usize>()
    }
}
