//! Forgets what has run out.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::ring::clock;
use crate::share::guesses::Guesses;
use crate::share::visitors::Visitors;

/// Forgets address prefixes against which nothing counts any more, and guesses that are long over.
pub(super) async fn sweep(visitors: Visitors, guesses: Guesses) {
    let mut due = interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        visitors.sweep(clock::now());
        guesses.sweep(clock::now());
    }
}

/// Prefixes with nothing held against them stay in memory this long at most.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
