//! Password schemes: the `{SCHEME}…` text of a password database as a value that verifies passwords.
//!
//! Decides whether a password matches, what it would cost to find out, and which stored values are refused: unknown and
//! weak schemes, and costs above the walls of `limits` (SA-16). Does not look users up, does not remember verifications
//! (`auth::cache`) and does not choose where to compute: data cores verify [`Cost::Cheap`] values themselves, the
//! hashing pool the others. Formats are Dovecot's (its `password-scheme.c`). Known answers of a real Dovecot are in
//! `vectors`.

mod argon2;
mod bcrypt;
mod crypt;
mod digest;
mod md5;
mod pbkdf2;
mod scram;
#[cfg(test)]
mod vectors;

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use self::digest::{Hash, Salt, Salted};
pub use self::md5::Contexts;
use crate::auth::scram::{Algorithm, Keys};
use crate::secret::Secret;

/// A stored password, understood and within the cost limits. Prints its scheme, never its content.
pub struct Stored(Form);

/// Who may compute a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Microseconds: a data core does it at once.
    Cheap,
    /// Made to be slow: only the hashing pool.
    Costly,
}

impl Stored {
    /// Understands `text` as it stands in a password database: `{SCHEME}value`, or a bare value of `default_scheme`.
    ///
    /// # Errors
    /// The scheme is unknown or refused, the value is malformed, or it costs more than the limits allow.
    pub fn parse(text: &str, default_scheme: Scheme) -> Result<Self, SchemeError> {
        let (scheme, encoding, value) = split(text, default_scheme)?;
        if value.is_empty() {
            return Err(SchemeError::Empty);
        }
        let salted = |hash, salt| Salted::parse(hash, salt, encoding, value).map(Form::Digest);
        let form = match scheme {
            Scheme::Plain => Form::Plain(plain(value, encoding)?),
            Scheme::Sha1 => salted(Hash::Sha1, Salt::None)?,
            Scheme::Ssha => salted(Hash::Sha1, Salt::Appended)?,
            Scheme::Sha256 => salted(Hash::Sha256, Salt::None)?,
            Scheme::Ssha256 => salted(Hash::Sha256, Salt::Appended)?,
            Scheme::Sha512 => salted(Hash::Sha512, Salt::None)?,
            Scheme::Ssha512 => salted(Hash::Sha512, Salt::Appended)?,
            // Dovecot hands all of these to crypt(3), which goes by the prefix; so `{SHA512-CRYPT}$5$…` works.
            Scheme::Crypt | Scheme::Sha256Crypt | Scheme::Sha512Crypt | Scheme::BlfCrypt => {
                crypt::parse(value)?
            }
            // Likewise: libsodium goes by the prefix.
            Scheme::Argon2i | Scheme::Argon2id => Form::Argon2(argon2::Argon::parse(value)?),
            Scheme::ScramSha1 => Form::Scram(scram::Scram::parse(Algorithm::Sha1, value)?),
            Scheme::ScramSha256 => Form::Scram(scram::Scram::parse(Algorithm::Sha256, value)?),
            Scheme::Pbkdf2 => Form::Pbkdf2(pbkdf2::Pbkdf2::parse(value)?),
            Scheme::CramMd5 => Form::CramMd5(Contexts::parse(encoding, value)?),
            Scheme::DigestMd5 => Form::DigestMd5(md5::Digested::parse(encoding, value)?),
        };
        Ok(Self(form))
    }

    /// What a verification costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match &self.0 {
            Form::Plain(_) | Form::Digest(_) | Form::CramMd5(_) | Form::DigestMd5(_) => Cost::Cheap,
            Form::ShaCrypt(_)
            | Form::Bcrypt(_)
            | Form::Argon2(_)
            | Form::Pbkdf2(_)
            | Form::Scram(_) => Cost::Costly,
        }
    }

    /// Memory that a verification takes, in KiB; zero when it is not worth counting.
    #[must_use]
    pub fn memory_kib(&self) -> u32 {
        match &self.0 {
            Form::Argon2(stored) => stored.memory_kib(),
            Form::Plain(_)
            | Form::Digest(_)
            | Form::ShaCrypt(_)
            | Form::Bcrypt(_)
            | Form::Scram(_)
            | Form::CramMd5(_)
            | Form::DigestMd5(_)
            | Form::Pbkdf2(_) => 0,
        }
    }

    /// Whether `password` is the stored one. Compares in constant time.
    ///
    /// # Errors
    /// The computation is impossible here: not enough memory.
    pub fn verify(&self, password: &[u8]) -> Result<bool, SchemeError> {
        match &self.0 {
            Form::Plain(stored) => Ok(*stored == Secret::from(password)),
            Form::Digest(stored) => Ok(stored.verify(password)),
            Form::ShaCrypt(stored) => stored.verify(password),
            Form::Bcrypt(stored) => Ok(stored.verify(password)),
            Form::Argon2(stored) => stored.verify(password),
            Form::Pbkdf2(stored) => Ok(stored.verify(password)),
            Form::Scram(stored) => Ok(stored.verify(password)),
            Form::CramMd5(stored) => Ok(stored.verify(password)),
            Form::DigestMd5(stored) => Ok(stored.verify(password)),
        }
    }

    /// The same, as this user's password: `{DIGEST-MD5}` is a digest of both. `user`: as typed, with the realm behind `@`.
    #[must_use]
    pub fn owned_by(self, user: &str) -> Self {
        match self.0 {
            Form::DigestMd5(stored) => Self(Form::DigestMd5(stored.owned_by(user))),
            form => Self(form),
        }
    }

    /// What CRAM-MD5 needs; none: it is not to be had from this scheme.
    #[must_use]
    pub fn cram_md5(self) -> Option<Contexts> {
        match self.0 {
            Form::Plain(password) => Some(Contexts::of(password.expose())),
            Form::CramMd5(contexts) => Some(contexts),
            _ => None,
        }
    }

    /// What DIGEST-MD5 needs, for a client that names itself so; none: it is not to be had from this scheme.
    #[must_use]
    pub fn digest_md5(self, user: &[u8], realm: &[u8]) -> Option<Secret> {
        match self.0 {
            Form::Plain(password) => Some(md5::digested(user, realm, password.expose())),
            Form::DigestMd5(stored) => Some(stored.into_digest()),
            _ => None,
        }
    }

    /// Whether the digest is APOP's answer to the challenge; none: it is not to be had from this scheme.
    #[must_use]
    pub fn is_apop(&self, challenge: &[u8], digest: &[u8]) -> Option<bool> {
        match &self.0 {
            Form::Plain(password) => Some(md5::is_apop(password.expose(), challenge, digest)),
            _ => None,
        }
    }

    /// What an exchange of SCRAM by this algorithm needs; none: it is not to be had from this scheme.
    #[must_use]
    pub fn scram(self, algorithm: Algorithm) -> Option<ScramSecret> {
        match self.0 {
            Form::Plain(password) => Some(ScramSecret::Password(password)),
            Form::Scram(stored) if stored.algorithm == algorithm => {
                Some(ScramSecret::Keys(stored.salted, stored.keys))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            Form::Plain(_) => "PLAIN",
            Form::Digest(_) => "digest",
            Form::ShaCrypt(_) => "SHA-crypt",
            Form::Bcrypt(_) => "BLF-CRYPT",
            Form::Argon2(_) => "ARGON2",
            Form::Pbkdf2(_) => "PBKDF2",
            Form::Scram(_) => "SCRAM",
            Form::CramMd5(_) => "CRAM-MD5",
            Form::DigestMd5(_) => "DIGEST-MD5",
        };
        write!(f, "Stored({name}, …)")
    }
}

/// The schemes that are verified. Names are Dovecot's; several names may mean one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `PLAIN`, `CLEARTEXT`, `CLEAR`.
    Plain,
    /// `SHA`, `SHA1`.
    Sha1,
    /// `SSHA`.
    Ssha,
    /// `SHA256`.
    Sha256,
    /// `SSHA256`.
    Ssha256,
    /// `SHA512`.
    Sha512,
    /// `SSHA512`.
    Ssha512,
    /// `CRYPT`: whatever the `$…$` prefix says.
    Crypt,
    /// `SHA256-CRYPT`.
    Sha256Crypt,
    /// `SHA512-CRYPT`.
    Sha512Crypt,
    /// `BLF-CRYPT`: bcrypt.
    BlfCrypt,
    /// `ARGON2I`.
    Argon2i,
    /// `ARGON2ID`.
    Argon2id,
    /// `PBKDF2`: Dovecot's own format over HMAC-SHA1.
    Pbkdf2,
    /// Dovecot's keys of SCRAM-SHA-1.
    ScramSha1,
    /// The same of SCRAM-SHA-256.
    ScramSha256,
    /// `CRAM-MD5`, `HMAC-MD5`: for the mechanism CRAM-MD5.
    CramMd5,
    /// For the mechanism DIGEST-MD5.
    DigestMd5,
}

impl Scheme {
    /// The scheme of this name, in any case.
    ///
    /// # Errors
    /// [`SchemeError::Weak`] for names that Dovecot knows and Hale refuses, [`SchemeError::Unknown`] for all others.
    pub fn named(name: &str) -> Result<Self, SchemeError> {
        if let Some((_, scheme)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            return Ok(*scheme);
        }
        let weak = Weak::ALL.into_iter().find(|weak| weak.name().eq_ignore_ascii_case(name));
        Err(weak.map_or(SchemeError::Unknown, SchemeError::Weak))
    }

    /// A name of the scheme.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }
}

/// Why a stored password can't be used. Never the client's fault: the login fails internally (SA-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The hashing pool's queue is full; nothing was compared (SA-18).
    #[error(
        "too many password verifications wait: the hashing threads are behind (auth_hash_threads)"
    )]
    Busy,
    /// Not a name Dovecot knows. The name is not told: an unquoted password may begin with a brace.
    #[error("unknown password scheme")]
    Unknown,
    /// A name that is refused.
    #[error("password scheme {} is not supported", .0.name())]
    Weak(Weak),
    /// `{PLAIN}` and nothing behind it.
    #[error("stored password is empty")]
    Empty,
    /// Neither base64 nor hexadecimal where one of them is expected.
    #[error("stored password is not encoded properly")]
    Encoding,
    /// The value is too short, too long or lacks a part.
    #[error("stored password is malformed")]
    Malformed,
    /// The value demands more than the limits of `limits` allow.
    #[error("verifying the stored password costs more than allowed")]
    TooCostly,
    /// The memory that the stored value demands is not there.
    #[error("not enough memory to verify the stored password")]
    OutOfMemory,
    /// The pool would never have so much memory.
    #[error("verifying the stored password needs more memory than auth_hash_memory allows")]
    OverBudget,
}

const _: () = assert!(size_of::<SchemeError>() <= 16);

/// Schemes that Dovecot knows and Hale refuses: broken digests, or secrets for a mechanism that it doesn't speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the scheme of that name")]
pub enum Weak {
    DesCrypt,
    LdapMd5,
    Md5,
    Md5Crypt,
    Otp,
    PlainMd4,
    PlainMd5,
    PlainTrunc,
    Smd5,
    Yescrypt,
}

impl Weak {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::DesCrypt,
        Self::LdapMd5,
        Self::Md5,
        Self::Md5Crypt,
        Self::Otp,
        Self::PlainMd4,
        Self::PlainMd5,
        Self::PlainTrunc,
        Self::Smd5,
        Self::Yescrypt,
    ];

    /// Dovecot's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DesCrypt => "DES-CRYPT",
            Self::LdapMd5 => "LDAP-MD5",
            Self::Md5 => "MD5",
            Self::Md5Crypt => "MD5-CRYPT",
            Self::Otp => "OTP",
            Self::PlainMd4 => "PLAIN-MD4",
            Self::PlainMd5 => "PLAIN-MD5",
            Self::PlainTrunc => "PLAIN-TRUNC",
            Self::Smd5 => "SMD5",
            Self::Yescrypt => "YESCRYPT",
        }
    }
}

/// A stored password, taken apart.
enum Form {
    Plain(Secret),
    Digest(Salted),
    ShaCrypt(crypt::ShaCrypt),
    Bcrypt(bcrypt::Bcrypt),
    Argon2(argon2::Argon),
    Pbkdf2(pbkdf2::Pbkdf2),
    Scram(scram::Scram),
    CramMd5(Contexts),
    DigestMd5(md5::Digested),
}

/// What a server needs for an exchange of SCRAM.
#[derive(Debug)]
pub enum ScramSecret {
    /// Keys as stored.
    Keys(crate::auth::scram::Salted, Keys),
    /// The password itself, of which keys are to be derived.
    Password(Secret),
}

/// How a value is written, when the scheme's name says so (`{SSHA256.hex}`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// Nothing said: as the scheme is usually written.
    Usual,
    Base64,
    Hex,
}

/// Splits `{NAME.ENCODING}value`. Like Dovecot, a bare `$1$…` is MD5-CRYPT whatever the default.
fn split(text: &str, default_scheme: Scheme) -> Result<(Scheme, Encoding, &str), SchemeError> {
    if text.starts_with("$1$") {
        return Err(SchemeError::Weak(Weak::Md5Crypt));
    }
    let Some((name, value)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return Ok((default_scheme, Encoding::Usual, text));
    };
    let (name, encoding) = match name.split_once('.') {
        None => (name, Encoding::Usual),
        Some((name, suffix)) if suffix.eq_ignore_ascii_case("hex") => (name, Encoding::Hex),
        Some((name, suffix))
            if suffix.eq_ignore_ascii_case("b64") || suffix.eq_ignore_ascii_case("base64") =>
        {
            (name, Encoding::Base64)
        }
        Some(_) => return Err(SchemeError::Unknown),
    };
    Ok((Scheme::named(name)?, encoding, value))
}

fn plain(value: &str, encoding: Encoding) -> Result<Secret, SchemeError> {
    match encoding {
        Encoding::Usual => Ok(Secret::from(value)),
        Encoding::Base64 => from_base64(value),
        Encoding::Hex => from_hex(value),
    }
}

fn from_base64(value: &str) -> Result<Secret, SchemeError> {
    BASE64.decode(value).map(Secret::new).map_err(|_| SchemeError::Encoding)
}

fn from_hex(value: &str) -> Result<Secret, SchemeError> {
    let (pairs, rest) = value.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(SchemeError::Encoding);
    }
    let nibble =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(nibble(*high)? << 4 | nibble(*low)?);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.map(Secret::new).ok_or(SchemeError::Encoding)
}

/// A number without sign or leading plus.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, SchemeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SchemeError::Malformed);
    }
    // All digits and yet no number: too large for the type, and every type here is wider than the cost limits.
    text.parse().map_err(|_| SchemeError::TooCostly)
}

/// Exports from directories are sloppy about padding; the alphabet is still checked.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const NAMES: [(&str, Scheme); 22] = [
    ("PLAIN", Scheme::Plain),
    ("CLEARTEXT", Scheme::Plain),
    ("CLEAR", Scheme::Plain),
    ("SHA", Scheme::Sha1),
    ("SHA1", Scheme::Sha1),
    ("SSHA", Scheme::Ssha),
    ("SHA256", Scheme::Sha256),
    ("SSHA256", Scheme::Ssha256),
    ("SHA512", Scheme::Sha512),
    ("SSHA512", Scheme::Ssha512),
    ("CRYPT", Scheme::Crypt),
    ("SHA256-CRYPT", Scheme::Sha256Crypt),
    ("SHA512-CRYPT", Scheme::Sha512Crypt),
    ("BLF-CRYPT", Scheme::BlfCrypt),
    ("ARGON2I", Scheme::Argon2i),
    ("ARGON2ID", Scheme::Argon2id),
    ("PBKDF2", Scheme::Pbkdf2),
    ("SCRAM-SHA-1", Scheme::ScramSha1),
    ("SCRAM-SHA-256", Scheme::ScramSha256),
    ("CRAM-MD5", Scheme::CramMd5),
    ("HMAC-MD5", Scheme::CramMd5),
    ("DIGEST-MD5", Scheme::DigestMd5),
];
