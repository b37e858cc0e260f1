//! Fields of a head as a map says them: text sets, a list repeats, `null` removes.

use crate::{
    complaint::Complaint,
    node::{Entry, Node, Value},
    value,
};
use faultwire_http1::edit::{Edit, Line, Name, Unfit};

/// What the map does to a head.
pub fn edits(map: &Node) -> Result<Vec<Edit>, Complaint> {
    let mut edits = Vec::new();
    for entry in map.entries().unwrap_or_default() {
        if entry.value.value == Value::Null {
            edits.push(Edit::Remove(Name::new(&entry.key).map_err(|unfit| unfit_name(entry, unfit))?));
            continue;
        }
        let mut lines = lines_of(entry)?.into_iter();
        edits.extend(lines.next().map(Edit::Set));
        edits.extend(lines.map(Edit::Add));
    }
    Ok(edits)
}

/// The fields of a head that is made here.
pub fn lines(map: &Node) -> Result<Vec<Line>, Complaint> {
    let mut lines = Vec::new();
    for entry in map.entries().unwrap_or_default().iter().filter(|entry| entry.value.value != Value::Null) {
        lines.extend(lines_of(entry)?);
    }
    Ok(lines)
}

fn lines_of(entry: &Entry) -> Result<Vec<Line>, Complaint> {
    let values = match &entry.value.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![&entry.value],
    };
    values.into_iter().map(|value| line(entry, value)).collect()
}

fn line(entry: &Entry, value: &Node) -> Result<Line, Complaint> {
    Line::new(&entry.key, value.text().unwrap_or_default()).map_err(|unfit| match unfit {
        Unfit::Value => Complaint::new(
            "E0207",
            format!("{} is not the value of a header", value::said(value)),
            &value.place,
            "one line of visible characters",
        ),
        unfit => unfit_name(entry, unfit),
    })
}

fn unfit_name(entry: &Entry, unfit: Unfit) -> Complaint {
    match unfit {
        Unfit::Framing => Complaint::new("E0207", format!("`{}` is not edited here", entry.key), &entry.key_place, "it frames the message")
            .note("to break the framing, use `malformed` or `truncate`"),
        _ => Complaint::new("E0207", format!("`{}` is not the name of a header", entry.key), &entry.key_place, "letters, digits and `-`"),
    }
}

/// As `status` and `plan` print it.
pub fn described(edits: &[Edit]) -> String {
    let text = |edit: &Edit| match edit {
        Edit::Set(line) | Edit::Add(line) => said(line),
        Edit::Remove(name) => format!("no {}", name.text()),
    };
    edits.iter().map(text).collect::<Vec<_>>().join(", ")
}

pub fn said(line: &Line) -> String {
    format!("{}: {}", line.name().text(), line.value())
}
