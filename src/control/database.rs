//! The GeoDB's thread: the engine's calls block, so they are made there and awaited on the control core.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::geodb::{GeoDb, GeoDbError};

type Call = Box<dyn FnOnce(&mut GeoDb) + Send>;

/// The way to the GeoDB's thread. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Database {
    calls: Sender<Call>,
}

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallFault {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] GeoDbError),
    /// Our own deadline passed; the call may still finish, and its effect shows at the next refresh.
    #[error("the GeoDB did not answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The thread is gone.
    #[error("the GeoDB's thread ended")]
    Gone,
}

impl Database {
    /// Moves an open GeoDB to a thread of its own.
    pub(super) fn start(geodb: GeoDb) -> std::io::Result<Self> {
        let (calls, incoming) = channel();
        std::thread::Builder::new()
            .name("hale-geodb".into())
            .spawn(move || serve(geodb, &incoming))?;
        Ok(Self { calls })
    }

    /// Makes a call there and waits for its result, but not longer than `patience`.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        patience: Duration,
        call: impl FnOnce(&mut GeoDb) -> Result<T, GeoDbError> + Send + 'static,
    ) -> Result<T, CallFault> {
        let (answer, result) = oneshot::channel();
        let boxed: Call = Box::new(move |geodb| {
            // Nobody waits any more: the caller's deadline passed.
            let _ = answer.send(call(geodb));
        });
        self.calls.send(boxed).map_err(|_| CallFault::Gone)?;
        match tokio::time::timeout(patience, result).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(_)) => Err(CallFault::Gone),
            Err(_) => Err(CallFault::Late(patience)),
        }
    }
}

fn serve(mut geodb: GeoDb, incoming: &Receiver<Call>) {
    while let Ok(call) = incoming.recv() {
        call(&mut geodb);
    }
}
