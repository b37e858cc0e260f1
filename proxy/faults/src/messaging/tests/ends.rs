//! Conversations that end, fall silent or go on at a message.

use super::*;
use crate::{exchange::Exchange, plan::Reason, subject::tests::request, testing::list};
use faultwire_messages::websocket;
use serde_json::{Value, json};
use std::sync::Arc;

#[test]
fn a_fault_ends_a_conversation_at_a_message() {
    for (fault, end) in [(json!({"reset": true}), End::Rst), (json!({"close": true}), End::Fin)] {
        let mut fault = fault;
        (fault["per"], fault["skip"]) = ("message".into(), 2.into());
        let mut world = World::socket(&[json!({"per": "message", "latency": "10ms", "name": "late"}), fault.clone()]);
        for i in 0..4 {
            world.says('<', i, &i.to_string());
            world.says('>', i, &i.to_string());
        }
        world.run(100);
        let word = if end == End::Fin { "FIN" } else { "RST" };
        assert_eq!(world.told('<'), format!("10 0 | 11 1 | 12 {word}"), "{fault}: what was before it has left");
        assert_eq!(world.told('>'), format!("0 0 | 1 1 | 2 2 | 3 3 | 12 {word}"));
        assert_eq!(world.planner.tally("f1").hits.load(Relaxed), 1);
    }
    let silent = json!({"blackhole": true, "per": "message", "skip": 1, "direction": "to_client"});
    let mut world = World::feed(std::slice::from_ref(&silent));
    (0..3).for_each(|i| world.event(i, &i.to_string()));
    assert_eq!(world.told('<'), "0 data: 0\\n\\n");
    world.adopt(&[], 50);
    assert_eq!(world.told('<'), "50 RST", "events are missing");
    let mut world = World::feed(&[json!({"blackhole": true, "resume": true, "per": "message", "skip": 1, "direction": "to_client"})]);
    (0..3).for_each(|i| world.event(i, &i.to_string()));
    world.adopt(&[], 50);
    assert_eq!(world.told('<'), "0 data: 0\\n\\n | 50 data: 1\\n\\n | 50 data: 2\\n\\n");
}

#[test]
fn so_many_messages_pass_and_then() {
    let mut world = World::feed(&[json!({"blackhole": true, "after": "3 messages"})]);
    world.comes('<', 0, &chunk("data: 0\n\ndata: 1\n\n: still here\n\ndata: 2\n\ndata: 3\n\n"));
    world.event(5, "4");
    let left = String::from_utf8(world.left('<')).unwrap();
    assert!(left.ends_with("data: 2\n\n"), "{left:?}");
    let mut world = World::socket(&[json!({"reset": true, "after": "2 messages", "direction": "to_server"})]);
    world.says('<', 1, "a");
    world.says('>', 2, "b");
    world.comes('>', 3, &frame(0x89, "?"));
    let [first, second] = [frame(0x01, "c"), frame(0x80, "d")];
    world.comes('>', 4, &first);
    world.comes('>', 5, &second);
    assert_eq!(world.told('>'), "2 b | 3 89 ? | 4 01 c | 5 80 d | 5 RST");
    let mut world = World::socket(&[json!({"latency": "100ms", "after": "1 message"})]);
    (0..3).for_each(|i| world.says('<', i, &i.to_string()));
    world.run(500);
    assert_eq!(world.told('<'), "0 0 | 101 1 | 102 2");
    let mut world = World::socket(&[json!({"per": "message", "latency": "100ms", "after": "1 message"})]);
    (0..3).for_each(|i| world.says('<', i, &i.to_string()));
    world.run(500);
    assert_eq!((world.told('<'), world.counts()), ("0 0 | 101 1 | 102 2".into(), (2, 2, 2)));
}

#[test]
fn a_socket_says_goodbye() {
    let mut world = World::new(&[json!({"close": 1012, "message": "restarting"})]);
    world.comes('>', 0, ASK.as_bytes());
    world.comes('<', 0, OPEN.as_bytes());
    let left = world.left('<');
    assert_eq!(&left[OPEN.len()..], &websocket::close(1012, "restarting", None)[..]);
    assert_eq!(world.over().map(|over| over.end), Some(End::Fin));

    let mut world = World::socket(&[json!({"close": 1012, "after": "2 messages"})]);
    world.comes('<', 1, &[frame(0x81, "a"), frame(0x81, "b"), frame(0x81, "c")].concat());
    world.says('>', 2, "too late");
    assert_eq!(world.told('<'), "1 a | 1 b | 1 close 1012 f0 | 1 FIN");
    assert_eq!(world.told('>'), "1 FIN");

    // Never inside a message: behind it.
    let mut world = World::socket(&[json!({"close": 4000, "after": "10ms", "disguise": true})]);
    let long = frame(0x81, "hello");
    world.comes('<', 5, &long[..4]);
    world.run(20);
    world.comes('<', 30, &long[4..]);
    world.says('<', 31, "no more");
    assert_eq!(world.told('<'), "30 hello | 30 close 4000  | 30 FIN");
    let mut world = World::socket(&[json!({"close": 4000, "per": "message", "skip": 1, "message": "enough"})]);
    (0..3).for_each(|i| world.says('<', i, &i.to_string()));
    assert_eq!(world.told('<'), "0 0 | 1 close 4000 enough | 1 FIN");

    // On one that is open already it comes at once; behind the server's own goodbye never.
    for (first, told) in [(frame(0x81, "a"), "1 a | 9 close 1001 late | 9 FIN"), (frame(0x88, "\u{3}\u{1}bye"), "1 close 769 bye")] {
        let mut world = World::socket(&[json!({"name": "f0", "per": "message", "loss": "0%"})]);
        world.comes('<', 1, &first);
        world.adopt(&[json!({"name": "late", "close": 1001})], 9);
        assert_eq!(world.told('<'), told);
        let mut world = World::socket(&[]);
        world.comes('<', 1, &first);
        world.adopt(&[json!({"name": "late", "close": 1001})], 9);
        assert_eq!(world.told('<'), told, "that was free");
    }
    // What is no WebSocket has nothing to say.
    let mut world = World::feed(&[json!({"close": 1012})]);
    world.event(1, "a");
    world.comes('<', 2, b"0\r\n\r\n");
    assert_eq!((world.told('<'), world.count(Reason::EndedFirst)), ("1 data: a\\n\\n | 2 LAST".into(), 1));
}

#[test]
fn pings_stay_unanswered() {
    let mut world = World::socket(&[json!({"mute": "pong"})]);
    let pong = frame(0x8a, "?");
    world.comes('<', 1, &[frame(0x81, "a"), pong.clone(), frame(0x89, "ping")].concat());
    world.comes('<', 2, &pong[..2]);
    world.comes('<', 3, &[&pong[2..], &frame(0x81, "b")].concat());
    world.comes('>', 4, &pong);
    assert_eq!((world.told('<'), world.told('>')), ("1 a | 1 89 ping | 3 b".into(), "4 8a ?".into()));
    assert_eq!(world.planner.tally("f0").hits.load(Relaxed), 1);
}

#[test]
fn healing_lets_go_in_order_and_leaves_no_trace() {
    for faults in [vec![], vec![json!({"name": "other", "per": "message", "latency": "1ms", "match": "GET *"})]] {
        let late = json!({"name": "f0", "per": "message", "latency": "10s"});
        let mut all = vec![late];
        all.extend(faults.clone());
        let mut world = World::feed(&all);
        (0..3).for_each(|i| world.event(i, &i.to_string()));
        let half = chunk("data: 3\n\n");
        world.comes('<', 3, &half[..8]);
        assert_eq!(world.told('<'), "");
        world.adopt(&faults, 50);
        world.comes('<', 60, &half[8..]);
        world.comes('<', 61, b"0\r\n\r\n");
        world.run(100);
        let events = |at: u64| (0..3).map(|i| format!("{at} data: {i}\\n\\n")).collect::<Vec<_>>().join(" | ");
        let told = world.told('<');
        assert!(told.starts_with(&events(50)), "{told}");
        let content: String = told.split(" | ").map(|one| one.split_once(' ').unwrap().1).collect();
        assert_eq!(content, "data: 0\\n\\ndata: 1\\n\\ndata: 2\\n\\ndata: 3\\n\\nLAST");
    }
}

/// The parts of a call of gRPC, as HTTP/2 carries them: what leaves to the client, by moment.
fn call(faults: &[Value], script: Vec<(u64, Direction, Payload)>) -> (Planner, Exchange, Vec<(u64, Payload)>) {
    let mut planner = Planner::of_exchanges(1);
    let plan = planner.plan(faults, epoch());
    let asked = Arc::new(request("POST /a.B/Watch HTTP/1.1\nhost: a\ncontent-type: application/grpc+proto"));
    let mut exchange = Exchange::begin(&plan, &Who::default(), asked, true, epoch(), epoch());
    let mut left = Vec::new();
    let mut steps = script.into_iter().peekable();
    loop {
        let next = [steps.peek().map(|(at, ..)| ms(*at)), exchange.wake([true; 2])].into_iter().flatten().min();
        let Some(now) = next.filter(|now| *now <= ms(10_000)) else { break };
        exchange.tick(now);
        while let Some((_, way, payload)) = steps.next_if(|(at, ..)| ms(*at) <= now) {
            exchange.receive(way, payload, now);
        }
        while let Some((way, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, exchange.transmit(way, now)?))) {
            if way == Direction::ToClient {
                left.push(((now - epoch()).as_millis() as u64, payload));
            }
        }
    }
    (planner, exchange, left)
}

fn grpc(text: &str) -> Payload {
    Payload::Data(faultwire_messages::grpc::write(false, text.as_bytes()))
}

#[test]
fn a_call_fails_behind_some_messages() {
    let head = || Payload::Head(list(":status 200, content-type application/grpc", false));
    let script = || {
        let mut script = vec![(0, Direction::ToClient, head())];
        script.extend((1..9).map(|i| (i, Direction::ToClient, grpc(&i.to_string()))));
        script.push((10, Direction::ToClient, Payload::Trailers(list("grpc-status 0", true))));
        script.push((10, Direction::ToClient, Payload::End(End::Fin)));
        script
    };
    let fails = json!({"after": "5 messages", "error": "INTERNAL", "message": "stream terminated by RST_STREAM"});
    let (planner, mut exchange, left) = call(&[fails], script());
    let expected: Vec<_> = std::iter::once((0, head())).chain((1..6).map(|i| (i, grpc(&i.to_string())))).collect();
    assert_eq!(left, expected);
    let answer = exchange.take_answer().expect("it is to answer");
    assert!(exchange.has_spoken() && exchange.over().is_none());
    assert_eq!(answer.turn().trailers()[0].value, "13");
    exchange.say(Payload::Trailers(list("grpc-status 13", true)), ms(5));
    exchange.say(Payload::End(End::Fin), ms(5));
    let said: Vec<_> = std::iter::from_fn(|| exchange.transmit(Direction::ToClient, ms(6))).collect();
    assert_eq!(said, [Payload::Trailers(list("grpc-status 13", true)), Payload::End(End::Fin)]);
    assert_eq!(planner.tally("f0").hits.load(Relaxed), 1);

    for (fault, first, size) in [
        (json!({"truncate": "0B"}), &b"\0\0\0\0\0"[..], 8),
        (json!({"duplicate": "100%"}), b"\0\0\0\0\x011", 16),
        (json!({"loss": "100%", "skip": 2}), b"\0\0\0\0\x011", 2),
    ] {
        let mut fault = fault;
        fault["per"] = "message".into();
        let (_, _, left) = call(&[fault], script());
        let data: Vec<&Payload> = left.iter().map(|(_, payload)| payload).filter(|payload| matches!(payload, Payload::Data(_))).collect();
        assert_eq!((data.len(), data[0]), (size, &Payload::Data(Bytes::copy_from_slice(first))));
        assert!(matches!(left[left.len() - 2..], [(_, Payload::Trailers(_)), (_, Payload::End(End::Fin))]), "{left:?}");
    }
}

#[test]
fn what_went_by_is_known_when_a_fault_comes() {
    let wire = faultwire_messages::grpc::write(false, b"one");
    for split in 0..=wire.len() {
        let mut planner = Planner::of_exchanges(1);
        let asked = Arc::new(request("POST /a.B/Watch HTTP/1.1\nhost: a\ncontent-type: application/grpc"));
        let mut exchange = Exchange::begin(&planner.plan(&[], epoch()), &Who::default(), asked, true, epoch(), epoch());
        exchange.look(Direction::ToClient, &wire.slice(..split), epoch());
        exchange.adopt(&planner.plan(&[json!({"per": "message", "loss": "100%"})], epoch()), true, epoch());
        // The rest of the frame that was under way.
        exchange.look(Direction::ToClient, &wire.slice(split..), epoch());
        exchange.receive(Direction::ToClient, grpc("two"), epoch());
        exchange.receive(Direction::ToClient, Payload::End(End::Fin), epoch());
        let left: Vec<_> = std::iter::from_fn(|| exchange.transmit(Direction::ToClient, epoch())).collect();
        assert_eq!((left, planner.tally("f0").hits.load(Relaxed)), (vec![Payload::End(End::Fin)], 1), "{split}");
    }
}
