//! `close`: FIN after what is due; with `half` in one direction only.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, STAGE_2, Share, Strike},
    fault::later,
    foreseen::CLOSE,
    form::Form,
    node::Value,
    protocol::kind,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    pub half: bool,
}

impl Effect for Close {
    const KEYS: &'static [Key] = &[
        Key {
            name: "close",
            form: CLOSE,
            values: "true | half | CLOSE CODE",
            default: "",
            about: "The connection ends with FIN after what is due. `half`: in the fault's direction only, the other flows on.",
            ..Key::BLANK
        },
        Key {
            name: "message",
            form: Form::Text,
            values: "TEXT",
            about: "The reason in a WebSocket close frame.",
            since: STAGE_2,
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::STREAM | kind::DNS | kind::MESSAGES).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ close: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Close, Complaint> {
        match &share.head.value.value {
            Value::Text(word) if word == "half" => Ok(Close { half: true }),
            Value::Number(code) => Err(later(&share.head.value.place, &format!("close: {code}"))),
            _ => super::switched_on(share).map(|()| Close { half: false }),
        }
    }

    fn describe(&self) -> String {
        if self.half { "close half".to_owned() } else { "close".to_owned() }
    }

    fn strike(&self) -> Option<Strike> {
        Some(if self.half { Strike::CloseHalf } else { Strike::Close })
    }
}
