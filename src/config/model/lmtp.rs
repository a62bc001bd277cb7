//! LMTP's clients: what they may leave out, and what they are promised in the backends' name.

use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::path::Brackets;

/// `lmtp_client_workarounds` and `lmtp_backend_capabilities`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lmtp {
    /// Extensions that every LMTP backend has; none twice.
    pub extensions: Vec<Extension>,
    /// Whether paths need their angle brackets.
    pub brackets: Brackets,
}
