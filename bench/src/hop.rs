//! What stands between a client and a server of HTTP: nothing, Faultwire with more or fewer faults, nginx, haproxy. Each runs as its own
//! process, with as many threads as there are processors, and writes no log. What it is told stands in a folder that goes with it.

use crate::places::{ask, binary, free, quiet, reachable};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fmt::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

/// One address for each version: HTTP/1.1, and HTTP/2 with prior knowledge.
#[derive(Clone, Copy)]
pub struct Addresses {
    pub one: SocketAddr,
    pub two: SocketAddr,
}

pub struct Hop {
    pub name: String,
    pub at: Addresses,
    server: Option<Server>,
}

/// Faults that never act on what is measured.
#[derive(Clone, Copy)]
pub enum Faults {
    None,
    /// So many in force, each about other requests.
    Elsewhere(usize),
    /// So many that are switched off.
    Off(usize),
}

/// A process with its children, and the folder it was given.
struct Server {
    process: Child,
    folder: PathBuf,
}

/// A new connection has to be kept for so many requests: more than there are.
const ENDLESS: u32 = 1_000_000_000;
/// What a server that is told to end may still do.
const LEAVE: Duration = Duration::from_secs(5);

impl Hop {
    pub fn direct(upstream: Addresses) -> Hop {
        Hop { name: "direct".into(), at: upstream, server: None }
    }

    /// An upstream that answers everything with a few bytes, in either version.
    pub fn answering() -> Result<Hop> {
        Hop::nginx("upstream", "default_type text/plain; return 200 hello;", "")
    }

    /// nginx speaks HTTP/1.1 to its upstream whatever it is spoken to.
    pub fn nginx_before(upstream: Addresses) -> Result<Hop> {
        let location = "proxy_pass http://upstream; proxy_http_version 1.1; proxy_set_header Connection \"\";";
        let upstream = format!("upstream upstream {{ server {}; keepalive 512; keepalive_requests {ENDLESS}; }}", upstream.one);
        Hop::nginx("nginx", location, &upstream)
    }

    fn nginx(name: &str, location: &str, more: &str) -> Result<Hop> {
        let at = Addresses { one: free()?, two: free()? };
        let folder = folder(name)?;
        let mut temporary = String::new();
        for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            write!(temporary, "{what}_temp_path {}/{what}; ", folder.display())?;
        }
        let config = format!(
            "daemon off; worker_processes {}; error_log stderr crit; pid {}/pid;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n\
             access_log off; keepalive_requests {ENDLESS}; http2_max_concurrent_streams 1024;\n\
             {temporary}\n{more}\n\
             server {{ listen {} reuseport; listen {} http2 reuseport; location / {{ {location} }} }}\n\
             }}\n",
            threads(),
            folder.display(),
            at.one,
            at.two,
        );
        let mut command = Command::new(program("nginx"));
        command.arg("-p").arg(&folder).arg("-c").arg(write(&folder, "nginx.conf", &config)?);
        Hop::start(name.into(), at, folder, command)
    }

    pub fn haproxy_before(upstream: Addresses) -> Result<Hop> {
        let at = Addresses { one: free()?, two: free()? };
        let folder = folder("haproxy")?;
        let config = format!(
            "global\n  nbthread {}\n  maxconn 4000\n\
             defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n\
             frontend one\n  bind {}\n  default_backend one\n\
             frontend two\n  bind {} proto h2\n  default_backend two\n\
             backend one\n  server upstream {}\n\
             backend two\n  server upstream {} proto h2\n",
            threads(),
            at.one,
            at.two,
            upstream.one,
            upstream.two,
        );
        let mut command = Command::new(program("haproxy"));
        command.arg("-q").arg("-db").arg("-f").arg(write(&folder, "haproxy.cfg", &config)?);
        Hop::start("haproxy".into(), at, folder, command)
    }

    pub fn faultwire_before(upstream: Addresses, faults: Faults) -> Result<Hop> {
        let at = Addresses { one: free()?, two: free()? };
        let api = free()?;
        let folder = folder("faultwire")?;
        let mut config = format!("proxies:\n  one: {} -> http://{}\n  two: {} -> http://{}\n", at.one, upstream.one, at.two, upstream.two);
        let (name, count, word) = match faults {
            Faults::None => ("faultwire, 0 faults".to_owned(), 0, ""),
            Faults::Elsewhere(count) => (format!("faultwire, {count} elsewhere"), count, ""),
            Faults::Off(count) => (format!("faultwire, {count} off"), count, ", enabled: false"),
        };
        if count > 0 {
            config += "faults:\n";
        }
        for i in 0..count {
            let about = elsewhere(i);
            for proxy in ["one", "two"] {
                writeln!(config, "  - {{ proxy: {proxy}, match: {about}, latency: 1s{word} }}")?;
            }
        }
        let mut command = Command::new(binary()?);
        command.arg("serve").arg(write(&folder, "faultwire.yaml", &config)?).args(["--seed", "1", "--api", &api.to_string()]);
        let hop = Hop::start(name, at, folder, command)?;
        reachable(api)?;
        ask(api, "GET", "/readyz", "")?;
        Ok(hop)
    }

    fn start(name: String, at: Addresses, folder: PathBuf, command: Command) -> Result<Hop> {
        let hop = Hop { name, at, server: Some(Server { process: quiet(command)?, folder }) };
        reachable(hop.at.one)?;
        reachable(hop.at.two)?;
        Ok(hop)
    }

    /// What its threads have had of the processors so far.
    pub fn cpu(&self) -> Result<Duration> {
        let Some(server) = &self.server else { return Ok(Duration::ZERO) };
        let own = server.process.id();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?;
        let mut all = Duration::ZERO;
        for process in children.split_whitespace().map(str::parse).chain([Ok(own)]) {
            for task in std::fs::read_dir(format!("/proc/{}/task", process?))? {
                let says = std::fs::read_to_string(task?.path().join("schedstat"))?;
                all += Duration::from_nanos(says.split(' ').next().context("nothing in schedstat")?.parse()?);
            }
        }
        Ok(all)
    }
}

/// In the ways in which faults name requests: a path, what paths begin with, a path of a host, a method besides.
fn elsewhere(i: usize) -> String {
    match i % 4 {
        0 => format!("{{ path: /shop/{i} }}"),
        1 => format!("{{ path: /shop/{i}/* }}"),
        2 => format!("{{ host: shop-{i}.example, path: / }}"),
        _ => format!("{{ method: POST, path: /, headers: {{ x-shop: \"{i}\" }} }}"),
    }
}

pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Debian keeps servers where only root looks.
pub fn program(name: &str) -> PathBuf {
    let own = Path::new("/usr/sbin").join(name);
    if own.exists() { own } else { name.into() }
}

/// A new folder for a process.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("faultwire-bench-{}-{name}-{}", std::process::id(), free()?.port()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx takes its children with it, if it is asked to end. Whoever has ended by itself need not be.
        if let Some(own) = Pid::from_raw(self.process.id() as i32) {
            kill_process(own, Signal::TERM).ok();
        }
        let asked = Instant::now();
        while asked.elapsed() < LEAVE && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.process.kill().ok();
        self.process.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
