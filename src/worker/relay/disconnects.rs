//! The clients of a backend that went, or whose sessions the operator ends all together, are told over time, so that they do not
//! all come back at once (W-SPREAD-1, R-BACK-2).
//!
//! Decides: which client is told now, and when the others are. Does not: tell an ordinary end from a lost backend by what
//! was said, because a relay reads nothing. A client that sent something just before is told at once: it said goodbye, or
//! waits for an answer. Of the others, what goes in one second anyway goes at once, and only a crowd is spread.
//! Driver: `driver`. Tests: below, the simulator, and `tests/appliance/e2e/spread.rs`.

use std::collections::HashMap;
use std::time::Duration;

use crate::tick::Tick;

use super::super::backends::endpoints::EndpointId;

/// How a crowd is spread.
#[derive(Clone, Copy, Debug)]
pub struct DisconnectRules {
    /// `login_proxy_max_disconnect_delay`; zero: all are told at once.
    pub over: Duration,
    /// So many are no crowd, on one core.
    pub crowd_min: u32,
}

/// The relayed sessions of each endpoint, and the clients that are told later that theirs is gone.
#[derive(Debug)]
pub(in crate::worker) struct Disconnects {
    pub(super) rules: DisconnectRules,
    /// In milliseconds, less than a step: not all cores tell their first client in the same moment.
    offset: u64,
    /// By endpoint.
    crowds: Vec<Crowd>,
    /// By slot.
    partings: HashMap<u32, Parting>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    /// Sessions whose backend is there.
    standing: u32,
    burst: Burst,
}

/// The ends of one endpoint's sessions that came one behind the other.
#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    began: Tick,
    ends: u32,
    /// Clients that are not told yet.
    waiting: u32,
}

/// A client that is to be told later that its backend is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parting {
    pub(super) at: Tick,
    pub(super) why: Why,
    endpoint: EndpointId,
}

/// Why a client is told that its session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The backend's connection ended.
    Ended,
    /// It broke, or the backend is lost.
    Broke(&'static str),
    /// The operator ends all sessions of the backend: until its time has come the session goes on.
    Kicked,
}

/// When a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disconnect {
    Now,
    /// The first of its burst that has to wait, or another one.
    Later(Tick, First),
}

/// Whether no other client of the burst waits yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Yes,
    No,
}

impl Disconnects {
    /// `draw`: any number, another one on each core.
    pub(super) fn new(rules: DisconnectRules, draw: u64) -> Self {
        Self { rules, offset: draw % STEP_MS, crowds: Vec::new(), partings: HashMap::new() }
    }

    /// A session is logged in at an endpoint.
    pub(super) fn begin(&mut self, endpoint: EndpointId) {
        if endpoint.index() >= self.crowds.len() {
            self.crowds.resize(endpoint.index() + 1, Crowd::default());
        }
        if let Some(crowd) = self.crowds.get_mut(endpoint.index()) {
            crowd.standing += 1;
        }
    }

    /// The session is over, and its backend was there.
    pub(super) fn end(&mut self, endpoint: EndpointId) {
        if let Some(crowd) = self.crowds.get_mut(endpoint.index()) {
            crowd.standing = crowd.standing.saturating_sub(1);
        }
    }

    /// The session's backend went, or all of its sessions are to end: when its client is told. From here on it does not stand.
    pub(super) fn lose(
        &mut self,
        slot: u32,
        endpoint: EndpointId,
        why: Why,
        now: Tick,
    ) -> Disconnect {
        self.end(endpoint);
        // Nor does one core tell all of a step at once.
        let jitter = (self.offset + u64::from(slot) * STRIDE_MS) % STEP_MS;
        let jitter = Duration::from_millis(jitter);
        let Some(crowd) = self.crowds.get_mut(endpoint.index()) else {
            debug_assert!(false, "a session ends at an endpoint where none began");
            return Disconnect::Now;
        };
        let told = crowd.burst.end(self.rules, crowd.standing, jitter, now);
        if let Disconnect::Later(at, _) = told {
            self.partings.insert(slot, Parting { at, why, endpoint });
        }
        told
    }

    /// Takes a client off the list of those that are told later, if it is there.
    pub(super) fn take(&mut self, slot: u32) -> Option<Parting> {
        if self.partings.is_empty() {
            return None;
        }
        let parting = self.partings.remove(&slot)?;
        if let Some(crowd) = self.crowds.get_mut(parting.endpoint.index()) {
            crowd.burst.told();
        }
        Some(parting)
    }

    /// Whether a client is told later.
    pub(super) fn is_parting(&self, slot: u32) -> bool {
        !self.partings.is_empty() && self.partings.contains_key(&slot)
    }

    /// Whether it is told later because its backend is gone: nothing more is relayed then.
    pub(super) fn has_lost_backend(&self, slot: u32) -> bool {
        !self.partings.is_empty()
            && self.partings.get(&slot).is_some_and(|parting| parting.why != Why::Kicked)
    }

    /// How many clients are to be told later.
    pub(super) fn partings(&self) -> usize {
        self.partings.len()
    }

    /// How many sessions stand at all endpoints together.
    pub(super) fn standing(&self) -> usize {
        self.crowds.iter().map(|crowd| crowd.standing as usize).sum()
    }

    /// When a client is told, if it is told later.
    pub(super) fn parting_at(&self, slot: u32) -> Option<Tick> {
        if self.partings.is_empty() {
            return None;
        }
        self.partings.get(&slot).map(|parting| parting.at)
    }

    /// Over which time a crowd is told; zero: all at once.
    pub(super) fn over(&self) -> Duration {
        self.rules.over
    }
}

impl Burst {
    /// One more session ended; `standing` are left.
    fn end(
        &mut self,
        rules: DisconnectRules,
        standing: u32,
        jitter: Duration,
        now: Tick,
    ) -> Disconnect {
        if self.waiting == 0 && now.since(self.began) > ONE_SECOND {
            *self = Self { began: now, ends: 0, waiting: 0 };
        }
        self.ends = self.ends.saturating_add(1);
        let over = u64::try_from(rules.over.as_millis()).unwrap_or(u64::MAX);
        let all = u64::from(standing) + u64::from(self.ends);
        let share = all.saturating_mul(1000).div_ceil(over.max(1)).max(rules.crowd_min.into());
        let Some(rank) = u64::from(self.ends).checked_sub(share).filter(|rank| *rank > 0) else {
            return Disconnect::Now;
        };
        let waits = over.saturating_mul(rank) / all.saturating_sub(share).max(rank);
        let steps = waits / STEP_MS * STEP_MS;
        let at = self.began.after(Duration::from_millis(steps).saturating_add(jitter));
        if at <= now {
            return Disconnect::Now;
        }
        self.waiting = self.waiting.saturating_add(1);
        Disconnect::Later(at, if self.waiting == 1 { First::Yes } else { First::No })
    }

    /// One that waited is told.
    fn told(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }
}

const ONE_SECOND: Duration = Duration::from_secs(1);
/// Clients are told in steps, so that a core tells many in one turn; Dovecot's value.
const STEP_MS: u64 = 100;
/// Without a divisor in common with [`STEP_MS`], so that slots in a row meet every millisecond of a step.
const STRIDE_MS: u64 = 37;

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(seconds: u64, crowd_min: u32) -> DisconnectRules {
        DisconnectRules { over: Duration::from_secs(seconds), crowd_min }
    }

    /// So many of `all` sessions end at the same moment; when their clients are told, in milliseconds.
    fn told(rules: DisconnectRules, all: u32, ends: u32) -> Vec<u64> {
        let mut burst = Burst::default();
        let now = Tick(77_000);
        (1..=ends)
            .map(|end| match burst.end(rules, all - end, Duration::ZERO, now) {
                Disconnect::Now => 0,
                Disconnect::Later(at, _) => at.since(now).as_millis().try_into().unwrap(),
            })
            .collect()
    }

    #[test]
    fn wire_6_one_seconds_share_at_once_and_the_rest_over_the_time() {
        let times = told(rules(30, 50), 3000, 3000);
        assert_eq!(times.iter().filter(|time| **time == 0).count() / 10, 10, "3000 / 30");
        assert!(times.is_sorted());
        assert_eq!(times.last(), Some(&30_000));
        assert!(times.iter().all(|time| time % 100 == 0));
        for second in 0..30 {
            let in_second = |time: &&u64| (second * 1000..(second + 1) * 1000).contains(*time);
            let count = times.iter().filter(in_second).count();
            assert!(count <= 210, "{count} in second {second}");
        }
    }

    #[test]
    fn wire_6_a_few_are_no_crowd_and_zero_spreads_nothing() {
        assert_eq!(told(rules(30, 50), 50, 50), [0; 50]);
        assert_eq!(told(rules(30, 50), 3000, 90), [0; 90]);
        let crowd = told(rules(30, 50), 60, 60);
        assert_eq!(crowd.iter().filter(|time| **time == 0).count(), 50);
        assert_eq!(crowd.last(), Some(&30_000));
    }

    #[test]
    fn wire_6_sessions_that_end_one_by_one_are_no_burst() {
        let mut burst = Burst::default();
        for second in 0..1000 {
            let now = Tick(second * 20);
            let told = burst.end(rules(30, 50), 3000, Duration::ZERO, now);
            // Fifty a second are less than the hundred that are a second's share.
            assert_eq!(told, Disconnect::Now, "{second}");
        }
    }

    #[test]
    fn p5_the_next_burst_begins_anew_when_the_last_client_is_told() {
        let rules = rules(30, 1);
        let mut burst = Burst::default();
        let end = |burst: &mut Burst, standing, now| {
            burst.end(rules, standing, Duration::ZERO, Tick(now))
        };
        assert_eq!(end(&mut burst, 1, 5_000), Disconnect::Now);
        assert_eq!(end(&mut burst, 0, 5_000), Disconnect::Later(Tick(35_000), First::Yes));
        burst.told();
        assert_eq!(end(&mut burst, 100, 90_000), Disconnect::Now);
    }
}
