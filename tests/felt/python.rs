//! Python: http.client, urllib3, requests and httpx.

use super::{in_the_shop, scripts, stage::case};
use serde_json::json;

#[test]
fn answers_in_the_servers_place() {
    in_the_shop(
        scripts::python("clients"),
        &[
            // urllib3 waits as it is told, and then it is well; at last it gives up.
            case(json!({"status": 503, "retry_after": "1s", "times": 1}), "urllib3 /plain retries=3", "200 fine attempts 2", 1, 1)
                .waits(1000),
            case(
                json!({"status": 503}),
                "requests /plain retries=2",
                "RetryError of MaxRetryError of ResponseError: too many 503 error responses",
                3,
                0,
            ),
            case(json!({"status": 503}), "requests /plain", "503 Service Unavailable by felt", 1, 0),
            case(json!({"status": 503, "disguise": true}), "requests /plain", "503 *", 1, 0),
            case(
                json!({"status": 402, "headers": {"x-reason": "card"}, "body": {"error": "declined"}}),
                "raises_for_status /orders",
                "HTTPStatusError 402 declined card",
                1,
                0,
            ),
            // The next token comes after three seconds, and the answer says so: the one retry is enough.
            case(
                json!({"status": 429, "over": "20/m", "burst": 1, "retry_after": "auto"}),
                "urllib3 /plain retries=1 asks=2",
                "200 fine attempts 2",
                1,
                2,
            )
            .waits(2900),
            // The lost answer: the order is made, and the client is told otherwise. What may be asked again is made twice.
            case(json!({"status": 502, "when": "before_upstream"}), "requests /orders post=10", "502 Bad Gateway by felt", 1, 0),
            case(json!({"status": 502, "when": "after_upstream"}), "requests /orders post=10", "502 Bad Gateway by felt", 1, 1),
            // The network delivers the order twice; the client knows of one.
            case(json!({"duplicate": "100%"}), "requests /orders post=10", "201 POST ordered 10 bytes", 1, 2),
            case(json!({"close": true, "when": "after_upstream"}), "http_client /orders post=10", "RemoteDisconnected: *", 1, 1),
            case(
                json!({"reset": true, "when": "after_upstream"}),
                "urllib3 /orders post=10 retries=3",
                "ProtocolError of ConnectionResetError: *",
                1,
                1,
            ),
            case(
                json!({"reset": true, "when": "after_upstream", "times": 1}),
                "urllib3 /orders retries=3",
                "201 GET ordered 0 bytes attempts 2",
                1,
                2,
            ),
            // Logins that no longer count.
            case(json!({"auth": "expired_token"}), "refreshes", "200 hello after 1 renewals", 1, 2),
            case(json!({"auth": "revoked_session"}), "logs_in", "401 Unauthorized, 200 hello", 1, 3),
            case(json!({"auth": "insufficient_scope"}), "refreshes", "403 Forbidden after 0 renewals by felt", 1, 0),
            case(json!({"auth": "rotated_keys"}), "requests /keys", "200 * by felt", 1, 0),
        ],
    );
}

#[test]
fn time() {
    let timed_out = "ReadTimeout of ReadTimeoutError of TimeoutError: timed out";
    in_the_shop(
        scripts::python("clients"),
        &[
            case(json!({"latency": "30s"}), "requests /plain timeout=0.3", timed_out, 1, 1).waits(300),
            case(json!({"latency": "30s", "direction": "to_server"}), "requests /plain timeout=0.3", timed_out, 1, 0).waits(300),
            case(json!({"latency": "30s"}), "httpx /plain timeout=0.3", "ReadTimeout of *", 1, 1).waits(300),
            case(json!({"latency": "30s", "times": 1}), "urllib3 /plain timeout=0.3 retries=1", "200 fine attempts 2", 1, 2).waits(300),
            case(json!({"latency": "300ms"}), "http_client /plain", "200 fine", 1, 1).waits(300),
            case(json!({"latency": "300ms", "direction": "both"}), "http_client /plain", "200 fine", 1, 1).waits(600),
            case(json!({"latency": "300ms", "mode": "total"}), "http_client /plain", "200 fine", 1, 1).waits(300),
            // No read takes so long, but all of them together: these clients have no limit for that.
            case(json!({"dribble": "1s"}), "requests /long timeout=0.9", "200 65536 bytes as sent", 1, 1).waits(1000),
            case(json!({"dribble": "1s", "direction": "to_server"}), "requests /orders post=1000", "201 POST ordered 1000 bytes", 1, 1)
                .waits(1000),
            case(json!({"bandwidth": "128KiB/s"}), "http_client /long", "200 65536 bytes as sent", 1, 1).waits(480),
            case(
                json!({"bandwidth": "128KiB/s", "direction": "to_server"}),
                "http_client /orders post=65536",
                "201 POST ordered 65536 bytes",
                1,
                1,
            )
            .waits(480),
            case(
                json!({"bandwidth": "0B/s", "direction": "to_server"}),
                "httpx /orders post=30000000 timeout=0.5",
                "WriteTimeout of *",
                1,
                0,
            )
            .waits(500),
            case(json!({"bandwidth": "0B/s"}), "httpx /long timeout=0.3", "ReadTimeout of *", 1, 1).waits(300),
            case(json!({"blackhole": true}), "httpx /plain timeout=0.3", "ReadTimeout of *", 1, 0).waits(300),
            case(json!({"blackhole": "300ms"}), "http_client /plain", "RemoteDisconnected: *", 1, 0).waits(300),
            case(
                json!({"blackhole": true, "after": "50%"}),
                "requests /long timeout=0.3",
                "ConnectionError of ReadTimeoutError of TimeoutError: timed out",
                1,
                1,
            )
            .waits(300),
        ],
    );
}

#[test]
fn endings() {
    let incomplete = "IncompleteRead(32768 bytes read, 32768 more expected)";
    let broke_off = "ChunkedEncodingError of ProtocolError of IncompleteRead: IncompleteRead(32768 bytes read, 32768 more expected)";
    let peer_closed =
        "RemoteProtocolError of *: peer closed connection without sending complete message body (received 32768 bytes, expected 65536)";
    in_the_shop(
        scripts::python("clients"),
        &[
            case(json!({"reset": true}), "requests /plain", "ConnectionError of ProtocolError of ConnectionResetError: *", 1, 0),
            case(json!({"reset": true}), "httpx /plain", "ReadError of *ConnectionResetError: *", 1, 0),
            case(json!({"reset": true}), "http_client /plain", "ConnectionResetError: *", 1, 0),
            case(json!({"close": true}), "requests /plain", "ConnectionError of ProtocolError of RemoteDisconnected: *", 1, 0),
            case(json!({"close": true}), "httpx /plain", "RemoteProtocolError of *: Server disconnected without sending a response.", 1, 0),
            case(json!({"close": true}), "http_client /plain", "RemoteDisconnected: *", 1, 0),
            case(json!({"close": true, "times": 2}), "urllib3 /plain retries=3", "200 fine attempts 3", 2, 1),
            // At half of the body.
            case(
                json!({"reset": true, "after": "32KiB"}),
                "requests /long",
                "ChunkedEncodingError of ProtocolError of ConnectionResetError: *",
                1,
                1,
            ),
            case(json!({"reset": true, "after": "32KiB"}), "httpx /long", "ReadError of *ConnectionResetError: *", 1, 1),
            case(json!({"reset": true, "after": "50%"}), "http_client /long", "ConnectionResetError: *", 1, 1),
            case(json!({"close": true, "after": "50%"}), "http_client /long", "IncompleteRead: *", 1, 1),
            case(json!({"close": true, "after": "32KiB"}), "httpx /long", peer_closed, 1, 1),
            case(
                json!({"close": true, "after": "50%"}),
                "urllib3 /long retries=0",
                &format!("MaxRetryError of ProtocolError of IncompleteRead: {incomplete}"),
                1,
                1,
            ),
            case(
                json!({"reset": true, "after": "5KiB", "direction": "to_server"}),
                "requests /orders post=65536",
                "ConnectionError of *ConnectionResetError: *",
                1,
                0,
            ),
            case(json!({"truncate": "50%"}), "requests /long", broke_off, 1, 1),
            case(json!({"truncate": "50%"}), "httpx /long", peer_closed, 1, 1),
            case(json!({"truncate": "32KiB", "framing": "fix_length"}), "requests /long", "200 32768 bytes as sent by felt", 1, 1),
            case(
                json!({"truncate": "32KiB", "framing": "cut_chunk"}),
                "httpx /chunked",
                "RemoteProtocolError of *(incomplete chunked read)",
                1,
                1,
            ),
            case(json!({"truncate": "32KiB", "framing": "cut_chunk"}), "http_client /chunked", "IncompleteRead of *", 1, 1),
            case(
                json!({"truncate": "32KiB", "framing": "cut_chunk"}),
                "requests /chunked",
                "ChunkedEncodingError of ProtocolError of *",
                1,
                1,
            ),
        ],
    );
}

#[test]
fn wrong_bytes() {
    let no_gzip = "*Error -3 while decompressing data: incorrect header check";
    in_the_shop(
        scripts::python("clients"),
        &[
            case(json!({"malformed": "status_line"}), "http_client /plain", "BadStatusLine of *", 1, 0),
            case(json!({"malformed": "status_line"}), "requests /plain", "ConnectionError of ProtocolError of BadStatusLine of *", 1, 0),
            case(json!({"malformed": "status_line"}), "httpx /plain", "RemoteProtocolError of *: illegal status line: *twohundred*", 1, 0),
            // These read a line without a colon as the end of the head, and then the body is not there.
            case(
                json!({"malformed": "header"}),
                "http_client /plain",
                "IncompleteRead: IncompleteRead(0 bytes read, 64 more expected)",
                1,
                0,
            ),
            case(json!({"malformed": "header"}), "requests /plain", "ChunkedEncodingError of ProtocolError of IncompleteRead: *", 1, 0),
            case(json!({"malformed": "header"}), "httpx /plain", "RemoteProtocolError of *: illegal header line: *", 1, 0),
            case(json!({"malformed": "chunk"}), "http_client /plain", "IncompleteRead of *not-a-size*", 1, 0),
            case(
                json!({"malformed": "chunk"}),
                "requests /plain",
                "ChunkedEncodingError of ProtocolError of InvalidChunkLength of *not-a-size*",
                1,
                0,
            ),
            case(json!({"malformed": "chunk"}), "httpx /plain", "RemoteProtocolError of *: illegal chunk header: *not-a-size*", 1, 0),
            case(json!({"malformed": "garbage"}), "http_client /plain", "BadStatusLine: *", 1, 0),
            case(json!({"malformed": "garbage"}), "requests /plain", "ConnectionError of ProtocolError of BadStatusLine: *", 1, 0),
            case(json!({"malformed": "garbage"}), "httpx /plain", "RemoteProtocolError of *: illegal status line: *", 1, 0),
            case(json!({"corrupt": "10%"}), "requests /long", "200 65536 bytes changed", 1, 1),
            case(json!({"corrupt": "100%"}), "requests /gzip", no_gzip, 1, 1),
            case(json!({"corrupt": "100%"}), "httpx /gzip", "DecodingError of error: *", 1, 1),
            case(json!({"corrupt": "100%", "direction": "to_server"}), "sum /sum", "other bytes", 1, 1),
            // Well-formed, and not what the client has been built for.
            case(json!({"body": {"price": null}}), "price", "KeyError: 'price'", 1, 1),
            case(
                json!({"body": {"price": {"amount": 0}}}),
                "product",
                r#"{"name": "lamp", "price": {"amount": 0, "currency": "EUR"}}"#,
                1,
                1,
            ),
            case(json!({"body": "<html>sorry</html>", "headers": {"content-type": "text/html"}}), "price", "JSONDecodeError of *", 1, 1),
            case(json!({"headers": {"content-encoding": "gzip"}}), "requests /plain", no_gzip, 1, 1),
            case(json!({"headers": {"x-tenant": "b"}, "direction": "to_server"}), "tenant", "x-tenant=b q=page=1", 1, 1),
            case(json!({"rewrite": {"query": {"page": "2"}}}), "tenant", "x-tenant=a q=page=2", 1, 1),
        ],
    );
}
