//! A seed where none is given. The one thing here that cannot be repeated, so it is always printed.

use std::hash::{BuildHasher, RandomState};

/// Short enough to be read out to somebody.
pub fn fresh() -> u64 {
    RandomState::new().hash_one(std::process::id()) % 1_000_000
}
