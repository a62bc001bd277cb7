//! Everything that can happen to a session.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;

use crate::auth::answer::Answer;
use crate::auth::scram::Derived;
use crate::facts::{ClientCertificate, Security};
use crate::fault::Failure;
use crate::secret::Secret;

/// One thing that happened. The shell gives one, carries out every wish, and only then gives the next.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection was accepted: the session may speak.
    Begin,
    /// The client sent these bytes; no more than [`super::Session::client_room`] at a time.
    Client(&'a [u8]),
    /// The client took everything that was queued for it. Only due while [`super::Session::is_stalled`].
    ClientTook,
    /// The client sends nothing more.
    ClientEnd,
    /// TLS with the client stands, as [`super::output::Wish::SecureClient`] asked for.
    ClientSecured {
        /// The host name that the client asked for.
        server_name: Option<Box<str>>,
        /// Whom its certificate names, if it showed one.
        certificate: ClientCertificate,
        /// Version and cipher, for the log.
        security: Option<Security>,
    },
    /// The handshake with the client failed, or its records are damaged. What it is owed for that is sent already.
    ClientInsecure(&'static str),
    /// The same, because of the client's certificate, or because it showed none where one is demanded.
    ClientCertificateRefused(&'static str),
    /// The login had to wait for others of its address prefix and is asked about only now: a refusal's delay begins
    /// here, or waiting in the queue would be the delay (SA-14).
    TurnCame,
    /// The password databases answered.
    Verdict {
        /// What they said.
        answer: Box<Answer>,
        /// Failed logins that are held against the client's address: a further one is answered later (SA-12).
        earlier_failures: u8,
    },
    /// The password databases want the client to answer this.
    Challenge(Box<[u8]>),
    /// What SCRAM with the backend needs has been computed; none: the hashing threads are behind.
    Derived(Option<Box<Derived>>),
    /// The client answered a challenge. The session says so to itself.
    Answer(Secret),
    /// The routing layer answered.
    Route(RouteAnswer),
    /// The connection to the backend stands.
    Connected,
    /// TLS with the backend stands and its certificate will do, as [`super::output::Wish::SecureBackend`] asked for.
    BackendSecured,
    /// It does not.
    BackendInsecure {
        /// For the log.
        word: &'a str,
        /// Another attempt meets the same: a certificate that won't do, no version in common, no TLS at all (W-BTLS-3).
        is_lasting: bool,
    },
    /// It could not be made, or broke.
    BackendBroken(&'static str),
    /// The backend sent these bytes; no more than [`super::Session::backend_room`] at a time.
    Backend(&'a [u8]),
    /// The backend sends nothing more.
    BackendEnd,
    /// [`super::Session::deadline`] passed.
    Deadline,
    /// No connection was tried: the backend's address has been failing, and others wait for it already (W-FAIL-2).
    BackendDown,
    /// No connection was tried: the backend has as many as it may have (R-LOAD-2).
    BackendFull,
    /// No connection could be made for want of something of this host's: what, and what helps (W-FAIL-8).
    CannotConnect(&'static str),
    /// The process stops.
    Shutdown,
    /// The operator ends the user's sessions (W-REL-7).
    Kicked,
    /// The user's group is leaving the backend that is tried (C-MOVE-4).
    Rerouted,
    /// The table is full, and this session waits for nothing but its client (W-PIPE-7).
    Crowded(&'static str),
}

/// Where to go, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAnswer {
    /// The user's group is being moved: ask again soon (C-MOVE-4).
    Hold,
    /// Connect there.
    Go(Destination),
    /// There is no way.
    Fail {
        /// The class.
        failure: Failure,
        /// For the operator's log.
        detail: Box<str>,
    },
}

/// A backend, as the session needs it. The port is the session's business: protocol, grant or referral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Host name, as in the GeoDB: for logs and, later, for TLS.
    pub host: Arc<str>,
    /// Its address.
    pub address: IpAddr,
    /// The user's group, forwarded as `cl_user_group` (C-FWD-1).
    pub group: Option<Box<str>>,
    /// The user is being moved: the backend may hold the login (G25).
    pub is_moving: bool,
    /// The group's row is about to be changed to name this backend: what it says of the user is about the row as it was.
    pub is_switching: bool,
    /// How many connections its row allows it; none: as configured (R-LOAD-2).
    pub connections_max: Option<NonZero<u32>>,
    /// What stands there.
    pub hop: Hop,
}

/// What kind of host a destination is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hop {
    /// A backend, or whatever a password database names.
    #[default]
    Backend,
    /// The load balancer of another site, whose proxies decide again.
    Site,
}
