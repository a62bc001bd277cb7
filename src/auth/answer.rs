//! The end of a login's authentication: the verdict, and what only the log may know of it.
//!
//! Plain values that `auth::chain` makes. The shell tells the client the verdict, after `auth::delay`, and logs the
//! rest.

use crate::auth::fields::DelayUntil;
use crate::auth::passdb::Cause;
use crate::auth::user::UserError;
use crate::auth::verdict::Verdict;
use crate::fault::Failure;
use crate::tick::Tick;

/// The end of a login's authentication.
#[derive(Debug)]
pub struct Answer {
    /// Accepted or refused.
    pub verdict: Verdict,
    /// Who gave the password, for the log, when it was not the user (W-CRED-6).
    pub master_user: Option<Box<str>>,
    /// `nodelay`: a refusal needs no delay.
    pub nodelay: bool,
    /// `delay_until`: when the answer may be told.
    pub delay_until: Option<DelayUntil>,
    /// The same in our own time, filled in by the shell, which knows what time it is in the world.
    pub not_before: Option<Tick>,
    /// Why it was refused, for the log. The client must not learn it.
    pub why: Option<Why>,
    /// The first database that could not answer properly, for the log, even if another one accepted.
    pub trouble: Option<Trouble>,
}

impl Answer {
    /// A refusal that no database was asked about.
    #[must_use]
    pub fn refused(failure: Failure, why: Why) -> Self {
        Self {
            verdict: Verdict::Refuse { failure, reason: None },
            master_user: None,
            nodelay: false,
            delay_until: None,
            not_before: None,
            why: Some(why),
            trouble: None,
        }
    }
}

/// Why a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The name is no user's.
    #[error(transparent)]
    User(#[from] UserError),
    /// Empty, too long, or with NUL, CR or LF.
    #[error("unacceptable password")]
    Password,
    /// A token that is none, or that no database believes.
    #[error("bad token")]
    Token,
    /// A token without a user, or of a user whom it does not name.
    #[error("neither the client nor its token names a user")]
    Nameless,
    /// No database has the user.
    #[error("unknown user")]
    UnknownUser,
    /// The last database that has the user has another password.
    #[error("password mismatch")]
    Mismatch,
    /// The password is right, and may not be used any more.
    #[error("password expired")]
    Expired,
    /// The database has the account as closed or locked.
    #[error("account disabled")]
    Closed,
    /// The stored password's scheme cannot serve the mechanism, which needs keys of its own, or the password itself.
    #[error(
        "the stored password's scheme does not serve the client's mechanism: it wants the scheme of its own name ({{SCRAM-SHA-256}}, \
         {{CRAM-MD5}}, …), or {{PLAIN}}"
    )]
    Scheme,
    /// The user may not log in from there.
    #[error("allow_nets check failed")]
    Networks,
    /// A master login, and there is no master database.
    #[error("master user logins not enabled")]
    NoMasters,
    /// The user is in a deny database.
    #[error("user found from deny passdb")]
    Denied,
    /// The database has `nologin`.
    #[error("nologin")]
    Nologin,
    /// Others of the same address prefix were under way, or held back for their failures, all the time (SA-14).
    #[error(
        "too many logins from the address at once, or too many failed ones before: none had its turn in time"
    )]
    NoTurn,
    /// All sessions that a user may have from one address are taken.
    #[error("the user has mail_max_userip_connections sessions from the address")]
    NoSeat,
    /// The policy server said so.
    #[error("refused by the policy server (auth_policy_server_url)")]
    Policy,
    /// The policy server said nothing, and `auth_policy_reject_on_fail` is on.
    #[error(
        "the policy server does not answer, and auth_policy_reject_on_fail refuses logins without it"
    )]
    PolicyUnavailable,
    /// A result rule said so.
    #[error("refused by a result rule")]
    Rule,
}

const _: () = assert!(size_of::<Why>() <= 16);

impl Why {
    /// The class of a refusal that no rule and no field has asked for.
    #[must_use]
    pub fn failure(self) -> Failure {
        match self {
            Self::Expired => Failure::Expired,
            Self::Closed => Failure::Disabled,
            _ => Failure::Credentials,
        }
    }
}

/// Which database has which trouble.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("passdb {passdb}: {cause}")]
pub struct Trouble {
    /// The block's label.
    pub passdb: Box<str>,
    /// What is wrong.
    pub cause: Cause,
}
