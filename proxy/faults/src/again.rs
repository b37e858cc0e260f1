//! A request that is sent to its upstream again: what of it leaves is kept until all of it has left, and is then for whoever carries it to
//! send on a connection of its own. The client hears nothing of that.

use crate::{
    head::{Field, Head},
    piece::Payload,
    plan::{Compiled, Copied},
};
use bytes::{Bytes, BytesMut};
use std::{sync::Arc, time::Duration};

/// A request with more bytes is not kept.
pub const MOST: usize = 1 << 20;

/// A request as it has left, to be sent so many times more.
#[derive(Debug)]
pub struct Again {
    pub fault: Arc<Compiled>,
    pub request: Sent,
    /// How much later each is sent than the one before it.
    pub gap: Duration,
    /// One for each; to be kept until that one is over.
    pub copies: Vec<Copied>,
}

/// In the version of HTTP in which it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    One(Bytes),
    Two { head: Vec<Field>, body: Bytes, trailers: Vec<Field> },
}

/// What is kept of a request.
#[derive(Debug, Default)]
pub enum Kept {
    /// Nothing yet, or for nobody.
    #[default]
    Nothing,
    Payloads(Vec<Payload>, usize),
}

impl Kept {
    /// One more has left; whether there still is room for it.
    pub fn keep(&mut self, payload: &Payload) -> bool {
        let Kept::Payloads(payloads, bytes) = self else { return true };
        *bytes += payload.len();
        payloads.push(payload.clone());
        *bytes <= MOST
    }

    /// All of it.
    pub fn take(&mut self) -> Option<Sent> {
        let Kept::Payloads(payloads, _) = std::mem::take(self) else { return None };
        Some(Sent::of(payloads))
    }
}

impl Sent {
    fn of(payloads: Vec<Payload>) -> Sent {
        let (mut bytes, mut heads, mut trailers) = (BytesMut::new(), Vec::new(), Vec::new());
        for payload in payloads {
            match payload {
                Payload::Head(Head::Http2(list)) => heads = list.fields,
                Payload::Trailers(Head::Http2(list)) => trailers = list.fields,
                payload => bytes.extend_from_slice(&payload.into_bytes().unwrap_or_default()),
            }
        }
        match heads.is_empty() {
            true => Sent::One(bytes.freeze()),
            false => Sent::Two { head: heads, body: bytes.freeze(), trailers },
        }
    }
}
