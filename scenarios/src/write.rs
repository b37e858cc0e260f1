//! A checked scenario as text again: includes merged, defaults applied, variables filled in, names given. Read, it is the same thing.

use crate::{
    condition::Condition,
    expect::{Confidence, Expectation, NoData},
    link::{Listen, ProxySpec, Upstream},
    outside::{Announcement, Asks, Baseline, Channel, DEFAULT_CONFIDENCE, Limits, Probe, ProbeUnit, Roles},
    phase::{Approval, Ends, Phase, PhaseFault, Until},
    scenario::Scenario,
    yaml::plain,
};
use faultwire_faults::{
    fault::Draft,
    node::{Entry, Node, Place, Value},
    protocol::Protocol,
    units::{Percent, Span},
};

impl Scenario {
    /// The whole scenario as one YAML file.
    pub fn to_yaml(&self) -> String {
        yaml(&self.to_node())
    }

    pub fn to_node(&self) -> Node {
        let usual = Scenario::default();
        let mut map = Map::default();
        map.text("name", Some(&self.name));
        map.text("description", self.description.as_ref());
        map.texts("owners", &self.owners);
        map.some("links", named(self.links.iter().map(|(name, url)| (name.clone(), text(url)))));
        map.put("seed", self.seed.map(|seed| number(seed.to_string())));
        map.text("door", self.door.as_ref().map(|door| &door.name));
        map.put("baseline", self.baseline.as_ref().map(baseline));
        map.put("confidence", (self.confidence != DEFAULT_CONFIDENCE).then(|| confidence(self.confidence)));
        map.put("blind", self.blind.then(|| switch(true)));
        map.put("roles", self.roles.as_ref().map(roles));
        map.put("announce", (!self.announce.is_empty()).then(|| list(self.announce.iter().map(announcement))));
        map.texts("alert_rules", &self.alert_rules);
        map.put("limits", (self.limits != usual.limits).then(|| limits(&self.limits, &usual.limits)));
        map.some("proxies", named(self.proxies.iter().map(|spec| (spec.name.clone(), proxy(spec)))));
        map.some("probes", named(self.probes.iter().map(|probe| (probe.name.clone(), self::probe(probe)))));
        map.conditions("steady_state", &self.steady_state);
        map.put("recover_within", (self.recover_within != usual.recover_within).then(|| span(self.recover_within)));
        map.conditions("abort", &self.abort);
        map.put("faults", (!self.faults.is_empty()).then(|| list(self.faults.iter().map(fault))));
        map.put("phases", (!self.phases.is_empty()).then(|| list(self.phases.iter().map(phase))));
        map.put("expect", (!self.expect.is_empty()).then(|| list(self.expect.iter().map(expectation))));
        map.node()
    }
}

/// A fault's map with its name.
pub fn fault(draft: &Draft) -> Node {
    let mut node = draft.node.clone();
    if let (Value::Map(entries), Some(name)) = (&mut node.value, &draft.fault.name)
        && !entries.iter().any(|entry| entry.key == "name")
    {
        entries.push(entry("name", text(name)));
    }
    node
}

fn proxy(spec: &ProxySpec) -> Node {
    let listen = listens(spec.serves, &spec.listen);
    let upstream = leads(spec.speaks, &spec.upstream);
    let short = spec.from.is_none()
        && spec.to.is_none()
        && spec.enabled
        && spec.env.is_empty()
        && spec.tls.is_none()
        && spec.ready.is_none()
        && spec.bad.is_empty()
        && spec.rewrites.is_none();
    if short {
        return text(&format!("{listen} -> {upstream}"));
    }
    let mut map = Map::default();
    map.text("listen", Some(&listen));
    map.text("upstream", Some(&upstream));
    map.text("from", spec.from.as_ref());
    map.text("to", spec.to.as_ref());
    map.put("enabled", (!spec.enabled).then(|| switch(false)));
    map.put(
        "tls",
        spec.tls.as_ref().map(|tls| {
            let mut map = Map::default();
            map.text("cert", tls.cert.as_ref());
            map.text("key", tls.key.as_ref());
            map.text("ca", tls.ca.as_ref());
            map.put("verify", tls.verify.map(switch));
            map.texts("names", &tls.names);
            map.node()
        }),
    );
    map.texts("env", &spec.env);
    map.text("ready", spec.ready.as_ref());
    map.texts("bad", &spec.bad);
    map.text("advertise", spec.rewrites.map(|rewrites| if rewrites { "rewrite" } else { "pass" }.to_owned()).as_ref());
    map.node()
}

fn listens(serves: Option<Protocol>, listen: &Listen) -> String {
    match serves {
        Some(protocol) => format!("{}://{listen}", protocol.speech().scheme),
        None => listen.to_string(),
    }
}

fn leads(speaks: Protocol, upstream: &Upstream) -> String {
    match speaks {
        Protocol::Tcp => upstream.to_string(),
        protocol => format!("{}://{upstream}", protocol.speech().scheme),
    }
}

fn phase(phase: &Phase) -> Node {
    let mut map = Map::default();
    map.text("name", Some(&phase.name));
    map.text("gate", phase.gate.as_ref().map(approval).as_ref());
    match &phase.ends {
        Ends::After(duration) => map.put("duration", Some(span(*duration))),
        Ends::When { until, timeout } => {
            let until = match until {
                Until::Condition(condition) => condition.to_string(),
                Until::Approval(by) => approval(by),
            };
            map.text("until", Some(&until));
            map.put("timeout", Some(span(*timeout)));
        }
    }
    let faults = phase.faults.iter().map(|fault| match fault {
        PhaseFault::Own(draft) => self::fault(draft),
        PhaseFault::Named(named) => text(&named.name),
    });
    map.put("faults", (!phase.faults.is_empty()).then(|| list(faults)));
    map.put("expect", (!phase.expect.is_empty()).then(|| list(phase.expect.iter().map(expectation))));
    map.node()
}

fn approval(approval: &Approval) -> String {
    match &approval.by {
        Some(role) => format!("approval by {}", role.name),
        None => "approval".to_owned(),
    }
}

fn expectation(expectation: &Expectation) -> Node {
    let plain =
        Expectation { warns: false, min_samples: None, confidence: None, no_data: NoData::default(), xfail: None, ..expectation.clone() };
    if *expectation == plain {
        return text(&expectation.that.to_string());
    }
    let mut map = Map::default();
    map.text("that", Some(&expectation.that.to_string()));
    map.put("severity", expectation.warns.then(|| text("warn")));
    map.put("min_samples", expectation.min_samples.map(|count| number(count.to_string())));
    map.put("confidence", expectation.confidence.map(confidence));
    map.put(
        "no_data",
        match expectation.no_data {
            NoData::Inconclusive => None,
            NoData::Held => Some(text("held")),
            NoData::Failed => Some(text("failed")),
        },
    );
    map.text("xfail", expectation.xfail.as_ref().map(|xfail| &xfail.issue));
    map.text("until", expectation.xfail.as_ref().map(|xfail| &xfail.until));
    map.node()
}

fn probe(probe: &Probe) -> Node {
    let mut map = Map::default();
    match &probe.asks {
        Asks::Http(url) => map.text("http", Some(url)),
        Asks::Tcp(address) => map.text("tcp", Some(address)),
        Asks::Command(command) => map.text("command", Some(command)),
        Asks::Prometheus { url, query } => {
            map.text("prometheus", Some(url));
            map.text("query", Some(query));
        }
    }
    let statuses = probe.status.iter().map(|status| Node { place: Place::default(), value: plain(status) });
    map.put("status", (!probe.status.is_empty()).then(|| list(statuses)));
    map.text("json", probe.json.as_ref());
    map.put("every", Some(span(probe.every)));
    map.put("timeout", Some(span(probe.timeout)));
    map.put(
        "unit",
        probe.unit.map(|unit| {
            text(match unit {
                ProbeUnit::Ratio => "ratio",
                ProbeUnit::Milliseconds => "ms",
                ProbeUnit::Number => "number",
            })
        }),
    );
    map.node()
}

fn limits(limits: &Limits, usual: &Limits) -> Node {
    let mut map = Map::default();
    map.put("max_duration", (limits.max_duration != usual.max_duration).then(|| span(limits.max_duration)));
    map.put("environments", limits.environments.as_ref().map(|list| texts(list)));
    map.put("protect", (limits.protect != usual.protect).then(|| texts(&limits.protect)));
    map.put("exempt", limits.exempt.as_ref().map(|list| texts(list)));
    map.put("max_connections", limits.max_connections.map(|count| number(count.to_string())));
    map.put("max_affected", (limits.max_affected != usual.max_affected).then(|| text(&share(limits.max_affected))));
    map.put("max_rate", limits.max_rate.map(|rate| text(&crate::condition::Amount::Rate(rate).to_string())));
    map.texts("clients", &limits.clients);
    map.put("lease", limits.lease.map(span));
    map.node()
}

fn roles(roles: &Roles) -> Node {
    let mut map = Map::default();
    map.text("lead", roles.lead.as_ref());
    map.text("operator", roles.operator.as_ref());
    map.texts("responders", &roles.responders);
    map.texts("observers", &roles.observers);
    map.node()
}

fn announcement(announcement: &Announcement) -> Node {
    let mut map = Map::default();
    let channel = match announcement.to {
        Channel::Slack => "slack",
        Channel::Webhook => "webhook",
        Channel::Grafana => "grafana",
    };
    map.text(channel, Some(&announcement.url));
    map.text("token", announcement.token.as_ref());
    map.texts("events", &announcement.events);
    map.node()
}

fn baseline(baseline: &Baseline) -> Node {
    match baseline {
        Baseline::Measure(length) => span(*length),
        Baseline::File(file, _) => text(file),
        Baseline::None => text("none"),
    }
}

fn confidence(confidence: Confidence) -> Node {
    match confidence {
        Confidence::Percent(percent) => text(&share(percent)),
        Confidence::None => text("none"),
    }
}

/// To the last digit, of which there are four.
fn share(percent: Percent) -> String {
    format!("{}%", f64::from(percent.0) / 1e4)
}

/// A length of time to the last nanosecond.
pub fn exact(span: Span) -> String {
    let short = span.to_string();
    if Span::parse(&short) == Some(span) { short } else { format!("{}ns", span.0) }
}

fn span(length: Span) -> Node {
    text(&exact(length))
}

fn text(text: &str) -> Node {
    Node { place: Place::default(), value: Value::Text(text.to_owned()) }
}

fn number(digits: String) -> Node {
    Node { place: Place::default(), value: Value::Number(digits) }
}

fn switch(on: bool) -> Node {
    Node { place: Place::default(), value: Value::Bool(on) }
}

fn list(items: impl Iterator<Item = Node>) -> Node {
    Node { place: Place::default(), value: Value::List(items.collect()) }
}

fn texts(items: &[String]) -> Node {
    list(items.iter().map(|item| text(item)))
}

fn named(entries: impl Iterator<Item = (String, Node)>) -> Map {
    Map { entries: entries.map(|(key, value)| entry(&key, value)).collect() }
}

fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_place: Place::default(), value }
}

#[derive(Default)]
struct Map {
    entries: Vec<Entry>,
}

impl Map {
    fn put(&mut self, key: &str, value: Option<Node>) {
        self.entries.extend(value.map(|value| entry(key, value)));
    }

    fn text(&mut self, key: &str, value: Option<&String>) {
        self.put(key, value.map(|value| text(value)));
    }

    fn texts(&mut self, key: &str, items: &[String]) {
        self.put(key, (!items.is_empty()).then(|| texts(items)));
    }

    fn some(&mut self, key: &str, map: Map) {
        self.put(key, (!map.entries.is_empty()).then(|| map.node()));
    }

    fn conditions(&mut self, key: &str, conditions: &[Condition]) {
        self.put(key, (!conditions.is_empty()).then(|| list(conditions.iter().map(|condition| text(&condition.to_string())))));
    }

    fn node(self) -> Node {
        Node { place: Place::default(), value: Value::Map(self.entries) }
    }
}

/// A tree as YAML, in block style. Values that hold `${` are written so that no variable is looked for in them.
pub fn yaml(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => map(&mut out, entries, 0),
        Value::List(items) if !items.is_empty() => items.iter().for_each(|one| item(&mut out, one, 0)),
        _ => {
            out += &scalar(node);
            out.push('\n');
        }
    }
    out
}

fn map(out: &mut String, entries: &[Entry], indent: usize) {
    for (at, entry) in entries.iter().enumerate() {
        // The first entry stands behind the dash of its list.
        if at > 0 || out.ends_with('\n') || out.is_empty() {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&quoted(&entry.key, false));
        out.push(':');
        value(out, &entry.value, indent + 2);
    }
}

fn value(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            map(out, entries, indent);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().for_each(|one| item(out, one, indent));
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(node));
            out.push('\n');
        }
    }
}

fn item(out: &mut String, node: &Node, indent: usize) {
    out.push_str(&" ".repeat(indent));
    out.push('-');
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push(' ');
            map(out, entries, indent + 2);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().for_each(|one| item(out, one, indent + 2));
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(node));
            out.push('\n');
        }
    }
}

fn scalar(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Number(digits) => digits.clone(),
        Value::Text(text) => quoted(text, true),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

/// Text with quotes, if it would be something else without them.
fn quoted(text: &str, variables: bool) -> String {
    let text = if variables { without_variables(text) } else { text.to_owned() };
    let special = text
        .starts_with(['-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '=', '<'])
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.ends_with(':')
        || text.starts_with("...")
        || text.contains(": ")
        || text.contains(" #")
        || text.chars().any(|c| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}'));
    if !special && plain(&text) == Value::Text(text.clone()) {
        return text;
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A dollar that would begin a variable, or stand for another one, is doubled.
fn without_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '$' && text[at + 1..].starts_with(['{', '$']) {
            out.push('$');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{variables, yaml as reader};

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for text in [
            "a: 1\nb: '1'\nc: [x, {y: z, l: [1, [2, 3], []]}, {}]\nd: {e: null, f: true, g: 'true', h: ''}\n",
            "a: \"x: y\"\nb: '# no'\nc: 'a #b'\nd: '- x'\ne: \"two\\nlines\\t\\u0007\"\nf: '*x'\ng: ' x '\nh: 'x:'\n",
            "'a b': 0.10\n'5': 1e3\n'': x\n\"q\\\"\\\\\": \"'\"\n",
            "- a\n- - b\n  - c\n- {k: v}\n",
            "plain\n",
        ] {
            let first = reader::read(text, 0).root.unwrap();
            let written = yaml(&first);
            let again = reader::read(&written, 0);
            assert_eq!(again.complaints, [], "{written}");
            assert_eq!(again.root.unwrap().to_json(), first.to_json(), "{written}");
        }
        for text in ["${A}", "$$", "a$b", "$${A} $", "$$$"] {
            let node = Node { place: Place::default(), value: Value::Text(text.to_owned()) };
            let written = yaml(&node);
            let mut again = reader::read(&written, 0).root.unwrap();
            variables::substitute(&mut again, &written, &|_| None, &mut Vec::new());
            assert_eq!(again.text(), Some(text), "{written}");
        }
    }
}
