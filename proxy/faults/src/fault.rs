//! One entry that goes wrong: who, how often, when, what.

mod draft;
mod nonsense;
mod often;
mod read;

pub use draft::{Chosen, Draft, Mark, Unbuilt, own_way};
pub use often::{AtOnce, Draw, Episodes, Limit, Over, RatePer};
pub use read::{is_known, key_of, unknown};

use crate::{
    complaint::Complaint,
    contract::{Key, STAGE_2, Strike, Way},
    effect::AnyEffect,
    fit::plural,
    foreseen::{EPISODES, RATE_PER},
    form::{ANY_COUNT, Form, Like, SOME},
    matching::{Match, Written},
    node::Place,
    protocol::Protocol,
    units::{Percent, Size, Span},
    value::Ramped,
};
use std::time::Instant;

#[derive(Clone, Debug)]
pub struct Fault {
    /// Unique; whoever takes it in gives it one if it has none.
    pub name: Option<String>,
    pub name_place: Place,
    pub place: Place,
    pub targets: Targets,
    pub connections: Connections,
    /// As written; each effect has a way of its own otherwise.
    pub direction: Option<Way>,
    pub when: Option<When>,
    pub after: Option<After>,
    /// Which units.
    pub chooses: Option<Match>,
    /// What is counted and rolled for, if it says so.
    pub per: Option<&'static str>,
    /// Only what exceeds it.
    pub over: Option<Over>,
    pub draw: Draw,
    pub often: Often,
    pub clock: Clock,
    pub enabled: bool,
    pub optional: bool,
    pub disguise: bool,
    /// It acts where it stands in the stream of its one direction, beside other endings, and an edit rolls anew. The language has no
    /// word for this; it is how toxics work.
    pub staged: bool,
    pub effects: Vec<AnyEffect>,
    /// The map as it was written, for whoever asks.
    pub written: serde_json::Value,
}

/// On which proxies.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Names or globs.
    Proxies(Vec<Target>),
    /// On every proxy between two services.
    Between { from: String, to: String, both: bool, place: Place },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub pattern: String,
    /// The name itself, whatever is in it.
    pub exact: bool,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    #[default]
    All,
    /// Opened after the fault began.
    New,
    /// Opened before it.
    Existing,
}

/// The moment at which an ending strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Connect,
    Idle,
    BeforeUpstream,
    AfterUpstream,
}

/// How far into the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Bytes(Size),
    Time(Span),
    /// Of the announced length.
    Share(Percent),
    Messages(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Often {
    pub probability: Ramped<Percent>,
    pub skip: u64,
    pub every: u64,
    /// `true` is `fail`.
    pub sequence: Vec<bool>,
    pub times: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    pub at: Span,
    /// `for`.
    pub lasts: Option<Span>,
    pub repeat: Option<Span>,
    pub lease: Lease,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lease {
    /// Whoever takes it in has a default.
    #[default]
    Unsaid,
    /// `none`.
    Never,
    After(Span),
}

impl Clock {
    /// The spell it is in, if it counts from `from`: when that began, if it is on now; and when that changes next, if it does.
    pub fn spell(&self, from: Instant, now: Instant) -> (Option<Instant>, Option<Instant>) {
        let begin = from + self.at.duration();
        if now < begin {
            return (None, Some(begin));
        }
        let Some(lasts) = self.lasts else { return (Some(begin), None) };
        let spell = match self.repeat {
            Some(repeat) => begin + repeat.duration() * ((now - begin).as_nanos() / u128::from(repeat.0.max(1))) as u32,
            None => begin,
        };
        let end = spell + lasts.duration();
        let next = self.repeat.map(|repeat| spell + repeat.duration());
        if now < end { (Some(spell), Some(end)) } else { (None, next) }
    }
}

impl Target {
    /// One proxy by its name, and not a pattern.
    pub fn is_literal(&self) -> bool {
        self.exact || !self.pattern.contains('*')
    }

    /// Whether that proxy is meant.
    pub fn fits(&self, name: &str) -> bool {
        if self.exact { self.pattern == name } else { fits(&self.pattern, name) }
    }
}

/// Whether this can name a fault. `NAME@PROXY` is one proxy's share of a fault over several: nobody else is called so.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= 128 && !name.chars().any(|c| c.is_control() || c == '/' || c == '@')
}

/// Whether a name fits a pattern, in which `*` is anything. Never goes back further than the last `*`, however many there are.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl Default for Often {
    fn default() -> Often {
        Often { probability: Ramped::Steady(Percent::ALWAYS), skip: 0, every: 1, sequence: Vec::new(), times: None }
    }
}

/// The keys that every fault may have, whatever it does.
pub const KEYS: &[Key] = &[
    Key { name: "name", form: Form::Text, values: "TEXT", default: "PROXY-EFFECT", about: "What everything calls it.", ..Key::BLANK },
    Key { name: "proxy", form: Form::Some(&Form::Text), values: "NAME | GLOB | LIST", about: "On which proxies.", ..Key::BLANK },
    Key {
        name: "partition",
        form: Form::Like(&Like { pattern: "^.+(<->|->).+$", read: read::is_between }),
        values: "A <-> B | A -> B",
        about: "Blackhole on each proxy between two services.",
        ..Key::BLANK
    },
    Key {
        name: "match",
        form: Form::Named("match"),
        values: "TEXT | MAP",
        default: "all",
        about: "Which units: `POST /orders/*`. `*` is anything, `.` is a dot.",
        ..Key::BLANK
    },
    Key {
        name: "connections",
        form: Form::Word(&["all", "new", "existing"]),
        values: "all | new | existing",
        default: "all",
        about: "Opened after or before the fault began.",
        ..Key::BLANK
    },
    Key {
        name: "direction",
        form: Form::Like(&Like { pattern: "^(to_client|to_server|both)$", read: read::is_direction }),
        values: "to_client | to_server | both",
        default: "the effect's",
        about: "Which way.",
        ..Key::BLANK
    },
    Key {
        name: "when",
        form: Form::Word(&["connect", "idle", "before_upstream", "after_upstream"]),
        values: "connect | idle | before_upstream | after_upstream",
        default: "connect",
        about: "The moment an ending strikes. On plain TCP `before_upstream` is the client's next bytes, `after_upstream` the server's.",
        ..Key::BLANK
    },
    Key {
        name: "after",
        form: Form::Like(&Like { pattern: "^[0-9.]+ *([a-zA-Zµ]+|%|messages?)|^([0-9.]+(us|ms|s|m|h))+$", read: read::is_after }),
        values: "SIZE | PERCENT | COUNT messages | DURATION",
        default: "its beginning",
        about: "How far into the stream, or the answer; for what is under way already: since the fault reached it. Messages are those of WebSockets, event streams and gRPC.",
        ..Key::BLANK
    },
    Key {
        name: "probability",
        form: Form::Ramp(&Form::Percent),
        values: "PERCENT | A to B over T",
        default: "always",
        about: "The share of units it acts on: of connections on plain TCP.",
        ..Key::BLANK
    },
    Key {
        name: "per",
        form: Form::Word(PER),
        values: "connection | message",
        default: "the protocol's",
        about: "What is counted and rolled for.",
        ..Key::BLANK
    },
    Key { name: "skip", form: ANY_COUNT, values: "COUNT", default: "0", about: "The first so many matches pass.", ..Key::BLANK },
    Key { name: "every", form: SOME, values: "COUNT", default: "1", about: "Every nth match.", ..Key::BLANK },
    Key {
        name: "sequence",
        form: Form::Like(&Like { pattern: "^(fail|pass)( +(fail|pass))*$", read: often::is_sequence }),
        values: "fail fail pass",
        about: "In this order, over and over. Not with `every`.",
        ..Key::BLANK
    },
    Key { name: "times", form: SOME, values: "COUNT", default: "no end", about: "At most so many hits.", ..Key::BLANK },
    Key {
        name: "over",
        form: Form::Either(&[Form::Like(&Like { pattern: "^ *[0-9]+ +[a-z]+ *$", read: often::is_over }), Form::Ramp(&Form::Flow)]),
        values: "RATE | COUNT connections | COUNT requests",
        about: "Only what exceeds the rate, or so many at once.",
        ..Key::BLANK
    },
    Key {
        name: "draw",
        form: Form::Word(&["ordinal", "identity", "trace"]),
        values: "ordinal | identity | trace",
        default: "ordinal",
        about: "What the roll depends on: the match's number, the request itself, its trace.",
        ..Key::BLANK
    },
    Key {
        name: "group",
        form: Form::Text,
        values: "NAME",
        about: "Faults of one group share one roll; their probabilities are slices of it.",
        since: STAGE_2,
        ..Key::BLANK
    },
    Key {
        name: "episodes",
        form: EPISODES,
        values: "{bad, good} | true",
        about: "Acts only in bad spells of these mean lengths.",
        since: STAGE_2,
        ..Key::BLANK
    },
    Key {
        name: "max_active",
        form: SOME,
        values: "COUNT",
        default: "no end",
        about: "At most so many units held at once.",
        since: STAGE_2,
    },
    Key {
        name: "at",
        form: Form::Span,
        values: "DURATION",
        default: "0s",
        about: "Begins so long after the start of the scenario, or its phase.",
        ..Key::BLANK
    },
    Key { name: "for", form: Form::Span, values: "DURATION", default: "to its end", about: "Lasts so long.", ..Key::BLANK },
    Key { name: "repeat", form: Form::Span, values: "DURATION", about: "Begins again at this period; needs `for`.", ..Key::BLANK },
    Key {
        name: "lease",
        form: LEASE,
        values: "DURATION | none",
        default: "API and CLI 15m; file none",
        about: "Heals itself unless renewed.",
        ..Key::BLANK
    },
    Key {
        name: "enabled",
        form: Form::Switch,
        values: "true | false",
        default: "true",
        about: "`false`: ready, until something switches it on by name.",
        ..Key::BLANK
    },
    Key {
        name: "optional",
        form: Form::Switch,
        values: "true | false",
        default: "false",
        about: "No hits is no reason to doubt the run.",
        ..Key::BLANK
    },
    Key { name: "disguise", form: Form::Switch, values: "true | false", default: "false", about: "Not marked as injected.", ..Key::BLANK },
];

/// Keys that stand beside `over`, and beside effects of their own.
pub const BESIDE_OVER: &[Key] = &[
    Key { name: "burst", form: SOME, values: "COUNT", default: "one second's worth", about: "The size of the bucket.", ..Key::BLANK },
    Key {
        name: "rate_per",
        form: RATE_PER,
        values: "proxy | connection | client | header NAME",
        default: "proxy",
        about: "Who shares the rate.",
        ..Key::BLANK
    },
];

/// A length of time, or never.
pub const LEASE: Form = Form::Either(&[Form::Span, Form::Word(&["none"])]);

/// What can be counted and rolled for: a protocol's own unit, or what is larger or smaller.
pub const PER: &[&str] = &["connection", "message", "request", "call", "statement", "command", "query", "datagram"];

/// Words of the language whose behaviour this version does not have: keys of faults, then of effects.
pub fn unbuilt() -> Vec<&'static str> {
    let frame = KEYS.iter().filter(|key| !key.since.built).map(|key| key.name);
    let mut words: Vec<&str> = frame.collect();
    for key in crate::foreseen::ROWS.iter().flat_map(|row| row.keys) {
        if !words.contains(&key.name) && !crate::effect::ROWS.iter().any(|row| row.key(key.name).is_some()) {
            words.push(key.name);
        }
    }
    words
}

/// What is refused because this version cannot do it.
pub fn later(place: &Place, what: &str) -> Complaint {
    Complaint::new("E0109", format!("`{what}` comes with a later version"), place, "not in this version")
}

impl Fault {
    /// How it ends its unit, if it does.
    pub fn strike(&self) -> Option<Strike> {
        self.effects.iter().find_map(AnyEffect::strike)
    }

    /// What a stream of HTTP/2 is told that it resets.
    pub fn reset_code(&self) -> Option<u32> {
        self.effects.iter().find_map(|effect| if let AnyEffect::Reset(reset) = effect { reset.code } else { None })
    }

    /// What a connection of HTTP/2 is told that it is to leave: a code, and what is said to people.
    pub fn goodbye(&self) -> Option<(u32, &str)> {
        self.effects.iter().find_map(|effect| match effect {
            AnyEffect::Goaway(goaway) => Some((goaway.code, goaway.message.as_deref().unwrap_or_default())),
            _ => None,
        })
    }

    /// The effect that names it: its ending, or its first.
    pub fn leading(&self) -> &'static str {
        if matches!(self.targets, Targets::Between { .. }) {
            return "partition";
        }
        self.effects.iter().find(|effect| effect.ends()).or(self.effects.first()).map_or("nothing", AnyEffect::name)
    }

    /// `PROXY-EFFECT`: what a fault without a name is called.
    pub fn default_name(&self) -> String {
        let proxy = match &self.targets {
            Targets::Proxies(targets) => match &targets[..] {
                [only] if only.is_literal() => only.pattern.clone(),
                _ => "all".to_owned(),
            },
            Targets::Between { from, to, .. } => format!("{from}-{to}"),
        };
        let effect = self.written.as_object().and_then(|map| map.keys().find(|key| crate::effect::row(key).is_some()).cloned());
        format!("{proxy}-{}", effect.unwrap_or_else(|| self.leading().to_owned()))
    }

    /// What it is rolled and counted for on that protocol: `connection`, `request`.
    pub fn unit(&self, on: Protocol) -> &'static str {
        let of_connections = matches!(self.when, Some(When::Connect | When::Idle))
            || self.strike() == Some(Strike::Down)
            || matches!(self.targets, Targets::Between { .. });
        match self.per {
            Some(per) if !on.is_bytes() && !of_connections => per,
            _ if of_connections => "connection",
            _ => on.unit(),
        }
    }

    /// In one line: `latency 250ms, jitter 50ms on 20% of connections`.
    pub fn describe(&self, on: Protocol) -> String {
        let mut text = match &self.targets {
            Targets::Between { from, to, both, .. } => format!("partition {from} {} {to}", if *both { "<->" } else { "->" }),
            Targets::Proxies(_) => self.effects.iter().map(AnyEffect::describe).collect::<Vec<_>>().join(", "),
        };
        if let Some(way) = self.direction
            && self.strike().is_none()
        {
            text += match way {
                Way::ToServer => " to the server",
                Way::ToClient => "",
                Way::Both => " both ways",
            };
        }
        match (self.after, self.when) {
            (Some(After::Bytes(size)), _) => text += &format!(" after {size}"),
            (Some(After::Time(span)), _) => text += &format!(" after {span}"),
            (Some(After::Share(share)), _) => text += &format!(" after {share}"),
            (Some(After::Messages(1)), _) => text += " after 1 message",
            (Some(After::Messages(count)), _) => text += &format!(" after {count} messages"),
            (_, Some(When::Idle)) => text += " when idle",
            (_, Some(When::BeforeUpstream)) if on.is_bytes() => text += " at the client's next bytes",
            (_, Some(When::AfterUpstream)) if on.is_bytes() => text += " at the server's next bytes",
            (_, Some(When::BeforeUpstream)) => text += " before the upstream sees it",
            (_, Some(When::AfterUpstream)) => text += " after the upstream has answered",
            (_, Some(When::Connect) | None) => {}
        }
        let many = plural(self.unit(on));
        let which = match self.connections {
            Connections::All => many,
            Connections::New if on.is_bytes() => format!("new {many}"),
            Connections::Existing if on.is_bytes() => format!("open {many}"),
            Connections::New => format!("{many} on new connections"),
            Connections::Existing => format!("{many} on open connections"),
        };
        let matching = match &self.chooses {
            Some(chooses) if !chooses.fits_all() => match &chooses.what {
                Written::Line(line) => format!(" matching {}", line.trim()),
                Written::Map(_) => format!(" matching {}", self.written["match"]),
            },
            _ => String::new(),
        };
        let over = self.over.as_ref().map(|over| format!(" beyond {over}")).unwrap_or_default();
        let often = &self.often;
        if often.probability != Ramped::Steady(Percent::ALWAYS) {
            text += &format!(" on {} of {which}{matching}{over}", often.probability);
        } else if self.connections != Connections::All || !matching.is_empty() || !over.is_empty() {
            text += &format!(" on {which}{matching}{over}");
        } else if self.unit(on) == "message" {
            text += " on each message";
        }
        if often.every > 1 {
            text += &format!(", every {}th", often.every);
        }
        if often.skip > 0 {
            text += &format!(", after the first {}", often.skip);
        }
        if let Some(times) = often.times {
            text += &format!(", at most {times} times");
        }
        if let Some(lasts) = self.clock.lasts {
            text += &format!(", for {lasts}");
        }
        if let Some(repeat) = self.clock.repeat {
            text += &format!(" every {repeat}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (pattern, name, fit) in [
            ("redis", "redis", true),
            ("redis", "redis2", false),
            ("redis*", "redis2", true),
            ("*", "", true),
            ("*-db", "orders-db", true),
            ("*-db", "orders-db2", false),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("a.b", "axb", false),
            ("ö*", "öl", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
        assert!(!fits(&"*a".repeat(1000), &"a".repeat(999)));
    }
}
