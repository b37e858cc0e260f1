//! The Huffman code of RFC 7541, Appendix B. It is canonical: the lengths of its codes say all.

use crate::reason::Reason;
use bytes::{BufMut, BytesMut};

/// The end of a string, which never stands in one.
const EOS: usize = 256;
const LONGEST: usize = 30;

/// How many bits the code of each byte has; the last is that of `EOS`.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// Codes of one length.
#[derive(Clone, Copy)]
struct Row {
    /// The first of them, at the upper end of 32 bits.
    first: u32,
    /// The place of its byte in `SORTED`.
    at: u16,
}

/// Bytes by the length of their codes, then by themselves: the order of the codes.
static SORTED: [u16; 257] = sorted();
static ROWS: [Row; LONGEST + 2] = rows();
/// For each eight bits that begin with a whole code: its byte, and its length.
static SHORT: [(u8, u8); 256] = short();

/// Decodes a string, whose last byte is filled up with ones.
pub fn decode(bytes: &[u8], out: &mut BytesMut) -> Result<(), Reason> {
    let (mut held, mut bits) = (0_u64, 0_u32);
    let mut source = bytes.iter();
    loop {
        while bits <= 32
            && let Some(&byte) = source.next()
        {
            held = held << 8 | u64::from(byte);
            bits += 8;
        }
        // The next 32 bits, filled up with ones.
        let next =
            if bits >= 32 { (held >> (bits - 32)) as u32 } else { (held << (32 - bits)) as u32 | u32::MAX.checked_shr(bits).unwrap_or(0) };
        if bits < 8 && next == u32::MAX {
            return Ok(());
        }
        let (symbol, length) = match SHORT[(next >> 24) as usize] {
            (_, 0) => long(next),
            (byte, length) => (u16::from(byte), u32::from(length)),
        };
        if length > bits || usize::from(symbol) == EOS {
            return Err(Reason::Huffman);
        }
        out.put_u8(symbol as u8);
        bits -= length;
    }
}

/// The code that those bits begin with, and its length.
fn long(next: u32) -> (u16, u32) {
    let mut length = 9;
    while length < LONGEST && next >= ROWS[length + 1].first {
        length += 1;
    }
    // Lengths without codes begin where the next does.
    let row = ROWS[length];
    let nth = (next - row.first) >> (32 - length);
    (SORTED[usize::from(row.at) + nth as usize], length as u32)
}

const fn sorted() -> [u16; 257] {
    let mut sorted = [0; 257];
    let (mut at, mut length) = (0, 1);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                sorted[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
}

const fn rows() -> [Row; LONGEST + 2] {
    let mut rows = [Row { first: 0, at: 0 }; LONGEST + 2];
    let (mut code, mut at, mut length) = (0_u64, 0, 1);
    while length <= LONGEST {
        code <<= 1;
        rows[length] = Row { first: (code << (32 - length)) as u32, at };
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                code += 1;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    rows
}

const fn short() -> [(u8, u8); 256] {
    let mut short = [(0, 0); 256];
    let mut length = 1;
    while length <= 8 {
        let mut at = ROWS_OF[length].at as usize;
        let mut code = ROWS_OF[length].first >> 24;
        while at < 257 && LENGTHS[SORTED_OF[at] as usize] as usize == length {
            let mut same = 0;
            while same < 1 << (8 - length) {
                short[code as usize] = (SORTED_OF[at] as u8, length as u8);
                code += 1;
                same += 1;
            }
            at += 1;
        }
        length += 1;
    }
    short
}

const ROWS_OF: [Row; LONGEST + 2] = rows();
const SORTED_OF: [u16; 257] = sorted();

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Writes what `decode` reads.
    pub fn encode(bytes: &[u8]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        for &byte in bytes {
            let length = usize::from(LENGTHS[usize::from(byte)]);
            let nth = SORTED.iter().position(|&symbol| symbol == u16::from(byte)).unwrap() - usize::from(ROWS[length].at);
            let code = (ROWS[length].first >> (32 - length)) + nth as u32;
            bits.extend((0..length).rev().map(|i| code >> i & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
        let mut out = BytesMut::new();
        decode(bytes, &mut out).map(|()| out.to_vec())
    }

    #[test]
    fn every_byte_comes_back_at_every_place() {
        for byte in 0..=255 {
            for before in 0..9 {
                let text = [vec![b'0'; before], vec![byte], vec![b'~', byte]].concat();
                assert_eq!(decoded(&encode(&text)), Ok(text.clone()), "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn the_code_is_complete_and_is_the_one_of_the_standard() {
        let share: f64 = LENGTHS.iter().map(|&length| 0.5_f64.powi(i32::from(length))).sum();
        assert_eq!(share, 1.0);
        // Some rows of Appendix B.
        for (byte, code, length) in [
            (b'0', 0x0_u32, 5),
            (b' ', 0x14, 6),
            (b'a', 0x3, 5),
            (b'z', 0x7b, 7),
            (b'&', 0xf8, 8),
            (b'\\', 0x7fff0, 19),
            (249, 0xffffffe, 28),
            (22, 0x3fffffff - 1, 30),
        ] {
            assert_eq!(u32::from(LENGTHS[usize::from(byte)]), length);
            let bits = u64::from(code) << (40 - length) | ((1 << (40 - length)) - 1);
            assert!(encode(&[byte]).iter().zip(&bits.to_be_bytes()[3..]).all(|(a, b)| a == b), "{byte}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for (what, bytes) in [
            ("padding of eight bits", &[0xff][..]),
            ("padding of zeros", &[0x00]),
            ("padding of a zero among ones", &[0x1e]),
            ("the end of a string", &[0xff, 0xff, 0xff, 0xff]),
            ("half a long code", &[0xff, 0xfe]),
            ("a byte of padding too many", &[0x1f, 0xff]),
        ] {
            assert_eq!(decoded(bytes), Err(Reason::Huffman), "{what}");
        }
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }
}
