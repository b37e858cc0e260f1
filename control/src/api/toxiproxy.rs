//! Toxiproxy's API, for clients that know nothing else: its paths, statuses, headers and texts, to the byte, over our own proxies and
//! faults. It holds nothing of its own. Methods and paths are decided here, as its router does, and not by ours.

mod address;
pub mod decode;
pub mod json;
mod proxies;
mod strict;
pub mod toxic;
mod toxics;

pub use address::{no_such_host, resolve};
pub use proxies::Wanted;

use super::problem::AsIs;
use crate::control::Control;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use faultwire_proxy::proxies::ProxyView;
use http_body_util::{BodyExt, Limited};
use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

/// The version that is spoken. Clients choose between POST and PATCH by it.
pub const SPOKEN: &str = "2.12.0";
/// No body is larger.
const LARGEST: usize = 16 << 20;
/// A body that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is wrong with a request, in Toxiproxy's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Reset,
    Version,
    Populate,
    Proxies,
    Create,
    Proxy(String),
    Update(String),
    Delete(String),
    Toxics(String),
    AddToxic(String),
    Toxic(String, String),
    UpdateToxic(String, String),
    RemoveToxic(String, String),
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    To(Asked),
    /// The path is known, and the method is not one of its.
    NotThatWay,
    Nowhere,
    Elsewhere(String),
    Unreadable,
}

type Said = Result<Response, Refusal>;

pub async fn answer(control: &Control, request: Request) -> Response {
    let mut response = match route(request.method(), request.uri().path()) {
        Route::To(asked) => routed(control, asked, request).await,
        Route::NotThatWay => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        Route::Nowhere => text(404, "404 page not found\n"),
        Route::Unreadable => typed(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "400 Bad Request".to_owned()),
        Route::Elsewhere(path) => {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
            if let Ok(location) = HeaderValue::from_str(&format!("{}{query}", super::faults::escaped(&path).replace("%2F", "/"))) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
    };
    response.extensions_mut().insert(AsIs);
    response
}

async fn routed(control: &Control, asked: Asked, request: Request) -> Response {
    let mut response = if from_browser(&request) {
        text(403, "User agent not allowed\n")
    } else {
        let many = asked == Asked::Populate;
        match said(control, asked, request.into_body()).await {
            Ok(response) => response,
            Err(refusal) if many => proxies::refused(&refusal, "null"),
            Err(refusal) => refusal.into_response(),
        }
    };
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        response.headers_mut().insert("x-toxiproxy-request-id", id);
    }
    response
}

async fn said(control: &Control, asked: Asked, body: Body) -> Said {
    match asked {
        Asked::Version => Ok(version()),
        Asked::Reset => proxies::reset(control).await,
        Asked::Populate => proxies::populate(control, &read(control, body).await?).await,
        Asked::Proxies => proxies::list(control).await,
        Asked::Create => proxies::create(control, &read(control, body).await?).await,
        Asked::Proxy(name) => proxies::one(control, &name).await,
        Asked::Update(name) => proxies::update(control, &name, body).await,
        Asked::Delete(name) => proxies::delete(control, &name).await,
        Asked::Toxics(proxy) => toxics::list(control, &proxy).await,
        Asked::AddToxic(proxy) => toxics::add(control, &proxy, body).await,
        Asked::Toxic(proxy, toxic) => toxics::one(control, &proxy, &toxic).await,
        Asked::UpdateToxic(proxy, toxic) => toxics::update(control, &proxy, &toxic, body).await,
        Asked::RemoveToxic(proxy, toxic) => toxics::remove(control, &proxy, &toxic).await,
    }
}

/// What a file says, which is what a body of `/populate` says. `names`: of the proxies that are there afterwards.
pub async fn populate_from(control: &Control, file: &[u8], names: &mut Vec<String>) -> Result<(), Refusal> {
    let said = first(control, file)?;
    proxies::populate_from(control, &said, names).await
}

/// The proxies of a configuration file, or of what `GET /proxies` answers. Nothing in it is passed over.
pub fn entries(file: &[u8]) -> Result<Vec<Wanted>, String> {
    let (said, end) = decode::first(file)?;
    strict::rest(&file[end..]).map_err(|refusal| refusal.message)?;
    proxies::entries(said).map_err(|refusal| refusal.message.trim_start_matches("bad request body: ").to_owned())
}

/// As gorilla/mux decides: on the decoded and cleaned path, the method last.
fn route(method: &Method, raw: &str) -> Route {
    let Some(path) = decoded(raw) else { return Route::Unreadable };
    let clean = cleaned(&path);
    if clean != path {
        return Route::Elsewhere(clean);
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.contains(&"") {
        return Route::Nowhere;
    }
    let name = |at: usize| segments[at].to_owned();
    let asked = match (&segments[..], method.as_str()) {
        (["version"], "GET") => Asked::Version,
        (["reset"], "POST") => Asked::Reset,
        (["populate"], "POST") => Asked::Populate,
        (["proxies"], "GET") => Asked::Proxies,
        (["proxies"], "POST") => Asked::Create,
        (["proxies", _], "GET") => Asked::Proxy(name(1)),
        (["proxies", _], "POST" | "PATCH") => Asked::Update(name(1)),
        (["proxies", _], "DELETE") => Asked::Delete(name(1)),
        (["proxies", _, "toxics"], "GET") => Asked::Toxics(name(1)),
        (["proxies", _, "toxics"], "POST") => Asked::AddToxic(name(1)),
        (["proxies", _, "toxics", _], "GET") => Asked::Toxic(name(1), name(3)),
        (["proxies", _, "toxics", _], "POST" | "PATCH") => Asked::UpdateToxic(name(1), name(3)),
        (["proxies", _, "toxics", _], "DELETE") => Asked::RemoveToxic(name(1), name(3)),
        (["version" | "reset" | "populate" | "proxies"] | ["proxies", _] | ["proxies", _, "toxics"] | ["proxies", _, "toxics", _], _) => {
            return Route::NotThatWay;
        }
        _ => return Route::Nowhere,
    };
    Route::To(asked)
}

/// Percent-decoded; `None` if it cannot be.
fn decoded(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (hex, tail) = rest.split_at_checked(2)?;
        let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = tail;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Without empty segments, `.` and `..`; a slash at the end stays.
fn cleaned(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn from_browser(request: &Request) -> bool {
    request.headers().get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}

async fn read(control: &Control, body: Body) -> Result<decode::Json, Refusal> {
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST).collect()).await;
    match whole {
        Ok(Ok(whole)) => first(control, &whole.to_bytes()),
        Ok(Err(_)) | Err(_) => Err(Refusal::body("unexpected EOF")),
    }
}

fn first(control: &Control, bytes: &[u8]) -> Result<decode::Json, Refusal> {
    let (said, end) = decode::first(bytes).map_err(|why| Refusal::body(&why))?;
    if control.manners.strict {
        strict::rest(&bytes[end..])?;
    }
    Ok(said)
}

fn version() -> Response {
    let body = format!("{{\"version\": \"{SPOKEN}\", \"faultwire\": \"{}\"}}\n", env!("CARGO_PKG_VERSION"));
    typed(StatusCode::OK, "application/json;charset=utf-8", body)
}

fn done(status: StatusCode, body: String) -> Response {
    typed(status, "application/json", body)
}

fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// As Go's `http.Error` says it.
fn text(status: u16, body: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = typed(status, "text/plain; charset=utf-8", body.to_owned());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn known(control: &Control, proxy: &str) -> Result<ProxyView, Refusal> {
    control.proxies.proxy(proxy).await.ok_or_else(|| Refusal::new(404, "proxy not found"))
}

/// Twelve bytes in base 32: the time in seconds, the process, and a count.
fn request_id() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() as u32;
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
    let number = u128::from(seconds) << 64 | u128::from(process) << 32 | u128::from(count);
    // 96 bits are 20 digits, the last of which has one bit.
    (0..20).map(|i| DIGITS[((number << 4) >> (95 - 5 * i)) as usize & 31] as char).collect()
}

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into() }
    }

    /// A body that cannot be read.
    fn body(why: &str) -> Refusal {
        Refusal::new(400, format!("bad request body: {why}"))
    }

    fn inside(&self) -> String {
        format!("\"error\":{},\"status\":{}", json::quoted(&self.message), self.status)
    }

    fn into_response(self) -> Response {
        text(self.status, &format!("{{{}}}\n", self.inside()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(method: &str, path: &str) -> Route {
        route(&method.parse().unwrap(), path)
    }

    #[test]
    fn paths_and_methods() {
        assert_eq!(to("GET", "/version"), Route::To(Asked::Version));
        assert_eq!(to("GET", "/proxies/127.0.0.1:80"), Route::To(Asked::Proxy("127.0.0.1:80".into())));
        assert_eq!(to("GET", "/proxies/a%20b"), Route::To(Asked::Proxy("a b".into())));
        assert_eq!(to("PATCH", "/proxies/a/toxics/b%3Ac"), Route::To(Asked::UpdateToxic("a".into(), "b:c".into())));
        for path in ["/", "/nope", "/proxies/", "/proxies/a/", "/proxies/a%2Fb", "/proxies/a/nope", "/proxies/a/toxics/b/c", "/v2"] {
            assert_eq!(to("GET", path), Route::Nowhere, "{path}");
        }
        for (method, path) in
            [("HEAD", "/version"), ("OPTIONS", "/proxies"), ("PUT", "/proxies/a"), ("GET", "/reset"), ("PATCH", "/proxies")]
        {
            assert_eq!(to(method, path), Route::NotThatWay, "{method} {path}");
        }
        assert_eq!(to("GET", "//proxies"), Route::Elsewhere("/proxies".into()));
        assert_eq!(to("GET", "/a/../proxies/"), Route::Elsewhere("/proxies/".into()));
        assert_eq!(to("GET", "/proxies/%zz"), Route::Unreadable);
        assert_eq!(to("GET", "/proxies/%f"), Route::Unreadable);
    }

    #[test]
    fn no_two_requests_have_one_name() {
        let ids: Vec<String> = (0..100).map(|_| request_id()).collect();
        assert!(ids.iter().all(|id| id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte))));
        assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{ids:?}");
    }
}
