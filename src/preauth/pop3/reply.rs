//! Every line we send to POP3 clients before login (W-POP-1).
//!
//! Decides: codes and words. Does not: decide when. Driver: `super`. Tests: below.

use crate::fault::Failure;
use crate::limits::POP3_REPLY_BYTES_MAX;
use crate::preauth::ByeReason;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{self, Farewell, Refusal, farewell};
use crate::preauth::sasl::Mechanism;
use crate::wire::login_ok::LoginOk;
use crate::wire::{base64, resp_text};

/// `[XCLIENT]` tells a proxy in front of us that it may say who its client is; Dovecot's way to save it a CAPA. A timestamp offers
/// APOP (RFC 1939 7).
pub(super) fn greeting(rules: &Rules, trusted: bool, timestamp: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend(if trusted { &b"+OK [XCLIENT] "[..] } else { b"+OK " });
    resp_text::write_sanitised(rules.greeting.as_bytes(), out);
    if let Some(timestamp) = timestamp {
        out.push(b' ');
        out.extend(timestamp);
    }
    out.extend(b"\r\n");
}

/// ```text
/// capa-resp     = "+OK" [SP text] CRLF *(capa-tag *(SP capa-param) CRLF) "." CRLF ; RFC 2449 3
/// ```
pub(super) fn capabilities(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n");
    if rules.starttls {
        out.extend(b"STLS\r\n");
    }
    if rules.plaintext_allowed {
        out.extend(b"USER\r\n");
    }
    let mut mechanisms = rules.usable_mechanisms().map(Mechanism::name).peekable();
    if mechanisms.peek().is_some() {
        out.extend(b"SASL");
        for name in mechanisms {
            out.push(b' ');
            out.extend(name.as_bytes());
        }
        out.extend(b"\r\n");
    }
    out.extend(b".\r\n");
}

/// The answer to a bare AUTH, which old Outlooks ask.
pub(super) fn mechanisms(rules: &Rules, out: &mut Vec<u8>) {
    out.extend(b"+OK\r\n");
    for mechanism in rules.usable_mechanisms() {
        out.extend(mechanism.name().as_bytes());
        out.extend(b"\r\n");
    }
    out.extend(b".\r\n");
}

/// A SASL challenge; the empty one is `+` SP CRLF (RFC 5034 4).
pub(super) fn challenge(message: &[u8], out: &mut Vec<u8>) {
    out.extend(b"+ ");
    base64::encode(message, out);
    out.extend(b"\r\n");
}

/// `words` are ours.
pub(super) fn ok(words: &str, out: &mut Vec<u8>) {
    out.extend(b"+OK ");
    out.extend(words.as_bytes());
    out.extend(b"\r\n");
}

/// `words` are ours.
pub(super) fn err(words: &str, out: &mut Vec<u8>) {
    out.extend(b"-ERR ");
    out.extend(words.as_bytes());
    out.extend(b"\r\n");
}

/// The refusal of a login. `text` replaces our words; with a code in front it replaces our code as well.
pub(super) fn refusal(failure: Failure, text: Option<&[u8]>, out: &mut Vec<u8>) {
    let Refusal { pop3: code, words, .. } = refusal::refusal(failure);
    let start = out.len();
    out.extend(b"-ERR ");
    match text {
        Some(text) if text.starts_with(b"[") => resp_text::write_sanitised(text, out),
        other => {
            out.extend(code.as_bytes());
            out.push(b' ');
            let text = other.filter(|text| !text.is_empty());
            resp_text::write_sanitised(text.unwrap_or(words.as_bytes()), out);
        }
    }
    // RFC 2449 4: a reply has at most 512 bytes, ours or the backend's.
    out.truncate(start.saturating_add(POP3_REPLY_BYTES_MAX - 2).min(out.len()));
    out.extend(b"\r\n");
}

pub(in crate::preauth) fn bye(reason: ByeReason, out: &mut Vec<u8>) {
    let Farewell { is_temporary, words } = farewell(reason);
    let code = if is_temporary { "[SYS/TEMP] " } else { "" };
    err(&format!("{code}{words}"), out);
}

/// The backend's success, byte by byte.
pub(super) fn success(ok: &LoginOk, out: &mut Vec<u8>) {
    let text: &[u8] = if ok.text.is_empty() { b"Logged in." } else { &ok.text };
    out.extend(b"+OK ");
    resp_text::write_sanitised(text, out);
    out.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(failure: Failure, text: Option<&str>) -> String {
        let mut out = Vec::new();
        refusal(failure, text.map(str::as_bytes), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn w_fail_4_every_failure_has_exactly_one_line_with_a_code() {
        for failure in Failure::ALL {
            let line = refused(failure, None);
            assert!(line.starts_with("-ERR [") && line.ends_with(".\r\n"), "{line}");
            assert_eq!(line.matches("\r\n").count(), 1);
        }
    }

    #[test]
    fn po_07_foreign_texts_are_kept_to_one_line_of_512_bytes() {
        assert_eq!(refused(Failure::Limit, Some("[IN-USE] Max 10")), "-ERR [IN-USE] Max 10\r\n");
        assert_eq!(refused(Failure::BackendTempFail, Some("later")), "-ERR [SYS/TEMP] later\r\n");
        assert_eq!(
            refused(Failure::Credentials, Some("")),
            "-ERR [AUTH] Authentication failed.\r\n"
        );
        assert_eq!(refused(Failure::Credentials, Some("a\r\n+OK")), "-ERR [AUTH] a  +OK\r\n");
        let long = refused(Failure::Limit, Some(&"x".repeat(4000)));
        assert!(long.len() == POP3_REPLY_BYTES_MAX && long.ends_with("x\r\n"));
    }
}
