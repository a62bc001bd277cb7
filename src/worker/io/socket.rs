//! The two sockets of a connection, and what the kernel owns of them.
//!
//! Decides: when a descriptor may be closed. Does not: call the kernel; `line` does.

use std::num::NonZeroI32;

use crate::ring::port::{Fd, Kind, Ready};

/// One of the two sockets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Side {
    Client,
    Backend,
}

impl Side {
    pub(in crate::worker) const BOTH: [Self; 2] = [Self::Client, Self::Backend];

    pub(in crate::worker) fn other(self) -> Self {
        match self {
            Self::Client => Self::Backend,
            Self::Backend => Self::Client,
        }
    }

    pub(in crate::worker) fn ready(self) -> Kind {
        match self {
            Self::Client => Kind::ClientReady,
            Self::Backend => Kind::BackendReady,
        }
    }

    /// Bytes on their way to this side.
    pub(in crate::worker) fn send(self) -> Kind {
        match self {
            Self::Client => Kind::ClientSend,
            Self::Backend => Kind::BackendSend,
        }
    }

    pub(in crate::worker) fn writable(self) -> Kind {
        match self {
            Self::Client => Kind::ClientWritable,
            Self::Backend => Kind::BackendWritable,
        }
    }
}

/// Both sockets of a connection. One that never was, or is closed, is an empty place.
#[derive(Debug, Default)]
pub(in crate::worker) struct Sockets {
    pub(in crate::worker) client: Socket,
    pub(in crate::worker) backend: Socket,
}

impl Sockets {
    /// Those of an accepted connection.
    pub(in crate::worker) fn accepted(client: Fd) -> Self {
        Self { client: Socket::open(client), backend: Socket::default() }
    }

    pub(in crate::worker) fn of(&self, side: Side) -> &Socket {
        match side {
            Side::Client => &self.client,
            Side::Backend => &self.backend,
        }
    }

    pub(in crate::worker) fn of_mut(&mut self, side: Side) -> &mut Socket {
        match side {
            Side::Client => &mut self.client,
            Side::Backend => &mut self.backend,
        }
    }

    /// Whether the kernel holds a descriptor of either side, or an operation on it.
    pub(in crate::worker) fn are_open(&self) -> bool {
        self.client.is_open() || self.backend.is_open()
    }
}

/// A socket and what the kernel owns of it.
#[derive(Debug, Default)]
pub(in crate::worker) struct Socket {
    fd: Option<Number>,
    /// Operations that the kernel has not returned. A descriptor is closed only when none is left.
    pub(in crate::worker) polling: bool,
    pub(in crate::worker) awaiting_room: bool,
    pub(in crate::worker) connecting: bool,
    told: Told,
    /// Probes tell when the peer is dead without a word (W-LIM-9).
    pub(in crate::worker) is_probed: bool,
    /// Reading stopped although bytes may be there.
    pub(in crate::worker) paused: bool,
    /// The last read found everything that was there.
    pub(in crate::worker) drained: bool,
    pub(in crate::worker) closing: bool,
}

impl Socket {
    pub(in crate::worker) fn open(fd: Fd) -> Self {
        Self { fd: Number::of(fd), ..Self::default() }
    }

    /// The descriptor, as long as its end has not been asked for.
    pub(in crate::worker) fn fd(&self) -> Option<Fd> {
        if self.closing { None } else { self.held() }
    }

    /// The descriptor, as long as it is ours.
    pub(in crate::worker) fn held(&self) -> Option<Fd> {
        self.fd.map(Number::fd)
    }

    /// Whether the kernel holds the descriptor or an operation on it.
    pub(in crate::worker) fn is_open(&self) -> bool {
        self.fd.is_some()
    }

    pub(in crate::worker) fn is_in_flight(&self) -> bool {
        self.polling || self.awaiting_room || self.connecting
    }

    /// What a poll found. `None`: it was ended, and only our own cancel, which sets `closing` first, ends one without a
    /// reason; whatever else does, reading will tell what it was.
    pub(in crate::worker) fn note(&mut self, ready: Option<Ready>) {
        self.told.note(ready);
    }

    /// The peer finished sending or broke: read until the end shows (K-RING-3).
    pub(in crate::worker) fn is_hung_up(&self) -> bool {
        self.told.has(Told::HANGUP)
    }

    /// The connection broke: told once, and the fault may be hidden behind bytes that are not read now.
    pub(in crate::worker) fn is_broken(&self) -> bool {
        self.told.has(Told::BROKEN)
    }

    /// Everything up to the peer's end is there (K-RING-11).
    pub(in crate::worker) fn is_complete(&self) -> bool {
        self.told.has(Told::COMPLETE)
    }

    /// Gives up the descriptor for closing: asked to close, and everything returned by the kernel.
    pub(in crate::worker) fn take_if_returned(&mut self) -> Option<Fd> {
        if !self.closing || self.is_in_flight() {
            return None;
        }
        self.closing = false;
        self.fd.take().map(Number::fd)
    }
}

/// What polls found, which stays true: one byte, because every slot has two of it.
#[derive(Clone, Copy, Debug, Default)]
struct Told(u8);

impl Told {
    const HANGUP: u8 = 1;
    const BROKEN: u8 = 2;
    const COMPLETE: u8 = 4;

    fn note(&mut self, ready: Option<Ready>) {
        let ready = ready.unwrap_or(Ready { hangup: true, broken: false, complete: false });
        let told = [
            (ready.hangup, Self::HANGUP),
            (ready.broken, Self::BROKEN),
            (ready.complete, Self::COMPLETE),
        ];
        self.0 |= told.iter().filter(|(is_so, _)| *is_so).fold(0, |all, (_, what)| all | what);
    }

    fn has(self, what: u8) -> bool {
        self.0 & what != 0
    }
}

/// The number of a descriptor, complemented: every number but -1, which is none, so that an empty place needs no room of its
/// own beside the four bytes.
#[derive(Clone, Copy, Debug)]
struct Number(NonZeroI32);

impl Number {
    fn of(Fd(number): Fd) -> Option<Self> {
        NonZeroI32::new(!number).map(Self)
    }

    fn fd(self) -> Fd {
        Fd(!self.0.get())
    }
}

const _: () = assert!(size_of::<Socket>() == 12, "two for every slot");
