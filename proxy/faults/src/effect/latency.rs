//! `latency`: every piece is delivered later than it came. A delay line that keeps order and throughput, never a sleep.

use super::delay::{Delay, Shape};
use crate::{
    complaint::{Complaint, FromNode},
    contract::{Cx, Effect, Key, On, Outcome, STAGE_1, Share},
    dice::{Purpose, normal_probability, normal_quantile},
    form::Form,
    piece::{Direction, Payload, Piece},
    plan::Reason,
    protocol::kind,
    units::{Percent, Span},
    value::{Multiple, Ramped},
};
use std::time::{Duration, Instant};

/// Bytes with less than this between them are one burst, and have one value.
const BURST: Duration = Duration::from_millis(5);
/// The payload of a full segment on Ethernet, and so the unit of what can be lost.
const SEGMENT: u64 = 1448;
/// The kernel's doubling is cut here: 200ms becomes 12.6s.
const MOST_LOSSES: u32 = 6;
/// Where the status begins in the line of an answer.
const STATUS: usize = b"HTTP/1.1 ".len();
/// So far back a value is tied to those before it, at most.
const MOST_NEIGHBOURS: u64 = 1024;

#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    pub delay: Delay,
    /// How far a value may stray to either side.
    pub jitter: Ramped<Span>,
    /// Ties each value to the one before it; the distribution stays as given.
    pub correlation: Percent,
    /// Counted from the request: an answer leaves no earlier, and nothing is added to what the upstream took.
    pub total: bool,
    /// Multiplies every value after it was drawn.
    pub scale: f64,
    /// One value for the life of the connection.
    pub per_connection: bool,
    /// Each chunk has a value of its own, jitter is in whole milliseconds and below its upper end, the end of the stream waits for
    /// nothing but data, and `correlation` makes a loss likelier after a loss: how toxics work.
    pub by_chunk: bool,
}

#[derive(Debug, Default)]
pub struct Memory {
    last: Option<Instant>,
    bursts: u64,
    value: Span,
    /// The normal score of the last value, for `correlation`.
    score: Option<f64>,
    /// When the line is free again after a stall.
    free_at: Option<Instant>,
    /// The last segment was lost.
    after_loss: bool,
    /// The answer has begun.
    begun: bool,
    /// How the line begins that comes before its head.
    line: Vec<u8>,
}

/// How likely a segment is lost, on its own and right behind one that was.
#[derive(Clone, Copy)]
struct Losses {
    share: Percent,
    after_loss: Percent,
    rto: Span,
}

impl Effect for Latency {
    const KEYS: &'static [Key] = &[
        Key {
            name: "latency",
            form: Form::Delay,
            values: "DURATION | A..B | A to B over T | {p50:, p99:} | {shape:} | {retransmit:}",
            default: "",
            about: "Delivers everything so much later. A delay line: order and throughput stay.",
            ..Key::BLANK
        },
        Key {
            name: "jitter",
            form: Form::Ramp(&Form::Span),
            values: "DURATION",
            default: "0ms",
            about: "How far a single value may stray to either side. With a plain duration only.",
            ..Key::BLANK
        },
        Key {
            name: "mode",
            form: Form::Word(&["add", "total"]),
            values: "add | total",
            default: "add",
            about: "`add`: to what the upstream took. `total`: an answer leaves no earlier than that after the end of its request; plain TCP has none.",
            ..Key::BLANK
        },
        Key {
            name: "correlation",
            form: Form::Percent,
            values: "PERCENT",
            default: "0%",
            about: "Ties each value to the one before it; the distribution stays as given.",
            ..Key::BLANK
        },
        Key {
            name: "if_abandoned",
            form: Form::Word(&["cancel", "deliver"]),
            values: "cancel | deliver",
            default: "cancel",
            about: "What becomes of a held request whose client has gone.",
            since: STAGE_1,
        },
        Key {
            name: "scale",
            form: Form::Multiple,
            values: "MULTIPLE",
            default: "1x",
            about: "Multiplies every value after it was drawn.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::ALL).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ latency: 200ms, jitter: 50ms }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Latency, Complaint> {
        let delay: Delay = share.own()?;
        let jitter = share.optional::<Ramped<Span>>("jitter")?;
        if let (Some(_), false, Some(node)) = (&jitter, matches!(delay.shape, Shape::Plain(_)), share.node("jitter")) {
            return Err(Complaint::new("E0106", "`jitter` goes with a plain duration only", &node.place, "this `latency` already varies")
                .also(&share.head.value.place, "a distribution of its own"));
        }
        let mode = share.node("mode").filter(|mode| mode.text() == Some("total"));
        if let (Some(mode), Shape::Retransmit { .. }) = (mode, &delay.shape) {
            return Err(Complaint::new("E0106", "`mode: total` goes with a length of time", &mode.place, "counts from a request")
                .also(&share.head.value.place, "stalls in the middle"));
        }
        Ok(Latency {
            delay,
            jitter: jitter.unwrap_or(Ramped::Steady(Span::ZERO)),
            correlation: share.optional("correlation")?.unwrap_or(Percent::NEVER),
            total: mode.is_some(),
            scale: share.node("scale").map(Multiple::from_node).transpose()?.map_or(1.0, |multiple| multiple.0),
            per_connection: false,
            by_chunk: false,
        })
    }

    fn describe(&self) -> String {
        let jitter = if self.jitter == Ramped::Steady(Span::ZERO) { String::new() } else { format!(", jitter {}", self.jitter) };
        format!("latency {}{jitter}{}", self.delay, if self.total { " in total" } else { "" })
    }

    fn piece(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        if let Shape::Retransmit { share, rto } = self.delay.shape {
            let after_loss = if self.by_chunk { Percent((share.0 + self.correlation.0).min(Percent::ALWAYS.0)) } else { share };
            return stall(Losses { share, after_loss, rto }, memory, piece, cx);
        }
        if self.by_chunk && matches!(piece.payload, Payload::End(_)) {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        if self.total {
            return self.hold(memory, piece, cx);
        }
        let value = self.value(memory, cx);
        if value == Span::ZERO {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        cx.pass(Piece { due: piece.due + value.duration(), ..piece });
        Outcome::Delayed
    }

    fn puts_off(&self, cx: &mut Cx<'_>) -> Option<Span> {
        Some(self.draw(&mut Memory::default(), cx))
    }
}

impl Memory {
    /// Whether a line is that of an early answer, as far as can be seen of it: what a fault above has cut comes in parts.
    fn is_early(&mut self, bytes: &[u8]) -> bool {
        if bytes.starts_with(b"HTTP/1.") {
            self.line.clear();
        }
        self.line.extend(bytes.iter().take(STATUS + 1 - self.line.len().min(STATUS + 1)));
        self.line.get(STATUS).is_none_or(|digit| *digit == b'1')
    }
}

impl Latency {
    /// Holds the beginning of an answer; what follows it waits for it by itself. An early answer is not the answer.
    fn hold(&self, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let is_early = matches!(&piece.payload, Payload::Frame(bytes) if memory.is_early(bytes));
        if cx.direction == Direction::ToServer || memory.begun || is_early {
            cx.pass(piece);
            return Outcome::Untouched;
        }
        memory.begun = true;
        // Of a request that is not complete yet, the end is not before now.
        let due = cx.asked.unwrap_or(cx.now) + self.value(memory, cx).duration();
        let late = due > piece.due;
        cx.pass(Piece { due: due.max(piece.due), ..piece });
        if late { Outcome::Delayed } else { Outcome::Kept(Reason::TooLate) }
    }

    /// The value of the exchange, or of the burst, that this piece belongs to.
    fn value(&self, memory: &mut Memory, cx: &Cx<'_>) -> Span {
        let is_one = self.per_connection || cx.whole;
        let same = !self.by_chunk && memory.last.is_some_and(|last| is_one || cx.now.saturating_duration_since(last) < BURST);
        memory.last = Some(cx.now);
        if !same {
            memory.value = self.draw(memory, cx);
            memory.bursts += 1;
        }
        memory.value
    }

    fn draw(&self, memory: &mut Memory, cx: &Cx<'_>) -> Span {
        let mut u = cx.unit(Purpose::Latency, memory.bursts);
        if self.correlation != Percent::NEVER {
            u = match cx.whole {
                true => tied(self.correlation.share(), cx),
                false => correlated(u, self.correlation.share(), &mut memory.score),
            };
        }
        let mut stray = self.jitter.at(cx.elapsed()).seconds() * (2.0 * cx.unit(Purpose::Jitter, memory.bursts) - 1.0);
        if self.by_chunk {
            stray = (stray * 1e3).floor() / 1e3;
        }
        let value = self.delay.quantile(u, cx.elapsed());
        if stray == 0.0 && self.scale == 1.0 { value } else { Span::from_seconds_f64((value.seconds() + stray).max(0.0) * self.scale) }
    }
}

/// A Gaussian copula: neighbours agree, the distribution does not narrow.
pub(super) fn correlated(u: f64, share: f64, score: &mut Option<f64>) -> f64 {
    let fresh = normal_quantile(u);
    let z = match *score {
        Some(last) => share * last + (1.0 - share * share).sqrt() * fresh,
        None => fresh,
    };
    *score = Some(z);
    normal_probability(z).clamp(0.0, 1.0)
}

/// The same for exchanges, each of which has one value and knows no other: the neighbours are those that its fault matched before it, and
/// their draws are gone through again. What lies further back has no weight.
fn tied(share: f64, cx: &Cx<'_>) -> f64 {
    let weighs = if share < 1.0 { (1e-3_f64.ln() / share.ln()).ceil() as u64 } else { u64::MAX };
    let first = cx.n.saturating_sub(weighs.min(MOST_NEIGHBOURS)).max(1);
    let mut score = None;
    // All are as the first is.
    let numbers = if share < 1.0 { first..=cx.n } else { 1..=1 };
    numbers.fold(0.0, |_, n| correlated(cx.unit_of(n, Purpose::Latency, 0), share, &mut score))
}

/// What an application notices of packet loss: the line stops for the retransmission time-out, which doubles with each loss in a row.
fn stall(losses: Losses, memory: &mut Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
    let arrival = piece.due;
    let Payload::Data(mut bytes) = piece.payload else {
        let due = memory.free_at.map_or(arrival, |free| free.max(arrival));
        cx.pass(Piece { due, payload: piece.payload });
        return if due > arrival { Outcome::Delayed } else { Outcome::Untouched };
    };
    let mut outcome = Outcome::Untouched;
    let mut offset = cx.offset;
    while !bytes.is_empty() {
        if offset.is_multiple_of(SEGMENT) {
            let stall = losses.time(memory.after_loss, offset / SEGMENT, cx);
            memory.after_loss = stall > Span::ZERO;
            if memory.after_loss {
                memory.free_at = Some(memory.free_at.map_or(arrival, |free| free.max(arrival)) + stall.duration());
            }
        }
        let due = memory.free_at.map_or(arrival, |free| free.max(arrival));
        if due > arrival {
            outcome = Outcome::Delayed;
        }
        // Segments that leave together stay one piece.
        let mut take = (SEGMENT - offset % SEGMENT).min(bytes.len() as u64);
        while take < bytes.len() as u64 && losses.time(memory.after_loss, (offset + take) / SEGMENT, cx) == Span::ZERO {
            memory.after_loss = false;
            take = (take + SEGMENT).min(bytes.len() as u64);
        }
        cx.pass(Piece { due, payload: Payload::Data(bytes.split_to(take as usize)) });
        offset += take;
    }
    outcome
}

impl Losses {
    /// How long this segment's losses last.
    fn time(self, after_loss: bool, segment: u64, cx: &Cx<'_>) -> Span {
        let share = if after_loss { self.after_loss } else { self.share };
        let losses = (0..MOST_LOSSES)
            .take_while(|again| {
                crate::dice::falls_below(cx.draw(Purpose::Retransmit, segment * u64::from(MOST_LOSSES) + u64::from(*again)), share.0)
            })
            .count();
        Span(self.rto.0.saturating_mul((1 << losses) - 1))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::http1;
    use serde_json::json;

    const GET: &str = ">GET / HTTP/1.1~~";
    const OK: &str = "<HTTP/1.1 200 OK~Content-Length: 2~~ok";

    #[test]
    fn an_exchange_has_one_value() {
        let fault = json!({"latency": "50ms..150ms"});
        let script = [(0, GET), (10, "<HTTP/1.1 200 OK~Content-Length: 3~~a"), (100, "<b"), (300, "<c")];
        let played = http1(&[fault], &script);
        let moments: Vec<u64> = played.to_client.split(" | ").map(|part| part.split(':').next().unwrap().parse().unwrap()).collect();
        let value = moments[0] - 10;
        assert!((50..=150).contains(&value));
        assert_eq!(moments, [10 + value, 100 + value, 300 + value]);
    }

    #[test]
    fn in_total_only_what_is_missing_is_waited() {
        let total = json!({"latency": "100ms", "mode": "total"});
        for (script, left, counts) in [
            (vec![(0, GET), (30, OK)], "100: HTTP/1.1 200 OK~Content-Length: 2~~ok", (1, vec![])),
            // The upstream took longer than that.
            (vec![(0, GET), (130, OK)], "130: HTTP/1.1 200 OK~Content-Length: 2~~ok", (0, vec!["too_late"])),
            // What comes later is not delayed, and nothing comes before the head.
            (
                vec![(0, GET), (30, "<HTTP/1.1 200 OK~Content-Length: 4~~a"), (60, "<b"), (150, "<cd")],
                "100: HTTP/1.1 200 OK~Content-Length: 4~~ab | 150: cd",
                (1, vec![]),
            ),
            // It counts from the end of the request, and early answers go at once.
            (
                vec![(0, ">POST / HTTP/1.1~Content-Length: 2~~a"), (10, "<HTTP/1.1 100 Continue~~"), (50, ">b"), (60, OK)],
                "10: HTTP/1.1 100 Continue~~ | 150: HTTP/1.1 200 OK~Content-Length: 2~~ok",
                (1, vec![]),
            ),
        ] {
            let played = http1(std::slice::from_ref(&total), &script);
            assert_eq!((played.to_client.as_str(), played.counts()), (left, counts));
            let server = http1(&[json!({"latency": "100ms", "mode": "total", "direction": "both"})], &script);
            assert!(server.to_server.starts_with("0: "), "the request itself waits for nothing");
        }
        // What is answered further down is an answer as well.
        let played = http1(&[total, json!({"status": 503})], &[(0, GET)]);
        assert!(played.to_client.starts_with("100: HTTP/1.1 503"), "{}", played.to_client);
    }

    #[test]
    fn neighbours_among_exchanges_agree() {
        let delays = |correlation: &str| -> Vec<f64> {
            let fault = json!({"latency": "0ms..1000ms", "correlation": correlation});
            let script: Vec<(u64, &str)> = (0..400).flat_map(|i| [(i * 10_000, GET), (i * 10_000, OK)]).collect();
            let played = http1(&[fault], &script);
            let moments = played.to_client.split(" | ").map(|part| part.split(':').next().unwrap().parse::<u64>().unwrap());
            moments.map(|moment| (moment % 10_000) as f64).collect()
        };
        let correlation = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let part =
                |a: usize, b: usize| values.iter().skip(a).zip(values.iter().skip(b)).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
            part(0, 1) / part(0, 0)
        };
        let (tied, free) = (delays("90%"), delays("0%"));
        assert_eq!(tied.len(), 360, "the hour of the test ends");
        assert!(correlation(&tied) > 0.8, "{}", correlation(&tied));
        assert!(correlation(&free).abs() < 0.15, "{}", correlation(&free));
        // The distribution stays as it was given.
        let below = tied.iter().filter(|value| **value < 500.0).count();
        assert!((90..=270).contains(&below), "{below}");
        let all = delays("100%");
        assert!(all.iter().all(|value| *value == all[0]));
    }
}
