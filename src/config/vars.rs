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

/// Variables of what a password database elsewhere is asked: a query, a filter, a request.
pub const INQUIRY_VARIABLES: &[&str] =
    &["user", "protocol", "remote_ip", "local_ip", "original_user", "master_user", "password"];

/// Variables of `login_log_format_elements`.
pub const LOGIN_LOG_VARIABLES: &[&str] = &[
    "user",
    "master_user",
    "auth_user",
    "protocol",
    "mechanism",
    "remote_ip",
    "remote_port",
    "local_ip",
    "local_port",
    "local_name",
    "real_remote_ip",
    "real_remote_port",
    "real_local_ip",
    "real_local_port",
    "secured",
    "ssl_security",
    "session",
    "backend",
    "group",
    "header_ms",
    "tls_ms",
    "auth_ms",
    "delay_ms",
    "route_ms",
    "connect_ms",
    "backend_tls_ms",
    "login_ms",
    "mail_pid",
    "pid",
    "process:pid",
];

/// Variables of `login_log_format`.
pub const LOGIN_LOG_FORMAT_VARIABLES: &[&str] = &["message", "elements"];

/// Variables that are known while a backend is probed.
pub const PROBE_VARIABLES: &[&str] = &["backend_host"];
