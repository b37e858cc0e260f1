//! Effects that this version reads and cannot do: their keys, values and places, so that a scenario is checked whole and refused
//! by name. When one is built it gets a file of its own in `effect`, and its rows here go.

use crate::{
    complaint::Complaint,
    contract::{Key, NOW, On, STAGE_1, STAGE_2, Since, Way},
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
pub const SHARE: Form = Form::Ramp(&Form::Percent);
pub const VALUES: Form = Form::MapOf(&Form::Either(&[Form::Text, Form::Null, Form::List(&Form::Text)]));
pub const HEADERS: Form = Form::Like(&Like { pattern: "", read: headers });
pub const BODY: Form = Form::Either(&[Form::Text, Form::MapOf(&Form::Any)]);
pub const RETRY_AFTER: Form = Form::Either(&[Form::Span, Form::Word(&["auto"])]);
pub const LOSS: Form = Form::Either(&[
    SHARE,
    Form::Map {
        what: "a `loss`",
        keys: &[
            key("average", Form::Percent, "PERCENT", "", "The share that is lost.", NOW),
            key("burst", SOME, "COUNT", "", "How many are lost in a row, on average.", NOW),
            key("p", Form::Percent, "PERCENT", "", "The chance to enter the bad state.", NOW),
            key("r", Form::Percent, "PERCENT", "", "The chance to leave it.", NOW),
            key("bad", Form::Percent, "PERCENT", "100%", "The loss in the bad state.", NOW),
            key("good", Form::Percent, "PERCENT", "0%", "The loss in the good state.", NOW),
        ],
    },
]);
/// Of `rewrite`.
pub const REWRITE: Form = Form::Map {
    what: "a `rewrite`",
    keys: &[
        key("method", Form::Text, "METHOD", "as it came", "Another method.", NOW),
        key("path", Form::Text, "PATH", "as it came", "Another path.", NOW),
        key("query", VALUES, "MAP", "as it came", "Parameters; `null` removes.", NOW),
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
        name: "stale",
        keys: &[key("stale", Form::Span, "DURATION", "", "An earlier answer again, if it is not older.", STAGE_2)],
        ends: true,
        on: HTTP,
        example: "{ stale: 5m }",
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
