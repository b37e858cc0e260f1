//! The verbs that do one small thing: each asks, prints, and says how it ended.

pub mod await_;
pub mod check;
pub mod completions;
pub mod explain;
pub mod heal;
pub mod import;
pub mod init;
pub mod inject;
pub mod library;
pub mod plan;
pub mod ready;
pub mod schema;
pub mod status;
pub mod tap;
