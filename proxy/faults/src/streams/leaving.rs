//! What leaves, and in which order: what has come, as it came, in its order; between its frames what streams under faults have ready.

use super::{Streams, Token, Told, code, open::Item, way};
use crate::{
    conversation::Over,
    piece::{Direction, End, Payload},
};
use bytes::{Bytes, BytesMut};
use faultwire_http2::{Cut, frame};
use std::{collections::VecDeque, time::Instant};

/// Content up to this length is copied behind the nine bytes of its frame, so that both leave at once.
const COPIED: usize = 4096;

impl Streams {
    /// Puts what goes on as it came, and may go out that way now, behind `out`, as long as that is shorter than `most`.
    pub fn pass(&mut self, direction: Direction, out: &mut BytesMut, most: usize, now: Instant) {
        let d = direction.index();
        while out.len() < most && self.over.is_none() && self.ending.is_none() && self.own[d].is_empty() && self.burst[d].is_empty() {
            if !matches!(self.line[d].front(), Some(Token::Raw(_))) {
                return;
            }
            if let Some(bytes) = self.step(direction, now) {
                out.extend_from_slice(&bytes);
            }
        }
    }

    /// The next bytes that may go out that way now, or the end of the connection.
    pub fn transmit(&mut self, direction: Direction, now: Instant) -> Option<Payload> {
        let d = direction.index();
        loop {
            if let Some(over) = &self.over {
                return (!std::mem::replace(&mut self.said[d], true)).then_some(Payload::End(over.end));
            }
            if let Some(bytes) = self.burst[d].pop_front().or_else(|| self.ours(direction)) {
                return Some(Payload::Data(bytes));
            }
            if self.ending.is_some() && self.own[1].is_empty() && self.burst[1].is_empty() {
                self.over = self.ending.take();
                continue;
            }
            if self.has_left() {
                self.over = self.leaving.take().map(|by| Over { by, end: End::Fin });
                continue;
            }
            if !self.line[d].is_empty() {
                match self.step(direction, now) {
                    Some(bytes) => return Some(Payload::Data(bytes)),
                    None => continue,
                }
            }
            match self.ready[d].front().copied().filter(|_| !self.http.is_inside(way(direction))) {
                Some(stream) => {
                    // Streams take turns.
                    self.ready[d].pop_front();
                    if let Some(open) = self.open.get_mut(&stream) {
                        open.ready[d] = false;
                    }
                    self.go_on(direction, stream, now);
                }
                None if self.burst[d].is_empty() && !self.may_give(direction) => return self.give_end(direction),
                None => {}
            }
        }
    }

    /// The client has been asked to leave, and all that was under way is done.
    fn has_left(&self) -> bool {
        let given = self.own[1].is_empty() && self.burst.iter().all(VecDeque::is_empty) && self.line[1].is_empty();
        self.leaving.is_some() && self.http.is_idle() && given
    }

    /// A frame of our own, if there is one and it may go now.
    fn ours(&mut self, direction: Direction) -> Option<Bytes> {
        let way = way(direction);
        let may = match direction {
            Direction::ToServer => !self.http.is_inside(way),
            Direction::ToClient => self.http.may_put_in(way),
        };
        let own = if may { self.own[direction.index()].pop_front() } else { None };
        own.or_else(|| self.http.credits(way))
    }

    fn may_give(&mut self, direction: Direction) -> bool {
        match self.ours(direction) {
            Some(bytes) => {
                self.burst[direction.index()].push_back(bytes);
                true
            }
            None => false,
        }
    }

    /// The end of a direction stands behind all that has come before it.
    fn give_end(&mut self, direction: Direction) -> Option<Payload> {
        let d = direction.index();
        let holds = self.open.values().any(|open| open.under && open.held(direction) > 0);
        if holds { None } else { self.ended[d].take().map(Payload::End) }
    }

    /// The next of the line.
    fn step(&mut self, direction: Direction, now: Instant) -> Option<Bytes> {
        let d = direction.index();
        match self.line[d].pop_front()? {
            Token::Turn(stream) => {
                self.may_go_on(stream);
                self.go_on(direction, stream, now);
                self.burst[d].pop_front()
            }
            Token::Raw(cut) => {
                self.waiting[d] -= cut.raw().len();
                let stream = match &cut {
                    Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => head.stream,
                    Cut::Data(data) => data.stream,
                    Cut::Reset { stream, .. } => *stream,
                    Cut::WindowUpdate { .. } | Cut::Settings { .. } => {
                        self.windows_may_be_larger();
                        0
                    }
                    _ => 0,
                };
                if let Some(open) = self.open.get_mut(&stream) {
                    open.raws[d] -= 1;
                }
                if let Cut::Data(data) = &cut
                    && self.has_to_wait(direction, &cut)
                    && self.open.contains_key(&stream)
                {
                    self.http.take(way(direction), data);
                    self.wait(direction, stream, Item::Data(data.bytes.clone(), data.end));
                    return None;
                }
                self.pass_on(direction, stream, cut, now)
            }
        }
    }

    /// Whether something of a stream cannot go on as it came: the ends count their windows differently, or something before it waits.
    fn has_to_wait(&self, direction: Direction, cut: &Cut) -> bool {
        let Cut::Data(data) = cut else { return false };
        let way = way(direction);
        let waits = self.open.get(&data.stream).is_some_and(|open| !open.front[direction.index()].is_empty());
        match data.starts() {
            true => waits || self.http.is_uneven(way, data.stream),
            false => !self.http.is_inside(way),
        }
    }

    fn wait(&mut self, direction: Direction, stream: u32, item: Item) {
        if let Some(open) = self.open.get_mut(&stream) {
            open.under = true;
            open.front[direction.index()].push_back(item);
        }
        self.may_go_on(stream);
    }

    fn pass_on(&mut self, direction: Direction, stream: u32, cut: Cut, now: Instant) -> Option<Bytes> {
        let d = direction.index();
        if let Some(open) = self.open.get_mut(&stream) {
            // Behind what has to wait, everything of its stream does.
            if !open.front[d].is_empty() {
                match cut {
                    Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) => {
                        let end = head.end;
                        self.wait(direction, stream, Item::Head(Some(head), None));
                        if end {
                            self.wait(direction, stream, Item::End(End::Fin));
                        }
                        return None;
                    }
                    Cut::Reset { .. } => {
                        open.resets[d] = Some(cut);
                        self.wait(direction, stream, Item::End(End::Rst));
                        return None;
                    }
                    _ => {}
                }
            }
            match &cut {
                Cut::Data(data) => open.passed[d] += data.bytes.len() as u64,
                Cut::Head(_) if direction == Direction::ToClient => {
                    open.has_said = true;
                    open.exchange.spoke();
                }
                _ => {}
            }
        }
        let bytes = self.http.pass(way(direction), &cut);
        self.part_if_over(stream, now);
        bytes
    }

    /// Who waits for the windows may go on.
    fn windows_may_be_larger(&mut self) {
        let waiting: Vec<u32> =
            self.open.iter().filter(|(_, open)| open.front.iter().any(|front| !front.is_empty())).map(|(stream, _)| *stream).collect();
        waiting.into_iter().for_each(|stream| self.may_go_on(stream));
    }

    /// Makes the next of a stream ready to leave; whether there was anything.
    fn go_on(&mut self, direction: Direction, stream: u32, now: Instant) -> bool {
        let d = direction.index();
        let Some(open) = self.open.get_mut(&stream).filter(|open| open.under && open.raws[d] == 0) else { return false };
        let Some(item) = open.next(direction, &self.plan, now) else {
            self.rest(direction, stream);
            return false;
        };
        let wrote = self.write(direction, stream, item, now);
        let again = self.open.get_mut(&stream).map(|open| open.exchange.take_again()).unwrap_or_default();
        self.told.extend(again.into_iter().map(|again| Told::Again(Box::new(again))));
        self.answer(stream, now);
        if wrote {
            self.may_go_on(stream);
        } else {
            self.rest(direction, stream);
        }
        self.part_if_over(stream, now);
        wrote
    }

    /// Nothing of a stream goes on for now: what waits is not to hold up other streams, and what is gone is given back to its sender. Whoever
    /// sends to a fault that is silent may not send more of it.
    fn rest(&mut self, direction: Direction, stream: u32) {
        let Some(open) = self.open.get(&stream) else { return };
        match open.held(direction) > 0 {
            true => self.http.lend(way(direction), stream),
            false => self.http.discard(way(direction), stream, !open.exchange.is_silent(direction)),
        }
    }

    /// Writes the next of a stream, as far as it may go.
    fn write(&mut self, direction: Direction, stream: u32, item: Item, now: Instant) -> bool {
        let (d, way) = (direction.index(), way(direction));
        let Some(open) = self.open.get_mut(&stream) else { return false };
        match item {
            Item::Head(came, fields) => {
                if came.is_none() && !self.http.may_put_in(way) {
                    open.front[d].push_front(Item::Head(came, fields));
                    return false;
                }
                let end = self.ends_here(direction, stream, now);
                let unfinished = self.is_answered_too_early(direction, stream);
                let written = match (&came, &fields) {
                    (Some(head), fields) => self.http.head(way, head, fields.as_deref(), end),
                    (None, fields) => self.http.put_in(way, stream, fields.as_deref().unwrap_or_default(), end),
                };
                let Some(bytes) = written else {
                    // There is no number left for it on the upstream's connection.
                    self.reset(stream, code::REFUSED_STREAM, now);
                    return true;
                };
                self.burst[d].push_back(bytes);
                if let Some(open) = self.open.get_mut(&stream) {
                    open.has_said |= direction == Direction::ToClient;
                }
                self.say_that_no_more_is_needed(stream, end && unfinished);
                true
            }
            Item::Data(mut bytes, end) => {
                let end = end || self.ends_here(direction, stream, now);
                let unfinished = self.is_answered_too_early(direction, stream);
                let written = self.http.data(way, stream, &mut bytes, end);
                let wrote = written.is_some();
                if let Some((head, content)) = written {
                    self.push(d, head, content);
                }
                if !bytes.is_empty() || !wrote {
                    if let Some(open) = self.open.get_mut(&stream) {
                        open.front[d].push_front(Item::Data(bytes, end));
                    }
                } else {
                    self.say_that_no_more_is_needed(stream, end && unfinished);
                }
                wrote
            }
            Item::Flaw(bytes) => {
                if !self.http.may_put_in(way) {
                    open.front[d].push_front(Item::Flaw(bytes));
                    return false;
                }
                self.burst[d].push_back(bytes);
                true
            }
            Item::End(_) if open.is_flawed && direction == Direction::ToClient => {
                self.ending = open.exchange.by.clone().map(|by| Over { by, end: End::Fin });
                true
            }
            Item::End(end) => {
                let over = open.exchange.over().map(|over| over.by.fault.reset_code().unwrap_or(code::INTERNAL_ERROR));
                match (open.resets[d].take(), over, direction) {
                    (_, Some(_), Direction::ToServer) => self.own[0].extend(self.http.cut_off(stream, code::CANCEL)),
                    (_, Some(code), Direction::ToClient) => self.reset(stream, code, now),
                    (Some(cut), None, _) if end == End::Rst => {
                        self.burst[d].extend(self.http.pass(way, &cut));
                    }
                    _ if end == End::Fin => {
                        let unfinished = self.is_answered_too_early(direction, stream);
                        if let Some((head, content)) = self.http.data(way, stream, &mut Bytes::new(), true) {
                            self.push(d, head, content);
                        }
                        self.say_that_no_more_is_needed(stream, unfinished);
                    }
                    _ => self.reset(stream, code::INTERNAL_ERROR, now),
                }
                true
            }
        }
    }

    fn push(&mut self, d: usize, head: Bytes, content: Bytes) {
        if content.len() <= COPIED {
            self.burst[d].push_back([head, content].concat().into());
        } else {
            self.burst[d].extend([head, content]);
        }
    }

    /// Whether the message's end stands right behind what is written: then both are one frame.
    fn ends_here(&mut self, direction: Direction, stream: u32, now: Instant) -> bool {
        let Some(open) = self.open.get_mut(&stream) else { return false };
        match open.next(direction, &self.plan, now) {
            Some(Item::End(End::Fin)) if open.exchange.over().is_none() => true,
            Some(item) => {
                open.front[direction.index()].push_front(item);
                false
            }
            None => false,
        }
    }

    /// Whether the client is answered here and has not finished what it sends: RFC 9113, 8.1.
    fn is_answered_too_early(&self, direction: Direction, stream: u32) -> bool {
        let answered = self.open.get(&stream).is_some_and(|open| open.answered);
        direction == Direction::ToClient && answered && !self.http.has_ended(way(Direction::ToServer), stream)
    }

    fn say_that_no_more_is_needed(&mut self, stream: u32, so: bool) {
        if so {
            self.burst[1].push_back(frame::reset(stream, code::NO_ERROR));
        }
    }
}
