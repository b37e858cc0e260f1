//! `status`: an answer made here, in the server's place.

use super::edits;
use crate::{
    complaint::Complaint,
    contract::{self, Effect, Key, On, Reply, RetryAfter, Share, Strike},
    foreseen::{BODY, HEADERS, RETRY_AFTER},
    form::Form,
    node::Node,
    protocol::kind,
    units::Span,
};
use faultwire_http1::edit::Line;

#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub status: u16,
    pub headers: Vec<Line>,
    pub body: Option<Said>,
    pub retry_after: RetryAfter,
}

/// A body as it is written, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub text: String,
    pub kind: &'static str,
}

impl Effect for Status {
    const KEYS: &'static [Key] = &[
        Key {
            name: "status",
            form: Form::Status,
            values: "200 to 599",
            about: "Answered in the server's place, which sees nothing of the request; with `when: after_upstream` it has done its work.",
            ..Key::BLANK
        },
        Key { name: "headers", form: HEADERS, values: "MAP", about: "Headers of that answer.", ..Key::BLANK },
        Key {
            name: "body",
            form: BODY,
            values: "TEXT | MAP",
            default: "a problem that names the fault",
            about: "The body of that answer; a map is sent as JSON.",
            ..Key::BLANK
        },
        Key {
            name: "retry_after",
            form: RETRY_AFTER,
            values: "DURATION | auto",
            about: "When to come back; `auto`: at the next token of `over`.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::HTTP);
    const EXAMPLE: &'static str = "{ status: 503 }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Status, Complaint> {
        Ok(Status {
            status: share.head.value.text().and_then(|text| text.parse().ok()).unwrap_or(503),
            headers: share.node("headers").map(edits::lines).transpose()?.unwrap_or_default(),
            body: share.node("body").map(Said::of),
            retry_after: share.node("retry_after").map(retry_after).transpose()?.unwrap_or_default(),
        })
    }

    fn describe(&self) -> String {
        let headers = match self.headers.len() {
            0 => String::new(),
            _ => format!(", {}", self.headers.iter().map(edits::said).collect::<Vec<_>>().join(", ")),
        };
        let body = self.body.as_ref().map(|body| format!(", body {}", body.short())).unwrap_or_default();
        let retry_after = match self.retry_after {
            RetryAfter::Unsaid => String::new(),
            RetryAfter::After(span) => format!(", retry after {span}"),
            RetryAfter::Auto => ", retry after auto".to_owned(),
        };
        format!("status {}{headers}{body}{retry_after}", self.status)
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Answer)
    }

    fn reply(&self) -> Option<Reply<'_>> {
        Some(Reply::Status(contract::Status {
            status: self.status,
            headers: &self.headers,
            body: self.body.as_ref().map(|body| body.text.as_bytes()),
            kind: self.body.as_ref().map(|body| body.kind),
            retry_after: self.retry_after,
        }))
    }
}

const JSON: &str = "application/json";

/// What stands in a file at length is only begun.
const LONGEST: usize = 48;

impl Said {
    /// In a few words.
    pub fn short(&self) -> String {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        if self.kind == JSON { text } else { format!("\"{text}\"") }
    }

    pub fn of(node: &Node) -> Said {
        match node.text() {
            Some(text) => Said { text: text.to_owned(), kind: "text/plain; charset=utf-8" },
            None => Said { text: node.to_json().to_string(), kind: JSON },
        }
    }
}

pub fn retry_after(node: &Node) -> Result<RetryAfter, Complaint> {
    match node.text() {
        Some("auto") => Ok(RetryAfter::Auto),
        _ => <Span as crate::complaint::FromNode>::from_node(node).map(RetryAfter::After),
    }
}
