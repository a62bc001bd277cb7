//! How many connections may come in, by listener and by address prefix. The rules are `admission`'s, the counts
//! `share::visitors`'.

use std::net::IpAddr;

use crate::admission::door::DoorRules;
use crate::share::visitors::{Pass, Visitors};
use crate::tick::Tick;

/// The door of a core.
#[derive(Debug)]
pub(in crate::worker) struct Door {
    visitors: Visitors,
    /// `connections_per_address_max` and `connection_rate_per_address`.
    pub(in crate::worker) per_address: DoorRules,
}

impl Door {
    pub(in crate::worker) fn new(visitors: Visitors, per_address: DoorRules) -> Self {
        Self { visitors, per_address }
    }

    /// Lets a connection in through a listener. `None`: there are too many, or they come too fast.
    pub(super) fn enter_by(&self, listener: u16, rules: DoorRules, now: Tick) -> Option<Pass> {
        self.visitors.enter_by(listener, rules, now)
    }

    /// The same for the address that a connection comes from, as soon as that is known.
    pub(in crate::worker) fn enter_from(&self, address: IpAddr, now: Tick) -> Option<Pass> {
        self.visitors.enter_from(address, self.per_address, now)
    }
}
