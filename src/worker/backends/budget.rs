//! How often logins may try a backend again.

use crate::tick::Tick;

/// Repeated connects that an endpoint may still get: ten each second, and one for every five logins. When a
/// backend dies, its logins try again; without a bound a thousand clients would make four thousand connects of it
/// (R-BACK-1). Each core has its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryBudget {
    /// In fifths of a connect.
    fifths: u32,
    at: Tick,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { fifths: FIFTHS_MAX, at: Tick(0) }
    }
}

impl RetryBudget {
    /// A login connects for the first time.
    pub(super) fn earn(&mut self, now: Tick) {
        self.refill(now);
        self.fifths = (self.fifths + 1).min(FIFTHS_MAX);
    }

    /// Pays for one repeated connect. `false`: there is not enough left, and none may be made.
    pub(super) fn spend(&mut self, now: Tick) -> bool {
        self.refill(now);
        let rest = self.fifths.checked_sub(5);
        self.fifths = rest.unwrap_or(self.fifths);
        rest.is_some()
    }

    fn refill(&mut self, now: Tick) {
        // 10 a second are 50 fifths a second, one each 20 ms.
        let due = now.since(self.at).as_millis() / 20;
        let due = u32::try_from(due).unwrap_or(FIFTHS_MAX);
        self.at = Tick(self.at.0 + u64::from(due) * 20).max(Tick(now.0.saturating_sub(20)));
        self.fifths = self.fifths.saturating_add(due).min(FIFTHS_MAX);
    }
}

/// Credits live ten seconds (Finagle's rule): what ten a second earn in that time, and the fifth of a thousand logins.
const FIFTHS_MAX: u32 = 5 * (100 + 200);
