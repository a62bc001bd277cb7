//! Writes that may be late: what a proxy measured, and what its probes found. No login waits for them.
//!
//! Duty: keeping them while the GeoDB does not answer, the last one of each row, and never losing one without a word: those that
//! find the queue full are refused and counted, those whose row has changed meanwhile are counted. Non-duty: making them, telling
//! the log (`tasks::late_writes`). Tests: below.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use super::error::GeoDbError;
use super::values::BackendUpdate;
use crate::limits;
use crate::route::rows::SiteReachability;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LateWrite {
    /// What the proxies of one site measured of another.
    Reachability(SiteReachability),
    /// A change to a backend's row.
    Backend {
        /// The backend's site.
        site_id: Uuid,
        /// The backend.
        id: Uuid,
        /// Status, share, and what the row has to say.
        update: BackendUpdate,
    },
}

/// The row that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LateKey {
    Reachability(Uuid, Uuid),
    Backend(Uuid, Uuid),
}

impl LateWrite {
    fn key(&self) -> LateKey {
        match self {
            Self::Reachability(row) => LateKey::Reachability(row.src_site_id, row.dest_site_id),
            Self::Backend { site_id, id, .. } => LateKey::Backend(*site_id, *id),
        }
    }

    /// Takes in a later write of the same row, as if both were made one after the other. False: the later one would have been
    /// left alone.
    fn take_in(&mut self, later: Self) -> bool {
        match (self, later) {
            (Self::Backend { update, .. }, Self::Backend { update: later, .. }) => {
                joined(update, later)
            }
            (this, later) => {
                *this = later;
                true
            }
        }
    }
}

fn joined(first: &mut BackendUpdate, later: BackendUpdate) -> bool {
    match (&first.status, &later.expected_status) {
        (Some((written, _)), Some(expected)) if written != expected => return false,
        // What the first one expects decides about both.
        (Some(_), Some(_)) => {}
        (None, Some(_)) => first.expected_status = later.expected_status,
        (_, None) if later.status.is_some() => first.expected_status = None,
        (_, None) => {}
    }
    first.status = later.status.or_else(|| first.status.take());
    first.load_factor = later.load_factor.or(first.load_factor);
    true
}

impl fmt::Display for LateWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reachability(row) => {
                write!(f, "the reachability of site {} from {}", row.dest_site_id, row.src_site_id)
            }
            Self::Backend { id, update, .. } => match &update.status {
                Some((status, _)) => write!(f, "the status {} of backend {id}", status.as_str()),
                None => write!(f, "the load factor of backend {id}"),
            },
        }
    }
}

/// How many wait, and what became of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LateCounts {
    /// Rows that wait to be written.
    pub waiting: usize,
    /// Not taken, because the queue was full.
    pub refused: u64,
    /// Not written, because their row said something else by then.
    pub overtaken: u64,
}

/// The queue. Clones are the same one; one task empties it.
#[derive(Clone, Debug, Default)]
pub struct LateWrites(Arc<Shared>);

#[derive(Debug, Default)]
#[expect(clippy::disallowed_types, reason = "on the control core alone, and never across an await")]
struct Shared {
    queue: std::sync::Mutex<Queue>,
    arrived: Notify,
}

impl LateWrites {
    /// Keeps a write until it can be made.
    ///
    /// # Errors
    /// As many rows wait as may.
    pub(super) fn put(&self, write: LateWrite) -> Result<(), GeoDbError> {
        let what = write.to_string();
        let is_taken = self.queue(|queue| queue.put(write));
        self.0.arrived.notify_one();
        match is_taken {
            true => Ok(()),
            false => {
                Err(GeoDbError::Full { what: what.into(), max: limits::GEODB_LATE_WRITES_MAX })
            }
        }
    }

    /// The next one to be made, once there is one. It stays in the queue until [`Self::made`], and comes again after
    /// [`Self::failed`].
    pub async fn next(&self) -> LateWrite {
        loop {
            match self.queue(Queue::next) {
                Some(write) => return write,
                None => self.0.arrived.notified().await,
            }
        }
    }

    /// The one that [`Self::next`] gave has been made.
    pub fn made(&self) {
        self.queue(Queue::made);
    }

    /// Its row says something else by now, and was left alone.
    pub fn overtaken(&self) {
        self.queue(|queue| {
            queue.overtaken += 1;
            queue.made();
        });
    }

    /// It could not be made; the others come first.
    pub fn failed(&self) {
        self.queue(Queue::failed);
    }

    /// What the row of one site will say of another, once all that waits is written; none: nothing waits for that row.
    #[must_use]
    pub fn reachability(&self, src: Uuid, dest: Uuid) -> Option<SiteReachability> {
        let last = |queue: &mut Queue| {
            let entry = queue.entries.get(&LateKey::Reachability(src, dest))?;
            entry.waiting.as_ref().or(entry.begun.as_ref()).cloned()
        };
        match self.queue(last)? {
            LateWrite::Reachability(row) => Some(row),
            LateWrite::Backend { .. } => None,
        }
    }

    /// See [`LateCounts`].
    #[must_use]
    pub fn counts(&self) -> LateCounts {
        self.queue(|queue| LateCounts {
            waiting: queue.order.len(),
            refused: queue.refused,
            overtaken: queue.overtaken,
        })
    }

    fn queue<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        look(&mut self.0.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[derive(Debug, Default)]
struct Queue {
    /// The first is the one that is being made.
    order: VecDeque<LateKey>,
    entries: HashMap<LateKey, Entry>,
    refused: u64,
    overtaken: u64,
}

/// What waits for one row.
#[derive(Debug, Default)]
struct Entry {
    /// Was begun, and may have been made: nothing later is joined to it.
    begun: Option<LateWrite>,
    /// Comes after that.
    waiting: Option<LateWrite>,
}

impl Queue {
    /// False: it is full.
    fn put(&mut self, write: LateWrite) -> bool {
        let key = write.key();
        if let Some(entry) = self.entries.get_mut(&key) {
            match &mut entry.waiting {
                Some(waiting) => self.overtaken += u64::from(!waiting.take_in(write)),
                None => entry.waiting = Some(write),
            }
            return true;
        }
        if self.order.len() >= limits::GEODB_LATE_WRITES_MAX {
            self.refused += 1;
            return false;
        }
        self.order.push_back(key);
        self.entries.insert(key, Entry { begun: None, waiting: Some(write) });
        true
    }

    fn next(&mut self) -> Option<LateWrite> {
        let entry = self.entries.get_mut(self.order.front()?)?;
        if entry.begun.is_none() {
            entry.begun = entry.waiting.take();
        }
        entry.begun.clone()
    }

    fn made(&mut self) {
        let Some(key) = self.order.pop_front() else { return };
        match self.entries.get_mut(&key) {
            Some(entry) if entry.waiting.is_some() => {
                entry.begun = None;
                self.order.push_back(key);
            }
            _ => {
                self.entries.remove(&key);
            }
        }
    }

    fn failed(&mut self) {
        if !self.order.is_empty() {
            self.order.rotate_left(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::rows::BackendStatus::{self, Offline, Online, Standby};

    fn measured(dest: u128, reachable: i64) -> LateWrite {
        LateWrite::Reachability(SiteReachability {
            src_site_id: Uuid::from_u128(1),
            dest_site_id: Uuid::from_u128(dest),
            reachable: Some(reachable),
        })
    }

    fn probed(expected: Option<BackendStatus>, status: BackendStatus) -> LateWrite {
        let update = BackendUpdate {
            status: Some((status, "auto".into())),
            load_factor: None,
            expected_status: expected,
        };
        LateWrite::Backend { site_id: Uuid::from_u128(1), id: Uuid::from_u128(2), update }
    }

    #[test]
    fn of_each_row_the_last_wins_and_rows_take_turns() {
        let mut queue = Queue::default();
        for (dest, reachable) in [(1, 1), (2, 1), (1, 0), (2, 0), (1, 5)] {
            assert!(queue.put(measured(dest, reachable)));
        }
        assert_eq!(queue.next(), Some(measured(1, 5)));
        // It may have been made by now: what comes later is written after it.
        assert!(queue.put(measured(1, 6)));
        queue.failed();
        assert_eq!(queue.next(), Some(measured(2, 0)));
        queue.made();
        assert_eq!(queue.next(), Some(measured(1, 5)));
        queue.made();
        assert_eq!(queue.next(), Some(measured(1, 6)));
        queue.made();
        assert_eq!((queue.next(), queue.entries.len()), (None, 0));
    }

    #[test]
    fn what_a_row_will_say_is_the_last_that_waits_for_it() {
        let late = LateWrites::default();
        let will_say =
            || late.reachability(Uuid::from_u128(1), Uuid::from_u128(2)).map(|row| row.reachable);
        assert_eq!(will_say(), None);
        late.put(measured(2, 0)).unwrap();
        assert_eq!(will_say(), Some(Some(0)));
        late.queue(Queue::next);
        assert_eq!(will_say(), Some(Some(0)), "it is under way");
        late.put(measured(2, 1)).unwrap();
        assert_eq!(will_say(), Some(Some(1)));
        late.made();
        assert_eq!(will_say(), Some(Some(1)));
        late.queue(Queue::next);
        late.made();
        assert_eq!(will_say(), None);
    }

    #[test]
    fn changes_of_a_status_join_as_if_each_had_been_made() {
        let mut queue = Queue::default();
        assert!(queue.put(probed(Some(Online), Offline)));
        assert!(queue.put(probed(Some(Offline), Standby)));
        assert_eq!(queue.next(), Some(probed(Some(Online), Standby)));
        assert!(queue.put(probed(Some(Standby), Online)), "that one is under way");
        assert!(queue.put(probed(Some(Offline), Standby)), "it would find the row online");
        assert_eq!(queue.overtaken, 1);
        queue.made();
        assert_eq!(queue.next(), Some(probed(Some(Standby), Online)));
        queue.made();
        assert!(queue.put(probed(Some(Online), Offline)) && queue.put(probed(None, Online)));
        assert_eq!(queue.next(), Some(probed(None, Online)), "an order that expects nothing");
    }

    #[test]
    fn a_full_queue_refuses_new_rows_and_says_so() {
        let late = LateWrites::default();
        for n in 0..limits::GEODB_LATE_WRITES_MAX {
            late.put(measured(n as u128, 1)).unwrap();
        }
        let error = late.put(measured(u128::MAX, 1)).unwrap_err();
        assert!(error.to_string().contains("the reachability of site ffffffff"), "{error}");
        late.put(measured(0, 0)).unwrap();
        let counts = late.counts();
        assert_eq!((counts.waiting, counts.refused), (limits::GEODB_LATE_WRITES_MAX, 1));
    }
}
