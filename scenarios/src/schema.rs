//! The JSON Schema of scenarios (draft 2020-12), made from the same tables that read them, with the same prose. Editors complete,
//! explain and mark by it; it never refuses what `check` accepts.

use crate::{
    keys::{ANNOUNCE, EXPECTATION, FILE, LIMITS, PHASE, PROBE, PROXY, ROLES, TLS},
    measure::MEASURES,
};
use faultwire_faults::{
    contract::Key,
    effect::{Row, all},
    fault::{BESIDE_OVER, KEYS},
    form::Form,
    matching::FACTS,
    protocol::SPEECHES,
};
use serde_json::{Map, Value, json};

/// Where that of this version is to be had: `scenarios/schema.json`, which a test holds fresh.
pub const ID: &str =
    concat!("https://raw.githubusercontent.com/faultwire/faultwire/v", env!("CARGO_PKG_VERSION"), "/scenarios/schema.json");

const NUMBER: &str = r"[0-9]+(\.[0-9]*)?|\.[0-9]+";
const SPAN: &str = r"(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+";

/// The whole schema.
pub fn schema() -> Value {
    let mut properties = properties(FILE);
    describe(&mut properties, "name", "What it is called.");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Faultwire scenario",
        "description": "Links between services, and what goes wrong on them.",
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": { "description": "Yours, to hold anchors." } },
        "additionalProperties": false,
        "$defs": definitions(),
    })
}

/// The same as text, to be printed and kept.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn definitions() -> Value {
    let condition = json!({ "type": "string", "pattern": r"^\s*[A-Za-z0-9_-]+", "examples": examples(), "description": "Such as `p95(orders) < 400ms for 30s`. A list of conditions is all of them." });
    json!({
        "variable": { "type": "string", "pattern": r"\$\{", "description": "Holds a variable: `${VAR:-default}`." },
        "proxies": nullable(json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/proxy" }, "propertyNames": { "pattern": "^[A-Za-z0-9._-]{1,64}$" } })),
        "proxy": { "anyOf": [
            { "$ref": "#/$defs/variable" },
            { "type": "string", "pattern": format!(r"^\s*({0})?[^ ]+\s*->\s*({0})?[^ /]+\s*$", schemes()), "description": "`LISTEN -> UPSTREAM`, as in `redis: 26379 -> redis:6379`. The scheme on each side says what that side speaks." },
            object(PROXY, &["listen", "upstream"]),
        ] },
        "endpoint": { "anyOf": [{ "$ref": "#/$defs/variable" }, { "type": "string", "pattern": format!(r"^\s*({})?[^ /]+\s*$", schemes()) }, { "type": "integer", "minimum": 0, "maximum": 65535 }] },
        "defaults": nullable(fault(false)),
        "faults": nullable(json!({ "type": "array", "items": { "$ref": "#/$defs/fault" } })),
        "fault": fault(true),
        "match": { "anyOf": [{ "type": ["string", "number"] }, { "$ref": "#/$defs/facts" }] },
        "facts": facts(),
        "phases": nullable(json!({ "type": "array", "items": { "$ref": "#/$defs/phase" } })),
        "phase": phase(),
        "phase_faults": nullable(json!({ "type": "array", "items": { "anyOf": [{ "type": "string", "description": "A fault declared with `enabled: false`." }, { "$ref": "#/$defs/fault" }] } })),
        "until": { "anyOf": [{ "$ref": "#/$defs/approval" }, { "$ref": "#/$defs/condition" }] },
        "approval": { "anyOf": [{ "$ref": "#/$defs/variable" }, { "type": "string", "pattern": r"^\s*approval(\s+by\s+\S+)?\s*$", "examples": ["approval", "approval by lead"] }] },
        "probes": nullable(json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/probe" } })),
        "probe": object(PROBE, &[]),
        "condition": condition,
        "conditions": nullable(json!({ "anyOf": [{ "$ref": "#/$defs/condition" }, { "type": "array", "items": { "$ref": "#/$defs/condition" } }] })),
        "expectation": expectation(),
        "expectations": nullable(json!({ "anyOf": [{ "$ref": "#/$defs/expectation" }, { "type": "array", "items": { "$ref": "#/$defs/expectation" } }] })),
        "limits": object(LIMITS, &[]),
        "roles": object(ROLES, &[]),
        "announcement": object(ANNOUNCE, &[]),
        "tls": object(TLS, &[]),
    })
}

fn schemes() -> String {
    let names: Vec<&str> = SPEECHES.iter().map(|speech| speech.scheme).collect();
    format!("({})://", names.join("|"))
}

fn examples() -> Vec<String> {
    let measures = MEASURES.iter().filter(|measure| measure.since.stage == 1);
    measures.map(|measure| format!("{}(PROXY)", measure.name)).collect()
}

/// A key without a value is an empty one.
fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
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
    if let Value::Object(map) = &mut schema {
        map.insert("description".to_owned(), prose(key).into());
    }
    schema
}

/// What an editor shows: what `explain` says.
pub fn prose(key: &Key) -> String {
    let default = if key.default.is_empty() { String::new() } else { format!(" Otherwise: {}.", key.default) };
    let later = if key.since.built { "" } else { " Comes with a later version." };
    format!("{} `{}`.{default}{later}", key.about, key.values)
}

fn describe(properties: &mut Map<String, Value>, key: &str, about: &str) {
    if let Some(Value::Object(map)) = properties.get_mut(key) {
        map.entry("description").or_insert_with(|| about.into());
    }
}

/// A fault's flat map. Defaults may hold what a fault leaves out, so nothing is required of one.
fn fault(named: bool) -> Value {
    let mut properties = properties(KEYS);
    // A key of several effects takes what any of them takes.
    for key in BESIDE_OVER.iter().chain(all().flat_map(|row| row.keys)) {
        let more = property(key);
        match properties.get_mut(key.name) {
            None => drop(properties.insert(key.name.to_owned(), more)),
            Some(there) if same(there, &more) => {}
            Some(there) => *there = either(there.take(), more),
        }
    }
    if !named {
        properties.remove("name");
    }
    let endings: Vec<&Row> = all().filter(|row| row.ends).collect();
    let mut dependent = Map::new();
    for row in &endings {
        let others = endings.iter().filter(|other| other.name != row.name).map(|other| json!({ "required": [other.name] }));
        let mut never: Vec<Value> = others.chain([json!({ "required": ["partition"] })]).collect();
        if row.name == "down" && named {
            never.extend(["match", "probability", "skip", "every", "times", "over"].map(|key| json!({ "required": [key] })));
        }
        dependent.insert(row.name.to_owned(), json!({ "not": { "anyOf": never } }));
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "dependentSchemas": dependent })
}

fn same(one: &Value, other: &Value) -> bool {
    let bare = |value: &Value| {
        value.as_object().map(|map| {
            map.iter().filter(|(key, _)| *key != "description").map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>()
        })
    };
    bare(one) == bare(other)
}

fn either(one: Value, other: Value) -> Value {
    let text = |value: &Value| value["description"].as_str().unwrap_or_default().to_owned();
    let description = format!("{} Or: {}", text(&one), text(&other));
    json!({ "anyOf": [one, other], "description": description })
}

fn facts() -> Value {
    let mut properties: Map<String, Value> = FACTS
        .iter()
        .map(|fact| {
            let mut schema = form(&fact.form);
            schema["description"] = fact.about.into();
            (fact.name.to_owned(), schema)
        })
        .collect();
    properties.insert("not".to_owned(), json!({ "$ref": "#/$defs/facts", "description": "What must not match." }));
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

fn phase() -> Value {
    let mut schema = object(PHASE, &[]);
    schema["anyOf"] = json!([{ "required": ["duration"] }, { "required": ["until"] }]);
    schema["dependentRequired"] = json!({ "until": ["timeout"], "timeout": ["until"] });
    schema
}

fn expectation() -> Value {
    let mut map = object(EXPECTATION, &["that"]);
    map["dependentRequired"] = json!({ "xfail": ["until"], "until": ["xfail"] });
    json!({ "anyOf": [{ "$ref": "#/$defs/condition" }, map] })
}

/// What stands behind a key. Any text that holds a variable may be anything.
fn form(form: &Form) -> Value {
    let text = |pattern: String| json!({ "anyOf": [{ "type": "string", "pattern": format!(r"^\s*({pattern})\s*$") }, { "$ref": "#/$defs/variable" }] });
    let or_variable = |schema: Value| json!({ "anyOf": [schema, { "$ref": "#/$defs/variable" }] });
    let ramped = |value: &str| {
        json!({ "anyOf": [
        { "type": "string", "pattern": format!(r"^\s*({value})(\s+to\s+({value})\s+over\s+{SPAN})?\s*$") },
        { "$ref": "#/$defs/variable" },
        { "type": "object", "properties": { "from": {}, "to": {}, "over": {}, "curve": { "enum": ["linear", "exponential"] }, "steps": {} }, "required": ["from", "to", "over"], "additionalProperties": false },
    ] })
    };
    match form {
        Form::Any => json!({}),
        Form::Text => json!({ "type": ["string", "number"] }),
        Form::Switch => or_variable(json!({ "type": "boolean" })),
        Form::On => or_variable(json!({ "const": true })),
        Form::Count { least, most } => {
            let mut schema = json!({ "type": "integer", "minimum": least });
            if *most < u64::MAX {
                schema["maximum"] = json!(most);
            }
            or_variable(schema)
        }
        Form::Status => or_variable(json!({ "type": "integer", "minimum": 200, "maximum": 599 })),
        Form::Percent => text(percent()),
        Form::Span => text(SPAN.to_owned()),
        Form::Size => text(size()),
        Form::Rate => text(rate()),
        Form::Flow => text(flow()),
        Form::Multiple => text(format!("({NUMBER})x")),
        Form::Delay => json!({ "anyOf": [
            { "type": "string", "pattern": format!(r"^\s*({SPAN})(\s*\.\.\s*({SPAN})|\s+to\s+({SPAN})\s+over\s+({SPAN}))?\s*$") },
            { "$ref": "#/$defs/variable" },
            { "type": "object", "minProperties": 1 },
        ] }),
        Form::Ramp(of) => match of {
            Form::Span => ramped(SPAN),
            Form::Percent => ramped(&percent()),
            Form::Rate => ramped(&rate()),
            Form::Flow => ramped(&flow()),
            other => self::form(other),
        },
        Form::Word(words) => or_variable(json!({ "enum": words })),
        Form::Null => json!({ "type": "null" }),
        Form::List(of) => nullable(json!({ "type": "array", "items": self::form(of) })),
        Form::Some(of) => json!({ "anyOf": [self::form(of), { "type": "array", "items": self::form(of) }] }),
        Form::Map { keys, .. } => nullable(object(keys, &[])),
        Form::MapOf(of) => nullable(json!({ "type": "object", "additionalProperties": self::form(of) })),
        Form::Either(forms) => json!({ "anyOf": forms.iter().map(self::form).collect::<Vec<_>>() }),
        Form::Like(like) if like.pattern.is_empty() => json!({}),
        Form::Like(like) => or_variable(json!({ "type": "string", "pattern": like.pattern })),
        Form::Named(name) => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

fn percent() -> String {
    format!("({NUMBER})\\s*%")
}

fn size() -> String {
    format!("({NUMBER})\\s*(B|kB|KiB|MB|MiB|GB|GiB)")
}

fn rate() -> String {
    format!("({NUMBER})\\s*(B|kB|KiB|MB|MiB|GB|GiB|kbit|Mbit|Gbit)\\s*/s")
}

fn flow() -> String {
    format!("({NUMBER})\\s*/\\s*(s|m|h)")
}
