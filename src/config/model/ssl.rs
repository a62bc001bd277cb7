//! TLS: certificates of ours and of clients, and how old a version may be.

use std::path::PathBuf;

use crate::config::diagnostic::Place;
use crate::names::Protocol;
use crate::secret::Secret;
use crate::wire::certificate_name::NameField;

/// TLS towards clients and backends.
#[derive(Clone, Debug)]
pub struct Ssl {
    /// Towards clients, in the order of [`Protocol::ALL`].
    pub towards_clients: [ClientSsl; 5],
    /// The authorities that backends' certificates are checked with; absent: the system's.
    pub backends: Option<BackendAuthorities>,
    /// What backends are shown that ask for a certificate.
    pub own: Option<Certificate>,
    /// Oldest version spoken with backends.
    pub backend_min_protocol: TlsVersion,
    /// What is offered to backends.
    pub backend_offer: Offer,
}

impl Ssl {
    /// Whether there is a certificate to show, whatever is spoken.
    #[must_use]
    pub fn has_any_certificate(&self) -> bool {
        self.towards_clients.iter().any(ClientSsl::has_certificate)
    }

    /// What clients of a protocol meet.
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> &ClientSsl {
        let [imap, pop3, lmtp, sieve, submission] = &self.towards_clients;
        match protocol {
            Protocol::Imap => imap,
            Protocol::Pop3 => pop3,
            Protocol::Lmtp => lmtp,
            Protocol::Sieve => sieve,
            Protocol::Submission => submission,
        }
    }
}

/// TLS towards the clients of one protocol.
#[derive(Clone, Debug)]
pub struct ClientSsl {
    /// Whether clients may or must use TLS.
    pub mode: SslMode,
    /// The certificate shown when no `local_name` fits; absent: clients get no TLS, unless there are names.
    pub server: Option<Certificate>,
    /// Certificates by server name; the first one counts.
    pub by_name: Vec<(String, Certificate)>,
    /// Oldest version spoken.
    pub min_protocol: TlsVersion,
    /// What is spoken.
    pub offer: Offer,
    /// Whose certificates of clients are good; absent: no listener asks for any.
    pub clients: Option<ClientAuthorities>,
}

impl ClientSsl {
    /// Whether there is anything to show to clients, and they may see it.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        self.mode != SslMode::No && (self.server.is_some() || !self.by_name.is_empty())
    }
}

/// Suites, and groups for the key exchange, by OpenSSL's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Suites; the order is not theirs.
    pub suites: Vec<&'static str>,
    /// Groups.
    pub groups: Vec<&'static str>,
}

impl Offer {
    /// Those of TLS 1.3.
    pub const SUITES_OF_TLS13: [&'static str; 3] =
        ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"];
    /// Those of TLS 1.2.
    pub const SUITES_OF_TLS12: [&'static str; 6] = [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ];
    /// All groups.
    pub const GROUPS: [&'static str; 4] = ["X25519MLKEM768", "X25519", "P-256", "P-384"];
}

impl Default for Offer {
    fn default() -> Self {
        let suites = [&Self::SUITES_OF_TLS13[..], &Self::SUITES_OF_TLS12].concat();
        Self { suites, groups: Self::GROUPS.to_vec() }
    }
}

/// Whether clients may or must use TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never offered.
    No,
    /// Offered.
    Yes,
    /// No login without it, however private the way.
    Required,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// File with the chain, own certificate first.
    pub cert_file: PathBuf,
    /// File with the private key.
    pub key_file: PathBuf,
    /// Password of the key.
    pub key_password: Option<KeyPassword>,
    /// The settings that name both files.
    pub settings: [&'static str; 2],
    /// One of another kind, for clients that don't know this one's.
    pub alternative: Option<Box<Self>>,
    /// Where it was configured.
    pub place: Place,
}

/// The password of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPassword {
    /// The password itself.
    pub secret: Secret,
    /// Where it was configured.
    pub place: Place,
}

/// Whose certificates of clients are good, and which text in them is the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuthorities {
    /// File with the authorities and their lists of revoked certificates, in PEM.
    pub ca_file: PathBuf,
    /// Every certificate must be covered by a current list.
    pub require_crl: bool,
    /// Which text of a certificate is the user.
    pub username_field: NameField,
    /// Where the file was configured.
    pub place: Place,
}

/// Whose certificates of backends are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendAuthorities {
    /// File with the authorities, in PEM.
    pub ca_file: PathBuf,
    /// Certificates of version 1, and names in the common name only, will do.
    pub older_certs: bool,
    /// The setting that names the file.
    pub setting: &'static str,
    /// Where the file was configured.
    pub place: Place,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestClientCert {
    /// No.
    No,
    /// Yes, and a client that has none may go on without.
    Yes,
    /// Yes, and a client that has none is sent away.
    Required,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
