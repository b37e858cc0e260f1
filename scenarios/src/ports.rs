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

pub fn check(proxies: &[ProxySpec], sources: &Sources, complaints: &mut Vec<Complaint>) {
    let mut by_port: HashMap<u16, Vec<&ProxySpec>> = HashMap::new();
    for proxy in proxies {
        let same_port = by_port.entry(proxy.listen.port).or_default();
        taken_twice(proxy, same_port, complaints);
        same_port.push(proxy);
    }
    let mut told = HashSet::new();
    for proxy in proxies {
        ephemeral(proxy, &by_port, sources, complaints);
        leads_back(proxy, &by_port, &mut told, complaints);
    }
}

fn taken_twice(proxy: &ProxySpec, same_port: &[&ProxySpec], complaints: &mut Vec<Complaint>) {
    let port = proxy.listen.port;
    let Some(first) = same_port.iter().find(|other| port != 0 && meet(&other.listen.host, &proxy.listen.host)) else { return };
    complaints.push(
        Complaint::new("E0302", format!("port {port} is taken twice"), &proxy.listen_place, format!("`{}` wants it as well", proxy.name))
            .also(&first.listen_place, format!("`{}` listens here", first.name)),
    );
}

fn ephemeral(proxy: &ProxySpec, by_port: &HashMap<u16, Vec<&ProxySpec>>, sources: &Sources, complaints: &mut Vec<Complaint>) {
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
    let better = (tame_port(port, 1)..*EPHEMERAL.start()).find(|free| !by_port.contains_key(free));
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
fn leads_back<'a>(
    proxy: &'a ProxySpec,
    by_port: &HashMap<u16, Vec<&'a ProxySpec>>,
    told: &mut HashSet<&'a str>,
    complaints: &mut Vec<Complaint>,
) {
    let next =
        |from: &ProxySpec| by_port.get(&from.upstream.port)?.iter().find(|to| is_here(&from.upstream.host, &to.listen.host)).copied();
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

/// Whether two listeners would want the same address.
fn meet(one: &str, other: &str) -> bool {
    one == other || is_any(one) || is_any(other) || (is_loopback(one) && is_loopback(other))
}

/// Whether a connection to `host` arrives at a listener on `listen`.
fn is_here(host: &str, listen: &str) -> bool {
    (is_loopback(host) && (is_loopback(listen) || is_any(listen))) || (host == listen) || (is_any(host) && is_loopback(listen))
}

fn is_any(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::")
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}
