//! Writes blocks that mean the same whatever is in the receiver's table, and leave it as it is.

use super::{Sizes, tables::STATIC};
use bytes::{BufMut, BytesMut};

/// A block of these fields: name, value, and whether it is never to be put into a table.
pub fn write<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8], bool)>, sizes: Option<Sizes>) -> BytesMut {
    let mut out = BytesMut::with_capacity(256);
    if let Some(sizes) = sizes {
        if sizes.smallest < sizes.last {
            integer(&mut out, 0x20, 5, sizes.smallest);
        }
        integer(&mut out, 0x20, 5, sizes.last);
    }
    for (name, value, sensitive) in fields {
        field(&mut out, name, value, sensitive);
    }
    out
}

fn field(out: &mut BytesMut, name: &[u8], value: &[u8], sensitive: bool) {
    let named = STATIC.iter().position(|(other, _)| other.as_bytes() == name);
    let same = |first: usize| {
        let of_that_name = STATIC[first..].iter().take_while(|(other, _)| other.as_bytes() == name);
        of_that_name.zip(first..).find(|((_, other), _)| other.as_bytes() == value).map(|(_, at)| at)
    };
    match named.and_then(same) {
        // An entry with an empty value is a name only.
        Some(at) if !sensitive && !value.is_empty() => return integer(out, 0x80, 7, at as u32 + 1),
        _ => {}
    }
    integer(out, if sensitive { 0x10 } else { 0 }, 4, named.map_or(0, |at| at as u32 + 1));
    if named.is_none() {
        string(out, name);
    }
    string(out, value);
}

fn string(out: &mut BytesMut, bytes: &[u8]) {
    integer(out, 0, 7, bytes.len() as u32);
    out.put_slice(bytes);
}

fn integer(out: &mut BytesMut, pattern: u8, prefix: u32, number: u32) {
    let most = (1 << prefix) - 1;
    if number < most {
        return out.put_u8(pattern | number as u8);
    }
    out.put_u8(pattern | most as u8);
    let mut rest = number - most;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}
