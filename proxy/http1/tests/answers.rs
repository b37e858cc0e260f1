//! Answers that are made here: byte for byte, as the cutter of responses reads them, and as hyper's client does.

use bytes::BytesMut;
use faultwire_http1::{
    Cut, Http1, Place, Reason, Refused, Version,
    answer::{Answer, Asked, DRAIN, refusal},
    edit::Line,
};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const GET: Asked = Asked { head: false, version: Version::Http11, keep_alive: true };

fn text(answer: &Answer<'_>, asked: Asked) -> String {
    String::from_utf8(answer.render(asked).to_vec()).unwrap()
}

#[test]
fn an_answer_names_its_fault() {
    let answer = Answer { status: 503, fault: Some("checkout-503"), date: DATE, retry_after: Some(2), ..Answer::default() };
    assert_eq!(
        text(&answer, GET),
        "HTTP/1.1 503 Service Unavailable\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-type: application/problem+json\r\n\
         retry-after: 2\r\nx-faultwire-fault: checkout-503\r\ncontent-length: 169\r\n\r\n\
         {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
         \"detail\":\"The fault `checkout-503` of Faultwire answered in the server's place.\",\"fault\":\"checkout-503\"}"
    );
    let disguised = Answer { fault: None, ..answer };
    assert!(!text(&disguised, GET).to_lowercase().contains("fault"), "{}", text(&disguised, GET));
}

#[test]
fn what_is_given_wins() {
    let headers = [Line::new("Date", "now").unwrap(), Line::new("Retry-After", "9").unwrap(), Line::new("X-A", "1").unwrap()];
    let answer =
        Answer { status: 429, headers: &headers, body: Some(b"slow down"), kind: None, retry_after: Some(2), fault: Some("f"), date: DATE };
    assert_eq!(
        text(&answer, Asked { keep_alive: false, ..GET }),
        "HTTP/1.1 429 Too Many Requests\r\nDate: now\r\nRetry-After: 9\r\nX-A: 1\r\nx-faultwire-fault: f\r\ncontent-length: 9\r\n\
         connection: close\r\n\r\nslow down"
    );
    let old = text(&answer, Asked { version: Version::Http10, ..GET });
    assert!(old.contains("\r\nconnection: keep-alive\r\n"), "{old}");
    let odd = Answer { status: 599, fault: Some("sp ace\r\n\"\u{e9}"), date: DATE, ..Answer::default() };
    let odd = text(&odd, GET);
    assert!(odd.starts_with("HTTP/1.1 599 \r\n") && odd.contains("x-faultwire-fault: sp_ace__\"_\r\n"), "{odd}");
    let (_, body) = odd.split_once("\r\n\r\n").unwrap();
    let read: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(read["fault"], "sp ace\r\n\"\u{e9}");
}

/// Every status, to GET and to HEAD, is one whole response, and leaves the stream between two messages.
#[test]
fn every_answer_is_framed_as_it_is_read() {
    for status in 200..=599 {
        for method in ["GET", "HEAD"] {
            let answer =
                Answer { status, fault: Some("f"), date: DATE, ..Answer::default() }.render(Asked { head: method == "HEAD", ..GET });
            let mut http = Http1::default();
            http.request(&mut BytesMut::from(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())).unwrap();
            let mut bytes = BytesMut::from(&answer[..]);
            let mut ended = false;
            while let Some(cut) = http.response(&mut bytes) {
                assert!(!ended && !matches!(cut, Cut::Lost(_) | Cut::Stray(_)), "{method} {status}: {cut:?}");
                ended = matches!(cut, Cut::End);
            }
            assert!(ended && bytes.is_empty(), "{method} {status}");
        }
    }
}

#[test]
fn a_connection_is_kept_where_both_know_where_the_next_request_begins() {
    let request = |text: &str| match Http1::default().request(&mut BytesMut::from(text.as_bytes())) {
        Ok(Some(Cut::Head(head))) => head,
        other => panic!("{other:?}"),
    };
    let known = |length: u64, more: &str| request(&format!("PUT / HTTP/1.1\r\nContent-Length: {length}\r\n{more}\r\n"));
    let keeps = |request, body, complete| Asked::by(&request, body, complete).keep_alive;
    assert!(keeps(request("GET / HTTP/1.1\r\n\r\n"), 0, false));
    assert!(!keeps(request("GET / HTTP/1.0\r\n\r\n"), 0, true));
    assert!(keeps(known(DRAIN, ""), 0, false));
    assert!(!keeps(known(DRAIN + 1, ""), 0, false));
    assert!(keeps(known(DRAIN + 1, ""), 1, false));
    assert!(!keeps(known(1, "Expect: 100-continue\r\n"), 0, false), "it may send its body or not");
    assert!(keeps(known(2, "Expect: 100-continue\r\n"), 1, false));
    let chunked = request("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(!keeps(chunked.clone(), 5, false));
    assert!(keeps(chunked, 5, true));
    assert!(!keeps(request("CONNECT a:1 HTTP/1.1\r\n\r\n"), 0, true));
}

#[test]
fn a_refusal_says_why() {
    let refused = Refused { reason: Reason::CodingList, place: Place { message: 3, byte: 27 } };
    let answer = refusal(&refused, DATE);
    let answer = std::str::from_utf8(&answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 501 Not Implemented\r\n") && head.ends_with("\r\nconnection: close"), "{head}");
    assert!(head.contains("\r\nx-faultwire-refused: coding-list\r\n"), "{head}");
    let read: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(read["reason"], "coding-list");
    assert!(read["detail"].as_str().unwrap().contains("request 3, byte 27"), "{read}");
}

#[tokio::test]
async fn hyper_reads_two_answers_on_one_connection() {
    let (client, mut server) = tokio::io::duplex(1 << 16);
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
    let peer = async {
        for status in [204, 503, 304, 429] {
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                seen.push(server.read_u8().await.unwrap());
            }
            let answer = Answer { status, fault: Some("f"), date: DATE, ..Answer::default() };
            server.write_all(&answer.render(GET)).await.unwrap();
        }
    };
    let requests = async {
        for status in [204, 503, 304, 429] {
            let request = hyper::Request::get("/").header("host", "a").body(Empty::<bytes::Bytes>::new()).unwrap();
            let answer = send.send_request(request).await.unwrap();
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["x-faultwire-fault"], "f");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.is_empty(), matches!(status, 204 | 304));
        }
    };
    tokio::select! {
        () = async { tokio::join!(peer, requests); } => {}
        ended = connection => panic!("{ended:?}"),
    }
}
