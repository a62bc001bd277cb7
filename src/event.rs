//! The closed list of what sessions report. Shells turn events into log lines and counters; pure code never logs.
//!
//! An event holds no secret, no literal and no whole protocol line: at most a cut and cleaned extract (W-FAIL-6).

mod login;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use login::{Details, IpPort, LoginStep, Outcome, Privacy, Spent, Took, Tries};

use crate::fault::Failure;
use crate::names::{Protocol, SessionId};

/// Who ended a session after login (W-REL-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The client finished or went away.
    Client,
    /// The backend finished or went away.
    Backend,
    /// Neither side sent anything for the protocol's idle time.
    IdleTimeout,
    /// One side took no bytes for too long.
    StallTimeout,
    /// Half-closed, and the other half made no progress.
    HalfCloseTimeout,
    /// The process stops.
    Shutdown,
    /// The operator ended it, by `hale kick`.
    Kick,
    /// The token of its login expired (`login_token_expiry = end`).
    TokenExpiry,
    /// An error of ours, or of the kernel.
    Internal,
}

impl EndedBy {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; Self::Internal as usize + 1] = [
        Self::Client,
        Self::Backend,
        Self::IdleTimeout,
        Self::StallTimeout,
        Self::HalfCloseTimeout,
        Self::Shutdown,
        Self::Kick,
        Self::TokenExpiry,
        Self::Internal,
    ];

    /// The word in the log line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Backend => "server",
            Self::IdleTimeout => "idle-timeout",
            Self::StallTimeout => "stall-timeout",
            Self::HalfCloseTimeout => "half-close-timeout",
            Self::Shutdown => "shutdown",
            Self::Kick => "kick",
            Self::TokenExpiry => "token-expiry",
            Self::Internal => "proxy",
        }
    }
}

/// What the operator should look at, at a client that is served all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It sent a password where only a private connection may carry one (W-SASL-4).
    PasswordExposed,
    /// It sent forwarding facts, and is no trusted peer (W-FWD-1).
    FactsForged,
    /// What the backend should have been told of it did not fit (W-FWD-5).
    FactsLeftOut,
    /// Its backend said in clear, before TLS, what would have reached the client otherwise (W-BTLS-4).
    WordsInClear,
    /// The token of its login has expired, and its session goes on (`login_token_expiry = keep`).
    TokenExpired,
}

impl Notice {
    /// What happened and what to do, for the log.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::PasswordExposed => {
                "a password was sent without TLS and refused, but may have been read on the way: switch this client to \
                 TLS, then change the password"
            }
            Self::FactsForged => {
                "forwarding facts (ID x-...) of an untrusted client were ignored: if it is a proxy of yours, add its \
                 address to login_trusted_networks"
            }
            Self::WordsInClear => {
                "words of the backend came in clear where TLS begins, and were thrown away: a host on the way may have \
                 said them, or the backend greets in a strange way"
            }
            Self::TokenExpired => {
                "the token of this login has expired, and the session goes on (login_token_expiry = keep)"
            }
            Self::FactsLeftOut => {
                "the backend was not told everything: forward variables have at most 20 bytes of name and 1024 of value, \
                 and all together have to fit into its command (forward_... fields of the user, x-forward-... of a proxy)"
            }
        }
    }
}

/// What a connection was closed for before anything was answered. The names are an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A PROXY header was due, and the address may send none.
    UntrustedSender,
    /// The header breaks its grammar, or says that the connection is another protocol's.
    BadHeader,
    /// The header was not there in time.
    LateHeader,
    /// The sender went away before the header was complete: what a balancer's check does (W-PRB-5).
    UnfinishedHeader,
    /// The core has no place left.
    Full,
    /// The listener has as many as it may have, or they come too fast.
    Crowded,
}

impl Closed {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; Self::Crowded as usize + 1] = [
        Self::UntrustedSender,
        Self::BadHeader,
        Self::LateHeader,
        Self::UnfinishedHeader,
        Self::Full,
        Self::Crowded,
    ];

    /// The word in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UntrustedSender => "untrusted_sender",
            Self::BadHeader => "bad_header",
            Self::LateHeader => "late_header",
            Self::UnfinishedHeader => "unfinished_header",
            Self::Full => "full",
            Self::Crowded => "crowded",
        }
    }
}

/// Who a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The protocol of the listener.
    pub protocol: Protocol,
    /// The session's id, also seen in the backend's log.
    pub session: SessionId,
    /// The apparent client.
    pub client: SocketAddr,
    /// The normalised user, once known; else the name as typed, cleaned.
    pub user: Option<Box<str>>,
    /// Who gave the password, when it was not the user (W-CRED-6).
    pub master: Option<Box<str>>,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection was closed before anything was answered.
    Refused {
        /// The listener's protocol.
        protocol: Protocol,
        /// The TCP peer.
        peer: SocketAddr,
        /// Why, with the setting to look at.
        reason: &'static str,
        /// What it counts as.
        closed: Closed,
    },
    /// A connection ended before a login succeeded.
    Aborted {
        /// Who.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// Why.
        reason: &'static str,
        /// The logins that it tried.
        tries: Tries,
    },
    /// A client could not prove itself by certificate, and the connection ended.
    CertificateRefused {
        /// Who.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// What is wrong with the certificate.
        reason: &'static str,
    },
    /// A client did what the operator should look at; each at most once per connection.
    Noticed {
        /// Who.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// What.
        notice: Notice,
    },
    /// A login failed and the client was told so.
    LoginFailed {
        /// Who.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// The class.
        failure: Failure,
        /// What happened, cleaned; for the operator, never for the client.
        detail: Box<str>,
    },
    /// One attempt at a backend failed.
    BackendFailed {
        /// Who wanted to log in.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// Where.
        backend: Arc<str>,
        /// The class.
        failure: Failure,
        /// What happened, cleaned.
        detail: Box<str>,
        /// Another attempt follows.
        retried: bool,
    },
    /// A backend sent the user to another one, and the login follows (W-REF-1).
    Referred {
        /// Who.
        subject: Subject,
        /// How it came; none in LMTP.
        details: Option<Box<Details>>,
        /// Which backend sent it there.
        from: Arc<str>,
        /// Where.
        to: Arc<str>,
    },
    /// The backend accepted the login; the relay begins.
    LoggedIn {
        /// Who.
        subject: Subject,
        /// How it came.
        details: Box<Details>,
        /// Where.
        backend: Arc<str>,
        /// From the login command to the backend's OK.
        took: Duration,
    },
    /// The relay ended.
    RelayEnded {
        /// Who.
        subject: Subject,
        /// Where.
        backend: Arc<str>,
        /// Who ended it.
        by: EndedBy,
        /// Bytes from the client to the backend.
        bytes_up: u64,
        /// Bytes from the backend to the client.
        bytes_down: u64,
        /// How long the relay lasted.
        lasted: Duration,
        /// An errno-like word when a connection broke.
        error: Option<&'static str>,
    },
    /// A recipient's message came to its end: delivered, or refused by its backend.
    Delivered {
        /// Who sent it here, and whose mailbox it is.
        subject: Subject,
        /// The address, cleaned.
        recipient: Box<str>,
        /// Where.
        backend: Option<Arc<str>>,
        /// Bytes of the message.
        bytes: u64,
        /// The backend's reply, cleaned; ours when the backend was lost.
        reply: Box<str>,
        /// The backend took the message over.
        accepted: bool,
        /// From MAIL to the reply.
        took: Duration,
    },
    /// Something the operator should know that belongs to no session.
    Note {
        /// `true`: for the operator to mend; `false`: for the record.
        warning: bool,
        /// The text.
        text: Box<str>,
    },
}

// So many as `LOG_LINES_MAX` may wait, and the log's mailbox keeps the room for them.
const _: () = assert!(size_of::<Event>() <= 176);

impl Event {
    /// Whether only those want to know it who look for something (`log_debug = yes`).
    #[must_use]
    pub fn is_detail(&self) -> bool {
        match self {
            // An ordinary thing that is not worth a warning.
            Self::Refused { closed, .. } => *closed == Closed::UnfinishedHeader,
            Self::Aborted { tries, .. } => tries.outcome == Outcome::None,
            // Backends that greet in a strange way do it at each login.
            Self::Noticed { notice, .. } => *notice == Notice::WordsInClear,
            _ => false,
        }
    }
}

/// Turns bytes from a peer into text for a log: printable ASCII stays, the rest becomes `?`, cut at `limit` bytes
/// (W-FAIL-6, OP-10).
#[must_use]
pub fn cleaned(bytes: &[u8], limit: usize) -> Box<str> {
    let shown = bytes
        .iter()
        .take(limit)
        .map(|&byte| if (0x20..0x7F).contains(&byte) { char::from(byte) } else { '?' });
    shown.collect::<String>().into_boxed_str()
}

/// Turns a name into text for a log that still tells every byte of it: what is no printable ASCII, spaces, a backslash, and
/// the brackets that names stand between in the log are written `\x3e`, so that nothing in a name looks like another field. At most `limit` bytes of it (W-FAIL-6).
pub fn escaped(name: &[u8], limit: usize) -> Box<str> {
    let mut shown = String::with_capacity(name.len().min(limit));
    for &byte in name.iter().take(limit) {
        if (0x21..0x7F).contains(&byte) && !matches!(byte, b'\\' | b'<' | b'>') {
            shown.push(char::from(byte));
        } else {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bytes_in_logs() {
        assert_eq!(&*escaped("t\u{ed}m@example.org".as_bytes(), 100), "t\\xc3\\xadm@example.org");
        assert_eq!(&*escaped(b"a\r\n\x1b\0\xff", 100), "a\\x0d\\x0a\\x1b\\x00\\xff");
        assert_eq!(&*escaped(b"a> rip=1 user=<b\\", 100), "a\\x3e\\x20rip=1\\x20user=\\x3cb\\x5c");
        assert_eq!(&*escaped(b"\xff\xff\xff", 2), "\\xff\\xff");
        assert_ne!(escaped(b"\xff", 9), escaped(b"\\xff", 9), "no two names look alike");
    }

    #[test]
    fn op_10_peers_cannot_write_control_characters_into_logs() {
        assert_eq!(&*cleaned(b"a\x1b[31m\r\nb\xFF", 100), "a?[31m??b?");
        assert_eq!(cleaned(&[b'x'; 500], 160).len(), 160);
    }
}
