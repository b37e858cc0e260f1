//! Many connections that are open and do nothing. Their clients and their upstream are processes of their own: a process may have only
//! so many descriptors, and none of the three that a connection goes through is to have twice as many as it needs.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

pub const ACCEPT: &str = "accept";
pub const HOLD: &str = "hold";

/// What a process has open besides connections.
const OTHERS: u64 = 150;

/// How many connections a proxy can have, of those that are wanted: each takes two descriptors. Raises what may be had as far as it goes.
pub fn room(wanted: u64) -> u64 {
    let needed = 2 * wanted + OTHERS;
    let now = getrlimit(Resource::Nofile);
    for most in [now.maximum.map(|most| most.max(needed)), now.maximum] {
        // Only a privileged process may have more than its maximum.
        if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_ok() {
            break;
        }
    }
    getrlimit(Resource::Nofile).current.map_or(wanted, |most| wanted.min(most.saturating_sub(OTHERS) / 2))
}

/// Another process, which ends with this.
pub struct Helper {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Helper {
    pub fn start(words: &[&str]) -> Result<Helper> {
        let mut process = Command::new(std::env::current_exe()?).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let says = BufReader::new(process.stdout.take().context("its output is piped")?);
        Ok(Helper { process, says })
    }

    /// The next line that it says.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        anyhow::ensure!(self.says.read_line(&mut line)? > 0, "a helper has ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // What has ended by itself need not be ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Takes connections, says where, and greets each with a byte.
pub fn accept() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    thread::spawn(move || {
        let mut connections = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // Whoever left at once needs no greeting.
            stream.write_all(&[0]).ok();
            connections.push(stream);
        }
    });
    until_left()
}

/// Makes so many connections, each once the one before has been greeted: so that each goes all the way, and no queue overflows.
pub fn hold(address: SocketAddr, count: usize) -> Result<()> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address)?;
        stream.read_exact(&mut [0])?;
        connections.push(stream);
    }
    println!("{} are open", connections.len());
    until_left()
}

/// Until whoever started this has gone.
fn until_left() -> Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
