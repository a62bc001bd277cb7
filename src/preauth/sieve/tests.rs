//! Limits and memory of the client side; whole dialogues are in `tests/transcripts/sieve`.

use super::*;
use crate::names::Protocol;
use crate::preauth::sasl::{Mechanism, Mechanisms};
use crate::preauth::test_client::{Client, is_closed};

fn new_client() -> Client {
    Client::new(Protocol::Sieve)
}

#[test]
fn ms_01_an_endless_literal_ends_the_connection_and_costs_nothing() {
    for command in [
        "AUTHENTICATE \"PLAIN\" {5000000+}\r\n",
        "PUTSCRIPT \"x\" {5000000+}\r\n",
        "X {99999999999+}\r\n",
    ] {
        let mut client = new_client();
        let step = client.send(command);
        assert!(is_closed(&step, CloseReason::LiteralTooLarge), "{command}: {step:?}");
        let seen = client.seen();
        assert!(seen.ends_with("BYE \"Literal too large.\"\r\n"), "{seen}");
        assert!(client.inbox.heap_bytes() < 64, "{}", client.inbox.heap_bytes());
    }
}

#[test]
fn wire_13_a_trusted_line_of_1025_bytes_is_refused() {
    let line = |bytes: usize| {
        format!("XCLIENT TTL=3 X={}\r\n", "x".repeat(bytes - "XCLIENT TTL=3 X=\r\n".len()))
    };
    let mut client = new_client();
    client.facts.trusted = true;
    client.send(line(XCLIENT_LINE_BYTES_MAX));
    assert_eq!((client.seen().as_str(), client.facts.ttl), ("OK \"Updated\"\r\n", 3));
    client.send(line(XCLIENT_LINE_BYTES_MAX + 1));
    assert_eq!(client.seen(), "NO \"Line too long.\"\r\n");
}

#[test]
fn literals_at_their_limits() {
    let mut client = new_client();
    let longest = "A".repeat(SASL_LINE_BYTES_MAX);
    let line = format!(
        "AUTHENTICATE {{5+}}\r\nPLAIN {{{}+}}\r\n{}\r\n",
        SASL_LINE_BYTES_MAX - 8,
        &longest[8..]
    );
    assert!(matches!(client.send(&line), Step::Hopeless(_)));
    client.dialogue.refuse(Failure::Credentials, None, &mut Vec::new());
    let line =
        format!("AUTHENTICATE \"PLAIN\" {{{}+}}\r\nA{longest}\r\nLOGOUT\r\n", longest.len() + 1);
    assert!(is_closed(&client.send(&line), CloseReason::Logout));
    assert_eq!(client.seen(), "NO \"Literal too large.\"\r\nOK \"Logout completed.\"\r\n");

    let mut client = new_client();
    client.send("AUTHENTICATE \"PLAIN\"\r\n");
    client.seen();
    let line = format!("{{{}+}}\r\n{longest}\r\n", longest.len());
    assert!(matches!(client.send(&line), Step::Hopeless(_)), "a response of the limit");
    client.dialogue.refuse(Failure::Credentials, None, &mut Vec::new());
    client.send("AUTHENTICATE \"PLAIN\"\r\n");
    client.seen();
    let step = client.send(format!("{{{}+}}\r\n", longest.len() + 1));
    assert!(is_closed(&step, CloseReason::LiteralTooLarge));
    assert_eq!(client.seen(), "BYE \"Authentication response too long.\"\r\n");
}

#[test]
fn w_sv_1_the_literal_of_a_command_too_early_is_read_past() {
    let mut client = new_client();
    let script = "LOGOUT\r\n".repeat(1000);
    let line = format!("PUTSCRIPT \"x\" {{{}+}}\r\n{script}\r\nNOOP\r\n", script.len());
    assert!(matches!(client.send(&line), Step::More));
    assert_eq!(client.seen(), "NO \"Authenticate first.\"\r\nOK \"NOOP completed.\"\r\n");
    let allowed = "\n".repeat(SIEVE_LITERAL_DISCARD_BYTES_MAX);
    let line = format!("HAVESPACE {{{}+}}\r\n{allowed}\r\nNOOP\r\n", allowed.len());
    assert!(matches!(client.send(&line), Step::More));
    assert!(client.seen().ends_with("OK \"NOOP completed.\"\r\n"));
}

#[test]
fn lines_at_their_limits() {
    let line = |bytes: usize| format!("{}\r\n", "x".repeat(bytes));
    let mut client = new_client();
    assert!(matches!(client.send(line(SIEVE_LINE_BYTES_MAX)), Step::More));
    assert_eq!(client.seen(), "NO \"Unknown command.\"\r\n");
    assert!(is_closed(&client.send(line(SIEVE_LINE_BYTES_MAX + 1)), CloseReason::LineTooLong));
    assert_eq!(client.seen(), "BYE \"Input line too long.\"\r\n");
    let endless = new_client().send("x".repeat(20_000));
    assert!(is_closed(&endless, CloseReason::LineTooLong));
}

#[test]
fn noop_gives_a_tag_back_as_a_string() {
    let mut client = new_client();
    client.send("NOOP {3+}\r\na\nb\r\n");
    assert_eq!(client.seen(), "OK (TAG {3}\r\na\nb) \"NOOP completed.\"\r\n");
    let longest = "x".repeat(QUOTED_BYTES_MAX);
    client.send(format!("NOOP \"{longest}\"\r\n"));
    assert_eq!(client.seen(), format!("OK (TAG \"{longest}\") \"NOOP completed.\"\r\n"));
    client.send(format!("NOOP {{{}+}}\r\nx{longest}\r\n", longest.len() + 1));
    assert_eq!(client.seen(), "NO \"Literal too large.\"\r\n");
}

#[test]
fn what_the_operator_turned_off_is_too_weak() {
    let mut client = new_client();
    client.rules.mechanisms = Mechanisms::NONE.with(Mechanism::Plain);
    client.send("AUTHENTICATE \"LOGIN\"\r\nAUTHENTICATE \"FOO\"\r\n");
    assert_eq!(
        client.seen(),
        "NO (AUTH-TOO-WEAK) \"Authentication mechanism is not allowed here.\"\r\n\
         NO \"Unsupported authentication mechanism.\"\r\n"
    );
}

#[test]
fn unread_output_stops_the_reading() {
    let mut client = new_client();
    client.inbox.append("CAPABILITY\r\n".repeat(1000).as_bytes());
    let (mut out, mut replies) = (Vec::new(), 0);
    loop {
        out.clear();
        client.read(&mut out);
        assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + 1024);
        if out.is_empty() {
            break;
        }
        replies += std::str::from_utf8(&out).unwrap().matches("\r\nOK").count();
    }
    assert_eq!(replies, 1000);
}

#[test]
fn w_fail_4_every_failure_is_answered_once_and_nothing_else_is() {
    let mut out = Vec::new();
    let mut client = new_client();
    client.dialogue.refuse(Failure::Credentials, None, &mut out);
    client.dialogue.accept(&LoginOk::default(), &mut out);
    client.dialogue.still_working(&mut out);
    assert_eq!(out, b"");
    for failure in Failure::ALL {
        let mut client = new_client();
        let mut out = Vec::new();
        let step = client.send("AUTHENTICATE \"PLAIN\" \"AHRpbQBwdw==\"\r\n");
        assert!(matches!(step, Step::Login(_)));
        client.dialogue.refuse(failure, None, &mut out);
        client.dialogue.refuse(failure, None, &mut out);
        client.dialogue.accept(&LoginOk::default(), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("NO ") && line.matches("\r\n").count() == 1, "{line}");
    }
}

#[test]
fn w_pipe_8_a_farewell_ends_the_dialogue() {
    let mut client = new_client();
    let mut out = Vec::new();
    client.dialogue.bye(ByeReason::Shutdown, &mut out);
    client.dialogue.bye(ByeReason::Timeout, &mut out);
    assert_eq!(out, b"BYE (TRYLATER) \"Server shutting down.\"\r\n");
    assert!(is_closed(&client.send("NOOP\r\n"), CloseReason::Dismissed));
}

#[test]
fn no_secret_is_shown_by_debug() {
    let mut client = new_client();
    client.send("AUTHENTICATE \"LOGIN\" \"dGlt\"\r\n");
    let step = client.send("\"aHVudGVyMg==\"\r\n");
    let shown = format!("{step:?} {:?} {:?}", client.dialogue, client.inbox);
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn ms_03_w_stls_1_a_byte_behind_starttls_closes_the_connection() {
    for behind in ["x", "\r", "NOOP\r\n", "AUTHENTICATE \"PLAIN\"\r\n", "\x16\x03\x01"] {
        let mut client = new_client();
        client.rules.starttls = true;
        let step = client.send(format!("STARTTLS\r\n{behind}"));
        assert!(is_closed(&step, CloseReason::StarttlsPipelined), "{behind:?}: {step:?}");
        assert_eq!(client.seen(), "BYE \"Commands behind STARTTLS.\"\r\n");
    }
}
