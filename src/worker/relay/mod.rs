//! Sessions after login: bytes moved between two sockets, and nothing else (W-REL rules, wire.md 12).
//!
//! Decides: which direction gets a step, when a relay has ended, and when a client hears that its backend is gone. Does not:
//! look at bytes, ManageSieve's excepted (`crate::relay`), or free what it ends; the core's loop does. Driver: the core's
//! loop. Tests: at the end of the files, the simulator, `tests/appliance/e2e/relay.rs` and its neighbours.

mod copy;
pub(super) mod driver;
pub(super) mod label;
pub(super) mod relays;
mod sealed;
pub(super) mod spread;
pub(super) mod state;
