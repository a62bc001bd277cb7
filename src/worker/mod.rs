//! A data core: carries connections from accept to close on one thread with one ring.
//!
//! Duty: act out what `session` and `relay` wish; own the descriptors; keep deadlines. Decides nothing about protocols,
//! passwords or routes. Allocates nothing in the relay, takes no lock, reads no file, resolves no name.
//! Driven by the kernel through `ring::port` and by the mailbox of the core. Tests: `tests/appliance/sim` runs the whole
//! core on a simulated kernel, `tests/appliance/e2e` the real process.

mod asks;
mod backends;
mod connection;
mod core;
mod drain;
mod drive;
mod enquiries;
mod heard;
#[allow(dead_code, reason = "rooms move in one by one")]
mod io;
mod links;
mod linger;
mod listener;
mod lmtp;
mod newcomers;
#[allow(dead_code, reason = "rooms move in one by one")]
mod next;
mod places;
mod relay;
#[allow(dead_code, reason = "rooms move in one by one")]
mod report;
mod secure;
mod sessions;
mod settings;
#[allow(dead_code, reason = "rooms move in one by one")]
mod tls;
mod visits;

pub use asks::{Asks, VerifiedCache};
pub use core::Worker;
pub use listener::Listener;
pub use relay::spread::SpreadRules;
pub use settings::{Links, WorkerSettings};
