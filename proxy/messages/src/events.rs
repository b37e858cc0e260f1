//! Server-sent events. An event ends at its blank line; lines end by LF, CR LF or CR, in any mixture. What has no data is no event: comments,
//! keep-alives, blocks of other fields.
//!
//! A comment outside an event goes at once, since somebody's time-out waits for it. A CR is the end of a line without waiting for what
//! follows, unless the event ends its lines by CR LF: the LF of a mixture comes as `Between`.

use crate::cut::{Cut, Ended, Form, Kind, Message, ROOM};
use bytes::{Bytes, BytesMut};
use memchr::memchr2;

const MARK: &[u8] = b"\xef\xbb\xbf";
/// What a line with data begins with.
const DATA: &[u8] = b"data:";
/// Less can never be held: with fewer bytes it may be unknown whether a line has data.
const LEAST: usize = DATA.len() + 3;

/// Cuts the stream to the client.
#[derive(Debug)]
pub struct Events {
    room: usize,
    /// The place for a byte order mark is behind us.
    begun: bool,
    /// A line has ended by CR: an LF that follows belongs to it.
    after_cr: bool,
    state: State,
    /// Events begun.
    number: u64,
}

#[derive(Debug)]
enum State {
    /// At the start of a line, outside a block.
    Outside,
    /// In a line that is part of no event.
    Skipping,
    Block(Block),
    /// In an event that comes in parts.
    Parts {
        at: At,
        begun: bool,
    },
}

/// A block that stands at the front of the buffer until it is whole.
#[derive(Debug, Default)]
struct Block {
    at: At,
    /// So much of the buffer has been looked at.
    seen: usize,
    /// Where the current line starts.
    line: usize,
    /// One of its lines has data.
    data: bool,
}

/// Where in its lines a block is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// Behind the CR of a line.
    Cr,
    /// At the start of a line, the one before has ended so.
    Start(Ending),
    /// Behind the CR of the blank line; its LF is to follow.
    LastCr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Lf,
    CrLf,
}

/// What a byte does.
enum Step {
    Text,
    /// It ends a line, or belongs to the end of one.
    Line,
    /// The block ends with it.
    Ends,
    /// The block has ended before it.
    Ended,
}

impl At {
    fn step(&mut self, byte: u8) -> Step {
        let (next, step) = match (*self, byte) {
            (At::Start(_), b'\n') | (At::LastCr, b'\n') => (At::Text, Step::Ends),
            (At::Start(Ending::CrLf), b'\r') => (At::LastCr, Step::Text),
            (At::Start(_) | At::Cr, b'\r') => (At::Text, Step::Ends),
            (At::LastCr, _) => (At::Text, Step::Ended),
            (At::Cr, b'\n') => (At::Start(Ending::CrLf), Step::Line),
            (At::Text, b'\n') => (At::Start(Ending::Lf), Step::Line),
            (At::Text, b'\r') => (At::Cr, Step::Line),
            (At::Start(_) | At::Cr | At::Text, _) => (At::Text, Step::Text),
        };
        *self = next;
        step
    }
}

/// What has become of a block.
enum Found {
    More,
    /// It ends there.
    End(usize),
    /// There is no room for it.
    TooLarge,
}

impl Block {
    /// Looks on. Whatever the size of reads, no byte behind the first for which there is no room is considered.
    fn look(&mut self, bytes: &[u8], room: usize) -> Found {
        let window = &bytes[..bytes.len().min(room + 1)];
        while self.seen < window.len() {
            if self.at == At::Text {
                let end = memchr2(b'\r', b'\n', &window[self.seen..]);
                self.seen += end.unwrap_or(window.len() - self.seen);
                self.data |= window[self.line..self.seen].starts_with(DATA);
                self.data |= end.is_some() && window[self.line..self.seen] == DATA[..DATA.len() - 1];
                if end.is_none() {
                    break;
                }
            }
            let step = self.at.step(window[self.seen]);
            self.seen += 1;
            match step {
                Step::Text => {}
                Step::Line => self.line = self.seen,
                Step::Ends if self.seen <= room => return Found::End(self.seen),
                Step::Ended => return Found::End(self.seen - 1),
                Step::Ends => return Found::TooLarge,
            }
        }
        if window.len() > room { Found::TooLarge } else { Found::More }
    }

    /// The first bytes of the current line say what it is.
    fn is_line_known(&self) -> bool {
        self.seen - self.line >= DATA.len()
    }
}

impl Default for Events {
    fn default() -> Events {
        Events { room: ROOM, begun: false, after_cr: false, state: State::Outside, number: 0 }
    }
}

impl Events {
    pub fn hold(&mut self, room: usize) {
        self.room = room.clamp(LEAST, ROOM);
    }

    pub fn cut(&mut self, bytes: &mut BytesMut) -> Option<Cut> {
        if !self.begun {
            if bytes.len() < MARK.len() && MARK.starts_with(bytes) {
                return None;
            }
            self.begun = true;
            if bytes.starts_with(MARK) {
                return between(bytes, MARK.len());
            }
        }
        loop {
            let &first = bytes.first()?;
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                return between(bytes, 1);
            }
            match &mut self.state {
                State::Outside => match first {
                    b'\r' | b'\n' => {
                        self.after_cr = first == b'\r';
                        return between(bytes, 1);
                    }
                    b':' => self.state = State::Skipping,
                    _ => self.state = State::Block(Block::default()),
                },
                State::Skipping => {
                    let Some(end) = memchr2(b'\r', b'\n', bytes) else { return between(bytes, bytes.len()) };
                    self.after_cr = bytes[end] == b'\r';
                    self.state = State::Outside;
                    return between(bytes, end + 1);
                }
                State::Block(block) => match block.look(bytes, self.room) {
                    Found::More => return None,
                    Found::End(end) => return self.block(bytes, end),
                    Found::TooLarge => {
                        if let Some(cut) = self.too_large(bytes) {
                            return Some(cut);
                        }
                    }
                },
                State::Parts { .. } => return self.part(bytes),
            }
        }
    }

    pub fn ended(&self, left: &[u8]) -> Ended {
        match self.state {
            State::Block(_) | State::Parts { .. } => Ended::Inside,
            State::Outside | State::Skipping if left.is_empty() => Ended::Between,
            State::Outside | State::Skipping => Ended::Inside,
        }
    }

    /// A block is whole.
    fn block(&mut self, bytes: &mut BytesMut, end: usize) -> Option<Cut> {
        let State::Block(Block { data, seen, .. }) = self.state else { return None };
        self.state = State::Outside;
        // One that ended by a CR for which no LF was waited.
        self.after_cr = seen == end && bytes[end - 1] == b'\r';
        if !data {
            return between(bytes, end);
        }
        self.number += 1;
        Some(self.message(bytes.split_to(end).freeze(), true, true, true))
    }

    /// A block has outgrown its room. With data it is an event and goes on in parts. Without, the lines that are complete go, and what
    /// follows is looked at as if they had not been.
    fn too_large(&mut self, bytes: &mut BytesMut) -> Option<Cut> {
        let State::Block(block) = &self.state else { return None };
        if block.data {
            self.number += 1;
            self.state = State::Parts { at: At::Text, begun: false };
            return None;
        }
        if block.line == 0 && block.is_line_known() {
            self.state = State::Skipping;
            return None;
        }
        let line = block.line;
        self.after_cr = block.at == At::Cr;
        self.state = State::Outside;
        between(bytes, line)
    }

    fn part(&mut self, bytes: &mut BytesMut) -> Option<Cut> {
        let State::Parts { at, begun } = &mut self.state else { return None };
        let begins = !std::mem::replace(begun, true);
        let mut seen = 0;
        while seen < bytes.len() {
            if *at == At::Text {
                let end = memchr2(b'\r', b'\n', &bytes[seen..]);
                seen += end.unwrap_or(bytes.len() - seen);
                if end.is_none() {
                    break;
                }
            }
            let step = at.step(bytes[seen]);
            seen += 1;
            let end = match step {
                Step::Text | Step::Line => continue,
                Step::Ends => seen,
                Step::Ended => seen - 1,
            };
            self.after_cr = end == seen && bytes[end - 1] == b'\r';
            self.state = State::Outside;
            return Some(self.message(bytes.split_to(end).freeze(), begins, true, false));
        }
        // A CR that may be the last byte of the event waits: no part is empty.
        if *at == At::LastCr {
            *at = At::Start(Ending::CrLf);
            seen -= 1;
            if seen == 0 {
                *begun = !begins;
                return None;
            }
        }
        Some(self.message(bytes.split_to(seen).freeze(), begins, false, false))
    }

    fn message(&self, raw: Bytes, begins: bool, ends: bool, whole: bool) -> Cut {
        Cut::Message(Message { number: self.number, kind: Kind::Event, begins, ends, whole, raw, form: Form::Event })
    }
}

fn between(bytes: &mut BytesMut, size: usize) -> Option<Cut> {
    Some(Cut::Between(bytes.split_to(size).freeze()))
}

/// Where the blank line of a whole event begins.
pub(crate) fn blank_line(raw: &[u8]) -> usize {
    raw.len() - if raw.ends_with(b"\r\n") { 2 } else { usize::from(raw.ends_with(b"\n") || raw.ends_with(b"\r")) }
}

/// Lines stay lines: their ends are not damaged, and nothing becomes one.
pub(crate) fn damaged(byte: u8, by: u8) -> u8 {
    let is_end = |byte| matches!(byte, b'\r' | b'\n');
    match byte ^ by {
        _ if is_end(byte) => byte,
        end if is_end(end) && end ^ 0x10 != byte => end ^ 0x10,
        end if is_end(end) => end ^ 0x20,
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use super::*;

    /// What a stream is cut into: `!` before events, `*` before parts of one, nothing before what is between. In one piece and byte by
    /// byte, neighbours joined but for events.
    fn cuts(room: usize, stream: &str) -> Vec<String> {
        let whole = cuts_of(room, stream, stream.len());
        assert_eq!(cuts_of(room, stream, 1), whole, "{stream:?} byte by byte");
        whole
    }

    fn cuts_of(room: usize, stream: &str, size: usize) -> Vec<String> {
        let mut events = Events::default();
        events.hold(room);
        let mut buffer = BytesMut::new();
        let mut seen: Vec<String> = Vec::new();
        let mut joins = false;
        for piece in stream.as_bytes().chunks(size.max(1)) {
            buffer.extend_from_slice(piece);
            while let Some(cut) = events.cut(&mut buffer) {
                let (mark, now_joins) = match &cut {
                    Cut::Message(message) if message.is_whole() => ("!", false),
                    Cut::Message(message) => (if message.begins { "*" } else { "" }, !message.begins),
                    _ => ("", joins && !seen.last().is_some_and(|last| last.starts_with(['!', '*']))),
                };
                let text = String::from_utf8(cut.bytes().to_vec()).unwrap();
                match seen.last_mut() {
                    Some(last) if now_joins => last.push_str(&text),
                    _ => seen.push(format!("{mark}{text}")),
                }
                joins = true;
            }
        }
        if !buffer.is_empty() {
            seen.push(format!("left {}", String::from_utf8(buffer.to_vec()).unwrap()));
        }
        seen
    }

    #[test]
    fn events_end_at_their_blank_line() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", vec!["!data: a\n\n", "!data: b\n\n"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["!data: a\r\n\r\n", "!data: b\r\n\r\n"]),
            ("data: a\r\rdata: b\r\r", vec!["!data: a\r\r", "!data: b\r\r"]),
            ("id: 1\nevent: x\ndata\n\n", vec!["!id: 1\nevent: x\ndata\n\n"]),
            ("data: a\rdata: b\n\n", vec!["!data: a\rdata: b\n\n"]),
            ("data: a\n\r\ndata: b\n\n", vec!["!data: a\n\r", "\n", "!data: b\n\n"]),
            ("data: a\r\r\ndata: b\n\n", vec!["!data: a\r\r", "\n", "!data: b\n\n"]),
            ("data: a\r\n\n\n\ndata: b\n\n", vec!["!data: a\r\n\n", "\n\n", "!data: b\n\n"]),
            ("data: a\r\n\rdata: b\n\n", vec!["!data: a\r\n\r", "!data: b\n\n"]),
            ("\u{feff}data: a\n\n", vec!["\u{feff}", "!data: a\n\n"]),
            ("data: a\n\n\u{feff}data: b\n\n", vec!["!data: a\n\n", "\u{feff}data: b\n\n"]),
            ("data: a\n", vec!["left data: a\n"]),
        ] {
            assert_eq!(cuts(ROOM, stream), expected, "{stream:?}");
        }
    }

    #[test]
    fn what_has_no_data_is_no_event() {
        for (stream, expected) in [
            (": ping\n\ndata: a\n\n", vec![": ping\n\n", "!data: a\n\n"]),
            (":\r\n:\r:\ndata: a\n: inside\n\n", vec![":\r\n:\r:\n", "!data: a\n: inside\n\n"]),
            ("retry: 3000\n\ndata: a\n\n", vec!["retry: 3000\n\n", "!data: a\n\n"]),
            ("event: ping\r\n\r\n", vec!["event: ping\r\n\r\n"]),
            ("database: 1\n dat: a\nDATA: b\n\n", vec!["database: 1\n dat: a\nDATA: b\n\n"]),
            (": no end", vec![": no end"]),
            ("\n\r\n\r\r\n", vec!["\n\r\n\r\r\n"]),
        ] {
            assert_eq!(cuts(ROOM, stream), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_comment_or_an_event_waits_for_nothing() {
        let mut events = Events::default();
        for stream in [": ping\r", "data: a\n\n", "data: a\r\r", "data: a\r\n\r\n", "data: a\r\n\n"] {
            let mut buffer = BytesMut::from(stream);
            let cut = events.cut(&mut buffer).unwrap();
            assert_eq!(cut.bytes(), stream.as_bytes());
        }
    }

    #[test]
    fn one_that_is_too_large_comes_in_parts() {
        for (stream, expected) in [
            ("data: 7890\n\n", vec!["!data: 7890\n\n"]),
            ("data: 78901\n\n", vec!["*data: 78901\n\n"]),
            ("data: 789\r\n\r\n", vec!["*data: 789\r\n\r\n"]),
            ("data: 789\r\n\rx", vec!["!data: 789\r\n\r", "left x"]),
            ("data: 78901234\r\r\ndata: 2\n\n", vec!["*data: 78901234\r\r", "\n", "!data: 2\n\n"]),
            ("data: 78901234\r\n\rdata: 2\n\n", vec!["*data: 78901234\r\n\r", "!data: 2\n\n"]),
            ("id: 123\ndata: 2\n\n", vec!["*id: 123\ndata: 2\n\n"]),
            ("id: 1234567\ndata: 2\n\n", vec!["id: 1234567\n", "!data: 2\n\n"]),
            ("id: 12345678\r\ndata: 2\n\n", vec!["id: 12345678\r\n", "!data: 2\n\n"]),
            ("id: 123456\r\ndata: 2\n\n", vec!["id: 123456\r\n", "!data: 2\n\n"]),
            ("id: 1234567890\ndata: 2\n\n", vec!["id: 1234567890\n", "!data: 2\n\n"]),
        ] {
            assert_eq!(cuts(12, stream), expected, "{stream:?}");
        }
    }

    fn event(stream: &str) -> Message {
        match Events::default().cut(&mut BytesMut::from(stream)) {
            Some(Cut::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cut_event_is_never_complete() {
        let whole = event("data: a\r\n\r\n");
        assert_eq!(whole.content().unwrap(), "data: a\r\n");
        assert_eq!(whole.truncated(4).unwrap().raw(), "data");
        assert_eq!(whole.truncated(8).unwrap().raw(), "data: a\r");
        assert!(whole.truncated(9).is_none());
    }

    #[test]
    fn damage_leaves_lines_as_they_are() {
        for by in 1..=255 {
            let text: String = (0..0x80u8).map(|byte| byte as char).collect();
            let whole = event(&format!("data: {}\n\n", text.replace(['\r', '\n'], "")));
            let damaged = whole.corrupted(|_| by).unwrap();
            assert_eq!(damaged.raw().len(), whole.raw().len());
            for (old, new) in whole.content().unwrap().iter().zip(damaged.raw()) {
                assert!(if *old == b'\n' { old == new } else { old != new && !b"\r\n".contains(new) }, "{old} by {by} is {new}");
            }
            assert!(damaged.raw().ends_with(b"\n\n"));
        }
    }
}
