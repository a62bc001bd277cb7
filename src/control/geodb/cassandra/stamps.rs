//! The timestamps of our writes.
//!
//! Duty: each later than the last, than the clock, and than what was read of the row it replaces; of a write that is to count only
//! where no other writer came between, right behind what was read; noticing rows that others stamped ahead of our clock. Without client timestamps Cassandra stamps whole milliseconds, and two writers tear a row apart.
//! Tests: below.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// One generator for all writes of this process.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// So that two processes do not write right behind the same at the same microsecond.
    place: i64,
    last: AtomicI64,
    skewed: AtomicU64,
}

/// A row is ahead of our clock by so many microseconds, and it is the so-manieth that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skew {
    pub(super) ahead: i64,
    pub(super) rows: u64,
}

impl Stamps {
    /// `draw`: a random number.
    pub(super) fn new(draw: u16) -> Self {
        Self { place: i64::from(draw) % PLACES, ..Self::default() }
    }

    /// Right behind `read`: whatever was written since then is later, and stays. A proxy that is stopped between its read and
    /// its write, and goes on a minute later, undoes nothing by that (C-GEO-2).
    pub(super) fn behind(&self, read: i64) -> i64 {
        read.saturating_add(1 + self.place)
    }

    /// The next one, in microseconds since 1970. `read`: the latest stamp of the row that is written over.
    pub(super) fn next(&self, now: i64, read: Option<i64>) -> i64 {
        let floor = now.max(read.map_or(i64::MIN, |read| read.saturating_add(1 + PLACES)));
        let after = |last: i64| floor.max(last.saturating_add(1));
        let update = |last| Some(after(last));
        // It always updates, so the error is as good as the value.
        let (Ok(last) | Err(last)) =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        after(last)
    }

    /// How many rows were ahead so far.
    pub(super) fn skewed(&self) -> u64 {
        self.skewed.load(Ordering::Relaxed)
    }

    /// Whether a row that was read is stamped further ahead of our clock than clocks of one network differ.
    pub(super) fn judge(&self, now: i64, read: i64) -> Option<Skew> {
        let ahead = read.saturating_sub(now);
        // Our own writes may be ahead because a row was.
        if ahead <= AHEAD_MAX || read <= self.last.load(Ordering::Relaxed) {
            return None;
        }
        let rows = self.skewed.fetch_add(1, Ordering::Relaxed) + 1;
        Some(Skew { ahead, rows })
    }
}

/// Microseconds right behind a row for those who write there; others write behind all of them.
const PLACES: i64 = 1_000;
/// Clocks that are kept by NTP differ by milliseconds.
const AHEAD_MAX: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palomar_1_1_stamps_are_later_than_the_clock_the_row_and_each_other() {
        let stamps = Stamps::default();
        assert_eq!(stamps.next(100, None), 100);
        assert_eq!(stamps.next(100, None), 101, "the clock stands still");
        assert_eq!(stamps.next(50, None), 102, "the clock goes back");
        assert_eq!(stamps.next(50, Some(500)), 1_501, "another writer's clock is ahead");
        assert_eq!(stamps.next(2_000, Some(500)), 2_000);
        assert_eq!(stamps.next(0, Some(i64::MAX)), i64::MAX);
    }

    #[test]
    fn c_geo_2_what_counts_only_over_the_row_that_was_read_is_earlier_than_all_that_came_since() {
        for draw in [0, 7, 999, 1_000, u16::MAX] {
            let (proxy, operator) = (Stamps::new(draw), Stamps::default());
            let late = proxy.behind(500);
            assert!(late > 500, "later than the row");
            assert!(late < operator.next(0, Some(500)), "even if the operator's clock is behind");
            assert!(late < operator.next(90_000_000, Some(500)));
        }
        assert_ne!(Stamps::new(1).behind(500), Stamps::new(2).behind(500));
    }

    #[test]
    fn rows_from_the_future_are_counted_and_our_own_are_not() {
        let stamps = Stamps::default();
        assert_eq!(stamps.judge(0, AHEAD_MAX), None);
        assert_eq!(stamps.judge(0, AHEAD_MAX + 1), Some(Skew { ahead: AHEAD_MAX + 1, rows: 1 }));
        assert_eq!(stamps.judge(0, AHEAD_MAX + 2).map(|skew| skew.rows), Some(2));
        let ours = stamps.next(0, Some(AHEAD_MAX + 2));
        assert_eq!(stamps.judge(0, ours), None);
    }
}
