//! The seam between a data core and the kernel.
//!
//! Two kinds of methods: what travels through the ring and answers later with a [`Completion`], and what a core does
//! itself, without blocking, when a descriptor is ready. K-RING-2 says which is which and why.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::tick::Tick;

/// A descriptor that the worker owns. Closing it is an explicit act ([`Port::close`]), because it may only happen
/// when the kernel has returned every operation on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fd(pub i32);

/// A pipe lent by the port's pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PipeId(pub u16);

/// Which operation a completion belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Multishot accept on a listener; the slot is the listener's index.
    Accept = 0,
    /// The wake-up descriptor became readable.
    Wake = 1,
    /// Connect to a backend.
    Connect = 2,
    /// Multishot readiness of the client's socket.
    ClientReady = 3,
    /// Multishot readiness of the backend's socket.
    BackendReady = 4,
    /// One-shot: the client's socket takes bytes again.
    ClientWritable = 5,
    /// One-shot: the backend's socket takes bytes again.
    BackendWritable = 6,
    /// A cancellation; only failures of it are ever reported.
    Cancel = 7,
    /// Bytes forwarded to the client; only those that its socket did not take are ever reported, as [`Unsent`].
    ClientSend = 8,
    /// Bytes forwarded to the backend, likewise.
    BackendSend = 9,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Accept,
        Self::Wake,
        Self::Connect,
        Self::ClientReady,
        Self::BackendReady,
        Self::ClientWritable,
        Self::BackendWritable,
        Self::Cancel,
        Self::ClientSend,
        Self::BackendSend,
    ];
}

/// Names an operation across the kernel: slot, generation of the slot, kind, packed into the 64 bits of `user_data`.
///
/// Never a pointer: a completion that comes late finds another generation and is ignored (K-RING-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// Index in the worker's slot table.
    pub slot: u32,
    /// Generation of that slot; 24 bits travel.
    pub generation: u32,
    /// Which operation.
    pub kind: Kind,
}

/// Bits of a generation that fit beside slot and kind.
pub const GENERATION_MASK: u32 = 0x00FF_FFFF;

impl Token {
    /// The 64 bits given to the kernel.
    #[must_use]
    pub fn pack(self) -> u64 {
        u64::from(self.slot)
            | u64::from(self.generation & GENERATION_MASK) << 32
            | u64::from(self.kind as u8) << 56
    }

    /// Reads what the kernel gave back; `None` for a kind we never submit.
    #[must_use]
    pub fn unpack(bits: u64) -> Option<Self> {
        let [s0, s1, s2, s3, g0, g1, g2, kind] = bits.to_le_bytes();
        Some(Self {
            slot: u32::from_le_bytes([s0, s1, s2, s3]),
            generation: u32::from_le_bytes([g0, g1, g2, 0]),
            kind: *Kind::ALL.get(usize::from(kind))?,
        })
    }
}

/// What a poll found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// The peer finished sending, or the connection broke: read on until the end shows (K-RING-3).
    pub hangup: bool,
    /// The connection broke (RST, or the kernel gave up on the peer): nothing sent to it arrives any more. What arrived
    /// before may still be read; the read behind it tells the fault.
    pub broken: bool,
    /// The peer's end is there and everything before it: a read that leaves room has found all of it, and needs no other
    /// that finds the end (K-RING-11).
    pub complete: bool,
}

/// How an operation ended, or one step of a multishot operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A connection was accepted.
    Accepted(Fd),
    /// The connect succeeded.
    Connected,
    /// A descriptor is ready.
    Ready(Ready),
    /// The operation was cancelled by us.
    Cancelled,
    /// The operation failed.
    Failed(IoFault),
}

/// One message from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Whose it is.
    pub token: Token,
    /// What happened.
    pub outcome: Outcome,
    /// The operation stays armed; otherwise this was its last completion.
    pub more: bool,
}

/// Forwarded bytes that their destination did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Whose they are.
    pub token: Token,
    /// What is left of them.
    pub bytes: Box<[u8]>,
    /// [`IoFault::WouldBlock`]: it takes more later.
    pub fault: IoFault,
}

/// Why an operation did not do what was asked. `EINTR` never gets this far: it is repeated inside the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoFault {
    /// Nothing to do now; readiness will be told.
    WouldBlock,
    /// The peer broke the connection (`ECONNRESET`, `EPIPE`, `ECONNABORTED`).
    Reset,
    /// No program listens there (`ECONNREFUSED`).
    Refused,
    /// No way there (`EHOSTUNREACH`, `ENETUNREACH`, …).
    Unreachable,
    /// The kernel gave up waiting (`ETIMEDOUT`).
    TimedOut,
    /// No descriptors left (`EMFILE`, `ENFILE`).
    Descriptors,
    /// No memory for it (`ENOBUFS`, `ENOMEM`).
    Memory,
    /// No address or port of this host to connect from (`EADDRNOTAVAIL`).
    Source,
    /// Anything else, with its number: a bug or a kernel we do not know.
    Other(i32),
}

impl IoFault {
    /// Whether this host lacks something. That says nothing of the peer (W-FAIL-8).
    #[must_use]
    pub fn is_shortage(self) -> bool {
        matches!(self, Self::Descriptors | Self::Memory | Self::Source)
    }

    /// Its name in the log.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::WouldBlock => "would-block",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Descriptors => "no-descriptors",
            Self::Memory => "no-memory",
            Self::Source => "no-source",
            Self::Other(_) => "unexpected-errno",
        }
    }
}

/// Which half of a connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Send FIN; the other half stays open.
    Write,
    /// Both at once.
    Both,
}

/// What a connection to a backend needs once it lives on, or carries more than a few lines. Each is a system call or more,
/// which a session that only logs in and leaves is spared (K-RING-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Probes that tell when the backend is dead without a word (W-LIM-9).
    Probes,
    /// A bound on the bytes that wait for a backend that does not read (R-STALL-1).
    UnsentBound,
    /// A receive buffer of which a part is given: it is not known yet whether the client reads
    /// (`limits::RELAY_FIRST_RECEIVE_BYTES`).
    FirstReceiveBuffer,
    /// All of the receive buffer that the configuration allows.
    WholeReceiveBuffer,
}

/// The kernel, as far as a data core needs it.
pub trait Port {
    // --- through the ring: the answer comes as a completion -----------------------------------------------------

    /// Accepts on `listener` until cancelled or failed.
    fn accept(&mut self, listener: Fd, token: Token);
    /// Connects `fd`; one answer.
    fn connect(&mut self, fd: Fd, to: SocketAddr, token: Token);
    /// Reports readability and hang-up of `fd` until cancelled.
    fn poll(&mut self, fd: Fd, token: Token);
    /// Reports once that `fd` takes bytes.
    fn poll_writable(&mut self, fd: Fd, token: Token);
    /// Ends the operation named by `token`; its last completion says so.
    fn cancel(&mut self, token: Token);
    /// Moves what `from` has, up to a scratch, to `to`, and says how much that is; 0 is the end of the stream. It is
    /// read at once, and sent by the next [`Port::flush`] or [`Port::wait`], in one call with whatever else was
    /// forwarded; no later call that ends or closes a connection overtakes it. What `to` does not take comes back by
    /// [`Port::take_unsent`], under `token`. Until the round is over, nothing else may be sent to `to`.
    ///
    /// # Errors
    /// As [`Port::recv`].
    fn forward(&mut self, from: Fd, to: Fd, token: Token) -> Result<usize, IoFault>;
    /// Takes a copy of `bytes` for `to`, to be sent like what is forwarded. `false`: they are too many, send them.
    fn post(&mut self, to: Fd, token: Token, bytes: &[u8]) -> bool;
    /// Sends what was forwarded and posted.
    fn flush(&mut self);
    /// One lot of such bytes that their destination did not take. To be asked before anything is forwarded, because
    /// these bytes come before it; a wait does not sleep while there is one.
    fn take_unsent(&mut self) -> Option<Unsent>;
    /// Which round of such bytes is being collected: another number behind each flush, and never 0 at first.
    fn round(&self) -> u32;
    /// Submits what was asked, waits for completions (at most `timeout`; not at all for zero) and appends them.
    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>);

    // --- done at once, never blocking ---------------------------------------------------------------------------

    /// The current moment. Cheap, but still read only once per loop turn.
    fn now(&mut self) -> Tick;
    /// Microseconds on the same clock, to measure what a core does.
    fn micros(&mut self) -> u64 {
        self.now().0.saturating_mul(1000)
    }
    /// Milliseconds since 1970, for moments that others name. Jumps when the clock is set: never kept.
    fn unix_ms(&mut self) -> u64;
    /// Reads what is there; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, `Reset` when the connection is gone.
    fn recv(&mut self, fd: Fd, into: &mut [u8]) -> Result<usize, IoFault>;
    /// Sends as much as the socket takes.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing, `Reset` when the connection is gone.
    fn send(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault>;
    /// As [`Port::send`], where more bytes, [`Port::shutdown`] or [`Port::close`] follow at once: these bytes, or the end,
    /// travel in the same segment.
    ///
    /// # Errors
    /// As [`Port::send`].
    fn send_more(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault>;
    /// Borrows an empty pipe from the pool; `None` when there is none to be had.
    fn pipe_take(&mut self) -> Option<PipeId>;
    /// Gives a pipe back. `empty`: every byte that went in came out. A pipe that may hold bytes is destroyed, never
    /// reused, so that no byte of one session reaches another (W-REL-3).
    fn pipe_give(&mut self, pipe: PipeId, empty: bool);
    /// Moves bytes from a socket into a pipe; 0 is the end of the stream.
    ///
    /// # Errors
    /// As [`Port::recv`].
    fn splice_in(&mut self, from: Fd, pipe: PipeId) -> Result<usize, IoFault>;
    /// Moves up to `bytes` from a pipe into a socket.
    ///
    /// # Errors
    /// As [`Port::send`].
    fn splice_out(&mut self, pipe: PipeId, to: Fd, bytes: usize) -> Result<usize, IoFault>;
    /// A socket for a connection to `to`, with what a connection to a backend needs at once ([`Port::prepare`]: the rest);
    /// `from` is the address to connect from, when the kernel is not to choose it.
    ///
    /// # Errors
    /// `Descriptors` or `Memory` when the host has none left; `Source` when `from` is not the host's.
    fn socket(&mut self, to: SocketAddr, from: Option<IpAddr>) -> Result<Fd, IoFault>;
    /// Gives a connected socket that [`Port::socket`] made what it needs from now on.
    fn prepare(&mut self, fd: Fd, need: Need);
    /// This end of all connections that a listener accepts. `None`: each has to be asked for its own.
    fn local_of_all(&mut self, listener: Fd) -> Option<SocketAddr>;
    /// The other end of an accepted connection, and this end of it, which may be known.
    ///
    /// # Errors
    /// `Reset` when the connection is gone already.
    fn endpoints(
        &mut self,
        fd: Fd,
        local: Option<SocketAddr>,
    ) -> Result<(SocketAddr, SocketAddr), IoFault>;
    /// Ends one or both halves of a connection: at once, or, like [`Port::reset_on_close`] and [`Port::close`], by the next
    /// [`Port::flush`] or [`Port::wait`] where something is to be sent before.
    fn shutdown(&mut self, fd: Fd, half: Half);
    /// Makes the next close of `fd` send RST instead of FIN: the other side's reset is passed on.
    fn reset_on_close(&mut self, fd: Fd);
    /// Gives a descriptor back to the kernel. Only when no operation is in flight on it.
    fn close(&mut self, fd: Fd);
    /// Accepts one connection with the descriptor kept in reserve, sends `line` and closes it: what is done when no
    /// descriptor is left (R-ACCEPT-1).
    fn refuse_one(&mut self, listener: Fd, line: &[u8]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for kind in Kind::ALL {
            let token = Token { slot: 0xDEAD_BEEF, generation: 0x00AB_CDEF, kind };
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
        assert_eq!(Token::unpack(0xFF << 56), None);
    }

    #[test]
    fn generations_are_cut_to_what_travels() {
        let token = Token { slot: 1, generation: 0x0100_0001, kind: Kind::Connect };
        assert_eq!(Token::unpack(token.pack()).unwrap().generation, 1);
    }
}
