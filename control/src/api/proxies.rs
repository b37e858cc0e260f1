//! Proxies: made, changed, removed, with their faults in one step.

use super::{
    body::{self, answer, check_preconditions},
    problem::Problem,
    view,
};
use crate::{
    config,
    control::{Control, USUAL_LEASE, leads_here},
    json,
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use faultwire_faults::{
    complaint::Complaint,
    fault::{Fault, Targets},
    node::{Entry, Node, Place, Value as Written},
    plan::Owner,
};
use faultwire_proxy::proxies::{FaultView, Heal, Link, ProxyView};
use faultwire_scenarios::link;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long looking up the name of this machine may take.
const LOOK_UP: Duration = Duration::from_secs(5);

type Said = Result<Response, Problem>;
type Held = State<Arc<Control>>;

pub async fn list(State(control): Held) -> Said {
    let generation = control.proxies.generation().await;
    let proxies: Vec<Value> = control.proxies.proxies().await.iter().map(|proxy| view::proxy(proxy, generation)).collect();
    Ok(answer(StatusCode::OK, &json!(proxies), Some(generation)))
}

pub async fn one(State(control): Held, Path(name): Path<String>) -> Said {
    let generation = control.proxies.generation().await;
    let proxy = known(&control, &name).await?;
    Ok(answer(StatusCode::OK, &view::proxy(&proxy, generation), Some(generation)))
}

pub async fn put(State(control): Held, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Said {
    let body = body::json(body).await?;
    // Looking up a name may take its time, and is done before anybody has to wait for it.
    let wanted = read(&control, &name, &body).await?;
    let _turn = control.turn().await;
    let there = control.proxies.proxy(&name).await;
    let generation = control.proxies.generation().await;
    check_preconditions(&headers, there.as_ref().map(|_| generation))?;
    take(&control, wanted, there).await
}

/// A merge patch of where it listens and leads; faults are patched one by one.
pub async fn patch(State(control): Held, Path(name): Path<String>, headers: HeaderMap, body: Body) -> Said {
    let patch = body::object(body).await?;
    loop {
        let there = known(&control, &name).await?;
        let mut whole = view::written_proxy(&there);
        json::merge(&mut whole, patch.clone());
        let wanted = read(&control, &name, &whole).await?;
        let _turn = control.turn().await;
        let now = known(&control, &name).await?;
        // Somebody was faster: what was merged with is not what is there.
        if now.link != there.link {
            continue;
        }
        check_preconditions(&headers, Some(control.proxies.generation().await))?;
        return take(&control, wanted, Some(now)).await;
    }
}

/// It is gone afterwards, whether or not it was there. Faults that were put on it alone go with it.
pub async fn delete(State(control): Held, Path(name): Path<String>, headers: HeaderMap) -> Said {
    let _turn = control.turn().await;
    let generation = control.proxies.generation().await;
    check_preconditions(&headers, control.proxies.proxy(&name).await.map(|_| generation))?;
    for fault in own_faults(&control, &name).await {
        control.proxies.heal(&Heal { name: Some(fault.name), ..Heal::default() }).await;
    }
    control.proxies.remove_proxy(&name).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn known(control: &Control, name: &str) -> Result<ProxyView, Problem> {
    if let Some(proxy) = control.proxies.proxy(name).await {
        return Ok(proxy);
    }
    let names: Vec<String> = control.proxies.proxies().await.into_iter().map(|proxy| proxy.link.name).collect();
    Err(Problem::unknown("proxy", name, &names))
}

struct Wanted {
    link: Link,
    /// `None`: nothing is said about faults, and they stay as they are.
    faults: Option<Vec<Fault>>,
}

/// Reads the long form, or the arrow as text. All that is wrong is told.
async fn read(control: &Control, name: &str, body: &Value) -> Result<Wanted, Problem> {
    let wanted = written(name, body, &control.bind).await?;
    match control.leads_here(&wanted.link) {
        true => Err(Problem::new(422, leads_here(&wanted.link)).code("E0306")),
        false => Ok(wanted),
    }
}

async fn written(name: &str, body: &Value, bind: &str) -> Result<Wanted, Problem> {
    let mut node = Node::from_json(body);
    let mut complaints = Vec::new();
    let inline = take_key(&mut node, "faults");
    if let Some(said) = take_key(&mut node, "name")
        && said.value.text() != Some(name)
    {
        complaints.push(Complaint::new("E0207", format!("this proxy is called `{name}` in the path"), &said.value.place, "another name"));
    }
    let faults = inline.map(|inline| inline_faults(name, &inline, &mut complaints));
    let spec = link::read(name, &Place::default(), &node, bind).map_err(|mut wrong| complaints.append(&mut wrong)).ok();
    match spec.filter(|_| complaints.is_empty()) {
        Some(spec) => Ok(Wanted { link: resolved(spec).await?, faults }),
        None => Err(Problem::wrong(&complaints)),
    }
}

/// A name to listen on is looked up on a thread that may wait.
async fn resolved(spec: link::ProxySpec) -> Result<Link, Problem> {
    let looked_up = tokio::time::timeout(LOOK_UP, tokio::task::spawn_blocking(move || config::link_of(&spec))).await;
    match looked_up {
        Err(_) => Err(Problem::new(422, "the name to listen on could not be looked up in time").code("E0107")),
        Ok(Ok(Ok(link))) => Ok(link),
        Ok(Ok(Err(failure))) => Err(Problem::new(422, failure.text.trim_start_matches("error: ").to_owned()).code("E0107")),
        Ok(Err(_)) => Err(Problem::new(500, "looking up an address failed")),
    }
}

fn take_key(node: &mut Node, key: &str) -> Option<Entry> {
    let Written::Map(entries) = &mut node.value else { return None };
    let at = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(at))
}

fn inline_faults(proxy: &str, inline: &Entry, complaints: &mut Vec<Complaint>) -> Vec<Fault> {
    let Written::List(items) = &inline.value.value else {
        complaints.push(Complaint::new("E0207", "`faults` is a list", &inline.value.place, format!("this is {}", inline.value.kind())));
        return Vec::new();
    };
    let mut faults = Vec::new();
    for item in items {
        match Fault::read(&on_proxy(item, proxy)) {
            Ok(fault) => match fault.targets == (on_only(proxy, &fault)) {
                true => faults.push(fault),
                false => complaints.push(Complaint::new(
                    "E0207",
                    format!("a fault inside `{proxy}` is on `{proxy}`"),
                    &item.place,
                    "on another one",
                )),
            },
            Err(mut wrong) => complaints.append(&mut wrong),
        }
    }
    for (at, fault) in faults.iter().enumerate().filter(|(_, fault)| fault.name.is_some()) {
        if faults[..at].iter().any(|other| other.name == fault.name) {
            let name = fault.name.as_deref().unwrap_or_default();
            complaints.push(Complaint::new("E0304", format!("two faults are named `{name}`"), &fault.name_place, "and again here"));
        }
    }
    faults
}

/// A fault inside a proxy need not say which one.
fn on_proxy(item: &Node, proxy: &str) -> Node {
    let mut item = item.clone();
    if let Written::Map(entries) = &mut item.value
        && !entries.iter().any(|entry| entry.key == "proxy" || entry.key == "partition")
    {
        let value = Node { place: item.place.clone(), value: Written::Text(proxy.to_owned()) };
        entries.insert(0, Entry { key: "proxy".to_owned(), key_place: item.place.clone(), value });
    }
    item
}

fn on_only(proxy: &str, fault: &Fault) -> Targets {
    match &fault.targets {
        Targets::Proxies(targets) => Targets::Proxies(
            targets.iter().take(1).map(|target| faultwire_faults::fault::Target { pattern: proxy.to_owned(), ..target.clone() }).collect(),
        ),
        between => between.clone(),
    }
}

async fn take(control: &Control, wanted: Wanted, there: Option<ProxyView>) -> Said {
    let name = wanted.link.name.clone();
    let opens = wanted.link.enabled;
    // A new port stays shut until its faults are in force.
    let shut_first = there.is_none() && wanted.faults.as_ref().is_some_and(|faults| !faults.is_empty());
    let first = Link { enabled: opens && !shut_first, ..wanted.link.clone() };
    let mut done = control.proxies.put_proxy(first).await?;
    let created = done.created;
    if let Some(faults) = wanted.faults {
        done.generation = replace_faults(control, &name, faults, created).await?;
    }
    if shut_first && opens {
        done = control.proxies.put_proxy(wanted.link).await?;
    }
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let proxy = known(control, &name).await?;
    Ok(answer(status, &view::proxy(&proxy, done.generation), Some(done.generation)))
}

/// The faults of this proxy that came through the API become these.
async fn replace_faults(control: &Control, proxy: &str, faults: Vec<Fault>, created: bool) -> Result<u64, Problem> {
    let old = own_faults(control, proxy).await;
    let mut kept = Vec::new();
    for fault in faults {
        let name = fault.name.clone().unwrap_or_else(|| fault.default_name());
        let name = if kept.contains(&name) { None } else { Some(name) };
        match control.proxies.put_fault(Owner::Api, name, fault, Some(USUAL_LEASE)).await {
            Ok((name, _)) => kept.push(name),
            Err(error) => {
                // All or nothing: a proxy that was made for this goes with it.
                if created {
                    control.proxies.remove_proxy(proxy).await;
                }
                return Err(error.into());
            }
        }
    }
    for gone in old.into_iter().filter(|fault| !kept.contains(&fault.name)) {
        control.proxies.heal(&Heal { name: Some(gone.name), ..Heal::default() }).await;
    }
    Ok(control.proxies.generation().await)
}

/// Faults of the API that are on this proxy and no other.
pub async fn own_faults(control: &Control, proxy: &str) -> Vec<FaultView> {
    let only = |fault: &FaultView| match &fault.fault.targets {
        Targets::Proxies(targets) => matches!(&targets[..], [only] if only.pattern == proxy),
        Targets::Between { .. } => false,
    };
    control.proxies.faults().await.into_iter().filter(|fault| fault.owner == Owner::Api && only(fault)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn problem(body: Value) -> String {
        match written("redis", &body, "127.0.0.1").await {
            Ok(_) => String::new(),
            Err(problem) => format!("{problem:?}"),
        }
    }

    #[tokio::test]
    async fn both_forms_are_read_and_mistakes_have_pointers() {
        let short = written("redis", &json!("26379 -> redis:6379"), "127.0.0.1").await.ok().map(|wanted| wanted.link);
        let long =
            written("redis", &json!({ "listen": 26379, "upstream": "redis:6379" }), "127.0.0.1").await.ok().map(|wanted| wanted.link);
        assert!(short.is_some());
        assert_eq!(short, long);
        let inline = json!({ "listen": "0", "upstream": "redis:6379", "faults": [{ "latency": "1s" }, { "name": "x", "reset": true }] });
        assert_eq!(written("redis", &inline, "127.0.0.1").await.ok().and_then(|wanted| wanted.faults).map(|faults| faults.len()), Some(2));
        assert!(
            problem(json!({ "listen": "0", "upstream": "redis:6379", "faults": [{ "latenzy": "1s" }] }))
                .await
                .contains("/faults/0/latenzy")
        );
        assert!(
            problem(json!({ "listen": "0", "upstream": "redis:6379", "faults": [{ "proxy": "other", "reset": true }] }))
                .await
                .contains("on another one")
        );
        assert!(problem(json!({ "listen": "0", "upstream": "redis:6379", "fault": [] })).await.contains("E0101"));
        assert!(problem(json!({ "listen": "0", "upstream": "redis:6379", "name": "orders" })).await.contains("E0207"));
        for body in [json!(null), json!(1), json!([]), json!({}), json!("redis"), json!({ "listen": null, "upstream": {} })] {
            assert_ne!(problem(body).await, "");
        }
    }
}
