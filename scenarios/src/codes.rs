//! What the codes of diagnostics mean, in a line each. Codes that begin with `W` are warnings.

/// Every code with its rule, in the order of their numbers.
pub const CODES: &[(&str, &str)] = &[
    ("E0001", "The text is not YAML, or the body not JSON."),
    ("E0002", "A tab is used for indentation; YAML allows only spaces there."),
    ("E0003", "A key appears twice in one map. Which of them is meant is not guessed."),
    ("E0101", "A key is unknown here. The nearest one that is known is offered."),
    ("E0102", "A fault does not say on which proxy it is: add `proxy:`, or `partition:`."),
    ("E0103", "Two effects of one fault both end what they strike; only one can. The same goes for what is done to TLS."),
    ("E0104", "A fault has no effect, or one that does nothing."),
    ("W0105", "A fault never happens, as its probability is 0%."),
    ("E0106", "Two keys exclude each other."),
    ("E0107", "A proxy does not say where to listen: write it as `LISTEN -> UPSTREAM`."),
    ("E0108", "A URL begins with a scheme that is unknown here."),
    ("E0109", "A word of the language that this version reads and cannot do yet."),
    ("E0201", "Not a length of time: write it with its unit, such as `250ms`, `2s` or `5m`."),
    ("E0202", "Not a share: write it as a percentage, such as `10%`."),
    ("E0203", "Not a bandwidth: write it as `1MiB/s` or `256kbit/s`."),
    ("W0204", "A `match` that looks like a regular expression: `*` means anything there, and `.` a dot."),
    ("E0205", "Not a path, or not a request: write it as `POST /orders/*`."),
    ("E0206", "Not a direction: `to_client`, `to_server` or `both`."),
    ("E0207", "Not one of the values that are possible here."),
    ("E0208", "Not a count: a whole number."),
    ("E0209", "Not a status: from 200 to 599."),
    ("E0210", "Not a limit or a rate: write it as `20/s`, or `20 connections`."),
    ("E0211", "Not a place in the stream: a size or a length of time."),
    ("E0212", "Not a link: write it as `LISTEN -> HOST:PORT`."),
    ("E0213", "Not a switch: `true` or `false`."),
    ("E0214", "Not a size: write it with its unit, such as `64KiB`."),
    ("E0215", "A file is missing, empty or cannot be read."),
    ("E0301", "A name that nothing has. The nearest one is offered."),
    ("E0302", "A port is taken twice, or by another program."),
    ("W0303", "A port lies in the range that the kernel hands out to outgoing connections, and may be taken."),
    ("E0304", "Two faults have the same name."),
    ("E0305", "A fault can never be reached, as one above it ends every unit."),
    ("E0306", "A loop: a proxy leads back to itself, or files include each other."),
    ("W0307", "`localhost` inside a container is the container itself."),
    ("E0308", "A variable is not set and has no default, or is not a variable."),
    ("W0309", "An upstream that is protected: it needs `--allow-production NAME`."),
    ("E0401", "Something that needs a protocol on a proxy that carries mere bytes: say what it speaks, as in `http://orders:8080`."),
    ("E0402", "Something that cannot be done to a stream of bytes."),
    ("E0403", "Something that this protocol does not have."),
    ("E0404", "A word of `error:` that the protocol does not know."),
    ("E0405", "A measure that mere bytes cannot give."),
    ("E0406", "Not at this moment or place: `when`, `after`, `per` and `mode` do not fit the protocol."),
    ("E0501", "A measure or a probe that is unknown here."),
    ("E0502", "A value without its unit, or with the wrong one."),
    ("E0503", "A phase that never ends: it needs `duration` or `until`."),
    ("E0504", "A phase that may wait for ever: `until` needs `timeout`."),
    ("E0505", "A condition that cannot be read: write it as `p95(PROXY) < 400ms`."),
    ("W0506", "An expectation that counts only what no fault has touched, where a fault touches everything."),
    ("E0507", "A comparison with a baseline, or a profile, that nothing gives."),
    ("E0508", "A measure that compares with what comes in at the door, and no `door`."),
    ("E0509", "An expected failure without a last day."),
    ("E0510", "A state that a measure or a probe never has, or a state where a number is."),
    ("E0511", "A view that a measure does not have."),
    ("E0512", "A mark that nobody makes."),
    ("E0513", "`recovered`, and no `steady_state` that says what that means."),
    ("W0514", "Phases that people or a shared environment take part in, and no `abort` that watches over them."),
    ("W0515", "A latency that is longer than its phase."),
    ("E0601", "An upstream does not answer. Only `check --connect` asks."),
];

/// A code in any case, and its rule.
pub fn find(code: &str) -> Option<(&'static str, &'static str)> {
    CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_there_once() {
        assert!(CODES.windows(2).all(|pair| pair[0].0[1..] < pair[1].0[1..]));
        assert!(find("e0101").is_some() && find("E9999").is_none());
    }
}
