//! Limits and the STARTTLS wall of the client side; whole dialogues are in `tests/transcripts/submission`.

use super::*;
use crate::facts::ClientCertificate;
use crate::limits::{PRE_LOGIN_INPUT_BYTES_MAX, PROXY_TTL};
use crate::names::SessionId;

struct Client {
    rules: Rules,
    facts: ClientFacts,
    submission: Submission,
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
            transport: Transport::Insecure,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        };
        let inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let (rules, submission, seen) = (Rules::default(), Submission::new(), String::new());
        Self { rules, facts, submission, inbox, seen }
    }

    /// Sends in pieces of 1000 bytes, for as long as the dialogue wants more.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let mut step = Step::More;
        for piece in bytes.as_ref().chunks(1000) {
            assert_eq!(self.inbox.append(piece), piece.len(), "the inbox is full");
            let mut out = Vec::new();
            step = self.submission.read(&self.rules, &mut self.facts, &mut self.inbox, &mut out);
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
fn w_stls_1_anything_behind_starttls_ends_the_connection() {
    for behind in ["NOOP\r\n", "\r\n", "x", "\x16\x03\x01"] {
        let mut client = Client::new();
        client.rules.starttls = true;
        let step = client.send(format!("STARTTLS\r\n{behind}"));
        assert!(is_closed(&step, CloseReason::StarttlsPipelined), "{behind:?}");
        assert_eq!(client.seen(), "554 5.5.0 Commands behind STARTTLS.\r\n");
        assert!(is_closed(&client.send("NOOP\r\n"), CloseReason::StarttlsPipelined));
        assert_eq!(client.seen(), "", "not one command in clear is run");
    }
}

#[test]
fn w_stls_2_a_client_that_waits_gets_its_handshake() {
    let mut client = Client::new();
    client.rules.starttls = true;
    assert!(matches!(client.send("EHLO a\r\nSTARTTLS\r\n"), Step::StartTls));
    assert!(client.seen().ends_with("220 2.0.0 Begin TLS negotiation now.\r\n"));
    client.rules.starttls = false;
    client.submission.secured(&client.rules, &mut Vec::new());
    assert_eq!(client.submission.helo(), None);
    client.send("STARTTLS\r\n");
    assert_eq!(client.seen(), "503 5.5.1 TLS is already active.\r\n");
}

#[test]
fn w_stls_4_what_a_trusted_peer_told_outlives_starttls() {
    let mut client = Client::new();
    client.facts.trusted = true;
    client.send("XCLIENT HELO=far.example ADDR=192.0.2.99\r\n");
    client.submission.secured(&client.rules, &mut Vec::new());
    client.send("EHLO near.example\r\n");
    assert_eq!(client.submission.helo(), Some("far.example"));
    assert_eq!(client.facts.apparent.ip().to_string(), "192.0.2.99");
}

#[test]
fn w_sub_5_lines_have_limits_by_command() {
    for (start, limit, reply) in [
        ("NOOP ", SMTP_LINE_BYTES_MAX, "500 5.5.2"),
        ("mail ", SMTP_PARAMETERS_LINE_BYTES_MAX, "500 5.5.2"),
        ("RCPT ", SMTP_PARAMETERS_LINE_BYTES_MAX, "500 5.5.2"),
        ("auth x", SASL_LINE_BYTES_MAX, "500 5.5.6"),
    ] {
        let mut client = Client::new();
        let fits = format!("{start}{}\r\n", "x".repeat(limit - start.len()));
        client.send(&fits);
        assert!(!client.seen().starts_with("500"), "{start}");
        client.send(format!("x{fits}").replace(&format!("x{start}"), &format!("{start}x")));
        assert!(client.seen().starts_with(reply), "{start}");
        client.send("NOOP\r\n");
        assert_eq!(client.seen(), "250 2.0.0 OK\r\n", "in step again behind {start}");
    }
}

#[test]
fn su_02_sasl_responses_have_a_limit_and_the_dialogue_goes_on() {
    let mut client = Client::new();
    client.send("EHLO a\r\nAUTH PLAIN\r\n");
    client.seen();
    assert!(matches!(client.send(format!("{}\r\n", "A".repeat(12_288))), Step::Hopeless(_)));
    client.submission.refuse(Failure::Credentials, None, &mut Vec::new());
    client.send("AUTH PLAIN\r\n");
    client.seen();
    client.send(format!("{}\r\n", "A".repeat(SASL_LINE_BYTES_MAX + 1)));
    assert_eq!(client.seen(), "500 5.5.6 Authentication exchange line is too long.\r\n");
    client.send("NOOP\r\n");
    assert_eq!(client.seen(), "250 2.0.0 OK\r\n");
    assert_eq!(client.submission.notes().failed_logins, 2);
}

#[test]
fn su_01_a_chunk_is_read_past_however_large_it_is() {
    let mut client = Client::new();
    client.send(format!(
        "BDAT 100000 LAST\r\n{}NOOP\r\n",
        "QUIT\r\n".repeat(16_667).get(..100_000).unwrap()
    ));
    assert_eq!(client.seen(), "530 5.7.0 Authentication required.\r\n250 2.0.0 OK\r\n");
    assert!(client.inbox.is_empty());
}

#[test]
fn w_pipe_8_goodbyes_are_said_once() {
    for (reason, code) in [
        (ByeReason::Timeout, "421 4.4.2 "),
        (ByeReason::Shutdown, "421 4.3.2 "),
        (ByeReason::TooManyConnections, "421 4.3.2 "),
        (ByeReason::Internal, "421 4.3.0 "),
    ] {
        let (mut client, mut out) = (Client::new(), Vec::new());
        client.submission.bye(reason, &mut out);
        client.submission.bye(reason, &mut out);
        let said = String::from_utf8(out).unwrap();
        assert!(said.starts_with(code) && said.matches("\r\n").count() == 1, "{said}");
        assert!(is_closed(&client.send("NOOP\r\n"), CloseReason::Dismissed));
    }
}

#[test]
fn an_unread_client_is_not_answered_without_end() {
    let mut client = Client::new();
    client.inbox.append("HELP\r\n".repeat(1000).as_bytes());
    let mut out = Vec::new();
    let step =
        client.submission.read(&client.rules, &mut client.facts, &mut client.inbox, &mut out);
    assert!(matches!(step, Step::More) && !client.inbox.is_empty());
    assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + 100);
}
