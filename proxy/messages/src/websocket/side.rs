//! One direction of a WebSocket: frames become messages, and control frames pass in between.

use super::{
    Content, Framed,
    frame::{self, CLOSE, CONTINUATION, Header, Key, PING, PONG, Read, Rest, TEXT},
};
use crate::{
    cut::{Control, Cut, Ended, Form, Kind, Lost, Message, ROOM, Reason},
    messages::some,
};
use bytes::{Bytes, BytesMut};

#[derive(Debug)]
pub(crate) struct Side {
    room: usize,
    state: State,
    /// The first reserved bit says that a message is compressed.
    deflates: bool,
    /// Frames of the message under way that are complete and wait for the others.
    held: BytesMut,
    /// The message under way; its first header has been cut.
    under: Option<Under>,
    /// What is still to come of a frame whose header has been given out.
    rest: Option<Rest>,
    /// Messages begun.
    number: u64,
    /// Bytes that have been cut or held.
    taken: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Frames,
    /// Behind a close frame.
    Closed,
    Plain,
}

#[derive(Clone, Copy, Debug)]
struct Under {
    kind: Kind,
    compressed: bool,
    /// Of its first frame.
    key: Option<Key>,
    /// It comes in parts.
    parts: bool,
    /// A part has been given out.
    begun: bool,
    /// The frame under way is its last.
    last: bool,
}

impl Side {
    pub fn new(deflates: bool) -> Side {
        Side { room: ROOM, state: State::Frames, deflates, held: BytesMut::new(), under: None, rest: None, number: 0, taken: 0 }
    }

    pub fn hold(&mut self, room: usize) {
        self.room = room.min(ROOM);
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub fn cut(&mut self, bytes: &mut BytesMut) -> Option<Cut> {
        loop {
            match self.state {
                State::Plain => return some(&mut self.held).or_else(|| some(bytes)).map(Cut::Plain),
                State::Closed => return some(bytes).map(Cut::Between),
                State::Frames => {}
            }
            if let Some(rest) = self.rest {
                return self.more(bytes, rest);
            }
            if self.held.len() > self.room {
                return self.flush();
            }
            let header = match frame::read(bytes, |header| self.judge(header)) {
                Read::Header(header) => header,
                Read::More => return None,
                Read::Bad(reason) => return Some(self.lose(reason)),
            };
            if header.is_control() {
                return self.control(bytes, header);
            }
            let size = header.size as u64 + header.length;
            let parts = self.under.is_some_and(|under| under.parts) || self.held.len() as u64 + size > self.room as u64;
            if parts && !self.held.is_empty() {
                return self.flush();
            }
            if parts {
                self.begin(&header).parts = true;
                return self.first(bytes, header);
            }
            if (bytes.len() as u64) < size {
                return None;
            }
            let under = *self.begin(&header);
            let frame = self.take(bytes, size);
            if !header.fin {
                self.held.extend_from_slice(&frame);
                continue;
            }
            let raw = if self.held.is_empty() {
                frame
            } else {
                self.held.extend_from_slice(&frame);
                self.held.split().freeze()
            };
            self.under = None;
            return Some(self.message(under, raw, None, true, true, true));
        }
    }

    /// Says that this direction cannot be read.
    pub fn lose(&mut self, reason: Reason) -> Cut {
        self.state = State::Plain;
        let message = if self.under.is_some() { self.number } else { self.number + 1 };
        self.under = None;
        Cut::Lost(Lost { reason, message, byte: self.taken })
    }

    pub fn ended(&self, left: &[u8]) -> Ended {
        match self.state {
            State::Plain => Ended::Plain,
            State::Frames if self.under.is_some() || !left.is_empty() => Ended::Inside,
            State::Frames | State::Closed => Ended::Between,
        }
    }

    /// What nobody may send. Whoever receives it fails the connection, so nothing behind it is cut. A missing mask, a mask too many and
    /// text that is no UTF-8 leave frames readable, and are not judged here.
    fn judge(&self, header: &Header) -> Option<Reason> {
        let compressible = self.deflates && !header.is_control() && header.opcode != CONTINUATION;
        match header.opcode {
            _ if header.reserved || header.rsv1 && !compressible => Some(Reason::ReservedBits),
            3..=7 | 11..=15 => Some(Reason::Opcode),
            CLOSE..=PONG if !header.fin => Some(Reason::ControlFragment),
            CLOSE..=PONG => None,
            CONTINUATION if self.under.is_none() => Some(Reason::Continuation),
            CONTINUATION => None,
            _ if self.under.is_some() => Some(Reason::Interrupted),
            _ => None,
        }
    }

    /// A data frame begins, and with it perhaps a message.
    fn begin(&mut self, header: &Header) -> &mut Under {
        if self.under.is_none() {
            self.number += 1;
        }
        let under = self.under.get_or_insert(Under {
            kind: if header.opcode == TEXT { Kind::Text } else { Kind::Binary },
            compressed: header.rsv1,
            key: header.key,
            parts: false,
            begun: false,
            last: false,
        });
        under.last = header.fin;
        under
    }

    /// The header of a frame that comes in parts, and what there is of its payload.
    fn first(&mut self, bytes: &mut BytesMut, header: Header) -> Option<Cut> {
        let raw = self.take(bytes, header.size as u64 + header.length);
        let at = (raw.len() - header.size) as u64;
        self.part(raw, None, Rest { key: header.key, at, left: header.length - at })
    }

    /// More of its payload.
    fn more(&mut self, bytes: &mut BytesMut, before: Rest) -> Option<Cut> {
        if bytes.is_empty() {
            return None;
        }
        let raw = self.take(bytes, before.left);
        let size = raw.len() as u64;
        self.part(raw, Some(before), Rest { at: before.at + size, left: before.left - size, ..before })
    }

    /// What is held of a message that outgrows its room.
    fn flush(&mut self) -> Option<Cut> {
        let raw = self.held.split().freeze();
        let under = self.under.as_mut()?;
        under.parts = true;
        under.last = false;
        self.part(raw, None, Rest { key: None, at: 0, left: 0 })
    }

    fn part(&mut self, raw: Bytes, before: Option<Rest>, rest: Rest) -> Option<Cut> {
        let under = self.under.as_mut()?;
        let begins = !std::mem::replace(&mut under.begun, true);
        let under = *under;
        let ends = under.last && rest.left == 0;
        self.rest = (rest.left > 0).then_some(rest);
        if ends {
            self.under = None;
        }
        Some(self.message(under, raw, before, begins, ends, false))
    }

    fn message(&self, under: Under, raw: Bytes, rest: Option<Rest>, begins: bool, ends: bool, whole: bool) -> Cut {
        let framed = Framed { key: under.key, compressed: under.compressed, rest, order: 0, content: Content::Alone };
        Cut::Message(Message { number: self.number, kind: under.kind, begins, ends, whole, raw, form: Form::Framed(framed) })
    }

    fn control(&mut self, bytes: &mut BytesMut, header: Header) -> Option<Cut> {
        let size = header.size + header.length as usize;
        if bytes.len() < size {
            return None;
        }
        if header.opcode == CLOSE && !self.held.is_empty() {
            // What is held will never be whole, and nothing goes behind a close.
            return self.flush();
        }
        let raw = self.take(bytes, size as u64);
        Some(Cut::Control(match header.opcode {
            PING => Control::Ping(raw),
            PONG => Control::Pong(raw),
            _ => {
                self.state = State::Closed;
                let mut payload = BytesMut::new();
                frame::payload(&raw, None, |bytes| payload.extend_from_slice(bytes));
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                let reason = payload.split_off(payload.len().min(2)).freeze();
                Control::Close { raw, code, reason }
            }
        }))
    }

    fn take(&mut self, bytes: &mut BytesMut, most: u64) -> Bytes {
        let size = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        self.taken += size as u64;
        bytes.split_to(size).freeze()
    }
}
