//! What all connections of one proxy share: the plan in force, their seats, and the counts. Read at every turn, locked at none.

use crate::{
    dial::Upstream,
    timer::Timer,
    told::{By, Fact, Teller},
};
use arc_swap::ArcSwap;
use atomic_waker::AtomicWaker;
use faultwire_faults::{
    piece::Direction,
    plan::Plan,
    protocol::{Protocol, SPEECHES},
    record::{CLASSES, Ends},
};
use slab::Slab;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::watch;

/// The bytes held back in the whole process, and how many they may be.
#[derive(Debug)]
pub struct Held {
    bytes: AtomicUsize,
    room: usize,
}

#[derive(Debug)]
pub struct Slot {
    pub name: Arc<str>,
    plan: ArcSwap<Plan>,
    pub upstream: ArcSwap<Upstream>,
    /// The number of a `Protocol`.
    speaks: AtomicU8,
    /// How requests have ended.
    ends: [[AtomicU64; CLASSES.len()]; 2],
    seats: Mutex<Seats>,
    /// Connections accepted so far; the numbers of connections come from here.
    pub opened: AtomicU64,
    pub teller: Teller,
    pub timer: Arc<Timer>,
    pub held: Arc<Held>,
    /// How often everything has been ended.
    cuts: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Seats {
    open: Slab<Arc<Seat>>,
    /// Bytes of connections that are gone, read and passed on, by direction.
    received: [u64; 2],
    bytes: [u64; 2],
    /// Connections that are gone, by who ended them.
    closed: BTreeMap<&'static str, u64>,
}

/// What the outside sees of a connection.
#[derive(Debug)]
pub struct Seat {
    pub connection: u64,
    pub peer: SocketAddr,
    /// The generation of the plan it is under.
    pub seen: AtomicU64,
    pub waker: AtomicWaker,
    /// Bytes read, and bytes passed on, by direction. Only its own task writes them.
    received: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
    /// It is to end now.
    cut: AtomicBool,
}

/// A seat taken; gives itself up.
#[derive(Debug)]
pub struct Seated {
    slot: Arc<Slot>,
    pub seat: Arc<Seat>,
    key: usize,
}

/// Counts of a proxy at one moment.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Requests that have begun; none on plain bytes.
    pub requests: u64,
    /// How requests have ended.
    pub ends: Ends,
    pub connections: usize,
    pub opened: u64,
    /// Read, by direction: to the server, to the client.
    pub received: [u64; 2],
    /// Passed on, by direction.
    pub bytes: [u64; 2],
    pub closed: BTreeMap<&'static str, u64>,
    /// The oldest generation that an open connection is still under.
    pub seen: Option<u64>,
}

impl Held {
    /// At most this much, and at most half of what the process may use at all.
    const MOST: usize = 256 << 20;

    pub fn new(memory_limit: Option<u64>) -> Held {
        let half = memory_limit.map_or(Held::MOST as u64, |limit| limit / 2);
        Held { bytes: AtomicUsize::new(0), room: half.min(Held::MOST as u64) as usize }
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub fn has_room(&self) -> bool {
        self.bytes() < self.room
    }

    /// One holder's share has changed.
    pub fn account(&self, before: usize, now: usize) {
        if now >= before {
            self.bytes.fetch_add(now - before, Relaxed);
        } else {
            self.bytes.fetch_sub(before - now, Relaxed);
        }
    }
}

impl Slot {
    pub fn new(
        name: Arc<str>,
        upstream: Upstream,
        speaks: Protocol,
        plan: Plan,
        teller: Teller,
        timer: Arc<Timer>,
        held: Arc<Held>,
    ) -> Slot {
        Slot {
            name,
            plan: ArcSwap::from_pointee(plan),
            upstream: ArcSwap::from_pointee(upstream),
            speaks: AtomicU8::new(speaks as u8),
            ends: Default::default(),
            seats: Mutex::default(),
            opened: AtomicU64::new(0),
            teller,
            timer,
            held,
            cuts: watch::Sender::new(0),
        }
    }

    /// What connections that begin from now on carry.
    pub fn speak(&self, speaks: Protocol) {
        self.speaks.store(speaks as u8, Relaxed);
    }

    pub fn speaks(&self) -> Protocol {
        SPEECHES.iter().map(|speech| speech.protocol).find(|protocol| *protocol as u8 == self.speaks.load(Relaxed)).unwrap_or_default()
    }

    /// So many requests more have ended.
    pub fn count_ends(&self, ends: &Ends) {
        for (counts, more) in self.ends.iter().zip(&ends.0) {
            for (count, more) in counts.iter().zip(more).filter(|(_, more)| **more > 0) {
                count.fetch_add(*more, Relaxed);
            }
        }
    }

    /// The plan in force, if it is another than this one. A pointer is compared; only a change is cloned.
    pub fn newer_than(&self, plan: &Arc<Plan>) -> Option<Arc<Plan>> {
        let live = self.plan.load();
        (!Arc::ptr_eq(&live, plan)).then(|| arc_swap::Guard::into_inner(live))
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// Puts a plan in force: every byte that arrives from now on is subject to it.
    pub fn store(&self, plan: Plan) {
        self.plan.store(Arc::new(plan));
    }

    /// Lets every connection look at the plan, idle ones too. Waits for none.
    pub fn wake_all(&self) {
        let seats: Vec<Arc<Seat>> = self.seats().open.iter().map(|(_, seat)| seat.clone()).collect();
        seats.iter().for_each(|seat| seat.waker.wake());
    }

    /// Tells when every connection is ended next.
    pub fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// Ends every connection now.
    pub fn cut_all(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
        let seats: Vec<Arc<Seat>> = self.seats().open.iter().map(|(_, seat)| seat.clone()).collect();
        for seat in seats {
            seat.cut.store(true, Relaxed);
            seat.waker.wake();
        }
    }

    pub fn counts(&self) -> Counts {
        let seats = self.seats();
        let (received, bytes, closed) = (seats.received, seats.bytes, seats.closed.clone());
        let mut counts = Counts { connections: seats.open.len(), received, bytes, closed, ..Counts::default() };
        for (_, seat) in &seats.open {
            for d in 0..2 {
                counts.received[d] += seat.received[d].load(Relaxed);
                counts.bytes[d] += seat.bytes[d].load(Relaxed);
            }
            let seen = seat.seen.load(Relaxed);
            counts.seen = Some(counts.seen.map_or(seen, |least| least.min(seen)));
        }
        counts.opened = self.opened.load(Relaxed);
        counts.requests = self.plan.load().carried.load(Relaxed);
        counts.ends = Ends([0, 1].map(|origin| self.ends[origin].each_ref().map(|count| count.load(Relaxed))));
        counts
    }

    pub fn take_seat(self: &Arc<Slot>, peer: SocketAddr) -> Seated {
        let seat = Arc::new(Seat {
            connection: self.opened.fetch_add(1, Relaxed) + 1,
            peer,
            seen: AtomicU64::new(0),
            waker: AtomicWaker::new(),
            received: Default::default(),
            bytes: Default::default(),
            cut: AtomicBool::new(false),
        });
        let key = self.seats().open.insert(seat.clone());
        Seated { slot: self.clone(), seat, key }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// So many bytes more have been read.
    pub fn count_received(&self, direction: Direction, bytes: usize) {
        add(&self.received[direction.index()], bytes);
    }

    /// So many bytes more have been passed on.
    pub fn count(&self, direction: Direction, bytes: usize) {
        add(&self.bytes[direction.index()], bytes);
    }

    pub fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }
}

impl Seated {
    pub fn leave(self, by: By, generation: u64) {
        let bytes = [0, 1].map(|d| self.seat.bytes[d].load(Relaxed));
        let class = by.class();
        *self.slot.seats().closed.entry(class).or_default() += 1;
        let (connection, peer) = (self.seat.connection, self.seat.peer);
        self.slot.teller.tell(&self.slot.name, generation, Fact::Closed { connection, peer, by, bytes });
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let mut seats = self.slot.seats();
        for d in 0..2 {
            seats.received[d] += self.seat.received[d].load(Relaxed);
            seats.bytes[d] += self.seat.bytes[d].load(Relaxed);
        }
        seats.open.remove(self.key);
        if seats.open.is_empty() {
            seats.open.shrink_to_fit();
        }
    }
}

/// There is one writer: no bus is locked.
fn add(count: &AtomicU64, bytes: usize) {
    count.store(count.load(Relaxed) + bytes as u64, Relaxed);
}
