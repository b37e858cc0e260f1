//! What a direction is cut into, and what may be done with one message.

use crate::websocket::{self, Framed};
use crate::{events, grpc};
use bytes::Bytes;
use std::fmt;

/// So much of one message is held until it is whole, and read of what is compressed. Beyond it comes in parts and is not edited.
pub const ROOM: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    pub const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// A part of one direction. The bytes of all, in order, are what came in, with one exception: a control frame between the fragments of a
/// message that is held comes before them, so that nobody waits for it.
#[derive(Clone, Debug)]
pub enum Cut {
    Message(Message),
    /// A frame about the connection; it is no message.
    Control(Control),
    /// Bytes that are no message and pass: comments, keep-alives and fields without data between events; what follows a close frame.
    Between(Bytes),
    /// From here this direction cannot be read. All that was held and all that comes is `Plain`; the recipient judges it itself.
    Lost(Lost),
    Plain(Bytes),
}

impl Cut {
    /// What came.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Cut::Message(message) => message.raw(),
            Cut::Control(Control::Ping(raw) | Control::Pong(raw) | Control::Close { raw, .. }) => raw,
            Cut::Between(bytes) | Cut::Plain(bytes) => bytes,
            Cut::Lost(_) => &[],
        }
    }
}

/// A control frame of a WebSocket, with its bytes as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Ping(Bytes),
    Pong(Bytes),
    Close {
        raw: Bytes,
        /// None: it gives none.
        code: Option<u16>,
        /// As it is sent: perhaps no UTF-8.
        reason: Bytes,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
    Event,
    Grpc,
}

/// A message, or a part of one.
#[derive(Clone, Debug)]
pub struct Message {
    /// Counts the messages of its direction, from 1.
    pub number: u64,
    pub kind: Kind,
    /// Its first byte is in it.
    pub begins: bool,
    /// Its last byte is in it.
    pub ends: bool,
    pub(crate) whole: bool,
    pub(crate) raw: Bytes,
    pub(crate) form: Form,
}

#[derive(Clone, Debug)]
pub(crate) enum Form {
    Framed(Framed),
    Event,
    Grpc,
}

impl Message {
    /// All of it, and it may be edited. A message that is not comes in parts, even if there is only one: it is too large to be held.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// It may pass only as it is and in its place: what it says depends on what was compressed before, and that is not followed.
    pub fn is_bound(&self) -> bool {
        matches!(&self.form, Form::Framed(framed) if framed.is_bound())
    }

    /// The bytes as they came; empty if it was made here. What goes on is said by `Messages::leave`.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What it says: unmasked, joined and inflated; an event with its fields, without its blank line; gRPC without the prefix, and still
    /// compressed if it says so. None if it is not whole, bound, larger than `ROOM` once inflated, or not to be inflated at all.
    pub fn content(&self) -> Option<Bytes> {
        match &self.form {
            _ if !self.whole => None,
            Form::Framed(framed) => framed.content(&self.raw),
            Form::Event => Some(self.raw.slice(..events::blank_line(&self.raw))),
            Form::Grpc => Some(self.raw.slice(grpc::PREFIX.min(self.raw.len())..)),
        }
    }

    /// The same with so much of its content: well-formed, and text ends between two characters. An event has no way to be shorter: it
    /// breaks off there, so the stream is to end behind it. None if it cannot be edited, or is not longer.
    pub fn truncated(&self, length: usize) -> Option<Message> {
        let content = self.content()?;
        if content.len() <= length {
            return None;
        }
        Some(match &self.form {
            Form::Event => self.rewritten(self.raw.slice(..length)),
            _ => {
                let length = if self.kind == Kind::Text { websocket::floor_char(&content, length) } else { length };
                self.with_content(content.slice(..length))
            }
        })
    }

    /// The same with damage: each byte of the content is changed by what is said for its offset (exclusive or; 0 leaves it). Frames,
    /// prefixes and the ends of lines stay. None if it cannot be edited, or nothing has changed.
    pub fn corrupted(&self, mut damage: impl FnMut(usize) -> u8) -> Option<Message> {
        let content = self.content()?;
        let mut changed = content.to_vec();
        for (at, byte) in changed.iter_mut().enumerate() {
            let by = damage(at);
            *byte = if matches!(self.form, Form::Event) { events::damaged(*byte, by) } else { *byte ^ by };
        }
        if changed == content {
            return None;
        }
        Some(match &self.form {
            Form::Event => {
                changed.extend_from_slice(&self.raw[content.len()..]);
                self.rewritten(changed.into())
            }
            _ => self.with_content(changed.into()),
        })
    }

    fn with_content(&self, content: Bytes) -> Message {
        match &self.form {
            Form::Framed(framed) => Message { form: Form::Framed(framed.with_content(content)), ..self.clone() },
            Form::Event => self.rewritten(content),
            Form::Grpc => self.rewritten(grpc::write(self.raw.first() == Some(&1), &content)),
        }
    }

    fn rewritten(&self, raw: Bytes) -> Message {
        Message { raw, ..self.clone() }
    }
}

/// Why a direction cannot be read any more, and from which byte of it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub reason: Reason,
    /// The message under way, or the one to come; they count from 1.
    pub message: u64,
    /// The first byte of what cannot be read; they count from 0.
    pub byte: u64,
}

macro_rules! reasons {
    ($($name:ident $word:literal $about:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($name),* }

        impl Reason {
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// Its name in events; it never changes.
            pub fn word(self) -> &'static str {
                match self { $(Reason::$name => $word),* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Reason::$name => $about),* }
            }
        }
    };
}

reasons! {
    Extension "websocket-extension" "An extension was agreed on that is not known here: what frames mean is its business."
    ReservedBits "websocket-reserved-bits" "A frame has a reserved bit that no extension gives a meaning."
    Opcode "websocket-opcode" "A frame has an opcode that is not in use."
    ControlFragment "websocket-control-fragment" "A control frame is fragmented."
    ControlLength "websocket-control-length" "A control frame has more than 125 bytes."
    Continuation "websocket-continuation" "A continuation frame has nothing to continue."
    Interrupted "websocket-interrupted" "A message begins inside another."
    Length "websocket-length" "A frame announces more than 2^63 - 1 bytes."
    Flag "grpc-flag" "A gRPC message begins with neither 0 nor 1."
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (message {}, byte {})", self.reason.about(), self.message, self.byte)
    }
}

/// Where a direction was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Between two messages.
    Between,
    /// A message is not complete.
    Inside,
    /// Among plain bytes.
    Plain,
}
