//! What an effect must say of itself, and all it is told. Below the table of effects, above nothing.

use crate::{
    complaint::{Complaint, FromNode},
    dice::{Dice, Purpose},
    form::Form,
    head::Head,
    node::{Entry, Node},
    piece::{Direction, Payload, Piece},
    plan::Reason,
    subject::Subject,
    units::{Percent, Size, Span},
};
use faultwire_http1::edit::Line;
use faultwire_messages::Message;
use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// A verb: what goes wrong. A pure function from pieces to pieces; it never sleeps, locks, reads a clock or touches a socket.
pub trait Effect: Clone + Debug + PartialEq + Sized {
    /// The first is the effect's name; the others are its companions.
    const KEYS: &'static [Key];
    /// Parsed, documented and simulated.
    const EXAMPLE: &'static str;
    /// On which protocols it is accepted.
    const ON: On;
    /// Whether it ends its unit. At most one of a fault's effects does.
    const ENDS: bool = false;
    /// Which way it acts when the fault does not say.
    const WAY: Way = Way::ToClient;
    /// What it remembers of one direction of one conversation.
    type Memory: Default + Send + Debug;
    /// What it remembers over all conversations of its fault.
    type Shared: Default + Send + Sync + Debug;

    fn read(share: &Share<'_>) -> Result<Self, Complaint>;

    /// In one line, as `status` and `plan` print it: `latency 250ms, jitter 50ms`.
    fn describe(&self) -> String;

    /// Takes a piece that has arrived (`cx.now` is its arrival) and hands on what becomes of it. What is not handed on is gone.
    fn piece(&self, _memory: &mut Self::Memory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
        cx.pass(piece);
        Outcome::Untouched
    }

    /// How many of the `wanted` bytes that are due may leave now.
    fn allow(&self, _memory: &mut Self::Memory, _shared: &Self::Shared, wanted: usize, _cx: &Cx<'_>) -> Allow {
        Allow::Now(wanted)
    }

    /// So many bytes have left, never more than were allowed.
    fn took(&self, _memory: &mut Self::Memory, _shared: &Self::Shared, _taken: usize, _cx: &Cx<'_>) {}

    /// Whether `allow` ever says less than what is wanted, so that reading stops soon and not only at the bound of the line.
    fn paces(&self) -> bool {
        false
    }

    /// How it ends the unit, if it does.
    fn strike(&self) -> Option<Strike> {
        None
    }

    /// How far into an answer it ends it, if the fault does not say.
    fn place(&self) -> Option<Place> {
        None
    }

    /// What it says in the upstream's place, if its strike is `Answer`.
    fn reply(&self) -> Option<Reply<'_>> {
        None
    }

    /// Whether it is for this request at all, as far as what has been seen of requests says so; it may remember what it sees.
    /// Asked once for each that its fault matches, before that counts as one. `since`: when the fault began.
    fn chooses(&self, _shared: &Self::Shared, _request: &dyn Subject, _now: Instant, _since: Instant) -> bool {
        true
    }

    /// What it says to the client of a WebSocket, if its strike is `CloseFrame`.
    fn goodbye(&self) -> Option<&str> {
        None
    }

    /// Takes a message, and what the effects before have made of it: none if it is lost, several if it has been doubled.
    /// `cx.n` is its number; what has not been done to it by chance is `Kept(Reason::Probability)`.
    fn message(&self, _memory: &mut Self::Memory, _letters: &mut Vec<Letter>, _cx: &mut Cx<'_>) -> Outcome {
        Outcome::Untouched
    }

    /// What it holds back of one direction, in order; then it holds nothing. Its fault has gone, or nothing of it is to leave.
    fn held(_memory: &mut Self::Memory) -> Vec<Payload> {
        Vec::new()
    }

    /// How many bytes that is.
    fn holds(_memory: &Self::Memory) -> usize {
        0
    }

    /// Whether it has thrown away, or promised, what the rest of the message would not fit: without it the message is broken.
    fn holed(_memory: &Self::Memory) -> bool {
        false
    }

    /// A length of time by which an ending of the same fault is put off.
    fn puts_off(&self, _cx: &mut Cx<'_>) -> Option<Span> {
        None
    }
}

/// Where an effect is accepted: bits of `protocol::kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct On {
    /// On the protocol's own units.
    pub units: u16,
    /// With `per: message`.
    pub messages: u16,
    /// Only where TLS is served here.
    pub tls: bool,
}

impl On {
    pub const fn units(units: u16) -> On {
        On { units, messages: 0, tls: false }
    }

    pub const fn and_messages(self, messages: u16) -> On {
        On { messages, ..self }
    }
}

/// A key of the language, told where it is read: the one source of what is documented, completed and checked.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    /// What may stand behind it.
    pub form: Form,
    /// Its values, in the notation of the documentation.
    pub values: &'static str,
    /// What it is when it is left out.
    pub default: &'static str,
    pub about: &'static str,
    pub since: Since,
}

/// The release a word of the language belongs to, and whether this version does what it says. A word that is not built is read
/// and checked like any other, and then refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    pub stage: u8,
    pub built: bool,
}

pub const NOW: Since = Since { stage: 1, built: true };
pub const STAGE_1: Since = Since { stage: 1, built: false };
pub const STAGE_2: Since = Since { stage: 2, built: false };
pub const STAGE_3: Since = Since { stage: 3, built: false };

impl Key {
    /// What stands behind a key unless it says otherwise: nothing of it is known.
    pub const BLANK: Key = Key { name: "", form: Form::Any, values: "", default: "", about: "", since: NOW };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
    Both,
}

/// What an effect did to a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Untouched,
    Delayed,
    Edited,
    Cut,
    /// The message breaks off behind what is handed on; an `End` is the last of it. Where that leaves, the conversation is over.
    Broken,
    /// It would have acted, and could not.
    Kept(Reason),
}

/// How far into the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Bytes(Size),
    /// Of the announced length.
    Share(Percent),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// So many, and at least one.
    Now(usize),
    At(Instant),
    /// Not before the plan changes.
    Never,
}

/// What is said in the upstream's place. Whoever carries the exchange writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply<'a> {
    Status(Status<'a>),
    /// An error of gRPC: its number and what it says to people.
    Call {
        code: u8,
        message: &'a str,
        retry_after: RetryAfter,
    },
    /// What no server should say; the connection ends after it.
    Broken(Broken),
}

/// An answer of HTTP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status<'a> {
    pub status: u16,
    pub headers: &'a [Line],
    /// Without one, a document that names the fault.
    pub body: Option<&'a [u8]>,
    /// What the body is, if nothing is said.
    pub kind: Option<&'a str>,
    pub retry_after: RetryAfter,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    #[default]
    Unsaid,
    After(Span),
    /// The time to the next token of `over`.
    Auto,
}

/// The ways in which an answer breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    Garbage,
    StatusLine,
    Header,
    Chunk,
    Frame,
}

/// How a unit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// RST both ways, once what was due has been taken by the peer.
    Reset,
    /// FIN after what is due.
    Close,
    /// A WebSocket says goodbye to the client with that code; then as `Close`.
    CloseFrame(u16),
    /// FIN in the fault's direction only; the other flows on.
    CloseHalf,
    /// Nothing passes any more. With `lasts`: FIN after that time. With `resume` nothing is read, so that nothing is lost.
    Silence { lasts: Option<Span>, resume: bool },
    /// An answer is given in the upstream's place, once for an exchange.
    Answer,
    /// The client is asked to leave, and what is under way finishes. Whoever carries it says so, or cannot.
    GoAway,
    /// The listener closes; open connections are reset.
    Down,
}

/// A message on its way through the effects of one fault.
#[derive(Clone, Debug)]
pub struct Letter {
    pub message: Message,
    /// To this fault: it does not wait for those before it.
    pub overtakes: bool,
    /// To this fault: it is one more, and comes so much behind the first.
    pub behind: Duration,
    /// It breaks off in its middle: the stream is to end behind it.
    pub breaks: bool,
    /// What it has to wait for, with the number of each fault that says so.
    pub waits: Vec<(u64, Duration)>,
    /// It keeps no place among the others any more.
    pub is_loose: bool,
    /// So much of that is behind the first of its kind.
    pub lag: Duration,
}

impl Letter {
    pub fn of(message: Message) -> Letter {
        let none = Duration::ZERO;
        Letter { message, overtakes: false, behind: none, breaks: false, waits: Vec::new(), is_loose: false, lag: none }
    }

    /// For how long it waits, for all of them together.
    pub fn wait(&self) -> Duration {
        self.waits.iter().fold(Duration::ZERO, |all, (_, wait)| all.saturating_add(*wait))
    }
}

/// What an effect is told with a piece, and its way on.
pub struct Cx<'a> {
    /// The arrival of a piece, or the moment of release.
    pub now: Instant,
    /// When the fault began: ramps and waves count from here.
    pub since: Instant,
    pub dice: Dice,
    /// The number of the unit among the matches of its fault, from 1.
    pub n: u64,
    pub direction: Direction,
    /// Bytes of this direction that arrived before this piece since the fault reached the conversation.
    pub offset: u64,
    /// It is about a request and its answer, or a message, and not about a stream.
    pub whole: bool,
    /// When the request was complete.
    pub asked: Option<Instant>,
    /// What marks what is edited; none if it is disguised.
    pub mark: Option<&'a str>,
    pub out: &'a mut Vec<Piece>,
}

impl Cx<'_> {
    pub fn pass(&mut self, piece: Piece) {
        self.out.push(piece);
    }

    /// Marks a head that was edited. Only of answers: a server is not to know.
    pub fn mark_answer(&self, head: &mut Head) {
        if let (Some(mark), Direction::ToClient) = (self.mark, self.direction) {
            head.mark(mark);
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.since)
    }

    /// Evenly in [0, 1). The two directions of a unit draw apart.
    pub fn unit(&self, purpose: Purpose, index: u64) -> f64 {
        self.dice.unit(purpose, self.n, self.index(index))
    }

    /// The same for another unit of this fault.
    pub fn unit_of(&self, n: u64, purpose: Purpose, index: u64) -> f64 {
        self.dice.unit(purpose, n, self.index(index))
    }

    pub fn draw(&self, purpose: Purpose, index: u64) -> u64 {
        self.dice.draw(purpose, self.n, self.index(index))
    }

    fn index(&self, index: u64) -> u64 {
        index << 1 | self.direction.index() as u64
    }
}

impl Way {
    pub fn includes(self, direction: Direction) -> bool {
        match self {
            Way::Both => true,
            Way::ToServer => direction == Direction::ToServer,
            Way::ToClient => direction == Direction::ToClient,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Way::ToServer => "to_server",
            Way::ToClient => "to_client",
            Way::Both => "both",
        }
    }
}

/// The keys of a fault that belong to one effect.
pub struct Share<'a> {
    pub head: &'a Entry,
    pub entries: Vec<&'a Entry>,
}

impl Share<'_> {
    pub fn node(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of the effect's own key.
    pub fn own<T: FromNode>(&self) -> Result<T, Complaint> {
        T::from_node(&self.head.value)
    }

    pub fn optional<T: FromNode>(&self, key: &str) -> Result<Option<T>, Complaint> {
        self.node(key).map(T::from_node).transpose()
    }
}
