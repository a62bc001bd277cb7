//! What became of calls to the GeoDB, in numbers that become metrics. Clones of a handle count together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::GeoDbError;
use crate::control::latency::{BOUNDS_MS, Latency};

/// All calls of a handle and its clones, which may be on several threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// As [`Latency`] has them.
    took: [AtomicU64; BOUNDS_MS.len() + 1],
    total_us: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
}

/// What became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct CallTotals {
    /// How long answers took, good ones and others.
    pub(in crate::control) latency: Latency,
    /// Calls that had no answer in time.
    pub(in crate::control) timed_out: u64,
    /// Calls that were answered by a failure, or not made.
    pub(in crate::control) failed: u64,
}

impl Calls {
    /// A call has come to its end.
    pub(super) fn note<T>(&self, result: &Result<T, GeoDbError>, took: Duration) {
        let counts = &self.0;
        match result {
            Err(GeoDbError::Timeout { .. }) => return add(&counts.timed_out, 1),
            Err(_) => add(&counts.failed, 1),
            Ok(_) => {}
        }
        if let Some(count) = counts.took.get(Latency::place(took)) {
            add(count, 1);
        }
        add(&counts.total_us, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn totals(&self) -> CallTotals {
        let counts = &self.0;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let latency = Latency::of(counts.took.each_ref().map(read), read(&counts.total_us));
        let (timed_out, failed) = (read(&counts.timed_out), read(&counts.failed));
        CallTotals { latency, timed_out, failed }
    }
}

fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_by_its_end_and_clones_count_together() {
        let calls = Calls::default();
        let (after, busy) = (Duration::from_secs(2), GeoDbError::Busy { place: "x".into() });
        let same = calls.clone();
        same.note(&Ok(()), Duration::from_millis(3));
        calls.note(&Err::<(), _>(GeoDbError::Timeout { after }), after);
        calls.note(&Err::<(), _>(busy), Duration::ZERO);
        let CallTotals { latency, timed_out, failed } = calls.totals();
        assert_eq!((timed_out, failed, latency.total_us), (1, 1, 3_000));
        assert_eq!(latency.histogram().counts.iter().sum::<u64>(), 2);
    }
}
