//! `reset`: a real RST, both ways, once what was due has been taken.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Share, Strike},
    fault::later,
    foreseen::RESET,
    node::Value,
    protocol::{HTTP2_CODES, kind},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Reset;

impl Effect for Reset {
    const KEYS: &'static [Key] = &[Key {
        name: "reset",
        form: RESET,
        values: "true | HTTP/2 CODE",
        default: "",
        about: "The connection ends with RST, on both sides, after what was due. Open connections as well.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::STREAM | kind::DNS | kind::MESSAGES).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ reset: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Reset, Complaint> {
        match &share.head.value.value {
            Value::Text(code) if HTTP2_CODES.contains(&code.as_str()) => Err(later(&share.head.value.place, &format!("reset: {code}"))),
            _ => super::switched_on(share).map(|()| Reset),
        }
    }

    fn describe(&self) -> String {
        "reset".to_owned()
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Reset)
    }
}
