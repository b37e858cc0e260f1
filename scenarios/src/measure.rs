//! What conditions can speak of: each measure with its unit, what stands in its parentheses, and where it can be had.

use faultwire_faults::contract::{STAGE_1, STAGE_2, STAGE_3, Since};

/// One measure.
#[derive(Debug)]
pub struct Measure {
    pub name: &'static str,
    pub takes: Takes,
    pub unit: Unit,
    /// Whether mere bytes are enough.
    pub plain: bool,
    /// Whether it counts units of traffic, so that it has views, and leaves out what a fault has touched.
    pub traffic: bool,
    pub needs: Needs,
    pub about: &'static str,
    pub since: Since,
}

/// What stands in the parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// A proxy, and a `match` if wanted.
    Proxy,
    /// As well as nothing: then it is all of them.
    MaybeProxy,
    /// A proxy and a class of outcomes.
    Class,
    /// A proxy and a length of time.
    Bound,
    Fault,
    /// The name of an alert, or labels.
    Alert,
    /// What people marked.
    Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Duration,
    Count,
    Rate,
    Multiple,
    Size,
    /// One of these words.
    State(&'static [&'static str]),
}

/// What the scenario must have beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// It compares with what comes in where customers do.
    Door,
    SteadyState,
}

impl Unit {
    /// What it is, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Unit::Percent => "a percentage",
            Unit::Duration => "a length of time",
            Unit::Count => "a count",
            Unit::Rate => "a rate",
            Unit::Multiple => "a multiple",
            Unit::Size => "a size",
            Unit::State(_) => "a state",
        }
    }

    /// What is put behind a bare number, and what to call it.
    pub fn suffix(self) -> Option<(&'static str, &'static str)> {
        match self {
            Unit::Percent => Some(("%", "a percentage")),
            Unit::Duration => Some(("ms", "milliseconds")),
            Unit::Rate => Some(("/s", "so many a second")),
            Unit::Multiple => Some(("x", "so many times")),
            Unit::Size => Some(("B", "bytes")),
            Unit::Count | Unit::State(_) => None,
        }
    }
}

const fn m(name: &'static str, takes: Takes, unit: Unit, about: &'static str, since: Since) -> Measure {
    Measure { name, takes, unit, plain: false, traffic: false, needs: Needs::Nothing, about, since }
}

const fn traffic(name: &'static str, unit: Unit, about: &'static str) -> Measure {
    Measure { traffic: true, ..m(name, Takes::Proxy, unit, about, STAGE_1) }
}

const fn plain(measure: Measure) -> Measure {
    Measure { plain: true, ..measure }
}

const fn client(name: &'static str, unit: Unit, about: &'static str) -> Measure {
    m(name, Takes::Proxy, unit, about, STAGE_2)
}

const BACKOFFS: Unit = Unit::State(&["none", "constant", "linear", "exponential", "jittered"]);
const BREAKER: Unit = Unit::State(&["open", "closed"]);
const ALERT: Unit = Unit::State(&["firing", "resolved"]);

pub const MEASURES: &[Measure] = &[
    traffic("requests", Unit::Count, "Units that came."),
    traffic("rate", Unit::Rate, "Units in a second."),
    traffic("in_flight", Unit::Count, "Units under way at once."),
    traffic("success_rate", Unit::Percent, "The share of good answers."),
    traffic("error_rate", Unit::Percent, "The share of bad answers, as the proxy's `bad` says."),
    Measure {
        takes: Takes::Class,
        ..traffic("share", Unit::Percent, "The share of one outcome: `5xx`, `429`, `UNAVAILABLE`, `reset`, `timeout`.")
    },
    traffic("p50", Unit::Duration, "Latency as the client saw it: half of the answers were faster."),
    traffic("p75", Unit::Duration, "Latency: three quarters were faster."),
    traffic("p90", Unit::Duration, "Latency: nine in ten were faster."),
    traffic("p95", Unit::Duration, "Latency: nineteen in twenty were faster."),
    traffic("p99", Unit::Duration, "Latency: all but one in a hundred were faster."),
    traffic("p999", Unit::Duration, "Latency: all but one in a thousand were faster."),
    traffic("max", Unit::Duration, "The slowest answer."),
    traffic("mean", Unit::Duration, "The mean latency."),
    Measure { takes: Takes::Bound, ..traffic("faster_than", Unit::Percent, "The share of answers in that time.") },
    plain(m("connections", Takes::Proxy, Unit::Count, "Open connections.", STAGE_1)),
    plain(m("bytes", Takes::Proxy, Unit::Size, "Bytes that passed.", STAGE_1)),
    plain(m("seen", Takes::Fault, Unit::Count, "What the fault's proxy carried.", STAGE_1)),
    plain(m("matched", Takes::Fault, Unit::Count, "What its `match` said yes to.", STAGE_1)),
    plain(m("hits", Takes::Fault, Unit::Count, "What it acted on.", STAGE_1)),
    client("attempts", Unit::Count, "Most attempts for one operation."),
    client("retry_rate", Unit::Percent, "Retries for each original."),
    Measure { needs: Needs::Door, ..client("amplification", Unit::Multiple, "Requests here for each at the door, against the baseline.") },
    client("withheld", Unit::Percent, "Calls that were due and never made."),
    client("unsafe_retries", Unit::Count, "Not idempotent, without a key, and sent again after the work was done."),
    client("retry_gap", Unit::Duration, "The shortest pause before a retry."),
    client("backoff", BACKOFFS, "How pauses between retries grow."),
    client("retry_sync", Unit::Multiple, "The peak of retries in 50 ms against their mean."),
    client("throttle_honoured", Unit::Percent, "Retries that waited as long as they were told."),
    client("timeout", Unit::Duration, "After which the client gives up."),
    m("timeout_inversions", Takes::Nothing, Unit::Count, "Callers that give up before what they wait for can.", STAGE_2),
    client("deadline_propagated", Unit::Percent, "Deadlines that were handed on."),
    client("abandoned", Unit::Percent, "Work done for nobody."),
    client("hedged", Unit::Percent, "Attempts that overlap."),
    client("breaker", BREAKER, "Whether the client's circuit breaker lets calls through."),
    client("breaker_failures", Unit::Count, "How many failures opened it."),
    client("breaker_open_time", Unit::Duration, "For how long it stayed open."),
    plain(client("pool_recovery", Unit::Duration, "Until a full pool works again.")),
    plain(client("stale_failures", Unit::Count, "Requests lost to dead connections.")),
    plain(client("reconnect_peak", Unit::Rate, "The rush of new connections after it.")),
    client("bulkhead", Unit::Count, "Where requests in flight level off."),
    client("token_refreshes", Unit::Count, "Token requests for each that expired."),
    client("stale_token_retries", Unit::Count, "A refused token, sent again."),
    client("transactions_replayed", Unit::Percent, "Failed transactions that were retried from BEGIN."),
    Measure { since: STAGE_3, ..client("redelivered", Unit::Count, "Messages handed over again.") },
    Measure {
        needs: Needs::Door,
        ..client("containment", Unit::Percent, "Of the door's requests that met a fault, those that ended well.")
    },
    m("collateral", Takes::Nothing, Unit::Count, "Routes nobody aimed at that left their tolerance.", STAGE_2),
    Measure {
        needs: Needs::SteadyState,
        ..plain(m("recovery_time", Takes::MaybeProxy, Unit::Duration, "From the last fault until the steady state holds again.", STAGE_1))
    },
    plain(client("reaction_time", Unit::Duration, "From the first hit until the client behaves differently.")),
    plain(client("escapes", Unit::Count, "Connections that went around the proxy.")),
    client("load", Unit::Percent, "The rate of this run against the profile's."),
    m("alert", Takes::Alert, ALERT, "Whether an alert fires.", STAGE_2),
    m("alerts", Takes::Alert, Unit::Count, "How many different alerts fired.", STAGE_2),
    m("time_to", Takes::Mark, Unit::Duration, "From the first hit to that mark.", STAGE_2),
];

/// What people mark on a game day.
pub const MARKS: &[&str] = &["detected", "acknowledged", "diagnosed", "mitigated", "resolved"];

pub fn find(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}
