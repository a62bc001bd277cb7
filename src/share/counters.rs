//! Counters: one cache line group per core, one writer each, any reader.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use super::beat::Beat;
use super::logins::Logins;
use crate::event::{Closed, Notice};
use crate::limits;

/// What is counted. The names are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Connections accepted.
    Accepted,
    /// Connections closed before a greeting: untrusted PROXY sender, bad header, no slot.
    Refused,
    /// Logins that reached a backend's OK.
    LoginSucceeded,
    /// Logins answered with a failure.
    LoginFailed,
    /// Backend attempts that failed, whether retried or not.
    BackendFailed,
    /// Sessions that ended after login.
    RelayEnded,
    /// Bytes from clients to backends.
    BytesUp,
    /// Bytes from backends to clients.
    BytesDown,
    /// Directions that switched to splice.
    Hot,
    /// Hot directions that found no pipe and stayed on copying (BE-17).
    PipeMissing,
    /// Completions of an earlier owner of a slot (UR-06).
    StaleCompletion,
    /// Accepts that failed for want of descriptors (RS-01).
    AcceptStarved,
    /// Log lines lost because the log's mailbox was full (RS-08).
    LogLost,
    /// Sessions closed because of a panic in their pure code (K-CORE-3).
    Panicked,
    /// Connections on which a password came in clear that had to come privately (W-SASL-4).
    PasswordExposed,
    /// Connections on which an untrusted client set forwarding facts (W-FWD-1).
    FactsForged,
    /// Logins at which a backend was not told everything (W-FWD-5).
    FactsLeftOut,
    /// Connections without a login that made room for newer ones (W-PIPE-7).
    CrowdedOut,
    /// Clients that were told later that their backend is gone (W-SPREAD-1).
    EndsSpread,
    /// Logins that did not wait for a backend that has been failing (W-FAIL-2).
    FailedFast,
    /// Referrals of backends that were followed (W-REF-1).
    Referred,
    /// TLS handshakes done, on either side.
    TlsHandshakes,
    /// Those of them that went on with an earlier session.
    TlsResumed,
    /// TLS that failed before login, in the handshake or behind it.
    TlsFailed,
    /// Clients whose certificate was not good, or that showed none where one is demanded (TL-20).
    CertificatesRefused,
    /// Connections closed because bytes in clear followed STARTTLS (TL-03).
    StarttlsPipelined,
    /// LMTP: a backend took a message over for a recipient.
    Delivered,
    /// LMTP: it did not, or was lost.
    Undelivered,
    /// Attempts at a backend that said in clear, where TLS begins, what counts for nothing (W-BTLS-4).
    WordsInClear,
    /// Logins that were routed by what is remembered while the GeoDB did not answer (C-CACHE-2).
    GeodbStaleRouting,
    /// Connects that were not made because the backend had as many connections as it may have (R-LOAD-2).
    BackendFull,
    /// Logins by what a password database said before, because it gave no answer.
    PassdbStaleReplies,
    /// Sessions whose token expired and that went on.
    TokensExpired,
    /// Connections closed because their address may send no PROXY header.
    ClosedUntrusted,
    /// Connections closed for a PROXY header that is none.
    ClosedBadHeader,
    /// Connections closed because no PROXY header came in time.
    ClosedLateHeader,
    /// Connections whose sender went away before its PROXY header was complete.
    ClosedUnfinishedHeader,
    /// Connections closed because the core had no place left.
    ClosedFull,
    /// Connections closed because the listener had too many, or too fast.
    ClosedCrowded,
    /// How often a direction of a session had to wait for its destination.
    RelayStalled,
    /// Turns of a core that took longer than one should (`limits::SLOW_TURN`).
    SlowTurns,
    /// Turns after which the kernel kept completions back because the ring had no room for them.
    RingFull,
    /// Completions that the kernel lost because it had no memory for them either.
    RingLost,
}

impl Counter {
    /// Every counter, in the order of the enum.
    pub const ALL: [Self; 43] = [
        Self::Accepted,
        Self::Refused,
        Self::LoginSucceeded,
        Self::LoginFailed,
        Self::BackendFailed,
        Self::RelayEnded,
        Self::BytesUp,
        Self::BytesDown,
        Self::Hot,
        Self::PipeMissing,
        Self::StaleCompletion,
        Self::AcceptStarved,
        Self::LogLost,
        Self::Panicked,
        Self::PasswordExposed,
        Self::FactsForged,
        Self::FactsLeftOut,
        Self::CrowdedOut,
        Self::EndsSpread,
        Self::FailedFast,
        Self::Referred,
        Self::TlsHandshakes,
        Self::TlsResumed,
        Self::TlsFailed,
        Self::CertificatesRefused,
        Self::StarttlsPipelined,
        Self::Delivered,
        Self::Undelivered,
        Self::WordsInClear,
        Self::GeodbStaleRouting,
        Self::BackendFull,
        Self::PassdbStaleReplies,
        Self::TokensExpired,
        Self::ClosedUntrusted,
        Self::ClosedBadHeader,
        Self::ClosedLateHeader,
        Self::ClosedUnfinishedHeader,
        Self::ClosedFull,
        Self::ClosedCrowded,
        Self::RelayStalled,
        Self::SlowTurns,
        Self::RingFull,
        Self::RingLost,
    ];

    /// What counts a notice.
    #[must_use]
    pub fn of(notice: Notice) -> Self {
        match notice {
            Notice::PasswordExposed => Self::PasswordExposed,
            Notice::FactsForged => Self::FactsForged,
            Notice::FactsLeftOut => Self::FactsLeftOut,
            Notice::WordsInClear => Self::WordsInClear,
            Notice::TokenExpired => Self::TokensExpired,
        }
    }

    /// What counts a connection that was closed before anything was answered.
    #[must_use]
    pub fn of_closed(closed: Closed) -> Self {
        match closed {
            Closed::UntrustedSender => Self::ClosedUntrusted,
            Closed::BadHeader => Self::ClosedBadHeader,
            Closed::LateHeader => Self::ClosedLateHeader,
            Closed::UnfinishedHeader => Self::ClosedUnfinishedHeader,
            Closed::Full => Self::ClosedFull,
            Closed::Crowded => Self::ClosedCrowded,
        }
    }

    /// Name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::BackendFailed => "backend_failed",
            Self::RelayEnded => "relay_ended",
            Self::BytesUp => "bytes_up",
            Self::BytesDown => "bytes_down",
            Self::Hot => "hot",
            Self::PipeMissing => "pipe_missing",
            Self::StaleCompletion => "stale_completion",
            Self::AcceptStarved => "accept_starved",
            Self::LogLost => "log_lost",
            Self::Panicked => "panicked",
            Self::PasswordExposed => "password_exposed",
            Self::FactsForged => "facts_forged",
            Self::FactsLeftOut => "facts_left_out",
            Self::CrowdedOut => "crowded_out",
            Self::EndsSpread => "ends_spread",
            Self::FailedFast => "failed_fast",
            Self::Referred => "referred",
            Self::TlsHandshakes => "tls_handshakes",
            Self::TlsResumed => "tls_resumed",
            Self::TlsFailed => "tls_failed",
            Self::CertificatesRefused => "certificates_refused",
            Self::StarttlsPipelined => "starttls_pipelined",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::WordsInClear => "words_in_clear",
            Self::GeodbStaleRouting => "geodb_stale_routing",
            Self::BackendFull => "backend_full",
            Self::PassdbStaleReplies => "passdb_stale_replies",
            Self::TokensExpired => "tokens_expired",
            Self::ClosedUntrusted => "closed_untrusted_sender",
            Self::ClosedBadHeader => "closed_bad_header",
            Self::ClosedLateHeader => "closed_late_header",
            Self::ClosedUnfinishedHeader => "closed_unfinished_header",
            Self::ClosedFull => "closed_full",
            Self::ClosedCrowded => "closed_crowded",
            Self::RelayStalled => "relay_stalled",
            Self::SlowTurns => "slow_turns",
            Self::RingFull => "ring_full",
            Self::RingLost => "ring_lost",
        }
    }
}

/// The counters of one core.
#[derive(Debug)]
pub struct Counters {
    cells: CachePadded<[AtomicU64; Counter::ALL.len()]>,
    /// Milliseconds of the core's longest turn.
    longest_turn_ms: AtomicU64,
    /// Logins, by more than their number.
    pub logins: Logins,
    /// Whether the core turns.
    pub beat: Beat,
    /// Sockets that the core listens on.
    listening: AtomicU64,
    /// The serial of the edition of the configuration that the core goes by.
    edition: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        let cells = CachePadded::new([const { AtomicU64::new(0) }; Counter::ALL.len()]);
        Self {
            cells,
            longest_turn_ms: AtomicU64::new(0),
            logins: Logins::default(),
            beat: Beat::default(),
            listening: AtomicU64::new(0),
            edition: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// Adds to a counter. Only the owning core calls this, so load and store need not be one operation.
    pub fn add(&self, counter: Counter, by: u64) {
        if let Some(cell) = self.cells.get(counter as usize) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
        }
    }

    /// The owning core listens on so many sockets.
    pub fn listens(&self, sockets: u64) {
        self.listening.store(sockets, Ordering::Relaxed);
    }

    /// The owning core goes by the edition of this serial.
    pub fn goes_by(&self, edition: u64) {
        self.edition.store(edition, Ordering::Relaxed);
    }

    /// The serial of the edition that the core goes by.
    #[must_use]
    pub fn edition(&self) -> u64 {
        self.edition.load(Ordering::Relaxed)
    }

    /// On how many sockets the core listens.
    #[must_use]
    pub fn listening(&self) -> u64 {
        self.listening.load(Ordering::Relaxed)
    }

    /// A turn of the core has taken so long. Most take less than a millisecond and leave no trace. Only the owning core calls this.
    pub fn took_turn(&self, took: Duration) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if milliseconds > self.longest_turn_ms.load(Ordering::Relaxed) {
            self.longest_turn_ms.store(milliseconds, Ordering::Relaxed);
        }
        if took >= limits::SLOW_TURN {
            self.add(Counter::SlowTurns, 1);
        }
    }

    /// The longest turn so far, for any thread.
    #[must_use]
    pub fn longest_turn(&self) -> Duration {
        Duration::from_millis(self.longest_turn_ms.load(Ordering::Relaxed))
    }

    /// The value of a counter, for any thread.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.cells.get(counter as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_turn_stays_and_slow_ones_are_counted() {
        let counters = Counters::default();
        for milliseconds in [0, 3, 250, 12] {
            counters.took_turn(Duration::from_millis(milliseconds));
        }
        assert_eq!(counters.longest_turn(), Duration::from_millis(250));
        assert_eq!(counters.get(Counter::SlowTurns), 2);
    }

    #[test]
    fn each_counter_has_a_cell_and_a_name_of_its_own() {
        let counters = Counters::default();
        for (position, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, position);
            counters.add(counter, position as u64 + 1);
        }
        for (position, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counters.get(counter), position as u64 + 1, "{}", counter.name());
        }
    }
}
