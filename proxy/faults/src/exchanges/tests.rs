//! What goes in and what comes out of an HTTP connection, on invented time.

use super::*;
use crate::{
    dice::Seed,
    talk::Talk,
    testing::{Planner, epoch, ms},
};
use serde_json::{Value, json};

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        "Fri, 20 Nov 2026 00:00:00 GMT".to_owned()
    }
}

struct World {
    planner: Planner,
    talk: Talk,
    now: u64,
    out: Vec<(u64, String)>,
}

impl World {
    fn new(faults: &[Value]) -> World {
        let mut planner = Planner::of_exchanges(Seed(1).0);
        let talk = Talk::http(planner.plan(faults, epoch()), Who::default(), Box::new(Then), epoch());
        World { planner, talk, now: 0, out: Vec::new() }
    }

    fn adopt(&mut self, faults: &[Value], at: u64) {
        let plan = self.planner.plan(faults, ms(at));
        self.run(at);
        self.talk.adopt(plan, ms(at));
        self.run(at);
    }

    fn client(&mut self, at: u64, text: &str) {
        self.come(Direction::ToServer, at, text);
    }

    fn server(&mut self, at: u64, text: &str) {
        self.come(Direction::ToClient, at, text);
    }

    fn come(&mut self, direction: Direction, at: u64, text: &str) {
        self.run(at);
        let payload = match text {
            "FIN" => Payload::End(End::Fin),
            "RST" => Payload::End(End::Rst),
            text => Payload::Data(Bytes::copy_from_slice(text.as_bytes())),
        };
        self.talk.receive(direction, payload, ms(at));
        self.run(at);
    }

    /// Lets time pass until then.
    fn run(&mut self, until: u64) {
        loop {
            let now = self.now;
            self.talk.tick(ms(now));
            while let Some((direction, payload)) =
                Direction::BOTH.into_iter().find_map(|way| Some((way, self.talk.transmit(way, ms(now))?)))
            {
                let arrow = if direction == Direction::ToServer { '>' } else { '<' };
                let text = match payload.into_bytes() {
                    Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Err(End::Fin) => "FIN".to_owned(),
                    Err(End::Rst) => "RST".to_owned(),
                };
                self.out.push((now, format!("{arrow}{text}")));
            }
            match self.talk.wake([true; 2]) {
                Some(wake) if wake <= ms(until) => self.now = (wake - epoch()).as_millis() as u64,
                _ => break,
            }
        }
        self.now = until;
    }

    /// What has left that way, joined, with the moment before each that came at another one than the last.
    fn left(&mut self, way: char) -> String {
        let mut text = String::new();
        let mut last = u64::MAX;
        self.out.retain(|(at, what)| {
            let mine = what.starts_with(way);
            if mine {
                if *at != last {
                    text += &format!("{}{at}: ", if text.is_empty() { "" } else { " | " });
                    last = *at;
                }
                text += &what[1..].replace("\r\n", "~");
            }
            !mine
        });
        text
    }
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn with_no_fault_everything_passes_as_it_came() {
    let mut world = World::new(&[]);
    world.client(1, "GET /a HT");
    world.client(2, "TP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    assert_eq!(world.left('>'), "2: GET /a HTTP/1.1~Host: x~~GET /b HTTP/1.1~~");
    world.server(5, "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nab");
    assert_eq!(world.left('<'), "5: HTTP/1.1 103 Early~link: x~~HTTP/1.1 200~transfer-encoding: chunked~~3;x=y~ab");
    world.server(6, "c\r\n0\r\nt: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(world.left('<'), "6: c~0~t: 1~~HTTP/1.1 204 No Content~~");
    world.client(7, "FIN");
    world.server(8, "FIN");
    assert_eq!((world.left('>'), world.left('<')), ("7: FIN".into(), "8: FIN".into()));
}

#[test]
fn half_messages_and_resets_pass() {
    let mut world = World::new(&[]);
    world.client(1, "POST /b HTTP/1.1\r\ncontent-length: 9\r\n\r\nhel");
    world.client(2, "RST");
    assert_eq!(world.left('>'), "1: POST /b HTTP/1.1~content-length: 9~~hel | 2: RST");
    let mut world = World::new(&[]);
    world.client(1, GET);
    world.server(2, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel");
    world.server(3, "FIN");
    assert_eq!(world.left('<'), "2: HTTP/1.1 200 OK~content-length: 9~~hel | 3: FIN");
    let mut world = World::new(&[]);
    world.client(1, GET);
    world.server(2, "HTTP/1.0 200 OK\r\n\r\nto the end");
    world.server(3, "FIN");
    assert_eq!(world.left('<'), "2: HTTP/1.0 200 OK~~to the end | 3: FIN");
    let mut world = World::new(&[]);
    world.client(1, "GET /half");
    world.client(2, "FIN");
    assert_eq!(world.left('>'), "2: GET /halfFIN");
}

#[test]
fn a_tunnel_is_bytes() {
    let mut world = World::new(&[]);
    world.client(1, "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    world.server(2, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\u{1}\u{2}");
    world.client(3, "\u{3}GET / HTTP/1.1\r\n\r\n");
    world.client(4, "FIN");
    world.server(5, "bye");
    world.server(6, "FIN");
    assert_eq!(world.left('>'), "1: GET /ws HTTP/1.1~connection: upgrade~upgrade: websocket~~ | 3: \u{3}GET / HTTP/1.1~~ | 4: FIN");
    assert_eq!(world.left('<'), "2: HTTP/1.1 101 Switching Protocols~upgrade: websocket~connection: upgrade~~\u{1}\u{2} | 5: bye | 6: FIN");
}

#[test]
fn latency_is_of_each_answer() {
    let mut world = World::new(&[json!({"latency": "100ms"})]);
    world.client(0, GET);
    world.server(10, OK);
    world.client(50, GET);
    world.server(60, OK);
    world.run(1000);
    assert_eq!(world.left('>'), "0: GET /a HTTP/1.1~Host: x~~ | 50: GET /a HTTP/1.1~Host: x~~");
    assert_eq!(world.left('<'), "110: HTTP/1.1 200 OK~Content-Length: 2~~ok | 160: HTTP/1.1 200 OK~Content-Length: 2~~ok");
    assert_eq!(world.planner.tally("f0").hits.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_fault_is_rolled_for_each_request_and_others_pass() {
    let mut world = World::new(&[json!({"latency": "100ms", "every": 2})]);
    world.client(0, &format!("{GET}{POST}"));
    world.server(5, &format!("{OK}{OK}"));
    world.run(1000);
    assert_eq!(world.left('<'), "5: HTTP/1.1 200 OK~Content-Length: 2~~ok | 105: HTTP/1.1 200 OK~Content-Length: 2~~ok");
}

#[test]
fn endings_take_the_connection() {
    let mut world = World::new(&[json!({"reset": true, "skip": 1})]);
    world.client(0, GET);
    world.server(1, OK);
    world.client(2, GET);
    assert_eq!(
        (world.left('<'), world.left('>')),
        ("1: HTTP/1.1 200 OK~Content-Length: 2~~ok | 2: RST".into(), "0: GET /a HTTP/1.1~Host: x~~ | 2: RST".into())
    );
    assert!(world.talk.over().is_some());

    let mut world = World::new(&[json!({"close": true, "after": "1B"})]);
    world.client(0, GET);
    world.server(1, OK);
    assert_eq!(world.left('<'), "1: HTTP/1.1 200 OK~Content-Length: 2~~oFIN");

    let mut world = World::new(&[json!({"reset": true, "when": "after_upstream"})]);
    world.client(0, GET);
    world.server(1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    assert_eq!(world.left('<'), "");
    world.server(2, "k");
    assert_eq!((world.left('>'), world.left('<')), ("0: GET /a HTTP/1.1~Host: x~~ | 2: RST".into(), "2: RST".into()));
}

#[test]
fn an_answer_that_has_begun_is_not_replaced() {
    let late = [json!({"status": 503, "when": "after_upstream"})];
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    let kept = |world: &World| world.planner.tally("f0").suppressed(crate::plan::Reason::TooLate);
    // No fault was about it, or one that let the head go; or it was ready to leave, and the client took nothing yet.
    for (before, left) in [
        (vec![], "1: HTTP/1.1 200 OK~Content-Length: 2~~o | 11: k"),
        (vec![json!({"name": "slow", "latency": "1ms", "after": "1B"})], "1: HTTP/1.1 200 OK~Content-Length: 2~~o | 12: k"),
    ] {
        let mut world = World::new(&before);
        world.client(0, GET);
        world.server(1, &format!("{head}o"));
        world.adopt(&[&late[..], &before].concat(), 10);
        world.server(11, "k");
        world.run(100);
        assert_eq!((world.left('<').as_str(), kept(&world)), (left, 1), "{before:?}");
    }
    let mut world = World::new(&[json!({"name": "idle", "latency": "1ms", "skip": 9})]);
    world.client(0, GET);
    world.run(1);
    world.talk.receive(Direction::ToClient, Payload::Data(Bytes::copy_from_slice(head.as_bytes())), ms(1));
    let plan = world.planner.plan(&late, ms(1));
    world.talk.adopt(plan, ms(1));
    world.server(2, "ok");
    assert_eq!(world.left('<'), "1: HTTP/1.1 200 OK~Content-Length: 2~~ | 2: ok");
    assert_eq!(kept(&world), 1);
    // What has been said before the answer proper is no answer.
    let mut world = World::new(&[]);
    world.client(0, GET);
    world.server(1, "HTTP/1.1 103 Early\r\n\r\n");
    world.adopt(&late, 10);
    world.server(11, OK);
    assert!(world.left('<').contains(" | 11: HTTP/1.1 503 Service Unavailable~"));
    assert_eq!(kept(&world), 0);
}

#[test]
fn requests_are_sent_again_as_they_have_left() {
    let again = |world: &mut World| {
        let told = world.talk.told();
        let told = told.into_iter().filter_map(|told| if let crate::requests::Told::Again(again) = told { Some(again) } else { None });
        told.collect::<Vec<_>>()
    };
    let counts = |world: &World, reason| {
        let tally = world.planner.tally("f0");
        (tally.hits.load(std::sync::atomic::Ordering::Relaxed), tally.suppressed(reason))
    };
    let all = json!({"duplicate": "100%", "copies": 3, "gap": "5ms"});
    let mut world = World::new(&[all.clone(), json!({"name": "edit", "rewrite": {"path": "/c"}, "match": "POST /b"})]);
    let chunked = "POST /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nt: 1\r\n\r\n";
    for byte in chunked.as_bytes() {
        assert!(again(&mut world).is_empty(), "not all of it has left");
        world.client(0, &String::from(char::from(*byte)));
    }
    let told = again(&mut world);
    let crate::again::Sent::One(bytes) = &told[0].request else { panic!("of HTTP/2") };
    assert_eq!(bytes, chunked.replace("/b", "/c").as_bytes());
    assert_eq!((told.len(), told[0].copies.len(), told[0].gap.as_millis(), counts(&world, plan::Reason::MaxActive)), (1, 3, 5, (1, 0)));
    // So many at once, and no more before one is over.
    let many = World::new(&[json!({"duplicate": "100%", "copies": 60})]);
    let mut world = many;
    for _ in 0..3 {
        world.client(1, GET);
        world.server(1, OK);
    }
    let told = again(&mut world);
    assert_eq!(told.iter().map(|again| again.copies.len()).collect::<Vec<_>>(), [60, 4]);
    assert_eq!(counts(&world, plan::Reason::MaxActive), (2, 1));
    drop(told);
    world.client(2, GET);
    assert_eq!(again(&mut world)[0].copies.len(), 60);

    // What is too large, what has no end, and what is broken off is not; a die of its own chooses among the rest.
    let large = format!("POST /b HTTP/1.1\r\ncontent-length: {}\r\n\r\n{}", 2 << 20, "x".repeat(2 << 20));
    for (asks, reason) in [
        (&large[..], plan::Reason::TooLarge),
        ("GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", plan::Reason::Unreadable),
    ] {
        let mut world = World::new(std::slice::from_ref(&all));
        world.client(0, asks);
        assert_eq!((again(&mut world).len(), counts(&world, reason)), (0, (0, 1)));
    }
    let mut world = World::new(std::slice::from_ref(&all));
    world.client(0, "POST /b HTTP/1.1\r\ncontent-length: 9\r\n\r\nhel");
    world.client(1, "FIN");
    assert_eq!((again(&mut world).len(), counts(&world, plan::Reason::TooLarge)), (0, (0, 0)));
    let mut world = World::new(&[json!({"duplicate": "30%"})]);
    for _ in 0..1000 {
        world.client(0, GET);
        world.server(0, OK);
        again(&mut world);
    }
    let (hits, missed) = counts(&world, plan::Reason::Probability);
    assert!((hits + missed, (250..350).contains(&hits)) == (1000, true), "{hits} {missed}");
    // Whoever half-closes behind its request has asked all the same.
    let mut world = World::new(&[all]);
    world.talk.receive(Direction::ToServer, Payload::Data(Bytes::from_static(GET.as_bytes())), ms(0));
    world.client(0, "FIN");
    assert_eq!(again(&mut world).len(), 1);
}

#[test]
fn on_http1_nobody_is_asked_to_leave() {
    for fault in [json!({"goaway": "NO_ERROR"}), json!({"goaway": "NO_ERROR", "per": "connection"})] {
        let mut world = World::new(std::slice::from_ref(&fault));
        world.client(0, GET);
        world.server(1, OK);
        assert_eq!(world.left('<'), "1: HTTP/1.1 200 OK~Content-Length: 2~~ok");
        let tally = world.planner.tally("f0");
        let hits = tally.hits.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!((hits, tally.suppressed(plan::Reason::Http1)), (0, 1), "{fault}");
    }
}

#[test]
fn a_silent_exchange_and_its_healing() {
    let mut world = World::new(&[json!({"blackhole": true, "resume": true, "skip": 1, "direction": "to_client"})]);
    world.client(0, &format!("{GET}{GET}{GET}"));
    world.server(1, &format!("{OK}{OK}{OK}"));
    assert_eq!(world.left('<'), "1: HTTP/1.1 200 OK~Content-Length: 2~~ok");
    world.adopt(&[], 50);
    assert_eq!(world.left('<').matches("200 OK").count(), 2);
}

#[test]
fn what_could_be_read_in_two_ways_is_answered_in_its_turn_and_reaches_nobody() {
    let mut world = World::new(&[]);
    world.client(
        0,
        &format!("{GET}POST /x HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    );
    assert_eq!(world.left('<'), "");
    world.server(5, OK);
    let answers = world.left('<');
    assert!(answers.starts_with("5: HTTP/1.1 200 OK~Content-Length: 2~~okHTTP/1.1 400 Bad Request~date: Fri, 20 Nov"), "{answers}");
    assert!(answers.contains("connection: close~~") && answers.ends_with("FIN"), "{answers}");
    assert_eq!(world.left('>'), "0: GET /a HTTP/1.1~Host: x~~ | 5: FIN");
    assert!(matches!(world.talk.told()[..], [crate::requests::Told::Refused(_)]));
}

#[test]
fn empty_lines_between_and_behind_requests_are_in_nobodys_way() {
    let mut world = World::new(&[]);
    world.client(0, &format!("\r\n\r\n{GET}\r\n{GET}\r\n"));
    world.client(0, "FIN");
    world.server(5, &format!("{OK}{OK}"));
    world.server(6, "FIN");
    assert_eq!(world.left('>').matches("GET").count(), 2);
    assert_eq!(world.left('<'), "5: HTTP/1.1 200 OK~Content-Length: 2~~okHTTP/1.1 200 OK~Content-Length: 2~~ok | 6: FIN");
}

#[test]
fn what_does_not_begin_as_http_passes_as_it_is() {
    for foreign in ["\u{16}\u{3}\u{1}\u{2}\0", "INVALID CONNECTION PREFACE\r\n\r\n", "GET / HTTP/3.0\r\n\r\n"] {
        let mut world = World::new(&[json!({"status": 503})]);
        world.client(0, foreign);
        world.client(1, "GET / HTTP/1.1\r\n\r\n");
        world.server(2, "what is this");
        world.client(3, "FIN");
        world.server(4, "FIN");
        let all = foreign.replace("\r\n", "~");
        assert_eq!(world.left('>'), format!("0: {all} | 1: GET / HTTP/1.1~~ | 3: FIN"));
        assert_eq!(world.left('<'), "2: what is this | 4: FIN");
        assert!(matches!(world.talk.told()[..], [crate::requests::Told::Lost(_)]));
    }
}

#[test]
fn a_request_may_end_after_its_answer() {
    let (head, body) = POST.split_at(POST.len() - 5);
    for until in 0..=body.len() {
        let mut world = World::new(&[json!({"status": 502})]);
        world.client(1, head);
        world.client(2, &body[..until]);
        assert_eq!(world.left('<').matches("HTTP/1.1 502").count(), 1);
        // What has been answered is read to its end, and the next one begins behind it.
        world.client(3, &body[until..]);
        world.client(4, GET);
        assert_eq!(world.left('<').matches("HTTP/1.1 502").count(), 1, "after {until} B");
        assert_eq!(world.left('>'), "");
    }
}
