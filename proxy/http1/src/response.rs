//! The head of a response: its raw bytes, and what they say.

use crate::{
    cut::{Length, Version},
    facts::{Facts, Of},
    fields::{Fields, Span},
    lines::{Draft, is_control},
    reason::{Flaw, Reason},
    talk::Limits,
};
use bytes::BytesMut;
use std::ops::Range;

/// A complete head. `fields.raw` is what came.
#[derive(Clone, Debug)]
pub struct Response {
    pub fields: Fields,
    /// The number of the request it answers.
    pub answers: u64,
    pub version: Version,
    pub status: u16,
    pub length: Length,
    /// Whether another response may follow.
    pub keep_alive: bool,
    /// Whether it makes the connection a tunnel: 101, or a 2xx to CONNECT.
    pub tunnel: bool,
    pub(crate) reason: Span,
}

impl Response {
    /// The reason phrase, which may be empty or missing.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.fields.raw)
    }
}

/// The first line of a response, when it is complete.
#[derive(Debug)]
pub(crate) struct StatusLine {
    pub version: Version,
    pub status: u16,
    pub reason: Span,
}

pub(crate) type ResponseDraft = Draft<StatusLine>;

impl ResponseDraft {
    pub fn response() -> ResponseDraft {
        Draft::new(Facts::new(Of::Response))
    }

    /// Where the head ends, once it is complete. Nothing is taken yet.
    pub fn read_response(&mut self, bytes: &BytesMut, limits: &Limits) -> Result<Option<usize>, Flaw> {
        if !self.is_begun() {
            // A server of another protocol may never send a line.
            if let Some(at) = bytes.iter().zip(b"HTTP/1.").position(|(is, want)| is != want) {
                return Err(Flaw { reason: Reason::StatusLine, at });
            }
            let Some(line) = self.next(bytes, limits.head, Reason::HeadTooLarge)? else { return Ok(None) };
            let read = status_line(bytes, line)?;
            self.facts.version = read.version;
            self.start = Some(read);
        }
        self.read(bytes, limits, Reason::HeadTooLarge)
    }
}

/// `HTTP/1.1 200 OK`; the reason may be empty, or missing with its space.
fn status_line(bytes: &[u8], line: Range<usize>) -> Result<StatusLine, Flaw> {
    let text = &bytes[line.clone()];
    let flaw = Err(Flaw { reason: Reason::StatusLine, at: line.start });
    let version = match text.get(..9) {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        _ => return flaw,
    };
    let status = match text.get(9..12) {
        Some(&[a @ b'1'..=b'9', b, c]) if b.is_ascii_digit() && c.is_ascii_digit() => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return flaw,
    };
    match text.get(12..) {
        Some([] | [b' ', ..]) if !text.iter().any(|&byte| is_control(byte)) => {}
        _ => return flaw,
    }
    Ok(StatusLine { version, status, reason: Span::new((line.start + 13).min(line.end)..line.end) })
}
