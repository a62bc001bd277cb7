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
