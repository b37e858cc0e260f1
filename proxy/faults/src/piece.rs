//! Everything that travels is a piece: something, and the moment before which it may not leave.

use crate::head::Head;
use bytes::Bytes;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    ToServer,
    ToClient,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Rst,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The head of a message. It takes time like everything else, and no place of the content is in it.
    Head(Head),
    /// What a protocol puts around the content, such as the sizes of chunks.
    Frame(Bytes),
    /// Content: bytes of a stream, or of a message's body.
    Data(Bytes),
    /// What follows the body of a message.
    Trailers(Head),
    /// The answer to a keep-alive of a WebSocket.
    Pong(Bytes),
    /// A place in a stream that is made of messages. Nothing of it is on the wire, and it never leaves.
    Bound(Bound),
    /// The end of a stream, or of a message.
    End(End),
}

/// What there is to say about a place between two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A message ends here.
    Message,
    /// None is under way here.
    Between,
    /// Nothing may be said behind it: a WebSocket has said goodbye.
    Last,
    /// A fault ends the message that would follow: the one of that number among those that wait for their places.
    Strike(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub due: Instant,
    pub payload: Payload,
}

impl Direction {
    pub const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

    pub fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }

    pub fn other(self) -> Direction {
        match self {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Direction::ToServer => "to_server",
            Direction::ToClient => "to_client",
        }
    }
}

impl Payload {
    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        match self {
            Payload::Head(head) | Payload::Trailers(head) => head.len(),
            Payload::Frame(bytes) | Payload::Data(bytes) | Payload::Pong(bytes) => bytes.len(),
            Payload::Bound(_) | Payload::End(_) => 0,
        }
    }

    /// How many of them are content: places are counted in these.
    pub fn content(&self) -> u64 {
        match self {
            Payload::Data(bytes) | Payload::Pong(bytes) => bytes.len() as u64,
            Payload::Head(_) | Payload::Frame(_) | Payload::Trailers(_) | Payload::Bound(_) | Payload::End(_) => 0,
        }
    }

    /// What goes out on the wire where bytes are all there is: on TCP, and on HTTP/1.
    pub fn into_bytes(self) -> Result<Bytes, End> {
        match self {
            Payload::Head(head) | Payload::Trailers(head) => Ok(head.lines()),
            Payload::Frame(bytes) | Payload::Data(bytes) | Payload::Pong(bytes) => Ok(bytes),
            Payload::Bound(_) => Ok(Bytes::new()),
            Payload::End(end) => Err(end),
        }
    }

    /// Takes the first `at` bytes off, as a payload of the same kind. `None` if there are no more than that.
    pub fn split_to(&mut self, at: usize) -> Option<Payload> {
        match self {
            Payload::Frame(bytes) if at < bytes.len() => Some(Payload::Frame(bytes.split_to(at))),
            Payload::Data(bytes) if at < bytes.len() => Some(Payload::Data(bytes.split_to(at))),
            _ => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
