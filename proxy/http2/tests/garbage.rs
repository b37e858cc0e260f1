//! Garbage: no panic, no byte lost, and the same cuts however it arrives.

use crate::{
    generated::Drawn,
    harness::{Chance, converse, frame, hello},
};
use faultwire_http2::Way;

#[test]
fn random_frames_are_no_trouble() {
    for seed in 0..1500 {
        let mut chance = Chance(seed);
        let mut side = |first: Vec<u8>| {
            let mut all = first;
            for _ in 0..chance.below(20) {
                let payload: Vec<u8> = (0..chance.below(30)).map(|_| if chance.hits(50) { 0 } else { chance.next() as u8 }).collect();
                let (kind, flags) = (chance.below(11) as u8, chance.next() as u8);
                all.extend(frame(kind, flags, chance.below(6) as u32, &payload));
            }
            all
        };
        let (client, server) = (side(hello(&[])), side(crate::harness::settings(&[])));
        let said: [(Way, &[u8]); 2] = [(Way::ToServer, &client), (Way::ToClient, &server)];
        let whole = converse(&said, || usize::MAX);
        let mut sizes = Chance(seed);
        assert_eq!(converse(&said, || 1), whole, "seed {seed}");
        assert_eq!(converse(&said, || 1 + sizes.below(30)), whole, "seed {seed}");
    }
}

#[test]
fn one_wrong_bit_is_no_trouble() {
    for seed in 0..300 {
        let drawn = Drawn::new(seed);
        let mut said: Vec<(Way, Vec<u8>)> = drawn.said.into_iter().map(|(way, bytes, _)| (way, bytes)).collect();
        let mut chance = Chance(seed);
        for _ in 0..1 + chance.below(3) {
            let at = chance.below(said.len());
            let bytes = &mut said[at].1;
            let byte = chance.below(bytes.len().min(60));
            bytes[byte] ^= 1 << chance.below(8);
        }
        let said: Vec<(Way, &[u8])> = said.iter().map(|(way, bytes)| (*way, &bytes[..])).collect();
        converse(&said, || usize::MAX);
        converse(&said, || 1 + chance.below(5000));
    }
}
