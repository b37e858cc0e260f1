//! Why a direction is not followed any further: one table with words, prose and sections of the standards.

use std::fmt;

/// Frames that cannot be followed. Nothing is refused: what comes that way becomes plain bytes, and the verdict is the receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub reason: Reason,
    pub place: Place,
}

/// Which frame of its direction; they count from 1, the preface not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub frame: u64,
}

/// What is known of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub reason: Reason,
    /// Its name in events; it never changes.
    pub word: &'static str,
    pub rfc: &'static str,
    pub about: &'static str,
}

macro_rules! reasons {
    ($($name:ident $word:literal $rfc:literal $about:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($name),* }

        /// Every reason, in the order of the enum.
        pub const REASONS: &[Row] = &[$(Row { reason: Reason::$name, word: $word, rfc: $rfc, about: $about }),*];
    };
}

reasons! {
    Preface "preface" "RFC 9113, 3.4" "The client does not begin with the preface of HTTP/2."
    FirstFrame "first-frame" "RFC 9113, 3.4" "The first frame is not SETTINGS."
    FrameSize "frame-size" "RFC 9113, 4.2" "The frame is not as long as its type demands."
    Padding "padding" "RFC 9113, 6.1" "The padding is longer than the frame."
    StreamZero "stream-zero" "RFC 9113, 6" "The frame stands on the connection, and its type is for streams, or the reverse."
    Continuation "continuation" "RFC 9113, 6.10" "A header block is interrupted, or goes on where none has begun."
    PushFromClient "push-from-client" "RFC 9113, 8.4" "The client promises a stream."
    BlockTooLarge "block-too-large" "RFC 9113, 10.5.1" "A header block does not end within its bound."
    TooManyFields "too-many-fields" "RFC 9113, 10.5.1" "A header block has more fields, or more bytes in them, than its bound."
    TooManyStreams "too-many-streams" "RFC 9113, 5.1.2" "More streams are open than can be followed."
    TooManySettings "too-many-settings" "RFC 9113, 6.5.3" "More SETTINGS wait for their acknowledgement than can be followed."
    UnaskedAck "unasked-ack" "RFC 9113, 6.5.3" "SETTINGS are acknowledged that nobody has sent."
    Truncated "truncated" "RFC 7541, 5" "A header block ends in the middle of a field."
    Integer "integer" "RFC 7541, 5.1" "A number in a header block is too large."
    Huffman "huffman" "RFC 7541, 5.2" "A string in a header block is no code, or is padded wrongly."
    Index "index" "RFC 7541, 2.3.3" "A header block names an entry that is in no table."
    TableSize "table-size" "RFC 7541, 6.3" "The table of headers is made larger than its receiver allows, or not at the beginning of a block."
    TableTooLarge "table-too-large" "RFC 7541, 4.2" "The table of headers is larger than can be kept."
}

impl Reason {
    pub fn row(self) -> &'static Row {
        &REASONS[self as usize]
    }

    pub fn word(self) -> &'static str {
        self.row().word
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.row().about, self.row().rfc)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}: {}", self.place.frame, self.reason)
    }
}
