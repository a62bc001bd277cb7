//! How much, how long, and where it is written down.

use std::path::PathBuf;
use std::time::Duration;

use crate::admission::door::DoorRules;
use crate::config::registry::{self, Scope};
use crate::config::value::{self, Value};
use crate::template::Template;

/// Sizes and times that an operator may change; see `limits.rs` for those that are fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of one data core.
    pub connections_per_core: u32,
    /// `connections_per_address_max` and `connection_rate_per_address`.
    pub per_address: DoorRules,
    /// Logins under way and sessions of one backend; 0: any number.
    pub backend_connections: u32,
    /// Receive buffer of sockets that are relayed from.
    pub relay_receive_buffer: u32,
    /// Unsent bytes in the kernel on sockets that are relayed to.
    pub relay_unsent_buffer: u32,
    /// Sessions get this long to finish after SIGTERM.
    pub shutdown_timeout: Duration,
    /// Whether sessions are ended at all when Hale stops.
    pub shutdown_clients: bool,
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The target.
    pub target: LogTarget,
    /// `log_format = json`.
    pub is_json: bool,
    /// Whether details are logged.
    pub debug: bool,
    /// Lines about logins, in the order of [`Protocol::ALL`](crate::names::Protocol::ALL).
    pub login: [LoginLog; 5],
}

/// How lines about logins are composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLog {
    /// `login_log_format`: of `%{message}` and `%{elements}`.
    pub format: Template,
    /// `login_log_format_elements`, one by one.
    pub elements: Vec<Template>,
}

/// As the registry has it.
impl Default for LoginLog {
    fn default() -> Self {
        let parsed = |name| {
            let setting = registry::exact(Scope::Global, name)?;
            value::parse(setting.kind, setting.default).ok()
        };
        let format = match parsed("login_log_format") {
            Some(Value::Template(format)) => format,
            _ => Template::default(),
        };
        let elements = match parsed("login_log_format_elements") {
            Some(Value::Templates(elements)) => elements,
            _ => Vec::new(),
        };
        Self { format, elements }
    }
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error; under systemd, the journal.
    Stderr,
    /// Standard output.
    Stdout,
    /// The host's syslog daemon, with the number of the facility.
    Syslog(u8),
    /// systemd's journal, with fields.
    Journal,
    /// A file, opened for appending.
    File(PathBuf),
}

/// Whether the process gives up, before it serves, what it never needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// It keeps everything.
    No,
    /// As far as the kernel knows how.
    Try,
    /// Without all of it the process does not start.
    Yes,
}
