//! Sessions after login: bytes moved between two sockets, and nothing else (W-REL-5, W-REL-8).
//!
//! Decides: which direction advances when, when a relay has ended, and when a client hears that its backend is gone. Does not:
//! look at bytes, ManageSieve's excepted (`crate::relay`) and those that an operator asks for (`taps`), or free what it ends; the core's loop does. Driver: the core's
//! loop. Tests: at the end of the files, the simulator, `tests/appliance/e2e`.

mod copy;
pub(super) mod driver;
pub(super) mod label;
pub(super) mod relays;
mod sealed;
pub(super) mod disconnects;
pub(super) mod expiries;
pub(super) mod state;
pub(super) mod taps;
