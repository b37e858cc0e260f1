//! Where the load goes: straight to the upstream, through Faultwire, through Toxiproxy. Each runs as its own process.

use crate::LATENCY;
use anyhow::{Context, Result};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub struct Place {
    pub name: &'static str,
    /// Without a fault.
    pub plain: SocketAddr,
    /// With the latency.
    pub delayed: Option<SocketAddr>,
    /// Where toxics are added, changed and removed.
    pub api: Option<SocketAddr>,
    process: Option<Child>,
}

/// Starts a server in front of an upstream.
pub type Start = Box<dyn Fn(SocketAddr) -> Result<Place>>;

/// All that are at hand.
pub fn servers() -> Vec<Start> {
    let mut servers: Vec<Start> = vec![Box::new(Place::faultwire)];
    match std::env::var("TOXIPROXY") {
        Ok(program) => servers.push(Box::new(move |upstream| Place::toxiproxy(&program, upstream))),
        Err(_) => eprintln!("TOXIPROXY is not set: no peer in this run"),
    }
    servers
}

impl Place {
    pub fn direct(upstream: SocketAddr) -> Place {
        Place { name: "direct", plain: upstream, delayed: None, api: None, process: None }
    }

    fn faultwire(upstream: SocketAddr) -> Result<Place> {
        let (plain, delayed, api) = (free()?, free()?, free()?);
        let file = std::env::temp_dir().join(format!("faultwire-bench-{}.yaml", std::process::id()));
        let latency = LATENCY.as_millis();
        std::fs::write(
            &file,
            format!(
                "proxies:\n  plain: {plain} -> {upstream}\n  delayed: {delayed} -> {upstream}\nfaults:\n  - {{ proxy: delayed, latency: {latency}ms }}\n"
            ),
        )?;
        let mut command = Command::new(binary()?);
        command.arg("serve").arg(&file).args(["--api", &api.to_string()]);
        let place = Place { name: "faultwire", plain, delayed: Some(delayed), api: Some(api), process: Some(quiet(command)?) };
        reachable(api)?;
        // It answers when its proxies listen.
        ask(api, "GET", "/version", "")?;
        std::fs::remove_file(&file)?;
        Ok(place)
    }

    fn toxiproxy(program: &str, upstream: SocketAddr) -> Result<Place> {
        let (plain, delayed, api) = (free()?, free()?, free()?);
        let mut command = Command::new(program);
        command.args(["-host", "127.0.0.1", "-port", &api.port().to_string()]).env("LOG_LEVEL", "error");
        let place = Place { name: "toxiproxy", plain, delayed: Some(delayed), api: Some(api), process: Some(quiet(command)?) };
        reachable(api)?;
        for (name, listen) in [("plain", plain), ("delayed", delayed)] {
            ask(api, "POST", "/proxies", &format!(r#"{{"name":"{name}","listen":"{listen}","upstream":"{upstream}","enabled":true}}"#))?;
        }
        let latency = LATENCY.as_millis();
        ask(api, "POST", "/proxies/delayed/toxics", &format!(r#"{{"type":"latency","attributes":{{"latency":{latency}}}}}"#))?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // What has ended by itself need not be ended.
            process.kill().ok();
            process.wait().ok();
        }
    }
}

/// The release build beside this program.
pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.with_file_name("faultwire");
    anyhow::ensure!(binary.exists(), "there is no {}: cargo build --release", binary.display());
    Ok(binary)
}

pub fn quiet(mut command: Command) -> Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// A port that nobody has at this moment.
pub fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

pub fn reachable(address: SocketAddr) -> Result<()> {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        anyhow::ensure!(start.elapsed() < Duration::from_secs(10), "nothing listens on {address}");
        std::thread::yield_now();
    }
    Ok(())
}

pub fn ask(api: SocketAddr, method: &str, path: &str, body: &str) -> Result<()> {
    let mut stream = TcpStream::connect(api)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {}", answer.lines().next().unwrap_or_default());
    Ok(())
}
