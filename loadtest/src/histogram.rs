//! Latency histogram: logarithmic with 64 linear steps per power of two, so a value is off by at most 1.6 %.
//!
//! Recording is an index and an addition; the closed loop calls it for every round trip.

use std::time::Duration;

/// Counts of durations.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Adds one duration.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// How many durations were recorded.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The duration in microseconds that the share `quantile` (0 to 1) of the records does not exceed; `None` if empty.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let wanted = quantile * self.total as f64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted && *count > 0 {
                return Some(middle_ns(index) / 1_000.0);
            }
        }
        None
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

fn bucket(nanos: u64) -> usize {
    let value = nanos.max(STEPS);
    // The position of the highest bit above the six that name the step.
    let shift = value.ilog2() - STEPS_BITS;
    let step = (value >> shift) - STEPS;
    usize::try_from(u64::from(shift) * STEPS + step).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn middle_ns(index: usize) -> f64 {
    let shift = index as u64 / STEPS;
    let step = index as u64 % STEPS;
    (STEPS + step) as f64 * (1_u64 << shift) as f64 + (1_u64 << shift) as f64 / 2.0
}

const STEPS_BITS: u32 = 6;
const STEPS: u64 = 1 << STEPS_BITS;
/// Up to 2^(6+34) ns, eighteen minutes.
const BUCKETS: usize = 35 * 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_per_cent() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000_u64 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, expected) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
            let found = histogram.quantile_us(quantile).unwrap();
            assert!((found / expected - 1.0).abs() < 0.02, "{quantile}: {found}");
        }
    }

    #[test]
    fn extremes_stay_inside_the_table() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::from_secs(100_000));
        assert_eq!(histogram.total(), 2);
        assert!(histogram.quantile_us(1.0).unwrap() > 1e9 / 1_000.0);
    }
}
