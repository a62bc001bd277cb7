//! What a listener offers, and when: one place where mechanisms are allowed or not (W-SASL-4).
//!
//! Decides: the capability list and whether a mechanism may be used now. Does not: decide whether plaintext is
//! allowed; the session computes that from TLS, trust and settings. Tests: below.

use crate::auth::bearer::TokenHints;
use crate::secret::Secret;

use super::sasl::{Mechanism, Mechanisms};

/// What is the same for all sessions of a listener in the same state of protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Our name in Submission's banner and EHLO, and towards backends.
    pub host: Box<str>,
    /// Words behind the greeting's capability list.
    pub greeting: Box<str>,
    /// Our name in the reply to ID.
    pub name: Box<str>,
    /// Mechanisms the operator turned on.
    pub mechanisms: Mechanisms,
    /// What clients with a bad token are told.
    pub token_hints: TokenHints,
    /// What challenges are made of; drawn at start.
    pub challenge_secret: Secret,
    /// Who clients are that say no name (`auth_anonymous_username`).
    pub anonymous_username: Box<str>,
    /// Whether a password may be sent on this connection as it is now.
    pub plaintext_allowed: bool,
    /// Whether STARTTLS is offered now.
    pub starttls: bool,
    /// Whether every backend speaks IMAP4rev2, as probes learnt.
    pub imap4rev2: bool,
    /// Who we are, to ManageSieve's clients.
    pub sieve_implementation: Box<str>,
    /// What ManageSieve's backends can do; clients ask before they log in and remember.
    pub sieve_extensions: Box<str>,
    /// The notification methods of ManageSieve's backends; empty: none.
    pub sieve_notify: Box<str>,
    /// Lines of Submission's EHLO that are true of every backend (`submission_backend_capabilities`).
    pub submission_keywords: Box<[Box<str>]>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            greeting: "Hale ready.".into(),
            name: "Hale".into(),
            mechanisms: Mechanisms::PASSWORDS,
            token_hints: TokenHints::default(),
            challenge_secret: Secret::default(),
            anonymous_username: "anonymous".into(),
            plaintext_allowed: true,
            starttls: false,
            imap4rev2: false,
            sieve_implementation: "Hale".into(),
            sieve_extensions: "fileinto reject vacation".into(),
            sieve_notify: "mailto".into(),
            submission_keywords: ["8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING"]
                .map(Into::into)
                .into(),
        }
    }
}

/// Whether a mechanism may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Go on.
    Granted,
    /// Unknown here, or turned off.
    Unsupported,
    /// Not before the connection is private.
    NeedsPrivacy,
}

impl Rules {
    /// The one place that says whether `mechanism` may be used (W-SASL-4).
    #[must_use]
    pub fn permission(&self, mechanism: Mechanism) -> Permission {
        if !self.mechanisms.has(mechanism) {
            Permission::Unsupported
        } else if mechanism.exposes_password() && !self.plaintext_allowed {
            Permission::NeedsPrivacy
        } else {
            Permission::Granted
        }
    }

    /// The SASL mechanisms that may be used now, in the order in which they are listed.
    pub fn usable_mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let is_usable = |known: &Mechanism| self.permission(*known) == Permission::Granted;
        Mechanism::ALL.into_iter().filter(is_usable).filter(|known| known.is_sasl())
    }

    /// Appends IMAP's capability list (W-IMAP-3), IMAP4rev1 first for clients that test the first word.
    pub fn write_imap_capabilities(&self, out: &mut Vec<u8>) {
        out.extend(b"IMAP4rev1");
        if self.imap4rev2 {
            out.extend(b" IMAP4rev2");
        }
        out.extend(b" LOGIN-REFERRALS ID ENABLE IDLE SASL-IR LITERAL+");
        if self.starttls {
            out.extend(b" STARTTLS");
        }
        if !self.plaintext_allowed {
            out.extend(b" LOGINDISABLED");
        }
        for mechanism in self.usable_mechanisms() {
            out.extend(b" AUTH=");
            out.extend(mechanism.name().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rules: &Rules) -> String {
        let mut out = Vec::new();
        rules.write_imap_capabilities(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn w_sasl_4_a_list_shows_only_what_is_usable_now() {
        let open = Rules::default();
        assert_eq!(
            list(&open),
            "IMAP4rev1 LOGIN-REFERRALS ID ENABLE IDLE SASL-IR LITERAL+ AUTH=PLAIN AUTH=LOGIN"
        );
        let closed = Rules { plaintext_allowed: false, imap4rev2: true, ..Rules::default() };
        assert_eq!(
            list(&closed),
            "IMAP4rev1 IMAP4rev2 LOGIN-REFERRALS ID ENABLE IDLE SASL-IR LITERAL+ LOGINDISABLED"
        );
        assert_eq!(closed.permission(Mechanism::Plain), Permission::NeedsPrivacy);
        let plain =
            Rules { mechanisms: Mechanisms::NONE.with(Mechanism::Plain), ..Rules::default() };
        assert_eq!(plain.permission(Mechanism::Login), Permission::Unsupported);
        assert!(list(&plain).ends_with("AUTH=PLAIN"));
        assert_eq!(open.permission(Mechanism::External), Permission::Unsupported);
        let mechanisms = Mechanisms::PASSWORDS.with(Mechanism::External);
        let certified = Rules { mechanisms, plaintext_allowed: false, ..Rules::default() };
        assert_eq!(certified.permission(Mechanism::External), Permission::Granted);
        assert!(list(&certified).ends_with("LOGINDISABLED AUTH=EXTERNAL"));
        let off = mechanisms.without(Mechanism::External);
        assert_eq!(off, Mechanisms::PASSWORDS);
    }
}
