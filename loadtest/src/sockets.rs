//! Non-blocking TCP sockets of the generator.
//!
//! Every call here returns at once: the engine polls, it never sleeps. Addresses are IPv4 loopback only, because
//! the whole measurement lives inside one network namespace.

use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType,
    sockopt,
};

/// What one read of a socket said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many bytes, never zero.
    Bytes(usize),
    /// Nothing yet.
    Empty,
    /// The peer closed or reset.
    Closed,
}

/// Opens a listening socket; the address must be on loopback.
pub(crate) fn listen(address: SocketAddrV4) -> Result<OwnedFd> {
    ensure_loopback(address)?;
    let socket = stream_socket()?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Accepted sockets inherit it on Linux, which saves a call per session.
    sockopt::set_tcp_nodelay(&socket, true)?;
    net::bind(&socket, &address).with_context(|| format!("bind {address}"))?;
    net::listen(&socket, LISTEN_BACKLOG).with_context(|| format!("listen on {address}"))?;
    Ok(socket)
}

/// Starts a connection; its outcome arrives as an event.
pub(crate) fn connect(target: SocketAddrV4, source: Option<Ipv4Addr>) -> Result<OwnedFd> {
    ensure_loopback(target)?;
    let socket = stream_socket().context("socket (descriptor limit?)")?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(address) = source {
        net::bind(&socket, &SocketAddrV4::new(address, 0))
            .with_context(|| format!("bind source address {address}"))?;
    }
    match net::connect(&socket, &target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error).with_context(|| format!("connect to {target}")),
    }
}

/// Takes one connection off a listener, if there is one.
pub(crate) fn accept(listener: impl AsFd) -> Result<Option<OwnedFd>> {
    match net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
        Ok(socket) => Ok(Some(socket)),
        Err(Errno::AGAIN | Errno::CONNABORTED) => Ok(None),
        Err(error) => Err(error).context("accept (descriptor limit?)"),
    }
}

/// Reads bytes into `buffer`.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Received {
    receive_with(socket, buffer, RecvFlags::DONTWAIT)
}

/// Takes up to `buffer.len()` bytes off the socket and throws them away without copying them.
pub(crate) fn discard(socket: impl AsFd, buffer: &mut [u8]) -> Received {
    receive_with(socket, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC)
}

/// Sends what fits now; `None` when the peer is gone.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8]) -> Option<usize> {
    match net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Ok(size) => Some(size),
        Err(Errno::AGAIN) => Some(0),
        Err(_) => None,
    }
}

/// Sends what fits now of several pieces; `None` when the peer is gone.
pub(crate) fn send_slices(socket: impl AsFd, slices: &[IoSlice<'_>]) -> Option<usize> {
    let mut control = SendAncillaryBuffer::default();
    match net::sendmsg(socket, slices, &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
        Ok(size) => Some(size),
        Err(Errno::AGAIN) => Some(0),
        Err(_) => None,
    }
}

/// Whether a pending connection came up.
pub(crate) fn is_connected(socket: impl AsFd) -> bool {
    matches!(sockopt::socket_error(socket), Ok(Ok(())))
}

/// The address a connected socket speaks from.
pub(crate) fn local_address(socket: impl AsFd) -> Result<SocketAddrV4> {
    version_4(SocketAddr::try_from(net::getsockname(socket)?)?)
}

/// The address a connected socket speaks to.
pub(crate) fn peer_address(socket: impl AsFd) -> Result<SocketAddrV4> {
    version_4(SocketAddr::try_from(net::getpeername(socket)?.context("no peer")?)?)
}

fn version_4(address: SocketAddr) -> Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => anyhow::bail!("unexpected address family: {address}"),
    }
}

fn receive_with(socket: impl AsFd, buffer: &mut [u8], flags: RecvFlags) -> Received {
    match net::recv(socket, buffer, flags) {
        Ok((_, 0)) => Received::Closed,
        Ok((_, size)) => Received::Bytes(size),
        Err(Errno::AGAIN) => Received::Empty,
        Err(_) => Received::Closed,
    }
}

fn stream_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?)
}

fn ensure_loopback(address: SocketAddrV4) -> Result<()> {
    ensure!(
        address.ip().is_loopback(),
        "{address} is not on loopback; this tool loads nothing else"
    );
    Ok(())
}

/// The kernel cuts it to `net.core.somaxconn`.
const LISTEN_BACKLOG: i32 = 4_096;
