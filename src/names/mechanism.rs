//! SASL mechanisms by name, and sets of them: what the configuration lists, a listener offers and a passdb serves.

/// How a login was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616; also the protocols' own login commands, which Dovecot's logs call that, too.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
    /// RFC 4422, appendix A: the name in the client's certificate.
    External,
    /// Google's form of a bearer token.
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
    /// RFC 5802.
    ScramSha1,
    /// RFC 7677.
    ScramSha256,
    /// SCRAM-SHA-1, bound to the TLS connection (RFC 5802 6).
    ScramSha1Plus,
    /// The same of SCRAM-SHA-256.
    ScramSha256Plus,
    /// RFC 2195.
    CramMd5,
    /// RFC 2831.
    DigestMd5,
    /// RFC 1939 7: a command of POP3's, which Dovecot lists among the mechanisms.
    Apop,
    /// RFC 4505: every client, as one user.
    Anonymous,
}

impl Mechanism {
    /// Every mechanism, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Plain,
        Self::Login,
        Self::External,
        Self::Xoauth2,
        Self::OauthBearer,
        Self::ScramSha1,
        Self::ScramSha256,
        Self::ScramSha1Plus,
        Self::ScramSha256Plus,
        Self::CramMd5,
        Self::DigestMd5,
        Self::Apop,
        Self::Anonymous,
    ];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::External => "EXTERNAL",
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::CramMd5 => "CRAM-MD5",
            Self::DigestMd5 => "DIGEST-MD5",
            Self::Apop => "APOP",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// Whether a listener on the way can log in afterwards.
    #[must_use]
    pub const fn exposes_password(self) -> bool {
        match self {
            Self::Plain | Self::Login | Self::Xoauth2 | Self::OauthBearer => true,
            Self::External
            | Self::ScramSha1
            | Self::ScramSha256
            | Self::ScramSha1Plus
            | Self::ScramSha256Plus
            | Self::CramMd5
            | Self::DigestMd5
            | Self::Apop
            | Self::Anonymous => false,
        }
    }

    /// Whether AUTH and AUTHENTICATE begin it: APOP is a command of its own.
    #[must_use]
    pub const fn is_sasl(self) -> bool {
        !matches!(self, Self::Apop)
    }

    /// Finds a mechanism by name, in any case.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().as_bytes().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of mechanisms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mechanisms(u16);

impl Mechanisms {
    /// No mechanism.
    pub const NONE: Self = Self(0);
    /// Those that need nothing but a password.
    pub const PASSWORDS: Self = Self::NONE.with(Mechanism::Plain).with(Mechanism::Login);
    /// Those that carry a bearer token.
    pub const TOKENS: Self = Self::NONE.with(Mechanism::Xoauth2).with(Mechanism::OauthBearer);

    /// The set without one.
    #[must_use]
    pub const fn without(self, mechanism: Mechanism) -> Self {
        Self(self.0 & !mechanism.bit())
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, mechanism: Mechanism) -> Self {
        Self(self.0 | mechanism.bit())
    }

    /// Those that are bound to the client's TLS.
    pub const BOUND: Self =
        Self::NONE.with(Mechanism::ScramSha1Plus).with(Mechanism::ScramSha256Plus);

    /// Those that answer a challenge of ours and need the password itself, or Dovecot's keys for them.
    pub const DIGESTS: Self =
        Self::NONE.with(Mechanism::CramMd5).with(Mechanism::DigestMd5).with(Mechanism::Apop);

    /// Those that leave nothing that a backend could be shown instead of a password of ours.
    pub const PROOFS: Self = Self::NONE
        .with(Mechanism::ScramSha1)
        .with(Mechanism::ScramSha256)
        .with(Mechanism::Anonymous)
        .and(Self::BOUND)
        .and(Self::DIGESTS);

    /// The mechanisms of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The mechanisms without those of the other.
    #[must_use]
    pub const fn except(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set has this one.
    #[must_use]
    pub const fn has(self, mechanism: Mechanism) -> bool {
        self.0 & mechanism.bit() != 0
    }

    /// Whether the sets have one in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Mechanism> for Mechanisms {
    fn from_iter<I: IntoIterator<Item = Mechanism>>(mechanisms: I) -> Self {
        mechanisms.into_iter().fold(Self::NONE, Self::with)
    }
}

/// The mechanisms whose answers a database elsewhere can judge: the challenge is one value, and so is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMechanism {
    /// CRAM-MD5.
    CramMd5,
    /// POP3's APOP.
    Apop,
}

impl ChallengeMechanism {
    /// The mechanism as one of these.
    #[must_use]
    pub fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::CramMd5 => Some(Self::CramMd5),
            Mechanism::Apop => Some(Self::Apop),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_sasl_3_names_in_any_case() {
        assert_eq!(Mechanism::named(b"plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::named(b"OAuthBearer"), Some(Mechanism::OauthBearer));
        assert_eq!(Mechanism::named(b"PLAINX"), None);
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        for one in Mechanism::ALL {
            let alone = Mechanisms::NONE.with(one);
            assert!(Mechanism::ALL.into_iter().all(|other| alone.has(other) == (other == one)));
            assert!(alone.without(one).is_empty());
        }
        assert!(!Mechanisms::PASSWORDS.meets(Mechanisms::TOKENS));
        let all: Mechanisms = Mechanism::ALL.into_iter().collect();
        assert!(all.meets(Mechanisms::TOKENS) && all.has(Mechanism::Anonymous));
        let rest = all.except(Mechanisms::BOUND);
        assert!(!rest.meets(Mechanisms::BOUND) && rest.and(Mechanisms::BOUND) == all);
    }
}
