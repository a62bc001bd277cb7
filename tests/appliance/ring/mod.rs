//! Each operation of the real port against what plain sockets do (K-TEST-1).

mod forward;
mod spared;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::IntoRawFd as _;
use std::time::Duration;

use hale::ring::port::{Completion, Fd, Half, IoFault, Kind, Outcome, Port, Ready, Token, Unsent};
use hale::ring::socket::{SocketOptions, listen};
use hale::ring::uring::Uring;
use hale::ring::wake::Waker;

fn port() -> Uring {
    Uring::new(Waker::new().unwrap(), SocketOptions::default(), 4096).unwrap()
}

fn token(slot: u32, kind: Kind) -> Token {
    Token { slot, generation: 7, kind }
}

/// Waits until a completion of this kind arrives; anything else is dropped.
fn await_kind(port: &mut Uring, kind: Kind) -> Completion {
    let mut completions = Vec::new();
    for _ in 0..50 {
        port.wait(Some(Duration::from_millis(200)), &mut completions);
        if let Some(found) = completions.drain(..).find(|completion| completion.token.kind == kind)
        {
            return found;
        }
    }
    panic!("no completion of kind {kind:?} within ten seconds");
}

fn loopback_listener() -> (Fd, SocketAddr) {
    let socket = listen("127.0.0.1:0".parse().unwrap(), &SocketOptions::default()).unwrap();
    let address = TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
    (Fd(socket.into_raw_fd()), address)
}

/// A connected pair: our descriptor, and the peer as an ordinary stream.
fn pair(port: &mut Uring) -> (Fd, TcpStream) {
    let (listener, address) = loopback_listener();
    port.accept(listener, token(0, Kind::Accept));
    let peer = TcpStream::connect(address).unwrap();
    let Outcome::Accepted(fd) = await_kind(port, Kind::Accept).outcome else {
        panic!("not accepted")
    };
    port.cancel(token(0, Kind::Accept));
    assert_eq!(await_kind(port, Kind::Accept).outcome, Outcome::Cancelled);
    port.close(listener);
    (fd, peer)
}

#[test]
fn ur_05_one_accept_serves_many_connections_and_ends_when_cancelled() {
    let mut port = port();
    let (listener, address) = loopback_listener();
    port.accept(listener, token(3, Kind::Accept));
    for _ in 0..5 {
        let peer = TcpStream::connect(address).unwrap();
        let completion = await_kind(&mut port, Kind::Accept);
        assert!(completion.more, "multishot");
        assert_eq!(completion.token, token(3, Kind::Accept));
        let Outcome::Accepted(fd) = completion.outcome else { panic!("{completion:?}") };
        assert_eq!(port.endpoints(fd, None).unwrap(), (peer.local_addr().unwrap(), address));
        port.close(fd);
    }
    port.cancel(token(3, Kind::Accept));
    let last = await_kind(&mut port, Kind::Accept);
    assert_eq!((last.outcome, last.more), (Outcome::Cancelled, false));
    port.close(listener);
}

#[test]
fn w_fail_8_an_address_that_is_not_ours_and_a_want_of_descriptors_are_told_from_the_peers_faults() {
    let mut port = port();
    let to: SocketAddr = "127.0.0.1:9".parse().unwrap();
    // TEST-NET-1: of no host.
    let elsewhere = "192.0.2.1".parse().unwrap();
    assert_eq!(port.socket(to, Some(elsewhere)), Err(IoFault::Source));
    for fault in [IoFault::Source, IoFault::Descriptors, IoFault::Memory] {
        assert!(fault.is_shortage());
    }
    for fault in [IoFault::Refused, IoFault::Unreachable, IoFault::TimedOut, IoFault::Reset] {
        assert!(!fault.is_shortage());
    }
    for (errno, is_shortage) in [
        (libc::EMFILE, true),
        (libc::ENFILE, true),
        (libc::EADDRNOTAVAIL, true),
        (libc::ECONNREFUSED, false),
    ] {
        let error = std::io::Error::from_raw_os_error(errno);
        assert_eq!(hale::ring::socket::is_shortage(&error), is_shortage, "{error}");
    }
}

#[test]
fn be_01_connect_tells_success_and_refusal_apart() {
    let mut port = port();
    let (listener, address) = loopback_listener();
    let fd = port.socket(address, None).unwrap();
    port.connect(fd, address, token(1, Kind::Connect));
    assert_eq!(await_kind(&mut port, Kind::Connect).outcome, Outcome::Connected);
    port.close(fd);
    port.close(listener);
    let fd = port.socket(address, None).unwrap();
    port.connect(fd, address, token(1, Kind::Connect));
    assert_eq!(await_kind(&mut port, Kind::Connect).outcome, Outcome::Failed(IoFault::Refused));
    port.close(fd);
}

#[test]
fn a_poll_reports_each_arrival_and_the_hangup() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    port.poll(fd, token(2, Kind::ClientReady));
    let mut buffer = [0; 64];
    for message in [&b"one"[..], b"two"] {
        peer.write_all(message).unwrap();
        let completion = await_kind(&mut port, Kind::ClientReady);
        assert!(completion.more);
        assert_eq!(port.recv(fd, &mut buffer), Ok(3));
        assert_eq!(&buffer[..3], message);
        assert_eq!(port.recv(fd, &mut buffer), Err(IoFault::WouldBlock));
    }
    peer.write_all(b"last").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    loop {
        if let Outcome::Ready(ready) = await_kind(&mut port, Kind::ClientReady).outcome
            && ready.hangup
        {
            break;
        }
    }
    assert_eq!(port.recv(fd, &mut buffer), Ok(4));
    assert_eq!(port.recv(fd, &mut buffer), Ok(0));
    port.cancel(token(2, Kind::ClientReady));
    loop {
        let completion = await_kind(&mut port, Kind::ClientReady);
        if !completion.more {
            break;
        }
    }
    port.close(fd);
}

/// Waits for the readiness that the poll of `kind` tells behind everything that is under way.
fn await_hangup(port: &mut Uring, kind: Kind) -> Ready {
    for _ in 0..10 {
        if let Outcome::Ready(ready) = await_kind(port, kind).outcome
            && ready.hangup
        {
            return ready;
        }
    }
    panic!("no hang-up is told")
}

#[test]
fn w_rel_5_a_poll_tells_a_broken_connection_from_one_that_ended_behind_unread_bytes() {
    let mut port = port();
    // Closing over unread bytes sends RST.
    let (broken, mut peer) = pair(&mut port);
    port.send(broken, b"unread").unwrap();
    peer.write_all(b"before").unwrap();
    peer.peek(&mut [0]).unwrap();
    drop(peer);
    port.poll(broken, token(2, Kind::ClientReady));
    assert!(await_hangup(&mut port, Kind::ClientReady).broken);

    // Both halves ended in order: POLLHUP, and nothing is broken.
    let (ended, mut peer) = pair(&mut port);
    port.shutdown(ended, Half::Write);
    peer.write_all(b"before").unwrap();
    drop(peer);
    port.poll(ended, token(3, Kind::BackendReady));
    assert!(!await_hangup(&mut port, Kind::BackendReady).broken);
    let mut buffer = [0; 64];
    assert_eq!(port.recv(ended, &mut buffer), Ok(6));
    assert_eq!(port.recv(ended, &mut buffer), Ok(0));

    for kind in [Kind::ClientReady, Kind::BackendReady] {
        port.cancel(token(if kind == Kind::ClientReady { 2 } else { 3 }, kind));
        while await_kind(&mut port, kind).more {}
    }
    port.close(broken);
    port.close(ended);
}

#[test]
fn closing_after_the_poll_came_back_sends_fin() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    port.poll(fd, token(2, Kind::ClientReady));
    port.cancel(token(2, Kind::ClientReady));
    assert_eq!(await_kind(&mut port, Kind::ClientReady).outcome, Outcome::Cancelled);
    port.close(fd);
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0, "K-RING-4");
}

#[test]
fn ur_07_a_full_socket_takes_less_and_tells_when_it_takes_more() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    let block = vec![0x5A; 1 << 20];
    let mut sent = 0;
    loop {
        match port.send(fd, &block) {
            Ok(bytes) => sent += bytes,
            Err(fault) => {
                assert_eq!(fault, IoFault::WouldBlock);
                break;
            }
        }
    }
    port.poll_writable(fd, token(4, Kind::ClientWritable));
    let reader = std::thread::spawn(move || {
        let mut received = vec![0; sent];
        peer.read_exact(&mut received).unwrap();
        (received, peer)
    });
    let completion = await_kind(&mut port, Kind::ClientWritable);
    assert!(matches!(completion.outcome, Outcome::Ready(_)) && !completion.more);
    let (received, _peer) = reader.join().unwrap();
    assert!(received.iter().all(|byte| *byte == 0x5A));
    port.close(fd);
}

#[test]
fn be_13_splice_moves_everything_and_half_close_follows_it() {
    let mut port = port();
    let (from, mut source) = pair(&mut port);
    let (to, mut sink) = pair(&mut port);
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let written = bytes.clone();
    let writer = std::thread::spawn(move || {
        source.write_all(&written).unwrap();
        source.shutdown(Shutdown::Write).unwrap();
        source
    });
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        sink.read_to_end(&mut received).unwrap();
        received
    });
    let pipe = port.pipe_take().unwrap();
    loop {
        let mut pending = match port.splice_in(from, pipe) {
            Ok(0) => break,
            Ok(bytes) => bytes,
            Err(IoFault::WouldBlock) => continue,
            Err(fault) => panic!("{fault:?}"),
        };
        while pending > 0 {
            match port.splice_out(pipe, to, pending) {
                Ok(bytes) => pending -= bytes,
                Err(fault) => assert_eq!(fault, IoFault::WouldBlock),
            }
        }
    }
    port.pipe_give(pipe, true);
    port.shutdown(to, Half::Write);
    assert_eq!(reader.join().unwrap(), bytes);
    drop(writer.join().unwrap());
    port.close(from);
    port.close(to);
}

#[test]
fn ur_09_a_gone_peer_is_an_outcome_and_no_signal() {
    let mut port = port();
    let (fd, peer) = pair(&mut port);
    drop(peer);
    let mut last = Ok(0);
    for _ in 0..100 {
        last = port.send(fd, b"to nobody");
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last, Err(IoFault::Reset));
    port.close(fd);
}

#[test]
fn a_reset_can_be_passed_on() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    port.reset_on_close(fd);
    port.close(fd);
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let error = peer.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn ur_03_more_operations_than_the_queue_holds_lose_nothing() {
    let mut port = port();
    let (fd, mut peer) = pair(&mut port);
    let many = 3000;
    for slot in 0..many {
        port.poll(fd, token(slot, Kind::BackendReady));
    }
    peer.write_all(b"x").unwrap();
    let mut told = std::collections::HashSet::new();
    let mut completions = Vec::new();
    // A wait hands out twenty completions at a time (kernel 6.13: IO_LOCAL_TW_DEFAULT_MAX).
    for _ in 0..1000 {
        port.wait(Some(Duration::from_millis(100)), &mut completions);
        told.extend(completions.drain(..).map(|completion| completion.token.slot));
        if told.len() == many as usize {
            break;
        }
    }
    assert_eq!(told.len(), many as usize);
    for slot in 0..many {
        port.cancel(token(slot, Kind::BackendReady));
    }
    let mut left = many;
    for _ in 0..1000 {
        port.wait(Some(Duration::from_millis(100)), &mut completions);
        left -= u32::try_from(completions.drain(..).filter(|completion| !completion.more).count())
            .unwrap();
        if left == 0 {
            break;
        }
    }
    assert_eq!(left, 0, "every poll came back exactly once (UR-06)");
    port.close(fd);
}

#[test]
fn k_ring_6_each_wake_up_by_another_thread_ends_a_wait() {
    let waker = Waker::new().unwrap();
    let mut port = Uring::new(waker.clone(), SocketOptions::default(), 16).unwrap();
    for _ in 0..3 {
        let waker = waker.clone();
        let thread = std::thread::spawn(move || waker.wake());
        assert!(matches!(await_kind(&mut port, Kind::Wake).outcome, Outcome::Ready(_)));
        thread.join().unwrap();
    }
    // One for each wake-up, although none was read.
    let mut completions = Vec::new();
    port.wait(Some(Duration::from_millis(50)), &mut completions);
    assert!(completions.is_empty());
}

#[test]
fn a_wait_ends_with_its_time() {
    let mut port = port();
    let mut completions = Vec::new();
    let before = port.now();
    port.wait(Some(Duration::from_millis(60)), &mut completions);
    assert!(completions.is_empty());
    assert!(port.now().since(before) >= Duration::from_millis(50));
}

#[test]
fn a_refused_connection_gets_its_line() {
    let mut port = port();
    let (listener, address) = loopback_listener();
    let mut peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    port.refuse_one(listener, b"* BYE busy\r\n");
    let mut line = String::new();
    peer.read_to_string(&mut line).unwrap();
    assert_eq!(line, "* BYE busy\r\n");
    port.close(listener);
}
