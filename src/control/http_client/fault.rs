//! Why a service gave no answer.

use crate::tls::{DriverFault, driver_fault};

/// Why a service gave no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::control) enum HttpFault {
    /// Its name has no address.
    #[error("its name has no address")]
    NoAddress,
    /// None of its addresses takes a connection.
    #[error("it cannot be connected: {0}")]
    NotConnected(std::io::Error),
    /// `https`, and there is no authority to believe.
    #[error(
        "no authority is trusted, so no server can prove itself: name a file of authorities, or install the system's \
         ca-certificates"
    )]
    NoAuthorities,
    /// TLS failed.
    #[error("TLS with it failed: {0}")]
    Insecure(Box<str>),
    /// The connection ended before an answer.
    #[error("it closed the connection without an answer")]
    Closed,
    /// The answer, or its head, is larger than it may be.
    #[error("its answer is too large")]
    TooLarge,
    /// What it says is no HTTP.
    #[error("its answer is no HTTP: {0}")]
    NotHttp(Box<str>),
}

impl HttpFault {
    /// Of a failed handshake.
    pub(super) fn of_handshake(error: &std::io::Error) -> Self {
        Self::Insecure(match driver_fault(error) {
            Some(DriverFault::Certificate(why)) => {
                format!("its certificate is not good: {why}").into()
            }
            Some(DriverFault::NotTls) => "what it says is no TLS".into(),
            Some(DriverFault::Other(why)) => why,
            None => error.to_string().into(),
        })
    }

    /// Of an exchange that came to nothing.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::TooLarge
        } else if error.is_parse() {
            Self::NotHttp(error.to_string().into())
        } else {
            Self::Closed
        }
    }
}
