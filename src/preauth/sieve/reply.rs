//! Every line we send to ManageSieve clients before login (W-SV-1).
//!
//! Decides: codes and words. Does not: decide when. Driver: `super`. Tests: below.

use crate::fault::Failure;
use crate::preauth::ByeReason;
use crate::preauth::capability::Rules;
use crate::preauth::refusal::{self, Farewell, Refusal, farewell};
use crate::preauth::sasl::Mechanism;
use crate::wire::base64;
use crate::wire::login_ok::LoginOk;
use crate::wire::sieve::{Status, Writer, write_response, write_string};

/// The list that is the greeting, the answer to CAPABILITY, and said unasked behind TLS; `words` stand behind its OK.
///
/// ```text
/// response-capability = *(single-capability) response-oknobye ; RFC 5804 4
/// single-capability = capability-name [SP string] CRLF
/// ```
pub(super) fn capabilities(rules: &Rules, trusted: bool, words: &str, out: &mut Vec<u8>) {
    let mechanisms: Vec<&str> = rules.usable_mechanisms().map(Mechanism::name).collect();
    capability("IMPLEMENTATION", Some(&rules.sieve_implementation), out);
    capability("SIEVE", Some(&rules.sieve_extensions), out);
    if !rules.sieve_notify.is_empty() {
        capability("NOTIFY", Some(&rules.sieve_notify), out);
    }
    capability("SASL", Some(&mechanisms.join(" ")), out);
    if rules.starttls {
        capability("STARTTLS", None, out);
    }
    capability("VERSION", Some("1.0"), out);
    if trusted {
        capability("XCLIENT", None, out);
    }
    ok(words, out);
}

fn capability(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    write_string(name.as_bytes(), Writer::Server, out);
    if let Some(value) = value {
        out.push(b' ');
        write_string(value.as_bytes(), Writer::Server, out);
    }
    out.extend(b"\r\n");
}

/// A SASL challenge.
pub(super) fn challenge(message: &[u8], out: &mut Vec<u8>) {
    let mut text = Vec::new();
    base64::encode(message, &mut text);
    write_string(&text, Writer::Server, out);
    out.extend(b"\r\n");
}

/// `words` are ours.
pub(super) fn ok(words: &str, out: &mut Vec<u8>) {
    write_response(Status::Ok, words.as_bytes(), out);
}

/// `OK (TAG tag)`, a client's way to find its place again (RFC 5804 2.13).
pub(super) fn noop(tag: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(tag) = tag {
        out.extend(b"OK (TAG ");
        write_string(tag, Writer::Server, out);
        out.extend(b") \"NOOP completed.\"\r\n");
    } else {
        ok("NOOP completed.", out);
    }
}

/// `text` is ours: words, with a code in parentheses before them or none.
pub(super) fn no(text: &str, out: &mut Vec<u8>) {
    write_response(Status::No, text.as_bytes(), out);
}

/// `text` is ours, see [`no`].
pub(super) fn bye_with(text: &str, out: &mut Vec<u8>) {
    write_response(Status::Bye, text.as_bytes(), out);
}

pub(in crate::preauth) fn bye(reason: ByeReason, out: &mut Vec<u8>) {
    let Farewell { is_temporary, words } = farewell(reason);
    let code = if is_temporary { "(TRYLATER) " } else { "" };
    bye_with(&format!("{code}{words}"), out);
}

/// The refusal of a login. `text` replaces our words; with a code in front it replaces our code as well.
pub(super) fn refusal(failure: Failure, text: Option<&[u8]>, out: &mut Vec<u8>) {
    let Refusal { sieve: code, words, .. } = refusal::refusal(failure);
    match text {
        Some(text) if text.starts_with(b"(") => write_response(Status::No, text, out),
        other => {
            let words = other.filter(|text| !text.is_empty()).unwrap_or(words.as_bytes());
            let text = [code.as_bytes(), b" ", words].concat();
            write_response(Status::No, &text, out);
        }
    }
}

/// The backend's success.
pub(super) fn success(ok: &LoginOk, out: &mut Vec<u8>) {
    let text: &[u8] = if ok.text.is_empty() { b"Logged in." } else { &ok.text };
    write_response(Status::Ok, text, out);
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
    fn w_fail_4_every_failure_has_exactly_one_line() {
        for failure in Failure::ALL {
            let line = refused(failure, None);
            assert!(line.starts_with("NO ") && line.ends_with(".\"\r\n"), "{line}");
            assert_eq!(line.matches("\r\n").count(), 1);
        }
    }

    #[test]
    fn w_sv_b4_codes_of_ours_and_of_others() {
        assert_eq!(refused(Failure::Credentials, None), "NO \"Authentication failed.\"\r\n");
        assert_eq!(
            refused(Failure::Privacy, None),
            "NO (ENCRYPT-NEEDED) \"Plaintext authentication needs a secure connection.\"\r\n"
        );
        assert_eq!(
            refused(Failure::Limit, Some("(LIMIT/X) Max \"10\"")),
            "NO (LIMIT/X) \"Max \\\"10\\\"\"\r\n"
        );
        assert_eq!(refused(Failure::BackendTempFail, Some("later")), "NO (TRYLATER) \"later\"\r\n");
        assert_eq!(refused(Failure::Credentials, Some("")), "NO \"Authentication failed.\"\r\n");
        assert_eq!(refused(Failure::Credentials, Some("a (b)")), "NO \"a (b)\"\r\n");
    }
}
