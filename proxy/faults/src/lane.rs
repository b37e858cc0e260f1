//! One direction of one conversation under one fault: what waits there, and what its effects remember.

use crate::{
    contract::{Allow, Cx, Outcome},
    effect::{AnyEffect, AnyMemory},
    fault::{After, When},
    piece::{Direction, Payload, Piece},
    plan::Compiled,
};
use std::{collections::VecDeque, time::Instant};

/// A line that only delays holds so much; then reading stops.
pub const DELAYED_ROOM: usize = 64 << 20;
/// A line that paces holds no more than keeps it busy: the sender is to feel it.
pub const PACED_ROOM: usize = 128 << 10;

#[derive(Debug)]
pub struct Lane {
    direction: Direction,
    queue: VecDeque<Piece>,
    bytes: usize,
    /// Bytes at the head of the queue that came before the fault's place in the stream.
    spared: usize,
    last_due: Option<Instant>,
    /// Bytes that have come in since the fault reached the conversation.
    offset: u64,
    room: usize,
    /// When the head may leave; none while it waits for something other than time.
    pub wake: Option<Instant>,
    memories: Box<[AnyMemory]>,
    scratch: [Vec<Piece>; 2],
}

/// Of which unit a lane is.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    pub fault: &'a Compiled,
    pub n: u64,
    /// When the fault reached the conversation.
    pub reached: Instant,
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
                spared: 0,
                last_due: None,
                offset: 0,
                room: if delays { DELAYED_ROOM } else { PACED_ROOM },
                wake: None,
                memories: fault.fault.effects.iter().map(AnyEffect::memory).collect(),
                scratch: [Vec::new(), Vec::new()],
            })
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn has_room(&self) -> bool {
        self.bytes < self.room
    }

    /// Takes a piece in; tells the first effect that does something to it.
    pub fn take_in(&mut self, piece: Piece, unit: Unit<'_>) -> Option<&'static str> {
        let (spared, rest) = self.spare(piece, unit);
        if let Some(piece) = spared {
            self.spared += piece.payload.len();
            self.offset += piece.payload.len() as u64;
            self.push(piece);
        }
        self.shape(rest?, unit)
    }

    /// Cuts off what comes before the place where shaping begins.
    fn spare(&self, piece: Piece, unit: Unit<'_>) -> (Option<Piece>, Option<Piece>) {
        if unit.fault.fault.strike().is_some() {
            return (None, Some(piece));
        }
        match unit.fault.fault.after {
            Some(After::Time(span)) if piece.due < unit.reached + span.duration() => (Some(piece), None),
            Some(After::Bytes(size)) if self.offset < size.0 => {
                let left = size.0 - self.offset;
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

    fn shape(&mut self, piece: Piece, unit: Unit<'_>) -> Option<&'static str> {
        let mut touched_by = None;
        let arrival = piece.due;
        let length = piece.payload.len() as u64;
        let [mut pieces, mut out] = std::mem::take(&mut self.scratch);
        pieces.push(piece);
        for (effect, memory) in unit.fault.fault.effects.iter().zip(&mut self.memories) {
            if !acts_here(unit.fault, effect) {
                continue;
            }
            let mut offset = self.offset;
            for piece in pieces.drain(..) {
                let length = piece.payload.len() as u64;
                let mut cx = context(unit, self.direction, arrival, offset, &mut out);
                if effect.piece(memory, piece, &mut cx) != Outcome::Untouched {
                    touched_by = touched_by.or(Some(effect.name()));
                }
                offset += length;
            }
            std::mem::swap(&mut pieces, &mut out);
        }
        self.offset += length;
        pieces.drain(..).for_each(|piece| self.push(piece));
        self.scratch = [pieces, out];
        touched_by
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
        let paced = length > 0 && self.spared == 0 && unit.fault.fault.effects.iter().any(AnyEffect::paces);
        let take = if paced { self.paced(length, now, unit)? } else { length };
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
        let piece = match &mut head.payload {
            Payload::Data(bytes) if take < bytes.len() => Piece { due: head.due, payload: Payload::Data(bytes.split_to(take)) },
            _ => self.queue.pop_front()?,
        };
        self.bytes -= piece.payload.len();
        self.spared = self.spared.saturating_sub(piece.payload.len());
        if self.queue.is_empty() {
            self.queue.shrink_to(16);
        }
        Some(piece)
    }

    /// Everything that waits, in order.
    pub fn empty(&mut self) -> impl Iterator<Item = Payload> + use<> {
        (self.bytes, self.spared, self.last_due, self.wake) = (0, 0, None, None);
        std::mem::take(&mut self.queue).into_iter().map(|piece| piece.payload)
    }
}

/// Whether an effect shapes bytes: endings do not, and neither does a `latency` that puts off an ending or a dial.
fn acts_here(fault: &Compiled, effect: &AnyEffect) -> bool {
    let latency = matches!(effect, AnyEffect::Latency(_));
    !(effect.ends() || latency && (fault.fault.strike().is_some() || fault.fault.when == Some(When::Connect)))
}

fn context<'a>(unit: Unit<'_>, direction: Direction, now: Instant, offset: u64, out: &'a mut Vec<Piece>) -> Cx<'a> {
    Cx { now, since: unit.fault.since, dice: unit.fault.dice, n: unit.n, direction, offset, out }
}
