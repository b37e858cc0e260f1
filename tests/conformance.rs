//! Suites of HTTP/2, gRPC and WebSocket that other people wrote, between real clients and real servers: each is run straight to its server and
//! through the program, in the same run and case by case. What passes straight and not through the program is a fault of the program.
//! `tests/run` brings and builds them.

use crate::harness::{Process, Running, eventually, free_port, world};
use serde_json::json;
use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

mod autobahn;
mod grpc;
mod h2spec;

/// How a proxy carries what speaks HTTP in all these tests, and in those of `http_clients`: the scheme of its upstream.
pub const SCHEME: &str = "http://";

/// A proxy without faults, called `web`, before this server.
pub fn proxy(upstream: SocketAddr) -> Running {
    world().link("web", json!(format!("127.0.0.1:0 -> {SCHEME}{upstream}"))).start()
}

/// What `tests/run` has brought into the target directory, no older than what it was brought by: `language/file`.
#[track_caller]
pub fn brought(path: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let (part, _) = path.split_once('/').unwrap();
    let done = format!("{part}.done");
    let Some(folder) = own.ancestors().skip(1).map(|folder| folder.join("conformance")).find(|folder| folder.join(&done).exists()) else {
        panic!("nothing that speaks HTTP is in the target directory ({part}): run tests/run, which brings it");
    };
    let changed = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let brought = changed(&folder.join(done));
    let felt = ["", "calls", "clients", "server", "wire"].map(|program| source("felt").join(part).join(program));
    for source in [source("conformance").join(part), source("http_clients").join(part)].into_iter().chain(felt) {
        let files = std::fs::read_dir(&source).into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        for file in files.filter(|file| built_from(file)) {
            assert!(changed(&file) <= brought, "{} has changed: run tests/run, which builds it", file.display());
        }
    }
    folder.join(path)
}

/// Scripts of the clients are run where they stand.
fn built_from(file: &Path) -> bool {
    !((file.starts_with(source("http_clients")) || file.starts_with(source("felt")))
        && file.extension().is_some_and(|kind| kind == "py" || kind == "js"))
}

pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A server of somebody else's that is told its port, there until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    _process: Process,
}

impl Server {
    fn start(command: impl FnOnce(u16) -> Command) -> Server {
        let port = free_port();
        let mut process = Process::spawn(command(port));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        eventually("the server takes connections", || {
            assert!(process.exited().is_none(), "it ended:\n{}", process.log());
            TcpStream::connect(address).is_ok()
        });
        Server { address, _process: process }
    }

    /// One that chooses its port, and says it or its address as a line.
    pub fn says(command: Command) -> Server {
        let mut process = Process::spawn(command);
        let mut port = None;
        eventually("the server says where it is", || {
            assert!(process.exited().is_none(), "it ended:\n{}", process.log());
            let out = process.out();
            port = out.split_once('\n').and_then(|(line, _)| line.rsplit(':').next()?.parse().ok());
            port.is_some()
        });
        Server { address: SocketAddr::from(([127, 0, 0, 1], port.unwrap())), _process: process }
    }
}

/// Waits for one that has more to do than other commands; what it said.
#[track_caller]
fn finished(mut process: Process, limit: Duration) -> String {
    let begin = Instant::now();
    while process.exited().is_none() {
        assert!(begin.elapsed() < limit, "it does not end within {limit:?}:\n{}", process.log());
        thread::sleep(Duration::from_millis(10));
    }
    process.wait();
    process.log()
}
