//! Two ends of an HTTP/2 connection that count their windows, on invented time, with faults between them that come and go. Nobody is ever
//! sent more than it takes, what no ending has struck arrives whole, and once all is healed no stream is left hanging.

use super::{tests::raw, *};
use crate::testing::{Planner, epoch, ms};
use faultwire_http2::{hpack, preface::PREFACE};
use serde_json::{Value, json};

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        "then".to_owned()
    }
}

/// One end.
struct Side {
    /// What the other takes: of the connection, and of each stream.
    may: i64,
    first: i64,
    /// What this one takes, of which so much has come and is not granted again.
    takes: i64,
    taken: i64,
    streams: BTreeMap<u32, Stream>,
    out: Vec<u8>,
}

#[derive(Default)]
struct Stream {
    n: u64,
    may: i64,
    taken: i64,
    /// What is still to be sent, once its head is.
    sends: Option<usize>,
    headed: bool,
    closed: bool,
    came: Vec<u8>,
    status: u16,
    ended: bool,
    reset: bool,
}

struct Sim {
    seed: u64,
    random: u64,
    streams: Streams,
    now: u64,
    /// Reads what leaves.
    ends: Http2,
    halves: [BytesMut; 2],
    /// The client, then the server.
    sides: [Side; 2],
    next: u32,
}

const FIRST: i64 = 65_535;

fn content(n: u64, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i as u64 * 31 + n * 7) as u8).collect()
}

fn length(n: u64, answer: bool) -> usize {
    [0, 1, 90, 3_000, 9_000, 40_000][(n as usize * 7 + usize::from(answer) * 3) % 6]
}

impl Sim {
    fn new(seed: u64, planner: &mut Planner, faults: &[Value]) -> Sim {
        let plan = planner.plan(faults, epoch());
        let mut sim = Sim {
            seed,
            random: seed,
            streams: Streams::new(plan, Who::default(), Box::new(Then), epoch()),
            now: 0,
            ends: Http2::default(),
            halves: Default::default(),
            sides: [0, 1].map(|_| Side { may: FIRST, first: FIRST, takes: FIRST, taken: 0, streams: BTreeMap::new(), out: Vec::new() }),
            next: 1,
        };
        let windows = [0, 1].map(|_| sim.pick(&[300, 1_000, 65_535]));
        let settings = windows.map(|window| raw(4, 0, 0, &[&[0, 4][..], &(window as u32).to_be_bytes()].concat()));
        sim.sides[0].out = [PREFACE, &settings[0]].concat();
        sim.move_all();
        sim.sides[1].out = [&settings[1][..], &raw(4, 1, 0, &[])].concat();
        sim.move_all();
        sim.sides[0].out = raw(4, 1, 0, &[]);
        sim.move_all();
        (sim.sides[0].first, sim.sides[1].first) = (windows[1] as i64, windows[0] as i64);
        sim
    }

    fn random(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % below
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random(of.len())]
    }

    /// Both say something, or nothing.
    fn step(&mut self, opens: bool) {
        if opens && self.random(4) == 0 {
            let n = u64::from(self.next);
            let may = self.sides[0].first;
            self.sides[0].streams.insert(self.next, Stream { n, may, sends: Some(length(n, false)), ..Stream::default() });
            self.next += 2;
        }
        for side in [0, 1] {
            let all: Vec<u32> = self.sides[side].streams.keys().copied().collect();
            for number in all {
                if self.random(3) > 0 {
                    self.speak(side, number);
                }
            }
        }
        self.move_all();
    }

    fn speak(&mut self, side: usize, number: u32) {
        let (most, split) = (1 + self.random(20_000), self.random(3) == 0);
        let side_of = side;
        let side = &mut self.sides[side];
        // A client's streams are opened in the order of their numbers.
        let in_turn = side_of == 1 || side.streams.range(..number).all(|(_, stream)| stream.headed);
        let Some(stream) = side.streams.get_mut(&number).filter(|stream| in_turn && !stream.closed && !stream.reset) else { return };
        let Some(left) = stream.sends else { return };
        if !stream.headed {
            let n = stream.n.to_string();
            let fields: &[(&str, &str)] =
                if side_of == 0 { &[(":method", "POST"), (":path", "/"), ("x-n", &n)] } else { &[(":status", "200"), ("x-n", &n)] };
            let block = hpack::write(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes(), false)), None);
            side.out.extend(raw(1, 4 | u8::from(left == 0), number, &block));
            (stream.headed, stream.closed) = (true, left == 0);
            return;
        }
        let room = side.may.min(stream.may).max(0) as usize;
        let part = left.min(room).min(most).min(16_384);
        if part == 0 {
            return;
        }
        let whole = content(stream.n, length(stream.n, side_of == 1));
        let from = whole.len() - left;
        let end = part == left && !split;
        side.out.extend(raw(0, u8::from(end), number, &whole[from..from + part]));
        side.may -= part as i64;
        stream.may -= part as i64;
        stream.sends = Some(left - part);
        stream.closed = end;
        if part == left && !end {
            side.out.extend(raw(1, 5, number, b"\x40\x01t\x01u"));
            stream.closed = true;
        }
    }

    /// Everything that may move does.
    fn move_all(&mut self) {
        loop {
            let now = ms(self.now);
            for (side, direction) in Direction::BOTH.into_iter().enumerate() {
                let out = std::mem::take(&mut self.sides[side].out);
                let mut rest = &out[..];
                while !rest.is_empty() {
                    let (part, after) = rest.split_at((1 + self.random(5_000)).min(rest.len()));
                    self.streams.receive(direction, Payload::Data(Bytes::copy_from_slice(part)), now);
                    rest = after;
                }
            }
            self.streams.tick(now);
            while let Some((direction, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, self.streams.transmit(way, now)?)))
            {
                let Ok(bytes) = payload.into_bytes() else { panic!("seed {}: the connection has ended", self.seed) };
                self.hear(direction, &bytes);
            }
            if self.sides.iter().all(|side| side.out.is_empty()) {
                return;
            }
        }
    }

    fn hear(&mut self, direction: Direction, bytes: &[u8]) {
        let d = direction.index();
        self.halves[d].extend_from_slice(bytes);
        for cut in std::iter::from_fn(|| self.ends.cut(way(direction), &mut self.halves[d])).collect::<Vec<Cut>>() {
            self.heard(1 - d, cut);
        }
    }

    fn heard(&mut self, side_of: usize, cut: Cut) {
        let seed = self.seed;
        let side = &mut self.sides[side_of];
        let first = side.first;
        match cut {
            Cut::Head(head) | Cut::Stray(head) | Cut::Trailers(head) => {
                let n = head.fields.first("x-n").map(|n| std::str::from_utf8(n).unwrap().parse().unwrap());
                let stream = side.streams.entry(head.stream).or_default();
                if side_of == 1 && !stream.headed && stream.sends.is_none() {
                    stream.n = n.unwrap();
                    (stream.may, stream.sends) = (first, Some(length(stream.n, true)));
                }
                stream.status = head.fields.status().unwrap_or(stream.status);
                stream.ended |= head.end;
            }
            Cut::Data(data) => {
                let length = i64::from(data.length);
                side.taken += length;
                assert!(side.taken <= side.takes, "seed {seed}: more than the connection takes");
                let grants = side.taken > side.takes / 2;
                let mut granted = Vec::new();
                if grants {
                    granted.extend(raw(8, 0, 0, &(side.taken as u32).to_be_bytes()));
                    side.taken = 0;
                }
                let other = self.sides[1 - side_of].first;
                let side = &mut self.sides[side_of];
                let stream = side.streams.get_mut(&data.stream).unwrap();
                stream.taken += length;
                assert!(stream.taken <= other, "seed {seed}: more than stream {} takes", data.stream);
                assert!(!stream.ended, "seed {seed}: more behind the end of {}", data.stream);
                stream.came.extend_from_slice(&data.bytes);
                stream.ended |= data.end;
                if !stream.ended && !stream.reset && stream.taken > other / 2 {
                    granted.extend(raw(8, 0, data.stream, &(stream.taken as u32).to_be_bytes()));
                    stream.taken = 0;
                }
                side.out.extend(granted);
            }
            Cut::Reset { stream, .. } => {
                if let Some(stream) = side.streams.get_mut(&stream) {
                    stream.reset = true;
                }
            }
            Cut::WindowUpdate { stream: 0, by, .. } => side.may += i64::from(by),
            Cut::WindowUpdate { stream, by, .. } => {
                if let Some(stream) = side.streams.get_mut(&stream) {
                    stream.may += i64::from(by);
                }
            }
            Cut::Lost(lost) => panic!("seed {seed}: {lost}"),
            _ => {}
        }
    }

    /// What must hold once all is healed and nobody has anything to say any more.
    fn judge(&self) -> (usize, usize) {
        let seed = self.seed;
        let (mut whole, mut struck) = (0, 0);
        for (number, stream) in &self.sides[0].streams {
            let about = format!("seed {seed}, stream {number}: {} bytes, {}", stream.came.len(), stream.status);
            assert!(stream.ended || stream.reset, "{about}, left hanging");
            if stream.ended && stream.status == 200 {
                assert!(stream.came == content(stream.n, length(stream.n, true)), "{about}");
                whole += 1;
            } else {
                struck += 1;
            }
        }
        for (number, stream) in &self.sides[1].streams {
            assert!(stream.ended || stream.reset, "seed {seed}, stream {number} of the server is left hanging");
            if stream.ended && !stream.reset {
                assert!(stream.came == content(stream.n, length(stream.n, false)), "seed {seed}, stream {number} of the server");
            }
        }
        (whole, struck)
    }
}

#[test]
fn whatever_comes_between_both_ends_agree() {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(16);
    let kinds = [
        json!({"latency": "20ms", "jitter": "10ms", "probability": "50%"}),
        json!({"latency": "15ms", "direction": "to_server", "probability": "50%"}),
        json!({"bandwidth": "1MB/s", "direction": "both", "probability": "30%"}),
        json!({"status": 503, "probability": "20%"}),
        json!({"status": 500, "when": "after_upstream", "probability": "20%"}),
        json!({"reset": true, "after": "1KiB", "probability": "20%"}),
        json!({"close": true, "probability": "20%"}),
        json!({"blackhole": true, "resume": true, "probability": "20%"}),
        json!({"blackhole": true, "after": "100B", "probability": "20%"}),
        json!({"headers": {"x-more": "1"}, "direction": "both", "probability": "30%"}),
        json!({"slice": "300B", "probability": "30%"}),
    ];
    let (mut whole, mut struck) = (0, 0);
    for seed in 0..seeds {
        let mut planner = Planner::of_exchanges(seed);
        let mut sim = Sim::new(seed, &mut planner, &[]);
        for round in 0..6 {
            let faults: Vec<Value> = (0..sim.random(4)).map(|_| sim.random(kinds.len())).map(|i| kinds[i].clone()).collect();
            let named = faults.into_iter().enumerate().map(|(i, mut fault)| {
                fault["name"] = format!("r{round}-{i}").into();
                fault
            });
            let plan = planner.plan(&named.collect::<Vec<_>>(), ms(sim.now));
            sim.streams.adopt(plan, ms(sim.now));
            for _ in 0..12 {
                sim.now += 1 + sim.random(4) as u64;
                sim.step(true);
            }
        }
        sim.streams.adopt(planner.plan(&[], ms(sim.now)), ms(sim.now));
        // Everybody says all that is left to say.
        for _ in 0..4_000 {
            sim.now += 1;
            sim.step(false);
            let over = |stream: &Stream| stream.reset || stream.ended && stream.closed;
            if sim.sides.iter().all(|side| side.streams.values().all(over)) {
                break;
            }
        }
        for _ in 0..200 {
            sim.step(false);
        }
        let judged = sim.judge();
        whole += judged.0;
        struck += judged.1;
    }
    assert!(whole > struck && struck > seeds as usize, "{whole} whole, {struck} struck");
}
