//! Body of the fuzz target `preauth_submission`, replayed on stable by `tests/pure/corpus.rs`.

use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits::{
    FAILED_LOGINS_MAX, PRE_LOGIN_INPUT_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX, PROXY_TTL,
};
use hale::names::SessionId;
use hale::preauth::Step;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::Mechanism;
use hale::preauth::submission::Submission;
use hale::wire::inbox::Inbox;

/// The first byte chooses the listener's rules, the rest is what a client sends: no panic, the same dialogue however it
/// is cut, bounded memory and output, one reply for each login.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let whole = heard(choice, stream.chunks(stream.len().max(1)));
    for size in [1, 2, 7, 64, 4096] {
        assert_eq!(heard(choice, stream.chunks(size)), whole, "in pieces of {size}");
    }
}

/// All that a client hears, and what others are asked.
fn heard<'a>(choice: u8, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<String>) {
    let mut rules = Rules { plaintext_allowed: choice & 1 == 0, ..Rules::default() };
    if choice & 4 != 0 {
        rules.mechanisms = rules.mechanisms.with(Mechanism::External);
    }
    let mut facts = facts(choice & 2 != 0);
    let (mut submission, mut inbox) = (Submission::new(), Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX));
    let (mut heard, mut asked) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        while !piece.is_empty() {
            let (_, behind) = piece.split_at(inbox.append(piece));
            piece = behind;
            loop {
                let mut out = Vec::new();
                let step = submission.read(&rules, &mut facts, &mut inbox, &mut out);
                assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + 1024, "{} bytes", out.len());
                assert!(inbox.heap_bytes() <= PRE_LOGIN_INPUT_BYTES_MAX);
                let goes_on = out.len() >= PRE_LOGIN_OUTPUT_BYTES_MAX;
                heard.append(&mut out);
                let failure = match step {
                    Step::More if goes_on => continue,
                    Step::More | Step::Answer(_) => break,
                    Step::Login(credentials) => {
                        let password = credentials.password.expose();
                        asked.push(format!("{credentials:?} {}", password.escape_ascii()));
                        Failure::Credentials
                    }
                    Step::Hopeless(_) => Failure::Credentials,
                    Step::StartTls => {
                        asked.push("starttls".to_owned());
                        submission.secured(&rules, &mut heard);
                        continue;
                    }
                    Step::Close(reason) => {
                        assert_replies(&heard);
                        asked.push(format!("{reason:?} {:?}", submission.notes()));
                        return (heard, asked);
                    }
                };
                let before = heard.len();
                let after = submission.refuse(failure, None, &mut heard);
                assert!(heard.len() > before, "a login without a reply");
                assert!(submission.notes().failed_logins <= FAILED_LOGINS_MAX);
                if let Step::Close(reason) = after {
                    asked.push(format!("{reason:?} {:?}", submission.notes()));
                    return (heard, asked);
                }
            }
            assert!(inbox.room() > 0, "nothing is complete and there is no room");
        }
    }
    assert_replies(&heard);
    asked.push(format!("{:?} {:?} {facts:?}", submission.helo(), submission.notes()));
    (heard, asked)
}

/// Everything said is a reply: code, separator, and CRLF at the end of each line and nowhere else.
fn assert_replies(heard: &[u8]) {
    for line in heard.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or_default();
        let is_reply = matches!(text, [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9', b' ' | b'-', ..]);
        assert!(is_reply && !text.contains(&b'\r'), "{}", line.escape_ascii());
    }
}

fn facts(trusted: bool) -> ClientFacts {
    let client = ([192, 0, 2, 7], 4711).into();
    ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 587).into(),
        local_name: None,
        session_id: SessionId::from_bytes([7; 16]),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted,
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    }
}
