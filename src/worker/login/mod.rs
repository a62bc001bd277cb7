//! Connections on their way to a login: from accept to the backend's OK.
//!
//! Decides: how a session's wishes are carried out, whose password question has to wait, what is looked up where. Does not:
//! speak a protocol (`session` does), choose a backend (`route` does), or touch another connection. Driven by the core, which
//! says what happened and does what the driver answers. Tests: `tests/appliance/sim`, `tests/appliance/e2e`.

pub(super) mod driver;
pub(super) mod held;
pub(super) mod look_ups;
pub(super) mod reading;
pub(super) mod state;
pub(super) mod throttle;
