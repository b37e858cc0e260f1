//! What is told of proxies and faults to whoever asks.

use super::Link;
use crate::live::Counts;
use faultwire_faults::{
    fault::Fault,
    plan::{Owner, Reason, Tally},
    protocol::Protocol,
    units::Span,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

#[derive(Clone, Debug)]
pub struct ProxyView {
    pub link: Link,
    /// Where it listens, or would if it were not down.
    pub address: SocketAddr,
    pub listening: bool,
    pub generation: u64,
    /// Every open connection is under that generation.
    pub settled: bool,
    pub counts: Counts,
    /// Names of the faults that are on.
    pub faults: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct FaultView {
    pub name: String,
    pub owner: Owner,
    pub fault: Arc<Fault>,
    /// What its first proxy carries.
    pub on: Protocol,
    /// In force now: enabled, in its time, and on at least one proxy.
    pub active: bool,
    pub proxies: Vec<String>,
    pub since: SystemTime,
    pub lease: Option<Span>,
    /// How long until its lease ends.
    pub expires_in: Option<Duration>,
    pub generation: u64,
    /// Over all its proxies.
    pub counts: FaultCounts,
    pub by_proxy: Vec<(String, FaultCounts)>,
}

impl FaultView {
    /// In one line.
    pub fn describe(&self) -> String {
        self.fault.describe(self.on)
    }

    /// What it is counted for.
    pub fn unit(&self) -> &'static str {
        self.fault.unit(self.on)
    }
}

/// What a fault has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    pub seen: u64,
    pub matched: u64,
    pub hits: u64,
    pub suppressed: BTreeMap<&'static str, u64>,
}

impl FaultCounts {
    pub(super) fn of(tally: &Tally) -> FaultCounts {
        let reasons = Reason::ALL.into_iter().map(|reason| (reason.name(), tally.suppressed(reason)));
        FaultCounts {
            seen: tally.seen(),
            matched: tally.matched.load(Relaxed),
            hits: tally.hits.load(Relaxed),
            suppressed: reasons.filter(|(_, count)| *count > 0).collect(),
        }
    }

    pub(super) fn and(mut self, other: &FaultCounts) -> FaultCounts {
        self.seen += other.seen;
        self.matched += other.matched;
        self.hits += other.hits;
        for (reason, count) in &other.suppressed {
            *self.suppressed.entry(reason).or_default() += count;
        }
        self
    }
}
