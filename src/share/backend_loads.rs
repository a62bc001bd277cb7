//! How many connections backends have: logins under way and sessions of all data cores, counted where they are made (R-LOAD-1).
//!
//! Decides: whether there is room for one more (R-LOAD-2). Does not: choose a bound, or another backend. A login takes a place here
//! before it connects, a session gives it back at its end; a byte that is relayed touches nothing. Two cores that ask at the
//! same moment may both be told no where one would have fit, and never both yes. Tests: below.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use papaya::HashMap;

use crate::limits;

/// Connections by host. Clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct BackendLoads(Arc<Book>);

#[derive(Debug, Default)]
struct Book {
    loads: HashMap<Arc<str>, Arc<Load>>,
    /// A bound was asked for.
    is_bounded: AtomicBool,
}

/// The connections of one host.
#[derive(Debug, Default)]
pub struct Load {
    /// Of this process.
    here: AtomicU32,
    /// Of the other proxies of the site, as they told last.
    elsewhere: AtomicU32,
}

/// One of a host's connections, for as long as it is kept.
#[derive(Debug)]
pub struct Place(Option<Arc<Load>>);

/// There are as many connections as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The connections of one host, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadNow {
    /// As in the row, or as a password database has it.
    pub host: Arc<str>,
    /// Those of this process.
    pub here: u32,
    /// Those of the other proxies.
    pub elsewhere: u32,
}

impl BackendLoads {
    /// Takes a place at a host that may have `most` connections; 0: any number.
    ///
    /// # Errors
    /// It has that many.
    pub fn take(&self, host: &Arc<str>, most: u32) -> Result<Place, Full> {
        let pinned = self.0.loads.pin();
        let load = match pinned.get(host) {
            Some(load) => load,
            // Not counted rather than refused: names of passdbs may be many.
            None if pinned.len() >= limits::LOADS_KEPT_MAX => return Ok(Place(None)),
            None => pinned.get_or_insert_with(Arc::clone(host), Arc::default),
        };
        load.enter();
        let place = Place(Some(Arc::clone(load)));
        if most == 0 {
            return Ok(place);
        }
        if !self.is_bounded() {
            self.expect_bounds(true);
        }
        if load.total() > most { Err(Full) } else { Ok(place) }
    }

    /// Whether any host's connections were bounded: then it matters how many the other proxies have.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.0.is_bounded.load(Ordering::Relaxed)
    }

    /// The hosts that have or had connections.
    #[must_use]
    pub fn now(&self) -> Vec<LoadNow> {
        let pinned = self.0.loads.pin();
        let all = pinned.iter().map(|(host, load)| LoadNow {
            host: Arc::clone(host),
            here: load.here.load(Ordering::Relaxed),
            elsewhere: load.elsewhere.load(Ordering::Relaxed),
        });
        all.collect()
    }

    /// Whether a bound is configured, whether or not a login has met it.
    pub fn expect_bounds(&self, is_bounded: bool) {
        self.0.is_bounded.store(is_bounded, Ordering::Relaxed);
    }

    /// What the other proxies of the site have, of all hosts at once.
    pub fn set_elsewhere(&self, told: &BTreeMap<Arc<str>, u32>) {
        let pinned = self.0.loads.pin();
        for (host, load) in pinned.iter() {
            load.elsewhere.store(told.get(host).copied().unwrap_or(0), Ordering::Relaxed);
        }
        for (host, count) in told {
            if pinned.get(host).is_none() && pinned.len() < limits::LOADS_KEPT_MAX {
                let load = pinned.get_or_insert_with(Arc::clone(host), Arc::default);
                load.elsewhere.store(*count, Ordering::Relaxed);
            }
        }
    }

    /// Forgets hosts without connections that are not in the cluster any more.
    pub fn keep_only(&self, is_known: impl Fn(&str) -> bool) {
        let is_in_use = |load: &Load| load.here.load(Ordering::Relaxed) > 0;
        self.0.loads.pin().retain(|host, load| is_known(host) || is_in_use(load));
    }
}

impl Load {
    /// One more.
    pub fn enter(&self) {
        self.here.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn leave(&self) {
        let before = self.here.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a connection leaves a host that has none");
    }

    fn total(&self) -> u32 {
        let elsewhere = self.elsewhere.load(Ordering::Relaxed);
        self.here.load(Ordering::Relaxed).saturating_add(elsewhere)
    }
}

impl Place {
    /// What it counts in, for sessions that share one value with others of their backend; none: it is not counted.
    #[must_use]
    pub fn load(&self) -> Option<&Arc<Load>> {
        self.0.as_ref()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(load) = &self.0 {
            load.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn r_load_2_no_more_places_than_the_bound_and_each_is_free_again() {
        let loads = BackendLoads::default();
        let host: Arc<str> = "be1".into();
        let first = loads.take(&host, 2).unwrap();
        let second = loads.take(&host, 2).unwrap();
        assert!(loads.take(&host, 2).is_err());
        assert!(loads.take(&"be2".into(), 2).is_ok(), "each backend has its own");
        let unbounded = loads.take(&host, 0).unwrap();
        drop((first, unbounded));
        let third = loads.take(&host, 2).unwrap();
        assert_eq!(here(&loads, "be1"), 2);
        drop((second, third));
        assert_eq!(here(&loads, "be1"), 0);
    }

    fn here(loads: &BackendLoads, host: &str) -> u32 {
        loads.now().iter().find(|load| &*load.host == host).map_or(0, |load| load.here)
    }

    #[test]
    fn r_load_3_what_other_proxies_have_counts_as_well() {
        let loads = BackendLoads::default();
        let host: Arc<str> = "be1".into();
        let _one = loads.take(&host, 0).unwrap();
        assert!(!loads.is_bounded());
        loads.set_elsewhere(&BTreeMap::from([(Arc::clone(&host), 5), ("be2".into(), 9)]));
        assert!(loads.take(&host, 6).is_err());
        assert!(loads.is_bounded());
        assert!(loads.take(&host, 7).is_ok());
        assert!(loads.take(&"be2".into(), 9).is_err(), "told of before its first login here");
        loads.set_elsewhere(&BTreeMap::new());
        assert!(loads.take(&host, 2).is_ok());
    }

    #[test]
    fn r_load_2_cores_that_ask_at_the_same_moment_never_take_more_than_there_are() {
        let loads = BackendLoads::default();
        let host: Arc<str> = "be1".into();
        let taken = || {
            let all: Vec<_> = (0..200).filter_map(|_| loads.take(&host, 100).ok()).collect();
            all
        };
        let kept = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(taken)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<Place>>()
        });
        assert!(kept.len() <= 100, "{}", kept.len());
        assert_eq!(here(&loads, "be1"), u32::try_from(kept.len()).unwrap());
    }

    #[test]
    fn r_load_1_hosts_without_connections_are_forgotten_and_the_book_is_bounded() {
        let loads = BackendLoads::default();
        let busy = loads.take(&"old".into(), 0).unwrap();
        loads.keep_only(|_| false);
        assert_eq!(here(&loads, "old"), 1, "it is still in use");
        drop(busy);
        loads.keep_only(|_| false);
        assert!(loads.now().is_empty());
        let all: Vec<Place> = (0..limits::LOADS_KEPT_MAX + 9)
            .map(|number| loads.take(&format!("be{number}").into(), 1).unwrap())
            .collect();
        assert_eq!(loads.now().len(), limits::LOADS_KEPT_MAX);
        drop(all);
    }
}
