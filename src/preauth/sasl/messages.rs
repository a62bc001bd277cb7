//! What mechanisms' messages mean: from bytes to credentials, or to why they can be none (W-SASL-7).
//!
//! Decides: what is read of a message before the passdbs are asked. Does not: know which message it is; [`super::Exchange`] does. Tests: `tests`
//! beside it.

use memchr::{memchr, memchr3};

use crate::auth::scram::{Binding, ClientFirst};
use crate::auth::{bearer, digest_md5};
use crate::limits::{PASSWORD_BYTES_MAX, USER_BYTES_MAX};
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::preauth::Credentials;
use crate::secret::Secret;

/// What cannot be a user's credentials, for the log: to the client it is one ordinary failure, `Failure::Credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The user it was meant to be, byte for byte.
    pub name: Box<[u8]>,
    /// What is wrong.
    pub why: &'static str,
}

impl Unusable {
    pub(super) fn nameless(why: &'static str) -> Self {
        Self { name: Box::default(), why }
    }
}

/// Whether clients are offered to bind their exchange to TLS (RFC 5802 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// They are.
    Bound,
    /// They are not.
    Unbound,
}

/// A token and whose it is. Whether it is one at all is for those to say who can read it.
pub(super) fn token(mechanism: Mechanism, message: &[u8]) -> Result<Credentials, Unusable> {
    let found = match mechanism {
        Mechanism::Xoauth2 => bearer::xoauth2(message),
        _ => bearer::oauthbearer(message),
    };
    let found = found.ok_or_else(|| Unusable::nameless(NO_TOKEN_MESSAGE))?;
    let user = match &*found.user {
        b"" => Box::default(),
        other => name(other)?,
    };
    let (password, challenge) = (Secret::from(found.token), Secret::default());
    Ok(Credentials { user, authorize_as: None, password, challenge, mechanism })
}

/// ```text
/// message       = [authzid] UTF8NUL authcid UTF8NUL passwd ; RFC 4616 2
/// ```
pub(super) fn plain(message: &[u8]) -> Result<Credentials, Unusable> {
    let parts = to_nul(message).and_then(|(authzid, rest)| {
        let (authcid, password) = to_nul(rest)?;
        Some((authzid, authcid, password))
    });
    let (authzid, authcid, password) = parts.ok_or_else(|| Unusable::nameless(NO_PLAIN_MESSAGE))?;
    usable(authcid, authzid, Secret::from(password), Mechanism::Plain)
}

/// Before the first NUL, and behind it.
fn to_nul(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(memchr(0, text)?)?;
    Some((before, rest.strip_prefix(&[0])?))
}

/// ```text
/// message       = [authzid]               ; RFC 4422 appendix A.1: empty: the user that the certificate names
/// ```
pub(super) fn external(message: &[u8]) -> Result<Credentials, Unusable> {
    let authorize_as = match message {
        b"" => None,
        other => Some(name(other)?),
    };
    Ok(Credentials {
        user: Box::default(),
        authorize_as,
        password: Secret::default(),
        challenge: Secret::default(),
        mechanism: Mechanism::External,
    })
}

/// ```text
/// message       = [ email / token ]                       ; RFC 4505 2: what the client says of itself, which nothing depends on
/// ```
pub(super) fn anonymous(user: &str) -> Result<Credentials, Unusable> {
    let (password, challenge) = (Secret::default(), Secret::default());
    let mechanism = Mechanism::Anonymous;
    Ok(Credentials {
        user: name(user.as_bytes())?,
        authorize_as: None,
        password,
        challenge,
        mechanism,
    })
}

/// Of the first message only the names are read, and what it says of channel binding (RFC 5802 6); it is judged by those who have the
/// user's secret.
pub(super) fn scram(
    mechanism: Mechanism,
    offer: Offer,
    message: &Secret,
) -> Result<Credentials, Unusable> {
    let first =
        ClientFirst::parse(message.expose()).ok_or_else(|| Unusable::nameless(NO_SCRAM_MESSAGE))?;
    let unusable = |why| Unusable { name: first.user.clone(), why };
    match (Mechanisms::BOUND.has(mechanism), first.binding, offer) {
        (true, Binding::TlsExporter, _)
        | (false, Binding::Unsupported, _)
        | (false, Binding::NotOffered, Offer::Unbound) => {}
        (false, Binding::NotOffered, Offer::Bound) => return Err(unusable(DOWNGRADED)),
        (true, Binding::Unsupported | Binding::NotOffered, _) => return Err(unusable(NOT_BOUND)),
        (_, Binding::Other, _) => return Err(unusable(OTHER_BINDING)),
        (false, Binding::TlsExporter, _) => return Err(unusable(BOUND_WITHOUT_PLUS)),
    }
    let user = name(&first.user)?;
    let authorize_as = first.authorize_as.as_deref().map(name).transpose()?;
    let authorize_as = authorize_as.filter(|other| *other != user);
    let (password, challenge) = (message.clone(), Secret::default());
    Ok(Credentials { user, authorize_as, password, challenge, mechanism })
}

/// ```text
/// response      = user SP 32hex-digit              ; RFC 2195 2; the name may hold spaces
/// ```
pub(super) fn cram(challenge: &[u8], message: &[u8]) -> Result<Credentials, Unusable> {
    let space = message.iter().rposition(|&byte| byte == b' ').unwrap_or_default();
    let (user, digest) = message.split_at(space.min(message.len()));
    let digest = digest.strip_prefix(b" ").ok_or_else(|| Unusable::nameless(NO_CRAM_MESSAGE))?;
    answer(Mechanism::CramMd5, user, digest, challenge)
}

/// APOP's command is a name and a digest of the greeting's timestamp and the password; CRAM-MD5's response is alike.
///
/// # Errors
/// The name can be no user's.
pub fn answer(
    mechanism: Mechanism,
    user: &[u8],
    digest: &[u8],
    challenge: &[u8],
) -> Result<Credentials, Unusable> {
    let user = name(user)?;
    let (password, challenge) = (Secret::from(digest), Secret::from(challenge));
    Ok(Credentials { user, authorize_as: None, password, challenge, mechanism })
}

/// The names in DIGEST-MD5's only message.
pub(super) fn digest(nonce: &[u8], message: &Secret) -> Result<Credentials, Unusable> {
    let response = digest_md5::Response::parse(message.expose())
        .ok_or_else(|| Unusable::nameless(NO_DIGEST_MESSAGE))?;
    let user = name(&response.name())?;
    let authorize_as = response.authorize_as.as_deref().map(name).transpose()?;
    let authorize_as = authorize_as.filter(|other| *other != user);
    let (password, challenge) = (message.clone(), Secret::from(nonce));
    Ok(Credentials { user, authorize_as, password, challenge, mechanism: Mechanism::DigestMd5 })
}

/// Turns raw fields into credentials, or says that no passdb need be asked: names that are empty, over-long, not UTF-8
/// or hold control characters, passwords that are empty, over-long or hold CR, LF or NUL (W-SASL-7).
///
/// # Errors
/// Which of these it is.
pub fn usable(
    user: &[u8],
    authorize_as: &[u8],
    password: Secret,
    mechanism: Mechanism,
) -> Result<Credentials, Unusable> {
    let text = user;
    let user = name(text)?;
    let authorize_as = match authorize_as {
        b"" => None,
        other => Some(name(other)?).filter(|other| *other != user),
    };
    let why = match password.len() {
        0 => Some("password is empty"),
        1..=PASSWORD_BYTES_MAX => {
            memchr3(b'\r', b'\n', 0, password.expose()).map(|_| "password holds CR, LF or NUL")
        }
        _ => Some("password is too long"),
    };
    if let Some(why) = why {
        return Err(Unusable { name: text.into(), why });
    }
    Ok(Credentials { user, authorize_as, password, challenge: Secret::default(), mechanism })
}

fn name(bytes: &[u8]) -> Result<Box<str>, Unusable> {
    let why = match std::str::from_utf8(bytes) {
        Ok("") => "user name is empty",
        Ok(text) if text.len() > USER_BYTES_MAX => "user name is too long",
        Ok(text) if text.bytes().any(|byte| byte.is_ascii_control()) => {
            "user name has a control character"
        }
        Ok(text) => return Ok(text.into()),
        Err(_) => "user name is not UTF-8",
    };
    Err(Unusable { name: bytes.into(), why })
}

const NO_DIGEST_MESSAGE: &str = "the response is not one of DIGEST-MD5 with qop=auth";
const DOWNGRADED: &str = "the client could bind its login to TLS and says that it saw no SCRAM-…-PLUS, which was offered (RFC 5802 6): a \
                          host on the way changes what is offered, or the client does not know `tls-exporter`; let `auth_mechanisms` \
                          list no SCRAM-…-PLUS if such clients are yours";
const NOT_BOUND: &str = "the client has chosen SCRAM-…-PLUS and does not bind to TLS";
const OTHER_BINDING: &str = "the client binds to TLS by another type than `tls-exporter`";
const BOUND_WITHOUT_PLUS: &str = "the client binds to TLS by a mechanism that is not SCRAM-…-PLUS";
const NO_SCRAM_MESSAGE: &str = "the response is not SCRAM's first message";
const NO_PLAIN_MESSAGE: &str =
    "the response is not one of PLAIN: authorization identity, NUL, user name, NUL, password";
const NO_CRAM_MESSAGE: &str = "the response is not one of CRAM-MD5: user name, space, digest";
const NO_TOKEN_MESSAGE: &str = "the response is not one of XOAUTH2 or OAUTHBEARER: a user name where one is needed, and one bearer token";
