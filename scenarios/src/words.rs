//! A fault written as words, `redis latency=200ms probability=20%`, as a tree like that of a file. Places point into the words.

use crate::yaml;
use faultwire_faults::{
    complaint::Complaint,
    node::{Entry, Node, Place, Value},
};
use std::ops::Range;

/// What words can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Words {
    /// The flat map of a fault.
    Fault(Node),
    /// The name of a fault that is there already.
    Name(Node),
}

/// Reads words. Several arguments are one text, joined by a space.
pub fn read(text: &str, source: usize) -> Result<Words, Vec<Complaint>> {
    let whole = Place { source, range: 0..text.len(), pointer: String::new() };
    let keys = keys(text);
    let first = keys.first().map_or(text.len(), |key| key.start);
    let head = trimmed(text, 0..first);
    if head.is_empty() && keys.is_empty() {
        let complaint = Complaint::new("E0104", "there are no words here", &whole, "nothing to inject");
        return Err(vec![complaint.note("write it as `PROXY KEY=VALUE ...`, such as `redis latency=200ms`, or the name of a fault")]);
    }
    let mut entries = Vec::new();
    if !head.is_empty() {
        let proxy = Node { place: place(source, head.clone(), "/proxy"), value: Value::Text(text[head.clone()].to_owned()) };
        if keys.is_empty() {
            return Ok(Words::Name(proxy));
        }
        entries.push(Entry { key: "proxy".to_owned(), key_place: proxy.place.clone(), value: proxy });
    }
    let mut complaints = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let end = keys.get(at + 1).map_or(text.len(), |next| next.start);
        let word = text[key.clone()].to_owned();
        let pointer = format!("/{word}");
        let key_place = place(source, key.clone(), &pointer);
        if let Some(first) = entries.iter().find(|entry| entry.key == word) {
            complaints.push(twice(&word, &key_place, first));
            continue;
        }
        match value(text, source, trimmed(text, key.end + 1..end), &pointer) {
            Ok(value) => entries.push(Entry { key: word, key_place, value }),
            Err(mut bad) => complaints.append(&mut bad),
        }
    }
    match complaints.is_empty() {
        true => Ok(Words::Fault(Node { place: Place { range: trimmed(text, 0..text.len()), ..whole }, value: Value::Map(entries) })),
        false => Err(complaints),
    }
}

/// Brackets and quotes are YAML; everything else is taken to the next key, as it stands.
fn value(text: &str, source: usize, range: Range<usize>, pointer: &str) -> Result<Node, Vec<Complaint>> {
    if !text[range.clone()].starts_with(['{', '[', '"', '\'']) {
        let value = yaml::plain(&text[range.clone()]);
        return Ok(Node { place: place(source, range, pointer), value });
    }
    let read = yaml::read_part(text, source, range.clone());
    match read.root.filter(|_| read.complaints.is_empty()) {
        Some(node) => Ok(node),
        None => Err(read.complaints),
    }
}

/// Where the keys stand: words directly before a `=`, at the beginning or after a space, outside quotes and brackets.
fn keys(text: &str) -> Vec<Range<usize>> {
    let mut keys = Vec::new();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut word = 0;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            // An apostrophe inside a word opens nothing.
            (None, '"' | '\'') if at == 0 || text[..at].ends_with([' ', '=', '[', '{', ',', ':']) => quote = Some(c),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() => word = at + c.len_utf8(),
            (None, '=') if depth == 0 && is_key(&text[word..at]) => {
                keys.push(word..at);
                // What follows belongs to the value, up to the next space.
                word = at;
            }
            _ => {}
        }
    }
    keys
}

fn is_key(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

fn place(source: usize, range: Range<usize>, pointer: &str) -> Place {
    Place { source, range, pointer: pointer.to_owned() }
}

fn twice(word: &str, place: &Place, first: &Entry) -> Complaint {
    Complaint::new("E0003", format!("the key `{word}` appears twice"), place, "and again here").also(&first.key_place, "first here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(text: &str) -> serde_json::Value {
        match read(text, 0) {
            Ok(Words::Fault(node)) => node.to_json(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn words_are_a_flat_map() {
        for (text, map) in [
            ("redis latency=200ms probability=20%", json!({ "proxy": "redis", "latency": "200ms", "probability": "20%" })),
            ("redis latency=0ms to 2s over 1m times=3", json!({ "proxy": "redis", "latency": "0ms to 2s over 1m", "times": 3 })),
            (
                "db latency={p50: 1ms, p99: 9ms} down=true",
                json!({ "proxy": "db", "latency": { "p50": "1ms", "p99": "9ms" }, "down": true }),
            ),
            ("partition=a <-> b resume=true", json!({ "partition": "a <-> b", "resume": true })),
            ("orders match=GET /x?a=1 status=503", json!({ "proxy": "orders", "match": "GET /x?a=1", "status": 503 })),
            ("orders name=\"it is=so\" reset=true", json!({ "proxy": "orders", "name": "it is=so", "reset": true })),
            ("orders message=it's so reset=true", json!({ "proxy": "orders", "message": "it's so", "reset": true })),
            ("db-* down=yes", json!({ "proxy": "db-*", "down": "yes" })),
            ("  redis   latency= 1s ", json!({ "proxy": "redis", "latency": "1s" })),
            ("redis latency=", json!({ "proxy": "redis", "latency": null })),
        ] {
            assert_eq!(fault(text), map, "{text}");
        }
    }

    #[test]
    fn places_point_into_the_words() {
        let text = "redis latency={p50: 1ms, p99: 9ms} jitter=5";
        let Ok(Words::Fault(node)) = read(text, 2) else { panic!("a fault") };
        let at = |place: &Place| &text[place.range.clone()];
        assert_eq!(at(&node.entry("proxy").unwrap().value.place), "redis");
        assert_eq!(at(&node.entry("latency").unwrap().key_place), "latency");
        assert_eq!(at(&node.entry("latency").unwrap().value.entry("p99").unwrap().value.place), "9ms");
        assert_eq!(at(&node.entry("jitter").unwrap().value.place), "5");
        assert_eq!(node.entry("jitter").unwrap().value.place.source, 2);
    }

    #[test]
    fn one_word_is_a_name_and_garbage_is_refused() {
        assert!(matches!(read("redis-slow", 0), Ok(Words::Name(_))));
        for text in ["", "   ", "redis latency=1s latency=2s", "redis latency={p50: 1ms", "redis latency=\"1s", "redis latency=[1, {"] {
            assert!(read(text, 0).is_err(), "{text}");
        }
    }
}
