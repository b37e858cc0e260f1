//! What a fault asks of the protocol of its proxy, and whether that can be had there. It knows one fault and one proxy at a time.

use crate::{
    complaint::{Complaint, nearest},
    contract::Way,
    effect::{Row, row},
    fault::{Draft, Limit, Mark, Over, RatePer, When, later},
    matching::{Fact, Facts},
    node::{Entry, Node, Place, Value},
    protocol::{ErrorWords, HTTP2_CODES, Protocol, kind},
    value::said,
};

/// The proxy that a fault is on, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Carrier<'a> {
    pub name: &'a str,
    pub protocol: Protocol,
    /// Whether the client's TLS ends here.
    pub serves_tls: bool,
    /// Where its upstream is written; empty where nobody wrote it.
    pub upstream: &'a Place,
    /// Where it says on which port it listens.
    pub listen: &'a Place,
}

/// What does not fit.
#[derive(Debug, Default)]
pub struct Misfits {
    /// The first key that means nothing among mere bytes. One cause, however many keys there are.
    pub among_bytes: Option<Entry>,
    pub told: Vec<Complaint>,
}

/// Holds a fault to the protocol of its proxy.
pub fn misfits(draft: &Draft, on: &Carrier<'_>) -> Misfits {
    let mut misfits = Misfits::default();
    let messages = draft.fault.per == Some("message");
    for chosen in &draft.effects {
        let head = chosen.head();
        match place_of(chosen.row, on.protocol, messages) {
            _ if chosen.row.on.tls => {
                if !on.serves_tls {
                    misfits.told.push(not_served(head, on));
                }
            }
            Fit::Yes => {}
            Fit::WithMessages => misfits.told.push(
                Complaint::new(
                    "E0403",
                    format!("`{}` is done to messages here", head.key),
                    &head.key_place,
                    format!("`{}` counts {}s", on.name, on.protocol.unit()),
                )
                .note("add `per: message`"),
            ),
            Fit::NotToMessages => misfits.told.push(
                Complaint::new(
                    "E0403",
                    format!("`{}` is not done to single messages", head.key),
                    &head.key_place,
                    format!("it is for a whole {}", on.protocol.unit()),
                )
                .note("leave `per: message` out"),
            ),
            Fit::No if is_packets(&head.key) && on.protocol.is_stream() => misfits.told.push(lost_on_a_stream(head, on)),
            Fit::No if on.protocol.is_bytes() => {
                misfits.among_bytes.get_or_insert(head.clone());
            }
            Fit::No => misfits.told.push(not_here(chosen.row, head, on)),
        }
    }
    if let (Some(chooses), Some(entry)) = (&draft.fault.chooses, draft.entry("match")) {
        match on.protocol.is_bytes() {
            true if chooses.is_about_connections() => {}
            true => {
                misfits.among_bytes.get_or_insert(entry.clone());
            }
            false => match chooses.facts(on.protocol) {
                Err(complaint) => misfits.told.push(complaint),
                Ok(facts) => {
                    misfits.told.extend(answered(draft, &facts));
                    misfits.told.extend(of_a_message(draft, &facts));
                    if on.protocol.is(kind::HTTP | kind::SQL) {
                        misfits.told.extend(chooses.looks_like_regex());
                    }
                }
            },
        }
    }
    if misfits.among_bytes.is_none() {
        misfits.told.extend(moments(draft, on.protocol));
        misfits.told.extend(error_word(draft, on.protocol));
    }
    misfits
}

/// What the protocol has, and this version does not do there yet.
pub fn later_there(draft: &Draft, on: Protocol) -> Option<Complaint> {
    let mute = draft.effects.iter().find(|chosen| chosen.row.name == "mute").filter(|_| on.is(kind::GRPC))?.head();
    Some(later(&mute.key_place, "mute"))
}

/// A key that means nothing among mere bytes.
pub fn among_bytes(entry: &Entry, on: &str) -> Complaint {
    let message = format!("`{}` needs a proxy that understands the protocol", entry.key);
    Complaint::new("E0401", message, &entry.key_place, format!("Faultwire sees only bytes on `{on}`"))
}

enum Fit {
    Yes,
    /// If it said `per: message`.
    WithMessages,
    /// It said so, and that cannot be.
    NotToMessages,
    No,
}

fn place_of(row: &Row, on: Protocol, messages: bool) -> Fit {
    match () {
        () if messages && on.has_messages() && !done_to_messages(row, on) => Fit::NotToMessages,
        () if on.is(row.on.units) => Fit::Yes,
        () if on.is(row.on.messages) && messages => Fit::Yes,
        () if on.is(row.on.messages) => Fit::WithMessages,
        () => Fit::No,
    }
}

/// Single messages: silence needs no row of its own, since it is for all.
fn done_to_messages(row: &Row, on: Protocol) -> bool {
    on.is(row.on.messages) || row.name == "blackhole" || on.unit() == "message"
}

/// Packets are lost, doubled and overtaken; bytes of a stream are not.
fn is_packets(key: &str) -> bool {
    matches!(key, "loss" | "reorder" | "duplicate")
}

fn lost_on_a_stream(head: &Entry, on: &Carrier<'_>) -> Complaint {
    let complaint = Complaint::new(
        "E0402",
        format!("`{}` cannot be done to a TCP stream", head.key),
        &head.key_place,
        "TCP repairs loss, order and duplicates itself",
    );
    let complaint = match on.upstream.range.is_empty() {
        true => complaint,
        false => complaint.also(on.upstream, format!("`{}` carries TCP", on.name)),
    };
    let complaint = complaint.note("what an application notices of packet loss is stalls: 200ms, then 400ms, then 800ms");
    match (&head.value.value, head.value.text()) {
        (Value::Text(_), Some(share)) if !share.contains(' ') => {
            let line = Place { range: head.key_place.range.start..head.value.place.range.end, ..head.key_place.clone() };
            complaint.fix("ask for those instead", &line, format!("latency: {{ retransmit: {share} }}"))
        }
        _ => complaint,
    }
}

/// TLS that only passes by cannot be changed.
fn not_served(head: &Entry, on: &Carrier<'_>) -> Complaint {
    let complaint =
        Complaint::new("E0403", format!("`{}` needs TLS that ends here", head.key), &head.key_place, format!("`{}` serves none", on.name))
            .note("with a scheme such as `https://` on the left of the arrow, Faultwire serves TLS with a certificate of its own");
    let scheme = match on.protocol {
        Protocol::Http | Protocol::Https => "https",
        Protocol::Grpc | Protocol::Grpcs => "grpcs",
        Protocol::Redis | Protocol::Rediss => "rediss",
        Protocol::Tls => "tls",
        _ => return complaint,
    };
    match on.listen.range.is_empty() {
        true => complaint,
        false => complaint.also(on.listen, "no TLS on this side"),
    }
    .note(format!("such as `{scheme}://:8443 -> ...`"))
}

fn not_here(row: &Row, head: &Entry, on: &Carrier<'_>) -> Complaint {
    let title = on.protocol.title();
    let complaint = Complaint::new(
        "E0403",
        format!("`{}` is nothing that {title} has", head.key),
        &head.key_place,
        format!("`{}` carries {title}", on.name),
    );
    match (row.name, on.protocol) {
        ("error", Protocol::Http | Protocol::Https) => complaint.note("on HTTP it is a status: `status: 503`"),
        ("status", Protocol::Grpc | Protocol::Grpcs) => complaint.note("on gRPC it is an error: `error: UNAVAILABLE`"),
        ("status", protocol) if protocol.error_words().is_some() => {
            complaint.note("here it is one of the protocol's own words, behind `error:`")
        }
        _ => complaint,
    }
}

/// What a request does not have.
fn of_a_message(draft: &Draft, facts: &Facts) -> Option<Complaint> {
    let mut all = facts.all.iter().chain(facts.not.iter().flat_map(|not| &not.all));
    let opcode = all.find(|fact| fact.name == "opcode").filter(|_| draft.fault.per != Some("message"))?;
    Some(Complaint::new("E0406", "`opcode` is of a message", &opcode.key_place, "a request has none").note("add `per: message`"))
}

/// What is known of an answer is known once the upstream has answered.
fn answered(draft: &Draft, facts: &Facts) -> Option<Complaint> {
    let mut about_answers =
        facts.all.iter().chain(facts.not.iter().flat_map(|not| &not.all)).filter(|fact| fact.is_about_answers()).peekable();
    let first = *about_answers.peek()?;
    if let Some(wrong) = about_answers.find_map(Fact::wrong_class) {
        return Some(wrong);
    }
    let late = draft.fault.when == Some(When::AfterUpstream) || draft.ending().is_none() && draft.fault.direction != Some(Way::ToServer);
    (!late).then(|| {
        Complaint::new(
            "E0406",
            format!("`{}` is not known at this moment", first.name),
            &first.key_place,
            "the upstream has not answered yet",
        )
        .note("add `when: after_upstream`")
    })
}

/// Moments, places and units that this protocol does not have.
pub fn moments(draft: &Draft, on: Protocol) -> Vec<Complaint> {
    let mut told = Vec::new();
    let title = on.title();
    if let (Some(per), Some(entry)) = (draft.fault.per, draft.entry("per"))
        && per != "connection"
        && per != on.unit()
        && !(per == "message" && on.has_messages())
    {
        let known =
            if on.unit() == "connection" { "only connections".to_owned() } else { format!("here it is `connection` or `{}`", on.unit()) };
        told.push(Complaint::new("E0406", format!("{title} has no {}", plural(per)), &entry.value.place, known));
    }
    if let (Some(mark), Some(entry)) = (draft.mark, draft.entry("after")) {
        let complaint = match mark {
            Mark::Share(_) if !on.is(kind::HTTP) => {
                Some(Complaint::new("E0406", format!("{title} does not say how long it will be"), &entry.value.place, "a share of what?"))
            }
            Mark::Messages(_) if !on.has_messages() => {
                Some(Complaint::new("E0406", format!("{title} has no messages"), &entry.value.place, "only bytes"))
            }
            _ => None,
        };
        told.extend(complaint.map(|complaint| complaint.note("write a size, such as `after: 64KiB`")));
    }
    if let Some(mode) = draft.effects.iter().find(|chosen| chosen.row.name == "latency").and_then(|chosen| chosen.entry("mode"))
        && mode.value.text() == Some("total")
        && on.is_bytes()
    {
        told.push(
            Complaint::new("E0406", "`mode: total` counts from a request", &mode.value.place, format!("{title} has no requests"))
                .note("`mode: add`, the default, adds to what the upstream took"),
        );
    }
    if let Some(mode) = draft.effects.iter().find(|chosen| chosen.row.name == "latency").and_then(|chosen| chosen.entry("mode"))
        && mode.value.text() == Some("total")
        && draft.fault.direction == Some(Way::ToServer)
    {
        told.push(Complaint::new("E0106", "`mode: total` holds an answer", &mode.value.place, "and this fault is about requests"));
    }
    told.extend(sent_again(draft, on));
    for chosen in &draft.effects {
        told.extend(code(chosen.row.name, &chosen.head().value, on));
    }
    if let Some(entry) = draft.entry("draw").filter(|_| on.is_bytes()) {
        let word = entry.value.text().unwrap_or_default();
        if word != "ordinal" {
            told.push(Complaint::new(
                "E0406",
                format!("`draw: {word}` looks at requests"),
                &entry.value.place,
                format!("{title} has none"),
            ));
        }
    }
    if let (Some(over), Some(entry)) = (&draft.fault.over, draft.entry("over")) {
        told.extend(limit(over, &entry.value, on));
        if let (RatePer::Header(_), Some(per)) = (&over.per, draft.entry("rate_per"))
            && !on.is(kind::HTTP | kind::GRPC)
        {
            told.push(Complaint::new("E0406", format!("{title} has no headers"), &per.value.place, "`proxy`, `connection` or `client`"));
        }
    }
    told
}

/// A request is sent again as a whole, and to the server.
fn sent_again(draft: &Draft, on: Protocol) -> Option<Complaint> {
    let duplicate = draft.effects.iter().find(|chosen| chosen.row.name == "duplicate")?.head();
    if !on.is(kind::HTTP | kind::GRPC) || draft.fault.per == Some("message") {
        return None;
    }
    let unit = on.unit();
    let (entry, label) = match (draft.entry("per"), draft.entry("direction"), draft.entry("after")) {
        (Some(per), _, _) if draft.fault.per == Some("connection") => (per, "a connection is not sent again"),
        (_, Some(direction), _) if draft.fault.direction != Some(Way::ToServer) => (direction, "it goes to the server"),
        (_, _, Some(after)) if draft.ending().is_none() => (after, "all of it"),
        _ => return None,
    };
    Some(
        Complaint::new("E0106", format!("`duplicate` sends a whole {unit} again"), &entry.key_place, label)
            .also(&duplicate.key_place, "this one")
            .note("with `per: message` it is about the messages of a long conversation"),
    )
}

/// Codes that `close` and `reset` may carry.
fn code(effect: &str, value: &Node, on: Protocol) -> Option<Complaint> {
    let title = on.title();
    match (effect, &value.value) {
        ("close", Value::Number(code)) if !on.is(kind::HTTP) => Some(Complaint::new(
            "E0406",
            format!("`close: {code}` is a WebSocket close code"),
            &value.place,
            format!("{title} has only `true` and `half`"),
        )),
        ("reset", Value::Text(code)) if HTTP2_CODES.contains(&code.as_str()) && !on.is(kind::HTTP | kind::GRPC) => {
            Some(Complaint::new("E0406", format!("`reset: {code}` is a code of HTTP/2"), &value.place, format!("{title} has only `true`")))
        }
        ("answer", _) if on.is(kind::REDIS) && value.text() != Some("nil") => {
            Some(Complaint::new("E0207", format!("{} is not an answer of Redis", said(value)), &value.place, "only `nil`, a miss"))
        }
        ("answer", _) if on.is(kind::DNS) && value.text() == Some("nil") => {
            Some(Complaint::new("E0207", "`nil` is not an answer of DNS", &value.place, "an address, `empty`, `truncated` or `random`"))
        }
        ("malformed", Value::Text(word)) if !on.is(kind::HTTP) && !matches!(&word[..], "frame" | "garbage") => {
            Some(Complaint::new("E0403", format!("{title} has no `{word}` to break"), &value.place, "`garbage` or `frame`"))
        }
        ("latency", Value::Map(entries)) if !on.is_stream() => entries.iter().find(|entry| entry.key == "retransmit").map(|entry| {
            Complaint::new("E0403", format!("{title} sends nothing again by itself"), &entry.key_place, "`retransmit` is for streams")
                .note("a lost datagram is `loss`")
        }),
        _ => None,
    }
}

fn limit(over: &Over, value: &Node, on: Protocol) -> Option<Complaint> {
    let Limit::AtOnce(at_once) = &over.limit else { return None };
    let fits = at_once.of == "connections" || at_once.of == plural(on.unit());
    let here = if on.unit() == "connection" { "only connections".to_owned() } else { format!("`connections` or `{}`", plural(on.unit())) };
    (!fits).then(|| Complaint::new("E0406", format!("{} has no {}", on.title(), at_once.of), &value.place, here))
}

pub fn plural(unit: &str) -> String {
    if unit == "query" { "queries".to_owned() } else { format!("{unit}s") }
}

/// `error:` speaks the protocol's own words.
fn error_word(draft: &Draft, on: Protocol) -> Option<Complaint> {
    let error = &draft.effects.iter().find(|chosen| chosen.row.name == "error")?.head().value;
    let words = on.error_words()?;
    let word = error.text().unwrap_or_default();
    if words.words.iter().any(|(name, _)| *name == word) || (words.also)(word) {
        return None;
    }
    let complaint = Complaint::new("E0404", format!("`{word}` is not {}", words.one), &error.place, "unknown here");
    if word == "OK" {
        return Some(complaint.note("a call that ends well is no fault"));
    }
    Some(match near_word(word, words) {
        Some((name, "")) => complaint.fix(format!("did you mean `{name}`?"), &error.place, name),
        Some((name, detail)) => complaint.fix(format!("did you mean `{name}`? ({detail})"), &error.place, name),
        None => complaint.note(format!("there are {}", some_of(words))),
    })
}

fn near_word(word: &str, words: &'static ErrorWords) -> Option<(&'static str, &'static str)> {
    let same = words.words.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).copied();
    same.or_else(|| {
        let near = nearest(word, words.words.iter().map(|(name, _)| *name))?;
        words.words.iter().find(|(name, _)| *name == near).copied()
    })
}

fn some_of(words: &ErrorWords) -> String {
    let names: Vec<String> = words.words.iter().take(6).map(|(name, _)| format!("`{name}`")).collect();
    match words.words.len() {
        0 => "texts such as `-ERR ...`".to_owned(),
        few if few <= 6 => names.join(", "),
        _ => format!("{} and others", names.join(", ")),
    }
}

/// The row of an effect that ends what it strikes by answering in the server's place.
pub fn answers(effect: &str) -> bool {
    matches!(effect, "status" | "error" | "answer" | "stale" | "auth") && row(effect).is_some()
}
