//! One key that signatures of tokens are verified with, parsed once.
//!
//! A key's algorithms are its own: RSA keys verify RSA signatures and nothing else, so that no token is taken for one whose
//! HMAC key is a public key (SA-07).

use aws_lc_rs::hmac as mac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::secret::Secret;
use crate::webauth::algorithm::{Algorithm, Family};

/// A key.
pub struct Key {
    /// `kid`.
    pub(super) id: Option<Box<str>>,
    /// Of a folder of keys: the `azp` that it is for.
    pub(super) party: Option<Box<str>>,
    verifiers: Vec<(Algorithm, Verifier)>,
}

enum Verifier {
    Public(ParsedPublicKey),
    Shared(Box<mac::Key>),
}

/// Why a key is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// `kty`, `crv` or `alg` is none that is served.
    #[error("its `kty`, `crv` or `alg` is none that is served")]
    Kind,
    /// `use` or `key_ops` says that it does not verify.
    #[error("it is not for signatures")]
    Use,
    /// A member is missing, of the wrong type, or no number of the right length.
    #[error("a member is missing or makes no sense")]
    Member,
    /// An RSA key of less than 2,048 or more than 8,192 bits.
    #[error("RSA keys have 2,048 to 8,192 bits")]
    Size,
    /// A shared secret in a set that came from the net.
    #[error("shared secrets are taken from files only")]
    Shared,
}

/// Whether keys may be secrets shared with the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedKeys {
    /// They come from a file of the operator's.
    Allowed,
    /// They come from the net.
    Refused,
}

impl Key {
    /// Whether the token may be signed with it, as far as their ids say.
    pub(super) fn may_have_signed(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let is_named = match (&self.id, id) {
            (Some(own), Some(wanted)) => **own == *wanted,
            // A set of one key needs no names.
            (None, _) | (_, None) => true,
        };
        is_named && self.verifiers.iter().any(|(own, _)| *own == algorithm)
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let own = self.verifiers.iter().find(|(own, _)| *own == algorithm);
        own.is_some_and(|(_, verifier)| match verifier {
            Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
            Verifier::Shared(key) => mac::verify(key, message, signature).is_ok(),
        })
    }

    /// Reads a key of a set (RFC 7517 4).
    ///
    /// # Errors
    /// Why it is passed over; the others of its set count.
    pub fn of_set(key: &Value, shared: SharedKeys) -> Result<Self, KeyFault> {
        let Value::Object(members) = key else { return Err(KeyFault::Member) };
        let id = text(members, "kid")?.map(Into::into);
        if text(members, "use")?.is_some_and(|purpose| purpose != "sig") {
            return Err(KeyFault::Use);
        }
        match members.get("key_ops") {
            None => {}
            Some(Value::Array(list)) if list.iter().any(|op| op == "verify") => {}
            Some(Value::Array(_)) => return Err(KeyFault::Use),
            Some(_) => return Err(KeyFault::Member),
        }
        let only = match text(members, "alg")? {
            None => None,
            Some(name) => Some(Algorithm::named(name).ok_or(KeyFault::Kind)?),
        };
        let family = family(members)?;
        if family == Family::Shared && shared == SharedKeys::Refused {
            return Err(KeyFault::Shared);
        }
        let wanted = Algorithm::ALL.into_iter().filter(|algorithm| {
            algorithm.family() == family && only.is_none_or(|only| only == *algorithm)
        });
        let verifiers: Vec<(Algorithm, Verifier)> = wanted
            .map(|algorithm| Ok((algorithm, verifier(algorithm, members)?)))
            .collect::<Result<_, KeyFault>>()?;
        if verifiers.is_empty() {
            Err(KeyFault::Kind)
        } else {
            Ok(Self { id, party: None, verifiers })
        }
    }

    /// A key of a folder, where its place says what it is for (Dovecot's `local_validation_key_dict`).
    ///
    /// # Errors
    /// The text is no key for this algorithm.
    pub fn of_file(
        algorithm: Algorithm,
        party: Option<&str>,
        id: Option<&str>,
        der_or_secret: &Secret,
    ) -> Result<Self, KeyFault> {
        let bytes = der_or_secret.expose();
        let verifier = match public(algorithm) {
            None if bytes.is_empty() => return Err(KeyFault::Member),
            None => Verifier::Shared(Box::new(mac::Key::new(digest(algorithm), bytes))),
            Some(parameters) => Verifier::Public(
                ParsedPublicKey::new(parameters, bytes).map_err(|_| KeyFault::Member)?,
            ),
        };
        let (id, party) = (id.map(Into::into), party.map(Into::into));
        Ok(Self { id, party, verifiers: vec![(algorithm, verifier)] })
    }
}

/// Keys may be secrets.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, KeyFault> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyFault::Member),
    }
}

fn family(members: &Map<String, Value>) -> Result<Family, KeyFault> {
    let kind = text(members, "kty")?.ok_or(KeyFault::Member)?;
    match (kind, text(members, "crv")?) {
        ("RSA", _) => Ok(Family::Rsa),
        ("EC", Some("P-256")) => Ok(Family::P256),
        ("EC", Some("P-384")) => Ok(Family::P384),
        ("EC", Some("P-521")) => Ok(Family::P521),
        ("OKP", Some("Ed25519")) => Ok(Family::Ed25519),
        ("oct", _) => Ok(Family::Shared),
        _ => Err(KeyFault::Kind),
    }
}

fn verifier(algorithm: Algorithm, members: &Map<String, Value>) -> Result<Verifier, KeyFault> {
    let bytes = |name| {
        let text = text(members, name)?.ok_or(KeyFault::Member)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Member)
    };
    let coordinate = |name| {
        let bytes = bytes(name)?;
        if bytes.len() == coordinate_bytes(algorithm.family()) {
            Ok(bytes)
        } else {
            Err(KeyFault::Member)
        }
    };
    let parsed = match algorithm.family() {
        Family::Rsa => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            // Zeros in front are no part of the number; some libraries write one (RFC 7518 6.3.1.1).
            let n = n.get(n.iter().take_while(|byte| **byte == 0).count()..).unwrap_or_default();
            if !(RSA_BYTES_MIN..=RSA_BYTES_MAX).contains(&n.len()) {
                return Err(KeyFault::Size);
            }
            let parameters = rsa(algorithm).ok_or(KeyFault::Kind)?;
            PublicKeyComponents { n, e: &e[..] }.to_parsed_public_key(parameters)
        }
        Family::P256 | Family::P384 | Family::P521 => {
            let parameters = ecdsa(algorithm).ok_or(KeyFault::Kind)?;
            let (x, y) = (coordinate("x")?, coordinate("y")?);
            let point = [&[UNCOMPRESSED][..], &x, &y].concat();
            ParsedPublicKey::new(parameters, point)
        }
        Family::Ed25519 => ParsedPublicKey::new(&signature::ED25519, coordinate("x")?),
        Family::Shared => {
            let secret = Secret::new(bytes("k")?);
            if secret.is_empty() {
                return Err(KeyFault::Member);
            }
            let key = mac::Key::new(digest(algorithm), secret.expose());
            return Ok(Verifier::Shared(Box::new(key)));
        }
    };
    parsed.map(Verifier::Public).map_err(|_| KeyFault::Member)
}

fn coordinate_bytes(family: Family) -> usize {
    match family {
        Family::P384 => 48,
        Family::P521 => 66,
        Family::P256 | Family::Ed25519 | Family::Rsa | Family::Shared => 32,
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(algorithm: Algorithm) -> Option<&'static EcdsaVerificationAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => Some(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => Some(&signature::ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}

fn public(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    if let Some(parameters) = rsa(algorithm) {
        return Some(parameters);
    }
    if let Some(parameters) = ecdsa(algorithm) {
        return Some(parameters);
    }
    (algorithm == Algorithm::EdDsa).then_some(&signature::ED25519)
}

fn digest(algorithm: Algorithm) -> mac::Algorithm {
    match algorithm {
        Algorithm::Hs384 => mac::HMAC_SHA384,
        Algorithm::Hs512 => mac::HMAC_SHA512,
        _ => mac::HMAC_SHA256,
    }
}

/// Shorter ones are broken with money, longer ones are a way to burn our time.
const RSA_BYTES_MIN: usize = 256;
const RSA_BYTES_MAX: usize = 1024;
/// SEC 1 2.3.3.
const UNCOMPRESSED: u8 = 0x04;
