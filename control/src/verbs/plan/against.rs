//! `faultwire plan --against`: what would change if that Faultwire took these files for its own. Faults that were made by its API or
//! for a run are not the files', and stay. It asks and changes nothing.

use super::Files;
use crate::{
    client::Client,
    config,
    exit::{Exit, Failure},
    say::{Say, columns, count},
};
use faultwire_faults::{
    fault::{Clock, Draft, Fault, Lease, Targets, is_known},
    node::Node,
    protocol::Protocol,
};
use faultwire_scenarios::{link::ProxySpec, plan, scenario::Scenario};
use serde_json::{Value, json};
use std::collections::HashSet;

/// One difference.
#[derive(Debug)]
struct Change {
    sign: Sign,
    what: &'static str,
    name: String,
    was: Option<String>,
    becomes: Option<String>,
    /// What it means for what is there: open connections, hits so far.
    effect: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Change,
    Add,
    Remove,
}

pub fn main(scenario: &Scenario, files: &Files, url: &str, say: &Say) -> Result<Exit, Failure> {
    let client = Client::new(url)?;
    let (proxies, faults) = (client.list("/v1/proxies")?, client.list("/v1/faults")?);
    // Where no host is written, whoever serves the files decides where it listens.
    let unwritten = files.load("").checked.map(|scenario| scenario.proxies).unwrap_or_default();
    let anywhere: HashSet<&str> = unwritten.iter().filter(|spec| spec.listen.host.is_empty()).map(|spec| spec.name.as_str()).collect();
    let mut changes = of_proxies(&scenario.proxies, &proxies, &anywhere);
    changes.extend(of_faults(&scenario.faults, &faults));
    let stay: Vec<&str> = faults.iter().filter(|fault| is_foreign(fault, scenario)).map(|fault| text(fault, "name")).collect();
    if say.json {
        say.data(data(&changes, &stay).to_string());
        return Ok(Exit::Held);
    }
    let rows: Vec<Vec<String>> = changes.iter().map(row).collect();
    columns(&rows).iter().all(|line| say.data(format!("  {}", line.replace(char::is_control, " "))));
    say.data(counted(&changes));
    if !stay.is_empty() {
        say.talk(format!("not of its file, and left alone: {}", stay.join(", ")));
    }
    Ok(Exit::Held)
}

fn of_proxies(wanted: &[ProxySpec], there: &[Value], anywhere: &HashSet<&str>) -> Vec<Change> {
    let mut changes = Vec::new();
    for spec in wanted {
        match there.iter().find(|proxy| proxy["name"] == spec.name.as_str()) {
            Some(proxy) => changes.extend(moved(spec, proxy, anywhere.contains(spec.name.as_str()))),
            None => {
                let becomes = Some(format!("{} -> {}", listens(spec, anywhere.contains(spec.name.as_str())), spec.upstream));
                changes.push(Change { sign: Sign::Add, what: "proxy", name: spec.name.clone(), was: None, becomes, effect: None });
            }
        }
    }
    for proxy in there.iter().filter(|proxy| !wanted.iter().any(|spec| proxy["name"] == spec.name.as_str())) {
        changes.push(Change {
            sign: Sign::Remove,
            what: "proxy",
            name: text(proxy, "name").to_owned(),
            was: Some(format!("{} -> {}", text(proxy, "listen"), text(proxy, "upstream"))),
            becomes: None,
            effect: closes(proxy),
        });
    }
    in_order(changes)
}

fn moved(spec: &ProxySpec, proxy: &Value, anywhere: bool) -> Option<Change> {
    let listen = match (anywhere, config::address(&spec.listen.host, spec.listen.port)) {
        (false, Ok(address)) => match address.port() {
            0 => text(proxy, "listen").rsplit_once(':').is_some_and(|(host, _)| host == host_of(&address.to_string())),
            _ => address.to_string() == text(proxy, "listen"),
        },
        _ => spec.listen.port == 0 || text(proxy, "listen").rsplit(':').next() == Some(&spec.listen.port.to_string()),
    };
    let enabled = |on: bool| if on { "enabled" } else { "switched off" }.to_owned();
    let service = |name: Option<&str>| name.unwrap_or("nobody").to_owned();
    let all = [
        ("listen", listen, text(proxy, "listen").to_owned(), listens(spec, anywhere)),
        ("upstream", spec.upstream.to_string() == text(proxy, "upstream"), text(proxy, "upstream").to_owned(), spec.upstream.to_string()),
        ("from", spec.from.as_deref() == proxy["from"].as_str(), service(proxy["from"].as_str()), service(spec.from.as_deref())),
        ("to", spec.to.as_deref() == proxy["to"].as_str(), service(proxy["to"].as_str()), service(spec.to.as_deref())),
        ("", proxy["enabled"] == spec.enabled, enabled(!spec.enabled), enabled(spec.enabled)),
    ];
    let differ: Vec<_> = all.into_iter().filter(|(_, same, ..)| !same).collect();
    if differ.is_empty() {
        return None;
    }
    let said = |now: bool| {
        let parts = differ.iter().map(|(key, _, was, becomes)| format!("{key} {}", if now { was } else { becomes }).trim().to_owned());
        parts.collect::<Vec<_>>().join(", ")
    };
    let effect = match differ.iter().any(|(key, ..)| matches!(*key, "listen" | "")) {
        true => closes(proxy),
        false if differ.iter().any(|(key, ..)| *key == "upstream") => Some("for new connections".to_owned()),
        false => None,
    };
    let (was, becomes) = (Some(said(true)), Some(said(false)));
    Some(Change { sign: Sign::Change, what: "proxy", name: spec.name.clone(), was, becomes, effect })
}

/// What it costs to give up a port.
fn closes(proxy: &Value) -> Option<String> {
    let open = proxy["connections"].as_u64().filter(|open| *open > 0)?;
    Some(format!("closes {}", count(open as usize, "open connection")))
}

fn listens(spec: &ProxySpec, anywhere: bool) -> String {
    if anywhere { spec.listen.port.to_string() } else { spec.listen.to_string() }
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn of_faults(wanted: &[Draft], there: &[Value]) -> Vec<Change> {
    let mut changes = Vec::new();
    for draft in wanted {
        let name = draft.fault.name.clone().unwrap_or_default();
        let becomes = said(draft);
        let Some(fault) = there.iter().find(|fault| fault["name"] == name.as_str()) else {
            changes.push(Change { sign: Sign::Add, what: "fault", name, was: None, becomes: Some(becomes), effect: None });
            continue;
        };
        let now = draft_of(fault);
        if now.as_ref().is_some_and(|now| same(&now.fault, &draft.fault)) {
            continue;
        }
        let was = now.as_ref().map_or_else(|| text(fault, "does").to_owned(), said);
        changes.push(Change { sign: Sign::Change, what: "fault", name, was: Some(was), becomes: Some(becomes), effect: Some(hits(fault)) });
    }
    let is_wanted = |fault: &Value| wanted.iter().any(|draft| fault["name"].as_str() == draft.fault.name.as_deref());
    for fault in there.iter().filter(|fault| fault["origin"] == "file" && !is_wanted(fault)) {
        let was = Some(draft_of(fault).as_ref().map_or_else(|| text(fault, "does").to_owned(), said));
        let name = text(fault, "name").to_owned();
        changes.push(Change { sign: Sign::Remove, what: "fault", name, was, becomes: None, effect: Some(hits(fault)) });
    }
    in_order(changes)
}

/// The fault as it was written over there, without what has become of it.
fn draft_of(fault: &Value) -> Option<Draft> {
    let written = fault.as_object()?.iter().filter(|(key, _)| is_known(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    Draft::read(&Node::from_json(&Value::Object(written))).ok()
}

/// In words, with where it is, and that it is off if it is.
fn said(draft: &Draft) -> String {
    let on = match &draft.fault.targets {
        Targets::Proxies(targets) => {
            format!("{}: ", targets.iter().map(|target| target.pattern.as_str()).collect::<Vec<_>>().join(", "))
        }
        Targets::Between { .. } => String::new(),
    };
    let off = if draft.fault.enabled { "" } else { " (off)" };
    format!("{on}{}{off}", plan::in_words(draft, Protocol::Tcp))
}

/// Whether it is the same fault. Where it stands in a text does not matter.
fn same(one: &Fault, other: &Fault) -> bool {
    let clock = |fault: &Fault| {
        let lease = if fault.clock.lease == Lease::Never { Lease::Unsaid } else { fault.clock.lease };
        Clock { lease, ..fault.clock }
    };
    let switches = |fault: &Fault| (fault.enabled, fault.optional, fault.disguise);
    let place = |fault: &Fault| (fault.connections, fault.direction, fault.when, fault.after);
    targets(one) == targets(other)
        && switches(one) == switches(other)
        && place(one) == place(other)
        && clock(one) == clock(other)
        && one.often == other.often
        && one.effects == other.effects
}

fn targets(fault: &Fault) -> Vec<String> {
    match &fault.targets {
        Targets::Proxies(targets) => targets.iter().map(|target| target.pattern.clone()).collect(),
        Targets::Between { from, to, both, .. } => vec![from.clone(), if *both { "<->" } else { "->" }.to_owned(), to.clone()],
    }
}

/// Made by the API or for a run, and not meant by these files.
fn is_foreign(fault: &Value, scenario: &Scenario) -> bool {
    fault["origin"] != "file" && !scenario.faults.iter().any(|draft| draft.fault.name.as_deref() == fault["name"].as_str())
}

fn in_order(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| change.sign as u8);
    changes
}

fn row(change: &Change) -> Vec<String> {
    let sign = match change.sign {
        Sign::Change => '~',
        Sign::Add => '+',
        Sign::Remove => '-',
    };
    let told = match (&change.was, &change.becomes, &change.effect) {
        (Some(was), Some(becomes), effect) => joined(&format!("{was} -> {becomes}"), effect.as_deref()),
        (None, Some(becomes), effect) => joined(becomes, effect.as_deref()),
        (Some(was), None, effect) => joined(was, effect.as_deref()),
        (None, None, effect) => effect.clone().unwrap_or_default(),
    };
    vec![format!("{sign} {} {}", change.what, change.name), told]
}

fn joined(text: &str, effect: Option<&str>) -> String {
    effect.map_or_else(|| text.to_owned(), |effect| format!("{text}    {effect}"))
}

fn counted(changes: &[Change]) -> String {
    let of = |sign: Sign| changes.iter().filter(|change| change.sign == sign).count();
    match changes.is_empty() {
        true => "nothing to change: that is what is in force there".to_owned(),
        false => format!("{} to change, {} to add, {} to remove", of(Sign::Change), of(Sign::Add), of(Sign::Remove)),
    }
}

fn data(changes: &[Change], stay: &[&str]) -> Value {
    let one = |change: &Change| {
        let sign = match change.sign {
            Sign::Change => "change",
            Sign::Add => "add",
            Sign::Remove => "remove",
        };
        json!({
            "change": sign,
            "what": change.what,
            "name": change.name,
            "was": change.was,
            "becomes": change.becomes,
            "effect": change.effect,
        })
    };
    json!({ "changes": changes.iter().map(one).collect::<Vec<_>>(), "stay": stay })
}

fn hits(fault: &Value) -> String {
    format!("{} so far", count(fault["hits"].as_u64().unwrap_or(0) as usize, "hit"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
