//! `reset`: a real RST, both ways, once what was due has been taken.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Share, Strike},
    foreseen::RESET,
    node::Value,
    protocol::{HTTP2_CODES, http2_code, kind},
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reset {
    /// What a stream of HTTP/2 is told instead of INTERNAL_ERROR.
    pub code: Option<u32>,
}

impl Effect for Reset {
    const KEYS: &'static [Key] = &[Key {
        name: "reset",
        form: RESET,
        values: "true | HTTP/2 CODE",
        default: "",
        about: "The connection ends with RST, on both sides, after what was due. Open connections as well. On HTTP/2 it is the stream that ends, with that code or `INTERNAL_ERROR`, and others live; HTTP/1 has no codes, nor has a connection (`per: connection`): there it is RST all the same.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::STREAM | kind::DNS | kind::MESSAGES).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ reset: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Reset, Complaint> {
        let code = match &share.head.value.value {
            Value::Text(word) => http2_code(word),
            _ => None,
        };
        match code {
            Some(_) => Ok(Reset { code }),
            None => super::switched_on(share).map(|()| Reset { code }),
        }
    }

    fn describe(&self) -> String {
        let word = self.code.and_then(|code| HTTP2_CODES.get(code as usize));
        word.map_or_else(|| "reset".to_owned(), |word| format!("reset {word}"))
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Reset)
    }
}

#[cfg(test)]
mod tests {
    use crate::{fault::Fault, node::Node, protocol::Protocol};
    use serde_json::json;

    #[test]
    fn codes_are_told() {
        let described = |reset: serde_json::Value| {
            let fault = Fault::read(&Node::from_json(&json!({"proxy": "p", "reset": reset})));
            fault.map(|fault| (fault.reset_code(), fault.describe(Protocol::Http))).map_err(|complaints| complaints[0].code)
        };
        assert_eq!(described(json!(true)), Ok((None, "reset".to_owned())));
        assert_eq!(described(json!("REFUSED_STREAM")), Ok((Some(7), "reset REFUSED_STREAM".to_owned())));
        assert_eq!(described(json!("HTTP_1_1_REQUIRED")), Ok((Some(13), "reset HTTP_1_1_REQUIRED".to_owned())));
        assert!(described(json!("refused_stream")).is_err() && described(json!(7)).is_err());
    }
}
