//! Scenario files: read, named, checked, and told what is wrong with them, place in hand.
//! Pure: files and environment come through closures. It must never know a proxy that runs, a clock or a socket.

pub mod codes;
pub mod condition;
pub mod expect;
pub mod fix;
pub mod keys;
pub mod library;
pub mod link;
pub mod measure;
pub mod outside;
pub mod phase;
pub mod plan;
pub mod reference;
pub mod render;
pub mod scenario;
pub mod schema;
pub mod sources;
pub mod variables;
pub mod words;
pub mod write;
pub mod yaml;

mod build;
mod defaults;
mod files;
mod fits;
mod judge;
mod names;
mod ports;
mod reach;
mod world;
