//! One program, one server and one process of clients, on which cases are played one after the other: a fault is put through the API, a client is
//! told what to do and tells what it was shown, and the counts on all sides are compared.

use crate::harness::{Process, eventually, world};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::SocketAddr,
    process::{ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A fault, and what a client does about it.
pub struct Case {
    fault: Value,
    does: String,
    tells: String,
    hits: u64,
    seen: u64,
    waits: u64,
}

/// `does` is what the client is told, `tells` what it tells, with `*` for anything. The fault has been hit so often, and the server has seen so
/// many requests.
pub fn case(fault: Value, does: &str, tells: &str, hits: u64, seen: u64) -> Case {
    Case { fault, does: does.to_owned(), tells: tells.to_owned(), hits, seen, waits: 0 }
}

impl Case {
    /// The client has its outcome no earlier than after so many milliseconds.
    pub fn waits(self, milliseconds: u64) -> Case {
        Case { waits: milliseconds, ..self }
    }
}

/// A process that does as it is told, a line at a time, and answers each with a line: how long it took in milliseconds, and what it was shown.
pub struct Client {
    process: Process,
    stdin: ChildStdin,
    asked: usize,
}

impl Client {
    pub fn start(mut command: Command) -> Client {
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"] {
            command.env_remove(name);
        }
        let mut process = Process::spawn({
            command.stdin(Stdio::piped());
            command
        });
        let stdin = process.child.stdin.take().unwrap();
        Client { process, stdin, asked: 0 }
    }

    #[track_caller]
    fn ask(&mut self, line: &str) -> (u64, String) {
        writeln!(self.stdin, "{line}").unwrap();
        let mut told = None;
        eventually(&format!("an answer to `{line}`"), || {
            let out = self.process.out();
            let ended = self.process.exited().is_some();
            told = out.split_inclusive('\n').nth(self.asked).filter(|line| line.ends_with('\n')).map(str::to_owned);
            assert!(told.is_some() || !ended, "the client ended at `{line}`:\n{}", self.process.log());
            told.is_some()
        });
        self.asked += 1;
        let told = told.unwrap();
        let (milliseconds, text) = told.trim_end().split_once(' ').unwrap_or_else(|| panic!("it told {told:?}"));
        (milliseconds.parse().unwrap_or_else(|_| panic!("it told {told:?}\n{}", self.process.err())), text.to_owned())
    }
}

/// A server that says its port, and then a line for each request that has reached it.
pub struct Served {
    pub address: SocketAddr,
    process: Process,
}

impl Served {
    pub fn start(command: Command) -> Served {
        let process = Process::spawn(command);
        let mut port = None;
        eventually("the server says its port", || {
            port = process.out().split_once('\n').and_then(|(line, _)| line.parse().ok());
            port.is_some()
        });
        Served { address: SocketAddr::from(([127, 0, 0, 1], port.unwrap())), process }
    }

    pub fn requests(&self) -> u64 {
        self.process.out().matches('\n').count() as u64 - 1
    }
}

/// Plays all of them before this upstream, and tells of all that went otherwise. `seen`: requests that the server has seen until now.
#[track_caller]
pub fn play(upstream: &str, client: Command, seen: impl Fn() -> u64, cases: &[Case]) {
    let running = world().link("web", json!(format!("127.0.0.1:0 -> {upstream}"))).start();
    let mut client = Client::start(client);
    let mut wrong = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        // Each has a proxy of its own, so that nothing that one client left behind meets the fault of the next.
        let (proxy, fault) = (format!("web-{n}"), format!("felt-{n}"));
        let path = format!("/v1/proxies/{proxy}");
        running.call("PUT", &path, Some(json!({ "listen": "127.0.0.1:0", "upstream": upstream }))).expect(201);
        let to = running.port(&proxy).to_string();
        let mut wanted = case.fault.clone();
        wanted["proxy"] = proxy.into();
        running.put(&fault, wanted);
        let before = seen();
        let (milliseconds, told) = client.ask(&format!("{to} {}", case.does));
        // A server that is a process of its own is heard a moment later.
        let begin = Instant::now();
        while seen() - before < case.seen && begin.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(2));
        }
        let counts = (running.hits(&fault), seen() - before);
        running.call("DELETE", &path, None).ok();
        let told = told.replace(&to, "SHOP").replace(&fault, "felt");
        if !fits(&case.tells, &told) || counts != (case.hits, case.seen) || milliseconds < case.waits {
            let expected = format!("{}  [hits {}, seen {}, {} ms at least]", case.tells, case.hits, case.seen, case.waits);
            let came = format!("{told}  [hits {}, seen {}, {milliseconds} ms]", counts.0, counts.1);
            wrong.push(format!("{}  {}\n  expected {expected}\n  came     {came}", case.does, case.fault));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases went otherwise:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// `*` is anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
