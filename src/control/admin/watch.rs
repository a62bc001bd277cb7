//! What a page on a terminal waits for: keys, another size, the time, and the end. Blocks.

use std::io::Read as _;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

/// Keys and signals.
#[derive(Debug)]
pub struct Watch {
    runtime: Runtime,
    /// None: there are no keys to wait for.
    keys: Option<Receiver<u8>>,
    resized: Signal,
    ended: [Signal; 3],
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A byte of a key.
    Key(u8),
    /// The terminal has another size.
    Resized,
    /// The time has passed.
    Time,
    /// There are no more keys, or the process is told to end.
    End,
}

impl Watch {
    /// Reads keys from standard input, if `has_keys`.
    ///
    /// # Errors
    /// The system gives no descriptor or thread.
    pub fn begin(has_keys: bool) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = signals.map(signal);
        let ended = [interrupt?, terminate?, hangup?];
        let resized = signal(SignalKind::window_change())?;
        drop(entered);
        let keys = if has_keys { Some(read_keys()?) } else { None };
        Ok(Self { runtime, keys, resized, ended })
    }

    /// What happens next, within this time.
    pub fn next(&mut self, patience: Duration) -> Happening {
        let Self { runtime, keys, resized, ended: [interrupt, terminate, hangup] } = self;
        let key = async {
            match keys {
                Some(keys) => keys.recv().await.map_or(Happening::End, Happening::Key),
                None => std::future::pending().await,
            }
        };
        let happening = async {
            tokio::select! {
                key = key => key,
                _ = resized.recv() => Happening::Resized,
                _ = interrupt.recv() => Happening::End,
                _ = terminate.recv() => Happening::End,
                _ = hangup.recv() => Happening::End,
            }
        };
        runtime.block_on(async { timeout(patience, happening).await.unwrap_or(Happening::Time) })
    }
}

/// Reads them on a thread that ends with the process: a read from a terminal cannot be called off.
fn read_keys() -> std::io::Result<Receiver<u8>> {
    let (sender, keys) = channel(KEYS_AHEAD);
    std::thread::Builder::new().name("hale-keys".to_owned()).spawn(move || {
        let mut key = [0];
        while matches!(std::io::stdin().read(&mut key), Ok(1)) {
            let [byte] = key;
            if sender.blocking_send(byte).is_err() {
                return;
            }
        }
    })?;
    Ok(keys)
}

/// Keys that were pressed while the page was made.
const KEYS_AHEAD: usize = 64;
