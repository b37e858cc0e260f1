//! Faults that act as stages of one direction, as toxics do.

use super::*;
use crate::testing::{Planner, check, epoch, ms, run};
use serde_json::{Value, json};

const TALK: &str = "0ms >ask | 10ms <hello | 20ms >more | 40ms <world";

/// A conversation under these faults, what they are edited to at 100 ms, and what leaves before and after.
fn edited(before: &[Value], after: &[Value], script: &str, then: &str) -> (Conversation, String, String) {
    let mut planner = Planner::new(1);
    let mut conversation = Conversation::open(planner.plan(before, epoch()), epoch());
    conversation.dialled();
    let first = said(run(&mut conversation, script, ms(99)));
    conversation.adopt(planner.plan(after, ms(100)), ms(100));
    // Something happens the other way, so that it is looked at.
    let then = said(run(&mut conversation, &format!("100ms >! | {then}"), ms(100_000)));
    (conversation, first, then.replace("100ms >! | ", "").replace("100ms >!", ""))
}

fn said(out: Vec<(u64, String)>) -> String {
    out.into_iter().map(|(at, what)| format!("{at}ms {what}")).collect::<Vec<_>>().join(" | ")
}

#[test]
fn silence_is_one_way_and_each_chunk_starts_its_clock_again() {
    let silent = json!({"staged": 1, "blackhole": "50ms", "direction": "to_client"});
    check(silent.clone(), "0ms >ask | 20ms <a | 60ms <b | 70ms >more", "0ms >ask | 70ms >more | 110ms >fin | 110ms <fin");
    check(silent, "0ms >ask | 20ms <fin", "0ms >ask | 20ms >fin | 20ms <fin");
    check(json!({"staged": 1, "blackhole": true, "direction": "to_server"}), TALK, "10ms <hello | 40ms <world");
}

#[test]
fn silence_does_not_stop_those_behind_it() {
    let mut planner = Planner::new(1);
    let faults = [
        json!({"name": "a", "staged": 1, "blackhole": true, "direction": "to_server"}),
        json!({"name": "b", "staged": 1, "latency": "100ms", "direction": "to_client"}),
    ];
    let mut conversation = Conversation::open(planner.plan(&faults, epoch()), epoch());
    assert_eq!(said(run(&mut conversation, TALK, ms(1000))), "110ms <hello | 140ms <world");
}

#[test]
fn taking_silence_away_ends_everything_that_had_it_and_editing_does_not() {
    let silent =
        |probability: &str| json!({"name": "t", "staged": 1, "blackhole": true, "direction": "to_client", "probability": probability});
    for probability in ["100%", "0%"] {
        let (conversation, _, then) = edited(&[silent(probability)], &[], "", "");
        assert_eq!(then, "100ms >fin | 100ms <fin", "{probability}");
        assert_eq!(conversation.over().map(|over| over.end), Some(End::Fin));
    }
    let (conversation, first, then) = edited(&[silent("100%")], &[silent("0%")], "10ms <lost", "200ms <seen");
    assert_eq!((first.as_str(), then.as_str()), ("", "200ms <seen"));
    assert!(conversation.over().is_none());
    let (_, first, then) = edited(&[silent("0%")], &[silent("100%")], "10ms <seen", "200ms <lost");
    assert_eq!((first.as_str(), then.as_str()), ("10ms <seen", ""));
}

#[test]
fn a_reset_waits_for_its_stream_and_holds_up_only_that() {
    let reset = json!({"name": "r", "staged": 1, "reset": true, "latency": "30ms", "when": "after_upstream", "direction": "to_client"});
    check(reset.clone(), "0ms >ask | 10ms <x | 20ms >more | 30ms <y", "0ms >ask | 20ms >more | 40ms >rst | 40ms <rst");
    check(reset.clone(), "0ms >ask | 10ms <fin", "0ms >ask | 40ms >rst | 40ms <rst");
    check(reset.clone(), "0ms >ask | 500ms >more", "0ms >ask | 500ms >more");
    // What it has swallowed is missing: taking it away does not save the connection.
    let slow = json!({"name": "r", "staged": 1, "reset": true, "latency": "1s", "when": "after_upstream", "direction": "to_client"});
    assert_eq!(edited(std::slice::from_ref(&slow), &[], "10ms <x", "").2, "100ms >rst | 100ms <rst");
    assert_eq!(edited(&[slow], std::slice::from_ref(&reset), "10ms <x", "").2, "1010ms >rst | 1010ms <rst");
    let never = edited(&[reset], &[], "", "200ms <x").2;
    assert_eq!(never, "200ms <x");
}

#[test]
fn a_stage_sees_what_those_before_it_let_through() {
    let mut planner = Planner::new(1);
    let reset = json!({"name": "r", "staged": 1, "reset": true, "when": "after_upstream", "direction": "to_client"});
    let plan = planner.plan(&[json!({"name": "l", "staged": 1, "latency": "100ms"}), reset.clone()], epoch());
    let mut late = Conversation::open(plan, epoch());
    assert_eq!(said(run(&mut late, "10ms <x", ms(1000))), "110ms <rst | 110ms >rst");
    let plan = planner.plan(&[json!({"name": "b", "staged": 1, "bandwidth": "0B/s"}), reset], epoch());
    let mut held = Conversation::open(plan, epoch());
    assert_eq!(said(run(&mut held, "10ms <x", ms(1000))), "");
}

#[test]
fn a_limit_counts_over_edits() {
    let limit = |bytes: &str| json!({"name": "l", "staged": 1, "close": true, "after": bytes, "direction": "to_client"});
    check(limit("3B"), "0ms >ask | 5ms <hello", "0ms >ask | 5ms <hel | 5ms >fin | 5ms <fin");
    check(limit("5B"), "5ms <hello", "5ms <hello | 5ms >fin | 5ms <fin");
    check(limit("0B"), "0ms >ask | 5ms <hello", "0ms >ask | 5ms < | 5ms >fin | 5ms <fin");
    assert_eq!(edited(&[limit("9B")], &[limit("7B")], "1ms <hello", "200ms <world").2, "200ms <wo | 200ms >fin | 200ms <fin");
    assert_eq!(edited(&[limit("9B")], &[limit("3B")], "1ms <hello", "200ms <world").2, "200ms < | 200ms >fin | 200ms <fin");
    // Another fault stands behind it when it strikes.
    let mut planner = Planner::new(1);
    let plan =
        planner.plan(&[limit("3B"), json!({"name": "m", "staged": 1, "close": true, "after": "9B", "direction": "to_client"})], epoch());
    assert_eq!(said(run(&mut Conversation::open(plan, epoch()), "5ms <hello", ms(10))), "5ms <hel | 5ms >fin | 5ms <fin");
}

#[test]
fn an_edit_lets_go_of_what_was_delayed_and_keeps_what_is_paced() {
    let latency = |value: &str| json!({"name": "x", "staged": 1, "latency": value});
    assert_eq!(edited(&[latency("10s")], &[latency("20ms")], "1ms <held", "200ms <new").2, "100ms <held | 220ms <new");
    let rate = |value: &str, share: &str| json!({"name": "x", "staged": 1, "bandwidth": value, "burst": "1B", "probability": share});
    assert_eq!(
        edited(&[rate("0B/s", "100%")], &[rate("1kB/s", "100%")], "1ms <abc", "").2,
        "100ms <a | 101ms <b | 102ms <c",
        "what waits goes on at the new pace"
    );
    assert_eq!(edited(&[rate("0B/s", "100%")], &[rate("0B/s", "0%")], "1ms <abc", "").2, "100ms <abc");
    let late = |value: &str| json!({"name": "x", "staged": 1, "slow_close": value});
    assert_eq!(edited(&[late("1s")], &[late("500ms")], "1ms <x | 2ms <fin", "").2, "600ms <fin");
    assert_eq!(edited(&[late("1s")], &[], "1ms <x | 2ms <fin", "").2, "100ms <fin");
}

#[test]
fn latency_by_chunk() {
    let staged = json!({"staged": 1, "latency": "100ms"});
    check(staged, "0ms <a | 10ms <b | 20ms <fin | 300ms >x", "100ms <a | 110ms <b | 110ms <fin | 300ms >x");
    check(json!({"staged": 1, "latency": "100ms"}), "20ms <fin", "20ms <fin");
    let plan = Planner::new(3).plan(&[json!({"staged": 1, "latency": "20ms", "jitter": "10ms"})], epoch());
    let mut delays = Vec::new();
    for _ in 0..2000 {
        let mut conversation = Conversation::open(plan.clone(), epoch());
        delays.push(run(&mut conversation, "0ms <x", ms(1000))[0].0);
    }
    assert_eq!((delays.iter().min(), delays.iter().max()), (Some(&10), Some(&29)), "from the whole of one end to below the other");
}

#[test]
fn slices_by_halves() {
    let plan = Planner::new(3).plan(&[json!({"staged": 1, "slice": "100B", "gap": "1ms"})], epoch());
    let mut conversation = Conversation::open(plan, epoch());
    let out = run(&mut conversation, &format!("0ms <{}", "x".repeat(1000)), ms(1000));
    let sizes: Vec<usize> = out.iter().map(|(_, what)| what.len() - 1).collect();
    assert_eq!(sizes.len(), 16);
    assert!(sizes.iter().all(|size| (62..=63).contains(size)), "{sizes:?}");
    assert_eq!(out.iter().map(|(at, _)| *at).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
}

#[test]
fn a_loss_makes_the_next_likelier() {
    let stalls = |correlation: &str| {
        let fault = json!({"staged": 1, "latency": {"retransmit": "10%", "rto": "1ms"}, "correlation": correlation});
        let mut conversation = Conversation::open(Planner::new(9).plan(&[fault], epoch()), epoch());
        let out = run(&mut conversation, &format!("0ms <{}", "x".repeat(1448 * 2000)), ms(1_000_000));
        out.last().unwrap().0
    };
    let (alone, together) = (stalls("0%"), stalls("50%"));
    assert!(together > alone * 3 / 2, "{alone} {together}");
    assert!(stalls("100%") > together);
}
