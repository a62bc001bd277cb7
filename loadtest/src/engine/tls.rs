//! TLS of the clients, and of backends that no proxy stands before: configurations, and tickets that wait for use.
//!
//! Decides version, key exchange and whether sessions are resumed; bytes are [`super::layer`]'s.

use std::collections::VecDeque;
#[expect(
    clippy::disallowed_types,
    reason = "rustls wants the store to be shared; one thread uses it"
)]
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider, kx_group};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, NamedGroup, RootCertStore, ServerConfig,
    ServerConnection,
};

/// When TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TlsMode {
    /// With the first byte.
    Implicit,
    /// After STARTTLS or STLS.
    Starttls,
}

/// How clients shake hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Handshakes {
    /// Every one complete.
    #[default]
    Full,
    /// With a ticket of an earlier session, as soon as there are any.
    Resumed,
}

impl Handshakes {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
        }
    }
}

/// What clients want of TLS.
#[derive(Clone, Debug)]
pub(crate) struct TlsOrder {
    pub(crate) mode: TlsMode,
    pub(crate) handshakes: Handshakes,
    /// 1.2 instead of 1.3.
    pub(crate) is_old: bool,
    /// Offers X25519MLKEM768 before X25519.
    pub(crate) post_quantum: bool,
    pub(crate) server_name: String,
    pub(crate) trusted: Vec<CertificateDer<'static>>,
}

/// TLS as the clients of a group use it; they share the tickets.
#[derive(Clone, Debug)]
pub(crate) struct TlsClients {
    pub(crate) mode: TlsMode,
    pub(crate) handshakes: Handshakes,
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

impl TlsClients {
    pub(crate) fn new(order: TlsOrder) -> Result<Self> {
        let mut provider = default_provider();
        provider.kx_groups = vec![kx_group::X25519, kx_group::SECP256R1];
        if order.post_quantum {
            provider.kx_groups.insert(0, kx_group::X25519MLKEM768);
        }
        let version = if order.is_old { &TLS12 } else { &TLS13 };
        let mut roots = RootCertStore::empty();
        for certificate in order.trusted {
            roots.add(certificate).context("a trusted certificate")?;
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Without resumption the greeting of the client is the same, only its tickets are forgotten: servers do all
        // the work they would do for a client that comes for the first time.
        config.resumption = Resumption::store(Arc::new(Tickets::new(order.handshakes)));
        Ok(Self {
            mode: order.mode,
            handshakes: order.handshakes,
            config: Arc::new(config),
            server_name: order.server_name.try_into().context("server name")?,
        })
    }

    /// The client's end of a new session.
    pub(super) fn connection(&self) -> Result<Connection, rustls::Error> {
        let name = self.server_name.clone();
        Ok(ClientConnection::new(Arc::clone(&self.config), name)?.into())
    }
}

/// TLS as fake backends speak it when clients come to them directly.
#[derive(Clone, Debug)]
pub(crate) struct TlsBackends {
    pub(crate) mode: TlsMode,
    config: Arc<ServerConfig>,
}

impl TlsBackends {
    pub(crate) fn new(
        mode: TlsMode,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.ticketer = Ticketer::new()?;
        Ok(Self { mode, config: Arc::new(config) })
    }

    /// The server's end of a new session.
    pub(super) fn connection(&self) -> Result<Connection, rustls::Error> {
        Ok(ServerConnection::new(Arc::clone(&self.config))?.into())
    }
}

/// Tickets of ended sessions, oldest first, each used once. rustls' own store keeps eight of a server.
#[derive(Debug)]
struct Tickets {
    handshakes: Handshakes,
    #[expect(clippy::disallowed_types, reason = "see the import")]
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    tickets: VecDeque<Tls13ClientSessionValue>,
    session: Option<Tls12ClientSessionValue>,
}

impl Tickets {
    fn new(handshakes: Handshakes) -> Self {
        Self { handshakes, waiting: Default::default() }
    }

    fn with<T>(&self, action: impl FnOnce(&mut Waiting) -> T) -> T {
        action(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.with(|waiting| waiting.session = Some(value));
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.with(|waiting| match self.handshakes {
            Handshakes::Full => None,
            Handshakes::Resumed => waiting.session.clone(),
        })
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.with(|waiting| waiting.session = None);
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        if self.handshakes == Handshakes::Resumed {
            self.with(|waiting| {
                if waiting.tickets.len() >= TICKETS_MAX {
                    waiting.tickets.pop_front();
                }
                waiting.tickets.push_back(value);
            });
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.with(|waiting| waiting.tickets.pop_front())
    }
}

/// More than sessions that log in at one time.
const TICKETS_MAX: usize = 4_096;
