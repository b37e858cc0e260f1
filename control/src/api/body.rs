//! Reading what a request carries: its body within limits of size and time, and its preconditions.

use super::problem::{MISSING_BODY, Problem};
use crate::json;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use std::time::Duration;

/// No body is larger.
const LARGEST: usize = 1 << 20;
/// A body that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body as JSON.
pub async fn json(body: Body) -> Result<Value, Problem> {
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST).collect()).await;
    let bytes = match whole {
        Err(_) => return Err(Problem::new(408, "the body did not come in time").detail(format!("It is to be here within {PATIENCE:?}."))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(Problem::new(413, "this body is too large").detail("At most 1 MiB is taken."));
        }
        Ok(Err(_)) => return Err(Problem::new(400, "the body ended early")),
        Ok(Ok(whole)) => whole.to_bytes(),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(400, MISSING_BODY).detail("Send a JSON object."));
    }
    json::parse(&bytes).map_err(|why| match why.contains("appears twice") {
        true => Problem::new(400, "a key appears twice").code("E0003").detail(format!("In the body, {why}.")),
        false => Problem::new(400, "the body is not JSON").code("E0001").detail(format!("{why}.")),
    })
}

/// The body as a JSON object.
pub async fn object(body: Body) -> Result<Value, Problem> {
    let value = json(body).await?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Problem::new(422, "the body is to be a JSON object").code("E0207")),
    }
}

/// `If-Match` and `If-None-Match: *`, for something that has this generation or is not there.
pub fn check_preconditions(headers: &HeaderMap, there: Option<u64>) -> Result<(), Problem> {
    let tags = |name: header::HeaderName| -> Vec<String> {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/").to_owned()).collect()
    };
    let own = there.map(|generation| format!("\"g{generation}\""));
    let wanted = tags(header::IF_MATCH);
    let fits = |tags: &[String]| own.as_ref().is_some_and(|own| tags.iter().any(|tag| tag == "*" || tag == own));
    if !wanted.is_empty() && !fits(&wanted) {
        return Err(match there {
            Some(generation) => {
                Problem::new(412, "it has changed since").detail(format!("It is at \"g{generation}\" now; read it again.")).etag(generation)
            }
            None => Problem::new(412, "it is not there"),
        });
    }
    if fits(&tags(header::IF_NONE_MATCH)) {
        let problem = Problem::new(412, "it is there already");
        return Err(there.map_or(problem.clone(), |generation| problem.etag(generation)));
    }
    Ok(())
}

/// An answer in JSON, with its generation as `ETag`.
pub fn answer(status: StatusCode, body: &Value, generation: Option<u64>) -> Response {
    let mut response = (status, format!("{body}\n")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(tag) = generation.and_then(|generation| HeaderValue::from_str(&format!("\"g{generation}\"")).ok()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(name: &'static str, value: &str, there: Option<u64>) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        check_preconditions(&headers, there).map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
    }

    #[test]
    fn preconditions() {
        assert_eq!(status("if-match", "\"g7\"", Some(7)), 200);
        assert_eq!(status("if-match", "\"g6\", \"g7\"", Some(7)), 200);
        assert_eq!(status("if-match", "\"g6\"", Some(7)), 412);
        assert_eq!(status("if-match", "*", Some(7)), 200);
        assert_eq!(status("if-match", "*", None), 412);
        assert_eq!(status("if-none-match", "*", None), 200);
        assert_eq!(status("if-none-match", "*", Some(7)), 412);
        assert_eq!(status("x-other", "*", None), 200);
    }

    #[tokio::test]
    async fn bodies_within_limits() {
        let status =
            async |bytes: Vec<u8>| json(Body::from(bytes)).await.map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200);
        assert_eq!(status(b"{}".to_vec()).await, 200);
        assert_eq!(status(b"  \n".to_vec()).await, 400);
        assert_eq!(status(b"{".to_vec()).await, 400);
        assert_eq!(status(b"\xff\xfe".to_vec()).await, 400);
        assert_eq!(status(vec![b' '; LARGEST + 1]).await, 413);
    }
}
