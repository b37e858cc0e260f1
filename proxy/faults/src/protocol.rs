//! The nouns of the language: what a proxy can speak, what is counted there, and which words an injected error may say.
//! A table; it cuts no bytes and knows no effect.

use crate::contract::{NOW, STAGE_1, STAGE_2, STAGE_3, Since};

/// What stands before `://`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    #[default]
    Tcp,
    Tls,
    Http,
    Https,
    Grpc,
    Grpcs,
    Udp,
    Dns,
    Postgres,
    Mysql,
    Redis,
    Rediss,
    Mongodb,
    Kafka,
    Amqp,
    Nats,
}

/// What is known of a protocol.
pub struct Speech {
    pub protocol: Protocol,
    pub scheme: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// Where its servers listen.
    pub port: Option<u16>,
    /// What is counted and rolled for.
    pub unit: &'static str,
    /// One bit for each kind of protocol, in which effects say where they are accepted.
    pub kind: u16,
    /// Whether it is spoken inside TLS.
    pub tls: bool,
    /// Whether it is a stream that only looks like bytes.
    pub bytes: bool,
    pub since: Since,
}

pub mod kind {
    //! The kinds of protocols, as bits.
    pub const STREAM: u16 = 1;
    pub const UDP: u16 = 1 << 1;
    pub const DNS: u16 = 1 << 2;
    pub const HTTP: u16 = 1 << 3;
    pub const GRPC: u16 = 1 << 4;
    pub const SQL: u16 = 1 << 5;
    pub const REDIS: u16 = 1 << 6;
    pub const MONGODB: u16 = 1 << 7;
    pub const KAFKA: u16 = 1 << 8;
    pub const AMQP: u16 = 1 << 9;
    pub const NATS: u16 = 1 << 10;
    pub const ALL: u16 = (1 << 11) - 1;
    /// All that runs over TCP and is cut into messages.
    pub const MESSAGES: u16 = HTTP | GRPC | SQL | REDIS | MONGODB | KAFKA | AMQP | NATS;
}

const fn speech(protocol: Protocol, scheme: &'static str, title: &'static str, port: u16, unit: &'static str, kind: u16) -> Speech {
    let port = if port == 0 { None } else { Some(port) };
    Speech { protocol, scheme, title, port, unit, kind, tls: false, bytes: false, since: STAGE_2 }
}

pub const SPEECHES: &[Speech] = &[
    Speech { bytes: true, since: NOW, ..speech(Protocol::Tcp, "tcp", "plain TCP", 0, "connection", kind::STREAM) },
    Speech { bytes: true, tls: true, since: STAGE_1, ..speech(Protocol::Tls, "tls", "TLS", 443, "connection", kind::STREAM) },
    Speech { since: NOW, ..speech(Protocol::Http, "http", "HTTP", 80, "request", kind::HTTP) },
    Speech { tls: true, since: STAGE_1, ..speech(Protocol::Https, "https", "HTTP", 443, "request", kind::HTTP) },
    Speech { since: NOW, ..speech(Protocol::Grpc, "grpc", "gRPC", 80, "call", kind::GRPC) },
    Speech { tls: true, since: STAGE_1, ..speech(Protocol::Grpcs, "grpcs", "gRPC", 443, "call", kind::GRPC) },
    speech(Protocol::Udp, "udp", "UDP", 0, "datagram", kind::UDP),
    speech(Protocol::Dns, "dns", "DNS", 53, "query", kind::DNS),
    speech(Protocol::Postgres, "postgres", "Postgres", 5432, "statement", kind::SQL),
    speech(Protocol::Mysql, "mysql", "MySQL", 3306, "statement", kind::SQL),
    speech(Protocol::Redis, "redis", "Redis", 6379, "command", kind::REDIS),
    Speech { tls: true, ..speech(Protocol::Rediss, "rediss", "Redis", 6379, "command", kind::REDIS) },
    Speech { since: STAGE_3, ..speech(Protocol::Mongodb, "mongodb", "MongoDB", 27017, "command", kind::MONGODB) },
    Speech { since: STAGE_3, ..speech(Protocol::Kafka, "kafka", "Kafka", 9092, "request", kind::KAFKA) },
    Speech { since: STAGE_3, ..speech(Protocol::Amqp, "amqp", "AMQP", 5672, "message", kind::AMQP) },
    Speech { since: STAGE_3, ..speech(Protocol::Nats, "nats", "NATS", 4222, "message", kind::NATS) },
];

impl Protocol {
    pub fn speech(self) -> &'static Speech {
        SPEECHES.iter().find(|speech| speech.protocol == self).unwrap_or(&SPEECHES[0])
    }

    pub fn of_scheme(scheme: &str) -> Option<&'static Speech> {
        SPEECHES.iter().find(|speech| speech.scheme == scheme)
    }

    /// What a server on that port speaks, as a rule.
    pub fn of_port(port: u16) -> Option<&'static Speech> {
        SPEECHES.iter().find(|speech| speech.port == Some(port) && !speech.bytes)
    }

    /// Only bytes are seen of it.
    pub fn is_bytes(self) -> bool {
        self.speech().bytes
    }

    pub fn is(self, kinds: u16) -> bool {
        self.speech().kind & kinds != 0
    }

    /// It is carried by TCP.
    pub fn is_stream(self) -> bool {
        !self.is(kind::UDP | kind::DNS)
    }

    /// Whether `per: message` means something on it: what it carries is cut into messages besides its units.
    pub fn has_messages(self) -> bool {
        self.is(kind::HTTP | kind::GRPC | kind::KAFKA | kind::AMQP | kind::NATS)
    }

    pub fn unit(self) -> &'static str {
        self.speech().unit
    }

    pub fn title(self) -> &'static str {
        self.speech().title
    }

    /// What the words of `error:` are called here.
    pub fn error_words(self) -> Option<&'static ErrorWords> {
        ERRORS.iter().find(|words| words.protocols.contains(&self))
    }
}

/// What `error:` may say on some protocols.
pub struct ErrorWords {
    pub protocols: &'static [Protocol],
    /// What one of them is, with its article: `a gRPC status name`.
    pub one: &'static str,
    /// Each with what stands behind it, such as its number.
    pub words: &'static [(&'static str, &'static str)],
    /// Words beyond the list that the protocol allows.
    pub also: fn(&str) -> bool,
}

fn none_else(_: &str) -> bool {
    false
}

fn sqlstate(word: &str) -> bool {
    word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) && word != "00000"
}

fn mysql_number(word: &str) -> bool {
    word.parse::<u16>().is_ok_and(|number| (1000..=6000).contains(&number))
}

/// A whole text of Redis begins with its word in capitals.
fn redis_text(word: &str) -> bool {
    let first = word.split(' ').next().unwrap_or_default();
    let known = ERRORS
        .iter()
        .find(|words| words.protocols.contains(&Protocol::Redis))
        .is_some_and(|words| words.words.iter().any(|(name, _)| name.split(' ').next() == Some(first)));
    known || (word.contains(' ') && first.len() > 1 && first.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn nats_text(word: &str) -> bool {
    word.starts_with("-ERR ") || word.starts_with('\'')
}

pub const ERRORS: &[ErrorWords] = &[
    ErrorWords {
        protocols: &[Protocol::Grpc, Protocol::Grpcs],
        one: "a gRPC status name",
        words: &[
            ("CANCELLED", "1"),
            ("UNKNOWN", "2"),
            ("INVALID_ARGUMENT", "3"),
            ("DEADLINE_EXCEEDED", "4"),
            ("NOT_FOUND", "5"),
            ("ALREADY_EXISTS", "6"),
            ("PERMISSION_DENIED", "7"),
            ("RESOURCE_EXHAUSTED", "8"),
            ("FAILED_PRECONDITION", "9"),
            ("ABORTED", "10"),
            ("OUT_OF_RANGE", "11"),
            ("UNIMPLEMENTED", "12"),
            ("INTERNAL", "13"),
            ("UNAVAILABLE", "14"),
            ("DATA_LOSS", "15"),
            ("UNAUTHENTICATED", "16"),
        ],
        also: none_else,
    },
    ErrorWords {
        protocols: &[Protocol::Postgres],
        one: "a Postgres condition name or SQLSTATE",
        words: &[
            ("serialization_failure", "SQLSTATE 40001"),
            ("deadlock_detected", "SQLSTATE 40P01"),
            ("lock_not_available", "SQLSTATE 55P03"),
            ("query_canceled", "SQLSTATE 57014"),
            ("read_only_sql_transaction", "SQLSTATE 25006"),
            ("disk_full", "SQLSTATE 53100"),
            ("invalid_password", "SQLSTATE 28P01"),
            ("too_many_connections", "SQLSTATE 53300"),
            ("cannot_connect_now", "SQLSTATE 57P03"),
            ("admin_shutdown", "SQLSTATE 57P01"),
            ("crash_shutdown", "SQLSTATE 57P02"),
            ("idle_in_transaction_session_timeout", "SQLSTATE 25P03"),
            ("in_failed_sql_transaction", "SQLSTATE 25P02"),
            ("unique_violation", "SQLSTATE 23505"),
            ("foreign_key_violation", "SQLSTATE 23503"),
            ("not_null_violation", "SQLSTATE 23502"),
            ("check_violation", "SQLSTATE 23514"),
            ("exclusion_violation", "SQLSTATE 23P01"),
            ("insufficient_privilege", "SQLSTATE 42501"),
            ("undefined_table", "SQLSTATE 42P01"),
            ("out_of_memory", "SQLSTATE 53200"),
            ("insufficient_resources", "SQLSTATE 53000"),
            ("configuration_limit_exceeded", "SQLSTATE 53400"),
            ("object_in_use", "SQLSTATE 55006"),
            ("io_error", "SQLSTATE 58030"),
            ("internal_error", "SQLSTATE XX000"),
            ("data_corrupted", "SQLSTATE XX001"),
        ],
        also: sqlstate,
    },
    ErrorWords {
        protocols: &[Protocol::Mysql],
        one: "a MySQL error symbol or number",
        words: &[
            ("ER_LOCK_DEADLOCK", "1213"),
            ("ER_LOCK_WAIT_TIMEOUT", "1205"),
            ("ER_CON_COUNT_ERROR", "1040"),
            ("ER_OPTION_PREVENTS_STATEMENT", "1290"),
            ("ER_QUERY_INTERRUPTED", "1317"),
            ("ER_QUERY_TIMEOUT", "3024"),
            ("ER_SERVER_SHUTDOWN", "1053"),
        ],
        also: mysql_number,
    },
    ErrorWords {
        protocols: &[Protocol::Redis, Protocol::Rediss],
        one: "an error of Redis",
        words: &[
            ("LOADING", ""),
            ("READONLY", ""),
            ("OOM", ""),
            ("BUSY", ""),
            ("MISCONF", ""),
            ("NOAUTH", ""),
            ("NOSCRIPT", ""),
            ("MASTERDOWN", ""),
            ("CLUSTERDOWN", ""),
            ("TRYAGAIN", ""),
            ("MOVED", ""),
            ("ASK", ""),
        ],
        also: redis_text,
    },
    ErrorWords {
        protocols: &[Protocol::Dns],
        one: "a DNS response code",
        words: &[("SERVFAIL", "2"), ("NXDOMAIN", "3"), ("REFUSED", "5"), ("FORMERR", "1"), ("NOTIMP", "4")],
        also: none_else,
    },
    ErrorWords {
        protocols: &[Protocol::Mongodb],
        one: "a MongoDB code name",
        words: &[("NotWritablePrimary", ""), ("WriteConflict", ""), ("MaxTimeMSExpired", ""), ("InterruptedDueToReplStateChange", "")],
        also: none_else,
    },
    ErrorWords {
        protocols: &[Protocol::Kafka],
        one: "a Kafka error code",
        words: &[
            ("OFFSET_OUT_OF_RANGE", "1"),
            ("LEADER_NOT_AVAILABLE", "5"),
            ("NOT_LEADER_OR_FOLLOWER", "6"),
            ("REQUEST_TIMED_OUT", "7"),
            ("COORDINATOR_LOAD_IN_PROGRESS", "14"),
            ("COORDINATOR_NOT_AVAILABLE", "15"),
            ("NOT_COORDINATOR", "16"),
            ("NOT_ENOUGH_REPLICAS", "19"),
            ("NOT_ENOUGH_REPLICAS_AFTER_APPEND", "20"),
            ("ILLEGAL_GENERATION", "22"),
            ("UNKNOWN_MEMBER_ID", "25"),
            ("REBALANCE_IN_PROGRESS", "27"),
            ("FENCED_LEADER_EPOCH", "74"),
            ("THROTTLING_QUOTA_EXCEEDED", "89"),
        ],
        also: none_else,
    },
    ErrorWords {
        protocols: &[Protocol::Amqp],
        one: "an AMQP reply code",
        words: &[("CONNECTION_FORCED", "320"), ("RESOURCE_LOCKED", "405"), ("PRECONDITION_FAILED", "406")],
        also: none_else,
    },
    ErrorWords { protocols: &[Protocol::Nats], one: "a NATS error text", words: &[], also: nats_text },
];

/// The error codes of HTTP/2, for `reset` and `goaway`.
/// In the order of their numbers: RFC 9113, 7.
pub const HTTP2_CODES: &[&str] = &[
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// The number of an error code of HTTP/2.
pub fn http2_code(word: &str) -> Option<u32> {
    HTTP2_CODES.iter().position(|code| *code == word).map(|code| code as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_its_row() {
        for speech in SPEECHES {
            assert_eq!(speech.protocol.speech().scheme, speech.scheme);
            assert_eq!(Protocol::of_scheme(speech.scheme).map(|found| found.protocol), Some(speech.protocol));
        }
        assert_eq!(Protocol::of_port(6379).map(|speech| speech.scheme), Some("redis"));
        assert_eq!(Protocol::of_port(443).map(|speech| speech.scheme), Some("https"));
    }

    #[test]
    fn words_beyond_the_lists() {
        let also = |protocol: Protocol, word: &str| (protocol.error_words().unwrap().also)(word);
        assert!(also(Protocol::Postgres, "40P01") && also(Protocol::Postgres, "XX000"));
        assert!(!also(Protocol::Postgres, "40p01") && !also(Protocol::Postgres, "00000") && !also(Protocol::Postgres, "4000"));
        assert!(also(Protocol::Redis, "MOVED 3999 10.0.0.7:6379") && also(Protocol::Redis, "ERR no such thing"));
        assert!(!also(Protocol::Redis, "LOADNG") && !also(Protocol::Redis, "loading"));
        assert!(!also(Protocol::Grpc, "OK") && !also(Protocol::Dns, "NOERROR") && also(Protocol::Mysql, "1213"));
        assert!(Protocol::Http.error_words().is_none() && Protocol::Tcp.error_words().is_none());
    }
}
