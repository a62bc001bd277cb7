//! The driver `http`: a service judges logins, in nginx's words or in Hale's own JSON.
//!
//! What is asked and what an answer means stands in `webauth::auth_http` and `webauth::json_http`; connections are the client's. Tests:
//! `tests/appliance/e2e/http_auth.rs`.

use std::sync::Arc;

use super::driver::Fault;
use super::web;
use crate::auth::ask::Proof;
use crate::auth::fields::DelayUntil;
use crate::auth::inquiry::{Challenged, Gives, Inquiry, RemoteTrouble, Reply, Row, Wants};
use crate::config::model::{HttpAuth as Settings, HttpAuthForm};
use crate::control::http_client::HttpClient;
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_seconds;
use crate::limits;
use crate::secret::Secret;
use crate::webauth::auth_http::{self, Evidence, Login};
use crate::webauth::json_http;

/// A service.
#[derive(Debug)]
pub(super) struct HttpAuth {
    settings: Settings,
    client: HttpClient,
}

impl HttpAuth {
    /// # Errors
    /// The file of authorities can't be used.
    pub(super) fn new(settings: &Settings, resolver: &Resolver) -> Result<Self, String> {
        let client = web::client(&settings.authorities, resolver)?;
        Ok(Self { settings: settings.clone(), client })
    }

    pub(super) fn gives(&self) -> Gives {
        match self.settings.form {
            HttpAuthForm::Nginx => Gives::Answers,
            HttpAuthForm::Json => Gives::Both,
        }
    }

    pub(super) fn server(&self) -> String {
        self.settings.url.to_string()
    }

    pub(super) async fn reach(&self) -> Result<(), Fault> {
        self.client.reach(&self.settings.url).await.map_err(|fault| web::fault(&fault))
    }

    pub(super) async fn try_out(&self) -> Result<(), Fault> {
        self.client.try_out(&self.settings.url).await.map_err(|fault| web::fault(&fault))
    }

    pub(super) async fn ask(&self, inquiry: &Inquiry) -> Result<Reply, Fault> {
        let evidence = match &inquiry.wants {
            Wants::Verdict(password) => Evidence::Password(password),
            Wants::Answer(mechanism, Challenged { challenge, answer }) => {
                Evidence::Answer { mechanism: *mechanism, challenge, answer }
            }
            Wants::Row(_) if inquiry.proof == Proof::Certificate => Evidence::Certificate,
            Wants::Row(_) | Wants::Token(_) => Evidence::None,
        };
        let is_verdict = matches!(inquiry.wants, Wants::Verdict(_) | Wants::Answer(..));
        let login = Login {
            user: &inquiry.user,
            evidence,
            protocol: inquiry.protocol,
            client: inquiry.remote,
            approach: &inquiry.approach,
            is_certificate_passed: self.settings.passes_certificate,
        };
        let extra: Vec<(Box<str>, Secret)> = self.settings.header.iter().cloned().collect();
        let url = &self.settings.url;
        match self.settings.form {
            HttpAuthForm::Nginx => {
                let request = auth_http::ask(url, &login, &extra);
                let answer = self.client.ask(&request).await.map_err(|it| web::fault(&it))?;
                nginx(auth_http::read(&answer), is_verdict)
            }
            HttpAuthForm::Json => {
                let request = json_http::ask(url, &login, &extra);
                let answer = self.client.ask(&request).await.map_err(|it| web::fault(&it))?;
                json(json_http::read(&answer), is_verdict)
            }
        }
    }
}

/// A password or an answer was judged, or the user was looked up.
fn good(row: Row, is_verdict: bool) -> Reply {
    let row = Arc::new(row);
    if is_verdict { Reply::Verified(row) } else { Reply::Row(row) }
}

fn nginx(said: auth_http::Said, is_verdict: bool) -> Result<Reply, Fault> {
    match said {
        auth_http::Said::Good(found) => {
            let mut row = Row::default();
            if let Some(user) = &found.user {
                row.put("user", user);
            }
            if let Some(host) = &found.host {
                row.put("host", host);
            }
            if let Some(port) = found.port {
                row.put("port", &port.to_string());
            }
            if let Some(auth_http::Password(password)) = found.password {
                row.fields.push(("pass".into(), password));
            }
            Ok(good(row, is_verdict))
        }
        // Its words are for people; without a password to compare it does not know the user.
        auth_http::Said::RefusedLater(seconds) if is_verdict => {
            Ok(Reply::MismatchHeld(later(seconds)))
        }
        auth_http::Said::Refused(_) if is_verdict => Ok(Reply::Mismatch),
        auth_http::Said::Refused(_) | auth_http::Said::RefusedLater(_) => Ok(Reply::Unknown),
        auth_http::Said::Unavailable(text) => {
            let text = format!("it refuses a login for now: {text}");
            Err(Fault::Answer(RemoteTrouble::Error, text))
        }
        auth_http::Said::Odd(text) => Err(Fault::Answer(RemoteTrouble::Form, text.to_owned())),
    }
}

/// So many seconds from now.
fn later(seconds: u32) -> DelayUntil {
    let now = u64::try_from(unix_seconds()).unwrap_or(0);
    let most = limits::DELAY_UNTIL_MAX.as_secs();
    DelayUntil { unix_s: now.saturating_add(u64::from(seconds).min(most)), random_s_max: 0 }
}

fn json(said: json_http::Said, is_verdict: bool) -> Result<Reply, Fault> {
    let row = |json_http::Fields(fields): json_http::Fields| {
        let mut row = Row::default();
        for (name, value) in fields {
            match &*name {
                "password" => row.password = Some(value),
                _ => row.fields.push((name, value)),
            }
        }
        row
    };
    Ok(match said {
        json_http::Said::Good(fields) => good(row(fields), is_verdict),
        json_http::Said::Row(fields) => Reply::Row(Arc::new(row(fields))),
        json_http::Said::Mismatch => Reply::Mismatch,
        json_http::Said::Unknown => Reply::Unknown,
        json_http::Said::Expired => Reply::Expired,
        json_http::Said::Disabled => Reply::Disabled,
        json_http::Said::Unavailable => {
            let text = "its `result` is `unavailable`".to_owned();
            return Err(Fault::Answer(RemoteTrouble::Error, text));
        }
        json_http::Said::Odd(text) => {
            return Err(Fault::Answer(RemoteTrouble::Form, text.to_owned()));
        }
    })
}
