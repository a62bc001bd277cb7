//! Other mail servers than Dovecot behind Hale, and MTAs on both sides of it: Cyrus, Courier, GreenMail, Postfix, Exim.
//!
//! Each does its whole work through Hale, with passwords that break proxies, and Hale's log is read afterwards. Debian lets none of
//! them stand beside Dovecot, so they are unpacked into roots of their own (`root.rs`) and are called guests there.

mod courier;
mod cyrus;
mod exim;
mod front;
mod greenmail;
mod mta;
mod postfix;
mod root;
mod sinks;
mod small_sites;

use front::Users;

/// Passwords that proxies break, or that mail servers take for something else. Colons are left out: password files end there.
const ODD: &[(&str, &[u8])] = &[
    ("odd-quote", b"a\"quote\""),
    ("odd-backslash", b"back\\slash\\"),
    ("odd-spaces", b" two  words "),
    ("odd-literal", b"{5+}"),
    ("odd-nil", b"NIL"),
    ("odd-tab", b"a\ttab"),
    ("odd-umlaut", "gr\u{fc}n \u{1f511}".as_bytes()),
    ("odd-latin1", b"gr\xfcn \xff\xfe"),
    ("odd-long", &[b'x'; 250]),
    ("odd-all", b"a \"b\" \\c\\ {3+} 'd' $e `f` %u *()"),
];

/// These people, one whose password has changed at the guest only, and those with odd passwords.
fn people(ordinary: Users<'static>) -> Vec<(&'static str, &'static [u8])> {
    let changed: (&str, &[u8]) = (CHANGED, b"at the backend");
    ordinary.iter().copied().chain([changed]).chain(ODD.iter().copied()).collect()
}

/// The same as Hale knows them.
fn known_to_hale(
    mut people: Vec<(&'static str, &'static [u8])>,
) -> Vec<(&'static str, &'static [u8])> {
    for (_, password) in people.iter_mut().filter(|(user, _)| *user == CHANGED) {
        *password = b"at the proxy";
    }
    people
}

const CHANGED: &str = "changed";
