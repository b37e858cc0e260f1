//! The keys of a fault, one by one: to which effect each belongs, and what those of the frame mean.

use super::{After, BESIDE_OVER, Chosen, Clock, Connections, Draw, Fault, KEYS, Lease, Often, Target, Targets, When, often};
use crate::{
    complaint::{Complaint, FromNode, nearest},
    contract::{Key, Way},
    effect::{all, row},
    node::{Entry, Node, Place, Value},
    units::{Percent, Size, Span, split_number},
    value::{Ramped, said},
};

/// What can be read of the frame. Keys that are wrong have been told already, and count as left out.
pub fn frame(node: &Node, targets: Targets) -> Fault {
    let text = |key: &str| node.entry(key).and_then(|entry| entry.value.text());
    Fault {
        name: value(node, "name"),
        name_place: node.entry("name").map_or(&node.place, |entry| &entry.value.place).clone(),
        place: node.place.clone(),
        targets,
        connections: match text("connections") {
            Some("new") => Connections::New,
            Some("existing") => Connections::Existing,
            _ => Connections::All,
        },
        direction: node.entry("direction").and_then(|entry| direction(&entry.value).ok()),
        when: text("when").and_then(|word| match word {
            "connect" => Some(When::Connect),
            "idle" => Some(When::Idle),
            "before_upstream" => Some(When::BeforeUpstream),
            "after_upstream" => Some(When::AfterUpstream),
            _ => None,
        }),
        after: None,
        chooses: None,
        per: None,
        over: None,
        draw: Draw::read(node),
        often: Often {
            probability: value(node, "probability").unwrap_or(Ramped::Steady(Percent::ALWAYS)),
            skip: often::count(node, "skip").unwrap_or(0),
            every: often::count(node, "every").unwrap_or(1),
            sequence: node.entry("sequence").and_then(|entry| often::sequence(&entry.value).ok()).unwrap_or_default(),
            times: often::count(node, "times"),
        },
        clock: Clock {
            at: value(node, "at").unwrap_or(Span::ZERO),
            lasts: value(node, "for"),
            repeat: value(node, "repeat"),
            lease: match node.entry("lease") {
                Some(entry) if entry.value.text() == Some("none") => Lease::Never,
                Some(entry) => Span::from_node(&entry.value).map_or(Lease::Unsaid, Lease::After),
                None => Lease::Unsaid,
            },
        },
        enabled: value(node, "enabled").unwrap_or(true),
        optional: value(node, "optional").unwrap_or(false),
        disguise: value(node, "disguise").unwrap_or(false),
        staged: false,
        effects: Vec::new(),
        written: node.to_json(),
    }
}

/// A value that stands there and can be read.
pub fn value<T: FromNode>(node: &Node, key: &str) -> Option<T> {
    node.entry(key).and_then(|entry| T::from_node(&entry.value).ok())
}

/// Gives each entry to the effect it belongs to; what belongs to none is told.
pub fn sort(entries: &[Entry], complaints: &mut Vec<Complaint>) -> Vec<Chosen> {
    let there = |name: &str| entries.iter().any(|entry| entry.key == name);
    // A first key that stands beside another effect is that effect's.
    let mut chosen: Vec<Chosen> = entries
        .iter()
        .filter_map(|entry| Some((entry, row(&entry.key)?)))
        .filter(|(entry, _)| !all().any(|other| other.name != entry.key && other.owns(&entry.key) && there(other.name)))
        .map(|(entry, row)| Chosen { row, entries: vec![entry.clone()] })
        .collect();
    let over = there("over");
    let partition = there("partition");
    // What a key belongs to may be there, misspelt beyond recognition.
    let misspelt = entries.iter().any(|entry| !is_known(&entry.key));
    for entry in entries {
        let key = entry.key.as_str();
        if chosen.iter().any(|chosen| chosen.row.name == key) {
            continue;
        }
        let mut claims: Vec<&str> = chosen.iter().filter(|chosen| chosen.row.owns(key)).map(|chosen| chosen.row.name).collect();
        if over && BESIDE_OVER.iter().any(|beside| beside.name == key) {
            claims.push("over");
        }
        match (&claims[..], KEYS.iter().any(|known| known.name == key)) {
            ([], true) => {}
            ([only], _) => {
                if let Some(chosen) = chosen.iter_mut().find(|chosen| chosen.row.name == *only) {
                    chosen.entries.push(entry.clone());
                }
            }
            ([first, second, ..], _) => complaints.push(
                Complaint::new(
                    "E0106",
                    format!("`{key}` could belong to `{first}` or to `{second}`"),
                    &entry.key_place,
                    "to which of them?",
                )
                .note("make it two faults, each with its own"),
            ),
            ([], false) if partition && key == "resume" => {}
            ([], false) => complaints.extend(orphan(entry, misspelt)),
        }
    }
    chosen
}

/// Whether some fault may have this key.
pub fn is_known(key: &str) -> bool {
    KEYS.iter().chain(BESIDE_OVER).any(|known| known.name == key) || all().any(|row| row.key(key).is_some())
}

/// A key of faults, or of the first effect that has it.
pub fn key_of(name: &str) -> Option<&'static Key> {
    let frame = KEYS.iter().find(|key| key.name == name);
    frame.or_else(|| all().find_map(|row| row.key(name))).or_else(|| BESIDE_OVER.iter().find(|key| key.name == name))
}

/// A key that belongs to nothing in its fault.
fn orphan(entry: &Entry, misspelt: bool) -> Option<Complaint> {
    let key = entry.key.as_str();
    let mut owners: Vec<String> = all().filter(|row| row.owns(key)).map(|row| format!("`{}`", row.name)).collect();
    if BESIDE_OVER.iter().any(|beside| beside.name == key) {
        owners.push("`over`".to_owned());
    }
    match owners.len() {
        0 => Some(unknown(entry)),
        // What it belongs to is there, misspelt.
        _ if misspelt => None,
        1 => Some(Complaint::new(
            "E0101",
            format!("`{key}` needs {}", owners[0]),
            &entry.key_place,
            format!("there is no {} in this fault", owners[0]),
        )),
        _ => Some(Complaint::new(
            "E0101",
            format!("`{key}` needs {}", owners.join(" or ")),
            &entry.key_place,
            "there is none of them in this fault",
        )),
    }
}

/// A key that no fault has: another tool's word, or a misspelt one.
pub fn unknown(entry: &Entry) -> Complaint {
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
        _ => {
            let names = KEYS.iter().chain(BESIDE_OVER).chain(all().flat_map(|row| row.keys)).map(|key| key.name);
            match nearest(key, names) {
                Some(name) => base("not a fault key").fix(format!("did you mean `{name}`?"), &entry.key_place, name),
                None => base("not a fault key"),
            }
        }
    }
}

/// What only one effect of a fault may be: an ending, and what is done to TLS.
pub fn two_endings(partition: Option<&Entry>, chosen: &[Chosen]) -> Vec<Complaint> {
    let heads = |which: &dyn Fn(&Chosen) -> bool| chosen.iter().filter(|chosen| which(chosen)).map(Chosen::head).collect::<Vec<_>>();
    let endings: Vec<&Entry> = partition.into_iter().chain(heads(&|chosen| chosen.row.ends)).collect();
    let mut complaints = Vec::new();
    if let [first, second, ..] = endings[..] {
        let does = if ["status", "error", "answer"].contains(&first.key.as_str()) { "already answers" } else { "already ends it" };
        complaints.push(
            Complaint::new(
                "E0103",
                "a fault can end a request in only one way",
                &second.key_place,
                format!("`{}` cannot also happen", second.key),
            )
            .also(&first.key_place, format!("`{}` {does}", first.key))
            .note("make it two faults, each with its own probability; or keep one of them"),
        );
    }
    if let [first, second, ..] = heads(&|chosen| chosen.row.on.tls)[..] {
        complaints.push(
            Complaint::new(
                "E0103",
                "a fault can do only one thing to TLS",
                &second.key_place,
                format!("`{}` cannot also happen", second.key),
            )
            .also(&first.key_place, format!("`{}` already does", first.key))
            .note("make it two faults; or keep one of them"),
        );
    }
    complaints
}

pub fn direction(node: &Node) -> Result<Way, Complaint> {
    match node.text() {
        Some("to_server") => Ok(Way::ToServer),
        Some("to_client") => Ok(Way::ToClient),
        Some("both") => Ok(Way::Both),
        Some(word @ ("upstream" | "downstream")) => {
            let meant = if word == "upstream" { "to_server" } else { "to_client" };
            Err(Complaint::new("E0206", format!("`{word}` is not a direction here"), &node.place, "from another tool").fix(
                format!("here it is called `{meant}`"),
                &node.place,
                meant,
            ))
        }
        word => {
            let complaint =
                Complaint::new("E0206", format!("{} is not a direction", said(node)), &node.place, "`to_client`, `to_server` or `both`");
            Err(match nearest(word.unwrap_or_default(), ["to_client", "to_server", "both"]) {
                Some(near) => complaint.fix(format!("did you mean `{near}`?"), &node.place, near),
                None => complaint,
            })
        }
    }
}

pub fn is_direction(node: &Node) -> Result<(), Complaint> {
    direction(node).map(drop)
}

/// On which proxies, if it says so in a way that can be read.
pub fn targets(node: &Node, complaints: &mut Vec<Complaint>) -> Targets {
    match (node.entry("proxy"), node.entry("partition")) {
        (Some(proxy), Some(partition)) => complaints.push(
            Complaint::new("E0106", "`partition` finds its proxies by itself", &partition.key_place, "between two services")
                .also(&proxy.key_place, "so there is nothing for `proxy` to choose"),
        ),
        (None, None) => {
            // A misspelt key has been told already.
            let mut entries = node.entries().unwrap_or_default().iter();
            let misspelt = entries.any(|entry| !is_known(&entry.key));
            if !misspelt {
                complaints.push(Complaint::new("E0102", "this fault does not say where", &node.place, "add `proxy:`"));
            }
        }
        (None, Some(partition)) => {
            if let Ok(targets) = between(&partition.value) {
                return targets;
            }
        }
        (Some(proxy), None) => {
            let nodes = match &proxy.value.value {
                Value::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&proxy.value),
            };
            if nodes.is_empty() {
                complaints.push(Complaint::new("E0102", "this fault does not say where", &proxy.value.place, "an empty list"));
            }
            let named = nodes
                .iter()
                .filter_map(|item| Some(Target { pattern: String::from_node(item).ok()?, exact: false, place: item.place.clone() }));
            return Targets::Proxies(named.collect());
        }
    }
    Targets::Proxies(Vec::new())
}

fn between(node: &Node) -> Result<Targets, Complaint> {
    let text = node.text().unwrap_or_default();
    let (both, sides) = match text.split_once("<->") {
        Some(sides) => (true, Some(sides)),
        None => (false, text.split_once("->")),
    };
    let is_service = |name: &str| !name.is_empty() && !name.contains(['>', '<', ' ']);
    match sides.map(|(from, to)| (from.trim(), to.trim())) {
        Some((from, to)) if is_service(from) && is_service(to) => {
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

pub fn is_between(node: &Node) -> Result<(), Complaint> {
    between(node).map(drop)
}

/// A place in the stream. `Ok(None)`: it is one, of a kind that is not counted in bytes or time.
pub fn read_after(value: &Node) -> Result<Option<After>, Complaint> {
    let text = value.text().unwrap_or_default();
    if let Some(size) = Size::parse(text) {
        return Ok(Some(After::Bytes(size)));
    }
    if let Some(span) = Span::parse(text) {
        return Ok(Some(After::Time(span)));
    }
    let wrong = |label: &str| Complaint::new("E0211", format!("{} is not a place in a stream", said(value)), &value.place, label);
    Err(match split_number(text.trim()).map(|(_, unit)| unit.trim()) {
        Some("") => wrong("which unit?").fix("bytes", &value.place.end(), "B").fix("or milliseconds", &value.place.end(), "ms"),
        _ => wrong("write it as `64KiB` or `2s`"),
    })
}

pub fn is_after(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    match split_number(text.trim()).map(|(number, unit)| (number, unit.trim())) {
        Some((_, "%")) => Percent::from_node(node).map(drop),
        Some((number, "messages" | "message")) if number >= 1.0 && number.fract() == 0.0 => Ok(()),
        _ => read_after(node).map(drop),
    }
}
