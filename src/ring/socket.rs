//! Sockets: the non-blocking calls that a core makes itself, the options, and the listeners.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, sockopt,
};
use rustix::pipe::{SpliceFlags, splice};

use super::port::{Fd, Half, IoFault, Need};
use crate::limits;
use crate::network::canonical;

/// Options of sockets, decided by the configuration.
#[derive(Clone, Copy, Debug)]
pub struct SocketOptions {
    /// `TCP_NOTSENT_LOWAT`: unsent bytes the kernel may hold for a peer that does not read.
    pub unsent_bytes: u32,
    /// `SO_RCVBUF`: bytes the kernel may hold for us when the other side does not read. The kernel doubles the value
    /// for its own accounting, so half of the bound is asked for.
    pub receive_bytes: u32,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            unsent_bytes: limits::RELAY_UNSENT_BYTES,
            receive_bytes: limits::RELAY_RECEIVE_BYTES,
        }
    }
}

/// A borrowed descriptor for a call that ends before this function's caller can close it.
pub(super) fn borrow(fd: Fd) -> BorrowedFd<'static> {
    // SAFETY: the worker owns the descriptor and closes it only through `close`, never while a call on it runs
    // (one thread); no memory is involved; the borrow is used for a single system call and dropped.
    unsafe { BorrowedFd::borrow_raw(fd.0) }
}

/// Takes ownership of a descriptor number that the worker gives up for good.
pub(super) fn adopt(fd: Fd) -> OwnedFd {
    // SAFETY: the number came from `OwnedFd::into_raw_fd` or from an accept completion and has one owner, the worker's
    // slot, which hands it over here exactly once and with no operation in flight; dropping the value releases it.
    unsafe { OwnedFd::from_raw_fd(fd.0) }
}

/// What an error number means to a worker.
pub(super) fn fault(errno: Errno) -> IoFault {
    match errno {
        Errno::AGAIN | Errno::INPROGRESS => IoFault::WouldBlock,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED | Errno::NOTCONN | Errno::SHUTDOWN => {
            IoFault::Reset
        }
        Errno::CONNREFUSED => IoFault::Refused,
        Errno::HOSTUNREACH
        | Errno::NETUNREACH
        | Errno::NETDOWN
        | Errno::HOSTDOWN
        | Errno::ACCESS
        | Errno::PERM => IoFault::Unreachable,
        Errno::TIMEDOUT => IoFault::TimedOut,
        Errno::MFILE | Errno::NFILE => IoFault::Descriptors,
        Errno::NOBUFS | Errno::NOMEM => IoFault::Memory,
        Errno::ADDRNOTAVAIL => IoFault::Source,
        other => IoFault::Other(other.raw_os_error()),
    }
}

/// Whether a call of the control core failed for want of something of this host's ([`IoFault::is_shortage`]).
#[must_use]
pub fn is_shortage(error: &std::io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| fault(errno).is_shortage())
}

/// Repeats a call that a signal interrupted.
fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, IoFault> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other.map_err(fault),
        }
    }
}

pub(super) fn recv(fd: Fd, into: &mut [u8]) -> Result<usize, IoFault> {
    uninterrupted(|| net::recv(borrow(fd), &mut *into, RecvFlags::DONTWAIT).map(|(bytes, _)| bytes))
}

pub(super) fn send(fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
    uninterrupted(|| net::send(borrow(fd), bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
}

/// The kernel keeps what fills no segment for what follows at once and takes the bytes along: more of them, or the FIN
/// (K-RELAY-3).
pub(super) fn send_more(fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL | SendFlags::MORE;
    uninterrupted(|| net::send(borrow(fd), bytes, flags))
}

/// `SPLICE_F_NONBLOCK` covers only the pipe end; the sockets themselves are non-blocking (K-RING-2).
pub(super) fn splice_pair(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    bytes: usize,
) -> Result<usize, IoFault> {
    uninterrupted(|| splice(from, None, to, None, bytes, SpliceFlags::NONBLOCK | SpliceFlags::MOVE))
}

pub(super) fn shutdown(fd: Fd, half: Half) {
    let how = match half {
        Half::Write => Shutdown::Write,
        Half::Both => Shutdown::Both,
    };
    // ENOTCONN: the peer was faster. Nothing is left to end then.
    let _ = net::shutdown(borrow(fd), how);
}

pub(super) fn endpoints(
    fd: Fd,
    local: Option<SocketAddr>,
) -> Result<(SocketAddr, SocketAddr), IoFault> {
    let peer = uninterrupted(|| net::getpeername(borrow(fd)))?.ok_or(IoFault::Reset)?;
    let peer = SocketAddr::try_from(peer).map_err(fault)?;
    let local = match local {
        Some(known) => known,
        None => own_address(fd)?,
    };
    Ok((canonical(peer), local))
}

/// A listener that is bound to one address accepts at that address only.
pub(super) fn local_of_all(listener: Fd) -> Option<SocketAddr> {
    own_address(listener).ok().filter(|bound| !bound.ip().is_unspecified())
}

fn own_address(fd: Fd) -> Result<SocketAddr, IoFault> {
    let local = uninterrupted(|| net::getsockname(borrow(fd)))?;
    Ok(canonical(SocketAddr::try_from(local).map_err(fault)?))
}

/// A non-blocking socket for a connection to a backend, with what has to be there before it connects.
pub(super) fn backend_socket(to: SocketAddr, from: Option<IpAddr>) -> Result<Fd, IoFault> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None).map_err(fault)?;
    sockopt::set_tcp_nodelay(&socket, true).map_err(fault)?;
    set_option(&socket, libc::IPPROTO_TCP, libc::TCP_MAXSEG, limits::BACKEND_SEGMENT_BYTES)
        .map_err(fault)?;
    if let Some(from) = from {
        // The port is chosen at connect, when the other end is known: then an address has 28,000 ports for each
        // backend, not for all together (Linux 4.2).
        set_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1).map_err(fault)?;
        net::bind(&socket, &SocketAddr::new(from, 0)).map_err(fault)?;
    }
    Ok(Fd(socket.into_raw_fd()))
}

pub(super) fn reset_on_close(fd: Fd) {
    // A socket that refuses the option is closed with FIN: less exact, still closed.
    let _ = sockopt::set_socket_linger(borrow(fd), Some(Duration::ZERO));
}

/// A listening socket. One for each data core and port: `SO_REUSEPORT` spreads the connections (K-RING-8), and a
/// predecessor's descriptors that the kernel still tears down do not stop a restart (K-RING-5).
///
/// # Errors
/// The kernel's: address in use, not ours, or not permitted.
pub fn listen(on: SocketAddr, options: &SocketOptions) -> std::io::Result<OwnedFd> {
    let family = if on.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    if on.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // Accepted sockets inherit all of these, which spares the calls for every connection (K-RING-8).
    stream_options(&socket, options)?;
    net::bind(&socket, &on)?;
    net::listen(&socket, limits::LISTEN_BACKLOG)?;
    Ok(socket)
}

/// Whether the port could be had by [`listen`] without sharing it with a process of the same user. Nothing listens meanwhile, so
/// that no client connects to what is closed again.
///
/// # Errors
/// The kernel's: address in use, not ours, or not permitted.
pub fn reserve(on: SocketAddr) -> std::io::Result<()> {
    let family = if on.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if on.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(net::bind(&socket, &on)?)
}

/// Gives a socket that another process has made listen what ours have from the start.
pub(super) fn listen_as_ours(socket: &OwnedFd, options: &SocketOptions) -> rustix::io::Result<()> {
    stream_options(socket, options)?;
    net::listen(socket, limits::LISTEN_BACKLOG)
}

fn stream_options(socket: &OwnedFd, options: &SocketOptions) -> rustix::io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    set_probes(socket)?;
    set_receive_buffer(socket, options.receive_bytes)?;
    set_unsent_bound(socket, options.unsent_bytes)
}

/// Gives a connected socket what it needs from now on. All of it bounds memory, speed, or how long a dead backend goes
/// unseen: a socket that refuses it still works.
pub(super) fn prepare(fd: Fd, need: Need, options: &SocketOptions) {
    let (socket, most) = (borrow(fd), options.receive_bytes);
    let _ = match need {
        Need::Probes => set_probes(socket),
        Need::UnsentBound => set_unsent_bound(socket, options.unsent_bytes),
        Need::FirstReceiveBuffer => {
            set_receive_buffer(socket, most.min(limits::RELAY_FIRST_RECEIVE_BYTES))
        }
        Need::WholeReceiveBuffer => {
            // The window would stay within the buffer that the socket had when it connected. Its scale was chosen for the
            // largest that the host gives.
            set_receive_buffer(socket, most)
                .and_then(|()| set_option(socket, libc::IPPROTO_TCP, libc::TCP_WINDOW_CLAMP, most))
        }
    };
}

/// The kernel counts the idle time from the last byte, not from here.
fn set_probes(socket: impl AsFd) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, limits::KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&socket, limits::KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&socket, limits::KEEPALIVE_PROBES)
}

fn set_unsent_bound(socket: impl AsFd, bytes: u32) -> rustix::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes)
}

fn set_receive_buffer(socket: impl AsFd, bytes: u32) -> rustix::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let half = usize::try_from(bytes / 2).unwrap_or(usize::MAX);
    sockopt::set_socket_recv_buffer_size(socket, half)
}

fn set_option(
    socket: impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: u32,
) -> rustix::io::Result<()> {
    let length = u32::try_from(size_of::<u32>()).unwrap_or(4);
    // WHY UNSAFE: rustix has no name for TCP_NOTSENT_LOWAT, TCP_MAXSEG, TCP_WINDOW_CLAMP and
    // IP_BIND_ADDRESS_NO_PORT.
    // SAFETY: `value` is a local that outlives the call and belongs to us; the kernel reads `length` bytes from it during
    // the call only and keeps no pointer; nothing is to be released.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection to a backend as a core makes it, and the backend's end of it.
    fn to_backend() -> (Fd, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fd = backend_socket(address, None).unwrap();
        let _under_way = net::connect(borrow(fd), &address);
        (fd, listener.accept().unwrap().0)
    }

    /// How many bytes the kernel holds of a peer that is not read.
    fn taken(fd: Fd, peer: &mut std::net::TcpStream) -> u64 {
        use std::io::Write as _;
        peer.set_nonblocking(true).unwrap();
        while peer.write(&[0x5A; 4096]).is_ok() {}
        rustix::io::ioctl_fionread(borrow(fd)).unwrap()
    }

    /// R-STALL-1.
    #[test]
    fn be_12_a_backend_gets_its_whole_receive_buffer_only_when_its_reader_reads() {
        let options = SocketOptions::default();
        let held = |fd| sockopt::socket_recv_buffer_size(borrow(fd)).unwrap();
        let with = |needs: &[Need]| {
            let (fd, mut peer) = to_backend();
            for need in needs {
                prepare(fd, *need, &options);
            }
            let found = (held(fd), taken(fd, &mut peer));
            drop(adopt(fd));
            found
        };
        let part = u64::from(limits::RELAY_FIRST_RECEIVE_BYTES);
        let (held_first, first) = with(&[Need::FirstReceiveBuffer]);
        assert_eq!(held_first as u64, part);
        assert!(first <= part, "{first} bytes in the first part");
        let (held_whole, whole) = with(&[Need::FirstReceiveBuffer, Need::WholeReceiveBuffer]);
        assert_eq!(held_whole, options.receive_bytes as usize);
        assert!(whole > part, "{whole} bytes in the whole");
        let (fd, _peer) = to_backend();
        let small = SocketOptions { receive_bytes: 65_536, ..options };
        prepare(fd, Need::FirstReceiveBuffer, &small);
        assert_eq!(held(fd), 65_536, "the setting bounds both");
        drop(adopt(fd));
    }

    /// W-LIM-9, R-STALL-1.
    #[test]
    fn k_ring_10_a_backend_is_probed_and_bounded_when_its_session_needs_it() {
        let (fd, _peer) = to_backend();
        assert!(sockopt::tcp_nodelay(borrow(fd)).unwrap(), "from the first byte on");
        assert!(!sockopt::socket_keepalive(borrow(fd)).unwrap());
        prepare(fd, Need::Probes, &SocketOptions::default());
        assert!(sockopt::socket_keepalive(borrow(fd)).unwrap());
        assert_eq!(sockopt::tcp_keepidle(borrow(fd)).unwrap(), limits::KEEPALIVE_IDLE);
        assert_eq!(sockopt::tcp_keepintvl(borrow(fd)).unwrap(), limits::KEEPALIVE_INTERVAL);
        assert_eq!(sockopt::tcp_keepcnt(borrow(fd)).unwrap(), limits::KEEPALIVE_PROBES);
        prepare(fd, Need::UnsentBound, &SocketOptions::default());
        assert_eq!(unsent_bound(fd), limits::RELAY_UNSENT_BYTES);
        drop(adopt(fd));
    }

    fn unsent_bound(fd: Fd) -> u32 {
        let (mut value, mut length) = (0_u32, libc::socklen_t::try_from(size_of::<u32>()).unwrap());
        let (level, option) = (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT);
        // WHY UNSAFE: rustix has no name for TCP_NOTSENT_LOWAT.
        // SAFETY: both are locals that outlive the call and belong to us; the kernel writes at most `length` bytes to the
        // value during the call only and keeps no pointer; nothing is to be released.
        let result = unsafe {
            libc::getsockopt(fd.0, level, option, (&raw mut value).cast(), &raw mut length)
        };
        assert_eq!(result, 0);
        value
    }
}
