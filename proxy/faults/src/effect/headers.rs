//! `headers`: fields of a real head are others, more or fewer.

use super::edits::{described, edits};
use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    foreseen::HEADERS,
    piece::{Payload, Piece},
    protocol::kind,
};
use faultwire_http1::edit::Edit;

#[derive(Clone, Debug, PartialEq)]
pub struct Headers {
    pub edits: Vec<Edit>,
}

impl Effect for Headers {
    const KEYS: &'static [Key] = &[Key {
        name: "headers",
        form: HEADERS,
        values: "MAP",
        about: "Sets headers of the answer, or of the request with `direction: to_server`; beside `status`, of the answer that is made. `null` removes, a list repeats.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ headers: { content-type: text/html } }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Headers, Complaint> {
        Ok(Headers { edits: edits(&share.head.value)? })
    }

    fn describe(&self) -> String {
        format!("headers {}", described(&self.edits))
    }

    fn piece(&self, (): &mut (), piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let Payload::Head(mut head) = piece.payload else {
            cx.pass(piece);
            return Outcome::Untouched;
        };
        let is_other = head.edit(&self.edits);
        if is_other {
            cx.mark_answer(&mut head);
        }
        cx.pass(Piece { due: piece.due, payload: Payload::Head(head) });
        if is_other { Outcome::Edited } else { Outcome::Untouched }
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
    fn fields_are_set_repeated_and_removed() {
        let fault = json!({"headers": {"Content-Type": "text/html", "x-tag": ["1", "2"], "etag": null}});
        for (came, left, hits) in [
            (
                "<HTTP/1.1 200 OK~content-type:  text/plain~ETag: \"x\"~Content-Length: 2~~ok",
                "1: HTTP/1.1 200 OK~content-type:  text/html~Content-Length: 2~x-tag: 1~x-tag: 2~x-faultwire-fault: f0~~ok",
                1,
            ),
            // An early answer is not the answer.
            (
                "<HTTP/1.1 103 Early~etag: x~~HTTP/1.1 204 No Content~~",
                "1: HTTP/1.1 103 Early~etag: x~~HTTP/1.1 204 No Content~Content-Type: text/html~x-tag: 1~x-tag: 2~x-faultwire-fault: f0~~",
                1,
            ),
        ] {
            let played = http1(std::slice::from_ref(&fault), &[(0, ">GET / HTTP/1.1~~"), (1, came)]);
            assert_eq!((played.to_client.as_str(), played.counts()), (left, (hits, vec![])));
        }
    }

    #[test]
    fn what_makes_no_difference_is_no_hit() {
        let fault = json!({"headers": {"x-none": null, "server": "a"}});
        let played = http1(&[fault], &[(0, ">GET / HTTP/1.1~~"), (1, "<HTTP/1.1 204 No Content~server: a~~")]);
        assert_eq!((played.to_client.as_str(), played.counts()), ("1: HTTP/1.1 204 No Content~server: a~~", (0, vec!["ended_first"])));
    }

    #[test]
    fn requests_bear_no_mark() {
        let fault = json!({"headers": {"host": "other", "authorization": null}, "direction": "to_server"});
        let played =
            http1(std::slice::from_ref(&fault), &[(0, ">GET / HTTP/1.1~Host: a~Authorization: x~~"), (1, "<HTTP/1.1 204 No Content~~")]);
        assert_eq!(played.to_server, "0: GET / HTTP/1.1~Host: other~~");
        assert_eq!(played.to_client, "1: HTTP/1.1 204 No Content~~");
        let script = vec![(0, ToServer, Payload::Head(list(":method GET, :authority a, authorization x", true)))];
        assert_eq!(exchange(&fault, script).to_server, "0: [:method GET, :authority other]");
    }

    #[test]
    fn what_http2_does_not_have_is_not_set_there() {
        let fault = json!({"headers": {"Keep-Alive": "5", "X-A": "b"}, "disguise": true});
        let script = vec![(0, ToClient, Payload::Head(list(":status 200", false))), (1, ToClient, Payload::End(End::Fin))];
        assert_eq!(exchange(&fault, script).to_client, "0: [:status 200, x-a b] | 1: [fin]");
    }
}
