//! Accepting connections: the listeners of a core, who may come in, and who has to make room.
//!
//! Decides: whether a connection is taken, by the address it comes from and by how many there are. Does not: read a byte of it
//! to find out, speak a protocol, or take a slot; the core does that. Tests: at the end of `pre_login`, in the simulator, and
//! `tests/appliance/e2e`.

pub(super) mod door;
pub(super) mod listener;
pub(super) mod listeners;
pub(super) mod pre_login;
