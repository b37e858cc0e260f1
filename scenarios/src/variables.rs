//! `${VAR}`, `${VAR:-default}`, `${VAR-default}` and `$$` in the scalars of a tree, as in Compose files; nothing else is a template.
//! The environment is a closure: this module never looks around by itself.

use crate::yaml;
use faultwire_faults::{
    complaint::Complaint,
    node::{Node, Place, Value},
};
use std::ops::Range;

/// Defaults may hold variables, but nobody needs a tower of them.
const DEEPEST: usize = 8;

pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts values in the place of variables. `written` is the text the places of the tree point into.
pub fn substitute(node: &mut Node, written: &str, env: Env<'_>, complaints: &mut Vec<Complaint>) {
    let text = match &mut node.value {
        Value::List(items) => return items.iter_mut().for_each(|item| substitute(item, written, env, complaints)),
        Value::Map(entries) => return entries.iter_mut().for_each(|entry| substitute(&mut entry.value, written, env, complaints)),
        Value::Text(text) if text.contains('$') => text,
        _ => return,
    };
    match expand(text, env) {
        // A value that stands there without quotes is what it would be if it had been written there.
        Ok(value) => node.value = if quoted(written, &node.place) { Value::Text(value) } else { yaml::plain(&value) },
        Err(trouble) => complaints.push(trouble.complaint(&node.place, text)),
    }
}

/// Quotes stand just outside a scalar's place; text on several lines is never a number.
fn quoted(written: &str, place: &Place) -> bool {
    let before = place.range.start.checked_sub(1).and_then(|at| written.as_bytes().get(at));
    matches!(before, Some(b'"' | b'\'')) || written.get(place.range.clone()).is_none_or(|text| text.contains('\n'))
}

#[derive(Debug, PartialEq)]
struct Trouble {
    /// The bytes of the scalar that are in trouble.
    at: Range<usize>,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    NotSet(String),
    NeverClosed,
    NoVariable,
    TooDeep,
}

impl Trouble {
    fn complaint(self, scalar: &Place, text: &str) -> Complaint {
        // Escapes make a scalar shorter than its text: then only the whole can be marked.
        let exact = text.len() == scalar.range.len();
        let place = scalar.part(self.at, text.len());
        match self.what {
            What::NotSet(name) => {
                let complaint = Complaint::new("E0308", format!("the variable `{name}` is not set"), &place, "nothing to put here");
                match exact {
                    true => complaint.fix("give it a default", &place, format!("${{{name}:-value}}")),
                    false => complaint.note(format!("`${{{name}:-value}}` gives it a default")),
                }
            }
            What::NeverClosed => Complaint::new("E0308", "this variable has no end", &place, "`}` is missing").note("`$$` is a plain `$`"),
            What::NoVariable => Complaint::new("E0308", "this is not a variable", &place, "write `${NAME}` or `${NAME:-default}`")
                .note("names are letters, digits and `_`; `$$` is a plain `$`"),
            What::TooDeep => Complaint::new("E0308", "variables are nested too deeply", &place, format!("more than {DEEPEST} levels")),
        }
    }
}

fn expand(text: &str, env: Env<'_>) -> Result<String, Trouble> {
    expand_within(text, 0, env, 0)
}

/// `base` is where `text` begins in the scalar.
fn expand_within(text: &str, base: usize, env: Env<'_>, depth: usize) -> Result<String, Trouble> {
    let trouble = |at: Range<usize>, what| Err(Trouble { at: base + at.start..base + at.end, what });
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].find('$') {
        out.push_str(&text[at..at + next]);
        let start = at + next;
        let rest = &text[start + 1..];
        at = start + 1;
        if rest.starts_with('$') {
            out.push('$');
            at += 1;
        } else if let Some(opened) = rest.strip_prefix('{') {
            if depth >= DEEPEST {
                return trouble(start..text.len(), What::TooDeep);
            }
            let Some(inside) = closed(opened) else { return trouble(start..text.len(), What::NeverClosed) };
            at = start + "${}".len() + inside.len();
            match value(inside, base + start + "${".len(), env, depth)? {
                Some(value) => out.push_str(&value),
                None if is_name(inside) => return trouble(start..at, What::NotSet(inside.to_owned())),
                None => return trouble(start..at, What::NoVariable),
            }
        } else {
            out.push('$');
        }
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// What stands before the brace that closes the one already open.
pub fn closed(text: &str) -> Option<&str> {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '{' if text[..at].ends_with('$') => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(&text[..at]);
        }
    }
    None
}

/// `NAME`, `NAME:-default`, `NAME-default`. `None`: not set, or no such thing.
fn value(inside: &str, base: usize, env: Env<'_>, depth: usize) -> Result<Option<String>, Trouble> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    if !is_name(name) {
        return Ok(None);
    }
    let default = |lead: &str| expand_within(&rest[lead.len()..], base + end + lead.len(), env, depth + 1).map(Some);
    match (env(name), rest) {
        (set, "") => Ok(set),
        (Some(set), rest) if rest.starts_with(":-") && !set.is_empty() => Ok(Some(set)),
        (Some(set), rest) if rest.starts_with('-') => Ok(Some(set)),
        (_, rest) if rest.starts_with(":-") => default(":-"),
        (_, rest) if rest.starts_with('-') => default("-"),
        _ => Ok(None),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("redis.internal".into()),
            "EMPTY" => Some(String::new()),
            "N" => Some("5".into()),
            "YES" => Some("true".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_have_their_values_or_defaults() {
        for (text, value) in [
            ("${HOST}:6379", "redis.internal:6379"),
            ("${NONE:-localhost}:6379", "localhost:6379"),
            ("${EMPTY:-full}", "full"),
            ("${EMPTY-full}", ""),
            ("${NONE-}", ""),
            ("${NONE:-${HOST}}", "redis.internal"),
            ("${NONE:-${ALSO_NONE:-x}}y", "xy"),
            ("$$ and $HOST and $", "$ and $HOST and $"),
            ("$${HOST}", "${HOST}"),
            ("^/orders/[0-9]+$", "^/orders/[0-9]+$"),
        ] {
            assert_eq!(expand(text, &env), Ok(value.to_owned()), "{text}");
        }
    }

    #[test]
    fn trouble_is_marked_where_it_is() {
        let trouble = |text: &str| expand(text, &env).map_err(|trouble| text[trouble.at].to_owned());
        assert_eq!(trouble("a ${NONE}:1"), Err("${NONE}".into()));
        assert_eq!(trouble("a ${NONE:-${DEEP}}"), Err("${DEEP}".into()));
        assert_eq!(trouble("a ${HOST"), Err("${HOST".into()));
        assert_eq!(trouble("a ${}"), Err("${}".into()));
        assert_eq!(trouble("a ${HOST:?no}"), Err("${HOST:?no}".into()));
        assert_eq!(trouble("a ${1}"), Err("${1}".into()));
        assert!(trouble(&format!("{}x{}", "${A:-".repeat(50), "}".repeat(50))).is_err());
        assert!(trouble("ä ${ö}").is_err());
    }

    #[test]
    fn a_value_without_quotes_is_read_as_if_it_stood_there() {
        let text = "a: ${N}\nb: '${N}'\nc: ${YES}\nd: [\"${N}\", x$$]\n";
        let mut node = yaml::read(text, 0).root.unwrap();
        let mut complaints = Vec::new();
        substitute(&mut node, text, &env, &mut complaints);
        assert_eq!(complaints, []);
        assert_eq!(node.to_json(), serde_json::json!({ "a": 5, "b": "5", "c": true, "d": ["5", "x$"] }));
    }
}
