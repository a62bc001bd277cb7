//! What a session stands on in these tests: settings, a client, and an empty outbox.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hale::auth::answer::Answer;
use hale::auth::verdict::{BackendTls, Certificate, Elsewhere, Grant, Verdict};
use hale::facts::{ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits;
use hale::names::Protocol;
use hale::network::Networks;
use hale::preauth::Dialogue;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::{Mechanism, Mechanisms};
use hale::session::{
    CertificateSettings, Cleartext, ProtocolSettings, SendHeader, Session, SessionSettings,
    SiteHeader,
};
use hale::tick::Tick;

use crate::client_facts;

pub(super) fn settings() -> SessionSettings {
    SessionSettings {
        rules: Rules::default(),
        guarded_rules: Rules { plaintext_allowed: false, ..Rules::default() },
        starttls_rules: None,
        bound_rules: None,
        certificates: CertificateSettings::default(),
        verify_backends: true,
        trusted: Networks::default(),
        cleartext: Cleartext::Allowed,
        proxy_header_is_private: false,
        proxy_header_timeout: limits::PROXY_HEADER_TIMEOUT,
        failure_delay: limits::FAILURE_DELAY,
        login_timeout: limits::LOGIN_PROXY_TIMEOUT,
        reconnects_max: limits::RECONNECTS_MAX,
        backend_connections_max: 0,
        user_move_timeout: Duration::from_secs(31),
        site_header: SiteHeader::default(),
        protocols: Protocol::ALL.map(ProtocolSettings::standard),
    }
}

/// What is different in one test.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// What is spoken; IMAP, if nothing is said.
    pub(super) protocol: Option<Protocol>,
    /// A PROXY header comes first; the socket's peer is a balancer then.
    pub(super) header: bool,
    /// `login_trusted_networks`.
    pub(super) trusted: Networks,
    /// `ssl = required`.
    pub(super) private_only: bool,
    /// `auth_allow_cleartext = no`, and there is a certificate.
    pub(super) private_wanted: bool,
    /// `proxy_protocol_implies_secure`.
    pub(super) header_is_private: bool,
    /// The client came over TLS.
    pub(super) tls: bool,
    /// There is a certificate, so that STARTTLS is offered in clear.
    pub(super) starttls: bool,
    /// The listener's connections begin with TLS.
    pub(super) behind_tls: bool,
    /// `auth_mechanisms` has `external`.
    pub(super) external: bool,
    /// `auth_mechanisms` has tokens and SCRAM.
    pub(super) exchanges: bool,
    /// `auth_ssl_require_client_cert`.
    pub(super) certificate_required: bool,
    /// `auth_ssl_username_from_cert`.
    pub(super) certificate_names: bool,
    /// `proxy_send_header = v1`.
    pub(super) send_header: bool,
    /// `site_send_header = v1`.
    pub(super) site_header: bool,
    /// `proxy_ssl = starttls`.
    pub(super) backend_starttls: bool,
    /// For the jitter.
    pub(super) seed: u64,
}

impl Scene {
    pub(super) fn session(&self) -> Session {
        let settings = SessionSettings {
            trusted: self.trusted.clone(),
            cleartext: match (self.private_only, self.private_wanted) {
                (true, _) => Cleartext::Forbidden,
                (false, true) => Cleartext::Discouraged,
                (false, false) => Cleartext::Allowed,
            },
            proxy_header_is_private: self.header_is_private,
            certificates: CertificateSettings {
                rules: self.external.then(|| Rules {
                    mechanisms: Mechanisms::PASSWORDS.with(Mechanism::External),
                    ..Rules::default()
                }),
                required: self.certificate_required,
                name_the_user: self.certificate_names,
            },
            ..settings()
        };
        let mut settings = settings;
        if self.exchanges {
            let others = Mechanisms::BOUND.and(Mechanisms::DIGESTS).with(Mechanism::Anonymous);
            settings.rules.mechanisms =
                Mechanism::ALL.into_iter().collect::<Mechanisms>().except(others);
        }
        if self.starttls {
            let offered = |rules: &Rules| Rules { starttls: true, ..rules.clone() };
            settings.starttls_rules = Some([&settings.rules, &settings.guarded_rules].map(offered));
        }
        if self.send_header {
            let send_header = SendHeader::V1;
            settings.protocols =
                settings.protocols.map(|it| ProtocolSettings { send_header, ..it });
        }
        if self.site_header {
            settings.site_header = SiteHeader::new(SendHeader::V1, Box::default());
        }
        if self.backend_starttls {
            let tls = BackendTls::Starttls(Certificate::Configured);
            settings.protocols = settings.protocols.map(|it| ProtocolSettings { tls, ..it });
        }
        let peer = SocketAddr::from(if self.header {
            ([10, 0, 0, 2], 5000)
        } else {
            ([192, 0, 2, 7], 4711)
        });
        let facts = ClientFacts {
            socket: peer,
            origin: peer,
            apparent: peer,
            trusted: self.trusted.contains(peer.ip()),
            transport: if self.tls { Transport::Tls } else { Transport::Insecure },
            ..client_facts(false)
        };
        let dialogue = Dialogue::new(self.protocol.unwrap_or(Protocol::Imap));
        let session =
            Session::new(Arc::new(settings), dialogue, facts, self.header, self.seed, Tick(0));
        if self.behind_tls { session.behind_tls() } else { session }
    }
}

pub(super) fn accepted(grant: Grant) -> Box<Answer> {
    answered(Verdict::Accept(Box::new(grant)))
}

pub(super) fn refused(failure: Failure, reason: Option<&str>) -> Box<Answer> {
    answered(Verdict::Refuse { failure, reason: reason.map(Into::into) })
}

/// `user host [port]`
pub(super) fn elsewhere(text: &str) -> Box<Answer> {
    let words: Vec<&str> = text.split(' ').collect();
    answered(Verdict::Elsewhere(Box::new(Elsewhere {
        user: words[0].into(),
        host: words[1].into(),
        port: words.get(2).map(|port| port.parse().unwrap()),
        reason: None,
    })))
}

fn answered(verdict: Verdict) -> Box<Answer> {
    Box::new(Answer {
        verdict,
        master_user: None,
        nodelay: false,
        delay_until: None,
        not_before: None,
        why: None,
        trouble: None,
    })
}

pub(super) fn granted(user: &str) -> Box<Answer> {
    accepted(Grant::new(user, true))
}
