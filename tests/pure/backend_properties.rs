//! What holds for the backend's side of every protocol, whatever a backend says: no failure is without a reason, and
//! nothing that is said in clear where TLS begins reaches a client or decides anything.

use hale::auth::verdict::BackendMech;
use hale::backend::{Dialogue, Login, Step};
use hale::limits::{BACKEND_INPUT_BYTES_MAX, LOGGED_LINE_BYTES_MAX};
use hale::names::Protocol;
use hale::secret::Secret;
use hale::wire::inbox::Inbox;
use proptest::prelude::*;

use crate::client_facts;

/// Greeting with an offer of STARTTLS, the go-ahead, and what a backend says of itself behind TLS up to its success.
struct Script {
    protocol: Protocol,
    offer: &'static str,
    go_ahead: &'static str,
    inside: &'static [&'static str],
}

const SCRIPTS: [Script; 4] = [
    Script {
        protocol: Protocol::Imap,
        offer: "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        go_ahead: "S OK go\r\n",
        inside: &["* CAPABILITY IMAP4rev1\r\nC OK\r\n", "L OK in\r\n"],
    },
    Script {
        protocol: Protocol::Pop3,
        offer: "+OK hi\r\n",
        go_ahead: "+OK go\r\n",
        inside: &["+OK\r\n", "+OK in\r\n"],
    },
    Script {
        protocol: Protocol::Sieve,
        offer: "\"STARTTLS\"\r\nOK\r\n",
        go_ahead: "OK go\r\n",
        inside: &["\"SASL\" \"PLAIN\"\r\nOK\r\n", "OK \"in\"\r\n"],
    },
    Script {
        protocol: Protocol::Submission,
        offer: "220 hi\r\n250-x\r\n250 STARTTLS\r\n",
        go_ahead: "220 go\r\n",
        inside: &["250-x\r\n250 AUTH PLAIN\r\n", "235 in\r\n"],
    },
];

/// Lines that would tell a client something, send it elsewhere, or change what is believed of the backend.
const WORDS: &[&str] = &[
    "* NO [ALERT] wire\r\n",
    "* OK [ALERT] wire\r\n",
    "* BAD wire\r\n",
    "* 17 EXISTS\r\n",
    "* 1 FETCH (BODY[] {4}\r\nwire)\r\n",
    "* LIST () \"/\" {6}\r\nwire\r\n\r\n",
    "* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED X-WIRE\r\n",
    "* OK [CAPABILITY IMAP4rev1 X-WIRE] x\r\n",
    "* ID (\"wire\" {3}\r\nabc)\r\n",
    "* BYE wire\r\n",
    "S NO [ALERT] wire\r\n",
    "L OK [CAPABILITY X-WIRE] wire\r\n",
    "L NO [REFERRAL imap://wire/] x\r\n",
    "BYE (REFERRAL \"sieve://u@wire\") \"wire\"\r\n",
    "NO (LIMIT) \"wire\"\r\n",
    "OK \"wire\"\r\n",
    "\"SASL\" \"PLAIN\"\r\n",
    "-ERR [IN-USE] wire\r\n",
    "-ERR [REFERRAL/u@wire] x\r\n",
    "+OK [XCLIENT] wire\r\n",
    "+ \r\n",
    "454 4.7.0 wire\r\n",
    "550 5.2.900 u@wire:587 Referral\r\n",
    "235 wire\r\n",
    "250-AUTH PLAIN\r\n",
    "\r\n",
    "\0",
    "\r",
];

fn login(starttls: bool) -> Login {
    Login { user: "tim".into(), password: Secret::from("pw"), starttls, ..Login::default() }
}

/// A dialogue and the backend's side of its connection.
struct Visit {
    dialogue: Dialogue,
    inbox: Inbox,
    to_client: Vec<u8>,
}

impl Visit {
    fn new(protocol: Protocol, login: Login) -> Self {
        let dialogue = Dialogue::new(protocol, login);
        Self { dialogue, inbox: Inbox::new(BACKEND_INPUT_BYTES_MAX), to_client: Vec::new() }
    }

    /// In pieces that hold one line at most, as where replies have no tags.
    fn hear(&mut self, said: &[u8]) -> Step {
        for line in said.split_inclusive(|&byte| byte == b'\n') {
            for piece in line.chunks(4096) {
                self.inbox.append(piece);
                let mut to_backend = Vec::new();
                let facts = client_facts(false);
                let step = self.dialogue.read(
                    &facts,
                    &mut self.inbox,
                    &mut to_backend,
                    &mut self.to_client,
                );
                if !matches!(step, Step::More) {
                    return step;
                }
            }
        }
        Step::More
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// W-BTLS-4.
    #[test]
    fn w_btls_4_words_in_clear_reach_nobody_and_decide_nothing(
        script in 0_usize..4,
        before in prop::collection::vec(prop::sample::select(WORDS), 0..4),
        greeted: bool,
    ) {
        let script = &SCRIPTS[script];
        let mut visit = Visit::new(script.protocol, login(true));
        let offer = if greeted { script.offer } else { "" };
        let said = [offer, &before.concat(), script.go_ahead].concat();
        match visit.hear(said.as_bytes()) {
            Step::StartTls => {}
            Step::Failed(_, text) => {
                prop_assert!(text.is_none(), "words in clear for the client");
                prop_assert!(visit.to_client.is_empty() && !visit.dialogue.last_line().is_empty());
                return Ok(());
            }
            Step::More => {
                prop_assert!(visit.to_client.is_empty());
                return Ok(());
            }
            decided => prop_assert!(false, "decided in clear: {:?}", decided),
        }
        // A go-ahead that came before all this was said is followed by words in clear, which the session never reads.
        prop_assume!(visit.inbox.is_empty());
        visit.dialogue.secured(&client_facts(false), &mut Vec::new());
        let mut ready = None;
        for said in script.inside {
            if let Step::Ready(ok) = visit.hear(said.as_bytes()) {
                ready = Some(ok);
            }
        }
        let ok = ready.expect("the login works");
        prop_assert!(visit.to_client.is_empty() && ok.capabilities.is_empty(), "{:?}", ok);
        prop_assert!(!ok.text.windows(4).any(|part| part == b"wire"));
    }

    #[test]
    fn no_failure_is_without_a_reason(
        script in 0_usize..4,
        said in prop::collection::vec(prop::sample::select(WORDS), 0..8),
        greeted: bool,
        starttls: bool,
        noise in prop::collection::vec(any::<u8>(), 0..40),
        mech in prop::sample::select(vec![BackendMech::Auto, BackendMech::Login, BackendMech::Plain]),
        user in prop_oneof!["tim", "t\u{ed}m", "a\nb", ""],
    ) {
        let script = &SCRIPTS[script];
        let login = Login { mech, user: user.into(), ..login(starttls) };
        let mut visit = Visit::new(script.protocol, login);
        let offer = if greeted { script.offer } else { "" };
        let said = [offer.as_bytes(), said.concat().as_bytes(), &noise].concat();
        let step = match visit.hear(&said) {
            Step::More => visit.dialogue.eof(),
            step => step,
        };
        if let Step::Failed(..) = step {
            let reason = visit.dialogue.last_line();
            prop_assert!(!reason.trim().is_empty());
            prop_assert!(reason.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{}", reason);
            prop_assert!(reason.len() <= 2 * LOGGED_LINE_BYTES_MAX, "{}", reason);
        }
    }
}
