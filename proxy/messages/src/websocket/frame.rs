//! One frame of RFC 6455, section 5.2: its header read and written, its payload masked and unmasked.

use crate::cut::Reason;
use bytes::{BufMut, BytesMut};

pub(crate) type Key = [u8; 4];

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A control frame has no more payload.
pub(crate) const CONTROL: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub fin: bool,
    /// The first reserved bit: compressed, where that is agreed on.
    pub rsv1: bool,
    /// The others.
    pub reserved: bool,
    pub opcode: u8,
    pub key: Option<Key>,
    /// Of the payload.
    pub length: u64,
    /// Of the header itself.
    pub size: usize,
}

impl Header {
    pub fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }
}

/// What can be said of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Header(Header),
    More,
    Bad(Reason),
}

/// Reads a header as far as it has come. `judge` is asked as soon as the first two bytes allow an answer: nobody waits for the rest of
/// what cannot be read.
pub(crate) fn read(bytes: &[u8], judge: impl Fn(&Header) -> Option<Reason>) -> Read {
    let Some(&first) = bytes.first() else { return Read::More };
    let mut header = Header {
        fin: first & 0x80 != 0,
        rsv1: first & 0x40 != 0,
        reserved: first & 0x30 != 0,
        opcode: first & 0x0f,
        key: None,
        length: 0,
        size: 2,
    };
    if let Some(reason) = judge(&header) {
        return Read::Bad(reason);
    }
    let Some(&second) = bytes.get(1) else { return Read::More };
    header.length = u64::from(second & 0x7f);
    if header.is_control() && header.length > CONTROL as u64 {
        return Read::Bad(Reason::ControlLength);
    }
    let wide = match header.length {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if wide > 0 {
        let Some(digits) = bytes.get(2..2 + wide) else { return Read::More };
        header.length = digits.iter().fold(0, |sum, &digit| sum << 8 | u64::from(digit));
        header.size += wide;
        if header.length >> 63 != 0 {
            return Read::Bad(Reason::Length);
        }
    }
    if second & 0x80 != 0 {
        let Some(key) = bytes.get(header.size..).and_then(|rest| rest.first_chunk()) else { return Read::More };
        header.key = Some(*key);
        header.size += 4;
    }
    Read::Header(header)
}

/// Writes a frame. Payload is masked if there is a key.
pub(crate) fn write(out: &mut BytesMut, fin: bool, compressed: bool, opcode: u8, key: Option<Key>, payload: &[u8]) {
    out.reserve(14 + payload.len());
    out.put_u8(u8::from(fin) << 7 | u8::from(compressed) << 6 | opcode);
    let masked = u8::from(key.is_some()) << 7;
    match payload.len() {
        length @ 0..=125 => out.put_u8(masked | length as u8),
        length @ 126..=0xffff => {
            out.put_u8(masked | 126);
            out.put_u16(length as u16);
        }
        length => {
            out.put_u8(masked | 127);
            out.put_u64(length as u64);
        }
    }
    if let Some(key) = key {
        out.put_slice(&key);
    }
    let start = out.len();
    out.put_slice(payload);
    if let Some(key) = key {
        mask(&mut out[start..], key, 0);
    }
}

/// Masks or unmasks payload; `at` is the place of the first byte in that of its frame.
pub(crate) fn mask(bytes: &mut [u8], key: Key, at: u64) {
    let turned = |i: usize| key[(at as usize).wrapping_add(i) & 3];
    let key = u64::from_ne_bytes(std::array::from_fn(turned));
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let Some(eight) = word.first_chunk_mut() else { continue };
        *eight = (u64::from_ne_bytes(*eight) ^ key).to_ne_bytes();
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The rest of a frame whose header has been cut already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub key: Option<Key>,
    /// The place of its first byte in the payload.
    pub at: u64,
    pub left: u64,
}

/// Gives the payload of data frames to `sink`, unmasked. `rest` says what stands before the first header. The last frame may be incomplete.
pub(crate) fn payload(raw: &[u8], rest: Option<Rest>, mut sink: impl FnMut(&mut [u8])) {
    let (mut bytes, mut rest) = (raw, rest);
    loop {
        let now = match rest.take() {
            Some(rest) => rest,
            None => match read(bytes, |_| None) {
                Read::Header(header) => {
                    bytes = &bytes[header.size..];
                    Rest { key: header.key, at: 0, left: header.length }
                }
                Read::More | Read::Bad(_) => return,
            },
        };
        let size = usize::try_from(now.left).unwrap_or(usize::MAX).min(bytes.len());
        let (mine, others) = bytes.split_at(size);
        bytes = others;
        for (i, chunk) in mine.chunks(16 << 10).enumerate() {
            let mut chunk = chunk.to_vec();
            if let Some(key) = now.key {
                mask(&mut chunk, key, now.at + (i as u64 * (16 << 10)));
            }
            sink(&mut chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_written() {
        for (length, size) in [(0, 2), (125, 2), (126, 4), (0xffff, 4), (0x1_0000, 10)] {
            for key in [None, Some([1, 2, 3, 4])] {
                let payload = vec![b'x'; length];
                let mut out = BytesMut::new();
                write(&mut out, true, false, TEXT, key, &payload);
                let size = size + if key.is_some() { 4 } else { 0 };
                let header = Header { fin: true, rsv1: false, reserved: false, opcode: TEXT, key, length: length as u64, size };
                assert_eq!(read(&out, |_| None), Read::Header(header));
                assert_eq!(out.len(), size + length);
                for cut in 0..size {
                    assert_eq!(read(&out[..cut], |_| None), Read::More, "{cut} of {size}");
                }
                let mut back = Vec::new();
                super::payload(&out, None, |bytes| back.extend_from_slice(bytes));
                assert_eq!(back, payload);
            }
        }
    }

    #[test]
    fn masks_turn_with_the_place() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut whole: Vec<u8> = (0..100).collect();
        mask(&mut whole, key, 0);
        for at in 0..100 {
            let mut part: Vec<u8> = (at..100).collect();
            mask(&mut part, key, u64::from(at));
            assert_eq!(part, whole[usize::from(at)..]);
        }
        // The example of RFC 6455, section 5.7.
        let mut hello = *b"Hello";
        mask(&mut hello, key, 0);
        assert_eq!(hello, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}
