//! The PROXY header: with Debian's HAProxy in front, and by hand where a balancer would never do such a thing.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::balancer::Balancer;
use super::dovecot::{Pair, login_line};
use super::hale::Setup;
use super::imap::{self, Imap};
use super::mail::{LARGE, assert_same_bytes, message};
use super::ports::free_port;
use super::transfer::append;
use super::wait::timed;

#[test]
fn px_10_behind_debians_haproxy_the_backend_learns_the_clients_address() {
    let client_address = Ipv4Addr::new(127, 0, 0, 77);
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["behind-haproxy"], b"secret").start();
    let balancer = Balancer::start(&[hale.haproxy_address()]);
    let mut client = Imap::open_from(client_address, balancer.fronts[0]);
    client.greeting();
    client.login("behind-haproxy", b"secret");
    let mail = message(LARGE, 20);
    append(&mut client, &mail);
    client.command("s", "SELECT INBOX");
    assert_same_bytes(&client.fetch("f", 1), &mail, "through HAProxy and Hale");
    let line = login_line(pair, "behind-haproxy");
    assert!(line.contains(&format!("rip={client_address},")), "{line}");
}

#[test]
fn px_10_a_header_fused_with_the_first_commands() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["fused"], b"secret").start();
    let mut flight = header(0x21, &addresses([127, 0, 0, 88], 4711));
    flight.extend(imap::login_line("l1", "fused", b"secret"));
    flight.extend(b"n1 NOOP\r\n");
    let mut client = Imap::open(TcpStream::connect(hale.haproxy_address()).unwrap());
    client.send(&flight);
    client.greeting();
    client.expect_tagged_ok("l1");
    client.expect_tagged_ok("n1");
    let line = login_line(pair, "fused");
    assert!(line.contains("rip=127.0.0.88,"), "{line}");
}

#[test]
fn px_13_local_then_a_login_forwards_the_sockets_address() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["local-header"], b"secret").start();
    let mut client = Imap::open_from(Ipv4Addr::new(127, 0, 0, 99), hale.haproxy_address());
    client.send(&header(0x20, &[]));
    client.greeting();
    client.login("local-header", b"secret");
    let line = login_line(pair, "local-header");
    assert!(line.contains("rip=127.0.0.99,"), "{line}");
}

#[test]
fn px_01_an_untrusted_sender_is_closed_before_any_byte() {
    let mut setup = Setup::new(free_port());
    setup.trust_balancers("127.0.0.1/32");
    let hale = setup.start();
    // It may be closed while we still write; what counts is that nothing comes back.
    let mut stranger = Imap::open_from(Ipv4Addr::new(127, 0, 0, 66), hale.haproxy_address());
    let _ = stranger.stream().write_all(&header(0x21, &addresses([192, 0, 2, 1], 1)));
    assert_eq!(stranger.rest(), b"");
    let mut trusted = Imap::open(TcpStream::connect(hale.haproxy_address()).unwrap());
    trusted.send(&header(0x21, &addresses([192, 0, 2, 1], 1)));
    trusted.greeting();
}

#[test]
fn px_02_a_silent_sender_is_closed_after_three_seconds() {
    let hale = Setup::new(free_port()).start();
    let (waited, bytes) =
        timed(|| Imap::open(TcpStream::connect(hale.haproxy_address()).unwrap()).rest());
    assert_eq!(bytes, b"");
    assert!(waited > Duration::from_millis(2_800), "closed after {waited:?}");
    // A busy machine may be late; a timer that is off by a factor is caught.
    assert!(waited < Duration::from_secs(8), "closed after {waited:?}");
}

#[test]
fn px_05_a_command_instead_of_a_header_is_not_answered() {
    let hale = Setup::new(free_port()).start();
    let mut client = Imap::open(TcpStream::connect(hale.haproxy_address()).unwrap());
    client.send(b"a1 CAPABILITY\r\n");
    assert_eq!(client.rest(), b"");
}

#[test]
fn px_06_a_header_on_a_plain_listener_is_never_believed() {
    let pair = Pair::shared();
    let hale = Setup::with_users(pair, &["plain-listener"], b"secret").start();
    let mut client = Imap::open(TcpStream::connect(hale.address()).unwrap());
    let mut flight = header(0x21, &addresses([192, 0, 2, 1], 1));
    flight.extend(b"\r\n");
    flight.extend(imap::login_line("l1", "plain-listener", b"secret"));
    let _ = client.stream().write_all(&flight);
    client.rest();
    for line in pair.backends.iter().flat_map(|backend| backend.logins("plain-listener")) {
        assert!(!line.contains("rip=192.0.2.1"), "{line}");
    }
}

#[test]
fn px_12_a_balancers_probe_leaves_no_trace() {
    let hale = Setup::new(free_port()).start();
    for _ in 0..20 {
        let mut probe = TcpStream::connect(hale.haproxy_address()).unwrap();
        probe.write_all(&header(0x20, &[])).unwrap();
    }
    let mut client = Imap::open(TcpStream::connect(hale.haproxy_address()).unwrap());
    client.send(&header(0x20, &[]));
    client.greeting();
    let noise: Vec<String> =
        hale.said().lines().filter(|line| is_complaint(line)).map(str::to_owned).collect();
    assert!(noise.is_empty(), "a probe is worth no complaint: {noise:#?}");
}

fn is_complaint(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    line.contains("proxy") && (line.contains("warn") || line.contains("error"))
}

// ---------------------------------------------------------------------------------------------------------------------

/// A version 2 header: signature, version and command, TCP over IPv4, length, block.
pub(crate) fn header(command: u8, block: &[u8]) -> Vec<u8> {
    let family = if block.is_empty() { 0x00 } else { 0x11 };
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
    header.extend(block);
    header
}

pub(crate) fn addresses(source: [u8; 4], port: u16) -> Vec<u8> {
    let mut block = source.to_vec();
    block.extend([127, 0, 0, 1]);
    block.extend(port.to_be_bytes());
    block.extend(143_u16.to_be_bytes());
    block
}
