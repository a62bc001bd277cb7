//! Whether a password database, or the policy server, is worth asking.
//!
//! Duty: when it counts as failing, from what came of questions and connects. Pure: the caller says what happened and when it is.
//! Drivers: `pool`, `control::policy`. Tests: below.

use std::time::Duration;

use crate::limits;
use crate::tick::Tick;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(in crate::control) struct Health {
    /// Questions that got no answer, one after the other.
    failures: u32,
    failing_since: Option<Tick>,
    /// Logins that were turned away meanwhile.
    turned_away: u64,
}

/// What came of a question besides an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) enum Failed {
    /// No connection could be had at all.
    Connect,
    /// A connection was there, and no answer came.
    Question,
}

/// It answers again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) struct Recovery {
    /// How long it did not.
    pub(in crate::control) after: Duration,
    /// How many questions were turned away meanwhile.
    pub(in crate::control) turned_away: u64,
}

impl Health {
    /// A question or a trial was answered. What is over, if anything was.
    pub(in crate::control) fn answered(&mut self, now: Tick) -> Option<Recovery> {
        self.failures = 0;
        let since = self.failing_since.take()?;
        let turned_away = std::mem::take(&mut self.turned_away);
        Some(Recovery { after: now.since(since), turned_away })
    }

    /// No answer came. True: from now on it counts as failing.
    pub(in crate::control) fn failed(&mut self, failed: Failed, now: Tick) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failing_since.is_some() {
            return false;
        }
        let fails = failed == Failed::Connect || self.failures >= limits::USERDB_FAILURES_MAX;
        if fails {
            self.failing_since = Some(now);
        }
        fails
    }

    /// Whether questions are turned away at once.
    pub(in crate::control) fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    /// A question was.
    pub(in crate::control) fn turn_away(&mut self) {
        self.turned_away += 1;
    }

    /// Since when it fails.
    pub(in crate::control) fn failing_since(&self) -> Option<Tick> {
        self.failing_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_connect_or_some_unanswered_questions_in_a_row_are_enough() {
        let mut health = Health::default();
        for _ in 1..limits::USERDB_FAILURES_MAX {
            assert!(!health.failed(Failed::Question, Tick(5)));
        }
        assert_eq!(health.answered(Tick(6)), None);
        for number in 1..=limits::USERDB_FAILURES_MAX {
            let fails = health.failed(Failed::Question, Tick(7));
            assert_eq!(fails, number == limits::USERDB_FAILURES_MAX);
        }
        assert!(!health.failed(Failed::Connect, Tick(8)), "told once");
        health.turn_away();
        assert_eq!(health.failing_since(), Some(Tick(7)));
        let over = Recovery { after: Duration::from_millis(93), turned_away: 1 };
        assert_eq!(health.answered(Tick(100)), Some(over));
        assert!(!health.is_failing());
        assert!(health.failed(Failed::Connect, Tick(101)));
    }
}
