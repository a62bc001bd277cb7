//! What LMTP promises in the backends' name, and what it takes of clients that write paths in their own way.
//!
//! Driver: `check`. Tests: below.

use super::holder;
use crate::config::diagnostic::Findings;
use crate::config::model::Lmtp;
use crate::config::sort::{Section, shown};
use crate::names::Protocol;
use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::path::Brackets;

const CAPABILITIES: &str = "lmtp_backend_capabilities";
const WORKAROUNDS: &str = "lmtp_client_workarounds";

pub(super) fn lmtp(root: &Section, findings: &mut Findings) -> Lmtp {
    Lmtp { extensions: extensions(root, findings), brackets: brackets(root, findings) }
}

fn extensions(root: &Section, findings: &mut Findings) -> Vec<Extension> {
    let section = holder(root, Protocol::Lmtp, CAPABILITIES);
    let mut found = Vec::new();
    for word in section.words(CAPABILITIES) {
        let keyword = word.to_ascii_uppercase();
        match (Extension::named(&keyword), keyword.as_str()) {
            (Some(extension), _) => found.push(extension),
            // Hale does these itself, whatever a backend can do.
            (None, "CHUNKING" | "ENHANCEDSTATUSCODES" | "PIPELINING" | "SIZE") => {}
            (None, "STARTTLS" | "XCLIENT" | "XRCPTFORWARD") => {
                let text = format!("`{keyword}` is ours to offer, whatever the backends can do");
                findings.warn(section.place_of(CAPABILITIES), CAPABILITIES, text);
            }
            (None, _) => {
                let text = format!(
                    "found {}, expected what Hale can pass on in LMTP: `8BITMIME`, `SMTPUTF8` or `DSN`; leave the word out",
                    shown(&word)
                );
                findings.error(section.place_of(CAPABILITIES), CAPABILITIES, text);
            }
        }
    }
    // RFC 6531 3.1 (6): one is not offered without the other.
    if found.contains(&Extension::SmtpUtf8) {
        found.push(Extension::EightBitMime);
    }
    Extension::ALL.into_iter().filter(|known| found.contains(known)).collect()
}

fn brackets(root: &Section, findings: &mut Findings) -> Brackets {
    let section = holder(root, Protocol::Lmtp, WORKAROUNDS);
    let mut brackets = Brackets::Needed;
    for word in section.words(WORKAROUNDS) {
        match word.as_str() {
            // White space is always taken.
            "whitespace-before-path" => {}
            "mailbox-for-path" => brackets = Brackets::Optional,
            _ => {
                let text = format!(
                    "found {}, expected `whitespace-before-path` or `mailbox-for-path`",
                    shown(&word)
                );
                findings.error(section.place_of(WORKAROUNDS), WORKAROUNDS, text);
            }
        }
    }
    brackets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded, warnings};

    #[test]
    fn wire_11_1_only_what_is_true_of_every_backend_is_promised() {
        use Extension::{Dsn, EightBitMime, SmtpUtf8};
        let of = |text: &str| loaded(text).lmtp.extensions;
        assert_eq!(of(""), [EightBitMime]);
        assert_eq!(of("lmtp_backend_capabilities =\n"), []);
        assert_eq!(of("lmtp_backend_capabilities = dsn size DSN chunking pipelining\n"), [Dsn]);
        // RFC 6531 3.1 (6).
        assert_eq!(of("lmtp_backend_capabilities = SMTPUTF8\n"), [EightBitMime, SmtpUtf8]);
        let own = "protocol lmtp {\n lmtp_backend_capabilities = SMTPUTF8 8BITMIME DSN\n}\n";
        assert_eq!(of(own), Extension::ALL);
        let text = "lmtp_backend_capabilities = xclient\n";
        assert!(warnings(text).iter().any(|text| text.contains("`XCLIENT` is ours")));
        for bad in ["BINARYMIME", "AUTH", "a/b", "8BITMIME,BURL"] {
            let found = errors(&format!("lmtp_backend_capabilities = {bad}\n"));
            assert!(found.len() == 1 && found[0].contains("`SMTPUTF8`"), "{bad}: {found:?}");
        }
    }

    /// `19-lmtp-path-without-brackets`.
    #[test]
    fn dovecots_workarounds_are_obeyed_or_named() {
        let of = |text: &str| loaded(text).lmtp.brackets;
        assert_eq!(of(""), Brackets::Needed);
        assert_eq!(of("lmtp_client_workarounds = whitespace-before-path\n"), Brackets::Needed);
        let both = "lmtp_client_workarounds = whitespace-before-path mailbox-for-path\n";
        assert_eq!(of(both), Brackets::Optional);
        assert!(!warnings(both).iter().any(|text| text.contains("workarounds")));
        assert_eq!(of(&format!("protocol lmtp {{\n {both}}}\n")), Brackets::Optional);
        let found = errors("lmtp_client_workarounds = mailbox_for_path\n");
        assert!(found.len() == 1 && found[0].contains("`mailbox-for-path`"), "{found:?}");
    }
}
