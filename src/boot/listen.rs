//! Ports: one socket per data core and listener, taken before anything is served.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::exit::{Exit, Refusal};
use crate::ring::socket::{self, SocketOptions, listen};

/// A predecessor that was killed still holds its ports for some tens of milliseconds (K-RING-5).
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens `cores` sockets on the address of the listener of this name.
///
/// `SO_REUSEPORT` would let a second process of the same user share the port silently, so the port is first taken
/// without it.
pub(super) fn open(
    name: &str,
    on: SocketAddr,
    cores: usize,
    options: &SocketOptions,
) -> Result<Vec<OwnedFd>, Refusal> {
    reserve(on, name)?;
    (0..cores).map(|_| listen(on, options).map_err(|error| refusal(&error, on, name))).collect()
}

/// The same for the control core: one socket, which does not block.
pub(super) fn of_control(
    name: &str,
    on: SocketAddr,
    options: &SocketOptions,
) -> Result<Vec<TcpListener>, Refusal> {
    let ready = |socket: OwnedFd| {
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true).map_err(|error| refusal(&error, on, name))?;
        Ok(listener)
    };
    open(name, on, 1, options)?.into_iter().map(ready).collect()
}

fn reserve(on: SocketAddr, name: &str) -> Result<(), Refusal> {
    #[expect(
        clippy::disallowed_methods,
        reason = "start-up waits for a predecessor's ports, before any clock runs"
    )]
    let give_up = Instant::now() + PATIENCE;
    loop {
        match socket::reserve(on) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                #[expect(clippy::disallowed_methods, reason = "see above")]
                let now = Instant::now();
                if now >= give_up {
                    return Err(refusal(&error, on, name));
                }
                #[expect(
                    clippy::disallowed_methods,
                    reason = "nothing tells when a port becomes free"
                )]
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(refusal(&error, on, name)),
        }
    }
}

fn refusal(error: &std::io::Error, on: SocketAddr, name: &str) -> Refusal {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Refusal {
            exit: Exit::TempFail,
            text: format!(
                "inet_listener {name}: {on} is in use: stop what listens there (ss -ltnp 'sport = :{}'), or change its port",
                on.port()
            ),
        },
        std::io::ErrorKind::PermissionDenied => Refusal {
            exit: Exit::NoPerm,
            text: format!(
                "inet_listener {name}: {on} is not permitted: ports below 1024 need CAP_NET_BIND_SERVICE \
                 (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
            ),
        },
        _ => Refusal::config(format!(
            "inet_listener {name}: {on} can't be opened: {error}; check address and listen"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `listen = *, ::`, the default.
    #[test]
    fn both_families_are_opened_on_one_port() {
        let options = SocketOptions::default();
        let first = of_control("one", "0.0.0.0:0".parse().unwrap(), &options).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let other = SocketAddr::new("::".parse().unwrap(), port);
        let second = of_control("two", other, &options).unwrap();
        assert_eq!(second[0].local_addr().unwrap(), other);
        assert!(of_control("three", other, &options).is_err(), "another process would share it");
    }
}
