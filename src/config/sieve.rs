//! What ManageSieve's clients are told before they log in: it belongs to the backends, and clients remember it.
//!
//! Driver: `check`. Tests: below.

use super::sort::Section;

/// The `managesieve_…` settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManageSieve {
    /// Who we are.
    pub implementation: String,
    /// Sieve extensions, separated by SP.
    pub extensions: String,
    /// Notification methods, separated by SP; empty: none.
    pub notify: String,
}

impl ManageSieve {
    /// From settings that may stand outside or in `protocol sieve`, as in Dovecot; `holder` says where.
    pub(super) fn new<'a>(holder: impl Fn(&'static str) -> &'a Section) -> Self {
        let text = |name| holder(name).text(name);
        Self {
            implementation: text("managesieve_implementation_string"),
            extensions: text("managesieve_sieve_capability"),
            notify: text("managesieve_notify_capability"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::loaded;

    #[test]
    fn w_sv_1_the_lists_are_dovecots_settings() {
        let default = loaded("").managesieve;
        assert!(
            default.extensions.starts_with("fileinto ")
                && default.extensions.contains(" vacation ")
        );
        assert_eq!((&*default.notify, &*default.implementation), ("mailto", "Hale"));
        let text = "managesieve_notify_capability =\nmanagesieve_sieve_capability = fileinto\nprotocol sieve {\n \
                    managesieve_sieve_capability = fileinto reject\n managesieve_implementation_string = X\n}\n";
        let own = loaded(text).managesieve;
        assert_eq!(
            (&*own.extensions, &*own.notify, &*own.implementation),
            ("fileinto reject", "", "X")
        );
    }
}
