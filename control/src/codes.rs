//! What the codes of diagnostics mean, in a line each.

const CODES: &[(&str, &str)] = &[
    ("E0001", "The text is not YAML, or the body not JSON."),
    ("E0002", "A tab is used for indentation; YAML allows only spaces there."),
    ("E0003", "A key appears twice in one map. Which of them is meant is not guessed."),
    ("E0101", "A key is unknown here. The nearest one that is known is offered."),
    ("E0102", "A fault does not say on which proxy it is: add `proxy:`, or `partition:`."),
    ("E0103", "Two effects of one fault both end the connection; only one can."),
    ("E0104", "A fault has no effect, or one that does nothing."),
    ("W0105", "A fault never happens, as its probability is 0%."),
    ("E0106", "Two keys exclude each other."),
    ("E0107", "A proxy does not say where to listen: write it as `LISTEN -> UPSTREAM`."),
    ("E0108", "A URL begins with a scheme that is unknown here."),
    ("E0109", "A word of the language that comes with a later version."),
    ("E0201", "Not a length of time: write it with its unit, such as `250ms`, `2s` or `5m`."),
    ("E0202", "Not a share: write it as a percentage, such as `10%`."),
    ("E0203", "Not a bandwidth: write it as `1MiB/s` or `256kbit/s`."),
    ("E0206", "Not a direction: `to_client`, `to_server` or `both`."),
    ("E0207", "Not one of the values that are possible here."),
    ("E0208", "Not a count: a whole number."),
    ("E0211", "Not a place in the stream: a size or a length of time."),
    ("E0212", "Not a link: write it as `LISTEN -> HOST:PORT`."),
    ("E0213", "Not a switch: `true` or `false`."),
    ("E0214", "Not a size: write it with its unit, such as `64KiB`."),
    ("E0215", "A file is missing, empty or cannot be read."),
    ("E0301", "A name that nothing has. The nearest one is offered."),
    ("E0302", "A port is taken twice, or by another program."),
    ("W0303", "A port lies in the range that the kernel hands out to outgoing connections, and may be taken."),
    ("E0304", "Two faults have the same name."),
    ("E0305", "A fault can never be reached, as one above it ends every connection."),
    ("E0306", "A loop: a proxy leads back to itself, or files include each other."),
    ("E0308", "A variable is not set and has no default, or is not a variable."),
    ("E0402", "Something that cannot be done to a stream of bytes."),
    ("E0406", "Not at this moment: `when` and `after` do not fit the effect."),
    ("E0501", "A measure that is unknown here."),
    ("E0502", "A value without its unit, or with the wrong one."),
    ("E0505", "A condition that cannot be read: write it as `hits(NAME) >= 1`."),
];

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
