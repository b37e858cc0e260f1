//! Tables of what comes in and what goes out, for each effect and ending, and a simulation of everything at once.

use super::*;
use crate::testing::{Planner, check, epoch, ms, run};
use serde_json::json;

const TALK: &str = "0ms >ask | 10ms <hello | 40ms <world | 50ms <fin | 50ms >fin";

#[test]
fn without_a_fault_everything_passes_as_it_came() {
    let mut calm = Conversation::open(Planner::new(1).plan(&[], epoch()), epoch());
    assert!(calm.is_direct(Direction::ToServer) && calm.is_direct(Direction::ToClient));
    let got: Vec<String> = run(&mut calm, TALK, ms(1000)).into_iter().map(|(at, what)| format!("{at} {what}")).collect();
    assert_eq!(got, ["0 >ask", "10 <hello", "40 <world", "50 >fin", "50 <fin"]);
}

#[test]
fn shaping() {
    check(json!({"latency": "100ms"}), TALK, "0ms >ask | 50ms >fin | 110ms <hello | 140ms <world | 150ms <fin");
    check(json!({"latency": "100ms", "direction": "to_server"}), "0ms >ask | 7ms <x", "7ms <x | 100ms >ask");
    check(json!({"latency": "1s to 0ms over 10s"}), "0ms <a | 5000ms <b | 20000ms <c", "1000ms <a | 5500ms <b | 20000ms <c");
    check(json!({"latency": "100ms", "after": "3B"}), "0ms <hello | 9ms <!", "0ms <hel | 100ms <lo | 109ms <!");
    check(json!({"latency": "100ms", "after": "1s"}), "0ms <early | 1000ms <late", "0ms <early | 1100ms <late");
    check(json!({"slow_close": "2s"}), "0ms <bye | 1ms <fin", "0ms <bye | 2001ms <fin");
    check(json!({"slice": "2B", "gap": "10ms"}), "0ms <hello | 0ms <fin", "0ms <he | 10ms <ll | 20ms <o | 20ms <fin");
    check(json!({"bandwidth": "0B/s"}), "0ms <hello", "");
    check(
        json!({"bandwidth": "1kB/s", "burst": "5B"}),
        "0ms <0123456789 | 0ms <fin",
        "0ms <01234 | 1ms <5 | 2ms <6 | 3ms <7 | 4ms <8 | 5ms <9 | 5ms <fin",
    );
}

#[test]
fn endings() {
    check(json!({"reset": true}), "0ms >ask", "0ms >rst | 0ms <rst");
    check(json!({"latency": "1s", "reset": true}), "0ms >ask | 900ms <x", "1000ms >rst | 1000ms <rst");
    check(json!({"reset": true, "after": "3B"}), "0ms >ask | 5ms <hello", "0ms >ask | 5ms <hel | 5ms >rst | 5ms <rst");
    check(json!({"close": true, "after": "2s"}), "0ms >ask | 5ms <hello", "0ms >ask | 5ms <hello | 2000ms >fin | 2000ms <fin");
    check(json!({"reset": true, "when": "before_upstream"}), "0ms <hi | 5ms >ask", "0ms <hi | 5ms >rst | 5ms <rst");
    check(json!({"reset": true, "when": "after_upstream"}), "0ms >ask | 5ms <hello", "0ms >ask | 5ms >rst | 5ms <rst");
    check(json!({"reset": true, "when": "idle"}), "0ms >a | 90ms <b | 150ms >c", "0ms >a | 90ms <b | 150ms >c | 250ms >rst | 250ms <rst");
    check(json!({"close": "half", "after": "2B"}), "0ms >a | 5ms <hello | 9ms >b | 9ms <x", "0ms >a | 5ms <he | 5ms <fin | 9ms >b");
    check(json!({"blackhole": true}), TALK, "");
    check(json!({"blackhole": "5s", "direction": "to_client"}), "0ms >ask | 5ms <hello", "0ms >ask | 5000ms >fin | 5000ms <fin");
}

#[test]
fn latencies_of_two_faults_add_up_and_the_first_ending_wins() {
    let mut planner = Planner::new(1);
    let plan = planner.plan(&[json!({"latency": "100ms"}), json!({"latency": "50ms"})], epoch());
    let mut slow = Conversation::open(plan, epoch());
    assert_eq!(run(&mut slow, "3ms <x", ms(1000)), [(153, "<x".to_owned())]);

    let plan = planner.plan(&[json!({"name": "a", "reset": true}), json!({"name": "b", "close": true})], epoch());
    Conversation::open(plan, epoch());
    assert_eq!(planner.tally("a").hits.load(Relaxed), 1);
    assert_eq!(planner.tally("b").seen.load(Relaxed), 0, "what a fault above has ended is not counted below");
}

#[test]
fn a_fault_that_leaves_lets_go_of_what_it_held_and_of_nothing_else() {
    let mut planner = Planner::new(1);
    let plan = planner.plan(&[json!({"name": "a", "latency": "10s"}), json!({"name": "b", "latency": "1s"})], epoch());
    let mut conversation = Conversation::open(plan, epoch());
    assert_eq!(run(&mut conversation, "0ms <hello", ms(100)), []);
    conversation.adopt(planner.plan(&[json!({"name": "b", "latency": "1s"})], ms(200)), ms(200));
    assert_eq!(run(&mut conversation, "300ms <more", ms(9000)), [(1200, "<hello".to_owned()), (1300, "<more".to_owned())]);
    conversation.adopt(planner.plan(&[], ms(9000)), ms(9000));
    assert!(conversation.is_direct(Direction::ToClient));
}

#[test]
fn healing_a_blackhole_resets_a_stream_with_a_hole_and_no_other() {
    let hole = json!({"name": "hole", "blackhole": true});
    let mut planner = Planner::new(1);
    let mut whole = Conversation::open(planner.plan(std::slice::from_ref(&hole), epoch()), epoch());
    assert_eq!(whole.dial(epoch()), Dial::Wait);
    whole.adopt(planner.plan(&[], ms(10)), ms(10));
    assert_eq!(whole.dial(ms(10)), Dial::Now);
    assert!(whole.over().is_none());

    let mut holed = Conversation::open(planner.plan(&[hole], epoch()), epoch());
    run(&mut holed, "1ms >lost", ms(5));
    holed.adopt(planner.plan(&[], ms(10)), ms(10));
    assert_eq!(holed.over().map(|over| over.end), Some(End::Rst));
}

#[test]
fn a_resumed_blackhole_loses_nothing() {
    let mut planner = Planner::new(1);
    let mut conversation = Conversation::open(planner.plan(&[json!({"blackhole": true, "resume": true, "after": "1B"})], epoch()), epoch());
    assert_eq!(run(&mut conversation, "0ms <hello", ms(10)), [(0, "<h".to_owned())]);
    assert!(!conversation.wants(Direction::ToClient) && !conversation.wants(Direction::ToServer));
    conversation.adopt(planner.plan(&[], ms(20)), ms(20));
    assert_eq!(run(&mut conversation, "20ms <!", ms(30)), [(20, "<ello".to_owned()), (20, "<!".to_owned())]);
}

#[test]
fn what_waited_for_an_ending_goes_on_when_the_fault_leaves() {
    let mut planner = Planner::new(1);
    let mut conversation = Conversation::open(
        planner.plan(&[json!({"latency": "10s", "reset": true, "when": "before_upstream", "times": 1, "name": "r"})], epoch()),
        epoch(),
    );
    assert_eq!(run(&mut conversation, "0ms >ask", ms(50)), []);
    conversation.adopt(planner.plan(&[], ms(60)), ms(60));
    assert_eq!(conversation.transmit(Direction::ToServer, ms(60)), Some(Payload::Data("ask".into())));
    assert_eq!(planner.tally("r").hits.load(Relaxed), 0);
}

#[test]
fn how_often() {
    for (fault, hits) in [
        (json!({"reset": true}), 1000),
        (json!({"reset": true, "probability": "0%"}), 0),
        (json!({"reset": true, "probability": "100%"}), 1000),
        (json!({"reset": true, "times": 2}), 2),
        (json!({"reset": true, "skip": 990}), 10),
        (json!({"reset": true, "skip": 10, "every": 20}), 49),
        (json!({"reset": true, "sequence": "fail fail pass"}), 667),
        (json!({"reset": true, "connections": "existing"}), 0),
        (json!({"reset": true, "skip": 1, "times": 1}), 1),
    ] {
        let mut planner = Planner::new(7);
        let plan = planner.plan(std::slice::from_ref(&fault), epoch());
        for _ in 0..1000 {
            Conversation::open(plan.clone(), epoch());
        }
        assert_eq!(planner.tally("f0").hits.load(Relaxed), hits, "{fault}");
    }
}

#[test]
fn times_counts_hits_and_gives_back_what_never_became_one() {
    let mut planner = Planner::new(1);
    let plan = planner.plan(&[json!({"reset": true, "after": "1KiB", "times": 1})], epoch());
    let mut short = Conversation::open(plan.clone(), epoch());
    short.finish(ms(1));
    assert_eq!(planner.tally("f0").suppressed(Reason::EndedFirst), 1);
    let mut long = Conversation::open(plan, ms(2));
    long.receive(Direction::ToClient, Payload::Data(vec![0; 2000].into()), ms(3));
    assert_eq!(long.transmit(Direction::ToClient, ms(3)).map(|payload| payload.len()), Some(1024));
    assert_eq!(planner.tally("f0").hits.load(Relaxed), 1);
}

#[test]
fn a_fault_reaches_open_connections_at_once_and_existing_means_them() {
    let mut planner = Planner::new(1);
    let mut open = Conversation::open(planner.plan(&[], epoch()), epoch());
    let plan = planner.plan(&[json!({"reset": true, "connections": "existing"})], ms(100));
    open.adopt(plan.clone(), ms(100));
    assert!(open.over().is_some());
    assert!(Conversation::open(plan, ms(200)).over().is_none());
}

#[test]
fn adding_a_fault_above_shifts_no_outcome_below() {
    let fates = |faults: &[serde_json::Value]| {
        let mut planner = Planner::new(3);
        let plan = planner.plan(faults, epoch());
        let mut hit = Vec::new();
        for _ in 0..300 {
            let mut conversation = Conversation::open(plan.clone(), epoch());
            hit.extend(conversation.events().filter(|e| &*e.fault.name == "below" && matches!(e.what, What::Hit { .. })).map(|e| e.n));
        }
        hit
    };
    let below = json!({"name": "below", "close": true, "probability": "30%"});
    let alone = fates(std::slice::from_ref(&below));
    let with = fates(&[json!({"name": "above", "reset": true, "probability": "50%"}), below]);
    assert!(with.len() > 20 && with.iter().all(|n| alone.contains(n)), "{with:?} {alone:?}");
}

#[test]
fn jitter_beyond_the_latency_is_never_below_zero_and_never_huge() {
    let plan = Planner::new(5).plan(&[json!({"latency": "10ms", "jitter": "1s"})], epoch());
    for i in 0..200 {
        let mut conversation = Conversation::open(plan.clone(), epoch());
        let got = run(&mut conversation, &format!("{i}ms <x"), ms(10_000));
        assert!(got[0].0 >= i && got[0].0 <= i + 1010, "{got:?}");
    }
}

/// Random faults that lose nothing, random traffic, random changes: every byte comes out, in order, once, and all of it after healing.
#[test]
fn simulated_traffic_is_whole_under_every_fault_that_loses_nothing() {
    let seeds = std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    for seed in 0..seeds {
        simulate(seed);
    }
}

fn simulate(seed: u64) {
    let dice = crate::dice::Dice::new(crate::dice::Seed(seed), "simulation", "");
    let mut drawn = 0;
    let mut pick = |below: u64| {
        drawn += 1;
        dice.draw(crate::dice::Purpose::Fire, drawn, 0) % below
    };
    let palette = [
        json!({"latency": "40ms", "jitter": "30ms", "direction": "both"}),
        json!({"latency": "1ms..90ms"}),
        json!({"latency": {"retransmit": "20%", "rto": "10ms"}}),
        json!({"bandwidth": "300kB/s", "direction": "both"}),
        json!({"bandwidth": "1MB/s to 50kB/s over 1s", "rate_per": "proxy"}),
        json!({"slice": "700B", "vary": "600B", "gap": "1ms"}),
        json!({"slow_close": "70ms", "latency": "3ms", "after": "900B"}),
        json!({"blackhole": true, "resume": true, "after": "5KiB"}),
        json!({"reset": true, "after": "900MiB"}),
    ];
    let mut planner = Planner::new(seed);
    let mut now = epoch();
    let mut conversation = Conversation::open(planner.plan(&[], now), now);
    let (mut sent, mut got) = ([0u32; 2], [0u32; 2]);
    let take = |conversation: &mut Conversation, now: Instant, got: &mut [u32; 2]| {
        conversation.tick(now);
        for direction in Direction::BOTH {
            while let Some(Payload::Data(bytes)) = conversation.transmit(direction, now) {
                for byte in bytes {
                    assert_eq!(byte, (got[direction.index()] % 251) as u8, "seed {seed}: out of order");
                    got[direction.index()] += 1;
                }
            }
        }
    };
    for _ in 0..200 {
        if pick(10) == 0 {
            let faults: Vec<_> = (0..pick(4)).map(|_| palette[pick(palette.len() as u64) as usize].clone()).collect();
            conversation.adopt(planner.plan(&faults, now), now);
        }
        let direction = Direction::BOTH[pick(2) as usize];
        if conversation.wants(direction) {
            let bytes: Vec<u8> = (0..pick(3000) + 1).map(|i| ((u64::from(sent[direction.index()]) + i) % 251) as u8).collect();
            sent[direction.index()] += bytes.len() as u32;
            conversation.receive(direction, Payload::Data(bytes.into()), now);
        }
        take(&mut conversation, now, &mut got);
        assert!(conversation.over().is_none(), "seed {seed}: ended");
        assert!(conversation.wake([true; 2]).is_none_or(|wake| wake > now), "seed {seed}: wants to be asked again at once");
        let pause = now + Duration::from_micros(pick(20_000));
        now = conversation.wake([true; 2]).map_or(pause, |wake| wake.min(pause)).max(now);
    }
    conversation.adopt(planner.plan(&[], now), now);
    take(&mut conversation, now, &mut got);
    assert_eq!(got, sent, "seed {seed}: all drains after healing");
    assert_eq!(conversation.held(Direction::ToClient) + conversation.held(Direction::ToServer), 0);
}
