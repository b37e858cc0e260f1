//! `close`: FIN after what is due; with `half` in one direction only.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Share, Strike},
    foreseen::CLOSE,
    form::Form,
    node::Value,
    protocol::kind,
};
use faultwire_messages::websocket::is_sendable;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Close {
    pub half: bool,
    /// With that code a WebSocket says goodbye.
    pub code: Option<u16>,
    /// And why.
    pub message: Option<String>,
}

/// A close frame has no room for more.
const REASON: usize = 123;

impl Effect for Close {
    const KEYS: &'static [Key] = &[
        Key {
            name: "close",
            form: CLOSE,
            values: "true | half | CLOSE CODE",
            default: "",
            about: "The connection ends with FIN after what is due. `half`: in the fault's direction only, the other flows on. A code, `1012`: a WebSocket says goodbye to its client with it first.",
            ..Key::BLANK
        },
        Key {
            name: "message",
            form: Form::Text,
            values: "TEXT",
            default: "the fault's name",
            about: "The reason in a WebSocket close frame.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::STREAM | kind::DNS | kind::MESSAGES).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ close: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Close, Complaint> {
        let node = &share.head.value;
        let message = share.optional::<String>("message")?;
        let code = match &node.value {
            Value::Number(code) => Some(code.parse::<u16>().unwrap_or_default()),
            Value::Text(word) if word == "half" => None,
            _ => super::switched_on(share).map(|()| None)?,
        };
        if let Some(code) = code.filter(|code| !is_sendable(*code)) {
            let complaint =
                Complaint::new("E0207", format!("no close frame says `{code}`"), &node.place, "1000 to 1003, 1007 to 1014, 3000 to 4999");
            return Err(match code {
                1006 => complaint.note("a client reports 1006 where none has come: write `close: true`, or `reset: true`"),
                _ => complaint,
            });
        }
        if let (Some(text), Some(place)) = (&message, share.node("message").map(|node| &node.place)) {
            if code.is_none() {
                return Err(Complaint::new("E0106", "`message` goes with a close code", place, "nobody is told it")
                    .also(&node.place, "no close frame"));
            }
            if text.len() > REASON {
                let told = format!("{} bytes, and there is room for {REASON}", text.len());
                return Err(Complaint::new("E0207", "this is too long for a close frame", place, told));
            }
        }
        Ok(Close { half: code.is_none() && node.text() == Some("half"), code, message })
    }

    fn describe(&self) -> String {
        match self.code {
            Some(code) => format!("close {code}"),
            None if self.half => "close half".to_owned(),
            None => "close".to_owned(),
        }
    }

    fn strike(&self) -> Option<Strike> {
        Some(match self.code {
            Some(code) => Strike::CloseFrame(code),
            None if self.half => Strike::CloseHalf,
            None => Strike::Close,
        })
    }

    fn goodbye(&self) -> Option<&str> {
        self.message.as_deref()
    }
}
