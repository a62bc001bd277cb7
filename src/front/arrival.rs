//! How far a connection has come that is not served yet: a PROXY header to read, a handshake to wait for.

use super::connection::{ClientTls, Front};
use crate::event::Closed;
use crate::facts::ClientCertificate;
use crate::limits::TLS_HANDSHAKE_TIMEOUT;
use crate::network::Networks;
use crate::proxy_header::{Decoder, Outcome};
use crate::tick::Tick;

/// What a connection waits for before its protocol is spoken, or before it is spoken on.
#[derive(Debug)]
pub enum Arrival {
    /// To be told that it may begin.
    Accepted,
    /// For the rest of the PROXY header, until then at most; nothing is said before it is complete (W-PIPE-2).
    Header(Box<Decoder>, Tick),
    /// For the client's TLS handshake, until then at most.
    Handshake(Opening, Tick),
}

/// What a handshake is in the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Its beginning: the greeting follows.
    First,
    /// The answer to STARTTLS: what was learnt in clear is forgotten (W-STLS-3).
    Starttls,
}

/// What bytes of a PROXY header came to.
#[derive(Debug)]
pub enum HeaderRead<'a> {
    /// More of it has to come.
    More,
    /// The client is known; what is behind the header is the connection's.
    Complete(&'a [u8]),
    /// The connection ends.
    Ended(Ending),
}

/// How the protocol begins.
#[derive(Debug)]
pub enum Start {
    /// With the greeting.
    Greet,
    /// With a handshake.
    Shake(Arrival),
}

/// Why a connection ends that has not got through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is not known who the client is.
    Refused {
        /// Why.
        reason: &'static str,
        /// What it counts as.
        closed: Closed,
    },
    /// The client is known and did not get as far as a login.
    Aborted(&'static str),
}

impl Arrival {
    /// A connection that was accepted just now, and whose header has until `deadline` if one comes.
    #[must_use]
    pub fn new(front: &Front, deadline: Tick) -> Self {
        if front.is_behind_header() {
            Self::Header(Box::new(Decoder::new()), deadline)
        } else {
            Self::Accepted
        }
    }

    /// The handshake that answers STARTTLS.
    #[must_use]
    pub fn starttls(front: &mut Front, now: Tick) -> Self {
        Self::handshake(front, Opening::Starttls, now)
    }

    fn handshake(front: &mut Front, opening: Opening, now: Tick) -> Self {
        front.begin_tls();
        Self::Handshake(opening, now.after(TLS_HANDSHAKE_TIMEOUT))
    }

    /// The connection may begin: with TLS if it is of that kind.
    #[must_use]
    pub fn start(front: &mut Front, now: Tick) -> Start {
        match front.tls() {
            ClientTls::Awaited => Start::Shake(Self::handshake(front, Opening::First, now)),
            ClientTls::Clear | ClientTls::InFront | ClientTls::Ours => Start::Greet,
        }
    }

    /// Reads a piece of the header. `trusted`: `login_trusted_networks`.
    pub fn read<'a>(
        &mut self,
        front: &mut Front,
        trusted: &Networks,
        bytes: &'a [u8],
    ) -> HeaderRead<'a> {
        let Self::Header(decoder, _) = self else {
            // In clear nothing counts any more, and nothing sealed comes before the handshake is done.
            return HeaderRead::More;
        };
        let refused =
            |reason| HeaderRead::Ended(Ending::Refused { reason, closed: Closed::BadHeader });
        match decoder.decode(bytes) {
            Outcome::Incomplete => HeaderRead::More,
            Outcome::Done { header, consumed } if front.believe(&header, trusted) => {
                HeaderRead::Complete(bytes.get(consumed..).unwrap_or_default())
            }
            Outcome::Done { .. } => refused("the PROXY header's ALPN is not this protocol's"),
            Outcome::Refused(refusal) => refused(refusal.text()),
        }
    }

    /// TLS stands: takes over what it says of the client. Which handshake it was; none: there was none.
    pub fn secured(
        &self,
        front: &mut Front,
        server_name: Option<Box<str>>,
        certificate: ClientCertificate,
    ) -> Option<Opening> {
        let Self::Handshake(opening, _) = self else { return None };
        front.note_tls(server_name, certificate);
        Some(*opening)
    }

    /// The client sends nothing more.
    #[must_use]
    pub fn left(&self) -> Ending {
        match self {
            Self::Accepted => Ending::Aborted("client disconnected"),
            // A load balancer's check: connects, maybe sends half a header, goes away (W-PRB-5).
            Self::Header(..) => Ending::Refused {
                reason: "closed before the PROXY header was complete",
                closed: Closed::UnfinishedHeader,
            },
            Self::Handshake(..) => Ending::Aborted("client disconnected in the TLS handshake"),
        }
    }

    /// It took too long.
    #[must_use]
    pub fn late(&self) -> Ending {
        match self {
            Self::Accepted => Ending::Aborted("no login within the time allowed"),
            Self::Header(..) => Ending::Refused {
                reason: "no complete PROXY header within haproxy_timeout",
                closed: Closed::LateHeader,
            },
            Self::Handshake(..) => Ending::Aborted("the TLS handshake was not completed in time"),
        }
    }

    /// Until when it may take; none: it takes no time.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        match self {
            Self::Accepted => None,
            Self::Header(_, deadline) | Self::Handshake(_, deadline) => Some(*deadline),
        }
    }

    /// How many bytes of the client may be read now.
    #[must_use]
    pub fn room(&self, front: &Front) -> usize {
        match self {
            Self::Accepted | Self::Header(..) => front.room(),
            // They are the handshake's.
            Self::Handshake(..) => 0,
        }
    }

    /// Whether it is known who the client is: a PROXY header that had to come has come.
    #[must_use]
    pub fn is_identified(&self) -> bool {
        !matches!(self, Self::Header(..))
    }

    /// The name of what is waited for, for the administrator.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Header(..) => "proxy-header",
            Self::Handshake(..) => "tls",
        }
    }
}
