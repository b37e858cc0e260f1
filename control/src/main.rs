//! Faultwire: a sidecar proxy that makes the network between services go wrong, on purpose.

mod api;
mod cli;
mod client;
mod clock;
mod codes;
mod config;
mod control;
mod demo;
mod engine;
mod exit;
mod journal;
mod json;
mod log;
mod persona;
mod run;
mod say;
mod seed;
mod serve;
mod telemetry;
mod verbs;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic has told about itself by then.
    std::panic::catch_unwind(cli::main).unwrap_or(exit::Exit::Bug).into()
}
