//! What another implementation says, tungstenite: what it writes is cut as it was meant, and what is written here is read there.

use crate::harness::{Chance, Host, What};
use faultwire_messages::{Cut, Direction, Extensions, Kind, Messages, websocket};
use std::io::{Cursor, Read, Write};
use tungstenite::{
    Error, Message, WebSocket,
    protocol::{CloseFrame, Role, frame::coding::CloseCode},
};

/// Reads from one buffer and writes to another.
struct Wire {
    incoming: Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.incoming.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.outgoing.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn peer(role: Role, incoming: Vec<u8>) -> WebSocket<Wire> {
    WebSocket::from_raw_socket(Wire { incoming: Cursor::new(incoming), outgoing: Vec::new() }, role, None)
}

fn drawn(chance: &mut Chance) -> Message {
    let length = *chance.pick(&[0, 1, 125, 126, 3000, 0xffff, 0x1_0000]);
    let byte = b'a' + chance.below(26) as u8;
    match chance.below(4) {
        0 => Message::Ping(vec![byte; length.min(125)].into()),
        1 => Message::Pong(vec![byte; length.min(125)].into()),
        2 => Message::Text(String::from_utf8(vec![byte; length]).unwrap().into()),
        _ => Message::Binary(vec![byte; length].into()),
    }
}

#[test]
fn what_it_writes_is_cut_as_it_was_meant() {
    for (role, direction) in [(Role::Client, Direction::ToServer), (Role::Server, Direction::ToClient)] {
        let mut chance = Chance(7);
        let mut peer = peer(role, Vec::new());
        let mut meant = Vec::new();
        for _ in 0..60 {
            let message = drawn(&mut chance);
            peer.send(message.clone()).unwrap();
            meant.push(message);
        }
        let frame = CloseFrame { code: CloseCode::Restart, reason: "restarting".into() };
        peer.close(Some(frame.clone())).unwrap();
        peer.flush().unwrap();
        meant.push(Message::Close(Some(frame)));
        let mut cut = Vec::new();
        Host { direction, ..Host::new(What::Plain) }.feed(&peer.get_ref().outgoing, || 1000, |_, part| cut.push(understood(&part)));
        assert_eq!(cut, meant);
    }
}

fn understood(cut: &Cut) -> Message {
    use faultwire_messages::Control;
    let payload = |raw: &[u8]| {
        let masked = raw[1] & 0x80 != 0;
        let (key, payload) = raw[2..].split_at(if masked { 4 } else { 0 });
        payload.iter().enumerate().map(|(i, byte)| byte ^ key.get(i & 3).unwrap_or(&0)).collect::<Vec<u8>>()
    };
    match cut {
        Cut::Message(message) if message.kind == Kind::Text => {
            Message::Text(String::from_utf8(message.content().unwrap().to_vec()).unwrap().into())
        }
        Cut::Message(message) => Message::Binary(message.content().unwrap()),
        Cut::Control(Control::Ping(raw)) => Message::Ping(payload(raw).into()),
        Cut::Control(Control::Pong(raw)) => Message::Pong(payload(raw).into()),
        Cut::Control(Control::Close { code, reason, .. }) => {
            let reason = std::str::from_utf8(reason).unwrap().into();
            Message::Close(code.map(|code| CloseFrame { code: code.into(), reason }))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_here_is_read_there() {
    for (role, key) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
        let direction = if key.is_some() { Direction::ToServer } else { Direction::ToClient };
        let text = "Grüße ".repeat(30_000);
        let mut wire = Vec::new();
        wire.extend(websocket::message(Kind::Text, text.as_bytes(), key));
        wire.extend(websocket::message(Kind::Binary, &[0; 126], key));
        let mut messages = Messages::websocket(Extensions::None, false);
        let mut buffer = bytes::BytesMut::from(&wire[..]);
        let Some(Cut::Message(first)) = messages.cut(direction, &mut buffer) else { panic!("no message") };
        let shorter = first.truncated(70_000).unwrap();
        wire.extend(messages.leave(direction, &shorter));
        wire.extend(websocket::pong(b"here", key));
        wire.extend(websocket::close(1012, "restarting", key));
        let mut peer = peer(role, wire);
        assert_eq!(peer.read().unwrap(), Message::text(text.clone()));
        assert_eq!(peer.read().unwrap(), Message::binary(vec![0; 126]));
        let Message::Text(read) = peer.read().unwrap() else { panic!("no text") };
        assert!(text.starts_with(read.as_str()) && (69_997..=70_000).contains(&read.len()));
        assert_eq!(peer.read().unwrap(), Message::Pong(bytes::Bytes::from_static(b"here")));
        let close = Message::Close(Some(CloseFrame { code: CloseCode::Restart, reason: "restarting".into() }));
        assert_eq!(peer.read().unwrap(), close);
        assert!(matches!(peer.read(), Err(Error::ConnectionClosed | Error::Io(_) | Error::Protocol(_))));
    }
}
