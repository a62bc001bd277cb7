//! The event loop: fake backends and client swarm in one thread that never sleeps.
//!
//! Placement A of the measurements: the proxy has core 0, this loop busy-polls on core 1. A sleeping generator would
//! charge the proxy for waking its core, which in a virtual machine costs several times the relay itself. Where a third
//! program needs a core, the loop can be told to lend its own while nothing is due.
//! Edge-triggered epoll, one registration per socket. Knows nothing of processes, files of results or rounds.

mod auth_http;
mod backend;
mod channel;
mod client;
mod command;
mod dialect;
mod group;
mod layer;
mod login;
mod payload;
mod protocol;
mod proxy_header;
pub(crate) mod scram;
mod tls;
mod trickle;
#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::sockets;
use auth_http::AuthHttpSession;
use backend::BackendSession;
use client::ClientSession;
use payload::Payload;

pub(crate) use group::{Credentials, Group, GroupOrder, Late, LoginCommand, Plan, Stats};
pub(crate) use protocol::Protocol;
pub(crate) use proxy_header::{ADDRESSES_MAX, ProxySource};
pub(crate) use tls::{Handshakes, TlsBackends, TlsClients, TlsMode, TlsOrder};

/// The generator.
pub(crate) struct Engine {
    epoll: OwnedFd,
    events: Vec<Event>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots whose bulk work goes on without a new event, by token.
    busy: Vec<u64>,
    groups: Vec<Group>,
    exchange: Exchange,
    interrupted: Arc<AtomicBool>,
    /// Whether it sleeps while it has nothing to do.
    lends_core: bool,
}

impl Engine {
    /// Creates an engine with fake backends on the given addresses. Raising `interrupted` ends every wait.
    pub(crate) fn new(
        protocol: Protocol,
        backends: &[SocketAddrV4],
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self> {
        let mut engine = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC).context("epoll_create")?,
            events: Vec::with_capacity(EVENTS_PER_TURN),
            slots: Vec::new(),
            free: Vec::new(),
            busy: Vec::new(),
            groups: Vec::new(),
            exchange: Exchange {
                scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
                wire: vec![0; WIRE_BYTES].into_boxed_slice(),
                reply: Vec::new(),
                payload: Payload::new()?,
            },
            interrupted,
            lends_core: false,
        };
        engine.add_backends(protocol, backends)?;
        Ok(engine)
    }

    /// Adds fake backends.
    pub(crate) fn add_backends(
        &mut self,
        protocol: Protocol,
        addresses: &[SocketAddrV4],
    ) -> Result<()> {
        for address in addresses {
            let socket = sockets::listen(*address)?;
            self.insert(Connection::Listener { socket, protocol, tls: None })?;
        }
        Ok(())
    }

    /// Sleeps from here on while it has nothing to do.
    pub(crate) fn lend_core(&mut self) {
        self.lends_core = true;
    }

    /// Adds a fake backend that speaks TLS, for clients that come without a proxy.
    pub(crate) fn add_secure_backend(
        &mut self,
        protocol: Protocol,
        address: SocketAddrV4,
        tls: TlsBackends,
    ) -> Result<()> {
        let socket = sockets::listen(address)?;
        self.insert(Connection::Listener { socket, protocol, tls: Some(tls) })
    }

    /// Answers nginx's questions with these backends in turn.
    pub(crate) fn add_auth_http(
        &mut self,
        address: SocketAddrV4,
        backends: Vec<SocketAddrV4>,
    ) -> Result<()> {
        let socket = sockets::listen(address)?;
        self.insert(Connection::AuthHttpListener { socket, backends })
    }

    /// Starts a group; its clients are opened as the loop turns. Returns its number.
    pub(crate) fn add_group(&mut self, order: GroupOrder) -> usize {
        self.groups.push(Group::new(order, Instant::now()));
        self.groups.len() - 1
    }

    /// Closes every client of every group and forgets the groups; the backends stay.
    pub(crate) fn drop_groups(&mut self) {
        for index in 0..self.slots.len() {
            if matches!(self.slots[index].connection, Connection::Client(_)) {
                self.vacate(index);
            }
        }
        self.groups.clear();
    }

    /// Closes every client of one group; no other comes in their place.
    pub(crate) fn dismiss(&mut self, number: usize) {
        self.groups[number].dismiss();
        for index in 0..self.slots.len() {
            if let Connection::Client(client) = &self.slots[index].connection
                && client.group() == number
            {
                self.vacate(index);
            }
        }
    }

    pub(crate) fn group(&self, number: usize) -> &Group {
        &self.groups[number]
    }

    /// Forgets what was measured so far, at the end of the warm-up.
    pub(crate) fn reset_stats(&mut self) {
        let now = Instant::now();
        for group in &mut self.groups {
            group.stats = Stats::default();
            group.restart_pace(now);
        }
    }

    /// Turns for this long.
    pub(crate) fn run_for(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Turns until the condition holds; an error with every group's state when the deadline passes first.
    pub(crate) fn run_until(
        &mut self,
        deadline: Duration,
        what: &str,
        mut reached: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + deadline;
        while !reached(self) {
            self.turn()?;
            if Instant::now() > end {
                let states: Vec<_> = self.groups.iter().map(Group::state).collect();
                bail!("{what} not reached in {deadline:?}: {}", states.join("; "));
            }
        }
        Ok(())
    }

    /// One turn: open what may be opened, send what is due, serve what is ready.
    pub(crate) fn turn(&mut self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        let now = Instant::now();
        for number in 0..self.groups.len() {
            self.open_clients(number, now)?;
            self.send_paced(number, now);
        }
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let patience = self.patience(now);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("epoll_wait"),
        }
        for event in &events {
            // Copied out: the kernel's structure is packed.
            let (token, flags) = (event.data.u64(), event.flags);
            self.serve(token, flags)?;
        }
        self.events = events;
        for token in std::mem::take(&mut self.busy) {
            // The event that told of a hang-up is gone, so one is taken for possible.
            self.serve(token, EventFlags::RDHUP)?;
        }
        Ok(())
    }

    /// How long the loop may sleep.
    fn patience(&self, now: Instant) -> Timespec {
        if !self.lends_core || !self.busy.is_empty() {
            return NO_WAIT;
        }
        let due = self.groups.iter().filter_map(|group| group.until_due(now)).min();
        let nanoseconds = due.unwrap_or(SLEEP_MAX).min(SLEEP_MAX).subsec_nanos();
        Timespec { tv_sec: 0, tv_nsec: nanoseconds.into() }
    }

    fn open_clients(&mut self, number: usize, now: Instant) -> Result<()> {
        for _ in 0..CONNECTS_PER_TURN {
            let Some(start) = self.groups[number].next_client(now) else {
                break;
            };
            let socket = sockets::connect(start.target, start.source)?;
            let client = ClientSession::new(socket, number, start.number, start.since);
            self.insert(Connection::Client(client))?;
        }
        Ok(())
    }

    fn send_paced(&mut self, number: usize, now: Instant) {
        while let Some(token) = self.groups[number].next_due(now) {
            let Some(index) = self.find(token) else {
                continue;
            };
            let group = &mut self.groups[number];
            let Connection::Client(client) = &mut self.slots[index].connection else {
                continue;
            };
            if client.ask(group, now).is_some() {
                group.paced();
                if client.is_trickling() {
                    group.push_idle(token);
                }
            } else {
                self.close(index);
            }
        }
    }

    fn serve(&mut self, token: u64, events: EventFlags) -> Result<()> {
        let Some(index) = self.find(token) else {
            return Ok(());
        };
        let step = match &mut self.slots[index].connection {
            Connection::Vacant => return Ok(()),
            Connection::Listener { .. } => return self.accept(index),
            Connection::AuthHttpListener { .. } => return self.accept_auth_http(index),
            Connection::AuthHttp(session) => session.advance(events, &mut self.exchange),
            Connection::Backend(session) => session.advance(events, &mut self.exchange),
            Connection::Client(client) => {
                let group = &mut self.groups[client.group()];
                client.advance(events, group, &mut self.exchange)
            }
        };
        match step {
            Step::Wait => {}
            Step::Again => self.busy.push(token),
            Step::Idle => {
                if let Connection::Client(client) = &self.slots[index].connection {
                    self.groups[client.group()].push_idle(token);
                }
            }
            Step::Close => self.close(index),
        }
        Ok(())
    }

    fn accept(&mut self, index: usize) -> Result<()> {
        while let Connection::Listener { socket, protocol, tls } = &self.slots[index].connection {
            let (protocol, tls) = (*protocol, tls.clone());
            let Some(socket) = sockets::accept(socket)? else {
                break;
            };
            if let Some(session) = BackendSession::greet(socket, protocol, tls, &mut self.exchange)
            {
                self.insert(Connection::Backend(session))?;
            }
        }
        Ok(())
    }

    fn accept_auth_http(&mut self, index: usize) -> Result<()> {
        while let Connection::AuthHttpListener { socket, backends } =
            &mut self.slots[index].connection
        {
            let (Some(socket), Some(backend)) =
                (sockets::accept(socket)?, backends.first().copied())
            else {
                break;
            };
            backends.rotate_left(1);
            self.insert(Connection::AuthHttp(AuthHttpSession::new(socket, backend)))?;
        }
        Ok(())
    }

    fn insert(&mut self, connection: Connection) -> Result<()> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, connection: Connection::Vacant });
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.connection = connection;
        let token = (u64::from(slot.generation) << 32) | index as u64;
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if let Some(socket) = slot.connection.socket() {
            epoll::add(&self.epoll, socket, EventData::new_u64(token), flags)
                .context("epoll_ctl")?;
        }
        Ok(())
    }

    /// The slot of a token, unless it was given to another connection since.
    fn find(&self, token: u64) -> Option<usize> {
        let index = usize::try_from(token & u64::from(u32::MAX)).ok()?;
        let slot = self.slots.get(index)?;
        (u64::from(slot.generation) == token >> 32).then_some(index)
    }

    fn close(&mut self, index: usize) {
        if let Connection::Client(client) = &self.slots[index].connection {
            let group = &mut self.groups[client.group()];
            group.closed(client.is_before_login(), client.is_leaving());
        }
        self.vacate(index);
    }

    fn vacate(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.connection = Connection::Vacant;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
    }
}

/// Buffers that all connections of the loop share: each is used within one call.
#[derive(Debug)]
struct Exchange {
    scratch: Box<[u8]>,
    /// What is read off a socket and still sealed.
    wire: Box<[u8]>,
    reply: Vec<u8>,
    payload: Payload,
}

/// What a connection wants after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The next event.
    Wait,
    /// Another turn without an event.
    Again,
    /// Its turn in a paced load.
    Idle,
    /// To be closed.
    Close,
}

#[derive(Debug)]
struct Slot {
    /// Grows with every tenant, so an event of the last one does not touch the next.
    generation: u32,
    connection: Connection,
}

#[derive(Debug)]
enum Connection {
    Vacant,
    Listener { socket: OwnedFd, protocol: Protocol, tls: Option<TlsBackends> },
    AuthHttpListener { socket: OwnedFd, backends: Vec<SocketAddrV4> },
    AuthHttp(AuthHttpSession),
    Backend(BackendSession),
    Client(ClientSession),
}

impl Connection {
    fn socket(&self) -> Option<impl AsFd + '_> {
        match self {
            Self::Vacant => None,
            Self::Listener { socket, .. } | Self::AuthHttpListener { socket, .. } => Some(socket),
            Self::AuthHttp(session) => Some(session.socket()),
            Self::Backend(session) => Some(session.socket()),
            Self::Client(client) => Some(client.socket()),
        }
    }
}

/// A group that waits for a place looks for one so often.
const SLEEP_MAX: Duration = Duration::from_millis(1);
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
const EVENTS_PER_TURN: usize = 512;
const SCRATCH_BYTES: usize = 64 << 10;
/// What it opens to, with a record that was incomplete before, fits the scratch.
const WIRE_BYTES: usize = 32 << 10;
/// Connecting is slow beside a ping: more per turn would show in the latency of other groups.
const CONNECTS_PER_TURN: usize = 16;
