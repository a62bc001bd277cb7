//! Everything a session can wish for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::auth::ask::Question;
use crate::auth::scram::Derivation;
use crate::auth::verdict::Certificate;
use crate::event::{Event, Subject};
use crate::fault::Failure;
use crate::names::Protocol;
use crate::relay::Watch;
use crate::secret::Secret;
use crate::tick::Tick;

/// One wish. At most [`WISHES_MAX`] come from a single input.
#[derive(Debug)]
pub enum Wish {
    /// Ask the password databases; the answer comes as `Input::Verdict`.
    Authenticate(Box<Question>),
    /// Have this computed for the backend; the outcome comes as `Input::Derived`.
    Derive(Box<Derivation>),
    /// Hand the password databases the client's answer to their challenge.
    Respond(Secret),
    /// Ask the routing layer; the answer comes as `Input::Route`.
    Route(RouteAsk),
    /// Close what there is towards a backend and forget it.
    DropBackend,
    /// Connect to a backend (after closing a former one).
    Connect {
        /// Where.
        to: SocketAddr,
        /// The login has tried before: such connects have a budget (R-BACK-1).
        again: bool,
        /// Whose connection it is.
        counted: Counted,
    },
    /// Answer the client's TLS handshake behind what is queued for it; the outcome comes as `Input::ClientSecured` or
    /// `Input::ClientInsecure`. The bytes are its first, read already. If more has arrived in clear, nothing queued may
    /// be sent (W-STLS-1).
    SecureClient(Box<[u8]>),
    /// Begin TLS towards the backend; the outcome comes as `Input::BackendSecured` or `Input::BackendInsecure`.
    SecureBackend {
        /// Its host name, which its certificate must have.
        name: Arc<str>,
        /// Which certificates will do.
        certificate: Certificate,
    },
    /// Login succeeded: once everything queued for both sides is sent, move bytes. The session is over.
    Relay(Box<Handover>),
    /// Close the client's connection once everything queued for it is sent.
    Close,
    /// Report this.
    Report(Event),
    /// Let the logins that follow profit from this.
    Learn(Lesson),
    /// The backend has said nothing for a while: have it looked at, and say `Input::BackendBroken` if no login is sent there any
    /// more (R-PROBE-3).
    Doubt {
        /// As in the row, or as a password database has it.
        host: Arc<str>,
        /// What is spoken.
        protocol: Protocol,
    },
}

/// Among which connections one is counted, and how many those may be (R-LOAD-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The host, as in the row, or as a password database has it.
    pub host: Arc<str>,
    /// How many it may have; 0: any number.
    pub connections_max: u32,
}

/// What an attempt at a host has shown, for the logins that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// The load balancer of another site answered a login, or did not (C-SITE-9).
    Site {
        /// As in the row.
        host: Arc<str>,
        /// Where the connection went.
        endpoint: SocketAddr,
        /// It answered, if only with a refusal.
        is_reached: bool,
    },
    /// An attempt at a backend has come to this (R-PROBE-3).
    Backend {
        /// As in the row, or as a password database has it.
        host: Arc<str>,
        /// What was spoken.
        protocol: Protocol,
        /// None: the backend has let the user in.
        failure: Option<Failure>,
    },
    /// Where this user was sent, the user was not served: the rows may have changed (C-CACHE-3).
    NotServed {
        /// The normalised name.
        user: Box<str>,
        /// The user's group.
        group: Option<Box<str>>,
    },
    /// A backend has sent the user on to this host (C-CACHE-5).
    SentOn {
        /// The normalised name.
        user: Box<str>,
        /// The user's group.
        group: Option<Box<str>>,
        /// A host of the cluster.
        to: Arc<str>,
    },
}

/// A question to the routing layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAsk {
    /// Where does this user live?
    User {
        /// The normalised name.
        user: Box<str>,
        /// The tag that the user's sites must have (C-ROUTE-11).
        tag: Option<Box<str>>,
        /// Another site's proxy sent the user here: it is contradicted only by rows that were just read (W-REF-7).
        is_sent_here: bool,
    },
    /// The password database named the destination: resolve it.
    Host {
        /// Name or literal.
        host: Box<str>,
        /// Address, when the database gave one too.
        hostip: Option<IpAddr>,
    },
    /// A backend referred us there: only a known host may be followed (W-REF-1).
    Referral {
        /// Name or literal from the referral.
        host: Box<str>,
        /// The user's group, forwarded there too.
        group: Option<Box<str>>,
        /// Whose login it is, should the host be unknown: rows may have changed.
        user: Box<str>,
        /// The tag that the user's sites must have.
        tag: Option<Box<str>>,
    },
}

/// What the relay's log line will say, and what the relay looks at.
#[derive(Clone, Debug)]
pub struct Handover {
    /// Who.
    pub subject: Subject,
    /// The backend's host name.
    pub backend: Arc<str>,
    /// The user's group; none where no cluster was asked.
    pub group: Option<Box<str>>,
    /// What is watched of the bytes behind those that the session has queued; none: nothing.
    pub watch: Option<Box<Watch>>,
    /// When the client's token ends, where that is known.
    pub valid_until: Option<Tick>,
}

/// A user whose login is under way, and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct BoundFor<'a> {
    /// The normalised name.
    pub user: &'a str,
    /// The host that is tried; none: the routing layer has not answered, or an attempt has failed.
    pub backend: Option<&'a Arc<str>>,
    /// The user's group.
    pub group: Option<&'a str>,
}

/// Where a session puts its outputs. One per core, lent to one session at a time and emptied after each input.
#[derive(Default)]
pub struct Outbox {
    /// Bytes for the client, in order.
    pub to_client: Vec<u8>,
    /// Bytes for the backend, in order.
    pub to_backend: Vec<u8>,
    wishes: Vec<Wish>,
}

/// The most wishes a single input may cause: a failed attempt's report, its two lessons, the login's report, a dropped
/// backend, two notices, the report of a close and the close or one next step, with one to spare.
pub const WISHES_MAX: usize = 10;

impl Outbox {
    /// An empty outbox with room for one input's wishes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            to_client: Vec::with_capacity(1024),
            to_backend: Vec::with_capacity(1024),
            wishes: Vec::with_capacity(WISHES_MAX),
        }
    }

    /// Adds a wish.
    pub fn wish(&mut self, wish: Wish) {
        debug_assert!(
            self.wishes.len() < WISHES_MAX,
            "an input caused too many wishes: {:?}",
            self.wishes
        );
        self.wishes.push(wish);
    }

    /// Takes the wishes out, oldest first.
    pub fn take_wishes(&mut self) -> std::vec::Drain<'_, Wish> {
        self.wishes.drain(..)
    }

    /// Whether the client is told to begin TLS: nothing of it may have come in clear behind its command (W-STLS-1).
    #[must_use]
    pub fn begins_tls(&self) -> bool {
        let begins = self.wishes.iter().any(|wish| matches!(wish, Wish::SecureClient(_)));
        begins && !self.to_client.is_empty()
    }

    /// Forgets what the client was to be told, and every wish.
    pub fn discard(&mut self) {
        self.to_client.clear();
        self.wishes.clear();
    }

    /// Whether the session wished for nothing.
    #[must_use]
    pub fn has_no_wishes(&self) -> bool {
        self.wishes.is_empty()
    }
}

/// Shows no byte: what goes to a backend holds a password.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("to_client", &self.to_client.len())
            .field("to_backend", &self.to_backend.len())
            .field("wishes", &self.wishes)
            .finish()
    }
}
