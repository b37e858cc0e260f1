//! What the process says of itself: what it is, whether it lives, whether it is ready, its measures, its words.

use super::{body::answer, problem::Problem};
use crate::{codes, control::Control, telemetry};
use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faultwire_faults::{
    contract::{Key, Way},
    effect::ROWS,
    fault::{KEYS, unbuilt},
};
use serde_json::{Value, json};
use std::sync::Arc;

type Held = State<Arc<Control>>;

pub async fn about(State(control): Held) -> Response {
    let json = json!({
        "name": "faultwire",
        "version": env!("CARGO_PKG_VERSION"),
        "stage": 1,
        "seed": control.proxies.seed().0,
        "generation": control.proxies.generation().await,
        "carries": ["tcp"],
        "effects": ROWS.iter().map(|row| row.name).collect::<Vec<_>>(),
        "capabilities": ["proxies", "faults", "leases", "heal", "await", "events", "metrics"],
        "links": {
            "proxies": "/v1/proxies", "faults": "/v1/faults", "heal": "/v1/heal", "effects": "/v1/effects", "await": "/v1/await",
            "events": "/v1/events", "metrics": "/metrics", "live": "/livez", "ready": "/readyz",
        },
    });
    answer(StatusCode::OK, &json, None)
}

/// The catalogue, straight from the table that reads faults.
pub async fn effects() -> Response {
    let effects: Vec<Value> = ROWS
        .iter()
        .map(|row| json!({ "name": row.name, "ends": row.ends, "direction": way(row.way), "example": row.example, "keys": keys(row.keys) }))
        .collect();
    let ready: Vec<Value> =
        faultwire_scenarios::library::LIBRARY.iter().map(|ready| json!({ "name": ready.name, "about": ready.about })).collect();
    answer(StatusCode::OK, &json!({ "effects": effects, "keys": keys(KEYS), "later": unbuilt(), "scenarios": ready }), None)
}

pub async fn error(Path(code): Path<String>) -> Result<Response, Problem> {
    match codes::find(&code) {
        Some((code, about)) => {
            let (wrong, right) = codes::example(code).unzip();
            Ok(answer(StatusCode::OK, &json!({ "code": code, "about": about, "wrong": wrong, "right": right }), None))
        }
        None => Err(Problem::new(404, format!("there is no error `{code}`"))),
    }
}

pub async fn live() -> Response {
    answer(StatusCode::OK, &json!({ "alive": true }), None)
}

/// A file that was refused makes nothing less ready if a good one is in force; it is told all the same.
pub async fn ready(State(control): Held) -> Response {
    let file = control.file();
    let ready = !control.is_stopping() && (file.refused.is_none() || !file.config.name.is_empty());
    let broken = control.journal.broken();
    let json = json!({
        "ready": ready,
        "proxies": control.proxies.proxies().await.len(),
        "config": { "file": file.config.name, "ok": file.refused.is_none(), "refused": file.refused },
        "journal": { "ok": broken.is_none(), "why": broken },
    });
    answer(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &json, None)
}

pub async fn metrics(State(control): Held) -> Response {
    let text = telemetry::render(&telemetry::Reading::take(&control).await);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], text).into_response()
}

fn keys(keys: &[Key]) -> Vec<Value> {
    // What is for a later version is listed by name alone.
    keys.iter()
        .filter(|key| key.since.built)
        .map(|key| json!({ "name": key.name, "values": key.values, "default": key.default, "about": key.about }))
        .collect()
}

fn way(way: Way) -> &'static str {
    match way {
        Way::ToServer => "to_server",
        Way::ToClient => "to_client",
        Way::Both => "both",
    }
}
