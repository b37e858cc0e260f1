//! What the codes of diagnostics mean: the language's own table.

pub use faultwire_scenarios::codes::find;
