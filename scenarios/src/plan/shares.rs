//! What several endings on one proxy come to: each rolls for what those above have left, and faults of one group share a roll.
//! Only of faults that look at the same units for the same time: of others nobody can say it beforehand.

use super::{Links, words};
use faultwire_faults::{
    contract::{Strike, Way},
    fault::{After, Connections, Draft, Often, When},
    units::{Percent, Span},
    value::Ramped,
};
use std::collections::{BTreeSet, HashMap};

/// Endings that come to this share of a proxy's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Together {
    pub proxies: Vec<String>,
    /// `requests matching POST /orders`.
    pub of: String,
    pub share: Percent,
    pub parts: Vec<Part>,
}

/// What one fault gets of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub fault: String,
    pub does: String,
    pub share: Percent,
    /// It rolls for what those above have left, and not with them.
    pub then: bool,
}

/// What must be the same for two endings to come to a sum.
#[derive(PartialEq, Eq, Hash)]
struct Same {
    proxy: String,
    of: String,
    clock: (Span, Option<Span>, Option<Span>),
    connections: u8,
    when: Option<u8>,
    after: Option<(u8, u64)>,
    mark: String,
    way: Option<&'static str>,
}

/// Sums of endings that are in force together.
pub fn together(faults: &[&Draft], links: &Links<'_>) -> Vec<Together> {
    sums(faults, links, &|_| true)
}

/// Sums in which faults of a phase have a part. Those of the run come first.
pub fn with_phase(run: &[&Draft], own: &[&Draft], links: &Links<'_>) -> Vec<Together> {
    if !own.iter().any(|draft| plain(draft).is_some()) {
        return Vec::new();
    }
    let all: Vec<&Draft> = run.iter().chain(own).copied().collect();
    sums(&all, links, &|draft| own.iter().any(|other| std::ptr::eq(*other, draft)))
}

fn sums(all: &[&Draft], links: &Links<'_>, counts: &dyn Fn(&Draft) -> bool) -> Vec<Together> {
    let mut sums: Vec<(Same, Vec<(&Draft, Percent)>)> = Vec::new();
    let mut at: HashMap<Same, usize> = HashMap::new();
    for draft in all {
        let Some(share) = plain(draft) else { continue };
        for spec in links.on(draft) {
            let of = words::counted(draft, spec.speaks);
            let next = sums.len();
            match *at.entry(same(draft, &spec.name, &of)).or_insert(next) {
                new if new == next => sums.push((same(draft, &spec.name, &of), vec![(draft, share)])),
                known => sums[known].1.push((draft, share)),
            }
        }
    }
    let mut made: Vec<Together> = Vec::new();
    for (same, faults) in sums.into_iter().filter(|(_, faults)| faults.len() > 1 && faults.iter().any(|(draft, _)| counts(draft))) {
        let sum = sum(same.proxy, same.of, &faults);
        match made.iter_mut().find(|other| (&other.of, &other.parts) == (&sum.of, &sum.parts)) {
            Some(other) => other.proxies.extend(sum.proxies),
            None => made.push(sum),
        }
    }
    made
}

fn sum(proxy: String, of: String, faults: &[(&Draft, Percent)]) -> Together {
    // What each roll takes of what comes to it: single faults have rolls of their own.
    let mut rolls: Vec<(Option<&str>, f64)> = Vec::new();
    let mut total = 0.0;
    let mut parts = Vec::new();
    for (draft, share) in faults {
        let group = draft.group.as_deref();
        let others = rolls.iter().filter(|(other, _)| group.is_none() || *other != group);
        let own = others.fold(1.0, |rest, (_, taken)| rest * (1.0 - taken).max(0.0)) * share.share();
        let roll = rolls.iter_mut().find(|(other, _)| group.is_some() && *other == group);
        let then = roll.is_none();
        match roll {
            Some((_, taken)) => *taken += share.share(),
            None => rolls.push((group, share.share())),
        }
        total += own;
        parts.push(Part { fault: draft.fault.name.clone().unwrap_or_default(), does: words::endings(draft), share: percent(own), then });
    }
    Together { proxies: vec![proxy], of, share: percent(total), parts }
}

fn percent(share: f64) -> Percent {
    Percent((share.clamp(0.0, 1.0) * 1e6).round() as u32)
}

/// The share of units it ends at once, if nothing but that restricts it.
fn plain(draft: &Draft) -> Option<Percent> {
    let fault = &draft.fault;
    let share = fault.often.probability.steady()?;
    let only = fault.often == Often { probability: Ramped::Steady(share), ..Often::default() };
    let ends = draft.effects.iter().any(|chosen| chosen.row.ends);
    let spares =
        fault.strike() == Some(Strike::CloseHalf) || ["down", "goaway", "stale", "auth", "failover"].iter().any(|effect| draft.has(effect));
    let limited = draft.fault.over.is_some() || draft.episodes.is_some() || draft.max_active.is_some();
    (only && ends && !spares && !limited && !fault.targets.is_between()).then_some(share)
}

fn same(draft: &Draft, proxy: &str, of: &str) -> Same {
    let fault = &draft.fault;
    Same {
        proxy: proxy.to_owned(),
        of: of.to_owned(),
        clock: (fault.clock.at, fault.clock.lasts, fault.clock.repeat),
        connections: match fault.connections {
            Connections::All => 0,
            Connections::New => 1,
            Connections::Existing => 2,
        },
        when: fault.when.map(|when| match when {
            When::Connect => 0,
            When::Idle => 1,
            When::BeforeUpstream => 2,
            When::AfterUpstream => 3,
        }),
        after: fault.after.map(|after| match after {
            After::Bytes(size) => (0, size.0),
            After::Time(span) => (1, span.0),
            After::Share(share) => (2, u64::from(share.0)),
            After::Messages(count) => (3, count),
        }),
        mark: format!("{:?}", draft.mark),
        way: fault.direction.map(Way::name),
    }
}

/// The proxies of a sum, each once.
impl Together {
    pub fn names(&self) -> String {
        let names: BTreeSet<&str> = self.proxies.iter().map(String::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Plan, scenario::load};

    fn sums(faults: &str) -> Vec<String> {
        let text = format!("proxies: {{ a: '1 -> http://a:1', b: '2 -> http://b:1' }}\nfaults:\n{faults}");
        sums_of(text)
    }

    fn sums_of(text: String) -> Vec<String> {
        let loaded = load(&["f.yaml".to_owned()], &|_| Ok(text.clone()), &|_| None, "127.0.0.1");
        let plan = Plan::of(&loaded.checked.expect("it has no mistakes"), Vec::new());
        let said = |sum: &Together| {
            let parts: Vec<String> = sum.parts.iter().map(|part| part.share.to_string()).collect();
            format!("{} {} of {}: {}", sum.names(), sum.share, sum.of, parts.join(" "))
        };
        plan.steps.iter().flat_map(|step| &step.together).map(said).collect()
    }

    #[test]
    fn endings_come_to_a_sum() {
        let two = |more: &str| {
            format!("- {{ proxy: [b, a], reset: true, probability: 20% }}\n- {{ proxy: '*', close: true, probability: 5%{more} }}\n")
        };
        assert_eq!(sums(&two("")), ["a, b 24% of requests: 20% 4%"]);
        for other in [
            ", match: GET /",
            ", times: 2",
            ", for: 5s",
            ", when: after_upstream",
            ", connections: new",
            ", per: connection",
            ", enabled: false",
        ] {
            assert_eq!(sums(&two(other)), [""; 0], "{other}");
        }
        let group = "- { proxy: a, status: 500, probability: 10%, group: g }\n- { proxy: a, reset: true, probability: 50% }\n\
                     - { proxy: a, status: 501, probability: 20%, group: g }\n- { proxy: a, latency: 1s, probability: 20% }\n";
        // The second slice is of the same roll as the first, and of what the reset has left.
        assert_eq!(sums(group), ["a 65% of requests: 10% 45% 10%"]);
        assert_eq!(sums("- { proxy: a, reset: true, probability: 20% }\n- { proxy: b, reset: true, probability: 20% }\n"), [""; 0]);
    }

    #[test]
    fn a_phase_tells_the_sums_that_it_makes() {
        let text = "proxies: { a: 1 -> a:1 }\nabort: [connections(a) > 5]\nfaults:\n- { proxy: a, reset: true, probability: 50% }\n\
                    - { name: named, proxy: a, close: true, probability: 50%, enabled: false }\nphases:\n\
                    - { duration: 1m }\n- { duration: 1m, faults: [named] }\n\
                    - { duration: 1m, faults: [{ proxy: a, latency: 1s }] }\n";
        assert_eq!(sums_of(text.to_owned()), ["a 75% of connections: 50% 25%"]);
    }
}
