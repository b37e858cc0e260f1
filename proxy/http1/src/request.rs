//! The head of a request: its raw bytes, and what they say.

use crate::{
    cut::{Length, Version},
    facts::{Facts, Of},
    fields::{Fields, Span},
    lines::{Draft, control, is_control, is_space, is_token, stop},
    reason::{Flaw, Reason},
    talk::Limits,
};
use bytes::BytesMut;
use std::ops::Range;

/// A complete head. `fields.raw` is what came, with empty lines that came before it.
#[derive(Clone, Debug)]
pub struct Request {
    pub fields: Fields,
    /// Which request of its connection it is, from 1.
    pub number: u64,
    pub version: Version,
    pub length: Length,
    /// Whether the client means to send more requests.
    pub keep_alive: bool,
    pub expects_continue: bool,
    /// Whether it asks for another protocol, so that the answer decides what the bytes behind it are.
    pub upgrade: bool,
    pub(crate) method: Span,
    pub(crate) target: Span,
}

/// RFC 9112, 3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Origin,
    Absolute,
    Authority,
    Asterisk,
    /// None of these. Who it is for will say what it thinks of it.
    Other,
}

impl Request {
    pub fn method(&self) -> &str {
        std::str::from_utf8(self.method.of(&self.fields.raw)).unwrap_or_default()
    }

    /// As it was written, which may be no UTF-8.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.fields.raw)
    }

    pub fn is_connect(&self) -> bool {
        self.method.of(&self.fields.raw) == b"CONNECT"
    }

    pub fn is_head(&self) -> bool {
        self.method.of(&self.fields.raw) == b"HEAD"
    }

    pub fn form(&self) -> Form {
        match self.target() {
            _ if self.is_connect() => Form::Authority,
            b"*" => Form::Asterisk,
            [b'/', ..] => Form::Origin,
            target if authority(target).is_some() => Form::Absolute,
            _ => Form::Other,
        }
    }

    /// The path as it was written, without decoding: `/` if an absolute form has none, `*` and an authority as they are.
    pub fn path(&self) -> &[u8] {
        let path = self.written_path();
        if path.is_empty() { b"/" } else { path }
    }

    pub(crate) fn written_path(&self) -> &[u8] {
        let after = &self.target()[self.before_path().len()..];
        &after[..after.iter().position(|&byte| byte == b'?' || byte == b'#').unwrap_or(after.len())]
    }

    /// Scheme and authority of an absolute form.
    pub(crate) fn before_path(&self) -> &[u8] {
        match self.form() {
            Form::Absolute => &self.target()[..authority(self.target()).map_or(0, |place| place.end)],
            _ => &[],
        }
    }

    /// What stands behind the first `?`, without it.
    pub fn query(&self) -> Option<&[u8]> {
        let target = self.target();
        let target = &target[..memchr::memchr(b'#', target).unwrap_or(target.len())];
        memchr::memchr(b'?', target).map(|at| &target[at + 1..])
    }

    /// For whom it is, perhaps with a port: the authority of the target, or else what all its host fields say alike.
    pub fn host(&self) -> Option<&[u8]> {
        match self.form() {
            Form::Authority => return Some(self.target()),
            Form::Absolute => {
                let authority = &self.target()[authority(self.target())?];
                return Some(memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]));
            }
            _ => {}
        }
        let mut hosts = self.fields.all("host");
        let first = hosts.next()?;
        hosts.all(|host| host == first).then_some(first)
    }
}

/// Where the authority stands in `scheme://authority/path`.
fn authority(target: &[u8]) -> Option<Range<usize>> {
    let colon = memchr::memchr(b':', target)?;
    let is_scheme = colon > 0 && target[..colon].iter().all(|&byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || !target[colon..].starts_with(b"://") {
        return None;
    }
    let start = colon + 3;
    let end = target[start..].iter().position(|byte| b"/?#".contains(byte)).map_or(target.len(), |at| start + at);
    Some(start..end)
}

/// The first line of a request, when it is complete.
#[derive(Debug)]
pub(crate) struct RequestLine {
    method: Span,
    target: Span,
    version: Version,
}

pub(crate) type RequestDraft = Draft<RequestLine>;

impl RequestDraft {
    pub fn request() -> RequestDraft {
        Draft::new(Facts::new(Of::Request))
    }

    /// The head, once it is complete; it is taken from the bytes.
    pub fn cut_request(&mut self, number: u64, bytes: &mut BytesMut, limits: &Limits) -> Result<Option<Request>, Flaw> {
        while !self.is_begun() {
            // What is no method is seen at once: a client of another protocol may wait for an answer and never send a line.
            let space = method(bytes, self.line())?;
            let Some(line) = self.next(bytes, limits.head, Reason::TargetTooLong)? else { return Ok(None) };
            if !line.is_empty() {
                let read = request_line(bytes, line, space)?;
                self.facts.version = read.version;
                self.start = Some(read);
            }
        }
        let Some(end) = self.read(bytes, limits, Reason::HeadTooLarge)? else { return Ok(None) };
        let Some(line) = self.start.take() else { return Ok(None) };
        if line.method.of(bytes) == b"CONNECT" && !matches!(self.facts.request_length(), Length::None | Length::Known(0)) {
            return Err(Flaw { reason: Reason::ConnectBody, at: 0 });
        }
        Ok(Some(Request {
            fields: Fields { raw: bytes.split_to(end).freeze(), fields: std::mem::take(&mut self.fields) },
            number,
            version: line.version,
            length: self.facts.request_length(),
            keep_alive: self.facts.keeps_alive(),
            expects_continue: self.facts.expects_continue(),
            upgrade: self.facts.upgrades(),
            method: line.method,
            target: line.target,
        }))
    }
}

/// Longer than any method there is, so that one without an end is seen.
const METHOD: usize = 64;

/// Where the method ends that begins there, as far as it has come.
fn method(bytes: &[u8], start: usize) -> Result<Option<usize>, Flaw> {
    let text = &bytes[start.min(bytes.len())..];
    let stop = text.iter().take(METHOD + 1).position(|&byte| !is_token(byte));
    let flaw = |reason, at| Err(Flaw { reason, at: start + at });
    match stop.map(|at| (at, text[at])) {
        None if text.len() > METHOD => flaw(Reason::RequestLine, METHOD),
        None | Some((_, b'\r' | b'\n')) => Ok(None),
        Some((at, b' ')) if at > 0 => Ok(Some(start + at)),
        Some((at, byte)) if is_space(byte) || byte.is_ascii_graphic() => flaw(Reason::RequestLine, at),
        Some((at, _)) => flaw(Reason::NotHttp, at),
    }
}

/// The line, and where its method ends.
fn request_line(bytes: &[u8], line: Range<usize>, space: Option<usize>) -> Result<RequestLine, Flaw> {
    let flaw = |reason, at| Err(Flaw { reason, at });
    let Some(space) = space.filter(|&space| space < line.end) else {
        let at = bytes[line.clone()].iter().position(|&byte| byte == b'\r');
        return flaw(if at.is_some() { Reason::BareCr } else { Reason::RequestLine }, line.start + at.unwrap_or_default());
    };
    let name = &bytes[line.start..space];
    if [b"HEAD".as_slice(), b"CONNECT"].iter().any(|word| name != *word && name.eq_ignore_ascii_case(word)) {
        return flaw(Reason::MethodCase, line.start);
    }
    let rest = &bytes[space + 1..line.end];
    let Some(last) = memchr::memrchr(b' ', rest).filter(|&last| last > 0) else { return flaw(Reason::RequestLine, line.end) };
    let target = &rest[..last];
    let at = stop(target, 0, b'!');
    if at < target.len() {
        let reason = if is_space(target[at]) { Reason::RequestLine } else { control(target[at]) };
        return flaw(if reason == Reason::Control { Reason::Target } else { reason }, space + 1 + at);
    }
    let version = match &rest[last + 1..] {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return flaw(Reason::Version, space + 2 + last);
        }
        other => {
            let reason = other.iter().find(|&&byte| is_control(byte)).map_or(Reason::RequestLine, |&byte| control(byte));
            return flaw(if reason == Reason::Control { Reason::RequestLine } else { reason }, space + 2 + last);
        }
    };
    Ok(RequestLine { method: Span::new(line.start..space), target: Span::new(space + 1..space + 1 + last), version })
}
