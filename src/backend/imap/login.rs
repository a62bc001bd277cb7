//! The login command in the form this backend understands (W-IMAP-B2), cut where we have to wait for `+`.
//!
//! Decides: LOGIN or AUTHENTICATE, quoted string or literal, initial response or not. Does not: send. Tests: below, and
//! "no injection" in `tests/pure/imap_properties.rs`.

use crate::backend::Login;
use crate::backend::credentials::{self, Chunks, joined};
use crate::backend::forward::Literals;
use crate::fault::Failure;
use crate::secret::Secret;
use crate::wire::quoted;
use crate::wire::resp_text::has_word;

/// Whether the backend offers what `login` needs.
pub(super) fn is_offered(login: &Login, capabilities: &[u8]) -> bool {
    if login.is_sasl() {
        has_word(capabilities, b"AUTH=PLAIN")
    } else {
        !has_word(capabilities, b"LOGINDISABLED")
    }
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

/// Writes the login command.
///
/// # Errors
/// `Credentials` when a field holds what could end a string or a line; `preauth` lets none through (W-SASL-7), a
/// database might.
pub(super) fn chunks(login: &Login, capabilities: &[u8]) -> Result<Chunks, Failure> {
    credentials::check(login)?;
    Ok(if login.is_sasl() {
        authenticate(login, capabilities)
    } else {
        by_command(login, capabilities)
    })
}

/// ```text
/// authenticate  = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64) ; RFC 9051 9, RFC 4959
/// ```
fn authenticate(login: &Login, capabilities: &[u8]) -> Chunks {
    let response = credentials::plain_response(login);
    let by_initial_response =
        has_word(capabilities, b"SASL-IR") || has_word(capabilities, b"IMAP4rev2");
    if by_initial_response {
        [joined(&[b"L AUTHENTICATE PLAIN ", response.expose(), b"\r\n"])].into()
    } else {
        [Secret::from("L AUTHENTICATE PLAIN\r\n"), joined(&[response.expose(), b"\r\n"])].into()
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
        chunks(&login, capabilities.as_bytes()).unwrap().iter().map(text).collect()
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
            of("tim", "s", Some("root"), BackendMech::Login, "SASL-IR"),
            ["L AUTHENTICATE PLAIN dGltAHJvb3QAcw==\r\n"]
        );
        assert_eq!(
            of("root", "s", Some("root"), BackendMech::Login, "SASL-IR"),
            ["L AUTHENTICATE PLAIN AHJvb3QAcw==\r\n"]
        );
        assert_eq!(
            of("root", "s", None, BackendMech::Plain, ""),
            ["L AUTHENTICATE PLAIN\r\n", "AHJvb3QAcw==\r\n"]
        );
    }

    #[test]
    fn what_could_end_a_line_is_never_written() {
        for (user, password) in
            [("a\nb", "p"), ("a\rb", "p"), ("a", "p\r\nX"), ("a", "p\0"), ("", "p")]
        {
            let login =
                Login { user: user.into(), password: Secret::from(password), ..Login::default() };
            assert_eq!(chunks(&login, b"LITERAL+ SASL-IR").unwrap_err(), Failure::Credentials);
        }
    }
}
