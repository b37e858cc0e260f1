//! What somebody wrote, and where: one tree for files, API bodies and words on the command line.
//! It knows nothing of faults.

use std::ops::Range;

/// A place in what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which text: the index into the reader's list of sources.
    pub source: usize,
    /// Bytes of that text. Quotes around a scalar are left out.
    pub range: Range<usize>,
    /// JSON pointer (RFC 6901): all there is for texts without places of their own.
    pub pointer: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// As it was written: `0.1` and `.1` are told apart in what we say about them.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

impl Place {
    /// The bytes `part` of a scalar of `length` bytes, such as one end of an arrow. A scalar that does not stand in the text as it
    /// is read, since it has escapes or came from a variable, has no parts there: it is meant as a whole.
    pub fn part(&self, part: Range<usize>, length: usize) -> Place {
        if self.range.len() != length {
            return self.clone();
        }
        let start = (self.range.start + part.start).min(self.range.end);
        let end = (self.range.start + part.end).min(self.range.end).max(start);
        Place { source: self.source, range: start..end, pointer: self.pointer.clone() }
    }

    /// An empty place right behind this one: where text is to be inserted.
    pub fn end(&self) -> Place {
        Place { range: self.range.end..self.range.end, ..self.clone() }
    }
}

impl Node {
    /// A scalar's text as it was written; `None` for lists and maps.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            Value::Null => Some("null"),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// What it is, in words for a message.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a switch",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// A JSON value as a tree; its places are pointers.
    pub fn from_json(json: &serde_json::Value) -> Node {
        Node::from_json_at(json, String::new())
    }

    fn from_json_at(json: &serde_json::Value, pointer: String) -> Node {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(n) => Value::Number(n.to_string()),
            serde_json::Value::String(s) => Value::Text(s.clone()),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().enumerate().map(|(i, item)| Node::from_json_at(item, format!("{pointer}/{i}"))).collect())
            }
            serde_json::Value::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, item)| {
                        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                        let key_place = Place { pointer: pointer.clone(), ..Place::default() };
                        Entry { key: key.clone(), key_place, value: Node::from_json_at(item, pointer) }
                    })
                    .collect(),
            ),
        };
        Node { place: Place { pointer, ..Place::default() }, value }
    }

    /// The same as JSON: numbers that JSON can hold stay numbers.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Number(n) => {
                n.parse::<i64>().map(Into::into).or_else(|_| n.parse::<f64>().map(Into::into)).unwrap_or_else(|_| n.clone().into())
            }
            Value::Text(s) => s.clone().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect()),
        }
    }
}
