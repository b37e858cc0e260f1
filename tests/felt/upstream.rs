//! The server behind the faults: a small shop that answers as one would, and counts what it is asked.

use crate::upstream::{Conn, Upstream};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

/// So long is `/long`, and each of its bytes is told by its place.
pub const LONG: usize = 64 << 10;

pub struct Shop {
    upstream: Upstream,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    tokens: AtomicU64,
}

struct Request {
    method: String,
    path: String,
    query: String,
    fields: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Shop {
    pub fn open() -> Shop {
        let counts = Arc::<Counts>::default();
        let own = counts.clone();
        let upstream = Upstream::script(move |mut conn| {
            serve(&mut conn, &own);
            conn.close();
        });
        Shop { upstream, counts }
    }

    pub fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    /// Requests that have come whole, and been answered or are about to be.
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(SeqCst)
    }
}

/// Until the client ends, or breaks off.
fn serve(conn: &mut Conn, counts: &Counts) -> Option<()> {
    let mut reader = BufReader::new(conn.stream.try_clone().ok()?);
    loop {
        let request = request(&mut reader)?;
        counts.requests.fetch_add(1, SeqCst);
        answer(&mut conn.stream, &request, counts).ok()?;
    }
}

fn line(from: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

fn request(from: &mut impl BufRead) -> Option<Request> {
    let first = line(from)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut fields = BTreeMap::new();
    loop {
        let field = line(from)?;
        let Some((name, value)) = field.split_once(':') else { break };
        fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if let Some(length) = fields.get("content-length") {
        body.resize(length.parse().ok()?, 0);
        from.read_exact(&mut body).ok()?;
    } else if fields.contains_key("transfer-encoding") {
        while let Some(chunk) = crate::http::read_chunk(from).ok()? {
            body.extend(chunk);
        }
    }
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), fields, body })
}

fn answer(to: &mut TcpStream, request: &Request, counts: &Counts) -> std::io::Result<()> {
    let field = |name: &str| request.fields.get(name).map(String::as_str).unwrap_or_default();
    match request.path.as_str() {
        // What has been ordered is ordered.
        "/orders" => send(to, 201, "", format!("{} ordered {} bytes", request.method, request.body.len()).as_bytes()),
        "/sum" if request.body.iter().all(|byte| *byte == 0) => send(to, 200, "", b"as sent"),
        "/sum" => send(to, 200, "", b"other bytes"),
        "/long" => send(to, 200, "content-type: application/octet-stream\r\n", &long()),
        "/chunked" => {
            let long = long();
            to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            for chunk in long.chunks(LONG / 4) {
                to.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                to.write_all(chunk)?;
                to.write_all(b"\r\n")?;
            }
            to.write_all(b"0\r\n\r\n")
        }
        "/product" => {
            send(to, 200, "content-type: application/json\r\n", br#"{"name": "lamp", "price": {"amount": 12, "currency": "EUR"}}"#)
        }
        "/echo" => send(to, 200, "", format!("x-tenant={} q={}", field("x-tenant"), request.query).as_bytes()),
        "/gzip" => send(to, 200, "content-encoding: gzip\r\n", GZIP),
        "/login" => {
            let n = counts.tokens.fetch_add(1, SeqCst);
            send(to, 200, &format!("set-cookie: session=s{n}; Path=/\r\n"), format!("token-{n}").as_bytes())
        }
        "/me" => match (field("authorization").strip_prefix("Bearer "), field("cookie")) {
            (None, "") => send(to, 401, "", b"who are you?"),
            _ => send(to, 200, "", b"hello"),
        },
        _ => send(to, 200, "", b"fine"),
    }
}

fn send(to: &mut TcpStream, status: u16, fields: &str, body: &[u8]) -> std::io::Result<()> {
    to.write_all(format!("HTTP/1.1 {status} Said\r\n{fields}content-length: {}\r\n\r\n", body.len()).as_bytes())?;
    to.write_all(body)
}

fn long() -> Vec<u8> {
    (0..LONG).map(|at| (at % 251) as u8).collect()
}

/// `fine`, sixteen times, as gzip.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xcb\xcc\x4b\x4d\xa3\x00\x03\x00\x02\xfe\x8e\x63\x40\x00\x00\x00";
