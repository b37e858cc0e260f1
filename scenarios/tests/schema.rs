//! The JSON Schema accepts every example and everything else that is accepted, and refuses the mistakes that a schema can see.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and may fail")]

use faultwire_faults::{
    contract::Key,
    effect,
    fault::{BESIDE_OVER, KEYS},
    form::Form,
    node::Node,
};
use faultwire_scenarios::{
    keys::{FILE, LIMITS, PHASE, PROBE, PROXY},
    library::LIBRARY,
    scenario,
    schema::{self, ID, schema},
    yaml,
};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

#[path = "schema/sight.rs"]
mod sight;

use sight::{MISTAKES, Sight};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

fn json(text: &str) -> Option<Value> {
    let read = yaml::read(text, 0);
    read.root.filter(|_| read.complaints.is_empty()).map(|root| root.to_json())
}

fn files(name: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The copy that editors fetch: its address says this version, and the file of that address is it.
#[test]
fn the_copy_is_fresh_and_stands_where_its_id_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = ID.split_once(concat!("/v", env!("CARGO_PKG_VERSION"), "/")).unwrap().1;
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root.join(path), schema::printed()).unwrap();
    }
    let there = fs::read_to_string(root.join(path)).unwrap_or_default();
    assert!(there == schema::printed(), "{path} is stale: UPDATE=1 cargo test -p faultwire-scenarios");
    let there: Value = serde_json::from_str(&there).unwrap();
    assert_eq!(there["$id"], ID);
    jsonschema::draft202012::meta::validate(&there).unwrap();
}

#[test]
fn what_is_accepted_is_accepted_by_the_schema() {
    let validator = validator();
    let everything = ("everything".to_owned(), include_str!("everything.yaml").to_owned());
    let ready = LIBRARY.iter().map(|ready| (ready.name.to_owned(), ready.text.to_owned()));
    for (name, text) in files("examples").into_iter().chain([everything]).chain(ready) {
        let errors: Vec<String> =
            validator.iter_errors(&json(&text).unwrap()).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
    }
}

/// Where the schema marks a text.
fn marked(validator: &Validator, json: &Value) -> Vec<String> {
    let mut places: Vec<String> = validator.iter_errors(json).map(|error| error.instance_path.to_string()).collect();
    places.sort();
    places.dedup();
    places
}

/// Every file of mistakes is in the table, which says where a schema sees them, or why it cannot.
#[test]
fn mistakes_are_marked_where_a_schema_can_see_them() {
    let validator = validator();
    let files = files("mistakes");
    let names: Vec<&str> = files.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, MISTAKES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "the table and the files");
    for ((name, text), (_, sight)) in files.iter().zip(MISTAKES) {
        match (json(text), sight) {
            (None, Sight::NotYaml) => {}
            (None, _) | (Some(_), Sight::NotYaml) => panic!("{name}: whether it can be read at all"),
            (Some(json), Sight::Marks(places)) => assert_eq!(marked(&validator, &json), *places, "{name}"),
            (Some(json), Sight::Blind(why)) => assert_eq!(marked(&validator, &json), Vec::<String>::new(), "{name}, although {why}"),
        }
    }
}

/// Bodies of `PUT /v1/faults/NAME`, and whether they are wrong in a way that a schema sees. The language has the last word.
#[test]
fn bodies_of_the_api_are_held_to_the_schema_of_a_fault() {
    let whole = schema();
    let validator = jsonschema::draft202012::new(&json!({ "$ref": "#/$defs/fault", "$defs": whole["$defs"] })).unwrap();
    let check = |body: &Value| {
        let text = format!("proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - {body}\n");
        let loaded = scenario::load(&["body.yaml".to_owned()], &|_| Ok(text.clone()), &|_| None, "127.0.0.1");
        loaded.complaints.iter().map(|complaint| complaint.code).collect::<Vec<_>>()
    };
    for (body, places, codes) in [
        (json!({ "proxy": "redis", "latency": "250ms", "jitter": "50ms" }), vec![], vec![]),
        (json!({ "proxy": ["redis"], "reset": true, "probability": "20%", "lease": "60s" }), vec![], vec![]),
        (json!({ "proxy": "redis", "bandwidth": { "from": "1MiB/s", "to": "0B/s", "over": "1m" }, "direction": "both" }), vec![], vec![]),
        (json!({ "proxy": "redis", "latency": { "p50": "18ms", "p99": "950ms" }, "enabled": false }), vec![], vec![]),
        (json!({ "proxy": "redis", "blackhole": "5s", "every": 4, "times": 3, "for": "1m" }), vec![], vec![]),
        (json!({ "proxy": "redis", "latency": 250 }), vec!["/latency"], vec!["E0201"]),
        (json!({ "proxy": "redis", "latancy": "250ms" }), vec![""], vec!["E0101"]),
        (json!({ "proxy": "redis", "reset": true, "close": true }), vec!["/close", "/reset"], vec!["E0103"]),
        (json!({ "proxy": "redis", "down": true, "every": 2 }), vec!["/every"], vec!["E0106"]),
        (json!({ "proxy": "redis", "down": false }), vec!["/down"], vec!["E0104"]),
        (json!({ "proxy": "redis", "latency": "1s", "times": 0 }), vec!["/times"], vec!["E0208"]),
        (json!({ "proxy": "redis", "latency": "1s", "direction": "up" }), vec!["/direction"], vec!["E0206"]),
        (json!({ "proxy": "redis", "latency": "1s", "probability": 0.1 }), vec!["/probability"], vec!["E0202"]),
        // A name is looked up; an effect may stand in the defaults of a file.
        (json!({ "proxy": "reddis", "latency": "250ms" }), vec![], vec!["E0301"]),
        (json!({ "proxy": "redis" }), vec![], vec!["E0104"]),
    ] {
        assert_eq!(check(&body), codes, "{body}");
        assert_eq!(marked(&validator, &body), places, "{body}");
    }
}

fn values() -> Vec<Value> {
    let texts = "250ms|2s|1m30s|1.5h|.5s|5ms..80ms|5ms .. 80ms|0ms to 2s over 1m|20%|0.1 %|150%|0% to 50% over 1m|64KiB|1 MiB|1MB|1MiB/s\
        |256kbit/s|0B/s|1kB/s to 5MB/s over 3s|20/s|100/m|1/s to 20/s over 1m|2x|.5x|5 messages|all|new|to_client|to_server|both|half|none|auto\
        |true|yes|connect|idle|a -> b|a <-> b|fail|fail fail pass|20 connections|8 requests|proxy|client|header x-tenant|GET /healthz|/healthz\
        |2027-06-30|redis|6379|redis:6379|http://:80|10.0.0.1|10.0.0.0/8|slow-4g|NO_ERROR|REFUSED_STREAM|http/1.1|h2|tls1.2|pong|expired|hang\
        |garbage|keep_length|expired_token|ordinal|trace|message|connection|add|total|percentile|cancel|keep|ratio|rewrite|./recorded.json| 2s |5µs|10ns|";
    let others = json!([
        true, false, 0, 1, 2, 3, 80, 200, 503, 1012, 65536, -1, 1.5, 1e3, null, [], ["a"], [503, "2xx"], ["250ms"], ["10.0.0.0/8"], {},
        { "from": "1%", "to": "2%", "over": "1m" },
        { "from": "1s", "to": "2s", "over": "1m", "curve": "exponential" },
        { "from": "1MiB/s", "to": "2MiB/s", "over": "1m", "curve": "linear", "steps": 4 },
        { "from": "1/s", "to": "20/s", "over": "1m" },
        { "from": "1%", "to": "2%" },
        { "p50": "18ms", "p99": "950ms" },
        { "shape": "normal", "mean": "1s", "stddev": "20ms" },
        { "shape": "pareto", "min": "20ms", "p99": "2s", "max": "3s" },
        { "retransmit": "2%", "rto": "200ms" },
        { "p10": "1ms", "p999": "2s" },
        { "bad": "14s", "good": "11m" },
        { "average": "5%", "burst": 3 },
        { "p": "1%", "r": "20%", "bad": "50%" },
        { "regex": "^a" }, { "a": "b" }, { "a": null }, { "a": ["b", "c"] },
        { "method": "GET", "query": { "a": null } },
        { "cert": "a.pem", "verify": false, "names": ["a", "b"] },
        { "lead": "Ann", "observers": ["Bo"] }
    ]);
    texts.split('|').map(Value::from).chain(others.as_array().unwrap().iter().cloned()).collect()
}

/// Key by key and value by value: the schema takes whatever the form of a key takes, and what it takes besides is of a language that a
/// pattern does not speak.
#[test]
fn a_value_that_its_key_takes_is_never_refused() {
    let validator = validator();
    let mut faults: BTreeMap<&str, Vec<&Key>> = BTreeMap::new();
    for key in KEYS.iter().chain(BESIDE_OVER).chain(effect::all().flat_map(|row| row.keys)) {
        faults.entry(key.name).or_default().push(key);
    }
    let single = |keys: &'static [Key]| keys.iter().map(|key| (key.name, vec![key])).collect::<Vec<_>>();
    /// Keys by their names, and what a value of one stands in.
    type Table<'a> = (Vec<(&'a str, Vec<&'a Key>)>, fn(&str, &Value) -> Value);
    let tables: Vec<Table<'_>> = vec![
        (faults.into_iter().collect(), |key, value| json!({ "faults": [{ key: value }] })),
        (single(FILE), |key, value| json!({ key: value })),
        (single(PROXY), |key, value| {
            let mut proxy = json!({ "listen": 1, "upstream": "r:1" });
            proxy[key] = value.clone();
            json!({ "proxies": { "r": proxy } })
        }),
        (single(LIMITS), |key, value| json!({ "limits": { key: value } })),
        (single(PROBE), |key, value| json!({ "probes": { "p": { key: value } } })),
        (single(PHASE), |key, value| {
            let mut phase = json!({ "duration": "1m" });
            phase[key] = value.clone();
            json!({ "phases": [phase] })
        }),
    ];
    let (values, mut taken, mut refused, mut wrong) = (values(), 0, 0, Vec::new());
    for (table, around) in tables {
        for (name, keys) in table {
            // What is read elsewhere has its own tests, and what needs another key beside it.
            if keys.iter().any(|key| matches!(key.form, Form::Named(_))) || name == "timeout" {
                continue;
            }
            for value in &values {
                let around = around(name, value);
                // A key of a file without a value is an empty one.
                let empty = |form: &Form| value.is_null() && matches!(form, Form::List(_) | Form::Map { .. } | Form::MapOf(_));
                let at_the_top = around.get(name).is_some();
                let takes = |key: &&Key| key.form.accepts(name, &Node::from_json(value)) || at_the_top && empty(&key.form);
                let (takes, valid) = (keys.iter().any(takes), validator.is_valid(&around));
                taken += usize::from(takes);
                refused += usize::from(!takes && !valid);
                if takes && !valid {
                    wrong.push(format!("`{name}: {value}` is accepted by `check`, and refused by the schema"));
                } else if valid && !takes && !keys.iter().any(|key| is_vague(&key.form)) {
                    wrong.push(format!("`{name}: {value}` is refused by `check`, and the schema could see it"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken > 500 && refused > 5000, "{taken} {refused}");
}

/// Whether more is asked of a value than a schema can.
fn is_vague(form: &Form) -> bool {
    match form {
        // A range must not end before it begins, and a number has a greatest value.
        Form::Like(_) | Form::Delay | Form::Any | Form::Percent | Form::Ramp(_) => true,
        Form::Some(of) | Form::List(of) | Form::MapOf(of) => is_vague(of),
        Form::Either(forms) => forms.iter().any(is_vague),
        Form::Map { keys, .. } => keys.iter().any(|key| is_vague(&key.form)),
        _ => false,
    }
}

/// What an editor proposes to write is right: each value that is offered is valid where it is offered.
#[test]
fn what_is_proposed_is_valid() {
    let (mut count, mut known) = (0, HashSet::new());
    proposals(&schema(), &mut |schema, body| {
        let Some(text) = body.as_str() else { return };
        let mut plain = text.to_owned();
        while let Some((start, end)) = plain.find("${").and_then(|start| Some((start, start + plain[start..].find('}')?))) {
            let inner = plain[start + 2..end].split_once(':').unwrap().1.to_owned();
            plain.replace_range(start..=end, &inner);
        }
        // Many keys take the same. Only these words are about a text.
        let mut about = schema.clone();
        about.as_object_mut().unwrap().retain(|key, _| ["type", "pattern", "anyOf"].contains(&&**key));
        if known.insert((about.to_string(), plain.clone())) {
            assert!(jsonschema::draft202012::new(&about).unwrap().is_valid(&plain.clone().into()), "{plain} in {schema}");
        }
        count += 1;
    });
    assert!(count > 100, "{count}");
}

fn proposals(schema: &Value, each: &mut dyn FnMut(&Value, &Value)) {
    match schema {
        Value::Object(map) => {
            for snippet in map.get("defaultSnippets").and_then(Value::as_array).into_iter().flatten() {
                each(schema, &snippet["body"]);
            }
            map.iter().filter(|(key, _)| *key != "defaultSnippets").for_each(|(_, inner)| proposals(inner, each));
        }
        Value::Array(items) => items.iter().for_each(|inner| proposals(inner, each)),
        _ => {}
    }
}

/// Every key of every map has prose, in words and as Markdown.
#[test]
fn hovering_shows_prose() {
    let schema = schema();
    let about = |pointer: &str| schema.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert!(about("/properties/seed/description").contains("dice"));
    assert!(about("/$defs/fault/properties/latency/description").contains("later"));
    assert!(about("/$defs/fault/properties/latency/markdownDescription").contains("```yaml"));
    assert!(about("/$defs/fault/properties/burst/description").contains("Or:"));
    assert!(about("/$defs/phase/properties/until/description").contains("timeout"));
    let (mut without, mut count) = (Vec::new(), 0);
    every_key(&schema, "", &mut |place, key| {
        count += 1;
        if key["description"].as_str().unwrap_or_default().is_empty() || key["description"] != key["markdownDescription"] {
            without.push(place.to_owned());
        }
    });
    assert_eq!(without, Vec::<String>::new());
    assert!(count > 300, "{count}");
}

fn every_key(schema: &Value, place: &str, each: &mut dyn FnMut(&str, &Value)) {
    match schema {
        Value::Object(map) => {
            for (key, inner) in map {
                let place = format!("{place}/{key}");
                if key == "properties" {
                    let keys = inner.as_object().unwrap().iter().filter(|(_, schema)| schema.is_object());
                    keys.for_each(|(name, schema)| each(&format!("{place}/{name}"), schema));
                }
                every_key(inner, &place, each);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, inner)| every_key(inner, &format!("{place}/{n}"), each)),
        _ => {}
    }
}
