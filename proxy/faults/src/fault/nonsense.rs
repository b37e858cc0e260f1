//! What each key of a fault allows, and all of them together do not.

use super::{After, Draft, Episodes, Limit, Mark, Over, Targets, When, draft::Chosen};
use crate::{
    complaint::Complaint,
    contract::{Strike, Way},
    node::Entry,
    units::Span,
};

/// What `down`, which is for everyone, leaves nothing to choose from.
const CHOOSES: &[&str] = &[
    "match",
    "direction",
    "when",
    "after",
    "probability",
    "per",
    "skip",
    "every",
    "sequence",
    "times",
    "over",
    "draw",
    "group",
    "episodes",
    "max_active",
    "latency",
];

pub fn nonsense(draft: &Draft) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut keep = |complaint: Complaint| complaints.push(complaint);
    nothing(draft).into_iter().for_each(&mut keep);
    down_for_some(draft).into_iter().for_each(&mut keep);
    moments(draft, &mut keep);
    directions(draft, &mut keep);
    messages(draft, &mut keep);
    goodbyes(draft, &mut keep);
    companions(draft, &mut keep);
    clock(draft, &mut keep);
    complaints
}

fn nothing(draft: &Draft) -> Option<Complaint> {
    let none = draft.effects.is_empty() && !draft.fault.targets.is_between();
    let message = "no effect such as `latency`, `status`, `error`, `reset` or `down`";
    none.then(|| Complaint::new("E0104", "this fault does nothing", &draft.head(), message))
}

fn down_for_some(draft: &Draft) -> Option<Complaint> {
    let down = draft.effects.iter().find(|chosen| chosen.row.name == "down")?.head();
    let mut choosing = CHOOSES.iter().filter_map(|key| draft.entry(key)).collect::<Vec<_>>();
    choosing.sort_by_key(|entry| entry.key_place.range.start);
    let first = choosing.first()?;
    let complaint = Complaint::new("E0106", "`down` closes the port for everyone", &down.key_place, "cannot choose")
        .also(&first.key_place, format!("so there is nothing for `{}` to choose from", first.key))
        .note("to refuse some of them, use `reset: true` or `status: 503`");
    Some(choosing.iter().skip(1).fold(complaint, |complaint, entry| complaint.also(&entry.key_place, format!("nor for `{}`", entry.key))))
}

fn moments(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    let fault = &draft.fault;
    let (when, after) = (draft.entry("when"), draft.entry("after"));
    if let (Some(when), Some(after)) = (when, after) {
        return keep(
            Complaint::new("E0106", "`when` and `after` name two moments", &after.key_place, "when is it to strike?")
                .also(&when.key_place, "one moment")
                .note("leave one of them out"),
        );
    }
    answers_in_time(draft, keep);
    let (Some(when), None) = (when, draft.ending()) else { return };
    let latency_only = draft.effects.iter().all(|chosen| chosen.row.name == "latency");
    if fault.when != Some(When::Connect) {
        keep(
            Complaint::new("E0106", "`when` is the moment of an ending", &when.key_place, "this fault ends nothing")
                .note("shaping begins at once; with `when: connect` a `latency` delays the dial; `after` says how far into the stream"),
        );
    } else if !latency_only {
        keep(Complaint::new("E0106", "only `latency` can shape a connect", &when.key_place, "nothing flows at that moment"));
    }
}

/// An answer in the server's place comes instead of the real one: at a moment of a request, and not somewhere inside.
fn answers_in_time(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    let Some(ending) = draft.ending() else { return };
    let name = ending.key.as_str();
    let messages = matches!(draft.mark, Some(Mark::Messages(_)));
    if let Some(after) =
        draft.entry("after").filter(|_| matches!(name, "status" | "malformed" | "auth" | "truncate") || name == "error" && !messages)
    {
        let (label, note) = match name {
            "truncate" => ("`truncate` names the place already", "what comes before it passes"),
            _ => ("the real answer has begun by then", "in the middle of an answer `truncate`, `reset`, `close` and `blackhole` can act"),
        };
        keep(
            Complaint::new("E0106", format!("`{name}` has no place in an answer"), &after.key_place, label)
                .also(&ending.key_place, "this one")
                .note(note),
        );
    }
    if let Some(when) = draft.entry("when").filter(|_| name == "goaway" && draft.fault.when == Some(When::AfterUpstream)) {
        keep(
            Complaint::new("E0106", "`goaway` takes no answer away", &when.key_place, "what is under way finishes")
                .also(&ending.key_place, "this one")
                .note("`after: 0B` is the moment at which the head of the answer has left"),
        );
    }
    if let Some(when) = draft.entry("when").filter(|_| matches!(name, "status" | "malformed" | "auth" | "truncate"))
        && (matches!(draft.fault.when, Some(When::Connect | When::Idle)) || name == "truncate")
    {
        let label = if name == "truncate" { "it strikes where the body ends" } else { "nothing has been asked then" };
        keep(Complaint::new("E0106", format!("`{name}` is for an answer"), &when.key_place, label).also(&ending.key_place, "this one"));
    }
}

/// What of a fault means nothing where it is rolled for each message.
fn messages(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    let Some(per) = draft.entry("per").filter(|_| draft.fault.per == Some("message")) else { return };
    let mut wrong = |entry: &Entry, message: &str, label: &str| {
        keep(Complaint::new("E0106", message, &entry.key_place, label).also(&per.value.place, "each for itself"));
    };
    if let Some(when) = draft.entry("when") {
        wrong(when, "`when` is a moment of a whole request", "a message comes when it comes");
    }
    if let Some(after) = draft.entry("after").filter(|_| matches!(draft.mark, Some(Mark::Share(_)))) {
        wrong(after, "messages have no announced length", "a share of what?");
    }
    if let Some(over) = draft.entry("over").filter(|_| matches!(draft.fault.over, Some(Over { limit: Limit::AtOnce(_), .. }))) {
        wrong(over, "messages are not open", "so many a second, such as `20/s`");
    }
    for chosen in &draft.effects {
        let has = |key: &str| chosen.entry(key);
        if let Some(mode) = has("mode").filter(|mode| chosen.row.name == "latency" && mode.value.text() == Some("total")) {
            wrong(mode, "`mode: total` counts from a request", "a message answers none");
        }
        if let Some(framing) = has("framing") {
            wrong(framing, "`framing` is of a body", "a message that is shorter says so");
        }
        if let Some(loops) = chosen.head().value.entry("retransmit").filter(|_| chosen.row.name == "latency") {
            wrong(loops, "`retransmit` is for streams", "a lost message is `loss`");
        }
        if let Some(code) = Some(chosen.head()).filter(|head| chosen.row.name == "close" && head.value.text() == Some("half")) {
            wrong(code, "`close: half` is of a connection", "write `close: true`");
        }
    }
}

/// A close frame stands between two messages of a WebSocket that is open.
fn goodbyes(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    if !matches!(draft.fault.strike(), Some(Strike::CloseFrame(_))) {
        return;
    }
    let Some(close) = draft.ending() else { return };
    if let Some(when) = draft.entry("when") {
        keep(
            Complaint::new("E0106", "a close frame needs an open WebSocket", &when.key_place, "there is none at this moment")
                .also(&close.value.place, "is said in one")
                .note("without `when` it comes as soon as the WebSocket is open; `after` says later"),
        );
    }
    if let Some(after) = draft.entry("after").filter(|_| matches!(draft.fault.after, Some(After::Bytes(_) | After::Share(_)))) {
        keep(
            Complaint::new("E0106", "a close frame stands between two messages", &after.value.place, "this may be inside one")
                .also(&close.value.place, "is a frame")
                .note("write `after: 20 messages`, or a time"),
        );
    }
}

fn directions(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    let fault = &draft.fault;
    let Some(direction) = draft.entry("direction") else { return };
    if let (Targets::Between { place: arrow, .. }, Some(way)) = (&fault.targets, fault.direction) {
        keep(
            Complaint::new("E0106", format!("`direction: {}` beside `partition`", way.name()), arrow, "the arrow is the direction")
                .note("write `a -> b` for one direction, `a <-> b` for both"),
        );
    }
    if fault.strike() == Some(Strike::CloseHalf) && fault.direction == Some(Way::Both) {
        keep(Complaint::new("E0106", "half of a connection has one direction", &direction.key_place, "which one?"));
    }
    if fault.direction == Some(Way::Both) && fault.strike().is_some() && matches!(fault.after, Some(After::Bytes(_) | After::Messages(_))) {
        keep(Complaint::new("E0106", "a place in the stream has one direction", &direction.key_place, "of which one?"));
    }
}

/// An answer that never comes cannot be edited.
fn edits_nothing(draft: &Draft) -> Option<Complaint> {
    let edits = ["headers", "body", "trailers", "dribble"];
    let edit = draft.effects.iter().find(|chosen| edits.contains(&chosen.row.name))?.head();
    let ending = draft.ending().filter(|entry| {
        !matches!(&entry.key[..], "truncate" | "goaway") && draft.entry("after").is_none() && draft.fault.direction != Some(Way::ToServer)
    })?;
    Some(
        Complaint::new("E0106", format!("`{}` edits an answer that never comes", edit.key), &edit.key_place, "there is nothing to edit")
            .also(&ending.key_place, format!("`{}` ends it before", ending.key))
            .note("make it two faults; or, if it was meant for `match`, put it there"),
    )
}

fn companions(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    edits_nothing(draft).into_iter().for_each(&mut *keep);
    if let (Some(reorder), false) = (draft.effects.iter().find(|chosen| chosen.row.name == "reorder"), draft.has("latency")) {
        keep(Complaint::new("E0106", "`reorder` needs `latency`", &reorder.head().key_place, "nothing waits here that could be overtaken"));
    }
    if let (Some(group), None) = (draft.entry("group"), draft.entry("probability")) {
        keep(Complaint::new("E0106", "`group` needs `probability`", &group.key_place, "which slice of the roll?"));
    }
    let auto = |chosen: &&Chosen| chosen.entry("retry_after").is_some_and(|entry| entry.value.text() == Some("auto"));
    if let (Some(chosen), None) = (draft.effects.iter().find(auto), draft.entry("over"))
        && let Some(retry) = chosen.entry("retry_after")
    {
        keep(Complaint::new("E0106", "`retry_after: auto` needs `over`", &retry.value.place, "there is no token to wait for"));
    }
    if let Some(loss) = draft.effects.iter().find(|chosen| chosen.row.name == "loss").map(Chosen::head)
        && let Some(entries) = loss.value.entries()
    {
        let has = |key: &str| entries.iter().any(|entry| entry.key == key);
        if has("average") == has("p") || (has("p") && !has("r")) {
            keep(Complaint::new("E0207", "this says no loss", &loss.value.place, "either `{average, burst}` or `{p, r, bad, good}`"));
        }
    }
    if let (Some(episodes), None) = (draft.entry("episodes"), draft.episodes) {
        keep(Complaint::new(
            "E0207",
            "`episodes` are bad spells and good ones",
            &episodes.value.place,
            "write it as `{bad: 14s, good: 11m}`",
        ));
    }
    if let (Some(episodes), Some(Episodes::AsLearned), false) = (draft.entry("episodes"), draft.episodes, draft.has("profile")) {
        keep(
            Complaint::new("E0106", "`episodes: true` needs a learned `profile`", &episodes.key_place, "as learned from what?")
                .note("or say how long they last: `{bad: 14s, good: 11m}`"),
        );
    }
    if let (Some(sequence), Some(every)) = (draft.entry("sequence"), draft.entry("every")) {
        keep(
            Complaint::new("E0106", "`sequence` and `every` both choose", &sequence.key_place, "which of them?")
                .also(&every.key_place, "this one as well"),
        );
    }
}

fn clock(draft: &Draft, keep: &mut impl FnMut(Complaint)) {
    let clock = &draft.fault.clock;
    let place = |key: &str| draft.entry(key).map_or(&draft.node.place, |entry| &entry.key_place);
    let never = |entry: Option<&crate::node::Entry>| entry.map(|entry| entry.value.place.clone());
    if clock.lasts == Some(Span::ZERO)
        && let Some(place) = never(draft.entry("for"))
    {
        keep(Complaint::new("E0104", "this fault ends as it begins", &place, "longer than that"));
    }
    match (clock.repeat, clock.lasts) {
        (Some(_), None) => keep(Complaint::new("E0106", "`repeat` needs `for`", place("repeat"), "begins again, but never ends")),
        (Some(repeat), Some(lasts)) if repeat <= lasts => keep(
            Complaint::new(
                "E0106",
                "this fault begins again before it has ended",
                place("repeat"),
                format!("{repeat} is not more than {lasts}"),
            )
            .also(place("for"), "lasts so long"),
        ),
        _ => {}
    }
}
