//! One connection, one task: reads, lets the conversation decide, writes. No buffer of its own while it is idle, and everything
//! that must survive a wait lives in `Pump`, never in a future.
//!
//! The order is read, compare, receive: the plan is compared after a read has returned and before its bytes are handed on, so
//! every byte that arrives after a change is under it.

use crate::{
    again,
    answers::Now,
    dial::{self, DialError},
    live::{Seated, Slot},
    sys,
    tasks::Scope,
    timer::{Alarm, LEAD},
    told::{By, Fact},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use faultwire_faults::{
    conversation::Dial,
    piece::{Direction, End, Payload},
    requests::Told,
    talk::Talk,
    who::Who,
};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::io::poll_read_buf;

/// What is read at once. One buffer for each thread: an idle connection has none.
const READ: usize = 64 << 10;
/// What passes by is written at once up to here: all that one read can bring, with what was kept of the one before.
const GATHER: usize = 2 * READ;
/// How long the end of a connection may wait for the peers.
const PARTING: Duration = Duration::from_secs(1);
/// How long a client whose upstream cannot be reached is given to come back from its own connect: a reset that meets it there looks like
/// another failure to it. What it sends shows that it has.
const ARRIVAL: Duration = Duration::from_millis(50);
/// How often an unacknowledged rest is looked at while a reset waits for it.
const GLANCE: Duration = Duration::from_micros(500);
/// How often to look again while the process holds all it may.
const CROWDED: Duration = Duration::from_millis(10);
/// So many turns before other tasks get theirs.
const TURNS: usize = 64;

thread_local! {
    static BUFFER: RefCell<BytesMut> = RefCell::default();
    static GATHERED: RefCell<BytesMut> = RefCell::default();
}

/// Begins a connection and says how it goes on. Its faults number it here, before the next connection is accepted: the n-th connection
/// is the n-th for each of them, however many threads carry them.
pub fn begin(slot: Arc<Slot>, scope: Scope, client: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send {
    let seated = slot.take_seat(peer);
    let mut pump = Pump::new(slot, scope, seated, client);
    async move {
        let by = poll_fn(|cx| pump.poll(cx)).await;
        pump.leave(by);
    }
}

struct Pump {
    slot: Arc<Slot>,
    /// Whose tasks are its proxy's.
    scope: Scope,
    seated: Seated,
    client: TcpStream,
    server: Server,
    talk: Talk,
    ways: [Side; 2],
    alarm: Alarm,
    /// Since when only the end is left to do.
    parting: Option<Parting>,
    /// What this connection has added to the bytes held in the process.
    held: usize,
    told_full: bool,
}

enum Server {
    NotYet,
    Dialling(Pin<Box<dyn Future<Output = Result<TcpStream, DialError>> + Send>>),
    Up(TcpStream),
    /// It cannot be reached, and the client is told so then.
    Unreachable(DialError, Instant),
}

/// One direction, as far as sockets are concerned.
#[derive(Default)]
struct Side {
    /// What the destination has not taken yet.
    rest: Bytes,
    /// How the source has ended.
    ended: Option<End>,
    /// Which end the destination has been given, or is to be given now.
    done: Option<End>,
    /// The destination takes nothing any more.
    broken: bool,
}

struct Parting {
    since: Instant,
    by: By,
}

/// What one turn of one direction came to.
#[derive(PartialEq, Eq)]
enum Turn {
    Moved,
    Still,
}

impl Pump {
    fn new(slot: Arc<Slot>, scope: Scope, seated: Seated, client: TcpStream) -> Pump {
        let plan = slot.plan();
        seated.seat.seen.store(plan.generation, Relaxed);
        let who = Who::connection(seated.seat.peer.ip(), seated.seat.connection);
        let talk = match slot.speaks().is_bytes() {
            true => Talk::bytes(plan, who, Instant::now()),
            false => Talk::http(plan, who, Box::new(Now), Instant::now()),
        };
        let alarm = slot.timer.alarm();
        let ways = Default::default();
        Pump { slot, scope, seated, client, server: Server::NotYet, talk, ways, alarm, parting: None, held: 0, told_full: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<By> {
        self.seated.seat.waker.register(cx.waker());
        for _ in 0..TURNS {
            if self.seated.seat.is_cut() {
                return Poll::Ready(By::Proxy);
            }
            if let Some(by) = self.part(cx) {
                return Poll::Ready(by);
            }
            if self.turn(cx) == Turn::Still {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        self.adopt();
        let now = Instant::now();
        self.talk.tick(now);
        let mut moved = self.reach_upstream(now, cx);
        if self.give_up(now, cx) == Turn::Moved {
            moved = Turn::Moved;
        }
        for direction in Direction::BOTH {
            if self.deliver(direction, now, cx) == Turn::Moved {
                moved = Turn::Moved;
            }
            if self.take_in(direction, cx) == Turn::Moved {
                // What no fault is about leaves at once.
                self.pass(direction, now, cx);
                moved = Turn::Moved;
            }
        }
        self.tell();
        self.account();
        if self.look_for_the_end(now) == Turn::Moved {
            moved = Turn::Moved;
        }
        if moved == Turn::Still { self.wait(now, cx) } else { Turn::Moved }
    }

    /// Sets the one alarm; `Moved` if it would have rung already.
    fn wait(&mut self, now: Instant, cx: &mut Context<'_>) -> Turn {
        let taking = Direction::BOTH.map(|direction| self.ways[direction.index()].rest.is_empty() && self.has_destination(direction));
        let dial = match (&self.server, self.talk.dial(now)) {
            (Server::NotYet, Dial::At(at)) => Some(at),
            _ => None,
        };
        let glance = self.parting.as_ref().map(|_| now + GLANCE);
        // Nobody says when others have let go of what they hold.
        let room = (!self.slot.held.has_room()).then(|| now + CROWDED);
        let given_up = match &self.server {
            Server::Unreachable(_, at) if self.parting.is_none() && *at > now => Some(*at),
            _ => None,
        };
        let next = [self.talk.wake(taking), dial, glance, room, given_up].into_iter().flatten().min();
        if next.is_some_and(|at| at <= Instant::now() + LEAD) {
            std::hint::spin_loop();
            return Turn::Moved;
        }
        self.alarm.set(next, cx);
        Turn::Still
    }

    /// Takes the plan in force, if it is another.
    fn adopt(&mut self) {
        if let Some(plan) = self.slot.newer_than(self.talk.plan()) {
            self.seated.seat.seen.store(plan.generation, Relaxed);
            self.talk.adopt(plan, Instant::now());
        }
    }

    fn reach_upstream(&mut self, now: Instant, cx: &mut Context<'_>) -> Turn {
        if self.parting.is_some() {
            return Turn::Still;
        }
        if matches!(self.server, Server::NotYet) && self.talk.dial(now) == Dial::Now {
            let upstream = self.slot.upstream.load_full();
            self.server = Server::Dialling(Box::pin(async move { dial::dial(&upstream).await }));
        }
        let Server::Dialling(dialling) = &mut self.server else { return Turn::Still };
        match dialling.as_mut().poll(cx) {
            Poll::Pending => Turn::Still,
            Poll::Ready(Ok(stream)) => {
                self.server = Server::Up(stream);
                self.talk.dialled();
                Turn::Moved
            }
            Poll::Ready(Err(error)) => {
                self.server = Server::Unreachable(error, now + ARRIVAL);
                Turn::Moved
            }
        }
    }

    /// Resets a client whose upstream cannot be reached, once it is there to see it.
    fn give_up(&mut self, now: Instant, cx: &mut Context<'_>) -> Turn {
        let Server::Unreachable(error, at) = &self.server else { return Turn::Still };
        if self.parting.is_some() {
            return Turn::Still;
        }
        let came = match self.talk.looks_ahead() {
            // What is not answered here is for nobody.
            true => self.talk.transmit(Direction::ToServer, now).is_some(),
            false => self.client.poll_peek(cx, &mut ReadBuf::new(&mut [0])).is_ready(),
        };
        if !came && (now < *at || self.talk.may_answer()) {
            return Turn::Still;
        }
        let why = error.to_string();
        self.ways[Direction::ToClient.index()].done = Some(End::Rst);
        self.begin_parting(By::Dial(why));
        Turn::Moved
    }

    /// Writes what may leave that way, until the destination takes no more.
    fn deliver(&mut self, direction: Direction, now: Instant, cx: &mut Context<'_>) -> Turn {
        let d = direction.index();
        let mut turn = Turn::Still;
        loop {
            while !self.ways[d].rest.is_empty() && !self.ways[d].broken {
                let rest = std::mem::take(&mut self.ways[d].rest);
                let written = self.write(direction, &rest, cx);
                self.ways[d].rest = rest;
                match written {
                    Poll::Pending => return turn,
                    Poll::Ready(n) => {
                        self.ways[d].rest.advance(n);
                        turn = Turn::Moved;
                    }
                }
            }
            if self.ways[d].done.is_some() || self.talk.is_direct(direction) || !self.has_destination(direction) {
                return turn;
            }
            if self.pass(direction, now, cx) == Turn::Moved {
                turn = Turn::Moved;
                continue;
            }
            match self.talk.transmit(direction, now) {
                None => return turn,
                Some(payload) => match payload.into_bytes() {
                    Ok(bytes) => self.ways[d].rest = bytes,
                    Err(end) => self.give_end(direction, end, cx),
                },
            }
            turn = Turn::Moved;
        }
    }

    /// Gathers what passes by in one write. What the destination does not take at once is its rest.
    fn pass(&mut self, direction: Direction, now: Instant, cx: &mut Context<'_>) -> Turn {
        let side = &self.ways[direction.index()];
        if !side.rest.is_empty() || side.done.is_some() || !self.has_destination(direction) {
            return Turn::Still;
        }
        GATHERED.with_borrow_mut(|gathered| {
            gathered.clear();
            self.talk.pass(direction, gathered, GATHER, now);
            if gathered.is_empty() {
                return Turn::Still;
            }
            if !self.ways[direction.index()].broken {
                let written = match self.write(direction, gathered, cx) {
                    Poll::Ready(n) => n,
                    Poll::Pending => 0,
                };
                self.ways[direction.index()].rest = Bytes::copy_from_slice(&gathered[written..]);
            }
            Turn::Moved
        })
    }

    fn give_end(&mut self, direction: Direction, end: End, cx: &mut Context<'_>) {
        let side = &mut self.ways[direction.index()];
        side.done = Some(end);
        if end == End::Fin
            && let Some(stream) = self.destination(direction)
        {
            // A shutdown of a socket that has gone has nothing to say; reading it tells.
            let _gone = Pin::new(stream).poll_shutdown(cx);
        }
    }

    /// Reads from that direction's source, if there is a wish for it.
    fn take_in(&mut self, direction: Direction, cx: &mut Context<'_>) -> Turn {
        let d = direction.index();
        if self.ways[d].ended.is_some() || !self.ways[d].rest.is_empty() || !self.may_read(direction) {
            return Turn::Still;
        }
        BUFFER.with_borrow_mut(|buffer| {
            let Some(source) = self.source(direction) else { return Turn::Still };
            match read(source, buffer, cx) {
                Poll::Pending => return Turn::Still,
                Poll::Ready(Ok(0)) => self.source_ended(direction, End::Fin, cx),
                Poll::Ready(Ok(n)) => {
                    self.seated.seat.count_received(direction, n);
                    // Compare only now: these bytes came under the plan of this moment.
                    self.adopt();
                    self.receive(direction, buffer, cx);
                }
                Poll::Ready(Err(_)) => self.source_ended(direction, End::Rst, cx),
            }
            Turn::Moved
        })
    }

    fn may_read(&self, direction: Direction) -> bool {
        match (&self.parting, self.has_destination(direction)) {
            (Some(_), _) => false,
            (None, true) => self.talk.is_direct(direction) || (self.talk.wants(direction) && self.slot.held.has_room()),
            // Nobody to hand it to: read it only to throw it away, and to see the client leave.
            (None, false) if matches!(self.server, Server::NotYet) => {
                self.talk.wants(direction) && self.talk.dial(Instant::now()) == Dial::Wait
            }
            // It may be answered here.
            (None, false) => self.talk.looks_ahead() && self.talk.wants(direction),
        }
    }

    fn receive(&mut self, direction: Direction, buffer: &mut BytesMut, cx: &mut Context<'_>) {
        let d = direction.index();
        if self.ways[d].broken {
            return;
        }
        if !self.talk.is_direct(direction) || !self.has_destination(direction) {
            self.talk.receive(direction, Payload::Data(keep(buffer)), Instant::now());
            return;
        }
        let written = match self.write(direction, buffer, cx) {
            Poll::Ready(n) => n,
            Poll::Pending => 0,
        };
        buffer.advance(written);
        if !buffer.is_empty() && !self.ways[d].broken {
            self.ways[d].rest = keep(buffer);
        }
    }

    fn source_ended(&mut self, direction: Direction, end: End, cx: &mut Context<'_>) {
        // A socket that took no more bytes had been reset, whatever reading it says.
        let end = if self.ways[direction.other().index()].broken { End::Rst } else { end };
        self.ways[direction.index()].ended = Some(end);
        if self.talk.is_direct(direction) && self.has_destination(direction) {
            self.give_end(direction, end, cx);
        } else {
            self.talk.receive(direction, Payload::End(end), Instant::now());
        }
    }

    /// Writes and counts. A destination that has gone takes everything: its own end is told where it is read.
    fn write(&mut self, direction: Direction, bytes: &[u8], cx: &mut Context<'_>) -> Poll<usize> {
        let Some(stream) = self.destination(direction) else { return Poll::Pending };
        match ready!(Pin::new(stream).poll_write(cx, bytes)) {
            Ok(n) => {
                self.seated.seat.count(direction, n);
                Poll::Ready(n)
            }
            Err(_) => {
                self.ways[direction.index()].broken = true;
                Poll::Ready(bytes.len())
            }
        }
    }

    /// Whether all has been said and done, so that only the end is left.
    fn look_for_the_end(&mut self, now: Instant) -> Turn {
        if self.parting.is_some() {
            return Turn::Still;
        }
        let [to_server, to_client] = &self.ways;
        let by = match (self.talk.over(), to_server.done, to_client.done) {
            (Some(over), _, _) => By::Fault(over.by.name.clone()),
            (None, Some(End::Rst), _) => By::ClientReset,
            (None, _, Some(End::Rst)) => By::UpstreamReset,
            (None, Some(End::Fin), Some(End::Fin)) => By::Both,
            // Silence before any dial: nobody else is there.
            _ if to_server.ended.is_some() && matches!(self.server, Server::NotYet) && self.talk.dial(now) == Dial::Wait => By::Both,
            _ => return Turn::Still,
        };
        self.begin_parting(by);
        Turn::Moved
    }

    fn begin_parting(&mut self, by: By) {
        self.parting = Some(Parting { since: Instant::now(), by });
    }

    /// The last steps: what was due is taken, then each side gets the end that it is to see.
    fn part(&mut self, cx: &mut Context<'_>) -> Option<By> {
        let late = self.parting.as_ref()?.since.elapsed() >= PARTING;
        let by_fault = self.talk.over().is_some();
        let ways = || Direction::BOTH.into_iter().filter(|direction| self.has_destination(*direction));
        let given = !by_fault || ways().all(|direction| self.ways[direction.index()].done.is_some());
        let gone = if ways().any(|direction| self.is_to_be_reset(direction)) {
            let mut reset = ways().filter(|direction| self.is_to_be_reset(*direction));
            // RST destroys what the peer's kernel has not taken: wait for it, but not for a peer that takes nothing.
            let gone = given && reset.all(|direction| self.is_flushed(direction) && self.is_taken(direction));
            if gone || late {
                self.reset_streams();
            }
            gone
        } else {
            let flushed = ways().all(|direction| self.is_flushed(direction));
            // FIN by a fault: closing with unread input would send RST and destroy the answer, so read until the peers have closed.
            given && flushed && (!by_fault || self.drain(cx))
        };
        if gone || late { self.parting.take().map(|parting| parting.by) } else { None }
    }

    fn is_to_be_reset(&self, direction: Direction) -> bool {
        self.ways[direction.index()].done == Some(End::Rst) || self.talk.over().is_some_and(|over| over.end == End::Rst)
    }

    fn is_flushed(&self, direction: Direction) -> bool {
        let side = &self.ways[direction.index()];
        side.broken || side.rest.is_empty()
    }

    fn is_taken(&self, direction: Direction) -> bool {
        self.stream_towards(direction).is_none_or(|stream| sys::unacknowledged(stream) == 0)
    }

    /// From here on closing these sockets sends RST.
    fn reset_streams(&self) {
        for direction in Direction::BOTH.into_iter().filter(|direction| self.is_to_be_reset(*direction)) {
            if let Some(stream) = self.stream_towards(direction) {
                // A socket that has gone needs no reset.
                stream.set_zero_linger().ok();
            }
        }
    }

    /// Reads and drops what still comes; `true` when both sources have ended.
    fn drain(&mut self, cx: &mut Context<'_>) -> bool {
        Direction::BOTH.into_iter().all(|direction| {
            if self.ways[direction.index()].ended.is_some() {
                return true;
            }
            BUFFER.with_borrow_mut(|buffer| {
                for _ in 0..TURNS {
                    let Some(source) = self.source(direction) else { return true };
                    match read(source, buffer, cx) {
                        Poll::Pending => return false,
                        Poll::Ready(Ok(1..)) => {}
                        Poll::Ready(_) => {
                            self.ways[direction.index()].ended = Some(End::Fin);
                            return true;
                        }
                    }
                }
                cx.waker().wake_by_ref();
                false
            })
        })
    }

    /// Hands on what the conversation has to tell.
    fn tell(&mut self) {
        let connection = self.seated.seat.connection;
        self.talk.watch(self.slot.teller.is_watched());
        let ends = self.talk.take_ends();
        if !ends.is_empty() {
            self.slot.count_ends(&ends);
        }
        for told in self.talk.told() {
            let fact = match told {
                Told::Refused(refused) => Fact::Refused { connection, refused },
                Told::Lost(lost) => Fact::ProtocolLost { connection, lost },
                Told::Again(again) => {
                    again::send(&self.slot, &self.scope, *again);
                    continue;
                }
                Told::Ended(record) => Fact::Answered { connection, peer: self.seated.seat.peer, record },
            };
            self.slot.teller.tell(&self.slot.name, self.talk.plan().generation, fact);
        }
        if !self.talk.has_events() {
            return;
        }
        let (connection, peer) = (self.seated.seat.connection, self.seated.seat.peer);
        for event in self.talk.events() {
            let fact = Fact::Decision {
                fault: event.fault,
                n: event.n,
                request: event.request,
                trace: event.trace,
                what: event.what,
                connection,
                peer,
            };
            self.slot.teller.tell(&self.slot.name, event.generation, fact);
        }
    }

    /// Keeps the process's count of held bytes, and says once when a line is full.
    fn account(&mut self) {
        let direct = Direction::BOTH.map(|direction| self.talk.is_direct(direction));
        let held = if direct == [true, true] { 0 } else { self.talk.held(Direction::ToServer) + self.talk.held(Direction::ToClient) };
        if held != self.held {
            self.slot.held.account(self.held, held);
            self.held = held;
        }
        if held >= faultwire_faults::conversation::HELD_ROOM && !self.told_full {
            self.told_full = true;
            self.slot.teller.tell(&self.slot.name, self.talk.plan().generation, Fact::LineFull { connection: self.seated.seat.connection });
        }
    }

    fn has_destination(&self, direction: Direction) -> bool {
        direction == Direction::ToClient || matches!(self.server, Server::Up(_))
    }

    fn destination(&mut self, direction: Direction) -> Option<&mut TcpStream> {
        match (direction, &mut self.server) {
            (Direction::ToClient, _) => Some(&mut self.client),
            (Direction::ToServer, Server::Up(server)) => Some(server),
            (Direction::ToServer, _) => None,
        }
    }

    fn source(&mut self, direction: Direction) -> Option<&mut TcpStream> {
        self.destination(direction.other())
    }

    fn stream_towards(&self, direction: Direction) -> Option<&TcpStream> {
        match (direction, &self.server) {
            (Direction::ToClient, _) => Some(&self.client),
            (Direction::ToServer, Server::Up(server)) => Some(server),
            (Direction::ToServer, _) => None,
        }
    }

    fn leave(mut self, by: By) {
        self.talk.finish(Instant::now());
        self.tell();
        self.slot.held.account(self.held, 0);
        let generation = self.talk.plan().generation;
        self.seated.leave(by, generation);
    }
}

/// Reads into this thread's buffer what is there, at most `READ` bytes.
fn read(source: &mut TcpStream, buffer: &mut BytesMut, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    buffer.clear();
    buffer.reserve(READ);
    poll_read_buf(Pin::new(source), cx, &mut buffer.limit(READ))
}

/// What has been read, to be kept: much of it with the buffer it is in, little of it as a copy of its own size.
fn keep(buffer: &mut BytesMut) -> Bytes {
    if buffer.len() > READ / 2 { std::mem::take(buffer).freeze() } else { Bytes::copy_from_slice(buffer) }
}
