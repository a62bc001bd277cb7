//! The question that a login puts to the password databases.

use std::net::IpAddr;

use crate::facts::Approach;
use crate::names::Protocol;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::secret::Secret;

/// What makes a client's claim true (W-SASL-9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// The password, for a name that was typed.
    #[default]
    Password,
    /// The password, for the name in the client's certificate (`auth_ssl_username_from_cert`).
    NamedPassword,
    /// The client's certificate alone: SASL EXTERNAL. There is no password.
    Certificate,
    /// A bearer token: SASL XOAUTH2 and OAUTHBEARER. It stands where the password does.
    Token,
    /// An exchange of messages by this mechanism. The client's first one stands where the password does.
    Exchange(Mechanism),
    /// None: SASL ANONYMOUS, as one user for all (`auth_anonymous_username`).
    None,
}

impl Proof {
    /// Whether the client typed its name, so that it may hold a master user behind a separator.
    #[must_use]
    pub fn is_name_typed(self) -> bool {
        matches!(self, Self::Password | Self::Token)
    }

    /// Whether a password has to be right.
    #[must_use]
    pub fn has_password(self) -> bool {
        match self {
            Self::Password | Self::NamedPassword => true,
            Self::Certificate | Self::Token | Self::Exchange(_) | Self::None => false,
        }
    }

    /// Whether it is worth something on the client's own TLS connection alone.
    #[must_use]
    pub fn is_bound(self) -> bool {
        matches!(self, Self::Exchange(mechanism) if Mechanisms::BOUND.has(mechanism))
    }

    /// The mechanisms that bring it.
    #[must_use]
    pub fn mechanisms(self) -> Mechanisms {
        match self {
            Self::Password | Self::NamedPassword => Mechanisms::PASSWORDS,
            Self::Certificate => Mechanisms::NONE.with(Mechanism::External),
            Self::Token => Mechanisms::TOKENS,
            Self::Exchange(mechanism) => Mechanisms::NONE.with(mechanism),
            Self::None => Mechanisms::NONE.with(Mechanism::Anonymous),
        }
    }
}

/// What a client presented. The mechanism has been decoded already: every mechanism in use ends in these fields.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which protocol asks; passdbs may be limited to some.
    pub protocol: Protocol,
    /// The user as typed, or as a certificate spells it, before normalisation: the authentication identity. Empty beside a
    /// token that has to name the user.
    pub user: Box<str>,
    /// The user to act for (SASL authzid), when it differs from `user`: a master login request.
    pub authorize_as: Option<Box<str>>,
    /// What makes it true.
    pub proof: Proof,
    /// The password as typed, the token, or the mechanism's first message; empty when the proof has none.
    pub password: Secret,
    /// What an exchange is about besides the password: the challenge that the client has answered, or what its TLS exports
    /// (RFC 9266). Empty: nothing.
    pub bound_to: Secret,
    /// The client's apparent address, for `allow_nets` and variables.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
    /// How it came.
    pub approach: Approach,
}
