//! Extra fields of passdbs, in the configuration and in rows: which are acted on, and which ask for what this version does not do.
//!
//! Duty: the names. What they mean is `auth::fields`'s. Driver: `check::passdbs`, `control::passdbs` for rows. Tests: in
//! `control::passdb_settings`, against what `auth` knows.

/// Fields that Hale acts on; besides those that start with `forward_`. Those that start with `user_`, `userdb_` or `event_` are the
/// backends' business.
pub const PASSDB_FIELDS: &[&str] = &[
    "password",
    "pass",
    "user",
    "nopassword",
    "nologin",
    "nodelay",
    "reason",
    "allow_nets",
    "backend_connections_max",
    "cluster_tag",
    "delay_until",
    "noauthenticate",
    "proxy",
    "proxy_maybe",
    "host",
    "hostip",
    "port",
    "ssl",
    "starttls",
    "destuser",
    "master",
    "proxy_mech",
    "proxy_timeout",
    "proxy_nopipelining",
    "proxy_not_trusted",
    "proxy_noauth",
    "proxy_redirect_reauth",
];

/// Fields that ask for what Hale does anyway: there is no multiplexing, and no Kerberos.
pub const HARMLESS_FIELDS: &[&str] = &["proxy_no_multiplex", "k5principals"];

/// Fields of Dovecot's and Palomar's that are not served, and what happens instead.
pub const UNSERVED_FIELDS: &[(&str, &str)] = &[
    ("username", "only the field `user` changes a user's name"),
    ("domain", "only the field `user` changes a user's name"),
    ("login_user", "only a client says for whom a master user logs in"),
    ("source_ip", "backends are connected to from `login_source_ips`"),
    ("protocol", "a backend is spoken to in the client's protocol"),
    ("proxy_refresh", "a session that is logged in stays where it is"),
    (
        "proxy_host_immediate_failure_after",
        "how long a dead host is left alone is not a user's setting",
    ),
];

/// What becomes of an unserved field; none: it is served, or no field of Dovecot's.
#[must_use]
pub fn unserved_field(name: &str) -> Option<&'static str> {
    UNSERVED_FIELDS.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}
