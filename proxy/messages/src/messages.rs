//! The messages of one conversation, whatever it carries.

use crate::{
    cut::{Cut, Direction, Ended, Message},
    events::Events,
    grpc::Grpc,
    websocket::{Extensions, WebSocket},
};
use bytes::{Bytes, BytesMut};

#[derive(Debug)]
pub enum Messages {
    WebSocket(Box<WebSocket>),
    Events(Events),
    Grpc([Grpc; 2]),
}

impl Messages {
    /// A WebSocket behind its handshake. `follow` says whether what is compressed is to be followed, for messages to be changed or lost;
    /// it must be said before the first byte.
    pub fn websocket(extensions: Extensions, follow: bool) -> Messages {
        Messages::WebSocket(Box::new(WebSocket::new(extensions, follow)))
    }

    /// The content of a `text/event-stream` that has no content coding.
    pub fn events() -> Messages {
        Messages::Events(Events::default())
    }

    /// The content of a gRPC call, both ways.
    pub fn grpc() -> Messages {
        Messages::Grpc([Grpc::default(), Grpc::default()])
    }

    /// How much of a message is held until it is whole; at most and at first `ROOM`. With 0 all flows in parts, in the order in which it
    /// came. Ask `cut` behind it, since something may have been held: so a direction that ends inside a message is emptied.
    pub fn hold(&mut self, room: usize) {
        Direction::BOTH.into_iter().for_each(|direction| self.hold_one(direction, room));
    }

    /// The same in one direction.
    pub fn hold_one(&mut self, direction: Direction, room: usize) {
        match self {
            Messages::WebSocket(websocket) => websocket.hold_one(direction, room),
            Messages::Events(events) if direction == Direction::ToClient => events.hold(room),
            Messages::Events(_) => {}
            Messages::Grpc(sides) => sides[direction.index()].hold(room),
        }
    }

    /// The next part of what has come that way. Give each call the bytes that came behind those it has left, in the same buffer.
    /// Nothing: more bytes are needed.
    pub fn cut(&mut self, direction: Direction, bytes: &mut BytesMut) -> Option<Cut> {
        match self {
            Messages::WebSocket(websocket) => websocket.cut(direction, bytes),
            Messages::Events(events) if direction == Direction::ToClient => events.cut(bytes),
            Messages::Events(_) => some(bytes).map(Cut::Plain),
            Messages::Grpc(sides) => sides[direction.index()].cut(bytes),
        }
    }

    /// The bytes of a message that goes on now. Each that goes on is to be asked for here, changed or not, once for each time it goes.
    pub fn leave(&mut self, direction: Direction, message: &Message) -> Bytes {
        match self {
            Messages::WebSocket(websocket) => websocket.leave(direction, message),
            Messages::Events(_) | Messages::Grpc(_) => message.raw.clone(),
        }
    }

    /// Where a direction is if it ends now, after all has been cut; `left` is what is left in the buffer.
    pub fn ended(&self, direction: Direction, left: &[u8]) -> Ended {
        match self {
            Messages::WebSocket(websocket) => websocket.ended(direction, left),
            Messages::Events(events) if direction == Direction::ToClient => events.ended(left),
            Messages::Events(_) => Ended::Plain,
            Messages::Grpc(sides) => sides[direction.index()].ended(left),
        }
    }
}

/// All there is, if there is any.
pub(crate) fn some(bytes: &mut BytesMut) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| bytes.split().freeze())
}
