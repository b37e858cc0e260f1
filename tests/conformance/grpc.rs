//! gRPC's interoperability tests, as gRPC for Go has them: its client asks its server in every way that the protocol knows.

use super::{Server, brought, proxy};
use crate::harness::{Ended, run};
use std::{net::SocketAddr, process::Command};

/// All that need no credentials and no second server.
const CASES: &[&str] = &[
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "rpc_soak",
    "channel_soak",
];

fn ask(server: SocketAddr, case: &str) -> Ended {
    let mut client = Command::new(brought("go/client"));
    client.args(["--server_host=127.0.0.1", &format!("--server_port={}", server.port()), &format!("--test_case={case}")]);
    client.args(["--soak_iterations=50", "--soak_overall_timeout_seconds=40"]);
    run(client)
}

#[test]
fn every_case_passes_straight_and_through_the_program() {
    let server = Server::start(|port| {
        let mut server = Command::new(brought("go/server"));
        server.arg(format!("--port={port}"));
        server
    });
    let running = proxy(server.address);
    let mut wrong = Vec::new();
    for case in CASES {
        let ended = [server.address, running.port("web")].map(|address| ask(address, case));
        assert_eq!(ended[0].code, Some(0), "{case} does not pass straight:\n{}", ended[0].err);
        // What it does not know ends well in no client.
        if ended[1].code != Some(0) {
            wrong.push(format!("{case}:\n{}", ended[1].err));
        }
    }
    assert!(wrong.is_empty(), "{} of {} pass straight and not through the program:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}
