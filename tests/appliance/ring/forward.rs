//! Bytes that are read now and sent by the next enter, against the real kernel.

use super::*;
use hale::limits::SCRATCH_BYTES;

/// Waits until something can be read and forwards it.
fn forward(port: &mut Uring, from: Fd, to: Fd, slot: u32) -> usize {
    for _ in 0..10_000 {
        match port.forward(from, to, token(slot, Kind::ClientSend)) {
            Err(IoFault::WouldBlock) => std::thread::yield_now(),
            other => return other.unwrap(),
        }
    }
    panic!("nothing arrives");
}

/// Fills everything on the way to a peer that does not read.
fn fill(port: &mut Uring, fd: Fd) -> usize {
    let mut sent = 0;
    while let Ok(bytes) = port.send(fd, &[0x5A; 65_536]) {
        sent += bytes;
    }
    sent
}

#[test]
fn forwarded_bytes_leave_with_the_next_wait_and_are_worth_no_completion() {
    let mut port = port();
    let ((from, mut source), (to, mut sink)) = (pair(&mut port), pair(&mut port));
    let mut completions = Vec::new();
    for number in 0..100_u8 {
        let round = port.round();
        source.write_all(&[number; 64]).unwrap();
        assert_eq!(forward(&mut port, from, to, 5), 64);
        assert_eq!(port.round(), round, "the round lasts until they are sent");
        if number % 2 == 0 {
            port.flush();
        } else {
            port.wait(Some(Duration::ZERO), &mut completions);
        }
        assert_ne!(port.round(), round);
        let mut received = [0; 64];
        sink.read_exact(&mut received).unwrap();
        assert_eq!(received, [number; 64]);
    }
    assert!(port.post(to, token(5, Kind::ClientSend), b"posted"));
    assert!(!port.post(to, token(5, Kind::ClientSend), &[0; SCRATCH_BYTES + 1]));
    port.flush();
    let mut received = [0; 6];
    sink.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"posted");
    assert_eq!((completions, port.take_unsent()), (Vec::new(), None));
}

#[test]
fn ur_07_what_a_full_socket_does_not_take_comes_back_and_nothing_is_lost() {
    let mut port = port();
    let ((from, mut source), (to, mut sink)) = (pair(&mut port), pair(&mut port));
    let bytes: Vec<u8> = (0..6_000_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
    let written = bytes.clone();
    let writer = std::thread::spawn(move || {
        source.write_all(&written).unwrap();
        source.shutdown(Shutdown::Write).unwrap();
        source
    });
    let (mut waits, mut lots) = (0, 0);
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        sink.read_to_end(&mut received).unwrap();
        received
    });
    while forward(&mut port, from, to, 5) > 0 {
        port.flush();
        while let Some(Unsent { token: of, bytes, fault }) = port.take_unsent() {
            assert_eq!((of, fault), (token(5, Kind::ClientSend), IoFault::WouldBlock));
            lots += 1;
            let mut rest = bytes.as_ref();
            while !rest.is_empty() {
                match port.send(to, rest) {
                    Ok(sent) => rest = &rest[sent..],
                    Err(fault) => {
                        assert_eq!(fault, IoFault::WouldBlock);
                        port.poll_writable(to, token(5, Kind::ClientWritable));
                        await_kind(&mut port, Kind::ClientWritable);
                        waits += 1;
                    }
                }
            }
        }
    }
    port.shutdown(to, Half::Write);
    assert!(reader.join().unwrap() == bytes, "bytes were lost, doubled or mixed up");
    assert!(writer.join().is_ok());
    println!("{lots} lots came back, {waits} waits for room");
    // A socket that takes nothing gives everything back.
    let ((from, mut source), (to, _sink)) = (pair(&mut port), pair(&mut port));
    fill(&mut port, to);
    source.write_all(b"not taken").unwrap();
    forward(&mut port, from, to, 6);
    let started = port.now();
    port.wait(Some(Duration::from_secs(60)), &mut Vec::new());
    let waited = port.now().since(started);
    assert!(waited < Duration::from_secs(30), "a wait sleeps over bytes not taken");
    let unsent = port.take_unsent().unwrap();
    assert_eq!((&*unsent.bytes, unsent.fault), (b"not taken".as_slice(), IoFault::WouldBlock));
}

#[test]
fn ur_09_forwarded_bytes_for_a_gone_peer_come_back_with_the_fault() {
    let mut port = port();
    let ((from, mut source), (to, sink)) = (pair(&mut port), pair(&mut port));
    rustix::net::sockopt::set_socket_linger(&sink, Some(Duration::ZERO)).unwrap();
    drop(sink);
    source.write_all(b"too late").unwrap();
    forward(&mut port, from, to, 5);
    port.flush();
    let unsent = port.take_unsent().unwrap();
    assert_eq!((&*unsent.bytes, unsent.fault), (b"too late".as_slice(), IoFault::Reset));
    port.close(to);
    port.close(from);
}

#[test]
fn no_end_overtakes_forwarded_bytes() {
    for closes in [false, true] {
        let mut port = port();
        let ((from, mut source), (to, mut sink)) = (pair(&mut port), pair(&mut port));
        source.write_all(b"before the end").unwrap();
        forward(&mut port, from, to, 5);
        if closes {
            port.close(to);
        } else {
            port.shutdown(to, Half::Write);
        }
        // What ends connections follows the sends of the round (K-RELAY-4).
        port.flush();
        let mut received = Vec::new();
        sink.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"before the end");
    }
}

#[test]
fn k_relay_3_the_last_bytes_arrive_with_the_end_they_waited_for() {
    for closes in [false, true] {
        let mut port = port();
        let (to, mut sink) = pair(&mut port);
        assert_eq!(port.send_more(to, b"bye"), Ok(3));
        if closes {
            port.close(to);
        } else {
            port.shutdown(to, Half::Write);
        }
        let mut received = Vec::new();
        sink.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"bye");
    }
}

#[test]
fn ur_03_more_than_the_arena_holds_is_sent_in_between() {
    let mut port = port();
    let mut ends: Vec<_> = (0..40).map(|_| (pair(&mut port), pair(&mut port))).collect();
    for ((_, source), _) in &mut ends {
        source.write_all(&[7; SCRATCH_BYTES]).unwrap();
    }
    let mut forwarded = Vec::new();
    for (slot, ((from, _), (to, _))) in (0..).zip(&ends) {
        forwarded.push(forward(&mut port, *from, *to, slot));
    }
    port.flush();
    assert_eq!(port.take_unsent(), None);
    for ((_, (_, sink)), bytes) in ends.iter_mut().zip(forwarded) {
        let mut received = vec![0; bytes];
        sink.read_exact(&mut received).unwrap();
        assert!(received.iter().all(|byte| *byte == 7));
    }
}
