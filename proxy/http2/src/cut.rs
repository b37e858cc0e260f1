//! What a direction is cut into.

use crate::{fields::Fields, hpack::Sizes, reason::Lost};
use bytes::Bytes;

/// Which way something travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    ToServer,
    ToClient,
}

/// A part of one direction. Those with bytes, in order, are the stream; `Lost` has none. Streams are named as the client numbers them.
#[derive(Clone, Debug)]
pub enum Cut {
    Preface(Bytes),
    /// A request or an answer begins.
    Head(Head),
    /// An informational answer: the answer proper is still to come.
    Interim(Head),
    /// What follows a body.
    Trailers(Head),
    /// A stream is promised, whose request this is. It is opened by the server.
    PushPromise(Head),
    /// A header block on a stream that is not open: it has been reset, or somebody errs.
    Stray(Head),
    Data(Data),
    /// The end of a stream, whatever is under way.
    Reset {
        stream: u32,
        code: u32,
        raw: Bytes,
    },
    /// Of the connection, where the stream is 0.
    WindowUpdate {
        stream: u32,
        by: u32,
        raw: Bytes,
    },
    Settings {
        ack: bool,
        raw: Bytes,
    },
    Ping(Bytes),
    /// `last` is as its receiver numbers streams, or the upstream if it sends. `more`: the rest comes as `Rest`.
    GoAway {
        last: u32,
        code: u32,
        raw: Bytes,
        more: bool,
    },
    Priority {
        stream: u32,
        raw: Bytes,
    },
    /// A frame of another type, or whose flaw concerns its stream alone.
    Unknown {
        stream: u32,
        raw: Bytes,
        more: bool,
    },
    /// More of a large frame.
    Rest {
        raw: Bytes,
        more: bool,
    },
    /// It cannot be followed: what still comes that way is plain bytes.
    Lost(Lost),
    Plain(Bytes),
}

/// A header block, with what else its frames say.
#[derive(Clone, Debug)]
pub struct Head {
    pub stream: u32,
    /// Its number among the blocks of its direction, from 0.
    pub block: u64,
    pub fields: Fields,
    /// The message ends with it.
    pub end: bool,
    pub priority: Option<[u8; 5]>,
    /// What it changes in the receiver's table before its fields.
    pub sizes: Option<Sizes>,
    /// The stream that is promised; else 0.
    pub promised: u32,
    /// All its frames.
    pub raw: Bytes,
}

/// A DATA frame, or a part of a large one.
#[derive(Clone, Debug)]
pub struct Data {
    pub stream: u32,
    /// The content in it.
    pub bytes: Bytes,
    /// What it takes of the windows: its content and its padding.
    pub length: u32,
    /// The message ends with it.
    pub end: bool,
    pub part: Part,
    pub raw: Bytes,
}

/// How much of a frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    First,
    Middle,
    Last,
}

/// A stream of which nothing is known here, and which has no number among the client's.
pub const NOBODY: u32 = u32::MAX;

impl Way {
    pub const BOTH: [Way; 2] = [Way::ToServer, Way::ToClient];

    pub fn index(self) -> usize {
        self as usize
    }

    pub fn other(self) -> Way {
        match self {
            Way::ToServer => Way::ToClient,
            Way::ToClient => Way::ToServer,
        }
    }
}

impl Part {
    /// The frame goes on behind it.
    pub fn goes_on(self) -> bool {
        matches!(self, Part::First | Part::Middle)
    }
}

impl Data {
    /// A frame begins with it.
    pub fn starts(&self) -> bool {
        matches!(self.part, Part::Whole | Part::First)
    }
}

impl Cut {
    /// What it has of the stream of bytes.
    pub fn raw(&self) -> &[u8] {
        match self {
            Cut::Preface(raw) | Cut::Ping(raw) | Cut::Plain(raw) => raw,
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) | Cut::PushPromise(head) | Cut::Stray(head) => &head.raw,
            Cut::Data(data) => &data.raw,
            Cut::Reset { raw, .. }
            | Cut::WindowUpdate { raw, .. }
            | Cut::Settings { raw, .. }
            | Cut::GoAway { raw, .. }
            | Cut::Priority { raw, .. }
            | Cut::Unknown { raw, .. }
            | Cut::Rest { raw, .. } => raw,
            Cut::Lost(_) => &[],
        }
    }
}
