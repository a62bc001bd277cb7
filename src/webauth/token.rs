//! A signed token in its compact form (RFC 7515 3.1): header, claims, signature.
//!
//! Decides whether it is one, and what its header allows. `jku`, `x5u`, `jwk` and `x5c` are never looked at: a token does not
//! say where its key comes from (SA-07).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::limits;
use crate::webauth::algorithm::Algorithm;
use crate::webauth::claims::Claims;
use crate::webauth::fault::TokenFault;

/// A token whose form is right. Nothing of it is true before [`crate::webauth::KeySet::verify`] has said so.
pub struct Token<'t> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<Box<str>>,
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
    claims: Claims,
}

/// Whether the bytes have the form of a JWT; others are asked of the provider.
#[must_use]
pub fn is_jwt(bytes: &[u8]) -> bool {
    Token::parse(bytes).is_ok()
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is none, or its header forbids to take it.
    pub fn parse(bytes: &'t [u8]) -> Result<Self, TokenFault> {
        if bytes.len() > limits::TOKEN_BYTES_MAX {
            return Err(TokenFault::TooLong);
        }
        let mut parts = bytes.split(|byte| *byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenFault::NoJwt);
        };
        let signed = bytes.get(..header.len() + 1 + claims.len()).ok_or(TokenFault::NoJwt)?;
        let header = object(header)?;
        let claims = Claims::new(object(claims)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::NoJwt)?;
        let (algorithm, key_id) = read(&header)?;
        Ok(Self { algorithm, key_id, signed, signature, claims })
    }

    /// How it says that it is signed. It chooses among the keys; each key has algorithms of its own.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Which key it says that it is signed with.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What it claims.
    #[must_use]
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// A token is a secret.
impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

fn object(part: &[u8]) -> Result<Map<String, Value>, TokenFault> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::NoJwt)?;
    match serde_json::from_slice(&json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) | Err(_) => Err(TokenFault::NoJwt),
    }
}

fn read(header: &Map<String, Value>) -> Result<(Algorithm, Option<Box<str>>), TokenFault> {
    if header.contains_key("crit") {
        return Err(TokenFault::Critical);
    }
    let text = |name: &str| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(TokenFault::Header),
    };
    if text("typ")?.is_some_and(|name| !is_type_of_ours(name)) {
        return Err(TokenFault::Type);
    }
    let algorithm = text("alg")?.and_then(Algorithm::named).ok_or(TokenFault::Algorithm)?;
    Ok((algorithm, text("kid")?.map(Into::into)))
}

/// RFC 7519 5.1, RFC 9068 2.1; `application/` may be left out (RFC 7515 4.1.9), and case does not matter.
fn is_type_of_ours(name: &str) -> bool {
    let prefix = "application/";
    let short = match name.split_at_checked(prefix.len()) {
        Some((front, rest)) if front.eq_ignore_ascii_case(prefix) => rest,
        _ => name,
    };
    ["JWT", "at+jwt"].iter().any(|ours| ours.eq_ignore_ascii_case(short))
}
