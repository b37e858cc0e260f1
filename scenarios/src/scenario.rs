//! A whole scenario: files merged in order, its proxies and faults named and checked against each other.
//! It refuses by name what this version does not have, and knows no proxy that runs.

use crate::{
    defaults,
    files::{self, Reader},
    link::{self, ProxySpec},
    names::{self, Declared},
    ports, reach,
    sources::Sources,
    variables::Env,
    words::{self, Words},
};
use faultwire_faults::{
    complaint::{Complaint, FromNode, Severity, nearest},
    fault::{Fault, Target},
    node::{Entry, Node, Place, Value},
    value::Count,
};
use std::collections::{HashMap, HashSet};

/// What a scenario says.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// What it calls itself, or its file's name.
    pub name: String,
    pub description: Option<String>,
    pub owners: Vec<String>,
    /// Names of links and where they lead.
    pub links: Vec<(String, String)>,
    pub seed: Option<u64>,
    pub proxies: Vec<ProxySpec>,
    /// Every one has a name.
    pub faults: Vec<Fault>,
}

/// What came of reading. There is a scenario if nothing is wrong with it; warnings do not count.
#[derive(Debug)]
pub struct Loaded {
    pub sources: Sources,
    pub complaints: Vec<Complaint>,
    pub scenario: Option<Scenario>,
}

const KEYS: &[&str] = &["name", "description", "owners", "links", "include", "seed", "proxies", "defaults", "faults"];

/// Words of the language whose behaviour this version does not have.
const LATER: &[&str] = &[
    "door",
    "phases",
    "probes",
    "steady_state",
    "recover_within",
    "abort",
    "expect",
    "baseline",
    "confidence",
    "limits",
    "roles",
    "announce",
    "blind",
    "alert_rules",
    "edition",
];

/// Reads scenario files and all they include. `bind` is the host to listen on where none is written.
pub fn load(files: &[String], reader: Reader<'_>, env: Env<'_>, bind: &str) -> Loaded {
    load_beside(files, reader, env, bind, &[])
}

/// The same, beside proxies that are there already, such as those made for a wrapped command. They are not part of the result.
pub fn load_beside(files: &[String], reader: Reader<'_>, env: Env<'_>, bind: &str, there: &[ProxySpec]) -> Loaded {
    let mut sources = Sources::default();
    let mut complaints = Vec::new();
    let files = files::read(files, reader, env, &mut sources, &mut complaints);
    let mut building = Building { bind, complaints, ..Building::default() };
    for proxy in there {
        building.declared.push(Declared {
            name: proxy.name.clone(),
            place: Place { source: usize::MAX, ..Place::default() },
            broken: false,
        });
    }
    for file in &files {
        building.take(file);
    }
    let scenario = building.finish(there, &sources);
    let mut complaints = building.complaints;
    not_from_variables(&mut complaints);
    complaints.iter_mut().for_each(|complaint| keep_variables(complaint, &sources));
    complaints.sort_by_key(|complaint| (complaint.place.source, complaint.place.range.start));
    let wrong = complaints.iter().any(|complaint| complaint.severity() == Severity::Error);
    Loaded { sources, complaints, scenario: Some(scenario).filter(|_| !wrong) }
}

/// Reads faults that come one by one, from the API or from words, and settles what they are called and where they act.
/// `taken` tells names that are in use. All are taken or none.
pub fn faults(nodes: &[Node], proxies: &[ProxySpec], taken: &dyn Fn(&str) -> bool) -> Result<Vec<Fault>, Vec<Complaint>> {
    let declared: Vec<Declared> =
        proxies.iter().map(|proxy| Declared { name: proxy.name.clone(), place: proxy.name_place.clone(), broken: false }).collect();
    let mut complaints = Vec::new();
    let read = defaults::read(nodes, &[], &mut complaints);
    let faults = settle(read, &declared, proxies, taken, &mut complaints);
    match complaints.iter().any(|complaint| complaint.severity() == Severity::Error) {
        true => Err(complaints),
        false => Ok(faults.into_iter().map(|(_, fault)| fault).collect()),
    }
}

/// Reads words such as `redis latency=200ms`; they become one more source. `Err` holds why not.
pub fn inject(text: &str, sources: &mut Sources) -> Result<Words, Vec<Complaint>> {
    let source = sources.add("--inject", text);
    words::read(text, source)
}

/// The place of what stands in no text.
pub const NOWHERE: Place = Place { source: usize::MAX, range: 0..0, pointer: String::new() };

#[derive(Default)]
struct Building<'a> {
    bind: &'a str,
    complaints: Vec<Complaint>,
    scenario: Scenario,
    declared: Vec<Declared>,
    /// Where each proxy's name stands first.
    first: HashMap<String, Place>,
    faults: Vec<defaults::Read>,
}

impl Building<'_> {
    fn take(&mut self, root: &Node) {
        let Some(entries) = root.entries() else {
            let message = format!("a scenario is a map, and this is {}", root.kind());
            let complaint = Complaint::new("E0207", message, &root.place, "not a map");
            self.complaints.push(complaint.note("it has keys such as `proxies` and `faults`"));
            return;
        };
        for entry in entries {
            self.key(entry);
        }
        let none = Vec::new();
        let defaults = root.entry("defaults").and_then(|entry| self.defaults(entry)).unwrap_or(&none);
        let nodes = root.entry("faults").and_then(|entry| self.list(entry)).unwrap_or_default();
        self.faults.extend(defaults::read(nodes, defaults, &mut self.complaints));
    }

    fn key(&mut self, entry: &Entry) {
        match entry.key.as_str() {
            "name" => self.value(entry, |scenario, text: String| scenario.name = text),
            "description" => self.value(entry, |scenario, text: String| scenario.description = Some(text)),
            "seed" => self.value(entry, |scenario, seed: Count| scenario.seed = Some(seed.0)),
            "owners" => {
                let owners = self.list(entry).map(|items| self.texts(items));
                self.scenario.owners.extend(owners.unwrap_or_default());
            }
            "links" => {
                for link in self.map(entry, "names to URLs") {
                    self.value(link, |scenario, url: String| scenario.links.push((link.key.clone(), url)));
                }
            }
            "proxies" => {
                for proxy in self.map(entry, "names to links") {
                    self.proxy(proxy);
                }
            }
            // Read with the whole file.
            "include" | "defaults" | "faults" => {}
            key if key.starts_with("x-") => {}
            key if LATER.contains(&key) => {
                let message = format!("`{key}` comes with a later version");
                self.complaints.push(Complaint::new("E0109", message, &entry.key_place, "not in this version"));
            }
            key => {
                let complaint =
                    Complaint::new("E0101", format!("unknown key `{key}` in a scenario"), &entry.key_place, "not a key of a scenario");
                self.complaints.push(match nearest(key, KEYS.iter().chain(LATER).copied()) {
                    Some(near) => complaint.fix(format!("did you mean `{near}`?"), &entry.key_place, near),
                    None => complaint.note("keys that begin with `x-` are yours, to hold anchors"),
                });
            }
        }
    }

    fn proxy(&mut self, entry: &Entry) {
        let name = entry.key.as_str();
        if let Some(first) = self.first.get(name) {
            let complaint = Complaint::new("E0003", format!("there are two proxies named `{name}`"), &entry.key_place, "and again here");
            self.complaints.push(complaint.also(first, "first here"));
            return;
        }
        self.first.insert(name.to_owned(), entry.key_place.clone());
        let read = link::read(name, &entry.key_place, &entry.value, self.bind);
        self.declared.push(Declared { name: name.to_owned(), place: entry.key_place.clone(), broken: read.is_err() });
        match read {
            Ok(spec) => self.scenario.proxies.push(spec),
            Err(mut wrong) => self.complaints.append(&mut wrong),
        }
    }

    fn defaults<'n>(&mut self, entry: &'n Entry) -> Option<&'n Vec<Entry>> {
        match &entry.value.value {
            Value::Map(entries) => {
                if let Some(name) = entries.iter().find(|entry| entry.key == "name") {
                    let complaint =
                        Complaint::new("E0106", "`name` cannot be a default", &name.key_place, "every fault needs one of its own");
                    self.complaints.push(complaint);
                    return None;
                }
                Some(entries)
            }
            Value::Null => None,
            _ => {
                self.complaints.push(shape(entry, "a map of keys to values"));
                None
            }
        }
    }

    fn value<T: FromNode>(&mut self, entry: &Entry, put: impl FnOnce(&mut Scenario, T)) {
        match T::from_node(&entry.value) {
            Ok(value) => put(&mut self.scenario, value),
            Err(complaint) => self.complaints.push(complaint),
        }
    }

    fn texts(&mut self, items: &[Node]) -> Vec<String> {
        let texts = items.iter().map(String::from_node);
        texts.filter_map(|text| text.map_err(|complaint| self.complaints.push(complaint)).ok()).collect()
    }

    /// The items of a list. A key without a value is an empty one.
    fn list<'n>(&mut self, entry: &'n Entry) -> Option<&'n [Node]> {
        match &entry.value.value {
            Value::List(items) => Some(items),
            Value::Null => None,
            _ => {
                self.complaints.push(shape(entry, "a list"));
                None
            }
        }
    }

    fn map<'n>(&mut self, entry: &'n Entry, of: &str) -> &'n [Entry] {
        match &entry.value.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.complaints.push(shape(entry, &format!("a map of {of}")));
                &[]
            }
        }
    }

    /// What can only be seen when all files have been read.
    fn finish(&mut self, there: &[ProxySpec], sources: &Sources) -> Scenario {
        let mut scenario = std::mem::take(&mut self.scenario);
        ports::check(&scenario.proxies, sources, &mut self.complaints);
        let all = [there, &scenario.proxies].concat();
        let mut read = std::mem::take(&mut self.faults);
        for (node, fault) in &mut read {
            if let Err(complaints) = fault {
                not_on_streams(node, complaints, &all);
                self.not_from_broken(node, complaints);
            }
        }
        let faults = settle(read, &self.declared, &all, &|_| false, &mut self.complaints);
        scenario.faults = faults.into_iter().map(|(_, fault)| fault).collect();
        if scenario.name.is_empty() {
            scenario.name = sources.iter().last().map(|source| stem(&source.name)).unwrap_or_default();
        }
        scenario
    }

    /// Where a proxy could not be read, nothing is told that depends on what it would have been.
    fn not_from_broken(&self, node: &Node, complaints: &mut Vec<Complaint>) {
        let mut broken = self.declared.iter().filter(|proxy| proxy.broken);
        let on = names::patterns(node);
        if broken.any(|proxy| on.iter().any(|target| target.fits(&proxy.name))) {
            complaints.retain(|complaint| complaint.code != "E0109" && !complaint.code.starts_with("E04"));
        }
    }
}

/// Packets are lost and overtaken, bytes of a stream are not: no later version changes that.
fn not_on_streams(node: &Node, complaints: &mut [Complaint], proxies: &[ProxySpec]) {
    for entry in node.entries().unwrap_or_default().iter().filter(|entry| ["loss", "reorder"].contains(&entry.key.as_str())) {
        let on = names::patterns(node);
        let proxy = proxies.iter().find(|proxy| on.iter().any(|target| target.fits(&proxy.name)));
        let told = complaints.iter_mut().find(|complaint| complaint.code == "E0109" && complaint.place == entry.key_place);
        if let (Some(proxy), Some(told)) = (proxy, told) {
            *told = lost_on_a_stream(entry, proxy);
        }
    }
}

fn lost_on_a_stream(entry: &Entry, proxy: &ProxySpec) -> Complaint {
    let key = entry.key.as_str();
    let complaint = Complaint::new(
        "E0402",
        format!("`{key}` cannot be done to a TCP stream"),
        &entry.key_place,
        "TCP repairs loss, order and duplicates itself",
    )
    .note("what an application notices of packet loss is stalls: 200ms, then 400ms, then 800ms");
    let complaint = match proxy.upstream_place.range.is_empty() {
        true => complaint,
        false => complaint.also(&proxy.upstream_place, format!("`{}` carries TCP", proxy.name)),
    };
    match entry.value.text() {
        Some(share) => {
            let line = Place { range: entry.key_place.range.start..entry.value.place.range.end, ..entry.key_place.clone() };
            complaint.fix("ask for those instead", &line, format!("latency: {{ retransmit: {share} }}"))
        }
        None => complaint,
    }
}

/// Finds the proxies that faults mean, gives each fault a name, and tells those that can never act.
fn settle(
    read: Vec<defaults::Read>,
    declared: &[Declared],
    proxies: &[ProxySpec],
    taken: &dyn Fn(&str) -> bool,
    complaints: &mut Vec<Complaint>,
) -> Vec<(Node, Fault)> {
    let uses: Vec<Target> = unique(read.iter().flat_map(|(node, _)| names::patterns(node)));
    complaints.extend(names::unknown(&uses, declared));
    let mut nodes = Vec::new();
    let mut faults = Vec::new();
    for (node, fault) in read {
        match fault {
            Ok(fault) => {
                nodes.push(node);
                faults.push(fault);
            }
            Err(mut wrong) => complaints.append(&mut wrong),
        }
    }
    complaints.extend(names::give(&mut faults, taken));
    complaints.extend(faults.iter().filter_map(|fault| names::nothing_to_cut(fault, proxies)));
    let settled: Vec<(Node, Fault)> = nodes.into_iter().zip(faults).collect();
    let order: Vec<(&Node, &Fault)> = settled.iter().map(|(node, fault)| (node, fault)).collect();
    reach::check(&order, complaints);
    settled
}

/// A default `proxy` stands in many faults and was written once.
fn unique(targets: impl Iterator<Item = Target>) -> Vec<Target> {
    let mut seen = HashSet::new();
    targets.filter(|target| target.place.range.is_empty() || seen.insert((target.place.source, target.place.range.start))).collect()
}

fn shape(entry: &Entry, wanted: &str) -> Complaint {
    let (key, kind) = (&entry.key, entry.value.kind());
    Complaint::new("E0207", format!("`{key}` is {wanted}, and this is {kind}"), &entry.value.place, format!("{wanted} is wanted here"))
}

/// What is wrong because a variable has no value is told once, at the variable.
fn not_from_variables(complaints: &mut Vec<Complaint>) {
    let at = |complaint: &Complaint| (complaint.place.source, complaint.place.pointer.clone());
    let unset: HashSet<(usize, String)> = complaints.iter().filter(|complaint| complaint.code == "E0308").map(at).collect();
    complaints.retain(|complaint| complaint.code == "E0308" || !unset.contains(&at(complaint)));
}

/// A patch must not write a variable's value over the variable.
fn keep_variables(complaint: &mut Complaint, sources: &Sources) {
    if complaint.code == "E0308" {
        return;
    }
    complaint.fixes.retain(|fix| !fix.edits.iter().any(|edit| sources.text(&edit.place).contains("${")));
}

fn stem(file: &str) -> String {
    let path = std::path::Path::new(file);
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
