//! Logins that wait for a move of their group (C-MOVE-4): how many of this core do.

use crate::fault::Failure;
use crate::limits;
use crate::session::input::RouteAnswer;
use crate::tick::Tick;

/// How many logins are held, as far as they ask: each asks once in [`limits::HOLD_LOOK_EVERY`].
#[derive(Debug, Default)]
pub(super) struct Held {
    count: u32,
    since: Tick,
}

impl Held {
    /// What another one hears that asks.
    pub(super) fn answer(&mut self, now: Tick) -> RouteAnswer {
        if now.since(self.since) >= limits::HOLD_LOOK_EVERY {
            (self.count, self.since) = (0, now);
        }
        self.count += 1;
        if self.count <= limits::LOGINS_HELD_MAX {
            return RouteAnswer::Hold;
        }
        let detail = "the user or the user's group is being moved, and too many logins wait for moves already";
        RouteAnswer::Fail { failure: Failure::Unavailable, detail: detail.into() }
    }
}
