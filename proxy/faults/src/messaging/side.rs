//! One direction of a long conversation. While no fault is about its messages, bytes pass as they came and are only looked at, so that it is
//! known where messages end. From the first fault on, what leaves is written message by message.

use super::{
    Scene,
    chunks::{self, Chunks},
    grip::{Fate, Grip, State},
    line::{Item, Line},
};
use crate::{
    contract::Letter,
    conversation::Chosen,
    effect::AnyEffect,
    head::Head,
    piece::{Bound, Direction, End, Payload},
    plan::{Compiled, Plan, Reason, Unit},
};
use bytes::{Bytes, BytesMut};
use faultwire_messages::{Control, Cut, Ended, Lost, Message, Messages, ROOM};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

#[derive(Debug)]
pub struct Side {
    direction: Direction,
    /// What has come and is not cut. Of a direction that is only looked at it has left already.
    buffer: BytesMut,
    /// Bytes are only looked at.
    watches: bool,
    framing: Framing,
    grips: Vec<Grip>,
    grips_made: u64,
    /// Pongs are to be told from other bytes.
    tells_pongs: bool,
    /// It cannot be read, or not any more.
    lost: Option<Lost>,
    /// The message under way, which comes in parts, waits for these.
    under: Vec<(u64, Duration)>,
    /// A fault has been chosen to end it.
    struck: Option<Arc<str>>,
    line: Line,
    out: VecDeque<Out>,
}

/// What leaves the messages for the conversation that they are in.
#[derive(Debug)]
pub enum Out {
    Payload(Payload),
    Strike(Chosen),
}

/// How the content is framed.
#[derive(Debug)]
enum Framing {
    /// As it is.
    Bare,
    Chunks(Chunks),
    /// So many bytes were announced.
    Fixed,
}

impl Side {
    pub fn new(direction: Direction) -> Side {
        Side {
            direction,
            buffer: BytesMut::new(),
            watches: true,
            framing: Framing::Bare,
            grips: Vec::new(),
            grips_made: 0,
            tells_pongs: false,
            lost: None,
            under: Vec::new(),
            struck: None,
            line: Line::default(),
            out: VecDeque::new(),
        }
    }

    /// Takes the faults of a new plan: those that leave let go of what they held.
    pub fn adopt(&mut self, plan: &Plan, scene: &mut Scene<'_>) {
        let about =
            |fault: &&Arc<Compiled>| fault.unit == Unit::Message && fault.way.includes(self.direction) && fault.looks_at(scene.opened);
        let mut old = std::mem::take(&mut self.grips);
        for fault in plan.faults.iter().filter(about) {
            let grip = match old.iter().position(|grip| fault.continues(&grip.fault)) {
                Some(known) => old.remove(known).under(fault.clone()),
                None => {
                    self.grips_made += 1;
                    if self.lost.is_some() {
                        fault.tally.suppress(Reason::ProtocolLost);
                    }
                    Grip::new(self.grips_made, fault.clone(), scene.now)
                }
            };
            self.grips.push(grip);
        }
        old.iter().for_each(|gone| self.line.let_go(gone.id, scene.now));
        let mutes = |fault: &Arc<Compiled>| fault.fault.effects.iter().any(|effect| matches!(effect, AnyEffect::Mute(_)));
        self.tells_pongs = plan.faults.iter().any(mutes);
        if self.struck.as_ref().is_some_and(|name| !plan.faults.iter().any(|fault| fault.name == *name)) {
            self.struck = None;
        }
        if !self.watches {
            self.hold(scene);
        } else if self.is_between(scene.messages) {
            self.begin_to_act(scene);
        }
    }

    pub fn receive(&mut self, payload: Payload, splits: bool, scene: &mut Scene<'_>) {
        if self.watches && self.is_between(scene.messages) {
            self.begin_to_act(scene);
        }
        match payload {
            Payload::Head(head) => {
                self.framing = Framing::of(&head, scene.messages);
                self.pass(Payload::Head(head), scene);
            }
            Payload::Frame(bytes) => self.frame(bytes, scene),
            Payload::Data(bytes) => {
                if let Framing::Chunks(chunks) = &mut self.framing {
                    chunks.data(bytes.len() as u64);
                }
                match self.watches {
                    true => self.watch(bytes, splits, scene),
                    false => {
                        self.buffer.extend_from_slice(&bytes);
                        self.cut(false, scene);
                    }
                }
            }
            Payload::Trailers(_) | Payload::End(_) => {
                self.finish(scene);
                self.pass(payload, scene);
            }
            Payload::Pong(_) | Payload::Bound(_) => self.pass(payload, scene),
        }
        if self.watches && self.is_between(scene.messages) {
            self.begin_to_act(scene);
        }
    }

    /// What is no content goes behind all that there is.
    fn pass(&mut self, payload: Payload, scene: &Scene<'_>) {
        match (self.watches, payload) {
            (true, payload) => self.out.push_back(Out::Payload(payload)),
            // Whoever breaks off waits for nobody's copies.
            (false, payload @ Payload::End(End::Rst)) => drop(self.line.push(Item::Payload(payload), Vec::new(), scene.now)),
            (false, payload) => self.line.push_last(Item::Payload(payload), Vec::new(), scene.now),
        }
    }

    fn frame(&mut self, bytes: Bytes, scene: &mut Scene<'_>) {
        let may_act = self.wants() && self.lost.is_none() && is_between(self.direction, scene.messages, &self.buffer);
        let Framing::Chunks(chunks) = &mut self.framing else { return self.pass(Payload::Frame(bytes), scene) };
        if !self.watches {
            if let Some(last) = chunks.frame(&bytes) {
                self.finish(scene);
                self.pass(Payload::Frame(last), scene);
            }
            return;
        }
        // The chunk that ends here is the last one that leaves as it came.
        let Some(until) = chunks.until_between(&bytes).filter(|_| may_act) else {
            chunks.frame(&bytes);
            return self.out.push_back(Out::Payload(Payload::Frame(bytes)));
        };
        let (ends, begins) = (bytes.slice(..until), bytes.slice(until..));
        chunks.frame(&ends);
        if !ends.is_empty() {
            self.out.push_back(Out::Payload(Payload::Frame(ends)));
        }
        self.begin_to_act(scene);
        if !begins.is_empty() {
            self.frame(begins, scene);
        }
    }

    /// Content goes by, the rest of what went by when a fault came perhaps: no fault has acted yet.
    pub fn look(&mut self, bytes: Bytes, scene: &mut Scene<'_>) {
        debug_assert!(self.watches || self.line.bytes() == 0, "what goes by overtakes what waits");
        scene.messages.hold_one(theirs(self.direction), 0);
        self.watches = true;
        let grips = std::mem::take(&mut self.grips);
        let tells_pongs = std::mem::take(&mut self.tells_pongs);
        self.watch(bytes, false, scene);
        (self.grips, self.tells_pongs) = (grips, tells_pongs);
        self.out.clear();
    }

    /// Hands bytes on as they came, and looks at where messages end in them.
    fn watch(&mut self, mut bytes: Bytes, splits: bool, scene: &mut Scene<'_>) {
        if self.lost.is_some() {
            return self.out.push_back(Out::Payload(Payload::Data(bytes)));
        }
        // So much of what is cut next has left before.
        let mut before = self.buffer.len();
        self.buffer.extend_from_slice(&bytes);
        let mut until = 0;
        while let Some(cut) = scene.messages.cut(theirs(self.direction), &mut self.buffer) {
            let size = cut.bytes().len();
            until += size.saturating_sub(before);
            before = before.saturating_sub(size);
            let bound = match &cut {
                Cut::Message(message) => {
                    scene.messages.leave(theirs(self.direction), message);
                    message.ends.then_some(Bound::Message)
                }
                Cut::Control(control) => Some(bound_behind(control)),
                Cut::Between(_) => Some(Bound::Between),
                Cut::Plain(_) => None,
                Cut::Lost(lost) => {
                    self.lose(*lost);
                    break;
                }
            };
            if before == 0 && self.may_act_now(scene.messages) {
                // What comes behind it is no longer only looked at.
                let done = bytes.split_to(until.min(bytes.len()));
                let bound = bound.filter(|_| splits).map(Payload::Bound);
                self.out.extend([Payload::Data(done)].into_iter().chain(bound).map(Out::Payload));
                return self.begin_to_act(scene);
            }
            if let (Some(bound), true) = (bound, splits) {
                let done = bytes.split_to(std::mem::take(&mut until).min(bytes.len()));
                if !done.is_empty() {
                    self.out.push_back(Out::Payload(Payload::Data(done)));
                }
                self.out.push_back(Out::Payload(Payload::Bound(bound)));
            }
        }
        if !bytes.is_empty() {
            self.out.push_back(Out::Payload(Payload::Data(bytes)));
        }
    }

    fn lose(&mut self, lost: Lost) {
        self.lost = Some(lost);
        self.grips.iter().for_each(|grip| grip.fault.tally.suppress(Reason::ProtocolLost));
        if self.watches {
            self.buffer = BytesMut::new();
        }
    }

    /// Some fault needs messages, and not only the places where they end.
    fn wants(&self) -> bool {
        !self.grips.is_empty() || self.tells_pongs
    }

    /// At the end of a message, and inside no chunk.
    fn may_act_now(&self, messages: &Messages) -> bool {
        self.wants() && !matches!(self.framing, Framing::Chunks(_)) && is_between(self.direction, messages, &[])
    }

    fn is_between(&self, messages: &Messages) -> bool {
        let chunks = match &self.framing {
            Framing::Chunks(chunks) => chunks.is_between(),
            Framing::Bare | Framing::Fixed => true,
        };
        chunks && self.lost.is_none() && is_between(self.direction, messages, &self.buffer)
    }

    /// From here on what leaves is written anew, if some fault wants that. It stays so: in other chunks, with another compression, nobody
    /// can go back to what came.
    fn begin_to_act(&mut self, scene: &mut Scene<'_>) {
        if self.wants() {
            self.watches = false;
            self.hold(scene);
        }
    }

    /// Whether messages are held until they are whole.
    fn hold(&mut self, scene: &mut Scene<'_>) {
        scene.messages.hold_one(theirs(self.direction), if self.grips.is_empty() { 0 } else { ROOM });
        self.cut(false, scene);
    }

    /// No more content will come: what is there of a message goes on.
    fn finish(&mut self, scene: &mut Scene<'_>) {
        if self.watches {
            return;
        }
        scene.messages.hold_one(theirs(self.direction), 0);
        self.cut(true, scene);
        if !self.buffer.is_empty() {
            let rest = self.buffer.split().freeze();
            self.line.push(Item::Payload(Payload::Data(rest)), Vec::new(), scene.now);
        }
    }

    fn cut(&mut self, is_cut: bool, scene: &mut Scene<'_>) {
        while let Some(cut) = scene.messages.cut(theirs(self.direction), &mut self.buffer) {
            match cut {
                Cut::Message(message) => self.came(message, is_cut, scene),
                Cut::Control(control) => self.control(control, scene.now),
                Cut::Between(bytes) => drop(self.line.push(Item::Bytes(bytes, Bound::Between), Vec::new(), scene.now)),
                Cut::Plain(bytes) => drop(self.line.push(Item::Payload(Payload::Data(bytes)), Vec::new(), scene.now)),
                Cut::Lost(lost) => self.lose(lost),
            }
        }
    }

    /// A frame about the connection waits for nobody, but at its end.
    fn control(&mut self, control: Control, now: Instant) {
        let bound = bound_behind(&control);
        let item = match control {
            Control::Close { raw, .. } => return self.line.push_last(Item::Bytes(raw, bound), Vec::new(), now),
            Control::Pong(raw) => Item::Payload(Payload::Pong(raw)),
            Control::Ping(raw) => Item::Bytes(raw, bound),
        };
        match self.line.is_inside() {
            // Where it came nobody is disturbed; elsewhere between the parts it might.
            true => drop(self.line.push(item, Vec::new(), now)),
            false => self.line.push_loose(item, Vec::new(), now, now),
        }
    }

    fn came(&mut self, message: Message, is_cut: bool, scene: &mut Scene<'_>) {
        let size = message.raw().len();
        if !message.begins {
            self.grips.iter_mut().for_each(|grip| grip.pass(size));
            self.line.push(Item::Message(message), self.under.clone(), scene.now);
            return;
        }
        let mut letters = vec![Letter::of(message.clone())];
        let mut state = State { is_over: false, is_cut, is_fixed: matches!(self.framing, Framing::Fixed) };
        let mut ending = None;
        if self.struck.is_none() && !self.grips.is_empty() {
            let _together = scene.plan.numbering();
            for grip in &mut self.grips {
                match grip.take(&message, &mut letters, state, self.direction, scene) {
                    Fate::Goes => {}
                    Fate::Lost => state.is_over = true,
                    Fate::Ends(chosen) => (state.is_over, ending) = (true, Some(chosen)),
                }
            }
        }
        self.grips.iter_mut().for_each(|grip| grip.pass(size));
        let Some(chosen) = ending else {
            self.under = letters.first().map(|letter| letter.waits.clone()).unwrap_or_default();
            return self.line.post(letters, scene.now);
        };
        self.struck = Some(chosen.fault.name.clone());
        if chosen.told {
            self.line.post(letters, scene.now);
            self.line.push_last(Item::Strike(chosen), Vec::new(), scene.now);
        } else {
            let waits = letters.first().map(|letter| letter.waits.clone()).unwrap_or_default();
            self.line.push_last(Item::Strike(chosen), waits, scene.now);
            // It leaves if the fault does before it strikes.
            self.line.push(Item::Message(message), Vec::new(), scene.now);
        }
        self.under = Vec::new();
    }

    /// What leaves next.
    pub fn release(&mut self, messages: &mut Messages, now: Instant) -> Option<Out> {
        loop {
            if let Some(out) = self.out.pop_front() {
                return Some(out);
            }
            match self.line.release(now)? {
                Item::Message(message) => {
                    let bytes = messages.leave(theirs(self.direction), &message);
                    self.write(bytes);
                    if message.ends {
                        self.out.push_back(Out::Payload(Payload::Bound(Bound::Message)));
                    }
                }
                Item::Bytes(bytes, bound) => {
                    self.write(bytes);
                    self.out.push_back(Out::Payload(Payload::Bound(bound)));
                }
                Item::Payload(Payload::Data(bytes)) => self.write(bytes),
                Item::Payload(Payload::Pong(bytes)) => {
                    self.out.push_back(Out::Payload(Payload::Pong(bytes)));
                    self.out.push_back(Out::Payload(Payload::Bound(Bound::Between)));
                }
                Item::Payload(payload) => self.out.push_back(Out::Payload(payload)),
                Item::Strike(chosen) => self.out.push_back(Out::Strike(chosen)),
            }
        }
    }

    fn write(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let chunks = matches!(self.framing, Framing::Chunks(_)).then(|| [chunks::begin(bytes.len()), chunks::END]);
        let [begin, end] = chunks.unwrap_or_default();
        let payloads = [Payload::Frame(begin), Payload::Data(bytes), Payload::Frame(end)];
        self.out.extend(payloads.into_iter().filter(|payload| !payload.is_empty()).map(Out::Payload));
    }

    pub fn watches(&self) -> bool {
        self.watches
    }

    /// Whether a message is under way.
    pub fn is_inside(&self, messages: &Messages) -> bool {
        self.lost.is_some() || !is_between(self.direction, messages, &self.buffer)
    }

    pub fn wake(&self) -> Option<Instant> {
        self.line.wake()
    }

    pub fn has_room(&self) -> bool {
        self.line.has_room()
    }

    pub fn held(&self) -> usize {
        let ready = self.out.iter().map(|out| if let Out::Payload(payload) = out { payload.len() } else { 0 }).sum::<usize>();
        self.line.bytes() + ready + if self.watches { 0 } else { self.buffer.len() }
    }

    pub fn lost(&self) -> Option<Lost> {
        self.lost
    }
}

impl Framing {
    fn of(head: &Head, messages: &Messages) -> Framing {
        match head.length() {
            // Behind its head there is no HTTP any more.
            _ if matches!(messages, Messages::WebSocket(_)) => Framing::Bare,
            _ if head.is_chunked() => Framing::Chunks(Chunks::default()),
            Some(_) => Framing::Fixed,
            None => Framing::Bare,
        }
    }
}

fn is_between(way: Direction, messages: &Messages, buffer: &[u8]) -> bool {
    messages.ended(theirs(way), buffer) == Ended::Between
}

fn bound_behind(control: &Control) -> Bound {
    match control {
        Control::Close { .. } => Bound::Last,
        Control::Ping(_) | Control::Pong(_) => Bound::Between,
    }
}

pub fn theirs(direction: Direction) -> faultwire_messages::Direction {
    match direction {
        Direction::ToServer => faultwire_messages::Direction::ToServer,
        Direction::ToClient => faultwire_messages::Direction::ToClient,
    }
}
