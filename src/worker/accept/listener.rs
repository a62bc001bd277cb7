//! A listening socket of a core, and what is done at it.

use std::net::SocketAddr;

use crate::admission::door::DoorRules;
use crate::config::{self, RequestClientCert};
use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::limits;
use crate::names::{Protocol, SessionId};
use crate::preauth::Dialogue;
use crate::proxy_header::policy::HeaderRule;
use crate::ring::port::Fd;
use crate::session::Session;
use crate::share::visitors::Pass;
use crate::tick::Tick;
use crate::tls::Asked;

use super::super::chance::Chance;
use super::super::login::state::Login;
use super::super::places::Places;
use super::super::settings::WorkerSettings;

/// One listening socket of this core.
#[derive(Debug)]
pub struct Listener {
    /// The socket, owned by this value until the core closes it.
    pub(super) fd: Option<Fd>,
    /// This end of every connection, if it is the same for all.
    pub(super) local: Option<SocketAddr>,
    /// What is spoken there.
    pub(super) protocol: Protocol,
    /// Every connection has to begin with a PROXY header (W-PP-1).
    pub(super) haproxy: bool,
    /// How many may come in, and how fast.
    pub(super) door: DoorRules,
    /// Listeners of one number count together.
    pub(super) number: u16,
    /// Every connection begins with a TLS handshake (W-TLS-1).
    pub(super) tls: bool,
    /// Whether clients are asked for a certificate, from the first byte or behind STARTTLS (W-TLS-4).
    pub(super) asked: Asked,
    /// What the control core knows the socket by.
    pub(super) socket: u32,
    pub(super) armed: bool,
    pub(super) retry_at: Option<Tick>,
    pub(super) fate: Fate,
}

/// What is to become of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Accepts,
    /// It closes as soon as the kernel has returned its accept. Clients that wait there are let in before.
    Closes,
}

impl Listener {
    /// A listener on a socket whose ownership passes to the core.
    #[must_use]
    pub fn new(fd: Fd, protocol: Protocol, haproxy: bool, door: DoorRules) -> Self {
        Self {
            fd: Some(fd),
            local: None,
            protocol,
            haproxy,
            door,
            number: 0,
            tls: false,
            asked: Asked::No,
            socket: 0,
            armed: false,
            retry_at: None,
            fate: Fate::Accepts,
        }
    }

    /// A listener of the configuration on a socket that the control core knows by this number.
    #[must_use]
    pub fn configured(fd: Fd, socket: u32, config: &config::Listener) -> Self {
        let bare = Self::new(fd, config.protocol, config.haproxy, config.door);
        let mut listener = Self { socket, ..bare };
        listener.obey(config);
        listener
    }

    /// These rules hold for connections from now on.
    pub(super) fn obey(&mut self, config: &config::Listener) {
        self.protocol = config.protocol;
        self.haproxy = config.haproxy;
        self.tls = config.ssl;
        self.door = config.door;
        self.number = config.number;
        self.asked = match config.request_client_cert {
            RequestClientCert::No => Asked::No,
            RequestClientCert::Yes => Asked::Optional,
            RequestClientCert::Required => Asked::Required,
        };
    }

    /// The same listener where clients are asked for a certificate, or not.
    #[must_use]
    pub fn asking(self, asked: RequestClientCert) -> Self {
        let asked = match asked {
            RequestClientCert::No => Asked::No,
            RequestClientCert::Yes => Asked::Optional,
            RequestClientCert::Required => Asked::Required,
        };
        Self { asked, ..self }
    }

    /// The same listener, counted together with those of this number.
    #[must_use]
    pub fn numbered(self, number: u16) -> Self {
        Self { number, ..self }
    }

    /// The same listener where every connection begins with a TLS handshake.
    #[must_use]
    pub fn behind_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    pub(super) fn header_rule(&self) -> HeaderRule {
        if self.haproxy { HeaderRule::Required } else { HeaderRule::Forbidden }
    }

    /// What a client is told when there is no room for it. In clear where TLS is expected it would only be damage.
    pub(super) fn busy_line(&self) -> &'static [u8] {
        if self.tls { b"" } else { busy_line(self.protocol, self.header_rule()) }
    }
}

/// What a client is told when there is no room for it (W-PIPE-7): nothing, while a PROXY header is awaited (W-PIPE-2).
fn busy_line(protocol: Protocol, rule: HeaderRule) -> &'static [u8] {
    if rule == HeaderRule::Required {
        return b"";
    }
    match protocol {
        Protocol::Imap => b"* BYE [UNAVAILABLE] Too many connections, try again later.\r\n",
        Protocol::Pop3 => b"-ERR [SYS/TEMP] Too many connections, try again later.\r\n",
        Protocol::Sieve => b"BYE (TRYLATER) \"Too many connections, try again later.\"\r\n",
        Protocol::Lmtp | Protocol::Submission => {
            b"421 4.3.2 Too many connections, try again later.\r\n"
        }
    }
}

/// A connection that has been let in.
#[derive(Debug)]
pub(in crate::worker) struct Arrival {
    pub(in crate::worker) fd: Fd,
    pub(in crate::worker) protocol: Protocol,
    /// The client's end of it, and ours.
    pub(super) ends: (SocketAddr, SocketAddr),
    /// It has to begin with a PROXY header.
    pub(in crate::worker) header: bool,
    /// It has to begin with a TLS handshake.
    pub(in crate::worker) tls: bool,
    pub(in crate::worker) asked: Asked,
    /// Its place among those of its listener.
    pub(in crate::worker) pass: Pass,
}

impl Arrival {
    /// What is known of its client.
    pub(in crate::worker) fn facts(
        &self,
        settings: &WorkerSettings,
        chance: &mut Chance,
        now: Tick,
    ) -> ClientFacts {
        let (peer, local) = self.ends;
        ClientFacts {
            socket: peer,
            origin: peer,
            apparent: peer,
            local,
            local_name: None,
            session_id: SessionId::from_bytes(chance.draw_id(now)),
            ttl: limits::PROXY_TTL,
            transport: Transport::Insecure,
            trusted: settings.is_trusted(peer.ip()),
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    /// The beginning of a login, in every protocol but LMTP.
    pub(in crate::worker) fn into_login(
        self,
        settings: &WorkerSettings,
        chance: &mut Chance,
        now: Tick,
    ) -> Login {
        let facts = self.facts(settings, chance, now);
        let Self { protocol, header, tls, asked, pass, .. } = self;
        let own = std::sync::Arc::clone(settings.session(protocol));
        let dialogue = Dialogue::new(protocol);
        let session = Session::new(own, dialogue, facts, header, chance.draw(), now);
        let session = if tls { session.behind_tls() } else { session };
        Login::new(session, asked, Places { listener: Some(pass), ..Places::default() })
    }
}
