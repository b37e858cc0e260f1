//! Java: its own HTTP client.

use super::{in_the_shop, scripts, stage::case};
use serde_json::json;

#[test]
fn http_client() {
    let too_late = "HttpTimeoutException: request timed out";
    let ended = "IOException of EOFException: EOF reached while reading";
    let reset = "IOException of SocketException: Connection reset";
    in_the_shop(
        scripts::java("Clients"),
        &[
            case(json!({"status": 503}), "http /plain", "503 Service Unavailable by felt", 1, 0),
            case(json!({"status": 500, "when": "after_upstream"}), "http /orders post=10", "500 Internal Server Error by felt", 1, 1),
            case(json!({"latency": "30s"}), "http /plain timeout=300", too_late, 1, 1).waits(300),
            case(json!({"latency": "30s", "direction": "to_server"}), "http /plain timeout=300", too_late, 1, 0).waits(300),
            case(json!({"latency": "300ms"}), "http /plain", "200 fine", 1, 1).waits(300),
            case(json!({"latency": "300ms", "mode": "total"}), "http /plain", "200 fine", 1, 1).waits(300),
            // Its limit is for the head.
            case(json!({"dribble": "1s"}), "http /long timeout=900", "200 65536 bytes as sent", 1, 1).waits(1000),
            case(json!({"dribble": "1s", "direction": "to_server"}), "http /orders post=1000", "201 POST ordered 1000 bytes", 1, 1)
                .waits(1000),
            case(json!({"bandwidth": "128KiB/s"}), "http /long", "200 65536 bytes as sent", 1, 1).waits(480),
            case(
                json!({"bandwidth": "128KiB/s", "direction": "to_server"}),
                "http /orders post=65536",
                "201 POST ordered 65536 bytes",
                1,
                1,
            )
            .waits(480),
            case(json!({"blackhole": true}), "http /plain timeout=300", too_late, 1, 0).waits(300),
            // It asks once more by itself, for what does no harm.
            case(json!({"reset": true}), "http /plain", reset, 2, 0),
            case(json!({"close": true}), "http /plain", ended, 2, 0),
            case(json!({"close": true, "times": 1}), "http /plain", "200 fine", 1, 1),
            case(json!({"close": true, "skip": 1, "times": 1}), "http /plain asks=2", "200 fine", 1, 2),
            case(json!({"close": true, "skip": 1, "times": 1}), "http /orders post=10 asks=2", ended, 1, 1),
            case(json!({"close": true, "when": "after_upstream"}), "http /orders post=10", ended, 1, 1),
            case(json!({"close": true, "when": "after_upstream", "times": 1}), "http /orders", "201 GET ordered 0 bytes", 1, 2),
            case(json!({"reset": true, "after": "32KiB"}), "http /long", reset, 1, 1),
            case(json!({"close": true, "after": "50%"}), "http /long", ended, 1, 1),
            case(json!({"reset": true, "after": "5KiB", "direction": "to_server"}), "http /orders post=65536", "IOException*", 1, 0),
            case(json!({"truncate": "50%"}), "http /long", ended, 1, 1),
            case(json!({"truncate": "50%", "framing": "fix_length"}), "http /long", "200 32768 bytes as sent by felt", 1, 1),
            case(json!({"truncate": "32KiB", "framing": "cut_chunk"}), "http /chunked", ended, 1, 1),
            case(json!({"malformed": "garbage"}), "http /plain", "ProtocolException: Invalid status line: *", 1, 0),
            case(json!({"malformed": "status_line"}), "http /plain", "ProtocolException: Invalid status line: *twohundred*", 1, 0),
            case(json!({"malformed": "header"}), "http /plain", ended, 1, 0),
            case(json!({"malformed": "chunk"}), "http /plain", "IOException: Illegal character in chunk size: 110", 1, 0),
            case(json!({"corrupt": "10%"}), "http /long", "200 65536 bytes changed", 1, 1),
            case(json!({"body": {"price": null}}), "http /product", r#"200 {"name": "lamp"} by felt"#, 1, 1),
        ],
    );
}
