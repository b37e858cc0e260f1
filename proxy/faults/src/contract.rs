//! What an effect must say of itself, and all it is told. Below the table of effects, above nothing.

use crate::{
    complaint::{Complaint, FromNode},
    dice::{Dice, Purpose},
    form::Form,
    node::{Entry, Node},
    piece::{Direction, Piece},
    units::Span,
};
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// So many, and at least one.
    Now(usize),
    At(Instant),
    /// Not before the plan changes.
    Never,
}

/// How a unit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// RST both ways, once what was due has been taken by the peer.
    Reset,
    /// FIN after what is due.
    Close,
    /// FIN in the fault's direction only; the other flows on.
    CloseHalf,
    /// Nothing passes any more. With `lasts`: FIN after that time. With `resume` nothing is read, so that nothing is lost.
    Silence { lasts: Option<Span>, resume: bool },
    /// The listener closes; open connections are reset.
    Down,
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
    pub out: &'a mut Vec<Piece>,
}

impl Cx<'_> {
    pub fn pass(&mut self, piece: Piece) {
        self.out.push(piece);
    }

    pub fn elapsed(&self) -> Duration {
        self.now.saturating_duration_since(self.since)
    }

    /// Evenly in [0, 1). The two directions of a unit draw apart.
    pub fn unit(&self, purpose: Purpose, index: u64) -> f64 {
        self.dice.unit(purpose, self.n, self.index(index))
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
