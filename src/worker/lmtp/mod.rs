//! LMTP sessions of a core: one client's slot, and a slot for each backend connection that points to it.
//!
//! Backend connections are slots like any other, with a socket on the backend's side only, so that nothing that travels
//! through the ring has to know about them, and connections without LMTP are no larger for it. The client owns them: its
//! driver makes them, feeds them and gives them up, its session's deadline is the only one, and they end with it.
//!
//! Bytes pass through buffers of the core: read from the client into the session's window, and from there, as each backend
//! takes them, into its socket. What a socket does not take stays in the window, so no backend has a buffer; but with TLS,
//! where it is sealed and cannot be sealed again, a record of it waits.
//!
//! Decides: how a session's wishes are carried out. Does not: speak LMTP (`crate::lmtp` does), choose a backend, touch a
//! connection that is not its client's, or free a slot. Driven by the core. Tests: `tests/appliance/sim` (`mail`,
//! `directed_mail`), `tests/appliance/e2e`.

pub(super) mod driver;
pub(super) mod lines;
mod reading;
mod sending;
pub(super) mod state;
