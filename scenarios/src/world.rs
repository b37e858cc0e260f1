//! What a scenario asks of the world it will run in: protected hosts, containers, files, and somebody who can stop it.

use crate::{
    files::{self, Reader},
    link::ProxySpec,
    outside::Baseline,
    reach::patterns,
    scenario::{Scenario, Setting},
    sources::Sources,
};
use faultwire_faults::{
    complaint::Complaint,
    fault::{Draft, fits},
    node::Place,
};
use std::{
    collections::{HashMap, HashSet},
    io,
};

pub fn check(
    scenario: &Scenario,
    setting: &Setting<'_>,
    phases: Option<&Place>,
    meant: &HashSet<&'static str>,
    complaints: &mut Vec<Complaint>,
) {
    complaints.extend(scenario.proxies.iter().filter_map(|spec| protected(spec, scenario)));
    if setting.in_container {
        complaints.extend(scenario.proxies.iter().filter_map(of_the_container));
    }
    complaints.extend(phases.filter(|_| !meant.contains("abort")).and_then(|place| nothing_stops_it(scenario, place)));
}

/// `W0309`: a host of production, which somebody must answer for.
fn protected(spec: &ProxySpec, scenario: &Scenario) -> Option<Complaint> {
    let glob = scenario.limits.protect.iter().find(|glob| fits(glob, &spec.upstream.host))?;
    let hurt = |draft: &Draft| patterns(&draft.fault).any(|pattern| fits(pattern, &spec.name));
    (!spec.upstream_place.range.is_empty() && scenario.drafts().any(hurt)).then(|| {
        Complaint::new("W0309", format!("`{}` leads to a protected host", spec.name), &spec.upstream_place, format!("fits `{glob}`"))
            .note("faults are put in force there only with `--allow-production NAME`, and for 5 minutes at most")
    })
}

/// `W0307`: inside a container `localhost` is the container itself.
fn of_the_container(spec: &ProxySpec) -> Option<Complaint> {
    let here = matches!(spec.upstream.host.as_str(), "localhost" | "127.0.0.1" | "::1") && !spec.upstream_place.range.is_empty();
    here.then(|| {
        Complaint::new("W0307", "`localhost` is this container", &spec.upstream_place, "and not the machine it runs on")
            .note("name the service of the compose file, or `host.docker.internal`; in one pod, `localhost` is right")
    })
}

/// `W0514`: people take part, or the environment is named, and nothing watches over it.
fn nothing_stops_it(scenario: &Scenario, phases: &Place) -> Option<Complaint> {
    let people =
        scenario.phases.iter().any(|phase| phase.approvals().next().is_some()) || scenario.roles.is_some() || !scenario.announce.is_empty();
    let shared = people || scenario.limits.environments.is_some();
    (shared && scenario.abort.is_empty() && !scenario.phases.is_empty()).then(|| {
        Complaint::new("W0514", "nothing stops these phases before their end", phases, "no `abort` watches over them")
            .note("with `abort: [error_rate(PROXY) > 25% for 15s]` everything heals at once when that comes true")
    })
}

/// Files that a scenario needs: they must be there, and hold something.
pub fn files(scenario: &Scenario, sources: &Sources, reader: Reader<'_>, complaints: &mut Vec<Complaint>) {
    let mut wanted: Vec<(String, Place)> = Vec::new();
    for draft in scenario.drafts() {
        for chosen in &draft.effects {
            let head = chosen.head();
            let replay = head.value.entry("replay").filter(|_| chosen.row.name == "latency");
            let profile = head.value.text().filter(|text| chosen.row.name == "profile" && (text.contains('/') || text.contains(".y")));
            wanted.extend(replay.and_then(|entry| Some((entry.value.text()?.to_owned(), entry.value.place.clone()))));
            wanted.extend(profile.map(|file| (file.to_owned(), head.value.place.clone())));
        }
    }
    if let Some(Baseline::File(file, place)) = &scenario.baseline {
        wanted.push((file.clone(), place.clone()));
    }
    let mut seen: HashSet<(usize, usize)> = HashSet::new();
    let mut known: HashMap<String, Option<(String, &'static str)>> = HashMap::new();
    for (file, place) in wanted {
        if !place.range.is_empty() && !seen.insert((place.source, place.range.start)) {
            continue;
        }
        let path = files::beside(sources.name(&place), &file);
        let trouble = known.entry(path.clone()).or_insert_with(|| trouble(&path, reader));
        if let Some((message, label)) = trouble {
            complaints
                .push(Complaint::new("E0215", message.clone(), &place, *label).note("paths are relative to the file that names them"));
        }
    }
}

fn trouble(path: &str, reader: Reader<'_>) -> Option<(String, &'static str)> {
    match reader(path) {
        Ok(text) if text.trim().is_empty() => Some((format!("`{path}` is empty"), "nothing is in it")),
        Ok(_) => None,
        // It is there, and is not text.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some((format!("there is no file `{path}`"), "not found")),
        Err(error) => Some((format!("`{path}` cannot be read: {error}"), "cannot be read")),
    }
}
