//! The grammar of what a POP3 backend says until it has answered the login, and what a refusal means.
//!
//! Decides: kinds of lines, the failure behind `-ERR` (W-POP-B5). Does not: hold state. Driver: `super`. Tests: below.

use crate::backend::Step;
use crate::backend::referral::Referral;
use crate::fault::Failure;
use crate::wire::resp_text::{self, split_word};

/// One line of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Ok(&'a [u8]),
    Err(&'a [u8]),
    /// `+`, with or without SP and text (W-POP-B6).
    Continue(&'a [u8]),
    Garbage,
}

/// ```text
/// response      = ("+OK" / "-ERR") [SP text] CRLF         ; RFC 1939 3, RFC 2449 8
/// continue-req  = "+" SP [base64] CRLF                    ; RFC 5034 7
/// ```
pub(super) fn classify(line: &[u8]) -> Line<'_> {
    let (status, text) = split_word(line);
    match () {
        () if status.eq_ignore_ascii_case(b"+OK") => Line::Ok(text),
        () if status.eq_ignore_ascii_case(b"-ERR") => Line::Err(text),
        () if status == b"+" => Line::Continue(text),
        () => Line::Garbage,
    }
}

/// What CAPA says about ways to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) user: bool,
    pub(super) plain: bool,
    pub(super) login: bool,
}

impl Capabilities {
    /// ```text
    /// capa-tag      = "USER" / "SASL" *(SP mechanism) / …     ; RFC 2449 6, RFC 5034 3
    /// ```
    pub(super) fn learn(&mut self, line: &[u8]) {
        let (tag, parameters) = split_word(line);
        self.user |= tag.eq_ignore_ascii_case(b"USER");
        if tag.eq_ignore_ascii_case(b"SASL") {
            self.plain |= resp_text::has_word(parameters, b"PLAIN");
            self.login |= resp_text::has_word(parameters, b"LOGIN");
        }
    }
}

/// Whether the greeting says that we may tell who our client is. Directly behind `+OK `, as in Dovecot's (W-POP-B2).
pub(super) fn has_xclient(greeting: &[u8]) -> bool {
    resp_text::parse(greeting).is(b"XCLIENT")
}

/// Who words the refusal of a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialWords {
    /// We do, so that backends and users can't be told apart by it (W-FAIL-5).
    Ours,
    /// The backend does; the operator wants it so (`pass_backend_error`).
    Theirs,
}

/// What `-ERR text` means (W-POP-B5). Codes that tell the user something travel on with the text; the wrong password
/// only if the operator wants it.
///
/// ```text
/// resp-code     = "[" resp-level *("/" resp-level) "]"    ; RFC 2449 8
/// ```
pub(super) fn refusal(text: &[u8], credential_words: CredentialWords) -> Step {
    let parsed = resp_text::parse(text);
    let forwarded = |failure| Step::Failed(failure, Some(text.into()));
    match () {
        () if parsed.is(b"SYS/TEMP") => forwarded(Failure::BackendTempFail),
        () if parsed.is(b"SYS/PERM") => Step::Failed(Failure::RemoteConfig, None),
        () if parsed.is(b"IN-USE") || parsed.is(b"LOGIN-DELAY") => forwarded(Failure::Limit),
        () if starts_with_any_case(text, b"[REFERRAL/") => match Referral::from_pop3(text) {
            Some(referral) => Step::Redirect(referral),
            None => Step::Failed(Failure::RedirectFailed, None),
        },
        () if credential_words == CredentialWords::Theirs => forwarded(Failure::Credentials),
        () => Step::Failed(Failure::Credentials, None),
    }
}

fn starts_with_any_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_pop_b6_and_other_kinds_of_lines() {
        assert_eq!(classify(b"+OK"), Line::Ok(b""));
        assert_eq!(classify(b"+ok hi there"), Line::Ok(b"hi there"));
        assert_eq!(classify(b"-ERR [AUTH] no"), Line::Err(b"[AUTH] no"));
        assert_eq!(classify(b"-err"), Line::Err(b""));
        for line in ["+", "+ ", "+ dGlt"] {
            assert!(matches!(classify(line.as_bytes()), Line::Continue(_)), "{line}");
        }
        for garbage in ["", "OK", "+OKAY", "* OK hi", "220 hi", " +OK", "-ERRX"] {
            assert_eq!(classify(garbage.as_bytes()), Line::Garbage, "{garbage}");
        }
    }

    #[test]
    fn w_pop_b2_the_flag_stands_first() {
        assert!(has_xclient(b"[XCLIENT] Dovecot ready.") && has_xclient(b"[xclient]"));
        assert!(!has_xclient(b"Dovecot [XCLIENT] ready.") && !has_xclient(b""));
    }

    #[test]
    fn po_07_w_pop_b5_what_a_refusal_means() {
        let of = |text: &str| match refusal(text.as_bytes(), CredentialWords::Ours) {
            Step::Failed(failure, text) => (failure, text.is_some()),
            _ => panic!("{text}"),
        };
        assert_eq!(of(""), (Failure::Credentials, false));
        assert_eq!(of("[AUTH] Authentication failed."), (Failure::Credentials, false));
        assert_eq!(of("no such user tim"), (Failure::Credentials, false));
        assert_eq!(of("[sys/temp] later"), (Failure::BackendTempFail, true));
        assert_eq!(of("[SYS/PERM] never"), (Failure::RemoteConfig, false));
        assert_eq!(of("[IN-USE] 10"), (Failure::Limit, true));
        assert_eq!(of("[LOGIN-DELAY] 60"), (Failure::Limit, true));
        assert_eq!(of("[REFERRAL/u@] x"), (Failure::RedirectFailed, false));
        let ours = CredentialWords::Ours;
        assert!(matches!(refusal(b"[REFERRAL/u@[::1]:110] go", ours), Step::Redirect(_)));
    }

    #[test]
    fn w_pop_b5_the_operator_may_want_their_words() {
        for text in ["", "[AUTH] no", "no such user"] {
            match refusal(text.as_bytes(), CredentialWords::Theirs) {
                Step::Failed(Failure::Credentials, Some(shown)) => {
                    assert_eq!(&*shown, text.as_bytes());
                }
                _ => panic!("{text}"),
            }
        }
    }
}
