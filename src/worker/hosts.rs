//! What a core has seen of the backends' addresses lately, so that logins do not queue for one that is gone (W-FAIL-2),
//! and how many sessions it has there.
//!
//! Decides: whether a connect is worth its time. An address that has been failing for long gets one connect at a time, which
//! finds out whether it is back; whoever comes meanwhile is answered at once. Does not: mark a backend down; probes do, for
//! all cores. Driver: `drive`, `run`, `relay` and `spread`. Tests: below, and in the simulator.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::limits;
use crate::tick::Tick;

use super::spread::{Burst, Parting, SpreadRules, Told};

/// The addresses a core connects to.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    records: Vec<Record>,
    by_address: HashMap<SocketAddr, u16>,
    /// Which record the backend connection of a slot belongs to.
    places: Vec<Place>,
    /// Clients that are to be told later that their backend is gone, by slot.
    pub(super) partings: HashMap<u32, Parting>,
}

/// A slot's backend connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// The kernel has its connect.
    Connecting(u16),
    Connected(u16),
    /// A session of somebody who is logged in.
    Relayed(u16),
    /// The same, but the backend went.
    Lost(u16),
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// The first failure since the last success, and the last one.
    failing: Option<(Tick, Tick)>,
    /// Connects in flight.
    pending: u32,
    /// Sessions behind login.
    relays: u32,
    burst: Burst,
    budget: Budget,
}

/// Repeated connects that an address may still get: ten each second, and one for every five logins. When a
/// backend dies, its logins try again; without a bound a thousand clients would make four thousand connects of it
/// (reliability.md 3, P5). Each core has its own.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// In fifths of a connect.
    fifths: u32,
    at: Tick,
}

impl Default for Budget {
    fn default() -> Self {
        Self { fifths: BUDGET_FIFTHS_MAX, at: Tick(0) }
    }
}

impl Budget {
    fn earn(&mut self, now: Tick) {
        self.refill(now);
        self.fifths = (self.fifths + 1).min(BUDGET_FIFTHS_MAX);
    }

    fn spend(&mut self, now: Tick) -> bool {
        self.refill(now);
        let rest = self.fifths.checked_sub(5);
        self.fifths = rest.unwrap_or(self.fifths);
        rest.is_some()
    }

    fn refill(&mut self, now: Tick) {
        // 10 a second are 50 fifths a second, one each 20 ms.
        let due = now.since(self.at).as_millis() / 20;
        let due = u32::try_from(due).unwrap_or(BUDGET_FIFTHS_MAX);
        self.at = Tick(self.at.0 + u64::from(due) * 20).max(Tick(now.0.saturating_sub(20)));
        self.fifths = self.fifths.saturating_add(due).min(BUDGET_FIFTHS_MAX);
    }
}

/// Credits live ten seconds (Finagle's rule): what ten a second earn in that time, and the fifth of a thousand logins.
const BUDGET_FIFTHS_MAX: u32 = 5 * (100 + 200);

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    Badly,
    /// Cancelled, or for a reason of ours: it says nothing about the address.
    Unknown,
}

impl Hosts {
    /// A slot is about to connect, for the first time of its login or `again`. `false`: it should not, because the address has
    /// been failing and somebody waits already, or because the budget of repeated connects is spent.
    pub(super) fn begin(&mut self, slot: u32, to: SocketAddr, again: bool, now: Tick) -> bool {
        let Some(index) = self.index(to) else {
            self.put(slot, Place::Nowhere);
            return true;
        };
        let Some(record) = self.records.get_mut(usize::from(index)) else {
            return true;
        };
        if record.pending > 0 && record.is_down(now) {
            return false;
        }
        if again {
            if !record.budget.spend(now) {
                return false;
            }
        } else {
            record.budget.earn(now);
        }
        record.pending += 1;
        self.put(slot, Place::Connecting(index));
        true
    }

    /// The connect of a slot takes too long: it will be cancelled, but the address has failed now.
    pub(super) fn late(&mut self, slot: u32, now: Tick) {
        if let Some(record) = self.connecting_to(slot) {
            record.fail(now);
        }
    }

    /// The kernel returned the connect of a slot.
    pub(super) fn end(&mut self, slot: u32, ended: Ended, now: Tick) {
        let Place::Connecting(index) = self.place(slot) else {
            return;
        };
        let Some(record) = self.records.get_mut(usize::from(index)) else {
            return;
        };
        record.pending = record.pending.saturating_sub(1);
        match ended {
            Ended::Well => record.failing = None,
            Ended::Badly => record.fail(now),
            Ended::Unknown => {}
        }
        let is_there = ended == Ended::Well;
        self.put(slot, if is_there { Place::Connected(index) } else { Place::Nowhere });
    }

    /// A slot's session is logged in at the backend that it connected to.
    pub(super) fn relay_begins(&mut self, slot: u32) {
        let Place::Connected(index) = self.place(slot) else { return };
        if let Some(record) = self.records.get_mut(usize::from(index)) {
            record.relays += 1;
            self.put(slot, Place::Relayed(index));
        }
    }

    /// The session is over, if there was one.
    pub(super) fn relay_ends(&mut self, slot: u32) {
        if let Place::Relayed(index) = self.place(slot)
            && let Some(record) = self.records.get_mut(usize::from(index))
        {
            record.relays = record.relays.saturating_sub(1);
        }
        if matches!(self.place(slot), Place::Relayed(_) | Place::Lost(_)) {
            self.put(slot, Place::Nowhere);
        }
    }

    /// The session's backend went: when the client is told.
    pub(super) fn relay_lost(
        &mut self,
        slot: u32,
        rules: SpreadRules,
        jitter: Duration,
        now: Tick,
    ) -> Told {
        let Place::Relayed(index) = self.place(slot) else { return Told::Now };
        self.put(slot, Place::Lost(index));
        let Some(record) = self.records.get_mut(usize::from(index)) else { return Told::Now };
        record.relays = record.relays.saturating_sub(1);
        record.burst.end(rules, record.relays, jitter, now)
    }

    /// A client that was told later has been told.
    pub(super) fn parted(&mut self, slot: u32) {
        if let Place::Lost(index) = self.place(slot)
            && let Some(record) = self.records.get_mut(usize::from(index))
        {
            record.burst.told();
        }
    }

    /// The record of an address, made if there is room; without one the address counts as good.
    fn index(&mut self, address: SocketAddr) -> Option<u16> {
        if let Some(index) = self.by_address.get(&address) {
            return Some(*index);
        }
        if self.records.len() >= limits::HOSTS_WATCHED_MAX {
            return None;
        }
        let index = u16::try_from(self.records.len()).ok()?;
        self.records.push(Record::default());
        self.by_address.insert(address, index);
        Some(index)
    }

    fn connecting_to(&mut self, slot: u32) -> Option<&mut Record> {
        let Place::Connecting(index) = self.place(slot) else { return None };
        self.records.get_mut(usize::from(index))
    }

    fn place(&self, slot: u32) -> Place {
        let at = usize::try_from(slot).ok();
        at.and_then(|at| self.places.get(at)).copied().unwrap_or(Place::Nowhere)
    }

    fn put(&mut self, slot: u32, place: Place) {
        let Ok(slot) = usize::try_from(slot) else { return };
        if slot >= self.places.len() {
            self.places.resize(slot + 1, Place::Nowhere);
        }
        if let Some(kept) = self.places.get_mut(slot) {
            *kept = place;
        }
    }
}

impl Record {
    fn fail(&mut self, now: Tick) {
        let (first, _) = self.failing.unwrap_or((now, now));
        self.failing = Some((first, now));
    }

    /// Failing for long, and not long ago: what failed this morning may be well by now.
    fn is_down(self, now: Tick) -> bool {
        self.failing.is_some_and(|(first, last)| {
            last.since(first) > limits::FAIL_FAST_AFTER
                && now.since(last) <= limits::FAIL_FAST_AFTER
        })
    }
}

const _: () = assert!(limits::HOSTS_WATCHED_MAX < u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 143))
    }

    /// Fails in every one of so many seconds.
    fn failing_for(seconds: u64) -> Hosts {
        let mut hosts = Hosts::default();
        for second in 0..=seconds {
            let now = Tick(second * 1000);
            assert!(hosts.begin(7, host(), false, now));
            hosts.end(7, Ended::Badly, now);
        }
        hosts
    }

    #[test]
    fn w_fail_2_one_at_a_time_finds_out_and_the_others_are_told_at_once() {
        let mut hosts = failing_for(31);
        let now = Tick(31_500);
        assert!(hosts.begin(1, host(), false, now), "nobody waits for it yet");
        assert!(!hosts.begin(2, host(), false, now));
        assert!(
            hosts.begin(3, SocketAddr::from(([192, 0, 2, 2], 143)), false, now),
            "another address"
        );
        hosts.end(1, Ended::Well, now);
        assert!(
            hosts.begin(1, host(), false, now) && hosts.begin(2, host(), false, now),
            "it is back"
        );
    }

    #[test]
    fn w_fail_2_only_behind_thirty_seconds_of_failures() {
        let mut hosts = failing_for(30);
        let now = Tick(30_500);
        assert!(hosts.begin(1, host(), false, now) && hosts.begin(2, host(), false, now));
        // Cancelled by a client that left: nothing is learnt.
        hosts.end(1, Ended::Unknown, Tick(32_000));
        assert!(hosts.begin(1, host(), false, Tick(32_000)));
        hosts.late(2, Tick(32_000));
        assert!(!hosts.begin(3, host(), false, Tick(32_000)));
        hosts.end(2, Ended::Unknown, Tick(32_000));
    }

    #[test]
    fn w_fail_2_failures_of_long_ago_do_not_count() {
        let mut hosts = failing_for(40);
        let now = Tick(3_600_000);
        assert!(hosts.begin(1, host(), false, now) && hosts.begin(2, host(), false, now));
    }

    #[test]
    fn p5_repeated_connects_have_a_budget_of_ten_a_second_and_a_fifth_of_the_logins() {
        let mut hosts = Hosts::default();
        let repeat = |hosts: &mut Hosts, now: u64| {
            let allowed = hosts.begin(1, host(), true, Tick(now));
            hosts.end(1, Ended::Unknown, Tick(now));
            allowed
        };
        assert_eq!((0..1000).filter(|_| repeat(&mut hosts, 0)).count(), 300, "saved up");
        assert_eq!((0..1000).filter(|_| repeat(&mut hosts, 1_000)).count(), 10);
        for slot in 0..100 {
            assert!(hosts.begin(slot, host(), false, Tick(1_000)), "first connects are free");
            hosts.end(slot, Ended::Unknown, Tick(1_000));
        }
        assert_eq!((0..1000).filter(|_| repeat(&mut hosts, 1_000)).count(), 20);
        assert_eq!((0..1000).filter(|_| repeat(&mut hosts, 900_000)).count(), 300);
    }

    #[test]
    fn more_addresses_than_are_watched_count_as_good() {
        let mut hosts = Hosts::default();
        for number in 0..limits::HOSTS_WATCHED_MAX + 10 {
            let port = u16::try_from(number).unwrap();
            assert!(hosts.begin(1, SocketAddr::from(([192, 0, 2, 9], port)), false, Tick(0)));
            hosts.end(1, Ended::Badly, Tick(0));
        }
        assert_eq!(hosts.records.len(), limits::HOSTS_WATCHED_MAX);
    }
}
