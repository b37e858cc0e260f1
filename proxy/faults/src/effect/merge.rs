//! A merge patch of JSON, RFC 7396, on the text itself: what it does not name stays as it was written, numbers and white space included.

use crate::node::{Entry, Node, Value};
use std::ops::Range;

/// Deeper documents are not read.
const MOST_DEEP: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// Removes.
    Null,
    /// Replaces, as JSON.
    Text(String),
    Map(Vec<(String, Patch)>),
}

impl Patch {
    pub fn of(node: &Node) -> Patch {
        match &node.value {
            Value::Null => Patch::Null,
            Value::Map(entries) => Patch::Map(entries.iter().map(|entry| (entry.key.clone(), Patch::of(&entry.value))).collect()),
            _ => Patch::Text(json(node)),
        }
    }

    /// What becomes of a document. `None`: it is no JSON.
    pub fn apply(&self, document: &str) -> Option<String> {
        let mut scan = Scan { text: document.as_bytes(), at: 0 };
        scan.space();
        let place = scan.value(0)?;
        scan.space();
        (scan.at == document.len()).then(|| {
            let merged = self.merged(&document[place.clone()]);
            format!("{}{merged}{}", &document[..place.start], &document[place.end..])
        })
    }

    /// On a value, without white space around it.
    fn merged(&self, value: &str) -> String {
        match self {
            Patch::Null => "null".to_owned(),
            Patch::Text(text) => text.clone(),
            Patch::Map(entries) => match members(value) {
                Some(object) => object.with(value, entries),
                None => fresh(entries),
            },
        }
    }

    /// In one line.
    pub fn text(&self) -> String {
        match self {
            Patch::Null => "null".to_owned(),
            Patch::Text(text) => text.clone(),
            Patch::Map(entries) => {
                let member = |(key, patch): &(String, Patch)| format!("{}:{}", quoted(key), patch.text());
                format!("{{{}}}", entries.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// An object that was none before: there is nothing to remove from it.
fn fresh(entries: &[(String, Patch)]) -> String {
    let members = entries.iter().filter(|(_, patch)| *patch != Patch::Null);
    let member = |(key, patch): &(String, Patch)| format!("{}:{}", quoted(key), patch.merged("null"));
    format!("{{{}}}", members.map(member).collect::<Vec<_>>().join(","))
}

/// A node as JSON; numbers as they were written, if JSON can write them so.
pub fn json(node: &Node) -> String {
    match &node.value {
        Value::Number(number) => {
            let mut scan = Scan { text: number.as_bytes(), at: 0 };
            match scan.number() {
                Some(()) if scan.at == number.len() => number.clone(),
                _ => node.to_json().to_string(),
            }
        }
        Value::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let member = |entry: &Entry| format!("{}:{}", quoted(&entry.key), json(&entry.value));
            format!("{{{}}}", entries.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Text(_) => node.to_json().to_string(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Where the members of an object stand in its text.
struct Object {
    members: Vec<Member>,
}

struct Member {
    name: String,
    /// From its name to the end of its value.
    place: Range<usize>,
    value: Range<usize>,
}

impl Object {
    fn with(&self, text: &str, patch: &[(String, Patch)]) -> String {
        // White space before a member, and behind it up to its comma.
        let gap = |i: usize| {
            let from = if i == 0 { 1 } else { self.members[i - 1].place.end };
            let gap = &text[from..self.members[i].place.start];
            gap.split_once(',').unwrap_or(("", gap))
        };
        let lead = |i: usize| gap(i).1;
        let post = |i: usize| if i + 1 < self.members.len() { gap(i + 1).0 } else { "" };
        // What is new is written as the first is.
        let (first_lead, colon) = match self.members.first() {
            Some(first) => {
                let colon = &text[first.place.start..first.value.start];
                (lead(0), if colon.ends_with(' ') { ": " } else { ":" })
            }
            None => ("", ":"),
        };
        let mut parts: Vec<String> = Vec::new();
        for (i, member) in self.members.iter().enumerate() {
            let written = &text[member.place.clone()];
            match patch.iter().find(|(name, _)| *name == member.name).map(|(_, patch)| patch) {
                None => parts.push(format!("{}{written}{}", lead(i), post(i))),
                Some(Patch::Null) => {}
                Some(patch) => {
                    let before = &text[member.place.start..member.value.start];
                    parts.push(format!("{}{before}{}{}", lead(i), patch.merged(&text[member.value.clone()]), post(i)));
                }
            }
        }
        for (name, patch) in patch {
            if *patch != Patch::Null && !self.members.iter().any(|member| member.name == *name) {
                parts.push(format!("{first_lead}{}{colon}{}", quoted(name), patch.merged("null")));
            }
        }
        let tail = self.members.last().map_or("", |last| &text[last.place.end..text.len() - 1]);
        if parts.is_empty() { "{}".to_owned() } else { format!("{{{}{tail}}}", parts.join(",")) }
    }
}

/// Of a value that is known to be JSON.
fn members(text: &str) -> Option<Object> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    scan.eat(b'{')?;
    let mut members = Vec::new();
    loop {
        scan.space();
        if scan.eat(b'}').is_some() {
            return Some(Object { members });
        }
        if scan.eat(b',').is_some() {
            continue;
        }
        let start = scan.at;
        scan.string()?;
        let name = serde_json::from_str(&text[start..scan.at]).ok()?;
        scan.space();
        scan.eat(b':')?;
        scan.space();
        let value = scan.value(0)?;
        members.push(Member { name, place: start..value.end, value });
    }
}

/// Reads JSON, RFC 8259, without keeping any of it.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn value(&mut self, deep: usize) -> Option<Range<usize>> {
        let start = self.at;
        match self.text.get(start)? {
            b'{' => self.list(deep, b'}', true)?,
            b'[' => self.list(deep, b']', false)?,
            b'"' => self.string()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(start..self.at)
    }

    /// An object or an array.
    fn list(&mut self, deep: usize, close: u8, named: bool) -> Option<()> {
        if deep == MOST_DEEP {
            return None;
        }
        self.at += 1;
        self.space();
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            if named {
                self.string()?;
                self.space();
                self.eat(b':')?;
                self.space();
            }
            self.value(deep + 1)?;
            self.space();
            if self.eat(close).is_some() {
                return Some(());
            }
            self.eat(b',')?;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.eat(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'u' => (0..4).try_for_each(|_| self.next().filter(u8::is_ascii_hexdigit).map(drop))?,
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    _ => return None,
                },
                0..=31 => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if self.eat(b'e').or_else(|| self.eat(b'E')).is_some() {
            let _ = self.eat(b'+').or_else(|| self.eat(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let many = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += many;
        (many > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn space(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn patch(patch: &Value) -> Patch {
        Patch::of(&Node::from_json(patch))
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (document, by, result) in [
            (r#"{"a":"b"}"#, json!({"a": "c"}), r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, json!({"b": "c"}), r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, json!({"a": null}), "{}"),
            (r#"{"a":"b","b":"c"}"#, json!({"a": null}), r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, json!({"a": "c"}), r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, json!({"a": ["b"]}), r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, json!({"a": {"b": "d", "c": null}}), r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, json!({"a": [1]}), r#"{"a":[1]}"#),
            (r#"["a","b"]"#, json!({"a": "b"}), r#"{"a":"b"}"#),
            (r#"{"e":null}"#, json!({"a": 1}), r#"{"e":null,"a":1}"#),
            ("[1,2]", json!({"a": "b", "c": null}), r#"{"a":"b"}"#),
            ("{}", json!({"a": {"bb": {"ccc": null}}}), r#"{"a":{"bb":{}}}"#),
            ("null", json!({"a": [null, {"b": null}]}), r#"{"a":[null,{"b":null}]}"#),
        ] {
            assert_eq!(patch(&by).apply(document).as_deref(), Some(result), "{document} {by}");
        }
    }

    #[test]
    fn what_is_not_named_stays_as_it_was_written() {
        let document = "\n{\n  \"id\": 12345678901234567890123,\n  \"price\": 1.50,\n  \"sum\": 1E400 , \"\\u0061\": [ 1,2 ]\n}\n";
        for (by, result) in [
            (json!({"none": null}), document.to_owned()),
            (json!({"price": null}), document.replace("\n  \"price\": 1.50,", "")),
            (json!({"a": null}), document.replace(", \"\\u0061\": [ 1,2 ]", "")),
            (json!({"a": 0, "id": null}), document.replace("[ 1,2 ]", "0").replace("\n  \"id\": 12345678901234567890123,", "")),
            (json!({"x": {"y": true}}), document.replace("[ 1,2 ]", "[ 1,2 ],\n  \"x\": {\"y\":true}")),
            (json!({"id": null, "price": null, "sum": null, "a": null}), "\n{}\n".to_owned()),
        ] {
            assert_eq!(patch(&by).apply(document).as_deref(), Some(&*result), "{by}");
        }
    }

    #[test]
    fn only_json_is_json() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for no in
            ["", "{", "{\"a\":}", "{\"a\":1,}", "[1,]", "01", "1.", "\"\u{1}\"", "\"\\x\"", "{} {}", "tru", "{a:1}", "'a'", "-", &deep]
        {
            assert_eq!(patch(&json!({"a": 1})).apply(no), None, "{no}");
        }
        // Whatever is JSON to another reader is JSON here.
        for yes in ["1", " -0.5e-7 ", "\"\\ud83d\\ude00é\"", "[[],{}]", "{\"a\":1,\"a\":2}", "true"] {
            assert!(serde_json::from_str::<Value>(yes).is_ok() && patch(&json!({"b": 1})).apply(yes).is_some(), "{yes}");
        }
    }

    #[test]
    fn numbers_are_sent_as_they_were_written() {
        for (written, sent) in [("1.50", "1.50"), ("100000000000000000000", "100000000000000000000"), (".5", "0.5"), ("+1", "1")] {
            let node = Node { place: Default::default(), value: crate::node::Value::Number(written.to_owned()) };
            assert_eq!(json(&node), sent);
        }
    }
}
