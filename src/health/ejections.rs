//! How often a backend was taken out lately, and how long it stays out for that (R-PROBE-7).

use std::time::Duration;

use crate::limits;
use crate::tick::Tick;

/// Of one backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ejections {
    count: u8,
    /// The last time, or when one was forgiven.
    at: Tick,
}

impl Ejections {
    /// It was taken out.
    pub fn add(&mut self, now: Tick) {
        self.forgive(now);
        *self = Self { count: self.count.saturating_add(1), at: now };
    }

    /// How long it has to be out before probes bring it back: longer each time, less again while it behaves.
    #[must_use]
    pub fn dwell(mut self, now: Tick) -> Duration {
        self.forgive(now);
        let doublings = u32::from(self.count.saturating_sub(1)).min(DOUBLINGS_MAX);
        (limits::PROBE_DWELL * 2_u32.pow(doublings)).min(limits::PROBE_DWELL_MAX)
    }

    fn forgive(&mut self, now: Tick) {
        while self.count > 0 && now.since(self.at) >= limits::PROBE_FORGIVEN_AFTER {
            self.count -= 1;
            self.at = self.at.after(limits::PROBE_FORGIVEN_AFTER);
        }
    }
}

const DOUBLINGS_MAX: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_probe_7_who_falls_again_and_again_stays_out_longer_and_is_forgiven() {
        let mut ejections = Ejections::default();
        let seconds =
            |ejections: &Ejections, minute: u64| ejections.dwell(Tick(minute * 60_000)).as_secs();
        assert_eq!(seconds(&ejections, 0), 30);
        for (minute, dwell) in [(1, 30), (2, 60), (4, 120), (6, 240), (9, 300), (10, 300)] {
            ejections.add(Tick(minute * 60_000));
            assert_eq!(seconds(&ejections, minute), dwell, "minute {minute}");
        }
        assert_eq!(seconds(&ejections, 19), 300);
        assert_eq!(seconds(&ejections, 35), 240, "forgiven twice");
        assert_eq!(seconds(&ejections, 999), 30);
    }
}
