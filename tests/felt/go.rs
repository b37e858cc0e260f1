//! Go: net/http, and go-retryablehttp around it.

use super::{in_the_shop, scripts, stage::case};
use serde_json::json;

#[test]
fn net_http() {
    let too_late = r#"error (deadline exceeded) (timeout): "context deadline exceeded""#;
    let reset = r#"error: *connection reset by peer""#;
    let broken = |what: &str| format!("error: \"net/http: HTTP/1.x transport connection broken: malformed {what}");
    in_the_shop(
        scripts::go("clients"),
        &[
            case(json!({"status": 503}), "http /plain", "503 Service Unavailable by felt", 1, 0),
            // go-retryablehttp waits as it is told, gives up at last, and asks for anything twice: so the order is made twice.
            case(json!({"status": 503, "retry_after": "1s", "times": 1}), "retries /plain", "200 fine attempts 2", 1, 1).waits(1000),
            case(json!({"status": 503}), "retries /plain tries=2", "error: *giving up after 3 attempt(s)\"", 3, 0),
            case(
                json!({"status": 429, "over": "20/m", "burst": 1, "retry_after": "auto"}),
                "retries /plain asks=2 tries=1",
                "200 fine attempts 2",
                1,
                2,
            )
            .waits(2900),
            case(
                json!({"status": 503, "when": "after_upstream", "times": 1}),
                "retries /orders post=10",
                "201 POST ordered 10 bytes attempts 2",
                1,
                2,
            ),
            case(
                json!({"close": true, "when": "after_upstream", "times": 1}),
                "retries /orders post=10",
                "201 POST ordered 10 bytes attempts 2",
                1,
                2,
            ),
            case(json!({"close": true, "when": "after_upstream"}), "http /orders post=10", r#"error: "EOF""#, 1, 1),
            case(json!({"latency": "30s"}), "http /plain timeout=300", too_late, 1, 1).waits(300),
            case(json!({"latency": "30s", "direction": "to_server"}), "http /plain timeout=300", too_late, 1, 0).waits(300),
            case(json!({"latency": "30s"}), "header /plain timeout=300", "error * \"net/http: timeout awaiting response headers\"", 1, 1)
                .waits(300),
            case(json!({"latency": "30s", "times": 1}), "retries /plain each=300", "200 fine attempts 2", 1, 2).waits(300),
            case(json!({"latency": "300ms"}), "http /plain", "200 fine", 1, 1).waits(300),
            case(json!({"latency": "300ms", "mode": "total"}), "http /plain", "200 fine", 1, 1).waits(300),
            // The limit for the head does not see a slow body.
            case(json!({"dribble": "1s"}), "header /long timeout=900", "200 65536 bytes as sent", 1, 1).waits(1000),
            case(json!({"dribble": "30s"}), "http /long timeout=500", &format!("200, * bytes, {too_late}"), 1, 1).waits(500),
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
            case(json!({"blackhole": true, "after": "50%"}), "http /long timeout=300", &format!("200, 32768 bytes, {too_late}"), 1, 1)
                .waits(300),
            case(json!({"reset": true}), "http /plain", reset, 1, 0),
            case(json!({"close": true}), "http /plain", r#"error: "EOF""#, 1, 0),
            // On a connection that has been used the transport asks again by itself, if that does no harm.
            case(json!({"close": true, "skip": 1, "times": 1}), "http /plain asks=2", "200 fine", 1, 2),
            case(json!({"reset": true, "skip": 1, "times": 1}), "http /plain asks=2", "200 fine", 1, 2),
            case(json!({"reset": true, "skip": 1, "times": 1}), "http /orders post=10 asks=2", reset, 1, 1),
            case(json!({"reset": true, "after": "32KiB"}), "http /long", &format!("200, 32768 bytes, {reset}"), 1, 1),
            case(json!({"close": true, "after": "50%"}), "http /long", r#"200, 32768 bytes, error: "unexpected EOF""#, 1, 1),
            case(json!({"reset": true, "after": "5KiB", "direction": "to_server"}), "http /orders post=65536", "error: *", 1, 0),
            case(json!({"truncate": "50%"}), "http /long", r#"200, 32768 bytes, error: "unexpected EOF""#, 1, 1),
            case(json!({"truncate": "50%", "framing": "fix_length"}), "http /long", "200 32768 bytes as sent by felt", 1, 1),
            case(
                json!({"truncate": "32KiB", "framing": "cut_chunk"}),
                "http /chunked",
                r#"200, 32768 bytes, error: "unexpected EOF""#,
                1,
                1,
            ),
            case(json!({"malformed": "garbage"}), "http /plain", "error: *malformed *", 1, 0),
            case(json!({"malformed": "status_line"}), "http /plain", &broken("HTTP status code *OK*"), 1, 0),
            case(json!({"malformed": "header"}), "http /plain", &broken("MIME header*: *this line has no colon*"), 1, 0),
            case(json!({"malformed": "chunk"}), "http /plain", r#"200, 0 bytes, error: "invalid byte in chunk length""#, 1, 0),
            case(json!({"corrupt": "10%"}), "http /long", "200 65536 bytes changed", 1, 1),
            case(json!({"corrupt": "100%"}), "http /gzip", r#"200, 0 bytes, error: "gzip: invalid header""#, 1, 1),
            case(json!({"body": {"price": null}}), "price", "no price", 1, 1),
            case(json!({"body": {"price": {"amount": 0}}}), "price", "0", 1, 1),
            case(json!({"body": "<html>"}), "price", "error: *looking for beginning of value\"", 1, 1),
        ],
    );
}
