//! Feeds both streams in any split, joins neighbouring cuts, and checks what must always hold: no byte is changed, none is lost.

use bytes::{Bytes, BytesMut};
use faultwire_http1::{Cut, Ended, Http1, Limits, Lost, Place, Reason, Refused, Request, Response, talk::Raw};
use std::fmt;

/// A cut, joined with its neighbours of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub kind: &'static str,
    /// What is known beside the bytes.
    pub about: String,
    pub bytes: Vec<u8>,
}

/// What became of one stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stream {
    pub seen: Vec<Seen>,
    pub refused: Option<(Reason, Place)>,
    pub lost: Option<(Reason, Place)>,
    /// What was left in the buffer, and where the stream was when it ended.
    pub left: Vec<u8>,
    pub ended: Option<Ended>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Conversation {
    pub to_server: Stream,
    pub to_client: Stream,
}

/// Both sides of a connection, and the buffers that an engine would have.
pub struct Peer {
    pub http: Http1,
    pub requests: BytesMut,
    pub responses: BytesMut,
    pub conversation: Conversation,
}

impl Peer {
    pub fn new() -> Peer {
        Peer {
            http: Http1::new(Limits::default()),
            requests: BytesMut::new(),
            responses: BytesMut::new(),
            conversation: Conversation { to_server: Stream::default(), to_client: Stream::default() },
        }
    }

    pub fn client_sends(&mut self, bytes: &[u8]) {
        self.requests.extend_from_slice(bytes);
        self.cut();
    }

    pub fn server_sends(&mut self, bytes: &[u8]) {
        self.responses.extend_from_slice(bytes);
        self.cut();
    }

    /// All that can be cut now. Each part of an answer may let more requests be cut.
    fn cut(&mut self) {
        self.cut_requests();
        while let Some(cut) = self.http.response(&mut self.responses) {
            self.conversation.to_client.take_response(cut);
            self.cut_requests();
        }
    }

    fn cut_requests(&mut self) {
        loop {
            match self.http.request(&mut self.requests) {
                Ok(Some(cut)) => self.conversation.to_server.take_request(cut),
                Ok(None) => return,
                Err(Refused { reason, place }) => {
                    self.conversation.to_server.refused = Some((reason, place));
                    return;
                }
            }
        }
    }

    pub fn end(mut self) -> Conversation {
        let Conversation { to_server, to_client } = &mut self.conversation;
        to_server.ended = Some(self.http.request_ended(&self.requests));
        to_client.ended = Some(self.http.response_ended(&self.responses));
        to_server.left = self.requests.to_vec();
        to_client.left = self.responses.to_vec();
        self.conversation
    }
}

impl Stream {
    fn take_request(&mut self, cut: Cut<Request>) {
        let about = match &cut {
            Cut::Head(head) => {
                let marks = [(!head.keep_alive, " last"), (head.expects_continue, " expects-continue"), (head.upgrade, " upgrade")];
                let mut text = format!(
                    "#{} {} {:?} {} {:?} {} fields",
                    head.number,
                    head.method(),
                    head.form(),
                    head.path().escape_ascii(),
                    head.length,
                    head.fields.len()
                );
                for (is, mark) in marks {
                    text.push_str(if is { mark } else { "" });
                }
                if let Some(query) = head.query() {
                    text.push_str(&format!(" query={}", query.escape_ascii()));
                }
                if let Some(host) = head.host() {
                    text.push_str(&format!(" host={}", host.escape_ascii()));
                }
                text
            }
            _ => String::new(),
        };
        self.take(cut, about);
    }

    fn take_response(&mut self, cut: Cut<Response>) {
        let about = match &cut {
            Cut::Head(head) | Cut::Interim(head) => format!(
                "#{} {} '{}' {:?} {} fields{}{}",
                head.answers,
                head.status,
                head.reason().escape_ascii(),
                head.length,
                head.fields.len(),
                if head.keep_alive { "" } else { " last" },
                if head.tunnel { " tunnel" } else { "" }
            ),
            _ => String::new(),
        };
        self.take(cut, about);
    }

    fn take<Head: Raw>(&mut self, cut: Cut<Head>, mut about: String) {
        let kind = match &cut {
            Cut::Head(_) => "head",
            Cut::Interim(_) => "interim",
            Cut::Framing(_) => "framing",
            Cut::Body(_) => "body",
            Cut::LastChunk(_) => "last chunk",
            Cut::Trailers(fields) => {
                about = format!("{} fields", fields.len());
                "trailers"
            }
            Cut::End => "end",
            Cut::Stray(_) => "stray",
            Cut::Tunnel(_) => "tunnel",
            Cut::Lost(Lost { reason, place }) => {
                self.lost = Some((*reason, *place));
                "lost"
            }
        };
        let bytes = cut.bytes();
        assert!(!bytes.is_empty() || matches!(kind, "end" | "lost"), "an empty {kind}");
        match self.seen.last_mut().filter(|last| last.kind == kind && matches!(kind, "framing" | "body" | "stray" | "tunnel")) {
            Some(last) => last.bytes.extend_from_slice(bytes),
            None => self.seen.push(Seen { kind, about, bytes: bytes.to_vec() }),
        }
    }

    /// The bytes of all cuts, with what was left.
    pub fn whole(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.seen.iter().flat_map(|seen| seen.bytes.iter().copied()).collect();
        all.extend_from_slice(&self.left);
        all
    }

    pub fn count(&self, kind: &str) -> usize {
        self.seen.iter().filter(|seen| seen.kind == kind).count()
    }

    /// The payload of each message.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        for seen in &self.seen {
            match (seen.kind, bodies.last_mut()) {
                ("head", _) => bodies.push(Vec::new()),
                ("body", Some(body)) => body.extend_from_slice(&seen.bytes),
                _ => {}
            }
        }
        bodies
    }
}

/// All that the client says, then all that the server says, in pieces of these sizes.
pub fn converse(requests: &[u8], responses: &[u8], mut size: impl FnMut() -> usize) -> Conversation {
    let mut peer = Peer::new();
    for piece in pieces(requests, &mut size) {
        peer.client_sends(&piece);
    }
    for piece in pieces(responses, &mut size) {
        peer.server_sends(&piece);
    }
    let conversation = peer.end();
    assert_eq!(conversation.to_server.whole(), requests, "a byte to the server was changed");
    assert_eq!(conversation.to_client.whole(), responses, "a byte to the client was changed");
    conversation
}

/// The same in one piece, byte by byte, and in many random splits: the outcome is always one.
pub fn converse_in_every_split(name: &str, requests: &[u8], responses: &[u8], splits: u64) -> Conversation {
    let whole = converse(requests, responses, || usize::MAX);
    assert_eq!(converse(requests, responses, || 1), whole, "{name}: byte by byte");
    for seed in 0..splits {
        let mut chance = Chance(seed);
        let most = [2, 5, 20, 200][seed as usize % 4];
        assert_eq!(converse(requests, responses, || 1 + chance.below(most)), whole, "{name}: split {seed}");
    }
    whole
}

fn pieces(bytes: &[u8], size: &mut impl FnMut() -> usize) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        pieces.push(rest.split_to(size().min(rest.len())));
    }
    pieces
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to server\n{}", self.to_server)?;
        if self.to_client != (Stream { ended: Some(Ended::Between), ..Stream::default() }) {
            write!(f, "to client\n{}", self.to_client)?;
        }
        Ok(())
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for seen in &self.seen {
            let sized = if seen.bytes.is_empty() { String::new() } else { format!(" {} B", seen.bytes.len()) };
            writeln!(f, "  {}{sized}{}{}", seen.kind, if seen.about.is_empty() { "" } else { " " }, seen.about)?;
            if matches!(seen.kind, "body" | "framing" | "last chunk" | "trailers" | "tunnel" | "stray") {
                let short = &seen.bytes[..seen.bytes.len().min(60)];
                writeln!(f, "    {}{}", short.escape_ascii(), if short.len() < seen.bytes.len() { " ..." } else { "" })?;
            }
        }
        if let Some((reason, place)) = self.refused {
            writeln!(f, "  refused {} at {}:{}", reason.word(), place.message, place.byte)?;
        }
        if let Some((reason, place)) = self.lost {
            writeln!(f, "  lost by {} at {}:{}", reason.word(), place.message, place.byte)?;
        }
        if !self.left.is_empty() {
            writeln!(f, "  left {} B", self.left.len())?;
        }
        writeln!(f, "  ended {:?}", self.ended)
    }
}

/// SplitMix64: the same numbers on every machine.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn hits(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
