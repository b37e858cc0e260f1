//! WebSocket, RFC 6455, with permessage-deflate, RFC 7692: frames in both directions, joined into messages. What is odd is not mended and
//! not refused: the direction becomes plain bytes, and the recipient judges it itself.

mod deflate;
mod extensions;
mod frame;
mod recode;
mod side;
mod write;

pub use extensions::{Deflate, Extensions, Window};
pub(crate) use write::floor_char;
pub use write::{close, is_sendable, message, pong};

use crate::cut::{Cut, Direction, Ended, Form, Message, ROOM, Reason};
use bytes::{Bytes, BytesMut};
use frame::{Key, Rest};
use recode::Recoder;
use side::Side;

/// Both directions of a WebSocket, behind its handshake.
#[derive(Debug)]
pub struct WebSocket {
    sides: [Side; 2],
    ways: [Way; 2],
    /// Nothing is to be cut; it has been said in that direction.
    unknown: Option<[bool; 2]>,
}

/// How a direction is compressed.
#[derive(Debug)]
enum Way {
    /// Each message for itself, if at all; so large is the recipient's window.
    Alone(u8),
    /// With what was said before, which is not followed.
    Bound,
    Followed(Box<Recoder>),
}

/// What is known of a message that came in frames.
#[derive(Clone, Debug)]
pub(crate) struct Framed {
    /// The mask of the first frame; it masks what is written in its place.
    key: Option<Key>,
    compressed: bool,
    /// Where the part begins, if inside a frame.
    rest: Option<Rest>,
    /// Its number among the compressed messages of a direction that is followed.
    order: u64,
    content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// It stands in the raw bytes, and can be read from them alone.
    Alone,
    /// It cannot be read.
    Bound,
    /// Inflated on arrival.
    Read(Bytes),
    /// Too large. With its first byte: what was said before, for it to be inflated again.
    Large { before: Option<Bytes> },
    /// Made here.
    New(Bytes),
}

impl WebSocket {
    /// `follow`: keep the contexts of compression, so that single messages may be changed or lost.
    pub fn new(extensions: Extensions, follow: bool) -> WebSocket {
        let deflate = match extensions {
            Extensions::Deflate(deflate) => Some(deflate),
            Extensions::None | Extensions::Unknown => None,
        };
        let way = |direction| match deflate.map(|deflate| deflate.window(direction)) {
            None => Way::Alone(15),
            Some(Window { takeover: false, bits }) => Way::Alone(bits),
            Some(Window { takeover: true, bits }) if follow => Way::Followed(Box::new(Recoder::new(bits))),
            Some(Window { takeover: true, .. }) => Way::Bound,
        };
        WebSocket {
            sides: [Side::new(deflate.is_some()), Side::new(deflate.is_some())],
            ways: Direction::BOTH.map(way),
            unknown: (extensions == Extensions::Unknown).then_some([false, false]),
        }
    }

    pub fn hold(&mut self, room: usize) {
        Direction::BOTH.into_iter().for_each(|direction| self.hold_one(direction, room));
    }

    pub fn hold_one(&mut self, direction: Direction, room: usize) {
        self.sides[direction.index()].hold(room);
    }

    pub fn cut(&mut self, direction: Direction, bytes: &mut BytesMut) -> Option<Cut> {
        let d = direction.index();
        let side = &mut self.sides[d];
        if let Some(said) = &mut self.unknown
            && !bytes.is_empty()
            && !std::mem::replace(&mut said[d], true)
        {
            return Some(side.lose(Reason::Extension));
        }
        let mut cut = side.cut(bytes);
        if let Some(Cut::Message(message)) = &mut cut
            && let Form::Framed(framed) = &mut message.form
            && framed.compressed
        {
            match &mut self.ways[d] {
                Way::Alone(_) => {}
                Way::Bound => framed.content = Content::Bound,
                Way::Followed(recoder) => recoder.came(message.begins, message.ends, message.whole, &message.raw, framed),
            }
        }
        cut
    }

    /// The bytes of a message that goes on now.
    pub fn leave(&mut self, direction: Direction, message: &Message) -> Bytes {
        let Form::Framed(framed) = &message.form else { return message.raw.clone() };
        match (&mut self.ways[direction.index()], &framed.content) {
            (Way::Followed(recoder), _) if framed.compressed => recoder.leave(message, framed),
            (Way::Alone(bits), Content::New(content)) if framed.compressed => {
                recode::whole_frame(message.kind, framed.key, true, &deflate::deflate(content, *bits))
            }
            (_, Content::New(content)) => recode::whole_frame(message.kind, framed.key, false, content),
            _ => message.raw.clone(),
        }
    }

    /// A close frame has been cut in that direction. When it has in both, the closing handshake is complete and the server ends the
    /// connection. Nothing may be sent behind a close frame; a side that has got one and has not sent one answers it.
    pub fn is_closed(&self, direction: Direction) -> bool {
        self.sides[direction.index()].is_closed()
    }

    pub fn ended(&self, direction: Direction, left: &[u8]) -> Ended {
        self.sides[direction.index()].ended(left)
    }
}

impl Framed {
    pub fn is_bound(&self) -> bool {
        matches!(self.content, Content::Bound)
    }

    pub fn content(&self, raw: &Bytes) -> Option<Bytes> {
        match &self.content {
            Content::Read(content) | Content::New(content) => Some(content.clone()),
            Content::Bound | Content::Large { .. } => None,
            Content::Alone => {
                let mut content = BytesMut::with_capacity(raw.len());
                frame::payload(raw, self.rest, |bytes| content.extend_from_slice(bytes));
                if self.compressed { deflate::inflate(&content, ROOM) } else { Some(content.freeze()) }
            }
        }
    }

    pub fn with_content(&self, content: Bytes) -> Framed {
        Framed { content: Content::New(content), ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
