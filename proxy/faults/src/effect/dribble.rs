//! `dribble`: the body trickles in, evenly over a time, while everything else goes at once.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, On, Outcome, Share},
    form::Form,
    piece::{Payload, Piece},
    protocol::kind,
    units::{Size, Span},
};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// So many pieces, unless their size is said; and so many moments, if nobody has said how much there is.
const PIECES: u64 = 10;

#[derive(Clone, Debug, PartialEq)]
pub struct Dribble {
    pub dribble: Span,
    /// The size of the pieces.
    pub slice: Option<Size>,
}

#[derive(Debug, Default)]
pub struct Memory {
    /// When it began: with the head, or the first of the body.
    began: Option<Instant>,
    /// How long the body will be.
    length: Option<u64>,
    /// So much of it has come.
    come: u64,
}

impl Effect for Dribble {
    const KEYS: &'static [Key] = &[
        Key {
            name: "dribble",
            form: Form::Span,
            values: "DURATION",
            about: "Spreads the body evenly over this time, from its head on; its last byte leaves at the end of it. What comes later than that is not delayed.",
            ..Key::BLANK
        },
        Key {
            name: "slice",
            form: Form::Size,
            values: "SIZE",
            default: "ten pieces",
            about: "The size of the pieces. A body of unknown length leaves in tenths of the time, whatever has come by then.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ dribble: 8s }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Dribble, Complaint> {
        let slice: Option<Size> = share.optional("slice")?;
        if let (Some(Size(0)), Some(node)) = (slice, share.node("slice")) {
            return Err(Complaint::new("E0214", "slices of no bytes move nothing", &node.place, "1B or more"));
        }
        Ok(Dribble { dribble: share.own()?, slice })
    }

    fn describe(&self) -> String {
        let slice = self.slice.map(|slice| format!(", {slice} at a time")).unwrap_or_default();
        format!("dribble over {}{slice}", self.dribble)
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        match &piece.payload {
            Payload::Head(head) => {
                (memory.began, memory.length) = (Some(piece.due), head.length());
                cx.pass(piece);
                Outcome::Untouched
            }
            Payload::Data(bytes) => {
                let bytes = bytes.clone();
                self.spread(memory, piece.due, bytes, cx)
            }
            // The rest waits for the body by itself, since nothing overtakes.
            Payload::Frame(_) | Payload::Trailers(_) | Payload::Pong(_) | Payload::Bound(_) | Payload::End(_) => {
                cx.pass(piece);
                Outcome::Untouched
            }
        }
    }
}

impl Dribble {
    fn spread(&self, memory: &mut Memory, arrival: Instant, mut bytes: Bytes, cx: &mut Cx<'_>) -> Outcome {
        let began = *memory.began.get_or_insert(arrival);
        let mut outcome = Outcome::Untouched;
        while !bytes.is_empty() {
            let (until, at) = match memory.length {
                Some(length) => self.piece_of(memory.come, length),
                None => (u64::MAX, self.tenth(arrival.saturating_duration_since(began))),
            };
            let take = usize::try_from(until - memory.come).unwrap_or(usize::MAX).min(bytes.len());
            let due = arrival.max(began + at);
            if due > arrival {
                outcome = Outcome::Delayed;
            }
            memory.come += take as u64;
            cx.pass(Piece { due, payload: Payload::Data(bytes.split_to(take)) });
        }
        outcome
    }

    /// The piece that a byte belongs to: where it ends, and when it leaves.
    fn piece_of(&self, byte: u64, length: u64) -> (u64, Duration) {
        if byte >= length {
            return (u64::MAX, self.dribble.duration());
        }
        let (byte, whole) = (u128::from(byte), u128::from(length));
        let (number, pieces, end) = match self.slice {
            Some(Size(size)) => {
                let number = byte / u128::from(size) + 1;
                (number, whole.div_ceil(u128::from(size)), (number * u128::from(size)).min(whole))
            }
            None => {
                let pieces = u128::from(PIECES).min(whole);
                // The first piece whose end lies behind it.
                let number = (byte * pieces) / whole + 1;
                let number = if number * whole / pieces > byte { number } else { number + 1 };
                (number, pieces, number * whole / pieces)
            }
        };
        (end as u64, self.share(number, pieces))
    }

    /// The end of the tenth of the time in which something came.
    fn tenth(&self, after: Duration) -> Duration {
        let whole = u128::from(self.dribble.0).max(1);
        let number = (after.as_nanos() * u128::from(PIECES)).div_ceil(whole).max(1);
        self.share(number.min(u128::from(PIECES)), u128::from(PIECES))
    }

    fn share(&self, number: u128, of: u128) -> Duration {
        Duration::from_nanos((u128::from(self.dribble.0) * number / of) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::http1;
    use serde_json::json;

    #[test]
    fn the_body_leaves_evenly_and_the_last_byte_at_the_end() {
        let head = "HTTP/1.1 200 OK~Content-Length: 20~~";
        for (fault, come, left) in [
            (
                json!({"dribble": "1s"}),
                vec![(5, "01234567890123456789")],
                "5: HEAD | 105: 01 | 205: 23 | 305: 45 | 405: 67 | 505: 89 | 605: 01 | 705: 23 | 805: 45 | 905: 67 | 1005: 89",
            ),
            (
                json!({"dribble": "1s", "slice": "8B"}),
                vec![(5, "01234567890123456789")],
                "5: HEAD | 338: 01234567 | 671: 89012345 | 1005: 6789",
            ),
            // The size of reads does not matter; what is late is not made later.
            (
                json!({"dribble": "1s", "slice": "10B"}),
                vec![(5, "0123456"), (100, "78"), (800, "901234"), (2000, "56789")],
                "5: HEAD | 505: 012345678 | 800: 9 | 1005: 01234 | 2000: 56789",
            ),
        ] {
            let mut script = vec![(0, ">GET / HTTP/1.1~~".to_owned()), (5, format!("<{head}"))];
            script.extend(come.iter().map(|(at, bytes)| (*at, format!("<{bytes}"))));
            let script: Vec<(u64, &str)> = script.iter().map(|(at, what)| (*at, what.as_str())).collect();
            let played = http1(std::slice::from_ref(&fault), &script);
            assert_eq!(played.to_client.replace(head, "HEAD"), left, "{fault}");
            assert_eq!(played.counts(), (1, vec![]));
        }
    }

    #[test]
    fn a_body_of_unknown_length_leaves_in_tenths() {
        let head = "<HTTP/1.1 200 OK~transfer-encoding: chunked~~";
        let script = [
            (0, ">GET / HTTP/1.1~~"),
            (10, head),
            (10, "<2~ab~"),
            (60, "<2~cd~"),
            (110, "<2~ef~"),
            (111, "<2~gh~"),
            (999, "<2~ij~"),
            (1500, "<2~kl~0~~"),
        ];
        let played = http1(&[json!({"dribble": "1s"})], &script);
        // The line around a chunk goes as soon as it may.
        let left = "10: HTTP/1.1 200 OK~transfer-encoding: chunked~~2~ | 110: ab~2~cd~2~ef~ | 111: 2~ | 210: gh~ | 999: 2~ | 1010: ij~ | 1500: 2~kl~0~~";
        assert_eq!(played.to_client, left);
    }

    #[test]
    fn every_byte_has_one_piece() {
        for length in 1..=50 {
            for slice in [None, Some(Size(1)), Some(Size(7)), Some(Size(100))] {
                let dribble = Dribble { dribble: Span(1_000_000_000), slice };
                let (mut byte, mut pieces, mut last) = (0, 0, Duration::ZERO);
                while byte < length {
                    let (end, at) = dribble.piece_of(byte, length);
                    assert!(end > byte && end <= length && at > last, "{length} {slice:?}");
                    assert_eq!(dribble.piece_of(end - 1, length), (end, at), "all of a piece agree");
                    (byte, last, pieces) = (end, at, pieces + 1);
                }
                assert_eq!(last, Duration::from_secs(1));
                assert_eq!(pieces, slice.map_or(PIECES.min(length), |Size(size)| length.div_ceil(size)));
            }
        }
    }

    #[test]
    fn an_empty_body_has_nothing_to_spread() {
        let played = http1(&[json!({"dribble": "1s"})], &[(0, ">GET / HTTP/1.1~~"), (1, "<HTTP/1.1 204 No Content~~")]);
        assert_eq!((played.to_client.as_str(), played.counts()), ("1: HTTP/1.1 204 No Content~~", (0, vec!["ended_first"])));
    }
}
