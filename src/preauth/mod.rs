//! Our side towards clients: from the greeting to credentials, and the one reply to every login.
//!
//! Decides: what a client may say before login, what it is told, when it is sent away. Does not: verify a password,
//! choose a backend, know the time, or delay a refusal; `session` does, with `auth`, `route` and `backend`. Reads from
//! a [`crate::wire::inbox::Inbox`], appends replies to a buffer, never touches a socket. Driver: `session`. Tests: at
//! the end of each file, transcripts in `tests/transcripts`, properties in `tests/pure`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod capability;
mod foreign;
pub mod imap;
pub mod pop3;
mod refusal;
pub mod sasl;
pub mod sieve;
#[cfg(test)]
mod test_client;
pub mod submission;
pub mod forwarded;

use std::time::Duration;

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::limits::FAILED_LOGINS_MAX;
use crate::names::Protocol;
use crate::secret::Secret;
use crate::wire::id::IdPair;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

use capability::Rules;
use sasl::{Mechanism, Unusable};

/// The client side of one connection, before login.
#[derive(Debug)]
pub enum Dialogue {
    /// RFC 9051 and RFC 3501.
    Imap(imap::Imap),
    /// RFC 1939 and RFC 2449.
    Pop3(pop3::Pop3),
    /// RFC 5804.
    Sieve(sieve::Sieve),
    /// RFC 6409.
    Submission(submission::Submission),
}

impl Dialogue {
    /// The dialogue of a listener's protocol.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Pop3 => Self::Pop3(pop3::Pop3::default()),
            Protocol::Sieve => Self::Sieve(sieve::Sieve::default()),
            Protocol::Submission => Self::Submission(submission::Submission::default()),
            // LMTP has no login and a room of its own.
            Protocol::Imap | Protocol::Lmtp => Self::Imap(imap::Imap::default()),
        }
    }

    /// What is spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Imap(_) => Protocol::Imap,
            Self::Pop3(_) => Protocol::Pop3,
            Self::Sieve(_) => Protocol::Sieve,
            Self::Submission(_) => Protocol::Submission,
        }
    }

    /// Appends the greeting. Called once, when PROXY header and implicit TLS are done (W-PIPE-2).
    pub fn greet(&mut self, rules: &Rules, facts: &ClientFacts, out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.greet(rules, facts, out),
            Self::Pop3(pop3) => pop3.greet(rules, facts, out),
            Self::Sieve(sieve) => sieve.greet(rules, facts, out),
            Self::Submission(submission) => submission.greet(rules, facts, out),
        }
    }

    /// Understands what `inbox` holds until TLS, the passdbs or a backend are needed.
    ///
    /// `rules` may differ from call to call (after TLS, after trusted facts changed the transport). Call it when bytes
    /// arrived, after [`Self::refuse`], and after `out` was drained while `inbox` is not empty: it stops at
    /// `PRE_LOGIN_OUTPUT_BYTES_MAX` unsent bytes.
    pub fn read(
        &mut self,
        rules: &Rules,
        facts: &mut ClientFacts,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Step {
        match self {
            Self::Imap(imap) => imap.read(rules, facts, inbox, out),
            Self::Pop3(pop3) => pop3.read(rules, facts, inbox, out),
            Self::Sieve(sieve) => sieve.read(rules, facts, inbox, out),
            Self::Submission(submission) => submission.read(rules, facts, inbox, out),
        }
    }

    /// Answers the outstanding login with a refusal; without one it does nothing (W-FAIL-4).
    ///
    /// `text` replaces our words: the backend's text behind `NO `, its whole reply in Submission, or a reason from a
    /// password database. A text with a response code keeps it, any other gets the failure's.
    pub fn refuse(&mut self, failure: Failure, text: Option<&[u8]>, out: &mut Vec<u8>) -> Step {
        match self {
            Self::Imap(imap) => imap.refuse(failure, text, out),
            Self::Pop3(pop3) => pop3.refuse(failure, text, out),
            Self::Sieve(sieve) => sieve.refuse(failure, text, out),
            Self::Submission(submission) => submission.refuse(failure, text, out),
        }
    }

    /// Sends the challenge of a passdb or backend to the client whose login is outstanding; its answer, or that it gives up,
    /// is read by [`Self::read`].
    pub fn challenge(&mut self, message: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.challenge(message, out),
            Self::Pop3(pop3) => pop3.challenge(message, out),
            Self::Sieve(sieve) => sieve.challenge(message, out),
            Self::Submission(submission) => submission.challenge(message, out),
        }
    }

    /// Whether the client has yet to answer such a challenge.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        match self {
            Self::Imap(imap) => imap.awaits_answer(),
            Self::Pop3(pop3) => pop3.awaits_answer(),
            Self::Sieve(sieve) => sieve.awaits_answer(),
            Self::Submission(submission) => submission.awaits_answer(),
        }
    }

    /// Answers the outstanding login with success; what is in the inbox belongs to the relay from here on (W-REL-2).
    pub fn accept(&mut self, ok: &LoginOk, out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.accept(ok, out),
            Self::Pop3(pop3) => pop3.accept(ok, out),
            Self::Sieve(sieve) => sieve.accept(ok, out),
            Self::Submission(submission) => submission.accept(ok, out),
        }
    }

    /// TLS is established behind [`Step::StartTls`]: what was learnt in clear is forgotten (W-STLS-3), and what the
    /// protocol says unasked is appended (ManageSieve's capabilities). `rules` are those of the protected connection.
    pub fn secured(&mut self, rules: &Rules, out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.secured(rules, out),
            Self::Pop3(pop3) => pop3.secured(),
            Self::Sieve(sieve) => sieve.secured(rules, out),
            Self::Submission(submission) => submission.secured(rules, out),
        }
    }

    /// Keeps middleboxes awake while a login takes long, where the protocol can (W-PIPE-5).
    pub fn still_working(&self, out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.still_working(out),
            // These protocols have no such device.
            Self::Pop3(_) | Self::Sieve(_) | Self::Submission(_) => {}
        }
    }

    /// Says why the connection ends; the caller closes it once `out` is sent.
    pub fn bye(&mut self, reason: ByeReason, out: &mut Vec<u8>) {
        match self {
            Self::Imap(imap) => imap.bye(reason, out),
            Self::Pop3(pop3) => pop3.bye(reason, out),
            Self::Sieve(sieve) => sieve.bye(reason, out),
            Self::Submission(submission) => submission.bye(reason, out),
        }
    }

    /// What the client told about itself, for the backend.
    #[must_use]
    pub fn client_id(&self) -> &[IdPair] {
        match self {
            Self::Imap(imap) => imap.client_id(),
            Self::Pop3(_) | Self::Sieve(_) | Self::Submission(_) => &[],
        }
    }

    /// What the client calls itself in EHLO, or what a trusted peer says that it did, for the backend.
    #[must_use]
    pub fn helo(&self) -> Option<&str> {
        match self {
            Self::Imap(_) | Self::Pop3(_) | Self::Sieve(_) => None,
            Self::Submission(submission) => submission.helo(),
        }
    }

    /// Where the dialogue stands, for logs and admin.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Imap(imap) => imap.stage(),
            Self::Pop3(pop3) => pop3.stage(),
            Self::Sieve(sieve) => sieve.stage(),
            Self::Submission(submission) => submission.stage(),
        }
    }

    /// Whether the client is between two commands, apart from what is still in the inbox.
    #[must_use]
    pub fn awaits_command(&self) -> bool {
        match self {
            Self::Imap(imap) => imap.awaits_command(),
            Self::Pop3(pop3) => pop3.awaits_command(),
            Self::Sieve(sieve) => sieve.awaits_command(),
            Self::Submission(submission) => submission.awaits_command(),
        }
    }

    /// How long the client may take for what it has begun, or was asked for.
    #[must_use]
    pub fn command_timeout(&self) -> Duration {
        match self {
            Self::Imap(imap) => imap.command_timeout(),
            Self::Pop3(pop3) => pop3.command_timeout(),
            Self::Sieve(sieve) => sieve.command_timeout(),
            Self::Submission(submission) => submission.command_timeout(),
        }
    }

    /// What happened so far that a log or counter wants to know.
    #[must_use]
    pub fn notes(&self) -> Notes {
        match self {
            Self::Imap(imap) => imap.notes(),
            Self::Pop3(pop3) => pop3.notes(),
            Self::Sieve(sieve) => sieve.notes(),
            Self::Submission(submission) => submission.notes(),
        }
    }
}

/// What a dialogue needs next.
#[derive(Debug)]
pub enum Step {
    /// More bytes, or space in the output.
    More,
    /// A verdict on these credentials. Answer with `accept` or `refuse`.
    Login(Credentials),
    /// A login that cannot succeed, whichever passdb is asked. Answer with `refuse` like wrong credentials, delayed
    /// like any other failed login, so that nothing is learnt from the time it took.
    Hopeless(Unusable),
    /// The client's answer to [`Dialogue::challenge`], for those who sent it. Answer with another one, `accept` or `refuse`.
    Answer(Secret),
    /// The go-ahead for TLS is in the output and nothing of the client's is left unread: send it in clear; every byte
    /// after it belongs to the handshake (W-STLS-2). Answer with `secured`, or close (W-STLS-7).
    StartTls,
    /// The end: send what is in the output, then close.
    Close(CloseReason),
}

/// What a client presented, decoded. UTF-8 and free of control characters in names, of CR, LF and NUL in the password,
/// all within their limits (W-SASL-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The authentication identity as typed; empty with EXTERNAL, where the certificate has it, and with OAUTHBEARER where
    /// the token does.
    pub user: Box<str>,
    /// The SASL authorization identity, when it differs from `user`.
    pub authorize_as: Option<Box<str>>,
    /// The password, or the token or message, which may be empty or nonsense; EXTERNAL and ANONYMOUS have none.
    pub password: Secret,
    /// The challenge of ours that the message answers; mostly there is none.
    pub challenge: Secret,
    /// How it was presented.
    pub mechanism: Mechanism,
}

/// Why a dialogue ended by its own decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said goodbye.
    Logout,
    /// The limit of bad commands.
    BadCommands,
    /// The limit of failed logins.
    FailedLogins,
    /// A line or response without end.
    LineTooLong,
    /// A literal that arrives unasked and is too large to read past.
    LiteralTooLarge,
    /// Bytes in clear behind STARTTLS: a host on the way may have added them (W-STLS-1).
    StarttlsPipelined,
    /// HTTP or TLS on a port for neither.
    OtherProtocol,
    /// The session said goodbye, see [`ByeReason`].
    Dismissed,
}

/// The goodbye of a session that has been handed over, in its protocol's words.
pub fn write_bye(protocol: Protocol, reason: ByeReason, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Imap => imap::write_bye(reason, out),
        Protocol::Pop3 => pop3::write_bye(reason, out),
        Protocol::Sieve => sieve::write_bye(reason, out),
        Protocol::Submission | Protocol::Lmtp => submission::write_bye(reason, out),
    }
}

/// Why the session ends the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByeReason {
    /// Too long without a login (W-PIPE-3).
    Timeout,
    /// We are going down (W-PIPE-8).
    Shutdown,
    /// The table is full and a client has to go (W-PIPE-7).
    TooManyConnections,
    /// The operator ends the user's sessions, and this was about to become one.
    Kicked,
    /// The token that the login was by has expired, and the operator wants no session beyond that.
    TokenExpired,
    /// Something of ours is broken.
    Internal,
}

/// What a log line or counter wants to know of a dialogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Forwarding facts that an untrusted client tried to set; ignored.
    pub forged_facts: u16,
    /// A password came over a connection that had to be private first.
    pub password_exposed: bool,
    /// Failed logins; aborted ones and those by a mechanism that is not there are among them.
    pub failed_logins: u8,
    /// Commands we did not understand.
    pub bad_commands: u8,
}

impl Notes {
    /// Counts a command we did not understand, of which the `limit`th is the last.
    fn count_bad_command(&mut self, limit: u8) -> Count {
        self.bad_commands = self.bad_commands.saturating_add(1);
        Count::of(self.bad_commands, limit)
    }

    /// Counts a login that failed or was aborted (W-SASL-6, W-LIM-1).
    fn count_failed_login(&mut self) -> Count {
        self.failed_logins = self.failed_logins.saturating_add(1);
        Count::of(self.failed_logins, FAILED_LOGINS_MAX)
    }

    fn forged(&mut self, facts: usize) {
        let forged = u16::try_from(facts).unwrap_or(u16::MAX);
        self.forged_facts = self.forged_facts.saturating_add(forged);
    }
}

/// What a client's mistake leads to, as far as their number goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    /// It may make another.
    Within,
    /// It was the last; the connection ends.
    Last,
}

impl Count {
    fn of(mistakes: u8, limit: u8) -> Self {
        if mistakes < limit { Self::Within } else { Self::Last }
    }
}
