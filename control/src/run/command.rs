//! The wrapped command: started, led by signals, waited for. Its output is its own.

use crate::exit::{Exit, Failure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

/// How long the command has after a signal that was passed on to it.
const GRACE: Duration = Duration::from_secs(5);

/// How the command came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    ByItself(ExitStatus),
    /// Somebody told us to stop.
    BySignal(i32),
    TimedOut,
}

impl Ended {
    pub fn exit(&self) -> Exit {
        match self {
            Ended::TimedOut => Exit::TimedOut,
            Ended::BySignal(signal) => Exit::Signal(*signal as u8),
            Ended::ByItself(status) => match (status.code(), status.signal()) {
                (Some(0), _) => Exit::Held,
                (Some(code), _) => Exit::Child(code as u8),
                (None, Some(signal)) => Exit::Signal(signal as u8),
                (None, None) => Exit::Bug,
            },
        }
    }
}

/// Runs it to its end. Signals that reach us are passed on.
pub async fn run(words: &[OsString], environment: Vec<(String, String)>, timeout: Option<Duration>) -> Result<Ended, Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::usage("error: no command\nhelp: write it behind two dashes: faultwire run --wrap REDIS_URL -- pytest"));
    };
    let mut command = Command::new(program);
    command.args(arguments).envs(environment);
    // At a terminal the command stays in our group: it must be able to read what is typed, and gets Ctrl-C as we do.
    let own_group = !io::stdin().is_terminal();
    if own_group {
        command.process_group(0);
    }
    let mut signals = Signals::listen()?;
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    let leash = Leash { pid: child.id().and_then(|id| Pid::from_raw(id as i32)), own_group };
    let limit = async {
        match timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        status = child.wait() => status.map(Ended::ByItself).map_err(|error| lost(&error)),
        number = signals.next() => {
            leash.pass_on(number);
            leash.end(&mut child, &mut signals).await;
            Ok(Ended::BySignal(number))
        }
        () = limit => {
            leash.send(Signal::TERM);
            leash.end(&mut child, &mut signals).await;
            Ok(Ended::TimedOut)
        }
    }
}

/// How the command, and what it has started, is reached.
struct Leash {
    pid: Option<Pid>,
    own_group: bool,
}

impl Leash {
    fn pass_on(&self, number: i32) {
        // At a terminal Ctrl-C has reached the command already.
        let signal = match number {
            2 if !self.own_group => return,
            1 => Signal::HUP,
            2 => Signal::INT,
            _ => Signal::TERM,
        };
        self.send(signal);
    }

    fn send(&self, signal: Signal) {
        let Some(pid) = self.pid else { return };
        // A command that has just ended cannot be reached, and need not be.
        let _gone = if self.own_group { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
    }

    /// Waits for the end, which a second signal or the end of patience enforces.
    async fn end(&self, child: &mut Child, signals: &mut Signals) {
        tokio::select! {
            _ = child.wait() => return,
            () = tokio::time::sleep(GRACE) => {}
            _ = signals.next() => {}
        }
        self.send(Signal::KILL);
        child.wait().await.ok();
    }
}

struct Signals([tokio::signal::unix::Signal; 3]);

impl Signals {
    fn listen() -> Result<Signals, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new(Exit::Unavailable, format!("error: cannot listen for signals: {error}")));
        Ok(Signals([listen(SignalKind::hangup())?, listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?]))
    }

    async fn next(&mut self) -> i32 {
        let [hangup, interrupt, terminate] = &mut self.0;
        tokio::select! {
            _ = hangup.recv() => 1,
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        }
    }
}

fn not_started(program: &OsString, error: &io::Error) -> Failure {
    let name = program.to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(Exit::NotFound, format!("error: there is no command `{name}`")),
        _ => Failure::new(Exit::NotRunnable, format!("error: cannot run `{name}`: {error}")),
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::new(Exit::Bug, format!("error: lost sight of the command: {error}"))
}

/// Resets that this network namespace has sent so far (`OutRsts`, RFC 4022); a closed port leaves no other trace.
pub fn resets_sent() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/net/snmp").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|name| name == "OutRsts")?;
    values.split_whitespace().nth(at)?.parse().ok()
}
