//! HTTP/1.0 and 1.1 as they stand on the wire: cuts the two streams of one client connection and its upstream connection into messages
//! without changing a byte. It holds a head until it is complete and nothing else; it must never know of sockets, time or faults.
//!
//! What one side sends, put together again from its cuts, is what came in. What recipients might cut differently is refused with a
//! reason (requests), or the whole conversation becomes plain bytes (responses): see [`reason::Reason`].

pub mod answer;
mod body;
pub mod cut;
pub mod edit;
mod facts;
pub mod fields;
mod lines;
pub mod reason;
pub mod request;
pub mod response;
pub mod talk;

pub use cut::{Cut, Ended, Length, Version};
pub use reason::{Lost, Place, Reason, Refused};
pub use request::Request;
pub use response::Response;
pub use talk::{Http1, Limits};
