//! Where Hale decides differently, and why. docs/LDAP.md has the same list in words.

pub(super) struct Difference {
    /// The name of the case; `* right` is that case of each scheme that Hale refuses.
    pub(super) case: &'static str,
    pub(super) dovecot: &'static str,
    pub(super) hale: &'static str,
    pub(super) why: &'static str,
}

const fn row(
    case: &'static str,
    dovecot: &'static str,
    hale: &'static str,
    why: &'static str,
) -> Difference {
    Difference { case, dovecot, hale, why }
}

impl Difference {
    fn is_of(&self, name: &str) -> bool {
        match self.case.strip_prefix('*') {
            Some(end) => REFUSED.iter().any(|scheme| name.strip_prefix(scheme) == Some(end)),
            None => name == self.case,
        }
    }

    pub(super) fn covers(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is_of(name))
    }
}

pub(super) fn difference(name: &str) -> Option<&'static Difference> {
    ROWS.iter().find(|row| row.is_of(name))
}

/// Schemes that Hale does not verify: broken digests, and secrets for a mechanism that sends no password.
const REFUSED: &[&str] = &[
    "DES-CRYPT",
    "LDAP-MD5",
    "MD5",
    "MD5-CRYPT",
    "OTP",
    "PLAIN-MD4",
    "PLAIN-MD5",
    "PLAIN-TRUNC",
    "SMD5",
];

const WEAK: &str = "a scheme that is refused is the operator's fault, and no client is told that its password is wrong";
const UNREADABLE: &str =
    "SA-16: a stored password that cannot be read is the operator's fault, not a wrong password";
const ESCAPED: &str =
    "Dovecot looks for such a name with a backslash before the sign; Hale for the name";
const MASTER: &str = "a master who knows the master's password learns that it is not the password";

const NOPASSWORD: &str =
    "W-CRED-3: `nopassword` verifies nothing, and `skip = unauthenticated` passes over the next";
const CONTINUE_OK: &str = "after `result_failure = continue-ok` Dovecot takes the password for verified, Hale compares it";

const POLICY: &str =
    "Dovecot does not ask for the password policy's word: expired, or to be changed first";

pub(super) const ROWS: &[Difference] = &[
    // DES sees eight letters, and what doveadm prints for PLAIN-TRUNC is no password.
    row("DES-CRYPT wrong", "in", "later", WEAK),
    row("DES-CRYPT longer", "in", "later", WEAK),
    row("PLAIN-TRUNC right", "refused", "later", WEAK),
    row("* right", "in", "later", WEAK),
    row("* wrong", "refused", "later", WEAK),
    row("* longer", "refused", "later", WEAK),
    row(
        "stored: base64 without padding",
        "refused",
        "in",
        "exports from directories leave padding out",
    ),
    row("stored: no scheme is CRYPT", "refused", "later", UNREADABLE),
    row("stored: no scheme and no hash", "refused", "later", UNREADABLE),
    row("stored: an unknown scheme", "refused", "later", UNREADABLE),
    row("stored: a scheme without its end", "refused", "later", UNREADABLE),
    row("stored: an empty plain password", "refused", "later", UNREADABLE),
    row("stored: a star", "refused", "later", UNREADABLE),
    row("stored: an exclamation mark", "refused", "later", UNREADABLE),
    row("stored: a locked hash", "refused", "later", UNREADABLE),
    row("stored: a hash that is cut", "refused", "later", UNREADABLE),
    row("stored: a salt without a hash", "refused", "later", UNREADABLE),
    row("stored: SHA with letters that are no base64", "refused", "later", UNREADABLE),
    row("stored: argon2 without its parts", "refused", "later", UNREADABLE),
    row("stored: bcrypt without a hash", "refused", "later", UNREADABLE),
    row("stored: PBKDF2 without a hash", "refused", "later", UNREADABLE),
    row("name a\"b, right", "refused", "in", ESCAPED),
    row("name a\\b, right", "refused", "in", ESCAPED),
    row("name a'b, right", "refused", "in", ESCAPED),
    row("a name of 256 letters", "later", "refused", "SA-11: no user has such a name"),
    row(
        "field nopassword of another word, right",
        "in",
        "later",
        "SA-21: `nopassword=x` is neither yes nor no",
    ),
    row(
        "field nopassword of another word, wrong",
        "in",
        "later",
        "SA-21: `nopassword=x` is neither yes nor no",
    ),
    row(
        "field nopassword of another word, right by IPv6",
        "in",
        "later",
        "SA-21: `nopassword=x` is neither yes nor no",
    ),
    row("master: admin for \"nobody-here\" with boss", "refused", "barred", MASTER),
    row("master: admin for \"mallory\" with boss", "refused", "barred", MASTER),
    row("master: nobody-here*admin for \"\" with boss", "refused", "barred", MASTER),
    row("master: mallory*admin for \"\" with boss", "refused", "barred", MASTER),
    row(
        "master: ann*admin for \"ann\" with boss",
        "in",
        "refused",
        "nothing says which of two users is meant",
    ),
    row("skip unauthenticated: nar", "refused", "in", NOPASSWORD),
    row("skip unauthenticated: naw", "refused", "in", NOPASSWORD),
    row("skip unauthenticated: nan", "refused", "in", NOPASSWORD),
    row("skip unauthenticated: naa", "refused", "in", NOPASSWORD),
    row("continue-ok after a failure: wwr", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: www", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: wwn", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: wwa", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: awr", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: aww", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: awn", "refused", "in", CONTINUE_OK),
    row("continue-ok after a failure: awa", "refused", "in", CONTINUE_OK),
    row(
        "ldap imap both@x.test, empty",
        "later",
        "refused",
        "no password is empty, so no database is asked",
    ),
    row("ldap imap reset, right", "in", "barred", POLICY),
    row("ldap pop3 reset, right", "in", "barred", POLICY),
    row("ldap imap old, right", "refused", "barred", POLICY),
    row("ldap pop3 old, right", "refused", "barred", POLICY),
];
