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
