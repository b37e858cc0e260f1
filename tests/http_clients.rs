//! Clients of HTTP/1 as people use them, each once straight to a server that writes down what it gets, and once through the program: the server
//! gets the same bytes on as many connections, and the client reports the same. Beside them raw conversations and requests that smuggle.

use crate::{
    conformance::{brought, proxy, source},
    harness::{Ended, run},
};
use recorder::{Heard, Recorder};
use std::{net::SocketAddr, process::Command};

mod answers;
mod raw;
mod recorder;
mod smuggling;
mod two;

/// What a client is to show of itself, so that a client that does nothing does not pass.
struct Shows<'a> {
    /// The scenarios it reports.
    scenarios: usize,
    /// Requests on its first connection, and connections, at least.
    kept: usize,
    /// Words of its report.
    words: &'a [&'a str],
}

/// What a server got and a client told, with the client's own words for the server's address: that one is another behind the program.
#[derive(Debug, PartialEq)]
struct Outcome {
    heard: Vec<Vec<u8>>,
    told: String,
}

const AUTHORITY: &str = "AUTHORITY";

fn outcome(recorder: &Recorder, to: SocketAddr, client: &impl Fn(SocketAddr) -> Command) -> Outcome {
    let mut command = client(to);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"] {
        command.env_remove(name);
    }
    let Ended { code, out, err } = run(command);
    assert_eq!(code, Some(0), "it ended in an error:\n{out}\n{err}");
    let to = to.to_string();
    let heard = recorder.heard().into_iter().map(|heard: Heard| replace(&heard.bytes, to.as_bytes(), AUTHORITY.as_bytes()));
    Outcome { heard: heard.collect(), told: out.replace(&to, AUTHORITY) }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(from) {
            replaced.extend_from_slice(to);
            at += from.len();
        } else {
            replaced.push(bytes[at]);
            at += 1;
        }
    }
    replaced
}

#[track_caller]
fn is_the_same(shows: Shows, client: impl Fn(SocketAddr) -> Command) {
    let recorder = Recorder::start();
    let running = proxy(recorder.address());
    let straight = outcome(&recorder, recorder.address(), &client);
    let seen = straight.told.lines().filter(|line| line.starts_with("== ")).count();
    assert_eq!(seen, shows.scenarios, "{}", straight.told);
    for word in shows.words {
        assert!(straight.told.contains(word), "it does not tell of {word:?}:\n{}", straight.told);
    }
    let first = String::from_utf8_lossy(&straight.heard[0]).matches(&format!(": {AUTHORITY}\r\n")).count();
    assert!(first >= shows.kept, "{first} requests on its first connection, of {} connections", straight.heard.len());
    let through = outcome(&recorder, running.port("web"), &client);
    for (n, (straight, through)) in straight.heard.iter().zip(&through.heard).enumerate() {
        same_bytes(&format!("connection {n}"), straight, through);
    }
    assert_eq!(straight.heard.len(), through.heard.len(), "so many connections");
    same_lines(&straight.told, &through.told);
}

/// Says where two runs of bytes part, and what stands there.
#[track_caller]
fn same_bytes(what: &str, straight: &[u8], through: &[u8]) {
    if straight != through {
        let same = straight.iter().zip(through).take_while(|(a, b)| a == b).count();
        let around = |bytes: &[u8]| bytes[same.saturating_sub(60)..bytes.len().min(same + 60)].escape_ascii().to_string();
        let (a, b) = (around(straight), around(through));
        panic!("{what}: {} B straight, {} B through the program, alike for {same} B:\n{a}\n{b}", straight.len(), through.len());
    }
}

#[track_caller]
fn same_lines(straight: &str, through: &str) {
    for (straight, through) in straight.lines().zip(through.lines()) {
        assert_eq!(straight, through, "what the client tells");
    }
    assert_eq!(straight.lines().count(), through.lines().count(), "what the client tells last");
}

fn python(client: &'static str) -> impl Fn(SocketAddr) -> Command {
    move |to| {
        let mut python = Command::new(brought("python/bin/python"));
        python.arg(source("http_clients/python/clients.py")).arg(client).arg(to.to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }
}

#[test]
fn curl() {
    let words = ["HTTP/1.1 103 Early Hints", "X-Checksum: abc", "HTTP/1.1 417", "413 Too much", "Connection established", "caf\u{fffd}"];
    is_the_same(Shows { scenarios: 23, kept: 3, words: &words }, |to| {
        let mut script = Command::new("bash");
        script.arg(source("http_clients/curl")).arg(to.to_string());
        script
    });
}

#[test]
fn python_http_client() {
    let words = ["101 Switching Protocols", "welcome", "413 Too much", "IncompleteRead"];
    is_the_same(Shows { scenarios: 20, kept: 3, words: &words }, python("http.client"));
}

#[test]
fn python_urllib3() {
    is_the_same(Shows { scenarios: 15, kept: 3, words: &["413 Too much", "IncompleteRead"] }, python("urllib3"));
}

#[test]
fn python_requests() {
    is_the_same(Shows { scenarios: 15, kept: 3, words: &["Set-Cookie", "ChunkedEncodingError"] }, python("requests"));
}

#[test]
fn python_httpx() {
    is_the_same(Shows { scenarios: 15, kept: 3, words: &["413 Too much", "RemoteProtocolError"] }, python("httpx"));
}

fn node(client: &'static str) -> impl Fn(SocketAddr) -> Command {
    move |to| {
        let mut node = Command::new("node");
        node.arg(source(&format!("http_clients/node/{client}.js"))).arg(to.to_string());
        node
    }
}

#[test]
fn node_http() {
    let words = ["information 103", "trailers X-Checksum: abc", "continue\n", "upgrade 101", "connect 200", "welcome"];
    is_the_same(Shows { scenarios: 23, kept: 3, words: &words }, node("http"));
}

/// The fetch of Node is undici.
#[test]
fn node_fetch() {
    is_the_same(Shows { scenarios: 14, kept: 3, words: &["200 Fine,  thanks", "terminated"] }, node("fetch"));
}

#[test]
fn go_net_http() {
    let words = ["got 103", "got 100", "trailer X-Checksum: [abc]", "welcome", "413 Too much"];
    is_the_same(Shows { scenarios: 20, kept: 3, words: &words }, |to| {
        let mut client = Command::new(brought("go/nethttp"));
        client.arg(to.to_string());
        client
    });
}

#[test]
fn java_http_client() {
    is_the_same(Shows { scenarios: 16, kept: 3, words: &["200 HTTP_1_1", "413", "java.io.IOException"] }, |to| {
        let mut java = Command::new("java");
        java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).arg(source("http_clients/java/JavaHttpClient.java")).arg(to.to_string());
        java
    });
}
