//! The server that is spoken to, whoever has made it: requests as Toxiproxy's own client sends them, and its words for what goes wrong.
//! It speaks plain HTTP and goes straight there: a proxy that the environment names is none for what stands beside a test.

use crate::{api::toxiproxy, client, say::plain};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, Uri,
    body::{Bytes, Incoming},
    header,
};
use std::{fmt::Write, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle},
    time::{Instant, timeout, timeout_at},
};

/// A request takes no longer, answer included.
const LIMIT: Duration = Duration::from_secs(30);
const OVERDUE: &str = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
const CUT_SHORT: &str = "context deadline exceeded (Client.Timeout or context cancellation while reading body)";

pub struct Remote {
    scheme: &'static str,
    /// Host, port, and the path in front of all others.
    place: String,
}

impl Remote {
    /// An address with or without a scheme. What is wrong with it is told when it is asked.
    pub fn new(host: &str) -> Remote {
        let (scheme, place) = match (host.strip_prefix("http://"), host.strip_prefix("https://")) {
            (_, Some(place)) => ("https", place),
            (place, _) => ("http", place.unwrap_or(host)),
        };
        Remote { scheme, place: place.trim_end_matches('/').to_owned() }
    }

    pub fn get(&self, path: &str) -> Result<Bytes, String> {
        self.send(Method::GET, path, None)
    }

    pub fn post(&self, path: &str, body: String) -> Result<Bytes, String> {
        self.send(Method::POST, path, Some(body))
    }

    pub fn patch(&self, path: &str, body: String) -> Result<Bytes, String> {
        self.send(Method::PATCH, path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Result<(), String> {
        self.send(Method::DELETE, path, None).map(drop)
    }

    fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<Bytes, String> {
        let url = format!("{}://{}{path}", self.scheme, self.place);
        let name = method.as_str();
        let failed = |why: String| format!("fail to request: {}{} \"{url}\": {why}", &name[..1], name[1..].to_ascii_lowercase());
        if self.place.is_empty() {
            return Err(failed("http: no Host in request URL".to_owned()));
        }
        let uri = url.parse::<Uri>().map_err(|error| format!("parse {url:?}: {error}"))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| failed(plain(error)))?;
        runtime.block_on(async {
            let end = Instant::now() + LIMIT;
            let asked = timeout_at(end, ask(runtime.handle(), method.clone(), &uri, body.unwrap_or_default())).await;
            let response = asked.map_err(|_| failed(OVERDUE.to_owned()))?.map_err(failed)?;
            let status = response.status().as_u16();
            let location = response.headers().get(header::LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
            let body = timeout_at(end, response.into_body().collect()).await.map_err(|_| CUT_SHORT.to_owned())?;
            let body = body.map_err(|_| "unexpected EOF".to_owned())?;
            match (status, location) {
                (200..300, _) => Ok(body.to_bytes()),
                (300..400, Some(location)) => Err(format!("HTTP {status}: it has moved to {location}")),
                _ => Err(refusal(&body.to_bytes())),
            }
        })
    }
}

/// Sends a request, and has the head of the answer.
async fn ask(runtime: &Handle, method: Method, uri: &Uri, body: String) -> Result<Response<Incoming>, String> {
    let stream = connect(uri).await?;
    let between = (stream.local_addr(), stream.peer_addr());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let agent = format!("toxiproxy-cli/{} ({}/{})", toxiproxy::SPOKEN, go_os(), go_arch());
    let request = Request::builder().method(method).uri(path).header(header::HOST, host);
    let request = request.header(header::USER_AGENT, agent).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    client::exchange(stream, runtime, request).await.map_err(|error| match (&between, std::error::Error::source(&error).map(plain)) {
        _ if error.is_incomplete_message() => "EOF".to_owned(),
        ((Ok(from), Ok(to)), Some(why)) => format!("read tcp {from}->{to}: read: {}", why.to_lowercase()),
        _ => error.to_string(),
    })
}

/// The first address that answers, or what the first of them said.
async fn connect(uri: &Uri) -> Result<TcpStream, String> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if uri.scheme_str() == Some("https") {
        return Err("TLS is not spoken here: name an address that takes plain HTTP".to_owned());
    }
    if authority.contains('@') {
        return Err("user names are not sent: name an address without one".to_owned());
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = match authority.rsplit_once(':') {
        Some((_, port)) if !port.is_empty() && !port.ends_with(']') => {
            port.parse().map_err(|_| format!("dial tcp: address {port}: invalid port"))?
        }
        _ => 80,
    };
    let addresses = tokio::net::lookup_host((host, port)).await.map(Iterator::collect::<Vec<SocketAddr>>);
    let addresses = addresses.ok().filter(|addresses| !addresses.is_empty());
    let addresses = addresses.ok_or_else(|| format!("dial tcp: {}", toxiproxy::no_such_host(host)))?;
    // One that does not answer leaves time for the others.
    let share = LIMIT / u32::try_from(addresses.len()).unwrap_or(1);
    let mut first = None;
    for address in addresses {
        let why = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("connect: {}", plain(error).to_lowercase()),
            Err(_) => "i/o timeout".to_owned(),
        };
        first.get_or_insert(format!("dial tcp {address}: {why}"));
    }
    Err(first.unwrap_or_default())
}

/// An answer that is no success, as that client reads it.
fn refusal(body: &[u8]) -> String {
    let said = toxiproxy::decode::first(body).and_then(|(said, _)| {
        let mut fields = toxiproxy::json::Fields::of(&said, "toxiproxy.", "ApiError")?;
        let (status, message) = (fields.whole("status", "int").unwrap_or(0), fields.text("error").unwrap_or_default());
        fields.check().map(|()| (status, message))
    });
    said.map_or_else(|why| why, |(status, message)| format!("HTTP {status}: {message}"))
}

/// The path of a proxy, or of something below it. What would end the path, or stand for something else in it, is escaped.
pub fn path(proxy: &str, below: &str) -> String {
    format!("/proxies/{}{below}", escaped(proxy))
}

pub fn toxic_path(proxy: &str, toxic: &str) -> String {
    path(proxy, &format!("/toxics/{}", escaped(toxic)))
}

/// Escapes that are there already stay, since that client passes them on.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let escapes = byte == b'%' && name.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        if escapes || byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

fn go_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "loongarch64" => "loong64",
        arch => arch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("127.0.0.1:80", ""), "/proxies/127.0.0.1:80");
        assert_eq!(toxic_path("a b", "c?d#e"), "/proxies/a%20b/toxics/c%3Fd%23e");
        assert_eq!(path("100%", ""), "/proxies/100%25");
        assert_eq!(path("a%20b", ""), "/proxies/a%20b");
        assert_eq!(path("é<", ""), "/proxies/%C3%A9%3C");
    }

    #[test]
    fn answers_that_are_none() {
        assert_eq!(refusal(br#"{"error":"proxy not found","status":404}"#), "HTTP 404: proxy not found");
        assert_eq!(refusal(b"404 page not found\n"), "json: cannot unmarshal number into Go value of type toxiproxy.ApiError");
        assert_eq!(refusal(b"<html>"), "invalid character '<' looking for beginning of value");
        assert_eq!(refusal(b""), "EOF");
    }

    #[test]
    fn addresses_that_cannot_be_asked() {
        let why = |host: &str| Remote::new(host).get("/proxies").unwrap_err();
        assert_eq!(why(""), "fail to request: Get \"http:///proxies\": http: no Host in request URL");
        assert!(why("http://a b").starts_with("parse \"http://a b/proxies\": "));
        assert_eq!(
            why("127.0.0.1:99999"),
            "fail to request: Get \"http://127.0.0.1:99999/proxies\": dial tcp: address 99999: invalid port"
        );
        assert!(why("https://127.0.0.1").ends_with("name an address that takes plain HTTP"));
        assert!(why("http://u:p@127.0.0.1").ends_with("name an address without one"));
    }
}
