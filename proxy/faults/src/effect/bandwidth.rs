//! `bandwidth`: a token bucket. Bytes leave in small quanta; when it is full, reading stops, and nothing is lost.

use crate::{
    complaint::Complaint,
    contract::{Allow, Cx, Effect, Key, On, Outcome, Share},
    fault::later,
    foreseen::RATE_PER,
    form::Form,
    piece::Piece,
    protocol::kind,
    units::{Rate, Size},
    value::{Ramped, one_of},
};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What has not left after this time leaves in one quantum: fine enough to be even, coarse enough to be cheap.
const QUANTUM: Duration = Duration::from_millis(1);
/// The default bucket holds what passes in this time.
const BURST: Duration = Duration::from_millis(10);

#[derive(Clone, Debug, PartialEq)]
pub struct Bandwidth {
    pub bandwidth: Ramped<Rate>,
    /// What may leave at once after a pause.
    pub burst: Option<Size>,
    /// One bucket for all connections of the proxy, and not for each.
    pub shared: bool,
}

/// The moment at which the bucket was, or would have been, empty: what has been earned since then may leave.
#[derive(Debug, Default)]
pub struct Bucket {
    empty_at: Option<Instant>,
}

impl Effect for Bandwidth {
    const KEYS: &'static [Key] = &[
        Key {
            name: "bandwidth",
            form: Form::Ramp(&Form::Rate),
            values: "RATE | A to B over T",
            default: "",
            about: "No more than so many bytes in a second. `0B/s` holds everything and loses nothing.",
            ..Key::BLANK
        },
        Key {
            name: "burst",
            form: Form::Size,
            values: "SIZE",
            default: "10 ms' worth",
            about: "What may leave at once after a pause.",
            ..Key::BLANK
        },
        Key {
            name: "rate_per",
            form: RATE_PER,
            values: "proxy | connection",
            default: "connection",
            about: "Who shares the rate.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::ALL).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ bandwidth: 1MiB/s }";
    type Memory = Bucket;
    type Shared = Mutex<[Bucket; 2]>;

    fn read(share: &Share<'_>) -> Result<Bandwidth, Complaint> {
        let shared = match share.node("rate_per") {
            None => false,
            Some(node) => match node.text() {
                Some(who) if who == "client" || who.starts_with("header ") => return Err(later(&node.place, &format!("rate_per: {who}"))),
                _ => one_of(node, &["proxy", "connection"])? == "proxy",
            },
        };
        Ok(Bandwidth { bandwidth: share.own()?, burst: share.optional("burst")?, shared })
    }

    fn describe(&self) -> String {
        format!("bandwidth {}{}", self.bandwidth, if self.shared { " for all connections together" } else { "" })
    }

    fn piece(&self, _: &mut Bucket, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        let outcome = if !piece.payload.is_empty() { Outcome::Delayed } else { Outcome::Untouched };
        cx.pass(piece);
        outcome
    }

    fn allow(&self, own: &mut Bucket, shared: &Self::Shared, wanted: usize, cx: &Cx<'_>) -> Allow {
        let rate = self.bandwidth.at(cx.elapsed());
        self.with_bucket(own, shared, cx, |bucket| bucket.allow(rate, self.burst, wanted, cx.now))
    }

    fn took(&self, own: &mut Bucket, shared: &Self::Shared, taken: usize, cx: &Cx<'_>) {
        let rate = self.bandwidth.at(cx.elapsed());
        self.with_bucket(own, shared, cx, |bucket| bucket.take(rate, taken));
    }

    fn paces(&self) -> bool {
        true
    }
}

impl Bandwidth {
    fn with_bucket<T>(&self, own: &mut Bucket, shared: &Mutex<[Bucket; 2]>, cx: &Cx<'_>, then: impl FnOnce(&mut Bucket) -> T) -> T {
        if !self.shared {
            return then(own);
        }
        then(&mut shared.lock().unwrap_or_else(PoisonError::into_inner)[cx.direction.index()])
    }
}

impl Bucket {
    fn allow(&mut self, rate: Rate, burst: Option<Size>, wanted: usize, now: Instant) -> Allow {
        if rate.0 == 0 {
            return Allow::Never;
        }
        let burst = match burst {
            Some(size) => rate.time_of(size.0).unwrap_or(BURST),
            None => BURST,
        };
        let quantum = rate.bytes_in(QUANTUM).clamp(1, wanted as u64);
        // One nanosecond for what rounding down has taken. A bucket that held less than this would let nothing out.
        let least = rate.time_of(quantum).unwrap_or(QUANTUM) + Duration::from_nanos(1);
        let burst = burst.max(least);
        let full = now.checked_sub(burst).unwrap_or(now);
        let empty_at = self.empty_at.map_or(full, |at| at.max(full));
        self.empty_at = Some(empty_at);
        let ready_at = empty_at + least;
        if ready_at > now {
            return Allow::At(ready_at);
        }
        Allow::Now(rate.bytes_in(now - empty_at).clamp(1, wanted as u64) as usize)
    }

    fn take(&mut self, rate: Rate, taken: usize) {
        if let (Some(at), Some(time)) = (self.empty_at, rate.time_of(taken as u64)) {
            self.empty_at = Some(at + time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_keeps_its_rate_and_no_silence_is_long() {
        for rate in [Rate(100_000), Rate(1_000_000), Rate(10_000_000), Rate(100_000_000)] {
            let start = crate::testing::epoch();
            let (mut bucket, mut now, mut moved) = (Bucket::default(), start, 0u64);
            while now < start + Duration::from_secs(2) {
                match bucket.allow(rate, None, 65_536, now) {
                    Allow::Now(n) => {
                        bucket.take(rate, n);
                        moved += n as u64;
                    }
                    Allow::At(at) => {
                        assert!(at - now <= Duration::from_millis(2));
                        now = at;
                    }
                    Allow::Never => unreachable!(),
                }
            }
            let want = rate.0 * 2 + rate.bytes_in(BURST);
            assert!((moved as f64 / want as f64 - 1.0).abs() < 0.002, "{rate}: {moved} and not {want}");
        }
    }

    #[test]
    fn a_byte_leaves_however_small_bucket_or_rate() {
        for (rate, burst) in [(Rate(1), None), (Rate(50), None), (Rate(1000), Some(Size(1))), (Rate(1_000_000), Some(Size(0)))] {
            let (mut bucket, start) = (Bucket::default(), crate::testing::epoch());
            let mut now = start;
            for _ in 0..10 {
                loop {
                    match bucket.allow(rate, burst, 10, now) {
                        Allow::Now(n) => break bucket.take(rate, n),
                        Allow::At(at) => now = at,
                        Allow::Never => unreachable!(),
                    }
                    assert!(now <= start + Duration::from_secs(100), "{rate}");
                }
            }
        }
    }

    #[test]
    fn nothing_leaves_at_zero() {
        assert_eq!(Bucket::default().allow(Rate(0), None, 10, crate::testing::epoch()), Allow::Never);
    }
}
