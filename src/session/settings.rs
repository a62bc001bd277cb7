//! What the configuration says to sessions; shared by all of a process.

use std::time::Duration;

use super::SendHeader;
use super::secure::ClientTls;
use crate::auth::verdict::BackendTls;
use crate::facts::{ClientFacts, Transport};
use crate::names::Protocol;
use crate::network::Networks;
use crate::preauth::capability::Rules;

/// Settings of sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Greeting, mechanisms and the like of the client side, where a password may be sent.
    pub rules: Rules,
    /// The same where it may not.
    pub guarded_rules: Rules,
    /// Both again, where TLS can still be begun with STARTTLS; none: there is no certificate to show.
    pub starttls_rules: Option<[Rules; 2]>,
    /// What client certificates are good for.
    pub certificates: CertificateSettings,
    /// Whether backends have to prove who they are (`ssl_client_require_valid_cert`).
    pub verify_backends: bool,
    /// Peers whose forwarded facts are believed (`login_trusted_networks`).
    pub trusted: Networks,
    /// Whether password mechanisms wait for TLS (`ssl = required`), except for trusted peers.
    pub privacy_required: bool,
    /// Whether a PROXY header counts as a private connection (`proxy_protocol_implies_secure`, W-TRUST-3).
    pub proxy_header_is_private: bool,
    /// `haproxy_timeout`.
    pub proxy_header_timeout: Duration,
    /// `auth_failure_delay`.
    pub failure_delay: Duration,
    /// `login_proxy_timeout`.
    pub login_timeout: Duration,
    /// `login_proxy_max_reconnects`.
    pub reconnects_max: u8,
    /// `cluster_user_move_timeout`: a login may be held that long while its user is being moved (G25).
    pub user_move_timeout: Duration,
    /// Per protocol, in the order of [`Protocol::ALL`].
    pub protocols: [ProtocolSettings; 5],
}

/// What a verified client certificate is good for (wire.md 4.2).
#[derive(Clone, Debug, Default)]
pub struct CertificateSettings {
    /// The rules of a private connection with one; none: EXTERNAL is turned off.
    pub rules: Option<Rules>,
    /// `auth_ssl_require_client_cert`: nobody logs in without.
    pub required: bool,
    /// `auth_ssl_username_from_cert`: its user takes the place of the typed one.
    pub name_the_user: bool,
}

/// Settings of one protocol towards the backends.
#[derive(Clone, Copy, Debug)]
pub struct ProtocolSettings {
    /// `proxy_port`.
    pub port: u16,
    /// `proxy_ssl`.
    pub tls: BackendTls,
    /// `proxy_send_header`.
    pub send_header: SendHeader,
}

impl ProtocolSettings {
    /// The protocol's own port, in clear, and nothing said before it.
    #[must_use]
    pub fn standard(protocol: Protocol) -> Self {
        Self { port: protocol.default_port(), tls: BackendTls::Off, send_header: SendHeader::No }
    }
}

impl SessionSettings {
    /// The rules of a connection, given whether a password is safe on it. `behind_header`: a balancer stands in front;
    /// that may be privacy enough (W-TRUST-3), and is no TLS of which a backend could be told.
    #[must_use]
    pub(super) fn rules_for(
        &self,
        facts: &ClientFacts,
        behind_header: bool,
        tls: ClientTls,
    ) -> &Rules {
        let private =
            facts.transport == Transport::Tls || (behind_header && self.proxy_header_is_private);
        let open = private || facts.trusted || !self.privacy_required;
        // All others have EXTERNAL masked out: this is the one place that offers it.
        if let (true, true, Some(rules)) =
            (open, facts.certificate.is_verified(), &self.certificates.rules)
        {
            return rules;
        }
        match (&self.starttls_rules, tls) {
            (Some([rules, _]), ClientTls::Clear) if open => rules,
            (Some([_, guarded]), ClientTls::Clear) => guarded,
            _ if open => &self.rules,
            _ => &self.guarded_rules,
        }
    }

    /// What holds towards the backends of a protocol.
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> ProtocolSettings {
        let index = Protocol::ALL.iter().position(|known| *known == protocol);
        let known = index.and_then(|index| self.protocols.get(index)).copied();
        known.unwrap_or_else(|| ProtocolSettings::standard(protocol))
    }
}
