//! A whole scenario: what it says, and reading it. Files are merged in order, and everything in them is checked against everything
//! else. What this version cannot do is refused by name. It knows no proxy that runs.

use crate::{
    build::Building,
    condition::{Condition, Named},
    expect::{Confidence, Expectation},
    files::{self, Reader},
    fits, fix,
    link::ProxySpec,
    names::{self, Declared, Use},
    outside::{Announcement, Baseline, DEFAULT_CONFIDENCE, Limits, Probe, Roles},
    phase::Phase,
    sources::Sources,
    variables::Env,
    words::{self, Words},
};
use faultwire_faults::{
    complaint::{Complaint, Severity},
    fault::{Draft, Fault, Unbuilt},
    node::{Node, Place},
    units::Span,
};
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Beyond so many mistakes of a kind nobody looks for what follows from each.
const MOST_LOOKED_AT: usize = 100;

/// What a scenario says.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it calls itself, or its file's name.
    pub name: String,
    pub description: Option<String>,
    pub owners: Vec<String>,
    /// Names of links and where they lead.
    pub links: Vec<(String, String)>,
    pub seed: Option<u64>,
    pub proxies: Vec<ProxySpec>,
    /// Where customers come in.
    pub door: Option<Named>,
    /// Those that are active for the whole run, or wait for somebody. Every one has a name.
    pub faults: Vec<Draft>,
    pub phases: Vec<Phase>,
    pub probes: Vec<Probe>,
    pub steady_state: Vec<Condition>,
    pub recover_within: Span,
    pub abort: Vec<Condition>,
    pub expect: Vec<Expectation>,
    pub baseline: Option<Baseline>,
    pub confidence: Confidence,
    pub limits: Limits,
    pub roles: Option<Roles>,
    pub announce: Vec<Announcement>,
    pub blind: bool,
    pub alert_rules: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            name: String::new(),
            description: None,
            owners: Vec::new(),
            links: Vec::new(),
            seed: None,
            proxies: Vec::new(),
            door: None,
            faults: Vec::new(),
            phases: Vec::new(),
            probes: Vec::new(),
            steady_state: Vec::new(),
            recover_within: Span::from_secs(60),
            abort: Vec::new(),
            expect: Vec::new(),
            baseline: None,
            confidence: DEFAULT_CONFIDENCE,
            limits: Limits::default(),
            roles: None,
            announce: Vec::new(),
            blind: false,
            alert_rules: Vec::new(),
        }
    }
}

impl Scenario {
    /// All faults, those of phases included.
    pub fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.faults.iter().chain(self.phases.iter().flat_map(Phase::drafts))
    }

    /// What is put in force, of a scenario of which nothing is for a later version.
    pub fn in_force(self) -> Vec<Fault> {
        self.faults.into_iter().map(|draft| draft.fault).collect()
    }
}

/// What came of reading.
#[derive(Debug)]
pub struct Loaded {
    pub sources: Sources,
    pub complaints: Vec<Complaint>,
    /// There is one if nothing is wrong with it; warnings do not count.
    pub scenario: Option<Scenario>,
    /// There is one even if this version cannot do all that it says.
    pub checked: Option<Scenario>,
}

/// What a scenario is read for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<'a> {
    /// The host to listen on where none is written.
    pub bind: &'a str,
    /// Proxies that are there already, such as those made for a wrapped command. They are not part of the result.
    pub there: &'a [ProxySpec],
    /// Here `localhost` is the container, and nothing else is in it.
    pub in_container: bool,
}

/// Reads scenario files and all they include. `bind` is the host to listen on where none is written.
pub fn load(files: &[String], reader: Reader<'_>, env: Env<'_>, bind: &str) -> Loaded {
    load_with(files, reader, env, &Setting { bind, ..Setting::default() })
}

/// The same, beside proxies that are there already.
pub fn load_beside(files: &[String], reader: Reader<'_>, env: Env<'_>, bind: &str, there: &[ProxySpec]) -> Loaded {
    load_with(files, reader, env, &Setting { bind, there, ..Setting::default() })
}

pub fn load_with(names: &[String], reader: Reader<'_>, env: Env<'_>, setting: &Setting<'_>) -> Loaded {
    let mut sources = Sources::default();
    let mut complaints = Vec::new();
    let files = files::read(names, reader, env, &mut sources, &mut complaints);
    let mut building = Building::new(setting, complaints);
    for file in &files {
        building.take(file);
    }
    let (scenario, mut complaints, unbuilt) = building.finish(&sources, reader);
    not_from_variables(&mut complaints);
    not_from_doubled(&mut complaints);
    told_once(&mut complaints);
    let wrong = complaints.iter().any(|complaint| complaint.severity() == Severity::Error);
    let later = !wrong && !unbuilt.is_empty();
    if later {
        complaints.extend(unbuilt);
    }
    complaints.iter_mut().for_each(|complaint| {
        keep_variables(complaint, &sources);
        fix::mark(complaint);
    });
    complaints.sort_by_key(|complaint| (complaint.place.source, complaint.place.range.start));
    let checked = Some(scenario).filter(|_| !wrong);
    Loaded { sources, complaints, scenario: checked.clone().filter(|_| !later), checked }
}

/// Reads faults that come one by one, from the API or from words, and settles what they are called and where they act.
/// `taken` tells names that are in use. All are taken or none.
pub fn faults(nodes: &[Node], proxies: &[ProxySpec], taken: &dyn Fn(&str) -> bool) -> Result<Vec<Fault>, Vec<Complaint>> {
    let declared: Vec<Declared> =
        proxies.iter().map(|proxy| Declared { name: proxy.name.clone(), place: proxy.name_place.clone(), broken: false }).collect();
    let mut complaints = Vec::new();
    let mut drafts = Vec::new();
    let mut uses = Vec::new();
    for node in nodes {
        uses.extend(names::patterns(node).into_iter().map(|target| Use { target, aside: false }));
        match Draft::read(node) {
            Ok(draft) => drafts.push(draft),
            Err(mut wrong) => complaints.append(&mut wrong),
        }
    }
    complaints.extend(names::unknown(&uses, &declared));
    let all: Vec<&Draft> = drafts.iter().collect();
    fits::check(&all, proxies, &mut complaints);
    let mut faults: Vec<&mut Fault> = drafts.iter_mut().map(|draft| &mut draft.fault).collect();
    complaints.extend(names::give(&mut faults, taken));
    complaints.extend(names::nothing_to_cut(drafts.iter().map(|draft| &draft.fault), proxies));
    let wrong = |complaints: &[Complaint]| complaints.iter().any(|complaint| complaint.severity() == Severity::Error);
    if !wrong(&complaints) {
        complaints.extend(drafts.iter().flat_map(|draft| &draft.unbuilt).map(Unbuilt::complaint));
    }
    match wrong(&complaints) {
        true => Err(complaints),
        false => Ok(drafts.into_iter().map(|draft| draft.fault).collect()),
    }
}

/// Reads words such as `redis latency=200ms`; they become one more source. `Err` holds why not.
pub fn inject(text: &str, sources: &mut Sources) -> Result<Words, Vec<Complaint>> {
    let source = sources.add("--inject", text);
    words::read(text, source)
}

/// The place of what stands in no text.
pub const NOWHERE: Place = Place { source: usize::MAX, range: 0..0, pointer: String::new() };

/// What is wrong because a variable has no value is told once, at the variable.
fn not_from_variables(complaints: &mut Vec<Complaint>) {
    let at = |complaint: &Complaint| (complaint.place.source, complaint.place.pointer.clone());
    let unset: HashSet<(usize, String)> = complaints.iter().filter(|complaint| complaint.code == "E0308").map(at).collect();
    complaints.retain(|complaint| complaint.code == "E0308" || !unset.contains(&at(complaint)));
}

/// Which of two was meant is not known, so what is wrong with one of them is not told; nor what comes of two maps that have become one.
fn not_from_doubled(complaints: &mut Vec<Complaint>) {
    let doubled: Vec<(usize, String)> = complaints
        .iter()
        .filter(|complaint| complaint.code == "E0003")
        .map(|complaint| {
            let pointer = complaint.place.pointer.as_str();
            let map = if complaint.also.len() > 1 { pointer.rsplit_once('/').map_or("", |(map, _)| map) } else { pointer };
            (complaint.place.source, map.to_owned())
        })
        .take(MOST_LOOKED_AT)
        .collect();
    let within = |complaint: &Complaint| {
        let pointer = complaint.place.pointer.as_str();
        doubled.iter().any(|(source, map)| {
            *source == complaint.place.source
                && pointer.strip_prefix(map.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    if !doubled.is_empty() {
        complaints.retain(|complaint| complaint.code == "E0003" || !within(complaint));
    }
}

/// One cause is told once: the same sentence about several places is one complaint that names them all.
fn told_once(complaints: &mut Vec<Complaint>) {
    let mut first: HashMap<(&'static str, String), usize> = HashMap::new();
    let mut kept: Vec<Complaint> = Vec::new();
    for complaint in std::mem::take(complaints) {
        if !matches!(complaint.code, "E0102" | "E0501" | "E0301") {
            kept.push(complaint);
            continue;
        }
        match first.entry((complaint.code, complaint.message.clone())) {
            Entry::Vacant(vacant) => {
                vacant.insert(kept.len());
                kept.push(complaint);
            }
            Entry::Occupied(at) => {
                let told = &mut kept[*at.get()];
                if let (Some(fix), Some(more)) = (told.fixes.first_mut(), complaint.fixes.into_iter().next()) {
                    fix.edits.extend(more.edits);
                }
                told.also.push((complaint.place, if complaint.code == "E0102" { "nor this one" } else { "nor here" }.to_owned()));
                told.also.extend(complaint.also);
            }
        }
    }
    *complaints = kept;
}

/// A patch must not write a variable's value over the variable.
fn keep_variables(complaint: &mut Complaint, sources: &Sources) {
    if complaint.code == "E0308" {
        return;
    }
    complaint.fixes.retain(|fix| !fix.edits.iter().any(|edit| sources.text(&edit.place).contains("${")));
}
