//! A data core: carries connections from accept to close on one thread with one ring.
//!
//! Duty: act out what `session` and `relay` wish; own the descriptors; keep deadlines. Decides nothing about protocols,
//! passwords or routes. Allocates nothing in the relay, takes no lock, reads no file, resolves no name.
//! Driven by the kernel through `ring::port` and by the mailbox of the core. Tests: `tests/appliance/sim` runs the whole
//! core on a simulated kernel, `tests/appliance/e2e` the real process; `tests` here times its turns on the real kernel.

mod accept;
mod backends;
mod chance;
mod connection;
mod core;
mod drain;
mod ends;
mod invariants;
mod enquiries;
mod io;
mod linger;
mod lmtp;
mod login;
mod next;
mod places;
mod relay;
mod renewal;
mod report;
mod rooms;
mod sessions;
mod settings;
mod signal;
mod tls;

#[cfg(test)]
mod tests;

pub use accept::listener::Listener;
pub use core::Worker;
pub use login::look_ups::LookUps;
pub use login::look_ups::under_policy::PolicyRules;
pub use relay::disconnects::DisconnectRules;
pub use renewal::{Basis, Renewal};
pub use settings::{Links, VerifiedCache, WorkerSettings};
