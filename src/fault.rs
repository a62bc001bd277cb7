//! Why things fail, and whose doing it is. Blame decides reply, log level, metric and retry (K-CORE-6).

/// Who has to change something so that it does not happen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Bad syntax, wrong password, a client that went away.
    Client,
    /// A backend that refuses, stalls, lies or dies.
    Backend,
    /// Configuration, GeoDB rows, certificates.
    Operator,
    /// A bug or a resource of ours.
    Ours,
}

/// Why a login did not succeed: the failure classes of W-FAIL-7 and the refusals that never reach a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Wrong password or unknown user, here or at the backend.
    Credentials,
    /// The master user may not act for this user.
    NotAuthorized,
    /// A password mechanism over a connection that has to be private first.
    Privacy,
    /// The password is expired.
    Expired,
    /// The account is disabled.
    Disabled,
    /// The password database or the routing layer has no answer now.
    Unavailable,
    /// The backend could not be connected.
    Connect,
    /// The backend closed early or refused STARTTLS.
    Remote,
    /// The backend said something that its protocol does not allow.
    Protocol,
    /// A resource of ours ran out.
    Internal,
    /// Our route is incomplete or loops.
    InternalConfig,
    /// The backend can't serve us: no usable login method, LOGINDISABLED, `[SERVERBUG]`.
    RemoteConfig,
    /// The backend itself answers "temporarily unavailable"; its text is passed on.
    BackendTempFail,
    /// The backend's connection limit for the user; its text is passed on.
    Limit,
    /// A referral that loops or leads to an unknown host.
    RedirectFailed,
    /// Another site's proxy is told to which site the user belongs (W-REF-6).
    Referred,
}

impl Failure {
    /// Every failure, for tests that go through the whole table.
    pub const ALL: [Self; 16] = [
        Self::Credentials,
        Self::NotAuthorized,
        Self::Privacy,
        Self::Expired,
        Self::Disabled,
        Self::Unavailable,
        Self::Connect,
        Self::Remote,
        Self::Protocol,
        Self::Internal,
        Self::InternalConfig,
        Self::RemoteConfig,
        Self::BackendTempFail,
        Self::Limit,
        Self::RedirectFailed,
        Self::Referred,
    ];

    /// Whose doing it is.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::Credentials
            | Self::NotAuthorized
            | Self::Privacy
            | Self::Expired
            | Self::Disabled
            | Self::Referred
            | Self::Limit => Blame::Client,
            Self::Connect
            | Self::Remote
            | Self::Protocol
            | Self::BackendTempFail
            | Self::RedirectFailed => Blame::Backend,
            Self::InternalConfig | Self::RemoteConfig => Blame::Operator,
            Self::Internal | Self::Unavailable => Blame::Ours,
        }
    }

    /// Whether another connection attempt may be made for the same login (W-FAIL-1, W-FAIL-7).
    #[must_use]
    pub fn is_retried(self) -> bool {
        matches!(self, Self::Connect | Self::Remote | Self::Protocol | Self::BackendTempFail)
    }

    /// Whether it may come of the user being somewhere else by now: then the rows are read again (C-CACHE-3). A wrong password
    /// is wrong everywhere, and a client that guesses passwords must not make work for the GeoDB.
    #[must_use]
    pub fn is_of_place(self) -> bool {
        self.is_retried() || self == Self::RemoteConfig
    }

    /// Whether the host that was tried spoke its protocol, whatever it said: then it is reached (C-SITE-9).
    #[must_use]
    pub fn is_answered(self) -> bool {
        !matches!(self, Self::Connect | Self::Remote | Self::Protocol)
    }

    /// Whether the answer is held back for the failed-login delay, so that guessing is slow and all refusals of
    /// credentials look alike (W-FAIL-5).
    #[must_use]
    pub fn is_delayed(self) -> bool {
        matches!(self, Self::Credentials | Self::NotAuthorized | Self::Expired | Self::Disabled)
    }

    /// How the log calls a backend's refusal; none: the backend failed, and refused no login.
    #[must_use]
    pub fn refusal_words(self) -> Option<&'static str> {
        match self {
            Self::Credentials => Some("backend refused the password"),
            Self::NotAuthorized | Self::Expired | Self::Disabled | Self::Limit => {
                Some("backend refused the login")
            }
            _ => None,
        }
    }

    /// The stable code in logs and metrics; Dovecot's words where it has one (C-EVENT-1).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Credentials => "invalid_credentials",
            Self::NotAuthorized => "authorization_failed",
            Self::Privacy => "cleartext_auth_disabled",
            Self::Expired => "password_expired",
            Self::Disabled => "user_disabled",
            Self::Unavailable => "temp_fail",
            Self::Connect => "proxy_dest_connect_failed",
            Self::Remote => "proxy_dest_remote_failure",
            Self::Protocol => "proxy_dest_protocol_failure",
            Self::Internal => "internal_failure",
            Self::InternalConfig => "proxy_internal_config",
            Self::RemoteConfig => "proxy_dest_remote_config",
            Self::BackendTempFail => "proxy_dest_auth_temp_failed",
            Self::Limit => "proxy_dest_connection_limit",
            Self::RedirectFailed => "proxy_dest_redirect_failed",
            Self::Referred => "auth_nologin_referral",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fail_7_only_backend_trouble_is_retried() {
        for failure in Failure::ALL {
            assert!(!failure.is_retried() || failure.blame() == Blame::Backend, "{failure:?}");
            assert!(!failure.is_delayed() || failure.blame() == Blame::Client, "{failure:?}");
        }
    }
}
