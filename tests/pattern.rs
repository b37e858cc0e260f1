//! Bytes that anyone can make again from a seed and an offset, so that a reader can say which byte was wrong.

use std::io::{ErrorKind, Read, Write};

/// An endless stream of bytes. The byte at an offset depends on seed and offset alone.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    seed: u64,
}

impl Pattern {
    pub fn new(seed: u64) -> Pattern {
        Pattern { seed }
    }

    pub fn fill(self, offset: u64, into: &mut [u8]) {
        let mut i = 0;
        while i < into.len() {
            let at = offset + i as u64;
            let word = mix(self.seed ^ mix(at / 8)).to_le_bytes();
            let from = (at % 8) as usize;
            let n = (8 - from).min(into.len() - i);
            into[i..i + n].copy_from_slice(&word[from..from + n]);
            i += n;
        }
    }

    pub fn bytes(self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(offset, &mut bytes);
        bytes
    }

    /// Panics at the first byte that is another one.
    pub fn check(self, offset: u64, got: &[u8]) {
        let wanted = self.bytes(offset, got.len());
        if let Some(i) = (0..got.len()).find(|i| got[*i] != wanted[*i]) {
            panic!("byte {} is {:#04x} and should be {:#04x}", offset + i as u64, got[i], wanted[i]);
        }
    }

    /// Writes the first `length` bytes in writes of `chunk`.
    pub fn send(self, to: &mut impl Write, length: u64, chunk: usize) -> std::io::Result<()> {
        let mut offset = 0;
        let mut buffer = vec![0; chunk];
        while offset < length {
            let n = (length - offset).min(chunk as u64) as usize;
            self.fill(offset, &mut buffer[..n]);
            to.write_all(&buffer[..n])?;
            offset += n as u64;
        }
        Ok(())
    }

    /// Reads to the end of the stream and checks every byte; how many there were, and how it ended.
    pub fn receive(self, from: &mut impl Read) -> (u64, Option<ErrorKind>) {
        let mut offset = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return (offset, None),
                Ok(n) => {
                    self.check(offset, &buffer[..n]);
                    offset += n as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return (offset, Some(error.kind())),
            }
        }
    }
}

/// A small generator for tests that want variety, and the same one each time.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % end
    }
}

fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn any_cut_of_a_pattern_is_the_same_pattern() {
    let pattern = Pattern::new(7);
    let whole = pattern.bytes(0, 1000);
    for (offset, length) in [(0, 1), (1, 7), (3, 500), (8, 8), (999, 1)] {
        assert_eq!(pattern.bytes(offset, length), whole[offset as usize..offset as usize + length]);
    }
    assert_ne!(whole, Pattern::new(8).bytes(0, 1000));
}
