//! What operators order of the process itself, by other ways than signals.

use std::rc::Rc;

use tokio::sync::Notify;

/// Orders to the process. Clones are the same ones. An order that is given while the last one is carried out waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders(Rc<Pending>);

#[derive(Debug, Default)]
struct Pending {
    stop: Notify,
    certificates: Notify,
    log: Notify,
}

impl Orders {
    /// What SIGTERM does.
    pub(super) fn stop(&self) {
        self.0.stop.notify_one();
    }

    /// What SIGHUP does.
    pub(super) fn reload(&self) {
        self.0.certificates.notify_one();
        self.0.log.notify_one();
    }

    /// Waits for an order to stop.
    pub(super) async fn stopping(&self) {
        self.0.stop.notified().await;
    }

    /// Waits for an order to read certificates again.
    pub(super) async fn certificates(&self) {
        self.0.certificates.notified().await;
    }

    /// Waits for an order to open the log again.
    pub(super) async fn log(&self) {
        self.0.log.notified().await;
    }
}
