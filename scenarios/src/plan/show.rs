//! A plan as text: the timeline as a table, and below it what holds for all of it. Its words are those of the plan.

use super::{Act, Length, Plan, Step, Time, Together, What};
use crate::{
    condition::Amount,
    outside::{DEFAULT_MAX_DURATION, Limits},
};
use faultwire_faults::units::{Percent, Span};

/// Beyond it, what stands in one line gets lines of its own.
const WIDTH: usize = 110;

impl Plan {
    /// The plan for people. `environment` is what `FAULTWIRE_ENV` holds here.
    pub fn text(&self, environment: Option<&str>) -> String {
        let mut lines = vec![
            format!("{}       {}", self.name, self.length.as_ref().map_or_else(|| "until it is stopped".to_owned(), length)),
            String::new(),
        ];
        lines.extend(self.timeline());
        let foot = self.foot(environment);
        if !foot.is_empty() {
            lines.push(String::new());
        }
        let width = foot.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, items) in &foot {
            let head = format!("  {label:width$}   ");
            lines.extend(beside(&head, items, "; "));
        }
        if !self.later.is_empty() {
            lines.push(String::new());
            lines.extend(self.refused());
        }
        lines.iter().map(|line| clean(line.trim_end()) + "\n").collect()
    }

    /// That this version cannot run it, and why: a plan must not be taken for a promise.
    fn refused(&self) -> Vec<String> {
        let mut lines = vec!["This version cannot run it, and refuses all of it. With a later version come".to_owned()];
        lines.extend(wrapped("  ", &self.later, ", "));
        lines
    }

    fn timeline(&self) -> Vec<String> {
        let longest = self.steps.iter().map(|step| step.begins.span.seconds()).fold(0.0, f64::max);
        let rows: Vec<(String, String, String)> = self
            .steps
            .iter()
            .map(|step| (offset(step.begins, longest >= 3600.0), label(step), step.lasts.map(time).unwrap_or_default()))
            .collect();
        let most = |of: fn(&(String, String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
        let (a, b, c) = (most(|row| &row.0), most(|row| &row.1), most(|row| &row.2));
        let mut lines = Vec::new();
        for (step, (begins, label, lasts)) in self.steps.iter().zip(&rows) {
            let mut head = format!("  {begins:>a$}  {label:b$}  {lasts:>c$}{}", if c > 0 { "   " } else { " " });
            for line in said(step, head.chars().count()) {
                lines.push(format!("{head}{line}"));
                head = " ".repeat(head.chars().count());
            }
        }
        if lines.is_empty() {
            lines.push("  nothing is broken".to_owned());
        }
        lines
    }

    fn foot(&self, environment: Option<&str>) -> Vec<(&'static str, Vec<String>)> {
        let mut foot = vec![
            ("expects of all", self.expect.clone()),
            ("before and after", self.steady_state.clone()),
            ("stops at once if", self.abort.clone()),
            ("off, until asked for", self.off.iter().map(|act| format!("{} ({})", act.name, acted(act).join("; "))).collect()),
            ("breaks", joined(&self.breaks)),
            ("only measures", joined(&self.measures)),
            ("runs in", environments(&self.limits, environment)),
            ("touches only", joined(&self.limits.clients)),
            ("never more than", bounds(&self.limits)),
            ("never touches", self.limits.exempt.clone().unwrap_or_default()),
        ];
        if let Some(lead) = &self.blind {
            let who = if lead.is_empty() { "the lead" } else { lead };
            foot.push(("blind", vec![format!("only {who} sees what is broken, until it is revealed")]));
        }
        foot.retain(|(_, items)| !items.is_empty());
        foot
    }
}

/// `18 minutes if approved at once, then up to 2 minutes to recover`.
fn length(length: &Length) -> String {
    let mut text = if length.time.at_most { "up to ".to_owned() } else { String::new() };
    text += &in_words(length.time.span);
    if length.approvals > 0 {
        text += " if approved at once";
    }
    if let Some(recovery) = length.recovery {
        text += &format!(", then up to {} to recover", in_words(recovery));
    }
    text
}

fn in_words(span: Span) -> String {
    const MINUTE: u64 = 60_000_000_000;
    match (span.0 / MINUTE, span.0 % MINUTE) {
        (1, 0) => "1 minute".to_owned(),
        (minutes @ 2..=120, 0) => format!("{minutes} minutes"),
        _ => span.to_string(),
    }
}

fn time(time: Time) -> String {
    format!("{}{}", if time.at_most { "≤" } else { "" }, time.span)
}

/// `03:00`, `1:03:00`, `00:00.250`.
fn offset(time: Time, hours: bool) -> String {
    let (seconds, rest) = (time.span.0 / 1_000_000_000, time.span.0 % 1_000_000_000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if rest == 0 { String::new() } else { format!(".{:03}", rest / 1_000_000) };
    let clock = if hours { format!("{h}:{m:02}:{s:02}") } else { format!("{m:02}:{s:02}") };
    format!("{}{clock}{fraction}", if time.at_most { "≤" } else { "" })
}

fn label(step: &Step) -> String {
    match &step.what {
        What::Along { repeat: Some(repeat) } => format!("every {repeat}"),
        What::Along { repeat: None } if step.lasts.is_some() => "once".to_owned(),
        What::Along { repeat: None } => "all along".to_owned(),
        What::Baseline => "(baseline)".to_owned(),
        What::Phase(name) => name.clone(),
    }
}

/// The lines of a step, which stand so far to the right.
fn said(step: &Step, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(step.gate.as_ref().map(|gate| format!("waits for {gate}")));
    lines.extend(step.until.as_ref().map(|until| format!("until {until}")));
    lines.extend(step.acts.iter().flat_map(acted));
    lines.extend(step.together.iter().map(summed));
    if step.what == What::Baseline {
        lines.push("nothing is broken yet: what is measured now is compared with".to_owned());
    } else if step.acts.is_empty() && step.until.is_none() {
        lines.push(if step.beside { "nothing more is broken" } else { "nothing is broken" }.to_owned());
    }
    if !step.expect.is_empty() {
        lines.extend(beside_within("expect ", &step.expect, ", ", WIDTH.saturating_sub(indent)));
    }
    lines
}

/// `db: latency 250ms, every statement`, for each kind of unit.
fn acted(act: &Act) -> Vec<String> {
    let rest = |share: &Option<String>| [share, &act.times].into_iter().flatten().map(|text| format!(", {text}")).collect::<String>();
    match &act.on[..] {
        [] => vec![format!("{}{}", act.does, rest(&None))],
        on => on.iter().map(|on| format!("{}: {}{}", on.proxies.join(", "), on.does, rest(&on.share))).collect(),
    }
}

fn summed(sum: &Together) -> String {
    let parts = sum.parts.iter().enumerate().map(|(at, part)| {
        let then = if at == 0 {
            ""
        } else if part.then {
            ", then "
        } else {
            ", "
        };
        format!("{then}{} {}", part.share, part.does)
    });
    format!("{}: together {} of {} ({})", sum.names(), sum.share, sum.of, parts.collect::<String>())
}

fn environments(limits: &Limits, environment: Option<&str>) -> Vec<String> {
    let refuses = match (&limits.environments, environment) {
        (Some(allowed), Some(here)) => !allowed.iter().any(|one| one == here),
        (Some(_), None) => true,
        (None, here) => here == Some("production"),
    };
    let here = match environment {
        _ if !refuses => String::new(),
        Some(here) => format!(" (FAULTWIRE_ENV is {here} here: it would refuse)"),
        None => " (FAULTWIRE_ENV is not set here: it would refuse)".to_owned(),
    };
    match &limits.environments {
        Some(allowed) => vec![format!("{}{here}", allowed.join(", "))],
        None if refuses => vec![format!("any but production{here}")],
        None => Vec::new(),
    }
}

fn bounds(limits: &Limits) -> Vec<String> {
    let mut said = Vec::new();
    if limits.max_duration != DEFAULT_MAX_DURATION {
        said.push(limits.max_duration.to_string());
    }
    if limits.max_affected != Percent::ALWAYS {
        said.push(format!("{} of what each proxy carries", limits.max_affected));
    }
    said.extend(limits.max_rate.map(|rate| format!("{} hits", Amount::Rate(rate))));
    said.extend(limits.max_connections.map(|most| format!("{most} open connections")));
    said.extend(limits.lease.map(|lease| format!("{lease} without anybody watching")));
    said
}

fn joined(names: &[String]) -> Vec<String> {
    // A list of names is one text, which may be broken anywhere.
    wrapped("", names, ", ")
}

/// Items behind a head: in one line if they fit, otherwise each in its own.
fn beside(head: &str, items: &[String], between: &str) -> Vec<String> {
    beside_within(head, items, between, WIDTH)
}

fn beside_within(head: &str, items: &[String], between: &str, width: usize) -> Vec<String> {
    let one = format!("{head}{}", items.join(between));
    if one.chars().count() <= width || items.len() < 2 {
        return vec![one];
    }
    let indent = " ".repeat(head.chars().count());
    items.iter().enumerate().map(|(at, item)| format!("{}{item}", if at == 0 { head } else { &indent })).collect()
}

/// Items in as few lines as they fit into.
fn wrapped(indent: &str, items: &[String], between: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let item = if at + 1 < items.len() { format!("{item}{between}") } else { item.clone() };
        match lines.last_mut() {
            Some(line) if line.chars().count() + item.trim_end().chars().count() <= WIDTH - 30 => line.push_str(&item),
            _ => lines.push(format!("{indent}{item}")),
        }
    }
    lines
}

/// What a file says must not move the cursor of a terminal.
fn clean(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
