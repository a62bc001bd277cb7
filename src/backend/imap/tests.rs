//! Limits of the backend side; whole dialogues are in `tests/transcripts/imap`.

use super::*;
use crate::facts::{ClientCertificate, Transport};
use crate::limits::{BACKEND_INPUT_BYTES_MAX, LOGGED_LINE_BYTES_MAX, PROXY_TTL};
use crate::names::SessionId;
use crate::secret::Secret;

struct Backend {
    facts: ClientFacts,
    imap: Imap,
    inbox: Inbox,
    heard: Vec<u8>,
    to_client: Vec<u8>,
}

impl Backend {
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
        let login =
            Login { user: "tim".into(), password: Secret::from("hunter2"), ..Login::default() };
        let inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
        Self { facts, imap: Imap::new(login), inbox, heard: Vec::new(), to_client: Vec::new() }
    }

    fn says(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let mut step = Step::More;
        for piece in bytes.as_ref().chunks(1000) {
            assert_eq!(self.inbox.append(piece), piece.len(), "the inbox is full");
            let out = (&mut self.heard, &mut self.to_client);
            step = self.imap.read(&self.facts, &mut self.inbox, out.0, out.1);
            if !matches!(step, Step::More) {
                break;
            }
        }
        step
    }
}

const GREETING: &str = "* OK [CAPABILITY IMAP4rev1] hi\r\n";

fn failed(step: &Step, expected: Failure) -> bool {
    matches!(step, Step::Failed(failure, _) if *failure == expected)
}

#[test]
fn w_imap_b4_untagged_lines_are_bounded_in_number_and_size() {
    let many = "* 1 EXISTS\r\n".repeat(usize::from(BACKEND_UNTAGGED_LINES_MAX));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says(&many), Step::More));
    assert_eq!(backend.to_client, many.as_bytes());
    assert!(failed(&backend.says("* 1 EXISTS\r\n"), Failure::Protocol));

    let large = format!("* OK {}\r\n", "x".repeat(4000));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says(large.repeat(4)), Step::More));
    assert!(failed(&backend.says(&large), Failure::Protocol));
}

#[test]
fn im_19_lines_and_their_number_are_bounded() {
    let line = |bytes: usize| format!("L NO [ALERT] {}\r\n", "x".repeat(bytes - 13));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(line(BACKEND_LINE_BYTES_MAX)), Failure::Credentials));
    assert_eq!(backend.imap.last_line().len(), LOGGED_LINE_BYTES_MAX);
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(line(BACKEND_LINE_BYTES_MAX + 1)), Failure::Protocol));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(vec![b'x'; 65_536]), Failure::Protocol));

    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says("* ID NIL\r\n".repeat(127)), Step::More));
    assert!(failed(&backend.says("* ID NIL\r\n"), Failure::Protocol));
}

#[test]
fn w_imap_b4_multiplexing_and_literals_were_not_asked_for() {
    for line in ["* MULTIPLEX 0\r\n", "* PREAUTH x\r\n", "* LIST {5}\r\n", "X OK\r\n", "\r\n"] {
        let mut backend = Backend::new();
        backend.says(GREETING);
        assert!(failed(&backend.says(line), Failure::Protocol), "{line}");
    }
}

#[test]
fn be_01_a_backend_that_closes_early_is_a_remote_failure() {
    for said in ["", "* OK", GREETING, "* OK [CAPABILITY IMAP4rev1] hi\r\n* BYE x\r\n"] {
        let mut backend = Backend::new();
        backend.says(said);
        assert!(failed(&backend.imap.eof(), Failure::Remote), "{said}");
    }
}

#[test]
fn w_cred_2_the_password_is_gone_once_queued_and_never_shown() {
    let mut backend = Backend::new();
    assert!(!format!("{:?}", backend.imap).contains("hunter2"));
    backend.says(GREETING);
    assert_eq!(backend.heard, b"L LOGIN \"tim\" \"hunter2\"\r\n");
    assert!(backend.imap.login.is_none() && backend.imap.chunks.is_empty());
}

#[test]
fn w_fail_6_last_words_are_printable() {
    let mut backend = Backend::new();
    backend.says(GREETING);
    backend.says("* BYE caf\u{e9}\x1b[2J\r\n");
    assert_eq!(backend.imap.last_line(), "* BYE caf???[2J");
}

#[test]
fn w_imap_b10_what_follows_the_success_is_not_read() {
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says("L OK in\r\n* 1 EXISTS\r\na2 OK\r\n"), Step::Ready(_)));
    assert_eq!(backend.to_client, b"");
    assert!(matches!(backend.says("more"), Step::More));
    assert_eq!(backend.inbox.take_rest(), b"* 1 EXISTS\r\na2 OK\r\nmore");
}

#[test]
fn w_btls_2_and_3_the_go_ahead_must_come_alone_and_must_come() {
    let offer = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n";
    let starting = |words: &str| {
        let mut backend = Backend::new();
        backend.imap.login.as_mut().unwrap().starttls = true;
        let step = backend.says(words);
        (backend, step)
    };
    for behind in ["x", "* BYE\r\n", "* CAPABILITY IMAP4rev1\r\n", "\x16\x03\x03"] {
        let (mut backend, step) = starting(offer);
        assert!(matches!(step, Step::More));
        assert_eq!(backend.heard, b"S STARTTLS\r\n");
        let step = backend.says(format!("S OK go\r\n{behind}"));
        assert!(failed(&step, Failure::Protocol), "{behind:?}: {step:?}");
    }
    let (backend, step) = starting(GREETING);
    assert!(failed(&step, Failure::RemoteConfig), "{step:?}");
    assert!(backend.heard.is_empty(), "nothing may follow in clear");
    let (_, step) = starting("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    assert!(failed(&step, Failure::RemoteConfig), "W-BTLS-5: {step:?}");
    for refusal in ["S NO later\r\n", "S BAD what\r\n"] {
        let (mut backend, _) = starting(offer);
        let step = backend.says(refusal);
        assert!(failed(&step, Failure::RemoteConfig), "{refusal}: {step:?}");
    }
}
