//! Frames: their nine bytes in front, and the few that are written here.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of a frame before its payload.
pub const HEAD: usize = 9;
/// What every receiver takes: RFC 9113, 4.2.
pub const SMALLEST_MAX: usize = 16_384;
/// The largest number of a stream.
pub const LAST_STREAM: u32 = 0x7fff_ffff;

/// Types of frames: RFC 9113, 6.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

pub mod flag {
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Error codes: RFC 9113, 7.
pub mod code {
    pub const NO_ERROR: u32 = 0x0;
    pub const PROTOCOL_ERROR: u32 = 0x1;
    pub const INTERNAL_ERROR: u32 = 0x2;
    pub const REFUSED_STREAM: u32 = 0x7;
    pub const CANCEL: u32 = 0x8;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl FrameHead {
    /// The frame that begins there, if its nine bytes are there.
    pub fn read(bytes: &[u8]) -> Option<FrameHead> {
        let bytes = bytes.first_chunk::<HEAD>()?;
        Some(FrameHead {
            length: usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]),
            kind: bytes[3],
            flags: bytes[4],
            // The first bit is reserved, and ignored.
            stream: number(&bytes[5..]),
        })
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub fn write(&self, out: &mut BytesMut) {
        out.put_uint(self.length as u64, 3);
        out.put_u8(self.kind);
        out.put_u8(self.flags);
        out.put_u32(self.stream);
    }
}

/// Four bytes as a number of 31 bits.
pub fn number(bytes: &[u8]) -> u32 {
    let number = bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    number & LAST_STREAM
}

/// Four bytes as a number of 32 bits.
pub(crate) fn code_of(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

pub fn reset(stream: u32, code: u32) -> Bytes {
    small(FrameHead { length: 4, kind: kind::RST_STREAM, flags: 0, stream }, code)
}

/// `by` is at least 1.
pub fn window_update(stream: u32, by: u32) -> Bytes {
    small(FrameHead { length: 4, kind: kind::WINDOW_UPDATE, flags: 0, stream }, by)
}

/// `about`: what is said to people. No more of it goes than every receiver takes.
pub fn go_away(last: u32, code: u32, about: &[u8]) -> Bytes {
    let about = &about[..about.len().min(SMALLEST_MAX - 8)];
    let mut out = BytesMut::with_capacity(HEAD + 8 + about.len());
    FrameHead { length: 8 + about.len(), kind: kind::GOAWAY, flags: 0, stream: 0 }.write(&mut out);
    out.put_u32(last);
    out.put_u32(code);
    out.put_slice(about);
    out.freeze()
}

fn small(head: FrameHead, number: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD + 4);
    head.write(&mut out);
    out.put_u32(number);
    out.freeze()
}

/// The nine bytes in front of so much content.
pub fn data_head(stream: u32, length: usize, end: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD);
    FrameHead { length, kind: kind::DATA, flags: if end { flag::END_STREAM } else { 0 }, stream }.write(&mut out);
    out.freeze()
}

/// HEADERS with that block, and as many CONTINUATIONs as every receiver takes. `priority` is the part of HEADERS that is so called.
pub fn headers(stream: u32, block: &[u8], end: bool, priority: Option<[u8; 5]>) -> Bytes {
    let flags = if end { flag::END_STREAM } else { 0 } | if priority.is_some() { flag::PRIORITY } else { 0 };
    let before = priority.as_ref().map_or(&[][..], |priority| &priority[..]);
    in_frames(kind::HEADERS, flags, stream, before, block)
}

pub(crate) fn push_promise(stream: u32, promised: u32, block: &[u8]) -> Bytes {
    in_frames(kind::PUSH_PROMISE, 0, stream, &promised.to_be_bytes(), block)
}

fn in_frames(kind: u8, flags: u8, stream: u32, before: &[u8], block: &[u8]) -> Bytes {
    let (first, mut rest) = block.split_at(block.len().min(SMALLEST_MAX - before.len()));
    let mut out = BytesMut::with_capacity(block.len() + before.len() + HEAD * (2 + block.len() / SMALLEST_MAX));
    let last = |rest: &[u8]| if rest.is_empty() { flag::END_HEADERS } else { 0 };
    FrameHead { length: before.len() + first.len(), kind, flags: flags | last(rest), stream }.write(&mut out);
    out.put_slice(before);
    out.put_slice(first);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(SMALLEST_MAX));
        FrameHead { length: part.len(), kind: kind::CONTINUATION, flags: last(after), stream }.write(&mut out);
        out.put_slice(part);
        rest = after;
    }
    out.freeze()
}

/// The same frame on another stream.
pub(crate) fn on_stream(raw: &Bytes, stream: u32) -> Bytes {
    let mut out = BytesMut::from(&raw[..]);
    put_number(&mut out, 5, stream);
    out.freeze()
}

/// The same GOAWAY with another last stream.
pub(crate) fn with_last(raw: &Bytes, last: u32) -> Bytes {
    let mut out = BytesMut::from(&raw[..]);
    put_number(&mut out, HEAD, last);
    out.freeze()
}

/// Writes a number of 31 bits there, and leaves the reserved bit as it is.
fn put_number(out: &mut BytesMut, at: usize, number: u32) {
    if let Some(place) = out.get_mut(at..at + 4) {
        let reserved = code_of(place) & !LAST_STREAM;
        place.copy_from_slice(&(number | reserved).to_be_bytes());
    }
}
