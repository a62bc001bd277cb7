//! What the control core does all the time, a file for each task.
//!
//! Duty: starting all tasks in one place, and ending them there. Non-duty: the values they work with, which are in
//! `control`; signals that end the process (`run`). Every task ends when this room says so, and none ends another.
//! Tests: in the files.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};

use super::certificates::Certificates;
use super::geodb::GeoDb;
use super::log_file::LogWriter;
use super::passdbs::PassdbSources;
use crate::event::Event;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use mail::Inbox;

mod certificates;
mod log;
mod mail;
mod passdbs;
mod routing;
mod sweeps;

pub use routing::Routing;

/// What the control core owns, before it runs.
#[derive(Debug)]
pub struct Control {
    /// The cluster's rows.
    pub geodb: GeoDb,
    /// Tables and look-ups.
    pub routing: Routing,
    /// Password files.
    pub sources: PassdbSources,
    /// Certificates and authorities.
    pub certificates: Certificates,
    /// The log.
    pub writer: LogWriter,
    /// Time for live sessions after SIGTERM (`shutdown_timeout`); none: until they end (`shutdown_clients = no`).
    pub drain_timeout: Option<Duration>,
}

/// The signals that tasks listen to.
#[derive(Debug)]
pub(super) struct FileSignals {
    /// SIGUSR1: the log file was moved away.
    pub(super) rotate: Signal,
    /// SIGHUP: the same.
    pub(super) hangup: Signal,
    /// SIGHUP again: certificates are to be read anew.
    pub(super) reload: Signal,
}

/// All tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    running: Vec<JoinHandle<()>>,
    log: Arc<Mailbox<Event>>,
    writer: JoinHandle<()>,
    stop_writer: oneshot::Sender<()>,
    geodb: GeoDb,
}

impl Tasks {
    /// Starts everything. The first routing table has been published when this returns.
    ///
    /// # Errors
    /// The system's, when the mailboxes' descriptors can't be watched.
    pub(super) async fn start(
        control: Control,
        exchange: &Exchange,
        signals: FileSignals,
    ) -> std::io::Result<Self> {
        let Control { geodb, routing, sources, certificates, writer, drain_timeout: _ } = control;
        let FileSignals { rotate, hangup, reload } = signals;
        let log = Arc::clone(&exchange.log);
        let events = Inbox::watch(Arc::clone(&log))?;
        let (stop_writer, stopped) = oneshot::channel();
        let writer = spawn_local(log::write(writer, events, [rotate, hangup], stopped));
        let mut running = routing.start().await?;
        running.push(spawn_local(passdbs::watch(
            sources,
            exchange.passdbs.clone(),
            Arc::clone(&log),
        )));
        running.push(spawn_local(certificates::watch(
            certificates,
            exchange.tls.clone(),
            Arc::clone(&log),
            reload,
        )));
        running.push(spawn_local(sweeps::sweep(exchange.visitors.clone())));
        Ok(Self { running, log, writer, stop_writer, geodb })
    }

    /// Waits until a task has ended without being told to: by a bug, which has been printed.
    pub(super) async fn broken(&mut self) {
        one_ended(self.running.iter_mut().chain([&mut self.writer]).collect()).await;
    }

    /// Ends everything, the log last: what the others have said is written.
    pub(super) async fn end(self) {
        let Self { running, log: _, writer, stop_writer, geodb } = self;
        for task in running {
            task.abort();
        }
        geodb.close().await;
        // The log task panicked: that has been printed, and nothing is left to be written.
        let _ = stop_writer.send(());
        let _ = writer.await;
    }

    /// Writes a line to the log.
    pub(super) fn note(&self, text: String) {
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning: false, text: text.into_boxed_str() });
    }
}

/// Waits for the first to end, however it ends.
async fn one_ended(mut tasks: Vec<&mut JoinHandle<()>>) {
    poll_fn(|context| {
        let mut ended = Poll::Pending;
        // Each of them, so that each wakes this one.
        for task in &mut tasks {
            if Pin::new(&mut **task).poll(context).is_ready() {
                ended = Poll::Ready(());
            }
        }
        ended
    })
    .await;
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;
    use tokio::task::{LocalSet, yield_now};

    use super::*;

    #[tokio::test]
    async fn k_core_3_a_task_that_panics_is_noticed_while_the_others_run() {
        let (stop, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let forever = |until: &Arc<Notify>| {
            let until = Arc::clone(until);
            spawn_local(async move { until.notified().await })
        };
        let work = async {
            let mut first = forever(&stop);
            let told = Arc::clone(&go);
            let mut broken = spawn_local(async move {
                told.notified().await;
                panic!("a bug");
            });
            let mut last = forever(&stop);
            let mut watch = Box::pin(one_ended(vec![&mut first, &mut broken, &mut last]));
            for _ in 0..10 {
                tokio::select! {
                    biased;
                    () = &mut watch => panic!("all of them run"),
                    () = yield_now() => {}
                }
            }
            go.notify_one();
            watch.await;
            assert!(!first.is_finished() && !last.is_finished());
        };
        LocalSet::new().run_until(work).await;
    }
}
