//! What is known of a client's connection, and what has come from it and was not read.

use std::net::{IpAddr, SocketAddr};

use crate::event::{Event, Subject};
use crate::facts::{ClientCertificate, ClientFacts, Security, Transport};
use crate::names::Protocol;
use crate::network::{Networks, canonical};
use crate::proxy_header::{Header, policy};
use crate::wire::inbox::Inbox;

/// A client's connection, from accept on.
#[derive(Debug)]
pub struct Front {
    /// Addresses, trust, transport.
    pub facts: ClientFacts,
    /// Bytes of the client that wait to be read; while a login runs they wait untouched (W-PIPE-4).
    pub inbox: Inbox,
    /// The client sends nothing more; replies still reach it (IM-15).
    pub has_ended: bool,
    /// Version and cipher of its TLS with us, for the log.
    pub security: Option<Security>,
    /// This end of the client's connection, whatever a header or a trusted peer says of it (W-FWD-3).
    own: SocketAddr,
    protocol: Protocol,
    tls: ClientTls,
    /// A PROXY header comes first, or came.
    is_behind_header: bool,
}

/// How the client's connection stands to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTls {
    /// In clear; STARTTLS may come.
    Clear,
    /// It begins with a handshake, behind the PROXY header if there is one.
    Awaited,
    /// Ended by the sender of the PROXY header.
    InFront,
    /// Established here, or on its way.
    Ours,
}

impl Front {
    /// A fresh connection. `header`: a PROXY header comes first. `input_bytes_max`: what may wait unread.
    #[must_use]
    pub fn new(
        protocol: Protocol,
        facts: ClientFacts,
        header: bool,
        input_bytes_max: usize,
    ) -> Self {
        Self {
            own: canonical(facts.local),
            facts,
            inbox: Inbox::new(input_bytes_max),
            has_ended: false,
            security: None,
            protocol,
            tls: ClientTls::Clear,
            is_behind_header: header,
        }
    }

    /// The connection is one that begins with TLS (W-TLS-1).
    pub fn await_tls(&mut self) {
        self.tls = ClientTls::Awaited;
    }

    /// Keeps bytes that will be read later.
    pub fn keep(&mut self, bytes: &[u8]) {
        let taken = self.inbox.append(bytes);
        debug_assert_eq!(taken, bytes.len(), "the shell read more than there was room for");
    }

    /// What the header says of the client; trust is judged by it from now on (W-TRUST-1, PX-19). `false`: the connection
    /// was negotiated as another protocol's (W-TLV-6), and nothing is believed.
    pub(super) fn believe(&mut self, header: &Header, trusted: &Networks) -> bool {
        let alpn = header.tlvs.alpn.as_deref();
        if alpn.is_some_and(|alpn| !policy::is_alpn_acceptable(self.protocol, alpn)) {
            return false;
        }
        let facts = &mut self.facts;
        facts.origin = policy::origin(facts.socket, header);
        facts.apparent = facts.origin;
        facts.local = policy::local(facts.local, header);
        // "I do not know" is not an address (W-PP2-4).
        facts.trusted =
            policy::identifies_client(facts.origin) && trusted.contains(facts.origin.ip());
        facts.local_name.clone_from(&header.tlvs.authority);
        if header.transport() == Transport::Tls {
            self.believe_tls(header);
        }
        true
    }

    /// What the balancer knows of the client's TLS, which ended there (W-TLV-1, W-TLV-2).
    fn believe_tls(&mut self, header: &Header) {
        self.facts.transport = Transport::Tls;
        if self.tls == ClientTls::Clear {
            self.tls = ClientTls::InFront;
        }
        let ssl = header.tlvs.ssl.as_ref();
        let name = ssl.and_then(|ssl| ssl.verified_common_name.clone());
        // In LMTP there is no login that a certificate could make, and backends are told of none.
        if name.is_some() && self.protocol != Protocol::Lmtp {
            self.facts.certificate = ClientCertificate::verified(name);
        }
    }

    /// The handshake begins: everything that the client sends from here on belongs to it (W-STLS-2).
    pub(super) fn begin_tls(&mut self) {
        self.tls = ClientTls::Ours;
    }

    /// TLS with the client stands. `certificate`: the one that it showed.
    pub(super) fn note_tls(
        &mut self,
        server_name: Option<Box<str>>,
        certificate: ClientCertificate,
    ) {
        // Where the client's own TLS ended at the balancer, what is in this one is the balancer's certificate.
        let ended_in_front = self.is_behind_header && self.facts.transport == Transport::Tls;
        if !ended_in_front {
            self.facts.certificate = certificate;
        }
        // A trusted peer has said of its own client how it came; that is what backends want to know (W-STLS-4).
        let is_told = self.facts.trusted && self.facts.apparent != self.facts.origin;
        if is_told {
            return;
        }
        self.facts.transport = Transport::Tls;
        if server_name.is_some() {
            self.facts.local_name = server_name;
        }
    }

    /// What is spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// This end of the client's connection, whatever a header or a trusted peer says of it.
    #[must_use]
    pub fn own(&self) -> SocketAddr {
        self.own
    }

    /// How the client's connection stands to TLS.
    #[must_use]
    pub fn tls(&self) -> ClientTls {
        self.tls
    }

    /// Whether a PROXY header comes first, or came.
    #[must_use]
    pub fn is_behind_header(&self) -> bool {
        self.is_behind_header
    }

    /// How many bytes of the client may be read now; none: do not read, so that the client feels it.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.has_ended { 0 } else { self.inbox.room() }
    }

    /// Whether a backend's place is this listener itself, by its own address or by the one that the client used (W-FWD-3).
    #[must_use]
    pub fn is_own(&self, endpoint: SocketAddr) -> bool {
        let endpoint = canonical(endpoint);
        endpoint == self.own || endpoint == canonical(self.facts.local)
    }

    /// Whose connections and failed logins are counted (P12): of no client when a trusted peer speaks for many, or when
    /// the address is none.
    #[must_use]
    pub fn visitor(&self) -> Option<IpAddr> {
        let origin = self.facts.origin;
        (!self.facts.trusted && policy::identifies_client(origin)).then(|| origin.ip())
    }

    /// Who a report is about. `user`, `master`: as the log shows them.
    #[must_use]
    pub fn subject(&self, user: Option<Box<str>>, master: Option<Box<str>>) -> Subject {
        Subject {
            protocol: self.protocol,
            session: self.facts.session_id.clone(),
            client: self.facts.apparent,
            user,
            master,
        }
    }

    /// The report of a connection that is closed before anything was answered.
    #[must_use]
    pub fn refused(&self, reason: &'static str, quiet: bool) -> Event {
        Event::Refused { protocol: self.protocol, peer: self.facts.socket, reason, quiet }
    }
}
