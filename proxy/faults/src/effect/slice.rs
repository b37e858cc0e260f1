//! `slice`: no write is larger than this, with a pause between two of them if wanted.

use crate::{
    complaint::Complaint,
    contract::{Allow, Cx, Effect, Key, On, Outcome, Share},
    dice::Purpose,
    form::Form,
    piece::{Payload, Piece},
    protocol::kind,
    units::{Size, Span},
};
use bytes::Bytes;
use std::time::Instant;

#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    pub slice: Size,
    /// How far a size may stray to either side.
    pub vary: Size,
    /// Between two writes.
    pub gap: Span,
    /// What arrives at once is halved until it is small enough, as toxics do it, instead of cut off at the front.
    pub halves: bool,
}

#[derive(Debug, Default)]
pub struct Memory {
    slices: u64,
    halvings: u64,
    next_at: Option<Instant>,
}

impl Effect for Slice {
    const KEYS: &'static [Key] = &[
        Key {
            name: "slice",
            form: Form::Size,
            values: "SIZE",
            default: "",
            about: "Cuts the stream into writes of this size. The receiver's kernel may join them again.",
            ..Key::BLANK
        },
        Key {
            name: "vary",
            form: Form::Size,
            values: "SIZE",
            default: "0B",
            about: "How far a size may stray to either side.",
            ..Key::BLANK
        },
        Key { name: "gap", form: Form::Span, values: "DURATION", default: "0ms", about: "The pause between two writes.", ..Key::BLANK },
    ];
    const ON: On = On::units(kind::STREAM | kind::MESSAGES);
    const EXAMPLE: &'static str = "{ slice: 64B, vary: 32B, gap: 10ms }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Slice, Complaint> {
        let slice: Size = share.own()?;
        if slice.0 == 0 {
            return Err(Complaint::new("E0214", "slices of no bytes move nothing", &share.head.value.place, "1B or more")
                .note("to hold everything, write `bandwidth: 0B/s`"));
        }
        let vary: Size = share.optional("vary")?.unwrap_or_default();
        if let (true, Some(node)) = (vary.0 >= slice.0, share.node("vary")) {
            return Err(Complaint::new("E0214", "`vary` must be less than `slice`", &node.place, "some slices would have no bytes")
                .also(&share.head.value.place, "the size they vary around"));
        }
        Ok(Slice { slice, vary, gap: share.optional("gap")?.unwrap_or_default(), halves: false })
    }

    fn describe(&self) -> String {
        let vary = if self.vary.0 == 0 { String::new() } else { format!(" ± {}", self.vary) };
        let gap = if self.gap.0 == 0 { String::new() } else { format!(" every {}", self.gap) };
        format!("slices of {}{vary}{gap}", self.slice)
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match piece.payload {
            Payload::Data(bytes) if self.halves => self.halve(memory, piece.due, bytes, cx),
            Payload::Head(_) | Payload::Frame(_) | Payload::Data(_) | Payload::Trailers(_) => cx.pass(piece),
            Payload::Pong(_) | Payload::Bound(_) | Payload::End(_) => {
                cx.pass(piece);
                return Outcome::Untouched;
            }
        }
        Outcome::Cut
    }

    fn allow(&self, memory: &mut Memory, (): &(), wanted: usize, cx: &Cx<'_>) -> Allow {
        match memory.next_at {
            Some(at) if at > cx.now => Allow::At(at),
            _ if self.halves => Allow::Now(wanted),
            _ => Allow::Now(wanted.min(self.size(memory.slices, cx))),
        }
    }

    fn took(&self, memory: &mut Memory, (): &(), _: usize, cx: &Cx<'_>) {
        memory.slices += 1;
        // From when it was due, not from when it left: lateness must not add up.
        let from = memory.next_at.filter(|at| cx.now.saturating_duration_since(*at) < self.gap.duration()).unwrap_or(cx.now);
        memory.next_at = (self.gap > Span::ZERO).then(|| from + self.gap.duration());
    }

    fn paces(&self) -> bool {
        true
    }
}

impl Slice {
    /// Cuts in the middle, give or take `vary`, until every part is at most `slice` and `vary` together.
    fn halve(&self, memory: &mut Memory, due: Instant, bytes: Bytes, cx: &mut Cx<'_>) {
        let most = self.slice.0.saturating_add(self.vary.0);
        let mut parts = vec![bytes];
        while let Some(mut part) = parts.pop() {
            let length = part.len() as u64;
            if self.slice.0 == 0 || length <= most.max(1) {
                cx.pass(Piece { due, payload: Payload::Data(part) });
                continue;
            }
            memory.halvings += 1;
            let vary = self.vary.0.min(length / 2);
            let stray = (cx.unit(Purpose::Slice, memory.halvings) * (2 * vary) as f64) as u64;
            let first = part.split_to((length / 2 + stray).saturating_sub(vary).clamp(1, length - 1) as usize);
            parts.push(part);
            parts.push(first);
        }
    }

    fn size(&self, index: u64, cx: &Cx<'_>) -> usize {
        let stray = (cx.unit(Purpose::Slice, index) * (2 * self.vary.0 + 1) as f64) as u64;
        (self.slice.0 - self.vary.0 + stray).max(1) as usize
    }
}
