//! A fault in words: what it does, to how many of which units, and when. It knows one fault and one protocol at a time.

use faultwire_faults::{
    contract::Way,
    effect::AnyEffect,
    fault::{After, Chosen, Clock, Connections, Draft, Draw, Episodes, Lease, Limit, Mark, Over, RatePer, Targets, When, own_way},
    fit::plural,
    matching::Written,
    node::{Entry, Node, Value},
    protocol::Protocol,
    units::Percent,
    value::Ramped,
};

/// What stands in a file at length is only begun.
const LONGEST: usize = 48;

/// `latency 250ms, jitter 50ms to the server`.
pub fn does(draft: &Draft, on: Protocol) -> String {
    let fault = &draft.fault;
    let mut said = Vec::new();
    if let Targets::Between { from, to, both, .. } = &fault.targets {
        said.push(format!("partition {from} {} {to}", if *both { "<->" } else { "->" }));
    }
    said.extend(draft.effects.iter().map(|chosen| effect(chosen, draft)));
    let mut text = said.join(", ");
    if let Some(way) = fault.direction.filter(|way| *way != own_way(draft) || *way != Way::ToClient) {
        text += match way {
            Way::ToServer => " to the server",
            Way::ToClient => " to the client",
            Way::Both => " both ways",
        };
    }
    text += &match (fault.after, draft.mark, fault.when) {
        (Some(After::Bytes(size)), ..) => format!(" after {size}"),
        (Some(After::Time(span)), ..) => format!(" after {span}"),
        (_, Some(Mark::Share(share)), _) => format!(" after {share} of the answer"),
        (_, Some(Mark::Messages(1)), _) => " after 1 message".to_owned(),
        (_, Some(Mark::Messages(count)), _) => format!(" after {count} messages"),
        (.., Some(When::Idle)) => " when idle".to_owned(),
        (.., Some(When::BeforeUpstream)) if on.is_bytes() => " at the client's next bytes".to_owned(),
        (.., Some(When::AfterUpstream)) if on.is_bytes() => " at the server's next bytes".to_owned(),
        (.., Some(When::BeforeUpstream)) => " before the upstream sees it".to_owned(),
        (.., Some(When::AfterUpstream)) => " after the upstream has answered".to_owned(),
        (.., Some(When::Connect)) if !on.is_bytes() => " at connect".to_owned(),
        (.., Some(When::Connect) | None) => String::new(),
    };
    if fault.disguise {
        text += ", not marked as injected";
    }
    text
}

/// What this version has says it itself; of the rest the map is repeated.
fn effect(chosen: &Chosen, draft: &Draft) -> String {
    let built = draft.fault.effects.iter().find(|effect| effect.name() == chosen.row.name);
    let whole = chosen.entries.iter().all(|entry| chosen.row.key(&entry.key).is_none_or(|key| key.since.built));
    match built.filter(|_| whole) {
        Some(effect) => AnyEffect::describe(effect),
        None => chosen.entries.iter().map(said).collect::<Vec<_>>().join(", "),
    }
}

fn said(entry: &Entry) -> String {
    match &entry.value.value {
        Value::Bool(true) | Value::Null => entry.key.clone(),
        // Words of people, which would read on into ours.
        Value::Text(_) if matches!(entry.key.as_str(), "message" | "body") => format!("{} \"{}\"", entry.key, short(&entry.value)),
        _ => format!("{} {}", entry.key, short(&entry.value)),
    }
}

/// A value in a few words.
fn short(node: &Node) -> String {
    let text = match &node.value {
        Value::Map(entries) => {
            let inside = entries.iter().map(|entry| format!("{}: {}", entry.key, short(&entry.value))).collect::<Vec<_>>();
            format!("{{{}}}", inside.join(", "))
        }
        Value::List(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(", ")),
        _ => node.text().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What is counted and rolled for.
pub fn unit(draft: &Draft, on: Protocol) -> &'static str {
    match draft.fault.per {
        Some(per) => per,
        None if draft.effects.iter().any(|chosen| chosen.row.on.tls) => "handshake",
        None => on.unit(),
    }
}

/// `10% of requests matching POST /orders`. `None`: it is done to the proxy, and counts nothing.
pub fn share(draft: &Draft, on: Protocol) -> Option<String> {
    if draft.fault.targets.is_between() || draft.has("down") || draft.has("failover") {
        return None;
    }
    let often = &draft.fault.often;
    let (one, many) = units(draft, on);
    let which = which(draft);
    let counted = if often.every > 1 { format!("every {} {one}{which}", nth(often.every)) } else { format!("{many}{which}") };
    let bare = often.every == 1 && often.sequence.is_empty();
    let first = bare && often.skip == 0 && draft.fault.over.is_none() && often.probability == Ramped::Steady(Percent::ALWAYS);
    let mut text = match (often.probability, often.times) {
        (Ramped::Steady(Percent::ALWAYS), Some(1)) if first => format!("the first {one}{which}"),
        (Ramped::Steady(Percent::ALWAYS), Some(times)) if first => format!("the first {times} {many}{which}"),
        (Ramped::Steady(Percent::ALWAYS), _) if bare => format!("every {one}{which}"),
        (Ramped::Steady(Percent::ALWAYS), _) => counted,
        (Ramped::Steady(share), _) => format!("{share} of {counted}"),
        (Ramped::Ramp { from, to, over, .. }, _) => format!("{from} to {to} over {over} of {counted}"),
    };
    if !often.sequence.is_empty() {
        let words: Vec<&str> = often.sequence.iter().map(|fails| if *fails { "fail" } else { "pass" }).collect();
        text += &format!(" by turns: {}", words.join(" "));
    }
    if often.skip > 0 {
        text += &format!(", after the first {}", often.skip);
    }
    text += &match often.times {
        None => String::new(),
        Some(_) if first => String::new(),
        Some(1) => ", once".to_owned(),
        Some(times) => format!(", at most {times} times"),
    };
    match draft.episodes {
        Some(Episodes::Mean { bad, good }) => text += &format!(", in bad spells of {bad}, {good} apart, on average"),
        Some(Episodes::AsLearned) => text += ", in bad spells as learned",
        None => {}
    }
    match draft.fault.draw {
        Draw::Ordinal => {}
        Draw::Identity => text += &format!(", the same {one} always alike"),
        Draw::Trace => text += ", all of a trace alike",
    }
    if let Some(group) = &draft.group {
        text += &format!(", by the roll of {group}");
    }
    if let Some(most) = draft.max_active {
        text += &format!(", at most {most} at once");
    }
    Some(text)
}

/// The units that it looks at: `requests matching POST /orders`.
pub fn counted(draft: &Draft, on: Protocol) -> String {
    units(draft, on).1 + &which(draft)
}

/// Its endings alone.
pub fn endings(draft: &Draft) -> String {
    let endings = draft.effects.iter().filter(|chosen| chosen.row.ends);
    endings.map(|chosen| said(chosen.head())).collect::<Vec<_>>().join(", ")
}

/// One of them, and several.
fn units(draft: &Draft, on: Protocol) -> (String, String) {
    let unit = unit(draft, on);
    let of = match draft.fault.connections {
        Connections::All => return (unit.to_owned(), plural(unit)),
        Connections::New => "new",
        Connections::Existing => "open",
    };
    match unit {
        "connection" => (format!("{of} connection"), format!("{of} connections")),
        _ => (format!("{unit} on {of} connections"), format!("{} on {of} connections", plural(unit))),
    }
}

/// ` matching POST /imports beyond 10/h for each client`.
fn which(draft: &Draft) -> String {
    let matching = match &draft.fault.chooses {
        Some(chooses) if !chooses.fits_all() => match (&chooses.what, draft.entry("match")) {
            (Written::Line(text), _) => format!(" matching {}", text.trim()),
            (Written::Map(_), Some(entry)) => format!(" matching {}", short(&entry.value)),
            (Written::Map(_), None) => String::new(),
        },
        _ => String::new(),
    };
    let over = draft.fault.over.as_ref().map(beyond).unwrap_or_default();
    matching + &over
}

fn beyond(over: &Over) -> String {
    let per = match &over.per {
        RatePer::Proxy => String::new(),
        RatePer::Connection => " for each connection".to_owned(),
        RatePer::Client => " for each client".to_owned(),
        RatePer::Header(name) => format!(" for each {name}"),
    };
    let burst = over.burst.map(|burst| format!(", {burst} in a burst")).unwrap_or_default();
    match &over.limit {
        Limit::Rate(_) => format!(" beyond {over}{per}{burst}"),
        Limit::AtOnce(_) => format!(" beyond {over} at once{per}{burst}"),
    }
}

/// When it acts, if not all the time: in its phase, or by itself.
pub fn times(clock: &Clock, in_phase: bool) -> Option<String> {
    let mut said = Vec::new();
    if clock.at.0 > 0 {
        said.push(format!("{} {}", clock.at, if in_phase { "into the phase" } else { "later" }));
    }
    match (clock.repeat, clock.lasts) {
        (Some(repeat), Some(lasts)) => said.push(format!("every {repeat} for {lasts}")),
        (None, Some(lasts)) => said.push(format!("for {lasts}")),
        (_, None) => {}
    }
    said.extend(lease(clock));
    (!said.is_empty()).then(|| said.join(", "))
}

pub fn lease(clock: &Clock) -> Option<String> {
    match clock.lease {
        Lease::After(span) => Some(format!("heals {span} after it was last renewed")),
        Lease::Unsaid | Lease::Never => None,
    }
}

/// `1st`, `22nd`, `113th`.
fn nth(n: u64) -> String {
    let end = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn words(text: &str, on: Protocol) -> String {
        let draft = Draft::read(&yaml::read(text, 0).root.expect("it is YAML")).expect("it is a fault");
        [Some(does(&draft, on)), share(&draft, on), times(&draft.fault.clock, true)].into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn faults_in_words() {
        for (text, on, said) in [
            ("{ proxy: a, latency: 250ms, jitter: 50ms }", Protocol::Tcp, "latency 250ms, jitter 50ms | every connection"),
            ("{ proxy: a, reset: true, probability: 20% }", Protocol::Tcp, "reset | 20% of connections"),
            ("{ proxy: a, reset: true, probability: 0% to 50% over 5m }", Protocol::Http, "reset | 0% to 50% over 5m of requests"),
            (
                "{ proxy: a, error: LOADING, every: 2, skip: 3, times: 1 }",
                Protocol::Redis,
                "error LOADING | every 2nd command, after the first 3, once",
            ),
            ("{ proxy: a, status: 502, times: 2, match: POST /x }", Protocol::Http, "status 502 | the first 2 requests matching POST /x"),
            (
                "{ proxy: a, status: 502, sequence: fail pass, connections: new }",
                Protocol::Http,
                "status 502 | requests on new connections by turns: fail pass",
            ),
            (
                "{ proxy: a, status: 429, over: 10/h, burst: 2, rate_per: client }",
                Protocol::Http,
                "status 429 | every request beyond 10/h for each client, 2 in a burst",
            ),
            (
                "{ proxy: a, error: too_many_connections, over: 20 connections }",
                Protocol::Postgres,
                "error too_many_connections | every statement beyond 20 connections at once",
            ),
            ("{ proxy: a, down: true, at: 30s, for: 5s, repeat: 1m }", Protocol::Tcp, "down | 30s into the phase, every 1m for 5s"),
            (
                "{ proxy: a, reset: true, after: 64KiB, connections: existing, for: 2s, lease: 1m }",
                Protocol::Tcp,
                "reset after 64KiB | every open connection | for 2s, heals 1m after it was last renewed",
            ),
            (
                "{ proxy: a, latency: 1s, direction: to_server, per: connection }",
                Protocol::Http,
                "latency 1s to the server | every connection",
            ),
            ("{ proxy: a, certificate: expired, probability: 10% }", Protocol::Https, "certificate expired | 10% of handshakes"),
            (
                "{ proxy: a, status: 503, body: { error: { type: rate_limit, message: Too many requests for you today } } }",
                Protocol::Http,
                "status 503, body {\"error\":{\"type\":\"rate_limit\",\"message\":\"Too man… | every request",
            ),
            (
                "{ proxy: a, status: 503, when: after_upstream, draw: identity, disguise: true }",
                Protocol::Http,
                "status 503 after the upstream has answered, not marked as injected | every request, the same request always alike",
            ),
            ("{ proxy: a, error: UNAVAILABLE, message: no way }", Protocol::Grpc, "error UNAVAILABLE, message \"no way\" | every call"),
            ("{ partition: a -> b, for: 5s }", Protocol::Tcp, "partition a -> b | for 5s"),
        ] {
            assert_eq!(words(text, on), said, "{text}");
        }
        assert_eq!([1, 2, 3, 11, 12, 21, 102, 113].map(nth).join(" "), "1st 2nd 3rd 11th 12th 21st 102nd 113th");
    }
}
