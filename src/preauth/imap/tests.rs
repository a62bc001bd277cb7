//! Limits and memory of the client side; whole dialogues are in `tests/transcripts/imap`.

use super::*;
use crate::facts::{ClientCertificate, Transport};
use crate::limits::{
    IMAP_LITERAL_BYTES_MAX, IMAP_LITERAL_DISCARD_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX, PROXY_TTL,
    SASL_LINE_BYTES_MAX,
};
use crate::names::SessionId;

struct Client {
    rules: Rules,
    facts: ClientFacts,
    imap: Imap,
    inbox: Inbox,
    seen: String,
}

impl Client {
    fn new() -> Self {
        let address = "192.0.2.1:1000".parse().unwrap();
        let facts = ClientFacts {
            socket: address,
            origin: address,
            apparent: address,
            local: address,
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport: Transport::Tls,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        };
        let inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let (rules, imap, seen) = (Rules::default(), Imap::new(), String::new());
        Self { rules, facts, imap, inbox, seen }
    }

    /// Sends in pieces of 1000 bytes, for as long as the dialogue wants more.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let mut step = Step::More;
        for piece in bytes.as_ref().chunks(1000) {
            assert_eq!(self.inbox.append(piece), piece.len(), "the inbox is full");
            let mut out = Vec::new();
            step = self.imap.read(&self.rules, &mut self.facts, &mut self.inbox, &mut out);
            self.seen.push_str(std::str::from_utf8(&out).unwrap());
            if !matches!(step, Step::More) {
                break;
            }
        }
        step
    }

    fn seen(&mut self) -> String {
        std::mem::take(&mut self.seen)
    }
}

fn is_closed(step: &Step, expected: CloseReason) -> bool {
    matches!(step, Step::Close(reason) if *reason == expected)
}

#[test]
fn im_02_a_line_of_the_limit_is_read_and_one_byte_more_ends_it() {
    let line = |bytes: usize| format!("a {}\r\n", "x".repeat(bytes - 2));
    let mut client = Client::new();
    assert!(matches!(client.send(line(IMAP_LINE_BYTES_MAX)), Step::More));
    assert!(client.seen().starts_with("a BAD "));
    assert!(matches!(client.send("b NOOP\r\n"), Step::More));
    assert_eq!(client.seen(), "b OK NOOP completed.\r\n");
    assert!(is_closed(&client.send(line(IMAP_LINE_BYTES_MAX + 1)), CloseReason::LineTooLong));
    assert_eq!(client.seen(), "* BYE Input line too long.\r\n");
    assert!(is_closed(&client.send("c NOOP\r\n"), CloseReason::LineTooLong));
    assert_eq!(client.seen(), "");

    let mut endless = Client::new();
    assert!(is_closed(&endless.send("x".repeat(20_000)), CloseReason::LineTooLong));
}

#[test]
fn im_03_nesting_costs_nothing() {
    for byte in ["(", ")", "{", "["] {
        let mut client = Client::new();
        assert!(matches!(client.send(format!("a NOOP {}", byte.repeat(4000))), Step::More));
        assert!(client.inbox.heap_bytes() <= 8192, "{}", client.inbox.heap_bytes());
        assert!(matches!(client.send("\r\n"), Step::More));
        assert!(client.seen().starts_with("a BAD "), "{byte}");
        assert_eq!(client.inbox.heap_bytes(), 0);
    }
}

#[test]
fn im_04_im_05_literals_at_their_limits() {
    let mut client = Client::new();
    let half = IMAP_LITERAL_BYTES_MAX / 2;
    let text = "x".repeat(half);
    let both = format!("a LOGIN {{{half}+}}\r\n{text} {{{half}+}}\r\n{text}\r\n");
    assert!(matches!(client.send(&both), Step::Hopeless(Failure::Credentials)));
    client.imap.refuse(Failure::Credentials, None, &mut Vec::new());

    let more = format!("b LOGIN {{{half}+}}\r\n{text} {{{}+}}\r\n{text}x\r\nc NOOP\r\n", half + 1);
    assert!(matches!(client.send(&more), Step::More));
    assert_eq!(client.seen(), "b BAD Literal too large.\r\nc OK NOOP completed.\r\n");

    let discarded = "\n".repeat(IMAP_LITERAL_DISCARD_BYTES_MAX);
    let all = format!("d X {{{}+}}\r\n{discarded}\r\ne NOOP\r\n", discarded.len());
    assert!(matches!(client.send(&all), Step::More));
    assert!(client.seen().ends_with("allowed.\r\ne OK NOOP completed.\r\n"));

    let mut client = Client::new();
    let beyond = format!("d X {{{}+}}\r\n", discarded.len() + 1);
    assert!(is_closed(&client.send(&beyond), CloseReason::LiteralTooLarge));
    let mut client = Client::new();
    // The allowance is for the whole command.
    let twice = format!("d X {{{0}+}}\r\n{discarded} {{1+}}\r\n", discarded.len());
    assert!(is_closed(&client.send(&twice), CloseReason::LiteralTooLarge));
}

#[test]
fn im_04_nothing_is_allocated_from_an_announced_number() {
    let mut client = Client::new();
    assert!(matches!(client.send("a LOGIN {8192}\r\n"), Step::More));
    assert_eq!(client.seen(), "+ OK\r\n");
    assert!(client.inbox.heap_bytes() < 64, "{}", client.inbox.heap_bytes());
}

#[test]
fn w_sasl_2_a_response_of_the_limit_is_read_and_one_byte_more_ends_it() {
    let mut client = Client::new();
    client.send("a AUTHENTICATE PLAIN\r\n");
    let longest = format!("{}\r\n", "A".repeat(SASL_LINE_BYTES_MAX));
    assert!(matches!(client.send(&longest), Step::Hopeless(Failure::Credentials)));
    client.imap.refuse(Failure::Credentials, None, &mut Vec::new());
    client.seen();
    client.send("b AUTHENTICATE PLAIN\r\n");
    let step = client.send(format!("A{longest}"));
    assert!(is_closed(&step, CloseReason::LineTooLong));
    let seen = client.seen();
    assert_eq!(seen.matches("b BAD").count(), 1, "{seen}");
}

#[test]
fn unread_output_stops_the_reading() {
    let mut client = Client::new();
    client.inbox.append("a CAPABILITY\r\n".repeat(1000).as_bytes());
    let mut out = Vec::new();
    let read = |client: &mut Client, out: &mut Vec<u8>| {
        assert!(matches!(
            client.imap.read(&client.rules, &mut client.facts, &mut client.inbox, out),
            Step::More
        ));
    };
    read(&mut client, &mut out);
    let stopped_at = out.len();
    assert!((PRE_LOGIN_OUTPUT_BYTES_MAX..PRE_LOGIN_OUTPUT_BYTES_MAX + 512).contains(&stopped_at));
    read(&mut client, &mut out);
    assert_eq!(out.len(), stopped_at);
    let mut replies = 0;
    while !out.is_empty() {
        replies += std::str::from_utf8(&out).unwrap().matches("a OK").count();
        out.clear();
        read(&mut client, &mut out);
    }
    assert_eq!(replies, 1000);
}

#[test]
fn w_fail_4_no_answer_without_a_login_and_none_twice() {
    let mut client = Client::new();
    let mut out = Vec::new();
    client.imap.refuse(Failure::Credentials, None, &mut out);
    client.imap.accept(&LoginOk::default(), &mut out);
    client.imap.still_working(&mut out);
    assert_eq!(out, b"");
    assert!(matches!(client.send("a LOGIN u p\r\n"), Step::Login(_)));
    client.imap.still_working(&mut out);
    client.imap.refuse(Failure::Unavailable, None, &mut out);
    client.imap.refuse(Failure::Unavailable, None, &mut out);
    client.imap.accept(&LoginOk::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!((text.matches("\r\n").count(), text.matches("a NO").count()), (2, 1), "{text}");
}

#[test]
fn w_fail_4_every_failure_is_answered_once() {
    for failure in Failure::ALL {
        let mut client = Client::new();
        let mut out = Vec::new();
        assert!(matches!(client.send("a LOGIN u p\r\n"), Step::Login(_)));
        client.imap.refuse(failure, None, &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("a NO [") && line.matches("\r\n").count() == 1, "{line}");
    }
}

#[test]
fn w_pipe_8_a_farewell_ends_the_dialogue() {
    let mut client = Client::new();
    let mut out = Vec::new();
    client.imap.bye(ByeReason::Shutdown, &mut out);
    client.imap.bye(ByeReason::Timeout, &mut out);
    assert_eq!(out, b"* BYE [UNAVAILABLE] Server shutting down.\r\n");
    assert!(is_closed(&client.send("a NOOP\r\n"), CloseReason::Dismissed));
}

#[test]
fn no_secret_is_shown_by_debug() {
    let mut client = Client::new();
    client.send("a AUTHENTICATE LOGIN dGlt\r\n");
    let step = client.send("aHVudGVyMg==\r\n");
    let shown = format!("{step:?} {:?} {:?}", client.imap, client.inbox);
    assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn w_stls_1_a_byte_behind_starttls_closes_the_connection() {
    let command = "a STARTTLS\r\n";
    for behind in ["x", "\r", "b NOOP\r\n", "b LOGIN u p\r\n", "\x16\x03\x01"] {
        let mut client = Client::new();
        client.rules.starttls = true;
        let step = client.send(format!("{command}{behind}"));
        assert!(is_closed(&step, CloseReason::StarttlsPipelined), "{behind:?}: {step:?}");
        assert_eq!(client.seen(), "* BYE Commands behind STARTTLS.\r\n");
    }
    let mut client = Client::new();
    client.rules.starttls = true;
    assert!(matches!(client.send(command), Step::StartTls));
    assert_eq!(client.seen(), "a OK Begin TLS negotiation now.\r\n");
}
