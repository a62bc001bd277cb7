//! The commands `hale cluster …` and `hale geodb …`: the verbs of `doveadm cluster` (C-CMD-1).
//!
//! Duty: commands as values that are read from words ([`verbs`]) and written as words (`words`), what each does to the
//! GeoDB, output formats ([`render`]), exit codes. Non-duty: reading settings, finding a running Hale, printing. Driven by
//! `cli` ([`run_here`], directly on the GeoDB) and by the admin socket of a running Hale ([`run`]). Tests: `tests`, on real
//! files.
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::control::geodb::{GeoDb, GeoDbError, UnixMillis};
use crate::control::resolver::Resolver;
use crate::limits;
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
mod words;
mod here;

#[cfg(test)]
mod tests;

pub use here::{backend_hosts, run_here};
pub use render::{Format, Output, Reply};
pub use verbs::{ClusterCommand, GeodbCommand};

/// What commands need to know besides the GeoDB; the same for all commands of a process.
#[derive(Clone, Debug, Default)]
pub struct ClusterSettings {
    /// `cluster_local_site`.
    pub local_site: Option<Box<str>>,
    /// `cluster_backend_name`, for `backend … --self`.
    pub backend_name: Option<Box<str>>,
    /// `cluster_default_group_count`; 0 when unset.
    pub default_group_count: u32,
    /// `cluster_backend_test_username`.
    pub test_username: Option<Template>,
    /// Names to addresses.
    pub resolver: Resolver,
}

impl ClusterSettings {
    /// The settings of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let cluster = &config.cluster;
        Self {
            local_site: cluster.local_site.as_deref().map(Box::from),
            backend_name: None,
            default_group_count: cluster.default_group_count,
            test_username: cluster.backend_test_username.clone(),
            resolver: Resolver::new(cluster.hosts_file.clone()),
        }
    }

    fn local_site(&self) -> Result<&str, CommandError> {
        self.local_site.as_deref().filter(|name| !name.is_empty()).ok_or_else(|| {
            CommandError::Config(
                "cluster_local_site is not set; set it or name the site".to_owned(),
            )
        })
    }
}

/// What a command works on.
struct Cluster<'a> {
    geodb: &'a GeoDb,
    settings: &'a ClusterSettings,
    now: UnixMillis,
}

/// Why a command did nothing, with doveadm's exit codes (C-CMD-2).
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
                GeoDbError::Denied { .. } => EX_NOPERM,
                error if error.is_temporary() => EX_TEMPFAIL,
                _ => EX_CONFIG,
            },
        }
    }
}

/// Runs `hale cluster …` and `hale geodb …`: inside a running Hale as well as for the command line. What it wrote is
/// announced to all who watch the same [`GeoDb`] for changes.
///
/// # Errors
/// The command was not carried out; the error says why and what helps.
pub async fn run(
    geodb: &GeoDb,
    command: &ClusterCommand,
    settings: &ClusterSettings,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    let patient = geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let cluster = Cluster { geodb: &patient, settings, now };
    let result = match command {
        ClusterCommand::Tag(command) => tags::run(command, &cluster).await,
        ClusterCommand::Site(command) => sites::run(command, &cluster).await,
        ClusterCommand::Backend(command) => backends::run(command, &cluster).await,
        ClusterCommand::Group(command) => groups::run(command, &cluster).await,
        ClusterCommand::User(command) => users::run(command, &cluster).await,
        ClusterCommand::Geodb(command) => run_geodb(command, &cluster).await,
    };
    // Also after a failure: it may have come half-way.
    geodb.announce(command.changes());
    result
}

async fn run_geodb(command: &GeodbCommand, cluster: &Cluster<'_>) -> Result<Output, CommandError> {
    match command {
        GeodbCommand::Init => {
            cluster.geodb.init().await?;
            Ok(Output::default())
        }
        // The announcement is all there is to it.
        GeodbCommand::Refresh => Ok(Output::default()),
        GeodbCommand::Show { table } => tables::show(cluster, table.as_deref()).await,
    }
}

/// sysexits and doveadm's additions (C-CMD-2).
const EX_USAGE: u8 = 64;
const EX_DATAERR: u8 = 65;
const EX_NOUSER: u8 = 67;
const EX_NOTFOUND: u8 = 68;
pub(crate) const EX_TEMPFAIL: u8 = 75;
const EX_NOPERM: u8 = 77;
const EX_CONFIG: u8 = 78;
