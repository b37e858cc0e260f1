//! One connection under one plan: two directions of pieces, and what each fault has decided for it.
//! It is told what happens and when, and says what may leave and when it wants to be asked again.

mod hold;
mod places;

pub use hold::Chosen;
use hold::{Exit, Hold, State};
use places::Speaking;

use crate::{
    contract::{Strike, Way},
    effect::AnyEffect,
    event::{Event, What},
    fault::When,
    lane::{Lane, Unit},
    piece::{Direction, End, Payload, Piece},
    plan::{self, Compiled, Moment, Plan, Reason},
    reply::Turn,
    who::Who,
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

/// What is due and not yet taken by the peer; beyond it reading stops, as the kernel's would.
const EXIT_ROOM: usize = 64 << 10;
/// All that one direction may hold: a gigabyte a second through 50 ms of latency.
pub const HELD_ROOM: usize = 64 << 20;

#[derive(Debug)]
pub struct Conversation {
    plan: Arc<Plan>,
    who: Who,
    /// When its connection was opened.
    opened: Instant,
    /// When it began itself.
    begun: Instant,
    /// The last byte either way.
    last: Instant,
    /// When the request was complete, if it is one.
    asked: Option<Instant>,
    /// Something has gone to the upstream, or may go: what was to prevent it comes too late.
    dialled: bool,
    /// The head of an answer has left.
    spoken: bool,
    holds: Vec<Hold>,
    exits: [Exit; 2],
    /// What came while an ending was put off: nobody's until the ending strikes, or its fault leaves.
    held_back: Vec<(Direction, Payload)>,
    /// A direction that a fault has closed.
    shut: [bool; 2],
    websocket: Option<Speaking>,
    /// Faults that were to end a message.
    marks: u64,
    over: Option<Over>,
    /// The fault whose answer is to be given in the upstream's place.
    answers: Option<Answer>,
    /// The fault that asks the client to leave.
    leaves: Option<Arc<Compiled>>,
    /// No fault is in the way of this direction. Kept here, since every read asks.
    direct: [bool; 2],
    events: Vec<Event>,
}

/// How a fault ended the conversation.
#[derive(Clone, Debug)]
pub struct Over {
    pub by: Arc<Compiled>,
    pub end: End,
}

/// An answer that is to be given in the upstream's place.
#[derive(Clone, Debug)]
pub struct Answer {
    pub fault: Arc<Compiled>,
    n: u64,
    wait: Option<Duration>,
}

impl Answer {
    pub fn turn(&self) -> Turn<'_> {
        Turn { fault: &self.fault, n: self.n, wait: self.wait }
    }
}

/// Whether the upstream is to be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    Now,
    At(Instant),
    /// Not while the plan is as it is.
    Wait,
}

impl Conversation {
    pub fn open(plan: Arc<Plan>, now: Instant) -> Conversation {
        Conversation::of(plan, Who::default(), now, now)
    }

    /// A connection, or one of several exchanges on a connection that was opened earlier.
    pub fn of(plan: Arc<Plan>, who: Who, opened: Instant, now: Instant) -> Conversation {
        let mut conversation = Conversation {
            plan: Arc::new(Plan::empty(0)),
            who,
            opened,
            begun: now,
            last: now,
            asked: None,
            dialled: false,
            spoken: false,
            holds: Vec::new(),
            exits: Default::default(),
            held_back: Vec::new(),
            shut: [false; 2],
            websocket: None,
            marks: 0,
            over: None,
            answers: None,
            leaves: None,
            direct: [true; 2],
            events: Vec::new(),
        };
        conversation.adopt(plan, now);
        conversation
    }

    pub fn who(&self) -> &Who {
        &self.who
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Takes a new plan: faults that stay keep their outcomes, those that leave let go of what they held, those that come look at it.
    pub fn adopt(&mut self, plan: Arc<Plan>, now: Instant) {
        if self.over.is_none() {
            self.let_go(&plan, now);
            self.take_up(&plan, now);
        }
        self.plan = plan;
        self.roll_unrolled(now);
        if !self.is_blocked() {
            for (direction, payload) in std::mem::take(&mut self.held_back) {
                self.receive(direction, payload, now);
            }
        }
        self.reckon();
    }

    /// Removes the holds of faults that have left, and lets what they held go on at once, in order.
    fn let_go(&mut self, plan: &Plan, now: Instant) {
        let stays = |hold: &Hold| plan.faults.iter().any(|fault| fault.continues(&hold.fault) || fault.edits(&hold.fault));
        for i in (0..self.holds.len()).rev() {
            if self.over.is_some() {
                return;
            }
            if stays(&self.holds[i]) {
                continue;
            }
            let mut hold = self.holds.remove(i);
            if !hold.told && hold.state != State::Spent && hold.state != State::Unrolled {
                hold.give_back();
            }
            if hold.is_holed() {
                self.tell(&hold.fault, hold.n, What::Holed, now);
                self.end(&hold.fault.clone(), End::Rst, now);
                return;
            }
            if let Some(end) = hold.parting() {
                self.end(&hold.fault, end, now);
                return;
            }
            for (direction, payload) in hold.empty() {
                self.onward(i, direction, Piece { due: now, payload }, now);
            }
        }
    }

    /// Puts the holds in the plan's order, with new ones for the faults that have come.
    fn take_up(&mut self, plan: &Plan, now: Instant) {
        if self.over.is_some() {
            return;
        }
        let mut old: Vec<Option<Hold>> = self.holds.drain(..).map(Some).collect();
        let _together = (!plan.is_calm()).then(|| plan.numbering());
        for fault in &plan.faults {
            let known =
                |hold: &&mut Option<Hold>| hold.as_ref().is_some_and(|hold| fault.continues(&hold.fault) || fault.edits(&hold.fault));
            match old.iter_mut().find(known).and_then(Option::take) {
                Some(hold) if fault.continues(&hold.fault) || hold.is_striking() => self.holds.push(Hold { fault: fault.clone(), ..hold }),
                Some(hold) => self.holds.push(hold.edited(fault.clone(), now)),
                // It is asked for each message, in front of here.
                None if fault.unit == plan::Unit::Message => {}
                None if fault.looks_at(self.opened) => {
                    let reached = if self.begun < fault.since { now } else { self.begun };
                    self.holds.push(Hold::new(fault.clone(), reached));
                }
                None => {}
            }
        }
    }

    /// Rolls for the faults that have not, top to bottom, until one ends the unit.
    fn roll_unrolled(&mut self, now: Instant) {
        for i in 0..self.holds.len() {
            if self.over.is_some() || self.holds[..i].iter().any(Hold::has_ended_the_unit) {
                return;
            }
            if self.holds[i].state == State::Unrolled {
                self.roll(i, now);
            }
        }
    }

    fn roll(&mut self, i: usize, now: Instant) {
        let fault = self.holds[i].fault.clone();
        let n = self.holds[i].n;
        if fault.unit == plan::Unit::Connection {
            fault.tally.seen.fetch_add(1, Relaxed);
        }
        fault.tally.matched.fetch_add(1, Relaxed);
        // Of an edited fault: paced, it waits for its turn anew; delayed, it has waited.
        let waiting = self.holds[i].empty();
        let next = i + usize::from(fault.fault.effects.iter().any(|effect| matches!(effect, AnyEffect::Latency(_))));
        self.decide(i, &fault, n, now);
        if self.over.is_some() {
            return;
        }
        for (direction, payload) in waiting {
            self.onward(next, direction, Piece { due: now, payload }, now);
        }
    }

    fn decide(&mut self, i: usize, fault: &Arc<Compiled>, n: u64, now: Instant) {
        self.holds[i].lanes = [None, None];
        let drawn_by = self.who.drawn_by(fault.fault.draw);
        let roll = fault.roll(n, drawn_by, &self.who, now);
        (self.holds[i].drawn_by, self.holds[i].counted, self.holds[i].wait) = (drawn_by, roll.counted, roll.wait);
        if let Some(reason) = roll.passed {
            self.suppress(i, reason, now);
            return;
        }
        if fault.fault.strike() == Some(Strike::Answer) && self.is_too_late_to_answer(i) {
            self.holds[i].give_back();
            self.suppress(i, Reason::TooLate, now);
            return;
        }
        let hold = &mut self.holds[i];
        hold.lanes = Direction::BOTH.map(|direction| Lane::new(fault, direction));
        hold.state = if fault.fault.strike().is_some() { State::Waiting } else { State::Shaping };
        if fault.fault.strike().is_none() && fault.fault.when == Some(When::Connect) {
            self.delay_dial(i, now);
        } else if hold.state == State::Waiting && self.already_there(i) {
            self.begin_strike(i, now);
        }
    }

    /// What an answer of our own was to prevent, or to replace, has gone on already.
    fn is_too_late_to_answer(&self, i: usize) -> bool {
        let d = Direction::ToClient.index();
        match self.holds[i].fault.moment {
            Moment::Connect => self.dialled,
            Moment::Answered => {
                let behind = self.holds[i..].iter().filter_map(|hold| hold.lanes[d].as_ref());
                self.spoken || !self.exits[d].queue.is_empty() || behind.into_iter().any(|lane| lane.bytes() > 0)
            }
            _ => false,
        }
    }

    fn suppress(&mut self, i: usize, reason: Reason, now: Instant) {
        let hold = &mut self.holds[i];
        hold.state = State::Spent;
        hold.fault.tally.suppress(reason);
        let (fault, n) = (hold.fault.clone(), hold.n);
        self.tell(&fault, n, What::Suppressed(reason), now);
    }

    fn already_there(&self, i: usize) -> bool {
        match self.holds[i].fault.moment {
            Moment::Connect | Moment::Time(Duration::ZERO) | Moment::Messages(_, 0) => true,
            // Of an answer the head goes first.
            Moment::Bytes(_, 0) => !self.holds[i].fault.fault.staged && self.holds[i].fault.unit == plan::Unit::Connection,
            _ => false,
        }
    }

    /// `latency` with `when: connect`: the dial comes later, and nothing after it.
    fn delay_dial(&mut self, i: usize, now: Instant) {
        let hold = &mut self.holds[i];
        hold.lanes = [None, None];
        if self.dialled {
            hold.state = State::Spent;
            hold.give_back();
            return;
        }
        hold.dial_at = hold.put_off(now).map(|later| self.begun + later);
        self.hit(i, "latency", None, now);
    }

    /// Something has come from one side.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        if self.over.is_some() || self.shut[direction.index()] {
            return;
        }
        if let Payload::Data(_) | Payload::Pong(_) = payload {
            self.last = now;
            self.strike_on_use(direction, now);
            if self.over.is_some() {
                return;
            }
        }
        if let (Direction::ToServer, Payload::End(End::Fin), None) = (direction, &payload, self.asked) {
            self.asked = Some(now);
        }
        if self.is_blocked() {
            self.held_back.push((direction, payload));
            return;
        }
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.silences(direction)) {
            if let State::Silent { lost, .. } = &mut hold.state {
                *lost |= !matches!(payload, Payload::Bound(_));
            }
            return;
        }
        self.onward(0, direction, Piece { due: now, payload }, now);
    }

    fn strike_on_use(&mut self, direction: Direction, now: Instant) {
        let waits =
            |hold: &Hold| hold.state == State::Waiting && hold.fault.moment == Moment::NextBytes(direction) && !hold.fault.fault.staged;
        if let Some(i) = self.holds.iter().position(waits) {
            self.begin_strike(i, now);
        }
    }

    /// Does what time alone brings. To be called before `transmit`, whenever `wake` has come.
    pub fn tick(&mut self, now: Instant) {
        for i in 0..self.holds.len() {
            if self.over.is_some() {
                return;
            }
            let hold = &self.holds[i];
            match hold.state {
                State::Waiting if hold.moment_at(self.last).is_some_and(|at| at <= now) => self.begin_strike(i, now),
                State::Striking { at } if at <= now => self.strike(i, now),
                State::Silent { until: Some(until), .. } if until <= now => self.end(&hold.fault.clone(), End::Fin, now),
                _ => {}
            }
        }
    }

    /// The next payload that may go out that way now.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        let payload = loop {
            if self.over.is_none() {
                if self.is_stopped(direction) {
                    return None;
                }
                self.advance(direction, now);
            }
            let limit = self.until_ending(direction);
            match self.exits[direction.index()].pop(limit)? {
                Payload::Bound(bound) => self.reach(direction, bound, now),
                Payload::Pong(bytes) => break Payload::Data(bytes),
                payload => break payload,
            }
        };
        if let (Payload::End(_), None) = (&payload, &self.over)
            && let Some(i) = self.holds.iter().position(|hold| hold.breaks == Some(direction))
        {
            self.end(&self.holds[i].fault.clone(), End::Fin, now);
            return self.exits[direction.index()].pop(None);
        }
        if let Payload::Head(head) = &payload {
            self.spoken |= direction == Direction::ToClient;
            self.find_places(direction, head.length(), now);
        }
        self.speak(direction, &payload, now);
        self.count_down(direction, payload.content(), now);
        Some(payload)
    }

    /// A head says how long its body will be, and so where a share of it ends.
    fn find_places(&mut self, direction: Direction, length: Option<u64>, now: Instant) {
        for i in 0..self.holds.len() {
            let Moment::Share(way, share) = self.holds[i].fault.moment else { continue };
            if way != direction || self.holds[i].state != State::Waiting {
                continue;
            }
            match length {
                Some(length) => self.holds[i].place = Some((way, share.of(length))),
                None => {
                    self.holds[i].give_back();
                    self.suppress(i, Reason::NoLength, now);
                }
            }
        }
    }

    /// Lets everything whose time has come move on, stage by stage.
    fn advance(&mut self, direction: Direction, now: Instant) {
        let d = direction.index();
        for i in 0..self.holds.len() {
            let Some(lane) = self.holds.get_mut(i).and_then(|hold| hold.lanes[d].as_mut()) else { continue };
            lane.wake = None;
            while self.has_room(i + 1, direction) {
                // What moves on may meet an ending.
                let Some(hold) = self.holds.get_mut(i) else { return };
                let unit = Unit { fault: &hold.fault, n: hold.draw(), reached: hold.reached, asked: self.asked };
                let Some(piece) = hold.lanes[d].as_mut().and_then(|lane| lane.release(now, unit)) else { break };
                self.onward(i + 1, direction, piece, now);
            }
        }
    }

    /// Hands a piece to the next fault that shapes this direction, from the i-th on; behind the last is the exit.
    fn onward(&mut self, from: usize, direction: Direction, piece: Piece, now: Instant) {
        let d = direction.index();
        let stops = |hold: &Hold| hold.lanes[d].is_some() || hold.catches(direction);
        let Some(i) = (from..self.holds.len()).find(|i| stops(&self.holds[*i])) else {
            self.exits[d].push(piece.payload);
            return;
        };
        if self.holds[i].catches(direction) {
            self.catch(i, &piece.payload, now);
            return;
        }
        let hold = &mut self.holds[i];
        let unit = Unit { fault: &hold.fault, n: hold.draw(), reached: hold.reached, asked: self.asked };
        let touch = hold.lanes[d].as_mut().map(|lane| lane.take_in(piece, unit)).unwrap_or_default();
        if touch.breaks {
            hold.breaks = Some(direction);
        }
        match (touch.by, touch.kept) {
            (Some(effect), _) => self.hit(i, effect, Some(direction), now),
            (None, Some(reason)) => self.keep_from(i, reason, now),
            (None, None) => {}
        }
    }

    /// Something has come to a stage that lets nothing through.
    fn catch(&mut self, i: usize, payload: &Payload, now: Instant) {
        if self.over.is_some() {
            return;
        }
        let hold = &mut self.holds[i];
        let fault = hold.fault.clone();
        if fault.moment == Moment::Answered {
            hold.swallowed = true;
            if hold.state == State::Waiting && matches!(payload, Payload::End(_)) {
                self.begin_strike(i, now);
            }
            return;
        }
        match (&mut hold.state, fault.fault.strike(), payload) {
            (State::Waiting, _, _) => self.begin_strike(i, now),
            (State::Silent { .. }, _, Payload::End(_)) => self.end(&fault, End::Fin, now),
            // The clock begins again with each chunk.
            (State::Silent { until, .. }, Some(Strike::Silence { lasts: Some(lasts), .. }), _) => *until = Some(now + lasts.duration()),
            _ => {}
        }
    }

    fn has_room(&self, from: usize, direction: Direction) -> bool {
        let d = direction.index();
        let below = &self.holds[from.min(self.holds.len())..];
        match below.iter().find(|hold| hold.lanes[d].is_some() || hold.catches(direction)).map(|hold| &hold.lanes[d]) {
            Some(Some(lane)) => lane.has_room(),
            Some(None) => true,
            None => self.exits[d].bytes < EXIT_ROOM,
        }
    }

    /// How many bytes may still leave before an ending strikes.
    fn until_ending(&self, direction: Direction) -> Option<u64> {
        self.endings_in(direction).map(|(_, bytes, left)| bytes.saturating_sub(left)).min()
    }

    fn endings_in(&self, direction: Direction) -> impl Iterator<Item = (usize, u64, u64)> + '_ {
        self.holds.iter().enumerate().filter_map(move |(i, hold)| match (hold.state, hold.place) {
            (State::Waiting, Some((way, bytes))) if way == direction => Some((i, bytes, hold.left)),
            _ => None,
        })
    }

    fn count_down(&mut self, direction: Direction, length: u64, now: Instant) {
        for i in 0..self.holds.len() {
            let Some(hold) = self.holds.get_mut(i) else { return };
            if let (State::Waiting, Some((way, bytes))) = (hold.state, hold.place)
                && way == direction
            {
                hold.left += length;
                if hold.left >= bytes {
                    self.begin_strike(i, now);
                }
            }
        }
    }

    fn begin_strike(&mut self, i: usize, now: Instant) {
        if !self.may_strike(i, now) {
            return;
        }
        match self.holds[i].put_off(now) {
            Some(later) if later > Duration::ZERO => {
                self.holds[i].state = State::Striking { at: now + later };
                self.reckon();
            }
            _ => self.strike(i, now),
        }
    }

    fn strike(&mut self, i: usize, now: Instant) {
        let fault = self.holds[i].fault.clone();
        if fault.fault.strike() == Some(Strike::GoAway) {
            return self.leave(i, fault, now);
        }
        let effect = fault.fault.effects.iter().find(|effect| effect.ends()).map_or("", |effect| effect.name());
        self.hit(i, effect, None, now);
        if let Some(direction) = self.holds[i].ends_inside()
            && !matches!(fault.fault.strike(), Some(Strike::Silence { .. } | Strike::CloseFrame(_)))
        {
            // Its place in the stream has been reached: nothing behind it leaves.
            self.discard(direction);
        }
        match fault.fault.strike() {
            Some(Strike::Reset | Strike::Down) => self.end(&fault, End::Rst, now),
            Some(Strike::Close) => self.end(&fault, End::Fin, now),
            Some(Strike::CloseFrame(code)) => self.part(i, &fault, code, now),
            Some(Strike::CloseHalf) => self.close_half(i, &fault),
            Some(Strike::Answer) => self.answer(i, &fault),
            Some(Strike::GoAway) => {}
            Some(Strike::Silence { lasts, resume }) => self.silence(i, &fault, lasts.map(|span| now + span.duration()), resume),
            None => {}
        }
        self.reckon();
    }

    fn close_half(&mut self, i: usize, fault: &Compiled) {
        let direction = if fault.way == Way::ToServer { Direction::ToServer } else { Direction::ToClient };
        self.holds[i].state = State::Spent;
        for lane in self.holds.iter_mut().filter_map(|hold| hold.lanes[direction.index()].as_mut()) {
            lane.empty().for_each(drop);
        }
        self.exits[direction.index()].push(Payload::End(End::Fin));
        self.shut[direction.index()] = true;
    }

    /// The client is to be asked to leave; all of this goes on.
    fn leave(&mut self, i: usize, fault: Arc<Compiled>, now: Instant) {
        self.holds[i].state = State::Spent;
        self.leaves = Some(fault);
        self.roll_unrolled(now);
        if !self.is_blocked() {
            for (direction, payload) in std::mem::take(&mut self.held_back) {
                self.receive(direction, payload, now);
            }
        }
        self.reckon();
    }

    /// Which fault asks the client to leave, once one does; whoever is asked says with `did` whether it could be said.
    pub fn leaves(&self) -> Option<Arc<Compiled>> {
        self.leaves.clone()
    }

    /// The faults that have chosen this request, and may send it again; with what their draws depend on.
    pub fn copies(&self) -> impl Iterator<Item = (&Arc<Compiled>, u64)> {
        let acts = |hold: &&Hold| !hold.told && matches!(hold.state, State::Shaping | State::Waiting | State::Striking { .. });
        let sends = |hold: &&Hold| hold.fault.fault.effects.iter().any(|effect| matches!(effect, AnyEffect::Duplicate(_)));
        self.holds.iter().filter(sends).filter(acts).map(|hold| (&hold.fault, hold.draw()))
    }

    /// What a fault asked for has been done, or what kept it from that.
    pub fn did(&mut self, fault: &Compiled, effect: &'static str, done: Result<(), Reason>, now: Instant) {
        self.leaves = self.leaves.take().filter(|leaves| leaves.name != fault.name);
        let Some(i) = self.holds.iter().position(|hold| hold.fault.name == fault.name) else { return };
        match done {
            Ok(()) => self.hit(i, effect, None, now),
            Err(reason) => self.keep_from(i, reason, now),
        }
    }

    /// Nothing more of this exchange passes either way, but what `say` is given.
    fn answer(&mut self, i: usize, fault: &Arc<Compiled>) {
        self.holds[i].state = State::Spent;
        if fault.moment != Moment::Answered {
            // In the middle of an answer, what has not left of it never will.
            self.discard(Direction::ToClient);
            self.discard(Direction::ToServer);
            self.shut[Direction::ToServer.index()] = true;
        }
        self.shut[Direction::ToClient.index()] = true;
        self.answers = Some(Answer { fault: fault.clone(), n: self.holds[i].draw(), wait: self.holds[i].wait });
    }

    /// Who is to answer, once somebody is; whoever asks gives the answer with `say`.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answers.take()
    }

    /// Gives the client something that has come from nobody. It goes through the faults as what comes from the upstream does.
    pub fn say(&mut self, payload: Payload, now: Instant) {
        self.onward(0, Direction::ToClient, Piece { due: now, payload }, now);
    }

    fn silence(&mut self, i: usize, fault: &Compiled, until: Option<Instant>, resume: bool) {
        let mut lost = false;
        if !resume && !fault.fault.staged {
            for direction in Direction::BOTH.into_iter().filter(|direction| fault.way.includes(*direction)) {
                lost |= self.discard(direction);
            }
        }
        self.holds[i].state = State::Silent { until, resume, lost };
    }

    /// Throws away all that waits in one direction; whether there was anything.
    fn discard(&mut self, direction: Direction) -> bool {
        let d = direction.index();
        let lanes = self.holds.iter_mut().filter_map(|hold| hold.lanes[d].as_mut());
        let waiting = lanes.flat_map(|lane| lane.empty()).filter(|payload| !matches!(payload, Payload::Bound(_))).count();
        waiting + self.exits[d].take() > 0
    }

    /// Ends the conversation: what was due leaves, what was not does not.
    fn end(&mut self, by: &Arc<Compiled>, end: End, now: Instant) {
        self.over = Some(Over { by: by.clone(), end });
        for direction in Direction::BOTH {
            if !self.is_stopped(direction) {
                self.advance(direction, now);
            }
            self.exits[direction.index()].push(Payload::End(end));
        }
        self.held_back.clear();
        self.finish(now);
        self.reckon();
    }

    /// No more will come: faults that were chosen and never acted say so.
    pub fn finish(&mut self, now: Instant) {
        for hold in std::mem::take(&mut self.holds) {
            if !hold.told && !matches!(hold.state, State::Spent | State::Unrolled) {
                hold.give_back();
                hold.fault.tally.suppress(Reason::EndedFirst);
                self.tell(&hold.fault, hold.n, What::Suppressed(Reason::EndedFirst), now);
            }
        }
    }

    /// The one moment at which it wants to be asked again, whatever else happens. `taking`: which directions' destinations take
    /// anything now; what is due for the others waits for them, and not for time.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        if self.over.is_some() {
            return None;
        }
        let moves = Direction::BOTH.map(|direction| taking[direction.index()] && !self.is_stopped(direction));
        self.holds
            .iter()
            .flat_map(|hold| {
                let own = match hold.state {
                    State::Waiting => hold.moment_at(self.last),
                    State::Striking { at } => Some(at),
                    State::Silent { until, .. } => until,
                    State::Unrolled | State::Spent | State::Shaping => None,
                };
                let lanes = hold.lanes.iter().zip(moves).filter(|(_, moves)| *moves).filter_map(|(lane, _)| lane.as_ref()?.wake);
                own.into_iter().chain(lanes)
            })
            .min()
    }

    /// Whether to read from that direction's source: back-pressure.
    pub fn wants(&self, direction: Direction) -> bool {
        let d = direction.index();
        if self.over.is_some() {
            return false;
        }
        if self.shut[d] || self.holds.iter().any(|hold| hold.silences(direction)) {
            return true;
        }
        !self.is_blocked()
            && !self.holds.iter().any(|hold| hold.is_silent(direction))
            && self.has_room(0, direction)
            && self.held(direction) < HELD_ROOM
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        let d = direction.index();
        self.exits[d].bytes + self.holds.iter().filter_map(|hold| hold.lanes[d].as_ref()).map(|lane| lane.bytes()).sum::<usize>()
    }

    /// Nothing is in the way and nothing waits: bytes may pass by, without a piece made of them.
    pub fn is_direct(&self, direction: Direction) -> bool {
        self.direct[direction.index()] && self.exits[direction.index()].queue.is_empty()
    }

    /// Whether the upstream is to be dialled now.
    pub fn dial(&self, now: Instant) -> Dial {
        let silent = |hold: &Hold| Direction::BOTH.into_iter().all(|direction| hold.is_silent(direction));
        if self.over.is_some() || self.is_blocked() || self.holds.iter().any(silent) {
            return Dial::Wait;
        }
        match self.holds.iter().filter_map(|hold| hold.dial_at).max() {
            Some(at) if at > now => Dial::At(at),
            _ => Dial::Now,
        }
    }

    /// The upstream has answered the dial.
    pub fn dialled(&mut self) {
        self.dialled = true;
    }

    pub fn has_dialled(&self) -> bool {
        self.dialled
    }

    /// The head of an answer has left, without having come through here.
    pub fn spoke(&mut self) {
        self.spoken = true;
    }

    /// How a fault ended it, if one did.
    pub fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    /// An ending of this conversation is being put off: nothing passes.
    fn is_blocked(&self) -> bool {
        self.holds.iter().any(|hold| hold.is_striking() && !hold.fault.fault.staged && hold.fault.moment != Moment::Answered)
    }

    /// A fault is silent that way.
    pub fn is_silent(&self, direction: Direction) -> bool {
        self.holds.iter().any(|hold| hold.is_silent(direction))
    }

    /// Nothing leaves that way, whatever is due.
    fn is_stopped(&self, direction: Direction) -> bool {
        self.is_blocked() || self.is_silent(direction)
    }

    fn hit(&mut self, i: usize, effect: &'static str, direction: Option<Direction>, now: Instant) {
        let hold = &mut self.holds[i];
        if hold.told {
            return;
        }
        hold.told = true;
        hold.fault.tally.hits.fetch_add(1, Relaxed);
        let (fault, n) = (hold.fault.clone(), hold.n);
        self.tell(&fault, n, What::Hit { effect, direction }, now);
    }

    /// An effect could not do what it was to do; that is told once, and it is no hit.
    fn keep_from(&mut self, i: usize, reason: Reason, now: Instant) {
        let hold = &mut self.holds[i];
        if hold.told {
            return;
        }
        hold.told = true;
        hold.give_back();
        hold.fault.tally.suppress(reason);
        let (fault, n) = (hold.fault.clone(), hold.n);
        self.tell(&fault, n, What::Suppressed(reason), now);
    }

    fn tell(&mut self, fault: &Arc<Compiled>, n: u64, what: What, now: Instant) {
        let (request, trace) = (self.who.line(), self.who.trace());
        self.events.push(Event { at: now, generation: self.plan.generation, fault: fault.clone(), n, request, trace, what });
    }

    /// Works out anew which directions are free of any fault.
    fn reckon(&mut self) {
        for direction in Direction::BOTH {
            let d = direction.index();
            let in_the_way = |hold: &Hold| {
                hold.lanes[d].is_some()
                    || match hold.state {
                        State::Unrolled | State::Spent | State::Shaping => false,
                        State::Striking { .. } | State::Silent { .. } => !hold.fault.fault.staged || hold.catches(direction),
                        State::Waiting => match hold.fault.moment {
                            Moment::Idle => true,
                            Moment::NextBytes(way) | Moment::Bytes(way, _) | Moment::Share(way, _) | Moment::Messages(way, _) => {
                                way == direction
                            }
                            Moment::Message => true,
                            Moment::Answered => direction == Direction::ToClient,
                            Moment::Connect | Moment::Time(_) => false,
                        },
                    }
            };
            self.direct[d] = self.over.is_none() && !self.shut[d] && !self.holds.iter().any(in_the_way);
        }
    }
}

#[cfg(test)]
mod staged_tests;
#[cfg(test)]
mod tests;
