//! The library rehearsed: every ready scenario over its whole length on invented time, and what its faults must have done by then.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail, and an instant has to come from somewhere")]

mod rehearsal;

use faultwire_faults::fault::Fault;
use faultwire_scenarios::{
    library::{LIBRARY, find},
    scenario,
};
use rehearsal::{Call, Client, Outcome, Outcome::*, Played, THINKS, play};
use std::time::{Duration, Instant};

const SEED: u64 = 7193;
const PATIENCE: Duration = Duration::from_secs(10);
const REQUEST: usize = 200;
const ANSWER: usize = 2000;
/// How long the clients go on after everything has been healed.
const AFTER: Duration = Duration::from_secs(5);

/// What is rehearsed of a scenario: before whom, how long, and what must be seen.
struct Part {
    clients: Vec<Client>,
    length: Duration,
    shows: fn(&Played),
}

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// So many clients that each keep a connection and ask once a second, one a little after the other.
fn pool(count: usize) -> Vec<Client> {
    let client = |i| Client { from: ms(5 + 37 * i), every: s(1.0), keeps: true, request: REQUEST, answer: ANSWER, patience: PATIENCE };
    (0..count as u64).map(client).collect()
}

/// So many that open a connection for each call.
fn callers(count: usize) -> Vec<Client> {
    pool(count).into_iter().map(|client| Client { keeps: false, from: client.from + ms(11), ..client }).collect()
}

fn with(clients: Vec<Client>, change: impl Fn(&mut Client)) -> Vec<Client> {
    clients
        .into_iter()
        .map(|mut client| {
            change(&mut client);
            client
        })
        .collect()
}

fn both(count: usize) -> Vec<Client> {
    [pool(count), callers(count)].concat()
}

fn part(name: &str) -> Part {
    let part = |clients, seconds, shows| Part { clients, length: s(seconds), shows };
    match name {
        "slow-database" => part(both(10), 60.0, slow_database),
        "slow-tail" => part(callers(30), 60.0, slow_tail),
        "flaky-payments" => part(callers(30), 60.0, flaky_payments),
        "packet-loss" => part(both(10), 60.0, packet_loss),
        "cross-region" => part(both(10), 60.0, cross_region),
        "throttled" => {
            let small = with(pool(1), |client| client.answer = 1024);
            let large = with(callers(3), |client| {
                (client.from, client.every, client.answer, client.request) = (client.from + s(1.0), s(9.0), 50 << 10, 8 << 10)
            });
            part([small, large].concat(), 60.0, throttled)
        }
        "trickle" => part(with(both(3), |client| client.answer = 1024), 60.0, trickle),
        "half-answer" => part(both(15), 60.0, half_answer),
        "blackhole" => part(both(10), 60.0, blackhole),
        "cable-cut" => part([with(pool(10), |client| client.patience = s(60.0)), callers(10)].concat(), 80.0, cable_cut),
        "outage" => part(both(10), 60.0, outage),
        "flapping" => part(both(10), 90.0, flapping),
        "slow-start" => part(both(10), 90.0, slow_start),
        "brownout" => part(both(2), 270.0, brownout),
        "connection-storm" => part(both(10), 70.0, connection_storm),
        "rolling-restart" => part(pool(30), 100.0, rolling_restart),
        "pool-reset" => part(both(10), 60.0, pool_reset),
        "pool-silent" => part(both(10), 60.0, pool_silent),
        _ => panic!("nobody has rehearsed `{name}`"),
    }
}

fn faults(name: &str) -> Vec<Fault> {
    let text = find(name).unwrap().text;
    let loaded = scenario::load(&[name.to_owned()], &|_| Ok(text.to_owned()), &|_| None, "127.0.0.1");
    loaded.scenario.unwrap().in_force()
}

#[test]
fn every_ready_scenario_does_what_it_says() {
    for ready in LIBRARY {
        let (part, faults) = (part(ready.name), faults(ready.name));
        let epoch = Instant::now();
        let perform = || play(&faults, &part.clients, SEED, epoch, (part.length, AFTER));
        let played = perform();
        println!("{:<17} {:>5} calls, {}", ready.name, played.calls.len(), told(&played));
        every_fault_acts(ready.name, &faults, &played);
        all_is_well_afterwards(ready.name, &played, part.length);
        (part.shows)(&played);
        assert_eq!(played, perform(), "{} is not the same twice", ready.name);
    }
}

fn told(played: &Played) -> String {
    let felt = played.felt.iter().map(|(name, felt)| format!("{name}: {} of {}", felt.hits, felt.matched));
    felt.collect::<Vec<_>>().join(", ")
}

/// Nothing is there in vain, and the dice keep to their shares: within four standard deviations.
fn every_fault_acts(name: &str, faults: &[Fault], played: &Played) {
    for fault in faults {
        let felt = played.felt(fault.name.as_deref().unwrap());
        assert!(felt.hits > 0 || played.count(Refused) > 0, "{name}: {:?} was never hit", fault.name);
        // The rest was let go, as it was healed before it had acted.
        assert!(felt.hits + felt.passed + felt.ended_first <= felt.matched, "{name}: {:?} {felt:?}", fault.name);
        let share = f64::from(fault.often.probability.at(Duration::ZERO).0) / 1e6;
        let (chosen, mean) = ((felt.matched - felt.passed) as f64, felt.matched as f64 * share);
        let stray = 4.0 * (mean * (1.0 - share)).sqrt();
        assert!((chosen - mean).abs() <= stray, "{name}: {:?} chose {chosen} of {}", fault.name, felt.matched);
    }
}

/// Once it is healed, no byte is held, nobody waits, and every call is as quick as without a proxy.
fn all_is_well_afterwards(name: &str, played: &Played, length: Duration) {
    assert_eq!((played.left, played.hung), (0, 0), "{name}");
    let after: Vec<&Call> = played.asked(length, Duration::MAX).collect();
    assert!(after.len() >= 5, "{name}: {} calls afterwards", after.len());
    quick(after, name);
}

#[track_caller]
fn quick<'a>(calls: impl IntoIterator<Item = &'a Call>, why: &str) -> usize {
    let mut count = 0;
    for call in calls {
        assert!(call.outcome == Answered && call.took() == THINKS, "{why}: {call:?}");
        count += 1;
    }
    assert!(count > 0, "{why}: nobody asked");
    count
}

#[track_caller]
fn all(played: &Played, from: f64, to: f64, outcome: Outcome) -> usize {
    let calls: Vec<&Call> = played.asked(s(from), s(to)).collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.outcome == outcome), "{from}s to {to}s: {calls:?}");
    calls.len()
}

/// Beyond what the upstream itself took, in milliseconds.
fn late(call: &Call) -> f64 {
    (call.took() - THINKS).as_secs_f64() * 1e3
}

/// What happens while faults act from the beginning to the end.
fn during(played: &Played) -> Vec<&Call> {
    played.asked(Duration::ZERO, s(60.0)).filter(|call| call.ended < s(60.0)).collect()
}

fn slow_database(played: &Played) {
    all(played, 0.0, 60.0, Answered);
    for call in during(played) {
        assert!((250.0..=350.0).contains(&late(call)), "{call:?}");
    }
    let felt = played.felt("slow-answers");
    assert_eq!(felt.hits, felt.matched);
}

fn slow_tail(played: &Played) {
    all(played, 0.0, 60.0, Answered);
    let mut times: Vec<f64> = during(played).into_iter().map(late).collect();
    let slow = times.iter().filter(|time| **time >= 2000.0).count();
    assert!(slow as u64 >= played.felt("bad-replica").hits - 30, "{slow} were slow");
    times.retain(|time| *time < 2000.0);
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    assert!((4.0..6.5).contains(&at(0.5)) && (30.0..60.0).contains(&at(0.9)), "{} {}", at(0.5), at(0.9));
    assert!(at(0.995) > 500.0, "there is no tail: {}", at(0.995));
}

fn flaky_payments(played: &Played) {
    let resets = |done: bool| played.calls.iter().filter(|call| call.outcome == Reset && call.arrived.is_some() == done).count() as u64;
    assert_eq!(resets(false), played.felt("request-lost").hits, "what got lost before the work was done");
    assert_eq!(resets(true), played.felt("answer-lost").hits, "what got lost after the work was done");
    assert!(played.calls.iter().all(|call| call.outcome != Reset || call.got() == 0), "no part of a lost answer is seen");
    let slow = during(played).into_iter().filter(|call| call.outcome == Answered && late(call) == 3000.0).count();
    // Those that were still under way at the end were healed.
    let hits = played.felt("slow-answer").hits as usize;
    assert!(slow <= hits && slow + 30 >= hits, "{slow} of {hits} were slow");
}

fn packet_loss(played: &Played) {
    all(played, 0.0, 60.0, Answered);
    let stalls: Vec<f64> = during(played).into_iter().map(|call| late(call) / 200.0).collect();
    assert!(stalls.iter().all(|stalls| stalls.fract() == 0.0), "every stall is a retransmission time-out or several: {stalls:?}");
    // Three segments a call, each lost with 3%.
    let share = stalls.iter().filter(|stalls| **stalls > 0.0).count() as f64 / stalls.len() as f64;
    assert!((0.05..0.13).contains(&share), "{share}");
    assert!(stalls.iter().any(|stalls| *stalls >= 3.0), "one was lost twice in a row");
}

fn cross_region(played: &Played) {
    all(played, 0.0, 60.0, Answered);
    for call in during(played) {
        assert!((76.0..=84.0).contains(&late(call)), "{call:?}");
        let up = call.arrived.unwrap() - call.asked;
        assert!((ms(38)..=ms(42)).contains(&up), "{call:?}");
    }
}

fn throttled(played: &Played) {
    all(played, 0.0, 60.0, Answered);
    let calls = during(played);
    assert!(late(calls[0]) < 30.0, "a small call alone is hardly late: {:?}", calls[0]);
    for call in calls.iter().filter(|call| call.got() == 50 << 10) {
        // Ten milliseconds' worth may leave at once, and the last millisecond's a millisecond early.
        assert!(call.arrived.unwrap() - call.asked >= ms(250 - 11) && call.took() >= ms(250 + 781 - 22), "{call:?}");
    }
    let came: usize = calls.iter().flat_map(|call| &call.parts).map(|(_, length)| length).sum();
    assert!(came <= 64 * 1024 * 60 + 656, "all together had {came} bytes in a minute");
    assert!(came >= 8 * 1024 * 60, "the pipe is thin, and not shut: {came}");
}

fn trickle(played: &Played) {
    all(played, 0.0, 50.0, Answered);
    for call in during(played) {
        assert!(call.parts.iter().all(|(_, length)| *length <= 32), "{call:?}");
        let pauses = call.parts.windows(2).map(|pair| pair[1].0 - pair[0].0);
        assert!(pauses.into_iter().all(|pause| pause == ms(200)), "{call:?}");
        assert!(call.took() >= s(6.2), "{call:?}");
    }
}

fn half_answer(played: &Played) {
    let cut = played.calls.iter().filter(|call| call.outcome == Closed);
    assert!(cut.clone().all(|call| call.got() == 1024), "to the byte");
    assert_eq!(cut.count() as u64, played.felt("cut-off").hits);
    assert_eq!(played.count(Closed) + played.count(Answered), played.calls.len());
}

fn blackhole(played: &Played) {
    for call in played.asked(Duration::ZERO, s(50.0)) {
        assert!(call.outcome == GaveUp && call.took() == PATIENCE && call.arrived.is_none() && call.got() == 0, "{call:?}");
    }
    let felt = played.felt("silence");
    assert_eq!(felt.hits, felt.matched);
}

fn cable_cut(played: &Played) {
    quick(played.asked(s(0.0), s(29.9)), "before");
    let cut: Vec<&Call> = played.asked(s(30.0), s(50.0)).collect();
    assert!(
        cut.iter()
            .all(|call| call.outcome == GaveUp
                || call.ended == s(50.0) + if call.arrived == Some(s(50.0)) { THINKS } else { Duration::ZERO }),
        "{cut:?}"
    );
    // Whoever has the patience loses nothing, and none of them is refused or reset.
    let patient: Vec<&&Call> = cut.iter().filter(|call| call.client < 10).collect();
    assert!(patient.len() == 10 && patient.iter().all(|call| call.outcome == Answered && call.arrived >= Some(s(50.0))), "{patient:?}");
    assert!(cut.iter().any(|call| call.outcome == GaveUp) && played.count(Refused) + played.count(Reset) == 0);
    quick(played.asked(s(50.1), s(80.0)), "behind it");
}

fn outage(played: &Played) {
    quick(played.asked(s(0.0), s(29.9)), "before");
    all(played, 30.0, 40.0, Refused);
    quick(played.asked(s(40.0), s(60.0)), "behind it");
    assert_eq!((played.felt("gone").hits, played.ended_idle + played.count(Reset)), (10, 10), "the open ones are cut");
}

fn flapping(played: &Played) {
    for begin in [10.0, 40.0, 70.0] {
        all(played, begin, begin + 5.0, Refused);
        quick(played.asked(s(begin + 5.0), s(begin + 19.9)), "between");
    }
    assert_eq!(played.felt("comes-and-goes").hits, 30, "ten open ones, three times");
}

fn slow_start(played: &Played) {
    all(played, 0.0, 10.0, Refused);
    let warming: Vec<&Call> = played.asked(s(10.0), s(70.0)).filter(|call| call.ended < s(70.0)).collect();
    for call in &warming {
        let came = (call.asked + THINKS).as_secs_f64();
        let cold = 2000.0 * (1.0 - (came - 10.0) / 60.0);
        assert!(call.outcome == Answered && (late(call) - cold).abs() < 1.0, "{cold}ms were promised: {call:?}");
    }
    assert!(warming.len() > 500);
    quick(played.asked(s(70.0), s(90.0)), "it is warm");
}

fn brownout(played: &Played) {
    for call in played.asked(s(0.0), s(237.0)) {
        let cold = 2000.0 * ((call.asked + THINKS).as_secs_f64() / 120.0).min(1.0);
        // In the end 2000 bytes need more than a tenth of a second besides.
        let thin = if call.asked > s(120.0) { 110.0 } else { 0.0 };
        assert!(
            call.outcome == Answered && late(call) >= cold - 1.0 + thin && late(call) <= cold + 125.0,
            "{cold}ms were promised: {call:?}"
        );
    }
    quick(played.asked(s(240.1), s(270.0)), "behind it");
}

fn connection_storm(played: &Played) {
    quick(played.asked(s(0.0), s(29.9)), "before");
    assert_eq!((played.felt("all-lost").hits, played.ended_idle + played.count(Reset)), (10, 10), "the pool is gone");
    let storm: Vec<&Call> = played.asked(s(30.0), s(58.0)).collect();
    let (pooled, fresh): (Vec<&Call>, Vec<&Call>) = storm.into_iter().partition(|call| call.pooled);
    assert!(fresh.iter().all(|call| call.outcome == Answered && call.arrived == Some(call.asked + s(2.0))), "{fresh:?}");
    quick(pooled, "only the greeting is late");
    quick(played.asked(s(60.0), s(70.0)), "behind it");
}

fn rolling_restart(played: &Played) {
    assert_eq!(played.count(Answered), played.calls.len(), "no call fails");
    assert_eq!(played.felt("drained").matched, 90, "thirty connections, three times");
    assert_eq!(played.felt("drained").hits as usize, played.ended_idle);
}

/// Each connection that was there fails one call, and no other does.
fn once_each(played: &Played, fault: &str, outcome: Outcome) {
    quick(played.asked(s(0.0), s(29.9)), "before");
    let failed: Vec<&Call> = played.calls.iter().filter(|call| call.outcome != Answered).collect();
    assert!(failed.iter().all(|call| call.outcome == outcome && call.pooled && call.arrived.is_none()), "{failed:?}");
    assert!(failed.iter().all(|call| (s(30.0)..s(31.0)).contains(&call.asked)), "{failed:?}");
    assert_eq!((failed.len(), played.felt(fault).hits, played.felt(fault).matched), (10, 10, 10));
    quick(played.asked(s(31.0) + PATIENCE, s(60.0)), "on new ones");
}

fn pool_reset(played: &Played) {
    once_each(played, "stale", Reset);
}

fn pool_silent(played: &Played) {
    once_each(played, "gone-silent", GaveUp);
}
