//! Settings: from text in Dovecot's language to one typed value, with every mistake found at once.
//!
//! Duty: read files (through a [`Source`]), understand Dovecot's syntax and names, judge, explain. The registry is the
//! only place that knows a setting's name, type, default and documentation; `docs/CONFIG.md` is made from it.
//! Not its duty: touching the world. Whether a certificate exists, a secret is world-readable, an address can be bound
//! or a host has enough cores is found out by the shell that starts Hale.
//! Driver: `main` and `boot` call [`load`] at start and at reload; commands call [`render`].
//! Tests: at the end of each file, and the whole seed configuration in `tests.rs`.

#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod raw;
pub mod vars;
mod environment;
mod value;
pub mod registry;
pub mod document;
mod files;
pub mod manual;
pub mod model;
pub mod sieve;
mod sort;
mod check;
mod changes;
mod edition;
pub mod render;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::Arc;

pub use changes::{Change, changes};
pub(crate) use check::known_listeners;
#[cfg(feature = "appliance")]
pub(crate) use check::masked;
pub use diagnostic::{Diagnostic, Place};
pub use edition::{Edition, OpenListener};
pub use model::{
    AllowCleartext, Cassandra, Config, Consistencies, Consistency, ControlCore, Cores, Field,
    GeoDb, Listener, Log, LogTarget, LoginLog, Outcome, Passdb, PassdbDriver, RemotePassdb,
    RequestClientCert, Sandbox, Service, Skip, Sql, SqlDatabase, SslMode, TokenExpiry,
};
pub use raw::Source;
pub use render::{Secrets, Show, render};
pub use sort::Settings;
pub(crate) use value::boolean;
pub use value::time;
pub use vars::LOGIN_LOG_VARIABLES;

use diagnostic::Findings;

/// What came out of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The checked configuration; absent exactly when there are errors.
    pub config: Option<Config>,
    /// The settings as written, for `hale config`; also there when `config` is not.
    pub settings: Arc<Settings>,
    /// Everything that has to be put right, by file and line.
    pub errors: Vec<Diagnostic>,
    /// What Hale ignores or understands differently.
    pub warnings: Vec<Diagnostic>,
}

/// What stands in the file at `path` and those it includes, as it is written, and what of it can't be read.
pub(crate) fn entries(source: &mut impl Source, path: &Path) -> (Vec<raw::Entry>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let (entries, _) = raw::read(source, path, &mut findings);
    (entries, findings.into_parts().0)
}

/// Reads the configuration at `path` and everything it includes.
pub fn load(source: &mut impl Source, path: &Path) -> Loaded {
    let mut findings = Findings::default();
    let (entries, environment) = raw::read(source, path, &mut findings);
    let start = Place::new(&Arc::from(path), 1);
    let settings = sort::sort(&entries, &start, &environment, &mut findings);
    let mut config = check::check(&settings, &environment, &mut findings);
    config.files = files::named(&settings, &entries);
    let (errors, warnings) = findings.into_parts();
    let config = if errors.is_empty() { Some(config) } else { None };
    Loaded { config, settings: Arc::new(settings), errors, warnings }
}
