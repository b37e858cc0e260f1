//! gRPC: the client of Go, and that of Python, whose core is that of C, C++ and others.

use super::{
    scripts,
    stage::{Case, Served, case, play},
};
use serde_json::json;
use std::process::Command;

const ERRORS: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

#[track_caller]
fn on_the_line(client: Command, cases: &[Case]) {
    let server = Served::start(scripts::go("server"));
    play(&format!("grpc://{}", server.address), client, || server.requests(), cases);
}

#[test]
fn grpc_go() {
    let too_late = r#"DeadlineExceeded: "context deadline exceeded""#;
    let ended_by = |status: &str, code: &str| format!("{status}: \"stream terminated by RST_STREAM with error code: {code}\"");
    on_the_line(
        scripts::go("calls"),
        &[
            // Before any message, in the server's place: a policy of retries helps for what it names, and waits as it is told.
            case(json!({"error": "UNAVAILABLE"}), "Hello", r#"Unavailable: "UNAVAILABLE" by felt"#, 1, 0),
            case(json!({"error": "UNAVAILABLE", "message": "naïve 100%"}), "Hello", r#"Unavailable: "na\u00efve 100%" by felt"#, 1, 0),
            case(json!({"error": "UNAVAILABLE", "times": 2}), "Hello retries=1", "hello go", 2, 1),
            case(json!({"error": "UNAVAILABLE"}), "Hello retries=1", r#"Unavailable: "UNAVAILABLE" by felt"#, 4, 0),
            case(json!({"error": "INTERNAL"}), "Hello retries=1", r#"Internal: "INTERNAL" by felt"#, 1, 0),
            case(json!({"error": "RESOURCE_EXHAUSTED", "retry_after": "500ms", "times": 1}), "Hello retries=1", "hello go", 1, 1)
                .waits(500),
            case(
                json!({"error": "RESOURCE_EXHAUSTED", "over": "20/m", "burst": 1, "retry_after": "auto"}),
                "Hello retries=1 asks=2",
                "hello go on 1 connections",
                1,
                2,
            )
            .waits(2900),
            case(json!({"error": "UNAVAILABLE", "when": "after_upstream"}), "Hello", r#"Unavailable: "UNAVAILABLE" by felt"#, 1, 1),
            // The server hears it twice, and the client of one.
            case(json!({"duplicate": "100%"}), "Hello", "hello go", 1, 2),
            case(json!({"auth": "expired_token"}), "Hello token=1", "Unauthenticated: *", 1, 0),
            case(json!({"auth": "insufficient_scope"}), "Hello token=1", "PermissionDenied: *", 1, 0),
            // After some.
            case(json!({"error": "DATA_LOSS", "after": "3 messages"}), "Count messages=5", r#"1,2,3 DataLoss: "DATA_LOSS" by felt"#, 1, 1),
            case(json!({"reset": true, "after": "3 messages"}), "Count messages=5", &ended_by("1,2,3 Internal", "INTERNAL_ERROR"), 1, 1),
            case(
                json!({"reset": "ENHANCE_YOUR_CALM", "after": "3 messages"}),
                "Count messages=5",
                &ended_by("1,2,3 ResourceExhausted", "ENHANCE_YOUR_CALM"),
                1,
                1,
            ),
            case(json!({"blackhole": true, "after": "3 messages"}), "Count messages=5 deadline=300", &format!("1,2,3 {too_late}"), 1, 1)
                .waits(290),
            // A stream that was refused is asked for once more, without any policy: the server says that it has done nothing.
            case(json!({"reset": "CANCEL"}), "Hello", &ended_by("Canceled", "CANCEL"), 1, 0),
            case(json!({"reset": "REFUSED_STREAM", "times": 1}), "Hello", "hello go", 1, 1),
            case(json!({"reset": true, "per": "connection"}), "Hello", "Unavailable: *connection reset by peer*", 1, 0),
            case(json!({"close": true}), "Hello", &ended_by("Internal", "INTERNAL_ERROR"), 1, 0),
            // Who is asked to leave goes once all is done, and the next call is on another connection.
            case(json!({"goaway": "NO_ERROR", "times": 1}), "Hello asks=2", "hello go on 2 connections", 1, 2),
            case(json!({"goaway": "ENHANCE_YOUR_CALM", "times": 1}), "Hello asks=2", "hello go on 2 connections", 1, 2),
            case(json!({"goaway": "INTERNAL_ERROR"}), "Count messages=5", "1,2,3,4,5", 1, 1),
            // The deadline is the client's.
            case(json!({"blackhole": true}), "Hello deadline=300", too_late, 1, 0).waits(290),
            case(json!({"latency": "30s"}), "Hello deadline=300", too_late, 1, 1).waits(290),
            case(json!({"latency": "30s", "direction": "to_server"}), "Hello deadline=300", too_late, 1, 0).waits(290),
            case(json!({"latency": "300ms", "mode": "total"}), "Hello deadline=20000", "hello go", 1, 1).waits(300),
            case(json!({"latency": "100ms", "per": "message"}), "Count messages=3", "1,2,3", 3, 1).waits(100),
            // The status is missing, no number, or another one.
            case(json!({"trailers": {"grpc-status": null}}), "Hello", r#"hello go Unknown: "" by felt"#, 1, 1),
            case(json!({"trailers": {"grpc-status": "abc"}}), "Hello", "hello go Internal: *malformed grpc-status*", 1, 1),
            case(json!({"trailers": {"grpc-status": "13"}}), "Hello", r#"hello go Internal: "" by felt"#, 1, 1),
            case(json!({"headers": {"content-type": "text/html"}}), "Hello", "Unknown: *unexpected content-type*text/html*", 1, 1),
            // A message that is shorter than it says.
            case(json!({"malformed": "frame"}), "Hello", r#"Internal: "unexpected EOF""#, 1, 0),
            case(json!({"malformed": "garbage"}), "Hello", "Unavailable: *", 1, 0),
            // Messages.
            case(json!({"loss": "100%", "per": "message"}), "Hello", "Internal: *no response message*", 1, 1),
            case(json!({"loss": "100%", "per": "message", "times": 1}), "Count messages=5", "2,3,4,5", 1, 1),
            case(json!({"duplicate": "100%", "per": "message"}), "Hello", "hello go Internal: *received another message*", 1, 1),
            case(json!({"duplicate": "100%", "per": "message", "times": 2}), "Count messages=3", "1,1,2,2,3", 2, 1),
            case(json!({"truncate": "0B", "per": "message"}), "Count messages=3", ",,", 3, 1),
            case(json!({"corrupt": "100%", "per": "message", "times": 1}), "Count messages=3", "?,2,3", 1, 1),
        ],
    );
}

#[test]
fn every_status_by_its_name() {
    let names = ERRORS.map(|name| case(json!({ "error": name }), "Hello", &format!("{name}: '{name}' by felt"), 1, 0));
    on_the_line(scripts::python("calls"), &names);
}

#[test]
fn grpc_python() {
    let too_late = "DEADLINE_EXCEEDED: *";
    on_the_line(
        scripts::python("calls"),
        &[
            case(json!({"error": "UNAVAILABLE"}), "Hello", "UNAVAILABLE: 'UNAVAILABLE' by felt", 1, 0),
            case(json!({"error": "UNAVAILABLE", "message": "naïve 100%"}), "Hello", "UNAVAILABLE: 'naïve 100%' by felt", 1, 0),
            case(json!({"error": "UNAVAILABLE", "times": 2}), "Hello retries=1", "hello python", 2, 1),
            case(json!({"error": "UNAVAILABLE"}), "Hello retries=1", "UNAVAILABLE: 'UNAVAILABLE' by felt", 4, 0),
            case(json!({"error": "INTERNAL"}), "Hello retries=1", "INTERNAL: 'INTERNAL' by felt", 1, 0),
            case(json!({"error": "RESOURCE_EXHAUSTED", "retry_after": "500ms", "times": 1}), "Hello retries=1", "hello python", 1, 1)
                .waits(500),
            case(json!({"error": "UNAVAILABLE", "when": "after_upstream"}), "Hello", "UNAVAILABLE: 'UNAVAILABLE' by felt", 1, 1),
            case(json!({"auth": "expired_token"}), "Hello token=1", "UNAUTHENTICATED: *", 1, 0),
            case(json!({"error": "DATA_LOSS", "after": "3 messages"}), "Count messages=5", "1,2,3 DATA_LOSS: 'DATA_LOSS' by felt", 1, 1),
            // What its reader has not taken by then it forgets.
            case(json!({"reset": true, "after": "3 messages"}), "Count messages=5", "*INTERNAL: *RST_STREAM*", 1, 1),
            case(
                json!({"reset": "ENHANCE_YOUR_CALM", "after": "3 messages"}),
                "Count messages=5",
                "*RESOURCE_EXHAUSTED: *RST_STREAM*",
                1,
                1,
            ),
            case(json!({"blackhole": true, "after": "3 messages"}), "Count messages=5 deadline=0.3", &format!("1,2,3 {too_late}"), 1, 1)
                .waits(290),
            case(json!({"reset": "CANCEL"}), "Hello", "CANCELLED: *RST_STREAM*", 1, 0),
            case(json!({"reset": "REFUSED_STREAM"}), "Hello", "UNAVAILABLE: *RST_STREAM*", 1, 0),
            case(json!({"reset": true, "per": "connection"}), "Hello", "UNAVAILABLE: *", 1, 0),
            case(json!({"blackhole": true}), "Hello deadline=0.3", too_late, 1, 0).waits(290),
            case(json!({"latency": "30s"}), "Hello deadline=0.3", too_late, 1, 1).waits(290),
            case(json!({"latency": "30s", "direction": "to_server"}), "Hello deadline=0.3", too_late, 1, 0).waits(290),
            case(json!({"latency": "300ms", "mode": "total"}), "Hello", "hello python", 1, 1).waits(300),
            case(json!({"trailers": {"grpc-status": null}}), "Hello", "UNKNOWN: 'No status received' by felt", 1, 1),
            case(json!({"trailers": {"grpc-status": "abc"}}), "Hello", "INTERNAL: *grpc-status* by felt", 1, 1),
            // Of a message that is shorter than it says it tells nobody.
            case(json!({"malformed": "frame"}), "Hello", "no message", 1, 0),
            case(json!({"loss": "100%", "per": "message"}), "Hello", "no message", 1, 1),
            case(json!({"loss": "100%", "per": "message", "times": 1}), "Count messages=5", "2,3,4,5", 1, 1),
            // It reads no second message, and so no status behind it.
            case(json!({"duplicate": "100%", "per": "message"}), "Hello deadline=0.3", too_late, 1, 1).waits(290),
            case(json!({"duplicate": "100%", "per": "message", "times": 2}), "Count messages=3", "1,1,2,2,3", 2, 1),
            case(json!({"corrupt": "100%", "per": "message", "times": 1}), "Count messages=3", "?,2,3", 1, 1),
        ],
    );
}
