//! Faults on the proxies they name: whether the protocol has what they ask for. One cause is told once for each proxy.

use crate::{link::ProxySpec, names::MOST_PATTERNS, reach::patterns};
use faultwire_faults::{
    complaint::Complaint,
    effect::row,
    fault::{Draft, fits},
    fit,
    node::{Entry, Place},
    protocol::{Protocol, kind},
};
use std::collections::{HashMap, HashSet};

/// What was told of proxies that carry mere bytes.
#[derive(Default)]
pub struct AmongBytes<'a> {
    by_proxy: Vec<(&'a ProxySpec, Vec<Entry>)>,
    names: HashSet<&'a str>,
}

impl AmongBytes<'_> {
    pub fn tells_of(&self, proxy: &str) -> bool {
        self.names.contains(proxy)
    }
}

/// Tells what does not fit.
pub fn check<'a>(drafts: &[&Draft], proxies: &'a [ProxySpec], complaints: &mut Vec<Complaint>) -> AmongBytes<'a> {
    let by_name: HashMap<&str, &ProxySpec> = proxies.iter().map(|proxy| (proxy.name.as_str(), proxy)).collect();
    let mut among = AmongBytes::default();
    let mut at: HashMap<&str, usize> = HashMap::new();
    let mut seen: HashSet<(&'static str, usize, usize)> = HashSet::new();
    let mut globs: HashMap<&str, Vec<&'a ProxySpec>> = HashMap::new();
    for draft in drafts {
        let mut on: Vec<&'a ProxySpec> = Vec::new();
        for pattern in patterns(&draft.fault) {
            match pattern.contains('*') {
                false => on.extend(by_name.get(pattern)),
                true if globs.len() > MOST_PATTERNS => {}
                true => on.extend(globs.entry(pattern).or_insert_with(|| one_of_each(pattern, proxies)).iter()),
            }
        }
        for spec in on {
            let misfits = fit::misfits(draft, &spec.carrier());
            // A default stands in many faults and was written once.
            complaints.extend(
                misfits
                    .told
                    .into_iter()
                    .filter(|told| told.place.range.is_empty() || seen.insert((told.code, told.place.source, told.place.range.start))),
            );
            if let Some(entry) = misfits.among_bytes {
                let next = among.by_proxy.len();
                let index = *at.entry(&spec.name).or_insert(next);
                match among.by_proxy.get_mut(index) {
                    Some((_, entries)) => entries.push(entry),
                    None => {
                        among.names.insert(&spec.name);
                        among.by_proxy.push((spec, vec![entry]));
                    }
                }
            }
        }
    }
    complaints.extend(among.by_proxy.iter().map(|(spec, entries)| needs_a_protocol(spec, entries)));
    among
}

/// The first proxy of each kind that fits a pattern: what does not fit one of them does not fit its like.
fn one_of_each<'a>(pattern: &str, proxies: &'a [ProxySpec]) -> Vec<&'a ProxySpec> {
    let mut kinds = HashSet::new();
    proxies.iter().filter(|proxy| fits(pattern, &proxy.name) && kinds.insert((proxy.speaks, proxy.serves_tls()))).collect()
}

fn needs_a_protocol(spec: &ProxySpec, entries: &[Entry]) -> Complaint {
    let first = &entries[0];
    let key = first.key.as_str();
    let complaint = only_bytes(fit::among_bytes(first, &spec.name), spec);
    let mut told: HashSet<(usize, usize)> = HashSet::from([(first.key_place.source, first.key_place.range.start)]);
    let others = entries.iter().skip(1).filter(|entry| told.insert((entry.key_place.source, entry.key_place.range.start)));
    let complaint =
        others.fold(complaint, |complaint, entry| complaint.also(&entry.key_place, format!("`{}` needs it as well", entry.key)));
    let kinds = row(key).map_or(kind::HTTP, |row| row.on.units | row.on.messages);
    say_what_it_speaks(complaint, spec, kinds)
}

/// Marks the upstream that says no protocol.
pub fn only_bytes(complaint: Complaint, spec: &ProxySpec) -> Complaint {
    match (spec.upstream_place.range.is_empty(), spec.speaks) {
        (true, _) => complaint,
        (false, Protocol::Tls) => complaint.also(&spec.upstream_place, "TLS, and what is inside is not said"),
        (false, _) => complaint.also(&spec.upstream_place, "no scheme, so this is plain TCP"),
    }
}

/// The patch: a scheme on the right of the arrow. Which one, the port says, or else what was asked for.
pub fn say_what_it_speaks(complaint: Complaint, spec: &ProxySpec, kinds: u16) -> Complaint {
    let place = &spec.upstream_place;
    if place.range.is_empty() || spec.speaks != Protocol::Tcp || spec.serves.is_some() {
        return complaint;
    }
    let usual = Protocol::of_port(spec.upstream.port).filter(|speech| speech.kind & kinds != 0);
    let first = [
        Protocol::Http,
        Protocol::Grpc,
        Protocol::Postgres,
        Protocol::Redis,
        Protocol::Dns,
        Protocol::Mongodb,
        Protocol::Kafka,
        Protocol::Amqp,
    ];
    let asked = || first.into_iter().map(Protocol::speech).find(|speech| speech.kind & kinds != 0);
    let Some(speech) = usual.or_else(asked) else { return complaint };
    let start = Place { range: place.range.start..place.range.start, ..place.clone() };
    complaint.fix(format!("say what `{}` speaks", spec.name), &start, format!("{}://", speech.scheme))
}
