//! Ports to listen on that people remember, and that nobody else has.

use faultwire_scenarios::link::tame_port;
use std::{collections::BTreeSet, ops::Range};

/// Below are ports for root, above those that the kernel hands out.
const PORTS: Range<u16> = 1024..32768;

/// A port that reminds of the upstream's: a digit in front of it, or else the next one that is free.
pub fn free_port(like: u16, lead: u16, taken: &BTreeSet<u16>) -> u16 {
    let fits = |port: &u16| PORTS.contains(port) && !taken.contains(port);
    let tame = [lead, 1, 2].map(|lead| tame_port(like, lead));
    let next = tame[0].clamp(PORTS.start, PORTS.end - 1);
    tame.into_iter().find(fits).or_else(|| (next..PORTS.end).chain(PORTS).find(fits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_digit_in_front() {
        let none = BTreeSet::new();
        for (like, lead, port) in [
            (3306, 1, 13306),
            (5432, 1, 15432),
            (6379, 2, 26379),
            (27017, 1, 17017),
            (80, 1, 10080),
            (8080, 1, 18080),
            (50051, 1, 10051),
            (65535, 1, 15535),
            (1, 1, 10001),
        ] {
            assert_eq!(free_port(like, lead, &none), port);
        }
        assert_eq!(free_port(5432, 1, &BTreeSet::from([15432])), 25432);
        assert_eq!(free_port(5432, 1, &BTreeSet::from([15432, 25432])), 15433);
        assert_eq!(free_port(5432, 1, &PORTS.collect()), 0);
    }
}
