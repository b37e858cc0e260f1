//! What a stream is cut into, and how it may end.

use crate::{fields::Fields, reason::Lost};
use bytes::Bytes;

/// A part of one direction. Those with bytes, in order, are the stream; `End` and `Lost` have none.
#[derive(Clone, Debug)]
pub enum Cut<Head> {
    /// A message begins. Follow its body and `End`, or a tunnel.
    Head(Head),
    /// A whole informational response, 100 or 103: the answer proper is still to come.
    Interim(Head),
    /// The lines of the chunked coding around payload.
    Framing(Bytes),
    /// Payload, as it comes.
    Body(Bytes),
    /// The line of the chunk of size zero: no payload comes any more.
    LastChunk(Bytes),
    /// The trailer section behind the last chunk, with its empty line; most have no fields.
    Trailers(Fields),
    /// The message is complete.
    End,
    /// Bytes behind the last message that this connection can carry: the recipient is bound to ignore them.
    Stray(Bytes),
    /// The responses cannot be read: from here both directions are plain bytes, and come as `Tunnel`.
    Lost(Lost),
    /// Bytes that are no HTTP, or not any more.
    Tunnel(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
}

/// By what the body of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none, whatever the head announces.
    None,
    Known(u64),
    Chunked,
    /// It ends with the connection.
    ToEnd,
}

/// Where a stream was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Between two messages, or behind the last.
    Between,
    /// The end of the stream is the end of the message under way: take it for `Cut::End`.
    Complete,
    InHead,
    /// So much of the body is missing, where that can be said.
    InBody(Option<u64>),
    /// Whether the bytes at hand are a tunnel's or a request's depends on an answer that is still to come: ask again after it.
    Undecided,
    /// Among plain bytes, or behind a refusal.
    Plain,
}
