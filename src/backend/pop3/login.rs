//! The login in the form that POP3 backends understand, cut where we have to wait for their word.
//!
//! Decides: USER and PASS or AUTH, initial response or not. Does not: send. Tests: below, and "no injection" in
//! `tests/pure/login_properties.rs`.

use crate::backend::Login;
use crate::backend::credentials::{self, Chunks, joined};
use crate::backend::sasl;
use crate::fault::Failure;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// USER and PASS.
    User,
    /// AUTH PLAIN.
    Plain,
    /// AUTH LOGIN.
    SaslLogin,
    /// AUTH PLAIN without a password at first; if that is refused USER and PASS. Not every server takes every password by
    /// PASS (GreenMail ends one at its first space, Courier wants no tab), and not every one that has AUTH says so in CAPA.
    Probe,
    /// AUTH by a mechanism that does not carry a password.
    Sasl(Mechanism),
}

impl Login {
    /// Whether another way may be tried should the backend not know this one. Nothing that it may not see has been said then.
    pub(super) fn may_change(&self, way: Way) -> bool {
        match way {
            Way::User | Way::Probe => self.may_choose(),
            Way::Sasl(mechanism) => {
                sasl::wanted(self).len() > 1 && mechanism == Mechanism::OauthBearer
            }
            Way::Plain | Way::SaslLogin => false,
        }
    }
}

/// The way to begin with. It costs a turn only where USER and PASS might not carry what they should.
pub(super) fn way(login: &Login) -> Way {
    if let Some(mechanism) = sasl::wanted(login).first() {
        return Way::Sasl(*mechanism);
    }
    match () {
        () if login.needs_plain() => Way::Plain,
        () if login.may_choose() && !login.is_made_of(|byte| byte.is_ascii_graphic()) => Way::Probe,
        () => Way::User,
    }
}

/// Writes the login.
///
/// # Errors
/// See [`credentials::check`].
pub(super) fn chunks(login: &Login, way: Way) -> Result<Chunks, Failure> {
    credentials::check(login)?;
    Ok(match way {
        Way::User => by_user(login),
        Way::Plain => by_auth("PLAIN", &credentials::plain_response(login)),
        Way::Sasl(mechanism) => {
            let response = sasl::response(&sasl::first_message(login, mechanism));
            match sasl::wanted(login) {
                [_] => by_auth(mechanism.name(), &response),
                _ => by_invited_auth(mechanism.name(), &response),
            }
        }
        Way::Probe => by_invited_auth("PLAIN", &credentials::plain_response(login)),
        Way::SaslLogin => [
            Secret::from("AUTH LOGIN\r\n"),
            joined(&[credentials::login_response(login.user.as_bytes()).expose(), b"\r\n"]),
            joined(&[credentials::login_response(login.password.expose()).expose(), b"\r\n"]),
        ]
        .into(),
    })
}

fn by_invited_auth(name: &str, response: &Secret) -> Chunks {
    [joined(&[b"AUTH ", name.as_bytes(), b"\r\n"]), joined(&[response.expose(), b"\r\n"])].into()
}

/// ```text
/// user-command  = "USER" SP name CRLF                     ; RFC 1939 7
/// pass-command  = "PASS" SP string CRLF
/// ```
///
/// Two pieces: a server that does not like the name would take a password right behind it for a command (W-POP-B4).
fn by_user(login: &Login) -> Chunks {
    [
        joined(&[b"USER ", login.user.as_bytes(), b"\r\n"]),
        joined(&[b"PASS ", login.password.expose(), b"\r\n"]),
    ]
    .into()
}

/// ```text
/// auth-command  = "AUTH" SP mechanism [SP initial-response] *(CRLF [base64]) ; RFC 5034 7
/// ```
fn by_auth(name: &str, response: &Secret) -> Chunks {
    let start = [b"AUTH ", name.as_bytes()].concat();
    // SP and the line's end.
    if start.len().saturating_add(response.len()).saturating_add(3) <= COMMAND_BYTES_MAX {
        [joined(&[&start, b" ", response.expose(), b"\r\n"])].into()
    } else {
        by_invited_auth(name, response)
    }
}

/// What a command may have with its end; longer initial responses are not sent as such (RFC 2449 4, RFC 5034 4).
const COMMAND_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verdict::BackendMech;

    fn of(user: &str, password: &str, master: Option<&str>, mech: BackendMech) -> Vec<String> {
        let (password, master) = (Secret::from(password), master.map(Into::into));
        let login = Login { user: user.into(), password, master, mech, ..Login::default() };
        let text = |chunk: &Secret| String::from_utf8(chunk.expose().to_vec()).unwrap();
        chunks(&login, way(&login)).unwrap().iter().map(text).collect()
    }

    #[test]
    fn w_pop_b4_the_password_waits_and_keeps_its_spaces() {
        assert_eq!(
            of("tim", " p\"w\\ ", None, BackendMech::Login),
            ["USER tim\r\n", "PASS  p\"w\\ \r\n"]
        );
    }

    #[test]
    fn auth_where_pass_might_not_carry_the_password() {
        let of = |password: &str, mech: BackendMech| {
            let password = Secret::from(password);
            way(&Login { user: "tim".into(), password, mech, ..Login::default() })
        };
        assert_eq!(of("p\"w\\~!", BackendMech::Auto), Way::User);
        for password in ["a b", " a", "a ", "a\tb", "p\u{e4}", "\u{7f}"] {
            assert_eq!(of(password, BackendMech::Auto), Way::Probe, "{password:?}");
            assert_eq!(of(password, BackendMech::Login), Way::User, "the operator's word");
        }
        let login = Login { user: "tim".into(), password: Secret::from("a b"), ..Login::default() };
        let of = |way: Way| {
            let text = |chunk: &Secret| String::from_utf8(chunk.expose().to_vec()).unwrap();
            chunks(&login, way).unwrap().iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(of(Way::Probe), ["AUTH PLAIN\r\n", "AHRpbQBhIGI=\r\n"]);
        assert_eq!(of(Way::SaslLogin), ["AUTH LOGIN\r\n", "dGlt\r\n", "YSBi\r\n"]);
    }

    #[test]
    fn w_cred_4_master_users_go_by_plain() {
        // "tim" NUL "root" NUL "s".
        assert_eq!(
            of("tim", "s", Some("root"), BackendMech::Login),
            ["AUTH PLAIN dGltAHJvb3QAcw==\r\n"]
        );
        assert_eq!(of("root", "s", None, BackendMech::Plain), ["AUTH PLAIN AHJvb3QAcw==\r\n"]);
    }

    #[test]
    fn an_initial_response_is_short_or_waits() {
        // 241 digits of base64 would be the first too many; they come in fours.
        let longest = of("u", &"x".repeat(180 - 3), None, BackendMech::Plain);
        assert_eq!((longest.len(), longest[0].len()), (1, 253));
        let longer = of("u", &"x".repeat(181 - 3), None, BackendMech::Plain);
        assert_eq!((longer.len(), &*longer[0]), (2, "AUTH PLAIN\r\n"));
    }
}
