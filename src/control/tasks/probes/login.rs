//! One probe: a login of the test user, as those of users are made (W-PRB-1 to W-PRB-4).
//!
//! Decides: what is said of each way in which it can fail. Does not: choose when, or what follows. The dialogues are
//! [`backend`](crate::backend)'s, the connection [`Line`]'s. Tests: `tests/appliance/e2e/probes.rs`, and below.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

use crate::auth::scram::{self, Algorithm};
use crate::auth::verdict::BackendMech;
use crate::backend::{Dialogue, Login, Proof, Step};
use crate::config::model::{ProtocolSettings, ProxySsl};
use crate::control::dial::{Broken, Line};
use crate::event::cleaned;
use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::fault::Failure;
use crate::health::Finding;
use crate::limits;
use crate::names::mechanism::Mechanism;
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
    /// `cluster_backend_test_mech`.
    pub(super) mech: Option<Mechanism>,
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
                Step::Derive(derivation) => {
                    let Ok(derived) = spawn_blocking(move || derivation.run()).await else {
                        let words = "no thread has computed the proof of the password".to_owned();
                        return Err(Trouble { finding: None, words });
                    };
                    step = dialogue.derived(&derived, &mut to_backend);
                    continue;
                }
                // A test user has a password, and no client to ask.
                Step::Challenge(_) => {
                    let finding = Some(Finding::of(Failure::Protocol, false));
                    let words = "it asks for more than the password".to_owned();
                    return Err(Trouble { finding, words });
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
            proof: self.proof(),
            mech: match self.mech {
                Some(Mechanism::Plain) => BackendMech::Plain,
                Some(Mechanism::Login) => BackendMech::Login,
                _ => BackendMech::Auto,
            },
            nonce: nonce(),
            starttls: self.settings.proxy_ssl == ProxySsl::StartTls,
            send_facts: true,
            xclient_inherit_ok: self.settings.xclient_inherit_ok,
            own_name: self.own_name.clone(),
            ..Login::default()
        }
    }

    fn proof(&self) -> Proof {
        match self.mech {
            Some(mechanism) if Algorithm::of(mechanism).is_some() => Proof::Scram(mechanism),
            Some(Mechanism::External) => Proof::Certificate,
            _ => Proof::Password,
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

/// For SCRAM. Without randomness it is empty, and no exchange begins.
fn nonce() -> Box<str> {
    let mut bytes = [0; 32];
    match getrandom::fill(&mut bytes) {
        Ok(()) => scram::nonce(&Secret::new(bytes.to_vec()), b"probe").into(),
        Err(_) => Box::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;

    use tokio::task::JoinSet;

    use super::*;
    use crate::share::exchange::Exchange;

    /// Sockets of this network that are connected to a port and that a process still has.
    fn connected_to(port: u16) -> usize {
        let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
        let remote = format!(":{port:04X}");
        // Number, local, remote, state, queues, timer, retransmits, user, timeout, inode.
        let is_kept = |line: &&str| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            words.get(2).is_some_and(|it| it.ends_with(&remote)) && words.get(9) != Some(&"0")
        };
        table.lines().filter(is_kept).count()
    }

    /// So few, or as many as the variable says.
    fn frozen() -> usize {
        let wanted = std::env::var_os("HALE_FROZEN_PROBES");
        wanted.map_or(300, |count| count.to_str().unwrap().parse().unwrap())
    }

    /// On the control core's ring, as many at the same time as a proxy ever has in flight.
    #[test]
    fn r_probe_2_probes_of_frozen_hosts_end_at_their_deadline_and_leave_nothing() {
        // The kernel makes connections for it, and it takes none.
        let frozen_host = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = frozen_host.local_addr().unwrap().port();
        let exchange = Exchange::new(1).unwrap();
        let tls = Rc::new(Backends::new(&exchange.tls.load().trust));
        let way = Rc::new(Way {
            protocol: Protocol::Imap,
            settings: ProtocolSettings::plain(port),
            own_name: "lb1.test".into(),
            password: Secret::from("probed"),
            mech: None,
            sources: Box::default(),
        });
        let target = Target {
            host: "frozen.test".into(),
            address: Some([127, 0, 0, 1].into()),
            user: "probe".into(),
        };
        tokio_uring::start(async {
            let (mut left, mut ended, mut most) = (frozen(), 0, 0);
            let mut probing = JoinSet::new();
            while left > 0 || !probing.is_empty() {
                while left > 0 && probing.len() < limits::PROBES_AT_ONCE_MAX {
                    left -= 1;
                    let session = SessionId::from_bytes([0; 16]);
                    let (way, tls) = (Rc::clone(&way), Rc::clone(&tls));
                    probing.spawn_local(log_in(way, target.clone(), tls, session));
                }
                let found: Found = probing.join_next().await.unwrap().unwrap();
                assert_eq!(found.finding, Some(Finding::Silent), "{found:?}");
                assert!(found.took < limits::PROBE_TIMEOUT * 3, "{:?}", found.took);
                ended += 1;
                if ended % 100 == 1 {
                    most = most.max(connected_to(port));
                }
            }
            assert_eq!(ended, frozen());
            assert!(most <= limits::PROBES_AT_ONCE_MAX, "{most} at the same time");
            assert_eq!(connected_to(port), 0, "descriptors are left");
            assert_eq!(Rc::strong_count(&way), 1, "tasks are left");
            assert_eq!(Rc::strong_count(&tls), 1, "tasks are left");
        });
    }
}
