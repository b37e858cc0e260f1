//! HTTP/2 as it stands on the wire: cuts the two streams of one client connection and its upstream connection into frames and messages
//! without changing a byte, and writes what is withheld, changed or put in so that both ends still agree on header tables, windows and
//! the numbers of streams. It must never know of sockets, time or faults.
//!
//! What one side sends, put together again from its cuts, is what came in. What cannot be followed makes the rest of that direction plain
//! bytes ([`Cut::Lost`]): the verdict on it is the receiver's, and reaches the sender as it came.

pub mod asking;
mod blocks;
pub mod cut;
pub mod fields;
pub mod flow;
pub mod frame;
pub mod hpack;
mod ids;
pub mod preface;
pub mod reason;
mod settings;
pub mod talk;
mod write;

pub use cut::{Cut, Data, Head, Part, Way};
pub use fields::{Field, Fields};
pub use preface::{Preface, is_preface};
pub use reason::{Lost, Place, Reason};
pub use talk::{Http2, Limits};
