//! What toxics do, on the wire: added, changed and removed, on open connections and on new ones, in both streams. Each scene is written
//! once and played on both servers.

mod chains;
mod chance;
mod delays;
mod endings;
mod proxies;

use super::stage::{play, play_alone};

#[test]
fn noop_and_latency() {
    play(delays::LATENCY);
}

#[test]
fn bandwidth_and_slicer() {
    play(delays::BANDWIDTH);
}

#[test]
fn timeout_and_slow_close() {
    play(endings::TIMEOUT);
}

#[test]
fn reset_peer_and_limit_data() {
    play(endings::RESET);
}

#[test]
fn two_in_a_chain() {
    play(chains::CHAINS);
}

#[test]
fn proxies_with_connections() {
    play(proxies::PROXIES);
}

#[test]
fn reset_of_everything() {
    play_alone(proxies::RESET);
}
