//! The checked configuration: what the rest of Hale sees.
//!
//! Duty: types that can only hold what makes sense. Not its duty: how they were written. Secrets are
//! [`Secret`], so that a debug print of the whole shows none.
//! Driver: built by `check`, read by every room. Tests: in `check`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::diagnostic::Place;
use super::sieve::ManageSieve;
use crate::admission::door::DoorRules;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;
use crate::network::Networks;
use crate::secret::Secret;
use crate::template::Template;

mod geodb;
mod http_auth;
mod imapc;
mod ldap;
mod lmtp;
mod oauth2;
mod operation;
mod policy;
mod sql;
mod offered;
mod ssl;
mod stats;
mod userdb;
mod way;

pub use geodb::{Cassandra, Consistencies, Consistency, GeoDb};
pub use http_auth::{HttpAuth, HttpAuthForm};
pub use imapc::{Imapc, ImapcSsl};
pub use ldap::{Ldap, LdapCompare, LdapDeref, LdapScope, LdapServer};
pub use lmtp::Lmtp;
pub use oauth2::{Authorities, IntrospectionMode, KeySource, OAuth2};
pub use operation::{Limits, Log, LogTarget, LoginLog, Sandbox};
pub use policy::AuthPolicy;
pub use sql::{Sql, SqlDatabase, SqlServer, SqlTls};
pub use ssl::{
    BackendAuthorities, Certificate, ClientAuthorities, ClientSsl, KeyPassword, Offer,
    RequestClientCert, Ssl, SslMode, TlsVersion,
};
pub use stats::Stats;
pub use userdb::{RemotePassdb, Service};
pub use way::{HeaderOption, Proxy, ProxyHeader, ProxySsl, TokenExpiry};

/// Everything Hale is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the admin and hand-over sockets.
    pub base_dir: PathBuf,
    /// Folder of what must survive a restart.
    pub state_dir: PathBuf,
    /// The user that root becomes before anything is opened.
    pub drop_privileges_to: Option<String>,
    /// Whether the process gives up what it does not need.
    pub sandbox: Sandbox,
    /// The files of the configuration, and every file and folder that it names.
    pub files: Vec<PathBuf>,
    /// CPUs that carry connections.
    pub data_cores: Cores,
    /// CPU that carries everything else.
    pub control_core: ControlCore,
    /// Protocols that are served, in the order given.
    pub protocols: Vec<Protocol>,
    /// Sockets for mail clients; only of served protocols, never with port 0.
    pub listeners: Vec<Listener>,
    /// Sockets for administration and metrics.
    pub admin_listeners: Vec<AdminListener>,
    /// Sites, backends, groups.
    pub cluster: Cluster,
    /// Whose word about clients is believed.
    pub trust: Trust,
    /// TLS.
    pub ssl: Ssl,
    /// Who may log in and how.
    pub auth: Auth,
    /// Text of the greeting.
    pub login_greeting: String,
    /// What ManageSieve's clients are told before they log in.
    pub managesieve: ManageSieve,
    /// This host's name in greetings; absent: the system's.
    pub hostname: Option<String>,
    /// Lines of EHLO that are true of every Submission backend.
    pub submission_keywords: Vec<String>,
    /// What LMTP's clients may do, and what they are promised.
    pub lmtp: Lmtp,
    /// IPv6 addresses begin with `IPV6:` in XCLIENT to LMTP backends.
    pub lmtp_xclient_ipv6_prefix: bool,
    /// Characters each of which separates name and detail of an LMTP recipient.
    pub recipient_delimiters: String,
    /// Towards backends, for logins.
    pub proxy: Proxy,
    /// Sizes and times.
    pub limits: Limits,
    /// Where events go.
    pub log: Log,
    /// Port and password of doveadm.
    pub doveadm: Doveadm,
    /// The status page.
    pub stats: Stats,
    pub(super) protocol_settings: [ProtocolSettings; 5],
}

impl Config {
    /// The settings of one protocol's backends and sessions.
    #[must_use]
    pub fn protocol(&self, protocol: Protocol) -> &ProtocolSettings {
        let [imap, pop3, lmtp, sieve, submission] = &self.protocol_settings;
        match protocol {
            Protocol::Imap => imap,
            Protocol::Pop3 => pop3,
            Protocol::Lmtp => lmtp,
            Protocol::Sieve => sieve,
            Protocol::Submission => submission,
        }
    }
}

/// CPUs for data cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cores {
    /// All but the control core's.
    Auto,
    /// These, in this order; never empty, no CPU twice.
    List(Vec<u16>),
}

/// CPU of the control core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlCore {
    /// The last CPU that is no data core.
    Auto,
    /// This one.
    Cpu(u16),
}

/// A socket that mail clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Its name in the configuration, for logs and metrics.
    pub name: String,
    /// The address to bind; unspecified addresses stand for all of their family.
    pub address: IpAddr,
    /// The port to bind.
    pub port: u16,
    /// Connections begin with a PROXY header (W-PP-1).
    pub haproxy: bool,
    /// Connections begin with a TLS handshake.
    pub ssl: bool,
    /// Clients are asked for a certificate, from the first byte or behind STARTTLS.
    pub request_client_cert: RequestClientCert,
    /// `connections_max` and `connection_rate`.
    pub door: DoorRules,
    /// The same for all addresses of one `inet_listener`, which count together.
    pub number: u16,
    /// Where it was configured; absent for Dovecot's default listeners.
    pub place: Option<Place>,
}

impl Listener {
    /// What to bind.
    #[must_use]
    pub fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// A socket for administration or metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminListener {
    /// What is served on it.
    pub service: AdminService,
    /// Its name in the configuration.
    pub name: String,
    /// What to bind.
    pub endpoint: SocketAddr,
    /// Connections begin with a TLS handshake.
    pub ssl: bool,
    /// Where it was configured.
    pub place: Option<Place>,
}

/// Services that are no mail protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminService {
    /// The doveadm protocol; its HTTP form on listeners called `http`.
    Doveadm,
    /// Metrics over HTTP.
    Stats,
}

/// The Palomar cluster this proxy belongs to.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Name of the own site, as in the GeoDB.
    pub local_site: Option<String>,
    /// The database all sites share.
    pub geodb: GeoDb,
    /// What the settings `cassandra_…` say, whether or not the GeoDB is there: hosts and keyspace may be missing.
    pub cassandra: Cassandra,
    /// The database of this host (SQLite).
    pub localdb: PathBuf,
    /// Users that it keeps.
    pub localdb_users_max: u64,
    /// Bytes that it may take.
    pub localdb_size_max: u64,
    /// How many groups `default-N` new users are spread over.
    pub default_group_count: u32,
    /// User of the health probes; knows `%{backend_host}`. Absent: no backend is probed.
    pub backend_test_username: Option<Template>,
    /// Password of the health probes.
    pub backend_test_password: Option<Secret>,
    /// How they log in; absent: as users do.
    pub backend_test_mech: Option<Mechanism>,
    /// Whether this proxy probes backends and may set them offline.
    pub proxy_check_backends: bool,
    /// Protocols by which it does; never LMTP, which has no login.
    pub backend_check_protocols: Vec<Protocol>,
    /// A user move that takes longer counts as finished.
    pub user_move_timeout: Duration,
    /// Who carries out moves of groups.
    pub group_moves: GroupMoves,
    /// Whether the backend that is left is asked to end what sessions are there.
    pub backend_kick: bool,
    /// How users follow a site that goes and comes back.
    pub site_failover: SiteFailover,
    /// hosts(5) file asked before the system's resolver for names of backends.
    pub hosts_file: Option<PathBuf>,
}

/// Who carries out moves of groups (`cluster_group_moves`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupMoves {
    /// The backend that a group comes from.
    #[default]
    Backend,
    /// The proxies.
    Proxy,
}

/// How users follow a site that goes and comes back.
#[derive(Clone, Debug)]
pub struct SiteFailover {
    /// A site that cannot be reached is failed over, too, not only one that an operator took out.
    pub auto: bool,
    /// How long it has to be out of reach.
    pub delay: Duration,
    /// Percent of its groups per minute.
    pub ramp: u8,
    /// Logins of this proxy that may change where groups are served.
    pub logins_per_second_max: u32,
}

/// Whose word about clients is believed.
#[derive(Clone, Debug)]
pub struct Trust {
    /// May send PROXY headers on `haproxy` listeners.
    pub haproxy_networks: Networks,
    /// May send ID, XCLIENT and the like for others; may log in without TLS.
    pub login_networks: Networks,
    /// How long to wait for a PROXY header.
    pub haproxy_timeout: Duration,
    /// A PROXY header from a trusted peer makes the connection count as encrypted.
    pub proxy_protocol_implies_secure: bool,
}

/// `auth_allow_cleartext`, and whether the operator said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowCleartext {
    /// Every client may.
    Yes,
    /// Trusted peers and clients on this host may, also where no certificate is known.
    No,
    /// Nothing is written: as `no` where there is a certificate that others could use, as `yes` where there is none.
    Unsaid,
}

/// Who may log in and how.
#[derive(Clone, Debug)]
pub struct Auth {
    /// SASL mechanisms offered; never empty.
    pub mechanisms: Vec<Mechanism>,
    /// Who clients are that log in by ANONYMOUS.
    pub anonymous_username: String,
    /// Makes the user name that is looked up and routed by.
    pub username_format: Template,
    /// Characters user names may have; empty: all.
    pub username_chars: String,
    /// Added to user names without one.
    pub default_domain: Option<String>,
    /// Stands between user and master user in `user*master`.
    pub master_user_separator: Option<char>,
    /// Refused logins are answered after this long.
    pub failure_delay: Duration,
    /// Bytes of the verdict cache; 0: none.
    pub cache_size: u64,
    /// How long a good verdict is cached.
    pub cache_ttl: Duration,
    /// How long a bad verdict is cached.
    pub cache_negative_ttl: Duration,
    /// Threads that verify passwords; absent: chosen by the shell.
    pub hash_threads: Option<u16>,
    /// Bytes that hashes running at the same time may take together.
    pub hash_memory: u64,
    /// The policy server; none: there is none.
    pub policy: Option<AuthPolicy>,
    /// Password databases in the order in which they are asked.
    pub passdbs: Vec<Passdb>,
}

/// A password database.
#[derive(Clone, Debug)]
pub struct Passdb {
    /// Its label, or `passdb-N` when it has none.
    pub name: String,
    /// Where answers come from.
    pub driver: PassdbDriver,
    /// Fields that an answer of the database may replace.
    pub default_fields: Vec<Field>,
    /// Fields that replace those of the database's answer.
    pub fields: Vec<Field>,
    /// Scheme of stored passwords that name none.
    pub default_password_scheme: String,
    /// Makes the name that is looked up here; absent: the user name as it is.
    pub username_format: Option<Template>,
    /// Asked for master users only.
    pub master: bool,
    /// Users found here may not log in.
    pub deny: bool,
    /// Whether earlier answers make this one superfluous.
    pub skip: Skip,
    /// What happens after a good answer.
    pub result_success: Outcome,
    /// What happens after a bad one.
    pub result_failure: Outcome,
    /// What happens when there was none.
    pub result_internalfail: Outcome,
    /// Mechanisms it is asked for; empty: all.
    pub mechanisms: Vec<Mechanism>,
    /// Patterns of the names that it is asked for, or with `!` is not; empty: all.
    pub username_filter: Vec<String>,
    /// Protocols it is asked for; empty: all.
    pub protocols: Vec<Protocol>,
    /// Where it was configured.
    pub place: Place,
}

/// Where a password database has its answers from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassdbDriver {
    /// passwd(5)-like file with Dovecot's extra fields.
    PasswdFile {
        /// The file; may have variables such as `%{user | domain}`.
        path: Template,
    },
    /// The same answer for every user.
    Static {
        /// Password of every user; absent: `fields` decide (`nopassword`, `password`).
        password: Option<Secret>,
    },
    /// Answers come from elsewhere.
    Remote(Box<RemotePassdb>),
}

/// An extra field of a passdb.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Dovecot's name: `proxy`, `host`, `password`, `forward_…`.
    pub name: String,
    /// Its value.
    pub value: Template,
}

impl Field {
    /// Whether the value must not be printed.
    #[must_use]
    pub fn is_secret(name: &str) -> bool {
        matches!(name.rsplit('_').next(), Some("password" | "pass"))
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::is_secret(&self.name) {
            write!(f, "{}=…", self.name)
        } else {
            write!(f, "{}={}", self.name, self.value)
        }
    }
}

/// Whether earlier answers make a passdb superfluous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Always asked.
    Never,
    /// Not asked when the user is authenticated already.
    Authenticated,
    /// Asked only when the user is authenticated already.
    Unauthenticated,
}

/// What happens after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: accepted.
    ReturnOk,
    /// Done: as far as it got.
    Return,
    /// Done: refused.
    ReturnFail,
    /// Accepted, unless a later passdb says otherwise.
    ContinueOk,
    /// On to the next passdb, nothing changes.
    Continue,
    /// Refused, unless a later passdb says otherwise.
    ContinueFail,
}

/// What may differ between protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolSettings {
    /// The backends' port.
    pub proxy_port: u16,
    /// TLS towards backends.
    pub proxy_ssl: ProxySsl,
    /// PROXY header towards backends.
    pub proxy_send_header: ProxyHeader,
    /// What the binary form tells besides addresses.
    pub proxy_send_header_options: Vec<HeaderOption>,
    /// PROXY header towards other sites.
    pub site_send_header: ProxyHeader,
    /// The load balancers that are sent it; empty: all.
    pub site_send_header_to: Vec<String>,
    /// Submission: backends that take XCLIENT from our clients are all right.
    pub xclient_inherit_ok: bool,
    /// POP3: clients see the backends' words about wrong passwords.
    pub pass_backend_error: bool,
    /// Sessions of one user from one address; 0: any number.
    pub mail_max_userip_connections: u32,
    /// A relay without a byte for this long is ended; zero: never.
    pub relay_idle_timeout: Duration,
    /// Backends must show a valid certificate.
    pub verify_backends: bool,
    /// Whether passwords may be sent over connections that are not private.
    pub allow_cleartext: AllowCleartext,
    /// No client logs in without a verified certificate.
    pub ssl_require_client_cert: bool,
    /// The name in a verified client certificate takes the place of the one that was typed.
    pub ssl_username_from_cert: bool,
}

/// The doveadm service of proxies and backends.
#[derive(Clone, Debug)]
pub struct Doveadm {
    /// The port on backends and other proxies; 0: none.
    pub port: u16,
    /// The password all of them share.
    pub password: Option<Secret>,
    /// The key of clients by HTTP.
    pub api_key: Option<Secret>,
    /// TLS towards other hosts' doveadm.
    pub proxy_ssl: ProxySsl,
    /// Other hosts must show a valid certificate.
    pub verify_backends: bool,
}

#[cfg(all(test, feature = "appliance"))]
impl ProtocolSettings {
    /// Hosts on this port, in clear.
    pub(crate) fn plain(proxy_port: u16) -> Self {
        Self {
            proxy_port,
            proxy_ssl: ProxySsl::No,
            proxy_send_header: ProxyHeader::No,
            proxy_send_header_options: Vec::new(),
            site_send_header: ProxyHeader::No,
            site_send_header_to: Vec::new(),
            xclient_inherit_ok: false,
            pass_backend_error: false,
            mail_max_userip_connections: 0,
            relay_idle_timeout: Duration::ZERO,
            verify_backends: true,
            allow_cleartext: AllowCleartext::Unsaid,
            ssl_require_client_cert: false,
            ssl_username_from_cert: false,
        }
    }
}
