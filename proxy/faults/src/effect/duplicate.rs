//! `duplicate`: some messages come again, and some requests are sent again. What is kept of a request, and when, stands in `again.rs`.

use crate::{
    complaint::{Complaint, FromNode},
    contract::{Cx, Effect, Key, Letter, On, Outcome, Share},
    dice::{Purpose, falls_below},
    foreseen::SHARE,
    form::{Form, SOME},
    plan::Reason,
    protocol::kind,
    units::{Percent, Span},
    value::{Count, Ramped},
};

/// More are made of no message.
const MOST: u64 = 1000;

#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    /// The share of messages.
    pub duplicate: Ramped<Percent>,
    /// How many more.
    pub copies: u64,
    /// How much later each comes than the one before it.
    pub gap: Span,
}

impl Effect for Duplicate {
    const KEYS: &'static [Key] = &[
        Key {
            name: "duplicate",
            form: SHARE,
            values: "PERCENT | A to B over T",
            about: "That share of messages comes again, right behind the first. Of requests, without `per: message`: it is sent upstream again, head and body as they have left, on a connection of its own; the client gets the first answer, the others are read and dropped. At most 1 MiB (`too_large`), at most 64 at once (`max_active`), and none that becomes a tunnel (`unreadable`).",
            ..Key::BLANK
        },
        Key { name: "copies", form: SOME, values: "COUNT", default: "1", about: "How many more.", ..Key::BLANK },
        Key {
            name: "gap",
            form: Form::Span,
            values: "DURATION",
            default: "0ms",
            about: "How much later each comes; others may come in between.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::UDP | kind::DNS | kind::HTTP | kind::GRPC | kind::KAFKA | kind::AMQP | kind::NATS)
        .and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ duplicate: 5% }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Duplicate, Complaint> {
        let copies = share.node("copies").map(Count::from_node).transpose()?.map_or(1, |count| count.0);
        if let (true, Some(node)) = (copies > MOST, share.node("copies")) {
            return Err(Complaint::new("E0208", format!("`{copies}` is too many"), &node.place, format!("at most {MOST}")));
        }
        Ok(Duplicate { duplicate: share.own()?, copies, gap: share.optional("gap")?.unwrap_or(Span::ZERO) })
    }

    fn describe(&self) -> String {
        let copies = if self.copies == 1 { String::new() } else { format!(", {} copies", self.copies) };
        let gap = if self.gap == Span::ZERO { String::new() } else { format!(", {} apart", self.gap) };
        format!("duplicate {}{copies}{gap}", self.duplicate)
    }

    fn message(&self, (): &mut (), letters: &mut Vec<Letter>, cx: &mut Cx<'_>) -> Outcome {
        if !falls_below(cx.draw(Purpose::Duplicate, 0), self.duplicate.at(cx.elapsed()).0) {
            return Outcome::Kept(Reason::Probability);
        }
        let Some(first) = letters.first().cloned() else { return Outcome::Untouched };
        let mut behind = Span::ZERO;
        for _ in 0..self.copies {
            behind = Span(behind.0.saturating_add(self.gap.0));
            letters.push(Letter { behind: behind.duration(), ..first.clone() });
        }
        Outcome::Edited
    }
}
