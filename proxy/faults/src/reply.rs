//! What is said in the upstream's place, as the version of HTTP writes it.

use crate::{
    contract::{Broken, Reply, RetryAfter},
    dice::Purpose,
    effect::AnyEffect,
    head::{self, Field, Head},
    piece::Payload,
    plan::Compiled,
    protocol,
};
use bytes::{BufMut, Bytes, BytesMut};
use faultwire_http1::{
    Length,
    answer::{Answer, Asked},
};
use faultwire_http2::frame::{FrameHead, flag, kind};
use std::time::Duration;

/// Tells the date that an answer bears: nobody here has a clock.
pub trait Dates: std::fmt::Debug + Send {
    /// As RFC 9110, 5.6.7 writes it.
    fn date(&self) -> String;
}

/// A fault whose turn it is to answer.
#[derive(Debug)]
pub struct Turn<'a> {
    pub fault: &'a Compiled,
    /// The number of the unit among its matches.
    pub n: u64,
    /// The time to the next token of its `over`.
    pub wait: Option<Duration>,
}

/// An answer in lines.
#[derive(Debug)]
pub struct Lines {
    /// In order, without the end.
    pub payloads: Vec<Payload>,
    /// Nothing can follow on this connection.
    pub closes: bool,
    /// None: it is no answer.
    pub status: Option<u16>,
}

/// An answer in parts. Without a body and trailers its head is all of it.
#[derive(Debug)]
pub enum Parts {
    Whole { head: Vec<Field>, body: Bytes },
    Broken(Flawed),
}

/// What no server should say, on HTTP/2.
#[derive(Debug, Default)]
pub struct Flawed {
    pub head: Vec<Field>,
    pub body: Bytes,
    pub trailers: Vec<Field>,
    /// Bytes that no reader can go on behind: the connection ends with them.
    pub last: Option<Bytes>,
}

impl Turn<'_> {
    pub fn lines(&self, asked: Asked, date: &str) -> Lines {
        match self.reply() {
            Some(Reply::Broken(broken)) => {
                Lines { payloads: vec![Payload::Frame(self.broken(broken, asked.head))], closes: true, status: None }
            }
            Some(Reply::Status(_)) => whole(&self.answer(date), asked),
            Some(Reply::Call { .. }) | None => {
                let headers = self.call_fields();
                let lines: Vec<_> = headers.iter().filter_map(|(name, value)| faultwire_http1::edit::Line::new(name, value).ok()).collect();
                whole(&Answer { status: 200, headers: &lines, body: Some(&[]), fault: self.mark(), date, ..Answer::default() }, asked)
            }
        }
    }

    /// `stream`: where it is said.
    pub fn parts(&self, stream: u32, is_head: bool, date: &str) -> Parts {
        match self.reply() {
            Some(Reply::Broken(broken)) => Parts::Broken(self.flawed(broken, stream)),
            Some(Reply::Status(_)) => {
                let made = self.answer(date).parts();
                let mut head = vec![Field::new(":status", made.status.to_string())];
                head.extend(made.fields.into_iter().map(|(name, value)| Field::new(&name, value)));
                if !matches!(made.status, 204 | 304) {
                    head.push(Field::new("content-length", made.body.len().to_string()));
                }
                Parts::Whole { head, body: if is_head { Bytes::new() } else { made.body } }
            }
            // Trailers-only: gRPC over HTTP/2, Responses.
            Some(Reply::Call { .. }) | None => {
                let mut head = vec![Field::new(":status", "200")];
                head.extend(self.call_fields().into_iter().map(|(name, value)| Field::new(&name, value)));
                head.extend(self.mark().map(|mark| Field::new(crate::head::MARK, crate::head::visible(mark))));
                Parts::Whole { head, body: Bytes::new() }
            }
        }
    }

    /// The trailers of a call that fails after some messages.
    pub fn trailers(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = self.call_fields().into_iter().skip(1).map(|(name, value)| Field::new(&name, value)).collect();
        fields.extend(self.mark().map(|mark| Field::new(crate::head::MARK, crate::head::visible(mark))));
        fields
    }

    fn reply(&self) -> Option<Reply<'_>> {
        self.fault.fault.effects.iter().find_map(AnyEffect::reply)
    }

    fn mark(&self) -> Option<&str> {
        (!self.fault.fault.disguise).then_some(&*self.fault.name)
    }

    fn answer<'a>(&'a self, date: &'a str) -> Answer<'a> {
        let Some(Reply::Status(status)) = self.reply() else { return Answer { status: 503, date, ..Answer::default() } };
        Answer {
            status: status.status,
            headers: status.headers,
            body: status.body,
            kind: status.kind,
            retry_after: self.seconds(status.retry_after),
            fault: self.mark(),
            date,
        }
    }

    /// `Retry-After` counts whole seconds: rounded up, and at least one.
    fn seconds(&self, retry_after: RetryAfter) -> Option<u64> {
        let time = self.time(retry_after)?;
        Some((time.as_nanos().div_ceil(1_000_000_000) as u64).max(1))
    }

    fn time(&self, retry_after: RetryAfter) -> Option<Duration> {
        match retry_after {
            RetryAfter::Unsaid => None,
            RetryAfter::After(span) => Some(span.duration()),
            RetryAfter::Auto => Some(self.wait.unwrap_or_default()),
        }
    }

    /// The content type first, then what gRPC says of the end.
    fn call_fields(&self) -> Vec<(String, String)> {
        let Some(Reply::Call { code, message, retry_after }) = self.reply() else { return Vec::new() };
        let mut fields = vec![
            ("content-type".to_owned(), "application/grpc".to_owned()),
            ("grpc-status".to_owned(), code.to_string()),
            ("grpc-message".to_owned(), percent_encoded(message)),
        ];
        if let Some(time) = self.time(retry_after) {
            fields.push(("grpc-retry-pushback-ms".to_owned(), time.as_millis().to_string()));
        }
        fields
    }

    /// What no server should say, on HTTP/1. Some readers take a head for whole at a line that is none, and others never look at such
    /// a line: so what they have read by then promises a body, and none comes.
    fn broken(&self, broken: Broken, is_head: bool) -> Bytes {
        let mark = self.mark().map(|mark| format!("{}: {}\r\n", crate::head::MARK, crate::head::visible(mark))).unwrap_or_default();
        match broken {
            Broken::Garbage | Broken::Frame => self.garbage(),
            Broken::Chunk if !is_head => format!(
                "HTTP/1.1 200 OK\r\n{mark}content-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\nnot-a-size\r\n"
            )
            .into(),
            // There are no chunks in an answer to HEAD.
            Broken::StatusLine | Broken::Chunk => format!("HTTP/1.1 OK twohundred\r\n{mark}content-length: 0\r\n\r\n").into(),
            Broken::Header => format!(
                "HTTP/1.1 200 OK\r\n{mark}content-type: text/plain\r\ncontent-length: 64\r\nthis line has no colon\r\nx-bare-cr: a\rb\r\n\r\n"
            )
            .into(),
        }
    }

    /// The same on HTTP/2. A head that is wrong is an error of its stream (RFC 9113, 8.1.1), frames that are wrong are one of the connection.
    /// Whoever lets one or the other pass has been promised a body, and none comes.
    fn flawed(&self, broken: Broken, stream: u32) -> Flawed {
        let head = |status: &str, fields: &[(&'static str, &'static str)]| {
            let as_it_is =
                |name: &'static str, value: &'static str| Field { name: Bytes::from_static(name.as_bytes()), ..Field::new("", value) };
            let mut head = vec![Field::new(":status", status.to_owned())];
            head.extend(self.mark().map(|mark| Field::new(crate::head::MARK, crate::head::visible(mark))));
            head.extend(fields.iter().map(|(name, value)| as_it_is(name, value)));
            head
        };
        let last = |bytes: BytesMut| Some(bytes.freeze());
        match broken {
            Broken::Garbage => Flawed { last: Some(self.garbage()), ..Flawed::default() },
            Broken::StatusLine => Flawed { head: head("twohundred", &[("content-length", "0")]), ..Flawed::default() },
            Broken::Header => {
                let fields = &[
                    ("content-type", "text/plain"),
                    ("content-length", "64"),
                    ("X-Upper-Case", "1"),
                    ("connection", "keep-alive"),
                    ("x-bare-cr", "a\rb"),
                ];
                Flawed { head: head("200", fields), ..Flawed::default() }
            }
            Broken::Chunk => {
                let mut data = BytesMut::new();
                FrameHead { length: 5, kind: kind::DATA, flags: flag::PADDED, stream }.write(&mut data);
                data.put_slice(b"\x40oops");
                Flawed {
                    head: head("200", &[("content-type", "application/octet-stream"), ("content-length", "64")]),
                    last: last(data),
                    ..Flawed::default()
                }
            }
            Broken::Frame if self.fault.on.is(protocol::kind::GRPC) => Flawed {
                head: head("200", &[("content-type", "application/grpc")]),
                body: Bytes::from_static(b"\0\0\0\0\x40oops"),
                trailers: vec![Field::new("grpc-status", "0")],
                last: None,
            },
            Broken::Frame => {
                let mut reset = BytesMut::new();
                FrameHead { length: 3, kind: kind::RST_STREAM, flags: 0, stream }.write(&mut reset);
                reset.put_slice(&[0; 3]);
                Flawed {
                    head: head("200", &[("content-type", "text/plain"), ("content-length", "64")]),
                    last: last(reset),
                    ..Flawed::default()
                }
            }
        }
    }

    /// Drawn bytes. The first of them begins no answer, and the last end a line: there are readers that wait for one.
    fn garbage(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(GARBAGE);
        out.put_u8(0x80);
        let mut index = 0;
        while out.len() < GARBAGE {
            out.put_u64(self.fault.dice.draw(Purpose::Corrupt, self.n, index));
            index += 1;
        }
        out.truncate(GARBAGE - 4);
        out.put_slice(b"\r\n\r\n");
        out.freeze()
    }
}

fn whole(answer: &Answer<'_>, asked: Asked) -> Lines {
    let (fields, body) = answer.lines(asked);
    let length = if body.is_empty() { Length::None } else { Length::Known(body.len() as u64) };
    let head = head::Lines { fields, status: Some(answer.status), length };
    let mut payloads = vec![Payload::Head(Head::Http1(Box::new(head)))];
    payloads.extend((!body.is_empty()).then_some(Payload::Data(body)));
    Lines { payloads, closes: !asked.keep_alive, status: Some(answer.status) }
}

const GARBAGE: usize = 256;

/// gRPC over HTTP/2: all but printable ASCII, and `%`, is percent-encoded.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_calls_are_percent_encoded() {
        for (text, encoded) in [("plain text", "plain text"), ("100%", "100%25"), ("süß\n", "s%C3%BC%C3%9F%0A"), ("", "")] {
            assert_eq!(percent_encoded(text), encoded);
        }
    }
}
