//! The exchanges of one HTTP/1 connection under one plan: requests and their answers are cut out of two streams of bytes, and each pair is
//! a conversation of its own, with the faults that are about it. What leaves is what came, in the order in which it came, but for what
//! the faults do. Like a conversation it is told what happens and when, and knows neither sockets nor clocks.

use crate::{
    again::Again,
    conversation::Over,
    event::Event,
    exchange::{Exchange, ROOM},
    head::{Head, Lines},
    piece::{Direction, End, Payload},
    plan::{self, Plan},
    record::{Ends, Record},
    reply::Dates,
    who::Who,
};
use bytes::{Bytes, BytesMut};
use faultwire_http1::{
    Cut, Ended, Http1, Length, Lost, Reason, Refused, Request, Response,
    answer::{Asked, refusal},
    fields::Fields,
};
use std::{collections::VecDeque, sync::Arc, time::Instant};

#[derive(Debug)]
pub struct Exchanges {
    plan: Arc<Plan>,
    /// Who is behind the connection.
    who: Who,
    /// When the connection was opened.
    opened: Instant,
    http: Http1,
    dates: Box<dyn Dates>,
    /// What has come and is not cut yet.
    buffers: [BytesMut; 2],
    /// In the order of their requests; those that are over are gone.
    open: VecDeque<Open>,
    /// The number of the exchange whose request leaves now, and of the one whose answer does.
    leaving: [u64; 2],
    /// The number of the exchange whose answer comes next.
    hears: u64,
    /// The number that the next exchange gets.
    next: u64,
    /// Bytes of no exchange, behind all of them.
    loose: [VecDeque<Payload>; 2],
    /// How the source of a direction has ended, not handed on yet.
    ended: [Option<End>; 2],
    /// All that has come that way has been cut: nothing follows.
    finished: [bool; 2],
    /// Something else than HTTP speaks here: all of it passes, and the server judges.
    foreign: bool,
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
    /// A request was refused: it could be read in two ways, or not at all.
    Refused(Refused),
    /// The answers could not be read; the rest of the connection is plain bytes.
    Lost(Lost),
    /// An exchange has ended.
    Ended(Box<Record>),
    /// A request is to be sent again.
    Again(Box<Again>),
}

/// An exchange in its place among the others of its connection.
#[derive(Debug)]
struct Open {
    number: u64,
    /// None for the answer to what was no request.
    request: Option<Arc<Request>>,
    exchange: Exchange,
    /// So much of the request's body has come.
    body: u64,
    /// The whole request has come.
    asked: bool,
    /// Its end has left, or nothing of that direction will.
    done: [bool; 2],
    /// The source of that direction has ended inside it: its end is the connection's.
    last: [bool; 2],
    /// It carries another protocol now.
    tunnel: bool,
    /// Answered here; nothing of the request reaches the upstream.
    kept: bool,
    /// The connection ends with its answer.
    closes: bool,
}

impl Exchanges {
    pub fn new(plan: Arc<Plan>, who: Who, dates: Box<dyn Dates>, now: Instant) -> Exchanges {
        Exchanges {
            plan,
            who,
            opened: now,
            http: Http1::default(),
            dates,
            buffers: Default::default(),
            open: VecDeque::new(),
            leaving: [1, 1],
            hears: 1,
            next: 1,
            loose: Default::default(),
            ended: [None, None],
            finished: [false, false],
            foreign: false,
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
        for i in 0..self.open.len() {
            let open = &mut self.open[i];
            let began = open.number < self.leaving[0] || open.exchange.has_begun();
            open.exchange.adopt(&self.plan, began, now);
        }
        self.settle(now);
    }

    /// Something has come from one side of the connection.
    pub fn receive(&mut self, direction: Direction, payload: Payload, now: Instant) {
        if self.over.is_some() {
            return;
        }
        let d = direction.index();
        match payload {
            payload if self.foreign => self.loose[d].push_back(payload),
            Payload::End(end) => self.source_ended(direction, end, now),
            Payload::Head(_) | Payload::Trailers(_) | Payload::Pong(_) | Payload::Bound(_) => {
                debug_assert!(false, "what has parts comes out of here");
            }
            Payload::Frame(bytes) | Payload::Data(bytes) => {
                match self.buffers[d].is_empty() {
                    true => self.buffers[d] = BytesMut::from(bytes),
                    false => self.buffers[d].extend_from_slice(&bytes),
                }
                self.cut(direction, now);
            }
        }
        self.settle(now);
    }

    fn cut(&mut self, direction: Direction, now: Instant) {
        match direction {
            Direction::ToServer => self.cut_requests(now),
            Direction::ToClient => {
                self.cut_answers(now);
                // What the client has sent may have waited for the answer.
                if !self.finished[Direction::ToServer.index()] {
                    self.cut_requests(now);
                }
            }
        }
    }

    fn cut_requests(&mut self, now: Instant) {
        const D: Direction = Direction::ToServer;
        let mut buffer = std::mem::take(&mut self.buffers[D.index()]);
        loop {
            let cut = match self.http.request(&mut buffer) {
                Ok(Some(cut)) => cut,
                Ok(None) => break,
                Err(refused) if self.next == 1 && is_foreign(&refused, &buffer) => {
                    self.told.push(Told::Lost(Lost { reason: refused.reason, place: refused.place }));
                    self.foreign = true;
                    self.loose[D.index()].push_back(Payload::Data(buffer.split().freeze()));
                    break;
                }
                Err(refused) => {
                    buffer.clear();
                    self.refuse(refused, now);
                    break;
                }
            };
            match cut {
                Cut::Head(request) | Cut::Interim(request) => self.begin(request, now),
                Cut::Framing(bytes) | Cut::LastChunk(bytes) => self.asks(Payload::Frame(bytes), now),
                Cut::Trailers(fields) => self.asks(Payload::Trailers(trailers(fields)), now),
                Cut::Body(bytes) => self.asks(Payload::Data(bytes), now),
                Cut::End => {
                    self.asks(Payload::End(End::Fin), now);
                    if let Some(exchange) = self.open.back_mut() {
                        exchange.asked = true;
                    }
                }
                Cut::Tunnel(bytes) => self.passes(D, bytes, now),
                Cut::Stray(bytes) => self.loose[D.index()].push_back(Payload::Frame(bytes)),
                Cut::Lost(lost) => self.told.push(Told::Lost(lost)),
            }
        }
        self.buffers[D.index()] = buffer;
        if let Some(end) = self.ended[D.index()].filter(|_| !self.http.is_waiting()) {
            self.finish_source(D, end, now);
        }
    }

    fn cut_answers(&mut self, now: Instant) {
        const D: Direction = Direction::ToClient;
        let mut buffer = std::mem::take(&mut self.buffers[D.index()]);
        while let Some(cut) = self.http.response(&mut buffer) {
            match cut {
                Cut::Head(answer) => {
                    self.hears = answer.answers;
                    self.answers(answer, now);
                }
                Cut::Interim(answer) => {
                    let number = answer.answers;
                    self.give(number, Payload::Frame(answer.fields.raw), now);
                }
                Cut::Framing(bytes) | Cut::LastChunk(bytes) => self.give(self.hears, Payload::Frame(bytes), now),
                Cut::Trailers(fields) => self.give(self.hears, Payload::Trailers(trailers(fields)), now),
                Cut::Body(bytes) => self.give(self.hears, Payload::Data(bytes), now),
                Cut::End => {
                    self.give(self.hears, Payload::End(End::Fin), now);
                    self.hears += 1;
                }
                Cut::Tunnel(bytes) => self.passes(D, bytes, now),
                Cut::Stray(bytes) => self.loose[D.index()].push_back(Payload::Frame(bytes)),
                Cut::Lost(lost) => self.told.push(Told::Lost(lost)),
            }
        }
        self.buffers[D.index()] = buffer;
    }

    /// A request begins.
    fn begin(&mut self, request: Request, now: Instant) {
        self.next = request.number + 1;
        let request = Arc::new(request);
        // Who expects 100 sends no body before it, and nobody is here to say it.
        let may_wait = !request.expects_continue;
        let exchange = Exchange::begin(&self.plan, &self.who, request.clone(), may_wait, self.opened, now);
        let head = Lines { fields: request.fields.clone(), status: None, length: request.length };
        self.open.push_back(Open { request: Some(request.clone()), ..Open::new(request.number, exchange) });
        self.answer(self.open.len() - 1, now);
        self.asks(Payload::Head(Head::Http1(Box::new(head))), now);
    }

    /// More of the last request.
    fn asks(&mut self, payload: Payload, now: Instant) {
        if let Some(open) = self.open.back_mut() {
            open.body += payload.content();
            open.exchange.asks(payload, &self.plan, now);
        }
        self.answer(self.open.len().saturating_sub(1), now);
    }

    fn answers(&mut self, answer: Response, now: Instant) {
        let (number, tunnel) = (answer.answers, answer.tunnel);
        let plan = self.plan.clone();
        if let Some(open) = self.find(number) {
            open.exchange.hears(answer.status, &answer.fields, &plan, now);
        }
        let head = Lines { fields: answer.fields, status: Some(answer.status), length: answer.length };
        self.give(number, Payload::Head(Head::Http1(Box::new(head))), now);
        if let (true, Some(exchange)) = (tunnel, self.find(number)) {
            exchange.tunnel = true;
            exchange.done[0] = false;
            self.leaving[0] = number;
        }
    }

    fn give(&mut self, number: u64, payload: Payload, now: Instant) {
        if let Some(open) = self.find(number) {
            open.exchange.receive(Direction::ToClient, payload, now);
        }
    }

    /// Bytes that are no HTTP: those of a tunnel belong to the exchange that made it.
    fn passes(&mut self, direction: Direction, bytes: Bytes, now: Instant) {
        match self.open.back_mut().filter(|exchange| exchange.tunnel) {
            Some(open) => open.exchange.receive(direction, Payload::Data(bytes), now),
            None => self.loose[direction.index()].push_back(Payload::Data(bytes)),
        }
    }

    /// What could be read in two ways reaches nobody; it is answered in its turn, and the connection ends.
    fn refuse(&mut self, refused: Refused, now: Instant) {
        if self.open.back().is_some_and(|exchange| exchange.closes) {
            return;
        }
        self.told.push(Told::Refused(refused));
        let bytes = refusal(&refused, &self.dates.date());
        // A request of which a part has been handed on cannot be answered any more.
        match self.open.back_mut().filter(|open| !open.asked && open.request.is_some()) {
            Some(open) => {
                open.closes = true;
                open.done[0] = true;
                open.last[0] = true;
                open.exchange.forget();
                self.http.withdraw(open.number);
            }
            None => {
                let exchange = Exchange::unasked(self.opened, now);
                self.open.push_back(Open { kept: true, closes: true, asked: true, ..Open::new(self.next, exchange) });
                self.next += 1;
            }
        }
        if let Some(open) = self.open.back_mut() {
            open.exchange.receive(Direction::ToClient, Payload::Frame(bytes), now);
            open.exchange.receive(Direction::ToClient, Payload::End(End::Fin), now);
        }
    }

    fn source_ended(&mut self, direction: Direction, end: End, now: Instant) {
        let d = direction.index();
        self.ended[d] = Some(end);
        let waits = direction == Direction::ToServer && self.http.request_ended(&self.buffers[d]) == Ended::Undecided;
        if !waits {
            self.finish_source(direction, end, now);
        }
    }

    /// Hands the end of a direction to where it belongs: into the message that it cuts short, or behind all of them.
    fn finish_source(&mut self, direction: Direction, end: End, now: Instant) {
        let d = direction.index();
        let plan = self.plan.clone();
        self.finished[d] = true;
        let held = self.buffers[d].split().freeze();
        let ended = match direction {
            Direction::ToServer => self.http.request_ended(&held),
            Direction::ToClient => self.http.response_ended(&held),
        };
        let number = if direction == Direction::ToServer { self.next.saturating_sub(1) } else { self.hears };
        let tunnel = self.open.back().is_some_and(|exchange| exchange.tunnel);
        let number = if tunnel { self.next.saturating_sub(1) } else { number };
        let inside = tunnel || matches!(ended, Ended::InBody(_)) || direction == Direction::ToClient && ended == Ended::InHead;
        if ended == Ended::Complete && end == End::Fin {
            self.give(number, Payload::End(End::Fin), now);
            self.hears += 1;
        } else if let (true, Some(open)) = (inside || ended == Ended::Complete, self.find(number)) {
            if !held.is_empty() {
                open.exchange.receive(direction, Payload::Frame(held), now);
            }
            open.last[d] = true;
            open.exchange.receive(direction, Payload::End(end), now);
            if direction == Direction::ToServer {
                open.exchange.breaks_off(&plan, now);
            }
            self.ended[d] = None;
            return;
        } else if !held.is_empty() {
            self.loose[d].push_back(Payload::Frame(held));
        }
        self.loose[d].push_back(Payload::End(end));
        self.ended[d] = None;
    }

    /// Does what time alone brings.
    pub fn tick(&mut self, now: Instant) {
        self.open.iter_mut().for_each(|open| open.exchange.tick(now));
        self.settle(now);
    }

    /// Gives the answers that are due.
    fn settle(&mut self, now: Instant) {
        for i in 0..self.open.len() {
            self.answer(i, now);
        }
    }

    fn answer(&mut self, i: usize, now: Instant) {
        // What comes behind an answer that was early may belong to a request that has gone already.
        let Some(open) = self.open.get_mut(i) else { return };
        if let Some(fault) = open.exchange.leaves() {
            open.exchange.did(&fault, "goaway", Err(plan::Reason::Http1), now);
        }
        let Some(answer) = open.exchange.take_answer() else { return };
        let Some(request) = &open.request else { return };
        let asked = Asked::by(request, open.body, open.asked);
        let lines = answer.turn().lines(asked, &self.dates.date());
        for payload in lines.payloads {
            open.exchange.say(payload, now);
        }
        open.exchange.say(Payload::End(End::Fin), now);
        open.closes = lines.closes;
        (open.exchange.status, open.exchange.by) = (lines.status, Some(answer.fault));
        if !open.exchange.has_begun() {
            open.kept = true;
            self.http.withdraw(open.number);
        }
    }

    /// Puts what no fault is about and what may go out that way now behind `out`, as long as that is shorter than `most`.
    pub fn pass(&mut self, direction: Direction, out: &mut BytesMut, most: usize, now: Instant) {
        let d = direction.index();
        while out.len() < most && self.over.is_none() {
            let number = self.leaving[d];
            let Some(open) = self.find(number) else { return };
            if !open.exchange.is_free() || open.done[d] || d == 0 && open.kept {
                return;
            }
            match open.exchange.next(direction) {
                None => return,
                // Where the end is to be given, or the next one's turn comes, more is to be thought of.
                Some(Payload::End(_)) if open.last[d] || open.tunnel || open.closes => return,
                Some(_) => {}
            }
            match open.exchange.transmit(direction, now).map(Payload::into_bytes) {
                Some(Ok(bytes)) => out.extend_from_slice(&bytes),
                Some(Err(_)) => {
                    open.done[d] = true;
                    self.go_on(d, now);
                }
                None => return,
            }
        }
    }

    /// The next payload that may go out that way now.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        let d = direction.index();
        loop {
            if let Some(over) = &self.over {
                // What was due of the exchange that has ended leaves all the same.
                let ended = if self.said[d] { None } else { self.place(self.leaving[d]) };
                let exchange = ended.map(|at| &mut self.open[at].exchange).filter(|exchange| exchange.over().is_some());
                if let Some(payload) = exchange.and_then(|exchange| exchange.transmit(direction, now))
                    && !matches!(payload, Payload::End(_))
                {
                    return Some(payload);
                }
                return (!std::mem::replace(&mut self.said[d], true)).then_some(Payload::End(over.end));
            }
            let number = self.leaving[d];
            let Some(open) = self.find(number) else {
                return if number >= self.next { self.loose[d].pop_front() } else { self.go_on(d, now) };
            };
            if open.done[d] || d == 0 && open.kept {
                open.done[d] = true;
                self.go_on(d, now);
                continue;
            }
            let Some(payload) = open.exchange.transmit(direction, now) else {
                let heard_all = d == 1 && open.is_untouched() && number >= self.hears && self.loose[d].back().is_some();
                return if heard_all { self.loose[d].pop_front() } else { None };
            };
            let Payload::End(end) = payload else { return Some(payload) };
            if let Some(over) = open.exchange.over() {
                self.over = Some(over.clone());
                continue;
            }
            if open.last[d] || open.tunnel {
                open.done[d] = true;
                self.leaving[d] += 1;
                return Some(Payload::End(end));
            }
            open.done[d] = true;
            if d == 1 && open.closes {
                match open.exchange.by.clone() {
                    Some(by) => self.over = Some(Over { by, end: End::Fin }),
                    None => {
                        self.loose[0].push_back(Payload::End(End::Fin));
                        self.leaving[1] = self.next;
                        return Some(Payload::End(End::Fin));
                    }
                }
                continue;
            }
            self.go_on(d, now);
        }
    }

    /// The next exchange's turn; those that are over on both sides go.
    fn go_on(&mut self, d: usize, now: Instant) -> Option<Payload> {
        self.leaving[d] += 1;
        while self.open.front().is_some_and(|exchange| exchange.done == [true, true]) {
            if let Some(exchange) = self.open.pop_front() {
                self.part(exchange, now);
            }
        }
        None
    }

    fn part(&mut self, mut open: Open, now: Instant) {
        self.told.extend(open.exchange.take_again().into_iter().map(|again| Told::Again(Box::new(again))));
        let by = self.over.as_ref().map(|over| &over.by);
        if open.exchange.was_asked() {
            self.ends.count(open.exchange.status, open.exchange.by.is_some() || by.is_some());
        }
        if self.watched {
            self.told.extend(open.exchange.record(open.number, by, now).map(|record| Told::Ended(Box::new(record))));
        }
        self.events.extend(open.exchange.finish(now));
    }

    /// No more will come.
    pub fn finish(&mut self, now: Instant) {
        for open in std::mem::take(&mut self.open) {
            self.part(open, now);
        }
    }

    /// The one moment at which it wants to be asked again.
    pub fn wake(&self, taking: [bool; 2]) -> Option<Instant> {
        if self.over.is_some() {
            return None;
        }
        self.open.iter().filter_map(|open| open.exchange.wake([0, 1].map(|d| taking[d] && self.leaving[d] == open.number))).min()
    }

    /// Whether to read from that direction's source.
    pub fn wants(&self, direction: Direction) -> bool {
        if self.over.is_some() {
            return false;
        }
        let d = direction.index();
        if direction == Direction::ToServer && self.http.is_waiting() && self.buffers[d].len() >= ROOM {
            return false;
        }
        let number = if direction == Direction::ToServer { self.next.saturating_sub(1) } else { self.hears };
        match self.place(number).map(|i| &self.open[i]) {
            Some(open) => open.exchange.wants(direction) && self.held(direction) < crate::conversation::HELD_ROOM,
            None => self.loose[d].iter().map(Payload::len).sum::<usize>() < ROOM,
        }
    }

    /// Bytes that wait here.
    pub fn held(&self, direction: Direction) -> usize {
        let d = direction.index();
        let loose: usize = self.loose[d].iter().map(Payload::len).sum();
        self.buffers[d].len() + loose + self.open.iter().map(|open| open.exchange.held(direction)).sum::<usize>()
    }

    pub fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty() || self.open.iter().any(|open| open.exchange.has_events())
    }

    pub fn events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        self.open.iter_mut().for_each(|open| events.extend(open.exchange.events()));
        events
    }

    /// How exchanges have ended since this was last asked.
    pub fn take_ends(&mut self) -> Ends {
        std::mem::take(&mut self.ends)
    }

    /// What else there is to tell.
    pub fn told(&mut self) -> Vec<Told> {
        for open in &mut self.open {
            self.told.extend(open.exchange.take_again().into_iter().map(|again| Told::Again(Box::new(again))));
        }
        std::mem::take(&mut self.told)
    }

    fn place(&self, number: u64) -> Option<usize> {
        let first = self.open.front()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        (at < self.open.len()).then_some(at)
    }

    fn find(&mut self, number: u64) -> Option<&mut Open> {
        let at = self.place(number)?;
        self.open.get_mut(at)
    }
}

/// Whether what a client begins with is no HTTP/1 at all.
fn is_foreign(refused: &Refused, bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    // A method and a path are HTTP/0.9, which is a request as well.
    let asks = |line: &[u8]| line.windows(2).any(|part| part == b" /") || line.windows(5).any(|part| part.eq_ignore_ascii_case(b"HTTP/"));
    let says_http = lines.next().is_some_and(asks);
    refused.reason.is_foreign() || refused.reason == Reason::RequestLine && !says_http
}

fn trailers(fields: Fields) -> Head {
    Head::Http1(Box::new(Lines { fields, status: None, length: Length::None }))
}

impl Open {
    fn new(number: u64, exchange: Exchange) -> Open {
        Open {
            number,
            request: None,
            exchange,
            body: 0,
            asked: false,
            done: [false, false],
            last: [false, false],
            tunnel: false,
            kept: false,
            closes: false,
        }
    }

    /// Nothing of its answer has come.
    fn is_untouched(&self) -> bool {
        self.exchange.held(Direction::ToClient) == 0 && !self.kept
    }
}

#[cfg(test)]
mod simulated_tests;
#[cfg(test)]
mod tests;
