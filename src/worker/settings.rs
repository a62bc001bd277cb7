//! What a data core is told once, and the ways to the other threads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::door::DoorRules;
use crate::auth::bearer::TokenHints;
use crate::auth::cache::CacheRules;
use crate::auth::verdict::{BackendTls, Certificate};
use crate::config::model::{
    Auth, ClientSsl, HeaderOption, ProxyHeader, ProxySsl, Service, TokenExpiry,
};
use crate::config::{self, AllowCleartext, Config, Passdb, PassdbDriver, SslMode};
use crate::event::Event;
use crate::limits;
use crate::lmtp::LmtpSettings;
use crate::names::mechanism::{Mechanism, Mechanisms};
use crate::names::{CoreId, Protocol};
use crate::network::Networks;
use crate::preauth::capability::Rules;
use crate::secret::Secret;
use crate::session::{
    CertificateSettings, Cleartext, Extensions, ProtocolSettings, SendHeader, SessionSettings,
    SiteHeader,
};
use crate::share::counters::Counters;
use crate::share::enquiry::Piece;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use crate::share::messages::ToCore;
use crate::share::snapshot::Published;
use crate::share::trace::Traced;
use crate::tls::Context;

use super::login::look_ups::under_policy::PolicyRules;
use super::relay::disconnects::DisconnectRules;

/// Settings of all data cores.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Settings of the sessions, in the order of [`Protocol::ALL`].
    pub session: [Arc<SessionSettings>; 5],
    /// Settings of the LMTP sessions.
    pub lmtp: Arc<LmtpSettings>,
    /// `haproxy_trusted_networks`.
    pub haproxy_trusted: Networks,
    /// `login_trusted_networks`.
    pub trusted: Networks,
    /// Connections of this core at most.
    pub connections_max: u32,
    /// A relay without a byte either way ends after this, in the order of [`Protocol::ALL`]; [`Duration::MAX`]: never.
    pub relay_idle_timeouts: [Duration; 5],
    /// `mail_max_userip_connections`, in the order of [`Protocol::ALL`].
    pub seats_max: [u32; 5],
    /// `login_source_ips`.
    pub source_ips: Box<[IpAddr]>,
    /// `connections_per_address_max` and `connection_rate_per_address`.
    pub per_address: DoorRules,
    /// `login_proxy_max_disconnect_delay`.
    pub spread: DisconnectRules,
    /// `login_token_expiry`.
    pub token_expiry: TokenExpiry,
    /// `auth_policy_…`: when a policy server is asked.
    pub policy: PolicyRules,
    /// `log_debug`: reports that only the debug level shows are worth making.
    pub log_debug: bool,
}

impl WorkerSettings {
    /// What the configuration says to data cores. `host`: our name. `secret`: what challenges are made of, drawn at start.
    #[must_use]
    pub fn new(config: &Config, host: &str, connections_max: u32, secret: &Secret) -> Self {
        Self {
            session: Protocol::ALL
                .map(|protocol| Arc::new(session_settings(config, protocol, host, secret))),
            lmtp: Arc::new(lmtp_settings(config, host)),
            haproxy_trusted: config.trust.haproxy_networks.clone(),
            trusted: config.trust.login_networks.clone(),
            connections_max,
            relay_idle_timeouts: Protocol::ALL
                .map(|protocol| or_never(config.protocol(protocol).relay_idle_timeout)),
            seats_max: Protocol::ALL
                .map(|protocol| config.protocol(protocol).mail_max_userip_connections),
            source_ips: config.proxy.source_ips.clone().into_boxed_slice(),
            per_address: config.limits.per_address,
            spread: DisconnectRules {
                over: config.proxy.max_disconnect_delay,
                crowd_min: limits::SPREAD_CROWD_MIN,
            },
            token_expiry: config.proxy.token_expiry,
            policy: config.auth.policy.as_ref().map_or_else(PolicyRules::default, |policy| {
                PolicyRules {
                    before: policy.check_before_auth,
                    after: policy.check_after_auth,
                    report: policy.report_after_auth,
                    reject_on_fail: policy.reject_on_fail,
                }
            }),
            log_debug: config.log.debug,
        }
    }

    /// The same, shared with no other core: each session counts itself among those that read its protocol's settings, and
    /// cores that count at one place wait for each other.
    pub(super) fn for_one_core(&self) -> Self {
        Self {
            session: self.session.each_ref().map(|settings| Arc::new((**settings).clone())),
            lmtp: Arc::new((*self.lmtp).clone()),
            ..self.clone()
        }
    }

    /// How late failed logins are answered, in all protocols; zero: no login waits for another.
    pub(super) fn failure_delay(&self) -> Duration {
        let [any, ..] = &self.session;
        any.failure_delay
    }

    /// The settings of a protocol's sessions.
    #[must_use]
    pub fn session(&self, protocol: Protocol) -> &Arc<SessionSettings> {
        let [imap, pop3, lmtp, sieve, submission] = &self.session;
        match protocol {
            Protocol::Imap => imap,
            Protocol::Pop3 => pop3,
            Protocol::Lmtp => lmtp,
            Protocol::Sieve => sieve,
            Protocol::Submission => submission,
        }
    }

    /// `mail_max_userip_connections` of a protocol; zero: the backends count.
    #[must_use]
    pub fn seats_max(&self, protocol: Protocol) -> u32 {
        let of = Protocol::ALL.iter().position(|known| *known == protocol);
        of.and_then(|index| self.seats_max.get(index)).copied().unwrap_or(0)
    }

    /// A relay of this protocol without a byte either way ends after this; [`Duration::MAX`]: never.
    #[must_use]
    pub fn relay_idle_timeout(&self, protocol: Protocol) -> Duration {
        let of = Protocol::ALL.iter().position(|known| *known == protocol);
        of.and_then(|index| self.relay_idle_timeouts.get(index)).copied().unwrap_or_default()
    }

    /// Whether a peer's word about clients is believed.
    #[must_use]
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        self.trusted.contains(peer)
    }
}

/// In the configuration no time at all stands for all the time there is.
fn or_never(time: Duration) -> Duration {
    if time.is_zero() { Duration::MAX } else { time }
}

fn lmtp_settings(config: &Config, host: &str) -> LmtpSettings {
    LmtpSettings {
        hostname: host.into(),
        greeting: config.login_greeting.as_str().into(),
        trusted: config.trust.login_networks.clone(),
        proxy_header_timeout: config.trust.haproxy_timeout,
        port: config.protocol(Protocol::Lmtp).proxy_port,
        send_header: send_header(config.protocol(Protocol::Lmtp)),
        site_header: site_header(config.protocol(Protocol::Lmtp)),
        xclient_ipv6_prefix: config.lmtp_xclient_ipv6_prefix,
        delimiters: config.recipient_delimiters.as_str().into(),
        starttls: config.ssl.of(Protocol::Lmtp).has_certificate(),
        tls: backend_tls(config.protocol(Protocol::Lmtp).proxy_ssl),
        verify_backends: config.protocol(Protocol::Lmtp).verify_backends,
        backend_connections_max: config.limits.backend_connections,
        extensions: config.lmtp.extensions.as_slice().into(),
        brackets: config.lmtp.brackets,
    }
}

/// What clients with a bad token are told: by the first passdb that judges tokens in this protocol.
fn token_hints(auth: &Auth, protocol: Protocol) -> TokenHints {
    let serving = |passdb: &&Passdb| passdb.serves(Mechanism::OauthBearer, protocol);
    let provider = |passdb: &Passdb| match &passdb.driver {
        PassdbDriver::Remote(remote) => match &remote.service {
            Service::OAuth2(oauth2) => Some(TokenHints {
                scope: oauth2.scopes.join(" ").into(),
                openid_configuration: oauth2
                    .discovery
                    .as_ref()
                    .map_or_else(Box::default, |url| url.to_string().into()),
            }),
            _ => None,
        },
        PassdbDriver::PasswdFile { .. } | PassdbDriver::Static { .. } => None,
    };
    auth.passdbs.iter().filter(serving).find_map(provider).unwrap_or_default()
}

fn session_settings(
    config: &Config,
    protocol: Protocol,
    host: &str,
    secret: &Secret,
) -> SessionSettings {
    let (ssl, own) = (config.ssl.of(protocol), config.protocol(protocol));
    let offered = config.auth.offered(protocol);
    let mechanisms = offered.except(Mechanisms::BOUND);
    let rules = Rules {
        host: host.into(),
        submission_keywords: config
            .submission_keywords
            .iter()
            .map(|line| (**line).into())
            .collect(),
        greeting: config.login_greeting.as_str().into(),
        token_hints: token_hints(&config.auth, protocol),
        challenge_secret: secret.clone(),
        anonymous_username: config.auth.anonymous_username.as_str().into(),
        mechanisms: mechanisms.without(Mechanism::External),
        plaintext_allowed: true,
        sieve_implementation: config.managesieve.implementation.as_str().into(),
        sieve_extensions: config.managesieve.extensions.as_str().into(),
        sieve_notify: config.managesieve.notify.as_str().into(),
        ..Rules::default()
    };
    let guarded_rules = Rules { plaintext_allowed: false, ..rules.clone() };
    SessionSettings {
        bound_rules: offered.meets(Mechanisms::BOUND).then(|| {
            [offered.without(Mechanism::External), offered]
                .map(|mechanisms| Rules { mechanisms, ..rules.clone() })
        }),
        starttls_rules: ssl.has_certificate().then(|| {
            [&rules, &guarded_rules].map(|rules| Rules { starttls: true, ..rules.clone() })
        }),
        certificates: CertificateSettings {
            rules: mechanisms
                .has(Mechanism::External)
                .then(|| Rules { mechanisms, ..rules.clone() }),
            required: own.ssl_require_client_cert,
            name_the_user: own.ssl_username_from_cert,
        },
        verify_backends: own.verify_backends,
        guarded_rules,
        rules,
        trusted: config.trust.login_networks.clone(),
        cleartext: cleartext(ssl, own),
        proxy_header_is_private: config.trust.proxy_protocol_implies_secure,
        proxy_header_timeout: config.trust.haproxy_timeout,
        failure_delay: config.auth.failure_delay,
        login_timeout: config.proxy.login_timeout,
        reconnects_max: config.proxy.max_reconnects,
        backend_connections_max: config.limits.backend_connections,
        user_move_timeout: config.cluster.user_move_timeout,
        site_header: site_header(own),
        protocols: Protocol::ALL.map(|protocol| config.protocol(protocol)).map(|protocol| {
            ProtocolSettings {
                port: protocol.proxy_port,
                send_header: send_header(protocol),
                tls: backend_tls(protocol.proxy_ssl),
                xclient_inherit_ok: protocol.xclient_inherit_ok,
                pass_backend_error: protocol.pass_backend_error,
            }
        }),
    }
}

fn cleartext(ssl: &ClientSsl, own: &config::model::ProtocolSettings) -> Cleartext {
    match (ssl.mode, own.allow_cleartext) {
        (SslMode::Required, _) => Cleartext::Forbidden,
        (_, AllowCleartext::Yes) => Cleartext::Allowed,
        // Without a certificate there is no better way that clients could be sent to. An operator who says so in so many
        // words wants them turned away all the same, as Dovecot does.
        (_, AllowCleartext::Unsaid) if !ssl.has_certificate() => Cleartext::Allowed,
        (_, AllowCleartext::Unsaid | AllowCleartext::No) => Cleartext::Discouraged,
    }
}

fn send_header(protocol: &config::model::ProtocolSettings) -> SendHeader {
    match protocol.proxy_send_header {
        ProxyHeader::No => SendHeader::No,
        ProxyHeader::V1 => SendHeader::V1,
        ProxyHeader::V2 => SendHeader::V2(
            protocol
                .proxy_send_header_options
                .iter()
                .map(|option| match option {
                    HeaderOption::Ssl => Extensions::SSL,
                    HeaderOption::Authority => Extensions::AUTHORITY,
                    HeaderOption::UniqueId => Extensions::UNIQUE_ID,
                    HeaderOption::Checksum => Extensions::CHECKSUM,
                })
                .fold(Extensions::NONE, Extensions::with),
        ),
    }
}

fn site_header(protocol: &config::model::ProtocolSettings) -> SiteHeader {
    let header = match protocol.site_send_header {
        ProxyHeader::No => SendHeader::No,
        ProxyHeader::V1 => SendHeader::V1,
        ProxyHeader::V2 => SendHeader::V2(Extensions::NONE),
    };
    SiteHeader::new(header, boxed(&protocol.site_send_header_to))
}

fn boxed(words: &[String]) -> Box<[Box<str>]> {
    words.iter().map(|word| word.as_str().into()).collect()
}

fn backend_tls(configured: ProxySsl) -> BackendTls {
    match configured {
        ProxySsl::No => BackendTls::Off,
        ProxySsl::StartTls => BackendTls::Starttls(Certificate::Configured),
        ProxySsl::Yes => BackendTls::Implicit(Certificate::Configured),
    }
}

/// The cache of verified passwords.
#[derive(Clone, Debug)]
pub struct VerifiedCache {
    /// Keys the cache; drawn at start, never leaves the process.
    pub secret: Secret,
    /// How much each core remembers, and for how long.
    pub rules: CacheRules,
}

impl VerifiedCache {
    /// Each core's part: data cores share nothing that is written, so each has tables of its own.
    #[must_use]
    pub fn configured(auth: &Auth, cores: usize, secret: Secret) -> Self {
        let cores = u64::try_from(cores).unwrap_or(u64::MAX).max(1);
        let (ttl, negative_ttl) = (auth.cache_ttl, auth.cache_negative_ttl);
        let bytes = (auth.cache_size - auth.cache_of_replies()) / cores;
        Self { secret, rules: CacheRules { bytes, ttl, negative_ttl } }
    }
}

/// Ways to the other threads.
#[derive(Clone, Debug)]
pub struct Links {
    /// What others tell this core.
    pub mail: Arc<Mailbox<ToCore>>,
    /// Where pieces of answers to enquiries go.
    pub pieces: Arc<Mailbox<Piece>>,
    /// Where bytes go that an operator wants to see.
    pub traced: Arc<Mailbox<Traced>>,
    /// Where reports go.
    pub log: Arc<Mailbox<Event>>,
    /// Certificates, and whom we trust.
    pub tls: Published<Context>,
    /// This core's counters.
    pub counters: Arc<Counters>,
}

impl Links {
    /// The ways of one core; `None` when the exchange was made for fewer cores.
    #[must_use]
    pub fn of(exchange: &Exchange, core: CoreId) -> Option<Self> {
        let index = usize::from(core.0);
        Some(Self {
            mail: Arc::clone(exchange.to_cores.get(index)?),
            pieces: Arc::clone(&exchange.pieces),
            traced: Arc::clone(&exchange.traced),
            log: Arc::clone(&exchange.log),
            tls: exchange.tls.clone(),
            counters: Arc::clone(exchange.counters.get(index)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::loaded;

    #[test]
    fn clients_with_a_bad_token_are_told_where_there_are_better_ones() {
        let mut config = loaded(
            "auth_mechanisms = plain oauthbearer\npassdb tokens {\n driver = oauth2\n \
             oauth2_openid_configuration_url = https://id.example.org/.well-known/openid-configuration\n \
             oauth2_scope = mail profile\n}\n",
        );
        let hints = token_hints(&config.auth, Protocol::Imap);
        assert_eq!(&*hints.scope, "mail profile");
        let page = "https://id.example.org/.well-known/openid-configuration";
        assert_eq!(&*hints.openid_configuration, page);
        config.auth.passdbs[0].protocols = vec![Protocol::Imap];
        assert_eq!(token_hints(&config.auth, Protocol::Pop3), TokenHints::default());
    }

    #[test]
    fn w_sasl_12_what_is_bound_to_tls_is_offered_by_the_rules_for_that_alone() {
        let config = loaded(
            "auth_mechanisms = plain external scram-sha-256 scram-sha-256-plus\npassdb x {\n driver = static\n password = x\n}\n",
        );
        let settings = session_settings(&config, Protocol::Imap, "h", &Secret::default());
        let has = |rules: &Rules, mechanism| rules.mechanisms.has(mechanism);
        let plus = Mechanism::ScramSha256Plus;
        for rules in [&settings.rules, &settings.guarded_rules] {
            assert!(has(rules, Mechanism::ScramSha256) && !has(rules, plus));
        }
        assert!(!has(settings.certificates.rules.as_ref().unwrap(), plus));
        let [without, with] = settings.bound_rules.as_ref().unwrap();
        assert!(has(without, plus) && !has(without, Mechanism::External));
        assert!(has(with, plus) && has(with, Mechanism::External));
    }

    #[test]
    fn w_trust_2_case_01_the_settings_say_who_may_send_a_password_in_clear() {
        const CERTIFICATE: &str =
            "ssl_server_cert_file = /e/c.pem\nssl_server_key_file = /e/k.pem\n";
        let of = |text: &str| {
            session_settings(&loaded(text), Protocol::Imap, "h", &Secret::default()).cleartext
        };
        assert_eq!(of(""), Cleartext::Allowed, "there is no certificate");
        assert_eq!(of(CERTIFICATE), Cleartext::Discouraged);
        assert_eq!(of(&format!("{CERTIFICATE}auth_allow_cleartext = yes\n")), Cleartext::Allowed);
        assert_eq!(of(&format!("{CERTIFICATE}ssl = no\n")), Cleartext::Allowed);
        for said in ["auth_allow_cleartext = no\n", "disable_plaintext_auth = yes\n"] {
            assert_eq!(of(said), Cleartext::Discouraged, "case 01: no certificate, and {said}");
            assert_eq!(of(&format!("{said}ssl = no\n")), Cleartext::Discouraged, "{said}");
        }
        let required = format!("{CERTIFICATE}ssl = required\nauth_allow_cleartext = yes\n");
        assert_eq!(of(&required), Cleartext::Forbidden);
    }

    #[test]
    fn w_rel_6_no_idle_timeout_is_all_the_time_there_is() {
        let of = |text: &str, protocol| {
            WorkerSettings::new(&loaded(text), "h", 1, &Secret::default())
                .relay_idle_timeout(protocol)
        };
        let text = "relay_idle_timeout = 0\nprotocol pop3 {\n relay_idle_timeout = 1 min\n}\n";
        assert_eq!(of(text, Protocol::Imap), Duration::MAX);
        assert_eq!(of(text, Protocol::Pop3), Duration::from_secs(60));
        assert_eq!(of("", Protocol::Imap), limits::IMAP_IDLE_TIMEOUT);
    }

    #[test]
    fn data_cores_share_the_memory_of_the_auth_cache() {
        let of = |text: &str, cores| {
            VerifiedCache::configured(&loaded(text).auth, cores, Secret::from("s")).rules
        };
        let text =
            "auth_cache_size = 8M\nauth_cache_ttl = 10 min\nauth_cache_negative_ttl = 1 min\n";
        let (ttl, negative_ttl) = (Duration::from_secs(600), Duration::from_secs(60));
        assert_eq!(of(text, 4), CacheRules { bytes: 2 << 20, ttl, negative_ttl });
        assert_eq!(of("", 2).bytes, limits::AUTH_CACHE_BYTES / 2);
        assert_eq!(of("auth_cache_size = 0\n", 2).bytes, 0, "nothing is remembered");
    }
}
