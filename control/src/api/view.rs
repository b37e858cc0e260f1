//! Proxies and faults as the API shows them. It asks nobody; whoever calls has the views.

use crate::clock;
use faultwire_faults::units::Span;
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
        "does": view.fault.describe(),
        "unit": "connection",
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
    json!({
        "name": view.link.name,
        "listen": view.listen(),
        "upstream": view.link.upstream.to_string(),
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
    })
}

/// What is meant when something is written back: as a client would have put it.
pub fn written_proxy(view: &ProxyView) -> Value {
    let mut json = json!({ "listen": view.listen(), "upstream": view.link.upstream.to_string(), "enabled": view.link.enabled });
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
