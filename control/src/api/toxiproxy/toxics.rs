//! The toxics of one proxy: shown, added, changed, taken away. An answer comes when the change is in force.

use super::{Refusal, Said, done, known, nothing, read, strict, toxic::Toxic};
use crate::control::Control;
use axum::{body::Body, http::StatusCode};
use faultwire_faults::plan::Owner;
use faultwire_proxy::proxies::Heal;
use serde_json::json;

pub async fn list(control: &Control, proxy: &str) -> Said {
    known(control, proxy).await?;
    let toxics = of_proxy(control, proxy).await;
    Ok(done(StatusCode::OK, listed(&toxics)))
}

pub async fn one(control: &Control, proxy: &str, name: &str) -> Said {
    Ok(done(StatusCode::OK, find(control, proxy, name).await?.json()))
}

pub async fn add(control: &Control, proxy: &str, body: Body) -> Said {
    known(control, proxy).await?;
    let said = read(control, body).await?;
    let _turn = control.turn().await;
    known(control, proxy).await?;
    let there = of_proxy(control, proxy).await;
    let toxic = Toxic::read(&said, |name| there.iter().any(|other| other.name == name))?;
    if control.manners.strict {
        strict::toxic(&said, &toxic)?;
    }
    put(control, proxy, &toxic).await
}

pub async fn update(control: &Control, proxy: &str, name: &str, body: Body) -> Said {
    find(control, proxy, name).await?;
    let said = read(control, body).await?;
    let _turn = control.turn().await;
    let toxic = find(control, proxy, name).await?.updated(&said)?;
    if control.manners.strict {
        strict::toxic_change(&said, &toxic)?;
    }
    put(control, proxy, &toxic).await
}

pub async fn remove(control: &Control, proxy: &str, name: &str) -> Said {
    let _turn = control.turn().await;
    let toxic = find(control, proxy, name).await?;
    control.proxies.heal(&Heal { name: Some(toxic.fault_name(proxy)), ..Heal::default() }).await;
    Ok(nothing())
}

pub async fn of_proxy(control: &Control, proxy: &str) -> Vec<Toxic> {
    super::toxic::of_proxy(&control.proxies.faults().await, proxy)
}

pub fn listed(toxics: &[Toxic]) -> String {
    format!("[{}]", toxics.iter().map(Toxic::json).collect::<Vec<_>>().join(","))
}

/// Says so of a toxic that cannot do what it is for.
pub fn mention(control: &Control, proxy: &str, toxic: &Toxic) {
    if toxic.is_idle() {
        let name = toxic.fault_name(proxy);
        let msg = format!("{name} cuts nothing: its average_size is not above 0");
        control.journal.record("toxic.idle", msg, json!({ "fault": name, "proxy": proxy }));
    }
}

async fn find(control: &Control, proxy: &str, name: &str) -> Result<Toxic, Refusal> {
    known(control, proxy).await?;
    let toxics = of_proxy(control, proxy).await;
    toxics.into_iter().find(|toxic| toxic.name == name).ok_or_else(|| Refusal::new(404, "toxic not found"))
}

async fn put(control: &Control, proxy: &str, toxic: &Toxic) -> Said {
    let put = control.proxies.put_fault(Owner::Api, Some(toxic.fault_name(proxy)), toxic.fault(proxy), None).await;
    // Its proxy can only have gone in between.
    put.map_err(|_| Refusal::new(404, "proxy not found"))?;
    mention(control, proxy, toxic);
    Ok(done(StatusCode::OK, toxic.json()))
}
