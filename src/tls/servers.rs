//! What clients meet: one configuration for each protocol, and the table of names that chooses the certificate.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{NoKeyLog, ServerConfig, SignatureScheme};

use super::provider::{Manner, versions};
use super::secrets::Catcher;
use super::tickets::TicketKeys;
use super::{Asked, ClientTrust, Identity, Oldest};
use crate::names::Protocol;
use crate::wire::certificate_name::NameField;

/// What clients meet, by protocol.
#[derive(Clone, Debug)]
pub struct Servers {
    /// In the order of [`Protocol::ALL`]; none: there is no certificate to show.
    by_protocol: [Option<Server>; 5],
}

/// What the clients of one protocol meet: a configuration for each way of asking for a certificate.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where no certificate is asked for.
    open: Arc<ServerConfig>,
    /// Where one is: optional, required. None: no certificate would be good.
    asking: Option<[Arc<ServerConfig>; 2]>,
    names: Arc<Names>,
    /// Which text of a client's certificate is its user.
    name_field: NameField,
}

/// What is spoken to doveadm, which decides about ALPN (W-TLS-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoveadmSpeech {
    /// Its own lines.
    Plain,
    /// HTTP.
    Http,
}

/// What a server on the control core takes, which has sockets of its own.
pub type ServerConfigOfControl = Arc<ServerConfig>;

/// A client of doveadm comes too seldom to be given a ticket.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _plain: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _cipher: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Collects certificates by name.
#[derive(Clone, Debug, Default)]
pub struct ServersBuilder {
    names: Names,
    clients: Option<(ClientTrust, NameField)>,
}

impl ServersBuilder {
    /// The certificate for clients that name no host, or one without a certificate.
    pub fn default_identity(&mut self, identity: &Identity) {
        self.names.default = Some(Shown::of(identity));
    }

    /// The certificate for a host name, or for every host right below a domain (`*.example.org`). The first one wins.
    pub fn named(&mut self, name: &str, identity: &Identity) {
        let name = name.to_ascii_lowercase();
        let (table, name) = match name.strip_prefix("*.") {
            Some(domain) => (&mut self.names.domains, domain.to_owned()),
            None => (&mut self.names.hosts, name),
        };
        table.entry(name.into()).or_insert_with(|| Shown::of(identity));
    }

    /// Whose certificates of clients are good, and which text in them is the user.
    pub fn clients(&mut self, trust: ClientTrust, name_field: NameField) {
        self.clients = Some((trust, name_field));
    }

    /// Makes the configurations of one protocol. `None`: no certificate was given.
    #[must_use]
    pub fn build_for(
        self,
        protocol: Protocol,
        manner: &Manner,
        tickets: &TicketKeys,
    ) -> Option<Server> {
        if self.names.is_empty() {
            return None;
        }
        let names = Arc::new(self.names);
        let tickets = Arc::new(tickets.clone());
        let make = |with: &With<'_>| config(protocol, manner, &names, with);
        let asking = match &self.clients {
            None => None,
            Some((trust, _)) => {
                let [optional, required] = &trust.verifiers;
                Some([make(&With::Certificates(optional))?, make(&With::Certificates(required))?])
            }
        };
        let open = make(&With::Tickets(&tickets))?;
        let name_field = self.clients.map(|(_, field)| field).unwrap_or_default();
        Some(Server { open, asking, names, name_field })
    }

    /// The same for all protocols, with everything that we have from a version on.
    #[must_use]
    pub fn build(self, oldest: Oldest, tickets: &TicketKeys) -> Option<Servers> {
        let manner = Manner::from(oldest);
        let of = |protocol| self.clone().build_for(protocol, &manner, tickets);
        Servers::new(Protocol::ALL.map(of))
    }
}

/// What one kind of configuration has and the other has not (see `clients`).
enum With<'a> {
    Tickets(&'a Arc<TicketKeys>),
    Certificates(&'a Arc<dyn ClientCertVerifier>),
}

fn config(
    protocol: Protocol,
    manner: &Manner,
    names: &Arc<Names>,
    with: &With<'_>,
) -> Option<Arc<ServerConfig>> {
    let config = ServerConfig::builder_with_provider(manner.towards_clients())
        .with_protocol_versions(versions(manner.oldest))
        .ok()?;
    let config = match with {
        With::Tickets(_) => config.with_no_client_auth(),
        With::Certificates(verifier) => config.with_client_cert_verifier(Arc::clone(verifier)),
    };
    let mut config = config.with_cert_resolver(Arc::clone(names) as Arc<_>);
    config.alpn_protocols =
        alpn_names(protocol).iter().map(|name| name.as_bytes().to_vec()).collect();
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.enable_secret_extraction = true;
    config.key_log = Arc::new(Catcher);
    if let With::Tickets(tickets) = with {
        config.ticketer = Arc::clone(tickets) as Arc<_>;
        config.send_tls13_tickets = 1;
    }
    Some(Arc::new(config))
}

impl Server {
    fn with_tickets(&self, tickets: &Arc<TicketKeys>) -> Self {
        let mut open = ServerConfig::clone(&self.open);
        open.ticketer = Arc::clone(tickets) as Arc<_>;
        Self { open: Arc::new(open), ..self.clone() }
    }

    /// The configuration; none where certificates are asked for and none would be good.
    pub(super) fn asking(&self, asked: Asked) -> Option<&Arc<ServerConfig>> {
        match (asked, &self.asking) {
            (Asked::No, _) => Some(&self.open),
            (Asked::Optional, Some([optional, _])) => Some(optional),
            (Asked::Required, Some([_, required])) => Some(required),
            (Asked::Optional | Asked::Required, None) => None,
        }
    }

    /// Which text of a client's certificate is its user.
    pub(super) fn name_field(&self) -> NameField {
        self.name_field
    }

    /// How many names have a certificate of their own.
    fn names(&self) -> usize {
        self.names.hosts.len() + self.names.domains.len()
    }
}

impl Servers {
    /// In the order of [`Protocol::ALL`]. `None`: no protocol has a certificate.
    #[must_use]
    pub fn new(by_protocol: [Option<Server>; 5]) -> Option<Self> {
        by_protocol.iter().any(Option::is_some).then_some(Self { by_protocol })
    }

    /// What the clients of a protocol meet; none: there is no certificate to show.
    pub(super) fn of(&self, protocol: Protocol) -> Option<&Server> {
        let index = Protocol::ALL.iter().position(|known| *known == protocol)?;
        self.by_protocol.get(index)?.as_ref()
    }

    /// What clients of doveadm meet on the control core: the certificates of the first protocol that has any, and no tickets.
    #[must_use]
    pub fn of_doveadm(&self, speech: DoveadmSpeech) -> Option<ServerConfigOfControl> {
        let server = self.by_protocol.iter().flatten().next()?;
        let mut config = ServerConfig::clone(&server.open);
        let name: &[u8] = match speech {
            DoveadmSpeech::Plain => b"doveadm",
            DoveadmSpeech::Http => b"http/1.1",
        };
        config.alpn_protocols = vec![name.to_vec()];
        config.send_tls13_tickets = 0;
        config.ticketer = Arc::new(NoTickets);
        config.enable_secret_extraction = false;
        config.key_log = Arc::new(NoKeyLog {});
        Some(Arc::new(config))
    }

    /// The same certificates with the next ticket keys.
    #[must_use]
    pub fn with_tickets(&self, tickets: &TicketKeys) -> Self {
        let tickets: Arc<TicketKeys> = Arc::new(tickets.clone());
        let renew = |server: &Option<Server>| server.as_ref().map(|it| it.with_tickets(&tickets));
        Self { by_protocol: self.by_protocol.each_ref().map(renew) }
    }

    /// How many names have a certificate of their own in the protocol that has most.
    #[must_use]
    pub fn names(&self) -> usize {
        self.by_protocol.iter().flatten().map(Server::names).max().unwrap_or(0)
    }
}

/// ALPN names that a client may ask for (W-TLS-2).
#[must_use]
pub fn alpn_names(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Imap => &["imap"],
        Protocol::Pop3 => &["pop3"],
        Protocol::Sieve => &["managesieve"],
        Protocol::Submission => &["submission", "smtp"],
        Protocol::Lmtp => &["lmtp"],
    }
}

/// Certificates by name. Clients choose what is looked up, so nothing is ever added by a look (CVE-2017-15130), and the
/// standard library's keyed hash keeps them from choosing what collides.
#[derive(Clone, Debug, Default)]
struct Names {
    default: Option<Shown>,
    hosts: HashMap<Box<str>, Shown>,
    /// By what stands behind `*.`.
    domains: HashMap<Box<str>, Shown>,
}

/// What a client is shown: one of two, if their keys are of two kinds.
#[derive(Clone, Debug)]
struct Shown {
    first: Arc<CertifiedKey>,
    second: Option<Arc<CertifiedKey>>,
}

impl Shown {
    fn of(identity: &Identity) -> Self {
        Self { first: Arc::clone(&identity.key), second: identity.alternative.clone() }
    }

    /// The one whose kind comes first among the signatures that the client accepts, as OpenSSL chooses. The library has
    /// left out what does not go with the client's suites.
    fn to(&self, accepted: &[SignatureScheme]) -> &Arc<CertifiedKey> {
        let Some(second) = &self.second else { return &self.first };
        let makes = |key: &CertifiedKey, scheme| key.key.choose_scheme(&[scheme]).is_some();
        let wanted = |with_older: bool| {
            let accepted = accepted.iter().filter(|scheme| with_older || !OLDER.contains(scheme));
            accepted.copied().find_map(|scheme| {
                let first = makes(&self.first, scheme).then_some(&self.first);
                first.or_else(|| makes(second, scheme).then_some(second))
            })
        };
        wanted(false).or_else(|| wanted(true)).unwrap_or(&self.first)
    }
}

/// What TLS 1.3 does not know for handshakes, though its clients name it, for certificates (RFC 8446 4.2.3).
const OLDER: [SignatureScheme; 3] = [
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

impl Names {
    fn is_empty(&self) -> bool {
        self.default.is_none() && self.hosts.is_empty() && self.domains.is_empty()
    }

    /// Exact name, then the domain, then the default (W-TLS-3).
    fn find(&self, name: Option<&str>) -> Option<&Shown> {
        let named = name.and_then(|name| {
            let domain = name.split_once('.').map(|(_, domain)| domain);
            self.hosts.get(name).or_else(|| domain.and_then(|domain| self.domains.get(domain)))
        });
        named.or(self.default.as_ref())
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // The library has made sure that it is a host name, and in lower case.
        ASKED_FOR.with(|name| name.set(hello.server_name().map(Into::into)));
        let shown = self.find(hello.server_name())?;
        Some(Arc::clone(shown.to(hello.signature_schemes())))
    }
}

thread_local! {
    /// The name in the ClientHello that this thread is reading. The unbuffered API keeps it to itself, so it is caught
    /// here, in the middle of the library's call, and taken by the code that made the call ([`asked_for`]).
    static ASKED_FOR: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// Takes the host name that the ClientHello asked for which the last call of the library read, if it read one.
pub(super) fn asked_for() -> Option<Box<str>> {
    ASKED_FOR.with(Cell::take)
}
