//! Edits of heads and trailers. What is not edited stays as it came, to the byte: order, letters, white space.

use crate::{
    cut::{Length, Version},
    fields::{Field, Fields, Span},
    lines::{is_control, is_token, stop},
    request::{Form, Request},
};
use bytes::{BufMut, Bytes, BytesMut};
use std::{fmt, ops::Range};

/// The name of a field that may be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// A field of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    name: Name,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The first field of that name gets the value, others of that name go; without one it is added.
    Set(Line),
    /// Added behind all fields.
    Add(Line),
    /// All fields of that name go.
    Remove(Name),
}

/// Another method, path or query; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
}

/// Why something cannot be written into a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Name,
    Value,
    /// It says where the message ends; breaking that is `malformed`.
    Framing,
    Method,
    /// The answer to it is framed in another way.
    FramingMethod,
    Path,
    Query,
}

impl Name {
    pub fn new(name: &str) -> Result<Name, Unfit> {
        let framing = ["content-length", "transfer-encoding", "connection"];
        match name {
            _ if name.is_empty() || !name.bytes().all(is_token) => Err(Unfit::Name),
            _ if framing.iter().any(|word| name.eq_ignore_ascii_case(word)) => Err(Unfit::Framing),
            _ => Ok(Name(name.to_owned())),
        }
    }

    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Line {
    pub fn new(name: &str, value: &str) -> Result<Line, Unfit> {
        let name = Name::new(name)?;
        if value.bytes().any(is_control) || value.trim_ascii() != value {
            return Err(Unfit::Value);
        }
        Ok(Line { name, value: value.to_owned() })
    }

    pub fn name(&self) -> &Name {
        &self.name
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub(crate) fn write(&self, out: &mut BytesMut) -> Field {
        let start = out.len();
        out.put_slice(self.name.0.as_bytes());
        let colon = out.len();
        out.put_slice(b": ");
        let value = out.len();
        out.put_slice(self.value.as_bytes());
        let end = out.len();
        out.put_slice(b"\r\n");
        Field { name: Span::new(start..colon), value: Span::new(value..end) }
    }
}

/// What becomes of a field.
enum Slot<'a> {
    Kept(usize),
    Revalued(usize, &'a Line),
    New(&'a Line),
    Gone,
}

impl Slot<'_> {
    fn is(&self, fields: &Fields, name: &Name) -> bool {
        match self {
            Slot::Kept(at) | Slot::Revalued(at, _) => fields.fields[*at].name.of(&fields.raw).eq_ignore_ascii_case(name.0.as_bytes()),
            Slot::New(line) => line.name.is(&name.0),
            Slot::Gone => false,
        }
    }
}

impl Fields {
    /// The same with these edits, one after the other.
    pub fn edited(&self, edits: &[Edit]) -> Fields {
        let mut slots: Vec<Slot<'_>> = (0..self.len()).map(Slot::Kept).collect();
        for edit in edits {
            match edit {
                Edit::Add(line) => slots.push(Slot::New(line)),
                Edit::Remove(name) => slots.iter_mut().filter(|slot| slot.is(self, name)).for_each(|slot| *slot = Slot::Gone),
                Edit::Set(line) => set(self, &mut slots, line),
            }
        }
        self.written(&slots)
    }

    /// The same for a message whose body is another: so many bytes, without coding.
    pub fn resized(&self, length: u64) -> Fields {
        let ours = |name: &str| Name(name.to_owned());
        let length = Line { name: ours("content-length"), value: length.to_string() };
        self.edited(&[Edit::Remove(ours("transfer-encoding")), Edit::Remove(ours("trailer")), Edit::Set(length)])
    }

    fn written(&self, slots: &[Slot<'_>]) -> Fields {
        let mut out = BytesMut::with_capacity(self.raw.len() + 256);
        let mut fields = Vec::with_capacity(slots.len());
        out.put_slice(&self.raw[..self.line(0).start]);
        for slot in slots {
            match slot {
                Slot::Kept(at) => fields.push(self.copy(*at, None, &mut out)),
                Slot::Revalued(at, line) => fields.push(self.copy(*at, Some(line.value.as_bytes()), &mut out)),
                Slot::New(line) => fields.push(line.write(&mut out)),
                Slot::Gone => {}
            }
        }
        out.put_slice(b"\r\n");
        Fields { raw: out.freeze(), fields }
    }

    /// As the head of a request: the same with another first line. What has no such line stays.
    pub fn rewritten(&self, rewrite: &Rewrite) -> Fields {
        let Some((method, target)) = self.request_line() else { return self.clone() };
        let request = Request {
            fields: self.clone(),
            number: 0,
            version: Version::Http11,
            length: Length::None,
            keep_alive: true,
            expects_continue: false,
            upgrade: false,
            method,
            target,
        };
        request.rewritten(rewrite).fields
    }

    /// As the head of a request: its target as it was written.
    pub fn target(&self) -> Option<&[u8]> {
        self.request_line().map(|(_, target)| target.of(&self.raw))
    }

    /// Where method and target stand in a line that has been read before.
    fn request_line(&self) -> Option<(Span, Span)> {
        let lines = &self.raw[..self.line(0).start];
        let start = lines.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let space = start + lines[start..].iter().position(|&byte| byte == b' ')?;
        let last = lines.iter().rposition(|&byte| byte == b' ').filter(|&last| last > space)?;
        Some((Span::new(start..space), Span::new(space + 1..last)))
    }

    /// A line as it was, perhaps with another value between its white space.
    fn copy(&self, at: usize, value: Option<&[u8]>, out: &mut BytesMut) -> Field {
        let (line, field) = (self.line(at), self.fields[at]);
        let start = out.len();
        out.put_slice(&self.raw[line.start..field.value.range().start]);
        let from = out.len();
        out.put_slice(value.unwrap_or(field.value.of(&self.raw)));
        let to = out.len();
        out.put_slice(&self.raw[field.value.range().end..line.end]);
        Field { name: Span::new(start..start + field.name.range().len()), value: Span::new(from..to) }
    }

    /// Where the line of that field stands; behind the last, where it would.
    fn line(&self, at: usize) -> Range<usize> {
        let begins = |at: usize| self.fields.get(at).map_or(self.raw.len() - 2, |field| field.name.range().start);
        begins(at)..begins(at + 1)
    }
}

fn set<'a>(fields: &Fields, slots: &mut Vec<Slot<'a>>, line: &'a Line) {
    let mut is_there = false;
    for slot in slots.iter_mut().filter(|slot| slot.is(fields, &line.name)) {
        *slot = match slot {
            _ if is_there => Slot::Gone,
            Slot::Kept(at) | Slot::Revalued(at, _) => Slot::Revalued(*at, line),
            Slot::New(_) | Slot::Gone => Slot::New(line),
        };
        is_there = true;
    }
    if !is_there {
        slots.push(Slot::New(line));
    }
}

impl Rewrite {
    pub fn new(method: Option<&str>, path: Option<&str>, query: Option<&str>) -> Result<Rewrite, Unfit> {
        if let Some(method) = method {
            if method.is_empty() || method.len() > 64 || !method.bytes().all(is_token) {
                return Err(Unfit::Method);
            }
            if framing(method) {
                return Err(Unfit::FramingMethod);
            }
        }
        let is_plain = |text: &str| stop(text.as_bytes(), 0, b'!') == text.len() && !text.contains('#');
        if path.is_some_and(|path| !path.starts_with('/') || path.contains('?') || !is_plain(path)) {
            return Err(Unfit::Path);
        }
        if query.is_some_and(|query| !is_plain(query)) {
            return Err(Unfit::Query);
        }
        let own = |text: Option<&str>| text.map(str::to_owned);
        Ok(Rewrite { method: own(method), path: own(path), query: own(query) })
    }

    /// What a method becomes; those of HEAD and CONNECT stay.
    pub fn method_for<'a>(&'a self, method: &'a [u8]) -> &'a [u8] {
        let is_framing = std::str::from_utf8(method).is_ok_and(framing);
        self.method.as_deref().filter(|_| !is_framing).map_or(method, str::as_bytes)
    }

    /// What a target becomes that is a path, perhaps with a query.
    pub fn target_for(&self, target: &[u8]) -> Bytes {
        let (path, query) = match target.iter().position(|&byte| byte == b'?') {
            Some(at) => (&target[..at], Some(&target[at + 1..])),
            None => (target, None),
        };
        let mut out = BytesMut::from(self.path.as_deref().map_or(path, str::as_bytes));
        if let Some(query) = self.query.as_deref().map_or(query, |query| Some(query.as_bytes()).filter(|query| !query.is_empty())) {
            out.put_slice(b"?");
            out.put_slice(query);
        }
        out.freeze()
    }
}

/// Methods whose answers are framed in a way of their own, in any letters.
fn framing(method: &str) -> bool {
    method.eq_ignore_ascii_case("HEAD") || method.eq_ignore_ascii_case("CONNECT")
}

impl Request {
    /// The same with edited fields.
    pub fn edited(&self, edits: &[Edit]) -> Request {
        Request { fields: self.fields.edited(edits), ..self.clone() }
    }

    /// The same with another first line. An empty query takes the `?` away. The method of HEAD and CONNECT stays, and so does a target
    /// that has no path.
    pub fn rewritten(&self, rewrite: &Rewrite) -> Request {
        let raw = &self.fields.raw;
        let method = rewrite.method.as_deref().filter(|_| !framing(self.method())).unwrap_or(self.method());
        let target = self.target_with(rewrite);
        let mut out = BytesMut::with_capacity(raw.len() + 256);
        out.put_slice(&raw[..self.method.range().start]);
        let from = out.len();
        out.put_slice(method.as_bytes());
        let method = Span::new(from..out.len());
        out.put_slice(b" ");
        let from = out.len();
        out.put_slice(&target);
        let (target, was) = (Span::new(from..out.len()), self.target.range().end);
        out.put_slice(&raw[was..]);
        let moved = |span: Span| {
            let range = span.range();
            Span::new(range.start + target.range().end - was..range.end + target.range().end - was)
        };
        let fields = self.fields.fields.iter().map(|field| Field { name: moved(field.name), value: moved(field.value) }).collect();
        Request { fields: Fields { raw: out.freeze(), fields }, method, target, ..self.clone() }
    }

    fn target_with(&self, rewrite: &Rewrite) -> Bytes {
        let target = self.target();
        if !matches!(self.form(), Form::Origin | Form::Absolute) {
            return Bytes::copy_from_slice(target);
        }
        let mut out = BytesMut::from(self.before_path());
        out.put_slice(rewrite.path.as_deref().map_or(self.written_path(), str::as_bytes));
        let query = rewrite.query.as_deref().map_or(self.query(), |query| Some(query.as_bytes()).filter(|query| !query.is_empty()));
        if let Some(query) = query {
            out.put_slice(b"?");
            out.put_slice(query);
        }
        if let Some(hash) = target.iter().position(|&byte| byte == b'#') {
            out.put_slice(&target[hash..]);
        }
        out.freeze()
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::Name => "a field name has letters, digits and !#$%&'*+-.^_`|~ only",
            Unfit::Value => "a field value has no control characters and no white space around it",
            Unfit::Framing => "this field says where the message ends; to break it on purpose there is `malformed`",
            Unfit::Method => "a method has letters, digits and !#$%&'*+-.^_`|~ only, and 64 at most",
            Unfit::FramingMethod => "answers to HEAD and CONNECT end in a way of their own, so no request can become one",
            Unfit::Path => "a path begins with `/` and has no space, control character, `?` or `#`",
            Unfit::Query => "a query has no space, control character or `#`",
        })
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cut, Http1};

    fn request(text: &str) -> Request {
        match Http1::default().request(&mut BytesMut::from(text.as_bytes())) {
            Ok(Some(Cut::Head(head))) => head,
            other => panic!("{other:?}"),
        }
    }

    fn set(name: &str, value: &str) -> Edit {
        Edit::Set(Line::new(name, value).unwrap())
    }

    fn add(name: &str, value: &str) -> Edit {
        Edit::Add(Line::new(name, value).unwrap())
    }

    fn remove(name: &str) -> Edit {
        Edit::Remove(Name::new(name).unwrap())
    }

    /// Edits once, and cuts what came of it: the places must be those of a head that came so.
    fn check(before: &str, edits: &[Edit], after: &str) {
        let edited = request(before).edited(edits);
        assert_eq!(String::from_utf8_lossy(&edited.fields.raw), after);
        let again = request(after);
        assert_eq!(edited.fields.fields, again.fields.fields);
        assert_eq!((edited.method(), edited.target()), (again.method(), again.target()));
    }

    const HEAD: &str = "\r\nGET /a HTTP/1.1\r\nhOST:a\r\nX-A:  1 \t\r\nx-b:\r\nX-a: 2\r\nX-C: 3\r\n\r\n";

    #[test]
    fn what_is_not_edited_stays() {
        check(HEAD, &[], HEAD);
        check(HEAD, &[remove("nobody")], HEAD);
        check("GET / HTTP/1.1\r\n\r\n", &[], "GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn one_field_is_set_between_its_own_spaces() {
        let after = "\r\nGET /a HTTP/1.1\r\nhOST:a\r\nX-A:  new \t\r\nx-b:\r\nX-C: 3\r\n\r\n";
        check(HEAD, &[set("x-A", "new")], after);
        check(HEAD, &[set("x-A", "old"), set("X-a", "new")], after);
        check(HEAD, &[set("X-B", "v")], &HEAD.replace("x-b:", "x-b:v"));
        check(HEAD, &[set("X-New", "v\u{e9}")], &HEAD.replace("3\r\n\r\n", "3\r\nX-New: v\u{e9}\r\n\r\n"));
    }

    #[test]
    fn fields_are_added_and_removed() {
        check(HEAD, &[add("X-A", "3")], &HEAD.replace("3\r\n\r\n", "3\r\nX-A: 3\r\n\r\n"));
        check(HEAD, &[remove("X-A")], "\r\nGET /a HTTP/1.1\r\nhOST:a\r\nx-b:\r\nX-C: 3\r\n\r\n");
        check(HEAD, &[add("X-D", "1"), add("x-d", "2"), set("X-D", "3")], &HEAD.replace("3\r\n\r\n", "3\r\nX-D: 3\r\n\r\n"));
        check(HEAD, &[add("X-D", "1"), remove("x-d")], HEAD);
        check("GET / HTTP/1.1\r\n\r\n", &[add("a", "")], "GET / HTTP/1.1\r\na: \r\n\r\n");
        check("GET / HTTP/1.1\r\na:b\r\n\r\n", &[remove("A")], "GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn another_body_has_its_length() {
        let resized = |fields: &str| {
            let before = request(&format!("POST / HTTP/1.1\r\n{fields}\r\n"));
            String::from_utf8(before.fields.resized(7).raw.to_vec()).unwrap()
        };
        assert_eq!(resized("A: 1\r\nContent-LENGTH:5\r\nB: 2\r\n"), "POST / HTTP/1.1\r\nA: 1\r\nContent-LENGTH:7\r\nB: 2\r\n\r\n");
        assert_eq!(resized("Content-Length: 5\r\nContent-Length: 5\r\n"), "POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\n");
        assert_eq!(resized("Transfer-Encoding: chunked\r\nTrailer: A\r\n"), "POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\n");
    }

    #[test]
    fn nothing_is_smuggled_in() {
        for (name, value, unfit) in [
            ("Content-Length", "5", Unfit::Framing),
            ("transfer-encoding", "chunked", Unfit::Framing),
            ("Connection", "close", Unfit::Framing),
            ("X Y", "1", Unfit::Name),
            ("", "1", Unfit::Name),
            ("X:", "1", Unfit::Name),
            ("X", "1\r\nY: 2", Unfit::Value),
            ("X", "1\n", Unfit::Value),
            ("X", "\0", Unfit::Value),
            ("X", " 1", Unfit::Value),
        ] {
            assert_eq!(Line::new(name, value), Err(unfit), "{name:?}: {value:?}");
        }
        for (method, path, query, unfit) in [
            (Some("HEAD"), None, None, Unfit::FramingMethod),
            (Some("connect"), None, None, Unfit::FramingMethod),
            (Some("G T"), None, None, Unfit::Method),
            (None, Some("a"), None, Unfit::Path),
            (None, Some("/a b"), None, Unfit::Path),
            (None, Some("/a?b"), None, Unfit::Path),
            (None, None, Some("a HTTP/1.1\r\nX: y"), Unfit::Query),
        ] {
            assert_eq!(Rewrite::new(method, path, query), Err(unfit));
        }
    }

    #[test]
    fn the_first_line_is_rewritten() {
        for (before, rewrite, after) in [
            ("GET /a?b", (Some("POST"), None, None), "POST /a?b"),
            ("GET /a?b", (None, Some("/longer/path"), None), "GET /longer/path?b"),
            ("GET /a?b#c", (None, Some("/"), Some("x=1")), "GET /?x=1#c"),
            ("GET /a?b", (None, None, Some("")), "GET /a"),
            ("GET http://h:1/a?b", (None, Some("/c"), None), "GET http://h:1/c?b"),
            ("GET http://h:1?b", (None, Some("/c"), Some("d")), "GET http://h:1/c?d"),
            ("GET http://h:1?b", (Some("PUT"), None, None), "PUT http://h:1?b"),
            ("HEAD /a", (Some("GET"), Some("/b"), None), "HEAD /b"),
            ("OPTIONS *", (None, Some("/b"), None), "OPTIONS *"),
        ] {
            let head = |line: &str| format!("{line} HTTP/1.1\r\nHost: a\r\nX:  y\r\n\r\n");
            let rewrite = Rewrite::new(rewrite.0, rewrite.1, rewrite.2).unwrap();
            let rewritten = request(&head(before)).rewritten(&rewrite);
            assert_eq!(String::from_utf8_lossy(&rewritten.fields.raw), head(after));
            let again = request(&head(after));
            assert_eq!(rewritten.fields.fields, again.fields.fields);
            assert_eq!((rewritten.method(), rewritten.target()), (again.method(), again.target()));
            // Without more than the fields it is the same.
            let fields = request(&head(before)).fields;
            assert_eq!(fields.rewritten(&rewrite), rewritten.fields);
            assert_eq!(fields.target(), Some(request(&head(before)).target()));
        }
    }
}
