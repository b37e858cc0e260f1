//! Random requests and answers of one connection while faults that lose nothing come and go: what goes out is what came in, in order.

use super::*;
use crate::{
    dice::{Dice, Purpose, Seed},
    talk::Talk,
    testing::{Planner, epoch},
};
use serde_json::json;
use std::time::Duration;

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        String::new()
    }
}

struct Chance {
    dice: Dice,
    drawn: u64,
}

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.drawn += 1;
        self.dice.draw(Purpose::Fire, self.drawn, 0) % bound
    }

    fn body(&mut self) -> String {
        let length = self.below(4000);
        (0..length).map(|i| char::from(b'a' + (i % 26) as u8)).collect()
    }

    /// A message behind this first line: with a length, in chunks, or without a body.
    fn message(&mut self, first: &str) -> String {
        let body = self.body();
        match self.below(3) {
            0 => format!("{first}\r\nContent-Length: {}\r\nx-A: 1\r\nX-a: 2\r\n\r\n{body}", body.len()),
            1 => {
                let mut text = format!("{first}\r\ntransfer-encoding: chunked\r\n\r\n");
                let mut rest = body.as_str();
                while !rest.is_empty() {
                    let (chunk, more) = rest.split_at(rest.len().min(self.below(900) as usize + 1));
                    text += &format!("{:x};ext=1\r\n{chunk}\r\n", chunk.len());
                    rest = more;
                }
                text + "0\r\nX-Trailer: t\r\n\r\n"
            }
            _ => format!("{first}\r\ncontent-length: 0\r\n\r\n"),
        }
    }
}

#[test]
fn what_goes_out_is_what_came_in_whatever_shapes_it() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60);
    (0..seeds).for_each(simulate);
}

fn simulate(seed: u64) {
    let mut chance = Chance { dice: Dice::new(Seed(seed), "exchanges", ""), drawn: 0 };
    let palette = [
        json!({"latency": "40ms", "jitter": "30ms", "direction": "both"}),
        json!({"latency": "30ms", "match": "POST /*"}),
        json!({"latency": "30ms", "mode": "total", "match": {"response": "2xx"}}),
        json!({"latency": "1ms..20ms", "match": {"body": {"/a": "1"}}, "direction": "to_server"}),
        json!({"bandwidth": "900kB/s", "direction": "both", "probability": "50%"}),
        json!({"slice": "700B", "vary": "600B", "match": {"path": "/1*"}}),
        json!({"dribble": "20ms"}),
        json!({"latency": "5ms", "after": "50%"}),
        json!({"blackhole": true, "resume": true, "after": "500B", "every": 3}),
        json!({"status": 503, "probability": "0%"}),
        json!({"latency": "7ms", "per": "connection", "direction": "both"}),
    ];
    let mut planner = Planner::of_exchanges(seed);
    let mut now = epoch();
    let mut talk = Talk::http(planner.plan(&[], now), Who::default(), Box::new(Then), now);
    let count = 2 + chance.below(8);
    let mut asked = String::new();
    let mut answered = String::new();
    let mut places = Vec::new();
    for n in 0..count {
        let method = if chance.below(2) == 0 { "GET" } else { "POST" };
        asked += &chance.message(&format!("{method} /{n} HTTP/1.1\r\nHost: a"));
        answered += &chance.message("HTTP/1.1 200 OK");
        places.push((asked.len(), answered.len()));
    }
    let texts = [asked, answered];
    let (mut sent, mut got) = ([0usize; 2], [Vec::new(), Vec::new()]);
    let take = |talk: &mut Talk, got: &mut [Vec<u8>; 2], now: Instant| {
        talk.tick(now);
        for direction in Direction::BOTH {
            let mut passed = BytesMut::new();
            talk.pass(direction, &mut passed, 1 << 20, now);
            got[direction.index()].extend_from_slice(&passed);
            while let Some(payload) = talk.transmit(direction, now) {
                match payload.into_bytes() {
                    Ok(bytes) => got[direction.index()].extend_from_slice(&bytes),
                    Err(end) => panic!("seed {seed}: {end:?}"),
                }
                passed.clear();
                talk.pass(direction, &mut passed, 1 << 20, now);
                got[direction.index()].extend_from_slice(&passed);
            }
        }
    };
    for _ in 0..400 {
        if chance.below(12) == 0 {
            let faults: Vec<_> = (0..chance.below(4)).map(|_| palette[chance.below(palette.len() as u64) as usize].clone()).collect();
            talk.adopt(planner.plan(&faults, now), now);
        }
        let direction = Direction::BOTH[chance.below(2) as usize];
        let d = direction.index();
        // A server answers what it has heard whole.
        let heard = places.iter().take_while(|(end, _)| *end <= got[0].len()).last().map_or(0, |(_, answer)| *answer);
        let most = if d == 0 { texts[0].len() } else { heard };
        if talk.wants(direction) && sent[d] < most {
            let piece = &texts[d].as_bytes()[sent[d]..most.min(sent[d] + chance.below(1500) as usize + 1)];
            sent[d] += piece.len();
            talk.receive(direction, Payload::Data(Bytes::copy_from_slice(piece)), now);
        }
        take(&mut talk, &mut got, now);
        assert!(talk.over().is_none(), "seed {seed}: ended");
        assert!(talk.wake([true; 2]).is_none_or(|wake| wake > now), "seed {seed}: wants to be asked again at once");
        let pause = now + Duration::from_micros(chance.below(20_000));
        now = talk.wake([true; 2]).map_or(pause, |wake| wake.min(pause)).max(now);
    }
    talk.adopt(planner.plan(&[], now), now);
    for _ in 0..count * 40 {
        take(&mut talk, &mut got, now);
        let heard = places.iter().take_while(|(end, _)| *end <= got[0].len()).last().map_or(0, |(_, answer)| *answer);
        for (direction, most) in Direction::BOTH.into_iter().zip([texts[0].len(), heard]) {
            let d = direction.index();
            if sent[d] < most {
                talk.receive(direction, Payload::Data(Bytes::copy_from_slice(&texts[d].as_bytes()[sent[d]..most])), now);
                sent[d] = most;
            }
        }
    }
    for direction in Direction::BOTH {
        let (got, want) = (String::from_utf8_lossy(&got[direction.index()]), &texts[direction.index()]);
        let same = got.bytes().zip(want.bytes()).take_while(|(a, b)| a == b).count();
        assert!(
            got == *want,
            "seed {seed}: {} of {} bytes, alike up to {same}: {:?}",
            got.len(),
            want.len(),
            &want[same.saturating_sub(40)..(same + 40).min(want.len())]
        );
        assert_eq!(talk.held(direction), 0, "seed {seed}");
    }
}
