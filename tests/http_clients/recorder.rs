//! A server that writes down every byte it gets on every connection, and whose answers are exact bytes: see `answers`. It takes requests apart
//! on its own, and only as far as it must to know when to answer.

use super::answers::{self, Next};
use crate::{
    harness::eventually,
    upstream::{Conn, Upstream},
};
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr},
    sync::{Arc, Mutex},
};

/// What one connection brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub bytes: Vec<u8>,
    /// None while it is open.
    pub ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Fin,
    Reset,
}

type Book = Arc<Mutex<Vec<Heard>>>;

pub struct Recorder {
    upstream: Upstream,
    book: Book,
}

impl Recorder {
    /// Answers as `answers` says.
    pub fn start() -> Recorder {
        Recorder::script(|talk| {
            while let Some(request) = talk.request() {
                match answers::answer(talk, &request) {
                    Next::Request => {}
                    Next::Close => break,
                    Next::Echo => {
                        while let Some(bytes) = talk.some() {
                            talk.send(&bytes);
                        }
                        break;
                    }
                }
            }
        })
    }

    /// Does what a script says on every connection; then ends it, and hears it to its end.
    pub fn script(script: impl Fn(&mut Talk) + Send + Sync + 'static) -> Recorder {
        let book = Book::default();
        let own = book.clone();
        let upstream = Upstream::script(move |conn| {
            let mut talk = Talk::new(conn, own.clone());
            script(&mut talk);
            talk.conn.stream.shutdown(Shutdown::Write).ok();
            while talk.some().is_some() {}
            talk.conn.close();
        });
        Recorder { upstream, book }
    }

    pub fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    /// All connections since the last time, when all of them have ended, in the order of their arrival.
    #[track_caller]
    pub fn heard(&self) -> Vec<Heard> {
        eventually("all connections have ended", || self.book.lock().unwrap().iter().all(|heard| heard.ended.is_some()));
        self.book.lock().unwrap().drain(..).collect()
    }
}

/// One connection: what has come of it and has not been read yet.
pub struct Talk {
    conn: Conn,
    book: Book,
    place: usize,
    waiting: Vec<u8>,
    ended: bool,
    writes_down: bool,
}

/// As far as the answer depends on it.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    fields: Vec<(String, String)>,
}

impl Request {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn expects_continue(&self) -> bool {
        self.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }
}

impl Talk {
    fn new(conn: Conn, book: Book) -> Talk {
        let mut all = book.lock().unwrap();
        all.push(Heard::default());
        let place = all.len() - 1;
        drop(all);
        Talk { conn, book, place, waiting: Vec::new(), ended: false, writes_down: true }
    }

    /// What has not been read until now is not written down.
    pub fn stop_writing_down(&mut self) {
        self.writes_down = false;
        let bytes = &mut self.book.lock().unwrap()[self.place].bytes;
        bytes.truncate(bytes.len() - self.waiting.len());
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // A client that has gone is heard of when reading.
        self.conn.stream.write_all(bytes).ok();
    }

    /// Reads once. None at the end.
    fn more(&mut self) -> Option<()> {
        let mut buffer = vec![0; 64 << 10];
        let ended = if self.ended {
            return None;
        } else {
            match self.conn.stream.read(&mut buffer) {
                Ok(0) => Ended::Fin,
                Err(_) => Ended::Reset,
                Ok(n) => {
                    self.waiting.extend_from_slice(&buffer[..n]);
                    if self.writes_down {
                        self.book.lock().unwrap()[self.place].bytes.extend_from_slice(&buffer[..n]);
                    }
                    return Some(());
                }
            }
        };
        self.ended = true;
        self.book.lock().unwrap()[self.place].ended = Some(ended);
        None
    }

    /// Whatever has come; waits for something.
    pub fn some(&mut self) -> Option<Vec<u8>> {
        if self.waiting.is_empty() {
            self.more()?;
        }
        Some(std::mem::take(&mut self.waiting))
    }

    /// Exactly so many bytes.
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.waiting.len() < count {
            self.more()?;
        }
        let rest = self.waiting.split_off(count);
        Some(std::mem::replace(&mut self.waiting, rest))
    }

    /// Up to this, and with it.
    pub fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        let mut from = 0;
        loop {
            if let Some(at) = self.waiting[from..].windows(end.len()).position(|window| window == end) {
                return self.take(from + at + end.len());
            }
            from = self.waiting.len().saturating_sub(end.len() - 1);
            self.more()?;
        }
    }

    /// The next head. None at the end, and for what is none.
    pub fn request(&mut self) -> Option<Request> {
        let head = self.until(b"\r\n\r\n")?;
        let head: String = head.iter().map(|byte| char::from(*byte)).collect();
        let mut lines = head.split("\r\n").skip_while(|line| line.is_empty());
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Request { method, path: path.to_owned(), fields })
    }

    /// The payload of a request, whichever way it is framed.
    pub fn body(&mut self, request: &Request) -> Option<Vec<u8>> {
        if let Some(length) = request.field("content-length") {
            return self.take(length.parse().ok()?);
        }
        let mut body = Vec::new();
        if request.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let line = String::from_utf8(self.until(b"\r\n")?).ok()?;
                match usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()? {
                    0 => break,
                    size => body.extend(self.take(size + 2)?.split_last_chunk::<2>()?.0),
                }
            }
            // Trailers, and the empty line behind them.
            while self.until(b"\r\n")? != b"\r\n" {}
        }
        Some(body)
    }
}
