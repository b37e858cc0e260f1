//! A plan as data, for programs: the same as its text says, in the units of the language.

use super::{Act, Part, Plan, Step, Together, What};
use crate::{outside::Limits, write::exact};
use faultwire_faults::{fault::Lease, units::Span};
use serde_json::{Value, json};

impl Plan {
    /// The plan for programs. `runs`: whether this version does all that it says.
    pub fn json(&self) -> Value {
        let phases = |step: &&Step| !matches!(step.what, What::Along { .. });
        json!({
            "name": self.name,
            "description": self.description,
            "runs": self.later.is_empty(),
            "later": self.later,
            "length": self.length.map(|length| json!({
                "lasts": exact(length.time.span),
                "at_most": length.time.at_most,
                "approvals": length.approvals,
                "recover_within": length.recovery.map(exact),
            })),
            "timeline": self.steps.iter().filter(phases).map(step).collect::<Vec<_>>(),
            "faults": self.steps.iter().filter(|step| !phases(step)).flat_map(|step| &step.acts).map(act).collect::<Vec<_>>(),
            "together": self.steps.iter().filter(|step| !phases(step)).flat_map(|step| &step.together).map(together).collect::<Vec<_>>(),
            "off": self.off.iter().map(act).collect::<Vec<_>>(),
            "expect": self.expect,
            "steady_state": self.steady_state,
            "abort": self.abort,
            "breaks": self.breaks,
            "measures": self.measures,
            "limits": limits(&self.limits),
            "blind": self.blind.is_some(),
        })
    }
}

fn step(step: &Step) -> Value {
    json!({
        "phase": match &step.what { What::Phase(name) => Some(name), _ => None },
        "baseline": step.what == What::Baseline,
        "begins": exact(step.begins.span),
        "begins_at_most": step.begins.at_most,
        "lasts": step.lasts.map(|lasts| exact(lasts.span)),
        "at_most": step.lasts.is_some_and(|lasts| lasts.at_most),
        "gate": step.gate,
        "until": step.until,
        "faults": step.acts.iter().map(act).collect::<Vec<_>>(),
        "together": step.together.iter().map(together).collect::<Vec<_>>(),
        "expect": step.expect,
    })
}

fn act(act: &Act) -> Value {
    let clock = &act.clock;
    json!({
        "name": act.name,
        "on": act.on.iter().map(|on| json!({ "proxies": on.proxies, "does": on.does, "unit": on.unit, "share": on.share })).collect::<Vec<_>>(),
        "at": (clock.at > Span::ZERO).then(|| exact(clock.at)),
        "for": clock.lasts.map(exact),
        "repeat": clock.repeat.map(exact),
        "lease": match clock.lease { Lease::After(span) => Some(exact(span)), _ => None },
        "optional": act.optional,
    })
}

fn together(sum: &Together) -> Value {
    let part = |part: &Part| json!({ "fault": part.fault, "does": part.does, "share": part.share.to_string() });
    json!({ "proxies": sum.proxies, "of": sum.of, "share": sum.share.to_string(), "parts": sum.parts.iter().map(part).collect::<Vec<_>>() })
}

fn limits(limits: &Limits) -> Value {
    json!({
        "max_duration": exact(limits.max_duration),
        "environments": limits.environments,
        "exempt": limits.exempt,
        "max_connections": limits.max_connections,
        "max_affected": limits.max_affected.to_string(),
        "max_rate": limits.max_rate.map(|rate| rate.to_string()),
        "clients": limits.clients,
        "lease": limits.lease.map(exact),
    })
}
