//! Field lines as they came: where the names and values of a head or a trailer section stand in its bytes.

use bytes::Bytes;
use std::ops::Range;

/// The bytes of a head or of a trailer section, and where its fields stand. Cheap to clone but for the list of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    pub raw: Bytes,
    pub(crate) fields: Vec<Field>,
}

/// A field with name and value as they were written; the value without the white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: Span,
    pub value: Span,
}

/// A place in a head, which is far smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Fields {
    /// All fields, in order, repeated ones as often as they came.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.fields.iter().map(|field| Header { name: field.name.of(&self.raw), value: field.value.of(&self.raw) })
    }

    /// The values of that field, whatever the case of its name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |header| header.name.eq_ignore_ascii_case(name.as_bytes())).map(|header| header.value)
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl Span {
    pub fn new(range: Range<usize>) -> Span {
        debug_assert!(range.end <= u32::MAX as usize);
        Span { start: range.start as u32, end: range.end as u32 }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub fn of(self, raw: &[u8]) -> &[u8] {
        &raw[self.range()]
    }
}
