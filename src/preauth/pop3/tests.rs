//! Limits and memory of the client side; whole dialogues are in `tests/transcripts/pop3`.

use super::*;
use crate::limits::{
    POP3_LINE_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX, SASL_LINE_BYTES_MAX, XCLIENT_LINE_BYTES_MAX,
};
use crate::names::Protocol;
use crate::preauth::test_client::{Client, is_closed};

fn new_client() -> Client {
    Client::new(Protocol::Pop3)
}

#[test]
fn po_01_lines_at_their_limits() {
    let user = |bytes: usize| format!("USER {}\r\n", "x".repeat(bytes - 5));
    let mut client = new_client();
    client.send(user(POP3_LINE_BYTES_MAX));
    assert!(client.seen().starts_with("+OK "));
    client.send(user(POP3_LINE_BYTES_MAX + 1));
    assert_eq!(client.seen(), "-ERR Line too long.\r\n");
    client.send("\r\n");
    assert_eq!(client.seen(), "-ERR Unknown command.\r\n");
    let mut client = new_client();
    let step = client.send("x".repeat(1 << 20));
    assert!(is_closed(&step, CloseReason::LineTooLong));
    assert_eq!(client.seen(), "-ERR Input line too long.\r\n");
}

#[test]
fn po_03_a_token_of_3_kib_is_an_initial_response() {
    let mut client = new_client();
    let step = client.send(format!("AUTH PLAIN {}\r\n", "A".repeat(3072)));
    assert!(matches!(step, Step::Hopeless(_)), "it is read; NULs log no user in");
    let mut client = new_client();
    let line = format!("AUTH PLAIN {}", "A".repeat(POP3_LONG_LINE_BYTES_MAX));
    assert!(is_closed(&client.send(line), CloseReason::LineTooLong));
}

#[test]
fn po_06_a_trusted_line_of_1025_bytes_is_refused() {
    let line = |bytes: usize| {
        format!("XCLIENT TTL=3 X={}\r\n", "x".repeat(bytes - "XCLIENT TTL=3 X=\r\n".len()))
    };
    let mut client = new_client();
    client.facts.trusted = true;
    client.send(line(XCLIENT_LINE_BYTES_MAX));
    assert_eq!((client.seen().as_str(), client.facts.ttl), ("+OK Updated\r\n", 3));
    client.send(line(XCLIENT_LINE_BYTES_MAX + 1));
    assert_eq!(client.seen(), "-ERR Line too long.\r\n");
}

#[test]
fn w_sasl_2_a_response_of_the_limit_is_read_and_one_byte_more_ends_it() {
    let mut client = new_client();
    client.send("AUTH PLAIN\r\n");
    let longest = format!("{}\r\n", "A".repeat(SASL_LINE_BYTES_MAX));
    assert!(matches!(client.send(&longest), Step::Hopeless(_)));
    client.dialogue.refuse(Failure::Credentials, None, &mut Vec::new());
    client.send("AUTH PLAIN\r\n");
    client.seen();
    assert!(is_closed(&client.send(format!("A{longest}")), CloseReason::LineTooLong));
    assert_eq!(client.seen(), "-ERR Authentication response too long.\r\n");
}

#[test]
fn a_password_of_any_legal_length_fits_into_a_line() {
    let mut client = new_client();
    client.send("USER u\r\n");
    let longest = "p".repeat(crate::limits::PASSWORD_BYTES_MAX);
    assert!(matches!(client.send(format!("PASS {longest}\r\n")), Step::Login(_)));
}

#[test]
fn unread_output_stops_the_reading() {
    let mut client = new_client();
    client.inbox.append("CAPA\r\n".repeat(1000).as_bytes());
    let (mut out, mut replies) = (Vec::new(), 0);
    loop {
        out.clear();
        client.read(&mut out);
        assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + 512);
        if out.is_empty() {
            break;
        }
        replies += std::str::from_utf8(&out).unwrap().matches("+OK").count();
    }
    assert_eq!(replies, 1000);
}

#[test]
fn w_fail_4_every_failure_is_answered_once_and_nothing_else_is() {
    let mut client = new_client();
    let mut out = Vec::new();
    client.dialogue.refuse(Failure::Credentials, None, &mut out);
    client.dialogue.accept(&LoginOk::default(), &mut out);
    assert_eq!(out, b"");
    for failure in Failure::ALL {
        let mut client = new_client();
        let mut out = Vec::new();
        assert!(matches!(client.send("AUTH PLAIN AHRpbQBwdw==\r\n"), Step::Login(_)));
        client.dialogue.refuse(failure, None, &mut out);
        client.dialogue.refuse(failure, None, &mut out);
        client.dialogue.accept(&LoginOk::default(), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("-ERR [") && line.matches("\r\n").count() == 1, "{line}");
    }
}

#[test]
fn po_10_w_pipe_8_a_farewell_is_the_reply_to_a_login_under_way() {
    let mut client = new_client();
    let mut out = Vec::new();
    client.send("USER u\r\nPASS p\r\nQUIT\r\n");
    client.dialogue.bye(ByeReason::Shutdown, &mut out);
    client.dialogue.bye(ByeReason::Timeout, &mut out);
    assert_eq!(out, b"-ERR [SYS/TEMP] Server shutting down.\r\n");
    assert!(is_closed(&client.send("NOOP\r\n"), CloseReason::Dismissed));
}

#[test]
fn no_secret_is_shown_by_debug() {
    let mut client = new_client();
    client.send("AUTH LOGIN dGlt\r\n");
    let step = client.send("aHVudGVyMg==\r\n");
    let shown = format!("{step:?} {:?} {:?}", client.dialogue, client.inbox);
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn w_stls_1_a_byte_behind_stls_closes_the_connection() {
    for behind in ["x", "\r", "NOOP\r\n", "USER u\r\nPASS p\r\n", "\x16\x03\x01"] {
        let mut client = new_client();
        client.rules.starttls = true;
        let step = client.send(format!("STLS\r\n{behind}"));
        assert!(is_closed(&step, CloseReason::StarttlsPipelined), "{behind:?}: {step:?}");
        assert_eq!(client.seen(), "-ERR Commands behind STARTTLS.\r\n");
    }
    let mut client = new_client();
    client.rules.starttls = true;
    client.send("USER u\r\n");
    assert!(matches!(client.send("STLS\r\n"), Step::StartTls));
    client.seen();
    client.dialogue.secured(&Rules::default(), &mut Vec::new());
    client.send("PASS p\r\n");
    assert_eq!(client.seen(), "-ERR No username given.\r\n", "W-STLS-3");
}
