//! The log of a process that serves: lines of JSON, or text for people, on stderr. It knows what an entry says and not where it comes from.

use crate::{clock, journal::Entry};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    Text,
    Json,
    /// JSON in Toxiproxy's shape, on stdout.
    #[value(skip)]
    Stdout,
}

#[derive(Clone, Copy, Debug)]
pub struct Log {
    pub shape: Shape,
    pub level: Level,
}

impl Log {
    pub fn silent() -> Log {
        Log { shape: Shape::Text, level: Level::Off }
    }

    pub fn wants(&self, level: Level) -> bool {
        level <= self.level
    }

    pub fn write(&self, entry: &Entry) {
        let level = level_of(entry.event());
        if self.wants(level) {
            let line = match self.shape {
                Shape::Json => self.json(entry, level),
                Shape::Text => self.text(entry, level),
                Shape::Stdout => {
                    io::stdout().lock().write_all(self.theirs(entry, level).as_bytes()).ok();
                    return;
                }
            };
            io::stderr().lock().write_all(line.as_bytes()).ok();
        }
    }

    fn json(&self, entry: &Entry, level: Level) -> String {
        let mut line = Map::new();
        let mut fields = entry.json();
        line.insert("ts".into(), fields.shift_remove("ts").unwrap_or_default());
        line.insert("level".into(), level.name().into());
        line.insert("event".into(), fields.shift_remove("event").unwrap_or_default());
        line.insert("msg".into(), fields.shift_remove("msg").unwrap_or_else(|| entry.sentence().into()));
        line.extend(fields);
        format!("{}\n", Value::Object(line))
    }

    fn theirs(&self, entry: &Entry, level: Level) -> String {
        let mut line = Map::new();
        let mut fields = entry.json();
        line.insert("level".into(), level.name().into());
        line.insert("caller".into(), fields.get("event").cloned().unwrap_or_default());
        line.insert("time".into(), fields.shift_remove("ts").unwrap_or_default());
        let message = fields.shift_remove("msg").unwrap_or_else(|| entry.sentence().into());
        line.extend(fields);
        line.insert("message".into(), message);
        format!("{}\n", Value::Object(line))
    }

    fn text(&self, entry: &Entry, level: Level) -> String {
        let at = clock::rfc3339(entry.at);
        let mark = if level <= Level::Warn { format!("{}: ", level.name()) } else { String::new() };
        let more = entry.long().map(|text| format!("\n{}", text.trim_end())).unwrap_or_default();
        format!("{}  {mark}{}{more}\n", clock::time_of_day(&at), entry.sentence())
    }
}

impl Level {
    /// As people write it in `LOG_LEVEL`, for whichever program they had in mind.
    pub fn parse(text: &str) -> Option<Level> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "off" | "none" | "silent" => Level::Off,
            "error" | "err" | "fatal" | "panic" | "critical" => Level::Error,
            "warn" | "warning" => Level::Warn,
            "info" | "notice" | "" => Level::Info,
            "debug" | "trace" | "verbose" => Level::Debug,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// At `info` there is no line for each connection.
pub fn level_of(event: &str) -> Level {
    match event {
        "config.refused" | "journal.lost" | "line.full" | "proxy.exhausted" | "api.open" | "toxic.idle" => Level::Warn,
        "fault.hit" | "fault.suppressed" | "fault.holed" | "connection.closed" => Level::Debug,
        _ => Level::Info,
    }
}

/// A record for the log and the journal.
pub fn record(event: &str, msg: impl Into<String>, fields: Value) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("event".into(), event.into());
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
    record.insert("msg".into(), json!(msg.into()));
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_other_programs_are_understood() {
        assert_eq!(Level::parse("WARNING"), Some(Level::Warn));
        assert_eq!(Level::parse(" Info "), Some(Level::Info));
        assert_eq!(Level::parse("loud"), None);
        assert!(Log { shape: Shape::Json, level: Level::Info }.wants(level_of("fault.on")));
        assert!(!Log { shape: Shape::Json, level: Level::Info }.wants(level_of("fault.hit")));
        assert!(!Log::silent().wants(Level::Error));
    }
}
