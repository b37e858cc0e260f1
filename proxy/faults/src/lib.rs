//! The pure core of Faultwire: pieces, effects, faults, plans and conversations.
//! It does no I/O, reads no clock and draws no chance of its own; it must never know who drives it.

pub mod again;
pub mod choosing;
pub mod complaint;
pub mod contract;
pub mod conversation;
pub mod dice;
pub mod effect;
pub mod event;
pub mod exchange;
pub mod exchanges;
pub mod fault;
pub mod fit;
pub mod foreseen;
pub mod form;
pub mod head;
pub mod index;
mod lane;
pub mod matching;
mod messaging;
pub mod node;
pub mod over;
pub mod piece;
pub mod plan;
pub mod protocol;
pub mod record;
pub mod reply;
pub mod requests;
pub mod streams;
pub mod subject;
pub mod talk;
#[cfg(test)]
mod testing;
pub mod units;
pub mod value;
pub mod who;
