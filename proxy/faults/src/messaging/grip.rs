//! The grip of one fault on the messages of one direction: which it is about, which it is chosen for, and what it does to them.

use super::Scene;
use crate::{
    contract::{Cx, Letter, Outcome},
    conversation::Chosen,
    effect::{AnyEffect, AnyMemory},
    event::What,
    fault::After,
    piece::Direction,
    plan::{Compiled, Reason},
};
use faultwire_messages::{Kind, Message};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub struct Grip {
    /// Tells it from all others of its conversation.
    pub id: u64,
    pub fault: Arc<Compiled>,
    memories: Box<[AnyMemory]>,
    reached: Instant,
    /// Messages that have come since then, and bytes of them.
    came: u64,
    bytes: u64,
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Fate {
    Goes,
    /// No fault below is rolled for it.
    Lost,
    /// It is never to leave, nor anything behind it.
    Ends(Chosen),
}

/// What a message is, to a fault.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// A fault above has made an end of it.
    pub is_over: bool,
    /// Its stream has ended inside it.
    pub is_cut: bool,
    /// So many bytes were announced as will leave.
    pub is_fixed: bool,
}

impl Grip {
    pub fn new(id: u64, fault: Arc<Compiled>, now: Instant) -> Grip {
        let memories = fault.fault.effects.iter().map(AnyEffect::memory).collect();
        Grip { id, fault, memories, reached: now, came: 0, bytes: 0 }
    }

    /// The same with new values.
    pub fn under(self, fault: Arc<Compiled>) -> Grip {
        Grip { fault, ..self }
    }

    /// So many bytes of messages have come.
    pub fn pass(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// A message has begun.
    pub fn take(
        &mut self,
        message: &Message,
        letters: &mut Vec<Letter>,
        state: State,
        direction: Direction,
        scene: &mut Scene<'_>,
    ) -> Fate {
        let fault = self.fault.clone();
        self.came += 1;
        if self.is_before_its_place(scene.now) {
            return Fate::Goes;
        }
        fault.tally.seen.fetch_add(u64::from(!state.is_over), Relaxed);
        if !fault.matcher().is_none_or(|matcher| matcher.message(opcode(message.kind))) {
            return Fate::Goes;
        }
        let n = fault.number();
        if state.is_over {
            return Fate::Goes;
        }
        fault.tally.matched.fetch_add(1, Relaxed);
        // Of one request each message draws for itself.
        let drawn_by = scene.who.drawn_by(fault.fault.draw).map(|by| by.rotate_left(17).wrapping_add(message.number));
        let roll = fault.roll(n, drawn_by, scene.who, scene.now);
        if let Some(reason) = roll.passed {
            scene.suppress(&fault, n, reason);
            return Fate::Goes;
        }
        if ends(&fault) {
            return Fate::Ends(Chosen { fault, n, drawn_by, told: false });
        }
        if let Some(reason) = self.hindered(message, state) {
            fault.give_back(drawn_by);
            scene.suppress(&fault, n, reason);
            return Fate::Goes;
        }
        match self.act(letters, drawn_by.unwrap_or(n), direction, scene.now) {
            Ok(effect) => scene.hit(&fault, n, effect, direction),
            Err(kept) => {
                fault.give_back(drawn_by);
                if let Some(reason) = kept {
                    scene.suppress(&fault, n, reason);
                }
            }
        }
        match letters.iter().any(|letter| letter.breaks) {
            true => Fate::Ends(Chosen { fault, n, drawn_by, told: true }),
            false if letters.is_empty() => Fate::Lost,
            false => Fate::Goes,
        }
    }

    fn is_before_its_place(&self, now: Instant) -> bool {
        match self.fault.fault.after {
            Some(After::Messages(count)) => self.came <= count,
            Some(After::Time(span)) => now < self.reached + span.duration(),
            Some(After::Bytes(size)) => self.bytes < size.0,
            Some(After::Share(_)) | None => false,
        }
    }

    /// What keeps it from acting on that message. A delay alone can be had by any.
    fn hindered(&self, message: &Message, state: State) -> Option<Reason> {
        let effects = &self.fault.fault.effects;
        if effects.iter().all(|effect| matches!(effect, AnyEffect::Latency(_))) {
            return None;
        }
        let resizes = |effect: &AnyEffect| matches!(effect, AnyEffect::Truncate(_) | AnyEffect::Duplicate(_) | AnyEffect::Loss(_));
        match () {
            () if message.is_bound() => Some(Reason::Compressed),
            () if !message.is_whole() => Some(if state.is_cut { Reason::EndedFirst } else { Reason::TooLarge }),
            () if state.is_fixed && effects.iter().any(resizes) => Some(Reason::FixedLength),
            () => None,
        }
    }

    /// Tells the first effect that has done something, or what kept it from that.
    fn act(&mut self, letters: &mut Vec<Letter>, n: u64, direction: Direction, now: Instant) -> Result<&'static str, Option<Reason>> {
        let fault = &self.fault;
        let mut nowhere = Vec::new();
        let (mut by, mut kept) = (None, None);
        let mut latency = Duration::ZERO;
        for (effect, memory) in fault.fault.effects.iter().zip(&mut self.memories) {
            let (since, dice, offset) = (fault.since, fault.dice, self.bytes);
            let mut cx = Cx { now, since, dice, n, direction, offset, whole: true, asked: None, mark: None, out: &mut nowhere };
            let outcome = match effect {
                AnyEffect::Latency(_) => {
                    latency = effect.puts_off(&mut cx).map_or(Duration::ZERO, |span| span.duration());
                    let waits = latency > Duration::ZERO && letters.iter().any(|letter| !letter.overtakes);
                    if waits { Outcome::Delayed } else { Outcome::Untouched }
                }
                effect => effect.message(memory, letters, &mut cx),
            };
            match outcome {
                Outcome::Untouched => {}
                Outcome::Kept(reason) => kept = kept.or(Some(reason)),
                Outcome::Delayed | Outcome::Edited | Outcome::Cut | Outcome::Broken => by = by.or(Some(effect.name())),
            }
        }
        for letter in letters {
            let behind = std::mem::take(&mut letter.behind);
            let overtakes = std::mem::take(&mut letter.overtakes);
            let wait = if overtakes { behind } else { latency.saturating_add(behind) };
            letter.is_loose |= overtakes || behind > Duration::ZERO;
            letter.lag += behind;
            if wait > Duration::ZERO {
                letter.waits.push((self.id, wait));
            }
        }
        by.ok_or(kept)
    }
}

/// Whether a fault ends what it is chosen for. A message that is cut short goes on.
fn ends(fault: &Compiled) -> bool {
    fault.fault.effects.iter().any(|effect| effect.strike().is_some() && !matches!(effect, AnyEffect::Truncate(_)))
}

fn opcode(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Binary => "binary",
        Kind::Event | Kind::Grpc => "",
    }
}

impl Scene<'_> {
    pub fn suppress(&mut self, fault: &Arc<Compiled>, n: u64, reason: Reason) {
        fault.tally.suppress(reason);
        self.tell(fault, n, What::Suppressed(reason));
    }

    fn hit(&mut self, fault: &Arc<Compiled>, n: u64, effect: &'static str, direction: Direction) {
        fault.tally.hits.fetch_add(1, Relaxed);
        self.tell(fault, n, What::Hit { effect, direction: Some(direction) });
    }
}
