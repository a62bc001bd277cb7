//! What operators order of the process itself, by other ways than signals.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::{Notify, oneshot};

use super::log_file::LogWriter;
use super::reload::Outcome;

/// Orders to the process. Clones are the same ones. An order that is given while the last one is carried out waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders(Rc<Pending>);

#[derive(Debug, Default)]
struct Pending {
    stop: Notify,
    reload: Notify,
    /// Who waits to be told how a reload went.
    waiting: RefCell<Vec<oneshot::Sender<Outcome>>>,
    log: Notify,
    /// Where the log goes from now on; none: where it goes, opened anew.
    writer: RefCell<Option<LogWriter>>,
}

impl Orders {
    /// What SIGTERM does.
    pub(super) fn stop(&self) {
        self.0.stop.notify_one();
    }

    /// What SIGHUP does.
    pub(super) fn reload(&self) {
        self.0.reload.notify_one();
    }

    /// The same, and how it went. All who ask before it begins are told of the same reload.
    pub(super) fn reload_and_tell(&self) -> oneshot::Receiver<Outcome> {
        let (tell, told) = oneshot::channel();
        self.0.waiting.borrow_mut().push(tell);
        self.reload();
        told
    }

    /// The log is opened anew, or goes to `writer` from now on.
    pub(super) fn open_log(&self, writer: Option<LogWriter>) {
        if writer.is_some() {
            *self.0.writer.borrow_mut() = writer;
        }
        self.0.log.notify_one();
    }

    /// Waits for an order to stop.
    pub(super) async fn stopping(&self) {
        self.0.stop.notified().await;
    }

    /// Waits for an order to reload.
    pub(super) async fn reloading(&self) {
        self.0.reload.notified().await;
    }

    /// Those who wait to be told of the reload that begins now.
    pub(super) fn take_waiting(&self) -> Vec<oneshot::Sender<Outcome>> {
        self.0.waiting.take()
    }

    /// Waits for an order to open the log again.
    pub(super) async fn log(&self) {
        self.0.log.notified().await;
    }

    /// Where the log goes from now on, if that is news.
    pub(super) fn take_writer(&self) -> Option<LogWriter> {
        self.0.writer.take()
    }
}
