//! Clients of HTTP/2 without TLS before Go's server, straight and through the program: it tells each what it has sent, and each tells what it was
//! shown. Some know that the server speaks it, some ask for it in HTTP/1.1. What stands in frames is held in `conformance`.

use super::{AUTHORITY, brought, node, proxy, run, same_lines, source};
use crate::{conformance::Server, harness::Ended};
use std::{net::SocketAddr, process::Command};

fn told(to: SocketAddr, client: &impl Fn(SocketAddr) -> Command) -> String {
    let Ended { code, out, err } = run(client(to));
    assert_eq!(code, Some(0), "it ended in an error:\n{out}\n{err}");
    // Answers are dated.
    let dated = |line: &&str| line.to_ascii_lowercase().trim_start().starts_with("date: ");
    out.replace(&to.to_string(), AUTHORITY).lines().filter(|line| !dated(line)).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn is_the_same(scenarios: usize, words: &[&str], client: impl Fn(SocketAddr) -> Command) {
    let server = Server::says(Command::new(brought("go/h2c")));
    let running = proxy(server.address);
    let straight = told(server.address, &client);
    assert_eq!(straight.lines().filter(|line| line.starts_with("== ")).count(), scenarios, "{straight}");
    for word in words {
        assert!(straight.contains(word), "it does not tell of {word:?}:\n{straight}");
    }
    let through = told(running.port("web"), &client);
    same_lines(&straight, &through);
}

#[test]
fn node_http2() {
    let words = ["HTTP/2.0 of AUTHORITY", "before {\":status\":103", "\"x-sum\":", "3145728 bytes", "ERR_HTTP2_STREAM_ERROR", "faultwir"];
    is_the_same(11, &words, node("http2"));
}

#[test]
fn curl_http2() {
    let words = ["HTTP/2 200", "HTTP/1.1 101 Switching Protocols", "PUT /up HTTP/2.0", "X-Sum:", "3145728 bytes", "HTTP/2 103"];
    is_the_same(8, &words, |to| {
        let mut script = Command::new("bash");
        script.arg(source("http_clients/curl2")).arg(to.to_string());
        script
    });
}

#[test]
fn java_http2() {
    is_the_same(4, &["200 HTTP_2", "PUT /up HTTP/2.0 of AUTHORITY, 3145728 bytes"], |to| {
        let mut java = Command::new("java");
        java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).arg(source("http_clients/java/JavaHttp2.java")).arg(to.to_string());
        java
    });
}
