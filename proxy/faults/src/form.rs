//! What may stand behind a key, as data: from it values are checked, schemas written and documents made.
//! It reads single values; what several keys say together is not its business.

use crate::{
    complaint::{Complaint, FromNode},
    contract::Key,
    effect::delay::Delay,
    node::{Node, Value},
    units::{Flow, Percent, Rate, Size, Span},
    value::{Count, Multiple, Ramped, one_of, said, unknown_key},
};

#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Whatever it is, nothing can be wrong with it here.
    Any,
    Text,
    /// `true` or `false`.
    Switch,
    /// `true`, and nothing else: `false` would do nothing, in silence.
    On,
    Count {
        least: u64,
        most: u64,
    },
    /// A status that can be answered.
    Status,
    Percent,
    Span,
    Size,
    Rate,
    /// So many in a time: `20/s`.
    Flow,
    Multiple,
    /// The values of `latency`.
    Delay,
    /// A value that may move: `A to B over T`, or its map.
    Ramp(&'static Form),
    Word(&'static [&'static str]),
    /// Nothing: it removes.
    Null,
    List(&'static Form),
    /// One, or a list of them.
    Some(&'static Form),
    Map {
        /// In words, with its article.
        what: &'static str,
        keys: &'static [Key],
    },
    /// Names of one's own to values.
    MapOf(&'static Form),
    Either(&'static [Form]),
    /// A small language of its own.
    Like(&'static Like),
    /// Read elsewhere, and defined under this name in the schema.
    Named(&'static str),
}

/// A small language inside a string.
#[derive(Debug)]
pub struct Like {
    /// As a regular expression, for editors; never stricter than `read`.
    pub pattern: &'static str,
    pub read: fn(&Node) -> Result<(), Complaint>,
}

pub const ANY_COUNT: Form = Form::Count { least: 0, most: u64::MAX };
pub const SOME: Form = Form::Count { least: 1, most: u64::MAX };

impl Form {
    /// Tells what is wrong with a value of this form.
    pub fn check(&self, key: &str, node: &Node, keep: &mut dyn FnMut(Complaint)) {
        let read = match self {
            Form::Any | Form::Named(_) => Ok(()),
            Form::Text => read::<String>(node),
            Form::Switch => read::<bool>(node),
            Form::On => on(key, node),
            Form::Count { least, most } => count(key, node, *least, *most),
            Form::Status => status(node),
            Form::Percent => read::<Percent>(node),
            Form::Span => read::<Span>(node),
            Form::Size => read::<Size>(node),
            Form::Rate => read::<Rate>(node),
            Form::Flow => read::<Flow>(node),
            Form::Multiple => read::<Multiple>(node),
            Form::Delay => read::<Delay>(node),
            Form::Ramp(of) => ramp(of, node),
            Form::Word(words) => one_of(node, words).map(drop),
            Form::Null => match node.value {
                Value::Null => Ok(()),
                _ => Err(Complaint::new("E0207", format!("{} is not `null`", said(node)), &node.place, "nothing is wanted here")),
            },
            Form::List(of) => return list(key, of, node, keep),
            Form::Some(of) => match &node.value {
                Value::List(_) => return list(key, of, node, keep),
                _ => return of.check(key, node, keep),
            },
            Form::Map { what, keys } => return map(key, what, keys, node, keep),
            Form::MapOf(of) => return map_of(key, of, node, keep),
            Form::Either(forms) => return either(key, forms, node, keep),
            Form::Like(like) => (like.read)(node),
        };
        if let Err(complaint) = read {
            keep(complaint);
        }
    }

    pub fn accepts(&self, key: &str, node: &Node) -> bool {
        let mut wrong = false;
        self.check(key, node, &mut |_| wrong = true);
        !wrong
    }

    /// Whether somebody who wrote this may have meant a value of this form.
    fn suits(&self, node: &Node) -> bool {
        let text = node.text().unwrap_or_default();
        let digit = text.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
        let map = matches!(node.value, Value::Map(_));
        match self {
            Form::Any | Form::Named(_) => true,
            Form::Text => matches!(node.value, Value::Text(_) | Value::Number(_)),
            Form::Switch | Form::On => {
                matches!(node.value, Value::Bool(_))
                    || matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
            }
            Form::Count { .. } | Form::Status => matches!(node.value, Value::Number(_)),
            Form::Percent | Form::Span | Form::Size | Form::Rate | Form::Flow | Form::Multiple => digit,
            Form::Delay | Form::Ramp(_) => digit || map,
            Form::Word(_) => !text.is_empty() && !digit,
            Form::Null => matches!(node.value, Value::Null),
            Form::List(_) => matches!(node.value, Value::List(_)),
            Form::Some(of) => matches!(node.value, Value::List(_)) || of.suits(node),
            Form::Map { .. } | Form::MapOf(_) => map,
            Form::Either(forms) => forms.iter().any(|form| form.suits(node)),
            Form::Like(_) => matches!(node.value, Value::Text(_) | Value::Number(_)),
        }
    }
}

fn read<T: FromNode>(node: &Node) -> Result<(), Complaint> {
    T::from_node(node).map(drop)
}

fn on(key: &str, node: &Node) -> Result<(), Complaint> {
    match bool::from_node(node)? {
        true => Ok(()),
        false => Err(does_nothing(key, node)),
    }
}

/// A switch that can only be on.
pub fn does_nothing(key: &str, node: &Node) -> Complaint {
    Complaint::new("E0104", format!("`{key}: false` does nothing"), &node.place, "leave it out")
        .note("a fault that is to wait until something switches it on says `enabled: false`")
}

fn count(key: &str, node: &Node, least: u64, most: u64) -> Result<(), Complaint> {
    let Count(count) = Count::from_node(node)?;
    if count < least {
        let complaint = Complaint::new("E0208", format!("`{key}: {count}` means never"), &node.place, format!("{least} or more"));
        return Err(if least == 1 { complaint.note("a fault that is to wait says `enabled: false`") } else { complaint });
    }
    match count > most {
        true => Err(Complaint::new("E0208", format!("`{count}` is too many"), &node.place, format!("at most {most}"))),
        false => Ok(()),
    }
}

fn status(node: &Node) -> Result<(), Complaint> {
    match &node.value {
        Value::Number(number) if number.parse::<u16>().is_ok_and(|status| (200..=599).contains(&status)) => Ok(()),
        _ => {
            let complaint = Complaint::new("E0209", format!("{} is not a status", said(node)), &node.place, "from 200 to 599");
            let bare = node.text().filter(|text| text.parse::<u16>().is_ok_and(|status| (200..=599).contains(&status)));
            Err(match bare {
                Some(_) => complaint.note("a number stands there without quotes"),
                None => complaint,
            })
        }
    }
}

fn ramp(of: &Form, node: &Node) -> Result<(), Complaint> {
    match of {
        Form::Span => read::<Ramped<Span>>(node),
        Form::Percent => read::<Ramped<Percent>>(node),
        Form::Rate => read::<Ramped<Rate>>(node),
        Form::Flow => read::<Ramped<Flow>>(node),
        _ => Ok(()),
    }
}

fn list(key: &str, of: &Form, node: &Node, keep: &mut dyn FnMut(Complaint)) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| of.check(key, item, keep)),
        _ => keep(Complaint::new("E0207", format!("`{key}` is a list, and this is {}", node.kind()), &node.place, "a list is wanted here")),
    }
}

/// What is wrong with a map that has keys of its own; each that is there is checked by its form.
pub fn map(key: &str, what: &str, keys: &[Key], node: &Node, keep: &mut dyn FnMut(Complaint)) {
    let Value::Map(entries) = &node.value else {
        return keep(Complaint::new(
            "E0207",
            format!("`{key}` is a map, and this is {}", node.kind()),
            &node.place,
            "a map is wanted here",
        ));
    };
    for entry in entries {
        match keys.iter().find(|known| known.name == entry.key) {
            Some(known) => known.form.check(known.name, &entry.value, keep),
            None => keep(unknown_key(entry, what, &mut keys.iter().map(|key| key.name))),
        }
    }
}

fn map_of(key: &str, of: &Form, node: &Node, keep: &mut dyn FnMut(Complaint)) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| of.check(&entry.key, &entry.value, keep)),
        _ => keep(Complaint::new("E0207", format!("`{key}` is a map, and this is {}", node.kind()), &node.place, "a map is wanted here")),
    }
}

fn either(key: &str, forms: &[Form], node: &Node, keep: &mut dyn FnMut(Complaint)) {
    if forms.iter().any(|form| form.accepts(key, node)) {
        return;
    }
    let meant = forms.iter().find(|form| form.suits(node)).or(forms.first());
    if let Some(meant) = meant {
        meant.check(key, node, keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(form: Form, json: serde_json::Value) -> Vec<&'static str> {
        let mut codes = Vec::new();
        form.check("key", &Node::from_json(&json), &mut |complaint| codes.push(complaint.code));
        codes
    }

    #[test]
    fn values_are_held_to_their_form() {
        use serde_json::json;
        const EITHER: Form = Form::Either(&[Form::Span, Form::Word(&["auto"])]);
        for (form, json, expected) in [
            (EITHER, json!("2s"), vec![]),
            (EITHER, json!("auto"), vec![]),
            (EITHER, json!(2), vec!["E0201"]),
            (EITHER, json!("atuo"), vec!["E0207"]),
            (Form::Status, json!(503), vec![]),
            (Form::Status, json!("503"), vec!["E0209"]),
            (Form::Status, json!(100), vec!["E0209"]),
            (Form::On, json!(true), vec![]),
            (Form::On, json!(false), vec!["E0104"]),
            (Form::On, json!("yes"), vec!["E0213"]),
            (SOME, json!(0), vec!["E0208"]),
            (Form::Some(&Form::Text), json!(["a", 5, {}]), vec!["E0207"]),
            (Form::MapOf(&Form::Either(&[Form::Text, Form::Null])), json!({ "a": null, "b": "x", "c": [] }), vec!["E0207"]),
            (Form::Ramp(&Form::Flow), json!("1/s to 20/s over 1m"), vec![]),
            (Form::Ramp(&Form::Flow), json!("1/s to 20 over 1m"), vec!["E0210"]),
            (
                Form::Map { what: "a thing", keys: &[Key { name: "p", form: Form::Percent, ..Key::BLANK }] },
                json!({ "p": 5, "q": 1 }),
                vec!["E0202", "E0101"],
            ),
        ] {
            assert_eq!(codes(form, json.clone()), expected, "{form:?} {json}");
        }
    }
}
