//! What the configuration says to LMTP; shared by all of a process.

use std::time::Duration;

use crate::auth::verdict::BackendTls;
use crate::facts::ClientFacts;
use crate::limits;
use crate::network::Networks;
use crate::proxy_header::announce::{SendHeader, SiteHeader};
use crate::session::input::Hop;
use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::path::Brackets;

/// Settings of LMTP sessions.
#[derive(Clone, Debug)]
pub struct LmtpSettings {
    /// Our name in the greeting and in LHLO to backends.
    pub hostname: Box<str>,
    /// Words behind the name in the greeting.
    pub greeting: Box<str>,
    /// Peers whose XCLIENT and XRCPTFORWARD are believed (`login_trusted_networks`).
    pub trusted: Networks,
    /// `haproxy_timeout`.
    pub proxy_header_timeout: Duration,
    /// `proxy_port` of `protocol lmtp`.
    pub port: u16,
    /// `proxy_send_header` of `protocol lmtp`.
    pub send_header: SendHeader,
    /// `site_send_header`, `site_send_header_to`.
    pub site_header: SiteHeader,
    /// Addresses in XCLIENT to backends begin with `IPV6:` (`lmtp_xclient_ipv6_prefix`).
    pub xclient_ipv6_prefix: bool,
    /// Characters each of which separates a user's name from a detail in a local part (`recipient_delimiter`).
    pub delimiters: Box<str>,
    /// Whether there is a certificate to show behind STARTTLS.
    pub starttls: bool,
    /// `proxy_ssl` of `protocol lmtp`.
    pub tls: BackendTls,
    /// Whether backends have to prove who they are (`ssl_client_require_valid_cert`).
    pub verify_backends: bool,
    /// `backend_connections_max`; 0: any number.
    pub backend_connections_max: u32,
    /// What clients are promised in the backends' name (`lmtp_backend_capabilities`).
    pub extensions: Box<[Extension]>,
    /// Whether paths need their brackets (`lmtp_client_workarounds`).
    pub brackets: Brackets,
}

impl LmtpSettings {
    /// Whether clients are told that backends have it.
    #[must_use]
    pub fn offers(&self, extension: Extension) -> bool {
        self.extensions.contains(&extension)
    }

    /// What a connection to a host begins with (W-PPO-1, W-PPO-6).
    pub(super) fn header(&self, hop: Hop, host: &str, facts: &ClientFacts) -> Vec<u8> {
        match hop {
            Hop::Backend => self.send_header.encode(facts),
            Hop::Site => self.site_header.encode(host),
        }
    }
}

impl Default for LmtpSettings {
    /// What holds where nothing is configured, and no name yet.
    fn default() -> Self {
        Self {
            hostname: Box::default(),
            greeting: Box::default(),
            trusted: Networks::default(),
            proxy_header_timeout: limits::PROXY_HEADER_TIMEOUT,
            port: 24,
            send_header: SendHeader::No,
            site_header: SiteHeader::default(),
            xclient_ipv6_prefix: false,
            delimiters: "+".into(),
            starttls: false,
            tls: BackendTls::Off,
            verify_backends: true,
            backend_connections_max: 0,
            extensions: [Extension::EightBitMime].into(),
            brackets: Brackets::Needed,
        }
    }
}
