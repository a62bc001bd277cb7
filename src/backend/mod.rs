//! Our side towards backends: from the backend's greeting to its login reply, and when to try again.
//!
//! Decides: what is sent to log in, what each answer means, whether another attempt or a referral may follow. Does not:
//! connect, choose a backend, know the time, or speak to the client. Driver: `session`; health probes log in through the
//! same dialogues. Tests: at the end of each file, transcripts in `tests/transcripts`, properties in `tests/pure`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod connect;
mod credentials;
pub mod forward;
pub mod imap;
pub(crate) mod last_words;
pub mod pop3;
pub mod referral;
mod sasl;
mod scram;
pub mod sieve;
pub mod submission;
pub mod xclient;

use std::time::Duration;

use crate::auth::scram::{Derivation, Derived};
use crate::auth::verdict::BackendMech;
use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;
use crate::wire::id::IdPair;
use crate::wire::inbox::Inbox;
use crate::wire::login_ok::LoginOk;

pub use credentials::is_sendable;
use referral::Referral;

/// The backend side of one login, on one connection to one backend; never used twice (W-IMAP-B8).
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
    /// The dialogue of a protocol.
    #[must_use]
    pub fn new(protocol: Protocol, login: Login) -> Self {
        match protocol {
            Protocol::Pop3 => Self::Pop3(pop3::Pop3::new(login)),
            Protocol::Sieve => Self::Sieve(sieve::Sieve::new(login)),
            Protocol::Submission => Self::Submission(submission::Submission::new(login)),
            // LMTP has no login and a room of its own.
            Protocol::Imap | Protocol::Lmtp => Self::Imap(imap::Imap::new(login)),
        }
    }

    /// Understands what `inbox` holds. Commands are appended to `to_backend`, whole untagged lines for the client to
    /// `to_client`. Behind [`Step::Ready`] everything left in `inbox` is residue for the relay (W-IMAP-B10).
    ///
    /// `to_backend` holds the password afterwards: the caller wipes it once it is sent (W-CRED-2).
    pub fn read(
        &mut self,
        facts: &ClientFacts,
        inbox: &mut Inbox,
        to_backend: &mut Vec<u8>,
        to_client: &mut Vec<u8>,
    ) -> Step {
        match self {
            Self::Imap(imap) => imap.read(facts, inbox, to_backend, to_client),
            Self::Pop3(pop3) => pop3.read(facts, inbox, to_backend),
            Self::Sieve(sieve) => sieve.read(facts, inbox, to_backend),
            Self::Submission(submission) => submission.read(facts, inbox, to_backend),
        }
    }

    /// The client's answer to [`Step::Challenge`].
    pub fn answer(&mut self, message: &Secret, to_backend: &mut Vec<u8>) {
        match self {
            Self::Imap(_) | Self::Pop3(_) | Self::Submission(_) => {
                sasl::write_line(message, to_backend);
            }
            Self::Sieve(_) => sieve::write_message(message, to_backend),
        }
    }

    /// What came of [`Step::Derive`].
    pub fn derived(&mut self, derived: &Derived, to_backend: &mut Vec<u8>) -> Step {
        let exchange = match self {
            Self::Imap(imap) => &mut imap.exchange,
            Self::Pop3(pop3) => &mut pop3.exchange,
            Self::Sieve(sieve) => &mut sieve.exchange,
            Self::Submission(submission) => &mut submission.exchange,
        };
        match exchange.as_mut().and_then(|exchange| exchange.derived(derived)) {
            Some(message) => {
                self.answer(&message, to_backend);
                Step::More
            }
            None => Step::Failed(Failure::Internal, None),
        }
    }

    /// TLS is established behind [`Step::StartTls`], its certificate verified: everything the backend said before is
    /// void, and the dialogue goes on (W-BTLS-4).
    pub fn secured(&mut self, facts: &ClientFacts, to_backend: &mut Vec<u8>) -> Step {
        match self {
            Self::Imap(imap) => imap.secured(facts, to_backend),
            Self::Pop3(pop3) => pop3.secured(facts, to_backend),
            Self::Sieve(sieve) => sieve.secured(),
            Self::Submission(submission) => submission.secured(facts, to_backend),
        }
    }

    /// How long the backend may say nothing before [`Self::silent`] is worth a try; none: as long as the login may take.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        match self {
            Self::Sieve(sieve) => sieve.patience(),
            Self::Imap(_) | Self::Pop3(_) | Self::Submission(_) => None,
        }
    }

    /// The backend was silent for [`Self::patience`].
    pub fn silent(&mut self, to_backend: &mut Vec<u8>) {
        match self {
            Self::Sieve(sieve) => sieve.silent(to_backend),
            Self::Imap(_) | Self::Pop3(_) | Self::Submission(_) => {}
        }
    }

    /// The backend closed the connection, and everything it sent has been read.
    pub fn eof(&mut self) -> Step {
        match self {
            Self::Imap(imap) => imap.eof(),
            Self::Pop3(pop3) => pop3.eof(),
            Self::Sieve(sieve) => sieve.eof(),
            Self::Submission(submission) => submission.eof(),
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

    /// Why it failed, for a log: the backend's words, printable and at most `LOGGED_LINE_BYTES_MAX` bytes of them
    /// (W-FAIL-6), ours, or both; behind a failure never empty.
    #[must_use]
    pub fn last_line(&self) -> &str {
        match self {
            Self::Imap(imap) => imap.last_line(),
            Self::Pop3(pop3) => pop3.last_line(),
            Self::Sieve(sieve) => sieve.last_line(),
            Self::Submission(submission) => submission.last_line(),
        }
    }

    /// Whether the backend said in clear, where TLS begins, what would have reached the client otherwise (W-BTLS-4).
    #[must_use]
    pub fn spoke_in_clear(&self) -> bool {
        match self {
            Self::Imap(imap) => imap.spoke_in_clear(),
            // Nothing of theirs is for the client before the login's reply.
            Self::Pop3(_) | Self::Sieve(_) | Self::Submission(_) => false,
        }
    }

    /// Facts and forward variables that could not be sent (W-FWD-5).
    #[must_use]
    pub fn dropped_pairs(&self) -> u16 {
        match self {
            Self::Imap(imap) => imap.dropped_pairs(),
            Self::Pop3(pop3) => pop3.dropped_pairs(),
            Self::Sieve(sieve) => sieve.dropped_pairs(),
            Self::Submission(submission) => submission.dropped_pairs(),
        }
    }
}

/// How to log in. The password exists here until it is queued and nowhere in this room afterwards.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The user at the backend: `destuser`, or the user.
    pub user: Box<str>,
    /// What proves that it is that user.
    pub proof: Proof,
    /// The user's password, or the master user's; the token, or the first message of the client's exchange.
    pub password: Secret,
    /// Log in as this master user on behalf of `user`, by SASL PLAIN or SCRAM.
    pub master: Option<Box<str>>,
    /// The mechanism.
    pub mech: BackendMech,
    /// Hale's own, for SCRAM: no other exchange has it.
    pub nonce: Box<str>,
    /// Wait for each reply before the next command.
    pub nopipelining: bool,
    /// Begin with the protocol's STARTTLS; without it there is no login (W-BTLS-3).
    pub starttls: bool,
    /// Whether the backend is told who the client is.
    pub send_facts: bool,
    /// Referrals followed so far; each is a hop (W-FWD-2).
    pub referrals: u8,
    /// Log in by trust alone (`proxy_noauth`): in Submission by XCLIENT LOGIN (W-SUB-B9).
    pub noauth: bool,
    /// A backend that takes XCLIENT from the client behind us is all right (`xclient_inherit_ok`, W-FWD-10).
    pub xclient_inherit_ok: bool,
    /// The client sees the backend's words about a wrong password (`pass_backend_error`, W-POP-B5).
    pub pass_backend_error: bool,
    /// What we call ourselves in EHLO.
    pub own_name: Box<str>,
    /// What the client called itself in EHLO.
    pub helo: Option<Box<str>>,
    /// Forward variables of the grant, without prefix; they win over those in the facts.
    pub forward: Vec<(Box<str>, Box<str>)>,
    /// What the client told about itself.
    pub client_id: Vec<IdPair>,
}

/// What proves to a backend who logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    #[default]
    Password,
    /// The client's bearer token, shown once more.
    Token,
    /// The client's own messages, to and fro (W-CRED-1).
    Led(Mechanism),
    /// A password that is proved and not shown: SCRAM, with Hale as its client.
    Scram(Mechanism),
    /// Hale's own certificate: EXTERNAL.
    Certificate,
}

/// What a dialogue came to.
#[derive(Debug)]
pub enum Step {
    /// More bytes from the backend.
    More,
    /// The backend agreed to TLS and said nothing behind it (W-BTLS-2): begin the handshake. Answer with `secured`.
    StartTls,
    /// The backend leads an exchange with the client, and asks this. Answer with `answer`.
    Challenge(Box<[u8]>),
    /// The backend wants a proof that takes some computing. Answer with `derived`.
    Derive(Box<Derivation>),
    /// Logged in.
    Ready(LoginOk),
    /// Not logged in. The text is the backend's, behind its status word, when the client is to see it; it may hold any
    /// byte but LF. In Submission it is the whole reply: code, SP, lines separated by LF.
    Failed(Failure, Option<Box<[u8]>>),
    /// The backend sends us elsewhere.
    Redirect(Referral),
}
