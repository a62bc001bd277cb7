//! What this version has words for and does not do yet.
//!
//! Duty: the mark that a setting or a service carries, and whether a value asks for anything at all. `docs/CONFIG.md` and
//! `docs/DOVECOT.md` show the mark; `check` warns of what an operator wrote in vain. Tests: below, in `check::served`, and
//! `tests/tidy/settings.rs`, which looks whether everything that carries no mark is read by a room.

use super::foreign::is_same;
use crate::config::value::one_of;

/// Whether this version does what a setting or a service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It does.
    Yes,
    /// It does not.
    NotYet {
        /// Values that ask for nothing, so that the operator need not be told.
        harmless: &'static [&'static str],
        /// What happens, or does not happen, instead.
        why: &'static str,
    },
}

impl Served {
    /// What the operator is told who wrote `text`.
    #[must_use]
    pub fn warning(self, text: &str) -> Option<String> {
        match self {
            Self::NotYet { harmless, why }
                if !harmless.iter().any(|it| is_same(it, text.trim())) =>
            {
                Some(format!("not served by this version: {why}"))
            }
            Self::NotYet { .. } | Self::Yes => None,
        }
    }

    /// What the documentation says; nothing where there is nothing to say.
    #[must_use]
    pub fn told(self) -> Option<String> {
        match self {
            Self::Yes => None,
            Self::NotYet { why, .. } => Some(format!("**Not served by this version**: {why}.")),
        }
    }
}

/// Services that a configuration of Hale's may have.
pub const SERVICES: [(&str, Served); 7] = [
    ("imap-login", Served::Yes),
    ("pop3-login", Served::Yes),
    ("lmtp", Served::Yes),
    ("managesieve-login", Served::Yes),
    ("submission-login", Served::Yes),
    ("doveadm", Served::Yes),
    ("stats", Served::Yes),
];

/// Whether the service is served; none: Hale has no such service.
#[must_use]
pub fn service(name: &str) -> Option<Served> {
    SERVICES.iter().find(|(known, _)| *known == name).map(|(_, served)| *served)
}

/// The services as a mistake in their names tells them.
pub(in crate::config) fn services_told() -> String {
    one_of(&SERVICES.map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::registry::settings;

    #[test]
    fn a_value_that_asks_for_nothing_needs_no_warning() {
        assert_eq!(Served::Yes.warning("x"), None);
        let later = Served::NotYet { harmless: &["", "no"], why: "nothing happens" };
        assert_eq!(later.warning("false"), None);
        assert!(
            later
                .warning("x")
                .is_some_and(|text| text.ends_with("by this version: nothing happens"))
        );
    }

    #[test]
    fn reasons_are_sentences_without_an_end() {
        let all = settings().map(|it| it.served).chain(SERVICES.map(|(_, served)| served));
        for served in all {
            let Served::NotYet { why, .. } = served else { continue };
            assert!(!why.ends_with('.') && !why.is_empty(), "{why}");
        }
    }
}
