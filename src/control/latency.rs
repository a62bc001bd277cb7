//! How long answers of something elsewhere took, in numbers that become metrics.
//!
//! Pure: the caller says how long. Drivers: the pools of password databases, the handle on the GeoDB. Tests: in
//! `userdbs::tallies`.

use std::time::Duration;

use crate::metrics::Histogram;

/// How long answers took, what they waited for included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct Latency {
    /// For each of [`BOUNDS_MS`], and for what is beyond the last.
    counts: [u64; BOUNDS_MS.len() + 1],
    pub(in crate::control) total_us: u64,
}

impl Latency {
    /// What was counted elsewhere: below each bound and above the one before, and all of it together.
    pub(in crate::control) fn of(counts: [u64; BOUNDS_MS.len() + 1], total_us: u64) -> Self {
        Self { counts, total_us }
    }

    /// Where an answer is counted that took so long.
    pub(in crate::control) fn place(took: Duration) -> usize {
        BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < took)
    }

    /// An answer came.
    pub(in crate::control) fn add(&mut self, took: Duration) {
        if let Some(count) = self.counts.get_mut(Self::place(took)) {
            *count += 1;
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.total_us = self.total_us.saturating_add(us);
    }

    /// For metrics.
    pub(in crate::control) fn histogram(&self) -> Histogram<'_> {
        let sum = Duration::from_micros(self.total_us);
        Histogram { bounds: &BOUNDS_MS, counts: &self.counts, sum }
    }

    /// The bound below which so many of a thousand stay; none: it is beyond the last. Without answers the first.
    pub(in crate::control) fn quantile_ms(&self, per_mille: u64) -> Option<u64> {
        let all: u64 = self.counts.iter().sum();
        let wanted = all.saturating_mul(per_mille).div_ceil(1000);
        let mut so_far = 0;
        let at = self.counts.iter().position(|count| {
            so_far += count;
            so_far >= wanted
        });
        BOUNDS_MS.get(at?).copied()
    }
}

/// From a server beside Hale to the longest `answer_timeout` that makes sense.
pub(in crate::control) const BOUNDS_MS: [u64; 12] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
