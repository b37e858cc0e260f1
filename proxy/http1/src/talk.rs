//! One client connection and its upstream connection: which response answers which request, and what follows for both streams.

use crate::{
    body::{Body, Part},
    cut::{Cut, Ended, Length},
    fields::Fields,
    reason::{Flaw, Lost, Place, Reason, Refused},
    request::{Request, RequestDraft},
    response::{Response, ResponseDraft},
};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// What is held at most. Everything else flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, or of a trailer section.
    pub head: usize,
    /// Fields of a head, or of a trailer section.
    pub fields: usize,
    /// Bytes of the line of a chunk's size, with its extensions.
    pub chunk_line: usize,
    /// Requests that wait for an answer. With so many, no further one is cut.
    pub outstanding: usize,
}

/// Cuts both streams. Give each call the bytes that came behind those it has left, in the same buffer, until it has nothing more to say.
///
/// Both streams depend on one another: after a response has been cut, ask for requests again if `is_waiting` was true, and after a tunnel
/// or `Cut::Lost` in any case.
#[derive(Debug)]
pub struct Http1 {
    limits: Limits,
    /// Requests without an answer, in order.
    open: VecDeque<Open>,
    /// The request that asks for a tunnel, until that is decided. It is the last of its kind: nothing behind it is cut before.
    asks: Option<u64>,
    /// A request that asked has been granted.
    granted: bool,
    requests: Side<RequestDraft>,
    responses: Side<ResponseDraft>,
}

/// What must be known of a request to cut its answer.
#[derive(Clone, Copy, Debug)]
struct Open {
    number: u64,
    head: bool,
    connect: bool,
    upgrade: bool,
    keep_alive: bool,
}

/// One direction.
#[derive(Debug)]
struct Side<Draft> {
    state: State<Draft>,
    /// Messages begun, the one to come included.
    message: u64,
    /// Bytes of that message that have been cut already.
    taken: u64,
}

#[derive(Debug)]
enum State<Draft> {
    Head(Draft),
    Body { body: Body, keep_alive: bool },
    Stray,
    Tunnel,
    Refused(Refused),
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { head: 256 * 1024, fields: 1024, chunk_line: 16 * 1024, outstanding: 128 }
    }
}

impl Default for Http1 {
    fn default() -> Http1 {
        Http1::new(Limits::default())
    }
}

impl Http1 {
    pub fn new(limits: Limits) -> Http1 {
        Http1 {
            limits,
            open: VecDeque::new(),
            asks: None,
            granted: false,
            requests: Side { state: State::Head(RequestDraft::request()), message: 1, taken: 0 },
            responses: Side { state: State::Head(ResponseDraft::response()), message: 1, taken: 0 },
        }
    }

    /// The next part of what the client sends. Nothing: more bytes are needed, or an answer (`is_waiting`).
    /// A refusal stays. Nothing of a refused head is given out; of a body with a flaw, what came before it. The client is to be answered in
    /// its turn, behind the answers that are outstanding, and the upstream's connection is to be given up if a body is cut short.
    pub fn request(&mut self, bytes: &mut BytesMut) -> Result<Option<Cut<Request>>, Refused> {
        if self.is_waiting() {
            return Ok(None);
        }
        if self.granted && matches!(self.requests.state, State::Head(_) | State::Stray) {
            self.requests.state = State::Tunnel;
        }
        let limits = self.limits;
        let cut = match &mut self.requests.state {
            State::Refused(refused) => return Err(*refused),
            State::Tunnel => return Ok(some(bytes).map(Cut::Tunnel)),
            State::Stray => return Ok(some(bytes).map(Cut::Stray)),
            State::Body { body, .. } => body.cut(bytes, &limits).map(|part| part.map(Cut::from)),
            State::Head(draft) => match draft.cut_request(self.requests.message, bytes, &limits) {
                Ok(Some(head)) => {
                    self.begin(&head);
                    Ok(Some(Cut::Head(head)))
                }
                Ok(None) => Ok(None),
                Err(flaw) => Err(flaw),
            },
        };
        match cut {
            Ok(cut) => {
                self.requests.count(cut.as_ref(), RequestDraft::request);
                Ok(cut)
            }
            Err(flaw) => {
                let refused = Refused { reason: flaw.reason, place: self.requests.place(flaw) };
                self.requests.state = State::Refused(refused);
                Err(refused)
            }
        }
    }

    /// The next part of what the server sends. Nothing: more bytes are needed.
    pub fn response(&mut self, bytes: &mut BytesMut) -> Option<Cut<Response>> {
        let limits = self.limits;
        let cut = match &mut self.responses.state {
            State::Refused(_) | State::Tunnel => return some(bytes).map(Cut::Tunnel),
            State::Stray => return some(bytes).map(Cut::Stray),
            State::Body { body, .. } => body.cut(bytes, &limits).map(|part| part.map(Cut::from)),
            State::Head(_) if bytes.is_empty() => return None,
            State::Head(_) => self.response_head(bytes),
        };
        match cut {
            Ok(cut) => {
                self.responses.count(cut.as_ref(), ResponseDraft::response);
                cut
            }
            Err(flaw) => {
                let lost = Lost { reason: flaw.reason, place: self.responses.place(flaw) };
                if !matches!(self.requests.state, State::Refused(_)) {
                    self.requests.state = State::Tunnel;
                }
                self.responses.state = State::Tunnel;
                self.asks = None;
                self.open.clear();
                Some(Cut::Lost(lost))
            }
        }
    }

    /// Makes the conversation plain bytes, also what has been refused: for those who would rather pass on what they cannot read.
    pub fn lose(&mut self) {
        self.requests.state = State::Tunnel;
        self.responses.state = State::Tunnel;
        self.asks = None;
        self.open.clear();
    }

    /// Takes a request off the list of those the server will answer, because it was answered here and not forwarded.
    /// Says whether it was on the list: its answer has not begun.
    pub fn withdraw(&mut self, number: u64) -> bool {
        if self.asks == Some(number) {
            self.asks = None;
        }
        let before = self.open.len();
        self.open.retain(|open| open.number != number);
        self.open.len() < before
    }

    /// Whether requests are not cut until an answer comes: the bytes at hand may be a tunnel's, or too many requests wait.
    /// The bytes stay where they are, so stop reading when they are many.
    pub fn is_waiting(&self) -> bool {
        match self.requests.state {
            State::Head(_) => self.asks.is_some() || self.open.len() >= self.limits.outstanding,
            State::Stray => self.asks.is_some(),
            _ => false,
        }
    }

    /// How many requests wait for the head of their answer.
    pub fn outstanding(&self) -> usize {
        self.open.len()
    }

    /// Where the client's stream is if it ends now, after all has been cut; `held` is what is left in the buffer, to be passed on as it is.
    pub fn request_ended(&self, held: &[u8]) -> Ended {
        if self.is_waiting() && !held.is_empty() { Ended::Undecided } else { self.requests.ended(held) }
    }

    /// The same for the server's stream.
    pub fn response_ended(&self, held: &[u8]) -> Ended {
        self.responses.ended(held)
    }

    fn begin(&mut self, head: &Request) {
        let (connect, upgrade) = (head.is_connect(), head.upgrade);
        self.open.push_back(Open { number: head.number, head: head.is_head(), connect, upgrade, keep_alive: head.keep_alive });
        if connect || upgrade {
            self.asks = Some(head.number);
        }
        self.requests.state = State::Body { body: Body::new(head.length), keep_alive: head.keep_alive };
    }

    fn response_head(&mut self, bytes: &mut BytesMut) -> Result<Option<Cut<Response>>, Flaw> {
        let Some(&open) = self.open.front() else { return Err(Flaw { reason: Reason::Unsolicited, at: 0 }) };
        let State::Head(draft) = &mut self.responses.state else { return Ok(None) };
        let Some(end) = draft.read_response(bytes, &self.limits)? else { return Ok(None) };
        let Some(line) = draft.start.take() else { return Ok(None) };
        let tunnel = match line.status {
            101 if open.upgrade => true,
            101 => return Err(Flaw { reason: Reason::UnaskedSwitch, at: 0 }),
            200..=299 => open.connect,
            _ => false,
        };
        let interim = line.status < 200 && !tunnel;
        let length = match line.status {
            100..=199 | 204 | 304 => Length::None,
            _ if open.head || tunnel => Length::None,
            _ => draft.facts.response_length()?,
        };
        let keep_alive = interim || open.keep_alive && draft.facts.keeps_alive() && length != Length::ToEnd;
        let fields = std::mem::take(&mut draft.fields);
        let head = Response {
            fields: Fields { raw: bytes.split_to(end).freeze(), fields },
            answers: open.number,
            version: line.version,
            status: line.status,
            length,
            keep_alive,
            tunnel,
            reason: line.reason,
        };
        if interim {
            return Ok(Some(Cut::Interim(head)));
        }
        self.open.pop_front();
        if self.asks == Some(open.number) {
            self.asks = None;
            self.granted = tunnel;
        }
        self.responses.state = if tunnel { State::Tunnel } else { State::Body { body: Body::new(length), keep_alive } };
        Ok(Some(Cut::Head(head)))
    }
}

impl<Draft> Side<Draft> {
    /// Keeps the place, and goes on to the next message after an end.
    fn count<Head: Raw>(&mut self, cut: Option<&Cut<Head>>, draft: impl Fn() -> Draft) {
        match cut {
            Some(Cut::End) => {
                let goes_on = matches!(self.state, State::Body { keep_alive: true, .. });
                self.state = if goes_on { State::Head(draft()) } else { State::Stray };
                self.message += 1;
                self.taken = 0;
            }
            Some(Cut::Interim(_)) => {
                self.state = State::Head(draft());
                self.message += 1;
            }
            Some(cut) => self.taken += cut.bytes().len() as u64,
            None => {}
        }
    }

    fn place(&self, flaw: Flaw) -> Place {
        Place { message: self.message, byte: self.taken + flaw.at as u64 }
    }

    fn ended(&self, held: &[u8]) -> Ended {
        match &self.state {
            State::Head(_) if held.iter().all(|byte| b"\r\n".contains(byte)) => Ended::Between,
            State::Head(_) => Ended::InHead,
            State::Body { body: Body::ToEnd, .. } => Ended::Complete,
            State::Body { body: Body::Done, .. } => Ended::Between,
            State::Body { body, .. } => Ended::InBody(body.missing()),
            State::Stray => Ended::Between,
            State::Tunnel | State::Refused(_) => Ended::Plain,
        }
    }
}

/// A head that knows its bytes.
pub trait Raw {
    fn raw(&self) -> &Bytes;
}

impl Raw for Request {
    fn raw(&self) -> &Bytes {
        &self.fields.raw
    }
}

impl Raw for Response {
    fn raw(&self) -> &Bytes {
        &self.fields.raw
    }
}

impl<Head: Raw> Cut<Head> {
    /// What it has of the stream.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Cut::Head(head) | Cut::Interim(head) => head.raw(),
            Cut::Framing(bytes) | Cut::Body(bytes) | Cut::LastChunk(bytes) | Cut::Stray(bytes) | Cut::Tunnel(bytes) => bytes,
            Cut::Trailers(fields) => &fields.raw,
            Cut::End | Cut::Lost(_) => &[],
        }
    }
}

impl<Head> From<Part> for Cut<Head> {
    fn from(part: Part) -> Cut<Head> {
        match part {
            Part::Framing(bytes) => Cut::Framing(bytes),
            Part::Body(bytes) => Cut::Body(bytes),
            Part::LastChunk(bytes) => Cut::LastChunk(bytes),
            Part::Trailers(fields) => Cut::Trailers(fields),
            Part::End => Cut::End,
        }
    }
}

fn some(bytes: &mut BytesMut) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| bytes.split().freeze())
}
