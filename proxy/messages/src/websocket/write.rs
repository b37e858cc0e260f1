//! Frames of our own. To the server they are masked, with a key that the caller gives.

use super::{
    frame::{self, CLOSE, CONTROL, PONG},
    recode,
};
use crate::cut::Kind;
use bytes::{BufMut, Bytes, BytesMut};

/// A message in one frame, not compressed.
pub fn message(kind: Kind, content: &[u8], key: Option<[u8; 4]>) -> Bytes {
    recode::whole_frame(kind, key, false, content)
}

/// Whether a close frame may give that code: RFC 6455, section 7.4, and what IANA has added since.
pub fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A close frame. Of the reason as much is said as there is room for, up to a whole character.
pub fn close(code: u16, reason: &str, key: Option<[u8; 4]>) -> Bytes {
    let mut payload = BytesMut::with_capacity(CONTROL);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..floor_char(reason.as_bytes(), CONTROL - 2)]);
    control(CLOSE, &payload, key)
}

/// The answer to a ping, with as much of its payload as a control frame has.
pub fn pong(payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    control(PONG, &payload[..payload.len().min(CONTROL)], key)
}

fn control(opcode: u8, payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    let mut out = BytesMut::new();
    frame::write(&mut out, true, false, opcode, key, payload);
    out.freeze()
}

/// The longest beginning of that length at most that ends no character in its middle; text that is no UTF-8 is cut anywhere.
pub(crate) fn floor_char(text: &[u8], length: usize) -> usize {
    let length = length.min(text.len());
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (length.saturating_sub(3)..=length).rev().find(|&at| !is_inside(at)).unwrap_or(length)
}
