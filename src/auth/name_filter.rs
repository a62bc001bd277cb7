//! `username_filter`: which names a password database is asked for.
//!
//! Dovecot's rule: a pattern with `!` that fits excludes; where there are patterns without one, one of them has to fit. Driven by
//! `auth::chain`. Tests: below, and in `chain/tests/elsewhere.rs`.

use std::sync::Arc;

use crate::wire::wildcard::is_match;

/// Patterns; none: every name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFilter {
    wanted: Arc<[Box<str>]>,
    unwanted: Arc<[Box<str>]>,
}

impl NameFilter {
    /// The patterns as they are written.
    #[must_use]
    pub fn new(patterns: &[String]) -> Self {
        let unwanted = patterns.iter().filter_map(|it| it.strip_prefix('!'));
        let wanted = patterns.iter().filter(|it| !it.starts_with('!'));
        Self {
            wanted: wanted.map(|it| it.as_str().into()).collect(),
            unwanted: unwanted.map(Into::into).collect(),
        }
    }

    /// Whether the database is asked for this name.
    #[must_use]
    pub fn accepts(&self, user: &str) -> bool {
        let fits = |pattern: &str| is_match(pattern.as_bytes(), user.as_bytes());
        let any = |patterns: &[Box<str>]| patterns.iter().any(|pattern| fits(pattern));
        !any(&self.unwanted) && (self.wanted.is_empty() || any(&self.wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_who_is_asked_for_as_dovecots_do() {
        for (patterns, asked, not_asked) in [
            (&[][..], &["bob", "bob@a.example"][..], &[][..]),
            (&["*@a.example"], &["bob@a.example"], &["bob", "bob@b.example"]),
            (&["!*@a.example"], &["bob", "bob@b.example"], &["bob@a.example"]),
            (&["*@*.example", "!root@*"], &["bob@a.example"], &["root@a.example", "bob"]),
            (&["t?m"], &["tim", "tom"], &["tm", "team"]),
        ] {
            let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
            let filter = NameFilter::new(&patterns);
            assert!(asked.iter().all(|user| filter.accepts(user)), "{patterns:?}");
            assert!(!not_asked.iter().any(|user| filter.accepts(user)), "{patterns:?}");
        }
    }
}
