//! The keys that a provider signs with (RFC 7517 5), read key by key: one odd key harms no other.

use serde_json::Value;

use crate::limits;
use crate::webauth::algorithm::Algorithm;
use crate::webauth::fault::TokenFault;
use crate::webauth::keys::{Key, KeyFault, SharedKeys};
use crate::webauth::token::Token;

/// Keys.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    /// How many were passed over, and why the first was.
    passed_over: usize,
    first_fault: Option<KeyFault>,
}

/// Why a text is no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// No JSON object with a list `keys`.
    #[error("it is no JSON Web Key Set: an object with a list `keys` was expected")]
    Form,
    /// No key is left.
    #[error("none of its keys can verify a token")]
    Empty,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    /// It is none, or has no key of use.
    pub fn parse(json: &[u8], shared: SharedKeys) -> Result<Self, KeySetFault> {
        let value: Value = serde_json::from_slice(json).map_err(|_| KeySetFault::Form)?;
        let Some(Value::Array(list)) = value.get("keys") else { return Err(KeySetFault::Form) };
        let mut set = Self::default();
        for key in list {
            if set.keys.len() == limits::TOKEN_KEYS_MAX {
                set.passed_over += 1;
                continue;
            }
            match Key::of_set(key, shared) {
                Ok(key) => set.keys.push(key),
                Err(fault) => {
                    set.passed_over += 1;
                    set.first_fault.get_or_insert(fault);
                }
            }
        }
        if set.keys.is_empty() { Err(KeySetFault::Empty) } else { Ok(set) }
    }

    /// Of keys that were read one by one.
    #[must_use]
    pub fn of(keys: Vec<Key>) -> Self {
        Self { keys, ..Self::default() }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the operator is told of keys that were passed over; none: there are none that should have counted.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let fault = self.first_fault.filter(|fault| *fault != KeyFault::Use);
        match (self.passed_over, fault) {
            (0, _) => None,
            (count, Some(fault)) => {
                Some(format!("{count} keys are passed over; of the first: {fault}"))
            }
            (_, None) if self.first_fault.is_some() => None,
            (count, None) => {
                let most = limits::TOKEN_KEYS_MAX;
                Some(format!("{count} keys are passed over: {most} are read at most"))
            }
        }
    }

    /// Whether one of the keys has signed the token. Takes 20 to 200 µs for each key tried.
    ///
    /// # Errors
    /// None is meant for it, which fetching the set again may change; or none verifies it.
    pub fn verify(&self, token: &Token<'_>) -> Result<(), TokenFault> {
        let party = token.claims().text("azp");
        let party = party.as_deref();
        let algorithm = token.algorithm;
        let mut meant = self
            .keys
            .iter()
            .filter(|key| key.may_have_signed(algorithm, token.key_id()))
            .filter(|key| key.party.as_deref().is_none_or(|own| Some(own) == party))
            .take(limits::TOKEN_KEYS_TRIED_MAX)
            .peekable();
        if meant.peek().is_none() {
            return Err(TokenFault::UnknownKey(algorithm));
        }
        let is_good = meant.any(|key| key.verifies(algorithm, token.signed, &token.signature));
        if is_good { Ok(()) } else { Err(TokenFault::Signature) }
    }

    /// Whether the set has a key for an algorithm, to say what is offered.
    #[must_use]
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.may_have_signed(algorithm, None))
    }
}
