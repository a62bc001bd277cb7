//! How much memory hashes may take that run at the same time (R-HASH-1).
//!
//! Decides: who may begin. The hash that has waited longest comes first, so that a large hash is not overtaken for ever by small ones.
//! Driver: `hashing`. Tests: below.

use std::sync::{Condvar, MutexGuard, PoisonError};

/// Memory shared by the threads of the pool.
#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "the pool's threads may wait for each other; no data core comes here"
)]
pub(super) struct MemoryBudget {
    kib: u64,
    state: std::sync::Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free_kib: u64,
    /// The number of the next one that comes, and of the next one that may begin.
    next: u64,
    serving: u64,
}

/// A part of the budget in use; it goes back when this is dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a MemoryBudget,
    kib: u64,
}

impl MemoryBudget {
    #[expect(clippy::disallowed_types, reason = "see the type")]
    pub(super) fn new(bytes: u64) -> Self {
        let kib = bytes / 1024;
        let state = State { free_kib: kib, next: 0, serving: 0 };
        Self { kib, state: std::sync::Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until so much is free. `None`: it never will be, because it is more than all.
    pub(super) fn take(&self, kib: u32) -> Option<Share<'_>> {
        let kib = u64::from(kib);
        if kib > self.kib {
            return None;
        }
        if kib > 0 {
            let mut state = self.state();
            let own = state.next;
            state.next += 1;
            while state.serving != own || state.free_kib < kib {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.serving += 1;
            state.free_kib -= kib;
            drop(state);
            // The next one may find enough, too.
            self.changed.notify_all();
        }
        Some(Share { budget: self, kib })
    }

    /// A panic leaves the numbers whole: they change in single steps.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.kib > 0 {
            self.budget.state().free_kib += self.kib;
            self.budget.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn r_hash_1_hashes_at_the_same_time_stay_within_the_budget() {
        let budget = MemoryBudget::new(100 << 10);
        let (used, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u32 {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    for round in 0..200_u32 {
                        let kib = (thread * 31 + round * 17) % 101;
                        let share = budget.take(kib).unwrap();
                        let now = used.fetch_add(u64::from(kib), Ordering::SeqCst) + u64::from(kib);
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        used.fetch_sub(u64::from(kib), Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100, "{most:?}");
        assert_eq!(budget.state().free_kib, 100);
    }

    #[test]
    fn r_hash_1_more_than_all_is_refused_and_nothing_needs_nothing() {
        let budget = MemoryBudget::new(100 << 10);
        assert!(budget.take(101).is_none());
        let all = budget.take(100).unwrap();
        // Would wait for ever if it had to.
        drop(budget.take(0).unwrap());
        drop(all);
        drop(budget.take(100).unwrap());
    }

    #[test]
    fn a_hash_that_panics_gives_its_memory_back() {
        let budget = MemoryBudget::new(100 << 10);
        let panicked = std::panic::catch_unwind(|| {
            let _share = budget.take(100);
            panic!("a bug");
        });
        assert!(panicked.is_err());
        assert_eq!(budget.state().free_kib, 100);
    }
}
