//! The thread of a data core: pinned, with a ring of its own.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::cores;
use super::sandbox::{Confinement, Kind};
use crate::config::Edition;
use crate::names::CoreId;
use crate::ring::descriptors;
use crate::ring::port::Fd;
use crate::ring::socket::SocketOptions;
use crate::ring::uring::Uring;
use crate::share::exchange::Exchange;
use crate::share::snapshot::Published;
use crate::worker::{Basis, Links, LookUps, Renewal, Worker};

/// Everything the thread takes with it.
pub(super) struct DataCore {
    pub(super) id: CoreId,
    pub(super) cpu: u16,
    pub(super) basis: Basis,
    pub(super) editions: Published<Edition>,
    pub(super) exchange: Exchange,
    pub(super) seed: u64,
    /// Where the sockets to listen on come out. The thread that starts this one owns it in the process's table.
    pub(super) passed: Fd,
    pub(super) options: SocketOptions,
    pub(super) confinement: Confinement,
    /// Told once: whether the thread has a descriptor table of its own, so that the process's copy can be closed.
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
        kept.push(self.passed);
        // With the shared table everything is slower and one limit of descriptors holds for all cores, but it serves.
        let own_table = descriptors::keep_only(&kept).is_ok();
        // The starter waits for this before it does anything else.
        let _ = self.own_table.send(own_table);
        let slots = self.basis.connections_max;
        let port = match Uring::new(links.mail.waker().clone(), self.options, slots) {
            Ok(port) => port.receiving_from(self.passed),
            Err(fault) => {
                // The probe found a ring possible a moment ago; without one this core cannot serve at all.
                let _ = writeln!(std::io::stderr(), "hale: data core {}: {fault}", self.id.0);
                std::process::abort();
            }
        };
        let edition = self.editions.load();
        let settings = Arc::new(self.basis.settings(&edition.config));
        let cache = self.basis.cache(&edition.config);
        let renewal = Renewal::new(self.editions, &edition, self.basis);
        // The core outlives it.
        drop(edition);
        self.confinement.restrict(Kind::DataCore);
        let counters = self.exchange.counters.get(usize::from(self.id.0)).cloned();
        let look_ups = LookUps::new(self.id, self.exchange, &cache).ruled_by(settings.policy);
        // The sockets that it accepts at are passed to it, at the start and later.
        let worker = Worker::new(port, &settings, links, Vec::new(), look_ups, self.seed);
        worker.renewed_by(renewal).run();
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
