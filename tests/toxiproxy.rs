//! Toxiproxy's API and its toxics, as its clients know them: a transcript to the byte, each toxic on the wire, its file and its flags.

use crate::{
    harness::{Dir, Process, Running, binary, connect, eventually, world},
    http::{self, Reply},
    upstream::Upstream,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::Command,
    time::{Duration, Instant},
};

/// What is asked, what is answered: method, path, body, status, body. `PORT` is whichever port it is.
const TRANSCRIPT: &[(&str, &str, &str, u16, &str)] = &[
    ("GET", "/proxies", "", 200, "{}"),
    ("GET", "/", "", 404, "404 page not found\n"),
    ("GET", "/nope", "", 404, "404 page not found\n"),
    ("GET", "/proxies/", "", 404, "404 page not found\n"),
    ("GET", "/proxies/a%2Fb", "", 404, "404 page not found\n"),
    ("HEAD", "/proxies", "", 405, ""),
    ("OPTIONS", "/version", "", 405, ""),
    ("GET", "/reset", "", 405, ""),
    ("PUT", "/proxies/a", "{}", 405, ""),
    ("GET", "//proxies", "", 301, ""),
    // Bodies that cannot be taken.
    ("POST", "/proxies", "", 400, "{\"error\":\"bad request body: EOF\",\"status\":400}\n"),
    ("POST", "/proxies", "{", 400, "{\"error\":\"bad request body: unexpected EOF\",\"status\":400}\n"),
    (
        "POST",
        "/proxies",
        "x",
        400,
        "{\"error\":\"bad request body: invalid character 'x' looking for beginning of value\",\"status\":400}\n",
    ),
    (
        "POST",
        "/proxies",
        "[]",
        400,
        "{\"error\":\"bad request body: json: cannot unmarshal array into Go value of type toxiproxy.Proxy\",\"status\":400}\n",
    ),
    (
        "POST",
        "/proxies",
        r#"{"name":1}"#,
        400,
        "{\"error\":\"bad request body: json: cannot unmarshal number into Go struct field Proxy.name of type string\",\"status\":400}\n",
    ),
    ("POST", "/proxies", "{}", 400, "{\"error\":\"missing required field: name\",\"status\":400}\n"),
    ("POST", "/proxies", r#"{"name":"a"}"#, 400, "{\"error\":\"missing required field: upstream\",\"status\":400}\n"),
    (
        "POST",
        "/proxies",
        r#"{"name":"a","upstream":"x:1","listen":"local373"}"#,
        500,
        "{\"error\":\"listen tcp: address local373: missing port in address\",\"status\":500}\n",
    ),
    // A proxy.
    (
        "POST",
        "/proxies",
        r#"{"NAME":"a","upstream":"x:1","listen":"localhost:0","enabled":null} and more"#,
        201,
        r#"{"name":"a","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[]}"#,
    ),
    ("POST", "/proxies", r#"{"name":"a","upstream":"x:1"}"#, 409, "{\"error\":\"proxy already exists\",\"status\":409}\n"),
    (
        "POST",
        "/proxies",
        r#"{"name":"w<1","upstream":"nowhere","listen":":0"}"#,
        201,
        r#"{"name":"w\u003c1","listen":"[::]:PORT","upstream":"nowhere","enabled":true,"toxics":[]}"#,
    ),
    (
        "POST",
        "/proxies",
        r#"{"name":"later","upstream":"x:1","listen":"no address","enabled":false}"#,
        201,
        r#"{"name":"later","listen":"no address","upstream":"x:1","enabled":false,"toxics":[]}"#,
    ),
    ("DELETE", "/proxies/later", "", 204, ""),
    ("DELETE", "/proxies/w%3C1", "", 204, ""),
    ("GET", "/proxies/nope", "", 404, "{\"error\":\"proxy not found\",\"status\":404}\n"),
    (
        "PATCH",
        "/proxies/a",
        r#"{"name":"b","enabled":false,"toxics":"ignored"}"#,
        200,
        r#"{"name":"a","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":false,"toxics":[]}"#,
    ),
    (
        "PATCH",
        "/proxies/a",
        r#"{"listen":"8.8.8.8:0"}"#,
        200,
        r#"{"name":"a","listen":"8.8.8.8:0","upstream":"x:1","enabled":false,"toxics":[]}"#,
    ),
    (
        "POST",
        "/proxies/a",
        r#"{"enabled":true}"#,
        500,
        "{\"error\":\"listen tcp 8.8.8.8:0: bind: cannot assign requested address\",\"status\":500}\n",
    ),
    ("PATCH", "/proxies/a", r#"{"listen":"local373"}"#, 500, "{\"error\":\"address local373: missing port in address\",\"status\":500}\n"),
    (
        "PATCH",
        "/proxies/a",
        r#"{"listen":"127.0.0.1:0","enabled":true}"#,
        200,
        r#"{"name":"a","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[]}"#,
    ),
    // Toxics.
    ("GET", "/proxies/a/toxics", "", 200, "[]"),
    ("POST", "/proxies/nope/toxics", "x", 404, "{\"error\":\"proxy not found\",\"status\":404}\n"),
    ("GET", "/proxies/a/toxics/nope", "", 404, "{\"error\":\"toxic not found\",\"status\":404}\n"),
    (
        "POST",
        "/proxies/a/toxics",
        r#"{"type":"latency","stream":""}"#,
        400,
        "{\"error\":\"stream was invalid, can be either upstream or downstream\",\"status\":400}\n",
    ),
    ("POST", "/proxies/a/toxics", r#"{"type":"Latency"}"#, 400, "{\"error\":\"invalid toxic type\",\"status\":400}\n"),
    (
        "POST",
        "/proxies/a/toxics",
        r#"{"type":"latency","attributes":{"latency":1.5}}"#,
        400,
        "{\"error\":\"bad request body: json: cannot unmarshal number 1.5 into Go struct field .attributes.latency of type int64\",\"status\":400}\n",
    ),
    (
        "POST",
        "/proxies/a/toxics",
        r#"{"type":"latency","attributes":{"LATENCY":7},"toxicity":0.2}"#,
        200,
        r#"{"attributes":{"latency":7,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":0.2}"#,
    ),
    ("POST", "/proxies/a/toxics", r#"{"type":"latency"}"#, 409, "{\"error\":\"toxic already exists\",\"status\":409}\n"),
    (
        "POST",
        "/proxies/a/toxics",
        r#"{"type":"slicer","stream":"UPSTREAM","attributes":{"average_size":-1}}"#,
        200,
        r#"{"attributes":{"average_size":-1,"size_variation":0,"delay":0},"name":"slicer_UPSTREAM","type":"slicer","stream":"UPSTREAM","toxicity":1}"#,
    ),
    (
        "PATCH",
        "/proxies/a/toxics/latency_downstream",
        r#"{"attributes":{"jitter":3,"latency":null},"name":"x"}"#,
        200,
        r#"{"attributes":{"latency":7,"jitter":3},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":0.2}"#,
    ),
    ("PATCH", "/proxies/a/toxics/latency_downstream", "", 400, "{\"error\":\"bad request body: EOF\",\"status\":400}\n"),
    (
        "GET",
        "/proxies/a",
        "",
        200,
        r#"{"name":"a","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[{"attributes":{"average_size":-1,"size_variation":0,"delay":0},"name":"slicer_UPSTREAM","type":"slicer","stream":"UPSTREAM","toxicity":1},{"attributes":{"latency":7,"jitter":3},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":0.2}]}"#,
    ),
    ("DELETE", "/proxies/a/toxics/slicer_UPSTREAM", "", 204, ""),
    ("DELETE", "/proxies/a/toxics/slicer_UPSTREAM", "", 404, "{\"error\":\"toxic not found\",\"status\":404}\n"),
    // Many at a time.
    ("POST", "/populate", "[]", 201, r#"{"proxies":null}"#),
    ("POST", "/populate", "", 400, r#"{"error":"bad request body: EOF","status":400,"proxies":null}"#),
    (
        "POST",
        "/populate",
        r#"[{"name":"b","upstream":"x:1"},{"name":"c"}]"#,
        400,
        r#"{"error":"missing required field: upstream at proxy 2","status":400,"proxies":null}"#,
    ),
    (
        "POST",
        "/populate",
        r#"[{"name":"b","upstream":"x:1","listen":"localhost:0","toxics":[{"type":"noop"}]},{"name":"c","upstream":"x","listen":"1"},{"name":"d","upstream":"x"}]"#,
        500,
        r#"{"error":"listen tcp: address 1: missing port in address","status":500,"proxies":[{"name":"b","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}]}]}"#,
    ),
    ("GET", "/proxies/c", "", 404, "{\"error\":\"proxy not found\",\"status\":404}\n"),
    ("POST", "/reset", "", 204, ""),
    (
        "GET",
        "/proxies",
        "",
        200,
        r#"{"a":{"name":"a","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[]},"b":{"name":"b","listen":"127.0.0.1:PORT","upstream":"x:1","enabled":true,"toxics":[]}}"#,
    ),
    ("DELETE", "/proxies/a", "", 204, ""),
    ("DELETE", "/proxies/b", "", 204, ""),
];

/// With every port of more than one digit behind a known address replaced.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:").flat_map(|part| part.split("[::]:"));
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut rest = &text[out.len()..];
    for part in parts {
        let host = if rest.starts_with('[') { "[::]:" } else { "127.0.0.1:" };
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        out += &format!("{host}{}{}", if digits > 1 { "PORT" } else { &part[..digits] }, &part[digits..]);
        rest = &rest[host.len() + part.len()..];
    }
    out
}

#[test]
fn the_transcript() {
    let running = world().start();
    for (method, path, body, status, want) in TRANSCRIPT {
        let reply = running.request(method, path, &[("content-type", "application/x-www-form-urlencoded")], body.as_bytes()).unwrap();
        assert_eq!((reply.status, without_ports(&reply.text()).as_str()), (*status, *want), "{method} {path} {body}");
        check_headers(method, path, &reply);
    }
}

#[track_caller]
fn check_headers(method: &str, path: &str, reply: &Reply) {
    let about = format!("{method} {path}: {reply}");
    let kind = reply.header("content-type");
    let routed = !matches!(reply.status, 405 | 301) && !reply.text().starts_with("404");
    assert_eq!(reply.header("x-toxiproxy-request-id").is_some_and(|id| id.len() == 20), routed, "{about}");
    assert_eq!(reply.header("allow"), None, "{about}");
    match reply.status {
        200 | 201 => assert_eq!(kind, Some("application/json"), "{about}"),
        204 | 405 => assert_eq!(kind, None, "{about}"),
        301 => assert_eq!(reply.header("location"), Some("/proxies"), "{about}"),
        _ if path == "/populate" => assert_eq!(kind, Some("application/json"), "{about}"),
        _ => {
            assert_eq!(kind, Some("text/plain; charset=utf-8"), "{about}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{about}");
        }
    }
}

#[test]
fn browsers_are_refused_and_the_version_is_told() {
    let running = world().start();
    let version = running.call("GET", "/version", None).expect(200);
    assert!(version.text().starts_with("{\"version\": \"2.12.0\""), "{version}");
    assert!(version.text().ends_with("}\n"), "{version}");
    assert_eq!(version.json()["version"], "2.12.0");
    let with = |path: &str, headers: &[(&str, &str)]| running.request("GET", path, headers, b"").unwrap();
    let refused = with("/proxies", &[("user-agent", "Mozilla/5.0")]).expect(403);
    assert_eq!(refused.text(), "User agent not allowed\n");
    with("/nope", &[("user-agent", "Mozilla/5.0")]).expect(404);
    with("/proxies", &[("user-agent", "mozilla/5.0")]).expect(200);
    with("/proxies", &[("origin", "http://elsewhere.example")]).expect(403);
}

/// A proxy `p` in front of this, made through this API.
fn with_proxy(upstream: &Upstream) -> (Running, SocketAddr) {
    let running = world().start();
    let wanted = json!({ "name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string() });
    let made = running.call("POST", "/proxies", Some(wanted)).expect(201).json();
    let port = made["listen"].as_str().and_then(|listen| listen.parse().ok()).unwrap();
    (running, port)
}

#[track_caller]
fn toxic(running: &Running, kind: &str, stream: &str, attributes: Value) -> String {
    let wanted = json!({ "type": kind, "stream": stream, "attributes": attributes });
    let made = running.call("POST", "/proxies/p/toxics", Some(wanted)).expect(200).json();
    format!("/proxies/p/toxics/{}", made["name"].as_str().unwrap())
}

fn trip(stream: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    begin.elapsed()
}

/// What still comes, and how it ends.
fn rest(stream: &mut TcpStream) -> (usize, Result<(), ErrorKind>) {
    let mut all = Vec::new();
    let end = stream.read_to_end(&mut all).map(drop).map_err(|error| error.kind());
    (all.len(), end)
}

/// Nothing comes for so long.
#[track_caller]
fn assert_silent(stream: &mut TcpStream, time: Duration) {
    stream.set_read_timeout(Some(time)).unwrap();
    let came = stream.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(came, Err(ErrorKind::WouldBlock));
    crate::harness::patient(stream);
}

const SHORT: Duration = Duration::from_millis(150);

#[test]
fn latency_and_bandwidth() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let mut client = connect(port);
    assert!(trip(&mut client) < Duration::from_millis(100));
    let latency = toxic(&running, "latency", "downstream", json!({ "latency": 120 }));
    toxic(&running, "latency", "upstream", json!({ "latency": 80 }));
    assert!(trip(&mut client) >= Duration::from_millis(200));
    running.call("PATCH", &latency, Some(json!({ "attributes": { "latency": 0 } }))).expect(200);
    let one_way = trip(&mut client);
    assert!(one_way >= Duration::from_millis(80) && one_way < Duration::from_millis(190), "{one_way:?}");
    running.call("POST", "/reset", None).expect(204);
    // Held, and not lost.
    let held = toxic(&running, "bandwidth", "downstream", json!({ "rate": 0 }));
    client.write_all(b"hello").unwrap();
    assert_silent(&mut client, SHORT);
    running.call("DELETE", &held, None).expect(204);
    let mut hello = [0; 5];
    client.read_exact(&mut hello).unwrap();
    assert_eq!(&hello, b"hello");
}

#[test]
fn a_kilobyte_is_a_thousand_bytes() {
    let upstream = Upstream::source(3, 100_000);
    let (running, port) = with_proxy(&upstream);
    toxic(&running, "bandwidth", "downstream", json!({ "rate": 200 }));
    let begin = Instant::now();
    assert_eq!(rest(&mut connect(port)), (100_000, Ok(())));
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(450) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn silence_ends_by_its_clock_or_by_being_taken_away() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let silence = toxic(&running, "timeout", "downstream", json!({ "timeout": 200 }));
    let mut client = connect(port);
    client.write_all(b"lost").unwrap();
    let begin = Instant::now();
    assert_eq!(rest(&mut client), (0, Ok(())));
    assert!(begin.elapsed() >= SHORT);
    // For ever, and then patched away: the connection lives.
    running.call("PATCH", &silence, Some(json!({ "attributes": { "timeout": 0 } }))).expect(200);
    let mut client = connect(port);
    client.write_all(b"lost").unwrap();
    assert_silent(&mut client, SHORT);
    running.call("PATCH", &silence, Some(json!({ "toxicity": 0 }))).expect(200);
    trip(&mut client);
    // Taken away: whoever had it is cut, acted on or not.
    running.call("DELETE", &silence, None).expect(204);
    assert_eq!(rest(&mut client), (0, Ok(())));
    trip(&mut connect(port));
}

#[test]
fn resets_and_limits() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let mut open = connect(port);
    trip(&mut open);
    let reset = toxic(&running, "reset_peer", "upstream", json!({ "timeout": 50 }));
    assert_silent(&mut open, SHORT);
    open.write_all(b"x").unwrap();
    assert_eq!(rest(&mut open), (0, Err(ErrorKind::ConnectionReset)));
    running.call("DELETE", &reset, None).expect(204);
    let limit = toxic(&running, "limit_data", "downstream", json!({ "bytes": 7 }));
    let mut client = connect(port);
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    running.call("PATCH", &limit, Some(json!({ "attributes": { "bytes": 8 } }))).expect(200);
    client.write_all(b"world").unwrap();
    assert_eq!(rest(&mut client), (3, Ok(())), "what has been counted stands");
}

#[test]
fn slices_and_a_late_end() {
    let upstream = Upstream::source(3, 1000);
    let (running, port) = with_proxy(&upstream);
    let slicer = toxic(&running, "slicer", "downstream", json!({ "average_size": 100, "delay": 20_000 }));
    let mut client = connect(port);
    let mut sizes = Vec::new();
    let mut buffer = [0; 1000];
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        sizes.push(n);
    }
    assert_eq!(sizes.iter().sum::<usize>(), 1000);
    assert!(sizes.len() > 8 && sizes.iter().all(|size| *size >= 62), "{sizes:?}");
    running.call("DELETE", &slicer, None).expect(204);
    let late = toxic(&running, "slow_close", "downstream", json!({ "delay": 30_000 }));
    let mut client = connect(port);
    client.read_exact(&mut buffer).unwrap();
    assert_silent(&mut client, SHORT);
    running.call("DELETE", &late, None).expect(204);
    assert_eq!(rest(&mut client), (0, Ok(())));
}

#[test]
fn toxicity_is_decided_for_each_connection() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let wanted = json!({ "type": "limit_data", "toxicity": 0.5 });
    running.call("POST", "/proxies/p/toxics", Some(wanted)).expect(200);
    let cut = (0..100)
        .filter(|_| {
            let mut client = connect(port);
            client.write_all(b"x").unwrap();
            client.read(&mut [0]).unwrap() == 0
        })
        .count();
    assert!((25..=75).contains(&cut), "{cut}");
}

#[test]
fn nothing_that_is_said_of_a_toxic_harms() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    for (kind, attributes) in [
        ("slicer", json!({})),
        ("slicer", json!({ "average_size": 1, "size_variation": i64::MAX, "delay": i64::MIN })),
        ("bandwidth", json!({ "rate": -1 })),
        ("bandwidth", json!({ "rate": i64::MAX })),
        ("latency", json!({ "latency": -1, "jitter": i64::MAX })),
        ("latency", json!({ "latency": i64::MAX, "jitter": i64::MAX })),
        ("timeout", json!({ "timeout": i64::MAX })),
        ("reset_peer", json!({ "timeout": i64::MAX })),
        ("limit_data", json!({ "bytes": i64::MIN })),
        ("slow_close", json!({ "delay": i64::MAX })),
        ("packet_loss", json!({ "loss_rate": 7, "correlation": -1 })),
    ] {
        for toxicity in [-1, 1, 5] {
            let wanted = json!({ "type": kind, "name": "t", "toxicity": toxicity, "attributes": attributes });
            running.call("POST", "/proxies/p/toxics", Some(wanted)).expect(200);
            let mut client = connect(port);
            client.write_all(&[7; 3000]).unwrap();
            client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            // Whatever comes of it.
            client.read_exact(&mut [0]).ok();
            running.call("DELETE", "/proxies/p/toxics/t", None).expect(204);
        }
    }
    trip(&mut connect(port));
}

#[test]
fn a_peer_that_takes_nothing_holds_up_nobody() {
    let upstream = Upstream::source(1, 64 << 20);
    let (running, port) = with_proxy(&upstream);
    let _stalled: Vec<TcpStream> = (0..4).map(|_| connect(port)).collect();
    eventually("they are there", || running.connections("p") == 4);
    for _ in 0..5 {
        let begin = Instant::now();
        let latency = toxic(&running, "latency", "downstream", json!({ "latency": 100 }));
        running.call("PATCH", &latency, Some(json!({ "attributes": { "latency": 5 } }))).expect(200);
        running.call("GET", "/proxies", None).expect(200);
        running.call("DELETE", &latency, None).expect(204);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}

#[test]
fn disabling_closes_everything_and_enabling_has_the_same_port() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let mut client = connect(port);
    trip(&mut client);
    running.call("POST", "/proxies/p", Some(json!({ "enabled": false }))).expect(200);
    assert_eq!(rest(&mut client), (0, Ok(())));
    assert!(TcpStream::connect(port).is_err());
    running.call("POST", "/reset", None).expect(204);
    let mut client = connect(port);
    trip(&mut client);
    // Another upstream closes what there is; the same address does not.
    running.call("PATCH", "/proxies/p", Some(json!({ "listen": format!("localhost:{}", port.port()) }))).expect(200);
    trip(&mut client);
    running.call("PATCH", "/proxies/p", Some(json!({ "upstream": format!("localhost:{}", upstream.address.port()) }))).expect(200);
    assert_eq!(rest(&mut client), (0, Ok(())));
    trip(&mut connect(port));
}

#[test]
fn a_port_of_a_disabled_proxy_can_be_had_by_another() {
    let upstream = Upstream::echo();
    let (running, port) = with_proxy(&upstream);
    let other = json!({ "name": "q", "listen": port.to_string(), "upstream": upstream.address.to_string() });
    let taken = running.call("POST", "/proxies", Some(other.clone())).expect(500);
    assert_eq!(taken.json()["error"], format!("listen tcp {port}: bind: address already in use"));
    running.call("POST", "/proxies/p", Some(json!({ "enabled": false }))).expect(200);
    running.call("POST", "/proxies", Some(other)).expect(201);
    trip(&mut connect(port));
    running.call("POST", "/proxies/p", Some(json!({ "enabled": true }))).expect(500);
    let there = running.call("GET", "/proxies/p", None).expect(200).json();
    assert_eq!((there["enabled"].as_bool(), there["listen"].as_str()), (Some(false), Some(port.to_string().as_str())));
    running.call("DELETE", "/proxies/q", None).expect(204);
    running.call("POST", "/proxies/p", Some(json!({ "enabled": true }))).expect(200);
    trip(&mut connect(port));
}

#[test]
fn populating_again_changes_nothing_and_toxics_come_with_it() {
    let upstream = Upstream::echo();
    let running = world().start();
    let entry = json!({ "name": "p", "listen": "0.0.0.0:0", "upstream": upstream.address.to_string(), "toxics": [{ "type": "latency", "attributes": { "latency": 100 } }] });
    let made = running.call("POST", "/populate", Some(json!([entry]))).expect(201).json();
    let listen = made["proxies"][0]["listen"].as_str().unwrap().to_owned();
    let port = listen.strip_prefix("[::]:").unwrap_or_else(|| panic!("{listen}")).to_owned();
    let at: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let mut client = connect(at);
    assert!(trip(&mut client) >= Duration::from_millis(100));
    for listen in [format!("0.0.0.0:{port}"), format!(":{port}"), format!("[::]:{port}")] {
        let again = json!([{ "name": "p", "listen": listen, "upstream": upstream.address.to_string(), "enabled": false }]);
        let there = running.call("POST", "/populate", Some(again)).expect(201).json();
        assert_eq!(there, made, "{listen}");
    }
    assert!(trip(&mut client) >= Duration::from_millis(100));
    let other = json!([{ "name": "p", "listen": format!(":{port}"), "upstream": "nowhere:1" }]);
    let there = running.call("POST", "/populate", Some(other)).expect(201).json();
    assert_eq!(there["proxies"][0]["toxics"], json!([]));
    assert_eq!(rest(&mut client).0, 0);
}

#[test]
fn it_is_the_same_world_seen_twice() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "name": "slow", "proxy": "db", "latency": "1ms" }])).start();
    let listed = running.call("GET", "/proxies", None).expect(200).json();
    assert_eq!(listed["db"]["toxics"], json!([]), "faults that are not toxics are not shown");
    running.call("POST", "/proxies/db/toxics", Some(json!({ "type": "latency", "name": "a/b" }))).expect(200);
    running.put("mine", json!({ "proxy": "db", "latency": "1ms" }));
    let fault = running.call("GET", "/v1/faults/db%2Fa%252Fb", None).expect(200).json();
    assert_eq!((fault["lease"].as_str(), fault["toxic"]["name"].as_str()), (Some("none"), Some("a/b")));
    running.call("POST", "/reset", None).expect(204);
    let names: Vec<Value> = running.faults().iter().map(|fault| fault["name"].clone()).collect();
    assert_eq!(names, ["slow"], "what the file says stays");
    running.call("DELETE", "/proxies/db", None).expect(204);
    running.call("GET", "/v1/proxies/db", None).expect(404);
}

/// The program under Toxiproxy's name.
fn server(args: &[&str]) -> Process {
    let mut command = Command::new(binary());
    command.arg0("toxiproxy-server").args(args).env_remove("LOG_LEVEL");
    Process::spawn(command)
}

fn address_in(process: &Process) -> Option<SocketAddr> {
    let out = process.out();
    let line: Value = out.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|line: &Value| line.get("api").is_some())?;
    line["api"].as_str()?.strip_prefix("http://")?.parse().ok()
}

#[test]
fn under_its_name_it_takes_its_flags_and_its_file() {
    let dir = Dir::new();
    let upstream = Upstream::echo();
    let proxies = json!([
        { "name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string(), "toxics": [{ "type": "noop" }] },
        { "name": "bad", "listen": "nonsense", "upstream": "x:1" },
    ]);
    let file = dir.write("toxiproxy.json", proxies.to_string());
    let mut process = server(&["-host=127.0.0.1", "--port", "0", "-config", file.to_str().unwrap(), "-seed=7"]);
    eventually("it says where it is", || address_in(&process).is_some());
    let api = address_in(&process).unwrap();
    let get = |path: &str| http::request(api, "GET", path, &[], b"").unwrap();
    assert_eq!(get("/version").expect(200).json()["version"], "2.12.0");
    let listed = get("/proxies").expect(200).json();
    assert_eq!(listed["p"]["toxics"][0]["type"], "noop");
    assert!(listed.get("bad").is_none());
    let ready = get("/readyz").expect(503).json();
    assert!(ready["config"]["refused"].as_str().is_some_and(|why| why.contains("missing port")), "{ready}");
    let port = listed["p"]["listen"].as_str().unwrap().parse().unwrap();
    trip(&mut connect(port));
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    for line in process.out().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(["level", "caller", "time", "message"].iter().all(|key| line[key].is_string()), "{line}");
    }
}

#[test]
fn under_its_name_it_ends_as_it_does() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, code) in
        [(&["-version"][..], 0), (&["-h"], 0), (&["-nope"], 2), (&["-port"], 2), (&["-host", "127.0.0.1", "-port", &port], 69)]
    {
        let mut process = server(args);
        assert_eq!(process.wait().code(), Some(code), "{args:?}\n{}", process.log());
    }
    let mut process = server(&["--version"]);
    process.wait();
    assert_eq!(process.out(), "toxiproxy-server version 2.12.0\n");
}
