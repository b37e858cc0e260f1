//! What the recording server answers, by the path that is asked for: every way in which an answer may come, as exact bytes.

use super::recorder::{Request, Talk};

pub enum Next {
    Request,
    Close,
    /// No HTTP any more: what comes goes back.
    Echo,
}

/// The length of what is long.
pub const LONG: usize = 3 << 20;
/// So much of an upload is read before it is refused.
const SEEN: usize = 64 << 10;

/// The long bytes: they repeat at no power of two.
pub fn pattern(length: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251u32).map(|i| ((i * 31 + 7) % 251) as u8).collect();
    period.into_iter().cycle().take(length).collect()
}

/// FNV-1a: enough to see a byte that is another.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

const ODD: &[u8] = b"HTTP/1.1 200 Fine,  thanks\r\nsErVeR:recorder\r\nSet-Cookie: a=1\r\nX-Empty:\r\nset-cookie: b=2\r\n\
    X-Text: caf\xe9\r\nSET-COOKIE: c=3\r\nX-Spaces:   many  words   \r\nContent-Length: 2\r\n\r\nok";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum, X-After\r\n\r\n\
    4;name=value\r\nwiki\r\n005\r\npedia\r\n0\r\nX-Checksum: abc\r\nX-After: last\r\n\r\n";
const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n\
    HTTP/1.1 103 Early Hints\r\nLink: </c.png>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhints";

pub fn answer(talk: &mut Talk, request: &Request) -> Next {
    if request.method == "CONNECT" {
        talk.send(b"HTTP/1.1 200 Connection established\r\n\r\n");
        return Next::Request;
    }
    let path = request.path.split('?').next().unwrap_or_default();
    if path == "/early" {
        return refuse_upload(talk);
    }
    if path == "/refused" {
        talk.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        return Next::Close;
    }
    if request.expects_continue() {
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let Some(body) = talk.body(request) else { return Next::Close };
    match path {
        "/odd" => talk.send(ODD),
        "/chunked" => talk.send(CHUNKED),
        "/hints" => talk.send(HINTS),
        "/none" => talk.send(b"HTTP/1.1 204 No Content\r\nX-Why: nothing\r\n\r\n"),
        "/same" => talk.send(b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nContent-Length: 1000\r\n\r\n"),
        "/head" => talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Of: head\r\n\r\n"),
        "/moved" => talk.send(b"HTTP/1.1 302 Found\r\nLocation: /plain?moved\r\nContent-Length: 0\r\n\r\n"),
        "/up" => {
            let text = format!("{} bytes, {:016x}", body.len(), sum(&body));
            talk.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
        }
        "/down" => {
            talk.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n").as_bytes());
            talk.send(&pattern(LONG));
        }
        "/down-in-chunks" => send_in_chunks(talk),
        "/down-until-close" => {
            talk.send(b"HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n");
            talk.send(&pattern(LONG));
            return Next::Close;
        }
        "/cut" => {
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it");
            return Next::Close;
        }
        "/upgrade" => {
            talk.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nwelcome\n");
            return Next::Echo;
        }
        _ => {
            let text = format!("{} {} {}", request.method, request.path, body.len());
            talk.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
        }
    }
    if request.field("connection") == Some("close") { Next::Close } else { Next::Request }
}

/// Answers while the client is still sending. How much of the rest comes is a matter of time, so only what all runs have is written down.
fn refuse_upload(talk: &mut Talk) -> Next {
    talk.stop_writing_down();
    match talk.take(SEEN) {
        Some(first) if first == pattern(SEEN) => {
            talk.send(b"HTTP/1.1 413 Too much\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much");
        }
        _ => talk.send(b"HTTP/1.1 500 Another upload\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
    Next::Close
}

fn send_in_chunks(talk: &mut Talk) {
    talk.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n");
    let (bytes, mut at, mut size) = (pattern(LONG), 0, 1);
    while at < LONG {
        let end = LONG.min(at + size);
        let chunk = [format!("{:X}\r\n", end - at).as_bytes(), &bytes[at..end], b"\r\n"].concat();
        talk.send(&chunk);
        at = end;
        size = size * 3 % 70_001;
    }
    talk.send(b"0\r\n\r\n");
}
