//! Builds the program once, starts it, asks it, and sees that nothing is left of it.

use crate::{
    http::{self, Reply},
    upstream::Upstream,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use std::{
    ffi::OsString,
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Nothing that is waited for takes longer, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The program, built once for all tests.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", "faultwire-control", "--bin", "faultwire", "--message-format=json-render-diagnostics"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success(), "the program does not build");
        let messages = String::from_utf8(built.stdout).unwrap();
        let program = |message: Value| {
            let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == "faultwire";
            message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
        };
        messages.lines().filter_map(|line| program(serde_json::from_str(line).ok()?)).next_back().expect("cargo names what it has built")
    })
}

/// The program, with nothing of the surrounding environment that it listens to.
pub fn faultwire() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("FAULTWIRE_") || ["TOXIPROXY_URL", "LOG_LEVEL", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"].contains(&&*text)
        {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The version of Toxiproxy that is matched.
pub const TOXIPROXY: &str = "2.12.0";

/// A program of Toxiproxy's, `server` or `cli`, as `tests/run` has built it.
#[track_caller]
pub fn toxiproxy(program: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path = root.join(target).join("peers/toxiproxy").join(TOXIPROXY).join(program);
    assert!(path.exists(), "there is no {}: `tests/run` builds it", path.display());
    path
}

/// Polls a fact until it holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody has, and that the kernel gives to nobody who asks for any: it lies below those.
pub fn free_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let least: u64 = range.split_whitespace().next().and_then(|least| least.parse().ok()).unwrap_or(32768);
    let room = least.clamp(11_000, 32_768) - 10_000;
    // Other processes with tests begin elsewhere.
    let begin = u64::from(std::process::id()) * 211;
    let ports = (0..room).map(|_| (10_000 + (begin + NEXT.fetch_add(1, Relaxed)) % room) as u16);
    ports.into_iter().find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok()).expect("some port is free")
}

/// A directory that goes with its owner.
#[derive(Debug)]
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("faultwire-tests-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    /// Writes a file here; its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// What is to be started.
pub fn world() -> World {
    World { proxies: Map::new(), faults: json!([]), seed: 7193, args: Vec::new() }
}

pub struct World {
    proxies: Map<String, Value>,
    faults: Value,
    seed: u64,
    args: Vec<OsString>,
}

impl World {
    /// A proxy on a free port before this upstream.
    pub fn proxy(self, name: &str, upstream: &Upstream) -> World {
        self.link(name, json!(format!("127.0.0.1:0 -> {}", upstream.address)))
    }

    /// A proxy as a scenario would say it.
    pub fn link(mut self, name: &str, link: Value) -> World {
        self.proxies.insert(name.to_owned(), link);
        self
    }

    pub fn faults(mut self, faults: Value) -> World {
        self.faults = faults;
        self
    }

    pub fn seed(mut self, seed: u64) -> World {
        self.seed = seed;
        self
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> World {
        self.args.push(arg.into());
        self
    }

    pub fn scenario(&self) -> Value {
        let mut scenario = json!({ "seed": self.seed, "proxies": self.proxies });
        if self.faults.as_array().is_some_and(|faults| !faults.is_empty()) {
            scenario["faults"] = self.faults.clone();
        }
        scenario
    }

    /// Serves it, and waits until it is ready.
    pub fn start(self) -> Running {
        let dir = Dir::new();
        let file = dir.write("faultwire.yaml", serde_json::to_string_pretty(&self.scenario()).unwrap());
        Running::serve(dir, &file, &self.args)
    }
}

/// A process that serves.
pub struct Running {
    pub api: SocketAddr,
    pub dir: Dir,
    pub file: PathBuf,
    process: Process,
    /// All ports that it had.
    ports: Mutex<Vec<SocketAddr>>,
}

impl Running {
    /// Serves this file or directory on a free API port.
    pub fn serve(dir: Dir, file: &Path, args: &[OsString]) -> Running {
        let mut command = faultwire();
        command.arg("serve").arg(file).args(["--api", "127.0.0.1:0"]).args(args).current_dir(&dir.0);
        Running::await_ready(dir, file.to_owned(), command)
    }

    /// Serves a ready scenario by its name on a free port before this upstream, with these variables.
    pub fn ready_made(name: &str, upstream: &Upstream, variables: &[(&str, &str)]) -> Running {
        let (dir, mut command) = (Dir::new(), faultwire());
        command.args(["serve", name, "--api", "127.0.0.1:0", "--seed", "7193"]).current_dir(&dir.0);
        command.env("LISTEN", "0").env("UPSTREAM", upstream.address.to_string()).envs(variables.iter().copied());
        Running::await_ready(dir, name.into(), command)
    }

    fn await_ready(dir: Dir, file: PathBuf, command: Command) -> Running {
        let mut process = Process::spawn(command);
        let begin = Instant::now();
        let api = loop {
            if let Some(api) = process.log().lines().find_map(api_in) {
                break api;
            }
            if let Some(status) = process.exited() {
                panic!("it ended before it was ready, {status}:\n{}", process.log());
            }
            assert!(begin.elapsed() < PATIENCE, "not ready:\n{}", process.log());
            thread::sleep(Duration::from_millis(2));
        };
        let running = Running { api, dir, file, process, ports: Mutex::default() };
        eventually("it is ready", || running.request("GET", "/readyz", &[], b"").is_ok_and(|reply| reply.status == 200));
        running.proxies();
        running
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Reply> {
        http::request(self.api, method, path, headers, body)
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let reply = self.request(method, path, &[], body.as_bytes());
        reply.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).ok().json()
    }

    /// All proxies, as the API says.
    pub fn proxies(&self) -> Vec<Value> {
        let answer = self.get("/v1/proxies");
        let list = listed(&answer, "proxies");
        let addresses = list.iter().filter_map(address_of);
        let mut ports = self.ports.lock().unwrap();
        for address in addresses {
            if !ports.contains(&address) {
                ports.push(address);
            }
        }
        list
    }

    /// Where a proxy listens.
    #[track_caller]
    pub fn port(&self, name: &str) -> SocketAddr {
        let proxies = self.proxies();
        let proxy = proxies.iter().find(|proxy| proxy["name"] == name).unwrap_or_else(|| panic!("no proxy `{name}` in {proxies:?}"));
        address_of(proxy).unwrap_or_else(|| panic!("no address in {proxy}"))
    }

    /// A connection through a proxy.
    #[track_caller]
    pub fn connect(&self, name: &str) -> TcpStream {
        connect(self.port(name))
    }

    /// Puts a fault; it is in force when this returns.
    #[track_caller]
    pub fn put(&self, name: &str, fault: Value) -> Value {
        self.call("PUT", &format!("/v1/faults/{name}"), Some(fault)).ok().json()
    }

    #[track_caller]
    pub fn fault(&self, name: &str) -> Value {
        self.get(&format!("/v1/faults/{name}"))
    }

    #[track_caller]
    pub fn hits(&self, name: &str) -> u64 {
        self.fault(name)["hits"].as_u64().unwrap()
    }

    #[track_caller]
    pub fn heal(&self, name: &str) -> Value {
        self.call("DELETE", &format!("/v1/faults/{name}"), None).ok().json()
    }

    #[track_caller]
    pub fn heal_all(&self) -> Value {
        self.call("POST", "/v1/heal", None).ok().json()
    }

    pub fn faults(&self) -> Vec<Value> {
        listed(&self.get("/v1/faults"), "faults")
    }

    /// Open connections of a proxy.
    #[track_caller]
    pub fn connections(&self, name: &str) -> u64 {
        let proxy = self.get(&format!("/v1/proxies/{name}"));
        proxy["connections"].as_u64().unwrap_or_else(|| panic!("no count of connections in {proxy}"))
    }

    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Every line of the log that is an event of this kind.
    pub fn events(&self, event: &str) -> Vec<Value> {
        let lines = self.log();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|line: &Value| line["event"] == event).collect()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.process.exited()
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Resident memory.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap() << 10
    }

    /// All its ports can be taken by others.
    pub fn assert_nothing_listens(&self) {
        for address in self.ports.lock().unwrap().iter().chain([&self.api]) {
            eventually(&format!("{address} is free"), || TcpListener::bind(address).is_ok());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.end();
        if !thread::panicking() {
            assert!(!self.log().contains("panicked"), "it panicked:\n{}", self.log());
            self.assert_nothing_listens();
        }
    }
}

/// A child whose output is collected as it comes.
pub struct Process {
    pub child: Child,
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

impl Process {
    pub fn spawn(mut command: Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![collect(child.stdout.take().unwrap(), &out), collect(child.stderr.take().unwrap(), &err)];
        Process { child, out, err, readers, status: None }
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out.lock().unwrap()).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.err.lock().unwrap()).into_owned()
    }

    pub fn log(&self) -> String {
        self.err() + &self.out()
    }

    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            kill_process(Pid::from_child(&self.child), signal).ok();
        }
    }

    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
        }
        self.status
    }

    /// Waits for its end, and for all of its output.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        while self.exited().is_none() {
            assert!(begin.elapsed() < PATIENCE * 2, "it does not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
        for reader in self.readers.drain(..) {
            let ends = || reader.is_finished();
            eventually("whoever holds its output has ended", ends);
            reader.join().unwrap();
        }
        self.status.unwrap()
    }

    /// Asks it to end, and makes it.
    fn end(&mut self) {
        for (signal, patience) in [(Signal::TERM, 500), (Signal::TERM, 10_000), (Signal::KILL, 10_000)] {
            self.signal(signal);
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(patience) {
                if self.exited().is_some() {
                    assert!(signal != Signal::KILL || thread::panicking(), "it had to be killed:\n{}", self.log());
                    return;
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exited().is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    #[track_caller]
    pub fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: Command) -> Ended {
    let mut process = Process::spawn(command);
    let status = process.wait();
    Ended { code: status.code(), out: process.out(), err: process.err() }
}

pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap_or_else(|error| panic!("{to}: {error}"));
    patient(&stream);
    stream
}

/// Nothing on this socket waits for ever.
pub fn patient(stream: &TcpStream) {
    stream.set_nodelay(true).ok();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

fn collect(mut from: impl Read + Send + 'static, into: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let into = into.clone();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n) = from.read(&mut buffer) {
            if n == 0 {
                return;
            }
            into.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    })
}

/// The address of the API in a line of the log.
fn api_in(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let api = line.get("api")?.as_str()?;
    api.trim_start_matches("http://").trim_end_matches('/').parse().ok()
}

fn address_of(proxy: &Value) -> Option<SocketAddr> {
    proxy["address"].as_str().or(proxy["listen"].as_str()).and_then(|address| address.parse().ok())
}

/// The items of a list, which may stand under a key.
pub fn listed(answer: &Value, key: &str) -> Vec<Value> {
    let list = answer.as_array().or(answer[key].as_array());
    list.unwrap_or_else(|| panic!("no list of {key} in {answer}")).clone()
}
