//! Why a TLS connection ended, in words for a log. Only fixed words: nothing of what a peer sent gets into them.

use rustls::{AlertDescription, CertificateError, Error};

/// Why a TLS connection can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For the log.
    pub word: &'static str,
    /// The peer's certificate is to blame: another attempt at the same address finds the same one (W-BTLS-3).
    pub certificate: bool,
}

impl Fault {
    pub(super) const fn of(word: &'static str) -> Self {
        Self { word, certificate: false }
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        let word = match error {
            Error::InvalidCertificate(why) => {
                return Self { word: certificate(why), certificate: true };
            }
            Error::NoCertificatesPresented => {
                return Self { word: "no certificate was shown", certificate: true };
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
            Error::PeerMisbehaved(_) => "the peer breaks the rules of TLS",
            _ => "an internal failure",
        };
        Self::of(word)
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
        CertificateError::Revoked => "the certificate was revoked",
        _ => "the certificate is not valid",
    }
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
