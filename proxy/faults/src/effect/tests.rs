//! What holds for all effects on messages: neither the size of reads nor a fault above that cuts everything small makes a difference.

use crate::testing::http1;
use serde_json::{Value, json};

#[test]
fn the_size_of_what_comes_makes_no_difference() {
    let json_head = "Content-Type: application/json~";
    let answers = [
        format!("HTTP/1.1 200 OK~{json_head}ETag: x~Content-Length: 21~~{{\"a\": 1, \"price\": 22}}"),
        format!("HTTP/1.1 200 OK~{json_head}Transfer-Encoding: chunked~~3;x=y~{{\"a~a~\": 1, \"pric~8~e\": 2.50}}~0~T: 1~~"),
        format!("HTTP/1.0 200 OK~{json_head}~{{\"a\": 1}}"),
        "HTTP/1.1 103 Early~link: x~~HTTP/1.1 204 No Content~T: 1~~".to_owned(),
    ];
    for fault in [
        json!({"headers": {"etag": null, "x": ["1", "2"]}}),
        json!({"body": {"price": null, "b": [1.50]}}),
        json!({"body": "other"}),
        json!({"trailers": {"t": "2", "u": "3"}}),
        json!({"corrupt": "10%"}),
        json!({"truncate": "7B"}),
        json!({"truncate": "50%"}),
        json!({"truncate": "7B", "framing": "cut_chunk"}),
        json!({"truncate": "7B", "framing": "fix_length"}),
        json!({"truncate": "40%", "framing": "fix_length"}),
        json!({"dribble": "1s"}),
        json!({"dribble": "1s", "slice": "3B"}),
        json!({"headers": {"x": "1"}, "body": {"price": 1}, "latency": "50ms", "dribble": "1s"}),
        json!({"latency": "50ms", "mode": "total"}),
        json!({"malformed": "header"}),
    ] {
        for answer in &answers {
            let whole = left(std::slice::from_ref(&fault), answer, usize::MAX);
            for size in [1, 2, 3, 7] {
                assert_eq!(left(std::slice::from_ref(&fault), answer, size), whole, "{fault} in {size} {answer}");
            }
            let named = {
                let mut named = fault.clone();
                named["name"] = "f0".into();
                named
            };
            let sliced = left(&[json!({"name": "above", "slice": "1B"}), named], answer, usize::MAX);
            assert_eq!(sliced, whole, "{fault} {answer}");
        }
    }
}

/// What the client gets of an answer that comes at once, in reads of that size; `~` stays in one piece.
fn left(faults: &[Value], answer: &str, size: usize) -> (String, String) {
    let bytes: Vec<String> = answer.replace('~', "\r\n").chars().map(String::from).collect();
    let mut script = vec![(0, ">GET / HTTP/1.1~~".to_owned())];
    script.extend(bytes.chunks(size.min(bytes.len())).map(|part| (1, format!("<{}", part.concat()))));
    script.push((2, "<fin".to_owned()));
    let script: Vec<(u64, &str)> = script.iter().map(|(at, what)| (*at, what.as_str())).collect();
    let played = http1(faults, &script);
    (played.to_server, played.to_client)
}
