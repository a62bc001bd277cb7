//! Sockets that listen: at the start, when a predecessor may still hold them, and later, when the port may be our own.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::ring::socket::{SocketOptions, listen, reserve};

/// A predecessor that was killed still holds its ports for some tens of milliseconds (K-RING-5).
const PATIENCE: Duration = Duration::from_secs(2);

/// A port that can't be had. One line, with the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct PortFault {
    /// Why.
    pub kind: std::io::ErrorKind,
    text: String,
}

/// For the start: sockets on the address of the listener of this name, one for each data core.
///
/// `SO_REUSEPORT` would let a second process of the same user share the port silently, so the port is first taken
/// without it.
///
/// # Errors
/// The port can't be had.
pub fn on_all_cores(
    name: &str,
    on: SocketAddr,
    cores: usize,
    options: &SocketOptions,
) -> Result<Vec<OwnedFd>, PortFault> {
    wait_until_free(name, on)?;
    sockets(name, on, cores, options)
}

/// The same while Hale serves, and without patience. `is_ours`: we have a socket on this port already, so that it can't be
/// taken without sharing.
pub(super) fn again(
    name: &str,
    on: SocketAddr,
    cores: usize,
    options: &SocketOptions,
    is_ours: bool,
) -> Result<Vec<OwnedFd>, PortFault> {
    if !is_ours {
        reserve(on).map_err(|error| fault(&error, on, name))?;
    }
    sockets(name, on, cores, options)
}

/// The same for the control core: one socket, which does not block.
pub(in crate::control) fn of_control(
    name: &str,
    on: SocketAddr,
    options: &SocketOptions,
    is_ours: bool,
) -> Result<TcpListener, PortFault> {
    let free = if is_ours { Ok(()) } else { reserve(on) };
    let socket = free.and_then(|()| listen(on, options));
    socket.map(TcpListener::from).map_err(|error| fault(&error, on, name))
}

fn sockets(
    name: &str,
    on: SocketAddr,
    cores: usize,
    options: &SocketOptions,
) -> Result<Vec<OwnedFd>, PortFault> {
    (0..cores).map(|_| listen(on, options).map_err(|error| fault(&error, on, name))).collect()
}

/// For the start: waits a moment for the predecessor of a listener.
///
/// # Errors
/// The port can't be had.
pub fn wait_until_free(name: &str, on: SocketAddr) -> Result<(), PortFault> {
    #[expect(
        clippy::disallowed_methods,
        reason = "start-up waits for a predecessor's ports, before any clock runs"
    )]
    let give_up = Instant::now() + PATIENCE;
    loop {
        match reserve(on) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                #[expect(clippy::disallowed_methods, reason = "see above")]
                let now = Instant::now();
                if now >= give_up {
                    return Err(fault(&error, on, name));
                }
                #[expect(
                    clippy::disallowed_methods,
                    reason = "nothing tells when a port becomes free"
                )]
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(fault(&error, on, name)),
        }
    }
}

fn fault(error: &std::io::Error, on: SocketAddr, name: &str) -> PortFault {
    let kind = error.kind();
    let text = match kind {
        std::io::ErrorKind::AddrInUse => format!(
            "inet_listener {name}: {on} is in use: stop what listens there (ss -ltnp 'sport = :{}'), or change its port",
            on.port()
        ),
        std::io::ErrorKind::PermissionDenied => format!(
            "inet_listener {name}: {on} is not permitted: ports below 1024 need CAP_NET_BIND_SERVICE \
             (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
        ),
        _ => {
            format!("inet_listener {name}: {on} can't be opened: {error}; check address and listen")
        }
    };
    PortFault { kind, text }
}
