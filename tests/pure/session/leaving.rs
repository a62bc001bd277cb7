//! Clients that leave in the middle of a login, and what the clock tells those who stay.

use hale::fault::Failure;
use hale::names::Protocol;
use hale::session::Session;
use hale::session::input::Input;
use hale::session::output::{Outbox, Wish};
use hale::tick::Tick;

use super::stage::{Scene, refused};

/// Every mechanism of every protocol, as its client says it.
const LOGINS: [(Protocol, &str); 13] = [
    (Protocol::Imap, "a LOGIN tim pw\r\n"),
    (Protocol::Imap, "a LOGIN {3}\r\ntim {2+}\r\npw\r\n"),
    (Protocol::Imap, "a AUTHENTICATE PLAIN AHRpbQBwdw==\r\n"),
    (Protocol::Imap, "a AUTHENTICATE PLAIN\r\nAHRpbQBwdw==\r\n"),
    (Protocol::Imap, "a AUTHENTICATE LOGIN\r\ndGlt\r\ncHc=\r\n"),
    (Protocol::Pop3, "USER tim\r\nPASS pw\r\n"),
    (Protocol::Pop3, "AUTH PLAIN\r\nAHRpbQBwdw==\r\n"),
    (Protocol::Pop3, "AUTH LOGIN\r\ndGlt\r\ncHc=\r\n"),
    (Protocol::Sieve, "AUTHENTICATE \"PLAIN\" \"AHRpbQBwdw==\"\r\n"),
    (Protocol::Sieve, "AUTHENTICATE \"PLAIN\"\r\n{12+}\r\nAHRpbQBwdw==\r\n"),
    (Protocol::Sieve, "AUTHENTICATE \"LOGIN\"\r\n\"dGlt\"\r\n\"cHc=\"\r\n"),
    (Protocol::Submission, "EHLO a\r\nAUTH PLAIN\r\nAHRpbQBwdw==\r\n"),
    (Protocol::Submission, "EHLO a\r\nAUTH LOGIN\r\ndGlt\r\ncHc=\r\n"),
];

/// A session, and what it wished for.
struct Run {
    session: Session,
    outbox: Outbox,
    asked: u32,
    closed: u32,
}

impl Run {
    fn new(protocol: Protocol) -> Self {
        let session = Scene { protocol: Some(protocol), ..Scene::default() }.session();
        let mut run = Self { session, outbox: Outbox::new(), asked: 0, closed: 0 };
        run.input(Tick(0), Input::Begin);
        run.outbox.to_client.clear();
        run
    }

    fn input(&mut self, now: Tick, input: Input<'_>) {
        self.session.on(now, input, &mut self.outbox);
        for wish in self.outbox.take_wishes() {
            self.asked += u32::from(matches!(wish, Wish::Authenticate(_)));
            self.closed += u32::from(matches!(wish, Wish::Close));
        }
    }

    /// Lets time pass until the refusal that is held back is told. When was that?
    fn wait_for_the_refusal(&mut self, mut now: Tick) -> Tick {
        while self.session.stage() == "delay" {
            now = self.session.deadline().unwrap();
            self.input(now, Input::Deadline);
        }
        now
    }
}

#[test]
fn sa_22_a_client_that_leaves_at_any_byte_of_any_login_is_over() {
    for (protocol, login) in LOGINS {
        for cut in 0..=login.len() {
            let mut run = Run::new(protocol);
            run.input(Tick(0), Input::Client(&login.as_bytes()[..cut]));
            run.input(Tick(0), Input::ClientEnd);
            let about = format!("{protocol:?} {:?}", &login[..cut]);
            assert_eq!(run.asked, u32::from(cut == login.len()), "{about}");
            if run.asked == 1 {
                // It may have sent no more than its FIN: the reply still goes out (IM-15).
                assert_eq!(run.closed, 0, "{about}");
                let answer = refused(Failure::Credentials, None);
                run.input(Tick(1), Input::Verdict { answer, earlier_failures: 0 });
                run.wait_for_the_refusal(Tick(1));
            }
            assert_eq!((run.session.stage(), run.closed), ("over", 1), "{about}");
            assert_eq!((run.session.deadline(), run.session.client_room()), (None, 0), "{about}");
        }
    }
}

#[test]
fn sa_19_a_refusal_says_the_same_at_the_same_time_whatever_it_took() {
    let told = |login: &str, verdict_at: u64| {
        let mut run = Run::new(Protocol::Imap);
        run.input(Tick(0), Input::Client(login.as_bytes()));
        if run.asked == 1 {
            let answer = refused(Failure::Credentials, None);
            run.input(Tick(verdict_at), Input::Verdict { answer, earlier_failures: 0 });
        }
        let at = run.wait_for_the_refusal(Tick(verdict_at));
        assert_eq!(run.session.stage(), "pre-login");
        (at, std::mem::take(&mut run.outbox.to_client))
    };
    let usual = told("a LOGIN tim wrong\r\n", 300);
    assert!(usual.1.starts_with(b"a NO [AUTHENTICATIONFAILED]"));
    // A user who is not there costs no hash, an empty password no database.
    for verdict_at in [0, 1, 700, 1_999] {
        for login in ["a LOGIN tim wrong\r\n", "a LOGIN nobody wrong\r\n", "a LOGIN tim \"\"\r\n"] {
            assert_eq!(told(login, verdict_at), usual, "{login:?} after {verdict_at} ms");
        }
    }
}
