//! Messages that are lost, late, moved, doubled and damaged.

use super::*;
use crate::plan::Reason;
use faultwire_messages::{Kind, websocket};
use serde_json::{Value, json};

#[test]
fn messages_of_a_socket_are_lost_each_for_itself() {
    let fault = json!({"match": "GET /socket", "per": "message", "loss": "30%", "direction": "both"});
    let mut world = World::socket(std::slice::from_ref(&fault));
    for i in 0..1000 {
        world.says('<', 1, &format!("down {i}"));
        world.says('>', 1, &format!("up {i}"));
    }
    let (down, up) = (world.told('<'), world.told('>'));
    let (seen, matched, hits) = world.counts();
    assert_eq!((seen, matched), (2000, 2000));
    assert_eq!(world.count(Reason::Probability), 2000 - hits);
    assert!((500..700).contains(&hits), "{hits}");
    let arrived = |text: &str| text.split(" | ").count() as u64;
    assert_eq!(arrived(&down) + arrived(&up), 2000 - hits);
    let mut again = World::socket(&[fault]);
    for i in 0..1000 {
        again.says('<', 1, &format!("down {i}"));
        again.says('>', 1, &format!("up {i}"));
    }
    assert_eq!((again.told('<'), again.told('>')), (down, up), "one seed, one fate");
}

#[test]
fn losses_come_in_bursts() {
    for (loss, share, burst) in [
        (json!({"average": "20%", "burst": 5}), 0.2, 5.0),
        (json!({"p": "5%", "r": "20%"}), 0.2, 5.0),
        (json!({"p": "5%", "r": "20%", "bad": "50%", "good": "10%"}), 0.18, 0.0),
        (json!("20%"), 0.2, 1.25),
    ] {
        let mut world = World::feed(&[json!({"per": "message", "loss": loss})]);
        for i in 0..10_000 {
            world.event(1, &i.to_string());
        }
        let came: Vec<u64> = world.told('<').split(" | ").map(|event| event[8..].trim_end_matches("\\n").parse().unwrap()).collect();
        let lost = 10_000 - came.len();
        let gaps = came.windows(2).filter(|pair| pair[1] - pair[0] > 1).count();
        assert!((lost as f64 / 10_000.0 - share).abs() < 0.03, "{loss}: {lost} lost");
        let mean = lost as f64 / gaps as f64;
        assert!(burst == 0.0 || (mean - burst).abs() < burst * 0.15, "{loss}: {mean} in a row");
    }
    let mut tied = World::feed(&[json!({"per": "message", "loss": "20%", "correlation": "90%"})]);
    (0..5_000).for_each(|i| tied.event(1, &i.to_string()));
    let (lost, text) = (tied.counts().2, tied.told('<'));
    let came: Vec<u64> = text.split(" | ").map(|event| event[8..].trim_end_matches("\\n").parse().unwrap()).collect();
    let gaps = came.windows(2).filter(|pair| pair[1] - pair[0] > 1).count() as u64;
    assert!((700..1300).contains(&lost) && lost > gaps * 2, "{lost} in {gaps} gaps");
}

#[test]
fn a_latency_is_of_each_message_and_keeps_their_order() {
    let mut world = World::socket(&[json!({"per": "message", "latency": "50ms..150ms"})]);
    (0..20).for_each(|i| world.says('<', 10 * i, &i.to_string()));
    world.comes('<', 195, &frame(0x89, "?"));
    world.ends('<', 200);
    world.run(1000);
    let told = world.told('<');
    let moments: Vec<(u64, &str)> =
        told.split(" | ").map(|one| one.split_once(' ').unwrap()).map(|(at, what)| (at.parse().unwrap(), what)).collect();
    let ping = moments.iter().position(|(_, what)| *what == "89 ?").unwrap();
    assert_eq!(moments[ping].0, 195, "a ping waits for nobody");
    let messages: Vec<_> = moments.iter().filter(|(_, what)| *what != "89 ?").collect();
    assert_eq!(messages.iter().map(|(_, what)| *what).collect::<Vec<_>>()[..20], (0..20).map(|i| i.to_string()).collect::<Vec<_>>()[..]);
    assert_eq!(messages[20].1, "FIN");
    for (i, (at, _)) in messages[..20].iter().enumerate() {
        assert!((10 * i as u64 + 50..=10 * i as u64 + 250).contains(at), "{told}");
    }
    assert_eq!(world.counts(), (20, 20, 20));
}

#[test]
fn some_overtake_and_some_come_again() {
    let mut world = World::feed(&[json!({"per": "message", "reorder": "100%", "latency": "100ms", "every": 3})]);
    (0..6).for_each(|i| world.event(i, &i.to_string()));
    world.run(500);
    // The third waits for nobody, and nobody waits for it.
    assert_eq!(world.told('<'), (0..6).map(|i| format!("{i} data: {i}\\n\\n")).collect::<Vec<_>>().join(" | "));

    let mut world = World::feed(&[
        json!({"per": "message", "latency": "100ms"}),
        json!({"per": "message", "reorder": "100%", "latency": "9ms", "every": 2}),
    ]);
    (0..4).for_each(|i| world.event(i, &i.to_string()));
    world.run(500);
    let told = |pairs: &[(u64, u64)]| pairs.iter().map(|(at, i)| format!("{at} data: {i}\\n\\n")).collect::<Vec<_>>().join(" | ");
    assert_eq!(world.told('<'), told(&[(100, 0), (101, 1), (102, 2), (103, 3)]), "it waits for the fault above as all do");

    let mut world = World::feed(&[json!({"per": "message", "reorder": "40%", "latency": "100ms"})]);
    (0..100).for_each(|i| world.event(i, &i.to_string()));
    world.run(500);
    let text = world.told('<');
    let moments: Vec<(u64, u64)> = text
        .split(" | ")
        .map(|one| one.split_once(" data: ").unwrap())
        .map(|(at, i)| (at.parse().unwrap(), i.trim_end_matches("\\n").parse().unwrap()))
        .collect();
    let moved = moments.iter().filter(|(at, i)| at == i).count();
    assert!(moments.len() == 100 && (25..55).contains(&moved) && moments.iter().all(|(at, i)| at == i || *at == i + 100), "{text}");

    let mut world =
        World::socket(&[json!({"per": "message", "duplicate": "100%", "copies": 2, "gap": "10ms", "every": 2, "direction": "to_server"})]);
    (0..4).for_each(|i| world.says('>', 5 * i, &i.to_string()));
    world.run(100);
    assert_eq!(world.told('>'), "0 0 | 5 1 | 10 2 | 15 1 | 15 3 | 25 1 | 25 3 | 35 3");
    assert_eq!(world.counts(), (4, 4, 2));
}

#[test]
fn contents_are_damaged_and_cut_short() {
    let mut world = World::socket(&[json!({"per": "message", "truncate": "3B", "match": {"path": "/socket", "opcode": "text"}})]);
    world.says('<', 1, "hällo");
    world.says('<', 2, "ok");
    world.comes('<', 3, &[frame(0x01, "fra"), frame(0x89, "?"), frame(0x80, "gments")].concat());
    world.comes('<', 4, &frame(0x82, "binary"));
    // Text ends between two characters, and fragments are joined.
    assert_eq!(world.told('<'), "1 hä | 2 ok | 3 89 ? | 3 fra | 4 binary");
    assert_eq!(world.counts(), (4, 3, 2));

    let mut world = World::socket(&[json!({"per": "message", "corrupt": "50%", "direction": "both"})]);
    (0..200).for_each(|_| world.says('>', 1, "same"));
    let told = world.told('>');
    let damaged = told.split(" | ").filter(|one| *one != "1 same").count() as u64;
    assert!((70..130).contains(&damaged) && damaged == world.counts().2, "{damaged} of {:?}", world.counts());

    let mut world = World::feed(&[json!({"per": "message", "truncate": "50%", "skip": 1})]);
    world.event(1, "one");
    world.event(2, "two");
    world.event(3, "three");
    assert_eq!(world.told('<'), "1 data: one\\n\\n | 2 data: | 2 FIN", "and no last chunk");
    assert_eq!((world.counts().2, world.over().map(|over| over.end)), (1, Some(End::Fin)));
}

/// Everything at once, in any split: what arrives are messages that were sent, in order but for those that overtake; and nothing stays
/// behind once all faults have gone.
#[test]
fn whatever_happens_messages_stay_messages() {
    let kinds = [
        json!({"loss": "30%"}),
        json!({"latency": "0ms..40ms"}),
        json!({"duplicate": "20%", "gap": "7ms"}),
        json!({"latency": "20ms", "reorder": "30%"}),
        json!({"loss": {"average": "20%", "burst": 3}, "duplicate": "50%", "copies": 2}),
    ];
    for seed in 0..seeds() {
        let dice = crate::dice::Dice::new(crate::dice::Seed(seed), "world", "");
        let draw = |i: u64, below: u64| dice.draw(crate::dice::Purpose::Fire, i, 0) % below;
        let faults = |at: u64| {
            let chosen = kinds.iter().enumerate().filter(|(i, _)| draw(1000 * at + *i as u64, 3) == 0);
            chosen
                .map(|(i, fault)| {
                    let mut fault = fault.clone();
                    (fault["per"], fault["name"]) = ("message".into(), format!("f{i}").into());
                    fault
                })
                .collect::<Vec<Value>>()
        };
        let is_feed = seed % 2 == 0;
        let mut world = if is_feed { World::feed(&faults(0)) } else { World::socket(&faults(0)) };
        let mut wire = Vec::new();
        for i in 0..120 {
            wire.extend(match is_feed {
                true => chunk(&format!("data: {i}\n\n")),
                false => websocket::message(Kind::Text, i.to_string().as_bytes(), None).to_vec(),
            });
        }
        let (mut rest, mut at) = (&wire[..], 1);
        while !rest.is_empty() {
            let (part, others) = rest.split_at((1 + draw(7 * at, 30) as usize).min(rest.len()));
            rest = others;
            world.comes('<', at, part);
            at += draw(11 * at, 4);
            if draw(13 * at, 12) == 0 {
                world.adopt(&faults(at), at);
            }
            at += 1;
        }
        world.adopt(&[], at + 1);
        world.ends('<', at + 1);
        world.run(at + 200);
        let told = world.told('<');
        let all: Vec<&str> = told.split(" | ").map(|one| one.split_once(' ').unwrap().1).collect();
        assert_eq!(*all.last().unwrap(), "FIN", "seed {seed}");
        for one in &all[..all.len() - 1] {
            // Chunks that came before the first fault may hold several.
            let numbers = one.split("data: ").map(|one| one.trim_end_matches("\\n")).filter(|one| !one.is_empty());
            numbers.for_each(|number| assert!(number.parse::<u64>().is_ok_and(|number| number < 120), "seed {seed}: {one:?}"));
        }
    }
}

fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}
