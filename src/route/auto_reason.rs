//! `status_reason` of a status that a program set: who, when and why (C-BACKEND-2).
//!
//! ```text
//! reason = "auto:" proxy ":" seconds ":" words
//! ```
//!
//! Decides the form, and whether a text has it. Does not: write rows. Driven by health probes, and by the table, which
//! gives a backend that has just come back a share that grows (R-PROBE-8). Tests: below.

use std::fmt;
use std::time::Duration;

use crate::limits;

/// Such a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoReason<'a> {
    /// The proxy that wrote it.
    pub proxy: &'a str,
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// Why: of a backend that is offline what failed, of one that is online [`RECOVERED`].
    pub words: &'a str,
}

/// The words behind a backend that has come back.
pub const RECOVERED: &str = "recovered";

impl<'a> AutoReason<'a> {
    /// Reads a column. None: an operator's, or another program's.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("auto:")?.splitn(3, ':');
        let (proxy, seconds, words) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { proxy, seconds: seconds.parse().ok()?, words })
    }

    /// What share of its load factor a backend has that came back then, in percent: linear over [`limits::SLOW_START`].
    #[must_use]
    pub fn share(&self, unix_millis: i64) -> u8 {
        if self.words != RECOVERED {
            return 100;
        }
        let all = i64::try_from(limits::SLOW_START.as_millis()).unwrap_or(i64::MAX);
        // A clock that is behind the writer's: it begins late, and no later than that.
        let since = unix_millis.saturating_sub(self.seconds.saturating_mul(1000)).clamp(0, all);
        let steps = since / i64::try_from(STEP.as_millis()).unwrap_or(1);
        let percent = steps.saturating_mul(100 * 1000 * STEP_SECONDS) / all.max(1);
        u8::try_from(percent.clamp(1, 100)).unwrap_or(100)
    }
}

impl fmt::Display for AutoReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "auto:{}:{}:{}", self.proxy, self.seconds, self.words)
    }
}

const STEP_SECONDS: i64 = 3;
/// The table is built anew this often while a share grows.
pub const STEP: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_backend_2_what_a_program_set_says_who_when_and_why() {
        let reason =
            AutoReason { proxy: "lb1", seconds: 1_700_000_000, words: "refused: 10.0.0.1:143" };
        let text = reason.to_string();
        assert_eq!(text, "auto:lb1:1700000000:refused: 10.0.0.1:143");
        assert_eq!(AutoReason::parse(&text), Some(reason));
        for other in ["admin", "", "auto", "auto:lb1", "auto:lb1:soon:x", "auto:lb1:7"] {
            assert_eq!(AutoReason::parse(other), None, "{other}");
        }
    }

    #[test]
    fn r_probe_8_a_backend_that_came_back_gets_its_share_over_thirty_seconds() {
        let back = AutoReason { proxy: "lb1", seconds: 1_000, words: RECOVERED };
        let at = |second: i64| back.share(second * 1000);
        assert_eq!([at(1_000), at(1_002), at(1_003), at(1_015), at(1_029)], [1, 1, 10, 50, 90]);
        assert_eq!([at(1_030), at(9_999)], [100, 100]);
        assert_eq!(at(0), 1, "its writer's clock is ahead");
        let away = AutoReason { words: "refused", ..back };
        assert_eq!(away.share(1_000_000), 100);
    }
}
