//! What logins have seen of other sites' load balancers: written by data cores, read by the control core (C-SITE-9).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use papaya::HashMap;

use crate::limits;

/// Attempts by host and endpoint. Clones are the same book. Only logins of users of other sites write here.
#[derive(Clone, Debug, Default)]
pub struct SiteAttempts(Arc<HashMap<Key, Tally>>);

type Key = (Arc<str>, SocketAddr);

/// Since the last look.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicU32,
    failed: AtomicU32,
}

/// What attempts at one endpoint came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// As in the site's row.
    pub host: Arc<str>,
    /// Where the connections went.
    pub endpoint: SocketAddr,
    /// Those that were answered, if only with a refusal.
    pub answered: u32,
    /// Those that were not.
    pub failed: u32,
}

impl SiteAttempts {
    /// An attempt has ended.
    pub fn note(&self, host: &Arc<str>, endpoint: SocketAddr, is_reached: bool) {
        let pinned = self.0.pin();
        let key = (Arc::clone(host), endpoint);
        let tally = match pinned.get(&key) {
            Some(tally) => tally,
            None if pinned.len() >= limits::HOSTS_WATCHED_MAX => return,
            None => pinned.get_or_insert_with(key, Tally::default),
        };
        let count = if is_reached { &tally.answered } else { &tally.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// What was attempted since the last look; endpoints at which nothing was are left out.
    #[must_use]
    pub fn take(&self) -> Vec<Attempted> {
        let pinned = self.0.pin();
        let all = pinned.iter().map(|((host, endpoint), tally)| Attempted {
            host: Arc::clone(host),
            endpoint: *endpoint,
            answered: tally.answered.swap(0, Ordering::Relaxed),
            failed: tally.failed.swap(0, Ordering::Relaxed),
        });
        all.filter(|seen| seen.answered + seen.failed > 0).collect()
    }

    /// Forgets hosts that are no load balancer any more.
    pub fn keep_only(&self, is_known: impl Fn(&str) -> bool) {
        self.0.pin().retain(|(host, _), _| is_known(host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_site_9_attempts_are_counted_until_they_are_looked_at() {
        let book = SiteAttempts::default();
        let (host, endpoint): (Arc<str>, _) =
            ("lb2".into(), SocketAddr::from(([10, 0, 0, 1], 143)));
        for is_reached in [true, false, false] {
            book.clone().note(&host, endpoint, is_reached);
        }
        let seen = Attempted { host: host.clone(), endpoint, answered: 1, failed: 2 };
        assert_eq!((book.take(), book.take()), (vec![seen], vec![]));
        book.note(&host, endpoint, true);
        book.keep_only(|host| host != "lb2");
        assert_eq!(book.take(), []);
    }

    #[test]
    fn c_site_9_the_book_is_bounded() {
        let book = SiteAttempts::default();
        for port in 0..u16::try_from(limits::HOSTS_WATCHED_MAX + 9).unwrap() {
            book.note(&"lb2".into(), SocketAddr::from(([10, 0, 0, 1], port)), false);
        }
        assert_eq!(book.take().len(), limits::HOSTS_WATCHED_MAX);
    }
}
