//! What a connection takes of what is counted.

use crate::share::backend_loads::Place;
use crate::share::visitors::{Pass, Seat};

/// Places that a connection takes, where they are counted, for as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Among the user's sessions from one address.
    pub(super) seat: Option<Seat>,
    /// Among the connections of its address prefix.
    pub(super) address: Option<Pass>,
    /// Among those of its listener.
    pub(super) listener: Option<Pass>,
    /// Among the connections of the backend that is tried. A session counts there by its home instead.
    pub(super) backend: Option<Place>,
}

impl Places {
    /// Whether any of them is counted, and therefore to be kept for the rest of the connection's life.
    pub(super) fn are_counted(&self) -> bool {
        let counts = |pass: &Option<Pass>| pass.as_ref().is_some_and(Pass::counts);
        self.seat.is_some() || counts(&self.address) || counts(&self.listener)
    }
}
