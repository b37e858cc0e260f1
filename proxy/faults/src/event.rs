//! What a conversation tells: plain data, from which counters, logs and the journal follow.

use crate::{
    piece::Direction,
    plan::{Compiled, Reason},
};
use std::{sync::Arc, time::Instant};

#[derive(Clone, Debug)]
pub struct Event {
    pub at: Instant,
    pub generation: u64,
    pub fault: Arc<Compiled>,
    /// The number of the unit among the matches of the fault.
    pub n: u64,
    /// Which request it was: `POST /orders`.
    pub request: Option<Box<str>>,
    /// The id of the W3C trace that it belongs to.
    pub trace: Option<Box<str>>,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The fault acted on this unit, for the first time.
    Hit { effect: &'static str, direction: Option<Direction> },
    /// It matched, and was kept from acting.
    Suppressed(Reason),
    /// It had thrown away bytes of this stream and has gone: the connection is reset.
    Holed,
}
