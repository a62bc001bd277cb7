//! Limits of the backend side; whole dialogues are in `tests/transcripts/imap`.

use super::*;
use crate::facts::{ClientCertificate, Transport};
use crate::limits::{
    BACKEND_INPUT_BYTES_MAX, IMAP_RESPONSE_BYTES_MAX, LOGGED_LINE_BYTES_MAX, PROXY_TTL,
};
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
    assert!(backend.to_client.is_empty(), "not before it is clear that this login counts");
    assert!(matches!(backend.says("L OK in\r\n"), Step::Ready(_)));
    assert_eq!(backend.to_client, many.as_bytes());
    let mut backend = Backend::new();
    backend.says(GREETING);
    backend.says(&many);
    assert!(failed(&backend.says("* 1 EXISTS\r\n"), Failure::Protocol));

    let large = format!("* OK {}\r\n", "x".repeat(4000));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says(large.repeat(4)), Step::More));
    assert!(failed(&backend.says(&large), Failure::Protocol));
}

#[test]
fn w_imap_b4_what_an_attempt_said_is_gone_with_it() {
    let told = |end: &str| {
        let mut backend = Backend::new();
        backend.says(GREETING);
        backend.says("* NO [ALERT] Disk full\r\n* 3 EXISTS\r\n");
        backend.says(end);
        String::from_utf8(backend.to_client).unwrap()
    };
    let all = "* NO [ALERT] Disk full\r\n* 3 EXISTS\r\n";
    assert_eq!(told("L OK in\r\n"), all);
    assert_eq!(told("L NO [ALERT] Ask the office\r\n"), all, "the refusal itself is told, too");
    for end in
        ["L NO\r\n", "L NO [UNAVAILABLE] later\r\n", "L NO [REFERRAL imap://h2/]\r\n", "L BAD\r\n"]
    {
        assert_eq!(told(end), "", "{end}");
    }
}

/// What is said in clear where TLS begins may come from any host on the way (W-BTLS-4).
#[test]
fn w_btls_4_nothing_of_before_tls_reaches_the_client() {
    let void = "* NO [ALERT] from the wire\r\n* 17 EXISTS\r\n* 1 FETCH (BODY[] {3}\r\nx\r\n)\r\n* BAD x\r\n";
    let voids =
        [void, "* OK [ALERT] x\r\n", "* CAPABILITY IMAP4rev1 X-WIRE\r\n", "* BYE x\r\n"].concat();
    let mut backend = Backend::new();
    backend.imap.login.as_mut().unwrap().starttls = true;
    backend.says("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    backend.says(&voids);
    assert!(matches!(backend.says("S OK go\r\n"), Step::StartTls));
    assert!(backend.imap.spoke_in_clear());
    backend.imap.secured(&backend.facts, &mut backend.heard);
    backend.says("* CAPABILITY IMAP4rev1\r\n* NO [ALERT] its own\r\nC OK\r\n");
    let Step::Ready(ok) = backend.says("L OK in\r\n") else { panic!() };
    assert_eq!(backend.to_client, b"* NO [ALERT] its own\r\n");
    assert!(ok.capabilities.is_empty(), "{:?}", ok.capabilities.escape_ascii());

    for end in ["S NO [ALERT] no\r\n", "S BAD\r\n", "S OK go\r\n* 1 EXISTS\r\n", "X\r\n"] {
        let mut backend = Backend::new();
        backend.imap.login.as_mut().unwrap().starttls = true;
        backend.says("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
        backend.says(void);
        let step = backend.says(end);
        assert!(matches!(&step, Step::Failed(_, None)), "{end}: {step:?}");
        assert_eq!(backend.to_client, b"", "{end}");
        assert!(!backend.imap.last_line().is_empty(), "{end}");
    }
    let mut quiet = Backend::new();
    quiet.imap.login.as_mut().unwrap().starttls = true;
    quiet.says("* OK hi\r\n");
    quiet.says("* OK Waiting for authentication process to respond..\r\nS OK go\r\n");
    assert!(!quiet.imap.spoke_in_clear(), "Dovecot, just started");
}

/// Perdition and others: the list of before login is not that of after (W-IMAP-B6).
#[test]
fn case_17_capabilities_of_before_the_login_are_not_those_of_after() {
    let after = |said: &[&str]| {
        let mut backend = Backend::new();
        backend.imap.login.as_mut().unwrap().send_facts = true;
        backend.says("* OK [CAPABILITY IMAP4rev1 ID LITERAL+] hi\r\n");
        for said in said {
            if let Step::Ready(ok) = backend.says(said) {
                return String::from_utf8(ok.capabilities.into()).unwrap();
            }
        }
        panic!("{said:?}")
    };
    let id = "* ID NIL\r\nI OK\r\n";
    assert_eq!(after(&[id, "L OK in\r\n"]), "");
    assert_eq!(after(&["* CAPABILITY IMAP4rev1 OLD\r\n", id, "L OK in\r\n"]), "");
    assert_eq!(after(&[id, "* CAPABILITY IMAP4rev1 IDLE\r\nL OK in\r\n"]), "IMAP4rev1 IDLE");
    assert_eq!(after(&[id, "* OK [CAPABILITY A] x\r\nL OK in\r\n"]), "A");
    assert_eq!(after(&[id, "* CAPABILITY A\r\nL OK [CAPABILITY B] in\r\n"]), "B");
}

#[test]
fn case_17_a_list_before_the_password_is_not_that_of_after() {
    let mut backend = Backend::new();
    backend.imap.login.as_mut().unwrap().password = Secret::from("p\u{e4}");
    backend.says(GREETING);
    backend.says("* CAPABILITY OLD\r\n+\r\n");
    assert_eq!(backend.heard, "L LOGIN \"tim\" {3}\r\np\u{e4}\r\n".as_bytes());
    let Step::Ready(ok) = backend.says("L OK\r\n") else { panic!() };
    assert!(ok.capabilities.is_empty());
}

#[test]
fn im_19_lines_and_their_number_are_bounded() {
    let line = |bytes: usize| format!("L NO [ALERT] {}\r\n", "x".repeat(bytes - 13));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(line(IMAP_RESPONSE_BYTES_MAX)), Failure::Credentials));
    assert_eq!(backend.imap.last_line().len(), LOGGED_LINE_BYTES_MAX);
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(line(IMAP_RESPONSE_BYTES_MAX + 1)), Failure::Protocol));
    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(failed(&backend.says(vec![b'x'; 65_536]), Failure::Protocol));

    let mut backend = Backend::new();
    backend.says(GREETING);
    assert!(matches!(backend.says("* ID NIL\r\n".repeat(127)), Step::More));
    assert!(failed(&backend.says("* ID NIL\r\n"), Failure::Protocol));
}

#[test]
fn w_imap_b4_multiplexing_and_endless_literals_are_refused() {
    let endless = "* LIST {99999}\r\n";
    for line in ["* MULTIPLEX 0\r\n", "* PREAUTH x\r\n", endless, "X OK\r\n", "\r\n"] {
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

/// Courier in clear: a tab passes AUTHENTICATE only, which it does not announce; GreenMail has LOGIN alone.
#[test]
fn a_control_character_is_tried_by_authenticate_first() {
    let probing = || {
        let mut backend = Backend::new();
        backend.imap.login.as_mut().unwrap().password = Secret::from("a\tb");
        backend.says(GREETING);
        assert_eq!(backend.heard, b"A AUTHENTICATE PLAIN\r\n");
        backend.heard.clear();
        backend
    };
    let mut courier = probing();
    courier.says("+ \r\n");
    assert_eq!(courier.heard, b"AHRpbQBhCWI=\r\n");
    assert!(courier.imap.login.is_none() && courier.imap.chunks.is_empty());
    assert!(matches!(courier.says("A OK in\r\n"), Step::Ready(_)));
    for refusal in ["A NO Unsupported authentication mechanism 'PLAIN'\r\n", "A BAD\r\n"] {
        let mut greenmail = probing();
        assert!(matches!(greenmail.says(refusal), Step::More));
        assert_eq!(greenmail.heard, b"L LOGIN \"tim\" \"a\tb\"\r\n");
        assert!(greenmail.imap.login.is_none());
        assert!(matches!(greenmail.says("L OK in\r\n"), Step::Ready(_)));
    }
    assert!(failed(&probing().says("A OK in\r\n"), Failure::Protocol), "without a password");
    assert!(failed(&probing().says("A NO\r\nA OK in\r\n"), Failure::Protocol), "answered already");
    assert!(failed(&probing().says("+\r\nL OK in\r\n"), Failure::Protocol), "never said");
    let mut usual = Backend::new();
    usual.says(GREETING);
    assert!(failed(&usual.says("A OK in\r\n"), Failure::Protocol), "never said");
    let mut wrong = probing();
    wrong.says("+ \r\n");
    assert!(failed(&wrong.says("A NO no\r\n"), Failure::Credentials));
}

#[test]
fn no_failure_is_without_a_reason() {
    let tls = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n";
    let cases: [(&[&str], bool, &str); 7] = [
        (&[], false, "closed the connection before its greeting"),
        (&["* OK hi\r\n"], false, "closed the connection before its answer to CAPABILITY"),
        (&[GREETING], false, "closed the connection before its answer to the login"),
        (
            &[GREETING, "* BYE [ALERT] Fatal error: wrong gid\r\n"],
            false,
            "closed the connection before its answer to the login; its last words: * BYE [ALERT] Fatal error: wrong gid",
        ),
        (&[tls], true, "closed the connection before its answer to STARTTLS"),
        (&[tls, "S OK go\r\n"], true, "closed the connection before TLS stood"),
        (&["* BYE", " x"], false, "closed the connection before its greeting"),
    ];
    for (said, starttls, reason) in cases {
        let mut backend = Backend::new();
        backend.imap.login.as_mut().unwrap().starttls = starttls;
        for said in said {
            backend.says(said);
        }
        assert!(failed(&backend.imap.eof(), Failure::Remote), "{said:?}");
        assert_eq!(backend.imap.last_line(), reason);
    }
    for said in [
        "",
        "x",
        "* BYE x\r\n",
        "* ID x\r\n",
        &"x".repeat(16_000),
        GREETING,
        &"* X\r\n".repeat(129),
    ] {
        for behind in
            ["\r\n", "L OK\r\n\0", "X\r\n", "L BAD\r\n", "* OK [\r\n", "L NO\r\n", "+\r\n"]
        {
            let mut backend = Backend::new();
            let step = backend.says(format!("{said}{behind}"));
            let step = if matches!(step, Step::More) { backend.imap.eof() } else { step };
            let has_reason = !backend.imap.last_line().is_empty();
            assert!(has_reason || matches!(step, Step::Ready(_)), "{said:?} {behind:?} {step:?}");
        }
    }
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
