//! The simulated kernel behind the seam that the core knows. Waiting is where the rest of the world gets its turn.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hale::ring::port::{Completion, Fd, Half, IoFault, Need, PipeId, Port, Token, Unsent};
use hale::tick::Tick;

use super::kernel::{Kernel, Pipe, What};
use super::world::World;

/// The port of a simulated core. It owns everything that is not the core.
#[derive(Debug)]
pub(super) struct SimPort(pub(super) World);

impl Port for SimPort {
    fn accept(&mut self, listener: Fd, token: Token) {
        self.0.kernel.start_accept(listener, token);
    }

    fn connect(&mut self, fd: Fd, to: SocketAddr, token: Token) {
        self.0.kernel.start_connect(fd, token, to);
    }

    fn poll(&mut self, fd: Fd, token: Token) {
        self.0.kernel.start_poll(fd, token, false);
    }

    fn poll_writable(&mut self, fd: Fd, token: Token) {
        self.0.kernel.start_poll(fd, token, true);
    }

    fn cancel(&mut self, token: Token) {
        self.0.kernel.cancel(token);
    }

    fn forward(&mut self, from: Fd, to: Fd, token: Token) -> Result<usize, IoFault> {
        let kernel = &mut self.0.kernel;
        if kernel.random.percent(kernel.weather.shortens) {
            // As when there is no more room.
            kernel.flush();
        }
        let bytes = kernel.read(from, hale::limits::SCRATCH_BYTES, true)?;
        if !bytes.is_empty() {
            kernel.assert_nothing_forwarded_to(to);
            kernel.forwarded.push((to, token, bytes.clone()));
        }
        Ok(bytes.len())
    }

    fn post(&mut self, to: Fd, token: Token, bytes: &[u8]) -> bool {
        let kernel = &mut self.0.kernel;
        if bytes.len() > hale::limits::SCRATCH_BYTES {
            return false;
        }
        kernel.assert_nothing_forwarded_to(to);
        kernel.forwarded.push((to, token, bytes.into()));
        true
    }

    fn flush(&mut self) {
        self.0.kernel.flush();
    }

    fn take_unsent(&mut self) -> Option<Unsent> {
        self.0.kernel.unsent.pop().map(|(_, unsent)| unsent)
    }

    fn round(&self) -> u32 {
        self.0.kernel.round
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) {
        self.0.kernel.flush();
        let may_sleep = self.0.kernel.unsent.is_empty();
        self.0.wait(if may_sleep { timeout } else { Some(Duration::ZERO) }, completions);
    }

    fn now(&mut self) -> Tick {
        Tick(self.0.kernel.now)
    }

    fn unix_ms(&mut self) -> u64 {
        UNIX_MS + self.0.kernel.now
    }

    fn recv(&mut self, fd: Fd, into: &mut [u8]) -> Result<usize, IoFault> {
        assert!(!into.is_empty(), "an empty read looks like the end");
        let bytes = self.0.kernel.read(fd, into.len(), true)?;
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn send(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
        self.0.kernel.assert_nothing_forwarded_to(fd);
        self.0.kernel.write(fd, bytes)
    }

    fn send_more(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
        self.send(fd, bytes)
    }

    fn pipe_take(&mut self) -> Option<PipeId> {
        let kernel = &mut self.0.kernel;
        if kernel.random.percent(kernel.weather.lacks_pipes) {
            return None;
        }
        let free = kernel.pipes.iter().rposition(|pipe| !pipe.lent);
        let index = free.unwrap_or_else(|| {
            kernel.pipes.push(Pipe::default());
            kernel.pipes.len() - 1
        });
        kernel.pipes[index].lent = true;
        Some(PipeId(u16::try_from(index).unwrap()))
    }

    fn pipe_give(&mut self, pipe: PipeId, empty: bool) {
        let pipe = self.0.kernel.pipe(pipe);
        assert!(!empty || pipe.bytes.is_empty(), "a pipe with bytes in it was given back as empty");
        *pipe = Pipe::default();
    }

    fn splice_in(&mut self, from: Fd, pipe: PipeId) -> Result<usize, IoFault> {
        let kernel = &mut self.0.kernel;
        let room = PIPE_BYTES - kernel.pipe(pipe).bytes.len();
        if room == 0 {
            return Err(IoFault::WouldBlock);
        }
        let bytes = kernel.read(from, room, false)?;
        kernel.pipe(pipe).bytes.extend(&bytes);
        Ok(bytes.len())
    }

    fn splice_out(&mut self, pipe: PipeId, to: Fd, bytes: usize) -> Result<usize, IoFault> {
        let kernel = &mut self.0.kernel;
        kernel.assert_nothing_forwarded_to(to);
        let waiting: Vec<u8> = kernel.pipe(pipe).bytes.iter().copied().take(bytes).collect();
        if waiting.is_empty() {
            return Err(IoFault::WouldBlock);
        }
        let sent = kernel.write(to, &waiting)?;
        drop(kernel.pipe(pipe).bytes.drain(..sent));
        Ok(sent)
    }

    fn socket(&mut self, _to: SocketAddr, _from: Option<IpAddr>) -> Result<Fd, IoFault> {
        let kernel = &mut self.0.kernel;
        if kernel.random.percent(kernel.weather.lacks_sockets) {
            let faults = [IoFault::Descriptors, IoFault::Memory, IoFault::Source];
            return Err(kernel.random.pick(&faults));
        }
        Ok(kernel.open(What::Fresh))
    }

    /// What it does to a window is the kernel's business; that the socket is a live one is ours.
    fn prepare(&mut self, fd: Fd, need: Need) {
        let kernel = &mut self.0.kernel;
        let stream = kernel.stream_of(fd);
        kernel.streams[stream].is_probed |= need == Need::Probes;
    }

    fn local_of_all(&mut self, _listener: Fd) -> Option<SocketAddr> {
        None
    }

    fn endpoints(
        &mut self,
        fd: Fd,
        _local: Option<SocketAddr>,
    ) -> Result<(SocketAddr, SocketAddr), IoFault> {
        let kernel = &self.0.kernel;
        let stream = &kernel.streams[kernel.stream_of(fd)];
        if stream.broken { Err(IoFault::Reset) } else { Ok((stream.peer, stream.local)) }
    }

    fn shutdown(&mut self, fd: Fd, half: Half) {
        assert_eq!(half, Half::Write, "the core ends both halves by closing");
        let kernel = &mut self.0.kernel;
        kernel.flush();
        let (file, stream) = (kernel.file(fd), kernel.stream_of(fd));
        kernel.files[file].shut = true;
        kernel.streams[stream].core_fin = true;
        kernel.streams[stream].stirred = true;
    }

    fn reset_on_close(&mut self, fd: Fd) {
        self.0.kernel.flush();
        let file = self.0.kernel.file(fd);
        self.0.kernel.files[file].reset_on_close = true;
    }

    fn close(&mut self, fd: Fd) {
        self.0.kernel.flush();
        self.0.kernel.close(fd);
    }

    fn refuse_one(&mut self, listener: Fd, line: &[u8]) {
        let kernel = &mut self.0.kernel;
        let What::Listener(number) = kernel.files[kernel.file(listener)].what else {
            panic!("not a listener")
        };
        if let Some(stream) = kernel.backlogs[number].pop_front() {
            let fd = kernel.open(What::Stream(stream));
            let _ = kernel.write(fd, line);
            kernel.close(fd);
        }
    }
}

impl Kernel {
    /// Sends what was forwarded; what is not taken comes back.
    fn flush(&mut self) {
        for (to, token, bytes) in std::mem::take(&mut self.forwarded) {
            let (taken, fault) = match self.write(to, &bytes) {
                Ok(taken) => (taken, IoFault::WouldBlock),
                Err(fault) => (0, fault),
            };
            if taken < bytes.len() {
                self.unsent.push((to, Unsent { token, bytes: bytes[taken..].into(), fault }));
            }
        }
        self.round += 1;
    }

    fn assert_nothing_forwarded_to(&self, fd: Fd) {
        let waits = self.forwarded.iter().any(|(to, ..)| *to == fd);
        assert!(!waits, "bytes overtake others for descriptor {}", fd.0);
        let overtakes = self.unsent.iter().any(|(to, _)| *to == fd);
        assert!(!overtakes, "bytes overtake those not taken for descriptor {}", fd.0);
    }

    fn pipe(&mut self, pipe: PipeId) -> &mut Pipe {
        let pipe = &mut self.pipes[usize::from(pipe.0)];
        assert!(pipe.lent, "a pipe is used by a direction that gave it back");
        pipe
    }

    /// Takes up to `most` bytes out of a socket; none is the end. `exact`: a read that leaves bytes behind is followed
    /// by a wake-up, as if the rest had arrived only then; splices look again by themselves.
    fn read(&mut self, fd: Fd, most: usize, exact: bool) -> Result<Vec<u8>, IoFault> {
        let index = self.stream_of(fd);
        let stream = &mut self.streams[index];
        if stream.to_core.is_empty() {
            if std::mem::take(&mut stream.error) {
                return Err(IoFault::Reset);
            }
            if !stream.peer_fin && !stream.broken {
                return Err(IoFault::WouldBlock);
            }
            stream.end_read = true;
            return Ok(Vec::new());
        }
        let mut count = most.min(stream.to_core.len());
        // Nothing arrives late where the end is known to be there.
        let shortens = self.random.percent(self.weather.shortens) && !stream.end_told;
        if shortens {
            count = self.random.length(count);
        }
        stream.stirred = true;
        stream.read += count as u64;
        stream.moved_at = self.now;
        stream.end_read |= exact && stream.end_told && count < most;
        let bytes = stream.to_core.drain(..count).collect();
        self.progress += 1;
        if exact && shortens {
            self.wake(index);
        }
        Ok(bytes)
    }

    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let (file, index) = (self.file(fd), self.stream_of(fd));
        assert!(!self.files[file].shut, "bytes sent behind our own end");
        let stream = &mut self.streams[index];
        if stream.broken {
            stream.error = false;
            return Err(IoFault::Reset);
        }
        self.progress += 1;
        if stream.peer_closed {
            // The peer is gone; the RST comes back behind these bytes.
            stream.broken = true;
            stream.error = true;
            self.wake(index);
            return Ok(bytes.len());
        }
        let room = stream.to_peer_max - stream.to_peer.len();
        if room == 0 || self.random.percent(self.weather.blocks) {
            return Err(IoFault::WouldBlock);
        }
        let mut count = room.min(bytes.len());
        if self.random.percent(self.weather.shortens) {
            count = self.random.length(count);
        }
        stream.to_peer.extend(&bytes[..count]);
        stream.sent += count as u64;
        stream.moved_at = self.now;
        stream.stirred = true;
        Ok(count)
    }
}

/// When the simulation began, in the world's time.
pub(super) const UNIX_MS: u64 = 1_700_000_000_000;
/// Bytes that a simulated pipe holds.
const PIPE_BYTES: usize = 65_536;
