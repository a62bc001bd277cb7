//! Why a token is not taken. For the log; the client learns only that it was not.

use crate::webauth::algorithm::Algorithm;

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Longer than [`crate::limits::TOKEN_BYTES_MAX`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url, or one of them is no JSON object.
    #[error("the token is no JWT: oauth2_introspection_mode = local takes signed tokens only")]
    NoJwt,
    /// `alg` is missing, `none`, or none that is served.
    #[error("the token's `alg` is none that is served")]
    Algorithm,
    /// `crit`: it must not be taken by a reader that does not know what is named there (RFC 7515 4.1.11).
    #[error("the token has `crit` extensions, of which none is known")]
    Critical,
    /// `typ` is neither JWT nor at+jwt.
    #[error("the token's `typ` is neither `JWT` nor `at+jwt`")]
    Type,
    /// `kid` or `typ` is no string.
    #[error("the token's header has a member of the wrong type")]
    Header,
    /// No key of the set is meant for it.
    #[error("no key for this `kid` and {}: if the provider has new keys, they are fetched at most once in 30 s", .0.name())]
    UnknownKey(Algorithm),
    /// No key verifies it.
    #[error("the token's signature is wrong")]
    Signature,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet: do this host and the provider agree on the time?")]
    NotYet,
    /// `iat` is to come.
    #[error("the token was issued in the future: do this host and the provider agree on the time?")]
    FromTheFuture,
    /// The claim is missing.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// The claim is of a type that it must not have (CVE-2026-25537).
    #[error("the token's `{0}` is of the wrong type")]
    WrongType(&'static str),
    /// `iss` is not among `oauth2_issuers`.
    #[error("the token is of another issuer than oauth2_issuers names")]
    Issuer,
    /// `aud` has none of `oauth2_audience`.
    #[error("the token is for another audience than oauth2_audience names")]
    Audience,
    /// `scope` lacks one of `oauth2_scope`.
    #[error("the token lacks a scope that oauth2_scope demands")]
    Scope,
    /// The provider says that it is no good, or `oauth2_active_attribute` does.
    #[error("the token is not active")]
    Inactive,
    /// Nothing says whose it is.
    #[error(
        "the token or the provider's answer does not say whose it is: it has no oauth2_username_attribute as a text"
    )]
    NoName,
    /// It is another user's than the login says.
    #[error("the token belongs to another user")]
    OtherUser,
    /// The provider refused it, by 400 or 401.
    #[error("the provider refuses the token")]
    Refused,
}

const _: () = assert!(size_of::<TokenFault>() <= 24);
