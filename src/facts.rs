//! What is known of a client connection: addresses, trust, transport, identity of the session.
//!
//! A plain value of rank 0, so that the client side, the backend side and the log speak of the same facts without
//! importing each other. Trust is decided once, when the connection is set up, and never changes (W-TRUST-1).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::names::SessionId;

/// How the *end client's* bytes travelled (W-FWD-11, `x-client-transport`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In clear.
    Insecure,
    /// TLS: between client and us, or ended by the load balancer or proxy in front of us.
    Tls,
}

/// The suite that two ends of TLS have agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the suites, taken apart")]
pub enum Security {
    Tls13Aes128,
    Tls13ChaCha20,
    Tls13Aes256,
    EcdsaAes128,
    RsaAes128,
    EcdsaChaCha20,
    RsaChaCha20,
    EcdsaAes256,
    RsaAes256,
}

impl Security {
    /// `TLSv1.3` or `TLSv1.2`.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Tls13Aes128 | Self::Tls13ChaCha20 | Self::Tls13Aes256 => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The cipher, as OpenSSL and thus Dovecot's logs call it.
    #[must_use]
    pub fn cipher(self) -> &'static str {
        match self {
            Self::Tls13Aes128 => "TLS_AES_128_GCM_SHA256",
            Self::Tls13ChaCha20 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::Tls13Aes256 => "TLS_AES_256_GCM_SHA384",
            Self::EcdsaAes128 => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Self::RsaAes128 => "ECDHE-RSA-AES128-GCM-SHA256",
            Self::EcdsaChaCha20 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Self::RsaChaCha20 => "ECDHE-RSA-CHACHA20-POLY1305",
            Self::EcdsaAes256 => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Self::RsaAes256 => "ECDHE-RSA-AES256-GCM-SHA384",
        }
    }

    /// How long its key is.
    #[must_use]
    pub fn key_bits(self) -> u16 {
        match self {
            Self::Tls13Aes128 | Self::EcdsaAes128 | Self::RsaAes128 => 128,
            _ => 256,
        }
    }
}

/// How a login came, as far as password databases elsewhere may want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approach {
    /// Logins that the same connection has failed at before.
    pub failed_before: u8,
    /// By TLS, ours or of a proxy or load balancer in front of us.
    pub is_secured: bool,
    /// Suite and version, where the TLS is ours.
    pub security: Option<Security>,
    /// The client has shown a certificate, which was verified.
    pub is_certified: bool,
    /// That certificate (DER), where the TLS is ours.
    pub certificate: Option<Arc<[u8]>>,
}

/// Whom a client certificate names that was verified: by us, or by the load balancer that a PROXY header is believed of
/// (W-TLS-4, W-TLV-2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
// Few clients have one, so that a session keeps no more than a pointer for it.
pub struct ClientCertificate(Option<Box<Shown>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    name: Option<Box<str>>,
    whole: Option<Arc<[u8]>>,
}

impl ClientCertificate {
    /// None was shown.
    pub const NONE: Self = Self(None);

    /// One was shown and verified. `name`: the user that it names; none: it has no name of the kind that is wanted, or
    /// more than one, and lets no client in (TL-20).
    #[must_use]
    pub fn verified(name: Option<Box<str>>) -> Self {
        Self(Some(Box::new(Shown { name, whole: None })))
    }

    /// The same, and all of it (DER).
    #[must_use]
    pub fn with_whole(self, whole: &[u8]) -> Self {
        Self(self.0.map(|shown| Box::new(Shown { whole: Some(whole.into()), ..*shown })))
    }

    /// Whether one was shown, and verified.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.0.is_some()
    }

    /// The name in it, as it spells it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()?.name.as_deref()
    }

    /// All of it (DER), where it was shown to us.
    #[must_use]
    pub fn whole(&self) -> Option<&Arc<[u8]>> {
        self.0.as_deref()?.whole.as_ref()
    }
}

/// The facts of one connection (W-ADDR-1, W-FWD-11).
#[derive(Clone, Debug)]
pub struct ClientFacts {
    /// The TCP peer.
    pub socket: SocketAddr,
    /// Source in an accepted PROXY header, else the TCP peer. Trust is judged by it.
    pub origin: SocketAddr,
    /// The apparent client: `origin`, or what a trusted peer told us by ID or XCLIENT.
    pub apparent: SocketAddr,
    /// The address and port that the client connected to (destination in the PROXY header, else ours, else told by a
    /// trusted peer).
    pub local: SocketAddr,
    /// The host name that the client asked for (PROXY AUTHORITY, SNI, `x-connected-name`).
    pub local_name: Option<Box<str>>,
    /// Our name for the connection; a trusted peer's is kept.
    pub session_id: SessionId,
    /// Hops left before a proxy loop is assumed (W-FWD-2). Fresh login sessions start at 7.
    pub ttl: u8,
    /// Whether the end client's bytes were protected.
    pub transport: Transport,
    /// The end client's certificate.
    pub certificate: ClientCertificate,
    /// `origin` lies in `login_trusted_networks`.
    pub trusted: bool,
    /// Forward variables received from a trusted peer (`x-forward-*`), without the prefix.
    pub forward: Vec<(Box<str>, Box<str>)>,
}

impl ClientFacts {
    /// Whether the peer is a proxy of another tier or site: a trusted one that told how many hops are left.
    #[must_use]
    pub fn has_come_from_proxy(&self, fresh_ttl: u8) -> bool {
        self.trusted && self.ttl < fresh_ttl
    }
}
