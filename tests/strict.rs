//! Toxiproxy's API where it is asked to be strict, and the counters that Toxiproxy has.

use crate::{
    harness::{Dir, Process, eventually, world},
    http,
    upstream::Upstream,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    process::Command,
};

/// What Toxiproxy takes in silence: method, path, body, and what is said of it.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("POST", "/proxies", r#"{"name":"a","upsteam":"x:1","upstream":"x:1"}"#, "unknown field: upsteam"),
    ("POST", "/proxies", r#"{"name":"a","upstream":"x:1"} {}"#, "there is more behind the JSON value"),
    ("POST", "/proxies", r#"{"name":"a","upstream":"x:1","toxics":[{"type":"slicer"}]}"#, "average_size 0 cuts nothing"),
    ("POST", "/proxies/p", r#"{"name":"q"}"#, "name cannot be changed: it is p"),
    ("PATCH", "/proxies/p", r#"{"toxics":[]}"#, "toxics are not changed with their proxy: use its toxics"),
    ("POST", "/populate", r#"[{"name":"b","upstream":"x:1","enable":false}]"#, "unknown field: enable"),
    ("POST", "/proxies/p/toxics", r#"{"type":"latency","toxicity":5}"#, "toxicity 5 is not between 0 and 1"),
    ("POST", "/proxies/p/toxics", r#"{"type":"bandwidth","attributes":{"rate":-1}}"#, "rate -1 is negative"),
    ("POST", "/proxies/p/toxics", r#"{"type":"timeout","attributes":{"timout":1}}"#, "unknown attribute of timeout: timout"),
    (
        "POST",
        "/proxies/p/toxics",
        r#"{"type":"slicer","attributes":{"average_size":1,"size_variation":2}}"#,
        "size_variation 2 is more than average_size 1",
    ),
    ("PATCH", "/proxies/p/toxics/slow", r#"{"name":"slower"}"#, "name cannot be changed: it is slow"),
    ("PATCH", "/proxies/p/toxics/slow", r#"{"stream":"upstream"}"#, "stream cannot be changed: it is downstream"),
    ("PATCH", "/proxies/p/toxics/slow", r#"{"attributes":{"latency":-5}}"#, "latency -5 is negative"),
];

#[test]
fn what_toxiproxy_ignores_is_refused_and_changes_nothing() {
    let upstream = Upstream::echo();
    let running = world().proxy("p", &upstream).arg("--strict-toxics").start();
    let slow = json!({ "name": "slow", "type": "latency", "attributes": { "latency": 1 } });
    running.call("POST", "/proxies/p/toxics", Some(slow)).expect(200);
    let before = running.get("/proxies");
    for (method, path, body, why) in REFUSED {
        let reply = running.request(method, path, &[], body.as_bytes()).unwrap();
        assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some(*why)), "{method} {path} {body}");
        assert_eq!(running.get("/proxies"), before, "{method} {path} {body}");
    }
    // What makes sense is taken as ever, sent back as it was shown too.
    let shown = running.get("/proxies/p");
    running.call("POST", "/proxies/p", Some(shown)).expect(200);
    running.call("PATCH", "/proxies/p/toxics/slow", Some(json!({ "name": "slow", "toxicity": 0.5 }))).expect(200);
}

#[test]
fn populate_says_what_it_would_leave_as_it_is() {
    let upstream = Upstream::echo();
    let running = world().arg("--strict-toxics").start();
    let entry = |more: Value| {
        let mut entry = json!({ "name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string() });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let latency = json!({ "toxics": [{ "type": "latency", "attributes": { "latency": 1 } }] });
    running.call("POST", "/populate", Some(json!([entry(latency.clone())]))).expect(201);
    let listen = running.get("/proxies/p")["listen"].clone();
    let again = |more: Value| {
        let mut entry = entry(more);
        entry["listen"] = listen.clone();
        running.call("POST", "/populate", Some(json!([entry])))
    };
    again(latency).expect(201);
    again(json!({})).expect(201);
    let other = again(json!({ "toxics": [{ "type": "noop" }] })).expect(400);
    assert_eq!(other.json()["error"], "p is there already: populate does not change its toxics");
    let off = again(json!({ "enabled": false })).expect(400);
    assert_eq!(off.json()["error"], "p is there already: populate does not change enabled");
}

#[test]
fn under_its_name_it_has_the_flag_and_counts_while_connections_are_open() {
    let upstream = Upstream::echo();
    let dir = Dir::new();
    let file = json!([{ "name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address.to_string() }]);
    let path = dir.write("toxiproxy.json", file.to_string());
    let mut command = Command::new(crate::harness::binary());
    command.arg0("toxiproxy-server").args(["-strict", "-proxy-metrics", "-port", "0", "-config"]).arg(path);
    let mut process = Process::spawn(command);
    let ready = || process.out().lines().find_map(|line| serde_json::from_str::<Value>(line).ok()?["api"].as_str().map(str::to_owned));
    eventually("it says where its API is", || ready().is_some());
    let api: SocketAddr = ready().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let ask = |method: &str, path: &str, body: &str| http::request(api, method, path, &[], body.as_bytes()).unwrap();
    assert_eq!(ask("POST", "/proxies", r#"{"name":"a","upstream":"x:1","x":1}"#).status, 400);
    let listen = ask("GET", "/proxies/p", "").json()["listen"].as_str().unwrap().to_owned();
    let mut client = TcpStream::connect(&listen).unwrap();
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    let labels =
        |direction: &str| format!("{{direction=\"{direction}\",listener=\"{listen}\",proxy=\"p\",upstream=\"{}\"}} 5", upstream.address);
    for name in ["received", "sent"] {
        for direction in ["upstream", "downstream"] {
            let line = format!("toxiproxy_proxy_{name}_bytes_total{}", labels(direction));
            eventually(&line, || ask("GET", "/metrics", "").text().contains(&line));
        }
    }
    assert!(ask("POST", "/metrics", "").text().contains("process_resident_memory_bytes"));
    process.signal(Signal::TERM);
    assert!(process.wait().success());
}
