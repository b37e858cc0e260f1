//! The numbers of the client's streams on the upstream's connection. They are the same until a stream is opened there behind one that the
//! client has opened later: numbers must rise (RFC 9113, 5.1.1), so it gets a higher one, and from then on frames are renumbered.

use crate::{cut::NOBODY, frame::LAST_STREAM};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(crate) struct Ids {
    highest: u32,
    /// The client's numbers by those of the upstream, once they differ.
    back: Option<HashMap<u32, u32>>,
}

impl Ids {
    /// The number for a stream that is opened now. `open`: those that are open, as pairs of the upstream's number and the client's.
    pub fn open(&mut self, stream: u32, open: impl Iterator<Item = (u32, u32)>) -> Option<u32> {
        let number = if self.highest == 0 { stream } else { stream.max(self.highest.checked_add(2)?) };
        if number > LAST_STREAM {
            return None;
        }
        self.highest = number;
        if number != stream {
            self.back.get_or_insert_with(|| open.collect());
        }
        if let Some(back) = &mut self.back {
            back.insert(number, stream);
        }
        Some(number)
    }

    pub fn close(&mut self, number: u32) {
        if let Some(back) = &mut self.back {
            back.remove(&number);
        }
    }

    /// The client's number for that of the upstream.
    pub fn of_client(&self, number: u32) -> u32 {
        match &self.back {
            // The server's own, and the connection.
            _ if number.is_multiple_of(2) => number,
            Some(back) => back.get(&number).copied().unwrap_or(NOBODY),
            None => number,
        }
    }

    pub fn differ(&self) -> bool {
        self.back.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_until_one_is_late() {
        let mut ids = Ids::default();
        let none = std::iter::empty::<(u32, u32)>;
        assert_eq!((ids.open(1, none()), ids.open(5, none()), ids.differ()), (Some(1), Some(5), false));
        // 3 was held back.
        assert_eq!(ids.open(3, [(1, 1), (5, 5)].into_iter()), Some(7));
        assert!(ids.differ());
        assert_eq!([1, 5, 7, 9, 2, 0].map(|number| ids.of_client(number)), [1, 5, 3, NOBODY, 2, 0]);
        assert_eq!((ids.open(7, none()), ids.of_client(9)), (Some(9), 7));
        assert_eq!((ids.open(21, none()), ids.of_client(21)), (Some(21), 21));
        ids.close(7);
        assert_eq!(ids.of_client(7), NOBODY);
        assert_eq!((ids.open(LAST_STREAM, none()), ids.open(23, none())), (Some(LAST_STREAM), None));
    }
}
