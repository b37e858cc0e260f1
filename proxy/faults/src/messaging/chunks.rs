//! Where the chunks of HTTP/1 begin and end around a content, so that it can be written in others.

use bytes::{BufMut, Bytes, BytesMut};

#[derive(Debug, Default)]
pub struct Chunks {
    at: At,
    /// The line of a size, as far as it has come.
    line: BytesMut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// So much of a chunk is still to come.
    Data(u64),
    /// The end of its line is.
    Behind,
    Last,
}

impl Chunks {
    /// So much content has come.
    pub fn data(&mut self, length: u64) {
        if let At::Data(left) = &mut self.at {
            *left = left.saturating_sub(length);
            if *left == 0 {
                self.at = At::Behind;
            }
        }
    }

    /// What stands around it. What is handed back begins with the last chunk, or stands behind it.
    pub fn frame(&mut self, bytes: &Bytes) -> Option<Bytes> {
        if self.at == At::Last {
            return Some(bytes.clone());
        }
        for (at, byte) in bytes.iter().enumerate() {
            match self.at {
                At::Behind if *byte == b'\n' => self.at = At::Size,
                At::Behind | At::Data(_) | At::Last => {}
                At::Size => {
                    self.line.put_u8(*byte);
                    if *byte == b'\n' {
                        let line = self.line.split();
                        self.at = match size(&line) {
                            0 => At::Last,
                            size => At::Data(size),
                        };
                        if self.at == At::Last {
                            return Some([&line[..], &bytes[at + 1..]].concat().into());
                        }
                    }
                }
            }
        }
        None
    }

    /// A chunk has ended and none has begun.
    pub fn is_between(&self) -> bool {
        self.at == At::Size && self.line.is_empty()
    }

    /// How much of what comes next around the content still belongs to the chunk that ends there.
    pub fn until_between(&self, bytes: &[u8]) -> Option<usize> {
        match self.at {
            At::Behind => bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            _ => self.is_between().then_some(0),
        }
    }
}

fn size(line: &[u8]) -> u64 {
    let digits = line.iter().map_while(|byte| char::from(*byte).to_digit(16));
    digits.fold(0, |size: u64, digit| size.saturating_mul(16).saturating_add(digit.into()))
}

/// The line before a chunk of that size; behind it comes `END`.
pub fn begin(size: usize) -> Bytes {
    format!("{size:x}\r\n").into()
}

pub const END: Bytes = Bytes::from_static(b"\r\n");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_followed_however_their_lines_come() {
        for parts in [&["3;x=y\r\n", "\r\n1F\r\n", "\r\n", "0\r\n"][..], &["3;", "x=y\r", "\n", "\r", "\n1", "F\r\n", "\r\n0", "\r\n"]] {
            let mut chunks = Chunks::default();
            let (mut betweens, mut last) = (0, None);
            for part in parts {
                betweens += usize::from(chunks.until_between(part.as_bytes()).is_some());
                last = chunks.frame(&Bytes::from_static(part.as_bytes()));
                if let At::Data(size) = chunks.at {
                    assert!(!chunks.is_between());
                    chunks.data(1);
                    chunks.data(size - 1);
                }
            }
            assert_eq!((last.as_deref(), betweens >= 2), (Some(&b"0\r\n"[..]), true), "{parts:?}");
            assert_eq!(chunks.frame(&Bytes::from_static(b"\r\n")), Some(END));
        }
    }
}
