//! A fault is read from a flat map, whoever wrote it. All that is wrong with it is told, once for each cause.

use super::{After, Clock, Connections, Fault, KEYS, Lease, Often, Target, Targets, When};
use crate::{
    complaint::{Complaint, FromNode, nearest},
    contract::{Share, Strike, Way},
    effect::{AnyEffect, ROWS, blackhole::Blackhole, latency::Latency},
    node::{Entry, Node, Place, Value},
    units::{Percent, Size, Span, split_number},
    value::{Count, Ramped, one_of, said},
};

/// Words of the language whose behaviour this version does not have. Refused by name, never as unknown.
pub const LATER: &[&str] = &[
    "match",
    "over",
    "draw",
    "group",
    "episodes",
    "max_active",
    "if_abandoned",
    "dribble",
    "profile",
    "headers",
    "body",
    "trailers",
    "rewrite",
    "duplicate",
    "copies",
    "loss",
    "reorder",
    "mute",
    "max_streams",
    "window",
    "status",
    "error",
    "message",
    "then",
    "retry_after",
    "truncate",
    "framing",
    "malformed",
    "answer",
    "ttl",
    "stale",
    "auth",
    "older_than",
    "goaway",
    "failover",
    "certificate",
    "tls_alert",
    "handshake",
    "tls_max",
    "alpn",
    "no_close_notify",
];

/// What is refused because this version cannot do it.
pub fn later(place: &Place, what: &str) -> Complaint {
    Complaint::new("E0109", format!("`{what}` comes with a later version"), place, "not in this version")
}

impl Fault {
    /// Reads one fault's flat map. All that is wrong is told, once for each cause.
    pub fn read(node: &Node) -> Result<Fault, Vec<Complaint>> {
        let Some(entries) = node.entries() else {
            return Err(vec![Complaint::new("E0104", format!("{} is not a fault", said(node)), &node.place, "a fault is a map")]);
        };
        let mut complaints = Vec::new();
        let shares = sort(entries, &mut complaints);
        let mut keep = |complaint: Complaint| complaints.push(complaint);

        let mut effects: Vec<AnyEffect> = Vec::new();
        for share in &shares {
            let row = ROWS.iter().find(|row| row.name == share.head.key);
            match row.map(|row| (row.read)(share)) {
                Some(Ok(effect)) => effects.push(effect),
                Some(Err(complaint)) => keep(complaint),
                None => {}
            }
        }
        let targets = targets(node, &mut keep);
        if let Some(resume) = node.entry("partition") {
            let resumes = node.entry("resume").map(|entry| bool::from_node(&entry.value)).transpose();
            match resumes {
                Ok(resumes) => effects.push(AnyEffect::Blackhole(Blackhole { lasts: None, resume: resumes.unwrap_or(false) })),
                Err(complaint) => keep(complaint),
            }
            if let Some(share) = shares.iter().find(|share| ROWS.iter().any(|row| row.name == share.head.key && row.ends)) {
                keep(two_endings(resume, share.head));
            }
        }
        two_endings_of(&shares).into_iter().for_each(&mut keep);
        let fault = Fault {
            name: read(node, "name", &mut keep).unwrap_or_default(),
            name_place: node.entry("name").map_or(&node.place, |entry| &entry.value.place).clone(),
            place: node.place.clone(),
            targets,
            connections: word(node, "connections", &["all", "new", "existing"], &mut keep).map_or(Connections::All, |word| match word {
                "new" => Connections::New,
                "existing" => Connections::Existing,
                _ => Connections::All,
            }),
            direction: direction(node, &mut keep),
            when: word(node, "when", &["connect", "idle", "before_upstream", "after_upstream"], &mut keep).map(|word| match word {
                "idle" => When::Idle,
                "before_upstream" => When::BeforeUpstream,
                "after_upstream" => When::AfterUpstream,
                _ => When::Connect,
            }),
            after: read_after(node, &mut keep),
            often: often(node, &mut keep),
            clock: clock(node, &mut keep),
            enabled: read(node, "enabled", &mut keep).unwrap_or_default().unwrap_or(true),
            optional: read(node, "optional", &mut keep).unwrap_or_default().unwrap_or(false),
            disguise: read(node, "disguise", &mut keep).unwrap_or_default().unwrap_or(false),
            staged: false,
            effects,
            written: node.to_json(),
        };
        if complaints.is_empty() {
            complaints.extend(fault.nonsense(node));
        }
        if complaints.is_empty() { Ok(fault.settled(node)) } else { Err(complaints) }
    }

    /// Puts effects in the order of the table, and tells each what the fault's own keys mean for it.
    fn settled(mut self, node: &Node) -> Fault {
        let order = |effect: &AnyEffect| ROWS.iter().position(|row| row.name == effect.name());
        self.effects.sort_by_key(order);
        let said_per = node.entry("per").is_some();
        for effect in &mut self.effects {
            if let AnyEffect::Latency(Latency { per_connection, .. }) = effect {
                *per_connection = said_per;
            }
        }
        self
    }

    /// What each key allows, and all of them together do not.
    fn nonsense(&self, node: &Node) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let place = |key: &str| node.entry(key).map_or(&node.place, |entry| &entry.key_place);
        if self.effects.is_empty() {
            let place = node.entry("name").map_or(&node.place, |entry| &entry.key_place);
            let end = node.entry("name").map_or(node.place.range.end, |entry| entry.value.place.range.end);
            let place = Place { range: place.range.start..end.max(place.range.start), ..place.clone() };
            complaints.push(Complaint::new(
                "E0104",
                "this fault does nothing",
                &place,
                "no effect such as `latency`, `status`, `error`, `reset` or `down`",
            ));
        }
        if self.strike() == Some(Strike::Down) {
            for key in ["direction", "when", "after", "probability", "per", "skip", "every", "sequence", "times", "latency"] {
                if node.entry(key).is_some() {
                    complaints.push(
                        Complaint::new("E0106", "`down` closes the port for everyone", place("down"), "cannot choose")
                            .also(place(key), format!("so there is nothing for `{key}` to choose from"))
                            .note("to refuse some of them, use `reset: true` or `status: 503`"),
                    );
                }
            }
        }
        if let (Some(_), Some(_)) = (self.when, self.after) {
            complaints.push(
                Complaint::new("E0106", "`when` and `after` name two moments", place("after"), "when is it to strike?")
                    .also(place("when"), "one moment")
                    .note("leave one of them out"),
            );
        }
        if self.when.is_some_and(|when| when != When::Connect) && self.strike().is_none() {
            complaints
                .push(Complaint::new("E0106", "`when` is the moment of an ending", place("when"), "this fault ends nothing").note(
                    "shaping begins at once; with `when: connect` a `latency` delays the dial; `after` says how far into the stream",
                ));
        }
        if self.when == Some(When::Connect) && self.strike().is_none() && !self.effects.iter().all(|e| matches!(e, AnyEffect::Latency(_))) {
            complaints.push(Complaint::new("E0106", "only `latency` can shape a connect", place("when"), "nothing flows at that moment"));
        }
        if let (Targets::Between { place: arrow, .. }, Some(way)) = (&self.targets, self.direction) {
            complaints.push(
                Complaint::new("E0106", format!("`direction: {}` beside `partition`", way.name()), arrow, "the arrow is the direction")
                    .note("write `a -> b` for one direction, `a <-> b` for both"),
            );
        }
        if self.strike() == Some(Strike::CloseHalf) && self.direction == Some(Way::Both) {
            complaints.push(Complaint::new("E0106", "half of a connection has one direction", place("direction"), "which one?"));
        }
        if self.after.is_some()
            && self.direction == Some(Way::Both)
            && self.strike().is_some()
            && matches!(self.after, Some(After::Bytes(_)))
        {
            complaints.push(Complaint::new("E0106", "a place in the stream has one direction", place("direction"), "bytes of which one?"));
        }
        if !self.often.sequence.is_empty() && node.entry("every").is_some() {
            complaints.push(
                Complaint::new("E0106", "`sequence` and `every` both choose", place("sequence"), "which of them?")
                    .also(place("every"), "this one as well"),
            );
        }
        if let (Some(_), None) = (self.clock.repeat, self.clock.lasts) {
            complaints.push(Complaint::new("E0106", "`repeat` needs `for`", place("repeat"), "begins again, but never ends"));
        }
        if let (Some(repeat), Some(lasts)) = (self.clock.repeat, self.clock.lasts)
            && repeat <= lasts
        {
            complaints.push(
                Complaint::new(
                    "E0106",
                    "this fault begins again before it has ended",
                    place("repeat"),
                    format!("{repeat} is not more than {lasts}"),
                )
                .also(place("for"), "lasts so long"),
            );
        }
        complaints
    }
}

/// Gives each entry to the effect it belongs to; what belongs to none is told.
fn sort<'a>(entries: &'a [Entry], complaints: &mut Vec<Complaint>) -> Vec<Share<'a>> {
    let mut shares: Vec<Share<'a>> =
        entries.iter().filter(|entry| crate::effect::row(&entry.key).is_some()).map(|head| Share { head, entries: vec![head] }).collect();
    let partition = entries.iter().any(|entry| entry.key == "partition");
    let all_names = || {
        KEYS.iter().map(|key| key.name).chain(ROWS.iter().flat_map(|row| row.keys.iter().map(|key| key.name))).chain(LATER.iter().copied())
    };
    let misspelt_effect =
        entries.iter().any(|entry| nearest(&entry.key, ROWS.iter().map(|row| row.name)).is_some_and(|name| name != entry.key));
    for entry in entries {
        let key = entry.key.as_str();
        if KEYS.iter().any(|known| known.name == key) || crate::effect::row(key).is_some() {
            continue;
        }
        if let Some(share) = shares.iter_mut().find(|share| owns(&share.head.key, key)) {
            share.entries.push(entry);
            continue;
        }
        if partition && key == "resume" {
            continue;
        }
        let owner = ROWS.iter().find(|row| row.keys.iter().any(|known| known.name == key));
        match owner {
            Some(_) if misspelt_effect || (entries.iter().any(|entry| entry.key == "over") && ["burst", "rate_per"].contains(&key)) => {}
            Some(owner) => complaints.push(Complaint::new(
                "E0101",
                format!("`{key}` needs `{}`", owner.name),
                &entry.key_place,
                format!("there is no `{}` in this fault", owner.name),
            )),
            None if LATER.contains(&key) => complaints.push(later(&entry.key_place, key)),
            None => complaints.push(unknown(entry, all_names())),
        }
    }
    shares
}

fn owns(effect: &str, key: &str) -> bool {
    crate::effect::row(effect).is_some_and(|row| row.keys.iter().any(|known| known.name == key))
}

/// A key that no fault has: another tool's word, or a misspelt one.
fn unknown<'a>(entry: &Entry, names: impl Iterator<Item = &'a str>) -> Complaint {
    let key = entry.key.as_str();
    let base = |label: &str| Complaint::new("E0101", format!("unknown key `{key}` in a fault"), &entry.key_place, label);
    let line = Place { range: entry.key_place.range.start..entry.value.place.range.end, ..entry.key_place.clone() };
    let value = entry.value.text().unwrap_or_default();
    match key {
        "toxicity" => {
            let share = value.parse::<f64>().ok().map_or_else(|| value.to_owned(), |share| format!("{}%", share * 100.0));
            base("from another tool").note("Toxiproxy's `toxicity` is decided once per connection; add `per: connection` to keep that").fix(
                "here it is called `probability`",
                &line,
                format!("probability: {share}"),
            )
        }
        "stream" => {
            let way = if value == "upstream" { "to_server" } else { "to_client" };
            base("from another tool").fix("here it is called `direction`", &line, format!("direction: {way}"))
        }
        _ => match nearest(key, names) {
            Some(name) => base("not a fault key").fix(format!("did you mean `{name}`?"), &entry.key_place, name),
            None => base("not a fault key"),
        },
    }
}

fn two_endings_of(shares: &[Share<'_>]) -> Option<Complaint> {
    let mut endings = shares.iter().filter(|share| ROWS.iter().any(|row| row.name == share.head.key && row.ends));
    match (endings.next(), endings.next()) {
        (Some(first), Some(second)) => Some(two_endings(first.head, second.head)),
        _ => None,
    }
}

fn two_endings(first: &Entry, second: &Entry) -> Complaint {
    Complaint::new("E0103", "a fault can end a request in only one way", &second.key_place, format!("`{}` cannot also happen", second.key))
        .also(&first.key_place, format!("`{}` already ends it", first.key))
        .note("make it two faults, each with its own probability; or keep one of them")
}

/// Reads an optional key; what is wrong with it goes to `keep`.
fn read<T: FromNode>(node: &Node, key: &str, keep: &mut impl FnMut(Complaint)) -> Option<Option<T>> {
    match node.entry(key).map(|entry| T::from_node(&entry.value)) {
        None => Some(None),
        Some(Ok(value)) => Some(Some(value)),
        Some(Err(complaint)) => {
            keep(complaint);
            None
        }
    }
}

fn word<'a>(node: &Node, key: &str, words: &[&'a str], keep: &mut impl FnMut(Complaint)) -> Option<&'a str> {
    let entry = node.entry(key)?;
    one_of(&entry.value, words).map_err(keep).ok()
}

fn direction(node: &Node, keep: &mut impl FnMut(Complaint)) -> Option<Way> {
    let entry = node.entry("direction")?;
    match entry.value.text() {
        Some("to_server") => Some(Way::ToServer),
        Some("to_client") => Some(Way::ToClient),
        Some("both") => Some(Way::Both),
        Some(word @ ("upstream" | "downstream")) => {
            let meant = if word == "upstream" { "to_server" } else { "to_client" };
            keep(Complaint::new("E0206", format!("`{word}` is not a direction here"), &entry.value.place, "from another tool").fix(
                format!("here it is called `{meant}`"),
                &entry.value.place,
                meant,
            ));
            None
        }
        _ => {
            keep(Complaint::new(
                "E0206",
                format!("{} is not a direction", said(&entry.value)),
                &entry.value.place,
                "`to_client`, `to_server` or `both`",
            ));
            None
        }
    }
}

fn targets(node: &Node, keep: &mut impl FnMut(Complaint)) -> Targets {
    let none = Targets::Proxies(Vec::new());
    match (node.entry("proxy"), node.entry("partition")) {
        (Some(proxy), Some(partition)) => {
            keep(
                Complaint::new("E0106", "`partition` finds its proxies by itself", &partition.key_place, "between two services")
                    .also(&proxy.key_place, "so there is nothing for `proxy` to choose"),
            );
            none
        }
        (None, None) => {
            keep(Complaint::new("E0102", "this fault does not say where", &node.place, "add `proxy:`"));
            none
        }
        (None, Some(partition)) => between(&partition.value).unwrap_or_else(|complaint| {
            keep(complaint);
            none
        }),
        (Some(proxy), None) => {
            let nodes: Vec<&Node> = match &proxy.value.value {
                Value::List(items) => items.iter().collect(),
                _ => vec![&proxy.value],
            };
            if nodes.is_empty() {
                keep(Complaint::new("E0102", "this fault does not say where", &proxy.value.place, "an empty list"));
            }
            let mut targets = Vec::new();
            for item in nodes {
                match String::from_node(item) {
                    Ok(pattern) => targets.push(Target { pattern, exact: false, place: item.place.clone() }),
                    Err(complaint) => keep(complaint),
                }
            }
            Targets::Proxies(targets)
        }
    }
}

fn between(node: &Node) -> Result<Targets, Complaint> {
    let text = node.text().unwrap_or_default();
    let (both, sides) = match text.split_once("<->") {
        Some(sides) => (true, Some(sides)),
        None => (false, text.split_once("->")),
    };
    match sides.map(|(from, to)| (from.trim(), to.trim())) {
        Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains("->") => {
            Ok(Targets::Between { from: from.to_owned(), to: to.to_owned(), both, place: node.place.clone() })
        }
        _ => Err(Complaint::new(
            "E0212",
            format!("{} is not a link between two services", said(node)),
            &node.place,
            "write it as `a <-> b` or `a -> b`",
        )),
    }
}

fn read_after(node: &Node, keep: &mut impl FnMut(Complaint)) -> Option<After> {
    let value = &node.entry("after")?.value;
    let text = value.text().unwrap_or_default();
    if let Some(size) = Size::parse(text) {
        return Some(After::Bytes(size));
    }
    if let Some(span) = Span::parse(text) {
        return Some(After::Time(span));
    }
    keep(match split_number(text.trim()).map(|(_, unit)| unit.trim()) {
        Some("%") => Complaint::new("E0406", "plain TCP does not say how long it will be", &value.place, "a share of what?")
            .note("write a size, such as `after: 64KiB`"),
        Some("messages" | "message") => {
            Complaint::new("E0406", "plain TCP has no messages", &value.place, "only bytes").note("write a size, such as `after: 64KiB`")
        }
        Some("") => Complaint::new("E0211", format!("`{text}` is not a place in a stream"), &value.place, "which unit?")
            .fix("bytes", &value.place.end(), "B")
            .fix("or milliseconds", &value.place.end(), "ms"),
        _ => Complaint::new("E0211", format!("{} is not a place in a stream", said(value)), &value.place, "write it as `64KiB` or `2s`"),
    });
    None
}

fn often(node: &Node, keep: &mut impl FnMut(Complaint)) -> Often {
    let count = |key: &str, least: u64, keep: &mut dyn FnMut(Complaint)| -> Option<u64> {
        let entry = node.entry(key)?;
        match Count::from_node(&entry.value) {
            Ok(Count(count)) if count >= least => Some(count),
            Ok(_) => {
                keep(
                    Complaint::new("E0208", format!("`{key}: 0` means never"), &entry.value.place, "1 or more")
                        .note("a fault that is to wait says `enabled: false`"),
                );
                None
            }
            Err(complaint) => {
                keep(complaint);
                None
            }
        }
    };
    if let Some(per) = node.entry("per") {
        match per.value.text() {
            Some("connection") => {}
            Some("message" | "request") => keep(Complaint::new(
                "E0406",
                format!("plain TCP has no {}s", said(&per.value).trim_matches('`')),
                &per.value.place,
                "only connections",
            )),
            _ => {
                one_of(&per.value, &["connection"]).map_err(&mut *keep).ok();
            }
        }
    }
    Often {
        probability: read(node, "probability", keep).flatten().unwrap_or(Ramped::Steady(Percent::ALWAYS)),
        skip: count("skip", 0, keep).unwrap_or(0),
        every: count("every", 1, keep).unwrap_or(1),
        sequence: sequence(node, keep),
        times: count("times", 1, keep),
    }
}

fn sequence(node: &Node, keep: &mut impl FnMut(Complaint)) -> Vec<bool> {
    let Some(entry) = node.entry("sequence") else { return Vec::new() };
    let text = entry.value.text().unwrap_or_default();
    let words: Option<Vec<bool>> = text
        .split_whitespace()
        .map(|word| match word {
            "fail" => Some(true),
            "pass" => Some(false),
            _ => None,
        })
        .collect();
    match words {
        Some(words) if words.contains(&true) => words,
        Some(_) => {
            keep(Complaint::new("E0104", "this sequence never fails", &entry.value.place, "one `fail` at least"));
            Vec::new()
        }
        None => {
            keep(Complaint::new(
                "E0207",
                format!("{} is not a sequence", said(&entry.value)),
                &entry.value.place,
                "write it as `fail fail pass`",
            ));
            Vec::new()
        }
    }
}

fn clock(node: &Node, keep: &mut impl FnMut(Complaint)) -> Clock {
    let lease = match node.entry("lease") {
        None => Lease::Unsaid,
        Some(entry) if entry.value.text() == Some("none") => Lease::Never,
        Some(entry) => match Span::from_node(&entry.value) {
            Ok(span) => Lease::After(span),
            Err(complaint) => {
                keep(complaint);
                Lease::Unsaid
            }
        },
    };
    Clock {
        at: read(node, "at", keep).flatten().unwrap_or(Span::ZERO),
        lasts: read(node, "for", keep).flatten(),
        repeat: read(node, "repeat", keep).flatten(),
        lease,
    }
}
