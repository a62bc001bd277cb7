//! Listening sockets that another process has opened for this one, such as systemd (`hale.socket`).

use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd, ioctl_fionbio};
use rustix::net::{self, SocketType, sockopt};

use super::port::Fd;
use super::socket::{self, SocketOptions};

/// A listening socket of TCP, and where it listens.
#[derive(Debug)]
pub struct Inherited {
    /// As it was bound.
    pub on: SocketAddr,
    socket: OwnedFd,
}

/// Takes over the descriptor of this number, which the caller names once and nothing else in the process uses. It is closed if it
/// is no listening socket of TCP; then there is none.
#[must_use]
pub fn inherit(number: RawFd) -> Option<Inherited> {
    let socket = socket::adopt(Fd(number));
    let is_listening = sockopt::socket_type(&socket).ok()? == SocketType::STREAM
        && sockopt::socket_acceptconn(&socket).ok()?;
    let on = SocketAddr::try_from(net::getsockname(&socket).ok()?).ok()?;
    is_listening.then_some(Inherited { on, socket })
}

impl Inherited {
    /// The socket as a descriptor for each core, all of them the same socket, with the options of our own ones.
    ///
    /// # Errors
    /// The kernel's, when descriptors run out or an option is refused.
    pub fn shared(self, cores: usize, options: &SocketOptions) -> std::io::Result<Vec<OwnedFd>> {
        fcntl_setfd(&self.socket, FdFlags::CLOEXEC)?;
        ioctl_fionbio(&self.socket, true)?;
        socket::listen_as_ours(&self.socket, options)?;
        (0..cores).map(|_| Ok(fcntl_dupfd_cloexec(&self.socket, 3)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::IntoRawFd as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_listening_socket_is_taken_for_all_cores_and_nothing_else_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let on = listener.local_addr().unwrap();
        let waiting = TcpStream::connect(on).unwrap();
        let inherited = inherit(listener.into_raw_fd()).unwrap();
        assert_eq!(inherited.on, on);
        let cores = inherited.shared(2, &SocketOptions::default()).unwrap();
        let second = TcpListener::from(cores.into_iter().nth(1).unwrap());
        let (_, from) = second.accept().unwrap();
        assert_eq!(from, waiting.local_addr().unwrap(), "who came before is not lost");
        assert_eq!(second.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        let folder = tempfile::tempdir().unwrap();
        let local = UnixListener::bind(folder.path().join("s")).unwrap();
        for number in [
            waiting.into_raw_fd(),
            local.into_raw_fd(),
            File::open("/dev/null").unwrap().into_raw_fd(),
        ] {
            assert!(inherit(number).is_none());
        }
    }
}
