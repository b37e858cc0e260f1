//! What goes wrong with a request, as RFC 9457 says it, with the codes of `check`. It knows no endpoint.

use crate::say::plain;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use faultwire_faults::complaint::{Complaint, Severity, nearest};
use faultwire_proxy::proxies::{FaultError, ProxyError};
use serde_json::{Map, Value, json};
use std::io;

pub const MISSING_BODY: &str = "a body is missing";

/// On an answer that already says what is wrong in words of its own.
#[derive(Clone, Copy, Debug)]
pub struct AsIs;

#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    title: String,
    code: Option<&'static str>,
    detail: Option<String>,
    errors: Vec<Value>,
    etag: Option<u64>,
    more: Map<String, Value>,
}

impl Problem {
    pub fn new(status: u16, title: impl Into<String>) -> Problem {
        Problem {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            title: title.into(),
            code: None,
            detail: None,
            errors: Vec::new(),
            etag: None,
            more: Map::new(),
        }
    }

    pub fn code(mut self, code: &'static str) -> Problem {
        self.code = Some(code);
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = Some(detail.into());
        self
    }

    pub fn etag(mut self, generation: u64) -> Problem {
        self.etag = Some(generation);
        self
    }

    /// Whether all that is wrong is that there is no body.
    pub fn is_missing_body(&self) -> bool {
        self.title == MISSING_BODY
    }

    /// Nothing has this name: says which names there are, and which of them may have been meant.
    pub fn unknown(kind: &str, name: &str, there: &[String]) -> Problem {
        let mut problem = Problem::new(404, format!("there is no {kind} named `{name}`")).code("E0301");
        let list = there.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
        let list = match there.len() {
            0 => format!("There are no {}.", plural(kind)),
            1 => format!("There is {list}."),
            n if n > 20 => format!("There are {list} and {} more.", n - 20),
            _ => format!("There are {list}."),
        };
        problem.detail = Some(match nearest(name, there.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean `{near}`? {list}"),
            None => list,
        });
        problem.more.insert("names".into(), json!(there));
        problem
    }

    /// What is wrong with a body. All of it is told; the first error is the title.
    pub fn wrong(complaints: &[Complaint]) -> Problem {
        let first = complaints.iter().find(|complaint| complaint.severity() == Severity::Error).or(complaints.first());
        let Some(first) = first else { return Problem::new(422, "this cannot be taken") };
        let mut problem = Problem::new(422, first.message.clone()).code(first.code);
        if !first.label.is_empty() {
            let stop = if first.label.ends_with(['?', '.']) { "" } else { "." };
            problem.detail = Some(format!("{}{stop}", sentence(&first.label)));
        }
        problem.errors = complaints.iter().map(error).collect();
        problem
    }

    fn body(&self, instance: &str) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), self.code.map_or("about:blank".to_owned(), |code| format!("/v1/errors/{code}")).into());
        body.insert("title".into(), self.title.as_str().into());
        body.insert("status".into(), self.status.as_u16().into());
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        body.insert("instance".into(), instance.into());
        if let Some(code) = self.code {
            body.insert("code".into(), code.into());
        }
        body.extend(self.more.clone());
        if !self.errors.is_empty() {
            body.insert("errors".into(), json!(self.errors));
        }
        Value::Object(body)
    }
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Problem {
        match error {
            FaultError::Wrong(complaints) => Problem::wrong(&complaints),
            FaultError::Name(_) => Problem::new(422, error.to_string())
                .code("E0207")
                .detail("A name has no `/`, no `@`, no control characters, and 1 to 128 bytes."),
        }
    }
}

impl From<ProxyError> for Problem {
    fn from(error: ProxyError) -> Problem {
        let title = plain(&error);
        match error {
            ProxyError::Listen { why, .. } if why.kind() == io::ErrorKind::AddrInUse => Problem::new(409, title)
                .code("E0302")
                .detail("Something listens there already; choose another port, or 0 for any free one."),
            ProxyError::Listen { .. } => Problem::new(409, title).detail("Choose an address of this machine and a port above 1023."),
            ProxyError::Loop { .. } => Problem::new(422, title).code("E0306"),
            ProxyError::Misfit(complaints) => Problem::wrong(&complaints),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(tag) = self.etag.and_then(|generation| HeaderValue::from_str(&format!("\"g{generation}\"")).ok()) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every problem its body, also those that the router found by itself.
pub async fn finish(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if response.extensions().get::<AsIs>().is_some() {
        return response;
    }
    let known = response.extensions_mut().remove::<Problem>();
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    let problem = match known {
        Some(problem) => problem,
        None if (status.is_client_error() || status.is_server_error()) && !ours => {
            Problem::new(status.as_u16(), status.canonical_reason().unwrap_or("this request cannot be answered"))
        }
        None => return response,
    };
    *response.body_mut() = Body::from(format!("{}\n", problem.body(&instance)));
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn error(complaint: &Complaint) -> Value {
    let mut error =
        json!({ "pointer": complaint.place.pointer, "code": complaint.code, "message": complaint.message, "detail": complaint.label });
    if !complaint.notes.is_empty() {
        error["notes"] = json!(complaint.notes);
    }
    if let Some(fix) = complaint.fixes.first() {
        let edits: Vec<Value> = fix.edits.iter().map(|edit| json!({ "pointer": edit.place.pointer, "text": edit.text })).collect();
        error["fix"] = json!({ "title": fix.title, "edits": edits });
    }
    error
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::node::Place;

    #[test]
    fn a_problem_says_where_and_what_else_there_is() {
        let place = Place { pointer: "/latency".into(), ..Place::default() };
        let complaint = Complaint::new("E0201", "`latency` needs a unit", &place, "milliseconds?").fix("write it", &place, "5ms");
        let body = Problem::wrong(&[complaint]).body("/v1/faults/x");
        assert_eq!(body["type"], "/v1/errors/E0201");
        assert_eq!(body["status"], 422);
        assert_eq!(body["errors"][0]["pointer"], "/latency");
        assert_eq!(body["errors"][0]["fix"]["edits"][0]["text"], "5ms");
        let names = ["redis".to_owned(), "orders".to_owned()];
        let body = Problem::unknown("proxy", "reddis", &names).body("/v1/proxies/reddis");
        assert_eq!(body["detail"], "Did you mean `redis`? There are redis, orders.");
        assert_eq!(Problem::unknown("proxy", "x", &[]).body("")["detail"], "There are no proxies.");
    }
}
