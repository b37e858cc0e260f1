//! `goaway`: a connection of HTTP/2 takes up no more streams. It ends no exchange: those under way finish.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Share, Strike},
    form::Form,
    protocol::{HTTP2_CODES, http2_code, kind},
    value::one_of,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Goaway {
    pub code: u32,
    pub message: Option<String>,
}

impl Effect for Goaway {
    const KEYS: &'static [Key] = &[
        Key {
            name: "goaway",
            form: Form::Word(HTTP2_CODES),
            values: "HTTP/2 CODE",
            about: "The client is asked to leave, by a request or with `per: connection` by the connection: what is under way finishes, that request as well; what it still opens there is not answered, and the connection closes once all is done. HTTP/1 has no word for it (`http1`).",
            ..Key::BLANK
        },
        Key { name: "message", form: Form::Text, values: "TEXT", about: "Its debug data.", ..Key::BLANK },
    ];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ goaway: ENHANCE_YOUR_CALM }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Goaway, Complaint> {
        let word = one_of(&share.head.value, HTTP2_CODES)?;
        let message = share.node("message").and_then(|node| node.text()).map(str::to_owned);
        Ok(Goaway { code: http2_code(word).unwrap_or_default(), message })
    }

    fn describe(&self) -> String {
        let message = self.message.as_ref().map(|message| format!(", message \"{message}\"")).unwrap_or_default();
        format!("goaway {}{message}", HTTP2_CODES.get(self.code as usize).unwrap_or(&""))
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::GoAway)
    }
}
