//! Passwords and tokens that no database has to be asked about.

use crate::auth::answer::Why;
use crate::auth::ask::Proof;
use crate::limits::{PASSWORD_BYTES_MAX, TOKEN_BYTES_MAX};

/// Why the evidence can't be right; none: a database has to say.
pub(super) fn refused(proof: Proof, evidence: &[u8]) -> Option<Why> {
    match proof {
        Proof::Password | Proof::NamedPassword => {
            (!is_acceptable(evidence)).then_some(Why::Password)
        }
        Proof::Token => (!is_token(evidence)).then_some(Why::Token),
        Proof::Certificate | Proof::Exchange(_) | Proof::None => None,
    }
}

/// W-SASL-7, SA-17, and no user's password is empty: backends have taken that for an anonymous login.
fn is_acceptable(password: &[u8]) -> bool {
    let harmless = |byte: &u8| !matches!(byte, 0 | b'\r' | b'\n');
    (1..=PASSWORD_BYTES_MAX).contains(&password.len()) && password.iter().all(harmless)
}

/// ```text
/// b64token      = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" ; RFC 6750 2.1
/// ```
///
/// What else can be seen is left to those who read tokens; what cannot could end a line at a backend or an issuer.
fn is_token(token: &[u8]) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic)
}
