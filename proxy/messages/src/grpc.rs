//! gRPC: each message has a prefix of five bytes, a flag that says whether it is compressed and its length.

use crate::{
    cut::{Cut, Ended, Form, Kind, Lost, Message, ROOM, Reason},
    messages::some,
};
use bytes::{BufMut, Bytes, BytesMut};

/// A flag, and the length in network order.
pub const PREFIX: usize = 5;

/// Cuts one direction of a call.
#[derive(Debug)]
pub struct Grpc {
    room: usize,
    /// What is still to come of a message that comes in parts.
    left: Option<u64>,
    /// Messages begun.
    number: u64,
    /// Bytes that have been cut.
    taken: u64,
    lost: bool,
}

impl Default for Grpc {
    fn default() -> Grpc {
        Grpc { room: ROOM, left: None, number: 0, taken: 0, lost: false }
    }
}

impl Grpc {
    pub fn hold(&mut self, room: usize) {
        self.room = room.min(ROOM);
    }

    pub fn cut(&mut self, bytes: &mut BytesMut) -> Option<Cut> {
        if self.lost || bytes.is_empty() {
            return some(bytes).map(Cut::Plain);
        }
        if let Some(left) = self.left {
            return Some(self.part(bytes, left, false));
        }
        if bytes[0] > 1 {
            self.lost = true;
            return Some(Cut::Lost(Lost { reason: Reason::Flag, message: self.number + 1, byte: self.taken }));
        }
        let length = u32::from_be_bytes(*bytes.get(1..PREFIX)?.first_chunk()?);
        let size = PREFIX as u64 + u64::from(length);
        if size > self.room as u64 {
            self.number += 1;
            return Some(self.part(bytes, size, true));
        }
        if (bytes.len() as u64) < size {
            return None;
        }
        self.number += 1;
        let raw = self.take(bytes, size);
        Some(self.message(raw, true, true, true))
    }

    pub fn ended(&self, left: &[u8]) -> Ended {
        match (self.lost, self.left.is_none() && left.is_empty()) {
            (true, _) => Ended::Plain,
            (false, true) => Ended::Between,
            (false, false) => Ended::Inside,
        }
    }

    fn part(&mut self, bytes: &mut BytesMut, left: u64, begins: bool) -> Cut {
        let raw = self.take(bytes, left);
        let left = left - raw.len() as u64;
        self.left = (left > 0).then_some(left);
        self.message(raw, begins, left == 0, false)
    }

    fn take(&mut self, bytes: &mut BytesMut, most: u64) -> Bytes {
        let size = usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len());
        self.taken += size as u64;
        bytes.split_to(size).freeze()
    }

    fn message(&self, raw: Bytes, begins: bool, ends: bool, whole: bool) -> Cut {
        Cut::Message(Message { number: self.number, kind: Kind::Grpc, begins, ends, whole, raw, form: Form::Grpc })
    }
}

/// A message with this content. What is longer than a length can say is cut there.
pub fn write(compressed: bool, content: &[u8]) -> Bytes {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut raw = BytesMut::with_capacity(PREFIX + content.len());
    raw.put_u8(u8::from(compressed));
    raw.put_u32(length);
    raw.put_slice(&content[..length as usize]);
    raw.freeze()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use super::*;

    fn cuts(grpc: &mut Grpc, bytes: &[u8]) -> (Vec<Cut>, BytesMut) {
        let mut buffer = BytesMut::from(bytes);
        (std::iter::from_fn(|| grpc.cut(&mut buffer)).collect(), buffer)
    }

    fn message(cut: &Cut) -> &Message {
        let Cut::Message(message) = cut else { panic!("{cut:?}") };
        message
    }

    #[test]
    fn messages_end_where_their_prefix_says() {
        let mut grpc = Grpc::default();
        let (cuts, left) = cuts(&mut grpc, b"\0\0\0\0\x03abc\x01\0\0\0\0\0\0\0\0\x02x");
        assert_eq!(cuts.iter().map(Cut::bytes).collect::<Vec<_>>(), [&b"\0\0\0\0\x03abc"[..], b"\x01\0\0\0\0"]);
        assert_eq!(&left[..], b"\0\0\0\0\x02x");
        assert_eq!((message(&cuts[1]).number, message(&cuts[0]).content().unwrap()), (2, Bytes::from_static(b"abc")));
        assert_eq!(grpc.ended(&left), Ended::Inside);
        assert_eq!(Grpc::default().ended(b""), Ended::Between);
    }

    #[test]
    fn one_that_is_too_large_comes_in_parts() {
        let mut grpc = Grpc::default();
        grpc.hold(8);
        let (cuts, _) = cuts(&mut grpc, b"\0\0\0\0\x03abc\0\0\0\0\x04abcd");
        assert_eq!(cuts.iter().map(|cut| message(cut).is_whole()).collect::<Vec<_>>(), [true, false]);
        assert!(message(&cuts[1]).content().is_none() && message(&cuts[1]).truncated(1).is_none());
    }

    #[test]
    fn edits_stay_behind_the_prefix() {
        let (cuts, _) = cuts(&mut Grpc::default(), b"\x01\0\0\0\x03abc\0\0\0\0\0");
        let (first, empty) = (message(&cuts[0]), message(&cuts[1]));
        assert_eq!(first.truncated(2).unwrap().raw(), &b"\x01\0\0\0\x02ab"[..]);
        assert_eq!(first.truncated(0).unwrap().raw(), &b"\x01\0\0\0\0"[..]);
        assert!(first.truncated(3).is_none(), "it has no more");
        assert_eq!(first.corrupted(|at| u8::from(at == 2)).unwrap().raw(), &b"\x01\0\0\0\x03abb"[..]);
        assert!(first.corrupted(|_| 0).is_none() && empty.corrupted(|_| 1).is_none());
    }

    #[test]
    fn what_is_no_grpc_is_plain() {
        let mut grpc = Grpc::default();
        let (cuts, left) = cuts(&mut grpc, b"\0\0\0\0\0\x02\0\0");
        let lost = Lost { reason: Reason::Flag, message: 2, byte: 5 };
        assert!(matches!(&cuts[1], Cut::Lost(told) if *told == lost), "{cuts:?}");
        assert!(matches!(&cuts[2], Cut::Plain(bytes) if bytes == &b"\x02\0\0"[..]));
        assert_eq!(grpc.ended(&left), Ended::Plain);
    }
}
