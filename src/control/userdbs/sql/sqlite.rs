//! SQLite: a file, opened for reading only, asked by threads that may wait for a lock.
//!
//! Tests: below.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use tokio::task::spawn_blocking;

use super::{Columns, several, unreadable};
use crate::auth::inquiry::{RemoteTrouble, Reply};
use crate::auth::sql_query::Query;
use crate::control::userdbs::driver::Fault;

#[derive(Debug)]
pub(super) struct Sqlite {
    path: Arc<Path>,
}

/// An open file; none while a thread has it.
#[derive(Debug)]
pub(in crate::control::userdbs) struct Opened {
    connection: Option<Connection>,
    path: Arc<Path>,
    /// What tells the file from another one under its name.
    file: (u64, u64),
}

impl Sqlite {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    pub(super) fn name(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    pub(super) async fn connect(&self) -> Result<Opened, Fault> {
        let path = Arc::clone(&self.path);
        on_a_thread(move || Opened::open(path)).await?
    }

    pub(super) async fn ask(
        &self,
        opened: &mut Opened,
        query: &Arc<Query>,
        values: Vec<String>,
    ) -> Result<Reply, Fault> {
        let query = Arc::clone(query);
        opened.with(move |connection| found(connection, &query, &values)).await
    }

    pub(super) async fn try_out(&self, opened: &mut Opened) -> Result<(), Fault> {
        // Reads the file's header, and finds out whether it is a database.
        opened.with(|connection| read(connection, "SELECT count(*) FROM sqlite_schema")).await
    }
}

impl Opened {
    fn open(path: Arc<Path>) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error: String| Fault::Connect(error);
        let file = identity(&path).map_err(|error| failed(error.to_string()))?;
        let connection = Connection::open_with_flags(&path, flags);
        let connection = connection.map_err(|error| failed(error.to_string()))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| failed(error.to_string()))?;
        Ok(Self { connection: Some(connection), path, file })
    }

    /// A file that was replaced is another database.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_none()
    }

    /// A question that is given up leaves its thread with the connection, and nothing here.
    async fn with<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let lost = || Fault::Lost("the file was closed".to_owned());
        let connection = self.connection.take().ok_or_else(lost)?;
        let (path, file) = (Arc::clone(&self.path), self.file);
        let (connection, result) = on_a_thread(move || {
            if identity(&path).ok() != Some(file) {
                return (None, Err(Fault::Lost("the file was replaced".to_owned())));
            }
            let result = act(&connection);
            (Some(connection), result)
        })
        .await?;
        self.connection = connection;
        result
    }
}

async fn on_a_thread<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(act).await.map_err(|error| Fault::Lost(error.to_string()))
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let about = std::fs::metadata(PathBuf::from(path))?;
    Ok((about.dev(), about.ino()))
}

fn read(connection: &Connection, query: &str) -> Result<(), Fault> {
    connection.query_row(query, [], |_| Ok(())).map_err(|error| fault(&error))
}

fn found(connection: &Connection, query: &Query, values: &[String]) -> Result<Reply, Fault> {
    let mut statement = connection.prepare_cached(&query.text).map_err(|error| fault(&error))?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(params_from_iter(values)).map_err(|error| fault(&error))?;
    let Some(row) = rows.next().map_err(|error| fault(&error))? else { return Ok(Reply::Unknown) };
    let mut columns = Columns::default();
    for (at, name) in names.iter().enumerate() {
        let value = match row.get_ref(at).map_err(|error| fault(&error))? {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()),
                Err(_) => return Err(unreadable(name, "BLOB")),
            },
        };
        columns.add(name, value.as_deref())?;
    }
    if rows.next().map_err(|error| fault(&error))?.is_some() {
        return Err(several());
    }
    columns.reply()
}

/// A file that is locked may be free again for the next login; one that is no database is for no login.
fn fault(error: &rusqlite::Error) -> Fault {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::CannotOpen | ErrorCode::DatabaseCorrupt) => {
            Fault::Connect(text)
        }
        Some(ErrorCode::SystemIoFailure) => Fault::Lost(text),
        _ => Fault::Answer(RemoteTrouble::Error, text),
    }
}

/// How long a thread waits for a writer's lock: shorter than a login waits for an answer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
