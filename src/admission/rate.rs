//! Rates: a bucket of allowances that fills with time.

use crate::tick::Tick;

/// A bucket in one word: allowances in thousandths, and when it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Thousandths of an allowance that were used and have not come back.
    used: u32,
    /// Milliseconds of the clock, cut to 32 bits: 49 days.
    at: u32,
}

impl Bucket {
    /// Takes one allowance where `each_second` come back every second and a second's worth may be saved up.
    /// `None`: nothing is left. A rate of zero is no limit.
    #[must_use]
    pub fn take(self, now: Tick, each_second: u32) -> Option<Self> {
        if each_second == 0 {
            return Some(self);
        }
        let [a, b, c, d, ..] = now.0.to_le_bytes();
        let at = u32::from_le_bytes([a, b, c, d]);
        // Milliseconds times allowances per second are thousandths of an allowance.
        let back = at.wrapping_sub(self.at).saturating_mul(each_second);
        let used = self.used.saturating_sub(back);
        let fits = used <= each_second.saturating_mul(1000).saturating_sub(1000);
        fits.then(|| Self { used: used + 1000, at })
    }

    /// In one word, for an atomic.
    #[must_use]
    pub fn pack(self) -> u64 {
        u64::from(self.at) << 32 | u64::from(self.used)
    }

    /// From that word.
    #[must_use]
    pub fn unpack(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
        Self { used: u32::from_le_bytes([a, b, c, d]), at: u32::from_le_bytes([e, f, g, h]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, now: u64, rate: u32, wanted: u32) -> u32 {
        let mut taken = 0;
        for _ in 0..wanted {
            if let Some(next) = bucket.take(Tick(now), rate) {
                *bucket = Bucket::unpack(next.pack());
                taken += 1;
            }
        }
        taken
    }

    #[test]
    fn a_second_gives_a_seconds_worth_and_no_more() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 1_000_000, 10, 50), 10);
        assert_eq!(taken(&mut bucket, 1_000_100, 10, 50), 1);
        assert_eq!(taken(&mut bucket, 1_000_600, 10, 50), 5);
        assert_eq!(taken(&mut bucket, 9_000_000, 10, 50), 10);
    }

    #[test]
    fn no_rate_is_no_limit_and_a_high_one_does_not_overflow() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, 5, 0, 1000), 1000);
        assert_eq!(taken(&mut bucket, u64::MAX, u32::MAX, 3), 3);
    }
}
