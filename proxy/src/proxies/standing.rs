//! A fault that somebody has put there: on which proxies it acts, and when.

use super::Link;
use faultwire_faults::{
    contract::Way,
    fault::{Fault, Lease, Targets},
    plan::Owner,
    units::Span,
};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

/// A fault that somebody has put there.
#[derive(Clone, Debug)]
pub struct Standing {
    pub name: String,
    pub owner: Owner,
    pub fault: Arc<Fault>,
    /// `at`, `for` and `repeat` count from here.
    pub from: Instant,
    pub put: SystemTime,
    pub lease: Option<Span>,
    pub expires: Option<Instant>,
}

impl Standing {
    pub fn new(name: String, owner: Owner, fault: Fault, lease: Option<Span>) -> Standing {
        let lease = match fault.clock.lease {
            Lease::Never => None,
            Lease::After(span) => Some(span),
            Lease::Unsaid => lease,
        };
        let now = Instant::now();
        let expires = lease.map(|span| now + span.duration());
        Standing { name, owner, fault: Arc::new(fault), from: now, put: SystemTime::now(), lease, expires }
    }

    /// The spell it is in: when that began, if it is on now; and when that changes next, if it does.
    pub fn spell(&self, now: Instant) -> (Option<Instant>, Option<Instant>) {
        if self.fault.enabled { self.fault.clock.spell(self.from, now) } else { (None, None) }
    }
}

/// Whether a fault is on this proxy, and which way a partition makes it act there.
pub fn reach(fault: &Fault, link: &Link) -> Option<Option<Way>> {
    match &fault.targets {
        Targets::Proxies(targets) => targets.iter().any(|target| target.fits(&link.name)).then_some(None),
        Targets::Between { from, to, both, .. } => {
            let near = link.from.as_deref()?;
            let far = link.to.as_deref().unwrap_or(&link.upstream.host);
            match (near == from && far == to, near == to && far == from, both) {
                (true, _, true) | (_, true, true) => Some(Some(Way::Both)),
                (true, _, false) => Some(Some(Way::ToServer)),
                (_, true, false) => Some(Some(Way::ToClient)),
                _ => None,
            }
        }
    }
}

/// A fault over several proxies is that many faults, each with its own die and counters.
pub fn compiled_name(standing: &Standing, link: &Link) -> Arc<str> {
    match &standing.fault.targets {
        Targets::Proxies(targets) if targets.len() == 1 && targets[0].is_literal() => standing.name.as_str().into(),
        _ => format!("{}@{}", standing.name, link.name).into(),
    }
}

/// Whether it is on this proxy and was put on no other.
pub fn is_on_only(fault: &Fault, proxy: &str) -> bool {
    matches!(&fault.targets, Targets::Proxies(targets) if matches!(&targets[..], [only] if only.is_literal() && only.pattern == proxy))
}
