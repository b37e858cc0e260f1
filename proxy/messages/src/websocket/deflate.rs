//! The two halves of permessage-deflate, RFC 7692, each with the window of 32 KiB that may reach over messages.

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What the sender takes off the end of each message.
pub(crate) const TAIL: &[u8] = &[0, 0, 0xff, 0xff];
const WINDOW: usize = 32 << 10;
/// Blocks that are marked as the last are rare. After each the inflater begins anew, so there is a bound.
const FINALS: u32 = 16;

/// The end of what was said. It is all that a later message can refer to.
#[derive(Debug, Default)]
pub(crate) struct History(BytesMut);

impl History {
    pub fn from(bytes: &[u8]) -> History {
        let mut history = History::default();
        history.push(bytes);
        history
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(WINDOW)..];
        if self.0.len() + bytes.len() > 2 * WINDOW {
            let keep = WINDOW.saturating_sub(bytes.len());
            let from = self.0.len() - keep.min(self.0.len());
            self.0 = BytesMut::from(&self.0[from..]);
        }
        self.0.extend_from_slice(bytes);
    }

    pub fn window(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(WINDOW)..]
    }
}

/// It is not deflated, or refers to what was never said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

#[derive(Debug)]
pub(crate) struct Inflate {
    stream: Decompress,
    history: History,
    /// A block has been the last; what follows begins anew, with the same history.
    ended: bool,
    finals: u32,
}

impl Inflate {
    pub fn new(history: History) -> Inflate {
        let mut inflate = Inflate { stream: Decompress::new(false), history, ended: false, finals: 0 };
        inflate.prime();
        inflate
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// Inflates more, in pieces of bounded size.
    pub fn push(&mut self, mut input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), Broken> {
        let mut room = [0; 16 << 10];
        loop {
            if self.ended && !input.is_empty() {
                self.finals += 1;
                if self.finals > FINALS {
                    return Err(Broken);
                }
                self.stream = Decompress::new(false);
                self.ended = false;
                self.prime();
            }
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(input, &mut room, FlushDecompress::None).map_err(|_| Broken)?;
            let read = (self.stream.total_in() - read) as usize;
            let written = (self.stream.total_out() - written) as usize;
            input = &input[read..];
            self.history.push(&room[..written]);
            if written > 0 {
                sink(&room[..written]);
            }
            self.ended |= status == Status::StreamEnd;
            if input.is_empty() && written < room.len() {
                return Ok(());
            }
            if read == 0 && written == 0 && !self.ended {
                return Err(Broken);
            }
        }
    }

    /// The end of a message.
    pub fn finish(&mut self, sink: impl FnMut(&[u8])) -> Result<(), Broken> {
        self.push(TAIL, sink)?;
        self.finals = 0;
        Ok(())
    }

    /// Says the history again, as a block that is not compressed.
    fn prime(&mut self) {
        let window = self.history.window();
        if window.is_empty() {
            return;
        }
        let length = window.len() as u16;
        let mut block = vec![0];
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(&(!length).to_le_bytes());
        block.extend_from_slice(window);
        let mut room = vec![0; WINDOW + 1];
        // A block that is not compressed cannot be broken, and the room is larger.
        let _primed = self.stream.decompress(&block, &mut room, FlushDecompress::None);
    }
}

/// A message that stands for itself. None if it is broken, or says more than `most`.
pub(crate) fn inflate(raw: &[u8], most: usize) -> Option<Bytes> {
    let mut inflate = Inflate::new(History::default());
    let mut out = BytesMut::new();
    for piece in raw.chunks(1 << 10).chain([TAIL]) {
        inflate.push(piece, |bytes| take(&mut out, bytes, most)).ok()?;
        if out.len() > most {
            return None;
        }
    }
    Some(out.freeze())
}

/// Appends as long as there is room; one byte too many says that there was none.
pub(crate) fn take(out: &mut BytesMut, bytes: &[u8], most: usize) {
    let room = (most + 1).saturating_sub(out.len());
    out.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[derive(Debug)]
pub(crate) struct Deflate(Compress);

impl Deflate {
    /// `bits`: the size of the window that the recipient keeps. 8 is less than the compressor can do with, so nothing is compressed then.
    pub fn new(bits: u8) -> Deflate {
        let (level, bits) = if bits < 9 { (Compression::none(), 15) } else { (Compression::fast(), bits.min(15)) };
        Deflate(Compress::new_with_window_bits(level, false, bits))
    }

    /// More of a message; what comes out may come later.
    pub fn more(&mut self, input: &[u8], out: &mut BytesMut) {
        self.push(input, out, FlushCompress::None);
    }

    /// The end of a message. `out` has all of it, or its last part.
    pub fn finish(&mut self, out: &mut BytesMut) {
        self.push(&[], out, FlushCompress::Sync);
        if out.ends_with(TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        // RFC 7692, 7.2.3.6: nothing at all is one byte, the head of an empty block.
        if out.is_empty() {
            out.extend_from_slice(&[0]);
        }
    }

    fn push(&mut self, mut input: &[u8], out: &mut BytesMut, flush: FlushCompress) {
        let mut room = [0; 16 << 10];
        loop {
            let (read, written) = (self.0.total_in(), self.0.total_out());
            // Only a wrong order of calls is an error; there is none.
            let result = self.0.compress(input, &mut room, flush);
            let read = (self.0.total_in() - read) as usize;
            let written = (self.0.total_out() - written) as usize;
            input = &input[read..];
            out.extend_from_slice(&room[..written]);
            if result.is_err() || input.is_empty() && written < room.len() {
                return;
            }
        }
    }
}

/// A message that stands for itself.
pub(crate) fn deflate(content: &[u8], bits: u8) -> BytesMut {
    let mut deflate = Deflate::new(bits);
    let mut out = BytesMut::new();
    deflate.more(content, &mut out);
    deflate.finish(&mut out);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 7692, 7.2.3.1 to 7.2.3.5.
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&hello, 5).unwrap(), "Hello");
        assert_eq!(inflate(&hello, 4), None, "too large");
        let mut both = Inflate::new(History::default());
        let mut out = Vec::new();
        for message in [&hello[..], &[0xf2, 0x00, 0x11, 0x00, 0x00]] {
            both.push(message, |bytes| out.extend_from_slice(bytes)).unwrap();
            both.finish(|bytes| out.extend_from_slice(bytes)).unwrap();
        }
        assert_eq!(out, b"HelloHello", "the second refers to the first");
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        for message in [&stored[..], &last, &two] {
            assert_eq!(inflate(message, 5).unwrap(), "Hello");
        }
        assert_eq!(inflate(&[0], 0).unwrap(), "");
        assert_eq!(deflate(b"", 15)[..], [0]);
        assert_eq!(inflate(b"\xff\xff\xff", 100), None, "broken");
    }

    #[test]
    fn history_reaches_over_a_last_block_and_a_new_inflater() {
        let mut inflate = Inflate::new(History::default());
        let mut out = Vec::new();
        for message in [&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00][..], &[0xf2, 0x00, 0x11, 0x00, 0x00]] {
            inflate.push(message, |bytes| out.extend_from_slice(bytes)).unwrap();
            inflate.finish(|bytes| out.extend_from_slice(bytes)).unwrap();
        }
        assert_eq!(out, b"HelloHello");
        let mut primed = Inflate::new(History::from(b"Hello"));
        let mut again = Vec::new();
        primed.push(&[0xf2, 0x00, 0x11, 0x00, 0x00], |bytes| again.extend_from_slice(bytes)).unwrap();
        assert_eq!(again, b"Hello");
    }

    #[test]
    fn no_message_begins_anew_without_end() {
        let finals: Vec<u8> = [0x03, 0x00].repeat(100);
        assert_eq!(inflate(&finals, 100), None);
    }

    #[test]
    fn every_window_is_kept_to() {
        // Repeats at a distance of 600 bytes: a window of 512 must not refer to it.
        let piece: Vec<u8> = (0..600u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let content = piece.repeat(4);
        let sizes: Vec<usize> = [8, 9, 10, 15].map(|bits| deflate(&content, bits).len()).to_vec();
        assert!(sizes[0] > content.len() && sizes[1] > 3 * piece.len(), "{sizes:?}");
        assert!(sizes[2] < 2 * piece.len() && sizes[3] < 2 * piece.len(), "{sizes:?}");
        for bits in 8..=15 {
            assert_eq!(inflate(&deflate(&content, bits), content.len()).unwrap(), content);
        }
    }
}
