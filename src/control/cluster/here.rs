//! Commands without a running Hale: in the process of the operator who typed them, with a GeoDB of their own.

use super::error::CommandError;
use super::explain::{ExplainCommand, explain_login};
use super::localdb::Local;
use super::render::Output;
use super::run::{run, run_localdb};
use super::settings::ClusterSettings;
use super::verbs::{ClusterCommand, GeodbCommand};
use crate::config::GeoDb as Location;
use crate::control::geodb::schema::TABLES;
use crate::control::geodb::{GeoDb, OpenMode, UnixMillis};
use crate::control::localdb::{LocalDbSettings, LocalFile};
use crate::limits;

/// Opens the GeoDB, runs a command, and closes the GeoDB. Blocks.
///
/// # Errors
/// A file that the command names cannot be read, the GeoDB cannot be opened, or as [`run`].
pub fn run_here(
    location: &Location,
    mut command: ClusterCommand,
    settings: &ClusterSettings,
    localdb: &LocalDbSettings,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    command.read_files()?;
    let geodb = open_for(location, &command)?;
    on_this_thread(async {
        let result = match &command {
            ClusterCommand::Localdb(command) => match LocalFile::open(localdb) {
                Ok(file) => {
                    let local = Local::File(Box::new(file));
                    run_localdb(&geodb, command, settings, local, now).await
                }
                Err(error) => Err(error.into()),
            },
            command => run(&geodb, command, settings, now).await,
        };
        geodb.close().await;
        result
    })
}

/// Copies all rows of one GeoDB into another, whose tables are made when they are missing. Blocks.
///
/// # Errors
/// One of them cannot be opened, read or written; what was copied before stays.
pub fn copy_here(from: &Location, to: &Location) -> Result<Output, CommandError> {
    if from == to {
        return Err(CommandError::Usage("FROM and TO are the same GeoDB".to_owned()));
    }
    let patient = |geodb: GeoDb| geodb.with_deadline(limits::GEODB_COPY_TIMEOUT);
    let from = patient(GeoDb::open(&waiting_longer(from), OpenMode::Existing)?);
    let to = patient(GeoDb::open(&waiting_longer(to), OpenMode::Create)?);
    on_this_thread(async {
        let result = copy(&from, &to).await;
        from.close().await;
        to.close().await;
        result
    })
}

async fn copy(from: &GeoDb, to: &GeoDb) -> Result<Output, CommandError> {
    to.init().await?;
    let mut output = Output::new(&["table", "copied", "rows"]);
    for table in &TABLES {
        let rows = from.dump(table).await?.rows;
        to.load(table, &rows).await?;
        let counts = [rows.len().to_string(), to.count(table).await?.to_string()];
        let [copied, there] = counts.map(Some);
        output.rows.push(vec![Some(table.name.to_owned()), copied, there]);
    }
    Ok(output)
}

/// Explains a login by the rows of the GeoDB, and closes it. Blocks.
///
/// # Errors
/// The GeoDB cannot be opened, or as [`explain_login`].
pub fn explain_here(
    location: &Location,
    command: &ExplainCommand,
    settings: &ClusterSettings,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    let geodb = GeoDb::open(&waiting_longer(location), OpenMode::Existing)?;
    on_this_thread(async {
        let result = explain_login(&geodb, command, settings, None, now).await;
        geodb.close().await;
        result
    })
}

/// The hosts of all backends, each once. Blocks.
///
/// # Errors
/// The GeoDB cannot be opened or read.
pub fn backend_hosts(location: &Location) -> Result<Vec<Box<str>>, CommandError> {
    let geodb = GeoDb::open(&waiting_longer(location), OpenMode::Existing)?;
    on_this_thread(async {
        let backends = geodb.backends().await;
        geodb.close().await;
        let mut hosts: Vec<Box<str>> = backends?.into_iter().map(|backend| backend.host).collect();
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    })
}

/// Only `geodb init` may create the GeoDB. What this host keeps of it is looked at because it is gone.
pub(super) fn open_for(
    location: &Location,
    command: &ClusterCommand,
) -> Result<GeoDb, CommandError> {
    let location = waiting_longer(location);
    let opened = match command {
        ClusterCommand::Geodb(GeodbCommand::Init) => GeoDb::open(&location, OpenMode::Create),
        ClusterCommand::Localdb(_) => {
            GeoDb::open(&location, OpenMode::Existing).or_else(|_| GeoDb::open_later(&location))
        }
        _ => GeoDb::open(&location, OpenMode::Existing),
    };
    Ok(opened?)
}

/// No login waits for what is typed.
fn waiting_longer(location: &Location) -> Location {
    let mut location = location.clone();
    if let Location::Cassandra(settings) = &mut location {
        settings.request_timeout = settings.request_timeout.max(limits::CASSANDRA_COMMAND_TIMEOUT);
    }
    location
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Cassandra, Consistencies, Consistency};

    #[test]
    fn a_command_waits_longer_than_a_login_and_never_less_than_the_setting_says() {
        let level = Consistency::LocalQuorum;
        let levels = Consistencies { first: level, fallback: level };
        let settings = |request_timeout| {
            Location::Cassandra(Box::new(Cassandra {
                hosts: vec!["192.0.2.1".to_owned()],
                port: 9042,
                keyspace: "palomar".to_owned(),
                dc: None,
                user: None,
                password: None,
                tls: false,
                ca_file: None,
                read: levels,
                write: levels,
                delete: levels,
                connect_timeout: Duration::from_secs(5),
                request_timeout,
            }))
        };
        let waits = |millis, wanted| {
            let longer = waiting_longer(&settings(Duration::from_millis(millis)));
            assert_eq!(longer, settings(Duration::from_millis(wanted)));
        };
        waits(500, 5_000);
        waits(60_000, 60_000);
        let file = Location::Sqlite("geodb.sqlite".into());
        assert_eq!(waiting_longer(&file), file);
    }
}
