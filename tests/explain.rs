//! `faultwire explain`: what it shows can be used as it stands, and a misspelt word is answered with the nearest.

use crate::harness::{Dir, Ended, faultwire, run};

fn call(words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.args(words);
    run(command)
}

#[test]
fn explain_shows_a_wrong_and_a_right_text() {
    let said = call(&["explain", "e0201"]).expect(0).out;
    assert!(said.starts_with("E0201: Not a length of time"), "{said}");
    let (wrong, right) = said.split_once("\nright\n").unwrap();
    assert!(wrong.contains("\nwrong\n  proxies:\n") && wrong.contains("latency: 250 }") && right.contains("latency: 250ms }"), "{said}");
    // What it shows can be checked as it stands.
    for (text, code) in [(wrong.split("\nwrong\n").nth(1).unwrap(), 65), (right, 0)] {
        let dir = Dir::new();
        dir.write("f.yaml", text);
        let mut command = faultwire();
        command.args(["check", "f.yaml"]).current_dir(&dir.0);
        run(command).expect(code);
    }
    let json: serde_json::Value = serde_json::from_str(&call(&["explain", "W0303", "--json"]).expect(0).out).unwrap();
    assert!(json["wrong"].is_string() && json["right"].is_string() && json["about"].is_string());
    assert!(call(&["explain"]).expect(0).out.contains("E0601"));
    for (word, near) in
        [("E201", "E0201"), ("w303", "W0303"), ("latancy", "latency"), ("probabilty", "probability"), ("xyzzy", "lists all words")]
    {
        let ended = call(&["explain", word]).expect(64);
        assert!(ended.err.contains(near), "{word}: {}", ended.err);
    }
}

#[test]
fn words_of_every_kind_are_explained_wherever_they_stand() {
    for (word, said) in [
        ("latency", "example\n  faults:\n    - { proxy: redis, latency: 200ms"),
        ("jitter", "`jitter` belongs to `latency`"),
        ("steady_state", "A key of a scenario"),
        ("steady_state", "comes with a later version"),
        ("listen", "A key of a proxy"),
        ("gate", "A key of a phase"),
        ("prometheus", "A key of a probe"),
        ("max_affected", "A key of `limits`"),
        ("xfail", "A key of an expectation"),
        ("verify", "A key of `tls`"),
        ("average", "A key of a `loss`"),
        ("p95", "p95(PROXY[, MATCH]): length of time"),
        ("breaker", "`open` `closed`"),
        ("in_transaction", "What a `match` may ask for"),
        ("slow-4g", "1.6Mbit/s to the client, 750kbit/s to the server, latency 75ms (from Lighthouse)"),
        ("name", "A key of a fault"),
        ("name", "A key of a phase"),
        ("name", "What a `match` may ask for"),
        ("burst", "A key of a fault with `over`"),
        ("burst", "`burst` belongs to `bandwidth`"),
    ] {
        let out = call(&["explain", word]).expect(0).out;
        assert!(out.contains(said), "{word}: {said} is not in\n{out}");
    }
    let json: serde_json::Value = serde_json::from_str(&call(&["explain", "timeout", "--json"]).expect(0).out).unwrap();
    assert_eq!((&json["of"], &json["later"]), (&"a phase".into(), &true.into()));
    assert_eq!((&json["also"][0]["of"], &json["also"][1]["measure"]), (&"a probe".into(), &"timeout".into()));
    let json: serde_json::Value = serde_json::from_str(&call(&["explain", "reset", "--json"]).expect(0).out).unwrap();
    assert_eq!((&json["effect"], &json["ends"], &json["later"]), (&"reset".into(), &true.into(), &false.into()));
    for (word, near) in
        [("steady_stat", "steady_state"), ("recovery_tim", "recovery_time"), ("slow-5g", "slow-4g"), ("max_afected", "max_affected")]
    {
        assert!(call(&["explain", word]).expect(64).err.contains(near), "{word}");
    }
}
