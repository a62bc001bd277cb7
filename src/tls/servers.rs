//! What clients meet: one configuration for each protocol, and the table of names that chooses the certificate.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider::{provider, versions};
use super::secrets::Catcher;
use super::tickets::TicketKeys;
use super::{Asked, ClientTrust, Identity, Oldest};
use crate::names::Protocol;
use crate::wire::certificate_name::NameField;

/// Configurations towards clients, for each protocol and each way of asking for a certificate.
#[derive(Clone, Debug)]
pub struct Servers {
    /// Where no certificate is asked for.
    open: Configs,
    /// Where one is: optional, required. None: nobody's certificate would be good.
    asking: Option<[Configs; 2]>,
    names: Arc<Names>,
    /// Which text of a client's certificate is its user.
    name_field: NameField,
}

/// In the order of [`Protocol::ALL`].
type Configs = [Arc<ServerConfig>; 5];

/// Collects certificates by name.
#[derive(Clone, Debug, Default)]
pub struct ServersBuilder {
    names: Names,
    clients: Option<(ClientTrust, NameField)>,
}

impl ServersBuilder {
    /// The certificate for clients that name no host, or one that nobody knows.
    pub fn default_identity(&mut self, identity: &Identity) {
        self.names.default = Some(Arc::clone(&identity.key));
    }

    /// The certificate for a host name, or for every host right below a domain (`*.example.org`). The first one wins.
    pub fn named(&mut self, name: &str, identity: &Identity) {
        let name = name.to_ascii_lowercase();
        let (table, name) = match name.strip_prefix("*.") {
            Some(domain) => (&mut self.names.domains, domain.to_owned()),
            None => (&mut self.names.hosts, name),
        };
        table.entry(name.into()).or_insert_with(|| Arc::clone(&identity.key));
    }

    /// Whose certificates of clients are good, and which text in them is the user.
    pub fn clients(&mut self, trust: ClientTrust, name_field: NameField) {
        self.clients = Some((trust, name_field));
    }

    /// Makes the configurations. `None`: no certificate was given.
    #[must_use]
    pub fn build(self, oldest: Oldest, tickets: &TicketKeys) -> Option<Servers> {
        if self.names.is_empty() {
            return None;
        }
        let names = Arc::new(self.names);
        let tickets = Arc::new(tickets.clone());
        let asking = match &self.clients {
            None => None,
            Some((trust, _)) => {
                let [optional, required] = &trust.verifiers;
                Some([
                    configs(oldest, &names, &With::Certificates(optional))?,
                    configs(oldest, &names, &With::Certificates(required))?,
                ])
            }
        };
        let open = configs(oldest, &names, &With::Tickets(&tickets))?;
        let name_field = self.clients.map(|(_, field)| field).unwrap_or_default();
        Some(Servers { open, asking, names, name_field })
    }
}

/// What one kind of configuration has and the other has not (see `clients`).
enum With<'a> {
    Tickets(&'a Arc<TicketKeys>),
    Certificates(&'a Arc<dyn ClientCertVerifier>),
}

fn configs(oldest: Oldest, names: &Arc<Names>, with: &With<'_>) -> Option<Configs> {
    let config = |protocol| {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(oldest))
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
    };
    let [imap, pop3, lmtp, sieve, submission] = Protocol::ALL.map(config);
    Some([imap?, pop3?, lmtp?, sieve?, submission?])
}

impl Servers {
    /// The configuration of a protocol; none where certificates are asked for and nobody's would be good.
    pub(super) fn of(&self, protocol: Protocol, asked: Asked) -> Option<&Arc<ServerConfig>> {
        let configs = match (asked, &self.asking) {
            (Asked::No, _) => &self.open,
            (Asked::Optional, Some([optional, _])) => optional,
            (Asked::Required, Some([_, required])) => required,
            (Asked::Optional | Asked::Required, None) => return None,
        };
        let index = Protocol::ALL.iter().position(|known| *known == protocol)?;
        configs.get(index)
    }

    /// Which text of a client's certificate is its user.
    pub(super) fn name_field(&self) -> NameField {
        self.name_field
    }

    /// The same certificates with the next ticket keys.
    #[must_use]
    pub fn with_tickets(&self, tickets: &TicketKeys) -> Self {
        let tickets: Arc<TicketKeys> = Arc::new(tickets.clone());
        let renew = |config: &Arc<ServerConfig>| {
            let mut config = ServerConfig::clone(config);
            config.ticketer = Arc::clone(&tickets) as Arc<_>;
            Arc::new(config)
        };
        Self { open: self.open.each_ref().map(renew), ..self.clone() }
    }

    /// How many names have a certificate of their own.
    #[must_use]
    pub fn names(&self) -> usize {
        self.names.hosts.len() + self.names.domains.len()
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
    default: Option<Arc<CertifiedKey>>,
    hosts: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// By what stands behind `*.`.
    domains: HashMap<Box<str>, Arc<CertifiedKey>>,
}

impl Names {
    fn is_empty(&self) -> bool {
        self.default.is_none() && self.hosts.is_empty() && self.domains.is_empty()
    }

    /// Exact name, then the domain, then the default (W-TLS-3).
    fn find(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
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
        self.find(hello.server_name()).cloned()
    }
}

thread_local! {
    /// The name in the ClientHello that this thread is reading. The unbuffered API keeps it to itself, so it is caught
    /// here, in the middle of the library's call, and taken by whoever made the call ([`asked_for`]).
    static ASKED_FOR: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// Takes the host name that the ClientHello asked for which the last call of the library read, if it read one.
pub(super) fn asked_for() -> Option<Box<str>> {
    ASKED_FOR.with(Cell::take)
}
