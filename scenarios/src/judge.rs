//! Conditions in their scenario: whether what they speak of is there, can be measured, and is compared with something that is known.

use crate::{
    condition::{Condition, Op, Reference, Subject, Test, View, Window, Words},
    expect::against_baseline,
    fits::{self, AmongBytes},
    link::ProxySpec,
    measure::{Needs, Takes},
    names::MOST_PATTERNS,
    names::Use,
    outside::Baseline,
    phase::{Ends, Phase, PhaseFault, recovered},
    reach::{is_always, patterns},
    scenario::Scenario,
    sources::Sources,
};
use faultwire_faults::{
    complaint::{Complaint, nearest},
    effect::{AnyEffect, delay::Shape},
    fault::{Draft, Target, fits},
    matching::{Match, is_status_class},
    node::Place,
    protocol::{Protocol, kind},
    units::Span,
    value::Ramped,
};
use std::collections::{HashMap, HashSet};

/// Where a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    Steady,
    Abort,
    Expect,
    /// In the phase of this number.
    PhaseExpect(usize),
    Until(usize),
}

/// Every condition of a scenario.
pub fn all(scenario: &Scenario) -> Vec<(Spot, &Condition)> {
    let mut all: Vec<(Spot, &Condition)> = scenario.steady_state.iter().map(|condition| (Spot::Steady, condition)).collect();
    all.extend(scenario.abort.iter().map(|condition| (Spot::Abort, condition)));
    all.extend(scenario.expect.iter().map(|expect| (Spot::Expect, &expect.that)));
    for (at, phase) in scenario.phases.iter().enumerate() {
        all.extend(phase.until().map(|condition| (Spot::Until(at), condition)));
        all.extend(phase.expect.iter().map(|expect| (Spot::PhaseExpect(at), &expect.that)));
    }
    all
}

impl Condition {
    /// What of it belongs to a later stage than where it stands.
    pub fn later(&self) -> Vec<(String, Place)> {
        let mut later = Vec::new();
        if let Subject::Measure(asked) = &self.subject {
            if asked.measure.since.stage > 1 {
                later.push((asked.measure.name.to_owned(), asked.name_place.clone()));
            }
            if asked.view == View::Operations {
                later.push((format!("{}.operations", asked.measure.name), asked.name_place.clone()));
            }
        }
        if let Some(Test::Against { reference: reference @ (Reference::Profile | Reference::LastHeld), place, .. }) = &self.test {
            later.push((reference.word().to_owned(), place.clone()));
        }
        later
    }
}

/// The proxies that conditions name.
pub fn uses(scenario: &Scenario) -> Vec<Use> {
    let named = all(scenario).into_iter().filter_map(|(_, condition)| {
        let asked = condition.subject.measure()?;
        let of = asked.of.as_ref()?;
        let proxy = matches!(asked.measure.takes, Takes::Proxy | Takes::MaybeProxy | Takes::Class | Takes::Bound);
        proxy.then(|| Use { target: Target { pattern: of.name.clone(), exact: true, place: of.place.clone() }, aside: true })
    });
    named.collect()
}

/// What is known around the conditions.
pub struct Scene<'a> {
    pub scenario: &'a Scenario,
    pub proxies: HashMap<&'a str, &'a ProxySpec>,
    /// The names of all faults, those that could not be read included.
    pub faults: HashSet<&'a str>,
    /// Keys of the file that are there, misspelt or broken: nothing follows from their absence.
    pub meant: &'a HashSet<&'static str>,
    pub among: &'a AmongBytes<'a>,
    pub sources: &'a Sources,
    /// Where the keys of each file begin.
    pub heads: &'a HashMap<usize, usize>,
}

/// Looked up for every condition, and made once.
struct Index<'a> {
    by_name: HashMap<&'a str, &'a Draft>,
    phases: HashSet<&'a str>,
    /// What touches every unit: in the whole run, and besides in each phase.
    run: Touching<'a>,
    each: Vec<Touching<'a>>,
    /// Proxies with a learned profile, or patterns of them.
    learned: Vec<&'a str>,
    has_baseline: bool,
    /// How often a near name was looked for among all.
    guesses: usize,
}

/// Faults that touch every unit of the proxies they name.
#[derive(Default)]
struct Touching<'a> {
    literal: HashMap<&'a str, &'a Draft>,
    globs: Vec<(&'a str, &'a Draft)>,
}

impl<'a> Touching<'a> {
    fn of(drafts: impl Iterator<Item = &'a Draft>) -> Touching<'a> {
        let mut touching = Touching::default();
        let greets = |draft: &Draft| draft.effects.iter().any(|chosen| chosen.row.on.tls);
        for draft in drafts.filter(|draft| is_always(draft) && draft.mark.is_none() && !greets(draft)) {
            for pattern in patterns(&draft.fault) {
                match pattern.contains('*') {
                    true if touching.globs.len() < MOST_PATTERNS => touching.globs.push((pattern, draft)),
                    true => {}
                    false => drop(touching.literal.entry(pattern).or_insert(draft)),
                }
            }
        }
        touching
    }

    fn find(&self, proxy: &str) -> Option<&'a Draft> {
        let glob = || self.globs.iter().find(|(pattern, _)| fits(pattern, proxy)).map(|(_, draft)| *draft);
        self.literal.get(proxy).copied().or_else(glob)
    }
}

impl<'a> Scene<'a> {
    fn index(&self) -> Index<'a> {
        let scenario = self.scenario;
        let measured = matches!(scenario.baseline, Some(Baseline::Measure(_) | Baseline::File(..)));
        let quiet = scenario.phases.first().is_some_and(|phase| phase.faults.is_empty())
            && !scenario.faults.iter().any(|draft| draft.fault.enabled);
        Index {
            by_name: scenario.faults.iter().filter_map(|draft| Some((draft.fault.name.as_deref()?, draft))).collect(),
            phases: scenario.phases.iter().map(|phase| phase.name.as_str()).collect(),
            run: Touching::of(scenario.faults.iter()),
            each: scenario.phases.iter().map(|phase| Touching::of(phase.drafts())).collect(),
            learned: scenario
                .drafts()
                .filter(|draft| draft.has("profile"))
                .flat_map(|draft| patterns(&draft.fault))
                .take(MOST_PATTERNS)
                .collect(),
            has_baseline: measured || quiet || self.meant.contains("baseline") || self.meant.contains("phases"),
            guesses: 0,
        }
    }

    pub fn check(&self, complaints: &mut Vec<Complaint>) {
        let all = all(self.scenario);
        let mut index = self.index();
        let mut among: Vec<Complaint> = Vec::new();
        let mut among_at: HashMap<&str, usize> = HashMap::new();
        let mut told: HashSet<&'static str> = HashSet::new();
        for (spot, condition) in &all {
            self.names(condition, &mut index, complaints);
            self.bytes(condition, &mut among, &mut among_at);
            self.needs(condition, &index, &mut told, complaints);
            complaints.extend(self.nothing_left(*spot, condition, &index));
        }
        complaints.append(&mut among);
        complaints.extend(contradictions(&self.scenario.steady_state));
        self.phases(&mut index, complaints);
    }

    fn names(&self, condition: &Condition, index: &mut Index<'_>, complaints: &mut Vec<Complaint>) {
        if let (Subject::Phase(_), Some(Test::Is { state, .. })) = (&condition.subject, &condition.test)
            && !self.meant.contains("phases")
            && !index.phases.contains(state.name.as_str())
        {
            let names = self.scenario.phases.iter().map(|phase| phase.name.as_str());
            complaints.push(near(
                Complaint::new("E0301", format!("there is no phase named `{}`", state.name), &state.place, "not found"),
                &state.name,
                names,
                &state.place,
                &mut index.guesses,
            ));
        }
        let Some(asked) = condition.subject.measure() else { return };
        let (Some(of), spec) = (&asked.of, asked.of.as_ref().and_then(|of| self.proxies.get(of.name.as_str()))) else { return };
        if asked.measure.takes == Takes::Fault && !self.faults.contains(of.name.as_str()) && !self.meant.contains("faults") {
            let names = self.faults.iter().copied();
            complaints.push(near(
                Complaint::new("E0301", format!("there is no fault named `{}`", of.name), &of.place, "not found"),
                &of.name,
                names,
                &of.place,
                &mut index.guesses,
            ));
        }
        let (Some(argument), Some(spec)) = (&asked.argument, spec) else { return };
        if spec.speaks.is_bytes() {
            return;
        }
        match asked.measure.takes {
            Takes::Proxy | Takes::MaybeProxy => complaints.extend(Match::line(&argument.name, &argument.place).facts(spec.speaks).err()),
            Takes::Class => complaints.extend(outcome(&argument.name, &argument.place, spec.speaks)),
            _ => {}
        }
    }

    /// Mere bytes have neither answers nor times.
    fn bytes<'s>(&'s self, condition: &Condition, among: &mut Vec<Complaint>, at: &mut HashMap<&'s str, usize>) {
        let Some(asked) = condition.subject.measure().filter(|asked| !asked.measure.plain) else { return };
        let Some(spec) = asked.of.as_ref().and_then(|of| self.proxies.get(of.name.as_str())) else { return };
        if !spec.speaks.is_bytes()
            || self.among.tells_of(&spec.name)
            || matches!(asked.measure.takes, Takes::Fault | Takes::Alert | Takes::Mark)
        {
            return;
        }
        let name = asked.measure.name;
        if let Some(told) = at.get(spec.name.as_str()).and_then(|at| among.get_mut(*at)) {
            told.also.push((asked.name_place.clone(), format!("`{name}` needs it as well")));
            return;
        }
        at.insert(&spec.name, among.len());
        let complaint = Complaint::new(
            "E0405",
            format!("`{name}` needs a proxy that understands the protocol"),
            &asked.name_place,
            format!("Faultwire sees only bytes on `{}`", spec.name),
        );
        let complaint = fits::only_bytes(complaint, spec).note("of plain TCP it can measure `connections` and `bytes`");
        among.push(fits::say_what_it_speaks(complaint, spec, kind::ALL));
    }

    /// What must be there besides. Each of these causes is told once.
    fn needs(&self, condition: &Condition, index: &Index<'_>, told: &mut HashSet<&'static str>, complaints: &mut Vec<Complaint>) {
        if let Some(place) = against_baseline(condition)
            && !index.has_baseline
            && told.insert("baseline")
        {
            complaints.push(
                self.add(
                    Complaint::new("E0507", "nothing measures the baseline", place, "of what?")
                        .note("a first phase without faults would measure it as well"),
                    "measure it before the first fault",
                    "baseline: 30s",
                ),
            );
        }
        if let (Some(Test::Against { reference: Reference::Profile, place, .. }), Some(of)) =
            (&condition.test, condition.subject.measure().and_then(|asked| asked.of.as_ref()))
        {
            let learned = index.learned.iter().any(|pattern| fits(pattern, &of.name));
            if !learned && self.proxies.contains_key(of.name.as_str()) && !self.meant.contains("faults") {
                complaints.push(
                    Complaint::new("E0507", format!("there is no profile of `{}`", of.name), place, "of what?")
                        .note("a fault with `profile: FILE` on that proxy has one"),
                );
            }
        }
        let asked = condition.subject.measure();
        if let Some(asked) = asked.filter(|asked| asked.measure.needs == Needs::Door)
            && self.scenario.door.is_none()
            && !self.meant.contains("door")
            && told.insert("door")
        {
            let complaint = Complaint::new(
                "E0508",
                format!("`{}` compares with what comes in at the door", asked.measure.name),
                &asked.place,
                "which proxy is the door?",
            );
            complaints.push(match self.likely_door() {
                Some(door) => self.add(complaint, "say where customers come in", &format!("door: {door}")),
                None => complaint.note("`door: PROXY` says where customers come in"),
            });
        }
        let steady =
            recovered(condition).or(asked.filter(|asked| asked.measure.needs == Needs::SteadyState).map(|asked| &asked.place)).cloned();
        if let Some(place) = steady
            && self.scenario.steady_state.is_empty()
            && !self.meant.contains("steady_state")
            && told.insert("steady_state")
        {
            complaints.push(
                Complaint::new("E0513", "nothing says what recovered means", &place, "recovered to what?")
                    .note("`steady_state` lists what must hold before the first fault, and again after the last"),
            );
        }
    }

    /// A patch that puts a key at the top of the file.
    fn add(&self, mut complaint: Complaint, title: &str, line: &str) -> Complaint {
        let source = complaint.place.source;
        if self.sources.source(source).is_none_or(|source| source.text.is_empty()) {
            return complaint;
        }
        let at = self.heads.get(&source).copied().unwrap_or(0);
        complaint = complaint.fix(title, &Place { source, range: at..at, pointer: String::new() }, format!("{line}\n"));
        complaint
    }

    fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.scenario.drafts()
    }

    /// A proxy that is measured and not broken, or else the first.
    fn likely_door(&self) -> Option<&str> {
        let hurt = |spec: &&ProxySpec| self.drafts().any(|draft| patterns(&draft.fault).any(|pattern| fits(pattern, &spec.name)));
        let mut specs = self.scenario.proxies.iter().filter(|spec| spec.speaks.is(kind::HTTP | kind::GRPC));
        specs.find(|spec| !hurt(spec)).map(|spec| spec.name.as_str())
    }

    /// `W0506`: what counts only what no fault has touched, where a fault touches everything.
    fn nothing_left(&self, spot: Spot, condition: &Condition, index: &Index<'_>) -> Option<Complaint> {
        let asked = condition.subject.measure().filter(|asked| asked.measure.traffic && asked.view == View::Organic)?;
        if self.meant.contains("defaults") {
            return None;
        }
        let elsewhere = matches!(condition.during, Some(Window::Baseline | Window::Recovery));
        let spec = self.proxies.get(asked.of.as_ref()?.name.as_str()).filter(|spec| !spec.speaks.is_bytes())?;
        let phase = match spot {
            Spot::PhaseExpect(at) | Spot::Until(at) => index.each.get(at),
            Spot::Abort | Spot::Expect => None,
            Spot::Steady => return None,
        };
        let draft = index.run.find(&spec.name).or_else(|| phase?.find(&spec.name)).filter(|_| !elsewhere)?;
        let effect = draft.ending().or_else(|| draft.effects.first().map(|chosen| chosen.head()))?;
        Some(
            Complaint::new("W0506", "nothing is left to measure here", &asked.name_place, "counts only what no fault has touched")
                .also(&effect.key_place, format!("touches every {} on `{}`", spec.speaks.unit(), spec.name))
                .fix("count everything, as the client saw it", &asked.name_place.end(), ".all"),
        )
    }

    fn phases(&self, index: &mut Index<'_>, complaints: &mut Vec<Complaint>) {
        let scenario = self.scenario;
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for phase in &scenario.phases {
            if let Some(first) = seen.insert(&phase.name, &phase.place) {
                complaints.push(
                    Complaint::new("E0304", format!("two phases are named `{}`", phase.name), &phase.place, "and again here")
                        .also(first, "first here"),
                );
            }
            for fault in &phase.faults {
                if let PhaseFault::Named(named) = fault {
                    complaints.extend(self.switched_on(&named.name, &named.place, index));
                }
            }
            for approval in phase.approvals() {
                let Some(by) = &approval.by else { continue };
                let has = scenario.roles.as_ref().map_or(Some(false), |roles| roles.has(&by.name));
                if has != Some(true) && !self.meant.contains("roles") {
                    let complaint = Complaint::new("E0301", format!("nobody is the `{}`", by.name), &by.place, "who is that?");
                    complaints.push(match nearest(&by.name, ["lead", "operator", "responders", "observers"]) {
                        Some(role) if role != by.name => complaint.fix(format!("did you mean `{role}`?"), &by.place, role),
                        _ => complaint.note("`roles` says who has which part"),
                    });
                }
            }
            complaints.extend(phase.drafts().filter_map(|draft| too_late(draft, phase)));
        }
    }

    /// A fault that a phase switches on by its name.
    fn switched_on(&self, name: &str, place: &Place, index: &mut Index<'_>) -> Option<Complaint> {
        match index.by_name.get(name) {
            Some(_) if self.meant.contains("defaults") => None,
            Some(draft) if draft.fault.enabled => Some(
                Complaint::new("E0106", format!("`{name}` is on all the time"), place, "so there is nothing to switch on")
                    .also(&draft.head(), "declared here")
                    .note("declare it with `enabled: false`"),
            ),
            Some(_) => None,
            None if self.faults.contains(name) || self.meant.contains("faults") => None,
            None => {
                let names = self.scenario.faults.iter().filter_map(|draft| draft.fault.name.as_deref());
                Some(near(
                    Complaint::new("E0301", format!("there is no fault named `{name}`"), place, "not found"),
                    name,
                    names,
                    place,
                    &mut index.guesses,
                ))
            }
        }
    }
}

/// Looking for what was meant takes a look at every name: done for the first few, which are the ones that are read.
const MOST_GUESSES: usize = 20;

fn near<'a>(complaint: Complaint, word: &str, names: impl IntoIterator<Item = &'a str>, place: &Place, guesses: &mut usize) -> Complaint {
    *guesses += 1;
    if *guesses > MOST_GUESSES {
        return complaint;
    }
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    match nearest(word, names.iter().copied()) {
        Some(near) => complaint.fix(format!("did you mean `{near}`?"), place, near),
        None if names.is_empty() => complaint.note("there are none here"),
        None => {
            complaint.note(format!("there are {}", names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// Conditions of which never all can hold.
fn contradictions(conditions: &[Condition]) -> Vec<Complaint> {
    let mut by_subject: HashMap<String, Vec<&Condition>> = HashMap::new();
    let mut complaints = Vec::new();
    for condition in conditions {
        let same = by_subject.entry(condition.subject.to_string()).or_default();
        // So many bounds for one number are beyond reason, and beyond being compared with each other.
        if same.len() < MOST_BOUNDS {
            if let Some(first) = same.iter().find(|first| !agree(first, condition)) {
                complaints.push(
                    Complaint::new("E0106", "these two can never hold together", &condition.place, "nor this if that does")
                        .also(&first.place, "this")
                        .note("`steady_state` is what holds while nothing is broken; what is to stop a run stands in `abort`"),
                );
            }
            same.push(condition);
        }
    }
    complaints
}

const MOST_BOUNDS: usize = 20;

/// Whether something satisfies both.
fn agree(one: &Condition, other: &Condition) -> bool {
    match (&one.test, &other.test) {
        (Some(Test::Compare { op: a, value: x, .. }), Some(Test::Compare { op: b, value: y, .. })) => {
            let (x, y, low, high) = (x.number(), y.number(), [Op::More, Op::MoreOrEqual], [Op::Less, Op::LessOrEqual]);
            match () {
                () if low.contains(a) && high.contains(b) => x < y || (x == y && *a == Op::MoreOrEqual && *b == Op::LessOrEqual),
                () if high.contains(a) && low.contains(b) => y < x || (x == y && *a == Op::LessOrEqual && *b == Op::MoreOrEqual),
                () if *a == Op::Equal && *b == Op::Equal => x == y,
                () => true,
            }
        }
        (Some(Test::Is { not: a, state: x }), Some(Test::Is { not: b, state: y })) => (x.name == y.name) == (a == b),
        _ => true,
    }
}

const OUTCOMES: [&str; 6] = ["reset", "refused", "timeout", "tls", "auth", "truncated"];

/// A class of outcomes that `share` counts.
fn outcome(class: &str, place: &Place, on: Protocol) -> Option<Complaint> {
    let status = on.is(kind::HTTP) && is_status_class(class);
    let word = on.error_words().is_some_and(|words| words.words.iter().any(|(word, _)| *word == class) || (words.also)(class));
    if OUTCOMES.contains(&class) || status || word {
        return None;
    }
    let words = on.error_words().map_or(&[][..], |words| words.words);
    let names = OUTCOMES.into_iter().chain(words.iter().map(|(word, _)| *word));
    let complaint = Complaint::new("E0207", format!("`{class}` is not an outcome of {}", on.title()), place, "unknown here");
    Some(match nearest(class, names) {
        Some(near) => complaint.fix(format!("did you mean `{near}`?"), place, near),
        None => complaint.note("such as `5xx`, `429`, `reset`, `timeout`"),
    })
}

/// `W0515`: what is delayed for longer than its phase never comes while it lasts.
fn too_late(draft: &Draft, phase: &Phase) -> Option<Complaint> {
    let Ends::After(lasts) = phase.ends else { return None };
    let latency = draft.fault.effects.iter().find_map(|effect| match effect {
        AnyEffect::Latency(latency) => Some(least(&latency.delay.shape)),
        _ => None,
    })?;
    let entry = draft.effects.iter().find(|chosen| chosen.row.name == "latency")?.head();
    (lasts > Span::ZERO && latency >= lasts).then(|| {
        Complaint::new(
            "W0515",
            "this latency is longer than its phase",
            &entry.value.place,
            format!("nothing delayed so long arrives within {lasts}"),
        )
        .also(&phase.place, format!("lasts {lasts}"))
    })
}

/// What every delayed unit waits, at least.
fn least(shape: &Shape) -> Span {
    match shape {
        Shape::Plain(Ramped::Steady(span)) => *span,
        Shape::Plain(Ramped::Ramp { from, to, .. }) => *from.min(to),
        Shape::Range(from, _) | Shape::Pareto { min: from, .. } => *from,
        Shape::Percentiles(points) => points.iter().find(|(p, _)| *p >= 0.5).map_or(Span::ZERO, |(_, value)| *value),
        Shape::Normal { mean, .. } | Shape::Exponential { mean } => *mean,
        Shape::Lognormal { median, .. } => *median,
        Shape::Retransmit { .. } => Span::ZERO,
    }
}
