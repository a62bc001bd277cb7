//! Why a TLS connection ended, in words for a log. Fixed words, but for what a backend's certificate says, cleaned.

use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerMisbehaved};

use super::refusal::Refusal;
use super::trust::clean;
use crate::wire::der;

/// Why a TLS connection can't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For the log: fixed words.
    pub word: &'static str,
    /// The peer's certificate is to blame.
    pub certificate: bool,
    /// What was met is how the peer is set up, and no accident.
    lasting: bool,
    /// The same with what stands in the peer's certificate, cleaned; for peers that are the operator's own.
    seen: Option<Box<str>>,
}

impl Fault {
    /// An accident: the next attempt may go better.
    pub(crate) const fn of(word: &'static str) -> Self {
        Self { word, certificate: false, lasting: false, seen: None }
    }

    pub(super) const fn of_certificate(word: &'static str) -> Self {
        Self { word, certificate: true, lasting: true, seen: None }
    }

    /// Whether the next attempt at the same address comes to the same (W-BTLS-3).
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// For the log, with what was seen of a certificate.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.seen.as_deref().unwrap_or(self.word)
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let word = match error {
            Error::InvalidCertificate(why) => {
                return Self { seen: seen(why), ..Self::of_certificate(certificate(why)) };
            }
            Error::NoCertificatesPresented => {
                return Self::of_certificate("no certificate was shown");
            }
            Error::AlertReceived(alert) => received(*alert),
            Error::DecryptError => "a record cannot be decrypted",
            Error::PeerSentOversizedRecord => "a record is too long",
            Error::PeerIncompatible(_) => "no version, cipher or group in common",
            Error::NoApplicationProtocol => "the client asks for another protocol (ALPN)",
            Error::InvalidMessage(_) => "this is not TLS, or it is damaged",
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                "a message out of order"
            }
            // Dovecot goes on, and rustls 0.24 will have a setting for that (`InvalidSniPolicy`); 0.23 looks before it
            // asks us, and what it hashes can't be changed behind its back.
            Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => {
                "the client asks for a server name (SNI) that is no host name; write one into its settings"
            }
            Error::PeerMisbehaved(_) => "the peer breaks the rules of TLS",
            _ => "an internal failure",
        };
        Self { lasting: is_setup(error), ..Self::of(word) }
    }
}

/// Whether the peer is set up so: it speaks other versions, knows other names, wants a certificate of ours, or no TLS
/// at all.
fn is_setup(error: &Error) -> bool {
    match error {
        Error::PeerIncompatible(_) | Error::InvalidMessage(_) | Error::NoApplicationProtocol => {
            true
        }
        Error::AlertReceived(alert) => !matches!(
            alert,
            AlertDescription::InternalError
                | AlertDescription::UserCanceled
                | AlertDescription::CloseNotify
                | AlertDescription::BadRecordMac
                | AlertDescription::DecryptError
                | AlertDescription::DecodeError
        ),
        _ => false,
    }
}

fn certificate(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is for another purpose"
        }
        CertificateError::BadSignature => "the certificate was not made by its issuer",
        CertificateError::BadEncoding => "the certificate is damaged",
        CertificateError::UnhandledCriticalExtension => {
            "the certificate has a critical extension that Hale does not know"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the certificate is signed by an algorithm that is too weak or unknown"
        }
        CertificateError::Revoked => "the certificate was revoked",
        _ => "the certificate is not valid",
    }
}

/// What is to be told of a backend's certificate besides.
fn seen(why: &CertificateError) -> Option<Box<str>> {
    let day = |seconds: u64| der::day(i64::try_from(seconds).unwrap_or(i64::MAX));
    let word = certificate(why);
    let text = match why {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("{word}, on {}; renew it", day(not_after.as_secs()))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("{word}, but from {} on; look at both clocks", day(not_before.as_secs()))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = match presented.is_empty() {
                true => "it has none".to_owned(),
                false => format!("it is for {}", presented.join(" ")),
            };
            format!("{word}: {} was expected, {}", expected.to_str(), clean(&names))
        }
        CertificateError::UnknownIssuer => {
            format!(
                "{word}: what was shown leads to no authority in ssl_client_ca_file (unset: the system's)"
            )
        }
        CertificateError::Other(OtherError(refusal)) => match refusal.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.to_string(),
            None => of_library(word, &refusal.to_string()),
        },
        _ => return None,
    };
    Some(text.into())
}

/// What the library has no public word for, it names.
fn of_library(word: &str, name: &str) -> String {
    let why = match name {
        "NameConstraintViolation" => {
            "one of its authorities may not make certificates for this name (nameConstraints)"
        }
        "EndEntityUsedAsCa" => "a certificate that is not marked as an authority (CA:TRUE) made it",
        "PathLenConstraintViolated" => {
            "more authorities stand in between than one of them allows (pathlen)"
        }
        "UnsupportedCriticalExtension" => "it has a critical extension that Hale does not know",
        name => name,
    };
    format!("{word}: {}", clean(why))
}

fn received(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => "the peer does not trust our certificate's issuer",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate => "the peer does not like our certificate",
        AlertDescription::ProtocolVersion => "the peer speaks no version of TLS that we speak",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the peer found no cipher in common"
        }
        AlertDescription::UnrecognisedName => "the peer does not know the name",
        AlertDescription::UserCanceled => "the peer gave up",
        AlertDescription::CertificateRequired => "the peer demands a client certificate",
        _ => "the peer sent an alert",
    }
}
