//! Any bytes as one direction of a WebSocket, an event stream or a gRPC call: no panic, no byte changed or lost, and the same cuts however
//! they arrive; and messages that are lost, doubled and changed are borne. An input is what is cut, a size of reads, how much is held, and
//! the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../proxy/messages/tests/harness.rs"]
mod harness;

use faultwire_messages::{Direction, ROOM};
use harness::{Chance, Host, What};

fuzz_target!(|bytes: &[u8]| {
    let [what, size, room, bytes @ ..] = bytes else { return };
    let what = match what % 6 {
        0 => What::Plain,
        1 => What::Deflate { takeover: true, follow: true },
        2 => What::Deflate { takeover: true, follow: false },
        3 => What::Deflate { takeover: false, follow: false },
        4 => What::Events,
        _ => What::Grpc,
    };
    let room = if *room == 255 { ROOM } else { usize::from(*room) };
    let host = Host { what, direction: Direction::ToClient, room };
    let mut chance = Chance(u64::from(*size));
    let split = host.cut(bytes, || 1 + chance.below(1 + usize::from(*size)));
    assert_eq!(host.cut(bytes, || usize::MAX), split);
    host.disturb(bytes, || 1 + usize::from(*size));
});
