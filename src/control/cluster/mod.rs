//! The commands `hale cluster …` and `hale geodb …`: the verbs of `doveadm cluster` (palomar.md 6.1).
//!
//! Duty: words and options ([`verbs`]), what each does to the GeoDB, output formats ([`render`]), exit codes. Non-duty:
//! reading settings, finding a running Hale, printing. Driven by `main` (directly on the GeoDB) and by the admin socket
//! of a running Hale. Tests: `tests`, on real files.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::control::geodb::{GeoDb, GeoDbError, OpenMode, UnixMillis};
use crate::template::Template;

pub mod verbs;
pub mod render;
mod names;
mod tags;
mod sites;
mod backends;
mod groups;
mod users;
mod tables;

#[cfg(test)]
mod tests;

pub use render::{Format, Output};
pub use verbs::{ClusterCommand, GeodbCommand};

/// What commands need to know besides the GeoDB.
pub struct Settings<'a> {
    /// `cluster_local_site`.
    pub local_site: Option<&'a str>,
    /// `cluster_backend_name`, for `backend … --self`.
    pub backend_name: Option<&'a str>,
    /// `cluster_default_group_count`; 0 when unset.
    pub default_group_count: u32,
    /// `cluster_backend_test_username`.
    pub test_username: Option<&'a Template>,
    /// Milliseconds since 1970.
    pub now: UnixMillis,
    /// All addresses of a host name; empty when it has none.
    pub resolve: &'a mut dyn FnMut(&str) -> Vec<IpAddr>,
}

impl std::fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("local_site", &self.local_site).finish_non_exhaustive()
    }
}

impl Settings<'_> {
    fn local_site(&self) -> Result<&str, CommandError> {
        self.local_site.filter(|name| !name.is_empty()).ok_or_else(|| {
            CommandError::Config(
                "cluster_local_site is not set; set it or name the site".to_owned(),
            )
        })
    }
}

/// Why a command did nothing, with doveadm's exit codes (G27).
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The command makes sense, but not with these rows or values.
    #[error("{0}")]
    Data(String),
    /// The user has no row.
    #[error("{0}")]
    NoUser(String),
    /// Site, backend, group or tag has no row.
    #[error("{0}")]
    NotFound(String),
    /// Try again.
    #[error("{0}")]
    TempFail(String),
    /// The settings or the cluster's rows are incomplete.
    #[error("{0}")]
    Config(String),
    /// The GeoDB cannot be used.
    #[error(transparent)]
    GeoDb(#[from] GeoDbError),
}

impl CommandError {
    /// The process's exit code: sysexits, as doveadm has them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EX_USAGE,
            Self::Data(_) => EX_DATAERR,
            Self::NoUser(_) => EX_NOUSER,
            Self::NotFound(_) => EX_NOTFOUND,
            Self::TempFail(_) => EX_TEMPFAIL,
            Self::Config(_) => EX_CONFIG,
            Self::GeoDb(error) => match error {
                GeoDbError::BadRow { .. } => EX_DATAERR,
                GeoDbError::ReadOnly { .. } => EX_NOPERM,
                error if error.is_temporary() => EX_TEMPFAIL,
                _ => EX_CONFIG,
            },
        }
    }
}

/// Opens the GeoDB for a command: only `geodb init` may create it.
///
/// # Errors
/// As [`GeoDb::open`].
pub fn open_for(location: &str, command: &GeodbCommand) -> Result<GeoDb, CommandError> {
    let mode = match command {
        GeodbCommand::Init => OpenMode::Create,
        GeodbCommand::Refresh | GeodbCommand::Show { .. } => OpenMode::Existing,
    };
    Ok(GeoDb::open(location, mode)?)
}

/// Runs `hale cluster …`.
///
/// # Errors
/// The command was not carried out; the error says why and what helps.
pub fn run(
    command: &ClusterCommand,
    geodb: &mut GeoDb,
    settings: &mut Settings<'_>,
) -> Result<Output, CommandError> {
    match command {
        ClusterCommand::Tag(command) => tags::run(command, geodb),
        ClusterCommand::Site(command) => sites::run(command, geodb, settings),
        ClusterCommand::Backend(command) => backends::run(command, geodb, settings),
        ClusterCommand::Group(command) => groups::run(command, geodb, settings),
        ClusterCommand::User(command) => users::run(command, geodb, settings),
        ClusterCommand::Geodb(command) => run_geodb(command, geodb),
    }
}

/// Runs `hale geodb …`.
///
/// # Errors
/// As [`run`].
pub fn run_geodb(command: &GeodbCommand, geodb: &mut GeoDb) -> Result<Output, CommandError> {
    match command {
        GeodbCommand::Init => {
            geodb.init()?;
            Ok(Output::default())
        }
        // Here is no cache to be dropped; a running Hale intercepts the command.
        GeodbCommand::Refresh => Ok(Output::default()),
        GeodbCommand::Show { table } => tables::show(geodb, table.as_deref()),
    }
}

/// sysexits and doveadm's additions (palomar.md 6).
const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_NOUSER: u8 = 67;
const EX_NOTFOUND: u8 = 68;
pub(crate) const EX_TEMPFAIL: u8 = 75;
const EX_NOPERM: u8 = 77;
const EX_CONFIG: u8 = 78;
