//! How a bind or a search ended.
//!
//! Duty: from result codes (RFC 4511, appendix A) to what a passdb answers. Good is `success` and nothing else; who is
//! wrong and who is unknown is said by two codes; everything else is a trouble and never a refusal, because a client
//! that is refused throws its password away.

use super::ppolicy::Policy;

/// How the server took a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It is right.
    Good,
    /// It is wrong, or nothing more is said: a locked account looks the same to a guesser.
    Wrong,
    /// There is no such entry.
    Unknown,
    /// It is right, and has to be changed before a login.
    Expired,
    /// Nothing was decided.
    Trouble(Code),
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Exactly one entry.
    One,
    /// None.
    Unknown,
    /// Two or more: nothing says which of them is meant (DB-04).
    Several,
    /// Nothing was decided.
    Trouble(Code),
}

/// A result code that stands for a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

/// How a bind as a user ended. `policy`: what the password policy's control says.
#[must_use]
pub fn of_bind(code: u32, policy: Option<Policy>, diagnostic: &str) -> Bound {
    match (code, policy) {
        // The connection is good for a change of the password and for nothing else.
        (SUCCESS, Some(Policy::ChangeAfterReset)) => Bound::Expired,
        (SUCCESS, _) => Bound::Good,
        (INVALID_CREDENTIALS, Some(Policy::Expired)) => Bound::Expired,
        (INVALID_CREDENTIALS, _) if is_expired_in_active_directory(diagnostic) => Bound::Expired,
        (INVALID_CREDENTIALS, _) => Bound::Wrong,
        (NO_SUCH_OBJECT, _) => Bound::Unknown,
        _ => Bound::Trouble(Code(code)),
    }
}

/// How a search with a size limit of two ended. `has_variables`: whether the base was made for the user, so that its
/// absence says something about the user and not about the configuration.
#[must_use]
pub fn of_search(code: u32, entries: usize, has_variables: bool) -> Found {
    match (code, entries) {
        (SUCCESS, 0) => Found::Unknown,
        (SUCCESS, 1) => Found::One,
        (SUCCESS | SIZE_LIMIT_EXCEEDED, _) => Found::Several,
        (NO_SUCH_OBJECT, _) if has_variables => Found::Unknown,
        _ => Found::Trouble(Code(code)),
    }
}

/// Active Directory says it in the diagnostic: `… AcceptSecurityContext error, data 532, v4563`. Both are told to the
/// right password only.
fn is_expired_in_active_directory(diagnostic: &str) -> bool {
    let data = diagnostic.split_once("AcceptSecurityContext error, data ");
    let code = data.and_then(|(_, rest)| rest.split(',').next()).unwrap_or_default();
    // ERROR_PASSWORD_EXPIRED and ERROR_PASSWORD_MUST_CHANGE, in hexadecimal digits.
    matches!(code.trim(), "532" | "773")
}

impl Code {
    /// What the operator has to look at, for the log.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self.0 {
            1 => "the server has an internal error",
            2 => "the server does not understand the request",
            3 => "the server's time limit is over",
            4 => "the server's size limit is over",
            8 => "the server wants a stronger way to bind",
            10 => "the server refers to another server, which Hale does not follow; name that one",
            11 => "the server's administrative limit is over; an index may be missing",
            13 => "the server wants TLS first: use ldaps:// or STARTTLS",
            16 => "there is no such attribute",
            18 => "the filter does not fit an attribute",
            19 => "the server refuses for a rule of its own",
            32 => "there is no such base",
            34 => "a distinguished name is malformed",
            48 => "the server does not take passwords for this name",
            49 => "the server does not take Hale's own name and password",
            50 => "Hale's own name may not read there",
            51 => "the server is busy",
            52 => "the server is unavailable",
            53 => "the server is unwilling: the account may be inactive",
            _ => "see RFC 4511, appendix A",
        }
    }
}

const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_CREDENTIALS: u32 = 49;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn db_04_only_success_lets_in_and_only_two_codes_refuse() {
        for code in 0..=123 {
            let bound = of_bind(code, None, "");
            let expected = match code {
                0 => Bound::Good,
                49 => Bound::Wrong,
                32 => Bound::Unknown,
                _ => Bound::Trouble(Code(code)),
            };
            assert_eq!(bound, expected, "{code}");
        }
    }

    #[test]
    fn db_04_what_the_policy_says_counts_for_the_right_password_only() {
        assert_eq!(of_bind(0, Some(Policy::ChangeAfterReset), ""), Bound::Expired);
        assert_eq!(of_bind(0, Some(Policy::Other), ""), Bound::Good);
        assert_eq!(of_bind(49, Some(Policy::Expired), ""), Bound::Expired);
        assert_eq!(of_bind(49, Some(Policy::Locked), ""), Bound::Wrong);
        assert_eq!(of_bind(52, Some(Policy::Expired), ""), Bound::Trouble(Code(52)));
        let said = |data: &str| {
            format!(
                "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {data}, v4563"
            )
        };
        assert_eq!(of_bind(49, None, &said("52e")), Bound::Wrong);
        assert_eq!(of_bind(49, None, &said("775")), Bound::Wrong);
        assert_eq!(of_bind(49, None, &said("532")), Bound::Expired);
        assert_eq!(of_bind(49, None, &said("773")), Bound::Expired);
        assert_eq!(of_bind(52, None, &said("532")), Bound::Trouble(Code(52)));
    }

    #[test]
    fn db_04_one_entry_is_one_and_two_are_none() {
        assert_eq!(of_search(0, 1, false), Found::One);
        assert_eq!(of_search(0, 0, false), Found::Unknown);
        assert_eq!(of_search(0, 2, false), Found::Several);
        assert_eq!(of_search(4, 1, false), Found::Several);
        assert_eq!(of_search(32, 0, false), Found::Trouble(Code(32)));
        assert_eq!(of_search(32, 0, true), Found::Unknown);
        for code in [1, 3, 10, 50, 51, 52, 53] {
            assert_eq!(of_search(code, 1, true), Found::Trouble(Code(code)), "{code}");
        }
    }
}
