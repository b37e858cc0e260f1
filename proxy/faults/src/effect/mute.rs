//! `mute`: the pongs of a WebSocket's server do not arrive. Does anyone hang up?

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    form::Form,
    piece::{Payload, Piece},
    protocol::kind,
    value::one_of,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Mute;

impl Effect for Mute {
    const KEYS: &'static [Key] = &[Key {
        name: "mute",
        form: Form::Word(&["pong"]),
        values: "pong",
        about: "The pings of a WebSocket's client stay unanswered.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ mute: pong }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Mute, Complaint> {
        one_of(&share.head.value, &["pong"]).map(|_| Mute)
    }

    fn describe(&self) -> String {
        "mute pong".to_owned()
    }

    fn piece(&self, (): &mut (), piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match piece.payload {
            Payload::Pong(_) => Outcome::Cut,
            _ => {
                cx.pass(piece);
                Outcome::Untouched
            }
        }
    }
}
