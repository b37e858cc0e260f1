//! Streams drawn from all that is legal, and from what is not: in every split they are cut in the same way, and what is legal is what was
//! drawn.

use crate::harness::{Chance, Host, What};
use faultwire_messages::{Direction, ROOM};

fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// Cut in every split, with all held, little held, nothing held; what was meant comes out where it can.
fn check(name: &str, host: Host, bytes: &[u8], meant: Option<&[Vec<u8>]>) {
    let stream = host.cut_in_every_split(name, bytes, 6);
    if let Some(meant) = meant {
        let contents: Vec<Vec<u8>> = stream.seen.iter().filter_map(|seen| seen.content.clone()).collect();
        assert_eq!(contents, meant, "{name}");
    }
    for room in [0, 1, 9, 30, 200] {
        Host { room, ..host }.cut_in_every_split(&format!("{name}, room {room}"), bytes, 4);
    }
    host.disturb(bytes, || 7);
    Host { room: 30, ..host }.disturb(bytes, || 3);
}

fn words(chance: &mut Chance, most: usize) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..chance.below(most) {
        let word: &&str = chance.pick(&["a", "price ", "Grüße ", "{\"id\": ", "0123456789", "👋", ":", " "]);
        text.push_str(word);
    }
    text.into_bytes()
}

pub fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(mask | length as u8),
        length @ 126..0x1_0000 => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend(key.iter().flatten());
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ key.map_or(0, |key| key[i & 3])));
    out
}

/// A message in some frames, with control frames in between.
pub fn frames(chance: &mut Chance, first: u8, masked: bool, payload: &[u8], controls: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut rest, mut begins) = (payload, true);
    loop {
        let last = chance.hits(60);
        let size = if last { rest.len() } else { chance.below(rest.len() + 1) };
        let (now, others) = rest.split_at(size);
        rest = others;
        let key = masked.then(|| (chance.next() as u32).to_be_bytes());
        let head = if begins { first & 0x7f } else { 0 } | if last { 0x80 } else { 0 };
        out.extend(frame(head, key, now));
        begins = false;
        if last {
            return out;
        }
        if controls && chance.hits(30) {
            let ping = words(chance, 5);
            out.extend(frame(*chance.pick(&[0x89, 0x8a]), key, &ping));
        }
    }
}

#[test]
fn websockets() {
    for seed in 0..seeds() {
        let mut chance = Chance(seed);
        let masked = chance.hits(50);
        let (mut bytes, mut meant) = (Vec::new(), Vec::new());
        for _ in 0..1 + chance.below(8) {
            let most = *chance.pick(&[2, 8, 40, 120]);
            let content = words(&mut chance, most);
            bytes.extend(frames(&mut chance, 0x81, masked, &content, true));
            meant.push(content);
        }
        if chance.hits(30) {
            bytes.extend(frame(0x88, None, &[3, 0xe8]));
            bytes.extend(words(&mut chance, 5));
        }
        let host = Host { direction: if masked { Direction::ToServer } else { Direction::ToClient }, ..Host::new(What::Plain) };
        check(&format!("seed {seed}"), host, &bytes, Some(&meant));
        for what in [(true, true), (true, false), (false, false)].map(|(takeover, follow)| What::Deflate { takeover, follow }) {
            let damaged = damaged(&mut chance, &bytes);
            check(&format!("seed {seed}, damaged, {what:?}"), Host { what, ..host }, &damaged, None);
        }
    }
}

#[test]
fn events() {
    for seed in 0..seeds() {
        let mut chance = Chance(seed);
        let (mut bytes, mut meant) = (Vec::new(), Vec::new());
        if chance.hits(20) {
            bytes.extend("\u{feff}".bytes());
        }
        let own = *chance.pick(&["\n", "\r\n", "\r"]);
        for _ in 0..1 + chance.below(8) {
            if chance.hits(30) {
                bytes.extend(chance.pick(&[":\n", ": ping\n\n", "retry: 10\r\n\r\n", "\n", "event: x\r\r", ":\r\n"]).bytes());
            }
            let mut event = Vec::new();
            for _ in 0..chance.below(3) {
                event.extend(chance.pick(&["id: 7", "event: tick", ": inside", "other", "dat"]).bytes());
                event.extend(own.bytes());
            }
            // A comment at its front would go before it.
            if event.starts_with(b":") {
                event.insert(0, b'x');
            }
            event.extend(b"data:");
            let most = *chance.pick(&[2, 8, 60]);
            event.extend(words(&mut chance, most));
            event.extend(own.bytes());
            bytes.extend(&event);
            bytes.extend(own.bytes());
            meant.push(event);
        }
        check(&format!("seed {seed}"), Host::new(What::Events), &bytes, Some(&meant));
        let garbage: Vec<u8> = (0..200).map(|_| *chance.pick(b"data:\r\n\r\n\r\n: ")).collect();
        check(&format!("seed {seed}, garbage"), Host::new(What::Events), &garbage, None);
        let damaged = damaged(&mut chance, &bytes);
        check(&format!("seed {seed}, damaged"), Host::new(What::Events), &damaged, None);
    }
}

#[test]
fn grpc() {
    for seed in 0..seeds() {
        let mut chance = Chance(seed);
        let (mut bytes, mut meant) = (Vec::new(), Vec::new());
        for _ in 0..1 + chance.below(8) {
            let most = *chance.pick(&[2, 8, 120]);
            let content = words(&mut chance, most);
            bytes.push(chance.below(2) as u8);
            bytes.extend((content.len() as u32).to_be_bytes());
            bytes.extend(&content);
            meant.push(content);
        }
        let host = Host { direction: *chance.pick(&Direction::BOTH), ..Host::new(What::Grpc) };
        check(&format!("seed {seed}"), host, &bytes, Some(&meant));
        let damaged = damaged(&mut chance, &bytes);
        check(&format!("seed {seed}, damaged"), host, &damaged, None);
    }
}

/// Some bytes are others, and some are missing.
fn damaged(chance: &mut Chance, bytes: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(damaged.len());
        match chance.below(3) {
            0 => damaged[at] = chance.next() as u8,
            1 => damaged[at] ^= 0x40,
            _ => drop(damaged.drain(at..(at + 3).min(damaged.len() - 1).max(at))),
        }
    }
    damaged
}

#[test]
fn nothing_larger_than_its_room_is_held() {
    let long = vec![b'x'; 4 * ROOM];
    for (what, head) in [
        (What::Plain, vec![0x82, 127, 0, 0, 0, 0, 0, 0x40, 0, 0]),
        (What::Grpc, vec![0, 0, 0x40, 0, 0]),
        (What::Events, b"data: ".to_vec()),
    ] {
        let host = Host::new(what);
        let mut messages = host.messages();
        let mut buffer = bytes::BytesMut::new();
        let mut most = 0;
        for piece in [head, long.clone()].concat().chunks(50_000) {
            buffer.extend_from_slice(piece);
            while messages.cut(host.direction, &mut buffer).is_some() {}
            most = most.max(buffer.len());
        }
        assert!(most <= ROOM, "{what:?} held {most}");
        assert!(buffer.is_empty(), "{what:?}: what comes in parts flows");
    }
    // Fragments that add up.
    let fragment = [&[0x00, 126, 0x7f, 0xff][..], &long[..0x7fff]].concat();
    let mut messages = Host::new(What::Plain).messages();
    let (mut came, mut went) = (0, 0);
    for i in 0..200 {
        let mut buffer = bytes::BytesMut::from(&fragment[..]);
        buffer[0] = if i == 0 { 0x02 } else { 0x00 };
        came += buffer.len();
        while let Some(cut) = messages.cut(Direction::ToClient, &mut buffer) {
            went += cut.bytes().len();
        }
        assert!(came - went <= ROOM, "{} are held", came - went);
    }
    assert_eq!(came, went);
}
