//! How many logins a second may change where groups are served (C-SITE-5).
//!
//! Duty: a bucket of permits. Non-duty: what a login does without one: the decision is made again with
//! [`Writes::Withheld`](super::decide::Writes). Driven by the control core, which makes such writes for all cores. Tests: below.

use crate::tick::Tick;

/// Permits of one proxy: a second's worth at most is saved up.
#[derive(Clone, Copy, Debug)]
pub struct LoginCap {
    per_second: u32,
    /// Thousandths of a permit.
    left: u64,
    at: Tick,
}

impl LoginCap {
    /// So many a second.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second, left: full(per_second), at: Tick(0) }
    }

    /// Takes a permit; whether there was one.
    pub fn take(&mut self, now: Tick) -> bool {
        let elapsed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let gained = elapsed.saturating_mul(u64::from(self.per_second));
        self.left = self.left.saturating_add(gained).min(full(self.per_second));
        self.at = self.at.max(now);
        match self.left.checked_sub(PERMIT) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

fn full(per_second: u32) -> u64 {
    u64::from(per_second).saturating_mul(PERMIT)
}

const PERMIT: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_site_5_so_many_a_second_and_not_more_after_a_pause() {
        let mut cap = LoginCap::new(50);
        let mut taken = |now| (0..1000).filter(|_| cap.take(Tick(now))).count();
        assert_eq!([taken(0), taken(0), taken(20), taken(1020)], [50, 0, 1, 50]);
        assert_eq!([taken(999_999), taken(1_000_009)], [50, 0]);
        assert_eq!(taken(5), 0, "a clock that went back");
        assert_eq!(taken(u64::MAX), 50);
    }
}
