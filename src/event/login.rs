//! What the lines of a login tell beside whom they are about: how the client came, how long each step took, and what became
//! of the logins that it tried.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::facts::Security;

/// What is known of a connection before its login has succeeded (`login_log_format_elements`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// What the client connected to.
    pub local: IpPort,
    /// The TCP peer.
    pub socket: IpPort,
    /// This end of the peer's connection.
    pub own: IpPort,
    /// The host name that the client asked for.
    pub local_name: Option<Box<str>>,
    /// How the password was presented; none: no login was tried.
    pub mechanism: Option<&'static str>,
    /// How private the connection is.
    pub privacy: Privacy,
    /// The user's group, where a backend was chosen.
    pub group: Option<Box<str>>,
    /// How long the steps took.
    pub spent: Spent,
}

// A burst of logins leaves so many of them waiting for the log, and the allocator has no smaller piece above 112 bytes.
const _: () = assert!(size_of::<Details>() <= 128);

/// An address and its port, without what no line tells of a [`SocketAddr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPort {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

impl From<SocketAddr> for IpPort {
    fn from(address: SocketAddr) -> Self {
        Self { ip: address.ip(), port: address.port() }
    }
}

/// How private a client's connection is, in the words of Dovecot's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// In clear.
    None,
    /// In clear, from this host or from a trusted peer.
    Trusted,
    /// In a TLS handshake.
    Handshaking,
    /// TLS with us.
    Tls(Security),
    /// TLS that ended at the sender of the PROXY header.
    TlsInFront,
}

impl Privacy {
    /// What it is in one word or two; empty in clear.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Trusted => "secured",
            Self::Handshaking => "TLS handshaking",
            Self::Tls(_) | Self::TlsInFront => "TLS",
        }
    }
}

/// A step of a connection on its way to a login that Hale, and not the client, takes its time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginStep {
    /// From accept until the PROXY header is complete.
    Header,
    /// The client's TLS handshake.
    Tls,
    /// From the credentials to the verdict of the password databases.
    Auth,
    /// What a password database holds a login back (`delay_until`), and pauses between two attempts.
    Delay,
    /// The question where the user lives.
    Route,
    /// TCP connections to backends.
    Connect,
    /// TLS handshakes with backends.
    BackendTls,
    /// The backends' greetings and logins.
    BackendLogin,
}

impl LoginStep {
    /// The word in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Delay => "delay",
            Self::Route => "route",
            Self::Connect => "connect",
            Self::BackendTls => "backend_tls",
            Self::BackendLogin => "backend_login",
        }
    }

    /// Every step, in the order in which they come.
    pub const ALL: [Self; 8] = [
        Self::Header,
        Self::Tls,
        Self::Auth,
        Self::Delay,
        Self::Route,
        Self::Connect,
        Self::BackendTls,
        Self::BackendLogin,
    ];
}

/// How long each step took, all its turns together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent([Option<Took>; LoginStep::ALL.len()]);

impl Spent {
    /// Another turn of a step.
    pub fn add(&mut self, step: LoginStep, took: Duration) {
        let before = self.of(step).unwrap_or_default();
        self.put(step, Some(Took::new(took.saturating_add(Duration::from_millis(before.into())))));
    }

    /// What a step took in all.
    pub fn put(&mut self, step: LoginStep, took: Option<Took>) {
        if let Some(place) = self.0.get_mut(step as usize) {
            *place = took;
        }
    }

    /// What a step took in milliseconds; none: it was not taken.
    #[must_use]
    pub fn of(&self, step: LoginStep) -> Option<u16> {
        self.0.get(step as usize).copied().flatten().map(Took::milliseconds)
    }
}

/// A time in whole milliseconds; more than a minute counts as 65,534 of them, because every connection before its login
/// keeps some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Took(NonZeroU16);

impl Took {
    /// So long.
    #[must_use]
    pub fn new(took: Duration) -> Self {
        let milliseconds = u16::try_from(took.as_millis()).unwrap_or(u16::MAX);
        // One more than they are, so that an absent time needs no room of its own.
        Self(NonZeroU16::MIN.saturating_add(milliseconds))
    }

    fn milliseconds(self) -> u16 {
        self.0.get() - 1
    }
}

/// What became of the logins that a client tried on a connection which ended without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// How many; cancelled ones, and those by a mechanism that is not there, are among them.
    pub count: u8,
    /// How they failed.
    pub outcome: Outcome,
    /// Since the first of them; without any: since the connection was accepted.
    pub since: Duration,
}

/// How the logins of a connection failed; the worst of them counts, so that nothing a client does last hides a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// None was tried.
    None,
    /// None was completed by the client.
    Unfinished,
    /// There was no answer to one: of a password database, the routing layer, or a backend.
    Unanswered,
    /// A password came over a connection that has to be private first.
    Disallowed,
    /// A backend refused one.
    RefusedByBackend,
    /// The password databases refused one.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_up_and_end_at_their_largest_number() {
        let mut spent = Spent::default();
        assert_eq!(spent.of(LoginStep::Auth), None, "not taken");
        spent.add(LoginStep::Auth, Duration::ZERO);
        assert_eq!(spent.of(LoginStep::Auth), Some(0), "taken in no time");
        spent.add(LoginStep::Auth, Duration::from_millis(40));
        spent.add(LoginStep::Auth, Duration::from_millis(2));
        assert_eq!(spent.of(LoginStep::Auth), Some(42));
        spent.add(LoginStep::Connect, Duration::from_secs(3600));
        spent.add(LoginStep::Connect, Duration::from_secs(1));
        assert_eq!(spent.of(LoginStep::Connect), Some(u16::MAX - 1));
        assert_eq!((size_of::<Spent>(), size_of::<Option<Took>>()), (16, 2));
    }
}
