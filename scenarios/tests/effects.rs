//! The documentation of effects is made from their own rows, and each row's example is one that is accepted.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads the file that it guards")]

use faultwire_faults::{
    effect::{ROWS, all},
    fault::{Draft, Fault},
    node::{Entry, Node, Place, Value},
};
use faultwire_scenarios::{codes, reference};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proxy/faults/EFFECTS.md");

#[test]
fn the_document_says_what_the_rows_say() {
    let made = reference::effects();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &made).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).unwrap() == made, "{FILE} is stale: UPDATE=1 cargo test -p faultwire-scenarios");
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/LANGUAGE.md");
const BEGIN: &str = "<!-- reference: made from the tables; UPDATE=1 cargo test -p faultwire-scenarios -->\n";

#[test]
fn the_reference_of_the_language_says_what_the_tables_say() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (own, there) = page.split_once(BEGIN).expect("the page has a reference");
    let made = reference::language();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, format!("{own}{BEGIN}{made}")).unwrap();
        return;
    }
    assert!(there == made, "{PAGE} is stale: UPDATE=1 cargo test -p faultwire-scenarios");
}

#[test]
fn what_is_only_read_has_good_examples_as_well() {
    for row in all().filter(|row| row.read.is_none()) {
        let draft = Draft::read(&on_a_proxy(row.example)).unwrap_or_else(|complaints| panic!("{}: {complaints:?}", row.example));
        assert!(draft.has(row.name) && draft.unbuilt.iter().any(|unbuilt| unbuilt.what == row.name), "{}", row.example);
        assert!(!row.since().built, "{} has no reader", row.name);
    }
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

#[test]
fn every_code_that_is_said_has_its_line() {
    let mut said = Vec::new();
    for folder in ["/src", "/src/condition", "/../proxy/faults/src", "/../proxy/faults/src/fault", "/../proxy/faults/src/effect"] {
        let folder = format!("{}{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
            let codes = text
                .split('"')
                .filter(|word| word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|byte| byte.is_ascii_digit()));
            said.extend(codes.map(str::to_owned));
        }
    }
    said.retain(|code| code != "E9999");
    assert!(said.len() > 200);
    let without: Vec<&String> = said.iter().filter(|code| codes::find(code).is_none()).collect();
    assert_eq!(without, Vec::<&String>::new());
}
