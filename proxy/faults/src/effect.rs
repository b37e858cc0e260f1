//! The table of all effects: the one place that names them. Everything else - files, API, documentation, labels - reads its rows.
//! Their order is the order of effects inside one fault; the endings come last.

pub mod bandwidth;
pub mod blackhole;
pub mod close;
pub mod corrupt;
pub mod delay;
pub mod down;
pub mod latency;
pub mod reset;
pub mod slice;
pub mod slow_close;

use crate::{
    complaint::{Complaint, FromNode},
    contract::{Allow, Cx, Effect, Key, On, Outcome, Share, Since, Strike, Way},
    foreseen,
    form::does_nothing,
    piece::Piece,
    units::Span,
};

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

            pub fn puts_off(&self, cx: &mut Cx<'_>) -> Option<Span> {
                match self { $(AnyEffect::$name(effect) => effect.puts_off(cx)),* }
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
    Corrupt in corrupt,
    Latency in latency,
    Bandwidth in bandwidth,
    Slice in slice,
    SlowClose in slow_close,
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
