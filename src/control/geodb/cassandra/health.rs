//! How well Cassandra does, and what that means for the next call.
//!
//! Duty: which consistency to ask for (palomar §1.1), and whether to ask at all. Pure: the caller says what came of each attempt and
//! when it is. Driver: `requests`, and `link` for the probes. Tests: below.

use std::time::Duration;

use crate::limits;
use crate::tick::Tick;

/// What a call does; each has consistencies of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
    Delete,
}

/// Which of the two consistencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    First,
    Fallback,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Health {
    reads: Standing,
    writes: Standing,
    deletes: Standing,
    /// Calls that failed at every level, one after the other.
    failures: u32,
    /// Since when no calls are made.
    open_since: Option<Tick>,
}

/// Where calls of one kind stand.
#[derive(Clone, Copy, Debug, Default)]
enum Standing {
    /// The first consistency works.
    #[default]
    First,
    /// It failed, and is tried again at this moment.
    Fallback { again_at: Tick, wait: Duration },
}

impl Standing {
    fn failed(&mut self, now: Tick) {
        let wait = match *self {
            Self::First => limits::CASSANDRA_LEVEL_RETRY_FIRST,
            Self::Fallback { wait, .. } => (wait * 2).min(limits::CASSANDRA_LEVEL_RETRY_LAST),
        };
        *self = Self::Fallback { again_at: now.after(wait), wait };
    }
}

impl Health {
    /// The consistency for a call. Reads leave it to the probes to find out whether the first one works again; no login
    /// pays for that.
    pub(super) fn level(&mut self, doing: Doing, now: Tick) -> Level {
        match *self.standing(doing) {
            Standing::First => Level::First,
            Standing::Fallback { again_at, wait } if doing != Doing::Read && again_at <= now => {
                // Only this call tries; those beside it do not.
                *self.standing(doing) = Standing::Fallback { again_at: now.after(wait), wait };
                Level::First
            }
            Standing::Fallback { .. } => Level::Fallback,
        }
    }

    /// The first consistency failed.
    pub(super) fn fell_back(&mut self, doing: Doing, now: Tick) {
        self.standing(doing).failed(now);
    }

    /// An answer came.
    pub(super) fn answered(&mut self, doing: Doing, level: Level) {
        self.failures = 0;
        self.open_since = None;
        if level == Level::First {
            *self.standing(doing) = Standing::First;
        }
    }

    /// No level gave an answer. True: from now on no calls are made.
    pub(super) fn failed(&mut self, now: Tick) -> bool {
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures >= limits::CASSANDRA_FAILURES_MAX && self.open_since.is_none();
        if opens {
            self.open_since = Some(now);
        }
        opens
    }

    /// Since when calls fail at once.
    pub(super) fn open_since(&self) -> Option<Tick> {
        self.open_since
    }

    /// Whether the probes have something to find out.
    pub(super) fn wants_probe(&self) -> bool {
        self.open_since.is_some() || matches!(self.reads, Standing::Fallback { .. })
    }

    /// Where calls of one kind stand, for operators.
    pub(super) fn in_use(&self, doing: Doing) -> Level {
        let standing = match doing {
            Doing::Read => &self.reads,
            Doing::Write => &self.writes,
            Doing::Delete => &self.deletes,
        };
        match standing {
            Standing::First => Level::First,
            Standing::Fallback { .. } => Level::Fallback,
        }
    }

    fn standing(&mut self, doing: Doing) -> &mut Standing {
        match doing {
            Doing::Read => &mut self.reads,
            Doing::Write => &mut self.writes,
            Doing::Delete => &mut self.deletes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palomar_1_1_a_failed_consistency_is_left_alone_for_50_ms_doubling_to_60_s() {
        let mut health = Health::default();
        let mut now = Tick::default();
        assert_eq!(health.level(Doing::Write, now), Level::First);
        let mut waits = Vec::new();
        for _ in 0..12 {
            health.fell_back(Doing::Write, now);
            let mut waited = Duration::ZERO;
            while health.level(Doing::Write, now) == Level::Fallback {
                now = now.after(Duration::from_millis(10));
                waited += Duration::from_millis(10);
            }
            assert_eq!(health.level(Doing::Write, now), Level::Fallback, "one tries at a time");
            waits.push(waited);
        }
        assert_eq!(waits[..3], [50, 100, 200].map(Duration::from_millis));
        assert_eq!(waits[11], Duration::from_secs(60));
        health.answered(Doing::Write, Level::First);
        assert_eq!(health.level(Doing::Write, now), Level::First);
    }

    #[test]
    fn reads_stay_on_the_fallback_until_a_probe_says_otherwise() {
        let mut health = Health::default();
        health.fell_back(Doing::Read, Tick::default());
        let later = Tick::default().after(Duration::from_secs(3600));
        assert_eq!(health.level(Doing::Read, later), Level::Fallback);
        assert_eq!(health.level(Doing::Write, later), Level::First, "writes have their own");
        assert_eq!(health.in_use(Doing::Read), Level::Fallback);
        assert_eq!(health.in_use(Doing::Write), Level::First);
        health.answered(Doing::Read, Level::Fallback);
        assert!(health.wants_probe());
        health.answered(Doing::Read, Level::First);
        assert!(!health.wants_probe());
        assert_eq!(health.level(Doing::Read, later), Level::First);
    }

    #[test]
    fn ge_03_after_some_failures_nothing_is_asked_until_an_answer() {
        let mut health = Health::default();
        for n in 1..limits::CASSANDRA_FAILURES_MAX {
            assert!(!health.failed(Tick::default()), "{n}");
        }
        health.answered(Doing::Read, Level::Fallback);
        for _ in 1..limits::CASSANDRA_FAILURES_MAX {
            assert!(!health.failed(Tick::default()));
        }
        assert!(health.failed(Tick::default()));
        assert!(!health.failed(Tick::default()), "told once");
        assert!(health.open_since().is_some() && health.wants_probe());
        health.answered(Doing::Read, Level::First);
        assert!(health.open_since().is_none() && !health.wants_probe());
    }
}
