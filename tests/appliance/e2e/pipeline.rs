//! Bytes behind the login command: they belong to the backend, every one of them, once and in order.

use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::{Imap, login_line};
use super::mail::{assert_same_bytes, message};

#[test]
fn im_11_login_pipelined_with_a_hundred_commands_and_a_half() {
    let hale = Setup::with_users(Pair::shared(), &["pipeline-login"], b"secret").start();
    let mut flight = login_line("l1", "pipeline-login", b"secret");
    for number in 0..100 {
        flight.extend(format!("c{number} NOOP\r\n").as_bytes());
    }
    flight.extend(b"half SEL");
    let mut client = Imap::connect(hale.address());
    client.send(&flight);
    // W-REL-1: the login's own reply comes before any reply to what followed.
    let first = client.reply("l1");
    client.expect(first.last().unwrap().starts_with(b"l1 OK"), "a successful login");
    let capabilities = first.iter().filter(|line| has_capabilities(line)).count();
    client.expect(capabilities == 1, "the backend's capabilities exactly once (IM-18)");
    for number in 0..100 {
        let line = client.line();
        client.expect(line.starts_with(format!("c{number} OK").as_bytes()), "replies in order");
    }
    client.send(b"ECT INBOX\r\n");
    client.expect_tagged_ok("half");
}

#[test]
fn im_10_bytes_behind_the_last_authenticate_line() {
    let hale = Setup::with_users(Pair::shared(), &["pipeline-sasl"], b"secret").start();
    // "\0pipeline-sasl\0secret"
    let response = "AHBpcGVsaW5lLXNhc2wAc2VjcmV0";
    let mut initial = Imap::connect(hale.address());
    initial.send(format!("a AUTHENTICATE PLAIN {response}\r\nb NOOP\r\nc NOOP\r\n").as_bytes());
    for tag in ["a", "b", "c"] {
        initial.expect_tagged_ok(tag);
    }
    let mut asked = Imap::connect(hale.address());
    asked.send(b"a AUTHENTICATE PLAIN\r\n");
    let line = asked.line();
    asked.expect(line == b"+" || line == b"+ ", "an empty challenge");
    asked.send(format!("{response}\r\nb NOOP\r\nc NOOP\r\n").as_bytes());
    for tag in ["a", "b", "c"] {
        asked.expect_tagged_ok(tag);
    }
}

/// A client that sends its whole conversation, with a message, before it reads anything.
#[test]
fn w_rel_1_a_whole_conversation_in_one_flight() {
    let hale = Setup::with_users(Pair::shared(), &["pipeline-all"], b"secret").start();
    // Small enough to fit what Hale may hold back before the backend is there (W-REL-1, limits).
    let mail = message(3_000, 40);
    let mut flight = login_line("l1", "pipeline-all", b"secret");
    flight.extend(format!("a APPEND INBOX {{{}+}}\r\n", mail.len()).as_bytes());
    flight.extend(&mail);
    flight.extend(b"\r\ns SELECT INBOX\r\nf FETCH 1 BODY.PEEK[]\r\nx LOGOUT\r\n");
    let mut client = Imap::connect(hale.address());
    client.send(&flight);
    for tag in ["l1", "a", "s"] {
        client.expect_tagged_ok(tag);
    }
    assert_same_bytes(&client.fetched(), &mail, "in one flight");
    for tag in ["f", "x"] {
        client.expect_tagged_ok(tag);
    }
    assert_eq!(client.rest(), b"");
}

/// A client that sends far more behind its login than a proxy would buffer: it has to wait, nothing may get lost.
#[test]
fn w_rel_1_megabytes_behind_login_wait_their_turn() {
    let hale = Setup::with_users(Pair::shared(), &["pipeline-large"], b"secret").start();
    let mail = message(3 << 20, 41);
    let mut flight = login_line("l1", "pipeline-large", b"secret");
    flight.extend(format!("a APPEND INBOX {{{}+}}\r\n", mail.len()).as_bytes());
    flight.extend(&mail);
    flight.extend(b"\r\ns SELECT INBOX\r\n");
    let mut client = Imap::connect(hale.address());
    client.send(&flight);
    for tag in ["l1", "a", "s"] {
        client.expect_tagged_ok(tag);
    }
    assert_same_bytes(&client.fetch("f", 1), &mail, "behind the login");
}

#[test]
fn im_a_login_one_byte_at_a_time() {
    let hale = Setup::with_users(Pair::shared(), &["byte-wise"], b"se cret").start();
    let mut client = Imap::connect(hale.address());
    for byte in login_line("l1", "byte-wise", b"se cret") {
        client.send(&[byte]);
    }
    client.expect_tagged_ok("l1");
    for byte in b"n NOOP\r\n" {
        client.send(&[*byte]);
    }
    client.expect_tagged_ok("n");
}

fn has_capabilities(line: &[u8]) -> bool {
    String::from_utf8_lossy(line).to_ascii_uppercase().contains("CAPABILITY IMAP4REV1")
}
