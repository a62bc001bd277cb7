//! What clients are told when a login fails or the connection ends: one table for all protocols (W-FAIL-7).
//!
//! Decides: codes and words. Does not: frame them, each protocol's `reply` does; decide when. Tests: in each protocol's
//! `reply`, and transcripts.

use crate::fault::Failure;

use super::ByeReason;

/// A failure's row (W-FAIL-7).
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    /// IMAP's response code (RFC 5530).
    pub(super) imap: &'static str,
    /// POP3's response code (RFC 2449 8, RFC 3206).
    pub(super) pop3: &'static str,
    /// ManageSieve's response code (RFC 5804 1.3); empty: none.
    pub(super) sieve: &'static str,
    /// Submission's reply code and enhanced code (RFC 4954 6, W-SUB-4).
    pub(super) submission: &'static str,
    /// Words for humans, the same for all (W-FAIL-5).
    pub(super) words: &'static str,
}

/// The rows.
pub(super) const fn refusal(failure: Failure) -> Refusal {
    let (imap, pop3, sieve, submission) = match failure {
        Failure::Credentials => ("[AUTHENTICATIONFAILED]", "[AUTH]", "", "535 5.7.8"),
        Failure::NotAuthorized => ("[AUTHORIZATIONFAILED]", "[AUTH]", "", "535 5.7.8"),
        Failure::Privacy => ("[PRIVACYREQUIRED]", "[AUTH]", "(ENCRYPT-NEEDED)", "523 5.7.10"),
        Failure::Expired => ("[EXPIRED]", "[AUTH]", "", "535 5.7.8"),
        Failure::Disabled => ("[CONTACTADMIN]", "[AUTH]", "", "525 5.7.13"),
        Failure::Limit => ("[LIMIT]", "[IN-USE]", "(LIMIT/CONNECTIONS)", "454 4.7.0"),
        // To a client with mail everything that is wrong with us or a backend is temporary: it keeps the mail.
        Failure::InternalConfig | Failure::RemoteConfig => {
            ("[SERVERBUG]", "[SYS/PERM]", "(TRYLATER/NORETRY)", "454 4.7.0")
        }
        Failure::Unavailable
        | Failure::Connect
        | Failure::Remote
        | Failure::Protocol
        | Failure::Internal
        | Failure::BackendTempFail
        | Failure::Referred
        | Failure::RedirectFailed => ("[UNAVAILABLE]", "[SYS/TEMP]", "(TRYLATER)", "454 4.7.0"),
    };
    Refusal { imap, pop3, sieve, submission, words: words(failure) }
}

const fn words(failure: Failure) -> &'static str {
    match failure {
        Failure::Credentials => "Authentication failed.",
        Failure::NotAuthorized => "Authorization failed.",
        Failure::Privacy => "Plaintext authentication needs a secure connection.",
        Failure::Expired => "Password expired.",
        Failure::Disabled => "Account is disabled.",
        Failure::Limit => "Maximum number of connections exceeded.",
        Failure::InternalConfig
        | Failure::RemoteConfig
        | Failure::Unavailable
        | Failure::Connect
        | Failure::Remote
        | Failure::Protocol
        | Failure::Internal
        | Failure::BackendTempFail
        | Failure::Referred
        | Failure::RedirectFailed => "Account is temporarily unavailable.",
    }
}

/// Why a connection ends, in words, and whether it is worth coming back (W-PIPE-7, W-PIPE-8).
#[derive(Clone, Copy, Debug)]
pub(super) struct Farewell {
    /// The protocol's code for "later" belongs in front.
    pub(super) is_temporary: bool,
    pub(super) words: &'static str,
}

pub(super) const fn farewell(reason: ByeReason) -> Farewell {
    let (is_temporary, words) = match reason {
        ByeReason::Timeout => (false, "Disconnected for inactivity."),
        ByeReason::Shutdown => (true, "Server shutting down."),
        ByeReason::TooManyConnections => (true, "Too many connections, try again later."),
        ByeReason::Kicked => (true, "Kicked by admin."),
        ByeReason::TokenExpired => (false, "Token expired."),
        ByeReason::Internal => (true, "Internal error, try again later."),
    };
    Farewell { is_temporary, words }
}

/// Behind the last of the logins that may fail (W-LIM-1).
pub(super) const TOO_MANY_FAILED_LOGINS: &str = "Too many failed logins.";
/// A line without an end inside its limit.
pub(super) const LINE_TOO_LONG: &str = "Input line too long.";
/// W-STLS-1.
pub(super) const STARTTLS_PIPELINED: &str = "Commands behind STARTTLS.";
/// W-SASL-3.
pub(super) const UNSUPPORTED_MECHANISM: &str = "Unsupported authentication mechanism.";
/// W-SASL-1.
pub(super) const BAD_BASE64: &str = "Invalid base64 in authentication response.";
/// W-SASL-2.
pub(super) const RESPONSE_TOO_LONG: &str = "Authentication response too long.";
