//! The cutters against what is generated, what is garbage and what another implementation says; and compressed messages that are lost.

#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod generated;
mod harness;
mod opinion;
mod recoded;
