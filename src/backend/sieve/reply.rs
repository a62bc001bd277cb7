//! The grammar of what a ManageSieve backend says until it has answered the login (RFC 5804 4), and what a refusal means.
//!
//! Decides: kinds of lines, the failure behind NO and BYE (W-SV-B4, W-SV-B5). Does not: hold state. Driver: `super`.
//! Tests: below.

use crate::backend::Step;
use crate::backend::referral::Referral;
use crate::fault::Failure;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::wire::cursor::Cursor;
use crate::wire::resp_text::words;
use crate::wire::sieve::{Response, string};

/// One line of a backend, its literals included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Capability(Capability),
    End(Response<'a>),
    Garbage,
}

/// What a capability says, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    /// `binds`: SCRAM to its TLS.
    Sasl {
        offered: Mechanisms,
        binds: bool,
    },
    Starttls,
    Xclient,
    /// `is_alone`: one string, as a challenge is.
    Other {
        is_alone: bool,
    },
}

/// ```text
/// single-capability = capability-name [SP string] CRLF    ; RFC 5804 4
/// capability-name = string
/// ```
pub(super) fn classify(line: &[u8]) -> Line<'_> {
    if !matches!(line.first(), Some(b'"' | b'{')) {
        return Response::parse(line).map_or(Line::Garbage, Line::End);
    }
    let mut cursor = Cursor::new(line);
    capability(&mut cursor).map_or(Line::Garbage, Line::Capability)
}

fn capability(cursor: &mut Cursor<'_>) -> Option<Capability> {
    let name = string(cursor)?;
    let mut value = None;
    if cursor.byte(b' ').is_some() && cursor.end().is_none() {
        value = Some(string(cursor)?);
    }
    cursor.end()?;
    let is_alone = value.is_none();
    let value = value.unwrap_or_default();
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    Some(match () {
        () if is("SASL") => Capability::Sasl {
            offered: words(&value).filter_map(Mechanism::named).collect(),
            binds: words(&value).any(|word| word.to_ascii_uppercase().ends_with(b"-PLUS")),
        },
        () if is("STARTTLS") => Capability::Starttls,
        () if is("XCLIENT") => Capability::Xclient,
        () => Capability::Other { is_alone },
    })
}

/// What NO means (W-SV-B4). Codes that tell the user something travel on with their words; the wrong password never
/// does, so that backends can't be told apart by it (W-FAIL-5).
pub(super) fn refusal(response: &Response<'_>) -> Step {
    let forwarded = |failure| Step::Failed(failure, Some(response.text()));
    match () {
        () if response.is("TRYLATER") => forwarded(Failure::BackendTempFail),
        // A proxy's word that the fault is not the user's and stays; or that we lack TLS.
        () if response.is("TRYLATER/NORETRY") || response.is("ENCRYPT-NEEDED") => {
            Step::Failed(Failure::RemoteConfig, None)
        }
        () if response.is("LIMIT") || has_prefix(response.code, "LIMIT/") => {
            forwarded(Failure::Limit)
        }
        () if response.is("REFERRAL") => referral(response),
        () => Step::Failed(Failure::Credentials, None),
    }
}

/// What BYE means, whenever it comes (W-SV-B5).
pub(super) fn dismissal(response: &Response<'_>) -> Step {
    if response.is("REFERRAL") { referral(response) } else { Step::Failed(Failure::Remote, None) }
}

fn referral(response: &Response<'_>) -> Step {
    let text = [b"(", response.code, b")"].concat();
    match Referral::from_sieve(&text) {
        Some(referral) => Step::Redirect(referral),
        None => Step::Failed(Failure::RedirectFailed, None),
    }
}

fn has_prefix(text: &[u8], prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_sv_b1_capabilities_may_hold_literals() {
        let of = |line: &str| match classify(line.as_bytes()) {
            Line::Capability(capability) => Some(capability),
            Line::End(_) | Line::Garbage => None,
        };
        let sasl = |plain: bool, login: bool| {
            let known = [(plain, Mechanism::Plain), (login, Mechanism::Login)];
            let offered = known.into_iter().filter(|(is, _)| *is).map(|(_, it)| it).collect();
            Some(Capability::Sasl { offered, binds: false })
        };
        assert_eq!(of("\"SASL\" \"PLAIN LOGIN\""), sasl(true, true));
        assert_eq!(of("\"sasl\" {6}\r\nGSSAPI"), sasl(false, false));
        assert_eq!(of("{4}\r\nSASL {5}\r\nplain"), sasl(true, false));
        assert_eq!(of("\"SASL\" \"login\""), sasl(false, true));
        assert_eq!(of("\"SASL\" \"\""), sasl(false, false));
        assert_eq!(of("\"VXNlcm5hbWU6\""), Some(Capability::Other { is_alone: true }));
        assert_eq!(of("\"STARTTLS\""), Some(Capability::Starttls));
        assert_eq!(of("\"STARTTLS\" "), Some(Capability::Starttls));
        assert_eq!(of("\"XCLIENT\""), Some(Capability::Xclient));
        assert_eq!(of("\"SIEVE\" \"fileinto (x)\""), Some(Capability::Other { is_alone: false }));
        for garbage in ["\"SASL\" PLAIN", "\"SASL\" \"PLAIN\" \"X\"", "\"SASL", "{9}\r\nSASL"] {
            assert_eq!(classify(garbage.as_bytes()), Line::Garbage, "{garbage}");
        }
        for garbage in ["", "+OK", "* OK hi", "220 hi", "SASL \"PLAIN\""] {
            assert_eq!(classify(garbage.as_bytes()), Line::Garbage, "{garbage}");
        }
    }

    fn of(line: &str) -> (Failure, Option<String>) {
        let response = Response::parse(line.as_bytes()).unwrap();
        let step = if line.starts_with("BYE") { dismissal(&response) } else { refusal(&response) };
        match step {
            Step::Failed(failure, text) => {
                (failure, text.map(|text| String::from_utf8(text.into()).unwrap()))
            }
            _ => panic!("{line}"),
        }
    }

    #[test]
    fn ms_04_w_sv_b4_what_a_refusal_means() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of("NO"), (Failure::Credentials, None));
        assert_eq!(of("NO \"Authentication failed.\""), (Failure::Credentials, None));
        assert_eq!(of("NO (AUTH-TOO-WEAK) \"x\""), (Failure::Credentials, None));
        assert_eq!(of("NO (trylater) \"x\""), (Failure::BackendTempFail, text("(trylater) x")));
        assert_eq!(of("NO (TRYLATER/NORETRY) \"x\""), (Failure::RemoteConfig, None));
        assert_eq!(of("NO (ENCRYPT-NEEDED) \"x\""), (Failure::RemoteConfig, None));
        assert_eq!(
            of("NO (LIMIT/CONNECTIONS) \"10\""),
            (Failure::Limit, text("(LIMIT/CONNECTIONS) 10"))
        );
        assert_eq!(of("NO (REFERRAL \"http://x\") \"x\""), (Failure::RedirectFailed, None));
        assert_eq!(of("BYE (TRYLATER) \"x\""), (Failure::Remote, None));
        assert_eq!(of("BYE \"x\""), (Failure::Remote, None));
    }

    #[test]
    fn w_sv_b5_referrals_by_no_and_by_bye() {
        for line in ["NO (REFERRAL \"sieve://u@[::1]:4190\")", "BYE (REFERRAL sieve://u@h) \"x\""] {
            let response = Response::parse(line.as_bytes()).unwrap();
            assert!(matches!(refusal(&response), Step::Redirect(_)), "{line}");
            assert!(matches!(dismissal(&response), Step::Redirect(_)), "{line}");
        }
    }
}
