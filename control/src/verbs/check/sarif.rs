//! Complaints as SARIF 2.1.0, the format that code scanning and editors read: rules from the table of codes, patches as fixes.

use super::in_a_line;
use crate::codes;
use faultwire_faults::{
    complaint::{Complaint, Fix, Severity},
    node::Place,
};
use faultwire_scenarios::sources::Sources;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub fn log(complaints: &[Complaint], sources: &Sources) -> Value {
    let used: BTreeSet<&str> = complaints.iter().map(|complaint| complaint.code).collect();
    let used: Vec<&str> = used.into_iter().collect();
    let index = |code: &str| used.iter().position(|rule| *rule == code);
    let results: Vec<Value> = complaints.iter().map(|complaint| result(complaint, index(complaint.code), sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "faultwire",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": used.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            // Columns count characters, not UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    let mut rule = json!({ "id": code, "defaultConfiguration": { "level": level(code) } });
    let Some((_, about)) = codes::find(code) else { return rule };
    rule["shortDescription"] = json!({ "text": about });
    rule["help"] = match codes::example(code) {
        None => json!({ "text": about, "markdown": about }),
        Some((wrong, right)) => json!({
            "text": format!("{about} For an example: faultwire explain {code}"),
            "markdown": format!("{about}\n\nWrong:\n\n```yaml\n{wrong}```\n\nRight:\n\n```yaml\n{right}```\n"),
        }),
    };
    rule
}

fn level(code: &str) -> &'static str {
    if code.starts_with('W') { "warning" } else { "error" }
}

fn result(complaint: &Complaint, rule: Option<usize>, sources: &Sources) -> Value {
    let level = match complaint.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = json!({ "ruleId": complaint.code, "level": level, "message": { "text": in_a_line(complaint) } });
    if let Some(rule) = rule {
        result["ruleIndex"] = rule.into();
    }
    if let Some(location) = location(&complaint.place, sources) {
        result["locations"] = json!([location]);
    }
    let related: Vec<Value> = complaint
        .also
        .iter()
        .filter_map(|(place, label)| {
            let mut location = location(place, sources)?;
            location["message"] = json!({ "text": label });
            Some(location)
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    let fixes: Vec<Value> = complaint.fixes.iter().filter_map(|fix| patch(fix, sources)).collect();
    if !fixes.is_empty() {
        result["fixes"] = fixes.into();
    }
    result
}

fn location(place: &Place, sources: &Sources) -> Option<Value> {
    let mut physical = json!({ "artifactLocation": { "uri": uri(sources.source(place.source)?.name.as_str()) } });
    if let Some(region) = region(place, sources) {
        physical["region"] = region;
    }
    Some(json!({ "physicalLocation": physical }))
}

fn region(place: &Place, sources: &Sources) -> Option<Value> {
    let (start, end) = sources.spots(place)?;
    Some(json!({ "startLine": start.line, "startColumn": start.col, "endLine": end.line, "endColumn": end.col }))
}

/// One change for each file that the patch touches. A patch of a text without places cannot be said.
fn patch(fix: &Fix, sources: &Sources) -> Option<Value> {
    let mut files: Vec<usize> = fix.edits.iter().map(|edit| edit.place.source).collect();
    files.sort_unstable();
    files.dedup();
    let change = |file: usize| {
        let edits = fix.edits.iter().filter(|edit| edit.place.source == file);
        let replacements: Option<Vec<Value>> = edits
            .map(|edit| Some(json!({ "deletedRegion": region(&edit.place, sources)?, "insertedContent": { "text": edit.text } })))
            .collect();
        Some(json!({ "artifactLocation": { "uri": uri(&sources.source(file)?.name) }, "replacements": replacements? }))
    };
    let changes: Vec<Value> = files.into_iter().map(change).collect::<Option<_>>()?;
    (!changes.is_empty()).then(|| json!({ "description": { "text": fix.title }, "artifactChanges": changes }))
}

/// A path as a URI reference (RFC 3986): relative paths stay so.
fn uri(name: &str) -> String {
    let path = name.strip_prefix("./").unwrap_or(name);
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    if path.starts_with('/') { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("./a b/ü:c.yaml"), "a%20b/%C3%BC%3Ac.yaml");
        assert_eq!(uri("/etc/faultwire/a.yaml"), "file:///etc/faultwire/a.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }

    #[test]
    fn a_log_has_what_the_standard_asks_for() {
        let mut sources = Sources::default();
        let source = sources.add("f.yaml", "a: ä1\nb: 2\n");
        let at = |range| Place { source, range, pointer: String::new() };
        let complaint =
            Complaint::new("E0201", "`1` is no time", &at(5..6), "which unit?").also(&at(7..8), "and here").fix("ms", &at(6..6), "ms");
        let nowhere = Complaint::new("E0215", "no file", &Place { source: 99, ..Place::default() }, "");
        let log = log(&[complaint, nowhere], &sources);
        let run = &log["runs"][0];
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(run["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(2));
        let result = &run["results"][0];
        assert_eq!(run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!(*region, json!({ "startLine": 1, "startColumn": 5, "endLine": 1, "endColumn": 6 }));
        assert_eq!(result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "ms");
        assert!(run["results"][1].get("locations").is_none());
    }
}
