//! What the configuration says to sessions; shared by all of a process.

use std::time::Duration;

use crate::auth::verdict::BackendTls;
use crate::facts::{ClientFacts, Transport};
use crate::front::{Binding, ClientTls};
use crate::names::Protocol;
use crate::network::Networks;
use crate::preauth::capability::Rules;
use crate::proxy_header::announce::{SendHeader, SiteHeader};

/// Settings of sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Greeting, mechanisms and the like of the client side, where a password may be sent.
    pub rules: Rules,
    /// The same where it may not.
    pub guarded_rules: Rules,
    /// Both again, where TLS can still be begun with STARTTLS; none: there is no certificate to show.
    pub starttls_rules: Option<[Rules; 2]>,
    /// The rules where TLS 1.3 ends here, so that SCRAM can be bound to it, without and with a client certificate; none: no such
    /// mechanism is listed.
    pub bound_rules: Option<[Rules; 2]>,
    /// What client certificates are good for.
    pub certificates: CertificateSettings,
    /// Whether backends have to prove who they are (`ssl_client_require_valid_cert`).
    pub verify_backends: bool,
    /// Peers whose forwarded facts are believed (`login_trusted_networks`).
    pub trusted: Networks,
    /// Passwords over connections that are not private (`ssl`, `auth_allow_cleartext`).
    pub cleartext: Cleartext,
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
    /// `backend_connections_max`; 0: any number.
    pub backend_connections_max: u32,
    /// `cluster_user_move_timeout`: a login may be held that long while its user is being moved (G25).
    pub user_move_timeout: Duration,
    /// `site_send_header`, `site_send_header_to`.
    pub site_header: SiteHeader,
    /// Per protocol, in the order of [`Protocol::ALL`].
    pub protocols: [ProtocolSettings; 5],
}

/// Who may send a password over a connection that is not private (W-TRUST-2, W-TRUST-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleartext {
    /// Every client: the operator wants it so, or said nothing and has no certificate that could make anything private.
    Allowed,
    /// Trusted peers and clients on this host.
    Discouraged,
    /// No client, however much it is trusted (`ssl = required`).
    Forbidden,
}

/// What a verified client certificate is good for (docs/rules/sasl.md).
#[derive(Clone, Debug, Default)]
pub struct CertificateSettings {
    /// The rules of a private connection with one; none: EXTERNAL is turned off.
    pub rules: Option<Rules>,
    /// `auth_ssl_require_client_cert`: no client logs in without.
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
    /// `xclient_inherit_ok`.
    pub xclient_inherit_ok: bool,
    /// `pass_backend_error`.
    pub pass_backend_error: bool,
}

impl ProtocolSettings {
    /// The protocol's own port, in clear, and nothing said before it.
    #[must_use]
    pub fn standard(protocol: Protocol) -> Self {
        Self {
            port: protocol.default_port(),
            tls: BackendTls::Off,
            send_header: SendHeader::No,
            xclient_inherit_ok: false,
            pass_backend_error: false,
        }
    }
}

impl SessionSettings {
    /// The rules of a connection, given whether a password is safe on it. `behind_header`: a balancer stands in front;
    /// that may be privacy enough (W-TRUST-3), and is no TLS of which a backend could be told. `binding`: whether the client's TLS is
    /// one that SCRAM can be bound to.
    #[must_use]
    pub(super) fn rules_for(
        &self,
        facts: &ClientFacts,
        behind_header: bool,
        tls: ClientTls,
        binding: Binding,
    ) -> &Rules {
        // What a trusted peer says of its own client's way does not make ours less private.
        let private = facts.transport == Transport::Tls
            || matches!(tls, ClientTls::Ours | ClientTls::InFront)
            || (behind_header && self.proxy_header_is_private);
        let open = private
            || match self.cleartext {
                Cleartext::Allowed => true,
                Cleartext::Discouraged => facts.trusted || is_one_host(facts),
                Cleartext::Forbidden => false,
            };
        let is_certified = facts.certificate.is_verified() && self.certificates.rules.is_some();
        // All others have SCRAM-…-PLUS masked out: this is the one place that offers it.
        if let (Binding::Exporter, Some([without, with])) = (binding, &self.bound_rules) {
            return if is_certified { with } else { without };
        }
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

/// Client and Hale are on one host, with no other in between (W-TRUST-3). Judged by the socket, or by the header of a
/// balancer that may send one, as trust is (W-TRUST-1, PX-19).
fn is_one_host(facts: &ClientFacts) -> bool {
    let (from, to) = (facts.origin.ip().to_canonical(), facts.local.ip().to_canonical());
    from == to || (from.is_loopback() && to.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClientCertificate;
    use crate::limits::PROXY_TTL;
    use crate::names::SessionId;
    use crate::names::mechanism::{Mechanism, Mechanisms};

    fn facts(from: &str, to: &str, trusted: bool, transport: Transport) -> ClientFacts {
        let from = format!("{from}:4711").parse().unwrap();
        ClientFacts {
            socket: from,
            origin: from,
            apparent: from,
            local: format!("{to}:143").parse().unwrap(),
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport,
            trusted,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    fn settings(cleartext: Cleartext) -> SessionSettings {
        SessionSettings {
            rules: Rules::default(),
            guarded_rules: Rules { plaintext_allowed: false, ..Rules::default() },
            starttls_rules: None,
            bound_rules: None,
            certificates: CertificateSettings::default(),
            verify_backends: true,
            trusted: Networks::default(),
            cleartext,
            proxy_header_is_private: false,
            proxy_header_timeout: Duration::from_secs(3),
            failure_delay: Duration::ZERO,
            login_timeout: Duration::from_secs(30),
            reconnects_max: 0,
            backend_connections_max: 0,
            user_move_timeout: Duration::from_secs(31),
            site_header: SiteHeader::default(),
            protocols: Protocol::ALL.map(ProtocolSettings::standard),
        }
    }

    #[test]
    fn w_trust_2_w_trust_3_who_may_send_a_password_in_clear() {
        use Cleartext::{Allowed, Discouraged, Forbidden};
        let far = facts("192.0.2.7", "198.51.100.1", false, Transport::Insecure);
        let trusted = ClientFacts { trusted: true, ..far.clone() };
        let tls = ClientFacts { transport: Transport::Tls, ..far.clone() };
        let same = facts("[::ffff:198.51.100.1]", "198.51.100.1", false, Transport::Insecure);
        let loopback = facts("127.0.0.9", "127.0.0.1", false, Transport::Insecure);
        let may = |cleartext, facts: &ClientFacts, behind_header| {
            let settings = settings(cleartext);
            settings
                .rules_for(facts, behind_header, ClientTls::Clear, Binding::None)
                .plaintext_allowed
        };
        for (facts, allowed, discouraged, forbidden) in [
            (&far, true, false, false),
            (&trusted, true, true, false),
            (&same, true, true, false),
            (&loopback, true, true, false),
            (&tls, true, true, true),
        ] {
            assert_eq!(may(Allowed, facts, false), allowed, "{facts:?}");
            assert_eq!(may(Discouraged, facts, false), discouraged, "{facts:?}");
            assert_eq!(may(Forbidden, facts, false), forbidden, "{facts:?}");
        }
        assert!(may(Discouraged, &loopback, true), "client and balancer are one host");
        let balanced = ClientFacts { socket: loopback.socket, ..far.clone() };
        assert!(!may(Discouraged, &balanced, true), "a balancer on this host is not its client");
        for tls in [ClientTls::Ours, ClientTls::InFront] {
            let rules = settings(Forbidden);
            let rules = rules.rules_for(&trusted, false, tls, Binding::None);
            assert!(rules.plaintext_allowed, "the peer's client came in clear, the peer by TLS");
        }
        let only =
            |mechanism| Rules { mechanisms: Mechanisms::NONE.with(mechanism), ..Rules::default() };
        let bound_rules = Some([Mechanism::ScramSha1Plus, Mechanism::ScramSha256Plus].map(only));
        let certificates = CertificateSettings {
            rules: Some(only(Mechanism::External)),
            ..CertificateSettings::default()
        };
        let bound = SessionSettings { bound_rules, certificates, ..settings(Forbidden) };
        let certified = ClientFacts {
            certificate: ClientCertificate::verified(Some("tim".into())),
            ..tls.clone()
        };
        for (facts, binding, offered) in [
            (&tls, Binding::Exporter, Mechanism::ScramSha1Plus),
            (&certified, Binding::Exporter, Mechanism::ScramSha256Plus),
            (&certified, Binding::None, Mechanism::External),
            (&tls, Binding::None, Mechanism::Plain),
        ] {
            let rules = bound.rules_for(facts, false, ClientTls::Ours, binding);
            assert!(rules.mechanisms.has(offered), "W-SASL-12: {binding:?} {offered:?}");
        }
        let by_name = SessionSettings { proxy_header_is_private: true, ..settings(Discouraged) };
        assert!(by_name.rules_for(&far, true, ClientTls::Clear, Binding::None).plaintext_allowed);
        assert!(!by_name.rules_for(&far, false, ClientTls::Clear, Binding::None).plaintext_allowed);
    }
}
