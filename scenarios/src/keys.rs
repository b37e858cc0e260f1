//! The keys of a scenario beside those of its faults, in tables: what each takes, what it means, and whether this version does it.
//! Reading, editors, `explain` and the documents follow from these rows.

use faultwire_faults::{
    complaint::{Complaint, FromNode, nearest},
    contract::{Key, NOW, STAGE_1, STAGE_2, STAGE_3, Since},
    form::{ANY_COUNT, Form, Like, SOME},
    matching::CIDR,
    node::{Entry, Node, Value},
    units::Span,
    value::{said, unknown_key},
};

const fn key(name: &'static str, form: Form, values: &'static str, default: &'static str, about: &'static str, since: Since) -> Key {
    Key { name, form, values, default, about, since }
}

const TEXTS: Form = Form::Some(&Form::Text);
const SHARE_OR_NONE: Form = Form::Either(&[Form::Percent, Form::Word(&["none"])]);
const CONDITIONS: Form = Form::Named("conditions");
const EXPECTATIONS: Form = Form::Named("expectations");

/// The keys of a file.
pub const FILE: &[Key] = &[
    key("name", Form::Text, "TEXT", "the file's name", "What it is called.", NOW),
    key("description", Form::Text, "TEXT", "", "What it shows: the hypothesis, which the verdict answers in these words.", NOW),
    key("owners", Form::List(&Form::Text), "LIST", "", "The teams it belongs to.", NOW),
    key("links", Form::MapOf(&Form::Text), "MAP", "", "Names to URLs; they appear wherever the run is told of.", NOW),
    key("include", TEXTS, "FILE | LIST", "", "Files that come before this one, relative to it.", NOW),
    key("seed", ANY_COUNT, "NUMBER", "random, always printed", "Makes the dice repeatable.", NOW),
    key("proxies", Form::Named("proxies"), "MAP", "", "Names to links: `redis: 26379 -> redis:6379`.", NOW),
    key("door", Form::Text, "PROXY", "", "The proxy where customers come in.", STAGE_1),
    key("defaults", Form::Named("defaults"), "MAP", "", "Keys for every fault of this file; a fault's own key wins.", NOW),
    key("faults", Form::Named("faults"), "LIST", "none", "What goes wrong for the whole run.", NOW),
    key("phases", Form::Named("phases"), "LIST", "until stopped", "The timeline.", STAGE_1),
    key("probes", Form::Named("probes"), "MAP", "", "Measurements from outside, by name.", STAGE_1),
    key(
        "steady_state",
        CONDITIONS,
        "LIST of CONDITION",
        "none",
        "What must hold before the first fault, and again after the last.",
        STAGE_1,
    ),
    key("recover_within", Form::Span, "DURATION", "1m", "How long `again` may take.", STAGE_1),
    key("abort", CONDITIONS, "LIST of CONDITION", "none", "Watched all the time; one of them true heals everything.", STAGE_1),
    key("expect", EXPECTATIONS, "LIST of CONDITION | MAP", "none", "What is judged over the whole run.", STAGE_1),
    key(
        "baseline",
        BASELINE,
        "DURATION | FILE | none",
        "a first phase without faults",
        "What is measured before the first fault.",
        STAGE_1,
    ),
    key("confidence", SHARE_OR_NONE, "PERCENT | none", "95%", "How sure a verdict must be.", STAGE_1),
    key("limits", Form::Map { what: "`limits`", keys: LIMITS }, "MAP", "", "What may never be exceeded.", NOW),
    key("roles", Form::Map { what: "`roles`", keys: ROLES }, "MAP", "", "Who takes part in a game day.", STAGE_2),
    key("announce", Form::List(&Form::Map { what: "an announcement", keys: ANNOUNCE }), "LIST of MAP", "", "Who is told what.", STAGE_2),
    key("blind", Form::Switch, "true | false", "false", "Only the lead sees what is broken, until it is revealed.", STAGE_2),
    key("alert_rules", TEXTS, "FILE | LIST", "", "Prometheus rules that are evaluated against what is measured here.", STAGE_3),
    key("edition", SOME, "NUMBER", "1", "Of the language.", STAGE_3),
];

/// The keys of a proxy in its long form.
pub const PROXY: &[Key] = &[
    key("listen", Form::Named("endpoint"), "[SCHEME://][HOST:]PORT", "", "Where it listens; port `0` is any free one.", NOW),
    key("upstream", Form::Named("endpoint"), "[SCHEME://]HOST[:PORT]", "", "Where it leads.", NOW),
    key("from", Form::Text, "SERVICE", "", "The service that calls.", NOW),
    key("to", Form::Text, "SERVICE", "the upstream's host", "The service that is called.", NOW),
    key("enabled", Form::Switch, "true | false", "true", "`false`: the port refuses.", NOW),
    key("tls", Form::Map { what: "`tls`", keys: TLS }, "MAP", "our own CA; the system's", "Certificates and whom to trust.", STAGE_1),
    key("env", TEXTS, "VARIABLE | LIST", "", "Variables of a wrapped command that hold this address.", NOW),
    key("ready", READY, "METHOD PATH", "a TCP connect", "The request that tells that the upstream is up.", STAGE_1),
    key("bad", Form::List(&Form::Text), "LIST", "5xx; the errors a server causes", "Which answers count as errors.", STAGE_1),
    key(
        "advertise",
        Form::Word(&["rewrite", "pass"]),
        "rewrite | pass",
        "rewrite",
        "What becomes of addresses that the upstream hands out.",
        STAGE_2,
    ),
];

pub const TLS: &[Key] = &[
    key("cert", Form::Text, "FILE", "our own", "The certificate that is shown.", STAGE_1),
    key("key", Form::Text, "FILE", "our own", "Its key.", STAGE_1),
    key("ca", Form::Text, "FILE", "the system's", "Whom the upstream's certificate must be signed by.", STAGE_1),
    key("verify", Form::Switch, "true | false", "true", "Whether the upstream's certificate is looked at.", STAGE_1),
    key("names", TEXTS, "NAME | LIST", "what the client asks for", "The names of the certificate.", STAGE_1),
];

/// The keys of a phase.
pub const PHASE: &[Key] = &[
    key("name", Form::Text, "TEXT", "phase 1, …", "What it is called.", STAGE_1),
    key("duration", Form::Span, "DURATION", "", "How long it lasts.", STAGE_1),
    key("until", Form::Named("until"), "CONDITION | recovered | approval [by ROLE]", "", "What ends it; needs `timeout`.", STAGE_1),
    key("timeout", Form::Span, "DURATION", "", "Gives `until` up, which is a failed expectation.", STAGE_1),
    key("gate", Form::Named("approval"), "approval [by ROLE]", "", "A person opens it before the phase begins.", STAGE_1),
    key(
        "faults",
        Form::Named("phase_faults"),
        "LIST of FAULT | NAME",
        "none",
        "What goes wrong meanwhile; names are of faults declared with `enabled: false`.",
        STAGE_1,
    ),
    key("expect", EXPECTATIONS, "LIST of CONDITION | MAP", "none", "What is judged over this phase.", STAGE_1),
];

/// The keys of a probe.
pub const PROBE: &[Key] = &[
    key("http", Form::Text, "URL", "", "Asks there; well if the answer is 2xx.", STAGE_1),
    key("tcp", Form::Text, "HOST:PORT", "", "Connects there; well if that works.", STAGE_1),
    key("prometheus", Form::Text, "URL", "", "Asks Prometheus there; needs `query`.", STAGE_1),
    key("command", Form::Text, "COMMAND", "", "Runs it; well if it ends with 0.", STAGE_1),
    key("query", Form::Text, "PROMQL", "", "What Prometheus is asked.", STAGE_1),
    key("status", Form::Some(&Form::Either(&[Form::Status, Form::Text])), "STATUS | LIST", "2xx", "Which answers are well.", STAGE_1),
    key("json", Form::Text, "POINTER", "", "The number in the answer that is measured.", STAGE_1),
    key("every", Form::Span, "DURATION", "10s", "How often it is measured.", STAGE_1),
    key("timeout", Form::Span, "DURATION", "5s", "How long it may take.", STAGE_1),
    key("unit", Form::Word(&["ratio", "ms", "number"]), "ratio | ms | number", "", "What its number is.", STAGE_1),
];

/// The keys of an expectation with more to say.
pub const EXPECTATION: &[Key] = &[
    key("that", Form::Named("condition"), "CONDITION", "", "What is expected.", STAGE_1),
    key("severity", Form::Word(&["fail", "warn"]), "fail | warn", "fail", "What it means if it does not hold.", STAGE_1),
    key("min_samples", SOME, "COUNT", "what `confidence` needs", "How much must have been seen.", STAGE_1),
    key("confidence", SHARE_OR_NONE, "PERCENT | none", "the file's", "How sure it must be.", STAGE_1),
    key(
        "no_data",
        Form::Word(&["inconclusive", "held", "failed"]),
        "inconclusive | held | failed",
        "inconclusive",
        "What it means if nothing was seen.",
        STAGE_1,
    ),
    key("xfail", Form::Text, "ISSUE", "", "Known not to hold yet; needs `until`.", STAGE_1),
    key("until", DAY, "DAY", "", "The last day of `xfail`.", STAGE_1),
];

/// The keys of `limits`.
pub const LIMITS: &[Key] = &[
    key("max_duration", Form::Span, "DURATION", "1h", "Of the run; then it is aborted.", STAGE_1),
    key("environments", Form::List(&Form::Text), "LIST", "any but `production`", "`FAULTWIRE_ENV` must be one of these.", STAGE_1),
    key(
        "protect",
        Form::List(&Form::Text),
        "LIST of GLOB",
        "*.prod.*, *.production.*",
        "Upstream hosts that need `--allow-production`.",
        STAGE_1,
    ),
    key(
        "exempt",
        Form::List(&Form::Text),
        "LIST of MATCH",
        "health checks, probes, logins",
        "What is never touched unless a `match` names it literally: paths, calls, or a header as `NAME: GLOB`. A list replaces the default.",
        NOW,
    ),
    key("max_connections", Form::Either(&[SOME, Form::Word(&["none"])]), "COUNT | none", "none", "Open through all proxies.", STAGE_1),
    key("max_affected", Form::Percent, "PERCENT", "100%", "The share of each proxy's units that may be hit.", STAGE_1),
    key("max_rate", Form::Either(&[Form::Flow, Form::Word(&["none"])]), "RATE | none", "none", "Hits of all faults together.", STAGE_1),
    key("clients", Form::List(&CIDR), "LIST of CIDR", "all", "Only these are ever touched.", STAGE_1),
    key(
        "lease",
        Form::Either(&[Form::Span, Form::Word(&["none"])]),
        "DURATION | none",
        "none",
        "Someone must be watching; gone for so long, the run is aborted.",
        STAGE_2,
    ),
];

pub const ROLES: &[Key] = &[
    key("lead", Form::Text, "NAME", "", "Knows what is broken, and opens gates.", STAGE_2),
    key("operator", Form::Text, "NAME", "", "Drives the timeline.", STAGE_2),
    key("responders", TEXTS, "NAME | LIST", "", "Find it and mend it.", STAGE_2),
    key("observers", TEXTS, "NAME | LIST", "", "Watch.", STAGE_2),
];

pub const ANNOUNCE: &[Key] = &[
    key("slack", Form::Text, "URL", "", "A webhook of Slack.", STAGE_2),
    key("webhook", Form::Text, "URL", "", "Any webhook.", STAGE_2),
    key("grafana", Form::Text, "URL", "", "Annotations in Grafana.", STAGE_2),
    key("token", Form::Text, "TOKEN", "", "What Grafana wants to see.", STAGE_2),
    key("events", Form::List(&Form::Text), "LIST", "all of a run", "Which events are told.", STAGE_2),
];

const BASELINE: Form = Form::Like(&Like { pattern: "", read: baseline });
const READY: Form = Form::Like(&Like { pattern: "^([A-Z]+ )?/", read: ready });
const DAY: Form = Form::Like(&Like { pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", read: day });

/// A length of time, a file, or `none`.
fn baseline(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    let file = matches!(node.value, Value::Text(_))
        && (text.contains(['/', '.']))
        && Span::parse(text).is_none()
        && !text.starts_with(|c: char| c.is_ascii_digit());
    match text == "none" || file {
        true => Ok(()),
        false => Span::from_node(node).map(drop),
    }
}

fn ready(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    let path = text.split_once(' ').map_or(text, |(_, path)| path);
    match matches!(node.value, Value::Text(_)) && path.starts_with('/') {
        true => Ok(()),
        false => Err(Complaint::new("E0205", format!("{} is not a request", said(node)), &node.place, "write it as `GET /healthz`")),
    }
}

fn day(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    let fine = text.len() == 10 && matches!(parts[..], [Some(2000..=9999), Some(month @ 1..=12), Some(day @ 1..=31)] if day <= days(month));
    match fine {
        true => Ok(()),
        false => Err(Complaint::new("E0207", format!("{} is not a day", said(node)), &node.place, "write it as `2027-06-30`")),
    }
}

fn days(month: u32) -> u32 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A key that a map of the scenario does not have.
pub fn unknown(entry: &Entry, what: &str, label: &str, keys: &'static [Key]) -> Complaint {
    let complaint = Complaint::new("E0101", format!("unknown key `{}` in {what}", entry.key), &entry.key_place, label);
    match nearest(&entry.key, keys.iter().map(|key| key.name)) {
        Some(near) => complaint.fix(format!("did you mean `{near}`?"), &entry.key_place, near),
        None => {
            let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
            complaint.note(format!("there are {}", names.join(", ")))
        }
    }
}

/// Holds the keys of a map to their table, but for those that are read elsewhere.
pub fn check(node: &Node, what: &str, keys: &'static [Key], keep: &mut dyn FnMut(Complaint)) {
    for entry in node.entries().unwrap_or_default() {
        match keys.iter().find(|key| key.name == entry.key) {
            Some(key) => key.form.check(key.name, &entry.value, keep),
            None => keep(unknown_key(entry, what, &mut keys.iter().map(|key| key.name))),
        }
    }
}
