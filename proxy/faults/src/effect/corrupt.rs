//! `corrupt`: some bytes arrive as others. Which ones depends on their offset alone, so that the size of reads does not matter.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, Letter, On, Outcome, Share},
    dice::{Purpose, falls_below},
    form::Form,
    piece::{Payload, Piece},
    plan::Reason,
    protocol::kind,
    units::Percent,
    value::Ramped,
};
use bytes::BytesMut;

#[derive(Clone, Debug, PartialEq)]
pub struct Corrupt {
    /// The share of bytes; of messages, where it is done to messages.
    pub corrupt: Ramped<Percent>,
    /// One byte of each message that is chosen.
    pub of_messages: bool,
}

impl Effect for Corrupt {
    const KEYS: &'static [Key] = &[Key {
        name: "corrupt",
        form: Form::Ramp(&Form::Percent),
        values: "PERCENT | A to B over T",
        default: "",
        about: "That share of bytes is replaced by other values; with `per: message` one byte in that share of messages.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::ALL).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ corrupt: 0.1% }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Corrupt, Complaint> {
        Ok(Corrupt { corrupt: share.own()?, of_messages: false })
    }

    fn describe(&self) -> String {
        format!("corrupt {}{}", self.corrupt, if self.of_messages { "" } else { " of bytes" })
    }

    fn message(&self, (): &mut (), letters: &mut Vec<Letter>, cx: &mut Cx<'_>) -> Outcome {
        if !falls_below(cx.draw(Purpose::Corrupt, 0), self.corrupt.at(cx.elapsed()).0) {
            return Outcome::Kept(Reason::Probability);
        }
        let mut outcome = Outcome::Untouched;
        for letter in letters {
            let Some(length) = letter.message.content().map(|content| content.len() as u64).filter(|length| *length > 0) else { continue };
            let place = cx.draw(Purpose::Corrupt, 1) % length;
            let by = (cx.draw(Purpose::Corrupt, 2) % 255) as u8 + 1;
            // The end of a line is not damaged, but the byte behind it.
            let damaged = (0..3).find_map(|on| {
                let place = (place + on) % length;
                letter.message.corrupted(|at| if at as u64 == place { by } else { 0 })
            });
            if let Some(damaged) = damaged {
                letter.message = damaged;
                outcome = Outcome::Edited;
            }
        }
        outcome
    }

    fn piece(&self, (): &mut (), piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let share = self.corrupt.at(cx.elapsed()).0;
        let chosen = |i: usize| {
            let draw = cx.draw(Purpose::Corrupt, cx.offset + i as u64);
            // The low bits say by what it is replaced, never by itself.
            falls_below(draw, share).then_some((draw % 255) as u8 + 1)
        };
        let Payload::Data(bytes) = &piece.payload else {
            cx.pass(piece);
            return Outcome::Untouched;
        };
        let changes: Vec<(usize, u8)> = (0..bytes.len()).filter_map(|i| chosen(i).map(|by| (i, by))).collect();
        if changes.is_empty() {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        let mut edited = BytesMut::from(&bytes[..]);
        for (i, by) in changes {
            edited[i] ^= by;
        }
        cx.pass(Piece { due: piece.due, payload: Payload::Data(edited.freeze()) });
        Outcome::Edited
    }
}
