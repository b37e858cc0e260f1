//! What the receiver of a direction has announced in SETTINGS, and what of it holds: from its acknowledgement on, RFC 9113, 6.5.3.

use crate::{frame::code_of, reason::Reason};
use std::collections::VecDeque;

/// So many SETTINGS may wait for their acknowledgement.
const PENDING: usize = 1024;

/// Those of the settings that matter to what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Values {
    /// Of the table of headers.
    pub table: u32,
    /// Of each new stream.
    pub window: u32,
    pub frame: u32,
}

#[derive(Debug)]
pub(crate) struct Announced {
    in_force: Values,
    /// Each as it will be with all before it.
    pending: VecDeque<Values>,
}

impl Default for Announced {
    fn default() -> Announced {
        Announced { in_force: Values { table: 4096, window: 65_535, frame: 16_384 }, pending: VecDeque::new() }
    }
}

impl Announced {
    /// The payload of SETTINGS.
    pub fn announce(&mut self, payload: &[u8]) -> Result<(), Reason> {
        if self.pending.len() >= PENDING {
            return Err(Reason::TooManySettings);
        }
        let mut values = self.pending.back().copied().unwrap_or(self.in_force);
        for entry in payload.chunks_exact(6) {
            let value = code_of(&entry[2..]);
            match (entry[0], entry[1]) {
                (0, 1) => values.table = value,
                (0, 4) => values.window = value,
                (0, 5) => values.frame = value,
                _ => {}
            }
        }
        self.pending.push_back(values);
        Ok(())
    }

    pub fn acknowledge(&mut self) -> Result<(), Reason> {
        self.in_force = self.pending.pop_front().ok_or(Reason::UnaskedAck)?;
        Ok(())
    }

    /// The bound of the table that is in force.
    pub fn table_in_force(&self) -> u32 {
        self.in_force.table
    }

    fn all(&self) -> impl Iterator<Item = &Values> {
        self.pending.iter().chain([&self.in_force])
    }

    /// The largest table that a sender may choose: what it follows is not known before it acknowledges.
    pub fn table(&self) -> u32 {
        self.all().map(|values| values.table).max().unwrap_or(0)
    }

    /// What a new stream may be sent in any case.
    pub fn window(&self) -> u32 {
        self.all().map(|values| values.window).min().unwrap_or(0)
    }

    /// The longest frame that is taken in any case.
    pub fn frame(&self) -> u32 {
        self.all().map(|values| values.frame).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_holds_from_its_acknowledgement_on_and_the_stricter_until_then() {
        let mut announced = Announced::default();
        let settings = |id: u8, value: u32| [&[0, id][..], &value.to_be_bytes()].concat();
        assert_eq!((announced.table(), announced.window(), announced.frame()), (4096, 65_535, 16_384));
        announced.announce(&settings(4, 10)).unwrap();
        announced.announce(&[settings(4, 100), settings(1, 0), settings(99, 7)].concat()).unwrap();
        announced.announce(&settings(5, 20_000)).unwrap();
        assert_eq!((announced.table(), announced.window(), announced.frame()), (4096, 10, 16_384));
        announced.acknowledge().unwrap();
        assert_eq!((announced.table(), announced.window(), announced.frame()), (4096, 10, 16_384));
        announced.acknowledge().unwrap();
        assert_eq!((announced.table(), announced.window(), announced.frame()), (0, 100, 16_384));
        announced.acknowledge().unwrap();
        assert_eq!((announced.table(), announced.window(), announced.frame()), (0, 100, 20_000));
        assert_eq!(announced.acknowledge(), Err(Reason::UnaskedAck));
        for _ in 0..PENDING {
            announced.announce(&[]).unwrap();
        }
        assert_eq!(announced.announce(&[]), Err(Reason::TooManySettings));
    }
}
