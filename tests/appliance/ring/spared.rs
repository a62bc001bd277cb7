//! Calls that a connection is spared, and what makes up for them (K-RING-10, K-RING-11).

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::IntoRawFd as _;

use hale::ring::port::{Fd, Kind, Outcome, Port as _, Ready};
use hale::ring::socket::{SocketOptions, listen};
use hale::ring::uring::Uring;
use rustix::net::{SendFlags, send};

use super::{await_hangup, await_kind, pair, port, token};

/// The ready state of a socket behind everything that its peer has done.
fn ready_behind(port: &mut Uring, fd: Fd) -> Ready {
    port.poll(fd, token(2, Kind::ClientReady));
    let ready = await_hangup(port, Kind::ClientReady);
    port.cancel(token(2, Kind::ClientReady));
    while await_kind(port, Kind::ClientReady).more {}
    ready
}

#[test]
fn k_ring_11_an_end_in_order_makes_a_short_read_the_last() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    peer.write_all(b"last").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert!(ready_behind(&mut port, fd).complete);
    let mut buffer = [0; 64];
    assert_eq!(port.recv(fd, &mut buffer), Ok(4));
    assert_eq!(port.recv(fd, &mut buffer), Ok(0));
    port.close(fd);
}

#[test]
fn k_ring_11_a_read_stops_at_urgent_data_so_its_length_says_nothing() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    peer.write_all(b"before").unwrap();
    send(&peer, b"!", SendFlags::OOB).unwrap();
    peer.write_all(b"behind").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert!(!ready_behind(&mut port, fd).complete);
    let mut buffer = [0; 64];
    assert_eq!(port.recv(fd, &mut buffer), Ok(6));
    assert_eq!(port.recv(fd, &mut buffer), Ok(6), "bytes behind a short read");
    assert_eq!(port.recv(fd, &mut buffer), Ok(0));
    port.close(fd);
}

#[test]
fn k_ring_11_a_reset_is_no_end() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    port.send(fd, b"unread").unwrap();
    peer.write_all(b"before").unwrap();
    peer.peek(&mut [0]).unwrap();
    drop(peer);
    let ready = ready_behind(&mut port, fd);
    assert!(ready.broken && !ready.complete);
    port.close(fd);
}

#[test]
fn a_listener_of_one_address_knows_its_end_of_every_connection() {
    let mut port = port();
    for (on, is_known) in [("127.0.0.1:0", true), ("0.0.0.0:0", false), ("[::]:0", false)] {
        let socket = listen(on.parse().unwrap(), &SocketOptions::default()).unwrap();
        let bound = TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
        let listener = Fd(socket.into_raw_fd());
        let local = port.local_of_all(listener);
        assert_eq!(local, is_known.then_some(bound), "{on}");
        port.accept(listener, token(0, Kind::Accept));
        let peer =
            TcpStream::connect((if bound.is_ipv4() { "127.0.0.1" } else { "::1" }, bound.port()));
        let peer = peer.unwrap();
        let Outcome::Accepted(fd) = await_kind(&mut port, Kind::Accept).outcome else {
            panic!("not accepted")
        };
        let ends = (peer.local_addr().unwrap(), peer.peer_addr().unwrap());
        assert_eq!(port.endpoints(fd, local), Ok(ends), "{on}");
        port.close(fd);
        port.cancel(token(0, Kind::Accept));
        assert_eq!(await_kind(&mut port, Kind::Accept).outcome, Outcome::Cancelled);
        port.close(listener);
    }
}
