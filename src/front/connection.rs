//! What is known of a client's connection, and what has come from it and was not read.

use std::net::{IpAddr, SocketAddr};

use crate::event::{Closed, Event, Subject};
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
    /// The client's own TLS ends here, as far as is known.
    is_own_tls: bool,
}

/// Whether a login can be bound to the client's TLS (RFC 9266).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// By what its TLS 1.3 with us exports.
    Exporter,
    /// There is none with us, or it is older: there the library does not tell whether the extended master secret was agreed to.
    None,
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
            is_own_tls: false,
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
        self.is_own_tls = !ended_in_front && !is_told;
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

    /// Whether a login can be bound to its TLS: not where that of the client ended elsewhere, and another one began.
    #[must_use]
    pub fn binding(&self) -> Binding {
        match self.security {
            Some(security) if self.is_own_tls && security.version() == "TLSv1.3" => {
                Binding::Exporter
            }
            _ => Binding::None,
        }
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
    pub fn refused(&self, reason: &'static str, closed: Closed) -> Event {
        Event::Refused { protocol: self.protocol, peer: self.facts.socket, reason, closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::{Arrival, HeaderRead, Opening, Start};
    use crate::limits::{PROXY_TTL, TLS_HANDSHAKE_TIMEOUT};
    use crate::names::SessionId;
    use crate::proxy_header::announce::{Extensions, SendHeader};
    use crate::tick::Tick;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn facts() -> ClientFacts {
        let socket = address("10.0.0.1:9");
        ClientFacts {
            socket,
            origin: socket,
            apparent: socket,
            local: address("[::ffff:198.51.100.1]:143"),
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport: Transport::Insecure,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    /// A client behind a balancer that ended its TLS and verified its certificate.
    fn balanced(protocol: Protocol, client: &str, trusted: &str) -> Front {
        let client = address(client);
        let told = ClientFacts {
            origin: client,
            apparent: client,
            local: address("203.0.113.5:143"),
            local_name: Some("mail.example".into()),
            transport: Transport::Tls,
            certificate: ClientCertificate::verified(Some("tim".into())),
            ..facts()
        };
        let header = SendHeader::V2(Extensions::default()).encode(&told);
        let mut front = Front::new(protocol, facts(), true, 100);
        let mut arrival = Arrival::new(&front, Tick(3_000));
        assert!(!arrival.is_identified());
        let bytes = [&header, &b"rest"[..]].concat();
        let (half, other) = bytes.split_at(20);
        let trusted = Networks::parse(trusted).unwrap();
        assert!(matches!(arrival.read(&mut front, &trusted, half), HeaderRead::More));
        match arrival.read(&mut front, &trusted, other) {
            HeaderRead::Complete(rest) => assert_eq!(rest, b"rest"),
            other => panic!("{other:?}"),
        }
        front
    }

    #[test]
    fn w_trust_1_a_header_names_the_client_and_trust_is_judged_by_it() {
        let front = balanced(Protocol::Imap, "192.0.2.7:4711", "192.0.2.0/24");
        assert_eq!(front.facts.apparent, address("192.0.2.7:4711"));
        assert_eq!(front.facts.socket, address("10.0.0.1:9"));
        assert!(front.facts.trusted);
        assert_eq!(front.visitor(), None, "a trusted peer speaks for many");
        assert_eq!(front.facts.local_name.as_deref(), Some("mail.example"));
        let front = balanced(Protocol::Imap, "192.0.2.7:4711", "10.0.0.0/8");
        assert!(!front.facts.trusted, "the balancer's own address is not its client's");
        assert_eq!(front.visitor(), Some("192.0.2.7".parse().unwrap()));
        let front = balanced(Protocol::Imap, "192.0.2.7:0", "192.0.2.0/24");
        assert!(!front.facts.trusted && front.visitor().is_none(), "an address that is none");
    }

    #[test]
    fn w_tlv_2_tls_in_front_is_believed_and_its_certificate_where_it_can_log_in() {
        for (protocol, name) in [(Protocol::Imap, Some("tim")), (Protocol::Lmtp, None)] {
            let front = balanced(protocol, "192.0.2.7:4711", "");
            assert_eq!((front.tls(), front.facts.transport), (ClientTls::InFront, Transport::Tls));
            assert_eq!(front.facts.certificate.name(), name, "{protocol}");
        }
    }

    #[test]
    fn w_fwd_3_a_listener_knows_itself_by_both_its_addresses() {
        let front = balanced(Protocol::Imap, "192.0.2.7:4711", "");
        for (place, is_own) in [
            ("198.51.100.1:143", true),
            ("[::ffff:203.0.113.5]:143", true),
            ("203.0.113.5:144", false),
            ("192.0.2.7:143", false),
        ] {
            assert_eq!(front.is_own(address(place)), is_own, "{place}");
        }
    }

    #[test]
    fn w_stls_4_tls_is_a_fact_unless_a_trusted_peer_told_another() {
        let verified = || ClientCertificate::verified(Some("ann".into()));
        for (client, is_told) in [("10.0.0.1:9", false), ("192.0.2.7:4711", true)] {
            let told = ClientFacts { trusted: true, apparent: address(client), ..facts() };
            let mut front = Front::new(Protocol::Imap, told, false, 100);
            front.await_tls();
            let Start::Shake(arrival) = Arrival::start(&mut front, Tick(5)) else {
                panic!("a greeting in clear");
            };
            assert_eq!(arrival.deadline(), Some(Tick(5).after(TLS_HANDSHAKE_TIMEOUT)));
            assert_eq!(arrival.room(&front), 0, "what comes now is the handshake's");
            let opening = arrival.secured(&mut front, Some("sni.example".into()), verified());
            assert_eq!(opening, Some(Opening::First));
            let (transport, name) = match is_told {
                true => (Transport::Insecure, None),
                false => (Transport::Tls, Some("sni.example")),
            };
            let facts = &front.facts;
            assert_eq!((facts.transport, facts.local_name.as_deref()), (transport, name));
            assert_eq!(facts.certificate.name(), Some("ann"));
            // W-SASL-12: the client's own TLS is what its login can be bound to.
            assert_eq!(front.binding(), Binding::None, "an unknown version");
            front.security = Some(Security::EcdsaAes128);
            assert_eq!(front.binding(), Binding::None, "TLS 1.2");
            front.security = Some(Security::Tls13Aes128);
            assert_eq!(front.binding() == Binding::Exporter, !is_told);
        }
    }

    #[test]
    fn tls_within_tls_that_ended_in_front_shows_the_balancers_certificate() {
        let mut front = balanced(Protocol::Imap, "192.0.2.7:4711", "");
        front.note_tls(None, ClientCertificate::verified(Some("balancer".into())));
        front.security = Some(Security::Tls13Aes128);
        assert_eq!(front.binding(), Binding::None, "W-SASL-12: it is the balancer's");
        assert_eq!(front.facts.certificate.name(), Some("tim"));
    }
}
