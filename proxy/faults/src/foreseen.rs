//! Effects that this version reads and cannot do: their keys, values and places, so that a scenario is checked whole and refused
//! by name. When one is built it gets a file of its own in `effect`, and its rows here go.

use crate::{
    complaint::Complaint,
    contract::{Key, On, STAGE_1, STAGE_2, Since, Way},
    effect::Row,
    form::{ANY_COUNT, Form, Like, SOME},
    node::{Node, Value},
    protocol::{HTTP2_CODES, kind},
    value::{one_of, said},
};

const fn key(name: &'static str, form: Form, values: &'static str, default: &'static str, about: &'static str, since: Since) -> Key {
    Key { name, form, values, default, about, since }
}

const BLANK: Row = Row { name: "", keys: &[], ends: false, way: Way::ToClient, on: On::units(kind::ALL), example: "", read: None };

const HTTP: On = On::units(kind::HTTP);
const HTTP_GRPC: On = On::units(kind::HTTP | kind::GRPC);
const SERVED_TLS: On = On { units: kind::ALL, messages: 0, tls: true };
const SHARE: Form = Form::Ramp(&Form::Percent);
const VALUES: Form = Form::MapOf(&Form::Either(&[Form::Text, Form::Null, Form::List(&Form::Text)]));
const HEADERS: Form = Form::Like(&Like { pattern: "", read: headers });
const BODY: Form = Form::Either(&[Form::Text, Form::MapOf(&Form::Any)]);
const RETRY_AFTER: Form = Form::Either(&[Form::Span, Form::Word(&["auto"])]);
const LOSS: Form = Form::Either(&[
    SHARE,
    Form::Map {
        what: "a `loss`",
        keys: &[
            key("average", Form::Percent, "PERCENT", "", "The share that is lost.", STAGE_2),
            key("burst", SOME, "COUNT", "", "How many are lost in a row, on average.", STAGE_2),
            key("p", Form::Percent, "PERCENT", "", "The chance to enter the bad state.", STAGE_2),
            key("r", Form::Percent, "PERCENT", "", "The chance to leave it.", STAGE_2),
            key("bad", Form::Percent, "PERCENT", "100%", "The loss in the bad state.", STAGE_2),
            key("good", Form::Percent, "PERCENT", "0%", "The loss in the good state.", STAGE_2),
        ],
    },
]);
const REWRITE: Form = Form::Map {
    what: "a `rewrite`",
    keys: &[
        key("method", Form::Text, "METHOD", "as it came", "Another method.", STAGE_2),
        key("path", Form::Text, "PATH", "as it came", "Another path.", STAGE_2),
        key("query", VALUES, "MAP", "as it came", "Parameters; `null` removes.", STAGE_2),
    ],
};
/// Who shares a rate.
pub const RATE_PER: Form = Form::Like(&Like { pattern: "^(proxy|connection|client|header .+)$", read: rate_per });
/// How `reset` ends it.
pub const RESET: Form = Form::Either(&[Form::On, Form::Word(HTTP2_CODES)]);
/// How `close` ends it.
pub const CLOSE: Form = Form::Either(&[Form::On, Form::Word(&["half"]), Form::Count { least: 1000, most: 4999 }]);
const PROFILE: Form = Form::Like(&Like { pattern: "", read: profile });
const ANSWER: Form = Form::Some(&Form::Like(&Like { pattern: "", read: address }));

/// Link profiles, one way each.
pub const PROFILES: &[&str] = &["offline", "2g", "edge", "3g", "slow-4g", "dsl", "lossy-wifi", "satellite", "cross-region", "flaky"];

pub const ROWS: &[Row] = &[
    Row {
        name: "headers",
        keys: &[key(
            "headers",
            HEADERS,
            "MAP",
            "",
            "Sets headers of the answer, or beside `status` of the one that is made; `null` removes, a list repeats.",
            STAGE_1,
        )],
        on: HTTP_GRPC,
        example: "{ headers: { content-type: text/html } }",
        ..BLANK
    },
    Row {
        name: "body",
        keys: &[key("body", BODY, "TEXT | MAP", "", "Text replaces the body; a map is a JSON merge patch.", STAGE_1)],
        on: HTTP,
        example: "{ body: { price: null } }",
        ..BLANK
    },
    Row {
        name: "trailers",
        keys: &[key("trailers", VALUES, "MAP", "", "Sets trailers of the answer; `null` removes.", STAGE_1)],
        on: HTTP_GRPC,
        example: "{ trailers: { grpc-status: null } }",
        ..BLANK
    },
    Row {
        name: "rewrite",
        keys: &[key(
            "rewrite",
            REWRITE,
            "{method, path, query}",
            "",
            "Changes the request before it goes on; `match` saw the old one.",
            STAGE_2,
        )],
        way: Way::ToServer,
        on: HTTP,
        example: "{ rewrite: { path: /v1/products } }",
        ..BLANK
    },
    Row {
        name: "duplicate",
        keys: &[
            key("duplicate", SHARE, "PERCENT | A to B over T", "", "That share of units is sent again.", STAGE_1),
            key("copies", SOME, "COUNT", "1", "How many more.", STAGE_1),
            key("gap", Form::Span, "DURATION", "0ms", "How much later.", STAGE_1),
        ],
        on: On::units(kind::UDP | kind::DNS | kind::HTTP | kind::GRPC | kind::KAFKA | kind::AMQP | kind::NATS)
            .and_messages(kind::HTTP | kind::GRPC),
        example: "{ duplicate: 5% }",
        ..BLANK
    },
    Row {
        name: "loss",
        keys: &[
            key("loss", LOSS, "PERCENT | {average, burst} | {p, r, bad, good}", "", "That share vanishes.", STAGE_2),
            key("correlation", Form::Percent, "PERCENT", "0%", "Ties each loss to the one before.", STAGE_2),
        ],
        on: On::units(kind::UDP | kind::DNS | kind::AMQP | kind::NATS).and_messages(kind::HTTP | kind::GRPC | kind::KAFKA),
        example: "{ loss: 5% }",
        ..BLANK
    },
    Row {
        name: "reorder",
        keys: &[key(
            "reorder",
            SHARE,
            "PERCENT | A to B over T",
            "",
            "That share overtakes the rest; needs `latency`, for the rest to wait.",
            STAGE_2,
        )],
        on: On::units(kind::UDP | kind::DNS | kind::AMQP | kind::NATS).and_messages(kind::HTTP | kind::GRPC),
        example: "{ reorder: 3%, latency: 5ms..80ms }",
        ..BLANK
    },
    Row {
        name: "dribble",
        keys: &[
            key("dribble", Form::Span, "DURATION", "", "The body is spread evenly over this time.", STAGE_1),
            key("slice", Form::Size, "SIZE", "ten pieces", "The size of the pieces.", STAGE_1),
        ],
        on: HTTP_GRPC,
        example: "{ dribble: 8s }",
        ..BLANK
    },
    Row {
        name: "profile",
        keys: &[
            key("profile", PROFILE, "LINK | FILE", "", "A link by its name, or a learned file.", STAGE_1),
            key(
                "mode",
                Form::Word(&["total", "add", "percentile"]),
                "total | add | percentile",
                "total",
                "How the file's latency is reached.",
                STAGE_2,
            ),
            key("episodes", EPISODES, "true | {bad, good}", "", "Bad spells, as learned.", STAGE_2),
            key("scale", Form::Multiple, "MULTIPLE", "1x", "Stretches every time.", STAGE_2),
        ],
        way: Way::Both,
        on: On::units(kind::ALL).and_messages(kind::HTTP | kind::GRPC),
        example: "{ profile: slow-4g }",
        ..BLANK
    },
    Row {
        name: "mute",
        keys: &[key("mute", Form::Word(&["pong"]), "pong", "", "Keep-alives of the client stay unanswered.", STAGE_2)],
        on: HTTP_GRPC,
        example: "{ mute: pong }",
        ..BLANK
    },
    Row {
        name: "max_streams",
        keys: &[key("max_streams", ANY_COUNT, "COUNT", "", "So many calls at once on a connection of HTTP/2.", STAGE_2)],
        on: HTTP_GRPC,
        example: "{ max_streams: 1 }",
        ..BLANK
    },
    Row {
        name: "window",
        keys: &[key("window", Form::Size, "SIZE", "", "The flow-control window of HTTP/2; `0B` stalls uploads.", STAGE_2)],
        on: HTTP_GRPC,
        example: "{ window: 0B }",
        ..BLANK
    },
    Row {
        name: "status",
        keys: &[
            key("status", Form::Status, "200 to 599", "", "Answered in the server's place.", STAGE_1),
            key("headers", HEADERS, "MAP", "", "Headers of that answer.", STAGE_1),
            key("body", BODY, "TEXT | MAP", "a problem that names the fault", "The body of that answer.", STAGE_1),
            key("retry_after", RETRY_AFTER, "DURATION | auto", "", "When to come back; `auto`: at the next token of `over`.", STAGE_1),
        ],
        ends: true,
        on: HTTP,
        example: "{ status: 503 }",
        ..BLANK
    },
    Row {
        name: "error",
        keys: &[
            key("error", Form::Text, "WORD", "", "The protocol's own error, in its own word.", STAGE_1),
            key("message", Form::Text, "TEXT", "the word", "What it says to people.", STAGE_1),
            key("retry_after", RETRY_AFTER, "DURATION | auto", "", "When to come back, in the protocol's way.", STAGE_1),
            key(
                "then",
                Form::Word(&["keep", "close", "reset"]),
                "keep | close | reset",
                "as the server would",
                "What becomes of the connection.",
                STAGE_2,
            ),
        ],
        ends: true,
        on: On::units(kind::DNS | kind::GRPC | kind::SQL | kind::REDIS | kind::MONGODB | kind::KAFKA | kind::AMQP | kind::NATS),
        example: "{ error: UNAVAILABLE }",
        ..BLANK
    },
    Row {
        name: "answer",
        keys: &[
            key("answer", ANSWER, "ADDRESS | empty | truncated | random | nil", "", "A false answer, well-formed.", STAGE_2),
            key("ttl", Form::Span, "DURATION", "as it came", "How long it may be kept.", STAGE_2),
        ],
        ends: true,
        on: On::units(kind::DNS | kind::REDIS),
        example: "{ answer: 10.0.9.9 }",
        ..BLANK
    },
    Row {
        name: "truncate",
        keys: &[
            key("truncate", Form::Either(&[Form::Size, Form::Percent]), "SIZE | PERCENT", "", "The body ends here.", STAGE_1),
            key(
                "framing",
                Form::Word(&["keep_length", "fix_length", "cut_chunk"]),
                "keep_length | fix_length | cut_chunk",
                "keep_length",
                "What the head says of the length.",
                STAGE_1,
            ),
        ],
        ends: true,
        on: HTTP.and_messages(kind::HTTP | kind::GRPC),
        example: "{ truncate: 50% }",
        ..BLANK
    },
    Row {
        name: "malformed",
        keys: &[key(
            "malformed",
            Form::Word(&["garbage", "status_line", "header", "chunk", "frame"]),
            "garbage | status_line | header | chunk | frame",
            "",
            "An answer that breaks the protocol here.",
            STAGE_1,
        )],
        ends: true,
        on: On::units(kind::DNS | kind::MESSAGES),
        example: "{ malformed: chunk }",
        ..BLANK
    },
    Row {
        name: "stale",
        keys: &[key("stale", Form::Span, "DURATION", "", "An earlier answer again, if it is not older.", STAGE_2)],
        ends: true,
        on: HTTP,
        example: "{ stale: 5m }",
        ..BLANK
    },
    Row {
        name: "auth",
        keys: &[
            key(
                "auth",
                Form::Word(&["expired_token", "revoked_session", "insufficient_scope", "rotated_keys"]),
                "expired_token | revoked_session | insufficient_scope | rotated_keys",
                "",
                "The login no longer counts.",
                STAGE_2,
            ),
            key("older_than", Form::Span, "DURATION", "0s", "For tokens first seen so long ago.", STAGE_2),
        ],
        ends: true,
        on: HTTP_GRPC,
        example: "{ auth: expired_token, older_than: 30s }",
        ..BLANK
    },
    Row {
        name: "goaway",
        keys: &[
            key("goaway", Form::Word(HTTP2_CODES), "HTTP/2 CODE", "", "Everyone is asked to leave; what is under way finishes.", STAGE_2),
            key("message", Form::Text, "TEXT", "", "Its debug data.", STAGE_2),
        ],
        ends: true,
        on: HTTP_GRPC,
        example: "{ goaway: ENHANCE_YOUR_CALM }",
        ..BLANK
    },
    Row {
        name: "failover",
        keys: &[key(
            "failover",
            Form::Span,
            "DURATION",
            "",
            "All sessions are shut down, connects refused so long, writes read-only so long again.",
            STAGE_2,
        )],
        ends: true,
        way: Way::Both,
        on: On::units(kind::SQL | kind::REDIS | kind::MONGODB),
        example: "{ failover: 10s }",
        ..BLANK
    },
    tls(
        "certificate",
        &[key(
            "certificate",
            Form::Word(&["expired", "not_yet_valid", "wrong_host", "self_signed", "untrusted_root"]),
            "expired | not_yet_valid | wrong_host | self_signed | untrusted_root",
            "",
            "What is wrong with the certificate.",
            STAGE_1,
        )],
        "{ certificate: expired }",
    ),
    tls(
        "tls_alert",
        &[key("tls_alert", Form::Word(ALERTS), "ALERT", "", "Comes instead of the server's greeting.", STAGE_1)],
        "{ tls_alert: handshake_failure }",
    ),
    tls(
        "handshake",
        &[key(
            "handshake",
            Form::Either(&[Form::Span, Form::Word(&["hang"])]),
            "hang | DURATION",
            "",
            "The server's greeting never comes, or so late.",
            STAGE_1,
        )],
        "{ handshake: 3s }",
    ),
    tls(
        "tls_max",
        &[key("tls_max", Form::Word(&["tls1.2"]), "tls1.2", "", "No later version is offered.", STAGE_1)],
        "{ tls_max: tls1.2 }",
    ),
    tls(
        "alpn",
        &[key("alpn", Form::Word(&["none", "http/1.1", "h2"]), "none | http/1.1 | h2", "", "No more than this is offered.", STAGE_1)],
        "{ alpn: http/1.1 }",
    ),
    tls(
        "no_close_notify",
        &[key("no_close_notify", Form::On, "true", "", "TCP ends without the end of TLS.", STAGE_1)],
        "{ no_close_notify: true }",
    ),
];

const fn tls(name: &'static str, keys: &'static [Key], example: &'static str) -> Row {
    Row { name, keys, on: SERVED_TLS, example, ..BLANK }
}

const ALERTS: &[&str] = &[
    "handshake_failure",
    "protocol_version",
    "unknown_ca",
    "bad_certificate",
    "unsupported_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "illegal_parameter",
    "access_denied",
    "decode_error",
    "decrypt_error",
    "insufficient_security",
    "internal_error",
    "user_canceled",
    "unrecognized_name",
    "certificate_required",
    "no_application_protocol",
];

/// Bad spells: `true`, as learned, or their mean lengths.
pub const EPISODES: Form = Form::Either(&[
    Form::On,
    Form::Map {
        what: "`episodes`",
        keys: &[
            key("bad", Form::Span, "DURATION", "", "How long a bad spell lasts, on average.", STAGE_2),
            key("good", Form::Span, "DURATION", "", "How long it is well in between.", STAGE_2),
        ],
    },
]);

fn rate_per(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    match text.strip_prefix("header ") {
        Some(name) if !name.trim().is_empty() && !name.trim().contains(' ') => Ok(()),
        _ => one_of(node, &["proxy", "connection", "client", "header NAME"]).map(drop),
    }
}

fn headers(node: &Node) -> Result<(), Complaint> {
    let mut wrong = None;
    VALUES.check("headers", node, &mut |complaint| {
        wrong.get_or_insert(complaint);
    });
    let framing = ["content-length", "transfer-encoding", "connection"];
    let entries = node.entries().unwrap_or_default();
    match (wrong, entries.iter().find(|entry| framing.contains(&entry.key.to_ascii_lowercase().as_str()))) {
        (Some(wrong), _) => Err(wrong),
        (None, Some(entry)) => {
            Err(Complaint::new("E0207", format!("`{}` is not edited here", entry.key), &entry.key_place, "it frames the message")
                .note("to break the framing, use `malformed` or `truncate`"))
        }
        (None, None) => Ok(()),
    }
}

fn profile(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    match matches!(node.value, Value::Text(_)) && (text.contains('/') || text.ends_with(".yaml") || text.ends_with(".yml")) {
        true => Ok(()),
        false => one_of(node, PROFILES).map(drop).map_err(|complaint| complaint.note("a learned profile is the path of a file")),
    }
}

fn address(node: &Node) -> Result<(), Complaint> {
    let text = node.text().unwrap_or_default();
    match text.parse::<std::net::IpAddr>().is_ok() || ["empty", "truncated", "random", "nil"].contains(&text) {
        true => Ok(()),
        false => one_of(node, &["empty", "truncated", "random", "nil"]).map(drop).map_err(|_| {
            Complaint::new(
                "E0207",
                format!("{} is not an answer", said(node)),
                &node.place,
                "an address, `empty`, `truncated`, `random` or `nil`",
            )
        }),
    }
}
