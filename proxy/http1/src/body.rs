//! Bodies: counted, chunked, or up to the end of the connection. Payload flows as it comes; only the line of a chunk's size and the
//! trailer section wait until they are complete, since nothing can be made of half of them.

use crate::{
    cut::Length,
    facts::{Facts, Of, number},
    fields::Fields,
    lines::{Draft, is_control, is_space},
    reason::{Flaw, Reason},
    talk::Limits,
};
use bytes::{Bytes, BytesMut};

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) enum Body {
    Done,
    Known(u64),
    /// The line of a chunk's size, behind the CRLF of the chunk before if there was one; looked through up to `seen`.
    Size {
        behind_data: bool,
        seen: usize,
    },
    Data(u64),
    Trailers(Box<Draft<()>>),
    ToEnd,
}

#[derive(Debug)]
pub(crate) enum Part {
    Framing(Bytes),
    Body(Bytes),
    LastChunk(Bytes),
    Trailers(Fields),
    End,
}

impl Body {
    pub fn new(length: Length) -> Body {
        match length {
            Length::None | Length::Known(0) => Body::Done,
            Length::Known(length) => Body::Known(length),
            Length::Chunked => Body::Size { behind_data: false, seen: 0 },
            Length::ToEnd => Body::ToEnd,
        }
    }

    /// The next part. A flaw's place counts from the bytes at hand.
    pub fn cut(&mut self, bytes: &mut BytesMut, limits: &Limits) -> Result<Option<Part>, Flaw> {
        match self {
            Body::Done => Ok(Some(Part::End)),
            _ if bytes.is_empty() => Ok(None),
            Body::ToEnd => Ok(Some(Part::Body(bytes.split().freeze()))),
            Body::Known(left) => {
                let part = take(bytes, left);
                if *left == 0 {
                    *self = Body::Done;
                }
                Ok(Some(Part::Body(part)))
            }
            Body::Data(left) => {
                let part = take(bytes, left);
                if *left == 0 {
                    *self = Body::Size { behind_data: true, seen: 0 };
                }
                Ok(Some(Part::Body(part)))
            }
            Body::Size { .. } => self.size(bytes, limits),
            Body::Trailers(draft) => {
                let Some(end) = draft.read(bytes, limits, Reason::TrailersTooLarge)? else { return Ok(None) };
                let raw = bytes.split_to(end).freeze();
                let fields = std::mem::take(&mut draft.fields);
                *self = Body::Done;
                Ok(Some(Part::Trailers(Fields { raw, fields })))
            }
        }
    }

    /// How much is missing, where that is known.
    pub fn missing(&self) -> Option<u64> {
        match self {
            Body::Known(left) => Some(*left),
            _ => None,
        }
    }

    fn size(&mut self, bytes: &mut BytesMut, limits: &Limits) -> Result<Option<Part>, Flaw> {
        let Body::Size { behind_data, seen } = self else { return Ok(None) };
        let begin = if *behind_data { 2 } else { 0 };
        if let Some(at) = (0..begin.min(bytes.len())).find(|&at| bytes[at] != b"\r\n"[at]) {
            return Err(Flaw { reason: Reason::ChunkEnd, at });
        }
        if bytes.len() < begin {
            return Ok(None);
        }
        match size_line(&bytes[begin..], *seen, limits) {
            Ok(Some((size, end))) if size > 0 => {
                *self = Body::Data(size);
                Ok(Some(Part::Framing(bytes.split_to(begin + end).freeze())))
            }
            // The end of the chunk before goes on its way at once: there are readers that wait for it. The last chunk is a part of its own.
            _ if begin > 0 => {
                *self = Body::Size { behind_data: false, seen: 0 };
                Ok(Some(Part::Framing(bytes.split_to(begin).freeze())))
            }
            Ok(Some((_, end))) => {
                *self = Body::Trailers(Box::new(Draft::begun(Facts::new(Of::Trailers), ())));
                Ok(Some(Part::LastChunk(bytes.split_to(end).freeze())))
            }
            Ok(None) => {
                *seen = bytes.len();
                Ok(None)
            }
            Err(flaw) => Err(flaw),
        }
    }
}

/// The size of a chunk, and where its line ends, once it is complete. It has been looked through up to `seen`.
fn size_line(text: &[u8], seen: usize, limits: &Limits) -> Result<Option<(u64, usize)>, Flaw> {
    if text.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(Flaw { reason: Reason::ChunkSize, at: 0 });
    }
    match memchr::memchr(b'\n', &text[seen..]) {
        Some(found) if seen + found < limits.chunk_line => Ok(Some((chunk_size(&text[..seen + found])?, seen + found + 1))),
        None if text.len() < limits.chunk_line => Ok(None),
        _ => Err(Flaw { reason: Reason::ChunkLine, at: limits.chunk_line }),
    }
}

fn take(bytes: &mut BytesMut, left: &mut u64) -> Bytes {
    let part = if (bytes.len() as u64) <= *left { bytes.split() } else { bytes.split_to(*left as usize) };
    *left -= part.len() as u64;
    part.freeze()
}

/// `1a;name=value CR`: hex digits, then perhaps extensions. White space may stand before a `;` and nowhere else.
fn chunk_size(line: &[u8]) -> Result<u64, Flaw> {
    let flaw = |reason, at| Err(Flaw { reason, at });
    let Some((b'\r', text)) = line.split_last() else { return flaw(Reason::BareLf, line.len()) };
    let digits = text.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(text.len());
    let rest = &text[digits..];
    if !rest.is_empty() && rest.iter().find(|&&byte| !is_space(byte)) != Some(&b';') {
        return flaw(Reason::ChunkSize, digits);
    }
    if let Some(at) = rest.iter().position(|&byte| is_control(byte)) {
        return flaw(if rest[at] == b'\r' { Reason::BareCr } else { Reason::ChunkSize }, digits + at);
    }
    match number(&text[..digits], 16) {
        Some(size) => Ok(size),
        None => flaw(Reason::ChunkOverflow, 0),
    }
}
