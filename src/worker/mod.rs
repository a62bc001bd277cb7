//! A data core: carries connections from accept to close on one thread with one ring.
//!
//! Duty: act out what `session` and `relay` wish; own the descriptors; keep deadlines. Decides nothing about protocols,
//! passwords or routes. Allocates nothing in the relay, takes no lock, reads no file, resolves no name.
//! Driven by the kernel through `ring::port` and by the mailbox of the core. Tests: `tests/appliance/sim` runs the whole
//! core on a simulated kernel, `tests/appliance/e2e` the real process.

mod asks;
mod channel;
mod connection;
mod drain;
mod drive;
mod heard;
mod hosts;
mod links;
mod linger;
mod listener;
mod lmtp;
mod newcomers;
mod pump;
mod relay;
mod reports;
mod run;
mod seam;
mod secure;
mod sessions;
mod settings;
mod sources;
mod spread;
mod visits;
mod wheel;

pub use asks::{Asks, VerifiedCache};
pub use listener::Listener;
pub use run::Worker;
pub use settings::{Links, WorkerSettings};
pub use spread::SpreadRules;
