//! Node: node:http, its own fetch, and undici with its time-outs and retries.

use super::{in_the_shop, scripts, stage::case};
use serde_json::json;

#[test]
fn answers_and_time() {
    let too_late = r#"TimeoutError 23: "The operation was aborted due to timeout""#;
    let other_side = r#"TypeError: "fetch failed" of SocketError UND_ERR_SOCKET: "other side closed""#;
    in_the_shop(
        scripts::node("clients"),
        &[
            case(json!({"status": 503}), "fetch /plain", "503 Service Unavailable by felt", 1, 0),
            // undici waits as it is told; what is no GET is not tried again, and at last it gives up.
            case(json!({"status": 503, "retry_after": "1s", "times": 1}), "retries /plain", "200 fine", 1, 1).waits(1000),
            case(json!({"status": 503}), "retries /plain tries=2", "RequestRetryError UND_ERR_REQ_RETRY: *", 3, 0),
            case(json!({"status": 503}), "retries /orders post=10", "RequestRetryError UND_ERR_REQ_RETRY: *", 1, 0),
            case(
                json!({"status": 429, "over": "20/m", "burst": 1, "retry_after": "auto"}),
                "retries /plain asks=2 tries=1",
                "200 fine",
                1,
                2,
            )
            .waits(2900),
            // The lost answer.
            case(json!({"status": 500, "when": "after_upstream"}), "fetch /orders post=10", "500 Internal Server Error by felt", 1, 1),
            case(json!({"close": true, "when": "after_upstream"}), "fetch /orders post=10", other_side, 1, 1),
            case(json!({"reset": true, "when": "after_upstream", "times": 1}), "retries /orders", "201 GET ordered 0 bytes", 1, 2),
            case(json!({"latency": "30s"}), "fetch /plain timeout=300", too_late, 1, 1).waits(290),
            case(json!({"latency": "30s", "direction": "to_server"}), "http /plain timeout=300", r#"Timeout: "no sign of life""#, 1, 0)
                .waits(290),
            case(json!({"latency": "30s"}), "undici /plain head=300", "HeadersTimeoutError UND_ERR_HEADERS_TIMEOUT: *", 1, 1).waits(290),
            case(json!({"latency": "300ms"}), "http /plain", "200 fine", 1, 1).waits(299),
            case(json!({"latency": "300ms", "mode": "total"}), "fetch /plain", "200 fine", 1, 1).waits(299),
            case(json!({"dribble": "1s"}), "http /long timeout=900", "200 65536 bytes as sent", 1, 1).waits(999),
            case(json!({"dribble": "30s"}), "undici /long body=1000", "BodyTimeoutError UND_ERR_BODY_TIMEOUT: *", 1, 1).waits(990),
            case(json!({"dribble": "30s"}), "fetch /long timeout=1000", too_late, 1, 1).waits(990),
            case(json!({"dribble": "1s", "direction": "to_server"}), "fetch /orders post=1000", "201 POST ordered 1000 bytes", 1, 1)
                .waits(999),
            case(json!({"bandwidth": "128KiB/s"}), "fetch /long", "200 65536 bytes as sent", 1, 1).waits(480),
            case(json!({"bandwidth": "0B/s"}), "undici /long head=300", "HeadersTimeoutError UND_ERR_HEADERS_TIMEOUT: *", 1, 1).waits(290),
            case(json!({"blackhole": true}), "fetch /plain timeout=300", too_late, 1, 0).waits(290),
            case(json!({"blackhole": true, "after": "50%"}), "undici /long body=300", "BodyTimeoutError UND_ERR_BODY_TIMEOUT: *", 1, 1)
                .waits(290),
        ],
    );
}

#[test]
fn endings_and_wrong_bytes() {
    let other_side = |what: &str| format!(r#"TypeError: "{what}" of SocketError UND_ERR_SOCKET: "other side closed""#);
    let parser = |what: &str, code: &str| format!(r#"TypeError: "{what}" of HTTPParserError {code}: *"#);
    in_the_shop(
        scripts::node("clients"),
        &[
            case(json!({"reset": true}), "fetch /plain", r#"TypeError: "fetch failed" of Error ECONNRESET: *"#, 1, 0),
            case(json!({"reset": true}), "http /plain", r#"Error ECONNRESET: "read ECONNRESET""#, 1, 0),
            case(json!({"close": true}), "fetch /plain", &other_side("fetch failed"), 1, 0),
            case(json!({"close": true}), "http /plain", r#"Error ECONNRESET: "socket hang up""#, 1, 0),
            case(json!({"close": true, "times": 2}), "retries /plain", "200 fine", 2, 1),
            case(json!({"reset": true, "after": "32KiB"}), "http /long", "Error ECONNRESET: *", 1, 1),
            case(json!({"reset": true, "after": "32KiB"}), "fetch /long", r#"TypeError: "terminated" of *"#, 1, 1),
            case(json!({"close": true, "after": "50%"}), "http /long", r#"Error ECONNRESET: "aborted in the body""#, 1, 1),
            case(json!({"close": true, "after": "50%"}), "fetch /long", &other_side("terminated"), 1, 1),
            // It asks for the rest, which this server cannot give.
            case(json!({"close": true, "after": "50%", "times": 1}), "retries /long", "RequestRetryError UND_ERR_REQ_RETRY: *range*", 1, 2),
            case(json!({"reset": true, "after": "5KiB", "direction": "to_server"}), "http /orders post=65536", "Error E*: *", 1, 0),
            case(json!({"truncate": "50%"}), "fetch /long", &other_side("terminated"), 1, 1),
            case(json!({"truncate": "50%"}), "http /long", r#"Error ECONNRESET: "aborted in the body""#, 1, 1),
            case(json!({"truncate": "50%", "framing": "fix_length"}), "fetch /long", "200 32768 bytes as sent by felt", 1, 1),
            case(json!({"truncate": "32KiB", "framing": "cut_chunk"}), "fetch /chunked", &other_side("terminated"), 1, 1),
            case(json!({"truncate": "32KiB", "framing": "cut_chunk"}), "http /chunked", r#"Error ECONNRESET: "aborted in the body""#, 1, 1),
            case(json!({"malformed": "garbage"}), "http /plain", "Error HPE_INVALID_CONSTANT: *", 1, 0),
            case(json!({"malformed": "status_line"}), "http /plain", "Error HPE_INVALID_STATUS: *", 1, 0),
            case(json!({"malformed": "header"}), "http /plain", "Error HPE_INVALID_HEADER_TOKEN: *", 1, 0),
            case(json!({"malformed": "chunk"}), "http /plain", "Error HPE_INVALID_CHUNK_SIZE: *", 1, 0),
            case(json!({"malformed": "garbage"}), "fetch /plain", &parser("fetch failed", "HPE_INVALID_CONSTANT"), 1, 0),
            case(json!({"malformed": "status_line"}), "fetch /plain", &parser("fetch failed", "HPE_INVALID_STATUS"), 1, 0),
            case(json!({"malformed": "header"}), "fetch /plain", &parser("fetch failed", "HPE_INVALID_HEADER_TOKEN"), 1, 0),
            case(json!({"malformed": "chunk"}), "fetch /plain", &parser("terminated", "HPE_INVALID_CHUNK_SIZE"), 1, 0),
            case(json!({"corrupt": "10%"}), "fetch /long", "200 65536 bytes changed", 1, 1),
            case(json!({"body": {"price": null}}), "price", r#"TypeError: "Cannot read properties of undefined (reading 'amount')""#, 1, 1),
            case(json!({"body": {"price": {"amount": 0}}}), "price", "0", 1, 1),
            case(json!({"body": "<html>"}), "price", "SyntaxError: *is not valid JSON*", 1, 1),
        ],
    );
}
