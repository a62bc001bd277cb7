//! The timestamps of our writes.
//!
//! Duty: each later than the last, than the clock, and than what was read of the row it replaces; noticing rows that others stamped
//! ahead of our clock. Without client timestamps Cassandra stamps whole milliseconds, and two writers tear a row apart.
//! Tests: below.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// One generator for all writes of this process.
#[derive(Debug, Default)]
pub(super) struct Stamps {
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
    /// The next one, in microseconds since 1970. `read`: the latest stamp of the row that is written over.
    pub(super) fn next(&self, now: i64, read: Option<i64>) -> i64 {
        let floor = now.max(read.map_or(i64::MIN, |read| read.saturating_add(1)));
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
        assert_eq!(stamps.next(50, Some(500)), 501, "another writer's clock is ahead");
        assert_eq!(stamps.next(600, Some(500)), 600);
        assert_eq!(stamps.next(0, Some(i64::MAX)), i64::MAX);
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
