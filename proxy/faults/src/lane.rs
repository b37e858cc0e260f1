//! One direction of one conversation under one fault: what waits there, and what its effects remember.

use crate::{
    contract::{Allow, Cx, Outcome},
    effect::{AnyEffect, AnyMemory},
    fault::{After, When},
    piece::{Bound, Direction, Payload, Piece},
    plan::{self, Compiled, Reason},
};
use std::{collections::VecDeque, time::Instant};

/// A line that only delays holds so much; then reading stops.
pub const DELAYED_ROOM: usize = 64 << 20;
/// However small they are: each takes room of its own.
const MOST_PIECES: usize = 1 << 18;
/// A line that paces holds no more than keeps it busy: the sender is to feel it.
pub const PACED_ROOM: usize = 128 << 10;

#[derive(Debug)]
pub struct Lane {
    direction: Direction,
    queue: VecDeque<Piece>,
    bytes: usize,
    /// So much of a head in front may leave, and waits for the rest of it.
    paid: usize,
    /// Bytes at the head of the queue that came before the fault's place in the stream.
    spared: usize,
    last_due: Option<Instant>,
    /// Where shaping begins, of an announced length.
    place: Option<u64>,
    /// Bytes that have come in since the fault reached the conversation.
    offset: u64,
    /// Messages that have ended among them.
    messages: u64,
    room: usize,
    /// When the head may leave; none while it waits for something other than time.
    pub wake: Option<Instant>,
    memories: Box<[AnyMemory]>,
    scratch: [Vec<Piece>; 2],
}

/// What a piece has met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Touch {
    /// The effect that has done something to it.
    pub by: Option<&'static str>,
    pub kept: Option<Reason>,
    /// The message breaks off behind it.
    pub breaks: bool,
}

/// Of which unit a lane is.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    pub fault: &'a Compiled,
    pub n: u64,
    /// When the fault reached the conversation.
    pub reached: Instant,
    /// When the request was complete.
    pub asked: Option<Instant>,
}

impl Lane {
    /// A lane, if the fault shapes that direction at all.
    pub fn new(fault: &Compiled, direction: Direction) -> Option<Box<Lane>> {
        let shapes = fault.way.includes(direction) && fault.fault.effects.iter().any(|effect| acts_here(fault, effect));
        let delays = fault.fault.effects.iter().any(|effect| matches!(effect, AnyEffect::Latency(_)) && acts_here(fault, effect));
        shapes.then(|| {
            Box::new(Lane {
                direction,
                queue: VecDeque::new(),
                bytes: 0,
                paid: 0,
                spared: 0,
                last_due: None,
                place: None,
                offset: 0,
                messages: 0,
                room: if delays { DELAYED_ROOM } else { PACED_ROOM },
                wake: None,
                memories: fault.fault.effects.iter().map(AnyEffect::memory).collect(),
                scratch: [Vec::new(), Vec::new()],
            })
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.memories.iter().map(AnyMemory::holds).sum::<usize>()
    }

    /// An effect has made something of the message that its rest does not fit.
    pub fn is_holed(&self) -> bool {
        self.memories.iter().any(AnyMemory::holed)
    }

    pub fn has_room(&self) -> bool {
        self.bytes < self.room && self.queue.len() < MOST_PIECES
    }

    /// Takes a piece in; tells the first effect that does something to it, or what keeps one from doing it.
    pub fn take_in(&mut self, piece: Piece, unit: Unit<'_>) -> Touch {
        let (spared, rest) = self.spare(piece, unit);
        if let Some(piece) = spared {
            self.spared += piece.payload.len();
            self.offset += piece.payload.content();
            self.push(piece);
        }
        rest.map(|piece| self.shape(piece, unit)).unwrap_or_default()
    }

    /// Cuts off what comes before the place where shaping begins.
    fn spare(&mut self, piece: Piece, unit: Unit<'_>) -> (Option<Piece>, Option<Piece>) {
        if unit.fault.fault.strike().is_some() {
            return (None, Some(piece));
        }
        let place = match unit.fault.fault.after {
            Some(After::Time(span)) if piece.due < unit.reached + span.duration() => return (Some(piece), None),
            Some(After::Messages(count)) if self.messages < count => {
                self.messages += u64::from(piece.payload == Payload::Bound(Bound::Message));
                return (Some(piece), None);
            }
            Some(After::Bytes(size)) => Some(size.0),
            Some(After::Share(share)) => {
                if let Payload::Head(head) = &piece.payload {
                    // Nothing comes after a share of nobody knows how much.
                    self.place = Some(head.length().map_or(u64::MAX, |length| share.of(length)));
                }
                self.place
            }
            _ => None,
        };
        match place {
            Some(place) if self.offset < place || matches!(piece.payload, Payload::Head(_)) => {
                let left = place.saturating_sub(self.offset);
                match piece.payload {
                    Payload::Data(mut bytes) if bytes.len() as u64 > left => {
                        let first = Piece { due: piece.due, payload: Payload::Data(bytes.split_to(left as usize)) };
                        (Some(first), Some(Piece { due: piece.due, payload: Payload::Data(bytes) }))
                    }
                    payload => (Some(Piece { due: piece.due, payload }), None),
                }
            }
            _ => (None, Some(piece)),
        }
    }

    fn shape(&mut self, piece: Piece, unit: Unit<'_>) -> Touch {
        let mut touch = Touch::default();
        let arrival = piece.due;
        let length = piece.payload.content();
        let [mut pieces, mut out] = std::mem::take(&mut self.scratch);
        pieces.push(piece);
        for (effect, memory) in unit.fault.fault.effects.iter().zip(&mut self.memories) {
            if !acts_here(unit.fault, effect) {
                continue;
            }
            let mut offset = self.offset;
            for piece in pieces.drain(..) {
                let length = piece.payload.content();
                let mut cx = context(unit, self.direction, arrival, offset, &mut out);
                match effect.piece(memory, piece, &mut cx) {
                    Outcome::Untouched => {}
                    Outcome::Kept(reason) => touch.kept = touch.kept.or(Some(reason)),
                    Outcome::Delayed | Outcome::Edited | Outcome::Cut => touch.by = touch.by.or(Some(effect.name())),
                    Outcome::Broken => (touch.by, touch.breaks) = (Some(effect.name()), true),
                }
                offset += length;
            }
            std::mem::swap(&mut pieces, &mut out);
        }
        self.offset += length;
        pieces.drain(..).for_each(|piece| self.push(piece));
        self.scratch = [pieces, out];
        touch
    }

    /// Nothing on a stream overtakes.
    fn push(&mut self, mut piece: Piece) {
        piece.due = self.last_due.map_or(piece.due, |last| last.max(piece.due));
        self.last_due = Some(piece.due);
        self.bytes += piece.payload.len();
        self.queue.push_back(piece);
    }

    /// What may leave now: a piece, or as much of it as the pace allows.
    pub fn release(&mut self, now: Instant, unit: Unit<'_>) -> Option<Piece> {
        self.wake = None;
        let head = self.queue.front()?;
        if head.due > now {
            self.wake = Some(head.due);
            return None;
        }
        let length = head.payload.len();
        let is_head = matches!(head.payload, Payload::Head(_) | Payload::Trailers(_));
        let paced = length > 0 && self.spared == 0 && unit.fault.fault.effects.iter().any(AnyEffect::paces);
        let take = if paced { self.paced(length - self.paid, now, unit)? } else { length };
        if paced && is_head {
            // A head leaves whole, once all of it may.
            self.paid += take;
            if self.paid < length {
                return self.release(now, unit);
            }
            self.paid = 0;
        }
        let piece = self.pop(take)?;
        // What waited for its turn arrives when it gets it; what waited for its time, at that time: lateness must not add up. To a toxic
        // a piece has come when the proxy read it, whatever it waited for since.
        Some(if paced && !unit.fault.fault.staged { Piece { due: now, ..piece } } else { piece })
    }

    fn paced(&mut self, length: usize, now: Instant, unit: Unit<'_>) -> Option<usize> {
        let [mut out, _] = std::mem::take(&mut self.scratch);
        let cx = context(unit, self.direction, now, self.offset, &mut out);
        let each = || unit.fault.fault.effects.iter().zip(unit.fault.shared.iter());
        let mut take = length;
        for ((effect, shared), memory) in each().zip(&mut self.memories) {
            match effect.allow(memory, shared, take, &cx) {
                Allow::Now(bytes) => take = take.min(bytes.max(1)),
                Allow::At(at) => {
                    self.wake = Some(at);
                    return None;
                }
                Allow::Never => return None,
            }
        }
        for ((effect, shared), memory) in each().zip(&mut self.memories) {
            effect.took(memory, shared, take, &cx);
        }
        self.scratch = [out, Vec::new()];
        Some(take)
    }

    fn pop(&mut self, take: usize) -> Option<Piece> {
        let head = self.queue.front_mut()?;
        let piece = match head.payload.split_to(take) {
            Some(payload) if !payload.is_empty() => Piece { due: head.due, payload },
            _ => self.queue.pop_front()?,
        };
        self.bytes -= piece.payload.len();
        self.spared = self.spared.saturating_sub(piece.payload.len());
        if self.queue.is_empty() {
            self.queue.shrink_to(16);
        }
        Some(piece)
    }

    /// Everything that waits, in order: what a later effect holds back came before what an earlier one does.
    pub fn empty(&mut self) -> impl Iterator<Item = Payload> + use<> {
        (self.bytes, self.spared, self.last_due, self.wake) = (0, 0, None, None);
        let held: Vec<Payload> = self.memories.iter_mut().rev().flat_map(AnyMemory::held).collect();
        std::mem::take(&mut self.queue).into_iter().map(|piece| piece.payload).chain(held)
    }
}

/// Whether an effect shapes bytes: endings do not, and neither does a `latency` that puts off an ending or a dial.
fn acts_here(fault: &Compiled, effect: &AnyEffect) -> bool {
    let latency = matches!(effect, AnyEffect::Latency(_));
    !(effect.strike().is_some() || latency && (fault.fault.strike().is_some() || fault.fault.when == Some(When::Connect)))
}

fn context<'a>(unit: Unit<'a>, direction: Direction, now: Instant, offset: u64, out: &'a mut Vec<Piece>) -> Cx<'a> {
    let fault = unit.fault;
    let whole = fault.unit != plan::Unit::Connection;
    let mark = (!fault.fault.disguise).then_some(&*fault.name);
    Cx { now, since: fault.since, dice: fault.dice, n: unit.n, direction, offset, whole, asked: unit.asked, mark, out }
}
