//! Conditions: what is asked of a run, as in `p95(orders) < 400ms for 30s`. Types that can be judged by, and printed back.
//! Reading them from text is in `read`; whether they make sense in a scenario is not decided here.

pub mod read;

use crate::{measure::Measure, write::exact};
use faultwire_faults::{
    node::Place,
    units::{Flow, Size, Span},
};
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub subject: Subject,
    pub test: Option<Test>,
    /// `for`: without a break.
    pub lasts: Option<Span>,
    /// True at the latest so long after the beginning.
    pub within: Option<Span>,
    pub during: Option<Window>,
    pub by: Option<Group>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    Probe(Named),
    Measure(Asked),
    Recovered(Place),
    Phase(Place),
}

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub name: String,
    pub place: Place,
}

/// A measure, of what.
#[derive(Clone, Debug)]
pub struct Asked {
    pub measure: &'static Measure,
    pub view: View,
    /// A proxy, a fault, an alert or a mark, as the measure takes it.
    pub of: Option<Named>,
    /// What stands behind the comma: a match, a class, a time.
    pub argument: Option<Named>,
    /// The name of the measure.
    pub name_place: Place,
    /// The whole subject.
    pub place: Place,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Asked) -> bool {
        self.measure.name == other.measure.name
            && (self.view, &self.of, &self.argument, &self.place) == (other.view, &other.of, &other.argument, &other.place)
    }
}

/// Which units a measure of traffic counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Those no fault has touched.
    #[default]
    Organic,
    All,
    Injected,
    Upstream,
    Operations,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Compare { op: Op, value: Amount, place: Place },
    Against { op: Op, reference: Reference, offset: Option<Offset>, place: Place },
    Is { not: bool, state: Named },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
    Unequal,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// In a hundred; may be more than that.
    Percent(f64),
    Duration(Span),
    Rate(Flow),
    Multiple(f64),
    Size(Size),
    Number(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    Baseline,
    Profile,
    LastHeld,
}

/// Added to a reference; negative where it is taken from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Offset {
    /// Of the reference itself.
    Percent(f64),
    /// Nanoseconds.
    Duration(i64),
    Points(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Baseline,
    Faults,
    Recovery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Route,
    Client,
    Session,
}

/// The words of an enumeration, each with what it means.
pub trait Words: Sized + Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}

impl Words for View {
    const WORDS: &'static [(&'static str, View)] =
        &[("all", View::All), ("injected", View::Injected), ("upstream", View::Upstream), ("operations", View::Operations)];
}

impl Words for Op {
    const WORDS: &'static [(&'static str, Op)] =
        &[("<=", Op::LessOrEqual), (">=", Op::MoreOrEqual), ("==", Op::Equal), ("!=", Op::Unequal), ("<", Op::Less), (">", Op::More)];
}

impl Words for Reference {
    const WORDS: &'static [(&'static str, Reference)] =
        &[("baseline", Reference::Baseline), ("profile", Reference::Profile), ("last_held", Reference::LastHeld)];
}

impl Words for Window {
    const WORDS: &'static [(&'static str, Window)] =
        &[("baseline", Window::Baseline), ("faults", Window::Faults), ("recovery", Window::Recovery)];
}

impl Words for Group {
    const WORDS: &'static [(&'static str, Group)] = &[("route", Group::Route), ("client", Group::Client), ("session", Group::Session)];
}

impl Amount {
    /// As a number, to be compared with others of its unit.
    pub fn number(&self) -> f64 {
        match self {
            Amount::Percent(value) | Amount::Multiple(value) | Amount::Number(value) => *value,
            Amount::Duration(span) => span.seconds(),
            Amount::Rate(rate) => rate.per_second(),
            Amount::Size(size) => size.0 as f64,
        }
    }
}

impl Subject {
    pub fn place(&self) -> &Place {
        match self {
            Subject::Probe(named) => &named.place,
            Subject::Measure(asked) => &asked.place,
            Subject::Recovered(place) | Subject::Phase(place) => place,
        }
    }

    pub fn measure(&self) -> Option<&Asked> {
        match self {
            Subject::Measure(asked) => Some(asked),
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        if let Some(test) = &self.test {
            write!(f, " {test}")?;
        }
        if let Some(lasts) = self.lasts {
            write!(f, " for {}", exact(lasts))?;
        }
        if let Some(within) = self.within {
            write!(f, " within {}", exact(within))?;
        }
        if let Some(during) = self.during {
            write!(f, " during {}", during.word())?;
        }
        match self.by {
            Some(by) => write!(f, " by {}", by.word()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Probe(named) => f.write_str(&named.name),
            Subject::Recovered(_) => f.write_str("recovered"),
            Subject::Phase(_) => f.write_str("phase"),
            Subject::Measure(asked) => {
                f.write_str(asked.measure.name)?;
                if asked.view != View::Organic {
                    write!(f, ".{}", asked.view.word())?;
                }
                match (&asked.of, &asked.argument) {
                    (Some(of), Some(argument)) => write!(f, "({}, {})", of.name, argument.name),
                    (Some(of), None) => write!(f, "({})", of.name),
                    (None, _) => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Compare { op, value, .. } => write!(f, "{} {value}", op.word()),
            Test::Against { op, reference, offset, .. } => {
                write!(f, "{} {}", op.word(), reference.word())?;
                match offset {
                    None => Ok(()),
                    Some(Offset::Percent(share)) => write!(f, " {} {}%", sign(*share), number(share.abs())),
                    Some(Offset::Points(points)) => write!(f, " {} {} points", sign(*points), number(points.abs())),
                    Some(Offset::Duration(ns)) => write!(f, " {} {}", if *ns < 0 { '-' } else { '+' }, exact(Span(ns.unsigned_abs()))),
                }
            }
            Test::Is { not, state } => write!(f, "is {}{}", if *not { "not " } else { "" }, state.name),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Percent(share) => write!(f, "{}%", number(*share)),
            Amount::Duration(span) => f.write_str(&exact(*span)),
            Amount::Rate(rate) => {
                let unit = rate.to_string();
                write!(f, "{}/{}", number(rate.count), unit.rsplit('/').next().unwrap_or("s"))
            }
            Amount::Multiple(times) => write!(f, "{}x", number(*times)),
            Amount::Size(size) => write!(f, "{size}"),
            Amount::Number(value) => f.write_str(&number(*value)),
        }
    }
}

fn sign(value: f64) -> char {
    if value < 0.0 { '-' } else { '+' }
}

/// As short as it can be said.
fn number(value: f64) -> String {
    format!("{value}")
}
