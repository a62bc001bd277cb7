//! Limits of the backend side and its STARTTLS wall; whole dialogues are in `tests/transcripts/submission`.

use super::*;
use crate::facts::{ClientCertificate, Transport};
use crate::limits::{BACKEND_INPUT_BYTES_MAX, BACKEND_LINES_MAX, LOGGED_LINE_BYTES_MAX, PROXY_TTL};
use crate::names::SessionId;
use crate::secret::Secret;

struct Backend {
    facts: ClientFacts,
    submission: Submission,
    inbox: Inbox,
    heard: Vec<u8>,
}

impl Backend {
    fn new(change: impl Fn(&mut Login)) -> Self {
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
        let mut login =
            Login { user: "tim".into(), password: Secret::from("hunter2"), ..Login::default() };
        change(&mut login);
        let inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
        Self { facts, submission: Submission::new(login), inbox, heard: Vec::new() }
    }

    fn says(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let mut step = Step::More;
        for piece in bytes.as_ref().chunks(1000) {
            assert_eq!(self.inbox.append(piece), piece.len(), "the inbox is full");
            step = self.submission.read(&self.facts, &mut self.inbox, &mut self.heard);
            if !matches!(step, Step::More) {
                break;
            }
        }
        step
    }
}

fn failed(step: &Step, expected: Failure) -> bool {
    matches!(step, Step::Failed(failure, _) if *failure == expected)
}

#[test]
fn w_btls_2_nothing_may_stand_behind_the_go_ahead() {
    let mut backend = Backend::new(|login| login.starttls = true);
    backend.says("220 hi\r\n250-x\r\n250 STARTTLS\r\n");
    let step = backend.says("220 go\r\n250-x\r\n250 AUTH PLAIN\r\n");
    assert!(failed(&step, Failure::Protocol));
    assert_eq!(backend.heard, b"EHLO localhost\r\nSTARTTLS\r\n", "no password went out");
}

#[test]
fn w_btls_4_keywords_in_clear_are_void_behind_tls() {
    let mut backend = Backend::new(|login| {
        login.starttls = true;
        login.own_name = "hale.example".into();
    });
    backend.says("220 hi\r\n");
    backend.says("250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
    assert!(matches!(backend.says("220 go\r\n"), Step::StartTls));
    let out = &mut backend.heard;
    assert!(matches!(backend.submission.secured(&backend.facts, out), Step::More));
    assert!(failed(&backend.says("250 x\r\n"), Failure::RemoteConfig), "no AUTH is offered now");
    assert_eq!(backend.heard, b"EHLO hale.example\r\nSTARTTLS\r\nEHLO hale.example\r\n");
}

#[test]
fn su_06_a_keyword_list_without_end_ends_the_attempt() {
    let mut backend = Backend::new(|_| {});
    backend.says("220 hi\r\n");
    let step = backend.says("250-x\r\n".repeat(usize::from(BACKEND_LINES_MAX) + 1));
    assert!(failed(&step, Failure::Protocol));
    let mut backend = Backend::new(|_| {});
    assert!(failed(&backend.says("x".repeat(5000)), Failure::Protocol));
    assert!(backend.submission.last_line().ends_with(&"x".repeat(LOGGED_LINE_BYTES_MAX)));
}

#[test]
fn su_06_one_hundred_keywords_are_fine() {
    let mut backend = Backend::new(|_| {});
    let keywords: String = (0..99).map(|number| format!("250-X-{number}\r\n")).collect();
    backend.says(format!("220 hi\r\n250-x\r\n{keywords}250 AUTH PLAIN\r\n"));
    assert!(backend.heard.ends_with(b"AUTH PLAIN AHRpbQBodW50ZXIy\r\n"));
    assert!(backend.submission.keywords().has(b"X-98"));
}

#[test]
fn w_sub_b6_the_whole_line_has_512_bytes_at_most() {
    let sent = |length: usize| {
        let mut backend = Backend::new(|login| login.password = Secret::new(vec![b'x'; length]));
        backend.says("220 hi\r\n250-x\r\n250 AUTH PLAIN\r\n");
        String::from_utf8(backend.heard).unwrap().lines().last().unwrap().len()
    };
    // 11 bytes of command, and base64 of 5 bytes and the password.
    assert_eq!(sent(367), 507);
    assert_eq!(sent(370), "AUTH PLAIN".len(), "511 would be too long");
}

#[test]
fn su_07_nothing_is_read_behind_the_end() {
    let mut backend = Backend::new(|_| {});
    backend.says("220 hi\r\n250-x\r\n250 AUTH PLAIN\r\n");
    let step = backend.says("235 2.7.0 ok\r\n220 more\r\n");
    assert!(matches!(step, Step::Ready(_)));
    assert_eq!(backend.inbox.bytes(), b"220 more\r\n", "that is residue");
    assert!(matches!(backend.says("x"), Step::More));
    assert_eq!((backend.submission.stage(), backend.submission.dropped_pairs()), ("over", 0));
}

#[test]
fn login_only_where_plain_is_not_offered() {
    let beginning = |mechanisms: &str, change: &dyn Fn(&mut Login)| {
        let mut backend = Backend::new(change);
        let step = backend.says(format!("220 hi\r\n250-x\r\n250 AUTH{mechanisms}\r\n"));
        let heard = String::from_utf8(std::mem::take(&mut backend.heard)).unwrap();
        (backend, step, heard.lines().last().unwrap().to_owned())
    };
    let (mut backend, _, heard) = beginning(" LOGIN CRAM-MD5", &|_| ());
    assert_eq!(heard, "AUTH LOGIN");
    assert!(matches!(backend.says("334 VXNlcm5hbWU6\r\n"), Step::More));
    assert_eq!(backend.heard, b"dGlt\r\n");
    assert!(matches!(backend.says("334\r\n"), Step::More));
    assert_eq!(backend.heard, b"dGlt\r\naHVudGVyMg==\r\n");
    assert!(matches!(backend.says("235 in\r\n"), Step::Ready(_)));

    let plain = "AUTH PLAIN AHRpbQBodW50ZXIy";
    assert_eq!(beginning(" LOGIN PLAIN", &|_| ()).2, plain);
    let own = |login: &mut Login| login.mech = BackendMech::Login;
    assert_eq!(beginning(" LOGIN PLAIN", &own).2, "AUTH LOGIN", "the operator's word");
    assert_eq!(beginning(" PLAIN", &own).2, plain);
    let master = |login: &mut Login| login.master = Some("root".into());
    let operator = |login: &mut Login| login.mech = BackendMech::Plain;
    for (mechanisms, change) in [
        (" LOGIN", &master as &dyn Fn(&mut Login)),
        (" LOGIN", &operator),
        (" CRAM-MD5", &|_| ()),
        ("", &|_| ()),
    ] {
        let (backend, step, _) = beginning(mechanisms, change);
        assert!(failed(&step, Failure::RemoteConfig), "{mechanisms}: {step:?}");
        assert!(backend.submission.last_line().starts_with("it offers no AUTH that will do"));
    }

    for (early, behind) in
        [("", "235 in\r\n"), ("334 x\r\n", "235 in\r\n"), ("334\r\n334\r\n", "334\r\n")]
    {
        let (mut backend, _, _) = beginning(" LOGIN", &|_| ());
        backend.says(early);
        assert!(failed(&backend.says(behind), Failure::Protocol), "{early} {behind}");
        assert!(backend.submission.chunks.is_empty());
    }
}

#[test]
fn no_failure_is_without_a_reason() {
    let ehlo = "220 hi\r\n250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";
    for (said, starttls, before) in [
        ("", false, "its greeting"),
        ("220-x\r\n", false, "its greeting"),
        ("220 hi\r\n", false, "its answer to EHLO"),
        (ehlo, false, "its answer to the login"),
        (ehlo, true, "its answer to STARTTLS"),
    ] {
        let mut backend = Backend::new(|login| login.starttls = starttls);
        backend.says(said);
        assert!(failed(&backend.submission.eof(), Failure::Remote), "{said}");
        assert_eq!(
            backend.submission.last_line(),
            format!("closed the connection before {before}")
        );
    }
    for said in ["", "\0\r\n", "220 hi\r\n", ehlo, &"2".repeat(9000), &"220-x\r\n".repeat(200)] {
        for behind in
            ["\r\n", "421 x\r\n", "500\r\n", "334 x\r\n", "235\r\n", "220 \r\r\n", "250\0\r\n"]
        {
            for starttls in [false, true] {
                let mut backend = Backend::new(|login| login.starttls = starttls);
                let step = backend.says(format!("{said}{behind}"));
                let step = if matches!(step, Step::More) { backend.submission.eof() } else { step };
                let has_reason = !backend.submission.last_line().is_empty();
                let is_good = matches!(step, Step::Ready(_) | Step::StartTls);
                assert!(has_reason || is_good, "{said:?} {behind:?} {step:?}");
            }
        }
    }
}

#[test]
fn w_cred_2_no_password_in_debug() {
    let backend = Backend::new(|_| {});
    assert!(!format!("{:?}", backend.submission).contains("hunter2"));
}
