//! The server as a program: its flags, its file, what it writes, and how it ends.

use super::server::{BOTH, Server, Who, command};
use crate::harness::{Dir, Process, TOXIPROXY, eventually, free_port};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn flags_and_exit_codes() {
    for (args, code) in [
        (&["-version"][..], 0),
        (&["--version"], 0),
        (&["-version=true", "-port", "1"], 0),
        (&["-h"], 0),
        (&["--help"], 0),
        (&["-nope"], 2),
        (&["--nope=1"], 2),
        (&["-port"], 2),
        (&["-seed", "x"], 2),
        (&["-version=maybe"], 2),
        (&["---port", "1"], 2),
    ] {
        let [real, ours] = BOTH.map(|who| {
            let mut command = command(who);
            command.args(args);
            let mut process = Process::spawn(command);
            (process.wait().code(), process.out(), process.err().lines().next().unwrap_or_default().to_owned())
        });
        assert_eq!(real.0, Some(code), "{args:?}: {real:?}");
        assert_eq!((real.0, &real.1), (ours.0, &ours.1), "{args:?}");
        // What is wrong is said first.
        assert!(code == 0 || real.2 == ours.2, "{args:?}: {} {}", real.2, ours.2);
    }
    let mut process = Process::spawn({
        let mut command = command(Who::Ours);
        command.arg("-version");
        command
    });
    process.wait();
    assert_eq!(process.out(), format!("toxiproxy-server version {TOXIPROXY}\n"));
}

/// Started with these flags; what it lists then, without ports.
fn listed(who: Who, flags: &[&str]) -> (Server, Value) {
    let server = Server::with(who, free_port(), flags);
    eventually("it answers", || server.try_call("GET", "/version", "").is_ok());
    let mut listed = server.call("GET", "/proxies", "").json();
    for proxy in listed.as_object_mut().unwrap().values_mut() {
        let proxy = proxy.as_object_mut().unwrap();
        let listen = proxy["listen"].as_str().unwrap();
        proxy["listen"] = listen.rsplit_once(':').unwrap().0.into();
        assert_eq!(proxy.shift_remove("Logger").is_some(), who == Who::Real);
    }
    (server, listed)
}

fn config(dir: &Dir, name: &str, text: &str) -> String {
    let file = dir.write(name, text);
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_file_of_proxies() {
    let dir = Dir::new();
    let good = json!([
        { "name": "a", "listen": "localhost:0", "upstream": "u:1" },
        { "name": "b", "listen": "127.0.0.1:0", "upstream": "u:2", "enabled": false, "unknown": 1 },
    ]);
    let half = json!([
        { "name": "a", "listen": "127.0.0.1:0", "upstream": "u:1" },
        { "name": "b", "listen": "local373", "upstream": "u:2" },
        { "name": "c", "listen": "127.0.0.1:0", "upstream": "u:3" },
    ]);
    let missing = dir.0.join("missing").to_str().unwrap().to_owned();
    let files = [
        (config(&dir, "good", &good.to_string()), 2),
        (config(&dir, "half", &half.to_string()), 1),
        (config(&dir, "unreadable", "[{"), 0),
        (config(&dir, "nameless", r#"[{"name":"a","upstream":"u:1"},{"name":"b"}]"#), 0),
        (missing, 0),
    ];
    for (file, proxies) in files {
        for flags in [&["-config", &file][..], &[&format!("--config={file}"), "-seed", "7", "-runtime-metrics", "-proxy-metrics"]] {
            // Neither refuses to start.
            let [(mut real, in_real), (mut ours, in_ours)] = BOTH.map(|who| listed(who, flags));
            assert_eq!(in_real.as_object().unwrap().len(), proxies, "{in_real}");
            assert_eq!(in_real, in_ours, "{file}");
            assert_eq!((real.end().code(), ours.end().code()), (Some(0), Some(0)));
        }
    }
}

/// There they are left out in silence.
#[test]
fn toxics_in_a_file() {
    let dir = Dir::new();
    let text = json!([{ "name": "a", "listen": "127.0.0.1:0", "upstream": "u:1", "toxics": [{ "type": "latency" }] }]);
    let file = config(&dir, "toxics", &text.to_string());
    let [(_real, in_real), (_ours, in_ours)] = BOTH.map(|who| listed(who, &["-config", &file]));
    assert_eq!(in_real["a"]["toxics"], json!([]));
    assert_eq!(in_ours["a"]["toxics"][0]["name"], "latency_downstream");
}

#[test]
fn what_is_written_are_objects_line_by_line() {
    for mut server in BOTH.map(|who| Server::verbose(who, &["-config", "nowhere.json"])) {
        eventually("it answers", || server.try_call("GET", "/version", "").is_ok());
        assert!(server.end().success());
        let out = server.process.out();
        assert!(out.lines().count() > 1, "{}: {out}", server.who);
        for line in out.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error} in {line}", server.who));
            for key in ["level", "caller", "time"] {
                assert!(line[key].is_string(), "{}: no {key} in {line}", server.who);
            }
        }
        assert!(!Path::new("nowhere.json").exists());
        assert!(out.contains("Error reading config file"), "{}: {out}", server.who);
    }
}

/// A name is looked up by the machine, whose words are not ours.
#[test]
fn a_name_that_nobody_has() {
    for server in BOTH.map(Server::start) {
        let reply =
            server.try_call("POST", "/proxies", r#"{"name":"a","upstream":"u:1","listen":"nosuch.invalid:0"}"#).unwrap().expect(500);
        let why = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(why.starts_with("listen tcp: lookup nosuch.invalid"), "{}: {why}", server.who);
    }
}

#[test]
fn what_only_faultwire_answers() {
    let [real, ours] = BOTH.map(Server::start);
    for path in ["/metrics", "/livez", "/readyz", "/v1", "/v1/proxies"] {
        assert_eq!(real.try_call("GET", path, "").unwrap().expect(404).text(), "404 page not found\n");
        ours.call("GET", path, "");
    }
}
