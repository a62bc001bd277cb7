//! What failed logins cost the address prefix they come from (R-GUESS-1).

use std::time::Duration;

use crate::limits;
use crate::tick::Tick;

/// What counts against a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Penalty {
    /// Failed logins that count, up to [`FAILURES_MAX`].
    failures: u8,
    /// When the last of them failed, in seconds: a day has fewer than 2^17.
    last_second: u32,
}

/// More change nothing: the fourth step of `auth::delay` is the last.
pub const FAILURES_MAX: u8 = 15;

impl Penalty {
    /// Failures that still count.
    #[must_use]
    pub fn failures(self, now: Tick) -> u8 {
        let silent = second(now).saturating_sub(self.last_second);
        if u64::from(silent) >= limits::PENALTY_FORGOTTEN_AFTER.as_secs() {
            0
        } else {
            self.failures
        }
    }

    /// How long ago the last one failed, to the second.
    #[must_use]
    pub fn last_failed_ago(self, now: Tick) -> Duration {
        Duration::from_secs(second(now).saturating_sub(self.last_second).into())
    }

    /// One more. `repeated`: the same wrong pair of name and password came lately, which no guesser sends twice: a
    /// client with an old password is not punished for asking again (SA-13).
    #[must_use]
    pub fn failed(self, now: Tick, repeated: bool) -> Self {
        let failures = self.failures(now);
        let counted = if repeated { failures } else { failures.saturating_add(1) };
        Self { failures: counted.min(FAILURES_MAX), last_second: second(now) }
    }

    /// In one word, for an atomic.
    #[must_use]
    pub fn pack(self) -> u64 {
        u64::from(self.last_second) << 8 | u64::from(self.failures)
    }

    /// From that word.
    #[must_use]
    pub fn unpack(word: u64) -> Self {
        let [failures, ..] = word.to_le_bytes();
        Self { failures, last_second: u32::try_from(word >> 8).unwrap_or(u32::MAX) }
    }
}

fn second(now: Tick) -> u32 {
    u32::try_from(now.0 / 1000).unwrap_or(u32::MAX)
}

/// How many logins of one prefix may be under way at once, a refusal that is held back included; the others queue.
///
/// A delay alone does not slow a guesser who opens a thousand connections (SA-14). With one at a time and the last
/// step's 15 seconds, four guesses a minute are left (R-GUESS-1). Logins that succeed are over in milliseconds, so the
/// first bound is out of sight of an office that comes back after a break.
#[must_use]
pub fn logins_at_once(failures: u8) -> u32 {
    match failures {
        0 => 128,
        1..=3 => 8,
        4.. => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sa_13_the_same_wrong_pair_counts_once() {
        let mut penalty = Penalty::default().failed(Tick(0), false);
        for second in 1..50 {
            penalty = penalty.failed(Tick(second * 1000), true);
        }
        assert_eq!(penalty.failures(Tick(50_000)), 1);
    }

    #[test]
    fn r_guess_1_failures_are_forgotten_after_a_while_without_any() {
        let mut penalty = Penalty::default();
        for _ in 0..40 {
            penalty = penalty.failed(Tick(1_000), false);
        }
        assert_eq!(penalty.failures(Tick(2_000)), FAILURES_MAX);
        assert_eq!(penalty.last_failed_ago(Tick(9_999)), Duration::from_secs(8));
        let later = Tick(1_000).after(limits::PENALTY_FORGOTTEN_AFTER);
        assert_eq!(penalty.failures(Tick(later.0 - 1_000)), FAILURES_MAX);
        assert_eq!(penalty.failures(later), 0);
        assert_eq!(penalty.failed(later, false).failures(later), 1);
    }

    #[test]
    fn r_guess_1_one_guess_at_a_time_after_the_fourth() {
        let allowed = [0, 1, 3, 4, 255].map(logins_at_once);
        assert_eq!(allowed, [128, 8, 8, 1, 1]);
    }

    #[test]
    fn a_penalty_survives_its_word() {
        let penalty = Penalty::default().failed(Tick(86_400_000), false);
        assert_eq!(Penalty::unpack(penalty.pack()), penalty);
        assert_eq!(Penalty::unpack(0), Penalty::default());
    }
}
