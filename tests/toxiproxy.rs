//! Toxiproxy's API and its toxics within Faultwire: over the same proxies and faults, from a file, and whatever is said of them. That
//! they are as there is shown in `beside`.

use crate::{
    harness::{Dir, Process, Running, binary, connect, eventually, world},
    http,
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

#[test]
fn browsers_are_refused_as_there_and_pages_from_elsewhere_as_well() {
    let running = world().start();
    let with = |path: &str, headers: &[(&str, &str)]| running.request("GET", path, headers, b"").unwrap();
    assert_eq!(with("/version", &[]).expect(200).json()["version"], "2.12.0");
    let refused = with("/proxies", &[("user-agent", "Mozilla/5.0")]).expect(403);
    assert_eq!(refused.text(), "User agent not allowed\n");
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
