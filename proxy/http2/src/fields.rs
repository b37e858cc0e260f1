//! The fields of a header block: one piece of text, and where names and values stand in it.

use bytes::Bytes;
use std::ops::Range;

/// The fields of one block, in order, pseudo fields included. Cheap to clone but for the list of places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    text: Bytes,
    places: Vec<Spans>,
}

/// A field by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Bytes,
    pub value: Bytes,
    /// Never to be put into a table, by anybody on the way: RFC 7541, 7.1.3.
    pub sensitive: bool,
}

/// Where a field stands. Texts are far smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spans {
    pub name: u32,
    pub value: u32,
    pub end: u32,
    pub sensitive: bool,
}

impl Fields {
    pub(crate) fn new(text: Bytes, places: Vec<Spans>) -> Fields {
        Fields { text, places }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|spans| (&self.text[spans.name()], &self.text[spans.value()]))
    }

    /// The fields by themselves, over the same bytes.
    pub fn list(&self) -> Vec<Field> {
        let one = |spans: &Spans| Field {
            name: self.text.slice(spans.name()),
            value: self.text.slice(spans.value()),
            sensitive: spans.sensitive,
        };
        self.places.iter().map(one).collect()
    }

    /// The first value of that field; names are lower case in HTTP/2.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// The status of an answer.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.first(":status")?).ok()?.parse().ok()
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl Field {
    pub fn new(name: &str, value: impl Into<Bytes>) -> Field {
        Field { name: Bytes::copy_from_slice(name.to_ascii_lowercase().as_bytes()), value: value.into(), sensitive: false }
    }
}

impl Spans {
    pub fn name(self) -> Range<usize> {
        self.name as usize..self.value as usize
    }

    pub fn value(self) -> Range<usize> {
        self.value as usize..self.end as usize
    }
}
