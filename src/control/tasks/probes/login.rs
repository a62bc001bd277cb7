//! One probe: a login of the test user, as those of users are made (W-PRB-1 to W-PRB-4).
//!
//! Decides: what is said of each way in which it can fail. Does not: choose when, or what follows. The dialogues are
//! [`backend`](crate::backend)'s, the connection [`Line`]'s. Tests: `tests/appliance/e2e/probes.rs`, and below.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::backend::{Dialogue, Login, Step};
use crate::config::model::{ProtocolSettings, ProxySsl};
use crate::control::dial::{Broken, Line};
use crate::event::cleaned;
use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::fault::Failure;
use crate::health::Finding;
use crate::limits;
use crate::names::{Protocol, SessionId};
use crate::ring::{clock, socket};
use crate::secret::Secret;
use crate::tls::Backends;
use crate::wire::inbox::Inbox;

/// How backends are logged in to by one protocol.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) protocol: Protocol,
    pub(super) settings: ProtocolSettings,
    /// What we call ourselves where a name is asked for.
    pub(super) own_name: Box<str>,
    pub(super) password: Secret,
    /// `login_source_ips`.
    pub(super) sources: Box<[IpAddr]>,
}

/// Whom and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Arc<str>,
    /// None: the name does not resolve.
    pub(super) address: Option<IpAddr>,
    pub(super) user: Box<str>,
}

/// What a probe has found.
#[derive(Debug)]
pub(super) struct Found {
    /// None: a resource of ours was missing, and nothing was found.
    pub(super) finding: Option<Finding>,
    /// Why it is not well: the backend's words, or ours, fit for the log and the row.
    pub(super) words: Box<str>,
    pub(super) took: Duration,
}

/// Why it is not well.
#[derive(Debug)]
struct Trouble {
    finding: Option<Finding>,
    words: String,
}

/// Logs in once, within the time of a probe.
pub(super) async fn log_in(
    way: Rc<Way>,
    target: Target,
    tls: Rc<Backends>,
    id: SessionId,
) -> Found {
    let began = clock::now();
    let stage = Cell::new("connect");
    let attempt = timeout(limits::PROBE_TIMEOUT, way.attempt(&target, &tls, id, &stage)).await;
    let took = clock::now().since(began);
    let (finding, words) = match attempt {
        Ok(Ok(line)) => {
            spawn_local(say_goodbye(line, way.protocol));
            (Some(Finding::Well), String::new())
        }
        Ok(Err(Trouble { finding, words })) => (finding, words),
        Err(_) => {
            let seconds = limits::PROBE_TIMEOUT.as_secs();
            (Some(Finding::Silent), format!("no login within {seconds} s (at {})", stage.get()))
        }
    };
    // A peer's words might be ours.
    let words = match way.is_told_by(words.as_bytes()) {
        true => "a reply with the password in it".into(),
        false => cleaned(words.as_bytes(), limits::LOGGED_LINE_BYTES_MAX),
    };
    Found { finding, words, took }
}

impl Way {
    async fn attempt(
        &self,
        target: &Target,
        tls: &Backends,
        id: SessionId,
        stage: &Cell<&'static str>,
    ) -> Result<Line, Trouble> {
        let Some(address) = target.address else {
            let words = "its name has no address; write it into cluster_hosts_file or the DNS";
            return Err(Trouble { finding: Some(Finding::Unwell), words: words.to_owned() });
        };
        let peer = SocketAddr::new(address, self.settings.proxy_port);
        let unmade = |error: std::io::Error| Trouble {
            finding: (!socket::is_shortage(&error)).then_some(Finding::Gone),
            words: format!("{peer}: {error}"),
        };
        let mut line = Line::open(peer, &self.sources).await.map_err(unmade)?;
        stage.set("greeting");
        line.announce(&self.settings, peer).await.map_err(unmade)?;
        let facts = self.facts(line.local().map_err(unmade)?, peer, id);
        if self.settings.proxy_ssl == ProxySsl::Yes {
            stage.set("tls");
            self.secure(&mut line, target, tls).await?;
        }
        self.converse(line, target, tls, &facts, stage).await
    }

    async fn secure(
        &self,
        line: &mut Line,
        target: &Target,
        tls: &Backends,
    ) -> Result<(), Trouble> {
        let any_certificate = !self.settings.verify_backends;
        let secured = line.secure(tls, &target.host, any_certificate).await;
        secured.map(drop).map_err(|broken| of_broken(broken, false))
    }

    /// Goes through the dialogue to its end.
    async fn converse(
        &self,
        mut line: Line,
        target: &Target,
        tls: &Backends,
        facts: &ClientFacts,
        stage: &Cell<&'static str>,
    ) -> Result<Line, Trouble> {
        let mut dialogue = Dialogue::new(self.protocol, self.login(target));
        let mut inbox = Inbox::new(limits::BACKEND_INPUT_BYTES_MAX);
        let (mut to_backend, mut to_client) = (Vec::new(), Vec::new());
        let (mut is_mute, mut step) = (true, Step::More);
        loop {
            if !to_backend.is_empty() {
                let words = Secret::new(std::mem::take(&mut to_backend));
                line.send_secret(words).await.map_err(|broken| of_broken(broken, is_mute))?;
            }
            match step {
                Step::More => {}
                Step::StartTls => {
                    self.secure(&mut line, target, tls).await?;
                    step = dialogue.secured(facts, &mut to_backend);
                    continue;
                }
                Step::Ready(_) => return Ok(line),
                Step::Failed(failure, _) => {
                    let finding = Some(Finding::of(failure, is_mute));
                    return Err(Trouble { finding, words: dialogue.last_line().to_owned() });
                }
                Step::Redirect(referral) => {
                    let finding = Some(Finding::of(Failure::Referred, false));
                    let words = format!("it sends the test user on to {:?}", referral.host);
                    return Err(Trouble { finding, words });
                }
            }
            stage.set(dialogue.stage());
            let patience = dialogue.patience().unwrap_or(limits::PROBE_TIMEOUT);
            step = match timeout(patience, line.read()).await {
                Err(_) => {
                    dialogue.silent(&mut to_backend);
                    Step::More
                }
                Ok(Err(broken)) => return Err(of_broken(broken, is_mute)),
                Ok(Ok(false)) => dialogue.eof(),
                Ok(Ok(true)) => {
                    is_mute = false;
                    let taken = inbox.append(&line.received);
                    line.received.drain(..taken);
                    to_client.clear();
                    dialogue.read(facts, &mut inbox, &mut to_backend, &mut to_client)
                }
            };
        }
    }

    fn login(&self, target: &Target) -> Login {
        Login {
            user: target.user.clone(),
            password: self.password.clone(),
            starttls: self.settings.proxy_ssl == ProxySsl::StartTls,
            send_facts: true,
            xclient_inherit_ok: self.settings.xclient_inherit_ok,
            own_name: self.own_name.clone(),
            ..Login::default()
        }
    }

    /// We come for ourselves.
    fn facts(&self, local: SocketAddr, peer: SocketAddr, session_id: SessionId) -> ClientFacts {
        ClientFacts {
            socket: local,
            origin: local,
            apparent: local,
            local: peer,
            local_name: None,
            session_id,
            ttl: limits::PROXY_TTL,
            transport: match self.settings.proxy_ssl {
                ProxySsl::No => Transport::Insecure,
                ProxySsl::StartTls | ProxySsl::Yes => Transport::Tls,
            },
            certificate: ClientCertificate::NONE,
            trusted: false,
            forward: Vec::new(),
        }
    }

    fn is_told_by(&self, words: &[u8]) -> bool {
        let password = self.password.expose();
        !password.is_empty() && words.windows(password.len()).any(|part| part == password)
    }
}

fn of_broken(broken: Broken, is_mute: bool) -> Trouble {
    let (finding, words) = match broken {
        Broken::Lost(error) if is_mute => (Finding::Gone, format!("the connection broke: {error}")),
        Broken::Lost(error) => (Finding::Unwell, format!("the connection broke: {error}")),
        Broken::ClosedInHandshake => (Finding::Unwell, "closed in the TLS handshake".to_owned()),
        Broken::Insecure(fault) => (Finding::Unwell, format!("no TLS: {}", fault.detail())),
    };
    Trouble { finding: Some(finding), words }
}

/// The dialogue is ended as its protocol has it, so that the backend's log is not full of lost connections (W-PRB-2).
async fn say_goodbye(mut line: Line, protocol: Protocol) {
    let words: &[u8] = match protocol {
        Protocol::Imap => b"Q LOGOUT\r\n",
        Protocol::Sieve => b"LOGOUT\r\n",
        Protocol::Pop3 | Protocol::Submission | Protocol::Lmtp => b"QUIT\r\n",
    };
    let saying = async {
        line.send(words).await?;
        while line.read().await? {
            line.received.clear();
        }
        line.close().await;
        Ok::<(), Broken>(())
    };
    // Whatever becomes of it: the login has succeeded.
    let _ = timeout(limits::PROBE_GOODBYE_TIMEOUT, saying).await;
}
