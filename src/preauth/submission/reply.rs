//! Every reply we send to Submission clients before login (W-FAIL-7, W-SUB-9), and the backend's answer on its way.
//!
//! Decides: codes and words. Does not: decide when. Driver: `super`. Tests: below.

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::preauth::ByeReason;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{self, Farewell, Refusal, TOO_MANY_FAILED_LOGINS, farewell};
use crate::wire::login_ok::LoginOk;
use crate::wire::smtp::command::Verb;
use crate::wire::smtp::reply::{Reply, write_line, write_lines};
use crate::wire::{base64, resp_text};

/// To everything that moves mail (W-SUB-3).
pub(super) const LOGIN_FIRST: &str = "530 5.7.0 Authentication required.";

pub(super) fn banner(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"220 ");
    resp_text::write_sanitised(rules.host.as_bytes(), out);
    out.extend(b" ESMTP ");
    resp_text::write_sanitised(rules.greeting.as_bytes(), out);
    out.extend(b"\r\n");
}

/// To HELO.
pub(super) fn hello(rules: &Rules, out: &mut Vec<u8>) {
    write_lines(250, &[&rules.host], out);
}

/// To EHLO (W-SUB-9).
pub(super) fn keywords(rules: &Rules, facts: &ClientFacts, out: &mut Vec<u8>) {
    let mechanisms: Vec<_> = rules.usable_mechanisms().map(|usable| usable.name()).collect();
    let auth = format!("AUTH {}", mechanisms.join(" "));
    let mut lines: Vec<&str> = vec![&rules.host];
    lines.extend(rules.submission_keywords.iter().map(|keyword| &**keyword));
    if !mechanisms.is_empty() {
        lines.push(&auth);
    }
    if rules.starttls {
        lines.push("STARTTLS");
    }
    if facts.trusted {
        lines.push(XCLIENT);
    }
    write_lines(250, &lines, out);
}

/// What we believe a trusted peer; LOGIN is not among it.
const XCLIENT: &str =
    "XCLIENT ADDR PORT PROTO HELO SESSION CLIENT-TRANSPORT TTL DESTNAME DESTADDR DESTPORT FORWARD";

/// A SASL challenge; the SP is required (RFC 4954 4).
pub(super) fn challenge(message: &[u8], out: &mut Vec<u8>) {
    out.extend(b"334 ");
    base64::encode(message, out);
    out.extend(b"\r\n");
}

/// One code for this mechanism, another when no mechanism would do (W-SASL-4).
pub(super) fn refuse_in_clear(rules: &Rules, out: &mut Vec<u8>) {
    if rules.usable_mechanisms().next().is_none() {
        write_line("530 5.7.0 Must issue a STARTTLS command first.", out);
    } else {
        refusal(Failure::Privacy, None, Codes::default(), out);
    }
}

/// Whether the client was told to expect enhanced codes (RFC 2034 4): a backend's reply without one gets one then, and
/// travels on as it came otherwise (W-SUB-B8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Codes {
    Announced,
    #[default]
    Unannounced,
}

impl Codes {
    pub(super) fn of(rules: &Rules, verb: Verb) -> Self {
        let is_listed =
            rules.submission_keywords.iter().any(|keyword| &**keyword == "ENHANCEDSTATUSCODES");
        if verb == Verb::Ehlo && is_listed { Self::Announced } else { Self::Unannounced }
    }

    const fn or(self, code: &'static str) -> &'static str {
        match self {
            Self::Announced => code,
            Self::Unannounced => "",
        }
    }
}

/// The refusal of a login. `text` replaces our words; a reply code in front of it replaces our codes as well, and its
/// lines are separated by LF.
pub(super) fn refusal(failure: Failure, text: Option<&[u8]>, theirs: Codes, out: &mut Vec<u8>) {
    let Refusal { submission: codes, words, .. } = refusal::refusal(failure);
    match text.filter(|text| !text.is_empty()) {
        Some(text) => match Reply::coded(text) {
            // 421 says that the connection ends; the backend's does, ours goes on.
            Some(Reply { code: 421, text }) => {
                Reply { code: 454, text }.write(theirs.or("4.7.0"), out);
            }
            Some(reply) if reply.code >= 500 => reply.write(theirs.or("5.0.0"), out),
            Some(reply) if reply.code >= 400 => reply.write(theirs.or("4.0.0"), out),
            _ => with_words(codes, text, out),
        },
        None => with_words(codes, words.as_bytes(), out),
    }
}

fn with_words(codes: &str, words: &[u8], out: &mut Vec<u8>) {
    out.extend(codes.as_bytes());
    out.push(b' ');
    resp_text::write_sanitised(words, out);
    out.extend(b"\r\n");
}

/// The backend's success, or ours where the backend was not asked (W-SUB-B8, W-SUB-B9).
pub(super) fn success(ok: &LoginOk, theirs: Codes, out: &mut Vec<u8>) {
    if ok.text.is_empty() {
        return write_line("235 2.7.0 Authentication successful.", out);
    }
    Reply { code: 235, text: ok.text.clone() }.write(theirs.or("2.7.0"), out);
}

pub(in crate::preauth) fn bye(reason: ByeReason, out: &mut Vec<u8>) {
    let Farewell { words, .. } = farewell(reason);
    let enhanced = match reason {
        ByeReason::Timeout => "4.4.2",
        ByeReason::Shutdown | ByeReason::TooManyConnections | ByeReason::Kicked => "4.3.2",
        ByeReason::TokenExpired => "4.7.0",
        ByeReason::Internal => "4.3.0",
    };
    write_line(&format!("421 {enhanced} {words}"), out);
}

pub(super) fn too_many_failed_logins(out: &mut Vec<u8>) {
    write_line(&format!("421 4.7.0 {TOO_MANY_FAILED_LOGINS}"), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(failure: Failure, text: Option<&str>) -> String {
        let mut out = Vec::new();
        refusal(failure, text.map(str::as_bytes), Codes::Announced, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn w_fail_4_every_failure_has_exactly_one_line_with_codes() {
        for failure in Failure::ALL {
            let line = refused(failure, None);
            let code = line.get(..3).unwrap();
            assert!(["535", "525", "523", "454"].contains(&code), "{line}");
            assert_eq!(line.get(4..5), line.get(..1), "{line}");
            assert_eq!(line.matches("\r\n").count(), 1);
        }
    }

    #[test]
    fn w_sub_b8_texts_of_others() {
        let of = |text| refused(Failure::BackendTempFail, Some(text));
        assert_eq!(of("454 4.7.0 later"), "454 4.7.0 later\r\n");
        assert_eq!(of("451 later\nor never"), "451-4.0.0 later\r\n451 4.0.0 or never\r\n");
        assert_eq!(of("421 4.3.2 going down"), "454 4.3.2 going down\r\n");
        assert_eq!(of("554 5.7.1 no"), "554 5.7.1 no\r\n");
        assert_eq!(of("try\r\n250 OK"), "454 4.7.0 try  250 OK\r\n");
        assert_eq!(of("250 OK"), "454 4.7.0 250 OK\r\n");
        assert_eq!(refused(Failure::Credentials, Some("")), refused(Failure::Credentials, None));
        assert_eq!(refused(Failure::Disabled, Some("Pay first.")), "525 5.7.13 Pay first.\r\n");
    }

    #[test]
    fn w_sub_b9_success_with_and_without_a_backends_words() {
        let of = |text: &str| {
            let mut out = Vec::new();
            let ok = LoginOk { text: text.as_bytes().into(), ..LoginOk::default() };
            success(&ok, Codes::Announced, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of("2.7.0 Logged in."), "235 2.7.0 Logged in.\r\n");
        assert_eq!(of("hi\n2.7.0 there"), "235-2.7.0 hi\r\n235 2.7.0 there\r\n");
        assert_eq!(of(""), "235 2.7.0 Authentication successful.\r\n");
    }

    #[test]
    fn w_sub_b8_without_the_promise_a_reply_travels_on_as_it_came() {
        let rules = Rules { submission_keywords: ["8BITMIME".into()].into(), ..Rules::default() };
        assert_eq!(Codes::of(&Rules::default(), Verb::Ehlo), Codes::Announced);
        assert_eq!(Codes::of(&Rules::default(), Verb::Helo), Codes::Unannounced);
        let theirs = Codes::of(&rules, Verb::Ehlo);
        let mut out = Vec::new();
        success(&LoginOk { text: b"hi"[..].into(), ..LoginOk::default() }, theirs, &mut out);
        refusal(Failure::BackendTempFail, Some(b"451 later"), theirs, &mut out);
        assert_eq!(out, b"235 hi\r\n451 later\r\n");
    }
}
