//! Clients and servers of streams, as little of HTTP as each needs. Both are in this process, and so have the same clock.

use super::{GAP, MESSAGES};
use crate::hop::Addresses;
use anyhow::{Context, Result};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// How late the messages of one stream came.
#[derive(Default)]
pub struct Came {
    pub late: Vec<Duration>,
    /// How many came in a read that brought more than one.
    pub together: usize,
}

const LIMIT: Duration = Duration::from_secs(30);

/// Runs until the process ends.
pub fn upstream() -> Result<Addresses> {
    Ok(Addresses { one: serve(one)?, two: serve(two)? })
}

fn serve(with: fn(TcpStream) -> Result<()>) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves early is its own business.
            thread::spawn(move || stream.set_nodelay(true).map_err(Into::into).and_then(|()| with(stream)).ok());
        }
    });
    Ok(address)
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Nanoseconds since some moment, which is the same for all.
fn now() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Sends messages so far apart, each by what is made of the moment.
fn send(stream: &mut TcpStream, message: impl Fn(u64) -> Vec<u8>) -> Result<()> {
    let start = Instant::now();
    for i in 1..=MESSAGES as u32 {
        thread::sleep((start + GAP * i).saturating_duration_since(Instant::now()));
        stream.write_all(&message(now()))?;
    }
    Ok(())
}

impl Came {
    /// One read has brought messages that were sent at these moments.
    fn read(&mut self, sent: &[u64]) {
        let now = now();
        self.late.extend(sent.iter().map(|sent| Duration::from_nanos(now.saturating_sub(*sent))));
        self.together += if sent.len() > 1 { sent.len() } else { 0 };
    }

    fn whole(self) -> Result<Came> {
        anyhow::ensure!(self.late.len() == MESSAGES, "{} of {MESSAGES} messages came", self.late.len());
        Ok(self)
    }
}

// Server-Sent Events.

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const BEFORE: &str = "data: ";
const AFTER: &str = "\n\n\r\n";
/// Digits of a moment.
const DIGITS: usize = 20;

fn one(mut stream: TcpStream) -> Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        anyhow::ensure!(more(&mut stream, &mut request)? > 0, "no request");
    }
    stream.write_all(HEAD.as_bytes())?;
    send(&mut stream, |now| format!("1c\r\n{BEFORE}{now:0DIGITS$}{AFTER}").into_bytes())?;
    stream.write_all(b"0\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

pub fn events(at: Addresses) -> Result<Came> {
    let mut stream = connect(at.one)?;
    request(&mut stream)?;
    let (mut bytes, mut came) = (Vec::new(), Came::default());
    while !bytes.ends_with(b"\r\n0\r\n\r\n") {
        anyhow::ensure!(more(&mut stream, &mut bytes)? > 0, "the stream ended");
        let text = std::str::from_utf8(&bytes)?;
        let events: Vec<&str> = text.split(BEFORE).skip(1).filter(|event| event[DIGITS.min(event.len())..].starts_with(AFTER)).collect();
        let new = events[came.late.len()..].iter().map(|event| event[..DIGITS].parse());
        let new: Vec<u64> = new.collect::<Result<_, _>>()?;
        came.read(&new);
    }
    came.whole()
}

pub fn first_event(at: Addresses) -> Result<Duration> {
    let mut stream = connect(at.one)?;
    let start = Instant::now();
    request(&mut stream)?;
    stream.read_exact(&mut [0])?;
    Ok(start.elapsed())
}

fn request(stream: &mut TcpStream) -> Result<()> {
    Ok(stream.write_all(b"GET /events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n")?)
}

/// What is there to be read, behind what has been.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<usize> {
    let mut buffer = [0; 16 << 10];
    let n = stream.read(&mut buffer)?;
    bytes.extend(&buffer[..n]);
    Ok(n)
}

// gRPC. Field lines are written without any table (RFC 7541, 6.2.2), so nobody has to know one.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// A message of gRPC: five bytes in front, the moment, and something behind.
const MESSAGE: usize = 5 + 8 + 32;

struct Frame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// One end of a connection.
struct Two {
    stream: TcpStream,
    bytes: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

fn message(now: u64) -> Vec<u8> {
    let mut payload = [0; MESSAGE];
    payload[4] = (MESSAGE - 5) as u8;
    payload[5..13].copy_from_slice(&now.to_be_bytes());
    frame(DATA, 0, 1, &payload)
}

/// A field of which the table knows neither name nor value.
fn field(name: &str, value: &str) -> Vec<u8> {
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

fn asking() -> Vec<u8> {
    let fields = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/bench.Bench/Stream"),
        field(":authority", "bench"),
        field("content-type", "application/grpc"),
        field("te", "trailers"),
    ];
    frame(HEADERS, END_HEADERS, 1, &fields.concat())
}

fn answering() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &[field(":status", "200"), field("content-type", "application/grpc")].concat())
}

fn trailers() -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &field("grpc-status", "0"))
}

impl Two {
    /// The whole frames that one read has brought, and those that were waiting for it.
    fn read(&mut self) -> Result<Vec<Frame>> {
        anyhow::ensure!(more(&mut self.stream, &mut self.bytes)? > 0, "the connection ended");
        let mut frames = Vec::new();
        while let Some(head) = self.bytes.first_chunk::<9>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if self.bytes.len() < 9 + length {
                break;
            }
            let (kind, flags) = (head[3], head[4]);
            let payload = self.bytes.drain(..9 + length).skip(9).collect();
            if kind == SETTINGS && flags & ACK == 0 {
                self.stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
            }
            frames.push(Frame { kind, flags, payload });
        }
        Ok(frames)
    }

    fn ask(mut stream: TcpStream) -> Result<Two> {
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &asking()].concat())?;
        Ok(Two { stream, bytes: Vec::new() })
    }
}

impl Frame {
    fn ends(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// When it was sent, if it is a message.
    fn sent(&self) -> Option<u64> {
        let moment = self.payload.get(5..13).filter(|_| self.kind == DATA && self.payload.len() == MESSAGE)?;
        Some(u64::from_be_bytes(moment.try_into().ok()?))
    }
}

/// Whoever sends messages is told how late they came; whoever only asks is sent some.
fn two(mut stream: TcpStream) -> Result<()> {
    stream.read_exact(&mut [0; PREFACE.len()])?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    let mut end = Two { stream, bytes: Vec::new() };
    let mut came = Came::default();
    loop {
        let frames = end.read()?;
        let sent: Vec<u64> = frames.iter().filter_map(Frame::sent).collect();
        if frames.iter().any(|frame| frame.kind == HEADERS) {
            end.stream.write_all(&answering())?;
        }
        came.read(&sent);
        if frames.iter().any(Frame::ends) {
            break;
        }
    }
    if came.late.is_empty() {
        send(&mut end.stream, message)?;
    } else {
        let mut told = (came.together as u64).to_be_bytes().to_vec();
        told.extend(came.late.iter().flat_map(|late| (late.as_nanos() as u64).to_be_bytes()));
        end.stream.write_all(&frame(DATA, 0, 1, &told))?;
    }
    end.stream.write_all(&trailers())?;
    end.stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

pub fn to_client(at: Addresses) -> Result<Came> {
    let mut end = Two::ask(connect(at.two)?)?;
    end.stream.write_all(&frame(DATA, END_STREAM, 1, &[0; 5]))?;
    let mut came = Came::default();
    loop {
        let frames = end.read()?;
        came.read(&frames.iter().filter_map(Frame::sent).collect::<Vec<_>>());
        if frames.iter().any(Frame::ends) {
            return came.whole();
        }
    }
}

pub fn to_server(at: Addresses) -> Result<Came> {
    let mut end = Two::ask(connect(at.two)?)?;
    send(&mut end.stream, message)?;
    end.stream.write_all(&frame(DATA, END_STREAM, 1, &[]))?;
    let mut told = Vec::new();
    loop {
        let frames = end.read()?;
        for frame in frames.iter().filter(|frame| frame.kind == DATA) {
            told.extend(&frame.payload);
        }
        if frames.iter().any(Frame::ends) {
            break;
        }
    }
    let mut numbers = told.as_chunks().0.iter().map(|bytes| u64::from_be_bytes(*bytes));
    let together = numbers.next().context("nothing was told")? as usize;
    Came { late: numbers.map(Duration::from_nanos).collect(), together }.whole()
}

pub fn first_message(at: Addresses) -> Result<Duration> {
    let stream = connect(at.two)?;
    let start = Instant::now();
    let mut end = Two::ask(stream)?;
    while !end.read()?.iter().any(|frame| frame.kind == HEADERS) {}
    Ok(start.elapsed())
}
