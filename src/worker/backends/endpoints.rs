//! Backend endpoints: what a core has seen of the addresses it connects to lately, so that logins do not queue for one that
//! is gone (W-FAIL-2).
//!
//! An endpoint that has been failing for long gets one connect at a time, which finds out whether it is back; every other
//! login is answered at once meanwhile. Repeated connects of one login have a budget.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;

use crate::limits;
use crate::tick::Tick;

use super::budget::RetryBudget;

/// The endpoints of a core.
#[derive(Debug)]
pub(in crate::worker) struct Endpoints {
    records: Vec<Record>,
    by_address: HashMap<SocketAddr, EndpointId>,
    /// Where the last connect of a slot went, by slot; memory is taken as slots are first used.
    connects: Vec<Connect>,
}

/// One address and port of a backend, for as long as the core runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::worker) struct EndpointId(NonZeroU16);

impl EndpointId {
    fn of_index(index: usize) -> Option<Self> {
        u16::try_from(index + 1).ok().and_then(NonZeroU16::new).map(Self)
    }

    /// Its place in a table with a row for each endpoint.
    pub(in crate::worker) fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// What became of the last connect of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connect {
    /// There was none, it failed, or its endpoint is not watched.
    None,
    /// The kernel has it.
    InFlight(EndpointId),
    Done(EndpointId),
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// The first failure since the last success, and the last one.
    failing: Option<(Tick, Tick)>,
    /// Connects in flight.
    pending: u32,
    budget: RetryBudget,
}

/// Whether a login connects for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Try {
    First,
    Again,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Ended {
    Well,
    Badly,
    /// Cancelled, or for a reason of ours: it says nothing about the endpoint.
    Unknown,
}

impl Endpoints {
    pub(in crate::worker) const SLOT_BYTES: usize = size_of::<Connect>();

    /// For a table of so many slots.
    pub(super) fn new(slots: u32) -> Self {
        Self {
            records: Vec::new(),
            by_address: HashMap::new(),
            connects: Vec::with_capacity(usize::try_from(slots).unwrap_or(0)),
        }
    }

    /// A slot is about to connect. `false`: it should not, because the endpoint has been failing and another connect tries it
    /// already, or because the budget of repeated connects is spent.
    pub(super) fn begin(&mut self, slot: u32, to: SocketAddr, which: Try, now: Tick) -> bool {
        let Some(id) = self.endpoint(to) else {
            self.put(slot, Connect::None);
            return true;
        };
        let Some(record) = self.records.get_mut(id.index()) else {
            debug_assert!(false, "an endpoint without a record");
            return true;
        };
        if record.pending > 0 && record.is_down(now) {
            return false;
        }
        match which {
            Try::First => record.budget.earn(now),
            Try::Again if record.budget.spend(now) => {}
            Try::Again => return false,
        }
        record.pending += 1;
        self.put(slot, Connect::InFlight(id));
        true
    }

    /// The connect of a slot takes too long: it will be cancelled, but the endpoint has failed now.
    pub(super) fn give_up(&mut self, slot: u32, now: Tick) {
        if let Connect::InFlight(id) = self.connect_of(slot)
            && let Some(record) = self.records.get_mut(id.index())
        {
            record.fail(now);
        }
    }

    /// The kernel returned the connect of a slot.
    pub(super) fn end(&mut self, slot: u32, ended: Ended, now: Tick) {
        let Connect::InFlight(id) = self.connect_of(slot) else {
            return;
        };
        let Some(record) = self.records.get_mut(id.index()) else {
            debug_assert!(false, "an endpoint without a record");
            return;
        };
        record.pending = record.pending.saturating_sub(1);
        match ended {
            Ended::Well => record.failing = None,
            Ended::Badly => record.fail(now),
            Ended::Unknown => {}
        }
        let is_there = ended == Ended::Well;
        self.put(slot, if is_there { Connect::Done(id) } else { Connect::None });
    }

    /// The endpoint that a slot is connected to, if it is watched.
    pub(super) fn connected(&self, slot: u32) -> Option<EndpointId> {
        match self.connect_of(slot) {
            Connect::Done(id) => Some(id),
            Connect::None | Connect::InFlight(_) => None,
        }
    }

    /// How many connects are in flight, as endpoints count them and as slots do.
    pub(super) fn in_flight(&self) -> [usize; 2] {
        let is_in_flight = |connect: &&Connect| matches!(connect, Connect::InFlight(_));
        let slots = self.connects.iter().filter(is_in_flight).count();
        [self.records.iter().map(|record| record.pending as usize).sum(), slots]
    }

    /// The endpoint of an address, made if there is room; without one the address counts as good.
    fn endpoint(&mut self, address: SocketAddr) -> Option<EndpointId> {
        if let Some(id) = self.by_address.get(&address) {
            return Some(*id);
        }
        if self.records.len() >= limits::HOSTS_WATCHED_MAX {
            return None;
        }
        let id = EndpointId::of_index(self.records.len())?;
        self.records.push(Record::default());
        self.by_address.insert(address, id);
        Some(id)
    }

    fn connect_of(&self, slot: u32) -> Connect {
        let at = usize::try_from(slot).ok();
        at.and_then(|at| self.connects.get(at)).copied().unwrap_or(Connect::None)
    }

    fn put(&mut self, slot: u32, connect: Connect) {
        let Ok(slot) = usize::try_from(slot) else { return };
        if slot >= self.connects.len() {
            self.connects.resize(slot + 1, Connect::None);
        }
        if let Some(kept) = self.connects.get_mut(slot) {
            *kept = connect;
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

    fn address() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 143))
    }

    /// Fails in every one of so many seconds.
    fn failing_for(seconds: u64) -> Endpoints {
        let mut endpoints = Endpoints::new(8);
        for second in 0..=seconds {
            let now = Tick(second * 1000);
            assert!(endpoints.begin(7, address(), Try::First, now));
            endpoints.end(7, Ended::Badly, now);
        }
        endpoints
    }

    #[test]
    fn w_fail_2_one_at_a_time_finds_out_and_the_others_are_told_at_once() {
        let mut endpoints = failing_for(31);
        let now = Tick(31_500);
        assert!(endpoints.begin(1, address(), Try::First, now), "nobody waits for it yet");
        assert!(!endpoints.begin(2, address(), Try::First, now));
        assert!(
            endpoints.begin(3, SocketAddr::from(([192, 0, 2, 2], 143)), Try::First, now),
            "another address"
        );
        endpoints.end(1, Ended::Well, now);
        assert!(
            endpoints.begin(1, address(), Try::First, now)
                && endpoints.begin(2, address(), Try::First, now),
            "it is back"
        );
    }

    #[test]
    fn w_fail_2_only_behind_thirty_seconds_of_failures() {
        let mut endpoints = failing_for(30);
        let now = Tick(30_500);
        assert!(
            endpoints.begin(1, address(), Try::First, now)
                && endpoints.begin(2, address(), Try::First, now)
        );
        // Cancelled by a client that left: nothing is learnt.
        endpoints.end(1, Ended::Unknown, Tick(32_000));
        assert!(endpoints.begin(1, address(), Try::First, Tick(32_000)));
        endpoints.give_up(2, Tick(32_000));
        assert!(!endpoints.begin(3, address(), Try::First, Tick(32_000)));
        endpoints.end(2, Ended::Unknown, Tick(32_000));
    }

    #[test]
    fn w_fail_2_failures_of_long_ago_do_not_count() {
        let mut endpoints = failing_for(40);
        let now = Tick(3_600_000);
        assert!(
            endpoints.begin(1, address(), Try::First, now)
                && endpoints.begin(2, address(), Try::First, now)
        );
    }

    #[test]
    fn p5_repeated_connects_have_a_budget_of_ten_a_second_and_a_fifth_of_the_logins() {
        let mut endpoints = Endpoints::new(8);
        let repeat = |endpoints: &mut Endpoints, now: u64| {
            let allowed = endpoints.begin(1, address(), Try::Again, Tick(now));
            endpoints.end(1, Ended::Unknown, Tick(now));
            allowed
        };
        assert_eq!((0..1000).filter(|_| repeat(&mut endpoints, 0)).count(), 300, "saved up");
        assert_eq!((0..1000).filter(|_| repeat(&mut endpoints, 1_000)).count(), 10);
        for slot in 0..100 {
            assert!(
                endpoints.begin(slot, address(), Try::First, Tick(1_000)),
                "first connects are free"
            );
            endpoints.end(slot, Ended::Unknown, Tick(1_000));
        }
        assert_eq!((0..1000).filter(|_| repeat(&mut endpoints, 1_000)).count(), 20);
        assert_eq!((0..1000).filter(|_| repeat(&mut endpoints, 900_000)).count(), 300);
    }

    #[test]
    fn more_addresses_than_are_watched_count_as_good() {
        let mut endpoints = Endpoints::new(8);
        for number in 0..limits::HOSTS_WATCHED_MAX + 10 {
            let port = u16::try_from(number).unwrap();
            assert!(endpoints.begin(
                1,
                SocketAddr::from(([192, 0, 2, 9], port)),
                Try::First,
                Tick(0)
            ));
            endpoints.end(1, Ended::Badly, Tick(0));
        }
        assert_eq!(endpoints.records.len(), limits::HOSTS_WATCHED_MAX);
    }
}
