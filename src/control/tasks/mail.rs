//! The control core's end of a mailbox: sleeping until something comes.

use std::sync::Arc;

use tokio::io::unix::AsyncFd;

use crate::ring::wake::Waker;
use crate::share::mailbox::Mailbox;

/// A mailbox that this task reads.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    mailbox: Arc<Mailbox<T>>,
    arrivals: AsyncFd<Waker>,
}

impl<T> Inbox<T> {
    /// Watches a mailbox's wake-up descriptor.
    ///
    /// # Errors
    /// The system's, when the descriptor can't be watched.
    #[expect(
        deprecated,
        reason = "the successor is unsafe, and unsafe lives in ring alone; a Waker owns its descriptor, keeps it open as \
                  long as it lives and always names the same one, which is all that is asked"
    )]
    pub(super) fn watch(mailbox: Arc<Mailbox<T>>) -> std::io::Result<Self> {
        let arrivals = AsyncFd::new(mailbox.waker().clone())?;
        Ok(Self { mailbox, arrivals })
    }

    /// The oldest message.
    pub(super) fn take(&self) -> Option<T> {
        self.mailbox.take()
    }

    /// Waits until there is a message.
    pub(super) async fn arrived(&self) {
        while self.mailbox.fall_asleep() {
            match self.arrivals.readable().await {
                // The next wake-up is an edge of its own, and is reported although nothing was read.
                Ok(mut ready) => ready.clear_ready(),
                // The reactor is gone: the runtime is shutting down, and this task with it.
                Err(_) => std::future::pending().await,
            }
            self.mailbox.wake_up();
            if !self.mailbox.is_empty() {
                return;
            }
        }
    }
}
