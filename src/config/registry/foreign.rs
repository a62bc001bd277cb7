//! Names of Dovecot's that are not Hale's: what is ignored, what is refused, and which fields a passdb may return.

/// What to do with a name that is Dovecot's and not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Means nothing to a proxy, or Hale does it without being told: one warning.
    Ignored(&'static str),
    /// Ignoring it would weaken what the operator asked for: an error with the remedy.
    Refused(&'static str),
}

const STORAGE: &str = "storage and delivery are the backends' business";
const ELSEWHERE: &str = "Hale has no use for it";

/// Settings and blocks that have an answer of their own; looked at before [`FAMILIES`].
const NAMES: &[(&str, Foreign)] = &[
    ("auth_socket_path", Foreign::Ignored("Hale routes without Dovecot's cluster service")),
    ("login_socket_path", Foreign::Ignored("Hale routes without Dovecot's cluster service")),
    ("lmtp_proxy", Foreign::Ignored("LMTP is always proxied")),
    ("cluster_backend_name", Foreign::Ignored("it applies to backends, and Hale is a proxy")),
    (
        "dovecot_config_version",
        Foreign::Ignored("Hale reads the syntax of Dovecot 2.3, 2.4 and Pro 3"),
    ),
    ("dovecot_storage_version", Foreign::Ignored(STORAGE)),
    ("userdb", Foreign::Ignored("users are looked up by the backends")),
    ("metric", Foreign::Ignored("Hale's metrics are always there")),
    ("event_exporter", Foreign::Ignored("Hale's events go to its log")),
    ("plugin", Foreign::Ignored("Hale has no plugins")),
    ("namespace", Foreign::Ignored(STORAGE)),
    ("mailbox", Foreign::Ignored(STORAGE)),
    ("sieve_script", Foreign::Ignored(STORAGE)),
    ("fs", Foreign::Ignored(STORAGE)),
    ("language", Foreign::Ignored(STORAGE)),
    ("quota", Foreign::Ignored(STORAGE)),
    ("acl", Foreign::Ignored(STORAGE)),
    ("imap", Foreign::Ignored(STORAGE)),
    ("dict", Foreign::Ignored("Hale needs no dictionary but cluster-localdb")),
    ("client_limit", Foreign::Ignored("connections are limited by `connections_per_core_max`")),
    ("process_limit", Foreign::Ignored("Hale is one process; see `data_cores`")),
    ("process_min_avail", Foreign::Ignored("Hale is one process; see `data_cores`")),
    ("service_count", Foreign::Ignored("Hale is one process; see `data_cores`")),
    ("restart_request_count", Foreign::Ignored("Hale is one process; see `data_cores`")),
    ("vsz_limit", Foreign::Ignored("memory is limited by `connections_per_core_max` and systemd")),
    ("unix_listener", Foreign::Ignored("Hale's only local sockets are in `base_dir`")),
    ("fifo_listener", Foreign::Ignored("Hale's only local sockets are in `base_dir`")),
    ("instance_name", Foreign::Ignored(ELSEWHERE)),
    ("import_environment", Foreign::Ignored(ELSEWHERE)),
    ("mmap_disable", Foreign::Ignored(STORAGE)),
    ("dotlock_use_excl", Foreign::Ignored(STORAGE)),
    ("lock_method", Foreign::Ignored(STORAGE)),
    ("rawlog_dir", Foreign::Ignored(ELSEWHERE)),
    ("log_timestamp", Foreign::Ignored("log lines carry the journal's or ISO 8601 time")),
    ("syslog_facility", Foreign::Ignored("Hale logs to the journal or a file")),
    ("info_log_path", Foreign::Ignored("all lines go to `log_path`")),
    ("debug_log_path", Foreign::Ignored("all lines go to `log_path`")),
    ("deliver_log_format", Foreign::Ignored(STORAGE)),
    ("deliver_log_min_size", Foreign::Ignored(STORAGE)),
    ("hostname_style", Foreign::Ignored(ELSEWHERE)),
    (
        "ssl_client_ca_dir",
        Foreign::Ignored("put the authorities into one file, `ssl_client_ca_file`"),
    ),
    ("ssl_client_cert_file", Foreign::Ignored("backends are shown no client certificate")),
    ("ssl_client_key_file", Foreign::Ignored("backends are shown no client certificate")),
    ("ssl_server_dh_file", Foreign::Ignored("versions and ciphers are those of the TLS library")),
    (
        "local",
        Foreign::Refused(
            "settings cannot depend on the local address; use a listener of its own or `local_name`",
        ),
    ),
    (
        "remote",
        Foreign::Refused("settings cannot depend on the client's address; remove the block"),
    ),
    (
        "auth_policy_server_url",
        Foreign::Refused(
            "policy servers are not asked; remove it only if logins without them are acceptable",
        ),
    ),
];

/// Starts of names. A name that is nearly one of ours counts as a slip first.
const FAMILIES: &[(&str, Foreign)] = &[
    (
        "cassandra_",
        Foreign::Ignored("name the hosts in `cluster_geodb = cassandra:hosts=…;keyspace=…`"),
    ),
    ("mail_", Foreign::Ignored(STORAGE)),
    ("mailbox_", Foreign::Ignored(STORAGE)),
    ("maildir_", Foreign::Ignored(STORAGE)),
    ("mbox_", Foreign::Ignored(STORAGE)),
    ("mdbox_", Foreign::Ignored(STORAGE)),
    ("dbox_", Foreign::Ignored(STORAGE)),
    ("obox_", Foreign::Ignored(STORAGE)),
    ("metacache_", Foreign::Ignored(STORAGE)),
    ("fts", Foreign::Ignored(STORAGE)),
    ("language_", Foreign::Ignored(STORAGE)),
    ("indexer_", Foreign::Ignored(STORAGE)),
    ("fs_", Foreign::Ignored(STORAGE)),
    ("imap_", Foreign::Ignored(STORAGE)),
    ("imapsieve_", Foreign::Ignored(STORAGE)),
    ("imapc_", Foreign::Ignored(STORAGE)),
    ("pop3_", Foreign::Ignored(STORAGE)),
    ("pop3c_", Foreign::Ignored(STORAGE)),
    ("lmtp_", Foreign::Ignored(STORAGE)),
    ("lda_", Foreign::Ignored(STORAGE)),
    ("sieve", Foreign::Ignored(STORAGE)),
    ("managesieve_", Foreign::Ignored(STORAGE)),
    ("submission_", Foreign::Ignored(STORAGE)),
    ("quota_", Foreign::Ignored(STORAGE)),
    ("acl_", Foreign::Ignored(STORAGE)),
    ("dsync_", Foreign::Ignored(STORAGE)),
    ("replication_", Foreign::Ignored(STORAGE)),
    ("replicator_", Foreign::Ignored(STORAGE)),
    ("director_", Foreign::Ignored("users are routed by the GeoDB")),
    ("namespace_", Foreign::Ignored(STORAGE)),
    ("first_valid_", Foreign::Ignored(STORAGE)),
    ("last_valid_", Foreign::Ignored(STORAGE)),
    ("valid_chroot_", Foreign::Ignored(STORAGE)),
    ("postmaster_", Foreign::Ignored(STORAGE)),
    ("sendmail_", Foreign::Ignored(STORAGE)),
    ("rejection_", Foreign::Ignored(STORAGE)),
    ("quarantine_", Foreign::Ignored(STORAGE)),
    ("last_login_", Foreign::Ignored(STORAGE)),
    ("notify_", Foreign::Ignored(STORAGE)),
    ("push_notification", Foreign::Ignored(STORAGE)),
    ("crypt_", Foreign::Ignored(STORAGE)),
    ("lazy_expunge_", Foreign::Ignored(STORAGE)),
    ("trash_", Foreign::Ignored(STORAGE)),
    ("virtual_", Foreign::Ignored(STORAGE)),
    ("welcome_", Foreign::Ignored(STORAGE)),
    ("zlib_", Foreign::Ignored(STORAGE)),
    ("userdb_", Foreign::Ignored("users are looked up by the backends")),
    ("dict_", Foreign::Ignored("Hale needs no dictionary but cluster-localdb")),
    ("sql_", Foreign::Ignored(ELSEWHERE)),
    ("mysql", Foreign::Ignored(ELSEWHERE)),
    ("pgsql", Foreign::Ignored(ELSEWHERE)),
    ("sqlite_", Foreign::Ignored(ELSEWHERE)),
    ("redis_", Foreign::Ignored(ELSEWHERE)),
    ("ldap_", Foreign::Ignored("the passdb driver ldap comes with a later version")),
    ("oauth2_", Foreign::Ignored("the passdb driver oauth2 comes with a later version")),
    ("lua_", Foreign::Ignored(ELSEWHERE)),
    ("http_", Foreign::Ignored(ELSEWHERE)),
    ("stats_", Foreign::Ignored("Hale's metrics are always there")),
    ("metric_", Foreign::Ignored("Hale's metrics are always there")),
    ("event_exporter_", Foreign::Ignored("Hale's events go to its log")),
    ("log_", Foreign::Ignored("the log's content is fixed; see `log_path` and `log_debug`")),
    ("verbose_", Foreign::Ignored("see `log_debug`")),
    ("default_", Foreign::Ignored("Hale is one process with one user, set in its unit file")),
    ("version_ignore", Foreign::Ignored(ELSEWHERE)),
    ("process_", Foreign::Ignored("Hale is one process; see `data_cores`")),
    ("login_", Foreign::Ignored(ELSEWHERE)),
    ("doveadm_", Foreign::Ignored(ELSEWHERE)),
    ("ssl_", Foreign::Ignored("versions and ciphers are those of the TLS library")),
    ("auth_cache_", Foreign::Ignored(ELSEWHERE)),
    ("auth_worker_", Foreign::Ignored("passwords are verified by `auth_hash_threads` threads")),
    ("auth_policy_", Foreign::Ignored("policy servers are not asked")),
    ("auth_debug", Foreign::Ignored("see `log_debug`")),
    ("auth_verbose", Foreign::Ignored("refused logins are always logged, passwords never")),
    ("auth_", Foreign::Ignored(ELSEWHERE)),
];

/// Names that only mean something inside `service NAME { … }` and `inet_listener NAME { … }`.
const SERVICE_NAMES: &[&str] = &[
    "name",
    "type",
    "protocol",
    "user",
    "group",
    "chroot",
    "executable",
    "drop_priv_before_exec",
    "extra_groups",
    "privileged_group",
    "idle_kill",
    "idle_kill_interval",
    "mode",
    "path",
    "reuse_port",
];

/// What Dovecot would do with `name`; `None` when Dovecot does not know it either.
#[must_use]
pub fn foreign(scope: super::Scope, name: &str) -> Option<Foreign> {
    use super::Scope;
    let in_service = matches!(scope, Scope::Service | Scope::Listener);
    let short = scope.short(name);
    if in_service && SERVICE_NAMES.contains(&short) {
        return Some(Foreign::Ignored("Hale is one process with one user, set in its unit file"));
    }
    if scope == Scope::Passdb
        && matches!(short, "use_worker" | "use_cache" | "fields_import_all" | "name")
    {
        return Some(Foreign::Ignored(ELSEWHERE));
    }
    // In full before in short: `service_count` is no `count`.
    for written in [name, short] {
        if let Some((_, answer)) = NAMES.iter().find(|(known, _)| *known == written) {
            return Some(*answer);
        }
    }
    // Sure slips go to "did you mean"; `mail_max_userip_conections` is not a storage setting.
    let ours = super::settings().filter(|setting| setting.fits(scope)).map(|setting| setting.name);
    if crate::config::diagnostic::nearest(name, ours).is_some() {
        return None;
    }
    FAMILIES.iter().find(|(start, _)| name.starts_with(start)).map(|(_, answer)| *answer)
}

/// Extra fields of passdbs that Hale acts on; besides those that start with `forward_`, `user_`, `userdb_`, `event_`.
pub const PASSDB_FIELDS: &[&str] = &[
    "password",
    "pass",
    "user",
    "username",
    "domain",
    "nopassword",
    "nologin",
    "reason",
    "allow_nets",
    "delay_until",
    "noauthenticate",
    "login_user",
    "proxy",
    "proxy_maybe",
    "host",
    "hostip",
    "port",
    "ssl",
    "starttls",
    "destuser",
    "master",
    "source_ip",
    "protocol",
    "proxy_mech",
    "proxy_timeout",
    "proxy_nopipelining",
    "proxy_not_trusted",
    "proxy_noauth",
    "proxy_no_multiplex",
    "proxy_refresh",
    "proxy_redirect_reauth",
    "proxy_host_immediate_failure_after",
    "cluster_tag",
    "k5principals",
    "allow_real_nets",
];
