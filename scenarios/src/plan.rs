//! What a scenario will do, and when, before anything is done: its timeline, what goes wrong in each part of it, what is judged and
//! what stops it. Made for reading; it starts nothing, and whether this version could is not its business.

mod data;
mod shares;
mod show;
mod words;

use crate::{
    expect::Expectation,
    link::ProxySpec,
    outside::{Baseline, Limits},
    phase::{Approval, Ends, Phase, PhaseFault, Until},
    scenario::Scenario,
};
use faultwire_faults::{
    fault::{Clock, Draft, Targets, fits},
    protocol::Protocol,
    units::Span,
};
use std::collections::{HashMap, HashSet};

pub use shares::{Part, Together};

/// A fault in one line, as on a proxy that speaks this: what it does, to how many of which units, and when.
pub fn in_words(draft: &Draft, on: Protocol) -> String {
    let parts = [Some(words::does(draft, on)), words::share(draft, on), words::times(&draft.fault.clock, false)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A scenario as it will go.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: String,
    pub description: Option<String>,
    /// `None`: until it is stopped.
    pub length: Option<Length>,
    /// Faults outside of phases, those of one time in one step; then what is measured before, and the phases.
    pub steps: Vec<Step>,
    /// Faults that wait until somebody switches them on, and that no phase does.
    pub off: Vec<Act>,
    /// What is judged over the whole run.
    pub expect: Vec<String>,
    pub steady_state: Vec<String>,
    pub abort: Vec<String>,
    /// Proxies on which something goes wrong, and all others.
    pub breaks: Vec<String>,
    pub measures: Vec<String>,
    pub limits: Limits,
    /// Who alone sees what is broken; empty for a lead without a name.
    pub blind: Option<String>,
    /// Words of it that come with a later version. With any, nothing of it runs.
    pub later: Vec<String>,
}

/// How long all of it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    pub time: Time,
    /// How often a person is waited for; that time comes on top.
    pub approvals: usize,
    /// How long the steady state may take to come back afterwards.
    pub recovery: Option<Span>,
}

/// A length of time, or the longest it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    pub span: Span,
    pub at_most: bool,
}

/// A part of the timeline.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: What,
    pub begins: Time,
    /// `None`: to the end of the scenario.
    pub lasts: Option<Time>,
    pub gate: Option<String>,
    pub until: Option<String>,
    pub acts: Vec<Act>,
    pub together: Vec<Together>,
    pub expect: Vec<String>,
    /// Something outside of phases goes wrong meanwhile.
    pub beside: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Faults outside of phases.
    Along {
        repeat: Option<Span>,
    },
    Baseline,
    Phase(String),
}

/// A fault in words, for each kind of unit that it meets.
#[derive(Clone, Debug)]
pub struct Act {
    pub name: String,
    pub on: Vec<On>,
    /// What it does, without how often.
    pub does: String,
    pub clock: Clock,
    /// Its own times, if the timeline does not say them.
    pub times: Option<String>,
    /// Why it may be that it is never hit.
    pub optional: bool,
}

/// Proxies on which it counts the same units.
#[derive(Clone, Debug)]
pub struct On {
    pub proxies: Vec<String>,
    /// What it does there.
    pub does: String,
    pub unit: &'static str,
    /// `10% of requests`; `None` where there is nothing to count.
    pub share: Option<String>,
}

impl Plan {
    /// `later` are the words that come with a later version.
    pub fn of(scenario: &Scenario, later: Vec<String>) -> Plan {
        let links = Links::of(&scenario.proxies);
        let called: HashSet<&str> = scenario.phases.iter().flat_map(named).collect();
        let mut steps = along(scenario, &links);
        let beside = !steps.is_empty();
        let mut clock = Time { span: Span::ZERO, at_most: false };
        if let Some(Baseline::Measure(length)) = scenario.baseline {
            let lasts = Time { span: length, at_most: false };
            steps.insert(0, Step { lasts: Some(lasts), ..Step::new(What::Baseline, clock) });
            clock.add(lasts);
            for step in steps.iter_mut().skip(1) {
                step.begins.add(lasts);
            }
        }
        for phase in &scenario.phases {
            let step = of_phase(phase, scenario, &links, clock, beside);
            clock.add(step.lasts.unwrap_or(clock));
            steps.push(step);
        }
        let acting = || scenario.drafts().filter(|draft| acts(draft, &called));
        let broken: HashSet<&str> = acting().flat_map(|draft| links.on(draft)).map(|spec| spec.name.as_str()).collect();
        let (breaks, measures) = scenario.proxies.iter().map(|spec| spec.name.clone()).partition(|name| broken.contains(name.as_str()));
        let waiting = scenario.faults.iter().filter(|draft| !acts(draft, &called));
        Plan {
            name: scenario.name.clone(),
            description: scenario.description.as_ref().map(|text| text.trim().to_owned()),
            length: (!scenario.phases.is_empty()).then(|| Length {
                time: clock,
                approvals: scenario.phases.iter().map(|phase| phase.approvals().count()).sum(),
                recovery: (!scenario.steady_state.is_empty()).then_some(scenario.recover_within),
            }),
            off: waiting.map(|draft| act(draft, &links, words::times(&draft.fault.clock, false))).collect(),
            steps,
            expect: scenario.expect.iter().map(expected).collect(),
            steady_state: scenario.steady_state.iter().map(ToString::to_string).collect(),
            abort: scenario.abort.iter().map(ToString::to_string).collect(),
            breaks,
            measures,
            limits: scenario.limits.clone(),
            blind: scenario.blind.then(|| scenario.roles.as_ref().and_then(|roles| roles.lead.clone()).unwrap_or_default()),
            later,
        }
    }
}

impl Time {
    fn add(&mut self, more: Time) {
        self.span = Span(self.span.0.saturating_add(more.span.0));
        self.at_most |= more.at_most;
    }
}

impl Step {
    fn new(what: What, begins: Time) -> Step {
        Step {
            what,
            begins,
            lasts: None,
            gate: None,
            until: None,
            acts: Vec::new(),
            together: Vec::new(),
            expect: Vec::new(),
            beside: false,
        }
    }
}

/// Proxies, found by what faults say of them.
struct Links<'a> {
    all: &'a [ProxySpec],
    by_name: HashMap<&'a str, &'a ProxySpec>,
}

impl<'a> Links<'a> {
    fn of(all: &'a [ProxySpec]) -> Links<'a> {
        Links { all, by_name: all.iter().map(|spec| (spec.name.as_str(), spec)).collect() }
    }

    /// The proxies a fault is on, each once, in the order of the file for patterns.
    fn on(&self, draft: &Draft) -> Vec<&'a ProxySpec> {
        let mut found: Vec<&ProxySpec> = Vec::new();
        match &draft.fault.targets {
            Targets::Proxies(targets) => {
                for target in targets {
                    match target.is_literal() {
                        true => found.extend(self.by_name.get(target.pattern.as_str())),
                        false => found.extend(self.all.iter().filter(|spec| fits(&target.pattern, &spec.name))),
                    }
                }
            }
            Targets::Between { from, to, .. } => found.extend(self.all.iter().filter(|spec| {
                let ends = (spec.from.as_deref(), spec.leads_to());
                ends == (Some(from.as_str()), to.as_str()) || ends == (Some(to.as_str()), from.as_str())
            })),
        }
        let mut seen = HashSet::new();
        found.retain(|spec| seen.insert(spec.name.as_str()));
        found
    }
}

/// The names of faults that a phase switches on.
fn named(phase: &Phase) -> impl Iterator<Item = &str> {
    phase.faults.iter().filter_map(|fault| match fault {
        PhaseFault::Named(named) => Some(named.name.as_str()),
        PhaseFault::Own(_) => None,
    })
}

/// Whether it ever does anything by itself.
fn acts(draft: &Draft, called: &HashSet<&str>) -> bool {
    draft.fault.enabled || draft.fault.name.as_deref().is_some_and(|name| called.contains(name))
}

/// Faults outside of phases: those with the same times stand together.
fn along(scenario: &Scenario, links: &Links<'_>) -> Vec<Step> {
    let mut groups: Vec<(Clock, Vec<&Draft>)> = Vec::new();
    let mut at: HashMap<(Span, Option<Span>, Option<Span>), usize> = HashMap::new();
    for draft in scenario.faults.iter().filter(|draft| draft.fault.enabled) {
        let clock = draft.fault.clock;
        let next = groups.len();
        match *at.entry((clock.at, clock.lasts, clock.repeat)).or_insert(next) {
            new if new == next => groups.push((clock, vec![draft])),
            known => groups[known].1.push(draft),
        }
    }
    let step = |(clock, drafts): (Clock, Vec<&Draft>)| Step {
        lasts: clock.lasts.map(|span| Time { span, at_most: false }),
        acts: drafts.iter().map(|draft| act(draft, links, words::lease(&draft.fault.clock))).collect(),
        together: shares::together(&drafts, links),
        ..Step::new(What::Along { repeat: clock.repeat }, Time { span: clock.at, at_most: false })
    };
    let mut steps: Vec<Step> = groups.into_iter().map(step).collect();
    steps.sort_by_key(|step| step.begins.span);
    steps
}

fn of_phase(phase: &Phase, scenario: &Scenario, links: &Links<'_>, begins: Time, beside: bool) -> Step {
    let declared = |name: &str| scenario.faults.iter().find(|draft| draft.fault.name.as_deref() == Some(name));
    let drafts: Vec<&Draft> = phase
        .faults
        .iter()
        .filter_map(|fault| match fault {
            PhaseFault::Own(draft) => Some(&**draft).filter(|draft| draft.fault.enabled),
            PhaseFault::Named(named) => declared(&named.name),
        })
        .collect();
    let run: Vec<&Draft> = scenario.faults.iter().filter(|draft| draft.fault.enabled).collect();
    let until = match &phase.ends {
        Ends::After(_) => None,
        Ends::When { until: Until::Condition(condition), .. } => Some(condition.to_string()),
        Ends::When { until: Until::Approval(approval), .. } => Some(approved(approval)),
    };
    Step {
        lasts: Some(Time { span: phase.longest(), at_most: until.is_some() }),
        gate: phase.gate.as_ref().map(approved),
        until,
        acts: drafts.iter().map(|draft| act(draft, links, words::times(&draft.fault.clock, true))).collect(),
        together: shares::with_phase(&run, &drafts, links),
        expect: phase.expect.iter().map(expected).collect(),
        beside,
        ..Step::new(What::Phase(phase.name.clone()), begins)
    }
}

fn act(draft: &Draft, links: &Links<'_>, times: Option<String>) -> Act {
    let mut on: Vec<On> = Vec::new();
    for spec in links.on(draft) {
        let (does, unit) = (words::does(draft, spec.speaks), words::unit(draft, spec.speaks));
        let share = words::share(draft, spec.speaks);
        match on.iter_mut().find(|on| on.does == does && on.unit == unit && on.share == share) {
            Some(same) => same.proxies.push(spec.name.clone()),
            None => on.push(On { proxies: vec![spec.name.clone()], does, unit, share }),
        }
    }
    Act {
        name: draft.fault.name.clone().unwrap_or_default(),
        does: words::does(draft, on_first(links, draft)),
        on,
        clock: draft.fault.clock,
        times,
        optional: draft.fault.optional,
    }
}

fn on_first(links: &Links<'_>, draft: &Draft) -> Protocol {
    links.on(draft).first().map_or_else(Default::default, |spec| spec.speaks)
}

fn approved(approval: &Approval) -> String {
    match &approval.by {
        Some(role) => format!("approval by {}", role.name),
        None => "approval".to_owned(),
    }
}

fn expected(expectation: &Expectation) -> String {
    let mut text = expectation.that.to_string();
    if expectation.warns {
        text += " (a warning if not)";
    }
    if let Some(xfail) = &expectation.xfail {
        text += &format!(" (known not to hold until {}: {})", xfail.until, xfail.issue);
    }
    text
}
