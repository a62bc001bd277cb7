//! A group of clients with one plan: how many, against what, at what pace, and what they measured.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::protocol::Protocol;
use super::proxy_header::ProxySource;
use super::tls::TlsClients;
use crate::histogram::Histogram;

/// What clients of a group do once they are logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// 64-byte exchanges for ever; closed loop, or paced if the group has a rate.
    Ping,
    /// Downloads of this size, one after the other.
    Download { bytes: u64 },
    /// Uploads of this size, one after the other.
    Upload { bytes: u64 },
    /// One exchange, then silence.
    Park,
    /// Messages of this size by MAIL, RCPT and DATA, one after the other.
    Deliver { bytes: u64 },
    /// One exchange (of LMTP: one short message), log out, start anew.
    WholeSession,
    /// One download of this size of which not a byte is read.
    Stall { bytes: u64 },
    /// Nothing at all is said.
    Silent,
    /// One byte at a time, at the group's rate, in the middle of something that comes before a login.
    Trickle,
}

/// How clients log in where the protocol leaves a choice; ManageSieve and Submission have PLAIN only, LMTP has no
/// login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LoginCommand {
    /// IMAP's `LOGIN` with quoted strings, POP3's `USER` and `PASS`.
    #[default]
    Login,
    /// SASL PLAIN with an initial response.
    Plain,
    /// SASL SCRAM-SHA-256 with an initial response, IMAP only.
    #[value(name = "scram-sha-256")]
    ScramSha256,
}

/// Who the clients are and how they come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) protocol: Protocol,
    /// `%d` becomes the user's number.
    pub(crate) user_pattern: String,
    pub(crate) password: String,
    /// User numbers run from 0 to this, then start again.
    pub(crate) users: u64,
    pub(crate) command: LoginCommand,
    /// Whose address each connection's PROXY header names; `None`: there is no header.
    pub(crate) proxy_source: Option<ProxySource>,
    pub(crate) tls: Option<TlsClients>,
}

impl Credentials {
    pub(crate) fn user(&self, number: u64) -> String {
        self.user_pattern.replace("%d", &(number % self.users.max(1)).to_string())
    }
}

/// What a group is asked to be.
#[derive(Clone, Debug)]
pub(crate) struct GroupOrder {
    pub(crate) plan: Plan,
    pub(crate) target: SocketAddrV4,
    /// Clients connect from these in turn; empty leaves it to the kernel.
    pub(crate) sources: Vec<Ipv4Addr>,
    pub(crate) credentials: Credentials,
    /// How many clients there shall be.
    pub(crate) population: usize,
    /// How many may be between connect and login at one time.
    pub(crate) logins_at_once: usize,
    /// Commands (of `Plan::Ping`), bytes (of `Plan::Trickle`) or new connections (of every other plan) per second.
    pub(crate) rate: Option<f64>,
    pub(crate) late: Late,
}

/// What becomes of connections that could not begin when they were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Late {
    /// They never do: the rate is an upper bound.
    #[default]
    Dropped,
    /// They begin as soon as they can, and their time counts from when they were due: a queue shows.
    MadeUp,
}

/// A client that may be opened now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) number: u64,
    pub(super) source: Option<Ipv4Addr>,
    pub(super) target: SocketAddrV4,
    /// Since when its time counts.
    pub(super) since: Instant,
}

/// A running group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) plan: Plan,
    pub(crate) credentials: Credentials,
    pub(crate) stats: Stats,
    /// Clients that reached the silent end of their plan.
    pub(crate) parked: usize,
    target: SocketAddrV4,
    sources: Vec<Ipv4Addr>,
    population: usize,
    logins_at_once: usize,
    interval: Option<Duration>,
    late: Late,
    due: Instant,
    open: usize,
    before_login: usize,
    next_number: u64,
    /// Clients of a paced load that wait for their turn, by slot token.
    idle: VecDeque<u64>,
}

impl Group {
    pub(super) fn new(order: GroupOrder, now: Instant) -> Self {
        Self {
            plan: order.plan,
            credentials: order.credentials,
            stats: Stats::default(),
            parked: 0,
            target: order.target,
            sources: order.sources,
            population: order.population,
            logins_at_once: order.logins_at_once,
            interval: order.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            late: order.late,
            due: now,
            open: 0,
            before_login: 0,
            next_number: 0,
            idle: VecDeque::new(),
        }
    }

    /// How many clients are logged in.
    pub(crate) fn logged_in_now(&self) -> usize {
        self.open - self.before_login
    }

    /// Whether all clients are logged in, or where they stay without a login.
    pub(crate) fn is_complete(&self) -> bool {
        self.logged_in_now() == self.population
    }

    /// Whether all clients are silent.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked == self.population
    }

    /// One line about where the group stands, for error messages.
    pub(crate) fn state(&self) -> String {
        format!(
            "{} of {} clients logged in, {} logging in, {} failed{}",
            self.logged_in_now(),
            self.population,
            self.before_login,
            self.stats.failures,
            self.stats
                .first_failure
                .as_ref()
                .map(|text| format!(" (first: {text})"))
                .unwrap_or_default()
        )
    }

    pub(super) fn is_paced(&self) -> bool {
        self.interval.is_some()
    }

    /// When the command or connection that is sent now was due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.interval.map(|_| self.due)
    }

    /// When the next thing of a paced load is due.
    pub(super) fn until_due(&self, now: Instant) -> Option<Duration> {
        self.interval.map(|_| self.due.saturating_duration_since(now))
    }

    /// Sessions that were due and are not over: those under way, and those that wait for a place.
    pub(crate) fn under_way(&self, now: Instant) -> f64 {
        let behind = match (self.interval, self.late) {
            (Some(interval), Late::MadeUp) => {
                now.saturating_duration_since(self.due).as_secs_f64() / interval.as_secs_f64()
            }
            _ => 0.0,
        };
        self.open as f64 + behind
    }

    /// The next client if one may be opened now.
    pub(super) fn next_client(&mut self, now: Instant) -> Option<Start> {
        if self.open >= self.population || self.before_login >= self.logins_at_once {
            return None;
        }
        let is_for_commands = matches!(self.plan, Plan::Ping | Plan::Trickle);
        let mut since = now;
        if let Some(interval) = self.interval.filter(|_| !is_for_commands) {
            if now < self.due {
                return None;
            }
            match self.late {
                Late::Dropped => self.due = (self.due + interval).max(now),
                Late::MadeUp => {
                    since = self.due;
                    self.due += interval;
                }
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        self.open += 1;
        self.before_login += 1;
        let source = (!self.sources.is_empty())
            .then(|| self.sources[usize::try_from(number).unwrap_or(0) % self.sources.len()]);
        Some(Start { number, source, target: self.target, since })
    }

    /// The client whose paced command is due, if any.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<u64> {
        self.interval.filter(|_| now >= self.due)?;
        self.idle.pop_front()
    }

    /// Counts a paced command as sent.
    pub(super) fn paced(&mut self) {
        if let Some(interval) = self.interval {
            self.due += interval;
        }
    }

    /// Starts the pace anew, so a pause of the engine is not made up for in a burst.
    pub(super) fn restart_pace(&mut self, now: Instant) {
        self.due = now;
    }

    pub(super) fn push_idle(&mut self, token: u64) {
        self.idle.push_back(token);
    }

    /// A client that will never log in is where it stays.
    pub(super) fn settled(&mut self) {
        self.before_login -= 1;
    }

    /// No client is left, and none comes.
    pub(super) fn dismiss(&mut self) {
        (self.population, self.open, self.before_login) = (0, 0, 0);
        self.idle.clear();
    }

    pub(super) fn logged_in(&mut self, duration: Duration) {
        self.before_login -= 1;
        self.stats.logins.record(duration);
    }

    /// Takes a client out of the count.
    pub(super) fn closed(&mut self, before_login: bool, leaving: bool) {
        self.open -= 1;
        if before_login {
            self.before_login -= 1;
        }
        if leaving {
            self.stats.sessions += 1;
        } else {
            self.stats.fail(Failure::Closed);
        }
    }
}

/// What a group measured since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Greetings received.
    pub(crate) greetings: u64,
    /// Commands answered.
    pub(crate) replies: u64,
    /// From command to answer.
    pub(crate) latency: Histogram,
    /// From connect to the answer of the login.
    pub(crate) logins: Histogram,
    /// Logins over TLS that resumed an earlier session, and that did not.
    pub(crate) resumed: u64,
    pub(crate) full: u64,
    /// Bulk bytes that reached the reader (download) or left the writer (upload).
    pub(crate) bytes: u64,
    /// Whole sessions, logged out in order.
    pub(crate) sessions: u64,
    /// Clients that ended otherwise.
    pub(crate) failures: u64,
    pub(crate) first_failure: Option<Failure>,
}

impl Stats {
    pub(super) fn shook_hands(&mut self, resumed: bool) {
        if resumed {
            self.resumed += 1;
        } else {
            self.full += 1;
        }
    }

    /// Counts one failure; a refusal and the close that follows count once.
    pub(super) fn fail(&mut self, failure: Failure) {
        if failure == Failure::Closed {
            self.failures += 1;
        }
        if self.first_failure.is_none() {
            self.first_failure = Some(failure);
        }
    }
}

/// Why a client ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Closed,
    Refused(String),
    Protocol(String),
}

impl Failure {
    pub(super) fn refused(line: &[u8]) -> Self {
        Self::Refused(String::from_utf8_lossy(line).trim_end().to_owned())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => formatter.write_str("connection refused or closed"),
            Self::Refused(line) => write!(formatter, "refused: {line}"),
            Self::Protocol(what) => formatter.write_str(what),
        }
    }
}
