//! `malformed`: an answer that is none, in the server's place. What each form is on the wire stands in `reply.rs`.

use crate::{
    complaint::Complaint,
    contract::{Broken, Effect, Key, On, Reply, Share, Strike},
    form::Form,
    protocol::kind,
    value::one_of,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    pub broken: Broken,
}

const FORMS: &[(&str, Broken)] = &[
    ("garbage", Broken::Garbage),
    ("status_line", Broken::StatusLine),
    ("header", Broken::Header),
    ("chunk", Broken::Chunk),
    ("frame", Broken::Frame),
];

impl Effect for Malformed {
    const KEYS: &'static [Key] = &[Key {
        name: "malformed",
        form: Form::Word(&["garbage", "status_line", "header", "chunk", "frame"]),
        values: "garbage | status_line | header | chunk | frame",
        about: "Answered in the server's place, and no answer: drawn bytes, a status line without a status, a line without a colon, a chunk whose size is no number; the connection closes. On HTTP/2 it is drawn bytes, `:status` that is no number, fields that nobody may send, DATA with more padding than there is, and for `frame` one of a wrong length, on HTTP/1 drawn bytes; a head alone ends its stream, anything else the connection. On gRPC `frame` is a message that is shorter than it says.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::DNS | kind::MESSAGES);
    const EXAMPLE: &'static str = "{ malformed: chunk }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Malformed, Complaint> {
        let word = one_of(&share.head.value, &["garbage", "status_line", "header", "chunk", "frame"])?;
        let broken = FORMS.iter().find(|(name, _)| *name == word).map_or(Broken::Garbage, |(_, broken)| *broken);
        Ok(Malformed { broken })
    }

    fn describe(&self) -> String {
        let word = FORMS.iter().find(|(_, broken)| *broken == self.broken).map_or("", |(name, _)| name);
        format!("malformed {word}")
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Answer)
    }

    fn reply(&self) -> Option<Reply<'_>> {
        Some(Reply::Broken(self.broken))
    }
}

#[cfg(test)]
mod tests {
    use crate::{fault::Draft, fit, node::Node, protocol::Protocol, testing::http1};
    use serde_json::json;

    #[test]
    fn what_is_answered_is_no_answer() {
        for (form, asks, answer) in [
            ("status_line", "GET", "HTTP/1.1 OK twohundred~x-faultwire-fault: f0~content-length: 0~~"),
            (
                "header",
                "GET",
                "HTTP/1.1 200 OK~x-faultwire-fault: f0~content-type: text/plain~content-length: 64~this line has no colon~x-bare-cr: a\rb~~",
            ),
            (
                "chunk",
                "GET",
                "HTTP/1.1 200 OK~x-faultwire-fault: f0~content-type: application/octet-stream~transfer-encoding: chunked~~not-a-size~",
            ),
            // An answer to HEAD has no chunks.
            ("chunk", "HEAD", "HTTP/1.1 OK twohundred~x-faultwire-fault: f0~content-length: 0~~"),
        ] {
            let played = http1(&[json!({"malformed": form})], &[(0, &format!(">{asks} / HTTP/1.1~~"))]);
            assert_eq!(played.to_client, format!("0: {answer}fin"), "{form}");
            assert_eq!((played.to_server.as_str(), played.counts()), ("0: fin", (1, vec![])), "{form}");
        }
        let garbage = |name: &str| http1(&[json!({"malformed": "garbage", "name": name})], &[(0, ">GET / HTTP/1.1~~")]).to_client;
        assert!(garbage("a") == garbage("a") && garbage("a") != garbage("b"), "drawn, and not by chance");
        assert!(garbage("a").ends_with("~~fin"), "it has an end of line, for readers that wait for one");
    }

    #[test]
    fn frames_are_of_http2_and_of_calls() {
        let frame = http1(&[json!({"malformed": "frame"})], &[(0, ">GET / HTTP/1.1~~")]);
        assert_eq!(frame.to_client, http1(&[json!({"malformed": "garbage"})], &[(0, ">GET / HTTP/1.1~~")]).to_client);
        for (on, word, fits) in [
            (Protocol::Http, "frame", true),
            (Protocol::Https, "chunk", true),
            (Protocol::Grpc, "frame", true),
            (Protocol::Grpc, "garbage", true),
            (Protocol::Grpc, "chunk", false),
            (Protocol::Redis, "header", false),
        ] {
            let draft = Draft::read(&Node::from_json(&json!({"proxy": "p", "malformed": word}))).unwrap();
            assert_eq!(fit::moments(&draft, on).is_empty(), fits, "{word}");
        }
    }
}
