//! Complaints as JUnit's XML, for whatever shows test results: each is a failed test, and a file without errors is one that passed.

use super::{in_a_line, spot};
use faultwire_faults::complaint::{Complaint, Severity};
use faultwire_scenarios::{render, sources::Sources};
use std::fmt::Write as _;

pub fn report(complaints: &[Complaint], sources: &Sources) -> String {
    let mut cases = String::new();
    let (mut tests, mut failures) = (0, 0);
    for (at, source) in sources.iter().enumerate() {
        let name = escaped(&source.name);
        let own: Vec<&Complaint> = complaints.iter().filter(|complaint| complaint.place.source == at).collect();
        let errors = own.iter().filter(|complaint| complaint.severity() == Severity::Error).count();
        if errors == 0 {
            writeln!(cases, "    <testcase classname=\"{name}\" name=\"{name} has no errors\"{}", passed(&own, sources)).ok();
            tests += 1;
        }
        for complaint in own.iter().filter(|complaint| complaint.severity() == Severity::Error) {
            tests += 1;
            failures += 1;
            write_failure(&mut cases, &name, complaint, sources);
        }
    }
    // What stands in no file, such as that none was named.
    for complaint in complaints.iter().filter(|complaint| sources.source(complaint.place.source).is_none()) {
        tests += 1;
        failures += 1;
        write_failure(&mut cases, "faultwire", complaint, sources);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"faultwire check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n  \
         <testsuite name=\"faultwire check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n{cases}  </testsuite>\n</testsuites>"
    )
}

fn write_failure(cases: &mut String, classname: &str, complaint: &Complaint, sources: &Sources) {
    let name = escaped(&format!("{} {}", complaint.code, spot(complaint, sources)));
    let message = escaped(&in_a_line(complaint));
    let picture = escaped(&render::render(std::slice::from_ref(complaint), sources, false));
    writeln!(
        cases,
        "    <testcase classname=\"{classname}\" name=\"{name}\">\n      <failure type=\"{}\" message=\"{message}\">{picture}</failure>\n    </testcase>",
        complaint.code
    )
    .ok();
}

/// Warnings fail nothing; they are what the test printed.
fn passed(warnings: &[&Complaint], sources: &Sources) -> String {
    if warnings.is_empty() {
        return "/>".to_owned();
    }
    let warnings: Vec<Complaint> = warnings.iter().map(|complaint| (*complaint).clone()).collect();
    format!(">\n      <system-out>{}</system-out>\n    </testcase>", escaped(&render::render(&warnings, sources, false)))
}

/// XML 1.0 has no control characters but tab and the ends of lines, not even escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::node::Place;

    #[test]
    fn a_failure_for_each_error() {
        let mut sources = Sources::default();
        let good = sources.add("good.yaml", "x: 1\n");
        let bad = sources.add("a<b>.yaml", "y: \"&\"\n");
        let at = |source| Place { source, range: 0..1, pointer: String::new() };
        let complaints = [Complaint::new("W0303", "careful", &at(good), ""), Complaint::new("E0201", "no \"time\" \u{1}", &at(bad), "")];
        let report = report(&complaints, &sources);
        assert!(report.contains("tests=\"2\" failures=\"1\""), "{report}");
        assert!(report.contains("name=\"E0201 a&lt;b&gt;.yaml:1:1\""), "{report}");
        assert!(report.contains("message=\"no &quot;time&quot; \u{fffd}\""), "{report}");
        assert!(report.contains("<system-out>warning[W0303]: careful"), "{report}");
    }
}
