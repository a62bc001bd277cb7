//! The login command in the form this backend understands (W-IMAP-B2), cut where we have to wait for `+`.
//!
//! Decides: LOGIN or AUTHENTICATE, quoted string or literal, initial response or not. Does not: send. Tests: below, and
//! "no injection" in `tests/pure/imap_properties.rs`.

use crate::backend::Login;
use crate::backend::credentials::{self, Chunks, joined};
use crate::backend::forward::Literals;
use crate::backend::sasl;
use crate::fault::Failure;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;
use crate::wire::quoted;
use crate::wire::resp_text::{has_word, words};

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// LOGIN.
    Command,
    /// AUTHENTICATE PLAIN.
    Plain,
    /// AUTHENTICATE LOGIN.
    SaslLogin,
    /// AUTHENTICATE PLAIN, which the backend did not announce, without a password; if that is refused LOGIN. Courier in
    /// clear announces no mechanism, and takes a tab in a password by AUTHENTICATE only.
    Probe,
    /// AUTHENTICATE by a mechanism that does not carry a password.
    Sasl(Mechanism),
}

impl Way {
    /// Of the login command.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::Command | Self::Plain | Self::SaslLogin | Self::Sasl(_) => b'L',
            Self::Probe => b'A',
        }
    }
}

/// The way that suits these credentials and this backend; none: it offers none.
pub(super) fn way(login: &Login, capabilities: &[u8]) -> Option<Way> {
    let has = |word: &[u8]| has_word(capabilities, word);
    let wanted = sasl::wanted(login);
    if !wanted.is_empty() {
        let is_offered = |it: &&Mechanism| has(format!("AUTH={}", it.name()).as_bytes());
        return wanted.iter().find(is_offered).copied().map(Way::Sasl);
    }
    let takes_command = !has(b"LOGINDISABLED");
    if login.needs_plain() {
        return has(b"AUTH=PLAIN").then_some(Way::Plain);
    }
    let is_printable = login.is_made_of(|byte| matches!(byte, b' '..=b'~'));
    if takes_command && (is_printable || !login.may_choose()) {
        return Some(Way::Command);
    }
    if !login.may_choose() {
        return None;
    }
    let announces_none = !words(capabilities).any(is_mechanism);
    match () {
        () if has(b"AUTH=PLAIN") => Some(Way::Plain),
        () if has(b"AUTH=LOGIN") => Some(Way::SaslLogin),
        () if !takes_command => None,
        // Literals carry eight bits.
        () if announces_none && !login.is_made_of(|byte| !byte.is_ascii_control()) => {
            Some(Way::Probe)
        }
        () => Some(Way::Command),
    }
}

/// Whether it would bind SCRAM to its TLS.
pub(super) fn offers_binding(capabilities: &[u8]) -> bool {
    words(capabilities)
        .any(|word| is_mechanism(word) && word.to_ascii_uppercase().ends_with(b"-PLUS"))
}

/// Whether a capability names a SASL mechanism.
fn is_mechanism(word: &[u8]) -> bool {
    word.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"AUTH="))
}

/// What the backend says about literals.
pub(super) fn literals(capabilities: &[u8]) -> Literals {
    let non_synchronising = [&b"LITERAL+"[..], b"LITERAL-", b"IMAP4rev2"];
    if non_synchronising.iter().any(|word| has_word(capabilities, word)) {
        Literals::NonSynchronising
    } else {
        Literals::Synchronising
    }
}

/// Writes the login.
///
/// # Errors
/// `Credentials` when a field holds what could end a string or a line; `preauth` lets none through (W-SASL-7), a
/// database might.
pub(super) fn chunks(login: &Login, way: Way, capabilities: &[u8]) -> Result<Chunks, Failure> {
    credentials::check(login)?;
    Ok(match way {
        Way::Command => by_command(login, capabilities),
        Way::Plain => authenticate("PLAIN", &credentials::plain_response(login), capabilities),
        Way::Sasl(mechanism) => {
            let message = sasl::first_message(login, mechanism);
            authenticate(mechanism.name(), &sasl::response(&message), capabilities)
        }
        Way::SaslLogin => [
            Secret::from("L AUTHENTICATE LOGIN\r\n"),
            joined(&[credentials::login_response(login.user.as_bytes()).expose(), b"\r\n"]),
            joined(&[credentials::login_response(login.password.expose()).expose(), b"\r\n"]),
        ]
        .into(),
        Way::Probe => [
            Secret::from("A AUTHENTICATE PLAIN\r\n"),
            joined(&[credentials::plain_response(login).expose(), b"\r\n"]),
        ]
        .into(),
    })
}

/// ```text
/// authenticate  = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64) ; RFC 9051 9, RFC 4959
/// ```
fn authenticate(name: &str, response: &Secret, capabilities: &[u8]) -> Chunks {
    let is_offered = has_word(capabilities, b"SASL-IR") || has_word(capabilities, b"IMAP4rev2");
    let start = [b"L AUTHENTICATE ", name.as_bytes()].concat();
    if is_offered && response.len() <= sasl::INITIAL_RESPONSE_BYTES_MAX {
        [joined(&[&start, b" ", response.expose(), b"\r\n"])].into()
    } else {
        [joined(&[&start, b"\r\n"]), joined(&[response.expose(), b"\r\n"])].into()
    }
}

/// ```text
/// login         = "LOGIN" SP userid SP password           ; RFC 9051 9
/// ```
fn by_command(login: &Login, capabilities: &[u8]) -> Chunks {
    let mut chunks = Chunks::default();
    // Escapes at most double a value; what is added around it is far less than 64 bytes.
    let size =
        login.user.len().saturating_add(login.password.len()).saturating_mul(2).saturating_add(64);
    let mut current = Vec::with_capacity(size);
    current.extend(b"L LOGIN");
    for value in [login.user.as_bytes(), login.password.expose()] {
        current.push(b' ');
        if quoted::is_quotable(value) {
            quoted::write(value, &mut current);
            continue;
        }
        match literals(capabilities) {
            Literals::NonSynchronising => {
                current.extend(format!("{{{}+}}\r\n", value.len()).as_bytes());
            }
            Literals::Synchronising => {
                current.extend(format!("{{{}}}\r\n", value.len()).as_bytes());
                let next = Vec::with_capacity(size);
                chunks.push(Secret::new(std::mem::replace(&mut current, next)));
            }
        }
        current.extend(value);
    }
    current.extend(b"\r\n");
    chunks.push(Secret::new(current));
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verdict::BackendMech;

    fn of(
        user: &str,
        password: &str,
        master: Option<&str>,
        mech: BackendMech,
        capabilities: &str,
    ) -> Vec<String> {
        let login = Login {
            user: user.into(),
            password: Secret::from(password),
            master: master.map(Into::into),
            mech,
            ..Login::default()
        };
        let text = |chunk: &Secret| String::from_utf8(chunk.expose().to_vec()).unwrap();
        let way = way(&login, capabilities.as_bytes()).unwrap();
        chunks(&login, way, capabilities.as_bytes()).unwrap().iter().map(text).collect()
    }

    #[test]
    fn w_imap_b2_quoted_strings_unless_eight_bit() {
        assert_eq!(
            of("tim", "p\"w\\ *", None, BackendMech::Login, ""),
            ["L LOGIN \"tim\" \"p\\\"w\\\\ *\"\r\n"]
        );
        assert_eq!(of("tim", "", None, BackendMech::Login, ""), ["L LOGIN \"tim\" \"\"\r\n"]);
        assert_eq!(
            of("tim", "p\u{e4}", None, BackendMech::Login, "LITERAL-"),
            ["L LOGIN \"tim\" {3+}\r\np\u{e4}\r\n"]
        );
        assert_eq!(
            of("t\u{ef}m", "p\u{e4}", None, BackendMech::Login, "IMAP4rev1"),
            ["L LOGIN {4}\r\n", "t\u{ef}m {3}\r\n", "p\u{e4}\r\n"]
        );
    }

    #[test]
    fn w_cred_4_master_users_go_by_plain_with_authzid_only_when_it_differs() {
        // "tim" NUL "root" NUL "s"; NUL "root" NUL "s".
        assert_eq!(
            of("tim", "s", Some("root"), BackendMech::Login, "AUTH=PLAIN SASL-IR"),
            ["L AUTHENTICATE PLAIN dGltAHJvb3QAcw==\r\n"]
        );
        assert_eq!(
            of("root", "s", Some("root"), BackendMech::Login, "AUTH=PLAIN SASL-IR"),
            ["L AUTHENTICATE PLAIN AHJvb3QAcw==\r\n"]
        );
        assert_eq!(
            of("root", "s", None, BackendMech::Plain, "AUTH=PLAIN"),
            ["L AUTHENTICATE PLAIN\r\n", "AHJvb3QAcw==\r\n"]
        );
    }

    #[test]
    fn sasl_where_only_that_can_carry_the_password_or_nothing_else_is_offered() {
        let of = |password: &str, mech: BackendMech, capabilities: &str| {
            let password = Secret::from(password);
            let login = Login { user: "tim".into(), password, mech, ..Login::default() };
            way(&login, capabilities.as_bytes())
        };
        let (auto, own) = (BackendMech::Auto, BackendMech::Login);
        let both = "AUTH=PLAIN AUTH=LOGIN";
        assert_eq!(of("p \"w\\", auto, both), Some(Way::Command));
        for password in ["p\u{e4}", "a\tb", "\u{7f}"] {
            assert_eq!(of(password, auto, both), Some(Way::Plain), "{password:?}");
            assert_eq!(of(password, auto, "auth=login"), Some(Way::SaslLogin), "{password:?}");
            assert_eq!(of(password, auto, "AUTH=SCRAM-SHA-1"), Some(Way::Command), "{password:?}");
            assert_eq!(of(password, own, both), Some(Way::Command), "the operator's word");
        }
        assert_eq!(of("p\u{e4}", auto, "IMAP4rev1"), Some(Way::Command), "a literal carries it");
        assert_eq!(of("a\tb", auto, "IMAP4rev1"), Some(Way::Probe), "Courier");
        assert_eq!(of("pw", auto, "LOGINDISABLED AUTH=PLAIN"), Some(Way::Plain));
        assert_eq!(of("pw", auto, "LOGINDISABLED AUTH=LOGIN"), Some(Way::SaslLogin));
        assert_eq!(of("pw", auto, "LOGINDISABLED AUTH=SCRAM-SHA-1"), None);
        assert_eq!(of("pw", own, "LOGINDISABLED AUTH=PLAIN"), None, "the operator's word");
        assert_eq!(of("pw", BackendMech::Plain, "AUTH=LOGIN"), None, "the operator's word");
    }

    #[test]
    fn every_way_waits_for_its_invitations() {
        let login = Login { user: "tim".into(), password: Secret::from("p\t"), ..Login::default() };
        let of = |way: Way, capabilities: &str| {
            let chunks = chunks(&login, way, capabilities.as_bytes()).unwrap();
            let text = |chunk: &Secret| String::from_utf8(chunk.expose().to_vec()).unwrap();
            chunks.iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Way::SaslLogin, "SASL-IR"),
            ["L AUTHENTICATE LOGIN\r\n", "dGlt\r\n", "cAk=\r\n"]
        );
        assert_eq!(of(Way::Probe, "SASL-IR"), ["A AUTHENTICATE PLAIN\r\n", "AHRpbQBwCQ==\r\n"]);
    }

    #[test]
    fn what_could_end_a_line_is_never_written() {
        for (user, password) in
            [("a\nb", "p"), ("a\rb", "p"), ("a", "p\r\nX"), ("a", "p\0"), ("", "p")]
        {
            let login =
                Login { user: user.into(), password: Secret::from(password), ..Login::default() };
            for way in [Way::Command, Way::Plain, Way::SaslLogin, Way::Probe] {
                let refused = chunks(&login, way, b"LITERAL+ SASL-IR").unwrap_err();
                assert_eq!(refused, Failure::Credentials);
            }
        }
    }
}
