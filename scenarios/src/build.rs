//! Files become one scenario: each key taken in by its table, then everything checked against everything else.
//! One cause is told once: what follows from a key that is misspelt or broken is not told as well.

use crate::{
    condition::{Condition, Named, read::KnownProbe},
    defaults::{self, Record},
    expect, fits,
    judge::{self, Scene},
    keys::FILE,
    link::{self, ProxySpec},
    names::{self, Declared, Use},
    outside,
    phase::{self, Begun, PhaseFault},
    ports, reach,
    scenario::{Scenario, Setting},
    sources::Sources,
    world,
};
use faultwire_faults::{
    complaint::{Complaint, FromNode, nearest},
    contract::Key,
    fault::{self, Draft, Fault, Target, Unbuilt, later},
    fit,
    form::Form,
    node::{Entry, Node, Place, Value},
    protocol::Protocol,
    units::Span,
    value::Count,
};
use std::collections::{HashMap, HashSet};

pub struct Building<'a> {
    setting: &'a Setting<'a>,
    complaints: Vec<Complaint>,
    unbuilt: Vec<Complaint>,
    scenario: Scenario,
    declared: Vec<Declared>,
    /// Where each proxy's name stands first, and each probe's.
    first: HashMap<(&'static str, String), Place>,
    faults: Vec<defaults::Read>,
    phases: Vec<Begun>,
    /// The proxies that faults name, those included that could not be read.
    targets: Vec<Target>,
    probes_meant: Vec<KnownProbe>,
    /// Lists of conditions wait until all probes are known.
    waiting: Vec<(&'static str, Node)>,
    /// Keys that are there, misspelt or broken.
    meant: HashSet<&'static str>,
    heads: HashMap<usize, usize>,
    phases_place: Option<Place>,
}

/// What is there, what is wrong, and what is for later versions.
pub type Built = (Scenario, Vec<Complaint>, Vec<Complaint>);

impl<'a> Building<'a> {
    pub fn new(setting: &'a Setting<'a>, complaints: Vec<Complaint>) -> Building<'a> {
        let there = setting.there.iter().map(|proxy| Declared {
            name: proxy.name.clone(),
            place: Place { source: usize::MAX, ..Place::default() },
            broken: false,
        });
        let declared = there.collect();
        let broken_text = complaints.iter().any(|complaint| ["E0001", "E0002", "E0215"].contains(&complaint.code));
        // A file that could not be read may have said anything.
        let meant = if broken_text { FILE.iter().map(|key| key.name).collect() } else { HashSet::new() };
        Building {
            setting,
            complaints,
            unbuilt: Vec::new(),
            scenario: Scenario::default(),
            declared,
            first: HashMap::new(),
            faults: Vec::new(),
            phases: Vec::new(),
            targets: Vec::new(),
            probes_meant: Vec::new(),
            waiting: Vec::new(),
            meant,
            heads: HashMap::new(),
            phases_place: None,
        }
    }

    pub fn take(&mut self, root: &Node) {
        let Some(entries) = root.entries() else {
            let message = format!("a scenario is a map, and this is {}", root.kind());
            let complaint = Complaint::new("E0207", message, &root.place, "not a map");
            self.complaints.push(complaint.note("it has keys such as `proxies` and `faults`"));
            self.meant.extend(FILE.iter().map(|key| key.name));
            return;
        };
        if let Some(first) = entries.iter().filter(|entry| !entry.key_place.range.is_empty()).map(|entry| entry.key_place.range.start).min()
        {
            self.heads.insert(root.place.source, first);
        }
        for entry in entries {
            self.key(entry);
        }
        let defaults = self.defaults(root.entry("defaults"));
        let mut record = Record::of(defaults);
        let faults = self.list(root.entry("faults"));
        self.faults.extend(defaults::read(faults, defaults, &mut record));
        for node in self.list(root.entry("phases")) {
            let complaints = &mut self.complaints;
            self.phases.extend(phase::begin(node, defaults, &mut record, &mut |complaint| complaints.push(complaint)));
        }
        let told = record.told(defaults);
        if !told.is_empty() {
            // What they would have said is not missed.
            self.meant.insert("defaults");
        }
        self.complaints.extend(told);
    }

    fn key(&mut self, entry: &Entry) {
        let Some(key) = FILE.iter().find(|key| key.name == entry.key) else {
            if !entry.key.starts_with("x-") {
                self.unknown(entry);
            }
            return;
        };
        if !key.since.built {
            self.unbuilt.push(later(&entry.key_place, key.name));
        }
        // A key without a value is an empty list or map.
        let empty =
            entry.value.value == Value::Null && matches!(key.form, Form::List(_) | Form::MapOf(_) | Form::Map { .. } | Form::Named(_));
        if empty {
            return;
        }
        let before = self.complaints.len();
        let complaints = &mut self.complaints;
        key.form.check(key.name, &entry.value, &mut |complaint| complaints.push(complaint));
        if self.complaints.len() > before {
            self.meant.insert(key.name);
            return;
        }
        self.later_inside(key, &entry.value);
        self.put(key.name, entry);
    }

    fn unknown(&mut self, entry: &Entry) {
        let complaint =
            Complaint::new("E0101", format!("unknown key `{}` in a scenario", entry.key), &entry.key_place, "not a key of a scenario");
        self.complaints.push(match nearest(&entry.key, FILE.iter().map(|key| key.name)) {
            Some(near) => {
                self.meant.insert(near);
                complaint.fix(format!("did you mean `{near}`?"), &entry.key_place, near)
            }
            None => {
                // Whatever it was meant to be, it may be what others look for.
                self.meant.extend(FILE.iter().map(|key| key.name));
                complaint.note("keys that begin with `x-` are yours, to hold anchors")
            }
        });
    }

    /// Keys of a map that belong to a later stage than the map itself.
    fn later_inside(&mut self, key: &Key, value: &Node) {
        let (keys, maps) = match (&key.form, &value.value) {
            (Form::Map { keys, .. }, Value::Map(_)) => (*keys, std::slice::from_ref(value)),
            (Form::List(Form::Map { keys, .. }), Value::List(items)) => (*keys, items.as_slice()),
            _ => return,
        };
        for entry in maps.iter().flat_map(|map| map.entries().unwrap_or_default()) {
            let inner = keys.iter().find(|inner| inner.name == entry.key);
            if inner.is_some_and(|inner| !inner.since.built && (key.since.built || inner.since.stage > key.since.stage)) {
                self.unbuilt.push(later(&entry.key_place, &entry.key));
            }
        }
    }

    fn put(&mut self, key: &'static str, entry: &Entry) {
        let (node, scenario) = (&entry.value, &mut self.scenario);
        match key {
            "name" => scenario.name = node.text().unwrap_or_default().to_owned(),
            "description" => scenario.description = node.text().map(|text| text.trim_end().to_owned()),
            "owners" => scenario.owners.extend(outside::texts(node)),
            "links" => {
                let links = node.entries().unwrap_or_default().iter();
                scenario.links.extend(links.map(|link| (link.key.clone(), link.value.text().unwrap_or_default().to_owned())));
            }
            "seed" => scenario.seed = Count::from_node(node).ok().map(|seed| seed.0),
            "door" => scenario.door = node.text().map(|name| Named { name: name.to_owned(), place: node.place.clone() }),
            "recover_within" => scenario.recover_within = Span::from_node(node).unwrap_or(scenario.recover_within),
            "baseline" => scenario.baseline = outside::baseline(node),
            "confidence" => scenario.confidence = expect::confidence(node).unwrap_or(scenario.confidence),
            "limits" => scenario.limits = outside::limits(node, std::mem::take(&mut scenario.limits)),
            "roles" => scenario.roles = Some(outside::roles(node)),
            "blind" => scenario.blind = node.value == Value::Bool(true),
            "alert_rules" => scenario.alert_rules.extend(outside::texts(node)),
            "announce" => {
                let complaints = &mut self.complaints;
                let Value::List(items) = &node.value else { return };
                let made = items.iter().filter_map(|item| outside::announcement(item, &mut |complaint| complaints.push(complaint)));
                scenario.announce.extend(made);
            }
            "steady_state" | "abort" | "expect" => self.waiting.push((key, node.clone())),
            "phases" => self.phases_place = Some(entry.key_place.clone()),
            "proxies" => {
                for proxy in self.map(entry, "names to links") {
                    self.proxy(proxy);
                }
            }
            "probes" => {
                for probe in self.map(entry, "names to probes") {
                    self.probe(probe);
                }
            }
            // Read with the whole file.
            _ => {}
        }
    }

    /// Whether this name of its kind is the first.
    fn is_first(&mut self, kind: &'static str, entry: &Entry) -> bool {
        let name = (kind, entry.key.clone());
        if let Some(first) = self.first.get(&name) {
            let message = format!("there are two {kind} named `{}`", entry.key);
            self.complaints.push(Complaint::new("E0003", message, &entry.key_place, "and again here").also(first, "first here"));
            return false;
        }
        self.first.insert(name, entry.key_place.clone());
        true
    }

    fn proxy(&mut self, entry: &Entry) {
        if !self.is_first("proxies", entry) {
            return;
        }
        let name = entry.key.as_str();
        let read = link::draft(name, &entry.key_place, &entry.value, self.setting.bind);
        self.declared.push(Declared { name: name.to_owned(), place: entry.key_place.clone(), broken: read.is_err() });
        match read {
            Ok(spec) => self.scenario.proxies.push(spec),
            Err(mut wrong) => self.complaints.append(&mut wrong),
        }
    }

    fn probe(&mut self, entry: &Entry) {
        if !self.is_first("probes", entry) {
            return;
        }
        let complaints = &mut self.complaints;
        let probe = outside::probe(entry, &mut |complaint| complaints.push(complaint));
        let unit = probe.as_ref().and_then(|probe| probe.unit).and_then(outside::ProbeUnit::unit);
        self.probes_meant.push(KnownProbe { name: entry.key.clone(), unit });
        self.scenario.probes.extend(probe);
    }

    fn defaults<'n>(&mut self, entry: Option<&'n Entry>) -> &'n [Entry] {
        let Some(entry) = entry else { return &[] };
        match &entry.value.value {
            Value::Map(entries) => {
                if let Some(name) = entries.iter().find(|entry| entry.key == "name") {
                    let complaint =
                        Complaint::new("E0106", "`name` cannot be a default", &name.key_place, "every fault needs one of its own");
                    self.complaints.push(complaint);
                    self.meant.insert("defaults");
                    return &[];
                }
                entries
            }
            Value::Null => &[],
            _ => {
                self.complaints.push(shape(entry, "a map of keys to values"));
                self.meant.insert("defaults");
                &[]
            }
        }
    }

    /// The items of a list. A key without a value is an empty one.
    fn list<'n>(&mut self, entry: Option<&'n Entry>) -> &'n [Node] {
        let Some(entry) = entry else { return &[] };
        match &entry.value.value {
            Value::List(items) => items,
            Value::Null => &[],
            _ => {
                self.complaints.push(shape(entry, "a list"));
                self.meant.extend(FILE.iter().map(|key| key.name).filter(|name| *name == entry.key));
                &[]
            }
        }
    }

    fn map<'n>(&mut self, entry: &'n Entry, of: &str) -> &'n [Entry] {
        match &entry.value.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.complaints.push(shape(entry, &format!("a map of {of}")));
                self.meant.extend(FILE.iter().map(|key| key.name).filter(|name| *name == entry.key));
                &[]
            }
        }
    }

    /// What can only be seen when all files have been read.
    pub fn finish(mut self, sources: &Sources, reader: crate::files::Reader<'_>) -> Built {
        let mut scenario = std::mem::take(&mut self.scenario);
        let mut complaints = std::mem::take(&mut self.complaints);
        ports::check(&scenario.proxies, sources, &mut complaints);
        self.conditions(&mut scenario, &mut complaints);
        let names = self.settle(&mut scenario, sources, &mut complaints);
        let there = [self.setting.there, &scenario.proxies].concat();
        if !self.meant.contains("proxies") {
            complaints.extend(names::unknown(&self.uses(&scenario), &self.declared));
        }
        let drafts: Vec<&Draft> = scenario.drafts().collect();
        let among = fits::check(&drafts, &there, &mut complaints);
        if !self.declared.iter().any(|proxy| proxy.broken) && !self.meant.contains("proxies") {
            complaints.extend(names::nothing_to_cut(drafts.iter().map(|draft| &draft.fault), &there));
        }
        self.unbuilt_of(&scenario);
        let proxies: HashMap<&str, &ProxySpec> = there.iter().map(|spec| (spec.name.as_str(), spec)).collect();
        complaints.extend(drafts.iter().filter_map(|draft| reach::never_happens(draft)));
        // What cannot be on its proxy ends nothing there.
        let misfits = complaints.iter().any(|complaint| complaint.code.starts_with("E04"));
        if !self.meant.contains("defaults") && !misfits {
            in_order(&scenario, &proxies, &mut complaints);
        }
        let faults = names.iter().map(String::as_str).collect();
        let scene = Scene { scenario: &scenario, proxies, faults, meant: &self.meant, among: &among, sources, heads: &self.heads };
        scene.check(&mut complaints);
        world::check(&scenario, self.setting, self.phases_place.as_ref(), &self.meant, &mut complaints);
        world::files(&scenario, sources, reader, &mut complaints);
        if scenario.name.is_empty() {
            scenario.name = sources.iter().last().map(|source| stem(&source.name)).unwrap_or_default();
        }
        (scenario, complaints, unique(self.unbuilt))
    }

    fn conditions(&mut self, scenario: &mut Scenario, complaints: &mut Vec<Complaint>) {
        let probes = &self.probes_meant;
        // Probes that are not known may have been meant.
        let quiet = self.meant.contains("probes");
        let mut keep = |complaint: Complaint| {
            if !(quiet && complaint.code == "E0501") {
                complaints.push(complaint);
            }
        };
        for (key, node) in &self.waiting {
            match *key {
                "steady_state" => scenario.steady_state.extend(expect::conditions(node, probes, &mut keep)),
                "abort" => scenario.abort.extend(expect::conditions(node, probes, &mut keep)),
                _ => scenario.expect.extend(expect::expectations(node, probes, &mut keep)),
            }
            let empty = matches!(&node.value, Value::List(items) if items.is_empty());
            if !empty {
                let there = match *key {
                    "steady_state" => !scenario.steady_state.is_empty(),
                    "abort" => !scenario.abort.is_empty(),
                    _ => !scenario.expect.is_empty(),
                };
                if !there {
                    self.meant.insert(*key);
                }
            }
        }
    }

    /// Takes in the faults that could be read, those of phases included, and gives every one a name. All names are returned, those
    /// of faults that could not be read included.
    fn settle(&mut self, scenario: &mut Scenario, sources: &Sources, complaints: &mut Vec<Complaint>) -> Vec<String> {
        let quiet = self.meant.contains("defaults");
        let own = |node: &Node| node.entry("name").and_then(|entry| entry.value.text()).map(str::to_owned);
        let nodes = || self.faults.iter().chain(self.phases.iter().flat_map(Begun::read)).map(|(node, _)| node);
        let mut names: Vec<String> = nodes().filter_map(own).collect();
        self.targets = nodes().flat_map(names::patterns).collect();
        let mut wrong = Vec::new();
        let broken = self.faults.iter().chain(self.phases.iter().flat_map(Begun::read)).any(|(_, read)| read.is_err());
        if broken {
            // A fault that could not be read may be what others look for.
            self.meant.insert("faults");
        }
        for (_, read) in std::mem::take(&mut self.faults) {
            match read {
                Ok(draft) => scenario.faults.push(*draft),
                Err(mut told) => wrong.append(&mut told),
            }
        }
        for (at, begun) in std::mem::take(&mut self.phases).into_iter().enumerate() {
            let phase = begun.finish(at + 1, &self.probes_meant, sources, &mut wrong);
            scenario.phases.push(phase);
        }
        // What a default would have said is not missed.
        wrong.retain(|complaint| !(quiet && matches!(complaint.code, "E0101" | "E0102" | "E0104" | "E0106")));
        wrong.retain(|complaint| !(self.meant.contains("probes") && complaint.code == "E0501"));
        complaints.append(&mut wrong);
        let phases = scenario.phases.iter_mut().flat_map(|phase| &mut phase.faults).filter_map(|fault| match fault {
            PhaseFault::Own(draft) => Some(&mut draft.fault),
            PhaseFault::Named(_) => None,
        });
        let mut all: Vec<&mut Fault> = scenario.faults.iter_mut().map(|draft| &mut draft.fault).chain(phases).collect();
        complaints.extend(names::give(&mut all, &|_| false));
        names.extend(all.iter().filter_map(|fault| fault.name.clone()));
        names
    }

    /// Who names which proxy: faults first, since what they agree on is more likely meant.
    fn uses(&self, scenario: &Scenario) -> Vec<Use> {
        let mut seen = HashSet::new();
        let written = self.targets.iter().cloned();
        // A default `proxy` stands in many faults and was written once.
        let once = written.filter(|target| target.place.range.is_empty() || seen.insert((target.place.source, target.place.range.start)));
        let mut uses: Vec<Use> = once.map(|target| Use { target, aside: false }).collect();
        let door = scenario.door.iter().map(|door| Target { pattern: door.name.clone(), exact: true, place: door.place.clone() });
        uses.extend(door.map(|target| Use { target, aside: true }));
        uses.extend(judge::uses(scenario));
        uses
    }

    fn unbuilt_of(&mut self, scenario: &Scenario) {
        let mut looked_at = 0;
        for spec in &scenario.proxies {
            // As plain bytes it could be carried, if nothing looks into them.
            let as_bytes = ProxySpec { speaks: Protocol::Tcp, serves: None, ..spec.clone() };
            // That takes a look at all faults: it is done for those that are read.
            looked_at += usize::from(!spec.unbuilt.is_empty());
            let bytes_will_do = spec.unbuilt.is_empty() || (looked_at <= MOST_LOOKED_AT && !looked_into(scenario, &as_bytes));
            self.unbuilt.extend(spec.unbuilt.iter().cloned().map(|mut complaint| {
                complaint.fixes.retain(|_| bytes_will_do);
                complaint
            }));
        }
        for draft in scenario.drafts() {
            self.unbuilt.extend(draft.unbuilt.iter().map(Unbuilt::complaint));
            // Of few faults it depends on the protocol; the others need no look at all proxies.
            if !draft.has("mute") {
                continue;
            }
            let mut on =
                scenario.proxies.iter().filter(|spec| reach::patterns(&draft.fault).any(|pattern| fault::fits(pattern, &spec.name)));
            self.unbuilt.extend(on.find_map(|spec| fit::later_there(draft, spec.speaks)));
        }
        for (_, condition) in judge::all(scenario) {
            self.unbuilt.extend(condition.later().into_iter().map(|(what, place)| later(&place, &what)));
        }
    }
}

const MOST_LOOKED_AT: usize = 50;

/// Whether a fault or a condition asks for more than bytes on this proxy.
fn looked_into(scenario: &Scenario, spec: &ProxySpec) -> bool {
    let on = |draft: &&Draft| reach::patterns(&draft.fault).any(|pattern| fault::fits(pattern, &spec.name));
    let misfits = |draft: &Draft| {
        let misfits = fit::misfits(draft, &spec.carrier());
        misfits.among_bytes.is_some() || !misfits.told.is_empty()
    };
    let asks = |condition: &Condition| {
        condition.subject.measure().is_some_and(|asked| !asked.measure.plain && asked.of.as_ref().is_some_and(|of| of.name == spec.name))
    };
    scenario.drafts().filter(on).any(misfits) || judge::all(scenario).iter().any(|(_, condition)| asks(condition))
}

/// Faults in the order of evaluation: those of the whole run, and with each phase its own.
fn in_order(scenario: &Scenario, proxies: &HashMap<&str, &ProxySpec>, complaints: &mut Vec<Complaint>) {
    let all: Vec<&Draft> = scenario.faults.iter().collect();
    let mut told = Vec::new();
    reach::check(&all, proxies, &mut told);
    if told.is_empty() {
        // Only those above that end everything matter to the phases.
        let over: Vec<&Draft> = all.into_iter().filter(|draft| reach::is_always(draft)).collect();
        for phase in &scenario.phases {
            let together: Vec<&Draft> = over.iter().copied().chain(phase.drafts()).collect();
            reach::check(&together, proxies, &mut told);
        }
    }
    let mut seen = HashSet::new();
    told.retain(|complaint| seen.insert((complaint.place.source, complaint.place.range.start)));
    complaints.append(&mut told);
}

/// One place is told once, however many faults it stands in.
fn unique(complaints: Vec<Complaint>) -> Vec<Complaint> {
    let mut seen = HashSet::new();
    complaints
        .into_iter()
        .filter(|complaint| seen.insert((complaint.place.source, complaint.place.range.start, complaint.message.clone())))
        .collect()
}

fn shape(entry: &Entry, wanted: &str) -> Complaint {
    let (key, kind) = (&entry.key, entry.value.kind());
    Complaint::new("E0207", format!("`{key}` is {wanted}, and this is {kind}"), &entry.value.place, format!("{wanted} is wanted here"))
}

fn stem(file: &str) -> String {
    let path = std::path::Path::new(file);
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
