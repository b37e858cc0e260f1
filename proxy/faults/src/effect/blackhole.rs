//! `blackhole`: accepted, then silence. With `resume` nothing is lost, and healing lets everything go on.

use crate::{
    complaint::{Complaint, FromNode},
    contract::{Effect, Key, On, Share, Strike, Way},
    form::Form,
    node::Value,
    protocol::kind,
    units::Span,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Blackhole {
    /// Then comes the end; without it the silence lasts as long as the fault.
    pub lasts: Option<Span>,
    /// Held back instead of thrown away.
    pub resume: bool,
}

impl Effect for Blackhole {
    const KEYS: &'static [Key] = &[
        Key {
            name: "blackhole",
            form: Form::Either(&[Form::On, Form::Span]),
            values: "true | DURATION",
            default: "",
            about: "Accepted, then silence; for a duration: then the end. Healing resets the connections that lost bytes.",
            ..Key::BLANK
        },
        Key {
            name: "resume",
            form: Form::Switch,
            values: "true | false",
            default: "false",
            about: "Held back instead of lost: goes on after healing.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::ALL);
    const EXAMPLE: &'static str = "{ blackhole: true }";
    const ENDS: bool = true;
    const WAY: Way = Way::Both;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Blackhole, Complaint> {
        let lasts = match &share.head.value.value {
            Value::Bool(true) => None,
            Value::Bool(false) | Value::Null => {
                super::switched_on(share)?;
                None
            }
            Value::Text(word) if !word.starts_with(|c: char| c.is_ascii_digit()) => {
                super::switched_on(share)?;
                None
            }
            _ => Some(Span::from_node(&share.head.value)?),
        };
        Ok(Blackhole { lasts, resume: share.optional("resume")?.unwrap_or(false) })
    }

    fn describe(&self) -> String {
        let lasts = self.lasts.map(|span| format!(" for {span}")).unwrap_or_default();
        format!("blackhole{lasts}{}", if self.resume { ", resumed after" } else { "" })
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Silence { lasts: self.lasts, resume: self.resume })
    }
}
