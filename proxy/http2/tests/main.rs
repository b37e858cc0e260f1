//! The cutters against what is generated, odd, and garbage; and what is written, between a real client and a real server.

#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod garbage;
mod generated;
mod harness;
mod odd;
mod real;
mod writing;
