//! A JSON form of auth_http, Hale's own, for services that have rows, fields and stored passwords to give (docs/WEB-AUTH.md).
//!
//! ```text
//! POST {"user": "tim", "password": "…", "protocol": "imap", "remote_ip": "192.0.2.7", …}
//! 200  {"result": "ok", "user": "tim@example.org", "fields": {"host": "192.0.2.9", "port": 143}}
//! ```

use serde_json::{Map, Value, json};

use crate::secret::Secret;
use crate::webauth::auth_http::{Evidence, Login};
use crate::webauth::request::{Content, Request, Response};
use crate::wire::base64;
use crate::wire::url::Url;

/// What the service says.
#[derive(Clone, Debug)]
pub enum Said {
    /// `ok`: the password is right, or the user is there.
    Good(Fields),
    /// `user`: here is the user's stored password, which Hale compares.
    Row(Fields),
    /// `mismatch`
    Mismatch,
    /// `unknown`
    Unknown,
    /// `expired`
    Expired,
    /// `disabled`
    Disabled,
    /// `unavailable`: try again later.
    Unavailable,
    /// This is no such answer.
    Odd(&'static str),
}

/// Passdb fields. Prints names only.
#[derive(Clone, Default)]
pub struct Fields(pub Vec<(Box<str>, Secret)>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The question.
#[must_use]
pub fn ask(url: &Url, login: &Login<'_>, extra: &[(Box<str>, Secret)]) -> Request {
    let mut question = Map::new();
    let mut put = |name: &str, value: Value| question.insert(name.to_owned(), value);
    put("user", login.user.into());
    let password = match login.evidence {
        Evidence::Password(password) => Some(password),
        // The service gives what is stored, and Hale judges.
        Evidence::None | Evidence::Certificate | Evidence::Answer { .. } => None,
    };
    match password.map(|password| (password, str::from_utf8(password.expose()))) {
        None => {}
        Some((_, Ok(text))) => {
            put("password", text.into());
        }
        // Passwords need not be UTF-8, and JSON has nothing else.
        Some((password, Err(_))) => {
            let mut text = Vec::new();
            base64::encode(password.expose(), &mut text);
            put("password_base64", String::from_utf8_lossy(&text).into());
        }
    }
    put("protocol", login.protocol.name().into());
    put("remote_ip", login.client.to_string().into());
    let body = Secret::new(json!(question).to_string().into_bytes());
    let request = Request::post(url.clone(), Content::Json, body);
    extra.iter().fold(request, |request, (name, value)| request.with(name, value.clone()))
}

/// What the answer means.
#[must_use]
pub fn read(answer: &Response) -> Said {
    if !(200..300).contains(&answer.status) {
        return Said::Odd("its status is no success: refusals have status 200 and a `result`");
    }
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&answer.body) else {
        return Said::Odd("it is no JSON object");
    };
    let result = members.get("result").and_then(Value::as_str).unwrap_or_default();
    match result {
        "ok" | "user" => {}
        "mismatch" => return Said::Mismatch,
        "unknown" => return Said::Unknown,
        "expired" => return Said::Expired,
        "disabled" => return Said::Disabled,
        "unavailable" => return Said::Unavailable,
        _ => {
            return Said::Odd(
                "its `result` is none of ok, user, mismatch, unknown, expired, disabled, unavailable",
            );
        }
    }
    let is_row = result == "user";
    let mut fields: Vec<(Box<str>, Secret)> = Vec::new();
    for name in ["user", "password"] {
        match members.remove(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => fields.push((name.into(), Secret::new(text.into_bytes()))),
            Some(_) => return Said::Odd("its `user` or `password` is no text"),
        }
    }
    match members.remove("fields") {
        None | Some(Value::Null) => {}
        Some(Value::Object(more)) => {
            for (name, value) in more {
                match text_of(value) {
                    Some(text) => fields.push((name.into(), text)),
                    None => {
                        return Said::Odd(
                            "one of its `fields` is neither text, number, true nor false",
                        );
                    }
                }
            }
        }
        Some(_) => return Said::Odd("its `fields` are no JSON object"),
    }
    let has_password = fields.iter().any(|(name, _)| &**name == "password");
    match (is_row, has_password) {
        (true, true) => Said::Row(Fields(fields)),
        (true, false) => Said::Odd("its `result` is `user`, and it has no `password`"),
        (false, true) => Said::Odd(
            "its `result` is `ok`, and it has a `password`: `user` is for Hale to compare",
        ),
        (false, false) => Said::Good(Fields(fields)),
    }
}

fn text_of(value: Value) -> Option<Secret> {
    match value {
        Value::String(text) => Some(Secret::new(text.into_bytes())),
        Value::Number(number) => Some(Secret::from(&*number.to_string())),
        Value::Bool(yes) => Some(Secret::from(if yes { "yes" } else { "no" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Approach;
    use crate::names::Protocol;
    use crate::names::mechanism::ChallengeMechanism;

    #[test]
    fn a_question_says_who_wants_in() {
        let url = Url::parse("http://auth.example/").unwrap();
        let of = |evidence: Evidence<'_>| {
            let login = Login {
                user: "tim \"x\"",
                evidence,
                protocol: Protocol::Imap,
                client: "192.0.2.7".parse().unwrap(),
                approach: &Approach::default(),
                is_certificate_passed: false,
            };
            serde_json::from_slice::<Value>(ask(&url, &login, &[]).body.expose()).unwrap()
        };
        let common = |name: &str, value: &str| json!({"user": "tim \"x\"", "protocol": "imap", "remote_ip": "192.0.2.7", name: value});
        assert_eq!(of(Evidence::Password(&Secret::from("p\u{e4}"))), common("password", "p\u{e4}"));
        assert_eq!(
            of(Evidence::Password(&Secret::from(&b"\xff"[..]))),
            common("password_base64", "/w==")
        );
        let secret = Secret::from("x");
        let mechanism = ChallengeMechanism::CramMd5;
        let answer = Evidence::Answer { mechanism, challenge: &secret, answer: &secret };
        for evidence in [Evidence::None, Evidence::Certificate, answer] {
            assert!(of(evidence).get("password").is_none(), "{evidence:?}");
        }
    }

    fn said(text: &str) -> String {
        let said = read(&Response { status: 200, body: text.into(), ..Response::default() });
        match said {
            Said::Odd(_) => "odd".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn answers_become_fields_or_refusals() {
        assert_eq!(said(r#"{"result":"ok"}"#), "Good([])");
        let fields = r#"{"result":"ok","user":"tim","fields":{"host":"192.0.2.9","port":143,"nodelay":true}}"#;
        assert_eq!(said(fields), r#"Good(["user", "host", "nodelay", "port"])"#);
        assert_eq!(said(r#"{"result":"user","password":"{PLAIN}x"}"#), r#"Row(["password"])"#);
        for word in ["Mismatch", "Unknown", "Expired", "Disabled", "Unavailable"] {
            let text = json!({"result": word.to_lowercase()}).to_string();
            assert_eq!(said(&text), word);
        }
        for odd in [
            "",
            "[]",
            "{}",
            r#"{"result":"OK"}"#,
            r#"{"result":true}"#,
            r#"{"result":"user"}"#,
            r#"{"result":"ok","password":"x"}"#,
            r#"{"result":"ok","user":7}"#,
            r#"{"result":"ok","fields":[]}"#,
            r#"{"result":"ok","fields":{"host":null}}"#,
        ] {
            assert_eq!(said(odd), "odd", "{odd}");
        }
        let failed =
            Response { status: 500, body: br#"{"result":"ok"}"#.to_vec(), ..Response::default() };
        assert!(matches!(read(&failed), Said::Odd(_)));
    }
}
