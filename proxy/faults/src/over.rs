//! `over`: only what exceeds a rate, or so many at once. A bucket for each who shares one; it knows times and keys, and no traffic.

use crate::{
    fault::{Limit, Over},
    units::Flow,
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So many buckets are kept. Beyond it full ones go, which say nothing, and then those that were used least recently.
const MOST: usize = 10_000;

/// What one fault has let through, by who shares it.
#[derive(Debug, Default)]
pub struct Meter {
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When it was, or will have been, empty: it has refilled since then.
    empty_at: Instant,
    /// Units that are open now.
    open: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It passes. `counted`: it is open until it leaves.
    Within { counted: bool },
    /// It is over; the next token comes after so long.
    Over(Duration),
}

impl Meter {
    /// One more unit. `elapsed`: since the fault began, for ramps.
    pub fn admit(&self, over: &Over, key: u64, elapsed: Duration, now: Instant) -> Admission {
        let mut buckets = self.locked();
        if buckets.len() >= MOST && !buckets.contains_key(&key) {
            make_room(&mut buckets, now);
        }
        match &over.limit {
            Limit::Rate(flow) => {
                let flow = flow.at(elapsed);
                let bucket = buckets.entry(key).or_insert_with(|| Bucket { empty_at: full(flow, over.burst, now), open: 0 });
                bucket.take(flow, over.burst, now)
            }
            Limit::AtOnce(at_once) => {
                let bucket = buckets.entry(key).or_insert(Bucket { empty_at: now, open: 0 });
                if bucket.open >= at_once.count {
                    return Admission::Over(Duration::ZERO);
                }
                bucket.open += 1;
                Admission::Within { counted: true }
            }
        }
    }

    /// A counted unit has ended.
    pub fn leave(&self, key: u64) {
        let mut buckets = self.locked();
        if let Some(bucket) = buckets.get_mut(&key) {
            bucket.open = bucket.open.saturating_sub(1);
            if bucket.open == 0 {
                buckets.remove(&key);
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn take(&mut self, flow: Flow, burst: Option<u64>, now: Instant) -> Admission {
        let Some(each) = flow.time_of_one() else { return Admission::Over(Duration::MAX) };
        self.empty_at = self.empty_at.max(full(flow, burst, now));
        let after = self.empty_at + each;
        if after > now {
            return Admission::Over(after - now);
        }
        self.empty_at = after;
        Admission::Within { counted: false }
    }
}

/// When a bucket that is full now would have been empty.
fn full(flow: Flow, burst: Option<u64>, now: Instant) -> Instant {
    let each = flow.time_of_one().unwrap_or_default();
    let tokens = burst.unwrap_or_else(|| one_second(flow));
    let span = each.checked_mul(u32::try_from(tokens).unwrap_or(u32::MAX)).unwrap_or_default();
    now.checked_sub(span).unwrap_or(now)
}

/// One second's worth, and at least one.
fn one_second(flow: Flow) -> u64 {
    flow.time_of_one().map_or(1, |each| (1_000_000_000 / each.as_nanos().max(1)) as u64).max(1)
}

fn make_room(buckets: &mut HashMap<u64, Bucket>, now: Instant) {
    buckets.retain(|_, bucket| bucket.open > 0 || now.saturating_duration_since(bucket.empty_at) < Duration::from_secs(60));
    if buckets.len() >= MOST {
        let oldest = buckets.iter().filter(|(_, bucket)| bucket.open == 0).min_by_key(|(_, bucket)| bucket.empty_at);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            buckets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{AtOnce, RatePer},
        testing::ms,
        value::Ramped,
    };

    fn rate(text: &str, burst: Option<u64>) -> Over {
        Over { limit: Limit::Rate(Ramped::Steady(Flow::parse(text).unwrap())), burst, per: RatePer::Proxy }
    }

    fn passes(meter: &Meter, over: &Over, key: u64, at: u64) -> bool {
        matches!(meter.admit(over, key, Duration::ZERO, ms(at)), Admission::Within { .. })
    }

    #[test]
    fn a_bucket_holds_one_second_and_refills_evenly() {
        let (meter, over) = (Meter::default(), rate("4/s", None));
        let passed: Vec<bool> = [0, 0, 0, 0, 0, 249, 250, 251, 5000, 5000, 5000, 5000, 5000].map(|at| passes(&meter, &over, 0, at)).into();
        assert_eq!(passed, [true, true, true, true, false, false, true, false, true, true, true, true, false]);
        assert!(passes(&meter, &over, 1, 5000), "another key has another bucket");
    }

    #[test]
    fn the_wait_is_until_the_next_token() {
        let (meter, over) = (Meter::default(), rate("10/h", Some(1)));
        assert!(passes(&meter, &over, 0, 0));
        assert_eq!(meter.admit(&over, 0, Duration::ZERO, ms(60_000)), Admission::Over(Duration::from_secs(300)));
    }

    #[test]
    fn so_many_at_once() {
        let meter = Meter::default();
        let over = Over { limit: Limit::AtOnce(AtOnce { count: 2, of: "requests" }), burst: None, per: RatePer::Proxy };
        assert!(passes(&meter, &over, 0, 0) && passes(&meter, &over, 0, 0) && !passes(&meter, &over, 0, 0));
        meter.leave(0);
        assert!(passes(&meter, &over, 0, 0) && !passes(&meter, &over, 0, 0));
    }

    #[test]
    fn however_many_there_are_room_is_made() {
        let (meter, over) = (Meter::default(), rate("1/s", None));
        for key in 0..MOST as u64 + 500 {
            meter.admit(&over, key, Duration::ZERO, ms(key));
        }
        assert!(meter.locked().len() <= MOST);
    }
}
