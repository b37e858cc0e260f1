//! What the fields of a head say about its message: how long it is, whether the connection goes on, whether it becomes a tunnel.

use crate::{
    cut::{Length, Version},
    fields::{Field, Span},
    lines::{is_space, is_token},
    reason::{Flaw, Reason},
};

/// Gathered field by field. What is doubtful about the length of a request is refused at its field; for a response it is kept until it is
/// known whether it has a body at all.
#[derive(Debug)]
pub(crate) struct Facts {
    of: Of,
    pub version: Version,
    length: Option<(Span, u64)>,
    chunked: bool,
    doubt: Option<Flaw>,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    upgrade_named: bool,
    expects_continue: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Request,
    Response,
    Trailers,
}

impl Facts {
    pub fn new(of: Of) -> Facts {
        Facts {
            of,
            version: Version::Http11,
            length: None,
            chunked: false,
            doubt: None,
            close: false,
            keep_alive: false,
            upgrade: false,
            upgrade_named: false,
            expects_continue: false,
        }
    }

    #[inline]
    pub fn note(&mut self, bytes: &[u8], field: Field) -> Result<(), Flaw> {
        // Few names say anything here, and their lengths tell them from most others.
        if !matches!(field.name.range().len(), 6 | 7 | 10 | 14 | 17) {
            return Ok(());
        }
        let name = field.name.of(bytes);
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        match name.len() {
            14 if is("content-length") => self.content_length(bytes, field.value),
            17 if is("transfer-encoding") => self.transfer_encoding(bytes, field.value),
            10 if is("connection") => return self.connection(field.value.of(bytes)),
            7 if is("upgrade") => {
                self.upgrade |= !field.value.range().is_empty();
                return Ok(());
            }
            6 if is("expect") => {
                self.expects_continue |= field.value.of(bytes).eq_ignore_ascii_case(b"100-continue");
                return Ok(());
            }
            _ => return Ok(()),
        }
        .or_else(|reason| self.doubt(Flaw { reason, at: field.name.range().start }))
    }

    fn doubt(&mut self, flaw: Flaw) -> Result<(), Flaw> {
        match self.of {
            Of::Request | Of::Trailers => Err(flaw),
            Of::Response => {
                self.doubt.get_or_insert(flaw);
                Ok(())
            }
        }
    }

    fn content_length(&mut self, bytes: &[u8], value: Span) -> Result<(), Reason> {
        if self.of == Of::Trailers {
            return Err(Reason::FramingTrailer);
        }
        let digits = value.of(bytes);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || has_tab_around(bytes, value) {
            return Err(Reason::LengthSyntax);
        }
        let length = number(digits, 10).ok_or(Reason::LengthOverflow)?;
        if self.length.is_some_and(|(earlier, _)| earlier.of(bytes) != digits) {
            return Err(Reason::LengthsDiffer);
        }
        self.length = Some((value, length));
        if self.chunked { Err(Reason::LengthAndCoding) } else { Ok(()) }
    }

    fn transfer_encoding(&mut self, bytes: &[u8], value: Span) -> Result<(), Reason> {
        if self.of == Of::Trailers {
            return Err(Reason::FramingTrailer);
        }
        if self.version == Version::Http10 {
            return Err(Reason::CodingInHttp10);
        }
        if self.chunked || has_tab_around(bytes, value) {
            return Err(Reason::Coding);
        }
        match codings(value.of(bytes)) {
            Codings::Chunked => {}
            Codings::BeforeChunked if self.of == Of::Response => {}
            Codings::BeforeChunked => return Err(Reason::CodingList),
            Codings::Other => return Err(Reason::Coding),
        }
        self.chunked = true;
        if self.length.is_some() { Err(Reason::LengthAndCoding) } else { Ok(()) }
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), Flaw> {
        for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= word.eq_ignore_ascii_case(b"close");
            self.keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade_named |= word.eq_ignore_ascii_case(b"upgrade");
        }
        Ok(())
    }

    /// Whether another message may follow on this connection: RFC 9112, 9.3.
    pub fn keeps_alive(&self) -> bool {
        !self.close && (self.version == Version::Http11 || self.keep_alive)
    }

    /// Whether it asks for, or tells of, another protocol: RFC 9110, 7.8.
    pub fn upgrades(&self) -> bool {
        self.version == Version::Http11 && self.upgrade && self.upgrade_named
    }

    /// Whether it waits for 100 before its body: RFC 9110, 10.1.1, not in HTTP/1.0.
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.expects_continue
    }

    /// The length of a request: RFC 9112, 6.3. Without a word there is no body.
    pub fn request_length(&self) -> Length {
        match (self.chunked, self.length) {
            (true, _) => Length::Chunked,
            (false, Some((_, length))) => Length::Known(length),
            (false, None) => Length::None,
        }
    }

    /// The length of a response that may have a body. Without a word it ends with the connection.
    pub fn response_length(&self) -> Result<Length, Flaw> {
        match (self.doubt, self.chunked, self.length) {
            (Some(flaw), ..) => Err(flaw),
            (None, true, _) => Ok(Length::Chunked),
            (None, false, Some((_, length))) => Ok(Length::Known(length)),
            (None, false, None) => Ok(Length::ToEnd),
        }
    }
}

enum Codings {
    Chunked,
    /// Well-formed, and `chunked` is the last, once.
    BeforeChunked,
    Other,
}

fn codings(value: &[u8]) -> Codings {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Codings::Chunked;
    }
    let mut words = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).rev();
    let chunked = |word: &[u8]| word.eq_ignore_ascii_case(b"chunked");
    let last = words.next().is_some_and(chunked);
    match last && words.all(|word| !word.is_empty() && !chunked(word) && word.iter().all(|&byte| is_token(byte))) {
        true => Codings::BeforeChunked,
        false => Codings::Other,
    }
}

/// Some recipients do not take a tab beside a value away. For framing that is a difference.
fn has_tab_around(bytes: &[u8], value: Span) -> bool {
    let range = value.range();
    let before = bytes[..range.start].iter().rev().take_while(|&&byte| is_space(byte));
    let after = bytes[range.end..].iter().take_while(|&&byte| is_space(byte));
    before.chain(after).any(|&byte| byte == b'\t')
}

/// Digits of that base, at most 2⁶³ − 1: recipients that count with a sign must agree.
pub(crate) fn number(digits: &[u8], base: u32) -> Option<u64> {
    let mut sum = 0_u64;
    for &digit in digits {
        let digit = char::from(digit).to_digit(base)?;
        sum = sum.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
    }
    (sum <= i64::MAX as u64).then_some(sum)
}
