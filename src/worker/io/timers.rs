//! Deadlines of all connections of a core: a hierarchical timer wheel.
//!
//! Each slot has at most one deadline, the nearest of whatever it waits for. Setting and clearing are constant time;
//! half-hour idle timers cost nothing until they are due, and no kernel timer exists per session (K-WHEEL-1).
//! A deadline is reported late by at most one unit, never early.

use std::time::Duration;

use crate::tick::Tick;

/// Length of one unit of the lowest level.
const UNIT_MS: u64 = 50;
const LEVELS: usize = 4;
/// Buckets of a level: as many as `occupied` has bits.
const BUCKETS: usize = 64;
const NONE: u32 = u32::MAX;
const UNSET: u16 = u16::MAX;

/// The timer wheel of a core.
#[derive(Debug)]
pub(in crate::worker) struct Timers {
    /// One link per slot that ever had a deadline; reserved at once, never moved.
    links: Vec<Link>,
    heads: [[u32; BUCKETS]; LEVELS],
    /// Which buckets of a level hold anything.
    occupied: [u64; LEVELS],
    /// The unit up to which everything has been reported.
    current: u64,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
    /// The unit in which the deadline falls, cut to 32 bits (6.8 years of 50 ms).
    due: u32,
    /// Level and bucket, or `UNSET`.
    place: u16,
}

impl Timers {
    pub(in crate::worker) const SLOT_BYTES: usize = size_of::<Link>();

    pub(in crate::worker) fn new(slots: u32) -> Self {
        Self {
            links: Vec::with_capacity(usize::try_from(slots).unwrap_or(0)),
            heads: [[NONE; BUCKETS]; LEVELS],
            occupied: [0; LEVELS],
            current: 0,
        }
    }

    /// Sets or moves the deadline of a slot.
    pub(in crate::worker) fn set(&mut self, slot: u32, at: Tick) {
        let due = at.0.div_ceil(UNIT_MS).max(self.current + 1);
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        match self.links.get(index) {
            // Most inputs of a session leave its deadline where it is.
            Some(link) if link.place != UNSET && u64::from(link.due) == due => return,
            Some(_) => self.clear(slot),
            None => {
                let empty = Link { previous: NONE, next: NONE, due: 0, place: UNSET };
                self.links.resize(index + 1, empty);
            }
        }
        self.place(slot, due);
    }

    /// Whether a slot has a deadline.
    pub(in crate::worker) fn is_set(&self, slot: u32) -> bool {
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        self.links.get(index).is_some_and(|link| link.place != UNSET)
    }

    /// How many slots have one, counted by walking the buckets: for checks.
    pub(in crate::worker) fn count(&self) -> usize {
        let next = |slot: &u32| {
            let link = self.links.get(usize::try_from(*slot).ok()?)?;
            (link.next != NONE).then_some(link.next)
        };
        let heads = self.heads.iter().flatten().copied().filter(|head| *head != NONE);
        heads.map(|head| std::iter::successors(Some(head), next).count()).sum()
    }

    /// Forgets the deadline of a slot.
    pub(in crate::worker) fn clear(&mut self, slot: u32) {
        let Some(link) = self.link(slot).copied() else {
            return;
        };
        if link.place == UNSET {
            return;
        }
        let (level, bucket) = (usize::from(link.place >> 6), usize::from(link.place & 63));
        if link.previous == NONE {
            self.heads[level][bucket] = link.next;
            if link.next == NONE {
                self.occupied[level] &= !(1 << bucket);
            }
        } else if let Some(previous) = self.link(link.previous) {
            previous.next = link.next;
        }
        if let Some(next) = self.link(link.next) {
            next.previous = link.previous;
        }
        if let Some(own) = self.link(slot) {
            own.place = UNSET;
        }
    }

    /// Appends every slot whose deadline has passed; its deadline is forgotten.
    pub(in crate::worker) fn expire(&mut self, now: Tick, due: &mut Vec<u32>) {
        let target = now.0 / UNIT_MS;
        if self.occupied == [0; LEVELS] {
            self.current = self.current.max(target);
            return;
        }
        while self.current < target {
            self.current += 1;
            self.cascade();
            let bucket = bucket_of(self.current, 0);
            while self.heads[0][bucket] != NONE {
                let slot = self.heads[0][bucket];
                self.clear(slot);
                due.push(slot);
            }
        }
    }

    /// How long nothing can become due; `None` when no deadline is set.
    pub(in crate::worker) fn quiet_for(&self, now: Tick) -> Option<Duration> {
        let mut nearest: Option<u64> = None;
        for (level, occupied) in self.occupied.iter().enumerate() {
            if *occupied == 0 {
                continue;
            }
            let position = self.current >> shift(level);
            // Rotated so that bit 0 is the bucket after the current one.
            let ahead = occupied.rotate_right(u32::try_from((position + 1) % 64).unwrap_or(0));
            let steps = u64::from(ahead.trailing_zeros()) + 1;
            let unit = (position + steps) << shift(level);
            nearest = Some(nearest.map_or(unit, |known| known.min(unit)));
        }
        nearest.map(|unit| Duration::from_millis((unit * UNIT_MS).saturating_sub(now.0)))
    }

    /// Moves the deadlines of a coarser bucket down when its span begins.
    fn cascade(&mut self) {
        for level in 1..LEVELS {
            if !self.current.is_multiple_of(1 << shift(level)) {
                return;
            }
            let bucket = bucket_of(self.current, level);
            let mut slot = self.heads[level][bucket];
            self.heads[level][bucket] = NONE;
            self.occupied[level] &= !(1 << bucket);
            while slot != NONE {
                let Some(link) = self.link(slot).copied() else {
                    break;
                };
                self.place(slot, u64::from(link.due).max(self.current));
                slot = link.next;
            }
        }
    }

    /// Puts a slot into the bucket of its unit, which is not in the past.
    fn place(&mut self, slot: u32, due: u64) {
        let distance = due - self.current;
        let level =
            (0..LEVELS).find(|&level| distance < 1 << shift(level + 1)).unwrap_or(LEVELS - 1);
        let bucket = bucket_of(due, level);
        let head = self.heads[level][bucket];
        self.heads[level][bucket] = slot;
        self.occupied[level] |= 1 << bucket;
        if let Some(next) = self.link(head) {
            next.previous = slot;
        }
        if let Some(own) = self.link(slot) {
            *own = Link {
                previous: NONE,
                next: head,
                due: u32::try_from(due).unwrap_or(u32::MAX),
                place: u16::try_from(level * BUCKETS + bucket).unwrap_or(UNSET),
            };
        }
    }

    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.links.get_mut(usize::try_from(slot).ok()?)
    }
}

/// Each level counts in units 64 times as long as the one below.
fn shift(level: usize) -> u32 {
    u32::try_from(6 * level).unwrap_or(0)
}

fn bucket_of(unit: u64, level: usize) -> usize {
    usize::try_from((unit >> shift(level)) % 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expired(timers: &mut Timers, at: u64) -> Vec<u32> {
        let mut due = Vec::new();
        timers.expire(Tick(at), &mut due);
        due.sort_unstable();
        due
    }

    #[test]
    fn deadlines_are_reported_once_and_never_early() {
        let mut timers = Timers::new(8);
        timers.set(0, Tick(120));
        timers.set(1, Tick(3_000));
        timers.set(2, Tick(1_860_000));
        assert!(expired(&mut timers, 119).is_empty());
        assert_eq!(expired(&mut timers, 150), [0]);
        assert!(expired(&mut timers, 2_999).is_empty());
        assert_eq!(expired(&mut timers, 3_050), [1]);
        assert!(expired(&mut timers, 1_859_999).is_empty());
        assert_eq!(expired(&mut timers, 1_860_050), [2]);
        assert_eq!(timers.quiet_for(Tick(1_860_050)), None);
    }

    #[test]
    fn moving_and_clearing_leave_nothing_behind() {
        let mut timers = Timers::new(8);
        timers.set(3, Tick(100));
        timers.set(4, Tick(100));
        timers.set(3, Tick(5_000));
        timers.clear(4);
        timers.clear(7);
        assert!(expired(&mut timers, 4_000).is_empty());
        assert_eq!(expired(&mut timers, 5_050), [3]);
    }

    proptest! {
        #[test]
        fn every_deadline_fires_within_one_unit_when_the_core_sleeps_as_told(
            deadlines in prop::collection::vec(1_u64..20_000_000, 1..40),
            start in 0_u64..10_000_000,
        ) {
            let mut timers = Timers::new(64);
            timers.expire(Tick(start), &mut Vec::new());
            for (slot, deadline) in deadlines.iter().enumerate() {
                timers.set(u32::try_from(slot).unwrap(), Tick(start + deadline));
            }
            let (mut now, mut seen) = (start, 0);
            while let Some(quiet) = timers.quiet_for(Tick(now)) {
                now += u64::try_from(quiet.as_millis()).unwrap().max(1);
                let mut due = Vec::new();
                timers.expire(Tick(now), &mut due);
                for slot in due {
                    let deadline = start + deadlines[slot as usize];
                    prop_assert!(now >= deadline, "early: {now} < {deadline}");
                    prop_assert!(now < deadline + 2 * UNIT_MS, "late: {now} for {deadline}");
                    seen += 1;
                }
            }
            prop_assert_eq!(seen, deadlines.len());
        }
    }
}
