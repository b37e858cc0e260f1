//! One direction of a long conversation: what waits there, and what may leave next. Messages keep their order, but for those that are loose.

use crate::{
    contract::Letter,
    conversation::Chosen,
    piece::{Bound, Payload},
};
use bytes::Bytes;
use faultwire_messages::Message;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Beyond it reading stops.
const ROOM: usize = 64 << 20;
/// Whatever waits takes so much besides its bytes.
const EACH: usize = 256;

#[derive(Debug)]
pub enum Item {
    Message(Message),
    /// Bytes that are no message, and what is known of the place behind them.
    Bytes(Bytes, Bound),
    Payload(Payload),
    /// The message that would come here is to be ended.
    Strike(Chosen),
}

#[derive(Debug, Default)]
pub struct Line {
    /// In the order in which they leave.
    queue: VecDeque<Waiting>,
    /// Those that leave at their own time.
    loose: BTreeMap<(Instant, u64), Waiting>,
    numbers: u64,
    last_due: Option<Instant>,
    bytes: usize,
    /// What has come in last was a part, and its message has more of them; the same of what has left.
    inside: [bool; 2],
}

#[derive(Debug)]
struct Waiting {
    item: Item,
    number: u64,
    came: Instant,
    due: Instant,
    waits: Vec<(u64, Duration)>,
}

impl Line {
    /// In its place behind all that keep theirs.
    pub fn push(&mut self, item: Item, waits: Vec<(u64, Duration)>, now: Instant) -> Instant {
        let due = self.last_due.map_or(now, |last| last.max(now)).max(now + total(&waits));
        self.last_due = Some(due);
        if let Item::Message(message) = &item {
            self.inside[0] = !message.ends;
        }
        let waiting = self.waiting(item, waits, due, now);
        self.queue.push_back(waiting);
        due
    }

    /// Behind everything, loose or not.
    pub fn push_last(&mut self, item: Item, waits: Vec<(u64, Duration)>, now: Instant) {
        if let Some(((due, _), _)) = self.loose.last_key_value() {
            self.last_due = self.last_due.max(Some(*due));
        }
        self.push(item, waits, now);
    }

    /// Whenever it is due, before those that wait.
    pub fn push_loose(&mut self, item: Item, waits: Vec<(u64, Duration)>, due: Instant, now: Instant) {
        let waiting = self.waiting(item, waits, due, now);
        self.loose.insert((due, waiting.number), waiting);
    }

    /// What has become of one message, in order.
    pub fn post(&mut self, letters: Vec<Letter>, now: Instant) {
        let mut first = now;
        for (i, letter) in letters.into_iter().enumerate() {
            let item = Item::Message(letter.message);
            let due = match letter.is_loose {
                false => self.push(item, letter.waits, now),
                true => {
                    // A copy is never before the first.
                    let due = (now + total(&letter.waits)).max(if i == 0 { now } else { first + letter.lag });
                    self.push_loose(item, letter.waits, due, now);
                    due
                }
            };
            if i == 0 {
                first = due;
            }
        }
    }

    fn waiting(&mut self, item: Item, waits: Vec<(u64, Duration)>, due: Instant, now: Instant) -> Waiting {
        self.numbers += 1;
        self.bytes += item.len() + EACH;
        Waiting { item, number: self.numbers, came: now, due, waits }
    }

    /// What may leave now.
    pub fn release(&mut self, now: Instant) -> Option<Item> {
        let next = self.queue.front().map(|first| (first.due, first.number));
        let loose = self.loose.first_key_value().map(|(key, _)| *key).filter(|_| !self.inside[1]);
        let waiting = match (next, loose) {
            (Some(next), Some(loose)) if loose < next && loose.0 <= now => self.loose.remove(&loose),
            (Some((due, _)), _) if due <= now => self.queue.pop_front(),
            (_, Some(loose)) if loose.0 <= now => self.loose.remove(&loose),
            _ => None,
        }?;
        if let Item::Message(message) = &waiting.item {
            self.inside[1] = !message.ends;
        }
        self.bytes -= waiting.item.len() + EACH;
        if self.queue.is_empty() {
            self.queue.shrink_to(16);
        }
        Some(waiting.item)
    }

    pub fn wake(&self) -> Option<Instant> {
        let loose = self.loose.keys().next().map(|(due, _)| *due).filter(|_| !self.inside[1]);
        self.queue.front().map(|first| first.due).into_iter().chain(loose).min()
    }

    /// Nobody waits for that fault any more: what waited for it alone goes now.
    pub fn let_go(&mut self, fault: u64, now: Instant) {
        let mut last: Option<Instant> = None;
        for waiting in &mut self.queue {
            waiting.waits.retain(|(by, _)| *by != fault);
            let due = waiting.due.min(waiting.came + total(&waiting.waits));
            waiting.due = last.map_or(due, |last| last.max(due));
            last = Some(waiting.due);
        }
        self.last_due = last;
        for (_, mut waiting) in std::mem::take(&mut self.loose) {
            waiting.waits.retain(|(by, _)| *by != fault);
            // In the order in which they were due.
            waiting.due = waiting.due.min((waiting.came + total(&waiting.waits)).max(now));
            self.loose.insert((waiting.due, waiting.number), waiting);
        }
    }

    /// A message that has come in has more parts.
    pub fn is_inside(&self) -> bool {
        self.inside[0]
    }

    pub fn has_room(&self) -> bool {
        self.bytes < ROOM
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn total(waits: &[(u64, Duration)]) -> Duration {
    waits.iter().fold(Duration::ZERO, |all, (_, wait)| all.saturating_add(*wait))
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Item::Message(message) => message.raw().len(),
            Item::Bytes(bytes, _) => bytes.len(),
            Item::Payload(payload) => payload.len(),
            Item::Strike(_) => 0,
        }
    }
}
