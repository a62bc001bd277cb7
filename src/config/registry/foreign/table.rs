//! The decisions. What is served is in the registry; everything else that Dovecot knows is here, once.

use super::Foreign::{Ignored, Judged, Refused, Unless};
use super::{Foreign, Judge};
use crate::config::registry::Scope;
use crate::config::registry::Scope::{Mysql, Passdb, Pgsql};

const LDAP_BIND: &str = "Hale binds to LDAP servers by name and password: write `ldap_auth_dn` and `ldap_auth_dn_password`, and remove it";
const STORAGE: &str = "storage and delivery are the backends' business";
const ELSEWHERE: &str = "Hale has no use for it";
const ONE_PROCESS: &str = "Hale is one process; see `data_cores`";
const NO_PLUGINS: &str = "Hale has no plugins";
const LOGGED: &str = "the log's content is fixed; see `log_path` and `log_debug`";
const LINES: &str = "all lines go to `log_path`";
const KERBEROS: &str = "Hale does not offer GSSAPI";
const NTLM: &str = "Hale does not offer NTLM and GSS-SPNEGO";
const CLUSTER_SERVICE: &str = "Hale routes without Dovecot's cluster service";
const BACKENDS_LOOK_UP: &str = "users are looked up by the backends";
const NO_DICT: &str = "Hale needs no dictionary but cluster-localdb";
const METRICS: &str = "Hale's metrics are always there";
const RAW: &str = "Hale writes no copies of what passes through it";
const USER: &str = "Hale is one process with one user, set in its unit file";
const PASSWORDS: &str = "refused logins are always logged, passwords never";

/// What Dovecot writes when nothing is set.
const SQL_CONNECTIONS: &str = "see `connections_max` of the passdb";
const SQL_TIMES: &str = "see `answer_timeout` of the passdb";
const SQL_OPTIONS: &str =
    "files of the MySQL client are not read; write the settings into the block";
const EMPTY: &[&str] = &[""];

/// Settings that have an answer of their own, in one scope or in all; looked at before [`FAMILIES`].
pub(super) const NAMES: &[(Option<Scope>, &str, Foreign)] = &[
    // === Who may log in, and how: auth_* and passdbs ===
    (
        None,
        "oauth2_local_validation",
        Refused("write `oauth2_key_set`: the address of a key set, a file, or a folder of keys"),
    ),
    (
        None,
        "auth_allow_weak_schemes",
        Ignored(
            "stored passwords are verified by the scheme that stands with them, if Hale has it",
        ),
    ),
    (
        None,
        "auth_username_translation",
        Unless(
            EMPTY,
            "characters of user names are not translated; write `auth_username_format` or keep such names out with \
                       `auth_username_chars`",
        ),
    ),
    (
        None,
        "auth_internal_failure_delay",
        Unless(
            &["2 secs", "2 seconds", "0"],
            "logins that fail for no fault of the client's are answered at once; remove it",
        ),
    ),
    (None, "ldap_auth_sasl_authz_id", Unless(&[""], LDAP_BIND)),
    (None, "ldap_auth_sasl_mechanism", Unless(&[""], LDAP_BIND)),
    (None, "ldap_auth_sasl_mechanisms", Unless(&[""], LDAP_BIND)),
    (None, "ldap_auth_sasl_realm", Unless(&[""], LDAP_BIND)),
    (
        None,
        "auth_cache_verify_password_with_worker",
        Ignored("passwords are verified by `auth_hash_threads` threads, whatever is remembered"),
    ),
    (
        None,
        "auth_worker_max_count",
        Ignored("passwords are verified by `auth_hash_threads` threads"),
    ),
    (
        None,
        "auth_worker_max_request_count",
        Ignored("passwords are verified by `auth_hash_threads` threads"),
    ),
    (None, "auth_debug", Ignored("see `log_debug`")),
    (None, "auth_debug_passwords", Ignored(PASSWORDS)),
    (None, "auth_verbose", Ignored(PASSWORDS)),
    (None, "auth_verbose_passwords", Ignored(PASSWORDS)),
    (None, "auth_gssapi_hostname", Ignored(KERBEROS)),
    (None, "auth_krb5_keytab", Ignored(KERBEROS)),
    (None, "auth_use_winbind", Ignored(NTLM)),
    (None, "auth_winbind_helper_path", Ignored(NTLM)),
    (None, "auth_ntlm_use_winbind", Ignored(NTLM)),
    (None, "auth_proxy_self", Ignored("no user is served by this host itself")),
    (
        None,
        "auth_realms",
        Ignored("DIGEST-MD5 names no realms of Hale's: a client's own is the domain of its name"),
    ),
    (None, "auth_socket_path", Ignored(CLUSTER_SERVICE)),
    (None, "auth_client_socket_path", Ignored(CLUSTER_SERVICE)),
    (None, "auth_master_socket_path", Ignored(CLUSTER_SERVICE)),
    (None, "auth_stats", Ignored(METRICS)),
    (
        Some(Passdb),
        "fields_import_all",
        Unless(
            &["yes"],
            "all fields that the database returns are used; remove those that should not be from it",
        ),
    ),
    (Some(Passdb), "use_worker", Ignored("passwords are verified by `auth_hash_threads` threads")),
    (Some(Passdb), "name", Ignored("it names the block, and nothing depends on it")),
    (Some(Passdb), "auth_verbose", Ignored(PASSWORDS)),
    (Some(Pgsql), "connection_limit", Ignored(SQL_CONNECTIONS)),
    (Some(Mysql), "connection_limit", Ignored(SQL_CONNECTIONS)),
    (Some(Mysql), "connect_timeout", Ignored(SQL_TIMES)),
    (Some(Mysql), "read_timeout", Ignored(SQL_TIMES)),
    (Some(Mysql), "write_timeout", Ignored(SQL_TIMES)),
    (Some(Mysql), "client_flags", Ignored("Hale needs none")),
    (Some(Mysql), "option_file", Unless(EMPTY, SQL_OPTIONS)),
    (Some(Mysql), "option_group", Ignored(SQL_OPTIONS)),
    // === TLS ===
    (
        None,
        "ssl_client_ca_dir",
        Unless(
            &[
                "",
                "/etc/ssl/certs",
                "/etc/ssl/certs/",
                "/etc/pki/tls/certs",
                "/etc/pki/ca-trust/extracted/pem",
            ],
            "without `ssl_client_ca_file` the system's authorities would be trusted in place of those; put them into one file \
             (`cat DIR/*.pem`) and name it there",
        ),
    ),
    (None, "ssl_options", Judged(Judge::Options)),
    (None, "ssl_protocols", Judged(Judge::Versions)),
    (None, "ssl_crypto_device", Ignored("the TLS library has its own primitives")),
    (
        None,
        "ssl_dh",
        Ignored("no key exchange with such parameters is offered, only with elliptic curves"),
    ),
    (
        None,
        "ssl_dh_file",
        Ignored("no key exchange with such parameters is offered, only with elliptic curves"),
    ),
    (
        None,
        "ssl_server_dh_file",
        Ignored("no key exchange with such parameters is offered, only with elliptic curves"),
    ),
    (
        None,
        "ssl_dh_parameters_length",
        Ignored("no key exchange with such parameters is offered, only with elliptic curves"),
    ),
    (
        None,
        "ssl_parameters_regenerate",
        Ignored("no key exchange with such parameters is offered, only with elliptic curves"),
    ),
    (None, "ssl_prefer_server_ciphers", Ignored("the order is always Hale's")),
    (None, "ssl_server_prefer_ciphers", Ignored("the order is always Hale's")),
    // === Clients before login, and the way to backends ===
    (
        None,
        "login_access_sockets",
        Unless(
            EMPTY,
            "no program is asked whether a client may connect; limit addresses with a firewall or the field `allow_nets`",
        ),
    ),
    (
        None,
        "login_plugins",
        Unless(EMPTY, "Hale has no plugins; remove it if logins without them are acceptable"),
    ),
    (None, "login_plugin_dir", Ignored(NO_PLUGINS)),
    (None, "login_auth_socket_path", Ignored(CLUSTER_SERVICE)),
    (None, "login_socket_path", Ignored(CLUSTER_SERVICE)),
    (None, "login_proxy_notify_path", Ignored("backends that fail are known to all cores at once")),
    (None, "login_proxy_rawlog_dir", Ignored(RAW)),
    (None, "cluster_backend_name", Ignored("it applies to backends, and Hale is a proxy")),
    // === doveadm ===
    (
        None,
        "doveadm_allowed_commands",
        Unless(&["", "ALL"], "what doveadm clients may do cannot be limited by command; remove it"),
    ),
    (None, "doveadm_http_rawlog_dir", Ignored(RAW)),
    (None, "doveadm_socket_path", Ignored("`hale` finds its own socket in `base_dir`")),
    (None, "doveadm_username", Ignored("the user of doveadm is always `doveadm`")),
    (None, "doveadm_worker_count", Ignored(ONE_PROCESS)),
    (None, "doveadm_proxy_port", Ignored("see `doveadm_port`")),
    // === The process and its log ===
    (None, "client_limit", Ignored("connections are limited by `connections_per_core_max`")),
    (None, "process_limit", Ignored(ONE_PROCESS)),
    (None, "process_min_avail", Ignored(ONE_PROCESS)),
    (None, "service_count", Ignored(ONE_PROCESS)),
    (None, "restart_request_count", Ignored(ONE_PROCESS)),
    (None, "vsz_limit", Ignored("memory is limited by `connections_per_core_max` and systemd")),
    (None, "config_cache_size", Ignored(ONE_PROCESS)),
    (
        None,
        "import_environment",
        Ignored("Hale starts no processes that could have an environment"),
    ),
    (None, "instance_name", Ignored(ELSEWHERE)),
    (None, "libexec_dir", Ignored(ONE_PROCESS)),
    (None, "process_shutdown_filter", Ignored(ONE_PROCESS)),
    (None, "version_ignore", Ignored(ONE_PROCESS)),
    (None, "verbose_proctitle", Ignored(ONE_PROCESS)),
    (None, "verbose_ssl", Ignored("see `log_debug`")),
    (None, "rawlog_dir", Ignored(RAW)),
    (None, "log_timestamp", Ignored("log lines carry the journal's or ISO 8601 time")),
    (None, "info_log_path", Ignored(LINES)),
    (None, "debug_log_path", Ignored(LINES)),
    (
        None,
        "dovecot_config_version",
        Ignored("Hale reads the syntax of Dovecot 2.3, 2.4 and Pro 3"),
    ),
    (None, "dovecot_storage_version", Ignored(STORAGE)),
    // === Mail ===
    (
        None,
        "submission_client_workarounds",
        Ignored(
            "before the login Hale takes no MAIL, and after it the backends do: set it there (clients that send MAIL without \
                 AUTH, `implicit-auth-external`, have to say AUTH EXTERNAL)",
        ),
    ),
    (
        None,
        "imap4rev2_enable",
        Ignored("before login Hale tells what it has, then the backend what it has"),
    ),
    (
        None,
        "imap_id_send",
        Ignored("Hale says of itself what it is, and backends are told the client's own words"),
    ),
    (None, "imap_id_retain", Ignored("backends are always told the client's own words")),
    (None, "imap_id_log", Ignored(LOGGED)),
    (
        None,
        "imap_capability",
        Ignored("before login Hale tells what it has, then the backend what it has"),
    ),
    (None, "imap_max_line_length", Ignored("before login Hale's bounds hold, then the backend's")),
    (
        None,
        "managesieve_max_line_length",
        Ignored("before login Hale's bounds hold, then the backend's"),
    ),
    (None, "lmtp_rawlog_dir", Ignored(RAW)),
    (None, "lmtp_proxy_rawlog_dir", Ignored(RAW)),
    (
        None,
        "lmtp_user_concurrency_limit",
        Ignored("the backends count the deliveries to a user, and their limit holds"),
    ),
    (None, "submission_max_mail_size", Ignored("the backends' own limit holds")),
    (None, "submission_max_recipients", Ignored("the backends' own limit holds")),
    (None, "lmtp_proxy", Ignored("LMTP is always proxied")),
    (None, "mmap_disable", Ignored(STORAGE)),
    (None, "dotlock_use_excl", Ignored(STORAGE)),
    (None, "lock_method", Ignored(STORAGE)),
    (None, "deliver_log_format", Ignored(STORAGE)),
    (None, "deliver_log_min_size", Ignored(STORAGE)),
    (
        None,
        "master_user_separator",
        Ignored("backends' tools have it; see `auth_master_user_separator`"),
    ),
    (None, "hostname_style", Ignored(ELSEWHERE)),
    (None, "textcat_config_path", Ignored(STORAGE)),
    (None, "charset_aliases", Ignored(STORAGE)),
    (
        None,
        "cassandra_log_level",
        Ignored("the driver writes no log; what its nodes do wrong is in Hale's"),
    ),
    (None, "apparmor_hat", Ignored("Hale has no plugins; systemd's AppArmorProfile= confines it")),
];

/// Starts of names that say nothing about who may do what here.
pub(super) const FAMILIES: &[(&str, Foreign)] = &[
    ("acl_", Ignored(STORAGE)),
    ("cassandra_", Ignored("Hale's driver does this by itself")),
    ("compress_", Ignored(STORAGE)),
    ("crypt_", Ignored(STORAGE)),
    ("dbox_", Ignored(STORAGE)),
    ("default_", Ignored(USER)),
    ("dict_", Ignored(NO_DICT)),
    ("director_", Ignored("users are routed by the GeoDB")),
    ("dsync_", Ignored(STORAGE)),
    ("event_exporter_", Ignored("Hale's events go to its log")),
    ("first_valid_", Ignored("users have no uid on a proxy")),
    ("fs_", Ignored(STORAGE)),
    ("fts", Ignored(STORAGE)),
    ("http_", Ignored("Hale sends no HTTP requests")),
    ("imap_", Ignored(STORAGE)),
    ("imapc_", Ignored(STORAGE)),
    ("imapsieve_", Ignored(STORAGE)),
    ("indexer_", Ignored(STORAGE)),
    ("language_", Ignored(STORAGE)),
    ("last_login_", Ignored(STORAGE)),
    ("last_valid_", Ignored("users have no uid on a proxy")),
    ("lazy_expunge_", Ignored(STORAGE)),
    ("lda_", Ignored(STORAGE)),
    (
        "ldap_",
        Ignored("the passdb driver ldap has no such setting: it binds with a name and a password"),
    ),
    ("lmtp_", Ignored(STORAGE)),
    ("log_", Ignored(LOGGED)),
    ("lua_", Ignored(ELSEWHERE)),
    ("mail_", Ignored(STORAGE)),
    ("mailbox_", Ignored(STORAGE)),
    ("maildir_", Ignored(STORAGE)),
    ("managesieve_", Ignored(STORAGE)),
    ("mbox_", Ignored(STORAGE)),
    ("mdbox_", Ignored(STORAGE)),
    ("metacache_", Ignored(STORAGE)),
    ("metric_", Ignored(METRICS)),
    ("mysql_", Ignored(ELSEWHERE)),
    ("namespace_", Ignored(STORAGE)),
    ("notify_", Ignored(STORAGE)),
    ("oauth2_", Ignored("Hale needs no such setting to ask a provider")),
    ("obox_", Ignored(STORAGE)),
    ("old_stats_", Ignored(METRICS)),
    ("pam_", Ignored("Hale links no libpam")),
    ("pgsql_", Ignored(ELSEWHERE)),
    ("pop3_", Ignored(STORAGE)),
    ("pop3c_", Ignored(STORAGE)),
    ("postmaster_", Ignored(STORAGE)),
    ("process_", Ignored(ONE_PROCESS)),
    ("push_notification", Ignored(STORAGE)),
    ("quarantine_", Ignored(STORAGE)),
    ("quota_", Ignored(STORAGE)),
    ("redis_", Ignored(ELSEWHERE)),
    ("rejection_", Ignored(STORAGE)),
    ("replication_", Ignored(STORAGE)),
    ("replicator_", Ignored(STORAGE)),
    ("sendmail_", Ignored(STORAGE)),
    ("sieve", Ignored(STORAGE)),
    ("sql_", Ignored(ELSEWHERE)),
    ("sqlite_", Ignored(ELSEWHERE)),
    ("stats_", Ignored(METRICS)),
    ("submission_", Ignored(STORAGE)),
    ("trash_", Ignored(STORAGE)),
    ("userdb_", Ignored(BACKENDS_LOOK_UP)),
    ("valid_chroot_", Ignored(STORAGE)),
    ("verbose_", Ignored("see `log_debug`")),
    ("virtual_", Ignored(STORAGE)),
    ("welcome_", Ignored(STORAGE)),
    ("zlib_", Ignored(STORAGE)),
];

/// Blocks that hold no settings of ours, with whatever is in them.
pub(super) const BLOCKS: &[(&str, Foreign)] = &[
    ("acl", Ignored(STORAGE)),
    ("dict", Ignored(NO_DICT)),
    ("event_exporter", Ignored("Hale's events go to its log")),
    ("fifo_listener", Ignored("Hale's only local sockets are in `base_dir`")),
    ("fs", Ignored(STORAGE)),
    ("imap", Ignored(STORAGE)),
    ("import_environment", Ignored("Hale starts no processes that could have an environment")),
    ("language", Ignored(STORAGE)),
    (
        "ldap",
        Ignored("the settings of the passdb driver ldap stand in the passdb or outside of blocks"),
    ),
    (
        "local",
        Refused(
            "settings cannot depend on the local address; use a listener of its own or `local_name`",
        ),
    ),
    ("mailbox", Ignored(STORAGE)),
    ("metric", Ignored(METRICS)),
    ("namespace", Ignored(STORAGE)),
    ("plugin", Ignored(NO_PLUGINS)),
    ("quota", Ignored(STORAGE)),
    ("remote", Refused("settings cannot depend on the client's address; remove the block")),
    ("sieve_script", Ignored(STORAGE)),
    ("sqlite", Ignored(ELSEWHERE)),
    ("stats_server", Ignored(METRICS)),
    (
        "doveadm_server",
        Refused("doveadm has no settings of its own here; write them outside of the block"),
    ),
    ("trash", Ignored(STORAGE)),
    ("unix_listener", Ignored("Hale's only local sockets are in `base_dir`")),
    ("userdb", Ignored(BACKENDS_LOOK_UP)),
];

/// Names that only mean something inside `service NAME { … }` and `inet_listener NAME { … }`.
pub(super) const SERVICE_NAMES: &[&str] = &[
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
