//! What a core knows of the addresses it connects to, and which of ours it connects from.
//!
//! Decides: whether a connect is worth its time now, and where it comes from. Does not: choose a backend (`route` does),
//! mark one down (probes do, for all cores), or count who is logged in there. Driver: `login` and `lmtp`. Tests: at the end
//! of each file, and in the simulator.

mod budget;
pub(super) mod connect;
pub(super) mod endpoints;
mod sources;
