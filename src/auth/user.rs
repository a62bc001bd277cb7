//! User names: from what a client typed to the one name that routing, limits, logs and passdbs go by (SA-11).
//!
//! Splits master logins (W-CRED-6), checks characters and length, applies `auth_username_format`. Does not look users
//! up. Driven by `auth::chain`, and by `preauth` for raw bytes.

use crate::auth::ask::{Proof, Question};
use crate::auth::variables::Values;
use crate::limits::USER_BYTES_MAX;
use crate::secret::Secret;
use crate::template::Template;

/// The settings that turn typed names into users.
#[derive(Clone, Debug)]
pub struct UserRules {
    /// `auth_username_format`.
    pub format: Template,
    /// `auth_username_chars`.
    pub chars: AllowedChars,
    /// `auth_master_user_separator`.
    pub master_separator: Option<char>,
    /// What the salts of users without stored keys are made of (SCRAM).
    pub salt_secret: Secret,
    /// `auth_default_domain`: appended to names without a domain.
    pub default_domain: Option<Box<str>>,
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user whose mail it is about; empty: a token has yet to name the user.
    pub user: Box<str>,
    /// The user as typed, without the master's part.
    pub original: Box<str>,
    /// The master user whose password was given, for a master login.
    pub master: Option<Box<str>>,
}

/// Why a name can be no user's. To the client it is a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Nothing there, or nothing left of it.
    #[error("user name is empty")]
    Empty,
    /// More than `USER_BYTES_MAX` bytes.
    #[error("user name is too long")]
    TooLong,
    /// A control character (W-SASL-7).
    #[error("user name has a control character")]
    Control,
    /// Not UTF-8 (W-SASL-7).
    #[error("user name is not UTF-8")]
    NotUtf8,
    /// A character that `auth_username_chars` lacks.
    #[error("user name has a character that auth_username_chars does not allow")]
    Character,
    /// A filter of `auth_username_format` has nothing to work on.
    #[error("auth_username_format cannot be applied to the user name")]
    Format,
    /// Both an authorization identity and a separator.
    #[error("master login by authorization identity and by separator at once")]
    TwoMasters,
}

const _: () = assert!(size_of::<UserError>() <= 16);

impl UserRules {
    /// Takes the name apart and normalises its parts.
    ///
    /// A master login is asked for by `user*master` or by a SASL authorization identity that differs from the
    /// authentication identity *after* normalisation, so that `Bob` may authorise as `bob`.
    ///
    /// # Errors
    /// One of the names is not acceptable.
    pub fn identify(&self, question: &Question) -> Result<Identity, UserError> {
        if question.proof == Proof::Token && question.user.is_empty() {
            return Ok(Identity { user: Box::default(), original: Box::default(), master: None });
        }
        // An authority that signs `bob*admin` has not thought of separators.
        let separator = self.master_separator.filter(|_| question.proof.is_name_typed());
        let split = separator.and_then(|separator| question.user.split_once(separator));
        let authorize_as = question.authorize_as.as_deref().filter(|name| !name.is_empty());
        let (user, master) = match (split, authorize_as) {
            (None, None) => (&*question.user, None),
            (None, Some(user)) => (user, Some(&*question.user)),
            (Some((user, master)), None) => (user, Some(master)),
            // Which of the two did the client mean? Guessing here would let a log tell a story that did not happen.
            (Some(_), Some(_)) => return Err(UserError::TwoMasters),
        };
        let normal = self.normalise(user, question)?;
        let master = master.map(|master| self.normalise(master, question)).transpose()?;
        Ok(Identity {
            original: user.into(),
            master: master.filter(|master| *master != normal),
            user: normal,
        })
    }

    /// The owner of a mailbox, as an address names him: no master acts for him.
    ///
    /// # Errors
    /// The name is not acceptable.
    pub fn identify_owner(&self, question: &Question) -> Result<Identity, UserError> {
        let user = self.normalise(&question.user, question)?;
        Ok(Identity { user, original: question.user.clone(), master: None })
    }

    fn normalise(&self, typed: &str, question: &Question) -> Result<Box<str>, UserError> {
        check(typed)?;
        if !typed.chars().all(|character| self.chars.contains(character)) {
            return Err(UserError::Character);
        }
        let whole = match &self.default_domain {
            Some(domain) if !typed.contains('@') => format!("{typed}@{domain}"),
            _ => typed.to_owned(),
        };
        let values = Values {
            user: &whole,
            original_user: typed,
            master_user: "",
            protocol: question.protocol,
            remote: question.remote,
            local: question.local,
        };
        let user = values.expand(&self.format).map_err(|_| UserError::Format)?;
        check(&user)?;
        Ok(user.into_boxed_str())
    }
}

/// Dovecot's defaults.
impl Default for UserRules {
    fn default() -> Self {
        Self {
            format: Template::lower_user(),
            chars: AllowedChars::default(),
            master_separator: None,
            salt_secret: Secret::default(),
            default_domain: None,
        }
    }
}

/// `auth_username_chars`: the characters that user names may consist of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedChars {
    /// One bit for each ASCII character.
    ascii: u128,
    others: Box<str>,
    everything: bool,
}

impl AllowedChars {
    /// The characters of `list`; an empty list allows all, as in Dovecot. Control characters are refused nevertheless.
    #[must_use]
    pub fn new(list: &str) -> Self {
        let bit = |character: char| 1_u128 << (u32::from(character) & 0x7F);
        let ascii =
            list.chars().filter(char::is_ascii).fold(0, |set, character| set | bit(character));
        let others: String = list.chars().filter(|character| !character.is_ascii()).collect();
        Self { ascii, others: others.into_boxed_str(), everything: list.is_empty() }
    }

    fn contains(&self, character: char) -> bool {
        if self.everything {
            return true;
        }
        if character.is_ascii() {
            return self.ascii >> u32::from(character) & 1 == 1;
        }
        self.others.contains(character)
    }
}

impl Default for AllowedChars {
    fn default() -> Self {
        Self::new("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@")
    }
}

/// The name in `bytes` as a client sent them, for mechanisms and literals that carry any byte (W-SASL-7).
///
/// # Errors
/// Not UTF-8, empty, too long, or with control characters.
pub fn from_bytes(bytes: &[u8]) -> Result<&str, UserError> {
    let name = str::from_utf8(bytes).map_err(|_| UserError::NotUtf8)?;
    check(name).map(|()| name)
}

fn check(name: &str) -> Result<(), UserError> {
    if name.is_empty() {
        return Err(UserError::Empty);
    }
    if name.len() > USER_BYTES_MAX {
        return Err(UserError::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(UserError::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Protocol;

    fn question(user: &str, authorize_as: Option<&str>) -> Question {
        Question {
            protocol: Protocol::Imap,
            user: user.into(),
            authorize_as: authorize_as.map(Into::into),
            proof: Proof::Password,
            password: Secret::from("x"),
            bound_to: Secret::default(),
            remote: "192.0.2.7".parse().unwrap(),
            local: "192.0.2.1".parse().unwrap(),
            approach: crate::facts::Approach::default(),
        }
    }

    fn identity(user: &str, original: &str, master: Option<&str>) -> Result<Identity, UserError> {
        Ok(Identity {
            user: user.into(),
            original: original.into(),
            master: master.map(Into::into),
        })
    }

    #[test]
    fn sa_11_names_are_refused_or_normalised_once() {
        let rules = UserRules::default();
        let identify = |user: &str| rules.identify(&question(user, None));
        assert_eq!(
            identify("Bob@Example.ORG"),
            identity("bob@example.org", "Bob@Example.ORG", None)
        );
        assert_eq!(identify("a@b@c."), identity("a@b@c.", "a@b@c.", None));
        assert_eq!(identify(""), Err(UserError::Empty));
        assert_eq!(identify(&"a".repeat(255)).map(|who| who.user.len()), Ok(255));
        for length in [256, 4096] {
            assert_eq!(identify(&"a".repeat(length)), Err(UserError::TooLong));
        }
        for name in ["a\tb", "a\nb", "a\0b", "a\u{85}b", "a\u{7F}"] {
            assert_eq!(identify(name), Err(UserError::Control), "{name:?}");
        }
        for name in ["%{user}", "a b", "a*b", "bоb", "a/b", "a\"b"] {
            assert_eq!(identify(name), Err(UserError::Character), "{name:?}");
        }
        assert_eq!(from_bytes(b"\xFF"), Err(UserError::NotUtf8));
        assert_eq!(from_bytes(b"a\r"), Err(UserError::Control));
        assert_eq!(from_bytes(b"Bob"), Ok("Bob"));
    }

    #[test]
    fn an_empty_list_of_characters_allows_all_but_control_characters() {
        let rules = UserRules { chars: AllowedChars::new(""), ..UserRules::default() };
        assert_eq!(
            rules.identify(&question("%{user} Ü", None)),
            identity("%{user} Ü", "%{user} Ü", None)
        );
        assert_eq!(rules.identify(&question("a\n", None)), Err(UserError::Control));
        let rules = UserRules { chars: AllowedChars::new("aü"), ..UserRules::default() };
        assert!(rules.identify(&question("aüa", None)).is_ok());
        assert_eq!(rules.identify(&question("aö", None)), Err(UserError::Character));
    }

    #[test]
    fn sa_20_master_logins_by_separator_and_by_authorization_identity() {
        let rules = UserRules { master_separator: Some('*'), ..UserRules::default() };
        let identify = |user: &str, authorize_as| rules.identify(&question(user, authorize_as));
        assert_eq!(identify("Bob*Admin", None), identity("bob", "Bob", Some("admin")));
        assert_eq!(identify("admin", Some("bob")), identity("bob", "bob", Some("admin")));
        assert_eq!(identify("Bob", Some("bob")), identity("bob", "bob", None));
        assert_eq!(identify("bob*BOB", None), identity("bob", "bob", None));
        assert_eq!(identify("bob", Some("")), identity("bob", "bob", None));
        assert_eq!(identify("*admin", None), Err(UserError::Empty));
        assert_eq!(identify("bob*", None), Err(UserError::Empty));
        assert_eq!(identify("bob*admin", Some("eve")), Err(UserError::TwoMasters));
        let none = UserRules::default();
        assert_eq!(none.identify(&question("bob*admin", None)), Err(UserError::Character));
    }

    #[test]
    fn the_default_domain_is_appended_before_the_format() {
        let rules =
            UserRules { default_domain: Some("Example.org".into()), ..UserRules::default() };
        assert_eq!(
            rules.identify(&question("Bob", None)),
            identity("bob@example.org", "Bob", None)
        );
        assert_eq!(rules.identify(&question("bob@x", None)), identity("bob@x", "bob@x", None));
    }
}
