//! What a connection takes of what is counted.

use crate::share::visitors::{Pass, Seat};

/// Places that a connection takes, where they are counted, for as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Among the user's sessions from one address.
    pub(super) seat: Option<Seat>,
    /// Among the connections of its address prefix.
    pub(super) address: Option<Pass>,
    /// Among those of its listener.
    pub(super) listener: Option<Pass>,
}

impl Held {
    /// What is left for the rest of the connection's life.
    pub(super) fn take(&mut self) -> Option<Box<Self>> {
        let held = std::mem::take(self);
        let counts = |pass: &Option<Pass>| pass.as_ref().is_some_and(Pass::counts);
        let any = held.seat.is_some() || counts(&held.address) || counts(&held.listener);
        any.then(|| Box::new(held))
    }
}
