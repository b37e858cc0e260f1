//! The messages of long conversations over HTTP: WebSocket, server-sent events, gRPC. Cuts the content of both directions into messages
//! without changing a byte, and writes messages that were changed. It must never know of sockets, time or faults.
//!
//! How to host it: put what comes into a buffer of its direction and ask [`Messages::cut`] until it has nothing more to say. What is to
//! go on is written as [`Messages::leave`] says, in the order in which it goes. A message is
//!
//! - dropped by not letting it leave, delayed and reordered by letting it leave later, doubled by letting it leave twice;
//! - cut short with [`Message::truncated`] and damaged with [`Message::corrupted`], and what they return leaves in its place.
//!
//! One that `is_bound` may only pass in its place. The parts of one that is not whole leave in order, all or none of them, with no other
//! message in between. A `Control` may overtake messages that wait, but for a close: nothing may leave behind it.

mod cut;
pub mod events;
pub mod grpc;
mod messages;
pub mod websocket;

pub use cut::{Control, Cut, Direction, Ended, Kind, Lost, Message, ROOM, Reason};
pub use messages::Messages;
pub use websocket::{Extensions, WebSocket};
