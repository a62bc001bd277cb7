//! A provider of tokens, asked about one: token information, introspection (RFC 7662), and the password grant (RFC 6749 4.3).
//!
//! Decides how each is asked, in Dovecot's forms, and what statuses mean: a 401 about the client's token is a bad token, a 401
//! to our own name and secret is a fault of the operator's.

use serde_json::Value;

use crate::secret::Secret;
use crate::webauth::claims::Claims;
use crate::webauth::request::{Content, Request, Response};
use crate::wire::base64;
use crate::wire::url::{Url, percent_encode};

/// How a provider is asked.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    /// `oauth2_tokeninfo_url`.
    pub tokeninfo: Option<Url>,
    /// `oauth2_introspection_url`, or what discovery has found.
    pub introspection: Option<Url>,
    /// `oauth2_introspection_mode`.
    pub mode: Mode,
    /// `oauth2_grant_url`.
    pub grant: Option<Url>,
    /// `oauth2_client_id`.
    pub client_id: Box<str>,
    /// `oauth2_client_secret`.
    pub client_secret: Secret,
    /// `oauth2_client_auth`: how the provider learns both.
    pub client_auth: ClientAuth,
    /// `oauth2_scope`, asked for with the password grant.
    pub scopes: Vec<Box<str>>,
}

/// How introspection is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The token in `Authorization: Bearer`.
    #[default]
    Auth,
    /// The token behind the address.
    Get,
    /// The token in a form.
    Post,
    /// Not at all: the token is verified here.
    Local,
}

/// How a client of a provider says who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the form or behind the address, as Dovecot does.
    #[default]
    Form,
    /// `Authorization: Basic` (RFC 6749 2.3.1).
    Basic,
}

/// Which question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Token information.
    Tokeninfo,
    /// Introspection.
    Introspection,
    /// The password grant.
    Grant,
}

/// What an answer means before its claims are judged.
#[derive(Clone, Debug)]
pub enum Said {
    /// What the provider knows.
    Claims(Claims),
    /// The token, or the password, is no good.
    Refused,
    /// The answer is of no use.
    Trouble(&'static str),
}

impl Provider {
    /// Asks what the token is.
    #[must_use]
    pub fn ask_tokeninfo(&self, token: &Secret) -> Option<Request> {
        Some(self.identified(Request::get(behind(self.tokeninfo.as_ref()?, token, &[]))))
    }

    /// Asks whether the token is good.
    #[must_use]
    pub fn ask_introspection(&self, token: &Secret) -> Option<Request> {
        let url = self.introspection.as_ref()?;
        Some(match self.mode {
            Mode::Auth => Request::get(url.clone())
                .with("authorization", Secret::new([b"Bearer ", token.expose()].concat())),
            Mode::Get => {
                let client = match self.is_basic() {
                    true => Vec::new(),
                    false => self.client_in_form(),
                };
                self.identified(Request::get(behind(url, token, &client)))
            }
            Mode::Post | Mode::Local => {
                let mut form = vec![("token", token.clone())];
                if !self.is_basic() {
                    form.extend(self.client_in_form());
                }
                self.identified(Request::post(url.clone(), Content::Form, form_of(&form)))
            }
        })
    }

    /// Asks for a token in exchange for a password.
    #[must_use]
    pub fn ask_grant(&self, user: &str, password: &Secret) -> Option<Request> {
        let url = self.grant.as_ref()?;
        let mut form = vec![
            ("grant_type", Secret::from("password")),
            ("username", Secret::from(user)),
            ("password", password.clone()),
        ];
        if !self.is_basic() {
            form.extend(self.client_in_form());
        }
        if !self.scopes.is_empty() {
            form.push(("scope", Secret::from(&*self.scopes.join(" "))));
        }
        Some(self.identified(Request::post(url.clone(), Content::Form, form_of(&form))))
    }

    /// What an answer means.
    #[must_use]
    pub fn read(&self, asked: Asked, answer: &Response) -> Said {
        let knows_us = self.mode != Mode::Auth && !self.client_id.is_empty();
        match (answer.status, asked) {
            (200..=299, _) => match Claims::parse(&answer.body) {
                Some(claims) => Said::Claims(claims),
                None => {
                    Said::Trouble("the provider's answer is no JSON object with something in it")
                }
            },
            (400, Asked::Grant) if error_of(&answer.body).as_deref() == Some("invalid_grant") => {
                Said::Refused
            }
            (400 | 401, Asked::Grant) => Said::Trouble(
                "the provider refuses the password grant itself: look at oauth2_client_id, oauth2_client_secret and \
                 oauth2_client_auth, and whether it allows this grant",
            ),
            // Google's way to say that a token is bad.
            (400 | 401, Asked::Tokeninfo) => Said::Refused,
            (401 | 403, Asked::Introspection) if !knows_us && self.mode != Mode::Post => {
                Said::Refused
            }
            (401 | 403, _) => Said::Trouble(
                "the provider does not accept Hale as a client: look at oauth2_client_id, oauth2_client_secret and \
                 oauth2_client_auth",
            ),
            (400, Asked::Introspection) => Said::Trouble(
                "the provider cannot introspect such a token: if its tokens are JWTs, use oauth2_introspection_mode = local",
            ),
            (300..=399, _) => Said::Trouble(
                "the provider redirects, which is not followed: name the address that it redirects to",
            ),
            (404 | 405 | 410, _) => Said::Trouble(
                "there is nothing of this kind at the address: look at the URL and oauth2_introspection_mode",
            ),
            _ => Said::Trouble("the provider answered with an error"),
        }
    }

    fn is_basic(&self) -> bool {
        self.client_auth == ClientAuth::Basic
    }

    fn client_in_form(&self) -> Vec<(&'static str, Secret)> {
        vec![
            ("client_id", Secret::from(&*self.client_id)),
            ("client_secret", self.client_secret.clone()),
        ]
    }

    fn identified(&self, request: Request) -> Request {
        match self.is_basic() {
            // Both are encoded as in a form first (RFC 6749 2.3.1).
            true => {
                let (id, secret) = (self.client_id.as_bytes(), self.client_secret.expose());
                with_basic(request, &encoded(id), &encoded(secret))
            }
            false => request,
        }
    }
}

/// Adds `Authorization: Basic` (RFC 7617).
#[must_use]
pub fn with_basic(request: Request, user: &Secret, password: &Secret) -> Request {
    let pair = Secret::new([user.expose(), b":", password.expose()].concat());
    let mut value = b"Basic ".to_vec();
    base64::encode(pair.expose(), &mut value);
    request.with("authorization", Secret::new(value))
}

/// `error` of a refusal (RFC 6749 5.2).
fn error_of(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer.get("error")?.as_str().map(str::to_owned)
}

fn encoded(bytes: &[u8]) -> Secret {
    let mut out = Vec::with_capacity(bytes.len() * 3);
    percent_encode(bytes, &mut out);
    Secret::new(out)
}

fn form_of(pairs: &[(&'static str, Secret)]) -> Secret {
    // Room for all of it, so that no copy of a secret is left behind by growing.
    let room = pairs.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut form = Vec::with_capacity(room);
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push(b'&');
        }
        form.extend_from_slice(name.as_bytes());
        form.push(b'=');
        percent_encode(value.expose(), &mut form);
    }
    Secret::new(form)
}

/// The token right behind the address, as `…?token=` wants it, and more parameters behind that.
fn behind(url: &Url, token: &Secret, more: &[(&'static str, Secret)]) -> Url {
    let mut target = url.target.to_string();
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    target.push_str(&text(&encoded(token.expose())));
    if !more.is_empty() {
        target.push('&');
        target.push_str(&text(&form_of(more)));
    }
    url.with_target(&target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(mode: Mode) -> Provider {
        Provider {
            tokeninfo: Url::parse("http://idp.example/info?token=").ok(),
            introspection: Url::parse("http://idp.example/check").ok(),
            grant: Url::parse("http://idp.example/token").ok(),
            mode,
            client_id: "hale".into(),
            client_secret: Secret::from("s e&c%ret"),
            ..Provider::default()
        }
    }

    fn body(request: &Request) -> &str {
        str::from_utf8(request.body.expose()).unwrap()
    }

    fn field<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
        let found = request.fields.iter().find(|(own, _)| **own == *name);
        found.map(|(_, value)| str::from_utf8(value.expose()).unwrap())
    }

    #[test]
    fn questions_are_asked_as_dovecot_asks_them() {
        let token = Secret::from("to+ken");
        let auth = provider(Mode::Auth).ask_introspection(&token).unwrap();
        assert_eq!(field(&auth, "authorization"), Some("Bearer to+ken"));
        assert_eq!((&*auth.url.target, body(&auth)), ("/check", ""));
        let mut get = provider(Mode::Get);
        get.introspection = Url::parse("http://idp.example/check?token=").ok();
        let get = get.ask_introspection(&token).unwrap();
        let expected = "/check?token=to%2Bken&client_id=hale&client_secret=s%20e%26c%25ret";
        assert_eq!(&*get.url.target, expected);
        let post = provider(Mode::Post).ask_introspection(&token).unwrap();
        assert_eq!(post.method, crate::webauth::request::Method::Post(Content::Form));
        assert_eq!(body(&post), "token=to%2Bken&client_id=hale&client_secret=s%20e%26c%25ret");
        let info = provider(Mode::Auth).ask_tokeninfo(&token).unwrap();
        assert_eq!(&*info.url.target, "/info?token=to%2Bken");
        let mut grant = provider(Mode::Auth);
        grant.scopes = vec!["imap".into(), "openid".into()];
        let grant = grant.ask_grant("tim@example.org", &Secret::from("p&w")).unwrap();
        let expected = "grant_type=password&username=tim%40example.org&password=p%26w&client_id=hale&\
                        client_secret=s%20e%26c%25ret&scope=imap%20openid";
        assert_eq!(body(&grant), expected);
    }

    #[test]
    fn basic_is_on_offer_and_keeps_the_secret_out_of_the_form() {
        let basic = Provider { client_auth: ClientAuth::Basic, ..provider(Mode::Post) };
        let token = Secret::from("t");
        let post = basic.ask_introspection(&token).unwrap();
        assert_eq!(body(&post), "token=t");
        // hale:s%20e%26c%25ret
        assert_eq!(field(&post, "authorization"), Some("Basic aGFsZTpzJTIwZSUyNmMlMjVyZXQ="));
        let grant = basic.ask_grant("u", &Secret::from("p")).unwrap();
        assert_eq!(body(&grant), "grant_type=password&username=u&password=p");
        assert!(field(&grant, "authorization").is_some());
    }

    fn said(mode: Mode, asked: Asked, status: u16, body: &str) -> &'static str {
        let answer = Response { status, body: body.into(), ..Response::default() };
        match provider(mode).read(asked, &answer) {
            Said::Claims(_) => "claims",
            Said::Refused => "refused",
            Said::Trouble(_) => "trouble",
        }
    }

    #[test]
    fn sa_08_statuses_say_whose_fault_it_is() {
        let introspected =
            |mode, status, body: &str| said(mode, Asked::Introspection, status, body);
        for mode in [Mode::Auth, Mode::Get, Mode::Post] {
            assert_eq!(introspected(mode, 200, r#"{"active":true}"#), "claims");
            for (status, body) in [
                (200, "{}"),
                (200, "<html>"),
                (204, ""),
                (302, ""),
                (404, ""),
                (500, "{\"a\":1}"),
                (429, ""),
            ] {
                assert_eq!(introspected(mode, status, body), "trouble", "{status} {body}");
            }
        }
        assert_eq!(introspected(Mode::Auth, 401, ""), "refused", "the user's token");
        assert_eq!(introspected(Mode::Auth, 403, ""), "refused");
        assert_eq!(introspected(Mode::Post, 401, ""), "trouble", "our own credentials");
        assert_eq!(introspected(Mode::Get, 403, ""), "trouble", "our own credentials");
        assert_eq!(
            introspected(Mode::Post, 400, r#"{"error":"unsupported_token_type"}"#),
            "trouble"
        );
        assert_eq!(
            said(Mode::Auth, Asked::Tokeninfo, 400, r#"{"error":"invalid_token"}"#),
            "refused"
        );
        let granted = |status, body: &str| said(Mode::Auth, Asked::Grant, status, body);
        assert_eq!(granted(200, r#"{"access_token":"x"}"#), "claims");
        assert_eq!(granted(400, r#"{"error":"invalid_grant"}"#), "refused");
        assert_eq!(granted(400, r#"{"error":"unauthorized_client"}"#), "trouble");
        assert_eq!(granted(401, r#"{"error":"invalid_client"}"#), "trouble");
    }
}
