//! What came of the questions to a password database, in numbers that become metrics: bounded, and without a user's name.
//!
//! Pure: the caller says what happened and how long it took. Driver: `pool`. Tests: below.

use crate::control::latency::{BOUNDS_MS, Latency};

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallies {
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) timed_out: u64,
    /// Turned away at once: it was failing, or too many waited.
    pub(super) turned_away: u64,
    /// No connection could be made.
    pub(super) not_connected: u64,
    /// The connection was lost with the question on it.
    pub(super) lost: u64,
    /// Its answer could not be used.
    pub(super) unusable: u64,
    pub(super) connects: u64,
    /// How often it began to count as failing.
    pub(super) outages: u64,
    pub(super) latency: Latency,
}

impl Tallies {
    /// Questions that got no answer or none that could be used, besides those that ran out of time.
    pub(super) fn failed(&self) -> u64 {
        self.not_connected + self.lost + self.unusable
    }

    /// Name and value of each, for operators and their programs.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let quantile = |per_mille| match self.latency.quantile_ms(per_mille) {
            Some(bound) => bound.to_string(),
            None => format!("more than {}", BOUNDS_MS[BOUNDS_MS.len() - 1]),
        };
        vec![
            ("asked", self.asked.to_string()),
            ("answered", self.answered.to_string()),
            ("timed_out", self.timed_out.to_string()),
            ("turned_away", self.turned_away.to_string()),
            ("failed", self.failed().to_string()),
            ("failed_not_connected", self.not_connected.to_string()),
            ("failed_lost", self.lost.to_string()),
            ("failed_unusable", self.unusable.to_string()),
            ("connects", self.connects.to_string()),
            ("outages", self.outages.to_string()),
            ("answer_us_total", self.latency.total_us.to_string()),
            ("answer_ms_p50", quantile(500)),
            ("answer_ms_p99", quantile(990)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn quantiles_are_the_bounds_that_answers_stay_below() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile_ms(990), Some(1));
        for _ in 0..98 {
            latency.add(Duration::from_micros(1_000));
        }
        latency.add(Duration::from_micros(1_001));
        latency.add(Duration::from_millis(4_999));
        assert_eq!(
            [500, 980, 990, 1000].map(|it| latency.quantile_ms(it)),
            [1, 1, 2, 5000].map(Some)
        );
        assert_eq!(latency.total_us, 98_000 + 1_001 + 4_999_000);
        latency.add(Duration::from_millis(5_001));
        assert_eq!(latency.quantile_ms(1000), None);
        let tallies =
            Tallies { lost: 1, unusable: 2, not_connected: 4, latency, ..Tallies::default() };
        let rows = tallies.rows();
        assert!(rows.contains(&("failed", "7".to_owned())), "{rows:?}");
        assert!(rows.contains(&("answer_ms_p50", "1".to_owned())), "{rows:?}");
    }
}
