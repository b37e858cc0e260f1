//! The data plane: ports, connections, timers, and the one place where a change is made.
//! It knows what a fault is and not who wants it; scenarios, files and the API are others' business.

mod again;
mod answers;
pub mod dial;
pub mod listener;
pub mod live;
pub mod proxies;
mod pump;
mod sys;
pub mod tasks;
mod timer;
pub mod told;
