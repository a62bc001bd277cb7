//! Runs commands.

use uuid::Uuid;

use super::error::CommandError;
use super::localdb::{self, Local};
use super::render::Output;
use super::settings::{Cluster, ClusterSettings};
use super::verbs::{ClusterCommand, GeodbCommand, LocaldbCommand};
use super::{backends, groups, sites, tables, tags, users};
use crate::control::geodb::{Changed, GeoDb, UnixMillis};
use crate::control::wall_clock::unix_millis;
use crate::limits;
use crate::route::settings_rows::last_order;

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
        ClusterCommand::Localdb(_) => {
            let text = "the LocalDB is another database than the GeoDB";
            Err(CommandError::TempFail(text.to_owned()))
        }
        // A running Hale does that before it comes here.
        ClusterCommand::Kick { .. } => {
            let text = "no Hale runs here, so there are no sessions to end";
            Err(CommandError::TempFail(text.to_owned()))
        }
    };
    // Also after a failure: it may have come half-way.
    let changed = command.changes();
    let is_told_on = changed == Changed::Nothing || tell_other_proxies(&patient).await;
    geodb.announce(changed);
    let mut output = result?;
    if !is_told_on {
        let notice = "other proxies cannot be told of it now, and see it within ten seconds";
        output.notices.push(notice.to_owned());
    }
    Ok(output)
}

/// Whether they know, or notice by themselves (C-CMD-5).
async fn tell_other_proxies(geodb: &GeoDb) -> bool {
    if geodb.notices_writes() {
        return true;
    }
    let unique = Uuid::new_v4().as_fields().0;
    geodb.write_setting(&last_order(unix_millis(), unique)).await.is_ok()
}

/// Runs `hale cluster localdb …`. The GeoDB is asked for names only, and need not answer.
///
/// # Errors
/// As [`run`].
pub async fn run_localdb(
    geodb: &GeoDb,
    command: &LocaldbCommand,
    settings: &ClusterSettings,
    mut local: Local<'_>,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    localdb::run(command, &Cluster { geodb, settings, now }, &mut local).await
}

async fn run_geodb(command: &GeodbCommand, cluster: &Cluster<'_>) -> Result<Output, CommandError> {
    match command {
        GeodbCommand::Init => {
            let mut output = Output::new(&["what", "done"]);
            for made in cluster.geodb.init().await? {
                let done = if made.is_new { "created" } else { "there already" };
                output.rows.push(vec![Some(made.what.into()), Some(done.to_owned())]);
            }
            Ok(output)
        }
        // The announcement is all there is to it.
        GeodbCommand::Refresh => Ok(Output::default()),
        GeodbCommand::Copy { .. } => Err(CommandError::Usage(
            "geodb copy does not run inside Hale; type it on the command line".to_owned(),
        )),
        GeodbCommand::Show { table } => tables::show(cluster, table.as_deref()).await,
    }
}
