//! What scenario files mean: files merged, defaults, names, partitions; and that no garbage is too much.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail, and this one takes the time")]

use faultwire_faults::{
    fault::{Fault, Targets},
    node::Node,
};
use faultwire_scenarios::{
    link::ProxySpec,
    render,
    scenario::{self, Loaded, Scenario, Setting},
    sources::Sources,
    words::Words,
};
use std::{io, time::Instant};

fn load(files: &[(&str, &str)]) -> Loaded {
    let names: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).filter(|name| !name.starts_with("lib/")).collect();
    let reader = |name: &str| match files.iter().find(|(file, _)| *file == name) {
        Some((_, text)) => Ok((*text).to_owned()),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let env = |name: &str| (name == "PORT").then(|| "26380".to_owned());
    scenario::load(&names, &reader, &env, "127.0.0.1")
}

fn good(files: &[(&str, &str)]) -> Scenario {
    let loaded = load(files);
    assert_eq!(render::render(&loaded.complaints, &loaded.sources, false), "");
    loaded.scenario.unwrap()
}

fn said(files: &[(&str, &str)]) -> String {
    let loaded = load(files);
    render::render(&loaded.complaints, &loaded.sources, false)
}

fn names(scenario: &Scenario) -> Vec<&str> {
    scenario.faults.iter().map(|draft| draft.fault.name.as_deref().unwrap()).collect()
}

const REDIS: &str = "proxies:\n  redis: 26379 -> redis:6379\n";

#[test]
fn a_file_says_what_it_says() {
    let text = "name: first\ndescription: It holds.\nowners: [sre, team-pay]\nlinks: { runbook: 'https://example.com/r' }\nseed: 42\n\
                proxies:\n  redis: ${PORT} -> redis:6379\nx-mine: [1]\nfaults:\n  - proxy: redis\n    latency: 1s\n";
    let scenario = good(&[("a.yaml", text)]);
    assert_eq!((scenario.name.as_str(), scenario.description.as_deref(), scenario.seed), ("first", Some("It holds."), Some(42)));
    assert_eq!(scenario.owners, ["sre", "team-pay"]);
    assert_eq!(scenario.links, [("runbook".to_owned(), "https://example.com/r".to_owned())]);
    assert_eq!((scenario.proxies[0].listen.port, scenario.proxies[0].upstream.to_string().as_str()), (26380, "redis:6379"));
    assert_eq!(good(&[("conf/b.yaml", REDIS)]).name, "b");
}

#[test]
fn files_are_merged_in_order_each_after_what_it_includes() {
    let a = "include: lib/base.yaml\nname: a\nfaults:\n  - { name: two, proxy: redis, latency: 2s }\n";
    let b = "include: [lib/base.yaml]\nseed: 7\nfaults:\n  - { name: three, proxy: redis, latency: 3s }\n";
    let base = "include: more/deep.yaml\nname: base\nseed: 1\nproxies:\n  redis: 26379 -> redis:6379\n";
    let deep = "faults:\n  - { name: one, proxy: redis, latency: 1s }\n";
    let scenario = good(&[("a.yaml", a), ("b.yaml", b), ("lib/base.yaml", base), ("lib/more/deep.yaml", deep)]);
    assert_eq!(names(&scenario), ["one", "two", "three"]);
    assert_eq!((scenario.name.as_str(), scenario.seed), ("a", Some(7)));
    let twice = said(&[("a.yaml", REDIS), ("b.yaml", REDIS)]);
    assert!(twice.contains("two proxies named `redis`") && twice.contains("a.yaml:2:3") && twice.contains("b.yaml:2:3"), "{twice}");
}

#[test]
fn defaults_fill_in_and_a_faults_own_key_wins() {
    let text = format!(
        "{REDIS}defaults: {{ proxy: redis, enabled: false, jitter: 5ms, lease: 10m, probability: 50%, when: idle }}\nfaults:\n\
         \x20 - {{ name: slow, latency: 1s }}\n  - {{ name: slower, latency: 2s, jitter: 1ms, enabled: true }}\n\
         \x20 - {{ name: cut, reset: true, probability: 10% }}\n  - {{ name: gone, down: true }}\n"
    );
    let scenario = good(&[("a.yaml", &text)]);
    let json = |at: usize| scenario.faults[at].fault.written.clone();
    assert_eq!((json(0)["jitter"].as_str(), json(1)["jitter"].as_str()), (Some("5ms"), Some("1ms")));
    assert!(json(2).get("jitter").is_none() && json(0).get("when").is_none() && json(3).get("probability").is_none());
    assert_eq!((json(2)["probability"].as_str(), json(2)["when"].as_str()), (Some("10%"), Some("idle")));
    assert_eq!(scenario.faults.iter().map(|draft| draft.fault.enabled).collect::<Vec<_>>(), [false, true, false, false]);
    let useless = said(&[("a.yaml", &format!("{REDIS}defaults: {{ jitter: 5ms }}\nfaults:\n  - {{ proxy: redis, reset: true }}\n"))]);
    assert!(useless.contains("`jitter` needs `latency`"), "{useless}");
}

#[test]
fn defaults_are_those_of_their_own_file() {
    let base = format!("{REDIS}defaults: {{ enabled: false }}\nfaults:\n  - {{ name: one, proxy: redis, latency: 1s }}\n");
    let scenario =
        good(&[("a.yaml", "include: lib/b.yaml\nfaults:\n  - { name: two, proxy: redis, latency: 1s }\n"), ("lib/b.yaml", &base)]);
    assert_eq!(scenario.faults.iter().map(|draft| draft.fault.enabled).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn faults_without_a_name_are_called_after_proxy_and_effect() {
    let text = format!(
        "{REDIS}faults:\n  - {{ proxy: redis, latency: 1s }}\n  - {{ proxy: redis, latency: 2s }}\n  - {{ name: redis-latency-2, proxy: redis, slice: 1KiB }}\n\
         \x20 - {{ proxy: redis, bandwidth: 1MiB/s, latency: 5ms }}\n"
    );
    let scenario = good(&[("a.yaml", &text)]);
    assert_eq!(names(&scenario), ["redis-latency", "redis-latency-3", "redis-latency-2", "redis-bandwidth"]);
}

#[test]
fn a_partition_is_silence_on_every_proxy_between() {
    let proxies = "proxies:\n  stock: { listen: 1001, upstream: 'stock:80', from: orders }\n  back: { listen: 1002, upstream: '10.0.0.1:80', from: stock, to: orders }\n\
                   \x20 other: 1003 -> stock:80\n";
    let cut = good(&[("a.yaml", &format!("{proxies}faults:\n  - {{ name: cut, partition: orders -> stock, resume: true }}\n"))]);
    assert!(matches!(&cut.faults[0].fault.targets, Targets::Between { from, to, both: false, .. } if from == "orders" && to == "stock"));
    assert!(cut.faults[0].fault.strike().is_some());
    let nowhere = said(&[("a.yaml", &format!("{proxies}faults:\n  - {{ partition: orders -> moon }}\n"))]);
    assert!(nowhere.contains("E0301"), "{nowhere}");
    let beside = said(&[("a.yaml", &format!("{proxies}faults:\n  - {{ partition: orders -> stock, direction: both }}\n"))]);
    assert!(beside.contains("E0106"), "{beside}");
}

#[test]
fn what_is_there_already_is_known() {
    let there = proxy("wrapped", 5000);
    let text = "faults:\n  - { proxy: wrapped, latency: 1s }\n";
    let loaded = scenario::load_beside(&["a.yaml".to_owned()], &|_| Ok(text.to_owned()), &|_| None, "127.0.0.1", &[there]);
    let scenario = loaded.scenario.unwrap();
    assert_eq!((scenario.proxies.len(), names(&scenario)), (0, vec!["wrapped-latency"]));
}

#[test]
fn inside_a_container_localhost_is_the_container() {
    let reader = |_: &str| io::Result::Ok("proxies:\n  redis: 26379 -> localhost:6379\n".to_owned());
    let load = |in_container: bool| {
        let setting = Setting { bind: "0.0.0.0", in_container, ..Setting::default() };
        scenario::load_with(&["a.yaml".to_owned()], &reader, &|_| None, &setting)
    };
    assert_eq!(load(false).complaints, []);
    let inside = load(true);
    assert_eq!(inside.complaints.iter().map(|complaint| complaint.code).collect::<Vec<_>>(), ["W0307"]);
    assert!(inside.scenario.is_some());
}

fn proxy(name: &str, port: u16) -> ProxySpec {
    let node = Node::from_json(&serde_json::json!(format!("{port} -> localhost:6379")));
    faultwire_scenarios::link::read(name, &scenario::NOWHERE, &node, "127.0.0.1").unwrap()
}

#[test]
fn words_and_requests_are_held_to_the_same_rules() {
    let proxies = [proxy("redis", 5000)];
    let mut sources = Sources::default();
    let Ok(Words::Fault(node)) = scenario::inject("redis latency=200ms probability=20%", &mut sources) else { panic!("a fault") };
    let faults = scenario::faults(&[node], &proxies, &|name| name == "redis-latency").unwrap();
    assert_eq!(faults[0].name.as_deref(), Some("redis-latency-2"));
    let Ok(Words::Fault(node)) = scenario::inject("reddis latency=200", &mut sources) else { panic!("a fault") };
    let complaints = scenario::faults(&[node], &proxies, &|_| false).unwrap_err();
    let text = render::render(&complaints, &sources, false);
    assert!(text.contains(" --> --inject:1:1\n") && text.contains("did you mean `redis`?"), "{text}");
    assert!(text.contains("`200` is not a length of time"), "{text}");

    let body = Node::from_json(&serde_json::json!({ "proxy": "redis", "latency": 200 }));
    let mut sources = Sources::default();
    sources.add("request", "");
    let complaints = scenario::faults(&[body], &proxies, &|_| false).unwrap_err();
    let text = render::render(&complaints, &sources, false);
    assert!(text.starts_with("error[E0201]: `200` is not a length of time\n--> request#/latency\n"), "{text}");
    assert_eq!(render::json(&complaints[0], &sources)["pointer"], "/latency");
}

#[test]
fn patches_mend_what_they_were_made_for() {
    let text = "proxies:\n  redis: 26379 -> redis:6379\nfaults:\n  - proxy: reddis\n    latency: 250\n  - proxy: reddis\n    reset: true\n    probabilty: 5%\n  - { proxy: redis, down: true }\n";
    let loaded = load(&[("a.yaml", text)]);
    assert_eq!(render::count(&loaded.complaints), "3 errors");
    let fixes: Vec<_> = loaded.complaints.iter().filter_map(|complaint| complaint.fixes.first()).collect();
    let mended = render::apply(&fixes, 0, text);
    assert_eq!(said(&[("a.yaml", &mended)]), "", "{mended}");
}

#[test]
fn files_that_are_not_there_are_named() {
    assert_eq!(said(&[("a.yaml", "")]), "error[E0215]: this file is empty\n--> a.yaml\n = note: a scenario has `proxies` and `faults`\n");
    let missing = scenario::load(&["no.yaml".to_owned()], &|_| Err(io::ErrorKind::NotFound.into()), &|_| None, "127.0.0.1");
    assert!(
        render::render(&missing.complaints, &missing.sources, false).starts_with("error[E0215]: there is no file `no.yaml`\n--> no.yaml")
    );
    let none = scenario::load(&[], &|_| Err(io::ErrorKind::NotFound.into()), &|_| None, "127.0.0.1");
    assert!(render::render(&none.complaints, &none.sources, false).starts_with("error[E0215]: no scenario file is named\n"));
    assert_eq!(good(&[("-", REDIS)]).proxies.len(), 1);
}

#[test]
fn garbage_is_told_and_never_a_panic() {
    let long = "x".repeat(100_000);
    for text in [
        "\u{0}\u{1}\u{2}",
        "\u{feff}proxies:\n  a: 1 -> b:2\nfaults: 5\n",
        "%YAML 9.9\n---\n",
        "--- !!binary |\n  R0lGOD\n",
        "? [complex, key]\n: value\n",
        "- - - - -",
        "proxies: &p\n  a: *p\n",
        "proxies: { : : : }",
        "faults: [null, 5, [], {}, {proxy: {}}, {proxy: [[]]}, {proxy: null, latency: {}}]",
        "proxies: { \"\": '', a: '->', b: '-> ->', c: '1 -> [', d: '1 -> ]', e: '1 -> [::1', f: '1 -> ://', g: ':// -> x' }",
        "faults:\n  - proxy: \"\\u0000\\uFFFF💥\"\n    latency: 💥\n    ${: ${\n",
        "seed: 99999999999999999999999\nname: {}\ninclude: [[], {}, 5]\ndefaults: { proxy: [], name: 1 }\n",
        "a: 'unclosed\n\n\n💥",
        "<<: 5\n",
        "<<: {proxies: {a: 1 -> b:2}, <<: [5]}\n",
        "*a: &a b\n",
        "{\"proxies\": {\"a\": \"1 -> b:2\"}, \"faults\": [{\"proxy\": \"a\", \"latency\": \"1s\"},]",
        &long,
        &format!("faults:\n  - {{ proxy: {long}, latency: {long}, {}: 1 }}\n", &long[..1000]),
        &format!("proxies:\n  a: {long} -> {long}\n"),
    ] {
        let loaded = load(&[("g.yaml", text)]);
        render::render(&loaded.complaints, &loaded.sources, true);
        let told = loaded.complaints.iter().map(|complaint| render::json(complaint, &loaded.sources).to_string()).collect::<Vec<_>>();
        assert!(!told.is_empty(), "nothing is wrong with {:?}", &text[..text.len().min(60)]);
        for end in (0..text.len().min(200)).filter(|end| text.is_char_boundary(*end)) {
            let loaded = load(&[("g.yaml", &text[..end])]);
            render::render(&loaded.complaints, &loaded.sources, false);
        }
    }
}

#[test]
fn large_files_are_read_in_a_moment() {
    let start = Instant::now();
    let proxies: String = (0..10_000).map(|i| format!("  p{i}: {} -> localhost:{}\n", 10_000 + i, 10_001 + i)).collect();
    let faults: String = (0..10_000).map(|i| format!("  - {{ proxy: p{i}, reset: true }}\n  - {{ proxy: q{i}, latency: 5 }}\n")).collect();
    let loaded = load(&[("a.yaml", &format!("proxies:\n{proxies}faults:\n{faults}"))]);
    assert_eq!(loaded.complaints.len(), 20_000);
    render::render(&loaded.complaints, &loaded.sources, false);
    loaded.complaints.iter().for_each(|complaint| drop(render::json(complaint, &loaded.sources)));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn the_page_about_the_language_says_what_is_true() {
    let page = include_str!("../LANGUAGE.md");
    let blocks = |fence: &str| page.split(fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect::<Vec<_>>();
    let scenarios = blocks("```yaml\n");
    assert!(scenarios.len() >= 2);
    scenarios.iter().for_each(|block| drop(good(&[("a.yaml", block)])));
    let words = blocks("```text\n").into_iter().find(|block| block.starts_with("redis ")).unwrap();
    for words in words.lines() {
        let Ok(Words::Fault(node)) = scenario::inject(words, &mut Sources::default()) else { panic!("{words}") };
        Fault::read(&node).unwrap();
    }
}
