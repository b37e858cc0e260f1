//! The real binary, real sockets, real servers. One test binary, so that everything is linked once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod harness;
mod http;
mod pattern;
mod upstream;

mod api;
mod beside;
mod check;
mod cli;
mod clients;
mod completions;
mod conformance;
mod determinism;
mod editor;
mod explain;
mod faults;
mod felt;
mod frames;
mod http_clients;
mod image;
mod init;
mod library;
mod plan;
mod process;
mod real;
mod requests;
mod scenarios;
mod strict;
mod swap;
mod tcp;
mod tidy;
mod toxiproxy;
mod toxiproxy_cli;
