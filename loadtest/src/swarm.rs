//! How clients come in, as options that `run` and `compare` share.

use anyhow::Result;
use rustls::pki_types::CertificateDer;

use crate::engine::{
    ADDRESSES_MAX, Credentials, Handshakes, LoginCommand, Protocol, ProxySource, TlsClients,
    TlsMode, TlsOrder,
};

/// The clients' side of a load.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SwarmOptions {
    /// How many users there are.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) users: u64,
    #[arg(long, default_value = "secret")]
    pub(crate) password: String,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) login: LoginCommand,
    /// Clients use TLS, 1.3 unless told otherwise.
    #[arg(long, value_enum)]
    pub(crate) tls: Option<TlsMode>,
    /// TLS 1.2 instead of 1.3.
    #[arg(long, requires = "tls")]
    pub(crate) tls12: bool,
    /// Offer X25519MLKEM768 before X25519.
    #[arg(long, requires = "tls")]
    pub(crate) post_quantum: bool,
    /// Start every connection with a PROXY header, version 2.
    #[arg(long)]
    pub(crate) proxy_v2: bool,
    /// Put this many addresses of 10.0.0.0/8 into the PROXY headers, in turn; 0: the socket's own.
    #[arg(long, default_value_t = 0, requires = "proxy_v2",
          value_parser = clap::value_parser!(u32).range(..=i64::from(ADDRESSES_MAX)))]
    pub(crate) proxy_addresses: u32,
    /// The size of a message in the scenario `deliver`.
    #[arg(long, default_value_t = 64 << 10)]
    pub(crate) message_bytes: u64,
}

/// Whom clients of TLS trust, and how they shake hands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    pub(crate) server_name: String,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) handshakes: Handshakes,
}

impl SwarmOptions {
    /// Who the clients of one protocol are. Tickets are theirs alone, so each call begins without any.
    pub(crate) fn credentials(
        &self,
        protocol: Protocol,
        user_pattern: &str,
        trust: Trust,
    ) -> Result<Credentials> {
        let tls = self.tls.map(|mode| {
            TlsClients::new(TlsOrder {
                mode,
                handshakes: trust.handshakes,
                is_old: self.tls12,
                post_quantum: self.post_quantum,
                server_name: trust.server_name,
                trusted: trust.certificates,
            })
        });
        Ok(Credentials {
            protocol,
            user_pattern: user_pattern.to_owned(),
            password: self.password.clone(),
            users: self.users,
            command: self.login,
            proxy_source: self.proxy_source(),
            tls: tls.transpose()?,
        })
    }

    /// What tells this load from others; the plain one of old says nothing.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let mut add = |name: &str, value: &str| {
            parameters.push((name.to_owned(), value.to_owned()));
        };
        let version = if self.tls12 { "1.2" } else { "1.3" };
        match self.tls {
            Some(TlsMode::Implicit) => add("tls", version),
            Some(TlsMode::Starttls) => add("tls", &format!("{version} by STARTTLS")),
            None => {}
        }
        if self.post_quantum {
            add("key exchange", "X25519MLKEM768");
        }
        if self.proxy_v2 {
            match self.proxy_addresses {
                0 => add("proxied addresses", "own"),
                addresses => add("proxied addresses", &addresses.to_string()),
            }
        }
        parameters
    }

    fn proxy_source(&self) -> Option<ProxySource> {
        self.proxy_v2.then_some(match self.proxy_addresses {
            0 => ProxySource::Socket,
            addresses => ProxySource::Network { addresses },
        })
    }
}
