//! A message that is held back until it is whole, for what cannot be done to a part of it.

use crate::{
    contract::Cx,
    head::Head,
    piece::{End, Payload, Piece},
    plan::Reason,
};
use bytes::{Bytes, BytesMut};

/// No longer body is held back.
pub const MOST: u64 = 1 << 20;
/// Nor one in more parts: each takes room of its own.
const MOST_PIECES: usize = 1 << 15;

#[derive(Debug, Default)]
pub struct Gathered {
    pieces: Vec<Piece>,
    content: u64,
    bytes: usize,
}

/// What is to become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    More,
    Whole,
    /// It has to go on as it came.
    Kept(Reason),
}

impl Gathered {
    pub fn of(head: Piece) -> Gathered {
        Gathered { bytes: head.payload.len(), pieces: vec![head], content: 0 }
    }

    pub fn add(&mut self, piece: Piece) -> Next {
        let end = match piece.payload {
            Payload::End(end) => Some(end),
            _ => None,
        };
        self.content += piece.payload.content();
        self.bytes += piece.payload.len();
        self.pieces.push(piece);
        match end {
            _ if self.content > MOST || self.pieces.len() > MOST_PIECES => Next::Kept(Reason::TooLarge),
            None => Next::More,
            Some(End::Fin) if self.is_complete() => Next::Whole,
            Some(_) => Next::Kept(Reason::EndedFirst),
        }
    }

    /// Whether as much has come as the head promised.
    fn is_complete(&self) -> bool {
        let trailers = self.pieces.iter().any(|piece| matches!(piece.payload, Payload::Trailers(_)));
        match self.head() {
            Some(head) if head.is_chunked() => trailers,
            Some(head) => head.length().is_none_or(|length| length == self.content),
            None => false,
        }
    }

    pub fn head(&self) -> Option<&Head> {
        match &self.pieces.first()?.payload {
            Payload::Head(head) => Some(head),
            _ => None,
        }
    }

    pub fn content(&self) -> u64 {
        self.content
    }

    /// Bytes that are held back here.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn body(&self) -> Bytes {
        let mut parts = self.pieces.iter().filter_map(|piece| match &piece.payload {
            Payload::Data(bytes) => Some(bytes),
            _ => None,
        });
        match (parts.next(), parts.next()) {
            (None, _) => Bytes::new(),
            (Some(only), None) => only.clone(),
            (Some(first), Some(second)) => {
                let mut body = BytesMut::with_capacity(self.content as usize);
                [first, second].into_iter().chain(parts).for_each(|part| body.extend_from_slice(part));
                body.freeze()
            }
        }
    }

    /// All of it goes on as it came.
    pub fn pass(&mut self, cx: &mut Cx<'_>) {
        std::mem::take(self).pieces.into_iter().for_each(|piece| cx.pass(piece));
    }

    /// It goes on with another head, and another body in one part. Trailers need chunks on HTTP/1, and go with them.
    pub fn replace(&mut self, head: Head, body: Bytes, cx: &mut Cx<'_>) {
        let pieces = std::mem::take(self).pieces;
        let Some(due) = pieces.iter().map(|piece| piece.due).max() else { return };
        let lines = matches!(head, Head::Http1(_));
        cx.pass(Piece { due, payload: Payload::Head(head) });
        if !body.is_empty() {
            cx.pass(Piece { due, payload: Payload::Data(body) });
        }
        for piece in pieces {
            match piece.payload {
                Payload::Trailers(_) if !lines => cx.pass(piece),
                Payload::End(_) => cx.pass(piece),
                _ => {}
            }
        }
    }

    /// Everything, for whoever lets go of it.
    pub fn payloads(&mut self) -> Vec<Payload> {
        std::mem::take(self).pieces.into_iter().map(|piece| piece.payload).collect()
    }
}
