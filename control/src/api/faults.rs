//! Faults: put, changed, renewed, healed. An answer in the 200s comes when the change is in force.

use super::{
    body::{self, answer, check_preconditions},
    problem::Problem,
    view,
};
use crate::control::{Control, USUAL_LEASE, switched};
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faultwire_faults::{
    complaint::Complaint,
    fault::{Fault, Lease, fits, is_name},
    node::Node,
    plan::Owner,
    units::Span,
};
use faultwire_proxy::proxies::{FaultError, FaultView, Heal};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

type Said = Result<Response, Problem>;
type Held = State<Arc<Control>>;

/// `?proxy=` keeps those that are on proxies of this name; it may be a pattern.
pub async fn list(State(control): Held, Query(query): Query<HashMap<String, String>>) -> Said {
    only_known(&query, &["proxy"])?;
    let proxies = control.proxies.proxies().await;
    let on = |fault: &FaultView| query.get("proxy").is_none_or(|pattern| fault.proxies.iter().any(|name| fits(pattern, name)));
    let faults: Vec<Value> =
        control.proxies.faults().await.iter().filter(|fault| on(fault)).map(|fault| view::fault(fault, &proxies)).collect();
    Ok(answer(StatusCode::OK, &json!(faults), Some(control.proxies.generation().await)))
}

pub async fn one(State(control): Held, Path(name): Path<String>) -> Said {
    let fault = known(&control, &name).await?;
    Ok(shown(&control, StatusCode::OK, &fault, None).await)
}

pub async fn put(State(control): Held, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Said {
    let fault = read(body::object(body).await?, Some(&name))?;
    let _turn = control.turn().await;
    let there = control.proxies.fault(&name).await.map(|fault| fault.generation);
    check_preconditions(&headers, there)?;
    take(&control, Some(name), fault).await
}

/// The server names it, unless it says its own name.
pub async fn post(State(control): Held, body: Body) -> Said {
    let fault = read(body::object(body).await?, None)?;
    let _turn = control.turn().await;
    if let Some(name) = &fault.name
        && let Some(there) = control.proxies.fault(name).await
    {
        let problem = Problem::new(409, format!("there is a fault named `{name}` already")).code("E0304").etag(there.generation);
        return Err(problem.detail(format!("PUT /v1/faults/{name} replaces it.")));
    }
    let name = fault.name.clone();
    let mut answer = take(&control, name, fault).await?;
    let location =
        answer.extensions().get::<Named>().and_then(|named| HeaderValue::from_str(&format!("/v1/faults/{}", escaped(&named.0))).ok());
    if let Some(location) = location {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// A merge patch of what was written. Switching on or off, and the lease, leave everything else exactly as it is.
pub async fn patch(State(control): Held, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Said {
    let patch = body::object(body).await?;
    let _turn = control.turn().await;
    let there = known(&control, &name).await?;
    check_preconditions(&headers, Some(there.generation))?;
    let fault = patched(&there, &name, patch.clone())?;
    let taken = take(&control, Some(name.clone()), fault).await?;
    if there.owner != Owner::File {
        return Ok(taken);
    }
    // The file says what its faults are; how long one is on is said here, and ends with it.
    control.proxies.renew(&name, Some(lease_after(&there, &patch)?)).await;
    one(State(control.clone()), Path(name)).await
}

/// The lease of a fault of the file, once it has been patched.
fn lease_after(there: &FaultView, patch: &Value) -> Result<Lease, Problem> {
    let now = there.lease.map_or(Lease::Never, Lease::After);
    if patch.get("lease").is_some_and(|lease| !lease.is_null()) {
        return lease_of(&json!({ "lease": patch["lease"] }));
    }
    if patch.get("enabled") != Some(&Value::Bool(true)) {
        return Ok(now);
    }
    Ok(match there.fault.clock.lease {
        Lease::Unsaid if there.fault.enabled && there.lease.is_none() => Lease::Never,
        Lease::Unsaid => Lease::After(USUAL_LEASE),
        said => said,
    })
}

pub async fn delete(State(control): Held, Path(name): Path<String>, headers: HeaderMap) -> Said {
    let _turn = control.turn().await;
    let Some(there) = control.proxies.fault(&name).await else {
        // It may have healed by itself: whoever wanted it gone has what it wanted.
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    check_preconditions(&headers, Some(there.generation))?;
    let (mut healed, generation) = control.heal(&Heal { name: Some(name), ..Heal::default() }).await;
    let mut last = healed.pop().unwrap_or(there);
    last.generation = generation;
    Ok(shown(&control, StatusCode::OK, &last, Some(false)).await)
}

/// Begins the lease anew; `{"lease": "60s"}` makes it another one.
pub async fn renew(State(control): Held, Path(name): Path<String>, body: Body) -> Said {
    let lease = match body::object(body).await {
        Ok(said) => Some(lease_of(&said)?),
        Err(problem) if problem.is_missing_body() => None,
        Err(problem) => return Err(problem),
    };
    let _turn = control.turn().await;
    known(&control, &name).await?;
    control.proxies.renew(&name, lease).await;
    one(State(control.clone()), Path(name)).await
}

/// Heals everything, or everything on one proxy.
pub async fn heal(State(control): Held, Query(query): Query<HashMap<String, String>>) -> Said {
    only_known(&query, &["proxy"])?;
    if let Some(proxy) = query.get("proxy") {
        super::proxies::known(&control, proxy).await?;
    }
    let which = Heal { proxy: query.get("proxy").cloned(), ..Heal::default() };
    // Healing waits for nobody's turn.
    let (healed, generation) = control.heal(&which).await;
    let healed: Vec<Value> = healed.iter().map(|fault| off(view::fault(fault, &[]))).collect();
    Ok(answer(StatusCode::OK, &json!({ "healed": healed, "generation": generation }), Some(generation)))
}

/// Reads a fault from a body that has a place in the answer's pointers.
pub fn read(body: Value, name: Option<&str>) -> Result<Fault, Problem> {
    let node = Node::from_json(&body);
    let fault = Fault::read(&node).map_err(|complaints| Problem::wrong(&complaints))?;
    match (name, &fault.name) {
        (Some(name), _) if !is_name(name) => Err(FaultError::Name(name.to_owned()).into()),
        (Some(name), Some(other)) if name != other => {
            let complaint =
                Complaint::new("E0207", format!("the path says `{name}`, and the body `{other}`"), &fault.name_place, "another name");
            Err(Problem::wrong(&[complaint]))
        }
        (_, Some(name)) if !is_name(name) => {
            let complaint = Complaint::new("E0207", format!("`{name}` cannot name a fault"), &fault.name_place, "not a name");
            Err(Problem::wrong(&[complaint.note("a name has no `/`, no `@`, no control characters, and 1 to 128 bytes")]))
        }
        _ => Ok(fault),
    }
}

/// Keys of a request that are not known are refused, as those of a body are.
pub fn only_known(query: &HashMap<String, String>, keys: &[&str]) -> Result<(), Problem> {
    match query.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(Problem::new(422, format!("unknown parameter `{key}`")).code("E0101").detail(match keys {
            [] => "Nothing is taken here.".to_owned(),
            keys => format!("Here are taken: {}.", keys.join(", ")),
        })),
        None => Ok(()),
    }
}

async fn known(control: &Control, name: &str) -> Result<FaultView, Problem> {
    if let Some(fault) = control.proxies.fault(name).await {
        return Ok(fault);
    }
    let names: Vec<String> = control.proxies.faults().await.into_iter().map(|fault| fault.name).collect();
    Err(Problem::unknown("fault", name, &names))
}

fn patched(there: &FaultView, name: &str, patch: Value) -> Result<Fault, Problem> {
    let keys: Vec<&String> = patch.as_object().map(|map| map.keys().collect()).unwrap_or_default();
    let switches = keys.iter().all(|key| *key == "enabled" || *key == "lease")
        && patch.as_object().is_some_and(|map| map.values().all(|value| !value.is_null()));
    let mut written = there.fault.written.clone();
    crate::json::merge(&mut written, patch.clone());
    if !switches {
        return read(written, Some(name));
    }
    // Read for what is wrong with it; everything but these two keys stays as it was understood.
    let place = |key: &str| faultwire_faults::node::Place { pointer: format!("/{key}"), ..Default::default() };
    let mut fault = (*there.fault).clone();
    if let Some(enabled) = patch.get("enabled") {
        let Some(enabled) = enabled.as_bool() else {
            return Err(Problem::wrong(&[Complaint::new("E0213", "`enabled` is true or false", &place("enabled"), "neither of them")]));
        };
        fault = switched(&fault, enabled);
    }
    if patch.get("lease").is_some() {
        let lease = lease_of(&patch)?;
        if there.owner != Owner::File {
            fault.clock.lease = lease;
            fault.written = written;
        }
    }
    Ok(fault)
}

/// `{"lease": "60s"}` or `{"lease": "none"}`.
fn lease_of(said: &Value) -> Result<Lease, Problem> {
    let place = |key: &str| faultwire_faults::node::Place { pointer: format!("/{key}"), ..Default::default() };
    if let Some(other) = said.as_object().and_then(|map| map.keys().find(|key| !["lease", "enabled"].contains(&key.as_str()))) {
        let complaint = Complaint::new("E0101", format!("unknown key `{other}` beside a lease"), &place(other), "not known here");
        return Err(Problem::wrong(&[complaint]));
    }
    match said.get("lease").and_then(Value::as_str) {
        Some("none") => Ok(Lease::Never),
        Some(text) if Span::parse(text).is_some_and(|span| span > Span::ZERO) => Ok(Span::parse(text).map_or(Lease::Unsaid, Lease::After)),
        _ => {
            let complaint = Complaint::new("E0201", "a lease is a length of time", &place("lease"), "such as `60s`, or `none`");
            Err(Problem::wrong(&[complaint]))
        }
    }
}

/// The name of the fault an answer is about.
#[derive(Clone)]
struct Named(String);

async fn take(control: &Control, name: Option<String>, fault: Fault) -> Said {
    let (name, done) = control.proxies.put_fault(Owner::Api, name, fault, Some(USUAL_LEASE)).await?;
    let status = if done.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut fault = known(control, &name).await?;
    fault.generation = done.generation;
    let mut answer = shown(control, status, &fault, None).await;
    answer.extensions_mut().insert(Named(name));
    Ok(answer)
}

async fn shown(control: &Control, status: StatusCode, fault: &FaultView, enabled: Option<bool>) -> Response {
    let json = view::fault(fault, &control.proxies.proxies().await);
    let json = if enabled == Some(false) { off(json) } else { json };
    answer(status, &json, Some(fault.generation))
}

/// Of a fault that has been healed: its final counts.
fn off(mut fault: Value) -> Value {
    fault["enabled"] = false.into();
    fault["active"] = false.into();
    fault["expires_at"] = Value::Null;
    fault
}

/// A name as a segment of a path.
pub fn escaped(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(byte as char),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
