//! Sections to the typed configuration.
//!
//! Duty: relations between settings, and the shape the rest of Hale works with. Not its duty: names and kinds (`sort`),
//! anything outside of the files (the shell).
//! Driver: [`super::load`]. Tests: below, in the parts, and in `tests.rs`.

mod certificate;
mod ciphers;
mod cleartext;
mod cluster;
mod listeners;
mod lmtp;
mod mechanisms;
mod log;
mod passdbs;
mod policy;
mod stats;
mod submission;
mod tls;
mod vain;
mod web;

pub(crate) use cluster::masked;
pub(crate) use listeners::known_listeners;

use std::path::PathBuf;
use std::time::Duration;

use super::diagnostic::{Findings, nearest};
use super::environment::Environment;
use super::model::{
    Auth, Config, ControlCore, Cores, Doveadm, HeaderOption, Limits, ProtocolSettings, Proxy,
    ProxyHeader, ProxySsl, Sandbox, TokenExpiry, Trust,
};
use super::registry::Scope;
use super::sieve::ManageSieve;
use super::sort::{Section, Settings, shown};
use super::value::{self, Value};
use crate::admission::door::DoorRules;
use crate::limits;
use crate::names::Protocol;
use crate::template::Template;

/// Builds the configuration. It is meaningful only when no error was found.
pub(crate) fn check(
    settings: &Settings,
    environment: &Environment,
    findings: &mut Findings,
) -> Config {
    let root = &settings.root;
    let protocols = protocols(root, findings);
    let (listeners, admin_listeners) = listeners::all(root, &protocols, findings);
    let (data_cores, control_core) = cores(root, findings);
    let ssl = tls::ssl(root, &protocols, &listeners, findings);
    let auth = auth(root, environment, findings);
    let protocol_settings =
        Protocol::ALL.map(|protocol| protocol_settings(root, protocol, findings));
    tls::certificate_logins(root, &listeners, &auth, &protocol_settings, findings);
    certificate::demand(&auth.passdbs, ssl.own.as_ref(), findings);
    mechanisms::judge_bound(&auth, &ssl, root, findings);
    let trust = trust(root, findings);
    cleartext::point_out(root, &listeners, &ssl, &protocol_settings, &trust, findings);
    let config = Config {
        base_dir: folder(root, "base_dir", findings),
        state_dir: folder(root, "state_dir", findings),
        drop_privileges_to: root.optional_text("drop_privileges_to"),
        sandbox: match root.text("sandbox").as_str() {
            "no" => Sandbox::No,
            "yes" => Sandbox::Yes,
            _ => Sandbox::Try,
        },
        // Filled in by `load`, which has the files of the configuration as well.
        files: Vec::new(),
        data_cores,
        control_core,
        listeners,
        admin_listeners,
        cluster: cluster::cluster(root, findings),
        trust,
        ssl,
        auth,
        login_greeting: root.text("login_greeting"),
        managesieve: ManageSieve::new(|name| holder(root, Protocol::Sieve, name)),
        hostname: hostname(root, findings),
        submission_keywords: submission::keywords(root, findings),
        lmtp: lmtp::lmtp(root, findings),
        lmtp_xclient_ipv6_prefix: root.flag("lmtp_xclient_ipv6_prefix"),
        recipient_delimiters: root.text("recipient_delimiter"),
        proxy: proxy(root, findings),
        limits: limits(root),
        log: log::log(root, findings),
        doveadm: doveadm(root),
        stats: stats::stats(root, findings),
        protocol_settings,
        protocols,
    };
    vain::point_out(root, &config, findings);
    config
}

/// It is said in greetings, and to backends, which refuse a client with an improper name.
fn hostname(root: &Section, findings: &mut Findings) -> Option<String> {
    const NAME: &str = "hostname";
    let name = root.optional_text(NAME)?;
    if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        let text =
            format!("found {}, expected a host name, such as `proxy1.example.org`", shown(&name));
        findings.error(root.place_of(NAME), NAME, text);
    }
    Some(name)
}

fn folder(root: &Section, name: &'static str, findings: &mut Findings) -> PathBuf {
    root.path(name).unwrap_or_else(|| {
        findings.error(root.place_of(name), name, "found nothing, expected a folder");
        PathBuf::new()
    })
}

fn protocols(root: &Section, findings: &mut Findings) -> Vec<Protocol> {
    let mut served = Vec::new();
    for word in root.words("protocols") {
        let name = if word == "managesieve" { "sieve" } else { word.as_str() };
        match Protocol::ALL.into_iter().find(|protocol| protocol.name() == name) {
            Some(protocol) if served.contains(&protocol) => {}
            Some(protocol) => served.push(protocol),
            None => {
                let names = Protocol::ALL.map(Protocol::name);
                let hint = nearest(name, names)
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let text =
                    format!("found {}, expected {}{hint}", shown(&word), value::one_of(&names));
                findings.error(root.place_of("protocols"), "protocols", text);
            }
        }
    }
    if served.is_empty() {
        let text = "no protocol is served; name at least one, such as `imap`";
        findings.warn(root.place_of("protocols"), "protocols", text);
    }
    served
}

fn cores(root: &Section, findings: &mut Findings) -> (Cores, ControlCore) {
    let data = match root.value("data_cores") {
        Some(Value::Cores(cores)) => cores,
        _ => Cores::Auto,
    };
    let control = match root.value("control_core") {
        Some(Value::Core(core)) => core,
        _ => ControlCore::Auto,
    };
    // On a host with one CPU both have to share it; who lists several has a choice.
    if let (Cores::List(list), ControlCore::Cpu(cpu)) = (&data, control)
        && list.contains(&cpu)
        && list.len() > 1
    {
        let other = root.place_of("data_cores");
        let text = format!(
            "CPU {cpu} is also in `data_cores` ({other}); a busy data core would delay health probes"
        );
        findings.error(root.place_of("control_core"), "control_core", text);
    }
    (data, control)
}

/// A time that must not be zero, because nothing could ever happen within it.
fn positive(section: &Section, name: &'static str, findings: &mut Findings) -> Duration {
    let time = section.time(name);
    if time.is_zero() {
        findings.error(section.place_of(name), name, "found 0, expected a time longer than that");
    }
    time
}

fn trust(root: &Section, findings: &mut Findings) -> Trust {
    let haproxy_networks = root.networks("haproxy_trusted_networks");
    let implies_secure = root.flag("proxy_protocol_implies_secure");
    let open = ["0.0.0.0", "::"].map(|address| address.parse());
    if implies_secure && open.iter().flatten().any(|address| haproxy_networks.contains(*address)) {
        let text = "with `proxy_protocol_implies_secure = yes` every client could claim an encrypted connection; \
                    name the load balancers";
        findings.warn(root.place_of("haproxy_trusted_networks"), "haproxy_trusted_networks", text);
    }
    Trust {
        haproxy_networks,
        login_networks: root.networks("login_trusted_networks"),
        haproxy_timeout: positive(root, "haproxy_timeout", findings),
        proxy_protocol_implies_secure: implies_secure,
    }
}

fn auth(root: &Section, environment: &Environment, findings: &mut Findings) -> Auth {
    let auth = Auth {
        mechanisms: mechanisms::offered(root, findings),
        anonymous_username: mechanisms::anonymous_username(root, findings),
        username_format: root.template("auth_username_format").unwrap_or_else(Template::user),
        username_chars: root.text("auth_username_chars"),
        default_domain: root.optional_text("auth_default_domain"),
        master_user_separator: root.text("auth_master_user_separator").chars().next(),
        failure_delay: root.time("auth_failure_delay"),
        cache_size: cache_size(root, findings),
        cache_ttl: root.time("auth_cache_ttl"),
        cache_negative_ttl: root.time("auth_cache_negative_ttl"),
        hash_threads: root
            .auto("auth_hash_threads")
            .and_then(|threads| u16::try_from(threads).ok()),
        hash_memory: root.number("auth_hash_memory"),
        policy: policy::policy(root, findings),
        passdbs: passdbs::all(root, environment, findings),
    };
    mechanisms::judge(&auth, root, findings);
    auth
}

/// A size that is none would be off without a word.
fn cache_size(root: &Section, findings: &mut Findings) -> u64 {
    const NAME: &str = "auth_cache_size";
    let size = root.number(NAME);
    if size != 0 && size < limits::AUTH_CACHE_BYTES_MIN {
        let text = format!(
            "found {size} bytes, expected 0, which turns the cache off, or at least {} bytes such as `1M`",
            limits::AUTH_CACHE_BYTES_MIN
        );
        findings.error(root.place_of(NAME), NAME, text);
    }
    size
}

fn proxy(root: &Section, findings: &mut Findings) -> Proxy {
    let source_ips = root.addresses("login_source_ips");
    if source_ips.iter().any(std::net::IpAddr::is_unspecified) {
        let text = "found an address that stands for all, expected addresses of this host; leave it empty to let the \
                    system choose";
        findings.error(root.place_of("login_source_ips"), "login_source_ips", text);
    }
    Proxy {
        login_timeout: positive(root, "login_proxy_timeout", findings),
        max_reconnects: root.small("login_proxy_max_reconnects"),
        max_disconnect_delay: root.time("login_proxy_max_disconnect_delay"),
        token_expiry: match root.text("login_token_expiry").as_str() {
            "end" => TokenExpiry::End,
            _ => TokenExpiry::Keep,
        },
        source_ips,
    }
}

fn limits(root: &Section) -> Limits {
    Limits {
        connections_per_core: root.small("connections_per_core_max"),
        per_address: DoorRules {
            at_once: root.small("connections_per_address_max"),
            each_second: root.small("connection_rate_per_address"),
        },
        backend_connections: root.small("backend_connections_max"),
        relay_receive_buffer: root.small("relay_receive_buffer"),
        relay_unsent_buffer: root.small("relay_unsent_buffer"),
        shutdown_timeout: root.time("shutdown_timeout"),
        shutdown_clients: root.flag("shutdown_clients"),
    }
}

fn doveadm(root: &Section) -> Doveadm {
    let port: u16 = root.small("doveadm_port");
    let password = root.secret("doveadm_password");
    let block = root.labelled(Scope::Protocol, "doveadm");
    let proxy_ssl = match block.filter(|block| block.found("proxy_ssl").is_some()) {
        Some(block) => proxy_ssl(&block.text("proxy_ssl")),
        None => proxy_ssl(&root.text("doveadm_ssl")),
    };
    let own_port = block.and_then(|block| block.auto("proxy_port"));
    let port = own_port.and_then(|port| u16::try_from(port).ok()).unwrap_or(port);
    let verify_backends = root.flag("ssl_client_require_valid_cert");
    let api_key = root.secret("doveadm_api_key");
    Doveadm { port, password, api_key, proxy_ssl, verify_backends }
}

fn proxy_ssl(word: &str) -> ProxySsl {
    match word {
        "starttls" => ProxySsl::StartTls,
        "yes" | "ssl" => ProxySsl::Yes,
        _ => ProxySsl::No,
    }
}

fn proxy_header(word: &str) -> ProxyHeader {
    match word {
        "v1" => ProxyHeader::V1,
        "v2" => ProxyHeader::V2,
        _ => ProxyHeader::No,
    }
}

/// HAProxy's words for what a header of version 2 may tell (`proxy-v2-options`).
fn header_options(block: &Section, findings: &mut Findings) -> Vec<HeaderOption> {
    const NAME: &str = "proxy_send_header_options";
    let mut options = Vec::new();
    for word in block.words(NAME) {
        match word.to_ascii_lowercase().as_str() {
            "ssl" => options.push(HeaderOption::Ssl),
            "authority" => options.push(HeaderOption::Authority),
            "unique-id" => options.push(HeaderOption::UniqueId),
            "crc32c" => options.push(HeaderOption::Checksum),
            _ => {
                let text = format!(
                    "found {}, expected some of `ssl`, `authority`, `unique-id`, `crc32c`",
                    shown(&word)
                );
                findings.error(block.place_of(NAME), NAME, text);
            }
        }
    }
    options
}

fn protocol_settings(
    root: &Section,
    protocol: Protocol,
    findings: &mut Findings,
) -> ProtocolSettings {
    let empty = Section::new(Scope::Protocol, None, root.place.clone());
    let block = root.labelled(Scope::Protocol, protocol.name()).unwrap_or(&empty);
    let holder = |name| holder(root, protocol, name);
    let flag = |name| holder(name).flag(name);
    ProtocolSettings {
        proxy_port: block
            .auto("proxy_port")
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_else(|| protocol.default_port()),
        proxy_ssl: proxy_ssl(&block.text("proxy_ssl")),
        proxy_send_header: proxy_header(&block.text("proxy_send_header")),
        proxy_send_header_options: header_options(block, findings),
        site_send_header: proxy_header(&holder("site_send_header").text("site_send_header")),
        site_send_header_to: holder("site_send_header_to").words("site_send_header_to"),
        xclient_inherit_ok: block.flag("xclient_inherit_ok"),
        pass_backend_error: block.flag("pass_backend_error"),
        mail_max_userip_connections: holder("mail_max_userip_connections")
            .small("mail_max_userip_connections"),
        relay_idle_timeout: holder("relay_idle_timeout")
            .auto_time("relay_idle_timeout")
            .unwrap_or_else(|| default_idle_timeout(protocol)),
        verify_backends: flag("ssl_client_require_valid_cert"),
        allow_cleartext: cleartext::allowed(holder("auth_allow_cleartext")),
        ssl_require_client_cert: flag("auth_ssl_require_client_cert"),
        ssl_username_from_cert: flag("auth_ssl_username_from_cert"),
    }
}

/// Each protocol has its own patience (W-REL-6).
fn default_idle_timeout(protocol: Protocol) -> Duration {
    match protocol {
        Protocol::Pop3 | Protocol::Submission => limits::SHORT_IDLE_TIMEOUT,
        Protocol::Imap | Protocol::Lmtp | Protocol::Sieve => limits::IMAP_IDLE_TIMEOUT,
    }
}

/// Where a setting of a protocol that may also stand outside is written: the block's word comes first.
fn holder<'a>(root: &'a Section, protocol: Protocol, name: &str) -> &'a Section {
    let block = root.labelled(Scope::Protocol, protocol.name());
    block.filter(|block| block.found(name).is_some()).unwrap_or(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded};

    #[test]
    fn defaults_are_those_of_limits() {
        let config = loaded("");
        let imap = config.protocol(Protocol::Imap);
        assert_eq!(config.trust.haproxy_timeout, limits::PROXY_HEADER_TIMEOUT);
        assert_eq!(config.auth.failure_delay, limits::FAILURE_DELAY);
        assert_eq!(config.auth.hash_memory, limits::HASH_MEMORY_BYTES);
        assert_eq!(config.auth.cache_size, limits::AUTH_CACHE_BYTES);
        assert_eq!(config.auth.cache_ttl, limits::VERIFICATION_TTL);
        assert_eq!(config.auth.cache_negative_ttl, limits::VERIFICATION_TTL);
        assert_eq!(config.proxy.login_timeout, limits::LOGIN_PROXY_TIMEOUT);
        assert_eq!(config.proxy.max_reconnects, limits::RECONNECTS_MAX);
        assert_eq!(imap.relay_idle_timeout, limits::IMAP_IDLE_TIMEOUT);
        let pop3 = config.protocol(Protocol::Pop3);
        assert_eq!(pop3.relay_idle_timeout, limits::SHORT_IDLE_TIMEOUT, "W-REL-6");
        assert_eq!(config.limits.relay_receive_buffer, limits::RELAY_RECEIVE_BYTES);
        assert_eq!(config.limits.relay_unsent_buffer, limits::RELAY_UNSENT_BYTES);
        assert_eq!(config.limits.connections_per_core, limits::CONNECTIONS_PER_CORE_MAX);
        assert_eq!(config.limits.shutdown_timeout, limits::DRAIN_TIMEOUT);
        assert_eq!(imap.mail_max_userip_connections, 0, "the backends count");
        assert_eq!(config.cluster.default_group_count, 100);
        assert_eq!(config.protocols, Protocol::ALL);
    }

    #[test]
    fn protocol_blocks_override_what_stands_outside() {
        let config = loaded(
            "relay_idle_timeout = 1 hour\nprotocol pop3 {\n relay_idle_timeout = 11 min\n proxy_port = 1110\n \
             proxy_ssl = starttls\n proxy_send_header = v2\n}\nprotocol doveadm { proxy_port = 2400 }\n",
        );
        let pop3 = config.protocol(Protocol::Pop3);
        assert_eq!(pop3.relay_idle_timeout, Duration::from_secs(660));
        assert_eq!((pop3.proxy_port, pop3.proxy_ssl), (1110, ProxySsl::StartTls));
        assert_eq!(pop3.proxy_send_header, ProxyHeader::V2);
        assert_eq!(pop3.proxy_send_header_options, [HeaderOption::Ssl, HeaderOption::Authority]);
        let text = "protocol imap {\n proxy_send_header_options = unique-id CRC32C\n}\n";
        let options = loaded(text).protocol(Protocol::Imap).proxy_send_header_options.clone();
        assert_eq!(options, [HeaderOption::UniqueId, HeaderOption::Checksum]);
        let found = errors("protocol imap {\n proxy_send_header_options = ssl cn\n}\n");
        assert!(found[0].contains("expected some of `ssl`"), "{found:?}");
        assert_eq!(config.protocol(Protocol::Imap).relay_idle_timeout, Duration::from_secs(3600));
        assert_eq!(config.protocol(Protocol::Imap).proxy_port, 143);
        assert_eq!(config.doveadm.port, 2400);
    }

    #[test]
    fn op_01_relations_name_the_setting_and_the_remedy() {
        let found = errors(
            "data_cores = 0-3\ncontrol_core = 2\nprotocols = imap pop\nhaproxy_timeout = 0\n\
             auth_mechanisms = gssapi\nlog_path = hale.log\nlogin_source_ips = *\nbase_dir =\nlisten =\n",
        );
        let expected = [
            "t.conf:2: setting control_core: CPU 2 is also in `data_cores`",
            "t.conf:3: setting protocols: found `pop`",
            "t.conf:4: setting haproxy_timeout: found 0",
            "t.conf:5: setting auth_mechanisms: no mechanism is left",
            "t.conf:6: setting log_path",
            "t.conf:7: setting login_source_ips",
            "t.conf:8: setting base_dir: found nothing",
            "t.conf:9: setting listen: found nothing",
        ];
        for (text, start) in found.iter().zip(expected) {
            assert!(text.contains(start), "{text} / {start}");
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn what_is_empty_or_several_means_what_it_means_in_dovecot() {
        let format = loaded("auth_username_format =\n").auth.username_format;
        assert_eq!(format, Template::user(), "names as they are typed");
        assert_eq!(loaded("recipient_delimiter = +-\n").recipient_delimiters, "+-");
        assert_eq!(loaded("recipient_delimiter =\n").recipient_delimiters, "");
        assert!(errors("hostname = my proxy\n")[0].contains("expected a host name"));
        assert!(errors("auth_cache_size = 1000\n")[0].contains("expected 0, which turns"));
    }

    #[test]
    fn another_site_may_demand_a_header_of_some_protocols() {
        let config = loaded(
            "site_send_header = v2\nsite_send_header_to = lb2 lb3\nprotocol lmtp {\n site_send_header = v1\n \
             site_send_header_to = lb4\n}\nprotocol pop3 {\n site_send_header = no\n}\n",
        );
        let of = |protocol| {
            let own = config.protocol(protocol);
            (own.site_send_header, own.site_send_header_to.join(" "))
        };
        assert_eq!(of(Protocol::Imap), (ProxyHeader::V2, "lb2 lb3".to_owned()));
        assert_eq!(of(Protocol::Lmtp), (ProxyHeader::V1, "lb4".to_owned()));
        assert_eq!(of(Protocol::Pop3).0, ProxyHeader::No);
        assert_eq!(loaded("").protocol(Protocol::Imap).site_send_header, ProxyHeader::No);
    }

    #[test]
    fn words_may_be_written_as_blocks() {
        let config = loaded("protocols {\n imap = yes\n pop3 = no\n lmtp = yes\n}\n");
        assert_eq!(config.protocols, [Protocol::Imap, Protocol::Lmtp]);
    }
}
