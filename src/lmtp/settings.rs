//! What the configuration says to LMTP; shared by all of a process.

use std::time::Duration;

use crate::auth::verdict::BackendTls;
use crate::network::Networks;
use crate::session::SendHeader;

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
    /// Addresses in XCLIENT to backends begin with `IPV6:` (`lmtp_xclient_ipv6_prefix`).
    pub xclient_ipv6_prefix: bool,
    /// What separates a user's name from a detail in a local part (`recipient_delimiter`).
    pub delimiter: Option<char>,
    /// Whether there is a certificate to show behind STARTTLS.
    pub starttls: bool,
    /// `proxy_ssl` of `protocol lmtp`.
    pub tls: BackendTls,
    /// Whether backends have to prove who they are (`ssl_client_require_valid_cert`).
    pub verify_backends: bool,
}
