//! The head of a message, or the trailers behind its body, as an effect sees it, whichever version of HTTP carries it. What is not edited
//! leaves as it came, to the byte.

use bytes::Bytes;
use faultwire_http1::{
    Length,
    edit::{Edit, Line, Name, Rewrite},
    fields::Fields,
};
pub use faultwire_http2::Field;

/// The name of the field that marks what was made or edited here.
pub const MARK: &str = "x-faultwire-fault";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    Http1(Box<Lines>),
    Http2(Box<List>),
}

/// HTTP/1: the bytes themselves, and where the fields stand in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    pub fields: Fields,
    /// Of an answer.
    pub status: Option<u16>,
    pub length: Length,
}

/// HTTP/2: a list of fields, pseudo fields included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub fields: Vec<Field>,
    /// The frames that it came in. `None`: it is written anew.
    pub raw: Option<Bytes>,
    /// Its message has no body.
    pub is_all: bool,
}

impl Head {
    /// How many bytes it takes, about.
    pub fn len(&self) -> usize {
        match self {
            Head::Http1(lines) => lines.fields.raw.len(),
            Head::Http2(list) => {
                list.raw.as_ref().map_or_else(|| list.fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum(), Bytes::len)
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Head::Http1(lines) => lines.status,
            Head::Http2(_) => std::str::from_utf8(self.first(":status")?).ok()?.parse().ok(),
        }
    }

    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of that field, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        match self {
            Head::Http1(lines) => Box::new(lines.fields.all(name)),
            Head::Http2(list) => {
                let named = |field: &&Field| field.name.eq_ignore_ascii_case(name.as_bytes());
                Box::new(list.fields.iter().filter(named).map(|field| &field.value[..]))
            }
        }
    }

    /// How long the body will be, if it is said.
    pub fn length(&self) -> Option<u64> {
        match self {
            Head::Http1(lines) => match lines.length {
                Length::None => Some(0),
                Length::Known(length) => Some(length),
                Length::Chunked | Length::ToEnd => None,
            },
            Head::Http2(list) if list.is_all => Some(0),
            Head::Http2(_) => std::str::from_utf8(self.first("content-length")?).ok()?.parse().ok(),
        }
    }

    /// Whether a body follows, were it an empty one: not behind HEAD, 204 and 304, and not where a tunnel begins.
    pub fn has_body(&self) -> bool {
        match self {
            Head::Http1(lines) => lines.length != Length::None,
            Head::Http2(list) => !list.is_all && !matches!(self.status(), Some(204 | 304)),
        }
    }

    /// Whether its body comes in chunks: then there is a last one, and trailers.
    pub fn is_chunked(&self) -> bool {
        matches!(self, Head::Http1(lines) if lines.length == Length::Chunked)
    }

    /// Whether it is of a call of gRPC.
    pub fn is_call(&self) -> bool {
        self.first("content-type").is_some_and(|kind| kind.starts_with(b"application/grpc"))
    }

    /// Whether its body is JSON: RFC 8259 and RFC 6839.
    pub fn is_json(&self) -> bool {
        let Some(kind) = self.first("content-type") else { return false };
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        kind.ends_with(b"/json") || kind.ends_with(b"+json")
    }

    /// Whether that made any difference.
    pub fn edit(&mut self, edits: &[Edit]) -> bool {
        match self {
            Head::Http1(lines) => {
                let edited = lines.fields.edited(edits);
                let is_other = edited.raw != lines.fields.raw;
                lines.fields = edited;
                is_other
            }
            Head::Http2(list) => {
                let before = list.fields.clone();
                edits.iter().for_each(|edit| list.edit(edit));
                let is_other = before != list.fields;
                if is_other {
                    list.raw = None;
                }
                is_other
            }
        }
    }

    /// Of a request: its path and query as they were written, perhaps behind a scheme and an authority.
    pub fn target(&self) -> Option<&[u8]> {
        match self {
            Head::Http1(lines) => lines.fields.target(),
            Head::Http2(_) => self.first(":path"),
        }
    }

    /// Of a request; whether that made any difference.
    pub fn rewrite(&mut self, by: &Rewrite) -> bool {
        match self {
            Head::Http1(lines) => {
                let rewritten = lines.fields.rewritten(by);
                let is_other = rewritten.raw != lines.fields.raw;
                lines.fields = rewritten;
                is_other
            }
            Head::Http2(list) => list.rewrite(by),
        }
    }

    pub fn remove(&mut self, names: &[&str]) {
        let edits: Vec<Edit> = names.iter().filter_map(|name| Name::new(name).ok()).map(Edit::Remove).collect();
        self.edit(&edits);
    }

    /// The head of a message whose body is another: so many bytes, without coding.
    pub fn resize(&mut self, length: u64) {
        match self {
            Head::Http1(lines) => {
                lines.fields = lines.fields.resized(length);
                lines.length = Length::Known(length);
            }
            Head::Http2(list) => {
                list.raw = None;
                list.remove("content-length");
                list.fields.push(Field::new("content-length", length.to_string()));
            }
        }
    }

    /// Says whose edit it carries, once.
    pub fn mark(&mut self, fault: &str) {
        let mark = visible(fault);
        if self.all(MARK).any(|other| other == mark.as_bytes()) {
            return;
        }
        if let Ok(line) = Line::new(MARK, &mark) {
            self.edit(&[Edit::Add(line)]);
        }
    }

    /// The bytes that go out on HTTP/1.
    pub fn lines(&self) -> Bytes {
        match self {
            Head::Http1(lines) => lines.fields.raw.clone(),
            Head::Http2(_) => Bytes::new(),
        }
    }
}

/// As the value of a field, whatever the fault is called.
pub fn visible(fault: &str) -> String {
    fault.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

/// Fields that HTTP/2 does not have.
const OF_CONNECTIONS: &[&str] = &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

impl List {
    fn edit(&mut self, edit: &Edit) {
        match edit {
            // RFC 9113, 8.2.2: with one of them a message is malformed, which is not what an edit is for.
            Edit::Add(line) | Edit::Set(line) if OF_CONNECTIONS.iter().any(|name| line.name().is(name)) => {}
            Edit::Add(line) => self.fields.push(of(line)),
            Edit::Remove(name) => self.remove(name.text()),
            Edit::Set(line) => {
                let mut field = of(line);
                // Whom a request is for.
                if field.name == "host" && self.fields.iter().any(|other| other.name == ":authority") {
                    field.name = Bytes::from_static(b":authority");
                }
                let Some(at) = self.fields.iter().position(|other| other.name == field.name) else {
                    self.fields.push(field);
                    return;
                };
                let mut place = 0;
                self.fields.retain(|other| {
                    place += 1;
                    place <= at + 1 || other.name != field.name
                });
                self.fields[at] = field;
            }
        }
    }

    fn rewrite(&mut self, by: &Rewrite) -> bool {
        let before = self.fields.clone();
        for field in &mut self.fields {
            match &field.name[..] {
                b":method" => field.value = by.method_for(&field.value).to_vec().into(),
                b":path" if field.value.starts_with(b"/") => field.value = by.target_for(&field.value),
                _ => {}
            }
        }
        let is_other = before != self.fields;
        if is_other {
            self.raw = None;
        }
        is_other
    }

    fn remove(&mut self, name: &str) {
        self.fields.retain(|field| !field.name.eq_ignore_ascii_case(name.as_bytes()));
    }
}

fn of(line: &Line) -> Field {
    Field::new(line.name().text(), line.value().to_owned())
}

/// A field that may be edited, or removed.
pub fn editable(name: &str) -> Option<Name> {
    Name::new(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> Head {
        let fields = fields.iter().map(|(name, value)| Field::new(name, value.to_string())).collect();
        Head::Http2(Box::new(List { fields, raw: Some(Bytes::from_static(b"raw")), is_all: false }))
    }

    fn shown(head: &Head) -> Vec<String> {
        let Head::Http2(list) = head else { return Vec::new() };
        list.fields.iter().map(|field| format!("{}: {}", field.name.escape_ascii(), field.value.escape_ascii())).collect()
    }

    #[test]
    fn a_list_is_edited_in_its_order() {
        let mut head = list(&[(":status", "200"), ("a", "1"), ("b", "2"), ("a", "3")]);
        head.edit(&[
            Edit::Set(Line::new("A", "9").unwrap()),
            Edit::Remove(Name::new("B").unwrap()),
            Edit::Add(Line::new("c", "4").unwrap()),
        ]);
        assert_eq!(shown(&head), [":status: 200", "a: 9", "c: 4"]);
        assert_eq!(head.status(), Some(200));
        head.resize(5);
        assert_eq!(head.length(), Some(5));
        head.mark("lösung");
        assert_eq!(head.first(MARK), Some(&b"l_sung"[..]));
    }

    #[test]
    fn what_is_json_says_so() {
        for (kind, json) in [
            ("application/json", true),
            ("application/problem+json; charset=utf-8", true),
            ("Application/JSON", true),
            ("text/html", false),
            ("application/jsonp", false),
        ] {
            assert_eq!(list(&[("content-type", kind)]).is_json(), json, "{kind}");
        }
    }
}
