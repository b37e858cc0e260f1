//! Tests of the core as text: faults, what comes in when, and what goes out when.

use crate::{
    contract::Way,
    conversation::Conversation,
    dice::Seed,
    effect::AnyEffect,
    fault::Fault,
    head::{Field, Head, List},
    node::Node,
    piece::{Direction, End, Payload},
    plan::{Compiled, Owner, Plan, Reason, Tally},
    protocol::Protocol,
    reply::Dates,
    talk::Talk,
    units::Span,
    who::Who,
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// The moment at which every test begins.
#[allow(clippy::disallowed_methods, reason = "an instant has to come from somewhere; all tests share this one")]
pub fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| Instant::now() + Duration::from_secs(3600))
}

pub fn ms(ms: u64) -> Instant {
    epoch() + Duration::from_millis(ms)
}

/// Makes plans, and keeps counters by name as a proxy does.
pub struct Planner {
    seed: Seed,
    generation: u64,
    tallies: HashMap<String, Arc<Tally>>,
    last: Vec<Arc<Compiled>>,
    on: Protocol,
}

impl Planner {
    pub fn new(seed: u64) -> Planner {
        Planner { seed: Seed(seed), generation: 0, tallies: HashMap::new(), last: Vec::new(), on: Protocol::Tcp }
    }

    /// Of faults that are rolled for each request.
    pub fn of_exchanges(seed: u64) -> Planner {
        Planner { on: Protocol::Http, ..Planner::new(seed) }
    }

    /// `faults`: maps in JSON, without a proxy; `staged` makes one act as toxics do.
    pub fn plan(&mut self, faults: &[serde_json::Value], now: Instant) -> Arc<Plan> {
        self.generation += 1;
        let compiled: Vec<Arc<Compiled>> = faults.iter().enumerate().map(|(i, fault)| self.compile(i, fault, now)).collect();
        self.last = compiled.clone();
        Arc::new(Plan::new(self.generation, compiled))
    }

    fn compile(&mut self, i: usize, fault: &serde_json::Value, now: Instant) -> Arc<Compiled> {
        let mut map = fault.clone();
        map["proxy"] = "p".into();
        let staged = map.as_object_mut().and_then(|map| map.shift_remove("staged")).is_some();
        let mut fault = Fault::read(&Node::from_json(&map)).unwrap_or_else(|complaints| panic!("{map}: {complaints:?}"));
        if staged {
            fault.staged = true;
            fault.effects.iter_mut().for_each(|effect| match effect {
                AnyEffect::Latency(latency) => latency.by_chunk = true,
                AnyEffect::Slice(slice) => slice.halves = true,
                _ => {}
            });
        }
        let name: Arc<str> = fault.name.clone().unwrap_or_else(|| format!("f{i}")).into();
        let tally = self.tallies.entry(name.to_string()).or_default().clone();
        let before = self.last.iter().find(|known| known.name == name);
        let since = before.map_or(now, |known| known.since);
        let shared = Compiled::shared_of(&fault);
        let fault =
            before.filter(|known| known.fault.written == fault.written).map_or_else(|| Arc::new(fault), |known| known.fault.clone());
        Arc::new(Compiled::new(name, fault, Owner::Api, since, (tally, shared), self.seed, (self.on, None::<Way>)))
    }

    pub fn tally(&self, name: &str) -> &Tally {
        &self.tallies[name]
    }
}

/// Runs a conversation on invented time. `script`: `0ms >hello | 30ms <world | 40ms <fin`; `>` is what the client sends.
pub fn run(conversation: &mut Conversation, script: &str, until: Instant) -> Vec<(u64, String)> {
    let mut steps: Vec<(Instant, Direction, Payload)> = script.split('|').map(str::trim).filter(|s| !s.is_empty()).map(step).collect();
    steps.reverse();
    let mut out = Vec::new();
    loop {
        let next = [steps.last().map(|step| step.0), conversation.wake([true; 2])].into_iter().flatten().min();
        let Some(now) = next.filter(|now| *now <= until) else { return out };
        while steps.last().is_some_and(|step| step.0 <= now) {
            let (_, direction, payload) = steps.pop().unwrap();
            conversation.receive(direction, payload, now);
        }
        conversation.tick(now);
        // What leaves one way may end the other.
        while let Some((direction, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, conversation.transmit(way, now)?))) {
            let arrow = if direction == Direction::ToServer { '>' } else { '<' };
            out.push(((now - epoch()).as_millis() as u64, format!("{arrow}{}", text(&payload))));
        }
        assert!(conversation.wake([true; 2]).is_none_or(|wake| wake > now), "asked to be woken at a moment that has passed");
    }
}

fn step(step: &str) -> (Instant, Direction, Payload) {
    let (at, what) = step.split_once(' ').unwrap();
    let direction = if what.starts_with('>') { Direction::ToServer } else { Direction::ToClient };
    let payload = match &what[1..] {
        "fin" => Payload::End(End::Fin),
        "rst" => Payload::End(End::Rst),
        bytes => Payload::Data(Bytes::copy_from_slice(bytes.as_bytes())),
    };
    (epoch() + Span::parse(at).unwrap().duration(), direction, payload)
}

fn text(payload: &Payload) -> String {
    match payload {
        Payload::Head(Head::Http2(list)) | Payload::Trailers(Head::Http2(list)) => {
            let said = |field: &Field| format!("{} {}", field.name.escape_ascii(), field.value.escape_ascii());
            list.fields.iter().map(said).collect::<Vec<_>>().join(", ")
        }
        Payload::Head(head) | Payload::Trailers(head) => String::from_utf8_lossy(&head.lines()).into_owned(),
        Payload::Frame(bytes) | Payload::Data(bytes) | Payload::Pong(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Payload::Bound(bound) => format!("{bound:?}"),
        Payload::End(End::Fin) => "fin".to_owned(),
        Payload::End(End::Rst) => "rst".to_owned(),
    }
}

/// What came of a talk in HTTP.
pub struct Played {
    pub planner: Planner,
    pub to_server: String,
    pub to_client: String,
}

impl Played {
    /// How often the first fault hit, and what kept it from that.
    pub fn counts(&self) -> (u64, Vec<&'static str>) {
        let tally = self.planner.tally("f0");
        let kept = Reason::ALL.into_iter().filter(|reason| tally.suppressed(*reason) > 0).map(Reason::name).collect();
        (tally.hits.load(std::sync::atomic::Ordering::Relaxed), kept)
    }
}

#[derive(Debug)]
struct Then;

impl Dates for Then {
    fn date(&self) -> String {
        "Fri, 20 Nov 2026 00:00:00 GMT".to_owned()
    }
}

/// Faults on a connection of HTTP/1: `(at, what)`, where `>` is what the client sends and `~` ends a line; `!` there heals them all. What
/// leaves is written in the same way, with the moment before each that came at another one than the last.
pub fn http1(faults: &[serde_json::Value], script: &[(u64, &str)]) -> Played {
    let mut planner = Planner::of_exchanges(1);
    let mut talk = Talk::http(planner.plan(faults, epoch()), Who::default(), Box::new(Then), epoch());
    let mut left: [Vec<(u64, String)>; 2] = Default::default();
    let mut steps = script.iter().peekable();
    loop {
        let next = [steps.peek().map(|(at, _)| ms(*at)), talk.wake([true; 2])].into_iter().flatten().min();
        let Some(now) = next.filter(|now| *now <= ms(3_600_000)) else { break };
        talk.tick(now);
        while let Some((_, what)) = steps.next_if(|(at, _)| ms(*at) <= now) {
            let way = if what.starts_with('>') { Direction::ToServer } else { Direction::ToClient };
            match what.trim_start_matches(['>', '<']) {
                "!" => talk.adopt(planner.plan(&[], now), now),
                "fin" => talk.receive(way, Payload::End(End::Fin), now),
                "rst" => talk.receive(way, Payload::End(End::Rst), now),
                bytes => talk.receive(way, Payload::Data(bytes.replace('~', "\r\n").into()), now),
            }
        }
        while let Some((way, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, talk.transmit(way, now)?))) {
            left[way.index()].push(((now - epoch()).as_millis() as u64, text(&payload)));
        }
    }
    talk.finish(ms(3_600_000));
    let [to_server, to_client] = left.map(|left| joined(&left).replace("\r\n", "~"));
    Played { planner, to_server, to_client }
}

/// Faults on one exchange, as its parts come: heads of HTTP/2, for which `list` writes fields.
pub fn exchange(fault: &serde_json::Value, script: Vec<(u64, Direction, Payload)>) -> Played {
    let mut planner = Planner::of_exchanges(1);
    let mut talk = Conversation::of(planner.plan(std::slice::from_ref(fault), epoch()), Who::default(), epoch(), epoch());
    talk.dialled();
    let mut left: [Vec<(u64, String)>; 2] = Default::default();
    let mut steps = script.into_iter().peekable();
    loop {
        let next = [steps.peek().map(|(at, ..)| ms(*at)), talk.wake([true; 2])].into_iter().flatten().min();
        let Some(now) = next.filter(|now| *now <= ms(3_600_000)) else { break };
        talk.tick(now);
        while let Some((_, way, payload)) = steps.next_if(|(at, ..)| ms(*at) <= now) {
            talk.receive(way, payload, now);
        }
        while let Some((way, payload)) = Direction::BOTH.into_iter().find_map(|way| Some((way, talk.transmit(way, now)?))) {
            left[way.index()].push(((now - epoch()).as_millis() as u64, format!("[{}]", text(&payload))));
        }
    }
    talk.finish(ms(3_600_000));
    let [to_server, to_client] = left.map(|left| joined(&left));
    Played { planner, to_server, to_client }
}

/// A list of fields as HTTP/2 has it: `:status 200, a 1`.
pub fn list(fields: &str, is_all: bool) -> Head {
    let fields = fields.split(", ").filter_map(|field| field.split_once(' ')).map(|(name, value)| Field::new(name, value.to_owned()));
    Head::Http2(Box::new(List { fields: fields.collect(), raw: None, is_all }))
}

fn joined(left: &[(u64, String)]) -> String {
    let mut last = None;
    let mut joined = String::new();
    for (at, what) in left {
        if last != Some(at) {
            joined += &format!("{}{at}: ", if last.is_some() { " | " } else { "" });
            last = Some(at);
        }
        joined += what;
    }
    joined
}

/// One fault, from the beginning: what comes in when, what goes out when.
pub fn check(fault: serde_json::Value, script: &str, want: &str) {
    let plan = Planner::new(1).plan(std::slice::from_ref(&fault), epoch());
    let mut conversation = Conversation::open(plan, epoch());
    conversation.dialled();
    let got = run(&mut conversation, script, ms(3_600_000));
    let got: Vec<String> = got.into_iter().map(|(at, what)| format!("{at}ms {what}")).collect();
    assert_eq!(got.join(" | "), want, "{fault}");
}
