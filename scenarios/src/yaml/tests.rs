use super::*;

fn tree(text: &str) -> Node {
    let read = read(text, 0);
    assert_eq!(read.complaints, [], "{text}");
    read.root.unwrap()
}

fn codes(text: &str) -> Vec<&'static str> {
    read(text, 0).complaints.iter().map(|c| c.code).collect()
}

fn at<'a>(text: &'a str, node: &Node) -> &'a str {
    &text[node.place.range.clone()]
}

#[test]
fn scalars_are_what_yaml_1_2_says_and_keep_what_was_written() {
    let text = "a: yes\nb: true\nc: 0.10\nd: '5'\ne: ~\nf:\ng: 1e3\nh: 10%\ni: 0x1F\nj: off\nk: \"x\\ty\"\nl: 010";
    let tree = tree(text);
    let value = |key: &str| tree.entry(key).unwrap().value.value.clone();
    assert_eq!(value("a"), Value::Text("yes".into()));
    assert_eq!(value("b"), Value::Bool(true));
    assert_eq!(value("c"), Value::Number("0.10".into()));
    assert_eq!(value("d"), Value::Text("5".into()));
    assert_eq!(value("e"), Value::Null);
    assert_eq!(value("f"), Value::Null);
    assert_eq!(value("g"), Value::Number("1e3".into()));
    assert_eq!(value("h"), Value::Text("10%".into()));
    assert_eq!(value("i"), Value::Number("0x1F".into()));
    assert_eq!(value("j"), Value::Text("off".into()));
    assert_eq!(value("k"), Value::Text("x\ty".into()));
    assert_eq!(at(text, &tree.entry("d").unwrap().value), "5");
}

#[test]
fn places_are_bytes_also_behind_what_is_not_ascii() {
    let text = "ä: \"ß → 日本\"   # ü\nliste: [ö, { k: v }]\r\nend: x\r\n";
    let tree = tree(text);
    let entries = tree.entries().unwrap();
    assert_eq!(&text[entries[0].key_place.range.clone()], "ä");
    assert_eq!(at(text, &entries[0].value), "ß → 日本");
    assert_eq!(at(text, &entries[1].value), "[ö, { k: v }]");
    let Value::List(items) = &entries[1].value.value else { panic!("a list") };
    assert_eq!(at(text, &items[1].entry("k").unwrap().value), "v");
    assert_eq!(items[1].entry("k").unwrap().value.place.pointer, "/liste/1/k");
    assert_eq!(at(text, &entries[2].value), "x");
}

#[test]
fn a_map_on_many_lines_is_marked_at_its_first_entry() {
    let text = "faults:\n  - name: slow\n    latency: 1s\n  - latency:\n      p50: 1ms\n";
    let tree = tree(text);
    let Value::List(items) = &tree.entry("faults").unwrap().value.value else { panic!("a list") };
    assert_eq!(at(text, &items[0]), "name: slow");
    assert_eq!(at(text, &items[1]), "latency");
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text = "x-a: &a { latency: 1s, jitter: 1ms }\nx-b: &b { jitter: 2ms, mode: add }\nf: { <<: [*a, *b], latency: 2s }\ng: *a\n";
    let json = tree(text).to_json();
    assert_eq!(json["f"], serde_json::json!({ "latency": "2s", "jitter": "1ms", "mode": "add" }));
    assert_eq!(json["g"], serde_json::json!({ "latency": "1s", "jitter": "1ms" }));
    assert_eq!(codes("a: { <<: 5 }"), ["E0001"]);
}

#[test]
fn agrees_with_serde_yaml() {
    let text = "a: &x\n  - 1\n  - two\n  - {b: null, c: 1.5, d: true}\ne: *x\nf: |\n  lines\n  more\ng: >-\n  folded\n  text\nh: 'it''s'\n";
    let theirs: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    assert_eq!(tree(text).to_json(), serde_json::to_value(theirs).unwrap());
}

#[test]
fn what_is_not_plain_yaml_is_refused_with_its_reason() {
    for (text, code) in [
        ("a: 1\na: 2", "E0003"),
        ("a:\n\tb: 1", "E0002"),
        ("a:\n  - b: 1\n\tc: 2", "E0002"),
        ("a: [1, 2", "E0001"),
        ("a: b: c", "E0001"),
        ("a: *nobody", "E0001"),
        ("a: &a [*a]", "E0001"),
        ("---\na: 1\n---\nb: 2", "E0001"),
        ("[a]: 1", "E0001"),
        ("a: !secret b", "E0001"),
        ("a: \"open", "E0001"),
        ("%", "E0001"),
        ("a: \u{0}", "E0001"),
    ] {
        assert_eq!(codes(text), [code], "{text:?}");
    }
    assert!(read("", 0).root.is_none());
    assert!(read("# only a comment\n", 0).root.is_none());
}

#[test]
fn bombs_are_refused_at_once() {
    let laughs: String = (1..30).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))).collect();
    assert_eq!(codes(&format!("a0: &a0 ha\n{laughs}")), ["E0001"]);
    assert_eq!(codes(&"[".repeat(100_000)), ["E0001"]);
    assert_eq!(codes(&"{a: ".repeat(100_000)), ["E0001"]);
    assert_eq!(codes(&"- ".repeat(100_000)), ["E0001"]);
    assert_eq!(codes(&" ".repeat(LARGEST_FILE + 1)), ["E0001"]);
    assert_eq!(codes(&"- a\n".repeat(1_000_000)), ["E0001"]);
    assert_eq!(read(&(0..1000).map(|i| format!("k{i}: 1\n")).collect::<String>().repeat(2), 0).complaints.len(), 50, "told together");
    let chain: String = (1..60).map(|i| format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(40), i - 1, "]".repeat(40))).collect();
    assert_eq!(codes(&format!("a0: &a0 ha\n{chain}")), ["E0001"]);
}

#[test]
fn a_part_is_read_in_its_place() {
    let text = "redis latency={p50: 1ms, p99: 9ms}";
    let read = read_part(text, 3, 14..text.len());
    let node = read.root.unwrap();
    assert_eq!(at(text, &node), "{p50: 1ms, p99: 9ms}");
    assert_eq!(at(text, &node.entry("p99").unwrap().value), "9ms");
    assert_eq!(node.place.source, 3);
}
