//! The pure core of Faultwire: pieces, effects, faults, plans and conversations.
//! It does no I/O, reads no clock and draws no chance of its own; it must never know who drives it.

pub mod complaint;
pub mod contract;
pub mod conversation;
pub mod dice;
pub mod effect;
pub mod event;
pub mod fault;
pub mod fit;
pub mod foreseen;
pub mod form;
mod lane;
pub mod matching;
pub mod node;
pub mod piece;
pub mod plan;
pub mod protocol;
#[cfg(test)]
mod testing;
pub mod units;
pub mod value;
