//! The driver `imap`: a user's password is good if another server lets the user in with it.
//!
//! Duty: one login for a question, on a connection of its own, by the dialogue that backends are logged in to with; nothing of
//! the client is told there. A server that refuses the password decides; one that has no time, or refuses for another reason, does
//! not. Non-duty: what the dialogue says (`backend`), the connection (`dial`). Tests: below, and end to end.

use std::sync::Arc;

use super::driver::Fault;
use crate::auth::inquiry::{Inquiry, RemoteTrouble, Reply, Row, Wants};
use crate::auth::passdb::Cause;
use crate::backend::{Dialogue, Login, Step};
use crate::config::model::{self, ImapcSsl};
use crate::control::dial::{Broken, Line};
use crate::control::resolver::Resolver;
use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::fault::Failure;
use crate::limits;
use crate::names::{Protocol, SessionId};
use crate::secret::Secret;
use crate::share::snapshot::Published;
use crate::template::Template;
use crate::tls::{Backends, Context};
use crate::wire::inbox::Inbox;

/// The server, and as whom users log in there.
#[derive(Debug)]
pub(super) struct Imapc {
    settings: model::Imapc,
    tls: Published<Context>,
    resolver: Resolver,
}

/// Stands for a connection that is made when it is known where: a login takes one of its own.
#[derive(Debug, Default)]
pub(super) struct Connection {
    is_used: bool,
}

impl Imapc {
    pub(super) fn new(settings: &model::Imapc, tls: &Published<Context>) -> Self {
        Self { settings: settings.clone(), tls: tls.clone(), resolver: Resolver::default() }
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        vec![&self.settings.host, &self.settings.user]
    }

    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    pub(super) fn remedy(&self) -> &'static str {
        "look whether the server of imapc_host runs and can be reached from here, and for TLS whether its certificate is of an authority \
         in ssl_client_ca_file and for its name"
    }

    pub(super) async fn ask(
        &self,
        connection: &mut Connection,
        inquiry: &Inquiry,
    ) -> Result<Reply, Fault> {
        connection.is_used = true;
        let Wants::Verdict(password) = &inquiry.wants else {
            return Ok(Reply::Trouble(RemoteTrouble::NoLookUps.into()));
        };
        let values = inquiry.values();
        let (Ok(host), Ok(user)) =
            (values.expand(&self.settings.host), values.expand(&self.settings.user))
        else {
            return Ok(Reply::Trouble(Cause::Template(crate::template::Unexpandable)));
        };
        let login = Login {
            user: user.into(),
            password: password.clone(),
            starttls: self.settings.ssl == ImapcSsl::StartTls,
            ..Login::default()
        };
        let mut line = self.dial(&host).await?;
        self.converse(&mut line, &host, login).await
    }

    /// Whether the server greets, if it is the same for all users.
    pub(super) async fn try_out(&self) -> Result<(), Fault> {
        if self.settings.host.variables().next().is_some() {
            return Ok(());
        }
        let host = self.settings.host.expand(&|_| None).unwrap_or_default();
        let mut line = self.dial(&host).await?;
        match line.read().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::Lost("it closed the connection at once".to_owned())),
            Err(broken) => Err(lost(broken)),
        }
    }

    async fn dial(&self, host: &str) -> Result<Line, Fault> {
        let mut why = format!("{host} has no address");
        for address in self.resolver.resolve(host).await {
            let peer = (address, self.settings.port).into();
            match Line::open(peer, &[]).await {
                Ok(mut line) => {
                    if self.settings.ssl == ImapcSsl::Imaps {
                        self.secure(&mut line, host).await?;
                    }
                    return Ok(line);
                }
                Err(error) => why = format!("{peer}: {error}"),
            }
        }
        Err(Fault::Connect(why))
    }

    async fn secure(&self, line: &mut Line, host: &str) -> Result<(), Fault> {
        let backends = Backends::new(&self.tls.load().trust);
        let secured = line.secure(&backends, host, !self.settings.verifies).await;
        secured.map(drop).map_err(|broken| match lost(broken) {
            Fault::Lost(text) => Fault::Connect(text),
            other => other,
        })
    }

    async fn converse(&self, line: &mut Line, host: &str, login: Login) -> Result<Reply, Fault> {
        let facts = facts(line)?;
        let mut dialogue = Dialogue::new(Protocol::Imap, login);
        let mut inbox = Inbox::new(limits::BACKEND_INPUT_BYTES_MAX);
        let (mut to_server, mut untagged) = (Vec::new(), Vec::new());
        let mut step = Step::More;
        loop {
            if !to_server.is_empty() {
                let words = Secret::new(std::mem::take(&mut to_server));
                line.send_secret(words).await.map_err(lost)?;
            }
            match step {
                Step::More => {}
                Step::StartTls => {
                    self.secure(line, host).await?;
                    step = dialogue.secured(&facts, &mut to_server);
                    continue;
                }
                Step::Ready(_) => {
                    // The reply does not wait for the goodbye.
                    let _ = line.send(b"Q LOGOUT\r\n").await;
                    return Ok(Reply::Verified(Arc::new(Row::default())));
                }
                Step::Failed(failure, _) => return judged(failure, dialogue.last_line()),
                // Only exchanges that a client leads are asked anything.
                Step::Challenge(_) | Step::Derive(_) => {
                    let text = "it asks for more than user and password".to_owned();
                    return Err(Fault::Answer(RemoteTrouble::Error, text));
                }
                Step::Redirect(_) => {
                    let text = "it refers the user to another server; name that one by imapc_host";
                    return Err(Fault::Answer(RemoteTrouble::Error, text.to_owned()));
                }
            }
            step = match line.read().await {
                Err(broken) => return Err(lost(broken)),
                Ok(false) => dialogue.eof(),
                Ok(true) => {
                    let taken = inbox.append(&line.received);
                    line.received.drain(..taken);
                    untagged.clear();
                    dialogue.read(&facts, &mut inbox, &mut to_server, &mut untagged)
                }
            };
        }
    }
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.is_used
    }
}

/// What a failed login says about the password.
fn judged(failure: Failure, said: &str) -> Result<Reply, Fault> {
    match failure {
        Failure::Credentials | Failure::NotAuthorized => Ok(Reply::Mismatch),
        Failure::Expired => Ok(Reply::Expired),
        Failure::Disabled => Ok(Reply::Disabled),
        Failure::Connect | Failure::Remote | Failure::Protocol => {
            Err(Fault::Lost(format!("the login came to nothing (it says: {said})")))
        }
        _ => {
            let text = format!(
                "the login was refused for another reason than the password (it says: {said})"
            );
            Err(Fault::Answer(RemoteTrouble::Error, text))
        }
    }
}

fn lost(broken: Broken) -> Fault {
    Fault::Lost(match broken {
        Broken::Lost(error) => format!("the connection broke: {error}"),
        Broken::ClosedInHandshake => "closed in the TLS handshake".to_owned(),
        Broken::Insecure(fault) => format!("no TLS: {}", fault.detail()),
    })
}

/// Hale comes for itself, and the server is told nothing of this.
fn facts(line: &Line) -> Result<ClientFacts, Fault> {
    let local = line.local().map_err(|error| Fault::Lost(error.to_string()))?;
    Ok(ClientFacts {
        socket: local,
        origin: local,
        apparent: local,
        local,
        local_name: None,
        session_id: SessionId::from_bytes([0; 16]),
        ttl: limits::PROXY_TTL,
        transport: Transport::Insecure,
        certificate: ClientCertificate::NONE,
        trusted: false,
        forward: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_password_is_a_mismatch() {
        for failure in Failure::ALL {
            let judged = judged(failure, "NO");
            let is_refusal =
                matches!(judged, Ok(Reply::Mismatch | Reply::Expired | Reply::Disabled));
            let expected = matches!(
                failure,
                Failure::Credentials
                    | Failure::NotAuthorized
                    | Failure::Expired
                    | Failure::Disabled
            );
            assert_eq!(is_refusal, expected, "{failure:?}");
            assert_eq!(judged.is_err(), !expected, "{failure:?}");
        }
    }
}
