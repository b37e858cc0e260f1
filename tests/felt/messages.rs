//! WebSocket and server-sent events: ws and eventsource of Node, websockets and httpx-sse of Python.

use super::{
    SCHEME, scripts,
    stage::{Case, Served, case, play},
};
use serde_json::json;
use std::process::Command;

#[track_caller]
fn to_listeners(client: Command, cases: &[Case]) {
    let server = Served::start(scripts::node("server"));
    play(&format!("{SCHEME}{}", server.address), client, || server.requests(), cases);
}

#[test]
fn node_ws() {
    to_listeners(
        scripts::node("messages"),
        &[
            case(json!({"close": 1012, "after": "3 messages"}), "ws", "m1,m2,m3 closed 1012 felt", 1, 1),
            case(json!({"close": 1013, "message": "later", "after": "3 messages"}), "ws", "m1,m2,m3 closed 1013 later", 1, 1),
            case(json!({"close": true, "after": "3 messages"}), "ws", "m1,m2,m3 closed 1006", 1, 1),
            case(json!({"reset": true, "after": "3 messages"}), "ws", "m1,m2,m3* closed 1006", 1, 1),
            case(json!({"blackhole": true, "after": "3 messages"}), "ws timeout=300", "m1,m2,m3 had enough closed 1006", 1, 1).waits(290),
            case(json!({"status": 503}), "ws", "Unexpected server response: 503 closed 1006", 1, 0),
            case(json!({"malformed": "status_line"}), "ws", "Parse Error: * closed 1006", 1, 0),
            case(json!({"loss": "100%", "per": "message", "skip": 2, "times": 1}), "ws", "m1,m2,m4,m5,end closed 1000", 1, 1),
            case(json!({"loss": "100%", "per": "message", "direction": "to_server"}), "ws timeout=300", "had enough closed 1006", 1, 1)
                .waits(290),
            case(json!({"duplicate": "100%", "per": "message", "times": 2}), "ws", "m1,m1,m2,m2,m3,m4,m5,end closed 1000", 2, 1),
            case(
                json!({"duplicate": "100%", "copies": 2, "per": "message", "times": 1}),
                "ws messages=2",
                "m1,m1,m1,m2,end closed 1000",
                1,
                1,
            ),
            case(json!({"latency": "300ms", "per": "message", "times": 1}), "ws", "m1,m2,m3,m4,m5,end closed 1000", 1, 1).waits(300),
            case(json!({"reorder": "50%", "latency": "100ms", "per": "message"}), "sorts messages=30", "31 messages, not in order", 31, 1),
            case(json!({"truncate": "50%", "per": "message", "skip": 2, "times": 1}), "ws", "m1,m2,m,m4,m5,end closed 1000", 1, 1),
            case(json!({"truncate": "0B", "per": "message", "times": 1}), "ws messages=1", "?,end closed 1000", 1, 1),
            case(json!({"corrupt": "100%", "per": "message", "times": 1}), "ws", "* closed 100*", 1, 1),
        ],
    );
}

#[test]
fn node_eventsource() {
    to_listeners(
        scripts::node("messages"),
        &[
            // It comes back, and says what it has had last.
            case(
                json!({"close": true, "after": "3 messages", "times": 1}),
                "eventsource",
                "1,2,3,4,5,end well, from the beginning and 3",
                1,
                2,
            ),
            case(
                json!({"reset": true, "after": "3 messages", "times": 1}),
                "eventsource",
                "1,2,3,4,5,end well, from the beginning and 3",
                1,
                2,
            ),
            // What was cut in its middle is no event.
            case(
                json!({"truncate": "50%", "per": "message", "skip": 2, "times": 1}),
                "eventsource",
                "1,2,3,4,5,end well, from the beginning and 2",
                1,
                2,
            ),
            case(
                json!({"blackhole": true, "after": "3 messages"}),
                "eventsource timeout=300",
                "1,2,3 had enough, from the beginning",
                1,
                1,
            )
            .waits(290),
            case(
                json!({"loss": "100%", "per": "message", "skip": 2, "times": 1}),
                "eventsource",
                "1,2,4,5,end well, from the beginning",
                1,
                1,
            ),
            case(
                json!({"duplicate": "100%", "per": "message", "times": 2}),
                "eventsource",
                "1,1,2,2,3,4,5,end well, from the beginning",
                2,
                1,
            ),
            case(json!({"latency": "300ms", "per": "message"}), "eventsource", "1,2,3,4,5,end well, from the beginning", 6, 1).waits(299),
            case(json!({"status": 503}), "eventsource", "gave up at 503, from the beginning", 1, 0),
            case(json!({"status": 204}), "eventsource", "gave up at 204, from the beginning", 1, 0),
            case(json!({"headers": {"content-type": "text/plain"}}), "eventsource", "gave up at 200, from the beginning", 1, 1),
        ],
    );
}

#[test]
fn python() {
    let broke_off = "RemoteProtocolError: peer closed connection without sending complete message body (incomplete chunked read)";
    to_listeners(
        scripts::python("messages"),
        &[
            case(
                json!({"close": 1012, "after": "3 messages"}),
                "websockets",
                "m1,m2,m3 ConnectionClosedError: received 1012 (service restart) felt*",
                1,
                1,
            ),
            case(
                json!({"close": 1008, "per": "message", "direction": "to_server"}),
                "websockets",
                "ConnectionClosedError: received 1008 (policy violation)*",
                1,
                1,
            ),
            case(
                json!({"close": true, "after": "3 messages"}),
                "websockets",
                "m1,m2,m3 ConnectionClosedError: no close frame received or sent",
                1,
                1,
            ),
            case(
                json!({"reset": true, "after": "3 messages"}),
                "websockets",
                "m1,m2,m3 ConnectionClosedError: no close frame received or sent",
                1,
                1,
            ),
            case(
                json!({"blackhole": true, "after": "3 messages"}),
                "websockets timeout=0.3",
                "m1,m2,m3 TimeoutError: timed out in 0.3s",
                1,
                1,
            )
            .waits(300),
            case(json!({"mute": "pong"}), "websockets messages=0 pings=0.2", "ConnectionClosedError: *keepalive ping timeout*", 1, 1)
                .waits(400),
            case(json!({"status": 503}), "websockets", "InvalidStatus: server rejected WebSocket connection: HTTP 503", 1, 0),
            case(json!({"malformed": "status_line"}), "websockets", "InvalidMessage: did not receive a valid HTTP response", 1, 0),
            case(json!({"loss": "100%", "per": "message", "times": 2}), "websockets", "m3,m4,m5,end", 2, 1),
            case(json!({"duplicate": "100%", "per": "message", "times": 2}), "websockets", "m1,m1,m2,m2,m3,m4,m5,end", 2, 1),
            case(json!({"latency": "300ms", "per": "message"}), "websockets", "m1,m2,m3,m4,m5,end", 6, 1).waits(300),
            case(json!({"truncate": "50%", "per": "message", "times": 1}), "websockets", "m,m2,m3,m4,m5,end", 1, 1),
            case(json!({"close": true, "after": "3 messages"}), "sse", &format!("1,2,3 {broke_off}"), 1, 1),
            case(json!({"truncate": "50%", "per": "message", "skip": 2, "times": 1}), "sse", &format!("1,2 {broke_off}"), 1, 1),
            case(json!({"reset": true, "after": "3 messages"}), "sse", "1,2,3 ReadError: *Connection reset by peer", 1, 1),
            case(json!({"blackhole": true, "after": "3 messages"}), "sse timeout=0.3", "1,2,3 ReadTimeout: timed out", 1, 1).waits(300),
            case(json!({"loss": "100%", "per": "message", "skip": 2, "times": 1}), "sse", "1,2,4,5,end ended", 1, 1),
            case(json!({"duplicate": "100%", "per": "message", "times": 1}), "sse", "1,1,2,3,4,5,end ended", 1, 1),
            case(json!({"status": 503}), "sse", "SSEError: *'application/problem+json'", 1, 0),
        ],
    );
}
