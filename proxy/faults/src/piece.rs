//! Everything that travels is a piece: something, and the moment before which it may not leave.

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
    /// Bytes of a stream.
    Data(Bytes),
    End(End),
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
            Payload::Data(bytes) => bytes.len(),
            Payload::End(_) => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
