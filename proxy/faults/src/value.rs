//! Reading the small values of the language from nodes, each with the complaint a person can act on.

use crate::{
    complaint::{Complaint, FromNode},
    node::{Entry, Node, Value},
    units::{Flow, Percent, Rate, Size, Span, split_number},
};
use std::time::Duration;

/// So many words of a kind are listed when one is wrong.
const MOST_LISTED: usize = 8;

/// A value that may move while its fault is on: `0ms to 2s over 1m`. Read when it is needed, never by timers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ramped<T> {
    Steady(T),
    Ramp { from: T, to: T, over: Span, exponential: bool, steps: Option<u32> },
}

/// What can be gone through evenly.
pub trait Even: FromNode + Copy {
    fn to_f64(self) -> f64;
    fn from_f64(value: f64) -> Self;
}

/// `1.5x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiple(pub f64);

/// A whole number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl<T: Even> Ramped<T> {
    /// The value so long after the fault began.
    pub fn at(&self, elapsed: Duration) -> T {
        match *self {
            Ramped::Steady(value) => value,
            Ramped::Ramp { to, over, .. } if elapsed >= over.duration() => to,
            Ramped::Ramp { from, to, over, exponential, steps } => {
                let share = elapsed.as_nanos() as f64 / over.0 as f64;
                let share = steps.map_or(share, |n| (share * f64::from(n)).floor() / f64::from(n));
                let (from, to) = (from.to_f64(), to.to_f64());
                T::from_f64(if exponential && from > 0.0 && to > 0.0 { from * (to / from).powf(share) } else { from + (to - from) * share })
            }
        }
    }

    pub fn steady(&self) -> Option<T> {
        match *self {
            Ramped::Steady(value) => Some(value),
            Ramped::Ramp { .. } => None,
        }
    }
}

impl<T: Even + std::fmt::Display> std::fmt::Display for Ramped<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ramped::Steady(value) => write!(f, "{value}"),
            Ramped::Ramp { from, to, over, .. } => write!(f, "{from} to {to} over {over}"),
        }
    }
}

impl<T: Even> FromNode for Ramped<T> {
    fn from_node(node: &Node) -> Result<Ramped<T>, Complaint> {
        match &node.value {
            Value::Map(_) => ramp_map(node),
            Value::Text(text) => match text.split_once(" to ") {
                Some((from, rest)) => ramp_text(node, from, rest),
                None => T::from_node(node).map(Ramped::Steady),
            },
            _ => T::from_node(node).map(Ramped::Steady),
        }
    }
}

fn ramp_text<T: Even>(node: &Node, from: &str, rest: &str) -> Result<Ramped<T>, Complaint> {
    let Some((to, over)) = rest.split_once(" over ") else {
        return Err(Complaint::new("E0207", "this ramp does not say how long it takes", &node.place, "over what time?").fix(
            "say how long it takes",
            &node.place.end(),
            " over 1m",
        ));
    };
    let whole = from.len() + " to ".len() + rest.len();
    let part = |text: &str, start: usize| {
        let lead = text.len() - text.trim_start().len();
        let start = start + lead;
        Node { place: node.place.part(start..start + text.trim().len(), whole), value: scalar(text.trim()) }
    };
    let to_at = from.len() + " to ".len();
    let over_at = to_at + to.len() + " over ".len();
    checked_ramp(node, T::from_node(&part(from, 0))?, T::from_node(&part(to, to_at))?, Span::from_node(&part(over, over_at))?, false, None)
}

fn ramp_map<T: Even>(node: &Node) -> Result<Ramped<T>, Complaint> {
    only_keys(node, "a ramp", &["from", "to", "over", "curve", "steps"])?;
    let exponential = match node.entry("curve").map(|entry| &entry.value) {
        None => false,
        Some(curve) => one_of(curve, &["linear", "exponential"])? == "exponential",
    };
    let steps = node.entry("steps").map(|entry| Count::from_node(&entry.value)).transpose()?;
    checked_ramp(
        node,
        required(node, "from")?,
        required(node, "to")?,
        required(node, "over")?,
        exponential,
        steps.map(|count| count.0.clamp(1, u64::from(u32::MAX)) as u32),
    )
}

fn checked_ramp<T: Even>(node: &Node, from: T, to: T, over: Span, exponential: bool, steps: Option<u32>) -> Result<Ramped<T>, Complaint> {
    if over.0 == 0 {
        return Err(Complaint::new("E0207", "a ramp over no time is a step", &node.place, "write its last value alone"));
    }
    if exponential && (from.to_f64() <= 0.0 || to.to_f64() <= 0.0) {
        return Err(Complaint::new("E0207", "an exponential ramp cannot begin or end at zero", &node.place, "no factor leads there")
            .note("use `curve: linear`, or a small value instead of zero"));
    }
    Ok(Ramped::Ramp { from, to, over, exponential, steps })
}

impl FromNode for Span {
    fn from_node(node: &Node) -> Result<Span, Complaint> {
        let text = node.text().unwrap_or_default();
        if let Some(span) = Span::parse(text) {
            return Ok(span);
        }
        Err(match &node.value {
            Value::Number(number) if number.parse::<f64>().is_ok_and(|n| n >= 0.0) => {
                Complaint::new("E0201", format!("`{number}` is not a length of time"), &node.place, "which unit?")
                    .fix("milliseconds, as in Toxiproxy", &node.place.end(), "ms")
                    .fix("or seconds", &node.place.end(), "s")
            }
            _ => Complaint::new("E0201", format!("{} is not a length of time", said(node)), &node.place, "write it as `250ms`")
                .note("the units are `us`, `ms`, `s`, `m` and `h`, as in `1m30s`"),
        })
    }
}

impl FromNode for Percent {
    fn from_node(node: &Node) -> Result<Percent, Complaint> {
        let text = node.text().unwrap_or_default();
        if let Some(percent) = Percent::parse(text) {
            return Ok(percent);
        }
        Err(match &node.value {
            Value::Number(number) => match number.parse::<f64>() {
                Ok(n) if (0.0..=1.0).contains(&n) => {
                    Complaint::new("E0202", format!("`{number}` could mean two things"), &node.place, "write a percentage")
                        .fix(format!("{}% of the time", trimmed(n * 100.0)), &node.place, format!("{}%", trimmed(n * 100.0)))
                        .fix(format!("or {number} in a hundred"), &node.place.end(), "%")
                }
                Ok(n) if n > 1.0 && n <= 100.0 => {
                    Complaint::new("E0202", format!("`{number}` is not a share"), &node.place, "write a percentage").fix(
                        "in a hundred",
                        &node.place.end(),
                        "%",
                    )
                }
                _ => Complaint::new("E0202", format!("`{number}` is not a share"), &node.place, "from `0%` to `100%`"),
            },
            _ => Complaint::new("E0202", format!("{} is not a share", said(node)), &node.place, "from `0%` to `100%`"),
        })
    }
}

impl FromNode for Rate {
    fn from_node(node: &Node) -> Result<Rate, Complaint> {
        let text = node.text().unwrap_or_default();
        if let Some(rate) = Rate::parse(text) {
            return Ok(rate);
        }
        let complaint =
            Complaint::new("E0203", format!("{} is not a bandwidth", said(node)), &node.place, "write it as `1MiB/s` or `256kbit/s`");
        Err(match split_number(text.trim()).map(|(_, unit)| unit.trim()) {
            Some("") => complaint.fix("bytes in a second", &node.place.end(), "B/s").fix(
                "or thousands of bytes, as in Toxiproxy",
                &node.place.end(),
                "kB/s",
            ),
            Some("kbps" | "Kbps" | "KBps" | "kBps" | "KB/s") => {
                let number = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '/');
                complaint
                    .note("such units mean bits to some tools and bytes to others")
                    .fix("bits", &node.place, format!("{number}kbit/s"))
                    .fix("or bytes", &node.place, format!("{number}kB/s"))
            }
            _ if Size::parse(text).is_some() => complaint.fix("in a second", &node.place.end(), "/s"),
            _ => complaint,
        })
    }
}

impl FromNode for Flow {
    fn from_node(node: &Node) -> Result<Flow, Complaint> {
        let text = node.text().unwrap_or_default();
        if let Some(flow) = Flow::parse(text) {
            return Ok(flow);
        }
        let complaint =
            Complaint::new("E0210", format!("{} is not a rate", said(node)), &node.place, "write it as `20/s`, `20/m` or `20/h`");
        Err(match split_number(text.trim()) {
            Some((_, "")) => complaint.fix("so many a second", &node.place.end(), "/s"),
            _ => complaint,
        })
    }
}

impl FromNode for Size {
    fn from_node(node: &Node) -> Result<Size, Complaint> {
        let text = node.text().unwrap_or_default();
        if let Some(size) = Size::parse(text) {
            return Ok(size);
        }
        let complaint = Complaint::new("E0214", format!("{} is not a size", said(node)), &node.place, "write it as `64KiB`");
        Err(match split_number(text.trim()).map(|(_, unit)| unit.trim()) {
            Some("") => complaint.fix("bytes", &node.place.end(), "B").fix("or 1024 times as many", &node.place.end(), "KiB"),
            Some("KB" | "kb" | "Kb") => {
                let number = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
                complaint.fix("thousands of bytes", &node.place, format!("{number}kB")).fix(
                    "or 1024 bytes each",
                    &node.place,
                    format!("{number}KiB"),
                )
            }
            _ => complaint,
        })
    }
}

impl FromNode for bool {
    fn from_node(node: &Node) -> Result<bool, Complaint> {
        match &node.value {
            Value::Bool(value) => Ok(*value),
            Value::Text(word) => {
                let meant = match word.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" => Some("true"),
                    "no" | "off" | "n" => Some("false"),
                    _ => None,
                };
                Err(match meant {
                    Some(meant) => Complaint::new(
                        "E0213",
                        format!("`{word}` is a word, not a switch"),
                        &node.place,
                        "YAML 1.1 took it for one, YAML 1.2 does not",
                    )
                    .fix(format!("write `{meant}`"), &node.place, meant),
                    None => Complaint::new("E0213", format!("`{word}` is not a switch"), &node.place, "`true` or `false`"),
                })
            }
            _ => Err(Complaint::new("E0213", format!("{} is not a switch", said(node)), &node.place, "`true` or `false`")),
        }
    }
}

impl FromNode for Count {
    fn from_node(node: &Node) -> Result<Count, Complaint> {
        match &node.value {
            Value::Number(number) => match number.parse::<u64>() {
                Ok(count) => Ok(Count(count)),
                Err(_) => Err(Complaint::new("E0208", format!("`{number}` is not a count"), &node.place, "a whole number, 0 or more")),
            },
            _ => Err(Complaint::new("E0208", format!("{} is not a count", said(node)), &node.place, "a whole number, 0 or more")),
        }
    }
}

impl FromNode for Multiple {
    fn from_node(node: &Node) -> Result<Multiple, Complaint> {
        let text = node.text().unwrap_or_default();
        match split_number(text.trim()) {
            Some((number, "x")) if number.is_finite() => Ok(Multiple(number)),
            Some((_, "")) => Err(Complaint::new("E0207", format!("`{text}` is not a multiple"), &node.place, "times what?").fix(
                "so many times",
                &node.place.end(),
                "x",
            )),
            _ => Err(Complaint::new("E0207", format!("{} is not a multiple", said(node)), &node.place, "write it as `1.5x`")),
        }
    }
}

impl FromNode for String {
    fn from_node(node: &Node) -> Result<String, Complaint> {
        match &node.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.clone()),
            _ => Err(Complaint::new("E0207", format!("{} is not text", said(node)), &node.place, "text is wanted here")),
        }
    }
}

impl Even for Span {
    fn to_f64(self) -> f64 {
        self.0 as f64
    }
    fn from_f64(value: f64) -> Span {
        Span(value.max(0.0).round() as u64)
    }
}

impl Even for Rate {
    fn to_f64(self) -> f64 {
        self.0 as f64
    }
    fn from_f64(value: f64) -> Rate {
        Rate(value.max(0.0).round() as u64)
    }
}

impl Even for Flow {
    fn to_f64(self) -> f64 {
        self.per_second()
    }
    fn from_f64(value: f64) -> Flow {
        Flow { count: value.max(0.0), per: Span::from_secs(1) }
    }
}

impl Even for Percent {
    fn to_f64(self) -> f64 {
        f64::from(self.0)
    }
    fn from_f64(value: f64) -> Percent {
        Percent(value.clamp(0.0, 1e6).round() as u32)
    }
}

/// A key that must be there.
pub fn required<T: FromNode>(map: &Node, key: &str) -> Result<T, Complaint> {
    match map.entry(key) {
        Some(entry) => T::from_node(&entry.value),
        None => Err(Complaint::new("E0207", format!("`{key}` is missing here"), &map.place, format!("add `{key}:`"))),
    }
}

/// One of a few words.
pub fn one_of<'a>(node: &Node, words: &[&'a str]) -> Result<&'a str, Complaint> {
    let text = node.text().unwrap_or_default();
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let mut list = words.iter().take(MOST_LISTED).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    if words.len() > MOST_LISTED {
        list += &format!(" and {} others", words.len() - MOST_LISTED);
    }
    let complaint = Complaint::new("E0207", format!("{} is none of {list}", said(node)), &node.place, "not one of them");
    Err(match crate::complaint::nearest(text, words.iter().copied()) {
        Some(word) => complaint.fix(format!("did you mean `{word}`?"), &node.place, word),
        None => complaint,
    })
}

/// Refuses every other key of a map.
pub fn only_keys(map: &Node, what: &str, keys: &[&'static str]) -> Result<(), Complaint> {
    let mut unknown = map.entries().unwrap_or_default().iter().filter(|entry| !keys.contains(&entry.key.as_str()));
    let Some(first) = unknown.next() else { return Ok(()) };
    // One that is only misspelt explains why others do not fit.
    let misspelt = |entry: &&Entry| crate::complaint::nearest(&entry.key, keys.iter().copied()).is_some();
    let told = if misspelt(&first) { first } else { unknown.find(misspelt).unwrap_or(first) };
    Err(unknown_key(told, what, &mut keys.iter().copied()))
}

/// A key that a map does not have.
pub fn unknown_key(entry: &Entry, what: &str, keys: &mut dyn Iterator<Item = &'static str>) -> Complaint {
    let names: Vec<&str> = keys.collect();
    let some = names.iter().take(MOST_LISTED + 4).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let known = if names.len() > MOST_LISTED + 4 { format!("{some} and others") } else { some };
    let complaint =
        Complaint::new("E0101", format!("unknown key `{}` in {what}", entry.key), &entry.key_place, format!("there are {known}"));
    match crate::complaint::nearest(&entry.key, names.iter().copied()) {
        Some(key) => complaint.fix(format!("did you mean `{key}`?"), &entry.key_place, key),
        None => complaint,
    }
}

/// A scalar as a YAML reader would take it: what looks like a number is one.
pub fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" | "~" | "" => Value::Null,
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') && text.parse::<f64>().is_ok() => {
            Value::Number(text.to_owned())
        }
        _ => Value::Text(text.to_owned()),
    }
}

/// The value in words: its text where it has one.
pub fn said(node: &Node) -> String {
    match node.text() {
        Some(text) if text.chars().count() <= 40 => format!("`{text}`"),
        Some(text) => format!("`{}…`", text.chars().take(40).collect::<String>()),
        None => node.kind().to_owned(),
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
