//! What logins have seen of backends: written by data cores, read by the control core's probes (R-PROBE-3).
//!
//! Decides: which failures of a login make the control core look at once. Does not: judge a backend (`health`). A login writes
//! here once for each attempt at a backend; a byte that is relayed never does. Tests: below.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use papaya::HashMap;

use super::mailbox::Mailbox;
use crate::fault::{Blame, Failure};
use crate::limits;
use crate::names::Protocol;
use crate::ring::wake::Waker;
use crate::tick::Tick;

/// Attempts by backend and protocol. Clones are the same book.
#[derive(Clone, Debug)]
pub struct Evidence(Arc<Book>);

#[derive(Debug)]
struct Book {
    tallies: HashMap<Key, Tally>,
    doubts: Arc<Mailbox<Doubted>>,
}

type Key = (Arc<str>, Protocol);

/// A login failed at this backend, or waits there in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubted {
    /// As in the row.
    pub host: Arc<str>,
    /// What was spoken.
    pub protocol: Protocol,
}

/// How an attempt of a login at a backend goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The backend has let the user in.
    Succeeded,
    /// It has sent the user elsewhere.
    SentOn,
    /// It has not.
    Failed(Failure),
    /// It has said nothing for [`limits::BACKEND_SILENT_AFTER`], and is waited for.
    Silent,
}

#[derive(Debug, Default)]
struct Tally {
    counts: [AtomicU64; COUNTS],
    bytes: AtomicU64,
    last_well: AtomicU64,
    last_failed: AtomicU64,
    /// The control core knows that it is doubted, and has not looked yet.
    is_doubted: AtomicBool,
}

/// What is counted, in the order of [`Seen::counts`]; the names are those of `proxy_dest_stats`.
pub const COUNT_NAMES: [&str; COUNTS] = [
    "login_ok",
    "login_fail",
    "login_tempfail",
    "connect_fail",
    "remote_fail",
    "redirect",
    "silent",
];
const COUNTS: usize = 7;

/// What has been seen of one backend by one protocol, since this process began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As in the row.
    pub host: Arc<str>,
    /// What was spoken.
    pub protocol: Protocol,
    /// Attempts, by what came of them.
    pub counts: [u64; COUNTS],
    /// Bytes of sessions that have ended, both ways, and of mail that was delivered.
    pub bytes: u64,
    /// The last one that the backend let in.
    pub last_well: Option<Tick>,
    /// The last one that failed by the backend's doing.
    pub last_failed: Option<Tick>,
}

impl Seen {
    /// Attempts that had a connection, whatever became of them.
    #[must_use]
    pub fn connected(&self) -> u64 {
        let [well, failed, for_now, _, remote, sent_on, _] = self.counts;
        well + failed + for_now + remote + sent_on
    }
}

impl Evidence {
    /// An empty book.
    ///
    /// # Errors
    /// The kernel's, when it has no descriptor left for a wake-up.
    pub fn new() -> std::io::Result<Self> {
        let doubts = Arc::new(Mailbox::new(limits::DOUBTS_MAX, Waker::new()?));
        Ok(Self(Arc::new(Book { tallies: HashMap::new(), doubts })))
    }

    /// An attempt has come to this.
    pub fn note(&self, host: &Arc<str>, protocol: Protocol, attempt: Attempt, now: Tick) {
        let pinned = self.0.tallies.pin();
        let key = (Arc::clone(host), protocol);
        let tally = match pinned.get(&key) {
            Some(tally) => tally,
            None if pinned.len() >= limits::EVIDENCE_KEPT_MAX => return,
            None => pinned.get_or_insert_with(key, Tally::default),
        };
        if let Some(count) = tally.counts.get(place(attempt)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        match attempt {
            Attempt::Succeeded => tally.last_well.store(written(now), Ordering::Relaxed),
            Attempt::Failed(failure) if is_backends_doing(failure) => {
                tally.last_failed.store(written(now), Ordering::Relaxed);
                self.doubt(tally, host, protocol);
            }
            Attempt::Silent => self.doubt(tally, host, protocol),
            Attempt::Failed(_) | Attempt::SentOn => {}
        }
    }

    /// A session of this backend has ended that moved so many bytes, or mail of that size was delivered.
    pub fn moved(&self, host: &Arc<str>, protocol: Protocol, bytes: u64) {
        let key = (Arc::clone(host), protocol);
        // Of a host at which no login was made nothing is kept.
        if let Some(tally) = self.0.tallies.pin().get(&key) {
            tally.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn doubt(&self, tally: &Tally, host: &Arc<str>, protocol: Protocol) {
        // One message is enough, however many logins fail until it is read.
        if tally.is_doubted.swap(true, Ordering::Relaxed) {
            return;
        }
        let doubted = Doubted { host: Arc::clone(host), protocol };
        if self.0.doubts.send(doubted).is_err() {
            tally.is_doubted.store(false, Ordering::Relaxed);
        }
    }

    /// Where doubts arrive.
    #[must_use]
    pub fn doubts(&self) -> Arc<Mailbox<Doubted>> {
        Arc::clone(&self.0.doubts)
    }

    /// A doubt is being looked into: the next failure is a new one.
    pub fn looked_into(&self, doubted: &Doubted) {
        let key = (Arc::clone(&doubted.host), doubted.protocol);
        if let Some(tally) = self.0.tallies.pin().get(&key) {
            tally.is_doubted.store(false, Ordering::Relaxed);
        }
    }

    /// All that has been seen.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let pinned = self.0.tallies.pin();
        let all = pinned.iter().map(|((host, protocol), tally)| Seen {
            host: Arc::clone(host),
            protocol: *protocol,
            counts: tally.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            bytes: tally.bytes.load(Ordering::Relaxed),
            last_well: read(&tally.last_well),
            last_failed: read(&tally.last_failed),
        });
        all.collect()
    }

    /// Forgets hosts that are no backend any more.
    pub fn keep_only(&self, is_known: impl Fn(&str) -> bool) {
        self.0.tallies.pin().retain(|(host, _), _| is_known(host));
    }
}

fn place(attempt: Attempt) -> usize {
    match attempt {
        Attempt::Succeeded => 0,
        Attempt::Failed(Failure::BackendTempFail) => 2,
        Attempt::Failed(Failure::Connect) => 3,
        Attempt::Failed(failure) if failure.blame() == Blame::Client => 1,
        Attempt::Failed(_) => 4,
        Attempt::SentOn => 5,
        Attempt::Silent => 6,
    }
}

/// Whether a login's failure says something of the backend, and not of the user or of us.
fn is_backends_doing(failure: Failure) -> bool {
    failure.is_of_place()
}

/// Zero stands for never.
fn written(tick: Tick) -> u64 {
    tick.0.saturating_add(1)
}

fn read(written: &AtomicU64) -> Option<Tick> {
    written.load(Ordering::Relaxed).checked_sub(1).map(Tick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_probe_3_many_failures_of_a_backend_are_one_doubt_until_it_is_looked_into() {
        let book = Evidence::new().unwrap();
        let host: Arc<str> = "be1".into();
        let note = |attempt| book.note(&host, Protocol::Imap, attempt, Tick(7));
        note(Attempt::Succeeded);
        for failure in [Failure::Credentials, Failure::Limit, Failure::Internal] {
            note(Attempt::Failed(failure));
        }
        note(Attempt::SentOn);
        assert_eq!(book.doubts().take(), None, "a user's matter, or ours");
        for attempt in [Attempt::Failed(Failure::Connect), Attempt::Silent, Attempt::Silent] {
            note(attempt);
        }
        let doubted = Doubted { host: host.clone(), protocol: Protocol::Imap };
        assert_eq!((book.doubts().take(), book.doubts().take()), (Some(doubted.clone()), None));
        book.looked_into(&doubted);
        note(Attempt::Failed(Failure::BackendTempFail));
        assert_eq!(book.doubts().take(), Some(doubted));
        let seen = book.seen();
        assert_eq!(seen[0].counts, [1, 2, 1, 1, 1, 1, 2]);
        book.moved(&host, Protocol::Imap, 70);
        book.moved(&host, Protocol::Imap, 7);
        book.moved(&host, Protocol::Pop3, 700);
        assert_eq!(book.seen().iter().map(|seen| seen.bytes).collect::<Vec<_>>(), [77]);
        assert_eq!((seen[0].last_well, seen[0].last_failed), (Some(Tick(7)), Some(Tick(7))));
        book.keep_only(|host| host != "be1");
        assert_eq!(book.seen(), []);
    }

    #[test]
    fn r_probe_3_the_book_is_bounded() {
        let book = Evidence::new().unwrap();
        for number in 0..limits::EVIDENCE_KEPT_MAX + 9 {
            let host = format!("be{number}").into();
            book.note(&host, Protocol::Imap, Attempt::Failed(Failure::Remote), Tick(0));
        }
        assert_eq!(book.seen().len(), limits::EVIDENCE_KEPT_MAX);
        // A doubt that found no room is no lost one.
        while book.doubts().take().is_some() {}
        let last = format!("be{}", limits::DOUBTS_MAX).into();
        book.note(&last, Protocol::Imap, Attempt::Failed(Failure::Remote), Tick(1));
        let doubted = Doubted { host: last, protocol: Protocol::Imap };
        assert_eq!(book.doubts().take(), Some(doubted));
    }
}
