//! The two servers: Toxiproxy itself, and Faultwire under its name. Both are started by the same words.

use crate::{
    harness::{Process, binary, eventually, free_port, toxiproxy},
    http::{self, Reply},
};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    process::{Command, ExitStatus},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Toxiproxy 2.12.0.
    Real,
    /// Faultwire.
    Ours,
}

pub const BOTH: [Who; 2] = [Who::Real, Who::Ours];

pub struct Server {
    pub who: Who,
    pub api: SocketAddr,
    pub process: Process,
}

/// The program under the name that it has there.
pub fn command(who: Who) -> Command {
    let mut command = match who {
        Who::Real => Command::new(toxiproxy("server")),
        Who::Ours => Command::new(binary()),
    };
    command.arg0("toxiproxy-server").env_remove("LOG_LEVEL");
    command
}

impl Server {
    pub fn start(who: Who) -> Server {
        let server = Server::launch(who, free_port());
        eventually(&format!("{who} answers"), || server.try_call("GET", "/version", "").is_ok());
        server
    }

    /// Starts it on this port, and does not wait for it.
    pub fn launch(who: Who, port: u16) -> Server {
        Server::with(who, port, &[])
    }

    /// The same, with more flags.
    pub fn with(who: Who, port: u16, flags: &[&str]) -> Server {
        let mut command = command(who);
        // Nothing is written for each request: it would be collected for nobody.
        command.env("LOG_LEVEL", "error");
        Server::spawn(who, port, flags, command)
    }

    /// The same, and it writes whatever it has to say.
    pub fn verbose(who: Who, flags: &[&str]) -> Server {
        Server::spawn(who, free_port(), flags, command(who))
    }

    fn spawn(who: Who, port: u16, flags: &[&str], mut command: Command) -> Server {
        command.args(["-host", "127.0.0.1", "-port", &port.to_string()]).args(flags);
        Server { who, api: (Ipv4Addr::LOCALHOST, port).into(), process: Process::spawn(command) }
    }

    pub fn try_call(&self, method: &str, path: &str, body: &str) -> std::io::Result<Reply> {
        http::request(self.api, method, path, &[], body.as_bytes())
    }

    /// Asks, and it goes well.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &str) -> Reply {
        let reply = self.try_call(method, path, body).unwrap_or_else(|error| panic!("{}: {method} {path} {body}: {error}", self.who));
        assert!((200..300).contains(&reply.status), "{}: {method} {path} {body}: {reply}", self.who);
        reply
    }

    /// A new proxy; where it listens.
    #[track_caller]
    pub fn proxy(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let wanted = format!(r#"{{"name":"{name}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
        let made: Value = self.call("POST", "/proxies", &wanted).json();
        made["listen"].as_str().and_then(|listen| listen.parse().ok()).unwrap_or_else(|| panic!("no address in {made}"))
    }

    /// Ends it as a supervisor would.
    pub fn end(&mut self) -> ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.who == Who::Ours && !std::thread::panicking() && self.process.exited().is_none() {
            let status = self.end();
            assert!(status.success(), "{status}\n{}", self.process.log());
            assert!(!self.process.log().contains("panicked"), "it panicked:\n{}", self.process.log());
        }
        // Whatever state the other is in, it goes with its process.
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Who::Real => "toxiproxy",
            Who::Ours => "faultwire",
        })
    }
}
