//! What an editor shows in a scenario: the answers of the YAML language server, which most of them ask. `editor/complete`, `editor/hover` and
//! `editor/mark` hold texts with the places that are asked about, and beside each what is shown there; `UPDATE=1` writes the latter anew.

mod server;

use crate::harness::{Dir, faultwire, run};
use faultwire_faults::{
    contract::Key,
    effect,
    fault::{BESIDE_OVER, KEYS},
    form::Form,
    matching::FACTS,
};
use faultwire_scenarios::{
    keys::{EXPECTATION, FILE, LIMITS, PHASE, PROBE, PROXY, ROLES, TLS},
    measure::MEASURES,
    schema::schema,
};
use serde_json::{Value, json};
use server::{Offer, Place, Server};
use std::{fmt::Write as _, fs, path::Path};

/// Where a text is asked about.
const CARET: char = '‸';
/// A first line; the address is answered by the editor.
const HEAD: &str = "# yaml-language-server: $schema=https://example.org/schema.json\n";

fn server() -> Server {
    Server::start(schema().to_string())
}

/// The text without its carets, and where they stood.
fn carets(marked: &str) -> (String, Vec<Place>) {
    let (mut text, mut places) = (String::new(), Vec::new());
    for (line, marked) in marked.split('\n').enumerate() {
        if line > 0 {
            text.push('\n');
        }
        let mut parts = marked.split(CARET);
        let mut before = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            places.push((line, before.encode_utf16().count()));
            before.push_str(part);
        }
        text.push_str(&before);
    }
    (text, places)
}

fn offers(server: &mut Server, marked: &str) -> Vec<Offer> {
    let (text, places) = carets(&format!("{HEAD}{marked}"));
    let uri = server.open("faultwire.yaml", &text);
    server.complete(&uri, places[0])
}

/// What is shown for each text of a folder is what stands beside it.
fn as_expected(folder: &str, shown: impl Fn(&mut Server, &str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("editor").join(folder);
    let mut texts: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    texts.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    texts.sort();
    assert!(texts.len() >= 2, "{texts:?}");
    let (mut server, mut wrong) = (server(), Vec::new());
    for path in texts {
        let shown = shown(&mut server, &fs::read_to_string(&path).unwrap());
        let beside = path.with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&beside, &shown).unwrap();
        } else if fs::read_to_string(&beside).ok().as_ref() != Some(&shown) {
            wrong.push(format!("--- {}\n{shown}", beside.display()));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

/// The text again up to the place, and below it what is offered.
#[test]
fn completes() {
    as_expected("complete", |server, marked| {
        let (text, places) = carets(&format!("{HEAD}{marked}"));
        let uri = server.open("faultwire.yaml", &text);
        let mut shown = String::new();
        for place in places {
            let line = text.lines().nth(place.0).unwrap_or_default();
            writeln!(shown, "line {}: {}{CARET}", place.0, &line[..place.1]).unwrap();
            let offers = server.complete(&uri, place);
            let width = offers.iter().map(|offer| offer.label.chars().count()).max().unwrap_or_default();
            for Offer { label, prose, .. } in offers {
                let line = format!("  {label:width$}  {}", prose.lines().next().unwrap_or_default());
                writeln!(shown, "{}", line.trim_end()).unwrap();
            }
        }
        shown
    });
}

#[test]
fn explains() {
    as_expected("hover", |server, marked| {
        let (text, places) = carets(&format!("{HEAD}{marked}"));
        let uri = server.open("faultwire.yaml", &text);
        let mut shown = String::new();
        for place in places {
            let line = text.lines().nth(place.0).unwrap_or_default();
            writeln!(shown, "line {}: {}{CARET}{}", place.0, &line[..place.1], &line[place.1..]).unwrap();
            for line in server.hover(&uri, place).lines().filter(|line| !line.is_empty() && !line.starts_with("Source: ")) {
                writeln!(shown, "  {line}").unwrap();
            }
        }
        shown
    });
}

#[test]
fn marks_mistakes() {
    as_expected("mark", |server, text| {
        let uri = server.open("faultwire.yaml", &format!("{HEAD}{text}"));
        let mut shown = String::new();
        for (number, line) in text.lines().enumerate() {
            writeln!(shown, "{line}").unwrap();
            for mark in server.marks(&uri) {
                let at = |end: &str, part: &str| mark["range"][end][part].as_u64().unwrap() as usize;
                if at("start", "line") == number + 1 {
                    let (from, to) =
                        (at("start", "character"), if at("end", "line") == number + 1 { at("end", "character") } else { line.len() });
                    let severity = if mark["severity"] == 1 { "error" } else { "warning" };
                    writeln!(shown, "{}{} {severity}: {}", " ".repeat(from), "^".repeat(to - from), mark["message"].as_str().unwrap())
                        .unwrap();
                }
            }
        }
        shown
    });
}

/// Places where a text goes on with keys of a table.
fn places() -> Vec<(&'static str, Vec<&'static Key>)> {
    let effects = effect::all().flat_map(|row| row.keys);
    let fault: Vec<&Key> = KEYS.iter().chain(BESIDE_OVER).chain(effects).collect();
    let unnamed = fault.iter().copied().filter(|key| key.name != "name").collect();
    vec![
        ("‸", FILE.iter().collect()),
        ("proxies:\n  redis:\n    ‸", PROXY.iter().collect()),
        ("proxies:\n  redis:\n    tls:\n      ‸", TLS.iter().collect()),
        ("faults:\n  - ‸", fault.clone()),
        ("phases:\n  - duration: 1m\n    faults:\n      - ‸", fault),
        ("defaults:\n  ‸", unnamed),
        ("phases:\n  - ‸", PHASE.iter().collect()),
        ("probes:\n  cart:\n    ‸", PROBE.iter().collect()),
        ("expect:\n  - ‸", EXPECTATION.iter().collect()),
        ("limits:\n  ‸", LIMITS.iter().collect()),
        ("roles:\n  ‸", ROLES.iter().collect()),
    ]
}

#[test]
fn every_key_is_offered_where_it_belongs_with_its_prose() {
    let mut server = server();
    for (place, keys) in places() {
        let offers = offers(&mut server, place);
        for key in keys {
            let offer = offers.iter().find(|offer| offer.label == key.name);
            let offer = offer.unwrap_or_else(|| panic!("`{}` is not offered at\n{place}", key.name));
            for part in [key.about, key.default, &format!("`{}: {}`", key.name, key.values)] {
                assert!(offer.prose.contains(part), "{} at\n{place}\n{}", key.name, offer.prose);
            }
            assert_eq!(offer.prose.contains("later version"), !key.since.built || is_later_somewhere(key.name), "{}", offer.prose);
            assert!(offer.inserts.starts_with(&format!("{}:", key.name)), "{}", offer.inserts);
        }
    }
    let offers = offers(&mut server, "faults:\n  - match:\n      ‸");
    for fact in FACTS {
        assert!(offers.iter().any(|offer| offer.label == fact.name && offer.prose == fact.about), "{}", fact.name);
    }
}

/// Whether it belongs to some effect for which it comes later.
fn is_later_somewhere(name: &str) -> bool {
    let beside_over = BESIDE_OVER.iter().filter(|key| key.name == name);
    beside_over.chain(effect::all().filter_map(|row| row.key(name))).any(|key| !key.since.built)
}

/// Wherever the words of a key are known, they are offered behind it.
#[test]
fn every_word_is_offered_behind_its_key() {
    let mut server = server();
    let mut count = 0;
    for (place, keys) in places() {
        for key in keys {
            let Form::Word(words) = key.form else { continue };
            let offers = offers(&mut server, &place.replace(CARET, &format!("{}: {CARET}", key.name)));
            for word in words {
                assert!(offers.iter().any(|offer| offer.label == *word), "`{word}` is not offered behind `{}` at\n{place}", key.name);
            }
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    for (place, expected) in [
        ("faults:\n  - direction: ‸", vec!["to_client", "to_server", "both"]),
        ("faults:\n  - down: ‸", vec!["true"]),
        ("faults:\n  - enabled: ‸", vec!["true", "false"]),
        ("faults:\n  - latency: ‸", vec!["250ms", "5ms..80ms", "0ms to 2s over 1m"]),
        ("faults:\n  - match:\n      access: ‸", vec!["read", "write"]),
    ] {
        let offers = offers(&mut server, place);
        assert_eq!(offers.iter().map(|offer| &*offer.label).collect::<Vec<_>>(), expected, "{place}");
    }
}

/// What can be measured is offered as the beginning of a condition, with what it means.
#[test]
fn every_measure_is_offered_in_a_condition() {
    let mut server = server();
    for place in ["expect:\n  - ‸", "abort:\n  - ‸", "phases:\n  - until: ‸", "phases:\n  - expect:\n      - ‸"] {
        let offers = offers(&mut server, place);
        for measure in MEASURES.iter().filter(|measure| measure.since.stage == 1) {
            let found = offers.iter().any(|offer| offer.inserts.starts_with(measure.name) && offer.prose == measure.about);
            assert!(found, "{} at\n{place}", measure.name);
        }
    }
}

/// Hovering over a key says what `explain` says of it.
#[test]
fn hovering_says_what_explain_says() {
    let mut names: Vec<&str> = KEYS.iter().chain(effect::all().flat_map(|row| row.keys)).map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    let text: String = names.iter().map(|name| format!("  - {name}: x\n")).collect();
    let mut server = server();
    let uri = server.open("faultwire.yaml", &format!("{HEAD}faults:\n{text}"));
    for (line, name) in names.iter().enumerate() {
        let shown = server.hover(&uri, (line + 2, 5));
        let mut explain = faultwire();
        explain.args(["explain", name, "--json"]);
        let explained: Value = serde_json::from_str(&run(explain).expect(0).out).unwrap();
        let keys = explained["keys"].as_array().cloned().unwrap_or_else(|| vec![explained.clone()]);
        let key = keys.iter().find(|key| key["name"] == *name).unwrap();
        let said = |of: &str| key[of].as_str().unwrap();
        for part in [said("about"), said("default"), &format!("`{name}: {}`", said("values"))] {
            assert!(shown.contains(part), "explain {name} says {part:?}, and the editor\n{shown}");
        }
        if let Some(row) = effect::all().find(|row| row.name == *name) {
            let example = row.example.trim_matches(['{', '}', ' ']);
            for shown in [&shown, explained["example"].as_str().unwrap()] {
                assert!(shown.contains(example), "{name} is like {example:?}, and not\n{shown}");
            }
        }
    }
}

/// The first line that `init` writes leads an editor to the schema, and nothing that `init` proposes is marked.
#[test]
fn what_init_writes_is_known_to_an_editor() {
    let dir = Dir::new();
    dir.write("compose.yaml", fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("init/shop/compose.yaml")).unwrap());
    let mut init = faultwire();
    init.arg("init").current_dir(&dir.0);
    run(init).expect(0);
    let written = fs::read_to_string(dir.0.join("faultwire.yaml")).unwrap();
    let address = written.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
    let mut server = server();
    let uri = server.open("anything.yaml", &written);
    assert_eq!(server.marks(&uri), Vec::<Value>::new());
    assert_eq!(server.wanted, [address]);
    let uri = server.open("anything.yaml", &written.replace("proxies:", "proxys:"));
    assert_eq!(server.marks(&uri)[0]["message"], "Property proxys is not allowed.");
}

/// A schema in a file, as `faultwire schema` may be kept: named by the first line, or by the settings.
#[test]
fn a_schema_in_a_file_is_found() {
    let dir = Dir::new();
    let file = dir.write("faultwire.schema.json", schema().to_string());
    let labels = |offers: Vec<Offer>| offers.into_iter().map(|offer| offer.label).collect::<Vec<_>>();
    let all = labels(offers(&mut server(), "‸"));
    assert_eq!(all.len(), FILE.len());

    let mut plain = Server::start(String::new());
    let uri = format!("file://{}", dir.0.join("one.yaml").display());
    plain.open_at(&uri, &format!("# yaml-language-server: $schema={}\n", file.display()));
    assert_eq!(labels(plain.complete(&uri, (1, 0))), all);
    let uri = plain.open("two.yaml", "\n");
    assert!(!labels(plain.complete(&uri, (0, 0))).contains(&"faults".to_owned()), "who names no schema has none");

    let schemas = json!({ "schemas": { format!("file://{}", file.display()): ["*faultwire.yaml"] } });
    let mut set = Server::with(String::new(), schemas);
    let uri = set.open("faultwire.yaml", "\n");
    assert_eq!(labels(set.complete(&uri, (0, 0))), all);
}
