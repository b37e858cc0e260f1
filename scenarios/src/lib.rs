//! Scenario files: read, named, checked, and told what is wrong with them, place in hand.
//! Pure: files and environment come through closures. It must never know a proxy that runs, a clock or a socket.

pub mod library;
pub mod link;
pub mod render;
pub mod scenario;
pub mod sources;
pub mod variables;
pub mod words;
pub mod yaml;

mod defaults;
mod files;
mod names;
mod ports;
mod reach;
