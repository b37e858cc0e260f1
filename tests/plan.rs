//! `faultwire plan`: what is told of the examples, to the byte (`plan/NAME.expected`; `UPDATE=1` writes them anew), of mistakes, and of
//! a Faultwire that runs.

use crate::{
    harness::{Dir, Ended, Running, eventually, faultwire, run, world},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn examples() -> PathBuf {
    root().join("../scenarios/tests/examples")
}

fn plan(folder: &Path, words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.arg("plan").args(words).current_dir(folder);
    command.env("SLACK_URL", "https://hooks.example/x").env("GRAFANA_TOKEN", "hush").env("GRAFANA_URL", "http://grafana:3000");
    run(command)
}

fn data(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.out))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn what_is_told_of_the_examples() {
    let mut wrong = Vec::new();
    for (name, code) in [
        ("01-redis-latency", 0),
        ("03-payments-flaky", 65),
        ("04-postgres-locks", 65),
        ("05-slow-start-then-partition", 65),
        ("08-game-day", 65),
        ("13-toxiproxy-toxics", 0),
        ("20-resilience", 65),
        ("21-connection-pool", 65),
        ("23-how-often", 65),
        ("24-blind-game-day", 65),
    ] {
        let ended = plan(&examples(), &[&format!("{name}.yaml")]).expect(code);
        // Whoever keeps the plan keeps that it cannot run.
        assert_eq!(ended.out.contains("This version cannot run it"), code == 65, "{name}\n{}", ended.out);
        let path = root().join("plan").join(format!("{name}.expected"));
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &ended.out).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != ended.out {
            wrong.push(format!("--- {}\n{}", path.display(), ended.out));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn every_example_and_every_ready_scenario_has_a_plan_that_says_the_same_to_programs() {
    let mut files: Vec<PathBuf> = [examples(), root().join("../scenarios/library")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() > 30, "{files:?}");
    for path in files {
        let (folder, file) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
        let text = plan(folder, &[file]);
        let json = plan(folder, &[file, "--json"]);
        assert_eq!(text.code, json.code, "{file}");
        let json = data(&json);
        assert_eq!(json["runs"], text.code == Some(0), "{file}");
        assert_eq!(json["later"].as_array().unwrap().is_empty(), text.code == Some(0), "{file}");
        assert!(text.out.starts_with(json["name"].as_str().unwrap()), "{file}");
        for name in texts(&json["breaks"]).into_iter().chain(texts(&json["measures"])) {
            assert!(text.out.contains(name), "{file}: {name} is not in\n{}", text.out);
        }
        let acts = json["timeline"].as_array().unwrap().iter().flat_map(|step| step["faults"].as_array().unwrap());
        let acts: Vec<&Value> = acts.chain(json["faults"].as_array().unwrap()).chain(json["off"].as_array().unwrap()).collect();
        assert!(!acts.is_empty(), "{file}");
        for on in acts.iter().flat_map(|act| act["on"].as_array().unwrap()) {
            let said = format!("{}: {}", texts(&on["proxies"]).join(", "), on["does"].as_str().unwrap());
            assert!(text.out.contains(&said), "{file}: {said} is not in\n{}", text.out);
        }
        assert!(text.out.lines().all(|line| line.trim_end() == line), "{file}: lines with tails");
    }
}

#[test]
fn the_shape_for_programs() {
    let json = data(&plan(&examples(), &["08-game-day.yaml", "--json"]).expect(65));
    assert_eq!(json["length"], json!({ "lasts": "18m", "at_most": true, "approvals": 1, "recover_within": "2m" }));
    let steps = json["timeline"].as_array().unwrap();
    assert_eq!(
        steps.iter().map(|step| (step["phase"].as_str().unwrap(), step["begins"].as_str().unwrap())).collect::<Vec<_>>(),
        [("baseline", "0ms"), ("database slow", "3m"), ("database gone", "9m"), ("recovery", "13m")]
    );
    assert_eq!(
        steps[1]["faults"][0],
        json!({
            "name": "slow-db",
            "on": [{ "proxies": ["db"], "does": "latency 0ms to 800ms over 3m", "unit": "statement", "share": "every statement" }],
            "at": null, "for": null, "repeat": null, "lease": null, "optional": false,
        })
    );
    assert_eq!((&steps[2]["gate"], &steps[3]["until"]), (&json!("approval"), &json!("p95(checkout) < 400ms for 1m")));
    assert_eq!((&json["breaks"], &json["measures"]), (&json!(["db"]), &json!(["checkout", "prices"])));
    assert_eq!(json["limits"]["environments"], json!(["staging"]));
    let often = data(&plan(&examples(), &["23-how-often.yaml", "--json"]).expect(65));
    assert_eq!(often["length"], Value::Null);
    assert_eq!((&often["together"][0]["share"], &often["together"][0]["of"]), (&json!("7%"), &json!("requests matching GET /stock/*")));
    let flaps = often["faults"].as_array().unwrap().iter().find(|fault| fault["name"] == "flapping").unwrap();
    assert_eq!((&flaps["at"], &flaps["for"], &flaps["repeat"]), (&json!("30s"), &json!("5s"), &json!("1m")));
}

#[test]
fn where_it_may_run_is_told_as_it_is_here() {
    let said = |environment: Option<&str>| {
        let mut command = faultwire();
        command.args(["plan", "08-game-day.yaml"]).current_dir(examples());
        environment.map(|environment| command.env("FAULTWIRE_ENV", environment));
        run(command).expect(65).out
    };
    assert!(said(None).contains("staging (FAULTWIRE_ENV is not set here: it would refuse)"));
    assert!(said(Some("production")).contains("staging (FAULTWIRE_ENV is production here: it would refuse)"));
    assert!(said(Some("staging")).lines().any(|line| line.ends_with("staging")));
}

#[test]
fn two_endings_on_one_proxy_come_to_their_share() {
    let dir = Dir::new();
    let faults = "  - { proxy: db, reset: true, probability: 20% }\n  - { proxy: db, close: true, probability: 5% }\n";
    dir.write("faultwire.yaml", format!("proxies:\n  db: 0 -> localhost:5432\nfaults:\n{faults}"));
    let ended = plan(&dir.0, &[]).expect(0);
    assert!(ended.out.contains("db: together 24% of connections (20% reset, then 4% close)"), "{}", ended.out);
}

#[test]
fn the_scenario_is_repeated_as_it_was_understood() {
    let dir = Dir::new();
    dir.write("base.yaml", "proxies:\n  db: 15432 -> ${DB:-localhost:5432}\n");
    dir.write("faultwire.yaml", "include: base.yaml\ndefaults: { proxy: db }\nfaults:\n  - reset: true\n");
    let first = plan(&dir.0, &["--yaml"]).expect(0);
    assert!(first.out.contains("127.0.0.1:15432 -> localhost:5432") && first.out.contains("name: db-reset"), "{}", first.out);
    dir.write("again.yaml", &first.out);
    assert_eq!(plan(&dir.0, &["again.yaml", "--yaml"]).expect(0).out, first.out);
    assert_eq!(data(&plan(&dir.0, &["--yaml", "--json"]).expect(0))["faults"][0]["name"], "db-reset");
    // What comes later is repeated as well, and told.
    let later = plan(&examples(), &["-q", "03-payments-flaky.yaml", "--yaml"]).expect(65);
    assert!(later.out.contains("status: 429") && later.err.contains("error[E0109]"), "{}\n{}", later.out, later.err);
}

#[test]
fn ready_scenarios_are_known_by_name_and_the_standard_input_by_a_dash() {
    let dir = Dir::new();
    assert!(plan(&dir.0, &["flapping"]).expect(0).out.starts_with("flapping"));
    dir.write("slow", "proxies: { mine: 0 -> localhost:1 }\nfaults: [{ proxy: mine, down: true }]\n");
    assert!(plan(&dir.0, &["slow"]).expect(0).out.contains("mine: down"), "a file of that name comes first");
    let mut command = Command::new(crate::harness::binary());
    command.args(["plan", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(&dir.0);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"proxies: { p: 0 -> localhost:1 }\nfaults: [{ proxy: p, down: true }]\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("p: down"), "{output:?}");
}

fn against(running: &Running, file: &Path, more: &[&str]) -> Ended {
    let url = format!("http://{}", running.api);
    plan(&running.dir.0, &[&[file.to_str().unwrap(), "--against", &url], more].concat())
}

#[test]
fn differences_from_a_faultwire_that_runs() {
    let (one, two) = (Upstream::echo(), Upstream::echo());
    let running = world()
        .proxy("orders", &one)
        .proxy("db", &one)
        .proxy("old", &one)
        .faults(json!([
            { "name": "db-slow", "proxy": "db", "latency": "1ms" },
            { "name": "same", "proxy": "db", "latency": "0.002s", "direction": "to_server" },
            { "name": "ready", "proxy": "db", "down": true, "enabled": false },
            { "name": "gone", "proxy": "old", "latency": "1ms" },
        ]))
        .start();
    let mut client = running.connect("old");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    eventually("it was hit", || running.hits("gone") == 1);
    // What it serves is what is in force.
    let file = running.file.clone();
    assert_eq!(against(&running, &file, &[]).expect(0).out, "nothing to change: that is what is in force there\n");

    running.put("mine", json!({ "proxy": "db", "reset": true, "probability": "10%" }));
    let other = running.dir.write(
        "other.yaml",
        json!({
            "proxies": {
                "orders": format!("127.0.0.1:0 -> {}", two.address),
                "db": format!("0 -> {}", one.address),
                "new": format!("19999 -> {}", one.address),
            },
            "faults": [
                { "name": "db-slow", "proxy": "db", "latency": "5ms", "probability": "20%" },
                { "name": "same", "proxy": "db", "latency": "2ms", "direction": "to_server" },
                { "name": "ready", "proxy": "db", "down": true },
                { "name": "added", "proxy": "orders", "reset": true, "probability": "10%" },
            ],
        })
        .to_string(),
    );
    let ended = against(&running, &other, &[]).expect(0);
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = ended.out.lines().map(squeezed).collect();
    let old = running.port("old");
    assert_eq!(
        lines,
        [
            format!("~ proxy orders upstream {} -> upstream {} for new connections", one.address, two.address),
            format!("+ proxy new 19999 -> {}", one.address),
            format!("- proxy old {old} -> {} closes 1 open connection", one.address),
            "~ fault db-slow db: latency 1ms, every connection -> db: latency 5ms, 20% of connections 0 hits so far".to_owned(),
            "~ fault ready db: down (off) -> db: down 0 hits so far".to_owned(),
            "+ fault added orders: reset, 10% of connections".to_owned(),
            "- fault gone old: latency 1ms, every connection 1 hit so far".to_owned(),
            "3 to change, 2 to add, 2 to remove".to_owned(),
        ],
        "{}",
        ended.out
    );
    assert!(ended.err.contains("left alone: mine"), "{}", ended.err);
    let json = data(&against(&running, &other, &["--json"]).expect(0));
    assert_eq!(json["stay"], json!(["mine"]));
    let changes = json["changes"].as_array().unwrap();
    assert_eq!(changes.iter().filter(|change| change["change"] == "change").count(), 3);
    assert_eq!(
        changes.last().unwrap(),
        &json!({
            "change": "remove", "what": "fault", "name": "gone",
            "was": "old: latency 1ms, every connection", "becomes": null, "effect": "1 hit so far",
        })
    );
    // Nothing of it was done, and a reload does what was told.
    assert_eq!(running.faults().len(), 5);
    fs::copy(&other, &file).unwrap();
    running.signal(rustix::process::Signal::HUP);
    eventually("the other file is in force", || running.faults().iter().any(|fault| fault["name"] == "added"));
    assert_eq!(against(&running, &other, &[]).expect(0).out, "nothing to change: that is what is in force there\n");
}

#[test]
fn what_was_healed_or_switched_over_there_is_a_difference() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "name": "slow", "proxy": "db", "latency": "1ms" }])).start();
    running.heal_all();
    let ended = against(&running, &running.file.clone(), &[]).expect(0);
    assert!(ended.out.contains("db: latency 1ms, every connection (off) -> db: latency 1ms, every connection"), "{}", ended.out);
    running.call("PATCH", "/v1/proxies/db", Some(json!({ "enabled": false })));
    let ended = against(&running, &running.file.clone(), &[]).expect(0);
    assert!(ended.out.contains("switched off -> enabled") && ended.out.contains("2 to change"), "{}", ended.out);
}

/// Each ends with its code and says why, on the side for talk.
#[test]
fn worst_inputs() {
    let dir = Dir::new();
    let good = "proxies: { db: 0 -> localhost:1 }\nfaults: [{ proxy: db, latency: 1ms }]\n";
    dir.write("good.yaml", good);
    dir.write("typo.yaml", "proxies:\n  db: 0 -> localhost:1\nfaults:\n  - { proxy: db, latancy: 1ms }\n");
    dir.write("empty.yaml", "");
    dir.write("binary.yaml", b"\xff\xfe\x00");
    dir.write("deep.yaml", "[".repeat(100_000));
    dir.write("list.yaml", "- 1\n- 2\n");
    dir.write("folder/notes.txt", "x");
    let refused = |words: &[&str], code: i32| {
        let ended = plan(&dir.0, words);
        assert_eq!(ended.code, Some(code), "{words:?}\n{}\n{:.2000}", ended.out, ended.err);
        assert!(ended.err.contains("error") && !ended.err.contains("panicked"), "{words:?}\n{:.2000}", ended.err);
        assert!(ended.out.is_empty(), "{words:?}: data in spite of a mistake\n{:.500}", ended.out);
        ended.err
    };
    for (words, code) in [
        (&[][..], 64),
        (&["nowhere.yaml"], 64),
        (&["folder"], 64),
        (&["good.yaml", "--nonsense"], 64),
        (&["good.yaml", "--against"], 64),
        (&["good.yaml", "--against", "ftp://x"], 64),
        (&["good.yaml", "--yaml", "--against", "http://localhost:1"], 64),
        (&["good.yaml", "--against", "http://127.0.0.1:1"], 69),
        (&["typo.yaml"], 65),
        (&["typo.yaml", "--yaml"], 65),
        (&["typo.yaml", "--against", "http://127.0.0.1:1"], 65),
        (&["binary.yaml"], 65),
        (&["deep.yaml"], 65),
        (&["list.yaml"], 65),
    ] {
        refused(words, code);
    }
    // It is what `check` prints.
    let mut check = faultwire();
    check.args(["check", "typo.yaml"]).current_dir(&dir.0);
    let checked = run(check).expect(65);
    let said = refused(&["typo.yaml"], 65);
    assert_eq!(said.split_once("\n\n").unwrap(), (checked.out.trim_end(), checked.err.as_str()));
    let json = data(&plan(&dir.0, &["typo.yaml", "--json"]).expect(65));
    assert_eq!((&json["runs"], &json["mistakes"][0]["code"]), (&json!(false), &json!("E0101")));
    // A scenario that this version cannot run is not compared with one that runs.
    let game = examples().join("08-game-day.yaml").display().to_string();
    assert!(refused(&[&game, "--against", "http://127.0.0.1:1"], 65).contains("E0109"));
    // Somebody else answers there.
    let server = Upstream::echo();
    refused(&["good.yaml", "--against", &format!("http://{}", server.address)], 69);
}

/// Scenarios in which nothing is as usual: they have a plan, in time, and it moves no cursor.
#[test]
fn strange_scenarios_have_a_plan() {
    let many: String = (0..2000).map(|n| format!("  p{n}: {} -> localhost:1\n", 20_000 + n)).collect();
    let faults: String =
        (0..500).map(|n| format!("  - {{ proxy: 'p{n}*', reset: true, probability: {}% }}\n", n % 99 + 1)).take(150).collect();
    let long = "ü".repeat(5000);
    let proxies = "proxies:\n  db: 0 -> localhost:1\n";
    for text in [
        format!("proxies:\n{many}faults:\n{faults}"),
        format!("name: \"a\\e[31m\\r\\nb{long}\"\n{proxies}faults: [{{ proxy: db, name: \"x\u{202e}y\", down: true }}]\n"),
        format!("{proxies}faults:\n  - {{ proxy: db, down: true, at: 2000000h, for: 1ns, repeat: 1h }}\n"),
        format!("{proxies}faults: []\n"),
        format!("{proxies}faults:\n  - {{ proxy: '*', latency: {{ p50: 1ms, p99: 2s, max: 3s }}, enabled: false }}\n"),
        "proxies: {}\n".to_owned(),
    ] {
        let dir = Dir::new();
        dir.write("f.yaml", &text);
        let shown: String = text.chars().take(120).collect();
        let ended = plan(&dir.0, &["f.yaml"]);
        assert_eq!(ended.code, Some(0), "{shown}\n{:.2000}", ended.err);
        assert!(!ended.out.chars().any(|c| c.is_control() && c != '\n'), "{shown}");
        data(&plan(&dir.0, &["f.yaml", "--json"]).expect(0));
    }
    let phases: String =
        (0..1000).map(|n| format!("  - {{ name: n{n}, duration: 1000h, faults: [{{ proxy: db, down: true }}] }}\n")).collect();
    let dir = Dir::new();
    dir.write("f.yaml", format!("{proxies}limits: {{ max_duration: 2000000h }}\nphases:\n{phases}"));
    let ended = plan(&dir.0, &["f.yaml"]).expect(65);
    assert!(ended.out.contains("1000000h") && ended.out.contains("999000:00:00"), "{:.500}", ended.out);
}

#[test]
fn the_schema_is_the_copy_that_is_kept_and_that_init_names() {
    let mut command = faultwire();
    command.arg("schema");
    let printed = run(command).expect(0).out;
    assert_eq!(printed, fs::read_to_string(root().join("../scenarios/schema.json")).unwrap());
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let dir = Dir::new();
    dir.write(".env", "STORE_URL=redis://localhost:6379\n");
    let mut init = faultwire();
    init.arg("init").current_dir(&dir.0);
    run(init).expect(0);
    let file = fs::read_to_string(dir.0.join("faultwire.yaml")).unwrap();
    assert_eq!(file.lines().next().unwrap(), format!("# yaml-language-server: $schema={}", schema["$id"].as_str().unwrap()));
    for words in [&["schema", "--api"][..], &["schema", "x"]] {
        let mut command = faultwire();
        command.args(words);
        run(command).expect(64);
    }
}
