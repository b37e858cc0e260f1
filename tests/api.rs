//! Every endpoint of the API: what it answers, what it refuses, and that nobody can hold it up.

use crate::{
    harness::{Running, connect, eventually, listed, world},
    http,
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

fn start(upstream: &Upstream) -> Running {
    world().proxy("db", upstream).faults(json!([{ "name": "slow", "proxy": "db", "latency": "1ms" }])).start()
}

/// How many faults are in force.
fn active(running: &Running) -> usize {
    running.faults().iter().filter(|fault| fault["active"] == true).count()
}

/// Checks the shape of a refusal; its code.
#[track_caller]
fn problem(reply: &http::Reply, status: u16) -> Option<String> {
    assert_eq!(reply.status, status, "{reply}");
    let kind = reply.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{reply}");
    let body = reply.json();
    assert_eq!(body["status"], status, "{body}");
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    assert!(body["type"].is_string(), "{body}");
    body["code"].as_str().map(str::to_owned)
}

#[test]
fn the_entrance_names_version_and_capabilities() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let entrance = running.get("/v1");
    assert!(entrance["version"].is_string(), "{entrance}");
    let effects = running.get("/v1/effects").to_string();
    for effect in ["latency", "bandwidth", "slice", "slow_close", "corrupt", "blackhole", "reset", "close", "down"] {
        assert!(effects.contains(effect), "{effect} is not in {effects}");
    }
    running.call("GET", "/livez", None).expect(200);
    running.call("GET", "/readyz", None).expect(200);
}

#[test]
fn proxies_are_made_changed_and_removed() {
    let (upstream, other) = (Upstream::echo(), Upstream::echo());
    let running = start(&upstream);
    let wanted = json!({ "listen": "127.0.0.1:0", "upstream": upstream.address.to_string() });
    let made = running.call("PUT", "/v1/proxies/new", Some(wanted.clone())).expect(201).json();
    assert_eq!(made["name"], "new");
    let port = running.port("new");
    assert_ne!(port.port(), 0);
    let again = json!({ "listen": port.to_string(), "upstream": upstream.address.to_string() });
    running.call("PUT", "/v1/proxies/new", Some(again)).expect(200);
    assert_eq!(running.port("new"), port);
    running.call("PATCH", "/v1/proxies/new", Some(json!({ "upstream": other.address.to_string() }))).expect(200);
    let mut client = connect(port);
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert_eq!((upstream.accepted(), other.accepted()), (0, 1));
    running.call("DELETE", "/v1/proxies/new", None).expect(204);
    running.call("DELETE", "/v1/proxies/new", None).expect(204);
    assert!(TcpStream::connect(port).is_err());
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).ok();
    let gone = running.call("GET", "/v1/proxies/new", None);
    problem(&gone, 404);
    assert!(gone.text().contains("db"), "the names that exist are said: {gone}");
}

#[test]
fn faults_are_made_changed_and_healed() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let made = running.call("PUT", "/v1/faults/cut", Some(json!({ "proxy": "db", "reset": true }))).expect(201);
    assert!(made.header("etag").is_some(), "{made}");
    let body = made.json();
    for (key, value) in [("name", json!("cut")), ("hits", json!(0)), ("seen", json!(0)), ("matched", json!(0)), ("origin", json!("api"))] {
        assert_eq!(body[key], value, "{key} in {body}");
    }
    assert_eq!(body["lease"], "15m", "{body}");
    assert!(body["expires_at"].is_string() && body["generation"].is_u64(), "{body}");
    running.call("PUT", "/v1/faults/cut", Some(json!({ "proxy": "db", "reset": true, "lease": "none" }))).expect(200);
    assert_eq!(running.faults().len(), 2);
    assert_eq!(listed(&running.get("/v1/faults?proxy=db"), "faults").len(), 2);
    let posted = running.call("POST", "/v1/faults", Some(json!({ "proxy": "db", "close": true }))).expect(201);
    let location = posted.header("location").expect("where it is").to_owned();
    assert_eq!(running.get(&location)["name"], "db-close");
    running.call("PUT", "/v1/faults/cut/lease", Some(json!({ "lease": "1m" }))).expect(200);
    running.call("PATCH", "/v1/faults/cut", Some(json!({ "enabled": false }))).expect(200);
    let last = running.call("DELETE", "/v1/faults/cut", None).expect(200).json();
    assert_eq!(last["hits"], 0, "{last}");
    let gone = running.call("GET", "/v1/faults/cut", None);
    problem(&gone, 404);
    assert!(gone.text().contains("slow"), "the names that exist are said: {gone}");
    let healed = running.heal_all().to_string();
    assert!(healed.contains("slow") && healed.contains("db-close"), "{healed}");
    assert_eq!(active(&running), 0);
    running.heal_all();
    // A fault of the file stays there, switched off, and can be switched on again by its name.
    running.call("PATCH", "/v1/faults/slow", Some(json!({ "enabled": true }))).expect(200);
    assert_eq!(active(&running), 1);
}

#[test]
fn generations_rise_and_settle() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let mut last = 0;
    for i in 0..5 {
        let generation = running.put("f", json!({ "proxy": "db", "latency": format!("{i}ms") }))["generation"].as_u64().unwrap();
        assert!(generation > last, "{generation} after {last}");
        last = generation;
    }
    eventually("the open connection is under the last plan", || running.fault("f")["settled"] == true);
}

#[test]
fn an_etag_guards_against_two_writers() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let put = |headers: &[(&str, &str)], latency: &str| {
        let body = json!({ "proxy": "db", "latency": latency }).to_string();
        running.request("PUT", "/v1/faults/tagged", headers, body.as_bytes()).unwrap()
    };
    let etag = put(&[("if-none-match", "*")], "1ms").expect(201).header("etag").unwrap().to_owned();
    let taken = put(&[("if-none-match", "*")], "1ms");
    problem(&taken, 412);
    let next = put(&[("if-match", &etag)], "2ms").expect(200).header("etag").unwrap().to_owned();
    assert_ne!(etag, next);
    let stale = put(&[("if-match", &etag)], "3ms");
    problem(&stale, 412);
    assert_eq!(running.fault("tagged")["latency"], "2ms");
}

#[test]
fn unknown_fields_are_refused_and_never_ignored() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let code = |reply: http::Reply| problem(&reply, 422);
    let fault = running.call("PUT", "/v1/faults/f", Some(json!({ "proxy": "db", "latencyy": "1ms" })));
    assert!(fault.text().contains("latency"), "the nearest name is said: {fault}");
    assert!(fault.json()["errors"][0]["pointer"].is_string(), "{fault}");
    assert_eq!(code(fault).as_deref(), Some("E0101"));
    assert_eq!(code(running.call("PUT", "/v1/faults/f", Some(json!({ "proxy": "nowhere", "latency": "1ms" })))).as_deref(), Some("E0301"));
    assert_eq!(code(running.call("PUT", "/v1/faults/f", Some(json!({ "proxy": "db", "status": 503 })))).as_deref(), Some("E0401"));
    let unit = code(running.call("PUT", "/v1/faults/f", Some(json!({ "proxy": "db", "latency": 250 }))));
    assert!(unit.is_some_and(|code| code.starts_with("E02")));
    let proxy = json!({ "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "bogus": 1 });
    code(running.call("PUT", "/v1/proxies/p", Some(proxy)));
    code(running.call("PUT", "/v1/faults/slow/lease", Some(json!({ "lease": "1m", "bogus": 1 }))));
    code(running.call("PATCH", "/v1/proxies/db", Some(json!({ "bogus": 1 }))));
    code(running.call("PATCH", "/v1/faults/slow", Some(json!({ "bogus": 1 }))));
    assert_eq!(running.faults().len(), 1);
    assert_eq!(running.proxies().len(), 1);
}

#[test]
fn bodies_that_are_no_json_are_told_from_wrong_ones() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    for body in ["{", "", "nul", "{\"a\":1,\"a\":2}"] {
        let reply = running.request("PUT", "/v1/faults/f", &[("content-type", "application/json")], body.as_bytes()).unwrap();
        assert!(matches!(reply.status, 400 | 422), "{body}: {reply}");
        problem(&reply, reply.status);
    }
    let huge = vec![b' '; 20 << 20];
    let reply = running.request("PUT", "/v1/faults/f", &[], &huge);
    assert!(reply.is_err() || reply.as_ref().is_ok_and(|reply| reply.status == 413), "{reply:?}");
}

#[test]
fn a_wrong_address_or_a_taken_port_is_the_callers_problem() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let taken = upstream.address;
    let put = |listen: &str, to: &str| running.call("PUT", "/v1/proxies/p", Some(json!({ "listen": listen, "upstream": to })));
    let reply = put(&taken.to_string(), "127.0.0.1:1");
    assert!((400..500).contains(&reply.status), "{reply}");
    problem(&reply, reply.status);
    assert!(reply.text().contains(&taken.port().to_string()), "{reply}");
    for (listen, to) in [("nonsense", "127.0.0.1:1"), ("127.0.0.1:99999", "127.0.0.1:1"), ("127.0.0.1:0", ""), ("127.0.0.1:0", "x:y:z")] {
        problem(&put(listen, to), 422);
    }
}

#[test]
fn chaos_reaches_neither_the_control_plane_nor_itself() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let put = |to: String| running.call("PUT", "/v1/proxies/p", Some(json!({ "listen": "127.0.0.1:0", "upstream": to })));
    problem(&put(running.api.to_string()), 422);
    problem(&put(format!("localhost:{}", running.api.port())), 422);
    let own = running.port("db").port();
    for host in ["127.0.0.1", "localhost", "0.0.0.0"] {
        problem(&running.call("PATCH", "/v1/proxies/db", Some(json!({ "upstream": format!("{host}:{own}") }))), 422);
    }
    running.put("gone", json!({ "proxy": "*", "down": true }));
    running.heal("gone");
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

#[test]
fn no_name_of_a_fault_shares_the_counts_of_another() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    running.put("both", json!({ "proxy": "*", "latency": "1ms" }));
    let other = running.call("PUT", "/v1/faults/both@db", Some(json!({ "proxy": "db", "latency": "1ms", "probability": "0%" })));
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert_eq!(running.hits("both"), 1);
    assert!(other.status == 422 || running.hits("both@db") == 0, "one connection, counted for two faults");
}

#[test]
fn waiting_for_a_fact() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let begin = Instant::now();
    let not_yet = running.get("/v1/await?until=hits(slow)%20%3E%3D%201&timeout=300ms");
    assert_eq!(not_yet["reached"], false, "{not_yet}");
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert!(not_yet["why"].as_str().is_some_and(|why| !why.is_empty()), "{not_yet}");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| running.get("/v1/await?until=hits(slow)%20%3E%3D%202&timeout=20s"));
        for _ in 0..2 {
            let mut client = running.connect("db");
            client.write_all(b"x").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        let reached = waiting.join().unwrap();
        assert_eq!(reached["reached"], true, "{reached}");
    });
    for wrong in ["", "hits(", "hits(nothing)%20%3E%3D%201", "slow", "1", "hits(slow)%20%3E%3D%20x"] {
        let reply = running.call("GET", &format!("/v1/await?until={wrong}&timeout=1s"), None);
        assert!(matches!(reply.status, 400 | 404 | 422), "{wrong}: {reply}");
    }
}

#[test]
fn events_come_as_they_happen() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let mut stream = connect(running.api);
    write!(stream, "GET /v1/events HTTP/1.1\r\nhost: {}\r\naccept: application/x-ndjson\r\n\r\n", running.api).unwrap();
    let mut reader = BufReader::new(stream);
    let head = http::read_head(&mut reader).unwrap();
    assert_eq!(head.status, 200);
    running.put("cut", json!({ "proxy": "db", "reset": true }));
    assert!(running.connect("db").read(&mut [0]).is_err());
    running.heal("cut");
    let mut text = String::new();
    for event in ["fault.on", "fault.hit", "fault.off"] {
        while !text.contains(event) {
            let chunk = http::read_chunk(&mut reader).unwrap().unwrap_or_else(|| panic!("the stream ended before {event}: {text}"));
            text += &String::from_utf8(chunk).unwrap();
        }
    }
    let sse = connect(running.api);
    let mut sse_writer = sse.try_clone().unwrap();
    write!(sse_writer, "GET /v1/events?types=fault.* HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\r\n", running.api).unwrap();
    let mut reader = BufReader::new(sse);
    let head = http::read_head(&mut reader).unwrap();
    assert!(head.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")), "{head}");
    running.put("late", json!({ "proxy": "db", "latency": "1ms" }));
    let mut text = String::new();
    while !(text.contains("event: fault.on") && text.contains("data: ")) {
        text += &String::from_utf8(http::read_chunk(&mut reader).unwrap().expect("the stream goes on")).unwrap();
    }
}

#[test]
fn metrics_can_be_scraped() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let metrics = running.call("GET", "/metrics", None).expect(200).text();
    for name in
        ["faultwire_hits_total", "faultwire_seen_total", "faultwire_matched_total", "faultwire_connections", "faultwire_bytes_total"]
    {
        assert!(metrics.lines().any(|line| line.starts_with(name)), "{name} is not in\n{metrics}");
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn codes_are_explained() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let explained = running.call("GET", "/v1/errors/E0201", None).expect(200);
    assert!(!explained.body.is_empty());
    problem(&running.call("GET", "/v1/errors/E9999", None), 404);
}

#[test]
fn what_comes_later_is_refused_by_name() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    for path in ["/v1/sessions", "/v1/runs", "/v1/config", "/v1/halt", "/v1/check"] {
        let reply = running.call("POST", path, Some(json!({})));
        assert_eq!(problem(&reply, 501).as_deref(), Some("E0109"), "{path}");
    }
    problem(&running.call("GET", "/v1/nothing", None), 404);
    problem(&running.call("DELETE", "/v1/faults", None), 405);
}

#[test]
fn stalled_clients_hold_up_nobody() {
    let upstream = Upstream::never_reads();
    let running = world().proxy("db", &upstream).start();
    // Clients of the API that say half a request, and nothing more.
    let stalled: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect(running.api);
            stream.write_all(b"PUT /v1/faults/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{").unwrap();
            stream
        })
        .collect();
    // A reader of events that reads nothing.
    let mut deaf = connect(running.api);
    write!(deaf, "GET /v1/events HTTP/1.1\r\nhost: {}\r\n\r\n", running.api).unwrap();
    // Peers of a proxy that write and never read.
    let full: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut client = running.connect("db");
            client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            while client.write(&[1; 65_536]).is_ok() {}
            client
        })
        .collect();
    for round in 0..50 {
        let begin = Instant::now();
        running.put("cut", json!({ "proxy": "db", "latency": format!("{round}ms") }));
        running.heal("cut");
        assert!(begin.elapsed() < Duration::from_secs(5), "round {round} took {:?}", begin.elapsed());
    }
    drop((stalled, deaf, full));
}

#[test]
fn a_browser_of_another_site_is_refused() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let body = json!({ "proxy": "db", "reset": true }).to_string();
    let own = running.api.to_string();
    let refused: [&[(&str, &str)]; 5] = [
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("host", "evil.example")],
        &[("host", &format!("evil.example:{}", running.api.port()))],
    ];
    for headers in refused {
        let put = running.request("PUT", "/v1/faults/x", headers, body.as_bytes()).unwrap();
        assert_eq!(put.status, 403, "{headers:?}: {put}");
        let heal = running.request("POST", "/v1/heal", headers, b"").unwrap();
        assert_eq!(heal.status, 403, "{headers:?}: {heal}");
    }
    let simple = [("origin", "http://evil.example"), ("content-type", "text/plain")];
    assert_eq!(running.request("POST", "/v1/faults", &simple, body.as_bytes()).unwrap().status, 403);
    assert_eq!(running.faults().len(), 1);
    let same = format!("http://{own}");
    for headers in [
        &[("origin", same.as_str()), ("sec-fetch-site", "same-origin")][..],
        &[("host", &format!("localhost:{}", running.api.port()))],
        &[],
    ] {
        running.request("PUT", "/v1/faults/x", headers, body.as_bytes()).unwrap().ok();
    }
}

#[test]
fn the_worst_inputs_are_refused_and_change_nothing() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    let deep = "[".repeat(100_000);
    let long = "x".repeat(100_000);
    let bodies: Vec<Vec<u8>> = [
        "",
        "null",
        "[]",
        "\"x\"",
        "1e999",
        "{\"proxy\":null}",
        "{\"proxy\":{\"a\":[]},\"latency\":{\"p50\":{}}}",
        "{\"proxy\":\"db\",\"latency\":\"99999999999999999999h\"}",
        "{\"proxy\":\"db\",\"latency\":\"-1ms\"}",
        "{\"proxy\":\"db\",\"probability\":\"NaN%\",\"reset\":true}",
        &deep,
        &format!("{{\"proxy\":\"{long}\",\"reset\":true}}"),
    ]
    .iter()
    .map(|body| body.as_bytes().to_vec())
    .chain([vec![0xff, 0xfe, 0x00], vec![0; 1000]])
    .collect();
    let endpoints = [
        ("PUT", "/v1/proxies/bad"),
        ("PATCH", "/v1/proxies/db"),
        ("PUT", "/v1/faults/bad"),
        ("POST", "/v1/faults"),
        ("PATCH", "/v1/faults/slow"),
        ("PUT", "/v1/faults/slow/lease"),
        ("DELETE", "/v1/faults/bad"),
        ("POST", "/v1/heal?proxy=bad"),
    ];
    for (method, path) in endpoints {
        for body in &bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            match running.request(method, path, &[("content-type", "application/json")], body) {
                Ok(reply) => assert!(reply.status < 500, "{method} {path} {shown}: {reply}"),
                Err(error) => panic!("{method} {path} {shown}: {error}\n{}", running.log()),
            }
        }
    }
    let paths = [
        "/v1/faults/%00",
        "/v1/faults/..%2f..",
        "/v1/faults/%ff",
        "/v1/faults//",
        "/v1/proxies/",
        "/v1/nothing",
        "//",
        "/v1/faults?proxy=%ff",
        "/v1/await",
        "/v1/await?until=%00&timeout=x",
        "/v1/await?until=hits(slow)&timeout=99999999999h",
        "/v1/errors/../..",
        "/v1/errors/%00",
        "/v1/faults?session=x&proxy=",
        "/v1/heal?proxy=%ff",
        "/v1/events?types=%5B",
        "/metrics/x",
        "/v1/%2e%2e/x",
    ];
    for path in paths.iter().map(|path| (*path).to_owned()).chain([format!("/v1/faults/{long}")]) {
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if method == "GET" && path.starts_with("/v1/events") {
                continue;
            }
            let reply = running.request(method, &path, &[], if method == "GET" { b"" } else { b"{}" });
            let reply = reply.unwrap_or_else(|error| panic!("{method} {}: {error}", &path[..path.len().min(80)]));
            assert!(reply.status < 500 || reply.status == 501, "{method} {}: {reply}", &path[..path.len().min(80)]);
        }
    }
    for bytes in [
        &b"\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"PUT /v1/faults/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"PUT /v1/faults/x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PUT /v1/faults/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        if let Ok(reply) = http::raw(running.api, bytes) {
            assert!(reply.status < 500 || reply.status == 505, "{}: {reply}", String::from_utf8_lossy(bytes));
        }
    }
    let names: Vec<Value> = running.faults().iter().map(|fault| fault["name"].clone()).collect();
    assert_eq!(names, [json!("slow")], "a refused call changed something");
    assert_eq!(running.proxies().len(), 1);
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

#[test]
fn two_hundred_clients_change_at_once() {
    let upstream = Upstream::echo();
    let running = start(&upstream);
    thread::scope(|scope| {
        for worker in 0..20 {
            let running = &running;
            scope.spawn(move || {
                for i in 0..10 {
                    let name = format!("w{worker}-{i}");
                    running.put(&name, json!({ "proxy": "db", "latency": "1ms", "probability": "0%" }));
                    assert_eq!(running.fault(&name)["name"], name.as_str());
                    running.heal(&name);
                }
            });
        }
    });
    assert_eq!(running.faults().len(), 1);
}
