//! The exchanges of one HTTP/2 connection under one plan: each stream is an exchange of its own, with the faults that are about it, and
//! there is no order between them. What no fault is about leaves as it came, in the order in which it came, among it all that belongs to the
//! connection. Like a conversation it is told what happens and when, and knows neither sockets nor clocks.
//!
//! A fault ends a stream and never its connection. The client is told with RST_STREAM and the code that `reset` names, or INTERNAL_ERROR, for
//! `close` as well: END_STREAM would make a complete answer of what there is, NO_ERROR is for what stands behind a complete one (RFC 9113,
//! 8.1), and REFUSED_STREAM would say that nothing has been done. The upstream is told CANCEL.

mod leaving;
mod open;

use crate::{
    again::Again,
    conversation::{HELD_ROOM, Over},
    event::Event,
    exchange::{Exchange, ROOM},
    head::{Head, List},
    piece::{Direction, End, Payload},
    plan::{Compiled, Plan},
    record::{Ends, Record},
    reply::{Dates, Parts},
    who::Who,
};
use bytes::{Bytes, BytesMut};
use faultwire_http2::{self as http2, Cut, Http2, Lost, Part, Way, frame::code};
use open::{Asking, Open};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

#[derive(Debug)]
pub struct Streams {
    plan: Arc<Plan>,
    /// Who is behind the connection.
    who: Who,
    /// When the connection was opened.
    opened: Instant,
    http: Http2,
    dates: Box<dyn Dates>,
    /// What has come and is not cut yet.
    buffers: [BytesMut; 2],
    /// By the client's number of the stream. Boxed, since the map moves what it holds.
    open: BTreeMap<u32, Box<Open>>,
    /// Requests so far.
    asked: u64,
    /// What has come, in its order.
    line: [VecDeque<Token>; 2],
    /// Bytes in it.
    waiting: [usize; 2],
    /// The large frame under way goes through an exchange.
    inside_under: [bool; 2],
    /// Frames of our own.
    own: [VecDeque<Bytes>; 2],
    /// What has been made ready to leave, and nothing may come between.
    burst: [VecDeque<Bytes>; 2],
    /// Streams of which something may leave.
    ready: [VecDeque<u32>; 2],
    /// How the source of a direction has ended, not handed on yet.
    ended: [Option<End>; 2],
    /// What ends the connection behind what is our own.
    ending: Option<Over>,
    /// The fault that has asked the client to leave: the connection ends once nothing is under way.
    leaving: Option<Arc<Compiled>>,
    over: Option<Over>,
    /// The end of `over` has been handed on.
    said: [bool; 2],
    events: Vec<Event>,
    told: Vec<Told>,
    ends: Ends,
    /// Whether somebody wants to know of every exchange.
    pub watched: bool,
}

/// What is to be told, besides what faults do.
#[derive(Debug)]
pub enum Told {
    /// Frames could not be followed; the rest of what comes that way is plain bytes.
    Lost(Direction, Lost),
    /// An exchange has ended.
    Ended(Box<Record>),
    /// A request is to be sent again.
    Again(Box<Again>),
}

#[derive(Debug)]
enum Token {
    /// It goes on as it is.
    Raw(Cut),
    /// Something of that stream has come.
    Turn(u32),
}

impl Streams {
    pub fn new(plan: Arc<Plan>, who: Who, dates: Box<dyn Dates>, now: Instant) -> Streams {
        Streams {
            plan,
            who,
            opened: now,
            http: Http2::default(),
            dates,
            buffers: Default::default(),
            open: BTreeMap::new(),
            asked: 0,
            line: Default::default(),
            waiting: [0; 2],
            inside_under: [false; 2],
            own: Default::default(),
            burst: Default::default(),
            ready: Default::default(),
            ended: [None, None],
            ending: None,
            leaving: None,
            over: None,
            said: [false, false],
            events: Vec::new(),
            told: Vec::new(),
            ends: Ends::default(),
            watched: false,
        }
    }

    /// Takes a new plan, for the exchanges under way as well.
    pub fn adopt(&mut self, plan: Arc<Plan>, now: Instant) {
        self.plan = plan;
        if self.over.is_some() {
            return;
        }
        for (number, open) in &mut self.open {
            let began = self.http.is_forwarded(*number) || open.raws[0] > 0 || open.exchange.has_begun();
            open.exchange.adopt(&self.plan, began, now);
            open.under |= !open.exchange.is_free();
        }
        self.settle(now);
    }

    /// Something has come from one side of the connection.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        let d = direction.index();
        if self.over.is_some() {
            return;
        }
        match payload {
            Payload::End(end) => self.source_ended(direction, end, now),
            Payload::Head(_) | Payload::Trailers(_) | Payload::Pong(_) | Payload::Bound(_) => {
                debug_assert!(false, "what has parts comes out of here");
            }
            Payload::Frame(bytes) | Payload::Data(bytes) => {
                let mut buffer = std::mem::take(&mut self.buffers[d]);
                match buffer.is_empty() {
                    true => buffer = BytesMut::from(bytes),
                    false => buffer.extend_from_slice(&bytes),
                }
                while let Some(cut) = self.http.cut(way(direction), &mut buffer) {
                    self.come(direction, cut, now);
                }
                self.buffers[d] = buffer;
            }
        }
    }

    fn come(&mut self, direction: Direction, cut: Cut, now: Instant) {
        let d = direction.index();
        match (&cut, direction) {
            (Cut::Head(head), Direction::ToServer) => self.begin(head, now),
            (Cut::Head(head), Direction::ToClient) => {
                if let (Some(open), Some(status)) = (self.open.get_mut(&head.stream), head.fields.status()) {
                    open.exchange.hears(status, &head.fields, &self.plan, now);
                    open.under |= !open.exchange.is_free();
                }
            }
            (Cut::GoAway { last, .. }, Direction::ToClient) => self.abandon(*last, now),
            (Cut::Lost(lost), _) => {
                self.told.push(Told::Lost(direction, *lost));
                return;
            }
            // What has been changed cannot go on as plain bytes.
            (Cut::Plain(_), _) if !self.http.is_untouched() || self.held(direction) > self.waiting[d] => {
                self.ended = [Some(End::Rst); 2];
                return;
            }
            _ => {}
        }
        let (stream, may_hold) = match &cut {
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => (head.stream, true),
            Cut::Data(data) => (data.stream, true),
            Cut::Reset { stream, .. } => (*stream, true),
            _ => (0, false),
        };
        let mut under = may_hold && self.open.get(&stream).is_some_and(|open| open.under);
        if let Cut::Data(data) = &cut {
            match data.part {
                Part::Whole => {}
                Part::First => self.inside_under[d] = under,
                Part::Middle | Part::Last => under = self.inside_under[d],
            }
        }
        if under {
            self.take(direction, stream, cut, now);
            self.line[d].push_back(Token::Turn(stream));
        } else {
            self.waiting[d] += cut.raw().len();
            if let Some(open) = self.open.get_mut(&stream) {
                open.raws[d] += 1;
                if let Cut::Data(data) = &cut {
                    open.exchange.look(direction, &data.bytes, now);
                }
            }
            self.line[d].push_back(Token::Raw(cut));
        }
    }

    /// A request begins.
    fn begin(&mut self, head: &http2::Head, now: Instant) {
        self.asked += 1;
        let is_head = head.fields.first(":method") == Some(b"HEAD");
        // Who expects 100 sends no body before it, and nobody is here to say it.
        let may_wait = head.fields.first("expect").is_none();
        let request = Arc::new(Asking(head.fields.clone()));
        let exchange = Exchange::begin(&self.plan, &self.who, request, may_wait, self.opened, now);
        self.open.insert(head.stream, Box::new(Open::new(self.asked, exchange, is_head)));
    }

    /// What has come goes through its exchange.
    fn take(&mut self, direction: Direction, stream: u32, cut: Cut, now: Instant) {
        let way = way(direction);
        let Some(open) = self.open.get_mut(&stream).filter(|open| !open.answered) else {
            // Nobody is there for it any more; its sender is given back what it has sent.
            self.http.pass(way, &cut);
            self.part_if_over(stream, now);
            return;
        };
        if let Cut::Data(data) = &cut {
            self.http.take(way, data);
        }
        open.take(direction, cut, &self.plan, now);
        self.answer(stream, now);
    }

    /// The upstream goes away, and will not serve these; the client could not know by their numbers.
    fn abandon(&mut self, last: u32, now: Instant) {
        for stream in self.http.abandoned(last) {
            if self.open.get(&stream).is_some_and(|open| open.under && !open.answered) {
                self.reset(stream, code::REFUSED_STREAM, now);
            }
        }
    }

    /// Ends a stream on both sides.
    fn reset(&mut self, stream: u32, to_client: u32, now: Instant) {
        let frames = self.http.reset(stream, code::CANCEL, to_client);
        for (own, frame) in self.own.iter_mut().zip(frames) {
            own.extend(frame);
        }
        self.part_if_over(stream, now);
    }

    fn source_ended(&mut self, direction: Direction, end: End, now: Instant) {
        let d = direction.index();
        let rest = self.buffers[d].split().freeze();
        if !rest.is_empty() && self.http.is_untouched() {
            self.waiting[d] += rest.len();
            self.line[d].push_back(Token::Raw(Cut::Plain(rest)));
        }
        if direction == Direction::ToServer {
            for open in self.open.values_mut() {
                open.exchange.breaks_off(&self.plan, now);
            }
        }
        self.ended[d] = Some(end);
        self.settle(now);
    }

    /// Does what time alone brings.
    pub fn tick(&mut self, now: Instant) {
        for open in self.open.values_mut().filter(|open| open.under) {
            open.exchange.tick(now);
        }
        self.settle(now);
    }

    /// Gives the answers that are due, and lets every stream go on that may.
    fn settle(&mut self, now: Instant) {
        let under: Vec<u32> = self.open.iter().filter(|(_, open)| open.under).map(|(stream, _)| *stream).collect();
        for stream in under {
            self.answer(stream, now);
            self.may_go_on(stream);
        }
    }

    fn may_go_on(&mut self, stream: u32) {
        let Some(open) = self.open.get_mut(&stream).filter(|open| open.under) else { return };
        for d in [0, 1] {
            if !std::mem::replace(&mut open.ready[d], true) {
                self.ready[d].push_back(stream);
            }
        }
    }

    fn answer(&mut self, stream: u32, now: Instant) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        if let Some(fault) = open.exchange.leaves() {
            open.exchange.did(&fault, "goaway", Ok(()), now);
            self.go_away(&fault);
        }
        let Some(open) = self.open.get_mut(&stream) else { return };
        let Some(answer) = open.exchange.take_answer() else { return };
        let turn = answer.turn();
        let parts = turn.parts(stream, open.is_head, &self.dates.date());
        let all = |fields, is_all| Head::Http2(Box::new(List { fields, raw: None, is_all }));
        open.clear();
        open.answered = true;
        match parts {
            // A call fails behind what has been said of it; anything else can only be broken off.
            Parts::Whole { .. } if open.has_said => {
                let trailers = turn.trailers();
                if !trailers.iter().any(|field| field.name == "grpc-status") {
                    open.exchange.by = Some(answer.fault);
                    self.reset(stream, code::INTERNAL_ERROR, now);
                    return;
                }
                open.exchange.say(Payload::Trailers(all(trailers, true)), now);
            }
            Parts::Whole { head, body } => {
                let head = all(head, body.is_empty());
                open.exchange.status = head.status();
                open.exchange.say(Payload::Head(head), now);
                if !body.is_empty() {
                    open.exchange.say(Payload::Data(body), now);
                }
            }
            Parts::Broken(flawed) => {
                open.exchange.status = None;
                let (body, trailers) = (!flawed.body.is_empty(), !flawed.trailers.is_empty());
                let is_all = !body && !trailers && flawed.last.is_none();
                let head = (!flawed.head.is_empty()).then(|| Payload::Head(all(flawed.head, is_all)));
                let body = body.then_some(Payload::Data(flawed.body));
                let trailers = trailers.then(|| Payload::Trailers(all(flawed.trailers, true)));
                let last = flawed.last.map(Payload::Frame);
                open.is_flawed = last.is_some();
                head.into_iter().chain(body).chain(trailers).chain(last).for_each(|payload| open.exchange.say(payload, now));
            }
        }
        open.exchange.say(Payload::End(End::Fin), now);
        open.exchange.by = Some(answer.fault);
        self.own[0].extend(self.http.cut_off(stream, code::CANCEL));
        self.may_go_on(stream);
        self.part_if_over(stream, now);
    }

    /// Asks the client to leave.
    pub fn go_away(&mut self, fault: &Arc<Compiled>) {
        let Some((code, about)) = fault.fault.goodbye() else { return };
        self.own[1].push_back(self.http.go_away(code, about.as_bytes()));
        self.leaving = Some(fault.clone());
    }

    fn part_if_over(&mut self, stream: u32, now: Instant) {
        if !self.http.is_open(stream)
            && let Some(open) = self.open.remove(&stream)
        {
            self.part(open, now);
        }
    }

    fn part(&mut self, mut open: Box<Open>, now: Instant) {
        let by = self.over.as_ref().map(|over| &over.by);
        self.ends.count(open.exchange.status, open.exchange.by.is_some() || open.exchange.over().is_some() || by.is_some());
        if self.watched
            && let Some(mut record) = open.exchange.record(open.number, by, now)
        {
            record.bytes = [0, 1].map(|d| record.bytes[d] + open.passed[d]);
            self.told.push(Told::Ended(Box::new(record)));
        }
        self.events.extend(open.exchange.finish(now));
    }

    /// No more will come.
    pub fn finish(&mut self, now: Instant) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.part(open, now);
        }
    }

    /// The one moment at which it wants to be asked again.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        if self.over.is_some() {
            return None;
        }
        self.open.values().filter(|open| open.under).filter_map(|open| open.exchange.wake(taking)).min()
    }

    /// Whether to read from that direction's source.
    pub fn wants(&self, direction: Direction) -> bool {
        self.over.is_none() && self.waiting[direction.index()] < ROOM && self.held(direction) < HELD_ROOM
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        let d = direction.index();
        let of_streams: usize = self.open.values().filter(|open| open.under).map(|open| open.held(direction)).sum();
        self.buffers[d].len() + self.waiting[d] + of_streams
    }

    pub fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty() || self.open.values().any(|open| open.exchange.has_events())
    }

    pub fn events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        events.extend(self.open.values_mut().flat_map(|open| open.exchange.events()));
        events
    }

    /// How exchanges have ended since this was last asked.
    pub fn take_ends(&mut self) -> Ends {
        std::mem::take(&mut self.ends)
    }

    /// What else there is to tell.
    pub fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }
}

fn way(direction: Direction) -> Way {
    match direction {
        Direction::ToServer => Way::ToServer,
        Direction::ToClient => Way::ToClient,
    }
}

#[cfg(test)]
mod simulated_tests;
#[cfg(test)]
mod tests;
