//! `slow_close`: the end of the stream comes late; its data does not.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    form::Form,
    head::Head,
    piece::{End, Payload, Piece},
    protocol::kind,
    units::Span,
    value::Ramped,
};
use faultwire_http1::Length;

#[derive(Clone, Debug, PartialEq)]
pub struct SlowClose {
    pub slow_close: Ramped<Span>,
}

#[derive(Debug, Default)]
pub struct Memory {
    ends_with_it: bool,
}

impl Effect for SlowClose {
    const KEYS: &'static [Key] = &[Key {
        name: "slow_close",
        form: Form::Ramp(&Form::Span),
        values: "DURATION",
        default: "",
        about: "The end of the stream comes so much later; data is not delayed. On HTTP/1 it is that of an answer whose connection ends with it.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::STREAM | kind::MESSAGES);
    const EXAMPLE: &'static str = "{ slow_close: 2s }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<SlowClose, Complaint> {
        Ok(SlowClose { slow_close: share.own()? })
    }

    fn describe(&self) -> String {
        format!("slow_close {}", self.slow_close)
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        if let Payload::Head(head) = &piece.payload {
            memory.ends_with_it = ends_with_it(head);
        }
        if piece.payload != Payload::End(End::Fin) || cx.whole && !memory.ends_with_it {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        let later = self.slow_close.at(cx.elapsed());
        cx.pass(Piece { due: piece.due + later.duration(), ..piece });
        Outcome::Delayed
    }
}

/// Whether a stream ends with the message of that head. Where others follow, its end is nothing but their beginning.
fn ends_with_it(head: &Head) -> bool {
    match head {
        Head::Http2(_) => true,
        Head::Http1(lines) => {
            let says = |word: &str| {
                let mut words = lines.fields.all("connection").flat_map(|value| value.split(|byte| *byte == b','));
                words.any(|other| other.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
            };
            let old = lines.fields.raw.starts_with(b"HTTP/1.0") && !says("keep-alive");
            lines.status.is_some() && (lines.length == Length::ToEnd || says("close") || old)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        piece::{Direction::*, End, Payload},
        testing::{exchange, http1, list},
    };
    use serde_json::json;

    #[test]
    fn the_end_of_a_connection_is_late_and_no_answer_is() {
        let fault = json!({"slow_close": "100ms"});
        let get = ">GET / HTTP/1.1~~";
        for (script, left, counts) in [
            (vec![(0, get), (1, "<HTTP/1.1 200 OK~~ok"), (2, "<fin")], "1: HTTP/1.1 200 OK~~ok | 102: fin", (1, vec![])),
            (
                vec![(0, get), (1, "<HTTP/1.1 200 OK~Connection: close~Content-Length: 2~~ok"), (2, "<fin")],
                "1: HTTP/1.1 200 OK~Connection: close~Content-Length: 2~~ok | 101: fin",
                (1, vec![]),
            ),
            // Another answer follows.
            (
                vec![(0, get), (1, "<HTTP/1.1 204 No Content~~"), (2, get), (3, "<HTTP/1.1 204 No Content~~")],
                "1: HTTP/1.1 204 No Content~~ | 3: HTTP/1.1 204 No Content~~",
                (0, vec!["ended_first"]),
            ),
        ] {
            let played = http1(std::slice::from_ref(&fault), &script);
            assert_eq!((played.to_client.as_str(), played.counts()), (left, counts));
        }
        let script = vec![(0, ToClient, Payload::Head(list(":status 200", false))), (1, ToClient, Payload::End(End::Fin))];
        assert_eq!(exchange(&fault, script).to_client, "0: [:status 200] | 101: [fin]");
    }
}
