//! `latency`: every piece is delivered later than it came. A delay line that keeps order and throughput, never a sleep.

use super::delay::{Delay, Shape};
use crate::{
    complaint::{Complaint, FromNode},
    contract::{Cx, Effect, Key, On, Outcome, STAGE_1, Share},
    dice::{Purpose, normal_probability, normal_quantile},
    fault::later,
    form::Form,
    piece::{Payload, Piece},
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

#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    pub delay: Delay,
    /// How far a value may stray to either side.
    pub jitter: Ramped<Span>,
    /// Ties each value to the one before it; the distribution stays as given.
    pub correlation: Percent,
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
            about: "`add`: to what the upstream took. `total`: an answer leaves no earlier than that after its request, which plain TCP does not have.",
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
        if let Some(mode) = share.node("mode").filter(|mode| mode.text() == Some("total")) {
            return Err(later(&mode.place, "mode: total"));
        }
        Ok(Latency {
            delay,
            jitter: jitter.unwrap_or(Ramped::Steady(Span::ZERO)),
            correlation: share.optional("correlation")?.unwrap_or(Percent::NEVER),
            scale: share.node("scale").map(Multiple::from_node).transpose()?.map_or(1.0, |multiple| multiple.0),
            per_connection: false,
            by_chunk: false,
        })
    }

    fn describe(&self) -> String {
        let jitter = if self.jitter == Ramped::Steady(Span::ZERO) { String::new() } else { format!(", jitter {}", self.jitter) };
        format!("latency {}{jitter}", self.delay)
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

impl Latency {
    /// The value of the burst that this piece belongs to.
    fn value(&self, memory: &mut Memory, cx: &Cx<'_>) -> Span {
        let same = !self.by_chunk && memory.last.is_some_and(|last| self.per_connection || cx.now.saturating_duration_since(last) < BURST);
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
            u = correlated(u, self.correlation.share(), &mut memory.score);
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
fn correlated(u: f64, share: f64, score: &mut Option<f64>) -> f64 {
    let fresh = normal_quantile(u);
    let z = match *score {
        Some(last) => share * last + (1.0 - share * share).sqrt() * fresh,
        None => fresh,
    };
    *score = Some(z);
    normal_probability(z).clamp(0.0, 1.0)
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
