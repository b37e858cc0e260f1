//! Which faults are about one exchange, as its head, its body and its answer become known.

use crate::{
    fault::Draw,
    matching::{
        body::{Body, Unreadable},
        fits::Fit,
    },
    plan::{Compiled, Plan, Reason},
    subject::Headers,
    who::Who,
};
use bytes::Bytes;
use std::{sync::Arc, time::Instant};

#[derive(Debug)]
pub struct Choosing {
    who: Who,
    entries: Vec<Entry>,
    /// The body has come, or is not waited for.
    embodied: bool,
    answered: bool,
}

#[derive(Debug)]
struct Entry {
    fault: Arc<Compiled>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is about it.
    About,
    /// That depends on the body.
    Body,
    /// It is about it, and its roll depends on the body.
    Identity,
    /// That depends on the answer.
    Answer,
}

impl Choosing {
    /// At the head of a request. None: no fault of the plan will ever be about it.
    pub fn begin(plan: &Plan, who: Who, now: Instant) -> Option<Choosing> {
        let mut choosing = Choosing { who, entries: Vec::new(), embodied: false, answered: false };
        choosing.look(plan, &[], &mut |fault| fault.tally.suppress(Reason::Exempt), now);
        (!choosing.entries.is_empty()).then_some(choosing)
    }

    /// Of a request whose body has gone by already.
    pub fn late(plan: &Plan, who: Who, now: Instant) -> Option<Choosing> {
        let mut choosing = Choosing { who, entries: Vec::new(), embodied: true, answered: true };
        choosing.adopt(plan, now);
        (!choosing.entries.is_empty()).then_some(choosing)
    }

    /// Takes a new plan: what has been decided stays.
    pub fn adopt(&mut self, plan: &Plan, now: Instant) {
        let old = std::mem::take(&mut self.entries);
        self.look(plan, &old, &mut |_| {}, now);
        let (embodied, answered) = (self.embodied, self.answered);
        self.entries.retain(|entry| {
            let late = matches!(entry.stage, Stage::Body | Stage::Identity) && embodied || entry.stage == Stage::Answer && answered;
            if late {
                entry.fault.tally.suppress(Reason::TooLate);
            }
            !late
        });
    }

    /// `old`: what has been decided already.
    fn look(&mut self, plan: &Plan, old: &[Entry], spared: &mut dyn FnMut(&Compiled), now: Instant) {
        for (fault, fit) in plan.about(&self.who, spared) {
            if let Some(known) = old.iter().find(|known| fault.continues(&known.fault)) {
                self.entries.push(Entry { fault, stage: known.stage });
                continue;
            }
            if !self.who.with(|request| fault.is_for(request, now)) {
                continue;
            }
            let by_identity = fault.fault.draw == Draw::Identity;
            let stage = match fit {
                Fit::Yes if by_identity => Stage::Identity,
                Fit::Yes => Stage::About,
                Fit::Needs { body: true, .. } => Stage::Body,
                Fit::Needs { .. } => Stage::Answer,
                Fit::Unreadable(why) => {
                    fault.tally.suppress(reason(why));
                    continue;
                }
                Fit::No => continue,
            };
            self.entries.push(Entry { fault, stage });
        }
    }

    pub fn waits_for_body(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.stage, Stage::Body | Stage::Identity))
    }

    /// The body has come whole, or will not be waited for.
    pub fn body(&mut self, bytes: Result<Bytes, Unreadable>) {
        self.embodied = true;
        let content = bytes.as_ref().map_or(&b""[..], |bytes| bytes);
        self.who.identity = Some(self.who.identified(content));
        let who = &self.who;
        let mut entries = std::mem::take(&mut self.entries);
        who.with(|subject| {
            let mut body = match bytes {
                Ok(bytes) => Body::new(subject, bytes),
                Err(_) => Body::too_large(subject),
            };
            entries.retain_mut(|entry| {
                let fit = match (entry.stage, entry.fault.matcher()) {
                    (Stage::Body, Some(matcher)) => matcher.body(subject, &mut body),
                    (Stage::Identity, _) => Fit::Yes,
                    _ => return true,
                };
                match fit {
                    Fit::Yes => entry.stage = Stage::About,
                    Fit::Needs { .. } => entry.stage = Stage::Answer,
                    Fit::Unreadable(why) => entry.fault.tally.suppress(reason(why)),
                    Fit::No => {}
                }
                matches!(fit, Fit::Yes | Fit::Needs { .. })
            });
        });
        self.entries = entries;
    }

    /// The head of the answer has come. Whether a fault is about the exchange that was not known to be.
    pub fn answer(&mut self, status: u16, headers: &dyn Headers) -> bool {
        self.answered = true;
        let mut more = false;
        self.entries.retain_mut(|entry| {
            if entry.stage != Stage::Answer {
                return true;
            }
            let fits = entry.fault.matcher().is_none_or(|matcher| matcher.response(status, headers));
            entry.stage = Stage::About;
            more |= fits;
            fits
        });
        more
    }

    /// The part of the plan that is about it, as far as is known.
    pub fn part(&self, plan: &Plan) -> Option<Arc<Plan>> {
        let about: Vec<Arc<Compiled>> =
            self.entries.iter().filter(|entry| entry.stage == Stage::About).map(|entry| entry.fault.clone()).collect();
        (!about.is_empty()).then(|| Arc::new(plan.only(about)))
    }

    pub fn who(&self) -> &Who {
        &self.who
    }
}

fn reason(why: Unreadable) -> Reason {
    match why {
        Unreadable::TooLarge => Reason::TooLarge,
        Unreadable::Compressed | Unreadable::NotJson => Reason::Unreadable,
    }
}
