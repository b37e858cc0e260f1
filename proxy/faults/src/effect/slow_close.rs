//! `slow_close`: the end of the stream comes late; its data does not.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    form::Form,
    piece::{End, Payload, Piece},
    protocol::kind,
    units::Span,
    value::Ramped,
};

#[derive(Clone, Debug, PartialEq)]
pub struct SlowClose {
    pub slow_close: Ramped<Span>,
}

impl Effect for SlowClose {
    const KEYS: &'static [Key] = &[Key {
        name: "slow_close",
        form: Form::Ramp(&Form::Span),
        values: "DURATION",
        default: "",
        about: "The end of the stream comes so much later; data is not delayed.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::STREAM | kind::MESSAGES);
    const EXAMPLE: &'static str = "{ slow_close: 2s }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<SlowClose, Complaint> {
        Ok(SlowClose { slow_close: share.own()? })
    }

    fn describe(&self) -> String {
        format!("slow_close {}", self.slow_close)
    }

    fn piece(&self, (): &mut (), piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        if piece.payload != Payload::End(End::Fin) {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        let later = self.slow_close.at(cx.elapsed());
        cx.pass(Piece { due: piece.due + later.duration(), ..piece });
        Outcome::Delayed
    }
}
