//! Sockets: the non-blocking calls that a core makes itself, the options, and the listeners.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, sockopt,
};
use rustix::pipe::{SpliceFlags, splice};

use super::port::{Fd, Half, IoFault, ReceiveBuffer};
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
        | Errno::ADDRNOTAVAIL
        | Errno::NETDOWN
        | Errno::HOSTDOWN
        | Errno::ACCESS
        | Errno::PERM => IoFault::Unreachable,
        Errno::TIMEDOUT => IoFault::TimedOut,
        Errno::MFILE | Errno::NFILE => IoFault::Descriptors,
        Errno::NOBUFS | Errno::NOMEM => IoFault::Memory,
        other => IoFault::Other(other.raw_os_error()),
    }
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

/// The kernel keeps what fills no segment for what follows: the FIN, which comes at once and takes the bytes along
/// (K-RELAY-3).
pub(super) fn send_last(fd: Fd, bytes: &[u8]) -> Result<usize, IoFault> {
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

pub(super) fn endpoints(fd: Fd) -> Result<(SocketAddr, SocketAddr), IoFault> {
    let peer = uninterrupted(|| net::getpeername(borrow(fd)))?.ok_or(IoFault::Reset)?;
    let local = uninterrupted(|| net::getsockname(borrow(fd)))?;
    let peer = SocketAddr::try_from(peer).map_err(fault)?;
    let local = SocketAddr::try_from(local).map_err(fault)?;
    Ok((canonical(peer), canonical(local)))
}

/// A non-blocking socket for a connection to a backend.
pub(super) fn backend_socket(
    to: SocketAddr,
    from: Option<IpAddr>,
    options: &SocketOptions,
) -> Result<Fd, IoFault> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None).map_err(fault)?;
    stream_options(&socket, options).map_err(fault)?;
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
    net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

fn stream_options(socket: &OwnedFd, options: &SocketOptions) -> rustix::io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, limits::KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(socket, limits::KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(socket, limits::KEEPALIVE_PROBES)?;
    set_receive_buffer(socket, options.receive_bytes)?;
    if options.unsent_bytes == 0 {
        return Ok(());
    }
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, options.unsent_bytes)
}

/// The scale of the TCP window is settled by the buffer a socket has when it connects; within it the buffer may change.
pub(super) fn receive_buffer(fd: Fd, buffer: ReceiveBuffer, options: &SocketOptions) {
    let most = options.receive_bytes;
    let bytes = match buffer {
        ReceiveBuffer::First => most.min(limits::RELAY_FIRST_RECEIVE_BYTES),
        ReceiveBuffer::Whole => most,
    };
    // It bounds memory and speed; a socket that refuses it still works.
    let _ = set_receive_buffer(borrow(fd), bytes);
}

fn set_receive_buffer(socket: impl AsFd, bytes: u32) -> rustix::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let half = usize::try_from(bytes / 2).unwrap_or(usize::MAX);
    sockopt::set_socket_recv_buffer_size(socket, half)
}

fn set_option(
    socket: &OwnedFd,
    level: libc::c_int,
    option: libc::c_int,
    value: u32,
) -> rustix::io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let length = u32::try_from(size_of::<u32>()).unwrap_or(4);
    // WHY UNSAFE: rustix has no name for TCP_NOTSENT_LOWAT, TCP_MAXSEG and IP_BIND_ADDRESS_NO_PORT.
    // SAFETY: `value` is a local that outlives the call and belongs to us; the kernel reads `length` bytes from it during
    // the call only and keeps no pointer; nothing is to be released.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }
}

/// Connections that may wait for accept; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// R-STALL-1.
    #[test]
    fn be_12_a_backend_gets_its_whole_receive_buffer_only_when_its_reader_reads() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let options = SocketOptions::default();
        let fd = backend_socket(listener.local_addr().unwrap(), None, &options).unwrap();
        let held = || sockopt::socket_recv_buffer_size(borrow(fd)).unwrap();
        assert_eq!(held(), options.receive_bytes as usize, "what settles the window's scale");
        receive_buffer(fd, ReceiveBuffer::First, &options);
        assert_eq!(held(), limits::RELAY_FIRST_RECEIVE_BYTES as usize);
        receive_buffer(fd, ReceiveBuffer::Whole, &options);
        assert_eq!(held(), options.receive_bytes as usize);
        let small = SocketOptions { receive_bytes: 65_536, ..options };
        receive_buffer(fd, ReceiveBuffer::First, &small);
        assert_eq!(held(), 65_536, "the setting bounds both");
        drop(adopt(fd));
    }
}
