//! Keeps web pages away from the API: a browser may call it only from its own address. Programs are not held up by any of this, but
//! for names below /v1 that nobody has said: on Toxiproxy's paths they may call it as they like, since its clients always could.

use super::problem::Problem;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Who is calling.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Names by which this API may be called, besides those that are always good.
    pub hosts: Vec<String>,
}

/// Ends of names that nobody can register, so that no web page can make them lead here.
const PRIVATE: &[&str] = &[".localhost", ".internal", ".svc", ".svc.cluster.local"];

pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Result<Response, Problem> {
    let own = request.uri().path().split('/').nth(1) == Some("v1");
    guard.admits(request.headers(), own)?;
    Ok(next.run(request).await)
}

impl Guard {
    /// `own`: whether it is our own API that is called, and not Toxiproxy's.
    fn admits(&self, headers: &HeaderMap, own: bool) -> Result<(), Problem> {
        let text = |name: header::HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let host = text(header::HOST);
        if let Some(host) = &host
            && (own || is_browser(headers))
            && !self.knows(host)
        {
            let problem = Problem::new(403, format!("`{host}` is not a name of this Faultwire"));
            return Err(problem.detail("This keeps web pages away. If the name is right, put it into FAULTWIRE_HOSTS."));
        }
        if let Some(origin) = text(header::ORIGIN)
            && host.as_deref().is_none_or(|host| origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host)))
        {
            return Err(Problem::new(403, "web pages from elsewhere may not call this").detail(format!("This one is from {origin}.")));
        }
        match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
            None | Some(b"none" | b"same-origin") => Ok(()),
            Some(_) => Err(Problem::new(403, "web pages from elsewhere may not call this")),
        }
    }

    /// Names that lead here only if they are meant to: addresses, names without a dot, private ones, and those that were said.
    fn knows(&self, host: &str) -> bool {
        let name = name_of(host).to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        let single = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        address
            || single
            || PRIVATE.iter().any(|end| name.ends_with(end))
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// What every browser says of itself, some of it whatever a page would like to say instead.
fn is_browser(headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.contains_key(name);
    let agent = headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    agent || ["origin", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].into_iter().any(says)
}

fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(headers: &[(&'static str, &str)]) -> bool {
        asks(headers, true)
    }

    fn asks(headers: &[(&'static str, &str)], own: bool) -> bool {
        let headers = headers.iter().map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap())).collect();
        Guard { hosts: vec!["faults.example.com".into()] }.admits(&headers, own).is_ok()
    }

    #[test]
    fn programs_call_toxiproxy_by_any_name_and_web_pages_do_not() {
        let host = ("host", "toxiproxy.default:8474");
        assert!(asks(&[host], false) && asks(&[host, ("user-agent", "curl/8")], false) && !asks(&[host], true));
        for browser in [
            ("user-agent", "Mozilla/5.0"),
            ("referer", "http://x/"),
            ("sec-fetch-mode", "cors"),
            ("origin", "http://toxiproxy.default:8474"),
        ] {
            assert!(!asks(&[host, browser], false), "{browser:?}");
        }
    }

    #[test]
    fn names_that_are_ours() {
        for host in
            ["localhost:8474", "127.0.0.1:8474", "127.9.9.9", "[::1]:8474", "10.0.0.7:80", "faultwire:8474", "LOCALHOST", "toxi_proxy"]
        {
            assert!(admits(&[("host", host)]), "{host}");
        }
        for host in ["faultwire.shop.svc:8474", "a.b.svc.cluster.local", "host.docker.internal:8474", "faults.example.com", "x.localhost"] {
            assert!(admits(&[("host", host)]), "{host}");
        }
        for host in
            ["evil.example:8474", "localhost.evil.example", "127.0.0.1.evil.example", "", "evil.example.:8474", "ö", "evil.svc.example"]
        {
            assert!(!admits(&[("host", host)]), "{host}");
        }
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        assert!(admits(&[("host", "localhost:8474"), ("origin", "http://localhost:8474"), ("sec-fetch-site", "same-origin")]));
        assert!(admits(&[("host", "localhost:8474"), ("sec-fetch-site", "none")]));
        assert!(!admits(&[("host", "localhost:8474"), ("origin", "http://localhost:3000")]));
        assert!(!admits(&[("host", "localhost:8474"), ("origin", "null")]));
        assert!(!admits(&[("host", "localhost:8474"), ("origin", "https://evil.example")]));
        assert!(!admits(&[("host", "localhost:8474"), ("sec-fetch-site", "cross-site")]));
        assert!(!admits(&[("host", "localhost:8474"), ("sec-fetch-site", "same-site")]));
    }
}
