//! Credentials on their way to a backend: what may be sent at all, and SASL PLAIN, the same in every protocol
//! (W-CRED-5).
//!
//! Decides: that nothing ends a line early (W-SASL-7), who is authcid and who authzid (W-CRED-4). Does not: frame; each
//! protocol's `login` does. Tests: below, and with each protocol.

use std::collections::VecDeque;

use crate::auth::verdict::BackendMech;
use crate::fault::Failure;
use crate::secret::Secret;
use crate::wire::base64;

use super::{Login, Proof};

impl Login {
    /// Whether nothing but SASL PLAIN will do: the operator wants it, or there is a master user, whom no other way
    /// names.
    #[must_use]
    pub fn needs_plain(&self) -> bool {
        self.mech == BackendMech::Plain || self.master.is_some()
    }

    /// Whether the backend's offer and the password decide how to log in; no setting or passdb has.
    pub(super) fn may_choose(&self) -> bool {
        self.mech == BackendMech::Auto && self.master.is_none()
    }

    /// Whether user name and password are made of nothing but these bytes.
    pub(super) fn is_made_of(&self, mut legal: impl FnMut(u8) -> bool) -> bool {
        self.user.bytes().chain(self.password.expose().iter().copied()).all(&mut legal)
    }
}

/// Whether the credentials can be sent.
///
/// # Errors
/// `Credentials` when a field holds what could end a string or a line; `preauth` lets none through (W-SASL-7), a
/// database might. `Internal` when no nonce was drawn for SCRAM.
pub(super) fn check(login: &Login) -> Result<(), Failure> {
    // Any host could have an answer ready to an exchange that begins without one.
    if matches!(login.proof, Proof::Scram(_)) && login.nonce.is_empty() {
        return Err(Failure::Internal);
    }
    if is_sendable(&login.user, &login.password, login.master.as_deref()) {
        Ok(())
    } else {
        Err(Failure::Credentials)
    }
}

/// Whether any backend can be told these credentials: nothing in them ends a string or a line, and there is a name.
#[must_use]
pub fn is_sendable(user: &str, password: &Secret, master: Option<&str>) -> bool {
    let fields = [user.as_bytes(), password.expose(), master.unwrap_or_default().as_bytes()];
    let is_harmful = |field: &&[u8]| field.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    !fields.iter().any(is_harmful) && !user.is_empty()
}

/// The only message of SASL PLAIN, in base64 without a line end.
///
/// ```text
/// message       = [authzid] UTF8NUL authcid UTF8NUL passwd ; RFC 4616 2
/// ```
pub(super) fn plain_response(login: &Login) -> Secret {
    let authcid = login.master.as_deref().unwrap_or(&login.user);
    // No authzid when it says nothing new (W-CRED-4).
    let authzid = if *authcid == *login.user { "" } else { &*login.user };
    let parts = [authzid.as_bytes(), b"\0", authcid.as_bytes(), b"\0", login.password.expose()];
    let message = joined(&parts);
    let mut response = Vec::with_capacity(message.len().saturating_mul(2).saturating_add(8));
    base64::encode(message.expose(), &mut response);
    Secret::new(response)
}

/// A message of SASL LOGIN: the user name or the password, in base64 without a line end.
///
/// LOGIN was never more than a draft (draft-murchison-sasl-login); servers that have it differ in what they ask, not in
/// the order in which they want the answers.
pub(super) fn login_response(text: &[u8]) -> Secret {
    let mut response = Vec::with_capacity(text.len().saturating_mul(2).saturating_add(8));
    base64::encode(text, &mut response);
    Secret::new(response)
}

/// Joined without an unwiped intermediate copy.
pub(super) fn joined(parts: &[&[u8]]) -> Secret {
    let size = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut whole = Vec::with_capacity(size);
    for part in parts {
        whole.extend_from_slice(part);
    }
    Secret::new(whole)
}

/// The pieces of a login; each but the first waits for a word of the backend's.
#[derive(Debug, Default)]
pub(super) struct Chunks(VecDeque<Secret>);

impl Chunks {
    pub(super) fn push(&mut self, chunk: Secret) {
        self.0.push_back(chunk);
    }

    /// Queues the next piece and wipes our copy (W-CRED-2).
    pub(super) fn next(&mut self, to_backend: &mut Vec<u8>) -> Option<()> {
        to_backend.extend(self.0.pop_front()?.expose());
        Some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

impl<const N: usize> From<[Secret; N]> for Chunks {
    fn from(chunks: [Secret; N]) -> Self {
        Self(chunks.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_sasl_7_what_could_end_a_line_is_never_sent() {
        let of = |user: &str, password: &str, master: Option<&str>| {
            let master = master.map(Into::into);
            let password = Secret::from(password);
            check(&Login { user: user.into(), password, master, ..Login::default() })
        };
        assert_eq!(of("tim", " p w\t\\\"", Some("root")), Ok(()));
        let proof = Proof::Scram(crate::names::mechanism::Mechanism::ScramSha256);
        let without_nonce = Login { user: "tim".into(), proof, ..Login::default() };
        assert_eq!(check(&without_nonce), Err(Failure::Internal));
        for (user, password, master) in [
            ("a\nb", "p", None),
            ("a\rb", "p", None),
            ("a", "p\r\nDELE 1", None),
            ("a", "p\0", None),
            ("a", "p", Some("r\n")),
            ("", "p", None),
        ] {
            assert_eq!(of(user, password, master), Err(Failure::Credentials));
        }
    }
}
