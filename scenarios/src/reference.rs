//! The reference part of the documents, made from the tables that read scenarios: nothing is written down twice.

use crate::{
    codes::CODES,
    keys::{ANNOUNCE, EXPECTATION, FILE, LIMITS, PHASE, PROBE, PROXY, ROLES, TLS},
    measure::{MEASURES, Measure, Takes, Unit},
};
use faultwire_faults::{
    contract::{Key, Since, Way},
    effect::{Row, all},
    fault::{BESIDE_OVER, KEYS},
    matching::FACTS,
    protocol::{ERRORS, SPEECHES, kind},
};
use std::fmt::Write;

/// The page about effects.
pub fn effects() -> String {
    let mut text = String::from(
        "# Effects\n\nMade from the effects' own files; a test fails while this page is stale. What goes wrong is one key of a fault; its companions stand \
         beside it. Shaping adds up; a fault has at most one ending. Those marked \"later\" are read and checked, and refused by name (`E0109`) until they are built.\n",
    );
    for (title, ends, tls) in [("Shaping", false, false), ("Endings", true, false), ("TLS, where it is served here", false, true)] {
        let _ = write!(text, "\n## {title}\n");
        all().filter(|row| (row.ends, row.on.tls) == (ends, tls)).for_each(|row| effect(&mut text, row));
    }
    text += "\n## Keys of every fault\n\n";
    keys(&mut text, KEYS);
    text += "\nBeside `over`:\n\n";
    keys(&mut text, BESIDE_OVER);
    text
}

fn effect(text: &mut String, row: &Row) {
    let _ = write!(text, "\n### `{}`\n\n{}{}{}\n\nOn {}.\n\n", row.name, row.keys[0].about, way(row), later(row.since()), on(row));
    keys(text, row.keys);
    let _ = write!(text, "\n```yaml\n- {}\n```\n", row.example.replacen("{ ", "{ proxy: NAME, ", 1));
}

fn way(row: &Row) -> &'static str {
    match row.way {
        _ if row.name == "reset" || row.name == "close" => "",
        Way::ToClient if row.ends || row.on.tls => "",
        Way::ToClient => " Acts on what goes to the client, unless `direction` says otherwise.",
        Way::ToServer => " Acts on what goes to the server, unless `direction` says otherwise.",
        Way::Both => " Acts both ways.",
    }
}

fn later(since: Since) -> &'static str {
    if since.built { "" } else { " *Later.*" }
}

/// On which protocols, in words.
fn on(row: &Row) -> String {
    if row.on.tls {
        return "`https://`, `grpcs://`, `tls://` and `rediss://` on the left of the arrow".to_owned();
    }
    let kinds = [
        (kind::STREAM, "TCP"),
        (kind::UDP, "UDP"),
        (kind::DNS, "DNS"),
        (kind::HTTP, "HTTP"),
        (kind::GRPC, "gRPC"),
        (kind::SQL, "SQL"),
        (kind::REDIS, "Redis"),
        (kind::MONGODB, "MongoDB"),
        (kind::KAFKA, "Kafka"),
        (kind::AMQP, "AMQP"),
        (kind::NATS, "NATS"),
    ];
    let named = |bits: u16| kinds.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let units = if row.on.units == kind::ALL { "everything".to_owned() } else { named(row.on.units) };
    match row.on.messages & !row.on.units {
        0 => units,
        more => format!("{units}; with `per: message` on {}", named(more)),
    }
}

fn keys(text: &mut String, keys: &[Key]) {
    *text += "| key | values | default | |\n| --- | --- | --- | --- |\n";
    for key in keys {
        let default = if key.default.is_empty() { "–".to_owned() } else { format!("`{}`", key.default) };
        let values = key.values.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | `{values}` | {default} | {}{} |", key.name, key.about, later(key.since));
    }
}

/// The reference of the language.
pub fn language() -> String {
    let mut text = String::from(
        "Made from the tables that read scenarios; a test fails while it is stale. What is marked *later* is read and checked, and refused by name (`E0109`) until it is built.\n",
    );
    let tables: [(&str, &[Key]); 9] = [
        ("A file", FILE),
        ("A proxy, in its long form", PROXY),
        ("`tls` of a proxy", TLS),
        ("A phase", PHASE),
        ("An expectation, as a map", EXPECTATION),
        ("A probe", PROBE),
        ("`limits`", LIMITS),
        ("`roles`", ROLES),
        ("An item of `announce`", ANNOUNCE),
    ];
    for (title, table) in tables {
        let _ = write!(text, "\n### {title}\n\n");
        keys(&mut text, table);
    }
    text += "\nThe keys of faults and effects stand in `proxy/faults/EFFECTS.md`.\n";
    schemes(&mut text);
    matches(&mut text);
    measures(&mut text);
    errors(&mut text);
    text += "\n### What is said\n\n| code | |\n| --- | --- |\n";
    for (code, about) in CODES {
        let _ = writeln!(text, "| `{code}` | {} |", about.replace('|', "\\|"));
    }
    text
}

fn schemes(text: &mut String) {
    *text += "\n### Schemes\n\n| scheme | port | counts | |\n| --- | --- | --- | --- |\n";
    for speech in SPEECHES {
        let port = speech.port.map_or("–".to_owned(), |port| port.to_string());
        let tls = if speech.tls { ", inside TLS" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {port} | {}s | {}{tls}.{} |",
            speech.scheme,
            speech.unit.replace("query", "querie"),
            speech.title,
            later(speech.since)
        );
    }
}

fn matches(text: &mut String) {
    *text += "\n### `match` as a map\n\n`*` is anything, `{ regex: … }` stands where a pattern may, a list is one of, `not:` holds what must not match.\n\n| key | |\n| --- | --- |\n";
    for fact in FACTS {
        let _ = writeln!(text, "| `{}` | {} |", fact.name, fact.about);
    }
}

fn measures(text: &mut String) {
    *text += "\n### Measures\n\n| measure | is | unit |\n| --- | --- | --- |\n";
    for measure in MEASURES {
        let plain = if measure.plain { " Also on plain TCP." } else { "" };
        let _ = writeln!(text, "| `{}` | {}{plain} | {} |", call(measure), measure.about, unit(measure.unit));
    }
    *text += "\nAs for subjects there are also the names of probes (`ok`, `failing`, or a number), `recovered` and `phase`. None of them is measured by this version yet.\n";
}

/// How it is written: `p95(PROXY[, MATCH])`.
pub fn call(measure: &Measure) -> String {
    let name = measure.name;
    match measure.takes {
        Takes::Nothing => name.to_owned(),
        Takes::Proxy => format!("{name}(PROXY[, MATCH])"),
        Takes::MaybeProxy => format!("{name}[(PROXY)]"),
        Takes::Class => format!("{name}(PROXY, OUTCOME)"),
        Takes::Bound => format!("{name}(PROXY, DURATION)"),
        Takes::Fault => format!("{name}(FAULT)"),
        Takes::Alert => format!("{name}(NAME)"),
        Takes::Mark => format!("{name}(MARK)"),
    }
}

/// What it is counted in, or the words it may be.
pub fn unit(unit: Unit) -> String {
    match unit {
        Unit::State(states) => states.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(" "),
        unit => unit.noun().trim_start_matches("a ").to_owned(),
    }
}

fn errors(text: &mut String) {
    *text += "\n### The words of `error:`\n\n| on | words |\n| --- | --- |\n";
    for words in ERRORS {
        let on = words.protocols[0].title();
        let list: Vec<String> = words.words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let _ = writeln!(text, "| {on} | {} |", if list.is_empty() { "texts such as `-ERR …`".to_owned() } else { list.join(" ") });
    }
}
