//! The facts that proxies tell each other about a client, under the names they have in each protocol (W-FWD-11).
//!
//! Decides: which facts there are and what they are called. Does not: hold values, or believe a peer; `backend` writes
//! them, `preauth` reads them. Tests: with the readers and writers.

/// One fact of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The name of the session.
    SessionId,
    /// The client's address.
    ClientIp,
    /// The client's port.
    ClientPort,
    /// The address that the client connected to.
    LocalIp,
    /// The port that the client connected to.
    LocalPort,
    /// How many hops may follow.
    HopsLeft,
    /// Whether the client's own connection is protected.
    Transport,
    /// The host name that the client asked for.
    LocalName,
}

impl Fact {
    /// Key of IMAP's ID and attribute of XCLIENT, in the order in which ID tells them.
    const NAMES: [(Self, &'static str, &'static str); 8] = [
        (Self::SessionId, "x-session-id", "SESSION"),
        (Self::ClientIp, "x-originating-ip", "ADDR"),
        (Self::ClientPort, "x-originating-port", "PORT"),
        (Self::LocalIp, "x-connected-ip", "DESTADDR"),
        (Self::LocalPort, "x-connected-port", "DESTPORT"),
        (Self::HopsLeft, "x-proxy-ttl", "TTL"),
        (Self::Transport, "x-client-transport", "CLIENT-TRANSPORT"),
        (Self::LocalName, "x-connected-name", "DESTNAME"),
    ];

    /// Every fact, in the order in which ID tells them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(fact, ..)| fact)
    }

    /// The key in IMAP's ID.
    #[must_use]
    pub fn id_key(self) -> &'static str {
        Self::NAMES.iter().find(|(fact, ..)| *fact == self).map_or("", |(_, key, _)| key)
    }

    /// The attribute of XCLIENT.
    #[must_use]
    pub fn attribute(self) -> &'static str {
        Self::NAMES.iter().find(|(fact, ..)| *fact == self).map_or("", |(.., name)| name)
    }

    /// The fact behind a key of ID, in any case.
    #[must_use]
    pub fn of_id_key(key: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(key));
        found.map(|(fact, ..)| *fact)
    }

    /// The fact behind an attribute of XCLIENT, in any case.
    #[must_use]
    pub fn of_attribute(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(.., known)| known.eq_ignore_ascii_case(name));
        found.map(|(fact, ..)| *fact)
    }
}
