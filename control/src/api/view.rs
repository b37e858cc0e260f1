//! Proxies and faults as the API shows them. It asks nobody; whoever calls has the views.

use crate::clock;
use faultwire_faults::{
    record::{CLASSES, ORIGINS},
    units::Span,
};
use faultwire_proxy::proxies::{FaultView, ProxyView};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// As it was written, and what has become of it. `proxies` are all there are.
pub fn fault(view: &FaultView, proxies: &[ProxyView]) -> Value {
    let mut json = Map::new();
    json.insert("name".into(), view.name.as_str().into());
    if let Value::Object(written) = &view.fault.written {
        json.extend(written.iter().filter(|(key, _)| *key != "name").map(|(key, value)| (key.clone(), value.clone())));
    }
    let settled = proxies.iter().filter(|proxy| view.proxies.contains(&proxy.link.name)).all(|proxy| proxy.settled);
    let state = json!({
        "enabled": view.fault.enabled,
        "active": view.active,
        "does": view.describe(),
        "unit": view.unit(),
        "generation": view.generation,
        "settled": settled,
        "since": clock::rfc3339(view.since),
        "lease": lease(view),
        "expires_at": view.expires_in.map(|left| clock::rfc3339(SystemTime::now() + left)),
        "seen": view.counts.seen,
        "matched": view.counts.matched,
        "hits": view.counts.hits,
        "suppressed": view.counts.suppressed,
        "origin": view.owner.to_string(),
        "session": null,
        "proxies": view.proxies,
    });
    if let Value::Object(state) = state {
        json.extend(state);
    }
    Value::Object(json)
}

/// As it was said, as far as that still holds: `60s`, and not `1m`.
fn lease(view: &FaultView) -> String {
    let said = view.fault.written.get("lease").and_then(Value::as_str);
    match (view.lease, said) {
        (None, _) => "none".to_owned(),
        (Some(lease), Some(said)) if Span::parse(said) == Some(lease) => said.to_owned(),
        (Some(lease), _) => lease.to_string(),
    }
}

/// `generation` is that of everything: nothing about this proxy is older.
pub fn proxy(view: &ProxyView, generation: u64) -> Value {
    let mut json = json!({
        "name": view.link.name,
        "listen": view.listen(),
        "upstream": view.link.leads_to(),
        "from": view.link.from,
        "to": view.link.to,
        "enabled": view.link.enabled,
        "listening": view.listening,
        "generation": generation,
        "settled": view.settled,
        "connections": view.counts.connections,
        "connections_total": view.counts.opened,
        "bytes": { "to_server": view.counts.bytes[0], "to_client": view.counts.bytes[1] },
        "ended": view.counts.closed,
        "faults": view.faults,
    });
    if !view.link.speaks.is_bytes() {
        json["requests_total"] = view.counts.requests.into();
        json["answered"] =
            ORIGINS.into_iter().zip(view.counts.ends.0).map(|(origin, counts)| (origin.to_owned(), answered(counts))).collect();
    }
    json
}

/// How many requests ended how: `{"2xx": 12, "none": 1}`.
fn answered(counts: [u64; CLASSES.len()]) -> Value {
    CLASSES.into_iter().zip(counts).filter(|(_, count)| *count > 0).map(|(class, count)| (class.to_owned(), Value::from(count))).collect()
}

/// What is meant when something is written back: as a client would have put it.
pub fn written_proxy(view: &ProxyView) -> Value {
    let mut json = json!({ "listen": view.listen(), "upstream": view.link.leads_to(), "enabled": view.link.enabled });
    for (key, value) in [("from", &view.link.from), ("to", &view.link.to)] {
        if let Some(value) = value {
            json[key] = value.as_str().into();
        }
    }
    json
}

pub fn waited(time: std::time::Duration) -> String {
    Span::from_millis(time.as_millis() as u64).to_string()
}
