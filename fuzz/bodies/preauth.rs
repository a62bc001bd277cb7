//! Body of the fuzz targets `preauth_imap`, `preauth_pop3` and `preauth_sieve`, replayed on stable by
//! `tests/pure/corpus.rs`.

use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits::{
    FAILED_LOGINS_MAX, PRE_LOGIN_INPUT_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX, PROXY_TTL,
};
use hale::names::{Protocol, SessionId};
use hale::preauth::capability::Rules;
use hale::preauth::sasl::Mechanism;
use hale::preauth::{Dialogue, Step};
use hale::wire::inbox::Inbox;

/// The first byte chooses the listener's rules, the rest is what a client sends: no panic, the same dialogue however it
/// is cut, bounded memory and output, one reply for each login.
pub(crate) fn run(protocol: Protocol, input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let whole = heard(protocol, choice, stream.chunks(stream.len().max(1)));
    for size in [1, 2, 7, 64, 4096] {
        assert_eq!(heard(protocol, choice, stream.chunks(size)), whole, "in pieces of {size}");
    }
}

/// What one command may add to the output behind its limit: the longest list, or NOOP's tag in ManageSieve.
const ONE_REPLY_BYTES_MAX: usize = 1536;

/// All that a client hears, and what others are asked.
fn heard<'a>(
    protocol: Protocol,
    choice: u8,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, Vec<String>) {
    let mut rules = Rules { plaintext_allowed: choice & 1 == 0, ..Rules::default() };
    if choice & 4 != 0 {
        rules.mechanisms = Mechanism::ALL.into_iter().collect();
    }
    let mut facts = facts(choice & 2 != 0);
    let (mut dialogue, mut inbox) =
        (Dialogue::new(protocol), Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX));
    let (mut heard, mut asked) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        while !piece.is_empty() {
            let (_, behind) = piece.split_at(inbox.append(piece));
            piece = behind;
            loop {
                let mut out = Vec::new();
                let step = dialogue.read(&rules, &mut facts, &mut inbox, &mut out);
                assert!(
                    out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + ONE_REPLY_BYTES_MAX,
                    "{} bytes",
                    out.len()
                );
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
                        dialogue.secured(&rules, &mut heard);
                        continue;
                    }
                    Step::Close(reason) => {
                        asked.push(format!("{reason:?} {:?}", dialogue.notes()));
                        return (heard, asked);
                    }
                };
                let before = heard.len();
                let after = dialogue.refuse(failure, None, &mut heard);
                assert!(heard.len() > before, "a login without a reply");
                assert!(dialogue.notes().failed_logins <= FAILED_LOGINS_MAX);
                if let Step::Close(reason) = after {
                    asked.push(format!("{reason:?} {:?}", dialogue.notes()));
                    return (heard, asked);
                }
            }
            assert!(inbox.room() > 0, "nothing is complete and there is no room");
        }
    }
    (heard, asked)
}

fn facts(trusted: bool) -> ClientFacts {
    let client = ([192, 0, 2, 7], 4711).into();
    ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 143).into(),
        local_name: None,
        session_id: SessionId::from_bytes([7; 16]),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted,
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    }
}
