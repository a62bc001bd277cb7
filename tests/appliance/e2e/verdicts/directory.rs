//! The questions about users in LDAP: one slapd, asked by both with the same dovecot-ldap.conf.ext.

use super::Asked;
use super::cases::{Case, Set};
use crate::e2e::slapd::{Person, Slapd};

/// The server, and what is asked: IMAP by search and bind, POP3 by a name that is made, ManageSieve by the stored password.
pub(super) fn users() -> (Slapd, Set) {
    let slapd = Slapd::start(&people());
    let common = format!(
        "hosts = 127.0.0.1:{}\nbase = ou=people,dc=test\nscope = subtree\nderef = never\nldap_version = 3\n",
        slapd.port
    );
    let own = "dn = cn=hale,dc=test\ndnpass = hale\n";
    let files = [
        (
            "search.ext",
            format!(
                "{common}{own}auth_bind = yes\npass_filter = (|(uid=%u)(mail=%u))\npass_attrs = uid=user,employeeType=nologin\n"
            ),
        ),
        (
            "name.ext",
            format!("{common}auth_bind = yes\nauth_bind_userdn = uid=%u,ou=people,dc=test\n"),
        ),
        (
            "stored.ext",
            format!(
                "{common}{own}default_pass_scheme = PLAIN\npass_filter = (&(objectClass=person)(uid=%n))\npass_attrs = \
                 userPassword=password,=user=%{{ldap:uid}}@%{{ldap:title:x.org}},employeeType=nologin,roomNumber=allow_nets\n"
            ),
        ),
    ];
    let block = |protocol: &str, file: &str| {
        format!(
            "protocol {protocol} {{\n passdb {{\n driver = ldap\n args = @FILES@/{file}\n }}\n}}\n"
        )
    };
    let configuration = [
        "auth_username_chars =\nauth_username_format =\n".to_owned(),
        block("imap", "search.ext"),
        block("pop3", "name.ext"),
        block("sieve", "stored.ext"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes())).into();
    (slapd, Set { configuration: configuration.concat(), files, cases: cases() })
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for asked in [Asked::Imap, Asked::Pop3, Asked::Sieve] {
        for user in NAMES {
            for (what, password) in [("right", "secret"), ("wrong", "other"), ("empty", "")] {
                let name = format!("ldap {} {user}, {what}", asked.name());
                cases.push(Case::new(asked, name, user, password.as_bytes()));
            }
        }
    }
    cases
}

const NAMES: &[&str] = &[
    "ann",
    "ANN",
    "ann@x.test",
    "both@x.test",
    "bob",
    "closed",
    "near",
    "far",
    "hash",
    "nobody",
    "*",
    "a*",
    "(ann)",
    "ann)(uid=*",
    "*)(uid=*",
    "ann\\",
    "#ann",
    " ann",
    "ann ",
    "ann,ou=people",
    "uid=ann",
    "jürgen",
    "old",
    "locked",
    "reset",
];

fn people() -> Vec<Person> {
    let strict = "pwdPolicySubentry: cn=strict,ou=policies,dc=test\n";
    let one = |uid: &str, more: &str| Person::new(uid, "secret", more);
    vec![
        one("ann", "mail: ann@x.test\ntitle: y.org\n"),
        one("bob", "mail: both@x.test\n"),
        one("bea", "mail: both@x.test\n"),
        one("closed", "employeeType: yes\n"),
        one("near", "roomNumber: 10.0.0.0/8\n"),
        one("far", "roomNumber: 198.51.100.0/24\n"),
        // Of the password `secret`.
        Person::new("hash", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", ""),
        one("reset", &format!("pwdReset: TRUE\npwdChangedTime: 20990101000000Z\n{strict}")),
        one("locked", &format!("pwdAccountLockedTime: 000001010000Z\n{strict}")),
        one("old", &format!("pwdChangedTime: 20200101000000Z\n{strict}")),
    ]
}
