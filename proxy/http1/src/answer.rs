//! Answers that are made here, to the byte: what a fault answers in the server's place, and what a refused request is told.

use crate::{
    cut::{Length, Version},
    edit::Line,
    fields::{Field, Fields, Span},
    reason::Refused,
    request::Request,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::Write;

/// So much of a request's body is read and dropped for the sake of the connection: semantics of `status`.
pub const DRAIN: u64 = 64 * 1024;

/// An answer in the server's place.
#[derive(Clone, Debug, Default)]
pub struct Answer<'a> {
    /// 200 to 599.
    pub status: u16,
    /// Fields of its own. They stand in for ours of the same name.
    pub headers: &'a [Line],
    /// Without one, a document that names the fault.
    pub body: Option<&'a [u8]>,
    /// What that body is, if no field of its own says so.
    pub kind: Option<&'a str>,
    /// Seconds.
    pub retry_after: Option<u64>,
    /// Whose answer it is, for the mark; none if it is disguised.
    pub fault: Option<&'a str>,
    /// As RFC 9110, 5.6.7 writes it.
    pub date: &'a str,
}

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// HEAD: everything but the body.
    pub head: bool,
    pub version: Version,
    /// Whether the connection goes on.
    pub keep_alive: bool,
}

impl Asked {
    /// By that request, of whose body so much has come, or all.
    pub fn by(request: &Request, body: u64, complete: bool) -> Asked {
        let keep_alive = request.keep_alive && !request.is_connect() && (complete || drains(request, body));
        Asked { head: request.is_head(), version: request.version, keep_alive }
    }
}

/// Whether the rest of its body is sure to come and short enough to be dropped. Who expects 100 may send its body or not: nobody can tell.
fn drains(request: &Request, body: u64) -> bool {
    match request.length {
        Length::None => true,
        _ if request.expects_continue && body == 0 => false,
        Length::Known(length) => length.saturating_sub(body) <= DRAIN,
        Length::Chunked | Length::ToEnd => false,
    }
}

/// The same in parts, for whoever does not write lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub status: u16,
    /// In order, without those that frame the body.
    pub fields: Vec<(String, String)>,
    pub body: Bytes,
}

impl Answer<'_> {
    pub fn render(&self, asked: Asked) -> Bytes {
        let (head, body) = self.lines(asked);
        let mut out = BytesMut::from(head.raw);
        out.put_slice(&body);
        out.freeze()
    }

    /// The head with its fields, and what follows it.
    pub fn lines(&self, asked: Asked) -> (Fields, Bytes) {
        let parts = self.parts();
        let mut out = start(parts.status, parts.body.len());
        let mut fields: Vec<Field> = parts.fields.iter().map(|(name, value)| field(&mut out, name, value)).collect();
        fields.extend(framing(&mut out, parts.status, asked, parts.body.len()));
        let body = if asked.head || matches!(parts.status, 204 | 304) { Bytes::new() } else { parts.body };
        (Fields { raw: out.freeze(), fields }, body)
    }

    pub fn parts(&self) -> Parts {
        let own = |name: &str| self.headers.iter().any(|line| line.name().is(name));
        let mut fields = Vec::new();
        let mut field = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
        if !own("date") {
            field("date", self.date);
        }
        self.headers.iter().for_each(|line| field(line.name().text(), line.value()));
        let has_body = !matches!(self.status, 204 | 205 | 304);
        if let Some(kind) = self.body.map_or(Some("application/problem+json"), |_| self.kind).filter(|_| has_body && !own("content-type")) {
            field("content-type", kind);
        }
        if let Some(seconds) = self.retry_after.filter(|_| !own("retry-after")) {
            field("retry-after", &seconds.to_string());
        }
        if let Some(fault) = self.fault {
            field("x-faultwire-fault", &visible(fault));
        }
        let document = || Bytes::from(problem(self.status, self.fault, None));
        let body = if has_body { self.body.map_or_else(document, Bytes::copy_from_slice) } else { Bytes::new() };
        Parts { status: self.status, fields, body }
    }
}

/// What the client of a refused request is told. The connection is closed behind it.
pub fn refusal(refused: &Refused, date: &str) -> Bytes {
    let status = refused.reason.status();
    let body = problem(status, None, Some(refused));
    let mut out = start(status, body.len());
    field(&mut out, "date", date);
    field(&mut out, "content-type", "application/problem+json");
    field(&mut out, "x-faultwire-refused", refused.reason.word());
    framing(&mut out, status, Asked { head: false, version: Version::Http11, keep_alive: false }, body.len());
    out.put_slice(body.as_bytes());
    out.freeze()
}

fn start(status: u16, body: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(512 + body);
    out.put_slice(format!("HTTP/1.1 {status} {}\r\n", phrase(status)).as_bytes());
    out
}

/// What says where the answer ends, and whether another may follow; then the end of the head. RFC 9110, 8.6: no length with 204, and none
/// with 304, where it would be that of another answer.
fn framing(out: &mut BytesMut, status: u16, asked: Asked, length: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    if !matches!(status, 204 | 304) {
        fields.push(field(out, "content-length", &length.to_string()));
    }
    match (asked.keep_alive, asked.version) {
        (false, _) => fields.push(field(out, "connection", "close")),
        (true, Version::Http10) => fields.push(field(out, "connection", "keep-alive")),
        (true, Version::Http11) => {}
    }
    out.put_slice(b"\r\n");
    fields
}

fn field(out: &mut BytesMut, name: &str, value: &str) -> Field {
    let start = out.len();
    for part in [name, ": ", value, "\r\n"] {
        out.put_slice(part.as_bytes());
    }
    let from = start + name.len() + 2;
    Field { name: Span::new(start..start + name.len()), value: Span::new(from..from + value.len()) }
}

/// RFC 9457.
fn problem(status: u16, fault: Option<&str>, refused: Option<&Refused>) -> String {
    let title = Some(phrase(status)).filter(|phrase| !phrase.is_empty()).unwrap_or("Unassigned");
    let mut text = format!("{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status}");
    if let Some(fault) = fault {
        member(&mut text, "detail", &format!("The fault `{fault}` of Faultwire answered in the server's place."));
        member(&mut text, "fault", fault);
    }
    if let Some(refused) = refused {
        member(&mut text, "detail", &format!("Faultwire did not forward {refused}"));
        member(&mut text, "reason", refused.reason.word());
    }
    text.push('}');
    text
}

fn member(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!(",\"{name}\":\""));
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c < ' ' => write!(text, "\\u{:04x}", c as u32).unwrap_or_default(),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// As a field value, whatever the fault is called.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

/// The registry of status codes. Others have no words.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    }
}
