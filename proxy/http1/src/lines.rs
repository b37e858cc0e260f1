//! Lines and field lines. Each is judged when it is complete, in order, so that the verdict never depends on how the bytes arrived.

use crate::{
    facts::Facts,
    fields::{Field, Span},
    reason::{Flaw, Reason},
    talk::Limits,
};
use std::ops::Range;

/// A head or a trailer section while it arrives. Only what is new is looked at.
#[derive(Debug)]
pub(crate) struct Draft<Start> {
    line: usize,
    seen: usize,
    pub start: Option<Start>,
    pub fields: Vec<Field>,
    pub facts: Facts,
}

impl<Start> Draft<Start> {
    pub fn new(facts: Facts) -> Draft<Start> {
        Draft { line: 0, seen: 0, start: None, fields: Vec::new(), facts }
    }

    /// A section that begins with its first field.
    pub fn begun(facts: Facts, start: Start) -> Draft<Start> {
        Draft { start: Some(start), ..Draft::new(facts) }
    }

    /// Where the line begins that is still to come.
    pub fn line(&self) -> usize {
        self.line
    }

    pub fn is_begun(&self) -> bool {
        self.start.is_some()
    }

    /// The next line, without its CRLF.
    pub fn next(&mut self, bytes: &[u8], limit: usize, too_long: Reason) -> Result<Option<Range<usize>>, Flaw> {
        let Some(found) = memchr::memchr(b'\n', &bytes[self.seen..]) else {
            self.seen = bytes.len();
            return if bytes.len() >= limit { Err(Flaw { reason: too_long, at: limit }) } else { Ok(None) };
        };
        let lf = self.seen + found;
        if lf >= limit {
            return Err(Flaw { reason: too_long, at: limit });
        }
        if lf == self.line || bytes[lf - 1] != b'\r' {
            return Err(Flaw { reason: Reason::BareLf, at: lf });
        }
        let line = self.line..lf - 1;
        self.line = lf + 1;
        self.seen = self.line;
        Ok(Some(line))
    }

    /// Field lines up to the empty one; then where the section ends.
    pub fn read(&mut self, bytes: &[u8], limits: &Limits, too_long: Reason) -> Result<Option<usize>, Flaw> {
        while let Some(line) = self.next(bytes, limits.head, too_long)? {
            if line.is_empty() {
                return Ok(Some(self.line));
            }
            if self.fields.len() == limits.fields {
                return Err(Flaw { reason: Reason::TooManyFields, at: line.start });
            }
            if self.fields.is_empty() {
                self.fields.reserve(16);
            }
            let field = field(bytes, line, self.fields.is_empty())?;
            self.facts.note(bytes, field)?;
            self.fields.push(field);
        }
        Ok(None)
    }
}

/// `name: value`, with nothing that recipients read in two ways.
fn field(bytes: &[u8], line: Range<usize>, first: bool) -> Result<Field, Flaw> {
    let text = &bytes[line.clone()];
    let colon = text.iter().position(|&byte| !is_token(byte)).unwrap_or(text.len());
    if text.get(colon) != Some(&b':') || colon == 0 {
        return Err(Flaw { reason: no_name(text, colon, first), at: line.start + colon });
    }
    let raw = &text[colon + 1..];
    if has_control(raw) {
        let at = raw.iter().position(|&byte| is_control(byte)).unwrap_or_default();
        return Err(Flaw { reason: control(raw[at]), at: line.start + colon + 1 + at });
    }
    let start = raw.iter().position(|&byte| !is_space(byte)).unwrap_or(raw.len());
    let end = raw.iter().rposition(|&byte| !is_space(byte)).map_or(start, |last| last + 1);
    let value = line.start + colon + 1;
    Ok(Field { name: Span::new(line.start..line.start + colon), value: Span::new(value + start..value + end) })
}

/// Why that is no field name and its colon.
fn no_name(text: &[u8], stop: usize, first: bool) -> Reason {
    match text.get(stop) {
        Some(b' ' | b'\t') if stop == 0 && first => Reason::SpaceFirst,
        Some(b' ' | b'\t') if stop == 0 => Reason::Fold,
        Some(0) => Reason::Nul,
        Some(b'\r') => Reason::BareCr,
        Some(b' ' | b'\t') if text[stop..].iter().find(|&&byte| !is_space(byte)) == Some(&b':') => Reason::SpaceBeforeColon,
        _ if !text.contains(&b':') => Reason::NoColon,
        _ => Reason::Name,
    }
}

/// What is wrong with a control character, whichever it is.
pub(crate) fn control(byte: u8) -> Reason {
    match byte {
        0 => Reason::Nul,
        b'\r' => Reason::BareCr,
        _ => Reason::Control,
    }
}

/// The same as asking each byte, without a branch, so that the compiler looks at many at once.
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |any, &byte| any | u8::from(is_control(byte))) != 0
}

/// What cannot stand in a value: RFC 9110, 5.5.
pub(crate) fn is_control(byte: u8) -> bool {
    (byte < b' ') & (byte != b'\t') | (byte == 0x7f)
}

pub(crate) fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// RFC 9110, 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(b, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};
