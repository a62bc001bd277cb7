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
    assert!(failed(&backend.says("-ERR who\r\n"), Failure::Credentials));
    assert!(backend.pop3.chunks.is_empty(), "W-POP-B4: never sent, wiped");
    assert_eq!(backend.heard(), "USER tim\r\n");
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
