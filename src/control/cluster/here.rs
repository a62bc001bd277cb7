//! Commands without a running Hale: in the process of the operator who typed them, with a GeoDB of their own.

use super::error::CommandError;
use super::render::Output;
use super::run::run;
use super::settings::ClusterSettings;
use super::verbs::{ClusterCommand, GeodbCommand};
use crate::config::GeoDb as Location;
use crate::control::geodb::{GeoDb, OpenMode, UnixMillis};

/// Opens the GeoDB, runs a command, and closes the GeoDB. Blocks.
///
/// # Errors
/// A file that the command names cannot be read, the GeoDB cannot be opened, or as [`run`].
pub fn run_here(
    location: &Location,
    mut command: ClusterCommand,
    settings: &ClusterSettings,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    command.read_files()?;
    let geodb = open_for(location, &command)?;
    on_this_thread(async {
        let result = run(&geodb, &command, settings, now).await;
        geodb.close().await;
        result
    })
}

/// The hosts of all backends, each once. Blocks.
///
/// # Errors
/// The GeoDB cannot be opened or read.
pub fn backend_hosts(location: &Location) -> Result<Vec<Box<str>>, CommandError> {
    let geodb = GeoDb::open(location, OpenMode::Existing)?;
    on_this_thread(async {
        let backends = geodb.backends().await;
        geodb.close().await;
        let mut hosts: Vec<Box<str>> = backends?.into_iter().map(|backend| backend.host).collect();
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    })
}

/// Only `geodb init` may create the GeoDB.
pub(super) fn open_for(
    location: &Location,
    command: &ClusterCommand,
) -> Result<GeoDb, CommandError> {
    let mode = match command {
        ClusterCommand::Geodb(GeodbCommand::Init) => OpenMode::Create,
        _ => OpenMode::Existing,
    };
    Ok(GeoDb::open(location, mode)?)
}

fn on_this_thread<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        CommandError::TempFail(format!("the system refuses a descriptor: {error}"))
    })?;
    let result = runtime.block_on(work);
    // A name server that is still being asked is not waited for.
    runtime.shutdown_background();
    result
}
