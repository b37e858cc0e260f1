//! `error`: the protocol's own error, in the server's place.

use super::status::retry_after;
use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Reply, RetryAfter, STAGE_2, Share, Strike},
    fault::later,
    foreseen::RETRY_AFTER,
    form::Form,
    protocol::{Protocol, kind},
};

/// Of gRPC. Those of other protocols come with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub word: &'static str,
    pub code: u8,
    pub message: Option<String>,
    pub retry_after: RetryAfter,
}

impl Effect for Error {
    const KEYS: &'static [Key] = &[
        Key {
            name: "error",
            form: Form::Text,
            values: "WORD",
            about: "The protocol's own error, in its own word; the server sees nothing of the request. On gRPC one of the sixteen names, without any message before it.",
            ..Key::BLANK
        },
        Key { name: "message", form: Form::Text, values: "TEXT", default: "the word", about: "What it says to people.", ..Key::BLANK },
        Key {
            name: "retry_after",
            form: RETRY_AFTER,
            values: "DURATION | auto",
            about: "When to come back, in the protocol's way: `grpc-retry-pushback-ms`. `auto`: at the next token of `over`.",
            ..Key::BLANK
        },
        Key {
            name: "then",
            form: Form::Word(&["keep", "close", "reset"]),
            values: "keep | close | reset",
            default: "as the server would",
            about: "What becomes of the connection.",
            since: STAGE_2,
        },
    ];
    const ON: On = On::units(kind::DNS | kind::GRPC | kind::SQL | kind::REDIS | kind::MONGODB | kind::KAFKA | kind::AMQP | kind::NATS);
    const EXAMPLE: &'static str = "{ error: UNAVAILABLE }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Error, Complaint> {
        let written = share.head.value.text().unwrap_or_default();
        let words = Protocol::Grpc.error_words().map_or(&[][..], |words| words.words);
        let known = words.iter().find_map(|(word, code)| Some((*word, code.parse().ok()?)).filter(|(word, _)| *word == written));
        let Some((word, code)) = known else { return Err(later(&share.head.key_place, "error")) };
        Ok(Error {
            word,
            code,
            message: share.node("message").and_then(|node| node.text()).map(str::to_owned),
            retry_after: share.node("retry_after").map(retry_after).transpose()?.unwrap_or_default(),
        })
    }

    fn describe(&self) -> String {
        let message = self.message.as_ref().map(|message| format!(", message \"{message}\"")).unwrap_or_default();
        format!("error {}{message}", self.word)
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Answer)
    }

    fn reply(&self) -> Option<Reply<'_>> {
        let message = self.message.as_deref().unwrap_or(self.word);
        Some(Reply::Call { code: self.code, message, retry_after: self.retry_after })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        fault::Fault,
        head::Field,
        node::Node,
        piece::{Direction, Payload},
        reply::{Parts, Turn},
        testing::{Planner, epoch, exchange, list},
    };
    use serde_json::json;
    use std::time::Duration;

    /// What a call is told.
    fn told(fault: serde_json::Value) -> String {
        let plan = Planner::of_exchanges(1).plan(&[fault], epoch());
        let turn = Turn { fault: &plan.faults[0], n: 1, wait: Some(Duration::from_millis(250)) };
        let Parts::Whole { head, body } = turn.parts(1, false, "then") else { return "broken".to_owned() };
        assert!(body.is_empty());
        let said = |field: &Field| format!("{} {}", field.name.escape_ascii(), field.value.escape_ascii());
        head.iter().map(said).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn calls_fail_in_trailers_alone() {
        for (fault, fields) in [
            (json!({"error": "UNAVAILABLE"}), "grpc-status 14, grpc-message UNAVAILABLE, x-faultwire-fault f0"),
            (json!({"error": "CANCELLED", "disguise": true}), "grpc-status 1, grpc-message CANCELLED"),
            (
                json!({"error": "RESOURCE_EXHAUSTED", "message": "100% süß", "retry_after": "2s"}),
                "grpc-status 8, grpc-message 100%25 s%C3%BC%C3%9F, grpc-retry-pushback-ms 2000, x-faultwire-fault f0",
            ),
            (
                json!({"error": "UNAUTHENTICATED", "retry_after": "auto", "over": "1/s"}),
                "grpc-status 16, grpc-message UNAUTHENTICATED, grpc-retry-pushback-ms 250, x-faultwire-fault f0",
            ),
        ] {
            assert_eq!(told(fault), format!(":status 200, content-type application/grpc, {fields}"));
        }
    }

    #[test]
    fn nothing_of_the_call_reaches_the_server() {
        let head = Payload::Head(list(":method POST, :path /a.B/C", false));
        let played = exchange(&json!({"error": "UNAVAILABLE"}), vec![(0, Direction::ToServer, head)]);
        assert_eq!(played.to_server, "");
    }

    #[test]
    fn other_words_come_later() {
        for word in ["deadlock_detected", "LOADING", "SERVFAIL", "unavailable", "OK"] {
            let complaints = Fault::read(&Node::from_json(&json!({"proxy": "p", "error": word}))).unwrap_err();
            let said: Vec<(&str, &str)> = complaints.iter().map(|complaint| (complaint.code, complaint.message.as_str())).collect();
            assert_eq!(said, [("E0109", "`error` comes with a later version")], "{word}");
        }
        let then = Fault::read(&Node::from_json(&json!({"proxy": "p", "error": "ABORTED", "then": "close"}))).unwrap_err();
        assert_eq!(then[0].message, "`then` comes with a later version");
    }
}
