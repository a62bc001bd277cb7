//! Limits and timing of the backend side; whole dialogues are in `tests/transcripts/sieve`.

use super::*;
use crate::backend::forward::tests::facts;
use crate::limits::BACKEND_INPUT_BYTES_MAX;

struct Backend {
    sieve: Sieve,
    inbox: Inbox,
    heard: Vec<u8>,
}

impl Backend {
    fn new(more: impl FnOnce(&mut Login)) -> Self {
        let mut login =
            Login { user: "tim".into(), password: Secret::from("hunter2"), ..Login::default() };
        more(&mut login);
        let inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
        Self { sieve: Sieve::new(login), inbox, heard: Vec::new() }
    }

    /// All in one segment.
    fn says(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let bytes = bytes.as_ref();
        assert_eq!(self.inbox.append(bytes), bytes.len(), "the inbox is full");
        self.sieve.read(&facts(), &mut self.inbox, &mut self.heard)
    }

    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.heard)).unwrap()
    }
}

const GREETING: &str = "\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\n\"XCLIENT\"\r\nOK \"ready\"\r\n";

fn failed(step: &Step, expected: Failure) -> bool {
    matches!(step, Step::Failed(failure, _) if *failure == expected)
}

#[test]
fn po_07_a_line_that_comes_before_its_command_is_no_reply() {
    for early in ["OK\r\n", "x", "\"SASL\" \"PLAIN\"\r\nOK\r\n"] {
        let mut backend = Backend::new(|_| ());
        assert!(failed(&backend.says(format!("{GREETING}{early}")), Failure::Protocol), "{early}");
    }
    // XCLIENT and AUTHENTICATE go out together, so their replies may come together.
    let mut backend = Backend::new(|login| login.send_facts = true);
    backend.says(GREETING);
    assert!(matches!(backend.says("OK\r\nOK \"in\"\r\n\"SIEVE\" \"x\"\r\n"), Step::Ready(_)));
    assert_eq!(backend.inbox.take_rest(), b"\"SIEVE\" \"x\"\r\n", "W-SV-B3");
}

#[test]
fn w_sv_b2_without_plain_there_is_no_login() {
    for list in ["", "\"SASL\" \"\"\r\n", "\"SASL\" \"SCRAM-SHA-1\"\r\n\"STARTTLS\"\r\n"] {
        let mut backend = Backend::new(|_| ());
        assert!(failed(&backend.says(format!("{list}OK\r\n")), Failure::RemoteConfig), "{list}");
        assert_eq!(backend.heard(), "");
    }
}

#[test]
fn login_only_where_plain_is_not_offered() {
    let beginning = |mechanisms: &str, change: &dyn Fn(&mut Login)| {
        let mut backend = Backend::new(change);
        let step = backend.says(format!("\"SASL\" \"{mechanisms}\"\r\nOK\r\n"));
        let heard = backend.heard();
        (backend, step, heard)
    };
    let (mut backend, _, heard) = beginning("CRAM-MD5 LOGIN", &|_| ());
    assert_eq!(heard, "AUTHENTICATE \"LOGIN\"\r\n");
    assert!(matches!(backend.says("\"VXNlcm5hbWU6\"\r\n"), Step::More));
    assert_eq!(backend.heard(), "\"dGlt\"\r\n");
    assert!(matches!(backend.says("{12}\r\nUGFzc3dvcmQ6\r\n"), Step::More));
    assert_eq!(backend.heard(), "\"aHVudGVyMg==\"\r\n");
    assert!(matches!(backend.says("OK \"in\"\r\n"), Step::Ready(_)));
    assert!(beginning("LOGIN PLAIN", &|_| ()).2.starts_with("AUTHENTICATE \"PLAIN\""));
    let master = |login: &mut Login| login.master = Some("root".into());
    assert!(failed(&beginning("LOGIN", &master).1, Failure::RemoteConfig));
    for (early, behind) in [
        ("", "OK\r\n"),
        ("\"x\"\r\n", "OK\r\n"),
        ("\"x\"\r\n", "\"x\" \"y\"\r\n"),
        ("", "\"x\"\r\n\"y\"\r\n"),
    ] {
        let (mut backend, _, _) = beginning("LOGIN", &|_| ());
        backend.says(early);
        assert!(failed(&backend.says(behind), Failure::Protocol), "{early} {behind}");
        assert!(backend.sieve.chunks.is_empty());
    }
}

/// Words in clear refer no login anywhere where TLS was demanded.
#[test]
fn w_btls_4_a_referral_of_before_tls_is_void() {
    let bye = "BYE (REFERRAL \"sieve://u@h\") \"go\"\r\n";
    for said in [bye, &format!("{GREETING}|{bye}"), "BYE\r\n"] {
        let mut backend = Backend::new(|login| login.starttls = true);
        let mut step = Step::More;
        for said in said.split('|') {
            step = backend.says(said);
        }
        assert!(matches!(step, Step::Failed(Failure::Remote, None)), "{said}: {step:?}");
        assert!(backend.sieve.last_line().starts_with("words in clear before TLS"));
    }
    let mut backend = Backend::new(|login| login.starttls = true);
    backend.says(GREETING);
    backend.says("OK\r\n");
    backend.sieve.secured();
    assert!(matches!(backend.says(bye), Step::Redirect(_)), "its own, behind TLS");
}

#[test]
fn no_failure_is_without_a_reason() {
    for (said, change, before) in [
        ("", (false, false), "the end of its capabilities"),
        ("\"SASL\" \"PLAIN\"\r\n", (false, false), "the end of its capabilities"),
        (GREETING, (false, false), "its answer to the login"),
        (GREETING, (false, true), "its answer to XCLIENT"),
        (GREETING, (true, false), "its answer to STARTTLS"),
    ] {
        let mut backend = Backend::new(|login| (login.starttls, login.send_facts) = change);
        backend.says(said);
        assert!(failed(&backend.sieve.eof(), Failure::Remote), "{said}");
        assert_eq!(backend.sieve.last_line(), format!("closed the connection before {before}"));
    }
    for said in ["", "x\r\n", GREETING, &"\"".repeat(9000), "\"SIEVE\" {9999}\r\n", "OK\r\n"] {
        for behind in
            ["\r\n", "NO\r\n", "OK\r\n", "BYE\r\n", "OK \0\r\n", "OK\r\nOK\r\n", "\"x\"\r\n"]
        {
            for starttls in [false, true] {
                let mut backend = Backend::new(|login| login.starttls = starttls);
                let step = backend.says(said);
                let step = if matches!(step, Step::More) { backend.says(behind) } else { step };
                let step = if matches!(step, Step::More) { backend.sieve.eof() } else { step };
                let has_reason = !backend.sieve.last_line().is_empty();
                let is_good = matches!(step, Step::Ready(_) | Step::StartTls);
                assert!(has_reason || is_good, "{said:?} {behind:?} {step:?}");
            }
        }
    }
}

#[test]
fn ms_05_lines_literals_and_their_number_are_bounded() {
    let bounded = |said: String| {
        let mut backend = Backend::new(|_| ());
        failed(&backend.says(said), Failure::Protocol)
    };
    let list = |bytes: usize| format!("\"SIEVE\" \"{}\"\r\n", "x".repeat(bytes - 10));
    assert!(!bounded(list(BACKEND_LINE_BYTES_MAX)) && bounded(list(BACKEND_LINE_BYTES_MAX + 1)));
    let literal = |bytes: usize| format!("\"SIEVE\" {{{bytes}}}\r\n{}\r\n", "x".repeat(bytes));
    assert!(
        !bounded(literal(BACKEND_LINE_BYTES_MAX)) && bounded(literal(BACKEND_LINE_BYTES_MAX + 1))
    );
    assert!(bounded("\"SIEVE\" {99999999999}\r\n".to_owned()));
    let lines = |count: u16| "\"X\"\r\n".repeat(usize::from(count));
    assert!(!bounded(lines(BACKEND_LINES_MAX)) && bounded(lines(BACKEND_LINES_MAX + 1)));
    for flawed in ["\"a\rb\"\r\n", "\"a\0b\"\r\n", "\r\n", "+OK\r\n"] {
        assert!(bounded(flawed.to_owned()), "{flawed:?}");
    }
    let mut backend = Backend::new(|_| ());
    backend.says(GREETING);
    assert!(failed(&backend.says("\"dGlt\"\r\n"), Failure::Protocol), "PLAIN has no challenge");
}

#[test]
fn ms_05_a_success_in_pieces_is_one() {
    let mut backend = Backend::new(|_| ());
    backend.says(GREETING);
    for piece in ["OK (SASL \"", "dGlt)\"", ") {4}", "\r\nlog", "ged"] {
        let step = backend.says(piece);
        assert!(matches!(step, Step::More), "{piece}: {step:?}");
    }
    // The literal's four bytes are "logg", so the line is broken; the next is whole.
    assert!(failed(&backend.says("\r\n"), Failure::Protocol));
    let mut backend = Backend::new(|_| ());
    backend.says(GREETING);
    for piece in ["OK (SASL \"", "dGlt)\"", ") {6}", "\r\nlog", "ged\r"] {
        assert!(matches!(backend.says(piece), Step::More), "{piece}");
    }
    let Step::Ready(ok) = backend.says("\n") else { panic!() };
    assert_eq!(&*ok.text, b" logged", "SASL data is not for the client");
}

#[test]
fn be_01_a_backend_that_closes_early_is_a_remote_failure() {
    for said in ["", "\"SASL\" \"PLAIN\"\r\n", GREETING] {
        let mut backend = Backend::new(|_| ());
        backend.says(said);
        assert!(failed(&backend.sieve.eof(), Failure::Remote), "{said}");
    }
}

#[test]
fn w_cred_2_the_password_is_gone_once_queued_and_never_shown() {
    let mut backend = Backend::new(|_| ());
    assert!(!format!("{:?}", backend.sieve).contains("hunter2"));
    backend.says(GREETING);
    assert!(backend.sieve.login.is_none());
    assert_eq!(backend.heard(), "AUTHENTICATE \"PLAIN\" \"AHRpbQBodW50ZXIy\"\r\n");
}

#[test]
fn a_long_message_is_a_literal() {
    let mut backend = Backend::new(|login| login.password = Secret::from("x".repeat(800).as_str()));
    backend.says(GREETING);
    assert!(backend.heard().starts_with("AUTHENTICATE \"PLAIN\" {1076+}\r\nAHRpbQB4"));
}

#[test]
fn w_btls_2_and_3_the_go_ahead_must_come_alone_and_must_come() {
    let tls = |login: &mut Login| login.starttls = true;
    for behind in ["x", GREETING, "\x16\x03\x03"] {
        let mut backend = Backend::new(tls);
        backend.says(GREETING);
        assert_eq!(backend.heard(), "STARTTLS\r\n");
        let step = backend.says(format!("OK \"go\"\r\n{behind}"));
        assert!(failed(&step, Failure::Protocol), "{behind:?}");
    }
    let mut backend = Backend::new(tls);
    let step = backend.says("\"SASL\" \"PLAIN\"\r\nOK\r\n");
    assert!(failed(&step, Failure::RemoteConfig) && backend.heard().is_empty(), "not offered");
    let mut backend = Backend::new(tls);
    backend.says(GREETING);
    assert!(failed(&backend.says("NO \"no\"\r\n"), Failure::RemoteConfig));
    let mut backend = Backend::new(tls);
    backend.says(GREETING);
    assert!(matches!(backend.says("OK\r\n"), Step::StartTls));
    backend.heard();
    backend.sieve.secured();
    let step = backend.says("\"SASL\" \"\"\r\nOK\r\n");
    assert!(failed(&step, Failure::RemoteConfig), "W-BTLS-4: what it offered in clear is void");
}
