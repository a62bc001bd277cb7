//! Credentials: redacted when printed, compared in constant time, wiped when dropped.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize as _, Zeroizing};

/// A password, token or shared secret. Opaque bytes, because passwords need not be UTF-8 (W-SASL-7).
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over `bytes`; they are wiped when the secret is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves, for the one place that verifies or sends them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether another one is the same, in a time that depends on the other's length alone: for a secret of ours that a
    /// stranger may guess at.
    #[must_use]
    pub fn is_same_as(&self, given: &Self) -> bool {
        let mut own = self.0.iter().chain(std::iter::repeat(&0));
        let is_same = given
            .0
            .iter()
            .fold(Choice::from(1), |is_same, byte| is_same & own.next().unwrap_or(&0).ct_eq(byte));
        (is_same & self.0.len().ct_eq(&given.0.len())).into()
    }

    /// How many bytes the secret has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Overwrites bytes that held a secret, in a way that no optimiser removes: for buffers that are sent or parsed from.
pub fn wipe(bytes: &mut [u8]) {
    bytes.zeroize();
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

/// Constant time for equal lengths; a differing length is told at once, as `subtle` defines it.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_bytes_nor_base64_nor_length() {
        let shown = format!("{:?}", Secret::from("hunter2"));
        assert_eq!(shown, "Secret(…)");
    }

    #[test]
    fn compares_by_content() {
        assert_eq!(Secret::from("a b"), Secret::from("a b"));
        assert_ne!(Secret::from("a b"), Secret::from("a c"));
        assert_ne!(Secret::from("a"), Secret::from("aa"));
    }

    #[test]
    fn a_guess_is_right_only_as_a_whole() {
        let own = Secret::from("secret");
        assert!(own.is_same_as(&Secret::from("secret")));
        for wrong in ["", "s", "secre", "secret\0", "secrets", "Secret"] {
            assert!(!own.is_same_as(&Secret::from(wrong)), "{wrong:?}");
        }
    }
}
