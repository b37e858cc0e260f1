//! How the process ends: one number for each reason, the same for every verb, chosen not to collide with test runners.

use std::{fmt, process::ExitCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Held,
    /// Wrong usage.
    Usage,
    /// A scenario with errors.
    Scenario,
    /// Cannot bind, or cannot reach.
    Unavailable,
    /// A bug in Faultwire.
    Bug,
    /// Cannot write the report or the journal.
    CannotWrite,
    Aborted,
    /// Steady state not met, nothing injected.
    NotSteady,
    Inconclusive,
    /// An expectation did not hold.
    Failed,
    TimedOut,
    /// The command cannot be run.
    NotRunnable,
    /// The command is not there.
    NotFound,
    /// The command's own code.
    Child(u8),
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Usage => 64,
            Exit::Scenario => 65,
            Exit::Unavailable => 69,
            Exit::Bug => 70,
            Exit::CannotWrite => 73,
            Exit::Aborted => 96,
            Exit::NotSteady => 97,
            Exit::Inconclusive => 98,
            Exit::Failed => 99,
            Exit::TimedOut => 124,
            Exit::NotRunnable => 126,
            Exit::NotFound => 127,
            Exit::Child(code) => code,
            Exit::Signal(signal) => 128u8.saturating_add(signal),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a verb ends early: all that is to be said of it, once, and the code it ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub text: String,
}

impl Failure {
    pub fn new(exit: Exit, text: impl Into<String>) -> Failure {
        Failure { exit, text: text.into() }
    }

    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
