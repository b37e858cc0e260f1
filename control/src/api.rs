//! The control API: its routes, and what every request goes through. What an endpoint does stands in its own file.

pub mod await_;
pub mod body;
pub mod events;
pub mod faults;
pub mod guard;
pub mod health;
pub mod problem;
pub mod proxies;
pub mod server;
pub mod toxiproxy;
pub mod view;

use crate::control::Control;
use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    middleware::{self, Next},
    response::Response,
    routing::{any, get, post, put},
};
use guard::{Guard, Peer};
use problem::Problem;
use serde_json::json;
use std::sync::Arc;

/// What the endpoints of a later version are called.
const LATER: &[&str] =
    &["sessions", "config", "check", "explain", "runs", "marks", "alerts", "lock", "coverage", "trend", "halt", "resume", "quit"];

pub fn router(control: Arc<Control>, guard: Arc<Guard>) -> Router {
    Router::new()
        .route("/v1", get(health::about))
        .route("/v1/proxies", get(proxies::list))
        .route("/v1/proxies/{name}", get(proxies::one).put(proxies::put).patch(proxies::patch).delete(proxies::delete))
        .route("/v1/faults", get(faults::list).post(faults::post))
        .route("/v1/faults/{name}", get(faults::one).put(faults::put).patch(faults::patch).delete(faults::delete))
        .route("/v1/faults/{name}/lease", put(faults::renew))
        .route("/v1/heal", post(faults::heal))
        .route("/v1/effects", get(health::effects))
        .route("/v1/await", get(await_::wait))
        .route("/v1/events", get(events::stream))
        .route("/v1/errors/{code}", get(health::error))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", any(health::metrics))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(middleware::from_fn_with_state(control.clone(), record))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::from_fn(problem::finish))
        .with_state(control)
}

/// Writes down every order: who, what, and what came of it.
async fn record(State(control): State<Arc<Control>>, request: Request, next: Next) -> Result<Response, Problem> {
    let method = request.method().clone();
    if matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.run(request).await);
    }
    let path = request.uri().path().to_owned();
    let heals = path == "/v1/heal" || path == "/reset" || method == Method::DELETE;
    if control.is_stopping() && !heals {
        return Err(Problem::new(503, "Faultwire is shutting down").detail("Everything has been healed; nothing new is taken."));
    }
    let who = request.extensions().get::<Peer>().map(|peer| peer.0.to_string());
    let actor = request.headers().get("x-faultwire-actor").map(|actor| String::from_utf8_lossy(actor.as_bytes()).into_owned());
    let answer = next.run(request).await;
    control.ring();
    let generation =
        answer.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()?.trim_matches('"').strip_prefix('g')?.parse::<u64>().ok());
    let status = answer.status().as_u16();
    let msg = format!("{} {method} {path}: {status}", actor.as_deref().or(who.as_deref()).unwrap_or("someone"));
    let fields = json!({ "who": who, "actor": actor, "method": method.as_str(), "path": path, "status": status, "generation": generation });
    control.journal.record("order", msg, fields);
    Ok(answer)
}

/// What is not below /v1 belongs to Toxiproxy's API.
async fn nothing_here(State(control): State<Arc<Control>>, request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    if path != "/v1" && !path.starts_with("/v1/") {
        return Ok(toxiproxy::answer(&control, request).await);
    }
    let word = path.strip_prefix("/v1/").map(|rest| rest.split('/').next().unwrap_or_default());
    Err(match word {
        Some(word) if LATER.contains(&word) => Problem::new(501, format!("`/v1/{word}` comes with a later version")).code("E0109"),
        _ => Problem::new(404, format!("there is nothing at {path}")).detail("The API begins at /v1."),
    })
}

async fn not_that_way(request: Request) -> Problem {
    Problem::new(405, format!("{} is not something to do with {}", request.method(), request.uri().path()))
}
