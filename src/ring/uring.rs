//! The real port: one `io_uring` per data core, and the plain calls beside it.
//!
//! Flags and loop are those of K-RING-1: `SINGLE_ISSUER | DEFER_TASKRUN` (completions are made only when this
//! thread asks for them), `TASKRUN_FLAG` (so that an enter without waiting still asks), a completion queue
//! of 16 Ki entries and `SUBMIT_ALL`.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, IntoRawFd as _};
use std::time::Duration;

use io_uring::types::{self, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::io::Errno;

use super::addresses::Addresses;
use super::endings::Ending;
use super::outgoing::Outgoing;
use super::passing;
use super::pipes::Pipes;
use super::port::{
    Completion, Fd, Half, IoFault, Kind, Need, Outcome, Overflow, PipeId, Port, Ready, Token,
    Unsent,
};
use super::probe::{self, KernelFault};
use super::socket::{self, SocketOptions};
use super::wake::Waker;
use crate::limits;
use crate::tick::Tick;

/// The kernel behind one data core.
pub struct Uring {
    ring: IoUring,
    addresses: Addresses,
    outgoing: Outgoing,
    unsent: Vec<Unsent>,
    /// What follows the sends of this round, in order.
    endings: Vec<Ending>,
    /// Completions that a flush has found; the next wait hands them over.
    early: Vec<Completion>,
    pipes: Pipes,
    options: SocketOptions,
    waker: Waker,
    spare: Option<std::os::fd::OwnedFd>,
    /// Where descriptors of other threads come out.
    passed: Option<Fd>,
    /// The kernel had no room since it was asked last.
    overflow: Option<Overflow>,
    /// Completions that it has lost until then.
    lost: u32,
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uring").field("waker", &self.waker).finish_non_exhaustive()
    }
}

impl Uring {
    /// Makes the ring of the calling thread; it must be used by this thread only. `slots`: size of the worker's table.
    ///
    /// # Errors
    /// What the kernel refuses, with its remedy.
    pub fn new(waker: Waker, options: SocketOptions, slots: u32) -> Result<Self, KernelFault> {
        let ring = probe::restricted(SUBMISSIONS)?;
        let mut port = Self {
            ring,
            addresses: Addresses::new(slots),
            outgoing: Outgoing::new(),
            unsent: Vec::new(),
            endings: Vec::new(),
            early: Vec::new(),
            pipes: Pipes::default(),
            options,
            waker,
            spare: None,
            passed: None,
            overflow: None,
            lost: 0,
        };
        port.arm_wake();
        port.keep_spare();
        Ok(port)
    }

    /// The same, with an end of [`passing`] that the calling thread owns.
    #[must_use]
    pub fn receiving_from(self, passed: Fd) -> Self {
        Self { passed: Some(passed), ..self }
    }

    fn arm_wake(&mut self) {
        let token = Token { slot: 0, generation: 0, kind: Kind::Wake };
        let fd = self.waker.fd();
        self.poll(fd, token);
    }

    /// One descriptor in reserve, so that a connection that arrives when none is left can be accepted and closed
    /// instead of waiting for ever (R-ACCEPT-1).
    fn keep_spare(&mut self) {
        if self.spare.is_none() {
            self.spare = rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).ok();
        }
    }

    fn push(&mut self, entry: &squeue::Entry) {
        loop {
            // SAFETY: entries are made only by the functions of this file. Each names a descriptor by number and, for a
            // connect, an address in `self.addresses`: our memory, in a table that never moves, not written again until
            // the slot's next connect, which comes after this one's completion. A send names bytes in `self.outgoing`:
            // our memory, which never moves, and is not written again until `clear`, which comes after the enter that
            // carried out all sends (they never wait: MSG_DONTWAIT). No other memory is lent; nothing is to be
            // released.
            let pushed = unsafe { self.ring.submission().push(entry) };
            if pushed.is_ok() {
                return;
            }
            // The queue is full: hand over what is there. Submitting without waiting can't lose anything (UR-03).
            if let Err(error) = self.ring.submit() {
                Self::survive_enter(&error);
            }
        }
    }

    /// `EINTR`, `EAGAIN`, `EBUSY` and `ETIME` are ordinary; anything else means that the ring itself is broken, and a
    /// core without a ring cannot go on (K-CORE-3).
    fn survive_enter(error: &std::io::Error) {
        match error.raw_os_error() {
            Some(libc::EINTR | libc::EAGAIN | libc::EBUSY | libc::ETIME) => {}
            _ => panic!("io_uring_enter failed: {error}"),
        }
    }

    /// Ends behind the sends of this round; at once, where there are none.
    fn end(&mut self, ending: Ending) {
        if self.outgoing.is_empty() && self.endings.is_empty() {
            return ending.carry_out();
        }
        self.endings.push(ending);
    }

    /// Asks for the first bytes of the room to be sent.
    fn send_later(&mut self, to: Fd, token: Token, bytes: usize) {
        let bytes = self.outgoing.keep(token, bytes);
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        // All or an answer: a send that took everything is not worth a completion.
        let entry = opcode::Send::new(types::Fd(to.0), bytes.as_ptr(), length)
            .flags(libc::MSG_DONTWAIT | libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build()
            .user_data(token.pack())
            .flags(squeue::Flags::SKIP_SUCCESS);
        self.push(&entry);
    }

    /// Looks whether the kernel had room for all it has to say: a look at memory that it shares with us.
    fn look_for_overflow(&mut self) {
        let is_full = self.ring.submission().cq_overflow();
        let lost = self.ring.completion().overflow();
        if is_full || lost != self.lost {
            let before = self.overflow.map_or(0, |overflow| overflow.lost);
            let more = lost.wrapping_sub(std::mem::replace(&mut self.lost, lost));
            self.overflow = Some(Overflow { lost: before.saturating_add(more) });
        }
    }

    /// Reads all completions there are.
    fn collect(&mut self) {
        self.look_for_overflow();
        let mut rearm_wake = false;
        for entry in self.ring.completion() {
            let Some(token) = Token::unpack(entry.user_data()) else {
                continue;
            };
            if matches!(token.kind, Kind::ClientSend | Kind::BackendSend) {
                let (taken, fault) = send_outcome(entry.result());
                self.unsent.extend(self.outgoing.unsent(token, taken, fault));
                continue;
            }
            let more = cqueue::more(entry.flags());
            if token.kind == Kind::Wake && !more {
                rearm_wake = true;
            }
            self.early.push(Completion {
                token,
                outcome: outcome(token.kind, entry.result()),
                more,
            });
        }
        // Each send was carried out, and its answer read above, when no entry is left with us.
        if !self.outgoing.is_empty() && self.ring.submission().is_empty() {
            self.outgoing.clear();
        }
        if rearm_wake {
            self.arm_wake();
        }
    }
}

/// How many bytes a send took that did not take all, and why.
fn send_outcome(result: i32) -> (usize, IoFault) {
    match usize::try_from(result) {
        Ok(taken) => (taken, IoFault::WouldBlock),
        Err(_) => (0, socket::fault(Errno::from_raw_os_error(-result))),
    }
}

/// What a completion's number means, operation by operation.
fn outcome(kind: Kind, result: i32) -> Outcome {
    if result == -libc::ECANCELED {
        return Outcome::Cancelled;
    }
    if result < 0 {
        return Outcome::Failed(socket::fault(Errno::from_raw_os_error(-result)));
    }
    match kind {
        Kind::Accept => Outcome::Accepted(Fd(result)),
        Kind::Connect => Outcome::Connected,
        Kind::Wake
        | Kind::ClientReady
        | Kind::BackendReady
        | Kind::ClientWritable
        | Kind::BackendWritable => {
            let hangup = result & i32::from(libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) != 0;
            // Not POLLHUP: that is also what two ordinary half-closes come to (`tcp_poll`, kernel 6.1).
            let broken = result & i32::from(libc::POLLERR) != 0;
            // A read stops at urgent data, whatever is behind it.
            let ended = result & i32::from(libc::POLLRDHUP) != 0;
            let complete = ended && !broken && result & i32::from(libc::POLLPRI) == 0;
            Outcome::Ready(Ready { hangup, broken, complete })
        }
        Kind::Cancel | Kind::ClientSend | Kind::BackendSend => Outcome::Cancelled,
    }
}

impl Port for Uring {
    fn accept(&mut self, listener: Fd, token: Token) {
        let entry = opcode::AcceptMulti::new(types::Fd(listener.0))
            .flags(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
            .build()
            .user_data(token.pack());
        self.push(&entry);
    }

    fn connect(&mut self, fd: Fd, to: SocketAddr, token: Token) {
        let (address, length) = self.addresses.keep(token.slot, to);
        let entry =
            opcode::Connect::new(types::Fd(fd.0), address, length).build().user_data(token.pack());
        self.push(&entry);
    }

    fn poll(&mut self, fd: Fd, token: Token) {
        let entry = opcode::PollAdd::new(types::Fd(fd.0), READABLE)
            .multi(true)
            .build()
            .user_data(token.pack());
        self.push(&entry);
    }

    fn poll_writable(&mut self, fd: Fd, token: Token) {
        let entry = opcode::PollAdd::new(types::Fd(fd.0), WRITABLE).build().user_data(token.pack());
        self.push(&entry);
    }

    fn cancel(&mut self, token: Token) {
        let own = Token { kind: Kind::Cancel, ..token };
        let entry = opcode::AsyncCancel::new(token.pack())
            .build()
            .user_data(own.pack())
            .flags(squeue::Flags::SKIP_SUCCESS);
        self.push(&entry);
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) {
        if !self.endings.is_empty() {
            self.flush();
        }
        let ready =
            !self.early.is_empty() || !self.unsent.is_empty() || !self.ring.completion().is_empty();
        let result = match timeout {
            Some(timeout) if timeout.is_zero() || ready => self.ring.submit(),
            Some(timeout) => {
                let timespec = Timespec::from(timeout);
                let args = SubmitArgs::new().timespec(&timespec);
                self.ring.submitter().submit_with_args(1, &args)
            }
            None if ready => self.ring.submit(),
            None => self.ring.submit_and_wait(1),
        };
        if let Err(error) = result {
            Self::survive_enter(&error);
        }
        self.collect();
        if completions.is_empty() {
            std::mem::swap(completions, &mut self.early);
        } else {
            completions.append(&mut self.early);
        }
    }

    fn forward(&mut self, from: Fd, to: Fd, token: Token) -> Result<usize, IoFault> {
        if self.outgoing.room().is_none() {
            self.flush();
        }
        // A flush comes back when everything is sent, so there is room.
        let room = self.outgoing.room().ok_or(IoFault::Memory)?;
        let read = socket::recv(from, room)?;
        if read == 0 {
            return Ok(0);
        }
        self.send_later(to, token, read);
        Ok(read)
    }

    fn post(&mut self, to: Fd, token: Token, bytes: &[u8]) -> bool {
        if bytes.len() > limits::SCRATCH_BYTES {
            return false;
        }
        if self.outgoing.room().is_none() {
            self.flush();
        }
        let Some(room) = self.outgoing.room().and_then(|room| room.get_mut(..bytes.len())) else {
            return false;
        };
        room.copy_from_slice(bytes);
        self.send_later(to, token, bytes.len());
        true
    }

    fn flush(&mut self) {
        while !self.outgoing.is_empty() {
            if let Err(error) = self.ring.submit() {
                Self::survive_enter(&error);
            }
            self.collect();
        }
        for ending in self.endings.drain(..) {
            ending.carry_out();
        }
    }

    fn take_unsent(&mut self) -> Option<Unsent> {
        self.unsent.pop()
    }

    fn round(&self) -> u32 {
        self.outgoing.round()
    }

    fn now(&mut self) -> Tick {
        super::clock::now()
    }

    fn micros(&mut self) -> u64 {
        super::clock::micros()
    }

    fn take_overflow(&mut self) -> Option<Overflow> {
        self.overflow.take()
    }

    fn unix_ms(&mut self) -> u64 {
        super::clock::unix_ms()
    }

    fn recv(&mut self, fd: Fd, into: &mut [u8]) -> Result<usize, IoFault> {
        socket::recv(fd, into)
    }

    fn send(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
        socket::send(fd, bytes)
    }

    fn send_more(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
        socket::send_more(fd, bytes)
    }

    fn pipe_take(&mut self) -> Option<PipeId> {
        self.pipes.take()
    }

    fn pipe_give(&mut self, pipe: PipeId, empty: bool) {
        self.pipes.give(pipe, empty);
        self.pipes.shrink(IDLE_PIPES_KEPT);
    }

    fn splice_in(&mut self, from: Fd, pipe: PipeId) -> Result<usize, IoFault> {
        let pipe = self.pipes.get(pipe).ok_or(IoFault::Memory)?;
        socket::splice_pair(socket::borrow(from), pipe.write.as_fd(), limits::SPLICE_BYTES_MAX)
    }

    fn splice_out(&mut self, pipe: PipeId, to: Fd, bytes: usize) -> Result<usize, IoFault> {
        let pipe = self.pipes.get(pipe).ok_or(IoFault::Memory)?;
        socket::splice_pair(pipe.read.as_fd(), socket::borrow(to), bytes)
    }

    fn socket(&mut self, to: SocketAddr, from: Option<IpAddr>) -> Result<Fd, IoFault> {
        socket::backend_socket(to, from)
    }

    fn prepare(&mut self, fd: Fd, need: Need) {
        socket::prepare(fd, need, &self.options);
    }

    fn local_of_all(&mut self, listener: Fd) -> Option<SocketAddr> {
        socket::local_of_all(listener)
    }

    fn endpoints(
        &mut self,
        fd: Fd,
        local: Option<SocketAddr>,
    ) -> Result<(SocketAddr, SocketAddr), IoFault> {
        socket::endpoints(fd, local)
    }

    fn shutdown(&mut self, fd: Fd, half: Half) {
        self.end(Ending::Shutdown(fd, half));
    }

    fn reset_on_close(&mut self, fd: Fd) {
        self.end(Ending::ResetOnClose(fd));
    }

    fn close(&mut self, fd: Fd) {
        // A send names its descriptor by number, which another connection may have when it is carried out.
        self.end(Ending::Close(socket::adopt(fd)));
    }

    fn refuse_one(&mut self, listener: Fd, line: &[u8]) {
        self.spare = None;
        if let Some(connection) = self.accept_now(listener) {
            // The line is a courtesy: a peer that does not take it is closed all the same.
            let _ = socket::send(connection, line);
            socket::shutdown(connection, Half::Both);
            self.close(connection);
        }
        self.keep_spare();
    }

    fn accept_now(&mut self, listener: Fd) -> Option<Fd> {
        let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
        let accepted = rustix::net::accept_with(socket::borrow(listener), flags).ok()?;
        Some(Fd(accepted.into_raw_fd()))
    }

    fn take_passed(&mut self) -> Vec<(u32, Fd)> {
        self.passed.map(passing::take_all).unwrap_or_default()
    }
}

/// Entries of the submission queue: the connects, polls and cancels of one loop turn.
const SUBMISSIONS: u32 = 1024;
/// Readable, or the peer finished sending. `POLLERR` and `POLLHUP` are always reported.
const READABLE: u32 = (libc::POLLIN | libc::POLLRDHUP | libc::POLLPRI).cast_unsigned() as u32;
const WRITABLE: u32 = libc::POLLOUT.cast_unsigned() as u32;
/// Pipes kept for the next hot direction when no direction uses them: each costs two descriptors and 4 KiB.
const IDLE_PIPES_KEPT: usize = 16;
