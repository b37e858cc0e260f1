//! How a client says that it speaks HTTP/2 without having asked: RFC 9113, 3.4.

/// The first bytes of a client. Its first SETTINGS frame follows.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a client's first bytes are the preface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preface {
    Yes,
    No,
    /// As far as they go, they are.
    NeedMore,
}

/// Looks at the first bytes of a client. HTTP/1 cannot begin like this: `PRI` is reserved for it.
pub fn is_preface(bytes: &[u8]) -> Preface {
    let known = bytes.len().min(PREFACE.len());
    match bytes[..known] == PREFACE[..known] {
        false => Preface::No,
        true if known == PREFACE.len() => Preface::Yes,
        true => Preface::NeedMore,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preface_is_told_from_its_first_byte_on() {
        for (bytes, is) in [
            (&b""[..], Preface::NeedMore),
            (b"P", Preface::NeedMore),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Preface::NeedMore),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Preface::Yes),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", Preface::Yes),
            (b"POST / HTTP/1.1\r\n", Preface::No),
            (b"PRI * HTTP/1.1\r\n\r\n", Preface::No),
            (b"\x16\x03\x01", Preface::No),
        ] {
            assert_eq!(is_preface(bytes), is, "{}", bytes.escape_ascii());
        }
    }
}
