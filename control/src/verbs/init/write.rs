//! The files that are proposed, as text: a scenario with a catalogue of faults, an override for compose, and a scenario to begin with where
//! nothing was found. It writes nothing to a disk.

use super::{
    catalogue,
    draft::{Draft, OURS, Proxy, Set},
    kinds::{self, Kind, Sort},
};
use crate::say::columns;
use faultwire_faults::node::{Node, Place, Value};
use faultwire_scenarios::{link, yaml};
use std::fmt::Write as _;

/// The scenario of a draft, and the names of its faults. `origin` says what it was made of.
pub fn scenario(draft: &Draft, origin: &str) -> (String, Vec<String>) {
    let mut text = head(&format!("Made by `faultwire init` of {origin}. It is yours now: `faultwire check` looks at what you change."));
    text.push_str("# NAME: LISTEN -> UPSTREAM\nproxies:\n");
    let rows: Vec<Vec<String>> = draft.proxies.iter().map(|proxy| vec![link(proxy), about(proxy, draft.on_machine)]).collect();
    for (line, proxy) in columns(&rows).iter().zip(&draft.proxies) {
        if let Some(note) = proxy.note {
            writeln!(text, "  # {}: {note}", proxy.name).ok();
        }
        let by_hand: Vec<&str> = proxy.users.iter().filter(|user| !proxy.env.contains(user)).map(String::as_str).collect();
        if draft.on_machine && !by_hand.is_empty() {
            writeln!(text, "  # {}: lead {} to 127.0.0.1:{} yourself", proxy.name, by_hand.join(", "), proxy.listen).ok();
        }
        writeln!(text, "  {}", line.trim_end()).ok();
    }
    let kinds: Vec<&Kind> = draft.proxies.iter().map(|proxy| proxy.kind).collect();
    let mut names = Vec::new();
    let mut faults = String::new();
    for proxy in &draft.proxies {
        writeln!(faults, "\n  # {}: {}", proxy.name, catalogue::question(proxy.kind.sort)).ok();
        faults.push_str(&catalogue_of(&proxy.name, proxy.kind));
        names.extend(catalogue::of(proxy.kind).iter().map(|entry| format!("{}-{}", proxy.name, entry.suffix)));
    }
    let first = first_to_try(draft);
    write!(
        text,
        "\n# What can go wrong, by name. All of it is off until something switches it on:  faultwire inject {first}\n{}\
         defaults:\n  enabled: false\n\nfaults:{faults}",
        legend(&kinds)
    )
    .ok();
    (text, names)
}

/// Slowness of something that is called, rather than that of the door.
pub fn first_to_try(draft: &Draft) -> String {
    let called = draft.proxies.iter().find(|proxy| !proxy.users.is_empty() && proxy.kind.sort != Sort::Web);
    let proxy = called.or_else(|| draft.proxies.iter().find(|proxy| !proxy.users.is_empty())).or(draft.proxies.first());
    proxy.map_or_else(String::new, |proxy| format!("{}-slow", proxy.name))
}

/// What the ends of the names mean.
fn legend(kinds: &[&Kind]) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for entry in kinds.iter().flat_map(|kind| catalogue::of(kind)) {
        let row = vec![format!("#   -{}", entry.suffix), entry.about.to_owned()];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    lines(&rows, 0)
}

/// The faults of one proxy, a line each, their words below each other.
fn catalogue_of(proxy: &str, kind: &Kind) -> String {
    let entries: Vec<(String, &str)> =
        catalogue::of(kind).iter().map(|entry| (scalar(&format!("{proxy}-{}", entry.suffix)), entry.words)).collect();
    let width = entries.iter().map(|(name, _)| name.len() + 1).max().unwrap_or(0);
    let line =
        |(name, words): &(String, &str)| format!("  - {{ name: {:width$} proxy: {}, {words} }}\n", format!("{name},"), scalar(proxy));
    entries.iter().map(line).collect()
}

/// A scenario to begin with.
pub fn starter() -> (String, Vec<String>) {
    let redis: Vec<&Kind> = kinds::of_word("redis").into_iter().collect();
    let faults: String = redis.iter().map(|kind| catalogue_of("redis", kind)).collect();
    let mut text = head("A first scenario. Put a service of yours in the place of Redis; `faultwire explain` lists all that can go wrong.");
    write!(
        text,
        "proxies:\n  # NAME: LISTEN -> UPSTREAM. Let your program connect to the port on the left.\n  redis: 26379 -> localhost:6379\n\n\
         # What can go wrong, by name. All of it is off until something switches it on:  faultwire inject redis-slow\n{}\
         defaults:\n  enabled: false\n\nfaults:\n{}",
        legend(&redis),
        faults
    )
    .ok();
    let names = redis.iter().flat_map(|kind| catalogue::of(kind)).map(|entry| format!("redis-{}", entry.suffix));
    (text, names.collect())
}

/// The override that puts Faultwire between the services of compose files.
pub fn compose(draft: &Draft, command: &str) -> String {
    let mut text =
        format!("# Puts Faultwire between the services. Written by `faultwire init`; lay it over the others:\n#   {command}\nservices:\n");
    for change in &draft.changes {
        writeln!(text, "  {}:\n    environment:", scalar(&change.service)).ok();
        let rows: Vec<Vec<String>> = change.sets.iter().map(variable).collect();
        text.push_str(&lines(&rows, 6));
        writeln!(text, "    depends_on:\n      {OURS}: {{ condition: service_healthy }}  # the image brings its own health check\n").ok();
    }
    let mut ports = vec![vec!["- \"127.0.0.1:8474:8474\"".to_owned(), "# the API".to_owned()]];
    let published = draft.proxies.iter().filter(|proxy| proxy.published);
    ports.extend(published.map(|proxy| vec![format!("- \"127.0.0.1:{0}:{0}\"", proxy.listen), format!("# {}", proxy.name)]));
    write!(
        text,
        "  {OURS}:\n    image: {}\n    volumes:\n      - ./faultwire.yaml:/etc/faultwire/faultwire.yaml:ro\n    ports:\n",
        image()
    )
    .ok();
    text.push_str(&lines(&ports, 6));
    if !draft.networks.is_empty() {
        let networks: Vec<String> = draft.networks.iter().map(|network| scalar(network)).collect();
        writeln!(text, "    networks: [{}]", networks.join(", ")).ok();
    }
    text
}

/// Rows as aligned lines, so far from the left.
fn lines(rows: &[Vec<String>], indent: usize) -> String {
    columns(rows).iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

fn variable(set: &Set) -> Vec<String> {
    let secret = if set.secret { "; holds what the variables held" } else { "" };
    let about: String = set.about.chars().filter(|c| !c.is_control()).collect();
    vec![format!("{}: {}", scalar(&set.variable), block(&set.value)), format!("# {about}{secret}")]
}

/// A published image, and a way to take one's own.
fn image() -> String {
    let mut numbers = env!("CARGO_PKG_VERSION").split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let tag = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    format!("${{FAULTWIRE_IMAGE:-ghcr.io/faultwire/faultwire:{tag}}}")
}

/// Editors complete and explain by the schema of the version that wrote the file.
fn head(about: &str) -> String {
    format!("# yaml-language-server: $schema={}\n# {about}\n\n", faultwire_scenarios::schema::ID)
}

/// `redis: 26379 -> redis:6379`, or the long form if a wrapped command is to find its address in a variable.
fn link(proxy: &Proxy) -> String {
    let upstream = upstream(proxy.kind, &proxy.host, proxy.port);
    let variables: Vec<String> = proxy.env.iter().map(|variable| scalar(variable)).collect();
    let env = match &variables[..] {
        [] => return format!("{}: {}", scalar(&proxy.name), block(&format!("{} -> {upstream}", proxy.listen))),
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    format!("{}: {{ listen: {}, upstream: {}, env: {env} }}", scalar(&proxy.name), proxy.listen, scalar(&upstream))
}

/// With the scheme of what it speaks, if this version speaks it; as plain bytes otherwise.
fn upstream(kind: &Kind, host: &str, port: u16) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match kind.scheme != "tcp" && is_spoken(kind.scheme) {
        true => format!("{}://{host}:{port}", kind.scheme),
        false => format!("{host}:{port}"),
    }
}

fn is_spoken(scheme: &str) -> bool {
    let node = Node { place: Place::default(), value: Value::Text(format!("1024 -> {scheme}://localhost:1")) };
    link::read("x", &Place::default(), &node, "127.0.0.1").is_ok()
}

fn about(proxy: &Proxy, on_machine: bool) -> String {
    let users = match (proxy.users.join(", "), on_machine) {
        (users, _) if users.is_empty() => users,
        (users, true) => format!("in {users}"),
        (users, false) => format!("called by {users}"),
    };
    let parts: Vec<&str> = [proxy.image.as_deref().unwrap_or_default(), &users].into_iter().filter(|part| !part.is_empty()).collect();
    let about: String = parts.join(", ").chars().filter(|c| !c.is_control()).collect();
    if about.is_empty() { String::new() } else { format!("# {about}") }
}

/// Text that every reader of YAML takes for this text, also inside a flow map.
fn scalar(text: &str) -> String {
    if text.contains(['{', '}', '[', ']', ',']) { quoted(text) } else { block(text) }
}

/// The same for what stands alone behind a key.
fn block(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-/%:>$+@=?~()&;{}[], ".contains(c);
    let switch = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"].contains(&text.to_ascii_lowercase().as_str());
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    let awkward = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']) || switch;
    match begins && text.chars().all(fits) && !awkward && matches!(yaml::plain(text), Value::Text(_)) && !number(text) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What YAML 1.1 takes for a number, sexagesimal ones (`12:30`) included.
fn number(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || "_.:+-eExXoO".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back_as_it_was() {
        for text in [
            "redis",
            "26379 -> redis:6379",
            "on",
            "No",
            "null",
            "true",
            "1",
            "1e3",
            "12:30",
            "0x1f",
            "1.5",
            "1_000",
            "",
            " ",
            "a: b",
            "a #b",
            "a:",
            "#",
            "- a",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "{a}",
            "[a]",
            "a, b",
            "a]",
            "'",
            "\"",
            "\\",
            "ä",
            "a\nb",
            "\t",
            "\u{1}",
            "${A:-b}",
            "~",
            "http://f:1/x?y=z&a=b",
            "redis://:p@f:1",
            "|",
            ">",
            "=",
            "<<",
            ".",
            "-",
            "2024-01-01",
            "NaN",
            ".inf",
        ] {
            let (flow, block) = (scalar(text), block(text));
            for whole in [format!("x: {block}\n"), format!("x: {flow}\n"), format!("{flow}: x\n"), format!("[{{ x: {flow} }}]\n")] {
                let read = yaml::read(&whole, 0);
                assert!(read.complaints.is_empty(), "{whole}: {:?}", read.complaints);
                let root = read.root.unwrap().to_json();
                let said = root.get(text).map(|_| text).or(root["x"].as_str()).or(root[0]["x"].as_str());
                assert_eq!(said, Some(text), "{whole}");
            }
        }
    }

    #[test]
    fn the_scenario_to_begin_with_has_no_mistakes() {
        let (text, names) = starter();
        let loaded = faultwire_scenarios::scenario::load(&["f.yaml".to_owned()], &|_| Ok(text.clone()), &|_| None, "127.0.0.1");
        assert!(loaded.complaints.is_empty(), "{text}\n{:?}", loaded.complaints);
        assert!(names.iter().all(|name| text.contains(&format!("name: {name},"))), "{text}");
    }
}
