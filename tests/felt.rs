//! What real client libraries do about each fault of HTTP, gRPC, WebSocket and server-sent events: the exception, the time-out, the retry. Each
//! case also says how often the fault was hit, and how many requests the server has seen. A client that reacts otherwise fails it.

use crate::conformance::SCHEME;
use stage::{Case, play};
use std::process::Command;
use upstream::Shop;

mod calls;
mod go;
mod java;
mod messages;
mod node;
mod python;
mod scripts;
mod stage;
mod upstream;

/// Plays cases of HTTP before the shop.
#[track_caller]
fn in_the_shop(client: Command, cases: &[Case]) {
    let shop = Shop::open();
    play(&format!("{SCHEME}{}", shop.address()), client, || shop.requests(), cases);
}
