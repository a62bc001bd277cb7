//! Everything that can happen to an LMTP session.

use std::collections::BTreeSet;

use crate::auth::answer::Answer;
use crate::session::input::RouteAnswer;

/// Which of a session's backend connections. A number is used again once its connection was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u8);

/// Who leaves which backend: users of these groups, or these users.
#[derive(Clone, Copy, Debug)]
pub struct Leaving<'a> {
    /// The backend's host name.
    pub backend: &'a str,
    /// Groups; none: whatever the group.
    pub groups: Option<&'a BTreeSet<Box<str>>>,
    /// Users; none: all of these groups.
    pub users: Option<&'a BTreeSet<Box<str>>>,
}

/// One thing that happened. The shell gives one, carries out every wish, and only then gives the next.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection was accepted: the session may speak.
    Begin,
    /// The client sent these bytes; no more than [`super::Lmtp::client_room`] at a time.
    Client(&'a [u8]),
    /// The client took everything that was queued for it. Only due while [`super::Lmtp::is_stalled`].
    ClientTook,
    /// The client sends nothing more; replies still reach it.
    ClientEnd,
    /// The client broke the connection: nothing reaches it any more.
    ClientGone,
    /// TLS with the client stands, as [`super::Wish::SecureClient`] asked for.
    ClientSecured {
        /// The host name that the client asked for.
        server_name: Option<Box<str>>,
    },
    /// It does not, or a record of it is damaged: nothing reaches the client any more. What it is owed for that is sent
    /// already.
    ClientInsecure(&'static str),
    /// The same, because of the client's certificate, or because it showed none where one is demanded.
    ClientCertificateRefused(&'static str),
    /// More came in clear behind STARTTLS before the go-ahead was sent, which now never is (W-STLS-1).
    ClientInjected,
    /// The user databases answered.
    Found(Box<Answer>),
    /// The routing layer answered.
    Route(RouteAnswer),
    /// A connection to a backend stands.
    Connected(LinkId),
    /// TLS with a backend stands and its certificate will do, as [`super::Wish::SecureBackend`] asked for.
    BackendSecured(LinkId),
    /// It does not.
    BackendInsecure {
        /// Which.
        link: LinkId,
        /// For the log.
        word: &'a str,
        /// Another attempt meets the same: a certificate that won't do, no version in common, no TLS at all (W-BTLS-3).
        is_lasting: bool,
    },
    /// A connection could not be made, or broke.
    Broken(LinkId, &'static str),
    /// No connection was tried: the backend has as many as it may have (R-LOAD-2).
    BackendFull(LinkId),
    /// A connection could not be made for want of something of this host's: what, and what helps (W-FAIL-8).
    CannotConnect(LinkId, &'static str),
    /// A backend sent these bytes; no more than [`super::Lmtp::link_room`] at a time.
    Backend(LinkId, &'a [u8]),
    /// A backend sends nothing more.
    BackendEnd(LinkId),
    /// Some backend took bytes: there may be room for more of the message.
    BackendTook,
    /// [`super::Lmtp::deadline`] passed.
    Deadline,
    /// Too many connections of this client's, or for this process: a client has to go (W-PIPE-7).
    Crowded,
    /// These users leave their backend (C-MOVE-7).
    Leave(Leaving<'a>),
    /// The process stops: finish what is under way and begin nothing new.
    Shutdown,
}
