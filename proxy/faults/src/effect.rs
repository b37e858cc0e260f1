//! The table of all effects: the one place that names them. Everything else - files, API, documentation, labels - reads its rows.
//! Their order is the order of effects inside one fault; the endings come last.

pub mod auth;
pub mod bandwidth;
pub mod blackhole;
pub mod body;
pub mod close;
pub mod coding;
pub mod corrupt;
pub mod delay;
pub mod down;
pub mod dribble;
pub mod duplicate;
pub mod edits;
pub mod error;
pub mod gathered;
pub mod goaway;
pub mod headers;
pub mod latency;
pub mod loss;
pub mod malformed;
pub mod merge;
pub mod mute;
pub mod reorder;
pub mod reset;
pub mod rewrite;
pub mod slice;
pub mod slow_close;
pub mod status;
pub mod trailers;
pub mod truncate;

use crate::{
    complaint::{Complaint, FromNode},
    contract::{Allow, Cx, Effect, Key, Letter, On, Outcome, Place, Reply, Share, Since, Strike, Way},
    foreseen,
    form::does_nothing,
    piece::{Payload, Piece},
    subject::Subject,
    units::Span,
};
use std::time::Instant;

/// What is known of an effect without having one.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub keys: &'static [Key],
    pub ends: bool,
    pub way: Way,
    pub on: On,
    pub example: &'static str,
    /// What makes one of it; `None`: this version reads it, and cannot do it.
    pub read: Option<Reader>,
}

pub type Reader = fn(&Share<'_>) -> Result<AnyEffect, Complaint>;

impl Row {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether a key stands beside it.
    pub fn owns(&self, name: &str) -> bool {
        self.keys.iter().skip(1).any(|key| key.name == name)
    }

    pub fn since(&self) -> Since {
        self.keys[0].since
    }
}

macro_rules! effects {
    ($($name:ident in $module:ident,)*) => {
        /// Any effect.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyEffect { $($name($module::$name)),* }

        /// What any effect remembers of one direction of one conversation.
        #[derive(Debug)]
        pub enum AnyMemory { $($name(<$module::$name as Effect>::Memory)),* }

        /// What any effect remembers over all conversations.
        #[derive(Debug)]
        pub enum AnyShared { $($name(<$module::$name as Effect>::Shared)),* }

        impl AnyMemory {
            /// What is held back there, in order; then it holds nothing.
            pub fn held(&mut self) -> Vec<Payload> {
                match self { $(AnyMemory::$name(memory) => <$module::$name as Effect>::held(memory)),* }
            }

            pub fn holds(&self) -> usize {
                match self { $(AnyMemory::$name(memory) => <$module::$name as Effect>::holds(memory)),* }
            }

            /// The rest of the message cannot do without what is remembered there.
            pub fn holed(&self) -> bool {
                match self { $(AnyMemory::$name(memory) => <$module::$name as Effect>::holed(memory)),* }
            }
        }

        pub const ROWS: &[Row] = &[$(Row {
            name: <$module::$name as Effect>::KEYS[0].name,
            keys: <$module::$name as Effect>::KEYS,
            ends: <$module::$name as Effect>::ENDS,
            way: <$module::$name as Effect>::WAY,
            example: <$module::$name as Effect>::EXAMPLE,
            on: <$module::$name as Effect>::ON,
            read: Some(|share| <$module::$name as Effect>::read(share).map(AnyEffect::$name)),
        }),*];

        impl AnyEffect {
            pub fn name(&self) -> &'static str {
                match self { $(AnyEffect::$name(_) => <$module::$name as Effect>::KEYS[0].name),* }
            }

            pub fn ends(&self) -> bool {
                match self { $(AnyEffect::$name(_) => <$module::$name as Effect>::ENDS),* }
            }

            pub fn way(&self) -> Way {
                match self { $(AnyEffect::$name(_) => <$module::$name as Effect>::WAY),* }
            }

            pub fn describe(&self) -> String {
                match self { $(AnyEffect::$name(effect) => effect.describe()),* }
            }

            pub fn paces(&self) -> bool {
                match self { $(AnyEffect::$name(effect) => effect.paces()),* }
            }

            pub fn strike(&self) -> Option<Strike> {
                match self { $(AnyEffect::$name(effect) => effect.strike()),* }
            }

            pub fn place(&self) -> Option<Place> {
                match self { $(AnyEffect::$name(effect) => effect.place()),* }
            }

            pub fn reply(&self) -> Option<Reply<'_>> {
                match self { $(AnyEffect::$name(effect) => effect.reply()),* }
            }

            pub fn puts_off(&self, cx: &mut Cx<'_>) -> Option<Span> {
                match self { $(AnyEffect::$name(effect) => effect.puts_off(cx)),* }
            }

            pub fn goodbye(&self) -> Option<&str> {
                match self { $(AnyEffect::$name(effect) => effect.goodbye()),* }
            }

            pub fn message(&self, memory: &mut AnyMemory, letters: &mut Vec<Letter>, cx: &mut Cx<'_>) -> Outcome {
                match (self, memory) {
                    $((AnyEffect::$name(effect), AnyMemory::$name(memory)) => effect.message(memory, letters, cx),)*
                    _ => { debug_assert!(false, "memory of another effect"); Outcome::Untouched }
                }
            }

            pub fn memory(&self) -> AnyMemory {
                match self { $(AnyEffect::$name(_) => AnyMemory::$name(Default::default())),* }
            }

            pub fn shared(&self) -> AnyShared {
                match self { $(AnyEffect::$name(_) => AnyShared::$name(Default::default())),* }
            }

            /// A memory of another effect belongs to a fault that has changed its kind, which no conversation keeps.
            pub fn piece(&self, memory: &mut AnyMemory, piece: Piece, cx: &mut Cx<'_>) -> Outcome {
                match (self, memory) {
                    $((AnyEffect::$name(effect), AnyMemory::$name(memory)) => effect.piece(memory, piece, cx),)*
                    _ => { debug_assert!(false, "memory of another effect"); cx.pass(piece); Outcome::Untouched }
                }
            }

            pub fn allow(&self, memory: &mut AnyMemory, shared: &AnyShared, wanted: usize, cx: &Cx<'_>) -> Allow {
                match (self, memory, shared) {
                    $((AnyEffect::$name(effect), AnyMemory::$name(memory), AnyShared::$name(shared)) => effect.allow(memory, shared, wanted, cx),)*
                    _ => { debug_assert!(false, "memory of another effect"); Allow::Now(wanted) }
                }
            }

            pub fn chooses(&self, shared: &AnyShared, request: &dyn Subject, now: Instant, since: Instant) -> bool {
                match (self, shared) {
                    $((AnyEffect::$name(effect), AnyShared::$name(shared)) => effect.chooses(shared, request, now, since),)*
                    _ => { debug_assert!(false, "memory of another effect"); true }
                }
            }

            pub fn took(&self, memory: &mut AnyMemory, shared: &AnyShared, taken: usize, cx: &Cx<'_>) {
                match (self, memory, shared) {
                    $((AnyEffect::$name(effect), AnyMemory::$name(memory), AnyShared::$name(shared)) => effect.took(memory, shared, taken, cx),)*
                    _ => debug_assert!(false, "memory of another effect"),
                }
            }
        }
    };
}

effects! {
    Headers in headers,
    Body in body,
    Trailers in trailers,
    Rewrite in rewrite,
    Corrupt in corrupt,
    Truncate in truncate,
    Duplicate in duplicate,
    Loss in loss,
    Reorder in reorder,
    Latency in latency,
    Bandwidth in bandwidth,
    Slice in slice,
    Dribble in dribble,
    SlowClose in slow_close,
    Mute in mute,
    Status in status,
    Error in error,
    Auth in auth,
    Malformed in malformed,
    Goaway in goaway,
    Blackhole in blackhole,
    Reset in reset,
    Close in close,
    Down in down,
}

/// Every effect of the language: those that act, then those that are only read.
pub fn all() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(foreseen::ROWS)
}

/// The row of a key that is an effect's name.
pub fn row(name: &str) -> Option<&'static Row> {
    all().find(|row| row.name == name)
}

/// For effects that are a switch: `true`, and nothing else. `false` would do nothing, in silence.
fn switched_on(share: &Share<'_>) -> Result<(), Complaint> {
    if bool::from_node(&share.head.value)? {
        return Ok(());
    }
    Err(does_nothing(&share.head.key, &share.head.value))
}

#[cfg(test)]
mod tests;
