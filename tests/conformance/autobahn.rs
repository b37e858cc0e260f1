//! Autobahn's tests of WebSocket: every kind of frame, whole and in pieces, right and wrong, long ones, and compressed ones.

use super::{Server, brought, finished, proxy};
use crate::harness::{Dir, Process};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, process::Command, time::Duration};

/// All of the protocol; of what differs in its length alone, one that is short and one that is long.
const CASES: [&str; 22] = [
    "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", // frames, pings, fragments, text, closing
    "9.1.1", "9.1.4", "9.2.1", "9.2.4", // one long frame
    "9.3.3", "9.4.5", "9.5.4", "9.6.4", // a long message in short pieces
    "9.7.4", "9.8.4", // a thousand messages
    "12.1.3", "12.2.11", "13.3.3", "13.7.4", // compressed
];

fn run(name: &str, to: SocketAddr, dir: &Dir) -> Process {
    let reports = dir.0.join(name);
    let spec = json!({
        "outdir": reports, "servers": [{ "agent": name, "url": format!("ws://{to}") }],
        "cases": CASES, "exclude-cases": [], "exclude-agent-cases": {},
    });
    let spec = dir.write(&format!("{name}.json"), spec.to_string());
    let mut suite = Command::new(brought("autobahn/wstest"));
    suite.args(["-m", "fuzzingclient", "-s"]).arg(spec).current_dir(&dir.0);
    Process::spawn(suite)
}

/// What is told of each case, and holds at any speed.
fn verdicts(name: &str, process: Process, dir: &Dir) -> BTreeMap<String, [Value; 3]> {
    let said = finished(process, Duration::from_secs(400));
    let index = std::fs::read_to_string(dir.0.join(name).join("index.json")).unwrap_or_else(|error| panic!("no report: {error}\n{said}"));
    let index: Value = serde_json::from_str(&index).unwrap();
    let cases = index[name].as_object().unwrap().iter();
    cases.map(|(case, of)| (case.clone(), ["behavior", "behaviorClose", "remoteCloseCode"].map(|key| of[key].clone()))).collect()
}

#[test]
fn every_case_ends_as_it_does_without_the_program() {
    if let Ok(why) = std::fs::read_to_string(brought("autobahn/missing")) {
        eprintln!("Autobahn's tests of WebSocket are NOT run: {why}");
        return;
    }
    let server = Server::says({
        let mut node = Command::new("node");
        node.arg(brought("node/echo.js"));
        node
    });
    let (running, dir) = (proxy(server.address), Dir::new());
    // Much of the time is waiting: both at once.
    let both = [("straight", server.address), ("through", running.port("web"))].map(|(name, to)| (name, run(name, to, &dir)));
    let [straight, through] = both.map(|(name, process)| verdicts(name, process, &dir));
    let fine = straight.values().filter(|[behaviour, ..]| behaviour == "OK").count();
    assert!(straight.len() >= 260 && fine >= 250, "{fine} of {} pass straight: {straight:#?}", straight.len());
    let differ: Vec<String> = straight
        .iter()
        .filter(|(case, verdict)| through.get(*case) != Some(verdict))
        .map(|(case, verdict)| format!("{case}: {verdict:?} straight, {:?} through the program", through.get(case)))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), straight.len(), differ.join("\n"));
    assert_eq!(straight.len(), through.len());
    println!("Autobahn: {} cases alike, {fine} of them well", straight.len());
}
