//! What became of an exchange, for whoever counts and for whoever watches.

use crate::piece::Direction;
use std::{sync::Arc, time::Duration};

/// Exchanges that have ended, by who answered and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends(pub [[u64; CLASSES.len()]; 2]);

/// The last: it ended without an answer.
pub const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
pub const ORIGINS: [&str; 2] = ["upstream", "injected"];

/// One exchange that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which one of its connection, from 1.
    pub number: u64,
    /// `POST /orders`.
    pub request: Box<str>,
    /// None: there was no answer.
    pub status: Option<u16>,
    /// The fault that answered or ended it. None: the upstream did.
    pub by: Option<Arc<str>>,
    /// From the head of the request to the end of the answer.
    pub took: Duration,
    /// Bytes of content, by direction.
    pub bytes: [u64; 2],
}

impl Ends {
    pub fn count(&mut self, status: Option<u16>, injected: bool) {
        let class = status.map_or(CLASSES.len() - 1, |status| usize::from(status / 100).saturating_sub(1).min(CLASSES.len() - 2));
        self.0[usize::from(injected)][class] += 1;
    }

    pub fn is_empty(&self) -> bool {
        *self == Ends::default()
    }
}

impl Record {
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.bytes[direction.index()]
    }
}
