//! The listeners of a core: accepting, pausing when the host has nothing left, coming and going by the operator's orders, and
//! stopping.

use std::time::Duration;

use crate::config::OpenListener;
use crate::event::{Closed, Event};
use crate::proxy_header::policy::{self, Entrance};
use crate::ring::port::{Fd, IoFault, Kind, Outcome, Port, Token};
use crate::share::counters::Counter;

use super::super::io::Io;
use super::super::report::Reports;
use super::super::settings::WorkerSettings;
use super::door::Door;
use super::listener::{Arrival, Fate, Listener};

/// All of a core's listeners.
#[derive(Debug)]
pub(in crate::worker) struct Listeners {
    all: Vec<Listener>,
    /// The core drains: what is returned by the kernel is closed.
    is_stopping: bool,
    /// Listeners that close as soon as their waiting connections are taken, by index.
    emptying: Vec<usize>,
    /// Sockets that were passed for an edition that is not published yet.
    early: Vec<(u32, Fd)>,
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
        let (emptying, early) = (Vec::new(), Vec::new());
        let mut listeners = Self { all: Vec::new(), is_stopping: false, emptying, early };
        for listener in all {
            listeners.begin(listener, io);
        }
        listeners
    }

    /// A listener accepts from now on. It takes the place of one that is closed, if there is such.
    fn begin<P: Port>(&mut self, mut listener: Listener, io: &mut Io<P>) {
        listener.local = listener.fd.and_then(|fd| io.port.local_of_all(fd));
        let is_free = |former: &Listener| former.fd.is_none() && !former.armed;
        let index = self.all.iter().position(is_free).unwrap_or(self.all.len());
        match self.all.get_mut(index) {
            Some(place) => *place = listener,
            None => self.all.push(listener),
        }
        self.arm(index, io);
    }

    /// From now on the core has exactly these listeners, on sockets that it has already or that were `passed` to it. What it
    /// has besides closes, but for sockets from `next` on, whose edition is on its way.
    pub(in crate::worker) fn renew<P: Port>(
        &mut self,
        wanted: &[OpenListener],
        next: u32,
        passed: Vec<(u32, Fd)>,
        io: &mut Io<P>,
    ) {
        let rules_of = |socket: u32| wanted.iter().find(|open| open.socket == socket);
        for index in 0..self.all.len() {
            let Some(listener) = self.all.get_mut(index) else { continue };
            if listener.fd.is_none() || listener.fate == Fate::Closes {
                continue;
            }
            match rules_of(listener.socket) {
                Some(open) => listener.obey(&open.listener),
                None => self.begin_to_close(index, io),
            }
        }
        let early = std::mem::take(&mut self.early);
        for (socket, fd) in early.into_iter().chain(passed) {
            match rules_of(socket) {
                Some(open) if !self.is_stopping => {
                    self.begin(Listener::configured(fd, socket, &open.listener), io);
                }
                None if socket >= next && !self.is_stopping => self.early.push((socket, fd)),
                // The order was taken back before it was carried out, or the process stops.
                Some(_) | None => io.port.close(fd),
            }
        }
    }

    fn begin_to_close<P: Port>(&mut self, index: usize, io: &mut Io<P>) {
        let Some(listener) = self.all.get_mut(index) else { return };
        listener.fate = Fate::Closes;
        listener.retry_at = None;
        if listener.armed {
            io.port.cancel(token(index));
        } else {
            self.emptying.push(index);
        }
    }

    /// Whether listeners are about to close at which clients may wait.
    pub(in crate::worker) fn are_emptying(&self) -> bool {
        !self.emptying.is_empty()
    }

    /// A connection that waits at a listener that is about to close: one that was dropped there would be reset. A listener at
    /// which none waits any more is closed.
    pub(in crate::worker) fn take_waiting<P: Port>(
        &mut self,
        io: &mut Io<P>,
    ) -> Option<(usize, Fd)> {
        while let Some(index) = self.emptying.last().copied() {
            let listener = self.all.get(index).and_then(|listener| listener.fd);
            if let Some(accepted) = listener.and_then(|fd| io.port.accept_now(fd)) {
                return Some((index, accepted));
            }
            self.emptying.pop();
            self.close(index, io);
        }
        None
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
            Outcome::Cancelled | Outcome::Connected | Outcome::Ready(_) => None,
        };
        if !more {
            self.returned(index, outcome, io);
        }
        accepted
    }

    /// The kernel has returned a listener's accept.
    fn returned<P: Port>(&mut self, index: usize, outcome: Outcome, io: &mut Io<P>) {
        let is_closing = self.all.get(index).is_some_and(|it| it.fate == Fate::Closes);
        match (self.is_stopping, is_closing, outcome) {
            (true, ..) => self.close(index, io),
            (false, true, _) => self.emptying.push(index),
            (false, false, Outcome::Cancelled) => self.close(index, io),
            (false, false, _) => self.arm(index, io),
        }
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
        if self.is_stopping || listener.fate == Fate::Closes {
            // The failure was faster than our cancellation.
            return self.returned(index, Outcome::Failed(fault), io);
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
        for (_, fd) in self.early.drain(..) {
            io.port.close(fd);
        }
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
        let early = self.early.iter().map(|(_, fd)| *fd);
        self.all.iter().filter_map(|listener| listener.fd).chain(early)
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
