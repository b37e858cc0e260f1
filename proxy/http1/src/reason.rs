//! Why a message is not cut: one table with words, statuses, prose and sections of the standards. Documents are made from it.

use std::fmt;

/// A request that is not forwarded: it is answered with its status, and the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    pub place: Place,
}

/// Responses that cannot be read. Nothing is refused: the conversation becomes plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub reason: Reason,
    pub place: Place,
}

/// Which byte of which message of its direction; messages count from 1, bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub message: u64,
    pub byte: u64,
}

/// What is known of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub reason: Reason,
    /// Its name in events and answers; it never changes.
    pub word: &'static str,
    pub status: u16,
    pub rfc: &'static str,
    pub about: &'static str,
}

/// A flaw at a byte of the message under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub reason: Reason,
    pub at: usize,
}

macro_rules! reasons {
    ($($name:ident $word:literal $status:literal $rfc:literal $about:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($name),* }

        /// Every reason, in the order of the enum.
        pub const REASONS: &[Row] = &[$(Row { reason: Reason::$name, word: $word, status: $status, rfc: $rfc, about: $about }),*];
    };
}

reasons! {
    NotHttp "not-http" 400 "RFC 9112, 3" "The first bytes cannot begin an HTTP request: another protocol speaks here."
    RequestLine "request-line" 400 "RFC 9112, 3" "The first line is not a method, a target and a version with one space between them."
    MethodCase "method-case" 400 "RFC 9110, 9.1" "The method is HEAD or CONNECT in other letters: whether the answer has a body depends on who reads it."
    Target "target" 400 "RFC 9112, 3.2" "The target has a control character."
    Version "version" 505 "RFC 9110, 2.5" "The version is neither HTTP/1.0 nor HTTP/1.1."
    StatusLine "status-line" 502 "RFC 9112, 4" "The first line of the response is not HTTP/1.0 or HTTP/1.1, three digits and a reason."
    TargetTooLong "target-too-long" 414 "RFC 9112, 3" "The request line does not end within the bound of a head."
    HeadTooLarge "head-too-large" 431 "RFC 6585, 5" "The head does not end within its bound."
    TooManyFields "too-many-fields" 431 "RFC 6585, 5" "The head has more fields than its bound."
    TrailersTooLarge "trailers-too-large" 431 "RFC 6585, 5" "The trailer section does not end within the bound of a head."
    BareLf "bare-lf" 400 "RFC 9112, 2.2" "A line ends in LF without CR: some take it for an end of line, others do not."
    BareCr "bare-cr" 400 "RFC 9112, 2.2" "A CR without LF stands in a line: some take it for an end of line, others for a space."
    Nul "nul" 400 "RFC 9110, 5.5" "A NUL stands in the head: some end the value there."
    Control "control" 400 "RFC 9110, 5.5" "A control character stands in a field value: some end the line there."
    NoColon "no-colon" 400 "RFC 9112, 5" "A field line has no colon: some skip it, others end the head there."
    Name "name" 400 "RFC 9110, 5.1" "A field name is empty or has a character that names cannot have."
    SpaceBeforeColon "space-before-colon" 400 "RFC 9112, 5.1" "White space stands between a field name and its colon: some read the field, others skip it."
    SpaceFirst "space-first" 400 "RFC 9112, 2.2" "White space stands before the first field: some skip the line, others read it."
    Fold "fold" 400 "RFC 9112, 5.2" "A field line begins with white space: some join it to the line before, others read a field."
    LengthSyntax "length-syntax" 400 "RFC 9110, 8.6" "content-length is not plain digits."
    LengthOverflow "length-overflow" 400 "RFC 9110, 8.6" "content-length is too large for 63 bits."
    LengthsDiffer "lengths-differ" 400 "RFC 9112, 6.3" "There are several content-lengths, and they are not written alike."
    LengthAndCoding "length-and-coding" 400 "RFC 9112, 6.1" "There are both content-length and transfer-encoding: who believes which is the oldest way to smuggle."
    Coding "coding" 400 "RFC 9112, 6.1" "transfer-encoding is there and its last coding is not plainly `chunked`, once."
    CodingList "coding-list" 501 "RFC 9112, 6.1" "transfer-encoding names codings before `chunked`: some read them, others nothing at all."
    CodingInHttp10 "coding-in-http10" 400 "RFC 9112, 6.1" "transfer-encoding stands in an HTTP/1.0 message, where old recipients do not know it."
    ConnectBody "connect-body" 400 "RFC 9110, 9.3.6" "CONNECT announces a body: some read one, others read the tunnel."
    ChunkSize "chunk-size" 400 "RFC 9112, 7.1" "A chunk does not begin with its size in hex digits, then CRLF or `;`."
    ChunkOverflow "chunk-overflow" 400 "RFC 9112, 7.1" "The size of a chunk is too large for 63 bits."
    ChunkLine "chunk-line" 400 "RFC 9112, 7.1.1" "The line of a chunk's size, with its extensions, is longer than its bound."
    ChunkEnd "chunk-end" 400 "RFC 9112, 7.1" "The data of a chunk is not followed by CRLF."
    FramingTrailer "framing-trailer" 400 "RFC 9110, 6.5.1" "The trailers have content-length or transfer-encoding: who merges them into the head cuts anew."
    Unsolicited "unsolicited" 502 "RFC 9112, 9.2" "The server sends although no request waits for an answer."
    UnaskedSwitch "unasked-switch" 502 "RFC 9110, 7.8" "The server switches protocols and was not asked to."
}

impl Reason {
    pub fn row(self) -> &'static Row {
        &REASONS[self as usize]
    }

    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What a request with it is answered with. For a response: what a gateway would say, if it said anything.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// Whether no HTTP/1 speaks here at all, so that plain bytes serve better than an answer.
    pub fn is_foreign(self) -> bool {
        matches!(self, Reason::NotHttp | Reason::Version)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.row().about, self.row().rfc)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}, byte {}: {}", self.place.message, self.place.byte, self.reason)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "response {}, byte {}: {}", self.place.message, self.place.byte, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (at, row) in REASONS.iter().enumerate() {
            assert_eq!(row.reason as usize, at, "{}", row.word);
        }
    }

    #[test]
    fn words_are_kept_apart() {
        let words: HashSet<&str> = REASONS.iter().map(|row| row.word).collect();
        assert_eq!(words.len(), REASONS.len());
    }
}
