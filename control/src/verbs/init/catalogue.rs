//! The faults that are worth a name for each sort of server. Only effects that this version has; a test of `init` checks what comes of it.

use super::kinds::{Kind, Sort};

/// One fault without its proxy: the end of its name, what it does, and what that looks like.
pub struct Entry {
    pub suffix: &'static str,
    pub words: &'static str,
    pub about: &'static str,
}

const fn entry(suffix: &'static str, words: &'static str, about: &'static str) -> Entry {
    Entry { suffix, words, about }
}

const DOWN: Entry = entry("down", "down: true", "the port refuses");
const UNREACHABLE: Entry = entry("unreachable", "down: true", "the port refuses");
const HANGS: Entry = entry("hangs", "blackhole: true", "accepted, and then silence");
const SLOW: Entry = entry("slow", "latency: 300ms, jitter: 100ms", "every answer is late");
const VERY_SLOW: Entry = entry("slow", "latency: 2s, jitter: 500ms", "every answer is late");
const FLAKY: Entry =
    entry("flaky", "reset: true, when: before_upstream, probability: 10%", "one connection in ten is reset when it is used");
const STALE: Entry =
    entry("stale", "reset: true, when: before_upstream, connections: existing", "connections of the pool turn out to be dead");
const THIN: Entry = entry("thin", "bandwidth: 64KiB/s", "answers come drop by drop");
const HALF: Entry = entry("half-answer", "close: true, after: 1KiB, probability: 10%", "one connection in ten ends in the middle");

const REFUSED: Entry = entry("unavailable", "status: 503, probability: 10%", "one request in ten is answered with 503");
const THROTTLED: Entry =
    entry("throttled", "over: 20/s, status: 429, retry_after: auto", "more than so many requests are sent away for a while");
const LOST: Entry =
    entry("lost-answer", "reset: true, when: after_upstream, probability: 10%", "the work is done, and one answer in ten never arrives");
const DRIPS: Entry = entry("drips", "dribble: 8s", "answers trickle in");

pub fn of(kind: &Kind) -> &'static [Entry] {
    match kind.sort {
        Sort::Web | Sort::Tool if kind.scheme == "http" => &[UNREACHABLE, VERY_SLOW, HANGS, REFUSED, THROTTLED, LOST, DRIPS],
        Sort::Database => &[DOWN, SLOW, HANGS, STALE],
        Sort::Cache => &[DOWN, SLOW, HANGS, FLAKY],
        Sort::Broker => &[DOWN, SLOW, HANGS, STALE],
        Sort::Store => &[DOWN, SLOW, HANGS, THIN, HALF],
        Sort::Web | Sort::Tool => &[UNREACHABLE, VERY_SLOW, HANGS, FLAKY, HALF],
    }
}

/// The question that these faults ask of whoever calls.
pub fn question(sort: Sort) -> &'static str {
    match sort {
        Sort::Database => "is the error told in good time, and does the pool come back by itself?",
        Sort::Cache => "does everything go on without it, only slower?",
        Sort::Broker => "is nothing lost and nothing done twice, and does it connect again?",
        Sort::Store => "is half an answer never taken for a whole one?",
        Sort::Web | Sort::Tool => "does the caller give up in time, and try again only where that is safe?",
    }
}
