//! Connecting to a backend.

use std::net::{IpAddr, SocketAddr};

use crate::ring::port::{IoFault, Outcome, Port};
use crate::tick::Tick;

use super::super::io::line::Line;
use super::endpoints::{Ended, EndpointId, Endpoints, Try};
use super::sources::Sources;

/// The addresses that a core connects to, and those that it connects from.
#[derive(Debug)]
pub(in crate::worker) struct Backends {
    endpoints: Endpoints,
    sources: Sources,
}

/// Why no connect was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum NotMade {
    /// It is not worth its time: the address has been failing and another connect tries it already, or the budget of
    /// repeated connects is spent.
    FailsFast,
    /// There is no socket to be had.
    Fault(IoFault),
}

impl Backends {
    /// For a table of so many slots. `sources`: `login_source_ips`. `draw`: any number, another one on each core.
    pub(in crate::worker) fn new(slots: u32, sources: &[IpAddr], draw: u64) -> Self {
        Self { endpoints: Endpoints::new(slots), sources: Sources::new(sources, draw) }
    }

    /// Opens a socket and asks for its connection; [`Self::connected`] follows.
    pub(in crate::worker) fn connect<P: Port>(
        &mut self,
        line: &mut Line<'_, P>,
        to: SocketAddr,
        which: Try,
    ) -> Result<(), NotMade> {
        if !self.endpoints.begin(line.slot, to, which, line.now()) {
            return Err(NotMade::FailsFast);
        }
        let from = self.sources.next(to);
        line.connect(to, from).map_err(|fault| {
            self.endpoints.end(line.slot, Ended::Unknown, line.now());
            NotMade::Fault(fault)
        })
    }

    /// The connect of a slot takes too long: it will be cancelled, but the address has failed now.
    pub(in crate::worker) fn give_up(&mut self, slot: u32, now: Tick) {
        self.endpoints.give_up(slot, now);
    }

    /// The kernel returned the connect of a slot: what is to be said of it.
    pub(in crate::worker) fn connected(
        &mut self,
        slot: u32,
        outcome: Outcome,
        now: Tick,
    ) -> Result<(), IoFault> {
        let (ended, result) = match outcome {
            Outcome::Connected => (Ended::Well, Ok(())),
            // Ours, not the backend's.
            Outcome::Failed(fault @ (IoFault::Descriptors | IoFault::Memory)) => {
                (Ended::Unknown, Err(fault))
            }
            Outcome::Failed(fault) => (Ended::Badly, Err(fault)),
            Outcome::Accepted(_) | Outcome::Ready(_) | Outcome::Cancelled => {
                (Ended::Unknown, Err(IoFault::Reset))
            }
        };
        self.endpoints.end(slot, ended, now);
        result
    }

    /// How many connects the kernel has, as endpoints count them and as slots do.
    pub(in crate::worker) fn in_flight(&self) -> [usize; 2] {
        self.endpoints.in_flight()
    }

    /// The endpoint that a slot is connected to, if it is watched.
    pub(in crate::worker) fn endpoint(&self, slot: u32) -> Option<EndpointId> {
        self.endpoints.connected(slot)
    }
}
