//! Listeners of a core, and what happens to a connection at the door.

use std::net::SocketAddr;
use std::time::Duration;

use crate::admission::door::DoorRules;
use crate::config::RequestClientCert;
use crate::event::Event;
use crate::facts::{ClientCertificate, ClientFacts, Transport};
use crate::limits;
use crate::names::{Protocol, SessionId};
use crate::preauth::Dialogue;
use crate::proxy_header::policy::{self, Entrance, HeaderRule};
use crate::ring::port::{Fd, IoFault, Kind, Outcome, Port, Token};
use crate::session::Session;
use crate::session::input::Input;
use crate::share::counters::Counter;
use crate::tick::Tick;
use crate::tls::Asked;

use super::connection::{Connection, Login, Phase};
use super::core::Worker;
use super::io::socket::{Side, Sockets};

/// One listening socket of this core.
#[derive(Debug)]
pub struct Listener {
    /// The socket, owned by this value until the core closes it.
    fd: Option<Fd>,
    /// What is spoken there.
    protocol: Protocol,
    /// Every connection has to begin with a PROXY header (W-PP-1).
    haproxy: bool,
    /// How many may come in, and how fast.
    door: DoorRules,
    /// Every connection begins with a TLS handshake (W-TLS-1).
    tls: bool,
    /// Whether clients are asked for a certificate, from the first byte or behind STARTTLS (W-TLS-4).
    asked: Asked,
    armed: bool,
    retry_at: Option<Tick>,
}

impl Listener {
    /// A listener on a socket whose ownership passes to the core.
    #[must_use]
    pub fn new(fd: Fd, protocol: Protocol, haproxy: bool, door: DoorRules) -> Self {
        Self {
            fd: Some(fd),
            protocol,
            haproxy,
            door,
            tls: false,
            asked: Asked::No,
            armed: false,
            retry_at: None,
        }
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

    /// The same listener where every connection begins with a TLS handshake.
    #[must_use]
    pub fn behind_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// What a client is told when there is no room for it. In clear where TLS is expected it would only be damage.
    fn busy_line(&self) -> &'static [u8] {
        if self.tls { b"" } else { busy_line(self.protocol, header_rule(self.haproxy)) }
    }
}

impl<P: Port> Worker<P> {
    pub(super) fn arm_accept(&mut self, index: usize) {
        let Some(listener) = self.listeners.get_mut(index) else {
            return;
        };
        let (Some(fd), false) = (listener.fd, listener.armed) else {
            return;
        };
        listener.armed = true;
        listener.retry_at = None;
        let slot = u32::try_from(index).unwrap_or(u32::MAX);
        self.io.port.accept(fd, Token { slot, generation: 0, kind: Kind::Accept });
    }

    pub(super) fn accept_completion(&mut self, index: u32, outcome: Outcome, more: bool) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(listener) = self.listeners.get_mut(index) else {
            return;
        };
        if !more {
            listener.armed = false;
        }
        match outcome {
            Outcome::Accepted(fd) => self.accepted(index, fd),
            Outcome::Failed(fault) => return self.accept_failed(index, fault),
            Outcome::Cancelled => return self.close_listener(index),
            Outcome::Connected | Outcome::Ready(_) => {}
        }
        if !more {
            if self.draining.is_some() {
                self.close_listener(index);
            } else {
                self.arm_accept(index);
            }
        }
    }

    /// An accept that failed ends the multishot operation. Re-arming at once would spin when descriptors are missing
    /// (reliability.md 6, *accept loop*), so it waits a moment; one waiting client is told.
    fn accept_failed(&mut self, index: usize, fault: IoFault) {
        let starved = matches!(fault, IoFault::Descriptors | IoFault::Memory);
        let now = self.io.now;
        let Some(listener) = self.listeners.get_mut(index) else {
            return;
        };
        let Some(fd) = listener.fd else { return };
        if listener.armed {
            return;
        }
        if self.draining.is_some() {
            // The failure was faster than our cancellation.
            return self.close_listener(index);
        }
        listener.retry_at = Some(now.after(if starved { STARVED_PAUSE } else { Duration::ZERO }));
        let line = listener.busy_line();
        if starved {
            self.reports.count(Counter::AcceptStarved);
            self.io.port.refuse_one(fd, line);
            self.reports.complain(
                now,
                "no descriptors left for new connections: raise LimitNOFILE= of the service or lower \
                 connections_per_core_max",
            );
        }
    }

    /// Listeners whose pause is over accept again.
    pub(super) fn rearm_listeners(&mut self) {
        for index in 0..self.listeners.len() {
            let due = self.listeners.get(index).and_then(|listener| listener.retry_at);
            if due.is_some_and(|at| at <= self.io.now) {
                self.arm_accept(index);
            }
        }
    }

    /// How long until a listener wants to accept again.
    pub(super) fn listeners_wait(&self) -> Option<Duration> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.retry_at)
            .map(|at| self.io.now.until(at))
            .min()
    }

    fn accepted(&mut self, index: usize, fd: Fd) {
        self.reports.count(Counter::Accepted);
        let Some(listener) = self.listeners.get(index) else {
            return self.io.port.close(fd);
        };
        let (protocol, haproxy, door) = (listener.protocol, listener.haproxy, listener.door);
        let (tls, asked) = (listener.tls, listener.asked);
        let line = listener.busy_line();
        // Gone before we looked: nothing to answer, nothing to log.
        let Ok((peer, local)) = self.io.port.endpoints(fd) else {
            return self.io.port.close(fd);
        };
        let rule = header_rule(haproxy);
        let entrance = policy::on_accept(rule, &self.settings.haproxy_trusted, peer.ip());
        if entrance == Entrance::Close {
            self.refuse(fd, protocol, peer, "the address is not in haproxy_trusted_networks");
            return;
        }
        if self.draining.is_some() || self.slots.live() >= self.slots.bound() {
            // A courtesy line; a client that does not take it is closed all the same.
            let _ = self.io.port.send(fd, line);
            self.refuse(fd, protocol, peer, "connections_per_core_max is reached");
            return;
        }
        let Some(pass) = self.asks.visitors().enter_by(local.port(), door, self.io.now) else {
            let _ = self.io.port.send(fd, line);
            self.refuse(fd, protocol, peer, "connections_max or connection_rate of the listener");
            return;
        };
        self.make_room();
        let header = entrance == Entrance::ReadHeader;
        let facts = self.facts_at(peer, local);
        if protocol == Protocol::Lmtp {
            return self.begin_lmtp(fd, facts, header, tls, asked, pass);
        }
        let settings = std::sync::Arc::clone(self.settings.session(protocol));
        let seed = self.asks.draw();
        let session =
            Session::new(settings, Dialogue::new(protocol), facts, header, seed, self.io.now);
        let session = if tls { session.behind_tls() } else { session };
        self.begin(fd, Login::new(session, asked, pass));
    }

    /// While few places are left, each newcomer takes that of the client that has waited longest without logging in
    /// (W-PIPE-7). Nobody with a login, or in the middle of one, ever has to go.
    fn make_room(&mut self) {
        let bound = self.slots.bound();
        if self.slots.live() < bound - limits::CONNECTIONS_SPARE.min(bound / 8) {
            return;
        }
        let Some(oldest) = self.newcomers.oldest() else {
            return;
        };
        self.reports.count(Counter::CrowdedOut);
        self.reports.complain(
            self.io.now,
            "connections_per_core_max is nearly reached: the oldest connections without a login are closed to make \
             room; find out who connects without logging in (log_debug = yes names them), or raise it",
        );
        let why = "made room for newer connections (connections_per_core_max)";
        self.session_input(oldest, Input::Crowded(why));
        // Its place is needed now: no waiting for its end.
        self.release(oldest);
    }

    fn facts_at(&mut self, peer: SocketAddr, local: SocketAddr) -> ClientFacts {
        ClientFacts {
            socket: peer,
            origin: peer,
            apparent: peer,
            local,
            local_name: None,
            session_id: SessionId::from_bytes(self.asks.draw_id(self.io.now)),
            ttl: limits::PROXY_TTL,
            transport: Transport::Insecure,
            trusted: self.settings.is_trusted(peer.ip()),
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    fn begin(&mut self, fd: Fd, login: Login) {
        let connection = Connection::new(Sockets::accepted(fd), Phase::Session(Box::new(login)));
        match self.slots.insert(connection) {
            Ok((slot, _)) => {
                self.arm_poll(slot, Side::Client);
                self.session_input(slot, Input::Begin);
            }
            Err(_) => self.io.port.close(fd),
        }
    }

    fn refuse(&mut self, fd: Fd, protocol: Protocol, peer: SocketAddr, reason: &'static str) {
        self.io.port.close(fd);
        let event = Event::Refused { protocol, peer, reason, quiet: false };
        self.reports.count_event(&event);
        self.reports.log(event);
    }

    /// Stops accepting: the kernel returns the accept, then the socket is closed.
    pub(super) fn stop_listening(&mut self) {
        for index in 0..self.listeners.len() {
            let Some(listener) = self.listeners.get_mut(index) else {
                continue;
            };
            listener.retry_at = None;
            if listener.armed {
                let slot = u32::try_from(index).unwrap_or(u32::MAX);
                self.io.port.cancel(Token { slot, generation: 0, kind: Kind::Accept });
            } else {
                self.close_listener(index);
            }
        }
    }

    fn close_listener(&mut self, index: usize) {
        if let Some(fd) = self.listeners.get_mut(index).and_then(|listener| listener.fd.take()) {
            self.io.port.close(fd);
        }
    }

    /// Whether every listener is closed.
    pub(super) fn is_deaf(&self) -> bool {
        self.listeners.iter().all(|listener| listener.fd.is_none())
    }
}

const fn header_rule(haproxy: bool) -> HeaderRule {
    if haproxy { HeaderRule::Required } else { HeaderRule::Forbidden }
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

/// Pause before accepting again when descriptors or memory were missing.
const STARVED_PAUSE: Duration = Duration::from_millis(100);
