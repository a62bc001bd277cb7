//! Limits and timing of the backend side; whole dialogues are in `tests/transcripts/pop3`.

use super::*;
use crate::backend::forward::tests::facts;
use crate::limits::BACKEND_INPUT_BYTES_MAX;
use crate::secret::Secret;

struct Backend {
    pop3: Pop3,
    inbox: Inbox,
    heard: Vec<u8>,
}

impl Backend {
    fn new(more: impl FnOnce(&mut Login)) -> Self {
        let mut login =
            Login { user: "tim".into(), password: Secret::from("hunter2"), ..Login::default() };
        more(&mut login);
        let inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
        Self { pop3: Pop3::new(login), inbox, heard: Vec::new() }
    }

    /// All in one segment.
    fn says(&mut self, bytes: impl AsRef<[u8]>) -> Step {
        let bytes = bytes.as_ref();
        assert_eq!(self.inbox.append(bytes), bytes.len(), "the inbox is full");
        self.pop3.read(&facts(), &mut self.inbox, &mut self.heard)
    }

    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.heard)).unwrap()
    }
}

fn failed(step: &Step, expected: Failure) -> bool {
    matches!(step, Step::Failed(failure, _) if *failure == expected)
}

#[test]
fn po_07_a_line_that_comes_before_its_command_is_no_reply() {
    for early in ["+OK hi\r\n+OK\r\n", "+OK hi\r\nx", "+OK hi\r\n+OK\r\n+OK in\r\n"] {
        assert!(failed(&Backend::new(|_| ()).says(early), Failure::Protocol), "{early}");
    }
    let mut backend = Backend::new(|_| ());
    backend.says("+OK hi\r\n");
    assert!(failed(&backend.says("+OK\r\n+OK in\r\n"), Failure::Protocol), "behind USER");
    assert_eq!(backend.heard(), "USER tim\r\nPASS hunter2\r\n");
    // XCLIENT and USER go out together, so their replies may come together.
    let mut backend = Backend::new(|login| login.send_facts = true);
    backend.says("+OK [XCLIENT] hi\r\n");
    assert!(matches!(backend.says("+OK Updated\r\n+OK\r\n"), Step::More));
    assert!(backend.heard().ends_with("USER tim\r\nPASS hunter2\r\n"));
    assert!(matches!(backend.says("+OK in\r\n+OK 2 messages\r\n"), Step::Ready(_)));
    assert_eq!(backend.inbox.take_rest(), b"+OK 2 messages\r\n");
}

#[test]
fn po_07_lines_are_bounded_and_clean() {
    let line = |bytes: usize| format!("+OK {}\r\n", "x".repeat(bytes - 4));
    assert!(matches!(Backend::new(|_| ()).says(line(BACKEND_LINE_BYTES_MAX)), Step::More));
    let longer = Backend::new(|_| ()).says(line(BACKEND_LINE_BYTES_MAX + 1));
    assert!(failed(&longer, Failure::Protocol));
    let endless = Backend::new(|_| ()).says("x".repeat(BACKEND_INPUT_BYTES_MAX));
    assert!(failed(&endless, Failure::Protocol));
    for flawed in ["+OK a\rb\r\n", "+OK a\0b\r\n", "\r\n", "* OK hi\r\n", "+ \r\n"] {
        assert!(failed(&Backend::new(|_| ()).says(flawed), Failure::Protocol), "{flawed:?}");
    }
}

#[test]
fn be_01_a_backend_that_closes_early_is_a_remote_failure() {
    for said in ["", "+OK", "+OK hi\r\n"] {
        let mut backend = Backend::new(|_| ());
        backend.says(said);
        assert!(failed(&backend.pop3.eof(), Failure::Remote), "{said}");
    }
    let busy = Backend::new(|_| ()).says("-ERR [IN-USE] Too many connections\r\n");
    assert!(failed(&busy, Failure::Remote));
}

#[test]
fn w_cred_2_the_password_is_gone_once_queued_and_never_shown() {
    let mut backend = Backend::new(|_| ());
    assert!(!format!("{:?}", backend.pop3).contains("hunter2"));
    backend.says("+OK hi\r\n");
    assert!(!format!("{:?}", backend.pop3).contains("hunter2"));
    backend.says("+OK\r\n");
    assert!(backend.pop3.login.is_none() && backend.pop3.chunks.is_empty());
    let mut backend = Backend::new(|_| ());
    backend.says("+OK hi\r\n");
    assert!(failed(&backend.says("-ERR [IN-USE] who\r\n"), Failure::Limit));
    assert!(backend.pop3.chunks.is_empty(), "W-POP-B4: never sent, wiped");
    assert!(backend.pop3.login.is_none());
    assert_eq!(backend.heard(), "USER tim\r\n");
}

/// GreenMail ends a password at its first space, Courier wants no tab: by PASS, not by AUTH (Courier 5.0, GreenMail 2.1).
#[test]
fn a_password_that_pass_might_not_carry_goes_by_auth_where_there_is_auth() {
    let probing = || {
        let mut backend = Backend::new(|login| login.password = Secret::from(" a b\t"));
        backend.says("+OK hi\r\n");
        assert_eq!(backend.heard(), "AUTH PLAIN\r\n");
        backend
    };
    let mut backend = probing();
    assert!(matches!(backend.says("+ \r\n"), Step::More));
    assert_eq!(backend.heard(), "AHRpbQAgYSBiCQ==\r\n");
    assert!(backend.pop3.login.is_none() && backend.pop3.chunks.is_empty());
    assert!(matches!(backend.says("+OK in\r\n"), Step::Ready(_)));
    let mut backend = probing();
    backend.says("+\r\n");
    assert!(failed(&backend.says("-ERR no\r\n"), Failure::Credentials), "one try, one password");
    let mut old = probing();
    assert!(matches!(old.says("-ERR Invalid command.\r\n"), Step::More));
    assert_eq!(old.heard(), "USER tim\r\n");
    old.says("+OK\r\n");
    assert_eq!(old.heard(), "PASS  a b\t\r\n");
    assert!(old.pop3.login.is_none() && old.pop3.chunks.is_empty());
    assert!(failed(&probing().says("+OK in\r\n"), Failure::Protocol), "without a password");
}

/// No USER among its capabilities: SASL is all that it has.
#[test]
fn a_refused_user_is_asked_about_once() {
    let refused = |change: &dyn Fn(&mut Login), refusal: &str| {
        let mut backend = Backend::new(change);
        backend.says("+OK hi\r\n");
        backend.heard();
        let step = backend.says(refusal);
        (backend, step)
    };
    let list = |capabilities: &str| {
        let (mut backend, step) = refused(&|_| (), "-ERR Use SASL\r\n");
        assert!(matches!(step, Step::More));
        assert_eq!(backend.heard(), "CAPA\r\n");
        let step = backend.says(capabilities);
        let heard = backend.heard();
        (backend, step, heard)
    };
    let (mut backend, _, heard) = list("+OK\r\nTOP\r\nsasl CRAM-MD5 plain LOGIN\r\n.\r\n");
    assert_eq!(heard, "AUTH PLAIN AHRpbQBodW50ZXIy\r\n");
    assert!(backend.pop3.login.is_none());
    assert!(matches!(backend.says("+OK in\r\n"), Step::Ready(_)));
    let (mut backend, _, heard) = list("+OK\r\nSASL LOGIN\r\n.\r\n");
    assert_eq!(heard, "AUTH LOGIN\r\n");
    backend.says("+ VXNlcm5hbWU6\r\n");
    backend.says("+ \r\n");
    assert_eq!(backend.heard(), "dGlt\r\naHVudGVyMg==\r\n");
    assert!(failed(&backend.says("-ERR no\r\n"), Failure::Credentials));

    for list_of in [
        "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n",
        "+OK\r\nTOP\r\n.\r\n",
        "-ERR what\r\n",
        "+OK\r\n.\r\n",
    ] {
        let (backend, step, heard) = list(list_of);
        assert!(failed(&step, Failure::Credentials), "{list_of}: {step:?}");
        assert_eq!((heard.as_str(), backend.pop3.last_line()), ("", "-ERR Use SASL"), "{list_of}");
    }
    let endless = format!("+OK\r\n{}", "X\r\n".repeat(usize::from(BACKEND_LINES_MAX)));
    for bad in [&endless, "+OK\r\nSASL PLAIN\r\n.\r\n+OK in\r\n", "+OK\r\nSASL \0\r\n.\r\n"] {
        let (backend, step, _) = list(bad);
        assert!(failed(&step, Failure::Protocol), "{step:?}");
        assert!(backend.pop3.login.is_none() && backend.pop3.chunks.is_empty());
    }
    let (mut closing, _) = refused(&|_| (), "-ERR [AUTH] who\r\n");
    assert_eq!(closing.heard(), "CAPA\r\n");
    assert!(failed(&closing.pop3.eof(), Failure::Credentials), "it has refused, and closes");
    assert_eq!(closing.pop3.last_line(), "-ERR [AUTH] who");
    let own = |login: &mut Login| login.mech = crate::auth::verdict::BackendMech::Login;
    assert!(failed(&refused(&own, "-ERR\r\n").1, Failure::Credentials), "the operator's word");
    let coded = refused(&|_| (), "-ERR [SYS/TEMP] later\r\n").1;
    assert!(failed(&coded, Failure::BackendTempFail), "it said why");
}

#[test]
fn no_failure_is_without_a_reason() {
    for (said, starttls, before) in [
        ("", false, "its greeting"),
        ("+OK", false, "its greeting"),
        ("+OK hi\r\n", false, "its answer to the login"),
        ("+OK [XCLIENT] hi\r\n", false, "its answer to XCLIENT"),
        ("+OK hi\r\n", true, "its answer to STLS"),
    ] {
        let mut backend = Backend::new(|login| {
            login.starttls = starttls;
            login.send_facts = true;
        });
        backend.says(said);
        assert!(failed(&backend.pop3.eof(), Failure::Remote), "{said}");
        assert_eq!(backend.pop3.last_line(), format!("closed the connection before {before}"));
    }
    for said in ["", "x\r\n", "+OK hi\r\n", &"+".repeat(9000)] {
        for behind in
            ["\r\n", "-ERR\r\n", "+OK\r\n", "+\r\n", "+OK \0\r\n", "+OK a\rb\r\n", "+OK\r\n+OK\r\n"]
        {
            for starttls in [false, true] {
                let mut backend = Backend::new(|login| login.starttls = starttls);
                let step = backend.says(said);
                let step = if matches!(step, Step::More) { backend.says(behind) } else { step };
                let step = if matches!(step, Step::More) { backend.pop3.eof() } else { step };
                let has_reason = !backend.pop3.last_line().is_empty();
                let is_good = matches!(step, Step::Ready(_) | Step::StartTls);
                assert!(has_reason || is_good, "{said:?} {behind:?} {step:?}");
            }
        }
    }
}

#[test]
fn w_pop_b6_an_invitation_comes_once_and_only_to_auth() {
    let waiting = |login: &mut Login| {
        login.mech = crate::auth::verdict::BackendMech::Plain;
        login.password = Secret::from("x".repeat(300).as_str());
    };
    let mut backend = Backend::new(waiting);
    backend.says("+OK hi\r\n");
    assert_eq!(backend.heard(), "AUTH PLAIN\r\n");
    assert!(matches!(backend.says("+\r\n"), Step::More));
    assert!(backend.heard().starts_with("AHRpbQB4"));
    assert!(failed(&backend.says("+ \r\n"), Failure::Protocol));
    let mut backend = Backend::new(waiting);
    backend.says("+OK hi\r\n");
    assert!(failed(&backend.says("+OK in\r\n"), Failure::Protocol), "before the password");
    let mut backend = Backend::new(|_| ());
    backend.says("+OK hi\r\n");
    assert!(failed(&backend.says("+ \r\n"), Failure::Protocol), "USER is no AUTH");
}

#[test]
fn w_btls_2_and_3_the_go_ahead_must_come_alone_and_must_come() {
    for behind in ["x", "+OK\r\n", "\x16\x03\x03"] {
        let mut backend = Backend::new(|login| login.starttls = true);
        backend.says("+OK [XCLIENT] hi\r\n");
        assert_eq!(backend.heard(), "STLS\r\n");
        let step = backend.says(format!("+OK go\r\n{behind}"));
        assert!(failed(&step, Failure::Protocol), "{behind:?}");
    }
    let mut backend = Backend::new(|login| login.starttls = true);
    backend.says("+OK hi\r\n");
    assert!(failed(&backend.says("-ERR what\r\n"), Failure::RemoteConfig));
    let mut backend = Backend::new(|login| {
        login.starttls = true;
        login.send_facts = true;
    });
    backend.says("+OK [XCLIENT] hi\r\n");
    assert!(matches!(backend.says("+OK go\r\n"), Step::StartTls));
    backend.heard();
    backend.pop3.secured(&facts(), &mut backend.heard);
    assert!(backend.heard().starts_with("XCLIENT ADDR="), "W-POP-B2: the flag outlives TLS");
}
