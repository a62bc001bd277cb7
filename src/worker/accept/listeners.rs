//! The listeners of a core: accepting, pausing when the host has nothing left, and stopping.

use std::time::Duration;

use crate::event::{Closed, Event};
use crate::proxy_header::policy::{self, Entrance};
use crate::ring::port::{Fd, IoFault, Kind, Outcome, Port, Token};
use crate::share::counters::Counter;

use super::super::io::Io;
use super::super::report::Reports;
use super::super::settings::WorkerSettings;
use super::door::Door;
use super::listener::{Arrival, Listener};

/// All of a core's listeners.
#[derive(Debug)]
pub(in crate::worker) struct Listeners {
    all: Vec<Listener>,
    /// The core drains: what is returned by the kernel is closed.
    is_stopping: bool,
}

/// Whether there is a place for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Room {
    Left,
    None,
}

impl Listeners {
    /// All of them accept from now on.
    pub(in crate::worker) fn new<P: Port>(all: Vec<Listener>, io: &mut Io<P>) -> Self {
        let mut listeners = Self { all, is_stopping: false };
        for listener in &mut listeners.all {
            listener.local = listener.fd.and_then(|fd| io.port.local_of_all(fd));
        }
        for index in 0..listeners.all.len() {
            listeners.arm(index, io);
        }
        listeners
    }

    fn arm<P: Port>(&mut self, index: usize, io: &mut Io<P>) {
        let Some(listener) = self.all.get_mut(index) else {
            return;
        };
        let (Some(fd), false) = (listener.fd, listener.armed) else {
            return;
        };
        listener.armed = true;
        listener.retry_at = None;
        io.port.accept(fd, token(index));
    }

    /// An accept said something: the socket of a connection, and the index of its listener.
    pub(in crate::worker) fn completed<P: Port>(
        &mut self,
        index: u32,
        outcome: Outcome,
        more: bool,
        io: &mut Io<P>,
        reports: &Reports,
    ) -> Option<(usize, Fd)> {
        let index = usize::try_from(index).ok()?;
        self.all.get_mut(index)?.armed &= more;
        let accepted = match outcome {
            Outcome::Accepted(fd) => Some((index, fd)),
            Outcome::Failed(fault) => {
                self.failed(index, fault, io, reports);
                return None;
            }
            Outcome::Cancelled => {
                self.close(index, io);
                return None;
            }
            Outcome::Connected | Outcome::Ready(_) => None,
        };
        if !more {
            if self.is_stopping {
                self.close(index, io);
            } else {
                self.arm(index, io);
            }
        }
        accepted
    }

    /// An accept that failed ends the multishot operation. Re-arming at once would spin when descriptors are missing
    /// (R-ACCEPT-1), so it waits a moment; one waiting client is told.
    fn failed<P: Port>(&mut self, index: usize, fault: IoFault, io: &mut Io<P>, reports: &Reports) {
        let is_starved = matches!(fault, IoFault::Descriptors | IoFault::Memory);
        let Some(listener) = self.all.get_mut(index) else {
            return;
        };
        let Some(fd) = listener.fd else { return };
        if listener.armed {
            return;
        }
        if self.is_stopping {
            // The failure was faster than our cancellation.
            return self.close(index, io);
        }
        let pause = if is_starved { STARVED_PAUSE } else { Duration::ZERO };
        listener.retry_at = Some(io.now.after(pause));
        if is_starved {
            reports.count(Counter::AcceptStarved);
            io.port.refuse_one(fd, listener.busy_line());
            reports.complain(
                io.now,
                "no descriptors left for new connections: raise LimitNOFILE= of the service or lower \
                 connections_per_core_max",
            );
        }
    }

    /// Judges a connection by where it comes from and by how many there are: lets it in, or closes it.
    pub(in crate::worker) fn judge<P: Port>(
        &self,
        (index, fd): (usize, Fd),
        room: Room,
        door: &Door,
        io: &mut Io<P>,
        settings: &WorkerSettings,
        reports: &Reports,
    ) -> Option<Arrival> {
        reports.count(Counter::Accepted);
        let listener = self.all.get(index);
        let local = listener.and_then(|listener| listener.local);
        // Gone before we looked: nothing to answer, nothing to log.
        let (Some(listener), Ok(ends)) = (listener, io.port.endpoints(fd, local)) else {
            io.port.close(fd);
            return None;
        };
        let (peer, _) = ends;
        let refuse = |closed, reason, line: &[u8], io: &mut Io<P>| {
            if !line.is_empty() {
                // A courtesy line; a client that does not take it is closed all the same.
                let _ = io.port.send(fd, line);
            }
            io.port.close(fd);
            let protocol = listener.protocol;
            reports.report(Event::Refused { protocol, peer, reason, closed });
            None
        };
        let entrance =
            policy::on_accept(listener.header_rule(), &settings.haproxy_trusted, peer.ip());
        if entrance == Entrance::Close {
            let reason = "the address is not in haproxy_trusted_networks";
            return refuse(Closed::UntrustedSender, reason, b"", io);
        }
        let line = listener.busy_line();
        if self.is_stopping || room == Room::None {
            return refuse(Closed::Full, "connections_per_core_max is reached", line, io);
        }
        let Some(pass) = door.enter_by(listener.number, listener.door, io.now) else {
            let reason = "connections_max or connection_rate of the listener";
            return refuse(Closed::Crowded, reason, line, io);
        };
        Some(Arrival {
            fd,
            protocol: listener.protocol,
            ends,
            header: entrance == Entrance::ReadHeader,
            tls: listener.tls,
            asked: listener.asked,
            pass,
        })
    }

    /// Listeners whose pause is over accept again.
    pub(in crate::worker) fn rearm<P: Port>(&mut self, io: &mut Io<P>) {
        for index in 0..self.all.len() {
            let due = self.all.get(index).and_then(|listener| listener.retry_at);
            if due.is_some_and(|at| at <= io.now) {
                self.arm(index, io);
            }
        }
    }

    /// How long until a listener wants to accept again.
    pub(in crate::worker) fn wait<P: Port>(&self, io: &Io<P>) -> Option<Duration> {
        self.all.iter().filter_map(|listener| listener.retry_at).map(|at| io.now.until(at)).min()
    }

    /// Stops accepting: the kernel returns the accept, then the socket is closed.
    pub(in crate::worker) fn stop<P: Port>(&mut self, io: &mut Io<P>) {
        self.is_stopping = true;
        for index in 0..self.all.len() {
            let Some(listener) = self.all.get_mut(index) else {
                continue;
            };
            listener.retry_at = None;
            if listener.armed {
                io.port.cancel(token(index));
            } else {
                self.close(index, io);
            }
        }
    }

    fn close<P: Port>(&mut self, index: usize, io: &mut Io<P>) {
        if let Some(fd) = self.all.get_mut(index).and_then(|listener| listener.fd.take()) {
            io.port.close(fd);
        }
    }

    /// The sockets of those that are not.
    pub(in crate::worker) fn descriptors(&self) -> impl Iterator<Item = Fd> {
        self.all.iter().filter_map(|listener| listener.fd)
    }

    /// Whether every listener is closed.
    pub(in crate::worker) fn are_closed(&self) -> bool {
        self.all.iter().all(|listener| listener.fd.is_none())
    }
}

/// The name of a listener's accept.
fn token(index: usize) -> Token {
    let slot = u32::try_from(index).unwrap_or(u32::MAX);
    Token { slot, generation: 0, kind: Kind::Accept }
}

/// Pause before accepting again when descriptors or memory were missing.
const STARVED_PAUSE: Duration = Duration::from_millis(100);
