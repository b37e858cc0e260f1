//! What a body is coded in: `Content-Encoding`, read and taken off.

use super::gathered::MOST;
use crate::plan::Reason;
use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// More of them on one body are not taken off.
const MOST_CODINGS: usize = 2;

/// The body without its codings; they were put on in the order in which they are named.
pub fn decoded<'a>(codings: impl Iterator<Item = &'a [u8]>, body: Bytes) -> Result<Bytes, Reason> {
    let words: Vec<Vec<u8>> = codings
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(|word| word.trim_ascii().to_ascii_lowercase())
        .filter(|word| !word.is_empty() && word != b"identity")
        .collect();
    if words.len() > MOST_CODINGS {
        return Err(Reason::Unreadable);
    }
    words.iter().rev().try_fold(body, |body, word| match &word[..] {
        b"gzip" | b"x-gzip" => all(MultiGzDecoder::new(&body[..])),
        // It is to be in a wrapping of zlib, and there are servers that leave it out.
        b"deflate" => all(ZlibDecoder::new(&body[..])).or_else(|reason| match reason {
            Reason::TooLarge => Err(reason),
            _ => all(DeflateDecoder::new(&body[..])),
        }),
        b"br" => all(Decompressor::new(&body[..], 4096)),
        _ => Err(Reason::Unreadable),
    })
}

/// All there is, if that is not too much.
fn all(from: impl Read) -> Result<Bytes, Reason> {
    let mut out = Vec::new();
    match from.take(MOST + 1).read_to_end(&mut out) {
        Ok(length) if length as u64 > MOST => Err(Reason::TooLarge),
        Ok(_) => Ok(out.into()),
        Err(_) => Err(Reason::Unreadable),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use flate2::{
        Compression,
        read::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    pub fn gzip(plain: &[u8]) -> Bytes {
        all_of(GzEncoder::new(plain, Compression::default()))
    }

    fn all_of(mut from: impl Read) -> Bytes {
        let mut out = Vec::new();
        from.read_to_end(&mut out).unwrap();
        out.into()
    }

    fn plain(codings: &[&str], body: Bytes) -> Result<String, Reason> {
        decoded(codings.iter().map(|line| line.as_bytes()), body).map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn codings_are_taken_off() {
        let text = b"hello hello hello";
        let brotli = Bytes::from_static(&[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03]);
        for (codings, body, want) in [
            (vec!["gzip"], gzip(text), Ok("hello hello hello")),
            (vec!["X-GZIP"], gzip(text), Ok("hello hello hello")),
            (vec!["deflate"], all_of(ZlibEncoder::new(&text[..], Compression::best())), Ok("hello hello hello")),
            (vec!["deflate"], all_of(DeflateEncoder::new(&text[..], Compression::best())), Ok("hello hello hello")),
            (vec!["identity"], Bytes::from_static(text), Ok("hello hello hello")),
            (vec!["gzip, gzip"], gzip(&gzip(text)), Ok("hello hello hello")),
            (vec!["gzip", "gzip"], gzip(&gzip(text)), Ok("hello hello hello")),
            (vec!["br"], brotli, Ok("hello")),
            (vec!["gzip, gzip, gzip"], gzip(text), Err(Reason::Unreadable)),
            (vec!["zstd"], gzip(text), Err(Reason::Unreadable)),
            (vec!["gzip"], Bytes::from_static(text), Err(Reason::Unreadable)),
            (vec!["gzip"], gzip(text).slice(..12), Err(Reason::Unreadable)),
            (vec!["gzip"], gzip(&vec![b'x'; 3 << 20]), Err(Reason::TooLarge)),
        ] {
            assert_eq!(plain(&codings, body), want.map(str::to_owned), "{codings:?}");
        }
    }
}
