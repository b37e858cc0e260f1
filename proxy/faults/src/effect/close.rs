//! `close`: FIN after what is due; with `half` in one direction only.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, Share, Strike},
    node::Value,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    pub half: bool,
}

impl Effect for Close {
    const KEYS: &'static [Key] = &[Key {
        name: "close",
        values: "true | half",
        default: "",
        about: "The connection ends with FIN after what is due. `half`: in the fault's direction only, the other flows on.",
    }];
    const EXAMPLE: &'static str = "{ close: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Close, Complaint> {
        match &share.head.value.value {
            Value::Text(word) if word == "half" => Ok(Close { half: true }),
            Value::Number(code) => Err(Complaint::new(
                "E0406",
                format!("`close: {code}` is a WebSocket close code"),
                &share.head.value.place,
                "plain TCP has only `true` and `half`",
            )),
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
