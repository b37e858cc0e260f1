//! A checked scenario printed back as YAML and read again is the same thing: the same proxies, faults, phases and conditions.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads files and may fail")]

use faultwire_faults::fault::Draft;
use faultwire_scenarios::{
    library::LIBRARY,
    phase::PhaseFault,
    plan::Plan,
    render,
    scenario::{self, Scenario},
};
use std::{fs, io, path::Path};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(name)
}

fn read(folder: &Path, name: &str, text: &str) -> Scenario {
    let reader = |wanted: &str| if wanted == name { io::Result::Ok(text.to_owned()) } else { fs::read_to_string(folder.join(wanted)) };
    let env = |name: &str| {
        name.ends_with("URL").then(|| "https://hooks.example/$${A}".to_owned()).or((name == "GRAFANA_TOKEN").then(|| "t".to_owned()))
    };
    let loaded = scenario::load(&[name.to_owned()], &reader, &env, "127.0.0.1");
    let others: Vec<_> =
        loaded.complaints.iter().filter(|complaint| complaint.code.starts_with('E') && complaint.code != "E0109").cloned().collect();
    assert!(others.is_empty(), "{text}\n{}", render::render(&others, &loaded.sources, false));
    loaded.checked.unwrap()
}

/// Everything a scenario says, without where it says it.
fn essence(scenario: &Scenario) -> Vec<String> {
    let fault = |draft: &Draft| {
        let fault = &draft.fault;
        let what = (&fault.name, &fault.targets, fault.connections, fault.direction, fault.when, fault.after);
        let how = (&fault.often, &fault.clock, fault.enabled, fault.optional, fault.disguise, &fault.effects);
        let more = (
            &draft.fault.chooses,
            draft.fault.per,
            &draft.fault.over,
            draft.fault.draw,
            &draft.group,
            draft.episodes,
            draft.max_active,
            draft.mark,
        );
        let mut foreseen: Vec<String> = draft
            .effects
            .iter()
            .flat_map(|chosen| &chosen.entries)
            .map(|entry| format!("{}: {}", entry.key, entry.value.to_json()))
            .collect();
        foreseen.sort();
        format!("{what:?} {how:?} {more:?} {foreseen:?}")
    };
    let mut lines =
        vec![format!("{:?} {:?} {:?} {:?} {:?}", scenario.name, scenario.description, scenario.owners, scenario.links, scenario.seed)];
    for spec in &scenario.proxies {
        let more = (&spec.tls, &spec.ready, &spec.bad, spec.rewrites, spec.speaks, spec.serves);
        lines.push(format!(
            "{:?} {:?} {:?} {:?} {:?} {} {:?} {more:?}",
            spec.name, spec.listen, spec.upstream, spec.from, spec.to, spec.enabled, spec.env
        ));
    }
    lines.extend(scenario.faults.iter().map(fault));
    for phase in &scenario.phases {
        lines.push(format!("{:?} {:?} {:?} {:?}", phase.name, phase.ends, phase.gate, phase.expect));
        lines.extend(phase.faults.iter().map(|one| match one {
            PhaseFault::Own(draft) => fault(draft),
            PhaseFault::Named(named) => named.name.clone(),
        }));
    }
    lines.push(format!("{:?} {:?} {:?} {:?}", scenario.steady_state, scenario.abort, scenario.expect, scenario.probes));
    lines.push(format!("{:?} {:?} {:?} {:?}", scenario.recover_within, scenario.baseline, scenario.confidence, scenario.limits));
    lines.push(format!("{:?} {:?} {:?} {:?} {:?}", scenario.roles, scenario.announce, scenario.blind, scenario.alert_rules, scenario.door));
    lines.iter().map(|line| without_places(line)).collect()
}

fn without_places(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("Place {") {
        out += &rest[..at];
        rest = &rest[at..];
        let end = rest.find("pointer: \"").map(|at| at + "pointer: \"".len()).unwrap();
        let close = rest[end..].find("\" }").unwrap();
        rest = &rest[end + close + "\" }".len()..];
    }
    out + rest
}

fn same(folder: &Path, name: &str, text: &str) {
    let first = read(folder, name, text);
    let printed = first.to_yaml();
    let again = read(folder, name, &printed);
    assert_eq!(essence(&first), essence(&again), "{printed}");
    assert_eq!(again.to_yaml(), printed);
    let plan = |scenario: &Scenario| Plan::of(scenario, Vec::new());
    assert_eq!(plan(&again).text(None), plan(&first).text(None));
    assert_eq!(plan(&again).json(), plan(&first).json());
}

#[test]
fn examples_and_the_library_are_printed_back() {
    let examples = folder("examples");
    for entry in fs::read_dir(&examples).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".yaml") {
            same(&examples, &name, &fs::read_to_string(examples.join(&name)).unwrap());
        }
    }
    LIBRARY.iter().for_each(|ready| same(&examples, &format!("{}.yaml", ready.name), ready.text));
}

#[test]
fn everything_that_can_be_said_is_printed_back() {
    same(&folder("examples"), "all.yaml", include_str!("everything.yaml"));
}
