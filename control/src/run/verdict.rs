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
        (hits, None) => format!("hit {hits} of {} {}", fault.counts.matched, plural(fault.counts.matched, fault.unit())),
    };
    let felt = fault.counts.hits > 0 || refused.is_some() || fault.fault.optional;
    let doubt = (!felt).then(|| doubt(fault, proxies));
    Finding { name: fault.name.clone(), what: fault.describe(), said, doubt }
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
    let requests: u64 = on.iter().map(|proxy| proxy.counts.requests).sum();
    let connections = match fault.unit() {
        "connection" => format!("{came} {}", plural(came, "connection")),
        _ if requests == 0 => {
            return format!("{came} {} reached {names}, and nothing was asked on {}", plural(came, "connection"), them(came));
        }
        unit => format!("{requests} {}", plural(requests, unit)),
    };
    if fault.counts.matched == 0 {
        let clock = &fault.fault.clock;
        return match fault.owner {
            _ if !fault.counts.suppressed.is_empty() => format!("{connections} reached {names}, and it touched none: {}", passed(fault)),
            _ if clock.at.0 > 0 || clock.lasts.is_some() => format!("{connections} reached {names}, none of them while the fault was on"),
            Owner::File | Owner::Run | Owner::Api => format!("{connections} reached {names}, none of them one that the fault looks at"),
        };
    }
    if fault.counts.suppressed.is_empty() {
        return format!("{connections} reached {names}, but no byte passed there that it could act on");
    }
    format!("{connections} reached {names} and passed: {}", passed(fault))
}

fn passed(fault: &FaultView) -> String {
    let passed: Vec<String> = fault.counts.suppressed.iter().map(|(reason, count)| format!("{} ({})", because(reason), count)).collect();
    passed.join(", ")
}

fn them(count: u64) -> &'static str {
    if count == 1 { "it" } else { "them" }
}

fn because(reason: &str) -> &str {
    match reason {
        "skip" => "`skip` lets the first ones pass",
        "every" => "not the one that `every` or `sequence` chooses",
        "probability" => "the die let it pass",
        "times" => "`times` was used up",
        "within" => "not more than `over` lets pass",
        "exempt" => "health checks and probes are spared unless a `match` names them",
        "too_late" => "it was too late for that",
        "too_large" => "there was more of it than is looked into",
        "no_length" => "nobody had said how long the answer would be",
        "max_active" => "as many as may be were under way",
        "http1" => "HTTP/1 was spoken, which has nothing of the kind",
        "unreadable" => "what it would look into or change could not be read",
        "ended_first" => "it ended before the fault's moment came",
        other => other,
    }
}

fn plural(count: u64, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
