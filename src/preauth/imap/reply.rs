//! Every line we send to IMAP clients before login (W-IMAP-3, W-IMAP-6), and the backend's success rewritten
//! (W-IMAP-B6).
//!
//! Decides: codes and words. Does not: decide when. Driver: `super`. Tests: below.

use crate::fault::Failure;
use crate::preauth::ByeReason;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{self, Farewell, Refusal, farewell};
use crate::wire::login_ok::LoginOk;
use crate::wire::{base64, quoted, resp_text};

/// The consent to a synchronising literal; the SP is required (RFC 9051 7.6).
pub(super) const CONTINUE: &[u8] = b"+ OK\r\n";

pub(super) fn greeting(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"* OK [CAPABILITY ");
    rules.write_imap_capabilities(out);
    out.extend(b"] ");
    resp_text::write_sanitised(rules.greeting.as_bytes(), out);
    out.extend(b"\r\n");
}

pub(super) fn capability(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"* CAPABILITY ");
    rules.write_imap_capabilities(out);
    out.extend(b"\r\n");
}

pub(super) fn id(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"* ID (\"name\" ");
    quoted::write(rules.name.as_bytes(), out);
    out.extend(b")\r\n");
}

/// A SASL challenge; the empty one is `+` SP CRLF (W-IMAP-5).
pub(super) fn challenge(message: &[u8], out: &mut Vec<u8>) {
    out.extend(b"+ ");
    base64::encode(message, out);
    out.extend(b"\r\n");
}

/// `tag status words`, where `words` are ours.
pub(super) fn tagged(tag: &[u8], status_and_words: &str, out: &mut Vec<u8>) {
    out.extend(tag);
    out.push(b' ');
    out.extend(status_and_words.as_bytes());
    out.extend(b"\r\n");
}

/// `* status words`, where `words` are ours.
pub(super) fn untagged(status_and_words: &str, out: &mut Vec<u8>) {
    tagged(b"*", status_and_words, out);
}

/// The refusal of a login. `text` replaces our words; with a code in front it replaces our code as well.
pub(super) fn refusal(tag: &[u8], failure: Failure, text: Option<&[u8]>, out: &mut Vec<u8>) {
    let Refusal { imap: code, words, .. } = refusal::refusal(failure);
    out.extend(tag);
    out.extend(b" NO ");
    match text {
        Some(text) if text.starts_with(b"[") => resp_text::write_sanitised(text, out),
        other => {
            out.extend(code.as_bytes());
            out.push(b' ');
            let text = other.filter(|text| !text.is_empty());
            resp_text::write_sanitised(text.unwrap_or(words.as_bytes()), out);
        }
    }
    out.extend(b"\r\n");
}

pub(in crate::preauth) fn bye(reason: ByeReason, out: &mut Vec<u8>) {
    let Farewell { is_temporary, words } = farewell(reason);
    let code = if is_temporary { "[UNAVAILABLE] " } else { "" };
    untagged(&format!("BYE {code}{words}"), out);
}

/// The backend's success with the client's tag (W-IMAP-B6).
///
/// A client that asked for CAPABILITY does not read response codes: it gets the list as an untagged response and not a
/// second time in the code (IM-18). Any other finds it in the code: the backend's own text as it is when it has one,
/// else ours in place of whatever code there was. That code goes before it as an untagged OK: an `[ALERT]` has to reach
/// the user (RFC 9051 7.1). Without a list of after login none is told, and the client asks.
pub(super) fn success(tag: &[u8], ok: &LoginOk, asked_capability: bool, out: &mut Vec<u8>) {
    let text = resp_text::parse(&ok.text);
    let own_list = text.is(b"CAPABILITY");
    let list: &[u8] = if own_list { text.argument } else { &ok.capabilities };
    let (mut has_list, mut hides) = (false, false);
    for word in resp_text::words(list) {
        let holds = holds_after_login(word);
        (has_list, hides) = (has_list || holds, hides || !holds);
    }
    let words: &[u8] = if text.words.is_empty() { b"Logged in." } else { text.words };
    // It would lead the client around us (RFC 2221).
    let keeps_code = !text.code.is_empty() && !own_list && !text.is(b"REFERRAL");
    if asked_capability && has_list {
        out.extend(b"* CAPABILITY");
        write_after_login(list, out);
        out.extend(b"\r\n");
    }
    let in_code = has_list && !asked_capability;
    if in_code && keeps_code {
        out.extend(b"* OK ");
        resp_text::write_sanitised(&ok.text, out);
        out.extend(b"\r\n");
    }
    out.extend(tag);
    out.extend(b" OK ");
    if in_code && own_list && !hides {
        resp_text::write_sanitised(&ok.text, out);
    } else if in_code {
        out.extend(b"[CAPABILITY");
        write_after_login(list, out);
        out.extend(b"] ");
        resp_text::write_sanitised(words, out);
    } else {
        resp_text::write_sanitised(if keeps_code { &ok.text } else { words }, out);
    }
    out.extend(b"\r\n");
}

fn write_after_login(list: &[u8], out: &mut Vec<u8>) {
    for word in resp_text::words(list).filter(|word| holds_after_login(word)) {
        out.push(b' ');
        resp_text::write_sanitised(word, out);
    }
}

/// Whether a capability of the backend's means anything to a client that is logged in (W-IMAP-B9). Cyrus lists
/// LOGINDISABLED behind a login; and a client that wants to be another user has to come to us again, so UNAUTHENTICATE
/// (RFC 8437) and the mechanisms for it are not told.
fn holds_after_login(word: &[u8]) -> bool {
    let hidden = [&b"STARTTLS"[..], b"LOGINDISABLED", b"UNAUTHENTICATE"];
    let is_mechanism = || word.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"AUTH="));
    let first = word.first().map(u8::to_ascii_uppercase);
    // Most of the many words begin otherwise.
    !matches!(first, Some(b'S' | b'L' | b'U' | b'A'))
        || !(is_mechanism() || hidden.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(failure: Failure, text: Option<&str>) -> String {
        let mut out = Vec::new();
        refusal(b"a1", failure, text.map(str::as_bytes), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn accepted(capabilities: &str, text: &str, asked: bool) -> String {
        let ok =
            LoginOk { capabilities: capabilities.as_bytes().into(), text: text.as_bytes().into() };
        let mut out = Vec::new();
        success(b"a1", &ok, asked, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn w_fail_4_every_failure_has_exactly_one_tagged_line_with_a_code() {
        for failure in Failure::ALL {
            let line = refused(failure, None);
            assert!(line.starts_with("a1 NO [") && line.ends_with(".\r\n"), "{line}");
            assert_eq!(line.matches("\r\n").count(), 1);
        }
    }

    #[test]
    fn im_19_foreign_texts_are_kept_to_one_line() {
        assert_eq!(refused(Failure::Limit, Some("[LIMIT] Max 10")), "a1 NO [LIMIT] Max 10\r\n");
        assert_eq!(
            refused(Failure::BackendTempFail, Some("later")),
            "a1 NO [UNAVAILABLE] later\r\n"
        );
        assert_eq!(
            refused(Failure::Credentials, Some("")),
            "a1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"
        );
        assert_eq!(
            refused(Failure::Credentials, Some("[ALERT] caf\u{e9}\r\n* BYE")),
            "a1 NO [ALERT] caf\u{e9}  * BYE\r\n"
        );
    }

    #[test]
    fn w_imap_b6_the_list_is_in_the_code() {
        assert_eq!(
            accepted("A B", "[CAPABILITY A B] Logged in", false),
            "a1 OK [CAPABILITY A B] Logged in\r\n"
        );
        assert_eq!(accepted("A B", "Logged in", false), "a1 OK [CAPABILITY A B] Logged in\r\n");
        assert_eq!(
            accepted("A B", "[X y] Hi", false),
            "* OK [X y] Hi\r\na1 OK [CAPABILITY A B] Hi\r\n"
        );
        assert_eq!(accepted("A", "", false), "a1 OK [CAPABILITY A] Logged in.\r\n");
        assert_eq!(accepted("", "", false), "a1 OK Logged in.\r\n");
        assert_eq!(accepted("", "[X y] Hi", false), "a1 OK [X y] Hi\r\n");
    }

    #[test]
    fn w_imap_b6_im_18_who_asked_for_capability_gets_it_untagged_and_once() {
        assert_eq!(
            accepted("A B", "[CAPABILITY A B] Logged in", true),
            "* CAPABILITY A B\r\na1 OK Logged in\r\n"
        );
        assert_eq!(accepted("A B", "[X y] Hi", true), "* CAPABILITY A B\r\na1 OK [X y] Hi\r\n");
        assert_eq!(accepted("A", "", true), "* CAPABILITY A\r\na1 OK Logged in.\r\n");
        assert_eq!(accepted("", "Hi", true), "a1 OK Hi\r\n");
    }

    #[test]
    fn rfc_9051_7_1_an_alert_reaches_the_user() {
        let alert = format!("[ALERT] {}", "x".repeat(10_240));
        for (list, asked) in [("A", false), ("A", true), ("", false), ("", true)] {
            let told = accepted(list, &alert, asked);
            assert_eq!(told.matches(&alert).count(), 1, "{list} {asked}");
            assert_eq!(told.contains("CAPABILITY A"), !list.is_empty(), "{list} {asked}");
        }
    }

    #[test]
    fn rfc_2221_a_referral_would_lead_around_us() {
        let text = "[REFERRAL imap://tim@be2/] Better there";
        assert_eq!(accepted("", text, false), "a1 OK Better there\r\n");
        assert_eq!(accepted("A", text, false), "a1 OK [CAPABILITY A] Better there\r\n");
        assert_eq!(accepted("A", text, true), "* CAPABILITY A\r\na1 OK Better there\r\n");
    }

    #[test]
    fn w_imap_b9_what_means_nothing_behind_a_login_is_not_told() {
        let hidden = "LOGINDISABLED A auth=plain AUTH=LOGIN UNAUTHENTICATE B";
        let own = format!("[CAPABILITY {hidden}] Hi");
        assert_eq!(accepted("", &own, false), "a1 OK [CAPABILITY A B] Hi\r\n");
        assert_eq!(accepted("", &own, true), "* CAPABILITY A B\r\na1 OK Hi\r\n");
        assert_eq!(accepted(hidden, "Hi", false), "a1 OK [CAPABILITY A B] Hi\r\n");
        assert_eq!(accepted("", "[CAPABILITY STARTTLS] Hi", false), "a1 OK Hi\r\n");
        assert_eq!(accepted("", "[CAPABILITY] Hi", true), "a1 OK Hi\r\n");
    }

    #[test]
    fn w_imap_b9_starttls_is_never_shown_after_login() {
        assert_eq!(
            accepted("", "[CAPABILITY A starttls B] Hi", false),
            "a1 OK [CAPABILITY A B] Hi\r\n"
        );
        assert_eq!(accepted("A STARTTLS", "Hi", true), "* CAPABILITY A\r\na1 OK Hi\r\n");
    }
}
