//! Frames as both sides write them: cut, changed, lost, and read again by a peer.

#![allow(clippy::unwrap_used, reason = "a test may fail so")]

use super::*;
use crate::cut::{Control, Kind, Lost};
use Direction::{ToClient, ToServer};

const KEY: [u8; 4] = [9, 8, 7, 6];

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame::write(&mut out, false, false, 0, None, payload);
    out[0] = first;
    out.to_vec()
}

fn masked(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame::write(&mut out, fin, false, opcode, Some(KEY), payload);
    out.to_vec()
}

fn cuts(websocket: &mut WebSocket, direction: Direction, bytes: &[u8]) -> Vec<Cut> {
    let mut buffer = BytesMut::from(bytes);
    let cuts = std::iter::from_fn(|| websocket.cut(direction, &mut buffer)).collect();
    assert!(buffer.is_empty(), "{buffer:?} is left");
    cuts
}

fn plain() -> WebSocket {
    WebSocket::new(Extensions::None, true)
}

fn compressed(takeover: bool, follow: bool) -> WebSocket {
    let window = Window { takeover, bits: 15 };
    WebSocket::new(Extensions::Deflate(Deflate { to_server: window, to_client: window }), follow)
}

fn message(cut: &Cut) -> &Message {
    let Cut::Message(message) = cut else { panic!("{cut:?}") };
    message
}

#[test]
fn fragments_are_joined_and_control_frames_pass_between() {
    let mut websocket = plain();
    let (first, ping, last) = (masked(false, 1, b"Hel"), masked(true, 9, b"?"), masked(true, 0, b"lo"));
    let other = masked(true, 2, b"\0");
    let cuts = cuts(&mut websocket, ToServer, &[&first[..], &ping, &last, &other].concat());
    assert_eq!(cuts.len(), 3);
    assert!(matches!(&cuts[0], Cut::Control(Control::Ping(raw)) if *raw == ping));
    let hello = message(&cuts[1]);
    assert_eq!((hello.number, hello.kind, hello.is_whole()), (1, Kind::Text, true));
    assert_eq!((&hello.raw()[..], &hello.content().unwrap()[..]), (&[first, last].concat()[..], &b"Hello"[..]));
    assert_eq!((message(&cuts[2]).number, message(&cuts[2]).kind), (2, Kind::Binary));
    assert_eq!(websocket.leave(ToServer, hello), hello.raw());
}

#[test]
fn nothing_is_read_behind_what_nobody_may_send() {
    let good = frame(0x81, b"a");
    for (bad, reason) in [
        (vec![0xa1], Reason::ReservedBits),
        (vec![0xc1], Reason::ReservedBits),
        (vec![0xc9], Reason::ReservedBits),
        (vec![0x83], Reason::Opcode),
        (vec![0x8b], Reason::Opcode),
        (vec![0x09], Reason::ControlFragment),
        (vec![0x89, 126], Reason::ControlLength),
        (vec![0x88, 255], Reason::ControlLength),
        (vec![0x80], Reason::Continuation),
        (vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Reason::Length),
    ] {
        let mut websocket = plain();
        let cuts = cuts(&mut websocket, ToClient, &[&good[..], &bad].concat());
        let lost = Lost { reason, message: 2, byte: 3 };
        assert!(matches!(&cuts[1], Cut::Lost(told) if *told == lost), "{bad:02x?}: {cuts:?}");
        assert!(matches!(&cuts[2], Cut::Plain(bytes) if *bytes == bad), "{bad:02x?}: {cuts:?}");
        assert_eq!(websocket.ended(ToClient, b""), Ended::Plain);
        assert_eq!(websocket.ended(ToServer, b""), Ended::Between, "the other direction goes on");
    }
    let held = frame(0x01, b"held");
    let cuts = cuts(&mut plain(), ToClient, &[&held[..], &good].concat());
    assert!(matches!(&cuts[0], Cut::Lost(Lost { reason: Reason::Interrupted, message: 1, byte: 6 })), "{cuts:?}");
    assert_eq!(cuts[1..].iter().flat_map(Cut::bytes).copied().collect::<Vec<_>>(), [held, good].concat());
}

#[test]
fn what_is_odd_but_readable_is_a_message() {
    let mut websocket = plain();
    let unmasked = frame(0x81, b"\xff\xfe");
    assert_eq!(message(&cuts(&mut websocket, ToServer, &unmasked)[0]).content().unwrap(), &b"\xff\xfe"[..]);
    // A length in more bytes than it needs.
    let wide = [&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1][..], b"x"].concat();
    assert_eq!(message(&cuts(&mut websocket, ToServer, &wide)[0]).content().unwrap(), "x");
    let empty = frame(0x81, b"");
    assert_eq!(message(&cuts(&mut websocket, ToServer, &empty)[0]).content().unwrap(), "");
}

#[test]
fn close_frames_say_why_and_nothing_counts_behind() {
    let mut websocket = plain();
    let cuts_of = |websocket: &mut WebSocket, direction, bytes: &[u8]| cuts(websocket, direction, bytes);
    let close = close(1012, "restarting", Some(KEY));
    let cuts = cuts_of(&mut websocket, ToServer, &[&close[..], b"anything"].concat());
    let expected = Control::Close { raw: close, code: Some(1012), reason: Bytes::from_static(b"restarting") };
    assert!(matches!(&cuts[0], Cut::Control(control) if *control == expected), "{cuts:?}");
    assert!(matches!(&cuts[1], Cut::Between(bytes) if bytes == "anything"));
    assert!(websocket.is_closed(ToServer) && !websocket.is_closed(ToClient));
    assert!(matches!(cuts_of(&mut plain(), ToClient, b"\x88\x00")[0], Cut::Control(Control::Close { code: None, .. })));
    assert!(matches!(cuts_of(&mut plain(), ToClient, b"\x88\x01\x03")[0], Cut::Control(Control::Close { code: None, .. })));
    // Behind a close nothing is left to wait for.
    let held = frame(0x01, b"held");
    let cuts = cuts_of(&mut plain(), ToClient, &[&held[..], b"\x88\x00"].concat());
    let part = message(&cuts[0]);
    assert_eq!((part.begins, part.ends, part.is_whole(), part.raw().to_vec()), (true, false, false, held));
    assert!(matches!(cuts[1], Cut::Control(_)));
}

#[test]
fn what_is_too_large_comes_in_parts() {
    let mut websocket = plain();
    websocket.hold(20);
    let (first, ping, second, last) = (frame(0x01, b"12345678"), frame(0x89, b""), frame(0x00, b"12345678"), frame(0x80, b"!"));
    let all = [&first[..], &ping, &second, &last, &frame(0x81, b"x")].concat();
    let cuts_whole = cuts(&mut websocket, ToClient, &all);
    let about: Vec<(bool, bool, bool)> = cuts_whole
        .iter()
        .filter_map(|cut| if let Cut::Message(message) = cut { Some((message.begins, message.ends, message.is_whole())) } else { None })
        .collect();
    assert_eq!(about, [(true, false, false), (false, true, false), (true, true, true)]);
    assert!(matches!(cuts_whole[0], Cut::Control(_)), "nobody waits for a ping");
    let joined: Vec<u8> = cuts_whole[1..].iter().flat_map(Cut::bytes).copied().collect();
    assert_eq!(joined, [first, second, last, frame(0x81, b"x")].concat());
    for cut in &cuts_whole[1..3] {
        let part = message(cut);
        assert!(part.content().is_none() && part.truncated(1).is_none() && part.corrupted(|_| 1).is_none());
    }
}

#[test]
fn what_is_held_goes_when_nothing_is_to_be_held() {
    let mut websocket = plain();
    let (held, begun) = (frame(0x01, b"held"), [0x80, 5, b'b']);
    let mut buffer = BytesMut::from(&[&held[..], &begun].concat()[..]);
    assert!(websocket.cut(ToClient, &mut buffer).is_none());
    assert_eq!(websocket.ended(ToClient, &buffer), Ended::Inside);
    websocket.hold(0);
    assert_eq!(websocket.cut(ToClient, &mut buffer).unwrap().bytes(), held);
    assert_eq!(websocket.cut(ToClient, &mut buffer).unwrap().bytes(), begun);
    assert!(websocket.cut(ToClient, &mut buffer).is_none());
    assert_eq!(websocket.ended(ToClient, &buffer), Ended::Inside);
}

#[test]
fn edits_are_well_formed() {
    let mut websocket = plain();
    let text = "Grüße 👋";
    let whole = cuts(&mut websocket, ToServer, &masked(true, 1, text.as_bytes()));
    let whole = message(&whole[0]);
    for length in 0..text.len() {
        let shorter = whole.truncated(length).unwrap();
        let raw = websocket.leave(ToServer, &shorter);
        let again = cuts(&mut plain(), ToServer, &raw);
        let content = message(&again[0]).content().unwrap();
        assert_eq!(raw[1] & 0x80, 0x80, "masked as it was");
        assert!(content.len() <= length && content.len() + 4 > length && text.starts_with(str::from_utf8(&content).unwrap()));
    }
    assert!(whole.truncated(text.len()).is_none() && whole.corrupted(|_| 0).is_none());
    let damaged = whole.corrupted(|at| u8::from(at == 1)).unwrap();
    let again = cuts(&mut plain(), ToServer, &websocket.leave(ToServer, &damaged));
    assert_eq!(message(&again[0]).content().unwrap(), "Gsüße 👋");
    let odd = cuts(&mut websocket, ToClient, &frame(0x81, &[0x80; 9]));
    assert_eq!(message(&odd[0]).truncated(5).unwrap().content().unwrap().len(), 5, "no UTF-8, cut anywhere");
}

#[test]
fn compressed_messages_that_stand_alone_are_edited() {
    let mut websocket = compressed(false, false);
    let raw = frame(0xc1, &deflate::deflate(b"Hello, hello", 15));
    let cuts_of = cuts(&mut websocket, ToClient, &raw);
    let whole = message(&cuts_of[0]);
    assert_eq!((whole.content().unwrap(), whole.is_bound()), (Bytes::from_static(b"Hello, hello"), false));
    let shorter = whole.truncated(3).unwrap();
    let again = cuts(&mut compressed(false, false), ToClient, &websocket.leave(ToClient, &shorter));
    assert_eq!(message(&again[0]).content().unwrap(), "Hel");
    assert_eq!(websocket.leave(ToClient, whole), raw);
}

#[test]
fn what_depends_on_others_and_is_not_followed_is_bound() {
    let mut websocket = compressed(true, false);
    let cuts = cuts(&mut websocket, ToClient, &[frame(0xc1, &deflate::deflate(b"Hello", 15)), frame(0x81, b"plain")].concat());
    assert!(message(&cuts[0]).is_bound() && message(&cuts[0]).content().is_none());
    assert!(!message(&cuts[1]).is_bound() && message(&cuts[1]).content().is_some(), "not compressed");
}

#[test]
fn behind_what_cannot_be_inflated_all_is_bound() {
    let mut websocket = compressed(true, true);
    let good = frame(0xc1, &deflate::deflate(b"Hello", 15));
    let cuts = cuts(&mut websocket, ToClient, &[good.clone(), frame(0xc1, b"\xff\xff\xff"), good.clone()].concat());
    assert_eq!(cuts.iter().map(|cut| message(cut).is_bound()).collect::<Vec<_>>(), [false, true, true]);
    for cut in &cuts {
        assert_eq!(websocket.leave(ToClient, message(cut)), cut.bytes());
    }
}

#[test]
fn an_unknown_extension_leaves_all_as_it_is() {
    let mut websocket = WebSocket::new(Extensions::Unknown, true);
    for direction in Direction::BOTH {
        assert!(websocket.cut(direction, &mut BytesMut::new()).is_none());
        let cuts = cuts(&mut websocket, direction, b"\x81\x01a");
        assert!(matches!(cuts[0], Cut::Lost(Lost { reason: Reason::Extension, message: 1, byte: 0 })));
        assert!(matches!(&cuts[1], Cut::Plain(bytes) if bytes == &b"\x81\x01a"[..]));
    }
}

#[test]
fn control_frames_of_our_own_are_never_too_long() {
    let long = "ä".repeat(100);
    let cuts_of = cuts(&mut plain(), ToServer, &close(1001, &long, Some(KEY)));
    let Cut::Control(Control::Close { reason, .. }) = &cuts_of[0] else { panic!("{cuts_of:?}") };
    assert_eq!(str::from_utf8(reason).unwrap(), "ä".repeat(61));
    assert_eq!(pong(&[0; 200], None).len(), 2 + 125);
    let codes: Vec<u16> = (0..=5000).filter(|&code| is_sendable(code)).collect();
    assert_eq!(codes.len(), 4 + 8 + 2000);
    assert!(codes.contains(&1012) && ![1004, 1005, 1006, 1015].iter().any(|code| codes.contains(code)));
}
