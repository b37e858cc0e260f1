//! What a run has shown: which faults were hit, and for those that were not, why. Pure: counts in, sentences out.

use faultwire_faults::{contract::Strike, plan::Owner};
use faultwire_proxy::proxies::{FaultView, ProxyView};

/// A fault and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub name: String,
    /// What it was to do: `latency 200ms`.
    pub what: String,
    /// What it did: `hit 14 of 14 connections`.
    pub said: String,
    /// It was to be hit and was not, for this reason.
    pub doubt: Option<String>,
}

/// Resets that this host has sent since the run began: the only trace of connects that a closed port refused.
pub type Resets = Option<u64>;

/// Looks at every fault that was switched on.
pub fn findings(faults: &[FaultView], proxies: &[ProxyView], resets: Resets) -> Vec<Finding> {
    faults.iter().filter(|fault| fault.fault.enabled).map(|fault| finding(fault, proxies, resets)).collect()
}

fn finding(fault: &FaultView, proxies: &[ProxyView], resets: Resets) -> Finding {
    let down = fault.fault.strike() == Some(Strike::Down);
    let refused = resets.filter(|count| down && *count > 0);
    let said = match (fault.counts.hits, refused) {
        (0, Some(count)) => format!("refused at most {count} {}", plural(count, "connect")),
        (hits, Some(count)) => format!("cut {hits} {}, refused at most {count} {}", plural(hits, "connection"), plural(count, "connect")),
        (0, None) => "never hit".to_owned(),
        (hits, None) if down => format!("cut {hits} {}", plural(hits, "connection")),
        (hits, None) => format!("hit {hits} of {} {}", fault.counts.matched, plural(fault.counts.matched, "connection")),
    };
    let felt = fault.counts.hits > 0 || refused.is_some() || fault.fault.optional;
    let doubt = (!felt).then(|| doubt(fault, proxies));
    Finding { name: fault.name.clone(), what: fault.fault.describe(), said, doubt }
}

/// Why a fault was never hit, as exactly as the counts tell.
fn doubt(fault: &FaultView, proxies: &[ProxyView]) -> String {
    let on: Vec<&ProxyView> = proxies.iter().filter(|proxy| fault.proxies.contains(&proxy.link.name)).collect();
    let came: u64 = on.iter().map(|proxy| proxy.counts.opened).sum();
    let names = on.iter().map(|proxy| format!("{} ({})", proxy.link.name, proxy.address)).collect::<Vec<_>>().join(", ");
    if fault.fault.strike() == Some(Strike::Down) {
        return format!("no connection to {names} was open to be cut, and none was refused");
    }
    if came == 0 {
        return format!("nothing ever reached {names}");
    }
    let connections = format!("{came} {}", plural(came, "connection"));
    if fault.counts.matched == 0 {
        let clock = &fault.fault.clock;
        return match fault.owner {
            _ if clock.at.0 > 0 || clock.lasts.is_some() => format!("{connections} reached {names}, none of them while the fault was on"),
            Owner::File | Owner::Run | Owner::Api => format!("{connections} reached {names}, none of them one that the fault looks at"),
        };
    }
    let passed: Vec<String> = fault.counts.suppressed.iter().map(|(reason, count)| format!("{} ({})", because(reason), count)).collect();
    if passed.is_empty() {
        return format!("{connections} reached {names}, but no byte passed there that it could act on");
    }
    format!("{connections} reached {names} and passed: {}", passed.join(", "))
}

fn because(reason: &str) -> &str {
    match reason {
        "skip" => "`skip` lets the first ones pass",
        "every" => "not the one that `every` or `sequence` chooses",
        "probability" => "the die let it pass",
        "times" => "`times` was used up",
        "ended_first" => "it ended before the fault's moment came",
        other => other,
    }
}

fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
