//! The real Toxiproxy's programs and ours in its place: each command line beside a server of its own, and what comes of a call.

use crate::{
    harness::{Ended, Process, Running, binary, eventually, run, toxiproxy, world},
    http::{self, Reply},
    upstream::{Conn, Upstream},
};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    thread,
};

/// Whose command line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Real,
    Ours,
}

/// A server with no proxies, and whose command line speaks to it.
pub struct Side {
    pub client: Client,
    pub api: SocketAddr,
    _server: Server,
}

/// It ends with its owner.
enum Server {
    Ours { _running: Running },
    Real { _process: Process },
}

impl Side {
    pub fn new(client: Client) -> Side {
        let running = world().start();
        Side { client, api: running.api, _server: Server::Ours { _running: running } }
    }

    /// The same, in front of the real server.
    pub fn at_real_server(client: Client) -> Side {
        // An address of its own, since the server does not say which port it has found.
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let api = SocketAddr::from((Ipv4Addr::new(127, 64 | high, low, COUNT.fetch_add(1, Relaxed)), 8474));
        let mut command = Command::new(toxiproxy("server"));
        command.arg(format!("-host={}", api.ip())).env("LOG_LEVEL", "error");
        let process = Process::spawn(command);
        eventually("the real server answers", || http::request(api, "GET", "/version", &[], b"").is_ok_and(|reply| reply.status == 200));
        Side { client, api, _server: Server::Real { _process: process } }
    }

    /// What its server answers.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        http::request(self.api, "GET", path, &[], b"").unwrap().expect(200).json()
    }

    /// Words are between spaces, and `~` stands for a space in one.
    fn command(&self, line: &str) -> Command {
        let mut command = match self.client {
            Client::Real => Command::new(toxiproxy("cli")),
            Client::Ours => Command::new(binary()),
        };
        let words = line.split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('~', " "));
        command.arg0("toxiproxy-cli").args(words).stdin(Stdio::null());
        command.env("TOXIPROXY_URL", format!("http://{}", self.api)).env_remove("NO_COLOR");
        command
    }

    pub fn call(&self, line: &str) -> Ended {
        without_ports(run(self.command(line)))
    }

    /// What it says when all is well, with all ports.
    #[track_caller]
    pub fn call_plainly(&self, line: &str) -> String {
        run(self.command(line)).expect(0).out
    }

    /// The same with a terminal for its output.
    pub fn call_on_terminal(&self, line: &str) -> Ended {
        without_ports(on_terminal(self.command(line)))
    }

    /// The same through somebody who writes down what is asked.
    pub fn call_through(&self, recorder: &Recorder, line: &str) -> Ended {
        let mut command = self.command(line);
        command.env("TOXIPROXY_URL", recorder.api.to_string());
        without_ports(run(command))
    }
}

fn without_ports(ended: Ended) -> Ended {
    Ended { out: portless(&ended.out), err: portless(&ended.err), ..ended }
}

/// With every port that the system has chosen replaced: nothing else may differ.
pub fn portless(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_chosen = part.len() - rest.len() > 1;
        out += &format!("127.0.0.1:{}", if is_chosen { format!("PORT{rest}") } else { part.to_owned() });
    }
    out
}

/// Runs a command whose stdout is a terminal.
fn on_terminal(mut command: Command) -> Ended {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    command.stdout(ioctl_tiocgptpeer(&ours, flags).unwrap()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The last copy of the terminal is now the child's, so that there is an end to what it says.
    drop(command);
    let reader = thread::spawn(move || {
        let mut out = Vec::new();
        // When nobody has it open any more, that is an error here.
        File::from(ours).read_to_end(&mut out).ok();
        String::from_utf8(out).unwrap()
    });
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let code = child.wait().unwrap().code();
    Ended { code, out: reader.join().unwrap(), err }
}

/// Stands in front of a server and writes down what it is asked.
pub struct Recorder {
    pub api: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _upstream: Upstream,
}

impl Recorder {
    pub fn new(server: SocketAddr) -> Recorder {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let own = asked.clone();
        let upstream = Upstream::script(move |conn| relay(conn, server, &own));
        Recorder { api: upstream.address, asked, _upstream: upstream }
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn relay(mut conn: Conn, server: SocketAddr, asked: &Mutex<Vec<String>>) {
    let mut from = BufReader::new(conn.stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut fields = head.iter().filter_map(|line| line.split_once(": "));
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    from.read_exact(&mut body).unwrap();
    let (agent, kind) = (header("user-agent"), header("content-type"));
    let text = String::from_utf8_lossy(&body);
    asked.lock().unwrap().push(portless(&format!("{} | {agent} | {kind} | {text}", head[0])));
    let mut words = head[0].split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let Reply { status, headers, body } = http::request(server, method, path, &[("user-agent", agent)], &body).unwrap();
    let mut reply = format!("HTTP/1.1 {status} Told\r\nconnection: close\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        reply += &format!("{name}: {value}\r\n");
    }
    if status != 204 {
        reply += &format!("content-length: {}\r\n", body.len());
    }
    conn.stream.write_all((reply + "\r\n").as_bytes()).unwrap();
    conn.stream.write_all(&body).ok();
}
