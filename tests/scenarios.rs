//! Serving files: what a bad one is answered with, and how a changed one is taken in while traffic flows.

use crate::{
    harness::{Dir, Running, eventually, faultwire, run, world},
    upstream::Upstream,
};
use rustix::process::Signal;
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

fn works(running: &Running, name: &str) -> bool {
    TcpStream::connect(running.port(name)).is_ok_and(|mut client| {
        crate::harness::patient(&client);
        client.write_all(b"x").is_ok() && client.read_exact(&mut [0]).is_ok()
    })
}

/// A scenario with one proxy; its fault may be anything.
fn text(upstream: &Upstream, fault: &str) -> String {
    format!("proxies:\n  db: 127.0.0.1:0 -> {}\nfaults:\n  - {{ name: f, proxy: db, {fault} }}\n", upstream.address)
}

/// Written as careful programs write: beside, then renamed.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

fn serve(dir: &Dir, file: &str) -> crate::harness::Ended {
    let mut command = faultwire();
    command.args(["serve", file, "--api", "127.0.0.1:0"]).current_dir(&dir.0);
    run(command)
}

#[test]
fn a_file_that_is_not_there() {
    let dir = Dir::new();
    let ended = serve(&dir, "nowhere.yaml").expect(64);
    assert!(ended.err.contains("nowhere.yaml"), "{}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn a_file_with_mistakes() {
    let dir = Dir::new();
    dir.write("bad.yaml", "proxies:\n  db: 0 -> localhost:1\nfaults:\n  - { proxy: db, latency: 250 }\n");
    let ended = serve(&dir, "bad.yaml").expect(65);
    assert!(ended.err.contains("E0201") && ended.err.contains("bad.yaml:4:"), "{}", ended.err);
    assert_eq!(ended.err.matches("error[").count(), 1, "{}", ended.err);
}

#[test]
fn a_port_that_is_taken_starts_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = Dir::new();
    let address = taken.local_addr().unwrap();
    dir.write("f.yaml", format!("proxies:\n  first: {free} -> localhost:1\n  second: {address} -> localhost:2\n"));
    let ended = serve(&dir, "f.yaml").expect(69);
    assert!(ended.err.contains(&address.to_string()) && ended.err.contains("second"), "{}", ended.err);
    assert_eq!(ended.err.matches("error: ").count(), 1, "one message: {}", ended.err);
    TcpListener::bind(free).unwrap();

    dir.write("g.yaml", format!("proxies:\n  first: {free} -> localhost:1\n"));
    let mut command = faultwire();
    command.args(["serve", "g.yaml", "--api", &address.to_string()]).current_dir(&dir.0);
    let ended = run(command).expect(69);
    assert!(ended.err.contains(&address.to_string()), "{}", ended.err);
    TcpListener::bind(free).unwrap();
}

#[test]
fn a_proxy_before_itself_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = Dir::new();
    dir.write("f.yaml", format!("proxies:\n  me: {free} -> {free}\n"));
    serve(&dir, "f.yaml").expect(65);
}

#[test]
fn a_signal_reloads() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    assert!(works(&running, "db"));
    let port = running.port("db");
    replace(&running.file, &text(&upstream, "reset: true"));
    running.signal(Signal::HUP);
    eventually("the new file is in force", || !works(&running, "db"));
    assert_eq!(running.port("db"), port, "a reload keeps ports that it can keep");
}

#[test]
fn a_bad_file_leaves_the_last_good_one_in_force() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "name": "f", "proxy": "db", "latency": "1ms" }])).start();
    replace(&running.file, &text(&upstream, "latency: 250"));
    running.signal(Signal::HUP);
    eventually("the refusal is told", || !running.events("config.refused").is_empty());
    assert!(works(&running, "db"));
    assert_eq!(running.fault("f")["latency"], "1ms");
    let ready = running.call("GET", "/readyz", None);
    assert!(ready.text().contains("E0201") || ready.text().contains("refused") || ready.text().contains("250"), "{ready}");
    let metrics = running.call("GET", "/metrics", None).text();
    assert!(metrics.lines().any(|line| line.starts_with("faultwire_config_ok") && line.ends_with(" 0")), "{metrics}");
    replace(&running.file, &text(&upstream, "latency: 2ms"));
    running.signal(Signal::HUP);
    eventually("the good file is in force", || running.fault("f")["latency"] == "2ms");
    eventually("all is well", || running.call("GET", "/metrics", None).text().lines().any(|line| line == "faultwire_config_ok 1"));
}

#[test]
fn a_watched_file_is_taken_in_when_it_changes() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).arg("--watch").start();
    for round in 1..=3 {
        replace(&running.file, &text(&upstream, &format!("latency: {round}ms")));
        eventually("the renamed file is in force", || running.call("GET", "/v1/faults/f", None).text().contains(&format!("\"{round}ms\"")));
    }
    std::fs::write(&running.file, text(&upstream, "reset: true")).unwrap();
    eventually("the rewritten file is in force", || !works(&running, "db"));
}

#[test]
fn a_config_map_is_taken_in_when_it_is_swapped() {
    let upstream = Upstream::echo();
    let dir = Dir::new();
    let publish = |version: &str, fault: &str| {
        dir.write(&format!("etc/..{version}/faultwire.yaml"), text(&upstream, fault));
        let link = dir.0.join("etc/..data_tmp");
        std::os::unix::fs::symlink(format!("..{version}"), &link).unwrap();
        std::fs::rename(&link, dir.0.join("etc/..data")).unwrap();
    };
    publish("v1", "latency: 1ms");
    std::os::unix::fs::symlink("..data/faultwire.yaml", dir.0.join("etc/faultwire.yaml")).unwrap();
    let folder = dir.0.join("etc");
    let publish = &publish;
    let base = dir.0.clone();
    let own = Dir::new();
    let running = Running::serve(own, &folder, &["--watch".into()]);
    let is = |latency: &str| running.call("GET", "/v1/faults/f", None).text().contains(&format!("\"{latency}\""));
    assert!(is("1ms"));
    for version in 2..=4 {
        publish(&format!("v{version}"), &format!("latency: {version}ms"));
        std::fs::remove_dir_all(base.join(format!("etc/..v{}", version - 1))).unwrap();
        eventually("the swapped map is in force", || is(&format!("{version}ms")));
    }
}

#[test]
fn a_reload_changes_what_has_changed_and_nothing_else() {
    let upstream = Upstream::echo();
    let running = world()
        .proxy("stays", &upstream)
        .proxy("goes", &upstream)
        .faults(json!([{ "name": "counted", "proxy": "stays", "latency": "1ms" }]))
        .start();
    let (stays, goes) = (running.port("stays"), running.port("goes"));
    let mut open = running.connect("stays");
    open.write_all(b"x").unwrap();
    open.read_exact(&mut [0]).unwrap();
    assert_eq!(running.hits("counted"), 1);
    let scenario = json!({
        "proxies": { "stays": format!("127.0.0.1:0 -> {}", upstream.address), "comes": format!("127.0.0.1:0 -> {}", upstream.address) },
        "faults": [{ "name": "counted", "proxy": "stays", "latency": "2ms" }],
    });
    replace(&running.file, &scenario.to_string());
    running.signal(Signal::HUP);
    eventually("the new file is in force", || running.fault("counted")["latency"] == "2ms");
    assert_eq!(running.port("stays"), stays);
    assert!(works(&running, "comes"));
    assert!(TcpStream::connect(goes).is_err());
    open.write_all(b"y").unwrap();
    open.read_exact(&mut [0]).unwrap();
    assert!(running.hits("counted") >= 1, "a reload began to count again");
}

#[test]
fn what_the_api_made_outlives_a_reload() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    running.put("mine", json!({ "proxy": "db", "reset": true }));
    replace(&running.file, &text(&upstream, "latency: 1ms"));
    running.signal(Signal::HUP);
    eventually("the new file is in force", || running.faults().len() == 2);
    assert!(!works(&running, "db"));
}

#[test]
fn the_ready_made_scenarios_of_the_library_pass_the_check() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/library");
    let mut count = 0;
    for entry in std::fs::read_dir(library).unwrap() {
        let mut command = faultwire();
        command.arg("check").arg(entry.unwrap().path());
        run(command).expect(0);
        count += 1;
    }
    assert!(count > 5);
}
