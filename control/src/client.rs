//! A small client of the API, for the verbs that act on a running Faultwire. Everything has a time limit, and every failure says what to do.

use crate::{
    exit::{Exit, Failure},
    json,
    say::plain,
};
use faultwire_proxy::tasks::Scope;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle, Runtime},
    time::timeout,
};

/// How long reaching it may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
pub const ANSWER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Client {
    url: String,
    host: String,
    port: u16,
    prefix: String,
    runtime: Runtime,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn new(url: &str) -> Result<Client, Failure> {
        let (host, port, prefix) = parts(url)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Unavailable, format!("error: cannot start: {error}")))?;
        Ok(Client { url: url.trim_end_matches('/').to_owned(), host, port, prefix, runtime })
    }

    /// Asks and waits for the whole answer, whatever its status.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>, limit: Duration) -> Result<Answer, Failure> {
        self.runtime.block_on(async {
            let answer = async {
                let response = self.send(method, path, body, "application/json").await?;
                let status = response.status().as_u16();
                let bytes = response.into_body().collect().await.map_err(|error| self.broken(&error))?.to_bytes();
                let body = json::parse(&bytes).unwrap_or_default();
                if body.is_null() && !bytes.is_empty() {
                    return Err(self.foreign(status));
                }
                Ok(Answer { status, body })
            };
            timeout(limit, answer).await.map_err(|_| self.silent(limit))?
        })
    }

    /// The same, where anything but success is an error.
    pub fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let answer = self.call(method, path, body, ANSWER)?;
        match answer.status {
            200..300 => Ok(answer.body),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Reads lines of JSON as they come, until there are no more or `take` says `false`.
    pub fn lines(&self, path: &str, mut take: impl FnMut(Value) -> bool) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let response =
                timeout(ANSWER, self.send(Method::GET, path, None, "application/x-ndjson")).await.map_err(|_| self.silent(ANSWER))??;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            if status != 200 {
                let bytes = body.collect().await.map_err(|error| self.broken(&error))?.to_bytes();
                return Err(self.refused(&Answer { status, body: json::parse(&bytes).unwrap_or_default() }));
            }
            let mut rest = Vec::new();
            while let Some(frame) = body.frame().await {
                // It has ended without a word: that is an end all the same.
                let Ok(frame) = frame else { return Ok(()) };
                rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    if let Ok(value) = json::parse(&line)
                        && !take(value)
                    {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, accept: &str) -> Result<Response<Incoming>, Failure> {
        let stream = match timeout(CONNECT, TcpStream::connect((self.host.as_str(), self.port))).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.unreachable(&plain(error))),
            Err(_) => return Err(self.unreachable(&format!("no answer within {} s", CONNECT.as_secs()))),
        };
        let host = if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, host)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, concat!("faultwire/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json");
        let request = match crate::cli::variable("FAULTWIRE_ACTOR") {
            Some(actor) => request.header("x-faultwire-actor", actor),
            None => request,
        };
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(Full::new(bytes)).map_err(|error| Failure::usage(format!("error: this cannot be asked: {error}")))?;
        exchange(stream, self.runtime.handle(), request).await.map_err(|error| self.broken(&error))
    }

    fn unreachable(&self, why: &str) -> Failure {
        Failure::new(
            Exit::Unavailable,
            format!(
                "error: cannot reach Faultwire at {}: {why}\nhelp: is `faultwire serve` running? Another place is named by --url or FAULTWIRE_URL",
                self.url
            ),
        )
    }

    fn silent(&self, limit: Duration) -> Failure {
        Failure::new(
            Exit::Unavailable,
            format!("error: {} accepts connections but does not answer within {} s\nhelp: is that Faultwire?", self.url, limit.as_secs()),
        )
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        Failure::new(
            Exit::Unavailable,
            format!("error: {} does not speak HTTP as Faultwire does: {error}\nhelp: is that Faultwire?", self.url),
        )
    }

    /// The answer of somebody else.
    pub fn foreign(&self, status: u16) -> Failure {
        Failure::new(Exit::Unavailable, format!("error: {} answers {status} as Faultwire would not\nhelp: is that Faultwire?", self.url))
    }

    /// The same, where anything but a list is an error.
    pub fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        match self.ask(Method::GET, path, None)? {
            Value::Array(list) => Ok(list),
            _ => Err(self.foreign(200)),
        }
    }

    /// A problem, as a diagnostic. What was asked for was wrong, or is not there: wrong usage.
    pub fn refused(&self, answer: &Answer) -> Failure {
        let Some(title) = answer.body.get("title").and_then(Value::as_str) else {
            return self.foreign(answer.status);
        };
        let code = answer.body["code"].as_str().map(|code| format!("[{code}]")).unwrap_or_default();
        let mut text = format!("error{code}: {title}");
        let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        if errors.is_empty()
            && let Some(detail) = answer.body["detail"].as_str()
        {
            text += &format!("\nhelp: {detail}");
        }
        for (at, error) in errors.iter().enumerate() {
            let said = |key: &str| error[key].as_str().filter(|said| !said.is_empty()).map(str::to_owned);
            if at > 0
                && let Some(message) = said("message")
            {
                text += &format!("\nerror{}: {message}", said("code").map(|code| format!("[{code}]")).unwrap_or_default());
            }
            let place = said("pointer").map(|pointer| format!("{}: ", pointer.trim_start_matches('/'))).unwrap_or_default();
            text += &said("detail").map(|detail| format!("\n  {place}{detail}")).unwrap_or_default();
            for note in error["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                text += &format!("\nnote: {note}");
            }
            text += &error["fix"]["title"].as_str().map(|fix| format!("\nhelp: {fix}")).unwrap_or_default();
            text += &error["fix"]["edits"][0]["text"]
                .as_str()
                .map(|text| format!(" `{text}`"))
                .filter(|edit| !text.contains(edit))
                .unwrap_or_default();
        }
        let exit = if answer.status >= 500 { Exit::Unavailable } else { Exit::Usage };
        Failure::new(exit, text)
    }
}

/// One request on a connection of its own.
pub async fn exchange(stream: TcpStream, runtime: &Handle, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its requests: nobody has to wait for it.
    Scope::new(runtime.clone()).spawn(async move {
        connection.await.ok();
    });
    sender.send_request(request).await
}

/// Host, port and the path in front of all others.
fn parts(url: &str) -> Result<(String, u16, String), Failure> {
    let wrong =
        |why: &str| Failure::usage(format!("error: `{url}` is not the URL of a Faultwire: {why}\nhelp: write it as http://HOST:PORT"));
    let rest = match url.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return Err(wrong("it speaks plain HTTP")),
        Some(_) => return Err(wrong("it speaks HTTP")),
        // Toxiproxy's clients take an address without a scheme.
        None => url,
    };
    let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.starts_with('[')) => {
            (host, port.parse().map_err(|_| wrong("the port is none"))?)
        }
        _ => (authority, 8474),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    if host.is_empty() || !host.chars().all(fits) {
        return Err(wrong("there is no host in it"));
    }
    Ok((host.to_owned(), port, prefix.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let host = |url: &str| parts(url).map(|(host, port, prefix)| format!("{host} {port} {prefix}"));
        assert_eq!(host("http://localhost:8474"), Ok("localhost 8474 ".into()));
        assert_eq!(host("http://localhost:8474/"), Ok("localhost 8474 ".into()));
        assert_eq!(host("localhost:99"), Ok("localhost 99 ".into()));
        assert_eq!(host("http://faultwire"), Ok("faultwire 8474 ".into()));
        assert_eq!(host("http://[::1]:9/x/"), Ok("::1 9 /x".into()));
        for url in ["https://localhost", "ftp://x", "http://", "http://:1", "http://a b", "http://x:port", "http://x:99999", ""] {
            assert_eq!(parts(url).map_err(|failure| failure.exit), Err(Exit::Usage), "{url}");
        }
    }
}
