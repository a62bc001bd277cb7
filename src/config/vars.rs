//! Which variables the texts of settings may have. What a template is, `crate::template` says.

/// Variables that are known while a user logs in; also all that start with `passdb:`.
pub const LOGIN_VARIABLES: &[&str] = &[
    "user",
    "protocol",
    "remote_ip",
    "local_ip",
    "original_user",
    "auth_user",
    "login_user",
    "master_user",
    "session",
    "hostname",
];

/// Variables that are known while a backend is probed.
pub const PROBE_VARIABLES: &[&str] = &["backend_host"];
