//! From attempts at other sites to this proxy's opinion of them (C-SITE-9).
//!
//! Duty: whether a site counts as reached or failing, when a site is to be tried by the control core because no login does, and
//! what the row of this site should say. Non-duty: connecting, writing; what an opinion leads to
//! ([`super::outage`]). Probes add what they see by [`Experience::take`]. Driven by the control core. Tests: below.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::outage::{Opinion, Opinions};
use crate::limits;
use crate::tick::Tick;

/// What attempts have come to, by site.
#[derive(Clone, Debug, Default)]
pub struct Experience {
    sites: BTreeMap<Uuid, Lately>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lately {
    /// The last attempt, whatever came of it.
    tried_at: Option<Tick>,
    answered_at: Option<Tick>,
    /// No attempt was answered since it began.
    failing: Option<Failing>,
    /// When this proxy last wanted the row to say otherwise.
    told_at: Option<Tick>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    first: Tick,
    last: Tick,
    count: u32,
}

impl Experience {
    /// Attempts at a site that ended since the last time.
    pub fn take(&mut self, site: Uuid, answered: u32, failed: u32, now: Tick) {
        let lately = self.sites.entry(site).or_default();
        if answered > 0 || failed > 0 {
            lately.tried_at = Some(now);
        }
        if answered > 0 {
            (lately.answered_at, lately.failing) = (Some(now), None);
        } else if failed > 0 {
            let former = lately.failing.unwrap_or(Failing { first: now, last: now, count: 0 });
            let count = former.count.saturating_add(failed);
            lately.failing = Some(Failing { last: now, count, ..former });
        }
    }

    /// Forgets sites that are gone.
    pub fn keep_only(&mut self, is_known: impl Fn(Uuid) -> bool) {
        self.sites.retain(|site, _| is_known(*site));
    }

    /// A site that is not tried keeps the opinion that it fails, and loses the one that it is reached after a while: then
    /// the row counts.
    #[must_use]
    pub fn opinions(&self, now: Tick) -> Opinions {
        let of = |(site, lately): (&Uuid, &Lately)| Some((*site, lately.opinion(now)?));
        self.sites.iter().filter_map(of).collect()
    }

    /// Whether a site has not been tried for a while: no login goes there, and none would find out that it is away, or back.
    #[must_use]
    pub fn is_trial_due(&self, site: Uuid, now: Tick) -> bool {
        let tried_at = self.sites.get(&site).and_then(|lately| lately.tried_at);
        tried_at.is_none_or(|at| now.since(at) >= limits::SITE_TRIAL_EVERY)
    }

    /// What the row about a site should say instead of `said`; none: it may stay. A success counts at once, a failure
    /// again after a while only: a proxy that reaches the site has the last word, and proxies that see it otherwise do not
    /// fill the GeoDB with their dispute.
    pub fn correction(&mut self, site: Uuid, said: Option<i64>, now: Tick) -> Option<i64> {
        let lately = self.sites.get_mut(&site)?;
        let is_quiet = |at: Tick| now.since(at) < limits::SITE_DISPUTE_PAUSE;
        match lately.opinion(now)? {
            Opinion::Reached if said.is_none_or(|said| said == 0) => {
                // An answer that is older than the row may be what the row has overtaken.
                let is_new = lately.answered_at.is_some_and(|at| now.since(at) < FRESH_FOR);
                is_new.then_some(1)
            }
            Opinion::Failing | Opinion::Unreachable if said != Some(0) => {
                if lately.told_at.is_some_and(is_quiet) {
                    return None;
                }
                lately.told_at = Some(now);
                Some(0)
            }
            Opinion::Reached | Opinion::Failing | Opinion::Unreachable => None,
        }
    }
}

impl Lately {
    fn opinion(&self, now: Tick) -> Option<Opinion> {
        if self.is_failing() {
            return Some(Opinion::Failing);
        }
        let at = self.answered_at?;
        (now.since(at) < limits::SITE_REACHED_FOR).then_some(Opinion::Reached)
    }

    fn is_failing(&self) -> bool {
        self.failing.is_some_and(|failing| {
            failing.count >= FAILURES_MIN
                && failing.last.since(failing.first) >= limits::SITE_FAILING_AFTER
        })
    }
}

/// A client that gives up, or a single restart over there, is no outage.
const FAILURES_MIN: u32 = 3;
/// An answer this young speaks for now.
const FRESH_FOR: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Uuid = Uuid::from_u128(2);

    fn at(second: u64) -> Tick {
        Tick(second * 1000)
    }

    /// Fails once in each of these seconds.
    fn failing(seconds: std::ops::RangeInclusive<u64>) -> Experience {
        let mut experience = Experience::default();
        for second in seconds {
            experience.take(THERE, 0, 1, at(second));
        }
        experience
    }

    fn opinion(experience: &Experience, second: u64) -> Option<Opinion> {
        experience.opinions(at(second)).get(&THERE).copied()
    }

    #[test]
    fn c_site_9_failing_when_for_seconds_every_attempt_failed() {
        assert_eq!(opinion(&failing(10..=14), 14), None, "four seconds");
        assert_eq!(opinion(&failing(10..=15), 15), Some(Opinion::Failing));
        let mut once = Experience::default();
        once.take(THERE, 0, 1, at(0));
        once.take(THERE, 0, 1, at(60));
        assert_eq!(opinion(&once, 60), None, "two clients that gave up");
        let mut mixed = failing(10..=15);
        mixed.take(THERE, 1, 40, at(16));
        assert_eq!(opinion(&mixed, 16), Some(Opinion::Reached), "one was answered");
    }

    #[test]
    fn c_site_9_a_site_that_no_login_tries_is_tried_at_intervals_and_stays_failing_until_it_answers()
     {
        assert!(Experience::default().is_trial_due(THERE, at(0)), "never tried");
        let mut experience = failing(10..=15);
        assert_eq!(opinion(&experience, 99_999), Some(Opinion::Failing));
        assert!(!experience.is_trial_due(THERE, at(24)));
        assert!(experience.is_trial_due(THERE, at(25)));
        experience.take(THERE, 0, 1, at(25));
        assert!(!experience.is_trial_due(THERE, at(26)));
        experience.take(THERE, 1, 0, at(35));
        assert_eq!(opinion(&experience, 35), Some(Opinion::Reached));
        assert!(!experience.is_trial_due(THERE, at(44)), "it was just reached");
        assert!(experience.is_trial_due(THERE, at(45)), "whether it fails or not");
        assert_eq!(opinion(&experience, 95), None, "not tried all the same: the row counts");
    }

    #[test]
    fn c_site_9_the_row_follows_the_opinion_and_a_success_has_the_last_word() {
        let mut fails = failing(10..=15);
        assert_eq!(fails.correction(THERE, None, at(15)), Some(0));
        assert_eq!(fails.correction(THERE, Some(0), at(16)), None, "it says so");
        assert_eq!(fails.correction(THERE, Some(1), at(16)), None, "a dispute waits");
        assert_eq!(fails.correction(THERE, Some(1), at(75)), Some(0));
        let mut reaches = Experience::default();
        reaches.take(THERE, 1, 0, at(20));
        assert_eq!(reaches.correction(THERE, Some(0), at(21)), Some(1));
        assert_eq!(reaches.correction(THERE, None, at(21)), Some(1));
        assert_eq!(reaches.correction(THERE, Some(7), at(21)), None, "anything but 0 is reachable");
        assert_eq!(reaches.correction(THERE, Some(0), at(26)), None, "that answer is old");
        assert_eq!(reaches.correction(Uuid::from_u128(9), Some(0), at(21)), None, "never tried");
    }
}
