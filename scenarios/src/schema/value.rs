//! What stands behind a key, as a schema. One schema says all that a value may be wherever it can: of several ones an editor takes the
//! messages of the wrong one. It tells alternatives apart by their titles, and of those that want other types it says so together unless
//! types stand in a list: so all alternatives but the first have titles, and a text among them is of a list of one type. Besides what a
//! validator needs stands what only editors read: `errorMessage`, `defaultSnippets`.

use super::object;
use crate::measure::{MEASURES, Measure, Takes, Unit};
use faultwire_faults::{
    contract::{Key, NOW},
    form::Form,
};
use serde_json::{Value, json};

const NUMBER: &str = r"[0-9]+(\.[0-9]*)?|\.[0-9]+";
const SPAN: &str = r"(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+";
/// Any text that holds a variable may be anything.
const VARIABLE: &str = r"\$\{";

const fn part(name: &'static str, form: Form, values: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, form, values, default, about, since: NOW }
}

/// The keys of a ramp in its map form.
const RAMP: &[Key] = &[
    part("from", Form::Any, "VALUE", "", "Where it begins."),
    part("to", Form::Any, "VALUE", "", "Where it ends, and stays."),
    part("over", Form::Any, "DURATION", "", "How long it takes."),
    part("curve", Form::Word(&["linear", "exponential"]), "linear | exponential", "linear", "How it gets there."),
    part("steps", Form::Any, "COUNT", "", "In so many steps instead of evenly."),
];

/// What a map of `latency` may hold besides, as far as an editor offers it.
const DELAY: &[Key] = &[
    part("min", Form::Any, "DURATION", "", "Nothing is faster."),
    part("p50", Form::Any, "DURATION", "", "Half are faster."),
    part("p90", Form::Any, "DURATION", "", "Nine in ten are faster."),
    part("p95", Form::Any, "DURATION", "", "Nineteen in twenty are faster."),
    part("p99", Form::Any, "DURATION", "", "All but one in a hundred are faster."),
    part("p999", Form::Any, "DURATION", "", "All but one in a thousand are faster."),
    part("max", Form::Any, "DURATION", "", "Nothing is slower."),
    part("shape", Form::Any, "normal | lognormal | pareto | exponential", "", "A distribution by its name."),
    part("mean", Form::Any, "DURATION", "", "Of `normal` and `exponential`."),
    part("stddev", Form::Any, "DURATION", "", "Of `normal`."),
    part("median", Form::Any, "DURATION", "", "Of `lognormal`."),
    part("retransmit", Form::Any, "PERCENT", "", "So many pieces are lost and sent again, as TCP does it."),
    part("rto", Form::Any, "DURATION", "200ms", "The first stall; each is twice as long as the one before."),
];

/// A kind of text: its pattern, what to say of anything else, and some that are right.
struct Kind {
    pattern: String,
    says: &'static str,
    samples: &'static [&'static str],
}

fn kind(form: &Form) -> Option<Kind> {
    let kind = |pattern: String, says, samples| Some(Kind { pattern, says, samples });
    match form {
        Form::Span => kind(SPAN.to_owned(), "a length of time, such as 250ms, 2s or 1m30s", &["250ms", "2s", "1m"]),
        Form::Percent => kind(format!("({NUMBER})\\s*%"), "a percentage, such as 20%", &["1%", "20%"]),
        Form::Size => kind(format!("({NUMBER})\\s*(B|kB|KiB|MB|MiB|GB|GiB)"), "a size, such as 64KiB", &["64KiB", "1MiB"]),
        Form::Rate => kind(
            format!("({NUMBER})\\s*(B|kB|KiB|MB|MiB|GB|GiB|kbit|Mbit|Gbit)\\s*/s"),
            "so many bytes or bits in a second, such as 1MiB/s or 256kbit/s",
            &["1MiB/s", "256kbit/s", "0B/s"],
        ),
        Form::Flow => kind(format!("({NUMBER})\\s*/\\s*(s|m|h)"), "so many in a time, such as 20/s", &["20/s", "100/m"]),
        Form::Multiple => kind(format!("({NUMBER})x"), "a multiple, such as 2x", &["2x", "0.5x"]),
        _ => None,
    }
}

/// What stands behind a key.
pub fn form(form: &Form) -> Value {
    let plain = |kind: Kind| samples(text(&kind.pattern, kind.says), kind.samples);
    match form {
        Form::Any => any(),
        Form::Text => json!({ "type": ["string", "number"], "errorMessage": "a text" }),
        Form::Switch => json!({ "type": ["boolean", "string"], "pattern": VARIABLE, "errorMessage": "true or false" }),
        Form::On => words(json!({ "const": true }), "true, or it is left out"),
        Form::Count { least, most } => count(*least, *most),
        Form::Status => count(200, 599),
        Form::Percent | Form::Span | Form::Size | Form::Rate | Form::Flow | Form::Multiple => kind(form).map_or_else(any, plain),
        Form::Delay => delay(),
        Form::Ramp(of) => kind(of).map_or_else(|| self::form(of), |kind| ramp(&kind)),
        Form::Word(one_of) => words(json!({ "enum": one_of }), &format!("one of {}", one_of.join(", "))),
        Form::Null => json!({ "type": "null" }),
        Form::List(of) => json!({ "type": "array", "items": self::form(of) }),
        Form::Some(of) => one_or_several(self::form(of)),
        Form::Map { keys, .. } => object(keys, &[]),
        Form::MapOf(of) => json!({ "type": "object", "additionalProperties": self::form(of) }),
        Form::Either(forms) => any_of(forms.iter().enumerate().map(|(place, form)| {
            let mut schema = self::form(form);
            if place > 0 {
                schema["title"] = title(form).into();
            }
            schema
        })),
        Form::Like(like) => match alternatives(like.pattern) {
            _ if like.pattern.is_empty() => any(),
            Some(one_of) => words(json!({ "enum": one_of }), &format!("one of {}", one_of.join(", "))),
            None => {
                let pattern = like.pattern.replace('^', r"^\s*").replace('$', r"\s*$");
                json!({ "type": ["string"], "pattern": format!("({pattern})|{VARIABLE}") })
            }
        },
        Form::Named(name) => json!({ "$ref": format!("#/$defs/{name}") }),
    }
}

/// One of these. Alternatives of an alternative stand beside it, since an editor looks no deeper.
pub fn any_of(several: impl IntoIterator<Item = Value>) -> Value {
    let mut flat: Vec<Value> = Vec::new();
    for mut one in several {
        let title = one.get("title").cloned();
        let inner = match one.get_mut("anyOf").map(Value::take) {
            Some(Value::Array(inner)) => inner,
            _ => vec![one],
        };
        for mut schema in inner {
            if let (None, Some(title)) = (schema.get("title"), &title) {
                schema["title"] = title.clone();
            }
            if !flat.iter().any(|there| is_same(there, &schema)) {
                flat.push(schema);
            }
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => json!({ "anyOf": flat }),
    }
}

/// Whether they accept the same by the same words.
fn is_same(one: &Value, other: &Value) -> bool {
    let bare = |schema: &Value| {
        let mut schema = schema.clone();
        schema.as_object_mut().into_iter().for_each(|map| map.retain(|key, _| key != "title" && key != "errorMessage"));
        schema
    };
    bare(one) == bare(other)
}

/// A form in words.
fn title(form: &Form) -> &'static str {
    match form {
        Form::Span => "length of time",
        Form::Percent => "percentage",
        Form::Size => "size",
        Form::Flow | Form::Ramp(_) => "rate",
        Form::Word(_) | Form::Like(_) => "word",
        Form::Count { .. } | Form::Status => "number",
        Form::Map { .. } | Form::MapOf(_) => "map",
        Form::List(_) => "list",
        Form::Null => "null",
        _ => "text",
    }
}

/// Anything. An editor puts a colon behind a key only if it knows something of its values.
fn any() -> Value {
    json!({ "anyOf": [{}, { "title": "nothing", "not": {} }] })
}

/// A text that looks so.
pub fn text(pattern: &str, says: &str) -> Value {
    json!({ "type": ["string"], "pattern": or_variable(pattern), "errorMessage": says })
}

/// As a pattern: this, or a variable.
pub fn or_variable(pattern: &str) -> String {
    format!(r"^\s*({pattern})\s*$|{VARIABLE}")
}

/// A key without a value is an empty one.
pub fn nullable(schema: Value) -> Value {
    also(schema, "null")
}

/// Another type beside those that are said already.
pub fn also(mut schema: Value, another: &str) -> Value {
    let types = match schema["type"].take() {
        Value::Array(types) => types,
        one => vec![one],
    };
    schema["type"] = types.into_iter().chain([another.into()]).collect();
    schema
}

/// One, or a list of them.
fn one_or_several(one: Value) -> Value {
    json!({ "anyOf": [one, { "title": "list", "type": "array", "items": one }] })
}

/// A list of them, or one. A key that is completed begins a list.
pub fn several_or_one(one: Value) -> Value {
    let items = one.clone();
    let mut schema = also(one, "array");
    schema["items"] = items;
    schema
}

/// The words of a pattern that is nothing but words.
fn alternatives(pattern: &str) -> Option<Vec<&str>> {
    let inner = pattern.strip_prefix("^(")?.strip_suffix(")$")?;
    inner.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '|').then(|| inner.split('|').collect())
}

fn words(mut schema: Value, says: &str) -> Value {
    schema["errorMessage"] = says.into();
    json!({ "anyOf": [schema, { "title": "variable", "type": ["string"], "pattern": VARIABLE, "errorMessage": says }] })
}

fn count(least: u64, most: u64) -> Value {
    let says = match most {
        u64::MAX => format!("a number: {least} or more"),
        _ => format!("a number from {least} to {most}"),
    };
    let mut schema = json!({ "type": ["string", "integer"], "minimum": least, "pattern": VARIABLE, "errorMessage": says });
    if most < u64::MAX {
        schema["maximum"] = most.into();
    }
    schema
}

fn ramp(kind: &Kind) -> Value {
    let Kind { pattern: value, says, .. } = kind;
    let line = text(&format!(r"({value})(\s+to\s+({value})\s+over\s+{SPAN})?"), &format!("{says}, or a ramp: A to B over 1m"));
    json!({ "anyOf": [samples(line, kind.samples), { "title": "map", "$ref": "#/$defs/ramp" }] })
}

/// A ramp as a map.
pub fn ramp_map() -> Value {
    let mut schema = object(RAMP, &["from", "to", "over"]);
    schema["title"] = "ramp".into();
    schema
}

fn delay() -> Value {
    let line = text(
        &format!(r"({SPAN})(\s*\.\.\s*({SPAN})|\s+to\s+({SPAN})\s+over\s+({SPAN}))?"),
        "a length of time, such as 250ms, 5ms..80ms or 0ms to 2s over 1m",
    );
    json!({ "anyOf": [samples(line, &["250ms", "5ms..80ms", "0ms to 2s over 1m"]), { "title": "map", "$ref": "#/$defs/delay" }] })
}

/// The values of `latency` as a map. It is left to `check` which of its keys go together.
pub fn delay_map() -> Value {
    let properties = super::properties(&[DELAY, RAMP].concat());
    json!({ "title": "delay", "type": "object", "properties": properties, "minProperties": 1 })
}

/// Values to choose from and to change.
pub fn samples(mut schema: Value, samples: &[&str]) -> Value {
    if !samples.is_empty() {
        schema["defaultSnippets"] = samples.iter().map(|sample| json!({ "label": sample, "body": sample })).collect();
    }
    schema
}

/// What a key's values, as people are told of them, say of themselves: words in small letters stand for themselves.
pub fn likely(values: &'static str) -> Vec<&'static str> {
    let samples = |form: &Form| kind(form).map(|kind| kind.samples.to_vec()).unwrap_or_default();
    let of = |value: &'static str| match value {
        "DURATION" => samples(&Form::Span),
        "SIZE" => samples(&Form::Size),
        _ if value.chars().all(|c| c.is_ascii_lowercase() || c == ' ') => vec![value],
        _ => Vec::new(),
    };
    values.split(" | ").flat_map(of).collect()
}

/// Conditions begin with a measure; what it means stands beside it.
pub fn condition() -> Value {
    let measures = MEASURES.iter().filter(|measure| measure.since.stage == 1);
    json!({
        "title": "condition",
        "description": "A measure, what it is compared with, and if wanted for how long: p95(orders) < 400ms for 30s.",
        "type": ["string"],
        "pattern": r"^\s*[A-Za-z0-9_-]+",
        "errorMessage": "a condition, such as p95(orders) < 400ms for 30s",
        "defaultSnippets": measures.map(|measure| json!({ "label": label(measure), "body": draft(measure), "description": measure.about })).collect::<Value>(),
    })
}

fn label(measure: &Measure) -> String {
    let inside = match measure.takes {
        Takes::Nothing => return measure.name.to_owned(),
        Takes::Proxy | Takes::MaybeProxy => "PROXY",
        Takes::Class => "PROXY, CLASS",
        Takes::Bound => "PROXY, DURATION",
        Takes::Fault => "FAULT",
        Takes::Alert => "ALERT",
        Takes::Mark => "MARK",
    };
    format!("{}({inside})", measure.name)
}

/// A whole condition, with places to write in.
fn draft(measure: &Measure) -> String {
    let inside = match measure.takes {
        Takes::Nothing => String::new(),
        Takes::Proxy | Takes::MaybeProxy => "(${1:PROXY})".to_owned(),
        Takes::Class => "(${1:PROXY}, ${2:5xx})".to_owned(),
        Takes::Bound => "(${1:PROXY}, ${2:400ms})".to_owned(),
        Takes::Fault => "(${1:FAULT})".to_owned(),
        Takes::Alert => "(${1:ALERT})".to_owned(),
        Takes::Mark => "(${1:MARK})".to_owned(),
    };
    let than = match measure.unit {
        Unit::Percent if measure.name.starts_with("error") || measure.takes == Takes::Class => "< ${3:1%}",
        Unit::Percent => ">= ${3:99%}",
        Unit::Duration => "< ${3:400ms}",
        Unit::Count => ">= ${3:1}",
        Unit::Rate => ">= ${3:1/s}",
        Unit::Multiple => "< ${3:2x}",
        Unit::Size => "< ${3:1MiB}",
        Unit::State(_) => "== ${3:STATE}",
    };
    format!("{}{inside} {than}", measure.name)
}

/// The endpoint of a link.
pub fn endpoint(schemes: &str) -> Value {
    json!({
        "type": ["string", "integer"],
        "minimum": 0,
        "maximum": 65535,
        "pattern": or_variable(&format!("({schemes})?[^ /]+")),
        "errorMessage": "[SCHEME://][HOST:]PORT",
    })
}
