//! The clients of a backend that went are told over time, so that they do not all come back at once (wire.md 6,
//! *disconnect spreading*; palomar.md 5.5; reliability.md 3, P5).
//!
//! Decides: which client is told now, and when the others are. Does not: tell an ordinary end from a lost backend by what
//! was said, because a relay reads nothing. A client that sent something just before is told at once: it said goodbye, or
//! waits for an answer. Of the others, what goes in one second anyway goes at once, and only a crowd is spread.
//! Driver: `relay`. Tests: below, the simulator, and `tests/appliance/e2e/spread.rs`.

use std::time::Duration;

use crate::event::{EndedBy, Event};
use crate::limits;
use crate::ring::port::Port;
use crate::share::counters::Counter;
use crate::tick::Tick;

use super::connection::{Phase, Relay};
use super::core::Worker;
use super::io::socket::Side;
use super::relay::{low_byte, seconds};

/// How a crowd is spread.
#[derive(Clone, Copy, Debug)]
pub struct SpreadRules {
    /// `login_proxy_max_disconnect_delay`; zero: everybody is told at once.
    pub over: Duration,
    /// So many are no crowd, on one core.
    pub crowd_min: u32,
}

/// The ends of one backend's sessions that came one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    began: Tick,
    ends: u32,
    /// Clients that are not told yet.
    held: u32,
}

/// A client that is to be told later that its backend is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parting {
    at: Tick,
    /// How the backend's connection broke; `None`: it ended.
    word: Option<&'static str>,
}

/// When a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Now,
    /// The first of its burst that has to wait, or another one.
    Later(Tick, First),
}

/// Whether somebody waits already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Yes,
    No,
}

impl Burst {
    /// One more session ended; `standing` are left.
    pub(super) fn end(
        &mut self,
        rules: SpreadRules,
        standing: u32,
        jitter: Duration,
        now: Tick,
    ) -> Told {
        if self.held == 0 && now.since(self.began) > ONE_SECOND {
            *self = Self { began: now, ends: 0, held: 0 };
        }
        self.ends = self.ends.saturating_add(1);
        let over = u64::try_from(rules.over.as_millis()).unwrap_or(u64::MAX);
        let all = u64::from(standing) + u64::from(self.ends);
        let share = all.saturating_mul(1000).div_ceil(over.max(1)).max(rules.crowd_min.into());
        let Some(rank) = u64::from(self.ends).checked_sub(share).filter(|rank| *rank > 0) else {
            return Told::Now;
        };
        let waits = over.saturating_mul(rank) / all.saturating_sub(share).max(rank);
        let steps = waits / STEP_MS * STEP_MS;
        let at = self.began.after(Duration::from_millis(steps).saturating_add(jitter));
        if at <= now {
            return Told::Now;
        }
        self.held = self.held.saturating_add(1);
        Told::Later(at, if self.held == 1 { First::Yes } else { First::No })
    }

    /// One that waited is told.
    pub(super) fn told(&mut self) {
        self.held = self.held.saturating_sub(1);
    }
}

impl<P: Port> Worker<P> {
    /// The backend of a relay went, `word` says how if it broke. Whether the client is told later.
    pub(super) fn is_held(&mut self, slot: u32, word: Option<&'static str>) -> bool {
        let (now, rules) = (self.io.now, self.settings.spread);
        let Some(connection) = self.slots.get_mut(slot) else { return false };
        let Phase::Relay(relay) = &mut connection.phase else { return false };
        if relay.first_end.is_some() || rules.over.is_zero() {
            return false;
        }
        relay.first_end = Some(Side::Backend);
        if relay.is_talking(now) || self.draining.is_some() {
            return false;
        }
        let backend = std::sync::Arc::clone(&relay.label.home.backend);
        // Not all cores tell their first client in the same moment.
        let jitter = Duration::from_millis(self.asks.draw() % STEP_MS);
        let Told::Later(at, first) = self.hosts.relay_lost(slot, rules, jitter, now) else {
            return false;
        };
        self.hosts.partings.insert(slot, Parting { at, word });
        self.io.timers.set(slot, at);
        self.reports.count(Counter::EndsSpread);
        if first == First::Yes {
            let seconds = rules.over.as_secs_f64();
            self.reports.log(Event::Note {
                warning: true,
                text: format!(
                    "backend {backend} ends many sessions at once: their clients are told over {seconds} seconds \
                     (login_proxy_max_disconnect_delay), those that send something at once"
                )
                .into(),
            });
        }
        true
    }

    /// A direction of a relay whose client is to be told later is about to move. Whether that leaves everything as it is.
    pub(super) fn is_parting_kept(&mut self, slot: u32, source: Side) -> bool {
        let Some(connection) = self.slots.get_mut(slot) else { return true };
        let Phase::Relay(relay) = &connection.phase else { return true };
        match source {
            // It has something to say.
            Side::Client => self.part_early(slot),
            // Last bytes came back, and wait for the client to read: the end goes behind them.
            Side::Backend if relay.down.is_blocked() => drop(self.let_go(slot)),
            Side::Backend => return true,
        }
        false
    }

    /// Somebody who was to be told later has something to say: what happened to its backend happens now.
    fn part_early(&mut self, slot: u32) {
        match self.let_go(slot) {
            Some(Parting { word: None, .. }) => self.direction_ended(slot, Side::Backend),
            Some(Parting { word: Some(word), .. }) => {
                self.relay_broken(slot, EndedBy::Backend, word);
            }
            None => {}
        }
    }

    /// A deadline passed of a client that is to be told later; `false`: it is none of those.
    pub(super) fn is_parted(&mut self, slot: u32) -> bool {
        let Some(parting) = self.hosts.partings.get(&slot) else { return false };
        if self.io.now < parting.at {
            self.io.timers.set(slot, parting.at);
            return true;
        }
        match self.let_go(slot).and_then(|parting| parting.word) {
            Some(word) => self.relay_broken(slot, EndedBy::Backend, word),
            // It has been silent, and nobody is left to hear the rest of it.
            None => self.end_relay(slot, EndedBy::Backend, None),
        }
        true
    }

    /// A connection is over, whatever it was.
    pub(super) fn forget_relay(&mut self, slot: u32) {
        self.let_go(slot);
        self.hosts.relay_ends(slot);
    }

    /// Takes a slot off the list of those that wait, if it is there.
    fn let_go(&mut self, slot: u32) -> Option<Parting> {
        let parting = self.hosts.partings.remove(&slot)?;
        self.hosts.parted(slot);
        Some(parting)
    }
}

impl Relay {
    /// Whether the client sent something a moment ago, or bytes are on their way.
    fn is_talking(&self, now: Tick) -> bool {
        let silent = seconds(now).saturating_sub(self.moved_at);
        // The lowest byte is enough: if it is an old one that looks new, the client is told a little early.
        let unasked = low_byte(seconds(now)).wrapping_sub(self.asked_at);
        let silent = silent.max(unasked.into());
        self.up.is_blocked()
            || self.down.is_blocked()
            || u64::from(silent) <= limits::SPREAD_SILENCE.as_secs()
    }
}

const ONE_SECOND: Duration = Duration::from_secs(1);
/// Clients are told in steps, so that a core tells many in one turn; Dovecot's value.
const STEP_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(seconds: u64, crowd_min: u32) -> SpreadRules {
        SpreadRules { over: Duration::from_secs(seconds), crowd_min }
    }

    /// So many of `all` sessions end at the same moment; when their clients are told, in milliseconds.
    fn told(rules: SpreadRules, all: u32, ends: u32) -> Vec<u64> {
        let mut burst = Burst::default();
        let now = Tick(77_000);
        (1..=ends)
            .map(|end| match burst.end(rules, all - end, Duration::ZERO, now) {
                Told::Now => 0,
                Told::Later(at, _) => at.since(now).as_millis().try_into().unwrap(),
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
            assert_eq!(told, Told::Now, "{second}");
        }
    }

    #[test]
    fn p5_the_next_burst_begins_anew_when_the_last_client_is_told() {
        let rules = rules(30, 1);
        let mut burst = Burst::default();
        let end = |burst: &mut Burst, standing, now| {
            burst.end(rules, standing, Duration::ZERO, Tick(now))
        };
        assert_eq!(end(&mut burst, 1, 5_000), Told::Now);
        assert_eq!(end(&mut burst, 0, 5_000), Told::Later(Tick(35_000), First::Yes));
        burst.told();
        assert_eq!(end(&mut burst, 100, 90_000), Told::Now);
    }
}
