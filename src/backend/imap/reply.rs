//! The grammar of what a backend says until it has answered the login (RFC 9051 9), and what a refusal means.
//!
//! Decides: kinds of lines, the failure behind `L NO` (W-IMAP-B7). Does not: hold state. Driver: `super`. Tests: below.

use memchr::memchr;

use crate::backend::Step;
use crate::backend::referral::Referral;
use crate::fault::Failure;
use crate::wire::literal::announced;
use crate::wire::resp_text::{self, split_word};

/// One line of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Untagged(Untagged<'a>),
    /// `+`, with or without SP and text (W-IMAP-B3).
    Continue(&'a [u8]),
    /// The reply to one of ours; all our tags are one letter.
    Tagged {
        tag: u8,
        status: Status,
        text: &'a [u8],
    },
    Garbage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    Bad,
}

/// What stands behind `* `, as far as it matters before login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untagged<'a> {
    Ok(&'a [u8]),
    Bye,
    Preauth,
    Capability(&'a [u8]),
    Id,
    Multiplex,
    Other,
}

/// ```text
/// response      = *(continue-req / response-data) response-done ; RFC 9051 9
/// response-tagged = tag SP resp-cond-state CRLF
/// resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text
/// ```
///
/// Quirk: the text and its SP may be missing (`L OK`).
pub(super) fn classify(line: &[u8]) -> Line<'_> {
    if line.first() == Some(&b'+') {
        let text = line.get(1..).unwrap_or_default();
        return Line::Continue(text.strip_prefix(b" ").unwrap_or(text));
    }
    let (tag, rest) = split_word(line);
    let (word, text) = split_word(rest);
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match tag {
        b"*" => Line::Untagged(match () {
            () if is("OK") => Untagged::Ok(text),
            () if is("BYE") => Untagged::Bye,
            () if is("PREAUTH") => Untagged::Preauth,
            () if is("CAPABILITY") => Untagged::Capability(text),
            () if is("ID") => Untagged::Id,
            () if is("MULTIPLEX") => Untagged::Multiplex,
            () => Untagged::Other,
        }),
        &[tag] => match () {
            () if is("OK") => Line::Tagged { tag, status: Status::Ok, text },
            () if is("NO") => Line::Tagged { tag, status: Status::No, text },
            () if is("BAD") => Line::Tagged { tag, status: Status::Bad, text },
            () => Line::Garbage,
        },
        _ => Line::Garbage,
    }
}

/// Whether a response may go on behind a literal. Tagged ones, invitations and texts for humans never do, whatever their
/// line ends in.
pub(super) fn may_hold_literals(response: &[u8]) -> bool {
    let Some(rest) = response.strip_prefix(b"* ") else {
        return false;
    };
    let word = rest.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
    let texts = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"];
    !texts.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// Whether a response, complete or not, answers ID.
pub(super) fn is_id(response: &[u8]) -> bool {
    response.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"* ID "))
}

/// Writes a complete untagged response for the client: its lines made harmless (IM-19), its literals as they are.
pub(super) fn write_untagged(response: &[u8], out: &mut Vec<u8>) {
    let holds_literals = may_hold_literals(response);
    let mut rest = response;
    loop {
        let end = memchr(b'\n', rest).filter(|_| holds_literals).unwrap_or(rest.len());
        let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, b""));
        let line = line.strip_suffix(b"\r").filter(|_| !behind.is_empty()).unwrap_or(line);
        resp_text::write_sanitised(line, out);
        out.extend(b"\r\n");
        let Some(behind) = behind.strip_prefix(b"\n") else {
            return;
        };
        let size = announced(line).map_or(0, |literal| literal.bytes);
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(behind.len());
        let (literal, line) = behind.split_at_checked(size).unwrap_or((behind, b""));
        out.extend(literal);
        rest = line;
    }
}

/// What `L NO text` means (W-IMAP-B7). Codes that tell the user something travel on with the text; the wrong password
/// never does, so that backends can't be told apart by it (W-FAIL-5).
pub(super) fn refusal(text: &[u8]) -> Step {
    let parsed = resp_text::parse(text);
    let forwarded = |failure| Step::Failed(failure, Some(text.into()));
    match () {
        () if parsed.code.is_empty() || parsed.is(b"AUTHENTICATIONFAILED") => {
            Step::Failed(Failure::Credentials, None)
        }
        () if parsed.is(b"UNAVAILABLE") => forwarded(Failure::BackendTempFail),
        () if parsed.is(b"REFERRAL") => match Referral::from_imap(parsed.argument) {
            Some(referral) => Step::Redirect(referral),
            None => Step::Failed(Failure::RedirectFailed, None),
        },
        () if parsed.is(b"SERVERBUG") => Step::Failed(Failure::RemoteConfig, None),
        () if parsed.is(b"LIMIT") => forwarded(Failure::Limit),
        () if parsed.is(b"AUTHORIZATIONFAILED") => forwarded(Failure::NotAuthorized),
        () if parsed.is(b"EXPIRED") => forwarded(Failure::Expired),
        () if parsed.is(b"CONTACTADMIN") => forwarded(Failure::Disabled),
        () => forwarded(Failure::Credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_imap_b3_and_other_kinds_of_lines() {
        for line in ["+", "+ ", "+ go ahead", "+OK"] {
            assert!(matches!(classify(line.as_bytes()), Line::Continue(_)), "{line}");
        }
        assert_eq!(classify(b"* ok hi"), Line::Untagged(Untagged::Ok(b"hi")));
        assert_eq!(classify(b"* PREAUTH x"), Line::Untagged(Untagged::Preauth));
        assert_eq!(classify(b"* capability A B"), Line::Untagged(Untagged::Capability(b"A B")));
        assert_eq!(classify(b"* 1 EXISTS"), Line::Untagged(Untagged::Other));
        assert_eq!(classify(b"L ok"), Line::Tagged { tag: b'L', status: Status::Ok, text: b"" });
        assert_eq!(
            classify(b"L NO [X] y"),
            Line::Tagged { tag: b'L', status: Status::No, text: b"[X] y" }
        );
        for garbage in ["", "L", "L OKAY", "LX OK", "220 hi", " L OK"] {
            assert_eq!(classify(garbage.as_bytes()), Line::Garbage, "{garbage}");
        }
    }

    #[test]
    fn w_imap_b4_untagged_responses_travel_with_their_literals() {
        let of = |response: &str| {
            let mut out = Vec::new();
            write_untagged(response.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of("* OK a\rb {3}"), "* OK a b {3}\r\n");
        assert_eq!(of("* LIST () {4}\n\0\r\nx\r \"a\0\""), "* LIST () {4}\r\n\0\r\nx  \"a \"\r\n");
        assert_eq!(of("* X {0}\r\n {1}\r\ny"), "* X {0}\r\n {1}\r\ny\r\n");
    }

    #[test]
    fn w_imap_b7_what_a_refusal_means() {
        let of = |text: &str| match refusal(text.as_bytes()) {
            Step::Failed(failure, text) => (failure, text.is_some()),
            _ => panic!("{text}"),
        };
        assert_eq!(of("Authentication failed."), (Failure::Credentials, false));
        assert_eq!(of("[AUTHENTICATIONFAILED] no"), (Failure::Credentials, false));
        assert_eq!(of("[unavailable] later"), (Failure::BackendTempFail, true));
        assert_eq!(of("[SERVERBUG] oops"), (Failure::RemoteConfig, false));
        assert_eq!(of("[LIMIT] 10"), (Failure::Limit, true));
        assert_eq!(of("[ALERT] read me"), (Failure::Credentials, true));
        assert_eq!(of("[EXPIRED] old"), (Failure::Expired, true));
        assert_eq!(of("[REFERRAL http://x] old"), (Failure::RedirectFailed, false));
        assert!(matches!(
            refusal(b"[REFERRAL imap://u;AUTH=*@192.0.2.1:143/] go"),
            Step::Redirect(_)
        ));
    }
}
