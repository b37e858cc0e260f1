//! A small HTTP/1.1 client: one request, one connection, everything visible.

use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// No answer takes longer, or it hangs.
pub const LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in the body of {self}"))
    }

    /// Panics unless the answer has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{self}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Reply {
        assert!((200..300).contains(&self.status), "{self}");
        self
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}\n{}", self.status, self.headers, self.text())
    }
}

/// Sends a request and reads the whole answer.
pub fn request(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&to, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("host: {to}\r\n");
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        head += "content-type: application/json\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || matches!(method, "PUT" | "POST" | "PATCH") {
        head += &format!("content-length: {}\r\n", body.len());
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    // A server may answer before it has read a body that it refuses.
    let sent = stream.write_all(body);
    read_answer(&mut BufReader::new(stream), method).map_err(|error| sent.err().unwrap_or(error))
}

/// Sends these bytes as they are, and reads an answer if there is one.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&to, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(bytes)?;
    read_answer(&mut BufReader::new(stream), "GET")
}

/// Reads status line and headers.
pub fn read_head(from: &mut impl BufRead) -> io::Result<Reply> {
    let line = read_line(from)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| wrong(format!("status line {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(Reply { status, headers, body: Vec::new() });
        }
        let (name, value) = line.split_once(':').ok_or_else(|| wrong(format!("header {line:?}")))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

/// Reads a whole answer to this method.
pub fn read_answer(from: &mut impl BufRead, method: &str) -> io::Result<Reply> {
    let mut reply = read_head(from)?;
    while reply.status == 100 {
        reply = read_head(from)?;
    }
    if method == "HEAD" || reply.status == 204 || reply.status == 304 {
        return Ok(reply);
    }
    let length = reply.header("content-length").and_then(|value| value.parse().ok());
    if reply.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        while let Some(chunk) = read_chunk(from)? {
            reply.body.extend(chunk);
        }
    } else if let Some(length) = length {
        from.take(length).read_to_end(&mut reply.body)?;
    } else {
        from.read_to_end(&mut reply.body)?;
    }
    Ok(reply)
}

/// The next chunk of a chunked body; none at its end.
pub fn read_chunk(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(from)?;
    let size =
        usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| wrong(format!("chunk {line:?}")))?;
    let mut chunk = vec![0; size];
    from.read_exact(&mut chunk)?;
    read_line(from)?;
    Ok(if size == 0 { None } else { Some(chunk) })
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|error| wrong(error.to_string()))
}

fn wrong(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
