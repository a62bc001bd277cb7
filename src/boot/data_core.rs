//! The thread of a data core: pinned, with a ring of its own.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::cores;
use super::sandbox::{Confinement, Kind};
use crate::config::Listener as ListenerConfig;
use crate::names::CoreId;
use crate::ring::descriptors;
use crate::ring::port::Fd;
use crate::ring::socket::SocketOptions;
use crate::ring::uring::Uring;
use crate::share::exchange::Exchange;
use crate::worker::{Links, Listener, LookUps, VerifiedCache, Worker, WorkerSettings};

/// Everything the thread takes with it.
pub(super) struct DataCore {
    pub(super) id: CoreId,
    pub(super) cpu: u16,
    pub(super) settings: Arc<WorkerSettings>,
    pub(super) exchange: Exchange,
    pub(super) cache: VerifiedCache,
    pub(super) seed: u64,
    /// The sockets to listen on. The thread that starts this one owns them in the process's table.
    pub(super) sockets: Vec<(Fd, ListenerConfig)>,
    pub(super) options: SocketOptions,
    pub(super) confinement: Confinement,
    /// Told once: whether the thread has a descriptor table of its own, so that the process's copies can be closed.
    pub(super) own_table: Sender<bool>,
}

impl DataCore {
    /// Serves until drained. A panic in a core's loop leaves memory that no code can vouch for: the process ends and
    /// systemd starts it anew (K-CORE-3). Panics of sessions are caught closer to them.
    pub(super) fn run(self) {
        let guard = AbortOnPanic;
        self.serve();
        std::mem::forget(guard);
    }

    fn serve(self) {
        cores::pin(self.cpu);
        let Some(links) = Links::of(&self.exchange, self.id) else {
            return;
        };
        let mut kept = self.exchange.descriptors();
        kept.extend(self.sockets.iter().map(|(socket, _)| *socket));
        // With the shared table everything is slower and one limit of descriptors holds for all cores, but it serves.
        let own_table = descriptors::keep_only(&kept).is_ok();
        // The starter waits for this before it does anything else.
        let _ = self.own_table.send(own_table);
        let slots = self.settings.connections_max;
        let port = match Uring::new(links.mail.waker().clone(), self.options, slots) {
            Ok(port) => port,
            Err(fault) => {
                // The probe found a ring possible a moment ago; without one this core cannot serve at all.
                let _ = writeln!(std::io::stderr(), "hale: data core {}: {fault}", self.id.0);
                std::process::abort();
            }
        };
        self.confinement.restrict(Kind::DataCore);
        let listeners = self
            .sockets
            .into_iter()
            .map(|(socket, config)| {
                let listener = Listener::new(socket, config.protocol, config.haproxy, config.door)
                    .numbered(config.number)
                    .asking(config.request_client_cert);
                if config.ssl { listener.behind_tls() } else { listener }
            })
            .collect();
        let counters = self.exchange.counters.get(usize::from(self.id.0)).cloned();
        let look_ups =
            LookUps::new(self.id, self.exchange, &self.cache).ruled_by(self.settings.policy);
        Worker::new(port, &self.settings, links, listeners, look_ups, self.seed).run();
        if let Some(counters) = counters {
            counters.beat.leave();
        }
    }
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}
