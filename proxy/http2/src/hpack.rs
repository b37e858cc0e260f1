//! HPACK (RFC 7541): header blocks are read, and written without any table but the static one.

mod huffman;
mod tables;
mod write;

pub use write::write;

use crate::{
    fields::{Fields, Spans},
    reason::Reason,
};
use bytes::BytesMut;
use tables::{Dynamic, STATIC};

/// What is made room for at first: the tables turn few bytes into many.
const ROOM: usize = 256;

/// What is kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Fields of a block.
    pub fields: usize,
    /// Bytes of all names and values of a block.
    pub text: usize,
    /// Bytes of the table, as RFC 7541, 4.1 counts them.
    pub table: usize,
}

/// Reads the blocks of one direction, in order.
#[derive(Debug, Default)]
pub struct Decoder {
    table: Dynamic,
}

/// What one block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub fields: Fields,
    pub sizes: Option<Sizes>,
}

/// Changes of the table's size at the beginning of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The smallest of them: what does not fit into it is gone.
    pub smallest: u32,
    pub last: u32,
}

impl Sizes {
    /// Both, one after the other.
    pub fn then(self, next: Sizes) -> Sizes {
        Sizes { smallest: self.smallest.min(next.smallest), last: next.last }
    }
}

/// Names and values on their way into one piece of text.
struct Draft {
    text: BytesMut,
    places: Vec<Spans>,
    bounds: Bounds,
}

impl Decoder {
    /// The next block. `limit`: the largest table that its receiver allows. After an error nothing more can be read.
    pub fn decode(&mut self, block: &[u8], limit: u32, bounds: Bounds) -> Result<Block, Reason> {
        let mut draft = Draft { text: BytesMut::with_capacity(ROOM.max(block.len() * 2)), places: Vec::with_capacity(16), bounds };
        let mut sizes: Option<Sizes> = None;
        let mut rest = block;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => {
                    let index = integer(&mut rest, 7)?;
                    draft.begin()?;
                    self.name(index, &mut draft)?;
                    self.value(index, &mut draft)?;
                    draft.end(false)?;
                }
                0x20..0x40 => {
                    let size = integer(&mut rest, 5)?;
                    if size > limit || !draft.places.is_empty() {
                        return Err(Reason::TableSize);
                    }
                    self.table.resize(size as usize);
                    let this = Sizes { smallest: size, last: size };
                    sizes = Some(sizes.map_or(this, |before| before.then(this)));
                }
                _ => self.literal(first, &mut rest, &mut draft)?,
            }
        }
        Ok(Block { fields: Fields::new(draft.text.freeze(), draft.places), sizes })
    }

    fn literal(&mut self, first: u8, rest: &mut &[u8], draft: &mut Draft) -> Result<(), Reason> {
        let indexed = first & 0x40 != 0;
        let index = integer(rest, if indexed { 6 } else { 4 })?;
        draft.begin()?;
        match index {
            0 => string(rest, draft)?,
            _ => self.name(index, draft)?,
        }
        draft.between();
        string(rest, draft)?;
        let spans = draft.end(first & 0x50 == 0x10)?;
        if indexed {
            self.table.insert(&draft.text[spans.name()], &draft.text[spans.value()]);
            if self.table.size() > draft.bounds.table {
                return Err(Reason::TableTooLarge);
            }
        }
        Ok(())
    }

    fn name(&self, index: u32, draft: &mut Draft) -> Result<(), Reason> {
        let name = match STATIC.get((index as usize).wrapping_sub(1)) {
            Some((name, _)) => name.as_bytes(),
            None => self.table.get(index)?.0,
        };
        draft.put(name)
    }

    fn value(&self, index: u32, draft: &mut Draft) -> Result<(), Reason> {
        draft.between();
        let value = match STATIC.get((index as usize).wrapping_sub(1)) {
            Some((_, value)) => value.as_bytes(),
            None => self.table.get(index)?.1,
        };
        draft.put(value)
    }
}

impl Draft {
    fn begin(&mut self) -> Result<(), Reason> {
        if self.places.len() >= self.bounds.fields {
            return Err(Reason::TooManyFields);
        }
        let at = self.text.len() as u32;
        self.places.push(Spans { name: at, value: at, end: at, sensitive: false });
        Ok(())
    }

    /// The name is complete.
    fn between(&mut self) {
        if let Some(spans) = self.places.last_mut() {
            spans.value = self.text.len() as u32;
        }
    }

    /// The value is complete.
    fn end(&mut self, sensitive: bool) -> Result<Spans, Reason> {
        let end = self.text.len() as u32;
        let spans = self.places.last_mut().ok_or(Reason::Truncated)?;
        (spans.end, spans.sensitive) = (end, sensitive);
        Ok(*spans)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        if self.text.len() + bytes.len() > self.bounds.text {
            return Err(Reason::TooManyFields);
        }
        self.text.extend_from_slice(bytes);
        Ok(())
    }
}

/// RFC 7541, 5.1. None that HTTP/2 has a use for needs more than 28 bits behind its prefix.
fn integer(rest: &mut &[u8], prefix: u32) -> Result<u32, Reason> {
    let most = (1_u32 << prefix) - 1;
    let mut number = u32::from(take(rest)?) & most;
    if number < most {
        return Ok(number);
    }
    for shift in [0, 7, 14, 21] {
        let byte = take(rest)?;
        number += u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Reason::Integer)
}

/// RFC 7541, 5.2.
fn string(rest: &mut &[u8], draft: &mut Draft) -> Result<(), Reason> {
    let coded = rest.first().ok_or(Reason::Truncated)? & 0x80 != 0;
    let length = integer(rest, 7)? as usize;
    let (bytes, after) = rest.split_at_checked(length).ok_or(Reason::Truncated)?;
    *rest = after;
    if !coded {
        return draft.put(bytes);
    }
    // The shortest codes have five bits.
    if draft.text.len() + bytes.len() * 8 / 5 > draft.bounds.text {
        return Err(Reason::TooManyFields);
    }
    huffman::decode(bytes, &mut draft.text)
}

fn take(rest: &mut &[u8]) -> Result<u8, Reason> {
    let (&byte, after) = rest.split_first().ok_or(Reason::Truncated)?;
    *rest = after;
    Ok(byte)
}

#[cfg(test)]
mod tests;
