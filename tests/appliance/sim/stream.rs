//! One simulated TCP connection: what the core's kernel holds of it, and what its peer may do.

use std::collections::VecDeque;
use std::net::SocketAddr;

use hale::ring::port::Ready;

/// A connection between the core and a simulated peer.
#[derive(Debug)]
pub(super) struct Stream {
    /// The peer's address, and the core's.
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    /// Arrived at the core's host and not read.
    pub(super) to_core: VecDeque<u8>,
    pub(super) to_core_max: usize,
    /// The peer sends nothing more.
    pub(super) peer_fin: bool,
    /// The peer reads nothing more either: whatever is sent to it is answered with RST.
    pub(super) peer_closed: bool,
    /// Sent by the core and not read by the peer: the core's send buffer and the peer's receive buffer in one.
    pub(super) to_peer: VecDeque<u8>,
    pub(super) to_peer_max: usize,
    /// The core sends nothing more.
    pub(super) core_fin: bool,
    pub(super) core_closed: bool,
    /// The core's host sent RST.
    pub(super) core_reset: bool,
    /// RST arrived from the peer.
    pub(super) broken: bool,
    /// … and neither side has been told: the next call fails, later ones see an ended connection, as on Linux.
    pub(super) error: bool,
    /// Bytes that the core read, and sent.
    pub(super) read: u64,
    pub(super) sent: u64,
    /// When the core last moved a byte, or the connection came about.
    pub(super) moved_at: u64,
    /// The core was told that everything up to the end is there.
    pub(super) end_told: bool,
    /// The core read the end, or left room in a read behind which it knew it to be.
    pub(super) end_read: bool,
    /// Something changed for the peer.
    pub(super) stirred: bool,
    /// The core lets the kernel probe whether the peer is alive.
    pub(super) is_probed: bool,
}

/// What a peer hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Reset,
}

impl Stream {
    pub(super) fn new(peer: SocketAddr, local: SocketAddr, sizes: (usize, usize)) -> Self {
        Self {
            peer,
            local,
            to_core: VecDeque::new(),
            to_core_max: sizes.0,
            peer_fin: false,
            peer_closed: false,
            to_peer: VecDeque::new(),
            to_peer_max: sizes.1,
            core_fin: false,
            core_closed: false,
            core_reset: false,
            broken: false,
            error: false,
            read: 0,
            sent: 0,
            moved_at: 0,
            end_told: false,
            end_read: false,
            stirred: true,
            is_probed: false,
        }
    }

    // === The core's side, as poll sees it ===

    /// The peer's end has come, and everything before it.
    pub(super) fn is_complete(&self) -> bool {
        self.peer_fin && !self.broken
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.to_core.is_empty() || self.peer_fin || self.broken
    }

    pub(super) fn is_hung_up(&self) -> bool {
        self.peer_fin || self.broken
    }

    /// The word of a poll. The error is told until a call has taken it.
    pub(super) fn ready(&self) -> Ready {
        Ready { hangup: self.is_hung_up(), broken: self.error, complete: self.is_complete() }
    }

    /// Linux calls a socket writable when a third of its buffer is free.
    pub(super) fn is_writable(&self) -> bool {
        self.broken || (self.to_peer_max - self.to_peer.len()) * 3 >= self.to_peer_max
    }

    /// Something waits that the core can read now and has not seen the end of.
    pub(super) fn has_news(&self) -> bool {
        !self.to_core.is_empty() || (self.peer_fin && !self.end_read)
    }

    // === The peer's side. Each answers whether the core's polls have to be woken. ===

    /// Sends; answers how many bytes fit.
    pub(super) fn peer_send(&mut self, bytes: &[u8]) -> usize {
        if self.peer_fin || self.broken {
            return 0;
        }
        if self.core_closed {
            // The core's host answers with RST.
            self.core_reset = true;
            self.stirred = true;
            return bytes.len();
        }
        let taken = bytes.len().min(self.to_core_max - self.to_core.len());
        self.to_core.extend(&bytes[..taken]);
        taken
    }

    pub(super) fn peer_recv(&mut self, most: usize) -> Heard {
        self.stirred = !self.to_peer.is_empty();
        if self.core_reset {
            return Heard::Reset;
        }
        if self.to_peer.is_empty() {
            return if self.core_fin { Heard::End } else { Heard::Nothing };
        }
        let taken = most.min(self.to_peer.len());
        let bytes = self.to_peer.drain(..taken).collect();
        self.stirred = !self.to_peer.is_empty() || self.core_fin;
        Heard::Bytes(bytes)
    }

    pub(super) fn peer_reset(&mut self, drops_unread: bool) {
        if !self.broken && !self.core_closed {
            self.broken = true;
            self.error = true;
        }
        self.peer_closed = true;
        self.to_peer.clear();
        // Linux lets what arrived before the RST be read; other stacks on the way may not have delivered it.
        if drops_unread {
            self.to_core.clear();
        }
    }

    /// Closes like a process does: FIN, or RST when bytes are unread.
    pub(super) fn peer_close(&mut self) {
        if self.to_peer.is_empty() {
            self.peer_fin = true;
            self.peer_closed = true;
        } else {
            self.peer_reset(false);
        }
    }
}
