//! Transcripts: what is asked of Toxiproxy's API and what is answered, to the byte. Each is read to both servers. Toxiproxy has to answer
//! as it is written, so that the writing stays honest; Faultwire has to answer the same, or what the exchange says of it and why.
//!
//! ```text
//! > POST /proxies HTTP/1.0          what is asked; the version may be left out
//! > User-Agent: Mozilla/5.0         headers of it
//! >> {"name":"a"}                   its body
//! < 400 text nosniff id             the answer: status, type, other headers
//! << {"error":"…","status":400}⏎    its body
//! ours < 200 json id                what Faultwire answers instead: a head, a body or both
//! ours << {}
//! because …                         and the reason
//! ```
//!
//! `⏎` is a line feed. `{1}` to `{9}` are ports that are free before the transcript, `PORT` is any other. `LOGGER` is the field that
//! Toxiproxy shows by accident, and which Faultwire leaves out; `OWN_VERSION` is that of Faultwire. `UPDATE=1` writes down anew what Toxiproxy answers.

use super::server::{BOTH, Server, Who};
use crate::{
    harness::{free_port, patient},
    http::{Reply, read_answer},
};
use std::{
    fmt::Write as _,
    io::{BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
};

/// One request, and what is said to it.
#[derive(Debug, Default)]
struct Exchange {
    /// Comments and blank lines above it.
    above: String,
    request: String,
    headers: Vec<String>,
    body: Option<String>,
    answer: Answer,
    ours: Option<Difference>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    head: String,
    body: String,
}

#[derive(Debug, Default)]
struct Difference {
    head: Option<String>,
    body: Option<String>,
    because: String,
}

/// What stands for the ports of a transcript.
struct Ports(Vec<(String, String)>);

/// Reads a transcript to both.
pub fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("beside/transcripts").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut exchanges = parse(&text);
    let [real, ours] = thread::scope(|scope| {
        let exchanges = &exchanges;
        BOTH.map(|who| scope.spawn(move || answers(who, exchanges))).map(|answers| answers.join().unwrap())
    });
    if std::env::var_os("UPDATE").is_some() {
        for (exchange, answer) in exchanges.iter_mut().zip(&real) {
            exchange.answer = answer.clone();
        }
        std::fs::write(&path, exchanges.iter().map(Exchange::written).collect::<String>()).unwrap();
    }
    let mut wrong = String::new();
    for ((exchange, real), ours) in exchanges.iter().zip(&real).zip(&ours) {
        for (who, wanted, got) in [(Who::Real, exchange.answer.clone(), real), (Who::Ours, exchange.wanted_of_ours(), ours)] {
            if wanted != *got {
                let body = exchange.body.as_deref().unwrap_or_default();
                writeln!(wrong, "{} {body}\n  wanted      {wanted}\n  {who} says {got}\n", exchange.request).unwrap();
            }
        }
        let same = exchange.ours.is_some() && exchange.wanted_of_ours() == exchange.answer;
        assert!(!same, "the difference in `{}` is none", exchange.request);
    }
    assert!(wrong.is_empty(), "{name}\n\n{wrong}");
}

fn answers(who: Who, exchanges: &[Exchange]) -> Vec<Answer> {
    let server = Server::start(who);
    let ports = Ports((1..=9).map(|n| (format!("{{{n}}}"), free_port().to_string())).collect());
    // Most clients keep their connection.
    let mut kept = None;
    exchanges.iter().map(|exchange| exchange.ask(server.api, &ports, &mut kept)).collect()
}

impl Exchange {
    fn ask(&self, api: SocketAddr, ports: &Ports, kept: &mut Option<BufReader<TcpStream>>) -> Answer {
        let (method, rest) = self.request.split_once(' ').unwrap();
        let (path, version) = rest.rsplit_once(" HTTP/").unwrap_or((rest, "1.1"));
        let mut message = format!("{method} {} HTTP/{version}\r\n", ports.filled(path));
        let has = |name: &str| self.headers.iter().any(|header| header.to_ascii_lowercase().starts_with(name));
        if !has("host:") {
            write!(message, "Host: {api}\r\n").unwrap();
        }
        for header in &self.headers {
            write!(message, "{header}\r\n").unwrap();
        }
        match self.body.as_deref().map(|body| ports.filled(body).replace('⏎', "\n")) {
            None => message += "\r\n",
            Some(body) if has("transfer-encoding:") => {
                message += "\r\n";
                for piece in body.split_inclusive(' ') {
                    write!(message, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
                }
                message += "0\r\n\r\n";
            }
            Some(body) => write!(message, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap(),
        }
        let mut connection = kept.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(api).unwrap();
            patient(&stream);
            BufReader::new(stream)
        });
        connection.get_mut().write_all(message.as_bytes()).unwrap();
        let reply = read_answer(&mut connection, method).unwrap_or_else(|error| panic!("{}: {error}", self.request));
        let stays = version == "1.1" && reply.header("connection").is_none_or(|connection| !connection.eq_ignore_ascii_case("close"));
        *kept = stays.then_some(connection);
        Answer { head: head(&reply), body: ports.found(&reply.text().replace('\n', "⏎")).replace(r#""Logger":{},"#, "LOGGER") }
    }

    fn wanted_of_ours(&self) -> Answer {
        let ours = self.ours.as_ref();
        let head = ours.and_then(|ours| ours.head.as_ref()).unwrap_or(&self.answer.head);
        let body = ours.and_then(|ours| ours.body.as_ref()).unwrap_or(&self.answer.body);
        let body = body.replace("LOGGER", "").replace("OWN_VERSION", env!("CARGO_PKG_VERSION"));
        // The length of a body is always said here; there it is for short ones only.
        Answer { head: head.replace(" chunked", ""), body }
    }

    fn written(&self) -> String {
        let mut text = format!("{}> {}\n", self.above, self.request);
        for header in &self.headers {
            writeln!(text, "> {header}").unwrap();
        }
        if let Some(body) = &self.body {
            writeln!(text, "{}", format!(">> {body}").trim_end()).unwrap();
        }
        writeln!(text, "< {}", self.answer.head).unwrap();
        if !self.answer.body.is_empty() {
            writeln!(text, "<< {}", self.answer.body).unwrap();
        }
        if let Some(ours) = &self.ours {
            for (mark, said) in [("<", &ours.head), ("<<", &ours.body)] {
                if let Some(said) = said {
                    writeln!(text, "{}", format!("ours {mark} {said}").trim_end()).unwrap();
                }
            }
            writeln!(text, "because {}", ours.because).unwrap();
        }
        text
    }
}

/// All of an answer but its body, but for the moment and the letters of names. A length goes without saying.
fn head(reply: &Reply) -> String {
    let mut words = vec![reply.status.to_string()];
    words.push(match reply.header("content-type") {
        None => "-".to_owned(),
        Some("application/json") => "json".to_owned(),
        Some("text/plain; charset=utf-8") => "text".to_owned(),
        Some(other) => other.replace(' ', "_"),
    });
    let mut others: Vec<String> = Vec::new();
    for (name, value) in &reply.headers {
        match (name.to_ascii_lowercase().as_str(), value.as_str()) {
            ("content-type" | "date", _) => {}
            ("content-length", length) if length == reply.body.len().to_string() => {}
            ("x-content-type-options", "nosniff") => others.push("nosniff".to_owned()),
            ("x-toxiproxy-request-id", id) if is_request_id(id) => others.push("id".to_owned()),
            ("transfer-encoding", "chunked") => others.push("chunked".to_owned()),
            (name, value) => others.push(format!("{name}={value}")),
        }
    }
    let has = |name: &str| reply.header(name).is_some();
    if !has("content-length") && !has("transfer-encoding") && reply.status != 204 {
        others.push("unsized".to_owned());
    }
    others.sort();
    words.extend(others);
    words.join(" ")
}

fn is_request_id(id: &str) -> bool {
    id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'v').contains(&byte))
}

impl Ports {
    fn filled(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (mark, port)| text.replace(mark, port))
    }

    /// With marks in the place of ports.
    fn found(&self, text: &str) -> String {
        let marked = self.0.iter().fold(text.to_owned(), |text, (mark, port)| text.replace(&format!(":{port}"), &format!(":{mark}")));
        let mut parts = marked.split(':');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let is_port = part[..digits].parse::<u16>().is_ok_and(|port| port >= 10_000);
            write!(out, ":{}", if is_port { format!("PORT{}", &part[digits..]) } else { part.to_owned() }).unwrap();
        }
        out
    }
}

fn parse(text: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut above = String::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            above += &format!("{line}\n");
            continue;
        }
        let (mark, said) = line.split_once(' ').unwrap_or((line, ""));
        if mark == ">" && (exchanges.is_empty() || !above.is_empty()) {
            exchanges.push(Exchange { above: std::mem::take(&mut above), request: said.to_owned(), ..Exchange::default() });
            continue;
        }
        let exchange = exchanges.last_mut().unwrap_or_else(|| panic!("nothing is asked before `{line}`"));
        match mark {
            ">" => exchange.headers.push(said.to_owned()),
            ">>" => exchange.body = Some(said.to_owned()),
            "<" => exchange.answer.head = said.to_owned(),
            "<<" => exchange.answer.body = said.to_owned(),
            "because" => exchange.ours.as_mut().expect("a reason stands below a difference").because = said.to_owned(),
            "ours" => {
                let ours = exchange.ours.get_or_insert_default();
                let (mark, said) = said.split_once(' ').unwrap_or((said, ""));
                match mark {
                    "<" => ours.head = Some(said.to_owned()),
                    "<<" => ours.body = Some(said.to_owned()),
                    _ => panic!("what is `{line}`?"),
                }
            }
            _ => panic!("what is `{line}`?"),
        }
    }
    for exchange in &exchanges {
        let reason = exchange.ours.as_ref().is_none_or(|ours| !ours.because.is_empty());
        assert!(reason, "the difference in `{}` has no reason", exchange.request);
    }
    exchanges
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.head, self.body)
    }
}
