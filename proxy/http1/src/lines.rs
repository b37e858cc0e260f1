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
        let Some(found) = memchr::memchr(b'\n', bytes.get(self.seen..).unwrap_or_default()) else {
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
        if self.fields.capacity() == 0 {
            self.fields = Vec::with_capacity(16);
        }
        loop {
            // A line that came whole and is well is looked at once. What is not, is looked at with care below.
            if self.seen == self.line
                && let Some(field) = whole_field(bytes, self.line)
                && field.line < limits.head
                && self.fields.len() < limits.fields
            {
                self.line = field.line + 1;
                self.seen = self.line;
                self.facts.note(bytes, field.field)?;
                self.fields.push(field.field);
                continue;
            }
            let Some(line) = self.next(bytes, limits.head, too_long)? else { return Ok(None) };
            if line.is_empty() {
                return Ok(Some(self.line));
            }
            if self.fields.len() == limits.fields {
                return Err(Flaw { reason: Reason::TooManyFields, at: line.start });
            }
            let field = field(bytes, line, self.fields.is_empty())?;
            self.facts.note(bytes, field)?;
            self.fields.push(field);
        }
    }
}

/// A field, and where the LF of its line stands.
struct Whole {
    field: Field,
    line: usize,
}

/// The field that begins there, if its line is complete and there is nothing to say against it.
#[inline]
fn whole_field(bytes: &[u8], start: usize) -> Option<Whole> {
    let mut colon = start;
    while is_token(*bytes.get(colon)?) {
        colon += 1;
    }
    if bytes[colon] != b':' || colon == start {
        return None;
    }
    let mut cr = stop(bytes, colon + 1, b' ');
    while bytes.get(cr) == Some(&b'\t') {
        cr = stop(bytes, cr + 1, b' ');
    }
    let ends = bytes.get(cr) == Some(&b'\r') && bytes.get(cr + 1) == Some(&b'\n');
    ends.then(|| Whole { field: Field { name: Span::new(start..colon), value: trimmed(bytes, colon + 1..cr) }, line: cr + 1 })
}

/// Without the white space around it.
#[inline]
fn trimmed(bytes: &[u8], range: Range<usize>) -> Span {
    let (start, mut text) = (range.start, &bytes[range]);
    let whole = text.len();
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    let start = start + whole - text.len();
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    Span::new(start..start + text.len())
}

/// `name: value`, with nothing that recipients read in two ways.
fn field(bytes: &[u8], line: Range<usize>, first: bool) -> Result<Field, Flaw> {
    let text = &bytes[line.clone()];
    let colon = text.iter().position(|&byte| !is_token(byte)).unwrap_or(text.len());
    if text.get(colon) != Some(&b':') || colon == 0 {
        return Err(Flaw { reason: no_name(text, colon, first), at: line.start + colon });
    }
    let raw = &text[colon + 1..];
    if let Some(at) = raw.iter().position(|&byte| is_control(byte)) {
        return Err(Flaw { reason: control(raw[at]), at: line.start + colon + 1 + at });
    }
    let value = trimmed(bytes, line.start + colon + 1..line.end);
    Ok(Field { name: Span::new(line.start..line.start + colon), value })
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

/// Where the first byte stands, from there on, that is below that one or is DEL; else the end. It looks at eight bytes at once.
#[inline]
pub(crate) fn stop(bytes: &[u8], from: usize, below: u8) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let tail = &bytes[from.min(bytes.len())..];
    let (words, rest) = tail.as_chunks::<8>();
    let mut at = from;
    for word in words {
        let x = u64::from_le_bytes(*word);
        let del = x ^ (ONES * 0x7f);
        // The high bit of each such byte; above the first, a borrow may set others.
        let found = (x.wrapping_sub(ONES * u64::from(below)) & !x | del.wrapping_sub(ONES) & !del) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest.iter().position(|&byte| byte < below || byte == 0x7f).unwrap_or(rest.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_at_once_find_what_one_by_one_finds() {
        for byte in 0..=255_u8 {
            for around in [b'a', 0x80, 0xff, b'!', b' ', 0x7e] {
                for at in 0..20 {
                    for below in [b' ', b'!'] {
                        let mut bytes = [around; 20];
                        bytes[at] = byte;
                        bytes[(at * 7 + 3) % 20] ^= 1;
                        let slow = |from: usize| (from..20).find(|&i| bytes[i] < below || bytes[i] == 0x7f).unwrap_or(20);
                        for from in 0..=20 {
                            assert_eq!(stop(&bytes, from, below), slow(from), "{bytes:?} from {from}");
                        }
                    }
                }
            }
        }
    }
}
