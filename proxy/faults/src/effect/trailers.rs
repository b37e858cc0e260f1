//! `trailers`: what follows the body is other, more or less. On gRPC that is how a call ended.

use super::edits::{described, edits};
use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    foreseen::VALUES,
    head::{Head, List},
    piece::{End, Payload, Piece},
    plan::Reason,
    protocol::kind,
};
use faultwire_http1::edit::Edit;

#[derive(Clone, Debug, PartialEq)]
pub struct Trailers {
    pub edits: Vec<Edit>,
}

/// What is known of the message.
#[derive(Debug, Default)]
pub enum Memory {
    #[default]
    Before,
    /// Trailers come, or there is no place for any.
    AsTheyCome,
    /// HTTP/2: there may be none yet, and can be some.
    MayBeAdded,
}

impl Effect for Trailers {
    const KEYS: &'static [Key] = &[Key {
        name: "trailers",
        form: VALUES,
        values: "MAP",
        about: "Sets what follows the body; `null` removes, a list repeats. An answer of HTTP/1 has a place for it if it is chunked.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ trailers: { grpc-status: null } }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Trailers, Complaint> {
        Ok(Trailers { edits: edits(&share.head.value)? })
    }

    fn describe(&self) -> String {
        format!("trailers {}", described(&self.edits))
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let due = piece.due;
        match piece.payload {
            Payload::Head(head) => {
                let (next, outcome, head) = self.head(head, cx);
                *memory = next;
                cx.pass(Piece { due, payload: Payload::Head(head) });
                outcome
            }
            Payload::Trailers(mut trailers) => {
                *memory = Memory::AsTheyCome;
                let outcome = self.edit(&mut trailers, cx);
                // HTTP/2 has no empty ones.
                let is_gone = matches!(&trailers, Head::Http2(list) if list.fields.is_empty());
                if !is_gone {
                    cx.pass(Piece { due, payload: Payload::Trailers(trailers) });
                }
                outcome
            }
            Payload::End(End::Fin) if matches!(memory, Memory::MayBeAdded) => {
                let mut trailers = Head::Http2(Box::new(List { fields: Vec::new(), raw: None, is_all: false }));
                let outcome = self.edit(&mut trailers, cx);
                if outcome == Outcome::Edited {
                    cx.pass(Piece { due, payload: Payload::Trailers(trailers) });
                }
                cx.pass(Piece { due, payload: Payload::End(End::Fin) });
                outcome
            }
            payload => {
                cx.pass(Piece { due, payload });
                Outcome::Untouched
            }
        }
    }
}

impl Trailers {
    fn head(&self, mut head: Head, cx: &Cx<'_>) -> (Memory, Outcome, Head) {
        let adds = self.edits.iter().any(|edit| !matches!(edit, Edit::Remove(_)));
        match &head {
            Head::Http1(_) if head.is_chunked() => (Memory::AsTheyCome, Outcome::Untouched, head),
            Head::Http2(list) if !list.is_all => (Memory::MayBeAdded, Outcome::Untouched, head),
            // Its trailers are all that there is of such a call.
            Head::Http2(_) if head.first("grpc-status").is_some() => {
                let outcome = self.edit(&mut head, cx);
                (Memory::AsTheyCome, outcome, head)
            }
            _ => (Memory::AsTheyCome, if adds { Outcome::Kept(Reason::Unreadable) } else { Outcome::Untouched }, head),
        }
    }

    /// The mark stands where the edit is: the head may have left long ago.
    fn edit(&self, fields: &mut Head, cx: &Cx<'_>) -> Outcome {
        if !fields.edit(&self.edits) {
            return Outcome::Untouched;
        }
        cx.mark_answer(fields);
        Outcome::Edited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        piece::Direction::*,
        testing::{exchange, http1, list},
    };
    use serde_json::json;

    #[test]
    fn trailers_of_chunked_answers() {
        let set = json!({"trailers": {"t": "9", "u": ["1", "2"]}});
        for (fault, came, left, counts) in [
            (
                set.clone(),
                "<HTTP/1.1 200 OK~transfer-encoding: chunked~~2~ok~0~T: 1~~",
                "1: HTTP/1.1 200 OK~transfer-encoding: chunked~~2~ok~0~T: 9~u: 1~u: 2~x-faultwire-fault: f0~~",
                (1, vec![]),
            ),
            (
                set.clone(),
                "<HTTP/1.1 200 OK~transfer-encoding: chunked~~0~~",
                "1: HTTP/1.1 200 OK~transfer-encoding: chunked~~0~t: 9~u: 1~u: 2~x-faultwire-fault: f0~~",
                (1, vec![]),
            ),
            (set, "<HTTP/1.1 200 OK~content-length: 2~~ok", "1: HTTP/1.1 200 OK~content-length: 2~~ok", (0, vec!["unreadable"])),
            (
                json!({"trailers": {"t": null}}),
                "<HTTP/1.1 200 OK~transfer-encoding: chunked~~0~t: 1~~",
                "1: HTTP/1.1 200 OK~transfer-encoding: chunked~~0~x-faultwire-fault: f0~~",
                (1, vec![]),
            ),
            (
                json!({"trailers": {"u": null}}),
                "<HTTP/1.1 200 OK~transfer-encoding: chunked~~0~t: 1~~",
                "1: HTTP/1.1 200 OK~transfer-encoding: chunked~~0~t: 1~~",
                (0, vec!["ended_first"]),
            ),
        ] {
            let played = http1(std::slice::from_ref(&fault), &[(0, ">GET / HTTP/1.1~~"), (1, came)]);
            assert_eq!((played.to_client.as_str(), played.counts()), (left, counts), "{fault}");
        }
    }

    #[test]
    fn calls_end_otherwise() {
        let call = |trailers: Option<&str>| {
            let mut script = vec![
                (1, ToClient, Payload::Head(list(":status 200, content-type application/grpc", false))),
                (2, ToClient, Payload::Data("m".into())),
            ];
            script.extend(trailers.map(|fields| (3, ToClient, Payload::Trailers(list(fields, false)))));
            script.push((3, ToClient, Payload::End(End::Fin)));
            script
        };
        let head = "1: [:status 200, content-type application/grpc] | 2: [m] | 3: ";
        for (fault, script, left) in [
            (json!({"trailers": {"grpc-status": null}}), call(Some("grpc-status 0, a b")), "[a b, x-faultwire-fault f0][fin]"),
            (json!({"trailers": {"grpc-status": null}, "disguise": true}), call(Some("grpc-status 0")), "[fin]"),
            (json!({"trailers": {"grpc-status": "13"}}), call(Some("grpc-status 0")), "[grpc-status 13, x-faultwire-fault f0][fin]"),
            (json!({"trailers": {"T": "1"}}), call(None), "[t 1, x-faultwire-fault f0][fin]"),
            (json!({"trailers": {"t": null}}), call(None), "[fin]"),
        ] {
            assert_eq!(exchange(&fault, script).to_client, format!("{head}{left}"), "{fault}");
        }
        // A call that has trailers only.
        let only = || {
            let head = list(":status 200, content-type application/grpc, grpc-status 5", true);
            vec![(1, ToClient, Payload::Head(head)), (1, ToClient, Payload::End(End::Fin))]
        };
        let played = exchange(&json!({"trailers": {"grpc-status": null}}), only());
        assert_eq!(played.to_client, "1: [:status 200, content-type application/grpc, x-faultwire-fault f0][fin]");
        let bare = vec![(1, ToClient, Payload::Head(list(":status 204", true))), (1, ToClient, Payload::End(End::Fin))];
        assert_eq!(exchange(&json!({"trailers": {"t": "1"}}), bare).counts(), (0, vec!["unreadable"]));
    }
}
