//! What the proxies of one scenario do to each other: ports taken twice, ports the kernel hands out, links that lead back.

use crate::{
    link::{ProxySpec, tame_port},
    sources::Sources,
};
use faultwire_faults::{complaint::Complaint, node::Place};
use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
};

/// Linux hands these to outgoing connections unless it is told otherwise.
const EPHEMERAL: RangeInclusive<u16> = 32768..=60999;
/// Longer chains of proxies are not followed.
const LONGEST_WAY: usize = 32;
/// So many ports get a better one proposed.
const MOST_OFFERED: usize = 50;

pub fn check(proxies: &[ProxySpec], sources: &Sources, complaints: &mut Vec<Complaint>) {
    let mut by_port: HashMap<u16, Port<'_>> = HashMap::new();
    for proxy in proxies {
        let port = by_port.entry(proxy.listen.port).or_default();
        if let Some(first) = port.taken(&proxy.listen.host).filter(|_| proxy.listen.port != 0) {
            complaints.push(taken_twice(proxy, first));
        }
        port.put(proxy);
    }
    let mut told = HashSet::new();
    let mut offered = 0;
    for proxy in proxies {
        ephemeral(proxy, &by_port, sources, &mut offered, complaints);
        leads_back(proxy, &by_port, &mut told, complaints);
    }
}

/// Who listens on one port, found by host without looking at all of them.
#[derive(Default)]
struct Port<'a> {
    first: Option<&'a ProxySpec>,
    any: Option<&'a ProxySpec>,
    loopback: Option<&'a ProxySpec>,
    hosts: HashMap<&'a str, &'a ProxySpec>,
}

impl<'a> Port<'a> {
    fn put(&mut self, proxy: &'a ProxySpec) {
        let host = proxy.listen.host.as_str();
        self.first.get_or_insert(proxy);
        if is_any(host) {
            self.any.get_or_insert(proxy);
        }
        if is_loopback(host) {
            self.loopback.get_or_insert(proxy);
        }
        self.hosts.entry(host).or_insert(proxy);
    }

    /// Who would want the same address.
    fn taken(&self, host: &str) -> Option<&'a ProxySpec> {
        let everyone = self.first.filter(|_| is_any(host));
        let loopback = self.loopback.filter(|_| is_loopback(host));
        everyone.or_else(|| self.hosts.get(host).copied()).or(self.any).or(loopback)
    }

    /// At whom a connection to this host arrives.
    fn arrives(&self, host: &str) -> Option<&'a ProxySpec> {
        let here = is_loopback(host).then(|| self.loopback.or(self.any)).flatten();
        let any = self.loopback.filter(|_| is_any(host));
        here.or_else(|| self.hosts.get(host).copied()).or(any)
    }
}

fn taken_twice(proxy: &ProxySpec, first: &ProxySpec) -> Complaint {
    let port = proxy.listen.port;
    Complaint::new("E0302", format!("port {port} is taken twice"), &proxy.listen_place, format!("`{}` wants it as well", proxy.name))
        .also(&first.listen_place, format!("`{}` listens here", first.name))
}

fn ephemeral(proxy: &ProxySpec, by_port: &HashMap<u16, Port<'_>>, sources: &Sources, offered: &mut usize, complaints: &mut Vec<Complaint>) {
    let port = proxy.listen.port;
    if !EPHEMERAL.contains(&port) {
        return;
    }
    let complaint = Complaint::new(
        "W0303",
        format!("port {port} may already be in use when Faultwire starts"),
        &proxy.listen_place,
        format!("inside Linux's ephemeral range, {}-{}", EPHEMERAL.start(), EPHEMERAL.end()),
    )
    .note("the kernel hands these ports to outgoing connections, so listening on one fails now and then");
    // Looking for a free one takes a while where many are taken: done for those that are read.
    *offered += 1;
    let mut tame = (tame_port(port, 1)..*EPHEMERAL.start()).filter(|_| *offered <= MOST_OFFERED);
    let better = tame.find(|free| !by_port.contains_key(free));
    // Behind a host the port stands at the end; a port that came from a variable stands nowhere.
    let written = port.to_string();
    let whole = &proxy.listen_place;
    let place = Place { range: whole.range.end.saturating_sub(written.len())..whole.range.end, ..whole.clone() };
    complaints.push(match better.filter(|_| sources.text(&place) == written) {
        Some(better) => complaint.fix("use a port below the range", &place, better.to_string()),
        None => complaint,
    });
}

/// Follows a link to the proxy that listens at its end, and on, until it leaves this scenario or comes back.
fn leads_back<'a>(proxy: &'a ProxySpec, by_port: &HashMap<u16, Port<'a>>, told: &mut HashSet<&'a str>, complaints: &mut Vec<Complaint>) {
    let next = |from: &ProxySpec| by_port.get(&from.upstream.port)?.arrives(&from.upstream.host);
    let mut way: Vec<&'a ProxySpec> = vec![proxy];
    while let Some(to) = next(way[way.len() - 1]).filter(|to| !told.contains(to.name.as_str())) {
        if to.name == proxy.name {
            complaints.push(loop_of(proxy, &way));
            break;
        }
        // A circle further on is told at its own members.
        if way.len() > LONGEST_WAY || way.iter().any(|seen| seen.name == to.name) {
            return;
        }
        way.push(to);
    }
    // Whatever was passed on the way leads where this one leads.
    told.extend(way.iter().map(|proxy| proxy.name.as_str()));
}

fn loop_of(first: &ProxySpec, way: &[&ProxySpec]) -> Complaint {
    let label = way.get(1).map_or("this is where it listens".to_owned(), |second| format!("`{}` listens here", second.name));
    let complaint = Complaint::new("E0306", format!("`{}` leads back to itself", first.name), &first.upstream_place, label);
    way.iter().skip(1).fold(complaint, |complaint, other| complaint.also(&other.upstream_place, "and from here it goes on"))
}

fn is_any(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::")
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}
