//! One request and its answer, whatever version of HTTP carries them: the faults that are about it, found as its head, its body and its
//! answer come, and the conversation that they have with it.

use crate::{
    again::{Again, Kept, Sent},
    choosing::Choosing,
    conversation::{Answer, Conversation, Over},
    dice::{Purpose, falls_below},
    effect::{AnyEffect, duplicate::Duplicate},
    event::Event,
    matching::body::{BODY_ROOM, Unreadable},
    messaging::{Messaging, Out},
    piece::{Bound, Direction, End, Payload},
    plan::{Compiled, Plan, Reason},
    record::Record,
    subject::{Headers, Subject},
    who::Who,
};
use bytes::{Bytes, BytesMut};
use faultwire_messages::Lost;
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

/// What one direction of an exchange that no fault is about may hold; then reading stops, as the kernel's would.
pub const ROOM: usize = 64 << 10;

#[derive(Debug)]
pub struct Exchange {
    /// Who asks, and what.
    who: Who,
    /// When its connection was opened.
    opened: Instant,
    begun: Instant,
    choosing: Option<Box<Choosing>>,
    /// What has come of a request whose body decides which faults are about it.
    pending: Option<Pending>,
    /// What it is made of, if it carries a long conversation.
    messaging: Option<Box<Messaging>>,
    talk: Talk,
    /// The head of an answer has left.
    spoken: bool,
    /// What the client is told, as far as it is known.
    pub status: Option<u16>,
    /// The fault that answered in the upstream's place.
    pub by: Option<Arc<Compiled>>,
    /// Content that has left.
    left: [u64; 2],
    /// The whole request has come.
    asked: bool,
    /// And it never will.
    broken_off: bool,
    /// What has left of it, if it is to be sent again.
    kept: Kept,
    /// All of it has left, and is to be sent again.
    again: Vec<Again>,
}

/// A request that is held until its body has come.
#[derive(Debug, Default)]
struct Pending {
    payloads: Vec<Payload>,
    content: BytesMut,
}

#[derive(Debug)]
enum Talk {
    /// No fault is about it.
    Free([VecDeque<Payload>; 2]),
    Under(Box<Conversation>),
}

impl Talk {
    /// Whether more may come to it.
    fn wants(&self, direction: Direction) -> bool {
        match self {
            Talk::Free(_) => true,
            Talk::Under(talk) => talk.wants(direction),
        }
    }
}

impl Exchange {
    /// An answer to what was no request.
    pub fn unasked(opened: Instant, now: Instant) -> Exchange {
        Exchange {
            who: Who::default(),
            opened,
            begun: now,
            choosing: None,
            pending: None,
            messaging: None,
            talk: Talk::Free(Default::default()),
            spoken: false,
            status: None,
            by: None,
            left: [0, 0],
            asked: false,
            broken_off: false,
            kept: Kept::default(),
            again: Vec::new(),
        }
    }

    /// At the head of a request. `may_wait`: its body comes by itself, so that it can be waited for.
    pub fn begin(
        plan: &Plan,
        connection: &Who,
        request: Arc<dyn Subject + Send + Sync>,
        may_wait: bool,
        opened: Instant,
        now: Instant,
    ) -> Exchange {
        plan.carried.fetch_add(1, Relaxed);
        let messaging = Messaging::of_request(&*request, opened).map(Box::new);
        let mut exchange = Exchange { who: connection.asking(request), messaging, ..Exchange::unasked(opened, now) };
        if !plan.looks_at_requests() {
            return exchange;
        }
        let Some(mut choosing) = Choosing::begin(plan, exchange.who.clone(), now) else { return exchange };
        if choosing.waits_for_body() {
            match may_wait {
                true => exchange.pending = Some(Pending::default()),
                false => choosing.body(Err(Unreadable::TooLarge)),
            }
        }
        if let (Some(part), None) = (choosing.part(plan), &exchange.pending) {
            exchange.talk = Talk::Under(Box::new(Conversation::of(part, choosing.who().clone(), opened, now)));
        }
        exchange.choosing = Some(Box::new(choosing));
        exchange.tell_messages(now);
        exchange
    }

    /// More of the request.
    pub fn asks(&mut self, payload: Payload, plan: &Plan, now: Instant) {
        let ends = matches!(payload, Payload::End(_));
        self.asked |= ends;
        self.receive(Direction::ToServer, payload, now);
        let Some(pending) = &mut self.pending else { return };
        if pending.content.len() > BODY_ROOM {
            self.decide(Err(Unreadable::TooLarge), plan, now);
        } else if ends {
            let body = pending.content.split().freeze();
            self.decide(Ok(body), plan, now);
        }
    }

    /// No more of the request will come: what is there of it goes on.
    pub fn breaks_off(&mut self, plan: &Plan, now: Instant) {
        self.broken_off |= !self.asked;
        self.decide(Err(Unreadable::TooLarge), plan, now);
    }

    /// What is held of it is thrown away.
    pub fn forget(&mut self) {
        self.pending = None;
    }

    /// All that is waited for of the request has come: it goes on, with the faults that are about it.
    fn decide(&mut self, body: Result<Bytes, Unreadable>, plan: &Plan, now: Instant) {
        let Some(pending) = self.pending.take() else { return };
        if let Some(choosing) = &mut self.choosing {
            choosing.body(body);
            if let Some(part) = choosing.part(plan) {
                self.talk = Talk::Under(Box::new(Conversation::of(part, choosing.who().clone(), self.opened, now)));
            }
        }
        self.tell_messages(now);
        pending.payloads.into_iter().for_each(|payload| self.receive(Direction::ToServer, payload, now));
    }

    /// The head of its answer has come: a match may ask for that.
    pub fn hears(&mut self, status: u16, headers: &dyn Headers, plan: &Plan, now: Instant) {
        self.status = Some(status);
        if let Some(request) = &self.who.request
            && self.messaging.is_none()
        {
            self.messaging = Messaging::of_answer(status, headers, &**request, plan.follows, self.opened).map(Box::new);
            self.tell_messages(now);
        }
        let Some(choosing) = &mut self.choosing else { return };
        if choosing.answer(status, headers) {
            let part = choosing.part(plan);
            self.take(part, true, now);
        }
    }

    /// Takes a new plan. `began`: some of it has left already.
    pub fn adopt(&mut self, plan: &Plan, began: bool, now: Instant) {
        if self.who.request.is_none() {
            return;
        }
        let choosing = match self.choosing.take() {
            Some(mut choosing) => {
                choosing.adopt(plan, now);
                Some(choosing)
            }
            None if plan.looks_at_requests() => Choosing::late(plan, self.who.clone(), now).map(Box::new),
            None => None,
        };
        let part = choosing.as_ref().and_then(|choosing| choosing.part(plan));
        let waits = choosing.as_ref().is_some_and(|choosing| choosing.waits_for_body());
        self.choosing = choosing;
        match self.pending {
            Some(_) if waits => {}
            Some(_) => self.decide(Err(Unreadable::TooLarge), plan, now),
            None => self.take(part, began, now),
        }
    }

    fn take(&mut self, plan: Option<Arc<Plan>>, began: bool, now: Instant) {
        self.take_plan(plan, began, now);
        if began && matches!(self.kept, Kept::Nothing) {
            self.keep_from_copying(Reason::TooLate, now);
        }
    }

    fn take_plan(&mut self, plan: Option<Arc<Plan>>, began: bool, now: Instant) {
        match (&mut self.talk, plan) {
            (Talk::Under(talk), Some(plan)) => talk.adopt(plan, now),
            (Talk::Under(talk), None) => talk.adopt(Arc::new(Plan::empty(talk.plan().generation)), now),
            (Talk::Free(_), None) => {}
            (Talk::Free(lines), Some(plan)) => {
                let waiting = std::mem::take(lines);
                let who = self.choosing.as_ref().map(|choosing| choosing.who().clone()).unwrap_or_default();
                let mut talk = Conversation::of(Arc::new(Plan::empty(plan.generation)), who, self.opened, now);
                if began {
                    talk.dialled();
                }
                if self.spoken {
                    talk.spoke();
                }
                talk.adopt(plan, now);
                let websocket = self.messaging.as_ref().filter(|messaging| messaging.is_websocket());
                if websocket.is_some() {
                    talk.upgrade(self.spoken, true);
                }
                for (direction, line) in Direction::BOTH.into_iter().zip(waiting) {
                    line.into_iter().for_each(|payload| talk.receive(direction, payload, now));
                    if let Some(messaging) = websocket.filter(|messaging| !messaging.is_inside(direction)) {
                        let bound = if messaging.is_parted(direction) { Bound::Last } else { Bound::Between };
                        talk.receive(direction, Payload::Bound(bound), now);
                    }
                }
                self.talk = Talk::Under(Box::new(talk));
            }
        }
        self.tell_messages(now);
    }

    /// The faults about single messages act in front of the others.
    fn tell_messages(&mut self, now: Instant) {
        let (Some(messaging), Talk::Under(talk)) = (&mut self.messaging, &mut self.talk) else { return };
        if messaging.is_websocket() {
            talk.upgrade(self.spoken, false);
        }
        let plan = talk.plan().clone();
        messaging.adopt(&plan, talk.who(), now);
        self.hand_on(Direction::ToServer, now);
        self.hand_on(Direction::ToClient, now);
    }

    /// Moves what may move between the messages and the conversation that they are in.
    fn hand_on(&mut self, direction: Direction, now: Instant) {
        let Some(messaging) = &mut self.messaging else { return };
        while messaging.watches(direction) || self.talk.wants(direction) {
            match (messaging.release(direction, now), &mut self.talk) {
                (None, _) => return,
                (Some(Out::Payload(payload)), Talk::Under(talk)) => talk.receive(direction, payload, now),
                (Some(Out::Payload(payload)), Talk::Free(lines)) => lines[direction.index()].push_back(payload),
                (Some(Out::Strike(chosen)), Talk::Under(talk)) => talk.strike_at(direction, chosen, now),
                (Some(Out::Strike(chosen)), Talk::Free(_)) => chosen.fault.give_back(chosen.drawn_by),
            }
        }
    }

    /// Something has come from one side.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        if let (Direction::ToServer, Some(pending)) = (direction, &mut self.pending) {
            if let Payload::Data(bytes) = &payload {
                pending.content.extend_from_slice(bytes);
            }
            pending.payloads.push(payload);
            return;
        }
        match (&mut self.messaging, &mut self.talk) {
            (Some(messaging), talk) => {
                let (splits, who) = match talk {
                    Talk::Free(_) => (false, &self.who),
                    Talk::Under(talk) => (true, talk.who()),
                };
                messaging.receive(direction, payload, splits, who, now);
                self.hand_on(direction, now);
            }
            (None, Talk::Free(lines)) => lines[direction.index()].push_back(payload),
            (None, Talk::Under(talk)) => talk.receive(direction, payload, now),
        }
    }

    /// Content that goes by without coming through here, since no fault is about it: where messages end in it has to be known when one
    /// comes.
    pub fn look(&mut self, direction: Direction, bytes: &Bytes, now: Instant) {
        if let Some(messaging) = &mut self.messaging {
            messaging.look(direction, bytes, &self.who, now);
        }
    }

    /// The head of its answer has left, and did not come through here.
    pub fn spoke(&mut self) {
        self.spoken = true;
    }

    /// Gives the client something that has come from nobody.
    pub fn say(&mut self, payload: Payload, now: Instant) {
        match &mut self.talk {
            Talk::Free(lines) => lines[Direction::ToClient.index()].push_back(payload),
            Talk::Under(talk) => talk.say(payload, now),
        }
    }

    /// Who is to answer in the upstream's place, once somebody is.
    pub fn take_answer(&mut self) -> Option<Answer> {
        match &mut self.talk {
            Talk::Free(_) => None,
            Talk::Under(talk) => talk.take_answer(),
        }
    }

    /// Which fault asks the client to leave, once one does.
    pub fn leaves(&self) -> Option<Arc<Compiled>> {
        match &self.talk {
            Talk::Free(_) => None,
            Talk::Under(talk) => talk.leaves(),
        }
    }

    /// What a fault asked for has been done, or what kept it from that.
    pub fn did(&mut self, fault: &Compiled, effect: &'static str, done: Result<(), Reason>, now: Instant) {
        if let Talk::Under(talk) = &mut self.talk {
            talk.did(fault, effect, done, now);
        }
    }

    /// What has left of a request that is to be sent again is kept; once that is all of it, it is.
    fn keep(&mut self, payload: &Payload, now: Instant) {
        let Talk::Under(talk) = &mut self.talk else { return };
        match (payload, &self.kept) {
            (Payload::Head(_), Kept::Nothing) => {
                if talk.copies().next().is_none() {
                    return;
                }
                if becomes_a_tunnel(&self.who) {
                    return self.keep_from_copying(Reason::Unreadable, now);
                }
                self.kept = Kept::Payloads(Vec::new(), 0);
            }
            (_, Kept::Nothing) => return,
            (Payload::End(End::Fin), _) if !self.broken_off => {
                if let Some(sent) = self.kept.take() {
                    self.again.extend(again(talk, &sent, now));
                }
                return;
            }
            (Payload::End(_), _) => {
                self.kept = Kept::Nothing;
                return;
            }
            _ => {}
        }
        if !self.kept.keep(payload) {
            self.keep_from_copying(Reason::TooLarge, now);
        }
    }

    /// It is not sent again, by whatever fault.
    fn keep_from_copying(&mut self, reason: Reason, now: Instant) {
        self.kept = Kept::Nothing;
        let Talk::Under(talk) = &mut self.talk else { return };
        let faults: Vec<_> = talk.copies().map(|(fault, _)| fault.clone()).collect();
        faults.iter().for_each(|fault| talk.did(fault, DUPLICATE, Err(reason), now));
    }

    /// Requests that are to be sent again.
    pub fn take_again(&mut self) -> Vec<Again> {
        std::mem::take(&mut self.again)
    }

    pub fn tick(&mut self, now: Instant) {
        Direction::BOTH.into_iter().for_each(|direction| self.hand_on(direction, now));
        if let Talk::Under(talk) = &mut self.talk {
            talk.tick(now);
        }
    }

    /// The next payload that may go out that way now.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        self.hand_on(direction, now);
        let payload = match &mut self.talk {
            Talk::Free(lines) => lines[direction.index()].pop_front(),
            Talk::Under(talk) => {
                let payload = talk.transmit(direction, now);
                if direction == Direction::ToServer && payload.is_some() {
                    talk.dialled();
                }
                payload
            }
        }?;
        self.spoken |= direction == Direction::ToClient && matches!(payload, Payload::Head(_));
        self.left[direction.index()] += payload.content();
        if direction == Direction::ToServer {
            self.keep(&payload, now);
        }
        Some(payload)
    }

    /// What is to go out next, if no fault is about it.
    pub fn next(&self, direction: Direction) -> Option<&Payload> {
        match &self.talk {
            Talk::Free(lines) => lines[direction.index()].front(),
            Talk::Under(_) => None,
        }
    }

    /// No fault is about it.
    pub fn is_free(&self) -> bool {
        matches!(self.talk, Talk::Free(_)) && self.pending.is_none()
    }

    /// Something of it has gone to the upstream.
    pub fn has_begun(&self) -> bool {
        matches!(&self.talk, Talk::Under(talk) if talk.has_dialled())
    }

    /// How a fault has ended it, if one has.
    pub fn over(&self) -> Option<&Over> {
        match &self.talk {
            Talk::Free(_) => None,
            Talk::Under(talk) => talk.over(),
        }
    }

    /// A fault is silent that way.
    pub fn is_silent(&self, direction: Direction) -> bool {
        matches!(&self.talk, Talk::Under(talk) if talk.is_silent(direction))
    }

    /// The one moment at which it wants to be asked again.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        match &self.talk {
            Talk::Free(_) => None,
            Talk::Under(talk) => {
                let moves = |direction: &Direction| talk.over().is_none() && talk.wants(*direction);
                let messages = self
                    .messaging
                    .iter()
                    .flat_map(|messaging| Direction::BOTH.into_iter().filter(moves).filter_map(|direction| messaging.wake(direction)));
                messages.chain(talk.wake(taking)).min()
            }
        }
    }

    /// Whether more is to be read for that direction.
    pub fn wants(&self, direction: Direction) -> bool {
        match &self.talk {
            _ if direction == Direction::ToServer && self.pending.is_some() => true,
            Talk::Free(_) => self.held(direction) < ROOM,
            talk => talk.wants(direction) && self.messaging.as_ref().is_none_or(|messaging| messaging.has_room(direction)),
        }
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        let pending = self.pending.as_ref().filter(|_| direction == Direction::ToServer).map_or(0, |pending| pending.content.len());
        pending
            + self.messaging.as_ref().map_or(0, |messaging| messaging.held(direction))
            + match &self.talk {
                Talk::Free(lines) => lines[direction.index()].iter().map(Payload::len).sum::<usize>(),
                Talk::Under(talk) => talk.held(direction),
            }
    }

    pub fn has_events(&self) -> bool {
        matches!(&self.talk, Talk::Under(talk) if talk.has_events())
            || self.messaging.as_ref().is_some_and(|messaging| messaging.has_events())
    }

    pub fn events(&mut self) -> Vec<Event> {
        let mut events = self.messaging.as_mut().map(|messaging| messaging.events()).unwrap_or_default();
        if let Talk::Under(talk) = &mut self.talk {
            events.extend(talk.events());
        }
        events
    }

    /// No more will come; what faults have to say about that.
    pub fn finish(&mut self, now: Instant) -> Vec<Event> {
        if let Talk::Under(talk) = &mut self.talk {
            talk.finish(now);
        }
        self.events()
    }

    /// The head of an answer has left.
    pub fn has_spoken(&self) -> bool {
        self.spoken
    }

    /// Why, and from where on, the messages of that direction cannot be read.
    pub fn lost(&self, direction: Direction) -> Option<Lost> {
        self.messaging.as_ref()?.lost(direction)
    }

    /// What became of it; none if it was no request. `by`: what else ended it.
    pub fn record(&self, number: u64, by: Option<&Arc<Compiled>>, now: Instant) -> Option<Record> {
        let by = self.by.as_ref().or(self.over().map(|over| &over.by)).or(by).map(|fault| fault.name.clone());
        let request = self.who.line()?;
        Some(Record { number, request, status: self.status, by, took: now.saturating_duration_since(self.begun), bytes: self.left })
    }

    /// It was a request, and not only an answer.
    pub fn was_asked(&self) -> bool {
        self.who.request.is_some()
    }
}

const DUPLICATE: &str = "duplicate";

/// Behind such a request no end of it comes.
fn becomes_a_tunnel(who: &Who) -> bool {
    who.with(|request| request.method() == b"CONNECT" || request.any("upgrade", &mut |_| true))
}

/// Rolls for each fault that may send a request again.
fn again(talk: &mut Conversation, sent: &Sent, now: Instant) -> Vec<Again> {
    let faults: Vec<_> = talk.copies().map(|(fault, n)| (fault.clone(), n)).collect();
    let mut again = Vec::new();
    for (fault, n) in faults {
        let duplicate = fault.fault.effects.iter().find_map(|effect| if let AnyEffect::Duplicate(it) = effect { Some(it) } else { None });
        let Some(Duplicate { duplicate, copies, gap }) = duplicate else { continue };
        let share = duplicate.at(now.saturating_duration_since(fault.since)).0;
        if !falls_below(fault.dice.draw(Purpose::Duplicate, n, 0), share) {
            // What else the fault does it still may do.
            if fault.fault.effects.len() == 1 {
                talk.did(&fault, DUPLICATE, Err(Reason::Probability), now);
            }
            continue;
        }
        let copies: Vec<_> = (0..*copies).map_while(|_| fault.tally.copy()).collect();
        let done = if copies.is_empty() { Err(Reason::MaxActive) } else { Ok(()) };
        talk.did(&fault, DUPLICATE, done, now);
        if done.is_ok() {
            again.push(Again { request: sent.clone(), gap: gap.duration(), copies, fault });
        }
    }
    again
}
