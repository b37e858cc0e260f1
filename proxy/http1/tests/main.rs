//! The cutters against what is odd, what is hostile, what is generated and what is garbage; and answers of our own.

#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod answers;
mod corpus;
mod garbage;
mod generated;
mod harness;
mod opinion;
mod rooms;
mod smuggling;
