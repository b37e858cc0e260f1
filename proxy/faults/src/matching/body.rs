//! The body of a request, as far as a match asks for it: whether one is to be waited for, and what stands in it. It is read once for all
//! that ask the same, and what no match asks for is never collected.

use super::{
    graphql,
    json::{self, Found, NotJson},
};
use crate::subject::Headers;
use bytes::Bytes;

/// A body that is longer is not waited for, and nothing in it is known.
pub const BODY_ROOM: usize = 1 << 20;

/// Answers that are kept for those that ask the same. Beyond it the body is read anew.
const KEPT: usize = 64;

/// Why nothing is known of a body that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Beyond `BODY_ROOM`.
    TooLarge,
    Compressed,
    /// It was announced as JSON, and is none.
    NotJson,
}

/// What a head says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Json,
    /// The document itself.
    Graphql,
    /// Nothing is said, or something that is often wrong: it is JSON if it can be read so.
    Perhaps,
    /// Something else, which needs no looking into.
    Other,
}

/// A body that has come whole.
#[derive(Debug)]
pub struct Body {
    bytes: Result<Bytes, Unreadable>,
    kind: Kind,
    found: Vec<(Box<str>, Kept)>,
    operations: Option<Result<Vec<Vec<u8>>, Unreadable>>,
}

#[derive(Debug)]
enum Kept {
    None,
    Nested,
    Text(Vec<u8>),
}

impl Kind {
    pub fn of(headers: &dyn Headers) -> Kind {
        let mut kind = Kind::Perhaps;
        headers.any("content-type", &mut |value| {
            let end = value.iter().position(|&byte| byte == b';').unwrap_or(value.len());
            let name = value[..end].trim_ascii();
            let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
            let ends = |word: &str| name.len() >= word.len() && name[name.len() - word.len()..].eq_ignore_ascii_case(word.as_bytes());
            kind = match () {
                () if ends("/json") || ends("+json") => Kind::Json,
                () if is("application/graphql") => Kind::Graphql,
                // What `curl -d` and `navigator.sendBeacon` say of everything.
                () if is("application/x-www-form-urlencoded") || is("text/plain") || name.is_empty() => Kind::Perhaps,
                () => Kind::Other,
            };
            true
        });
        kind
    }
}

/// Why it is known from the head that the body cannot be read.
pub fn unreadable(headers: &dyn Headers) -> Option<Unreadable> {
    let plain = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    if headers.any("content-encoding", &mut |value| !plain(value)) {
        return Some(Unreadable::Compressed);
    }
    let long = |value: &[u8]| std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()).is_some_and(is_too_large);
    headers.any("content-length", &mut |value| long(value)).then_some(Unreadable::TooLarge)
}

fn is_too_large(length: u64) -> bool {
    length > BODY_ROOM as u64
}

impl Body {
    /// `headers` are those of its request.
    pub fn new(headers: &dyn Headers, bytes: Bytes) -> Body {
        let too_large = if is_too_large(bytes.len() as u64) { Some(Unreadable::TooLarge) } else { None };
        let bytes = unreadable(headers).or(too_large).map_or(Ok(bytes), Err);
        Body { bytes, kind: Kind::of(headers), found: Vec::new(), operations: None }
    }

    /// One that outgrew the room before its end had come.
    pub fn too_large(headers: &dyn Headers) -> Body {
        Body { bytes: Err(Unreadable::TooLarge), kind: Kind::of(headers), found: Vec::new(), operations: None }
    }

    /// Whether there is a value at that pointer, and it is so. `None` for the value: an object or a list.
    pub(super) fn any_value(
        &mut self,
        pointer: &str,
        steps: &[Box<str>],
        is: impl FnOnce(Option<&[u8]>) -> bool,
    ) -> Result<bool, Unreadable> {
        if let Some((_, kept)) = self.found.iter().find(|(known, _)| **known == *pointer) {
            return Ok(kept.is(is));
        }
        let found = match self.text()? {
            None => Kept::None,
            Some(text) => match json::at(text, steps) {
                Ok(None) => Kept::None,
                Ok(Some(Found::Nested)) => Kept::Nested,
                Ok(Some(Found::Text(text))) => Kept::Text(text.into_owned()),
                Err(NotJson) => self.none()?,
            },
        };
        let is = found.is(is);
        if self.found.len() < KEPT {
            self.found.push((pointer.into(), found));
        }
        Ok(is)
    }

    /// Whether some GraphQL operation has a name that is so.
    pub(super) fn any_operation(&mut self, mut is: impl FnMut(&[u8]) -> bool) -> Result<bool, Unreadable> {
        if self.operations.is_none() {
            self.operations = Some(self.read_operations());
        }
        match &self.operations {
            Some(Ok(names)) => Ok(names.iter().any(|name| is(name))),
            Some(Err(why)) => Err(*why),
            None => Ok(false),
        }
    }

    fn read_operations(&self) -> Result<Vec<Vec<u8>>, Unreadable> {
        let Some(text) = self.text()? else { return Ok(Vec::new()) };
        match self.kind {
            Kind::Graphql => Ok(graphql::in_document(text).map(<[u8]>::to_vec).into_iter().collect()),
            _ => graphql::in_json(text).or_else(|NotJson| self.none().map(|_| Vec::new())),
        }
    }

    /// What there is to look into, if anything.
    fn text(&self) -> Result<Option<&[u8]>, Unreadable> {
        if self.kind == Kind::Other {
            return Ok(None);
        }
        let bytes = self.bytes.as_ref().map_err(|why| *why)?;
        Ok(Some(&bytes[..]).filter(|bytes| !bytes.is_empty()))
    }

    /// It is not JSON, which is only strange if it was said to be.
    fn none(&self) -> Result<Kept, Unreadable> {
        if self.kind == Kind::Json { Err(Unreadable::NotJson) } else { Ok(Kept::None) }
    }
}

impl Kept {
    fn is(&self, is: impl FnOnce(Option<&[u8]>) -> bool) -> bool {
        match self {
            Kept::None => false,
            Kept::Nested => is(None),
            Kept::Text(text) => is(Some(text)),
        }
    }
}
