//! What goes in and what comes out of an HTTP/2 connection, on invented time.

use super::*;
use crate::again::Sent;
use crate::testing::{Planner, epoch, ms};
use faultwire_http2::{
    Field,
    frame::{self, FrameHead},
    hpack,
    preface::PREFACE,
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        "then".to_owned()
    }
}

struct World {
    planner: Planner,
    streams: Streams,
    now: u64,
    /// So much comes at once.
    size: usize,
    /// Everything that has come and left, by direction.
    came: [Vec<u8>; 2],
    went: [Vec<u8>; 2],
    /// Reads what leaves, as the receivers do.
    ends: Http2,
    halves: [BytesMut; 2],
    heard: [Vec<String>; 2],
    last: [u64; 2],
}

impl World {
    fn bare(faults: &[Value]) -> World {
        let mut planner = Planner::of_exchanges(1);
        let mut streams = Streams::new(planner.plan(faults, epoch()), Who::default(), Box::new(Then), epoch());
        streams.watched = true;
        World {
            planner,
            streams,
            now: 0,
            size: usize::MAX,
            came: Default::default(),
            went: Default::default(),
            ends: Http2::default(),
            halves: Default::default(),
            heard: Default::default(),
            last: [u64::MAX; 2],
        }
    }

    /// With all that two ends say before the first request.
    fn new(faults: &[Value]) -> World {
        let mut world = World::bare(faults);
        world.client(0, &[PREFACE, &raw(4, 0, 0, &[])].concat());
        world.server(0, &[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat());
        world.client(0, &raw(4, 1, 0, &[]));
        world.left('>');
        world.left('<');
        world
    }

    fn adopt(&mut self, faults: &[Value], at: u64) {
        self.run(at);
        let plan = self.planner.plan(faults, ms(at));
        self.streams.adopt(plan, ms(at));
        self.run(at);
    }

    fn client(&mut self, at: u64, bytes: &[u8]) {
        self.come(Direction::ToServer, at, bytes);
    }

    fn server(&mut self, at: u64, bytes: &[u8]) {
        self.come(Direction::ToClient, at, bytes);
    }

    fn come(&mut self, direction: Direction, at: u64, bytes: &[u8]) {
        self.run(at);
        self.came[direction.index()].extend_from_slice(bytes);
        for part in bytes.chunks(self.size) {
            self.streams.receive(direction, Payload::Data(Bytes::copy_from_slice(part)), ms(at));
            self.run(at);
        }
    }

    fn ends(&mut self, direction: Direction, at: u64, end: End) {
        self.run(at);
        self.streams.receive(direction, Payload::End(end), ms(at));
        self.run(at);
    }

    /// Lets time pass until then.
    fn run(&mut self, until: u64) {
        loop {
            let now = self.now;
            self.streams.tick(ms(now));
            while let Some((direction, payload)) =
                Direction::BOTH.into_iter().find_map(|way| Some((way, self.streams.transmit(way, ms(now))?)))
            {
                self.hear(direction, payload);
            }
            match self.streams.wake([true; 2]) {
                Some(wake) if wake <= ms(until) => self.now = (wake - epoch()).as_millis() as u64,
                _ => break,
            }
        }
        self.now = until;
    }

    fn hear(&mut self, direction: Direction, payload: Payload) {
        let d = direction.index();
        let lines: Vec<String> = match payload.into_bytes() {
            Ok(bytes) => {
                self.went[d].extend_from_slice(&bytes);
                self.halves[d].extend_from_slice(&bytes);
                std::iter::from_fn(|| self.ends.cut(way(direction), &mut self.halves[d])).map(|cut| line(&cut)).collect()
            }
            Err(end) => vec![format!("{end:?}").to_uppercase()],
        };
        for line in lines {
            let at = if self.last[d] == self.now { String::new() } else { format!("{}: ", self.now) };
            self.last[d] = self.now;
            self.heard[d].push(format!("{at}{line}"));
        }
    }

    /// What has left that way since it was last asked.
    fn left(&mut self, way: char) -> String {
        let d = usize::from(way == '<');
        self.last[d] = u64::MAX;
        std::mem::take(&mut self.heard[d]).join(" | ")
    }

    fn hits(&self, name: &str) -> u64 {
        self.planner.tally(name).hits.load(Relaxed)
    }

    fn records(&mut self) -> Vec<String> {
        let text = |told: &Told| match told {
            Told::Ended(record) => {
                let by = record.by.as_deref().unwrap_or("-");
                let status = record.status.map_or("-".to_owned(), |status| status.to_string());
                format!("#{} {} {status} by {by} {}+{}", record.number, record.request, record.bytes[0], record.bytes[1])
            }
            Told::Lost(direction, lost) => format!("lost {} {}", direction.name(), lost.reason.word()),
            Told::Again(again) => again_said(again),
        };
        self.streams.told().iter().map(text).collect()
    }

    fn suppressed(&self, reason: crate::plan::Reason) -> u64 {
        self.planner.tally("f0").suppressed(reason)
    }

    fn is_as_it_came(&self) -> bool {
        self.came == self.went
    }
}

fn again_said(again: &Again) -> String {
    let Sent::Two { head, body, trailers } = &again.request else { return "of HTTP/1".to_owned() };
    let said =
        |fields: &[Field]| fields.iter().map(|it| format!("{}={}", it.name.escape_ascii(), it.value.escape_ascii())).collect::<Vec<_>>();
    let (copies, gap) = (again.copies.len(), again.gap.as_millis());
    format!(
        "{copies} again by {} {gap} apart: {} | {} | {}",
        again.fault.name,
        said(head).join(" "),
        body.escape_ascii(),
        said(trailers).join(" ")
    )
}

fn line(cut: &Cut) -> String {
    let head = |kind: &str, head: &http2::Head| {
        let fields: Vec<String> = head.fields.iter().map(|(n, v)| format!("{}={}", n.escape_ascii(), v.escape_ascii())).collect();
        format!("{kind}{} {}{}", head.stream, fields.join(" "), if head.end { " ." } else { "" })
    };
    match cut {
        Cut::Head(at) => head("h", at),
        Cut::Stray(at) => head("h", at),
        Cut::Interim(at) => head("i", at),
        Cut::Trailers(at) => head("t", at),
        Cut::PushPromise(at) => head("p", at),
        Cut::Data(data) if data.bytes.len() > 40 => format!("d{} ({}){}", data.stream, data.bytes.len(), if data.end { " ." } else { "" }),
        Cut::Data(data) => format!("d{} {}{}", data.stream, data.bytes.escape_ascii(), if data.end { " ." } else { "" }),
        Cut::Reset { stream, code, .. } => format!("r{stream} {code}"),
        Cut::WindowUpdate { stream, by, .. } => format!("w{stream} {by}"),
        Cut::GoAway { last, code, .. } => format!("goaway {last} {code}"),
        Cut::Priority { stream, .. } => format!("priority {stream}"),
        Cut::Ping(_) => "ping".to_owned(),
        Cut::Settings { ack, .. } => if *ack { "ack" } else { "settings" }.to_owned(),
        Cut::Preface(_) => "preface".to_owned(),
        Cut::Plain(bytes) => format!("plain ({})", bytes.len()),
        Cut::Lost(lost) => format!("{} at {}", lost.reason.word(), lost.place.frame),
        other => format!("{other:?}"),
    }
}

pub fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// HEADERS with these fields, `name value`; `.` ends the stream.
fn head(stream: u32, fields: &[&str], end: bool) -> Vec<u8> {
    let fields: Vec<Field> = fields.iter().map(|field| field.split_once(' ').unwrap()).map(|(n, v)| Field::new(n, v.to_owned())).collect();
    let block = hpack::write(fields.iter().map(|field| (&field.name[..], &field.value[..], field.sensitive)), None);
    frame::headers(stream, &block, end, None).to_vec()
}

fn get(stream: u32, end: bool) -> Vec<u8> {
    head(stream, &[":method GET", ":path /a?b=c", "x-n 1"], end)
}

fn ok(stream: u32, end: bool) -> Vec<u8> {
    head(stream, &[":status 200"], end)
}

fn data(stream: u32, bytes: &[u8], end: bool) -> Vec<u8> {
    raw(0, u8::from(end), stream, bytes)
}

const GET: &str = ":method=GET :path=/a?b=c x-n=1";

/// An exchange of two messages, with trailers, whose frames are of every kind.
fn chatter(world: &mut World) {
    world.client(1, &[get(1, false), get(3, true), raw(0, 8, 1, b"\x02ab\0\0"), raw(6, 0, 0, &[1; 8])].concat());
    world.server(2, &[raw(6, 1, 0, &[1; 8]), head(1, &[":status 103", "link x"], false), ok(3, false), ok(1, false)].concat());
    world.server(3, &[data(1, b"one", false), data(3, b"", false), data(3, b"three", true), raw(8, 0, 1, &[0, 0, 0, 9])].concat());
    world.client(4, &[data(1, b"cd", false), raw(2, 0, 1, &[0; 5]), head(1, &["t 1"], true), raw(8, 0, 0, &[0, 0, 0, 9])].concat());
    world.server(5, &[head(1, &["u 2"], true), raw(7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0])].concat());
    world.ends(Direction::ToServer, 6, End::Fin);
    world.ends(Direction::ToClient, 7, End::Fin);
}

#[test]
fn with_no_fault_everything_passes_as_it_came() {
    for size in [usize::MAX, 1, 2, 7, 30] {
        let mut world = World { size, ..World::bare(&[]) };
        world.client(0, &[PREFACE, &raw(4, 0, 0, &[])].concat());
        world.server(0, &[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat());
        world.client(0, &raw(4, 1, 0, &[]));
        chatter(&mut world);
        assert!(world.is_as_it_came());
        assert!(world.left('>').ends_with("4: d1 cd | priority 1 | t1 t=1 . | w0 9 | 6: FIN"));
        assert!(world.left('<').ends_with("5: t1 u=2 . | goaway 3 0 | 7: FIN"));
        assert_eq!(world.records(), ["#2 GET /a 200 by - 0+5", "#1 GET /a 200 by - 4+3"]);
    }
}

#[test]
fn under_a_fault_that_does_nothing_all_that_is_said_is_the_same() {
    let mut world = World::new(&[json!({"latency": "1s", "skip": 1000})]);
    chatter(&mut world);
    let to_server = world.left('>');
    let to_server: Vec<&str> = to_server.split(" | ").collect();
    assert_eq!(to_server[..3], [format!("1: h1 {GET}"), format!("h3 {GET} ."), "d1 ab".to_owned()]);
    assert!(to_server.contains(&"t1 t=1 .") && to_server.contains(&"6: FIN"), "{to_server:?}");
    assert_eq!(
        world.left('<'),
        "1: w0 3 | w1 3 | 2: ping | i1 :status=103 link=x | h3 :status=200 | h1 :status=200 | 3: d1 one | d3 three . | w1 9 | \
         5: t1 u=2 . | goaway 3 0 | 7: FIN"
    );
    assert_eq!(world.records(), ["#2 GET /a 200 by - 0+5", "#1 GET /a 200 by - 4+3"]);
}

#[test]
fn latency_is_of_each_stream_and_holds_up_no_other() {
    let mut world = World::new(&[json!({"latency": "100ms", "every": 2})]);
    world.client(0, &[get(1, true), get(3, true), get(5, true)].concat());
    world.server(10, &[ok(3, false), ok(1, false), data(3, b"three", true), data(1, b"one", true), ok(5, true)].concat());
    world.run(1000);
    assert_eq!(world.left('>'), format!("0: h1 {GET} . | h3 {GET} . | h5 {GET} . | 10: w0 5"));
    assert_eq!(world.left('<'), "10: h1 :status=200 | d1 one . | h5 :status=200 . | 110: h3 :status=200 | d3 three .");
    assert_eq!(world.hits("f0"), 1);
}

#[test]
fn a_request_that_is_overtaken_gets_another_number() {
    let mut world = World::new(&[json!({"latency": "100ms", "direction": "to_server", "times": 1})]);
    world.client(0, &[get(1, false), get(3, true), data(1, b"body", true), raw(8, 0, 1, &[0, 0, 0, 7])].concat());
    world.run(200);
    assert_eq!(world.left('>'), format!("0: h3 {GET} . | 100: h5 {GET} | w5 7 | d5 body ."));
    world.server(300, &[ok(5, true), ok(3, true)].concat());
    assert_eq!(world.left('<'), "0: w0 4 | 300: h1 :status=200 . | h3 :status=200 .");
    // What was lent is paid back out of the server's updates.
    world.server(400, &raw(8, 0, 0, &[0, 0, 0, 6]));
    assert_eq!(world.left('<'), "400: w0 2");
}

#[test]
fn an_answer_of_our_own_stands_in_for_the_upstreams() {
    let mut world = World::new(&[json!({"status": 503, "every": 2})]);
    world.client(0, &[get(1, true), get(3, false), get(5, true)].concat());
    world.client(1, &data(3, b"more of it", false));
    world.client(2, &data(3, b"and more", true));
    let answer = world.left('<');
    let (first, rest) = answer.split_once(" | ").unwrap();
    assert!(first.starts_with("0: h3 :status=503") && first.contains("x-faultwire-fault=f0"), "{first}");
    assert!(rest.starts_with("d3 (") && rest.ends_with(". | r3 0 | 1: w0 10 | 2: w0 8"), "{rest}");
    world.server(5, &[ok(1, true), ok(5, true)].concat());
    assert_eq!(world.left('<'), "5: h1 :status=200 . | h5 :status=200 .");
    assert_eq!(world.left('>'), format!("0: h1 {GET} . | h5 {GET} ."));
    assert_eq!(world.records()[0], "#2 GET /a 503 by f0 0+".to_owned() + &world_body(&answer));
}

fn world_body(answer: &str) -> String {
    answer.split_once("d3 (").unwrap().1.split_once(')').unwrap().0.to_owned()
}

#[test]
fn a_lost_answer_is_replaced_once_it_has_come() {
    let mut world = World::new(&[json!({"status": 500, "when": "after_upstream"})]);
    world.client(0, &get(1, true));
    world.server(1, &[ok(1, false), data(1, b"done", false)].concat());
    assert_eq!(world.left('<'), "");
    world.server(2, &data(1, b"!", true));
    let answer = world.left('<');
    assert!(answer.starts_with("2: h1 :status=500") && !answer.contains("done"), "{answer}");
    assert_eq!(world.left('>'), format!("0: h1 {GET} . | 1: w0 4 | w1 4 | 2: w0 1"));
}

#[test]
fn an_answer_that_has_begun_is_not_replaced() {
    for before in [vec![], vec![json!({"name": "idle", "latency": "1ms", "after": "1h"})]] {
        let mut world = World::new(&before);
        world.client(0, &get(1, true));
        world.server(1, &[ok(1, false), data(1, b"one", false)].concat());
        world.adopt(&[json!({"name": "late", "status": 500, "when": "after_upstream"})], 2);
        world.server(3, &data(1, b"two", true));
        assert_eq!(world.left('<'), "1: h1 :status=200 | d1 one | 3: d1 two .", "{before:?}");
        assert_eq!(world.planner.tally("late").suppressed(crate::plan::Reason::TooLate), 1);
    }
}

#[test]
fn what_is_answered_is_no_answer() {
    let mark = "x-faultwire-fault=f0";
    let ended = |said: &str| format!("0: {said} | 5: h3 :status=200 .");
    for (word, said) in [
        ("status_line", ended(&format!("h1 :status=twohundred {mark} content-length=0 ."))),
        (
            "header",
            ended(&format!(
                "h1 :status=200 {mark} content-type=text/plain content-length=64 X-Upper-Case=1 connection=keep-alive x-bare-cr=a\\rb ."
            )),
        ),
        (
            "chunk",
            format!("0: h1 :status=200 {mark} content-type=application/octet-stream content-length=64 | padding at 4 | plain (14) | FIN"),
        ),
        ("frame", format!("0: h1 :status=200 {mark} content-type=text/plain content-length=64 | frame-size at 4 | plain (12) | FIN")),
    ] {
        let mut world = World::new(&[json!({"malformed": word, "times": 1})]);
        world.client(0, &[get(1, true), get(3, true)].concat());
        world.server(5, &ok(3, true));
        assert_eq!(world.left('<'), said, "{word}");
        assert_eq!((world.left('>'), world.hits("f0")), (format!("0: h3 {GET} .{}", if said.ends_with("FIN") { " | FIN" } else { "" }), 1));
        // Behind it nobody is told anything.
        world.server(6, &ok(3, true));
        assert_eq!(world.left('<'), "", "{word}");
    }
    let garbage = |name: &str| {
        let mut world = World::new(&[json!({"malformed": "garbage", "name": name})]);
        world.client(0, &get(1, true));
        assert!(world.streams.over().is_some() && world.went[1].len() > 256);
        world.went[1].split_off(world.went[1].len() - 256)
    };
    assert!(garbage("a") == garbage("a") && garbage("a") != garbage("b"), "drawn, and not by chance");
    assert!(FrameHead::read(&garbage("a")).unwrap().length > 1 << 20, "longer than anybody takes");
    // It is late as any answer.
    let mut world = World::new(&[json!({"name": "slow", "latency": "100ms"}), json!({"malformed": "chunk", "skip": 1})]);
    world.client(0, &[get(1, true), get(3, true)].concat());
    world.server(1, &ok(1, true));
    world.run(500);
    let left = world.left('<');
    assert!(left.starts_with("100: h3 :status=200") && left.ends_with("padding at 4 | plain (14) | FIN"), "{left}");
}

#[test]
fn who_is_asked_to_leave_may_finish() {
    let mut world = World::new(&[json!({"goaway": "ENHANCE_YOUR_CALM", "message": "too many pings", "skip": 1, "times": 1})]);
    world.client(0, &[get(1, true), get(3, false), get(5, true)].concat());
    assert_eq!((world.left('<').as_str(), world.hits("f0")), ("0: goaway 3 11", 1));
    assert!(world.went[1].ends_with(b"\0\0\0\x03\0\0\0\x0btoo many pings"));
    world.server(1, &[ok(1, true), ok(3, false)].concat());
    world.client(2, &[data(3, b"body", true), data(5, b"nobody's", true)].concat());
    assert_eq!(world.left('>'), format!("0: h1 {GET} . | h3 {GET} | 2: d3 body ."));
    assert!(world.streams.over().is_none());
    world.server(3, &data(3, b"three", true));
    assert_eq!(world.left('<'), "1: h1 :status=200 . | h3 :status=200 | 2: w0 8 | 3: d3 three . | FIN");
    assert_eq!(world.left('>'), "3: FIN");
    assert_eq!(world.records().len(), 2);
}

#[test]
fn an_ask_to_leave_has_its_moment() {
    for (fault, left) in [
        // What of an answer is ready to leave has left, for the fault.
        (json!({"goaway": "NO_ERROR", "after": "2B"}), "5: h1 :status=200 | goaway 1 0 | d1 on | d1 e . | FIN"),
        (json!({"goaway": "NO_ERROR", "after": "3ms"}), "3: goaway 1 0 | 5: h1 :status=200 | d1 one . | FIN"),
        // With a latency it comes later, and what it is about with it.
        (json!({"goaway": "NO_ERROR", "latency": "7ms"}), "7: goaway 1 0 | h1 :status=200 | d1 one . | FIN"),
        (json!({"goaway": "NO_ERROR", "when": "before_upstream"}), "0: goaway 1 0 | 5: h1 :status=200 | d1 one . | FIN"),
        // Another fault of the same request acts as well.
        (json!({"goaway": "NO_ERROR", "headers": {"x": "1"}, "disguise": true}), "0: goaway 1 0 | 5: h1 :status=200 x=1 | d1 one . | FIN"),
    ] {
        let mut world = World::new(std::slice::from_ref(&fault));
        world.client(0, &get(1, true));
        world.server(5, &[ok(1, false), data(1, b"one", true)].concat());
        world.run(100);
        assert_eq!(world.left('<'), left, "{fault}");
        assert_eq!(world.hits("f0"), 1, "{fault}");
    }
    // It has been said, whoever takes it back.
    let mut world = World::new(&[json!({"goaway": "NO_ERROR"})]);
    world.client(0, &get(1, true));
    world.adopt(&[], 1);
    world.client(2, &get(3, true));
    world.server(5, &ok(1, true));
    assert_eq!(world.left('<'), "0: goaway 1 0 | 5: h1 :status=200 . | FIN");
}

#[test]
fn requests_are_sent_again_as_they_have_left() {
    let edit = json!({"name": "edit", "headers": {"x": "9"}, "direction": "to_server"});
    let mut world = World::new(&[json!({"duplicate": "100%", "copies": 2, "gap": "5ms", "skip": 1}), edit]);
    world.client(0, &[get(1, true), get(3, false), data(3, b"bo", false)].concat());
    assert!(world.records().is_empty(), "not all of it has left");
    world.client(1, &[data(3, b"dy", false), head(3, &["t 1"], true)].concat());
    assert_eq!(world.records(), [format!("2 again by f0 5 apart: {GET} x=9 | body | t=1")]);
    world.server(2, &[ok(1, true), ok(3, true)].concat());
    assert_eq!((world.hits("f0"), world.left('<').ends_with("2: h1 :status=200 . | h3 :status=200 .")), (1, true));
    // What the client takes back is not sent again.
    let mut world = World::new(&[json!({"duplicate": "100%"})]);
    world.client(0, &get(1, false));
    world.client(1, &raw(3, 0, 1, &[0, 0, 0, 8]));
    assert_eq!((world.records(), world.hits("f0")), (vec!["#1 GET /a - by - 0+0".to_owned()], 0));
    // And what has gone already, when the fault comes, is gone.
    let mut world = World::new(&[]);
    world.client(0, &get(1, true));
    world.adopt(&[json!({"duplicate": "100%"})], 1);
    assert_eq!((world.records().len(), world.suppressed(crate::plan::Reason::TooLate)), (0, 1));
}

#[test]
fn endings_take_the_stream_and_not_the_connection() {
    for (fault, to_client, to_server) in [
        (json!({"reset": true, "times": 1}), "0: r1 2", "0: "),
        (json!({"close": true, "times": 1}), "0: r1 2", "0: "),
        (json!({"reset": "REFUSED_STREAM", "times": 1}), "0: r1 7", "0: "),
        (json!({"reset": "ENHANCE_YOUR_CALM", "after": "2B", "times": 1}), "5: h1 :status=200 | d1 on | r1 11", "0: h1 G | "),
        (json!({"reset": true, "after": "2B", "times": 1}), "5: h1 :status=200 | d1 on | r1 2", "0: h1 G | "),
        (json!({"close": true, "after": "2B", "times": 1}), "5: h1 :status=200 | d1 on | r1 2", "0: h1 G | "),
        (json!({"reset": true, "when": "after_upstream", "times": 1}), "5: r1 2", "0: h1 G | "),
    ] {
        let mut world = World::new(std::slice::from_ref(&fault));
        world.client(0, &[get(1, false), get(3, true)].concat());
        world.server(5, &[ok(1, false), data(1, b"one", true)].concat());
        world.server(6, &[ok(3, false), data(3, b"three", true)].concat());
        assert_eq!(world.left('<'), format!("{to_client} | 6: h3 :status=200 | d3 three ."), "{fault}");
        let went = world.left('>').replace(GET, "G");
        assert!(went.starts_with(&format!("{to_server}h3 G .")), "{fault}: {went}");
        assert_eq!(went.contains("r1 8"), to_server.contains("h1"), "{fault}: {went}");
        assert!(world.streams.over().is_none());
        assert_eq!(world.hits("f0"), 1, "{fault}");
        // What the client still sends of it goes nowhere, and is given back.
        world.client(7, &data(1, b"late", false));
        assert_eq!((world.left('>').as_str(), world.left('<').as_str()), ("", "7: w0 4"), "{fault}");
    }
}

#[test]
fn silence_stops_a_streams_window_and_no_other() {
    let mut world = World::new(&[json!({"blackhole": true, "times": 1, "direction": "to_server", "after": "1s"})]);
    world.client(0, &[get(1, false), get(3, false)].concat());
    world.client(2000, &[data(1, b"lost", false), data(3, b"kept", true)].concat());
    assert_eq!(world.left('>'), format!("0: h1 {GET} | h3 {GET} | 2000: d3 kept ."));
    assert_eq!(world.left('<'), "2000: w0 4");
    // On healing a stream with a hole must not live.
    world.adopt(&[], 3000);
    assert_eq!((world.left('>'), world.left('<')), ("3000: r1 8".into(), "3000: r1 2".into()));
}

#[test]
fn a_short_partition_goes_on_where_it_stopped() {
    let mut world = World::new(&[json!({"blackhole": true, "resume": true, "times": 1, "direction": "to_client"})]);
    world.client(0, &[get(1, true), get(3, true)].concat());
    world.server(1, &[ok(1, false), data(1, b"one", false), ok(3, true)].concat());
    world.server(2, &data(1, b"more", true));
    assert_eq!(world.left('<'), "1: h3 :status=200 .");
    world.adopt(&[], 50);
    assert_eq!(world.left('<'), "50: h1 :status=200 | d1 one | d1 more .");
}

#[test]
fn heads_are_edited_and_tables_no_longer_needed() {
    let mut world = World::new(&[json!({"headers": {"x-n": null, "x-new": "1"}, "direction": "to_server", "times": 1})]);
    // Both put a field into the table or use it.
    world.client(0, &raw(1, 5, 1, b"\x82\x84\x40\x03x-n\x011"));
    world.client(1, &raw(1, 5, 3, b"\x82\x84\xbe"));
    let to_server = world.left('>');
    assert!(to_server.starts_with("0: h1 :method=GET :path=/ x-new=1"), "{to_server}");
    assert!(to_server.ends_with("1: h3 :method=GET :path=/ x-n=1 ."), "{to_server}");
}

#[test]
fn the_client_may_reset_what_is_held() {
    let mut world = World::new(&[json!({"latency": "100ms", "direction": "to_server", "times": 1})]);
    world.client(0, &[get(1, false), get(3, true)].concat());
    world.client(10, &raw(3, 0, 1, &[0, 0, 0, 8]));
    world.run(200);
    assert_eq!(world.left('>'), format!("0: h3 {GET} . | 100: h5 {GET} | 110: r5 8"));
    assert_eq!(world.records(), ["#1 GET /a - by - 0+0"]);
}

#[test]
fn an_upstream_that_goes_away_refuses_what_it_has_not_heard_of() {
    let mut world = World::new(&[json!({"latency": "100ms", "direction": "to_server", "times": 1})]);
    world.client(0, &[get(1, true), get(3, true)].concat());
    world.server(10, &raw(7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]));
    assert_eq!(world.left('<'), "10: r1 7 | goaway 3 0");
    world.run(500);
    assert_eq!(world.left('>'), format!("0: h3 {GET} ."));
}

#[test]
fn an_answer_waits_for_the_settings_and_for_the_windows() {
    let body = "x".repeat(300);
    let mut world = World::bare(&[json!({"status": 503, "body": body})]);
    world.client(0, &[PREFACE, &raw(4, 0, 0, &[0, 4, 0, 0, 0, 100]), &get(1, true)].concat());
    assert_eq!(world.left('<'), "");
    world.server(1, &[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat());
    let answer = world.left('<');
    assert!(answer.starts_with("1: settings | ack | h1 :status=503") && answer.ends_with(" | d1 (100)"), "{answer}");
    world.client(2, &raw(8, 0, 1, &[0, 0, 0, 250]));
    assert_eq!(world.left('<'), "2: d1 (200) .");
}

#[test]
fn what_cannot_be_followed_passes_untouched() {
    let mut world = World::new(&[]);
    world.client(0, &[get(1, true), raw(6, 0, 0, &[0; 7]), b"whatever".to_vec()].concat());
    world.server(1, &raw(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 6]));
    assert!(world.is_as_it_came());
    assert_eq!(world.records(), ["lost to_server frame-size"]);
    // After a fault has acted nobody could make sense of the rest.
    let mut world = World::new(&[json!({"reset": true})]);
    world.client(0, &get(1, true));
    world.client(1, &[raw(6, 0, 0, &[0; 7]), b"whatever".to_vec()].concat());
    assert_eq!((world.left('>'), world.left('<')), ("1: RST".into(), "0: r1 2 | 1: RST".into()));
}

#[test]
fn a_fault_that_comes_reaches_open_streams() {
    let mut world = World::new(&[]);
    world.client(0, &[get(1, true), get(3, true)].concat());
    world.server(1, &[ok(1, false), data(1, b"one", false)].concat());
    world.adopt(&[json!({"latency": "100ms"})], 10);
    world.server(20, &[data(1, b"two", true), ok(3, true)].concat());
    world.run(500);
    assert_eq!(world.left('<'), "1: h1 :status=200 | d1 one | 120: d1 two . | h3 :status=200 .");
    world.adopt(&[json!({"reset": true})], 600);
    world.client(601, &get(5, true));
    assert_eq!(world.left('<'), "601: r5 2");
}

fn call(stream: u32) -> Vec<u8> {
    head(stream, &[":method POST", ":path /a.B/Watch", "content-type application/grpc"], true)
}

fn message(text: &str) -> Vec<u8> {
    [&[0, 0, 0, 0, text.len() as u8], text.as_bytes()].concat()
}

#[test]
fn a_call_fails_behind_so_many_messages_however_they_are_framed() {
    for size in [usize::MAX, 1, 5] {
        let fails = json!({"after": "3 messages", "error": "INTERNAL"});
        let mut world = World { size, ..World::new(&[fails]) };
        world.client(0, &call(1));
        let wire = ["one", "two", "three", "four"].map(message).concat();
        world.server(1, &[ok(1, false), data(1, &wire[..10], false), data(1, &wire[10..], false)].concat());
        world.server(2, &[data(1, &message("five"), false), head(1, &["grpc-status 0"], true)].concat());
        let left = world.left('<');
        let content: String =
            left.split(" | ").filter_map(|one| one.split_once("d1 ")).map(|(_, data)| data.trim_end_matches(" .")).collect();
        assert_eq!(content, "\\x00\\x00\\x00\\x00\\x03one\\x00\\x00\\x00\\x00\\x03two\\x00\\x00\\x00\\x00\\x05three", "{left}");
        assert!(left.contains("1 grpc-status=13") && !left.contains("grpc-status=0"), "{left}");
        assert_eq!(world.hits("f0"), 1);
    }
}

#[test]
fn a_fault_on_messages_that_comes_knows_where_they_end() {
    for split in 0..=16 {
        let wire = [message("one"), message("two")].concat();
        let mut world = World::new(&[]);
        world.client(0, &call(1));
        world.server(1, &[ok(1, false), data(1, &wire[..split], false)].concat());
        world.adopt(&[json!({"per": "message", "loss": "100%"})], 2);
        world.server(3, &[data(1, &wire[split..], false), head(1, &["grpc-status 0"], true)].concat());
        let left = world.left('<');
        let content: String =
            left.split(" | ").filter_map(|one| one.split_once("d1 ")).map(|(_, data)| data.trim_end_matches(" .")).collect();
        let expected = wire[..[0, 8, 16][split.div_ceil(8)]].escape_ascii().to_string();
        assert_eq!((content, world.hits("f0")), (expected, 2 - split.div_ceil(8) as u64), "{split}: {left}");
        assert!(left.ends_with("t1 grpc-status=0 ."), "{left}");
    }
}
