//! The documentation of effects is made from their own rows, and each row's example is one that is accepted.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads the file that it guards")]

use faultwire_faults::{
    contract::{Key, Way},
    effect::{ROWS, Row},
    fault::{Fault, KEYS},
    node::{Entry, Node, Place, Value},
};
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proxy/faults/EFFECTS.md");

#[test]
fn the_document_says_what_the_rows_say() {
    let made = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).unwrap() == made, "{FILE} is stale: UPDATE=1 cargo test -p faultwire-scenarios");
}

#[test]
fn every_example_is_accepted_and_has_its_effect() {
    for row in ROWS {
        let fault = Fault::read(&on_a_proxy(row.example)).unwrap_or_else(|complaints| panic!("{}: {complaints:?}", row.example));
        assert!(fault.effects.iter().any(|effect| effect.name() == row.name), "{}", row.example);
    }
}

fn on_a_proxy(example: &str) -> Node {
    let read = faultwire_scenarios::yaml::read(example, 0);
    assert!(read.complaints.is_empty(), "{example}: {:?}", read.complaints);
    let mut node = read.root.unwrap();
    if let Value::Map(entries) = &mut node.value {
        let value = Node { place: Place::default(), value: Value::Text("p".to_owned()) };
        entries.push(Entry { key: "proxy".to_owned(), key_place: Place::default(), value });
    }
    node
}

fn document() -> String {
    let mut text = String::from(
        "# Effects\n\nMade from the effects' own files; a test fails while this page is stale. What goes wrong is one key of a fault; its companions stand \
         beside it. Shaping adds up; a fault has at most one ending.\n",
    );
    for (title, ends) in [("Shaping", false), ("Endings", true)] {
        let _ = write!(text, "\n## {title}\n");
        ROWS.iter().filter(|row| row.ends == ends).for_each(|row| effect(&mut text, row));
    }
    text += "\n## Keys of every fault\n\n";
    keys(&mut text, KEYS);
    text
}

fn effect(text: &mut String, row: &Row) {
    let _ = write!(text, "\n### `{}`\n\n{}{}\n\n", row.name, row.keys[0].about, way(row));
    keys(text, row.keys);
    let _ = write!(text, "\n```yaml\n- {}\n```\n", row.example.replacen("{ ", "{ proxy: redis, ", 1));
}

fn way(row: &Row) -> &'static str {
    match row.way {
        _ if row.name == "reset" || row.name == "close" => "",
        Way::ToClient => " Acts on what goes to the client, unless `direction` says otherwise.",
        Way::ToServer => " Acts on what goes to the server, unless `direction` says otherwise.",
        Way::Both => " Acts both ways.",
    }
}

fn keys(text: &mut String, keys: &[Key]) {
    *text += "| key | values | default | |\n| --- | --- | --- | --- |\n";
    for key in keys {
        let default = if key.default.is_empty() { "–".to_owned() } else { format!("`{}`", key.default) };
        let _ = writeln!(text, "| `{}` | `{}` | {default} | {} |", key.name, key.values.replace('|', "\\|"), key.about);
    }
}
