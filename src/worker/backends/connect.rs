//! Connecting to a backend.

use std::net::{IpAddr, SocketAddr};

use crate::ring::port::{IoFault, Outcome, Port};
use crate::session::input::Input;
use crate::session::output::Counted;
use crate::share::backend_loads::{BackendLoads, Place};
use crate::share::counters::Counter;
use crate::tick::Tick;

use super::super::io::line::Line;
use super::super::report::Reports;
use super::endpoints::{Ended, EndpointId, Endpoints, Try};
use super::sources::Sources;

/// The addresses that a core connects to, and those that it connects from.
#[derive(Debug)]
pub(in crate::worker) struct Backends {
    endpoints: Endpoints,
    sources: Sources,
    loads: BackendLoads,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum NotConnected {
    /// It was not worth its time: the address has been failing and another connect tries it already, or the budget of
    /// repeated connects is spent.
    FailsFast,
    /// This host lacks something: what it is, and what helps. It says nothing of the address (W-FAIL-8).
    Shortage(&'static str),
    /// The address did not take it.
    Fault(IoFault),
}

impl NotConnected {
    /// Counts what is counted of it.
    pub(in crate::worker) fn counted(self, reports: &Reports) -> Self {
        if self == Self::FailsFast {
            reports.count(Counter::FailedFast);
        }
        self
    }
}

impl From<NotConnected> for Input<'_> {
    fn from(why: NotConnected) -> Self {
        match why {
            NotConnected::FailsFast => Self::BackendDown,
            NotConnected::Shortage(what) => Self::CannotConnect(what),
            NotConnected::Fault(fault) => Self::BackendBroken(fault.reason()),
        }
    }
}

impl Backends {
    /// For a table of so many slots. `sources`: `login_source_ips`. `draw`: any number, another one on each core.
    pub(in crate::worker) fn new(
        slots: u32,
        sources: &[IpAddr],
        draw: u64,
        loads: BackendLoads,
    ) -> Self {
        let (endpoints, sources) = (Endpoints::new(slots), Sources::new(sources, draw));
        Self { endpoints, sources, loads }
    }

    /// Connections leave from these addresses from now on.
    pub(in crate::worker) fn leave_from(&mut self, sources: &[IpAddr]) {
        self.sources.replace(sources);
    }

    /// Takes a place among a host's connections; none: it has as many as it may have, which is counted (R-LOAD-2).
    pub(in crate::worker) fn take_place(
        &self,
        counted: &Counted,
        reports: &Reports,
    ) -> Option<Place> {
        let place = self.loads.take(&counted.host, counted.connections_max).ok();
        if place.is_none() {
            reports.count(Counter::BackendFull);
        }
        place
    }

    /// Opens a socket and asks for its connection; [`Self::connected`] follows.
    pub(in crate::worker) fn connect<P: Port>(
        &mut self,
        line: &mut Line<'_, P>,
        to: SocketAddr,
        which: Try,
    ) -> Result<(), NotConnected> {
        if !self.endpoints.begin(line.slot, to, which, line.now()) {
            return Err(NotConnected::FailsFast);
        }
        let from = self.sources.next(to);
        line.connect(to, from).map_err(|fault| {
            self.endpoints.end(line.slot, Ended::Unknown, line.now());
            // Nothing was sent to the address yet.
            NotConnected::Shortage(match fault {
                IoFault::Source => NOT_OUR_ADDRESS,
                fault => shortage(fault).unwrap_or(NO_SOCKET),
            })
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
    ) -> Result<(), NotConnected> {
        let (ended, result) = match outcome {
            Outcome::Connected => (Ended::Well, Ok(())),
            Outcome::Failed(fault) => match shortage(fault) {
                Some(what) => (Ended::Unknown, Err(NotConnected::Shortage(what))),
                None => (Ended::Badly, Err(NotConnected::Fault(fault))),
            },
            Outcome::Accepted(_) | Outcome::Ready(_) | Outcome::Cancelled => {
                (Ended::Unknown, Err(NotConnected::Fault(IoFault::Reset)))
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

/// What this host lacks, and what helps; none: it lacks nothing.
fn shortage(fault: IoFault) -> Option<&'static str> {
    match fault {
        IoFault::Descriptors => Some(NO_DESCRIPTOR),
        IoFault::Memory => Some(NO_MEMORY),
        IoFault::Source => Some(NO_PORT),
        IoFault::WouldBlock
        | IoFault::Reset
        | IoFault::Refused
        | IoFault::Unreachable
        | IoFault::TimedOut
        | IoFault::Other(_) => None,
    }
}

const NO_DESCRIPTOR: &str = "no descriptor is left to connect with: raise LimitNOFILE= of the service (or fs.file-max of the host), or \
     lower connections_per_core_max";
const NO_MEMORY: &str = "the kernel has no memory for another connection: see net.ipv4.tcp_mem, and what else takes this host's memory";
const NO_PORT: &str = "no port is left to connect from: name more addresses of this host in login_source_ips, or widen \
     net.ipv4.ip_local_port_range";
const NOT_OUR_ADDRESS: &str = "the address to connect from is not this host's: correct login_source_ips, or give this host the address";
const NO_SOCKET: &str =
    "the kernel gives no socket to connect with: is IPv6 switched off on this host?";
