//! A thread with a connection: SQLite's calls block, so they are made there and awaited elsewhere.

use std::path::Path;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::fault;
use super::file::SqliteFile;
use crate::control::geodb::error::GeoDbError;
use crate::control::geodb::values::OpenMode;
use crate::limits;

/// The way to the thread, which ends when this is dropped or closed.
#[derive(Debug)]
pub(super) struct Lane {
    place: Box<str>,
    jobs: Sender<Job>,
}

/// A call on the file, or on why there is none.
type Call = dyn FnOnce(Result<&mut SqliteFile, GeoDbError>) + Send;

enum Job {
    Call(Box<Call>),
    /// Close the connection, say so, and end.
    Close(oneshot::Sender<()>),
}

impl Lane {
    /// Moves a connection to a thread of its own. Without one the thread opens the file when it is asked for something.
    pub(super) fn start(
        name: &str,
        path: &Path,
        file: Option<SqliteFile>,
    ) -> Result<Self, GeoDbError> {
        let place = fault::place(path);
        let (jobs, incoming) = channel(limits::GEODB_CALLS_WAITING_MAX);
        let path = path.to_owned();
        let started = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || serve(&path, file, incoming));
        match started {
            Ok(_) => Ok(Self { place, jobs }),
            Err(error) => {
                let why = format!("the system refuses a thread: {error}; raise TasksMax=");
                Err(GeoDbError::Unavailable { place, why: why.into() })
            }
        }
    }

    /// Makes a call there and waits for its result, as long as it takes.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut SqliteFile) -> Result<T, GeoDbError> + Send + 'static,
    ) -> Result<T, GeoDbError> {
        let (answer, result) = oneshot::channel();
        let boxed = Box::new(move |file: Result<&mut SqliteFile, GeoDbError>| {
            // The caller's deadline passed before it was this call's turn: the calls behind it have not been given up yet.
            if !answer.is_closed() {
                // Given up meanwhile: the effect shows at the next refresh.
                let _ = answer.send(file.and_then(call));
            }
        });
        self.jobs.try_send(Job::Call(boxed)).map_err(|refused| match refused {
            TrySendError::Full(_) => GeoDbError::Busy { place: self.place.clone() },
            TrySendError::Closed(_) => self.gone(),
        })?;
        result.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Closes the connection once the calls before are done.
    pub(super) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.jobs.send(Job::Close(closed)).await.is_ok() {
            // Dropped instead of sent: the thread is gone, and its connection with it.
            let _ = done.await;
        }
    }

    fn gone(&self) -> GeoDbError {
        GeoDbError::Unavailable { place: self.place.clone(), why: "it has been closed".into() }
    }
}

fn serve(path: &Path, mut file: Option<SqliteFile>, mut incoming: Receiver<Job>) {
    while let Some(job) = incoming.blocking_recv() {
        match job {
            Job::Call(call) => call(opened(path, &mut file)),
            Job::Close(closed) => {
                drop(file);
                // The closer did not wait.
                let _ = closed.send(());
                return;
            }
        }
    }
}

fn opened<'f>(
    path: &Path,
    file: &'f mut Option<SqliteFile>,
) -> Result<&'f mut SqliteFile, GeoDbError> {
    match file {
        Some(file) => Ok(file),
        None => Ok(file.insert(SqliteFile::open(path, OpenMode::Existing)?)),
    }
}
