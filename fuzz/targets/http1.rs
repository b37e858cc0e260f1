//! Any bytes as both sides of an HTTP/1 connection: no panic, no byte changed or lost, and the same cuts however they arrive.
//! An input is a size of reads, two bytes that say how long the client's side is, the client's side, the server's side.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../proxy/http1/tests/harness.rs"]
mod harness;

fuzz_target!(|bytes: &[u8]| {
    let [size, low, high, both @ ..] = bytes else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(both.len());
    let (requests, responses) = both.split_at(length);
    let whole = harness::converse(requests, responses, || usize::MAX);
    let mut chance = harness::Chance(u64::from(*size));
    let split = harness::converse(requests, responses, || 1 + chance.below(1 + usize::from(*size)));
    assert_eq!(whole, split);
});
