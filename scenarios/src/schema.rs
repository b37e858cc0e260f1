//! The JSON Schema of scenarios (draft 2020-12), made from the same tables that read them, with the same prose. Editors complete,
//! explain and mark by it; it never refuses what `check` accepts.

mod value;

use crate::keys::{EXPECTATION, FILE, PHASE, PROBE, PROXY};
use faultwire_faults::{
    contract::Key,
    effect::{Row, all},
    fault::{BESIDE_OVER, KEYS},
    form::Form,
    matching::FACTS,
    protocol::SPEECHES,
};
use serde_json::{Map, Value, json};
use value::{also, any_of, condition, delay_map, endpoint, form, likely, nullable, ramp_map, samples, several_or_one, text};

/// Where that of this version is to be had: `scenarios/schema.json`, which a test holds fresh.
pub const ID: &str =
    concat!("https://raw.githubusercontent.com/faultwire/faultwire/v", env!("CARGO_PKG_VERSION"), "/scenarios/schema.json");

/// The whole schema.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Faultwire scenario",
        "description": "Links between services, and what goes wrong on them.",
        "type": "object",
        "properties": FILE.iter().map(|key| (key.name.to_owned(), empty_as_well(key))).collect::<Map<_, _>>(),
        "patternProperties": { "^x-": { "description": "Yours, to hold anchors." } },
        "additionalProperties": false,
        "$defs": definitions(),
    });
    for row in all() {
        for of in ["fault", "defaults"] {
            example(&mut schema["$defs"][of]["properties"][row.name], row);
        }
    }
    schema
}

/// The same as text, to be printed and kept.
pub fn printed() -> String {
    format!("{:#}\n", schema())
}

fn definitions() -> Value {
    let schemes = schemes();
    json!({
        "delay": delay_map(),
        "ramp": ramp_map(),
        "proxies": proxies(),
        "proxy": proxy(&schemes),
        "endpoint": endpoint(&schemes),
        "defaults": nullable(fault(false)),
        "faults": list("fault"),
        "fault": fault(true),
        "match": { "anyOf": [{ "$ref": "#/$defs/facts" }, { "title": "match", "type": ["string", "number"] }] },
        "facts": facts(),
        "phases": list("phase"),
        "phase": phase(),
        "phase_faults": nullable(json!({ "type": "array", "items": { "anyOf": [
            // The longer one first: it is what an editor takes the messages of.
            { "$ref": "#/$defs/fault" },
            titled(json!({ "type": "string" }), "NAME", "A fault declared with `enabled: false`."),
        ] } })),
        "until": until(),
        "approval": approval(),
        "probes": { "type": ["object", "null"], "additionalProperties": { "$ref": "#/$defs/probe" } },
        "probe": titled(object(PROBE, &[]), "probe", "A measurement from outside."),
        "condition": condition(),
        "conditions": nullable(several_or_one(condition())),
        "expectations": nullable(several_or_one(expectation())),
    })
}

fn list(of: &str) -> Value {
    json!({ "type": ["array", "null"], "items": { "$ref": format!("#/$defs/{of}") } })
}

fn titled(mut schema: Value, title: &str, about: &str) -> Value {
    schema["title"] = title.into();
    explain(&mut schema, about);
    schema
}

/// Prose for all editors, and for those that would show its marks otherwise.
fn explain(schema: &mut Value, prose: &str) {
    schema["description"] = prose.into();
    schema["markdownDescription"] = prose.into();
}

fn schemes() -> String {
    let names: Vec<&str> = SPEECHES.iter().map(|speech| speech.scheme).collect();
    format!("({})://", names.join("|"))
}

fn proxies() -> Value {
    json!({
        "type": ["object", "null"],
        "additionalProperties": { "$ref": "#/$defs/proxy" },
        "propertyNames": { "pattern": "^[A-Za-z0-9._-]{1,64}$" },
        "defaultSnippets": [
            {
                "label": "NAME: LISTEN -> UPSTREAM",
                "description": "A link between a client and a server.",
                "body": { "${1:redis}": "${2:26379} -> ${3:redis:6379}" },
            },
            {
                "label": "NAME: { listen, upstream }",
                "description": "The long form, when more is needed.",
                "body": { "${1:redis}": { "listen": "${2:26379}", "upstream": "${3:redis:6379}" } },
            },
        ],
    })
}

fn proxy(schemes: &str) -> Value {
    let link = text(&format!(r"({schemes})?[^ ]+\s*->\s*({schemes})?[^ /]+"), "a link: LISTEN -> UPSTREAM");
    let mut schema = object(PROXY, &["listen", "upstream"]);
    schema["pattern"] = link["pattern"].clone();
    schema["patternErrorMessage"] = link["errorMessage"].clone();
    let about = "`LISTEN -> UPSTREAM`, as in `redis: 26379 -> redis:6379`. The scheme on each side says what that side speaks.";
    titled(also(schema, "string"), "proxy", about)
}

/// A map with these keys and no others.
fn object(keys: &[Key], required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "properties": properties(keys), "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    keys.iter().map(|key| (key.name.to_owned(), property(key))).collect()
}

fn property(key: &Key) -> Value {
    let mut schema = form(&key.form);
    if !schema["pattern"].is_null() && schema["errorMessage"].is_null() {
        schema["errorMessage"] = key.values.into();
    }
    if let Form::Like(_) = key.form
        && schema["anyOf"][0]["enum"].is_null()
    {
        schema = samples(schema, &likely(key.values));
    }
    named(&mut schema, key.name);
    explain(&mut schema, &prose(key));
    schema
}

/// A key of a file without a value is an empty one.
fn empty_as_well(key: &Key) -> Value {
    match key.form {
        Form::List(_) | Form::Map { .. } | Form::MapOf(_) => nullable(property(key)),
        _ => property(key),
    }
}

/// Titles of a key and of what it may be: an editor shows that of the alternative which it finds.
fn named(schema: &mut Value, name: &str) {
    schema["title"] = name.into();
    for alternative in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(title) = alternative["title"].as_str() {
            alternative["title"] = format!("{name} ({title})").into();
        }
    }
}

/// What an editor shows: what `explain` says.
pub fn prose(key: &Key) -> String {
    let default = if key.default.is_empty() { String::new() } else { format!(" Otherwise: {}.", key.default) };
    format!("{}\n\n`{}: {}`.{default}{}", key.about, key.name, key.values, later(key))
}

fn later(key: &Key) -> &'static str {
    if key.since.built { "" } else { " Comes with a later version." }
}

/// Shows an effect at work, as `explain` does.
fn example(schema: &mut Value, row: &Row) {
    let inside = row.example.trim().trim_start_matches('{').trim_end_matches('}').trim();
    let said = schema["description"].as_str().unwrap_or_default();
    let said = format!("{said}\n\n```yaml\nfaults:\n  - {{ proxy: redis, {inside} }}\n```");
    explain(schema, &said);
}

/// A fault's flat map. Defaults may hold what a fault leaves out, so nothing is required of one.
fn fault(named: bool) -> Value {
    let mut properties = properties(KEYS);
    // A key of several effects takes what any of them takes.
    let owned = all().flat_map(|row| row.keys.iter().map(move |key| (key, row.name)));
    for (key, owner) in BESIDE_OVER.iter().map(|key| (key, "over")).chain(owned) {
        let more = property(key);
        match properties.get_mut(key.name) {
            None => drop(properties.insert(key.name.to_owned(), more)),
            Some(there) => *there = either(there.take(), more, key.name, owner),
        }
    }
    if !named {
        properties.remove("name");
    }
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false, "dependentSchemas": endings(named) });
    if named {
        schema = titled(schema, "fault", "What goes wrong: who, how often, when, what.");
    }
    schema
}

/// What may not stand beside an ending.
fn endings(named: bool) -> Map<String, Value> {
    let endings: Vec<&Row> = all().filter(|row| row.ends).collect();
    let without = |keys: &[&str], says: String| {
        let never: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), false.into())).collect();
        json!({ "properties": never, "errorMessage": says })
    };
    endings
        .iter()
        .map(|row| {
            let others: Vec<&str> =
                endings.iter().map(|other| other.name).filter(|other| *other != row.name).chain(["partition"]).collect();
            let mut schema = without(&others, format!("not beside {}: a fault has one ending", row.name));
            if row.name == "down" && named {
                let some = without(&["match", "probability", "skip", "every", "times", "over"], "a port is down for all".to_owned());
                schema = json!({ "allOf": [schema, some] });
            }
            (row.name.to_owned(), schema)
        })
        .collect()
}

/// What a key takes beside one effect or another, and what it means there.
fn either(mut one: Value, mut other: Value, name: &str, owner: &str) -> Value {
    let [first, second] = [&mut one, &mut other].map(|schema| schema["description"].take().as_str().unwrap_or_default().to_owned());
    let said = if first.contains(&second) { first } else { format!("{first}\n\nOr: {second}") };
    // What stands in an alternative hides what stands around it.
    for schema in [&mut one, &mut other] {
        if let Some(map) = schema.as_object_mut() {
            map.retain(|key, _| !["title", "description", "markdownDescription"].contains(&&**key));
        }
    }
    other["title"] = owner.into();
    let mut schema = any_of([one, other]);
    named(&mut schema, name);
    explain(&mut schema, &said);
    schema
}

fn facts() -> Value {
    let mut properties: Map<String, Value> = FACTS
        .iter()
        .map(|fact| {
            let mut schema = form(&fact.form);
            named(&mut schema, fact.name);
            explain(&mut schema, fact.about);
            (fact.name.to_owned(), schema)
        })
        .collect();
    let about = "What must not match.";
    properties
        .insert("not".to_owned(), json!({ "$ref": "#/$defs/facts", "title": "not", "description": about, "markdownDescription": about }));
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

fn phase() -> Value {
    let mut schema = object(PHASE, &[]);
    schema["anyOf"] = json!([{ "required": ["duration"] }, { "required": ["until"] }]);
    schema["dependentRequired"] = json!({ "until": ["timeout"], "timeout": ["until"] });
    titled(schema, "phase", "A part of the timeline.")
}

fn until() -> Value {
    let mut schema = condition();
    if let Some(snippets) = schema["defaultSnippets"].as_array_mut() {
        snippets.insert(0, json!({ "label": "recovered", "body": "recovered", "description": "The steady state holds again." }));
        snippets.insert(1, json!({ "label": "approval", "body": "approval", "description": "A person says so." }));
    }
    schema
}

fn approval() -> Value {
    let mut schema = text(r"approval(\s+by\s+\S+)?", "approval, or approval by ROLE");
    schema["defaultSnippets"] =
        json!([{ "label": "approval", "body": "approval" }, { "label": "approval by lead", "body": "approval by lead" }]);
    schema
}

/// A condition, or a map around one.
fn expectation() -> Value {
    let condition = condition();
    let mut schema = object(EXPECTATION, &["that"]);
    schema["dependentRequired"] = json!({ "xfail": ["until"], "until": ["xfail"] });
    schema["pattern"] = condition["pattern"].clone();
    schema["patternErrorMessage"] = condition["errorMessage"].clone();
    schema["defaultSnippets"] = condition["defaultSnippets"].clone();
    titled(also(schema, "string"), "expectation", "A condition, or a map that says more of one.")
}
