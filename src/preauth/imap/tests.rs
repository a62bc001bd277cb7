//! Limits and memory of the client side; whole dialogues are in `tests/transcripts/imap`.

use super::*;
use crate::facts::{ClientCertificate, Transport};
use crate::limits::{
    IMAP_ID_KEPT_BYTES_MAX, IMAP_ID_KEY_BYTES_MAX, IMAP_ID_PAIRS_MAX, IMAP_ID_VALUE_BYTES_MAX,
    IMAP_LITERAL_BYTES_MAX, IMAP_LITERAL_DISCARD_BYTES_MAX, IMAP_TAG_BYTES_MAX,
    PRE_LOGIN_INPUT_BYTES_MAX, PROXY_TTL, SASL_LINE_BYTES_MAX,
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

/// The longest ID that RFC 2971 allows, with strings in the form that `string` writes.
fn longest_id(string: impl Fn(usize, char) -> String) -> String {
    let pair = || {
        let (key, value) =
            (string(IMAP_ID_KEY_BYTES_MAX, 'k'), string(IMAP_ID_VALUE_BYTES_MAX, 'v'));
        format!("{key} {value}")
    };
    let pairs: Vec<String> = (0..IMAP_ID_PAIRS_MAX).map(|_| pair()).collect();
    format!("{} ID ({})\r\n", "t".repeat(IMAP_TAG_BYTES_MAX), pairs.join(" "))
}

fn quoted(bytes: usize, fill: char) -> String {
    format!("\"{}\"", fill.to_string().repeat(bytes))
}

#[test]
fn im_12_the_longest_id_is_read_in_one_line_and_by_literals() {
    let literal = |plus: &'static str| {
        move |bytes: usize, fill: char| {
            format!("{{{bytes}{plus}}}\r\n{}", fill.to_string().repeat(bytes))
        }
    };
    for (line, consents) in [
        (longest_id(quoted), 0),
        (longest_id(literal("+")), 0),
        (longest_id(literal("")), 2 * IMAP_ID_PAIRS_MAX),
    ] {
        let mut client = Client::new();
        assert!(matches!(client.send(&line), Step::More));
        let seen = client.seen();
        assert_eq!(seen.matches("+ OK\r\n").count(), consents);
        assert!(seen.ends_with(" OK ID completed.\r\n"), "{seen}");
        let told = client.imap.client_id();
        let bytes = |pair: &IdPair| (pair.key.len(), pair.value.as_ref().map(|value| value.len()));
        assert!(told.iter().all(|pair| bytes(pair) == (30, Some(1024))));
        assert_eq!(told.len(), IMAP_ID_KEPT_BYTES_MAX / 1054, "the first ones, for the backend");
        assert_eq!(client.inbox.heap_bytes(), 0, "nothing is kept of the line");
        assert!(matches!(client.send("b LOGIN tim pw\r\n"), Step::Login(_)));
    }
}

#[test]
fn im_12_an_id_without_an_end_ends_the_connection_and_nothing_else_may_be_as_long() {
    let mut endless = Client::new();
    let start = "a ID (\"k\" \"";
    let line = format!("{start}{}", "v".repeat(IMAP_ID_BYTES_MAX + 1 - start.len()));
    assert!(is_closed(&endless.send(line), CloseReason::LineTooLong));
    for name in ["NOOP", "ENABLE", "LOGIN", "IDLE", "XYZZY", "NOOP ID"] {
        let mut client = Client::new();
        let line = format!("a {name} (\"k\" \"{}", "v".repeat(IMAP_LINE_BYTES_MAX));
        assert!(is_closed(&client.send(line), CloseReason::LineTooLong), "{name}");
    }
    // One pair too many, and one byte too many, cost the command only.
    let mut client = Client::new();
    let pairs = |count: usize| vec!["\"k\" \"v\""; count].join(" ");
    client.send(format!("a ID ({})\r\n", pairs(IMAP_ID_PAIRS_MAX + 1)));
    client.send(format!("b ID (\"k\" {})\r\n", quoted(IMAP_ID_VALUE_BYTES_MAX + 1, 'v')));
    client.send("c NOOP\r\n");
    assert_eq!(
        client.seen(),
        "a BAD Invalid ID parameters.\r\nb BAD Invalid ID parameters.\r\nc OK NOOP completed.\r\n"
    );
    // The literals of one ID have no more room than its lines.
    let mut client = Client::new();
    client.send(format!("a ID (\"k\" {{{IMAP_ID_BYTES_MAX}}}\r\n"));
    assert_eq!(client.seen(), "a BAD Literal too large.\r\n");
}

#[test]
fn a_flood_of_empty_lines_ends_and_a_literal_that_never_comes_holds_nothing() {
    let mut client = Client::new();
    assert!(is_closed(&client.send("\r\n".repeat(1000)), CloseReason::BadCommands));
    assert_eq!(client.seen().lines().count(), usize::from(IMAP_BAD_COMMANDS_MAX));
    for command in ["LOGIN", "ID (", "ENABLE", "NOOP"] {
        let mut client = Client::new();
        client.send(format!("a {command} {{8000}}\r\n"));
        assert_eq!(client.seen(), "+ OK\r\n");
        assert!(client.inbox.heap_bytes() < 64, "only what came");
        assert_eq!(client.imap.stage(), "literal", "its deadline is that of a command");
        for huge in ["9999999999", "18446744073709551616"] {
            let mut client = Client::new();
            client.send(format!("a {command} {{{huge}}}\r\n"));
            assert_eq!(client.seen(), "a BAD Literal too large.\r\n");
            client.send(format!("b {command} {{{huge}+}}\r\n"));
            assert!(client.seen().ends_with("* BYE Literal too large.\r\n"));
        }
    }
}

#[test]
fn w_stls_1_no_literal_stands_behind_starttls() {
    let mut client = Client::new();
    client.rules.starttls = true;
    assert!(matches!(client.send("a STARTTLS {8+}\r\nb LOGOUT\r\n"), Step::More));
    assert_eq!(client.seen(), "a BAD Unknown command or no literal allowed.\r\n");
    assert!(matches!(client.send("c STARTTLS \r\n"), Step::StartTls));
}

#[test]
fn im_03_nesting_costs_nothing() {
    for byte in ["(", ")", "{", "["] {
        let mut client = Client::new();
        assert!(matches!(client.send(format!("a NOOP {}", byte.repeat(4000))), Step::More));
        assert!(client.inbox.heap_bytes() <= 8192, "{}", client.inbox.heap_bytes());
        assert!(matches!(client.send("\r\n"), Step::More));
        let status = if byte == "[" { "OK" } else { "BAD" };
        assert!(client.seen().starts_with(&format!("a {status} ")), "{byte}");
        assert_eq!(client.inbox.heap_bytes(), 0);
    }
}

#[test]
fn im_04_im_05_literals_at_their_limits() {
    let mut client = Client::new();
    let half = IMAP_LITERAL_BYTES_MAX / 2;
    let text = "x".repeat(half);
    let both = format!("a LOGIN {{{half}+}}\r\n{text} {{{half}+}}\r\n{text}\r\n");
    assert!(matches!(client.send(&both), Step::Hopeless(_)));
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
    assert!(matches!(client.send(&longest), Step::Hopeless(_)));
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
