//! The dialogues of any protocol, fed with any bytes cut anywhere: what the properties compare.

use hale::auth::verdict::BackendMech;
use hale::backend::{self, Login};
use hale::fault::Failure;
use hale::limits::{
    BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use hale::names::Protocol;
use hale::preauth::capability::Rules;
use hale::preauth::{self, Step};
use hale::secret::Secret;
use hale::wire::inbox::Inbox;

use crate::client_facts;

/// What one command may add to the output behind its limit: the longest list, or NOOP's tag in ManageSieve.
const ONE_REPLY_BYTES_MAX: usize = 1536;

/// Everything a client sees, and what was asked of others, when it sends `input` cut into these pieces.
pub(crate) fn client_run(
    protocol: Protocol,
    input: &[u8],
    cuts: &[usize],
    rules: &Rules,
    trusted: bool,
) -> (Vec<u8>, Vec<String>) {
    let mut facts = client_facts(trusted);
    let mut dialogue = preauth::Dialogue::new(protocol);
    let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let (mut seen, mut events, mut rest) = (Vec::new(), Vec::new(), input);
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let piece = cuts.next().map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
        let taken = inbox.append(&rest[..piece]);
        assert!(taken > 0, "no progress: the inbox is full and nothing is complete");
        rest = &rest[taken..];
        loop {
            let mut out = Vec::new();
            let step = dialogue.read(rules, &mut facts, &mut inbox, &mut out);
            assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + ONE_REPLY_BYTES_MAX, "{}", out.len());
            let full = out.len() >= PRE_LOGIN_OUTPUT_BYTES_MAX;
            seen.append(&mut out);
            let refused = match step {
                Step::More if full => continue,
                Step::More | Step::Answer(_) => break,
                Step::Login(credentials) => {
                    events.push(format!("{credentials:?} {:?}", credentials.password.expose()));
                    Failure::Credentials
                }
                Step::Hopeless(unusable) => {
                    events.push(format!("{unusable:?}"));
                    Failure::Credentials
                }
                Step::StartTls => {
                    events.push("starttls".to_owned());
                    dialogue.secured(rules, &mut seen);
                    continue;
                }
                Step::Close(reason) => {
                    events.push(format!("{reason:?} {:?}", dialogue.notes()));
                    return (seen, events);
                }
            };
            let before = seen.len();
            dialogue.refuse(refused, None, &mut seen);
            assert!(seen.len() > before, "a login without a reply");
            assert!(inbox.heap_bytes() <= PRE_LOGIN_INPUT_BYTES_MAX);
        }
    }
    let told = (dialogue.client_id(), dialogue.helo());
    events.push(format!("{:?} {told:?} {facts:?}", dialogue.notes()));
    (seen, events)
}

/// How a backend's bytes reach us.
#[derive(Clone, Copy)]
pub(crate) enum Arrival<'a> {
    /// Cut anywhere.
    Cut(&'a [usize]),
    /// The same, but no piece holds more than one line: where replies have no tags, one that is there before its
    /// command was sent is an error, so what comes together matters.
    CutInLines(&'a [usize]),
}

/// What the backend and the client see, with what is left for the relay, and how it ends.
pub(crate) fn backend_run(
    protocol: Protocol,
    input: &[u8],
    arrival: Arrival<'_>,
) -> (Vec<u8>, Vec<u8>, String) {
    let login = Login {
        user: "t\u{ed}m".into(),
        password: Secret::from("p\u{e4}"),
        send_facts: true,
        ..Login::default()
    };
    let mut dialogue = backend::Dialogue::new(protocol, login);
    let mut inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    let (mut to_backend, mut to_client, mut rest) = (Vec::new(), Vec::new(), input);
    let (Arrival::Cut(cuts) | Arrival::CutInLines(cuts)) = arrival;
    let mut cuts = cuts.iter().cycle();
    let mut end = String::new();
    while !rest.is_empty() {
        let most = match arrival {
            Arrival::Cut(_) => rest.len(),
            Arrival::CutInLines(_) => {
                rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1)
            }
        };
        let piece = cuts.next().map_or(most, |&cut| cut.clamp(1, most));
        let taken = inbox.append(&rest[..piece]);
        assert!(taken > 0, "no progress");
        rest = &rest[taken..];
        let facts = client_facts(false);
        let step = dialogue.read(&facts, &mut inbox, &mut to_backend, &mut to_client);
        if !matches!(step, backend::Step::More) {
            end = format!("{step:?}");
            break;
        }
    }
    // What is left behind a failure is not read.
    let is_ready = end.starts_with("Ready");
    let residue = if is_ready { [inbox.bytes(), rest].concat() } else { Vec::new() };
    (to_backend, [to_client, residue].concat(), end)
}

/// How our backend side fared at our client side, which stands for the backend.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The credentials that arrived, or `Err` when they arrived but are of no use.
    pub(crate) received: Option<Result<preauth::Credentials, ()>>,
    /// How our backend side ended, if it did.
    pub(crate) outcome: Option<Failure>,
    /// What arrived of the client.
    pub(crate) facts: hale::facts::ClientFacts,
    /// What the client calls itself, as it arrived.
    pub(crate) helo: Option<String>,
    /// What could not be told.
    pub(crate) left_out: u16,
}

/// Joins both sides of a protocol. Our client side greets a peer that it trusts.
pub(crate) fn log_in_at_ourselves(
    protocol: Protocol,
    login: Login,
    known: &hale::facts::ClientFacts,
) -> Visit {
    let rules = Rules::default();
    let mut theirs = preauth::Dialogue::new(protocol);
    let mut ours = backend::Dialogue::new(protocol, login);
    let mut at_them = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let mut at_us = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    let mut facts = client_facts(true);
    let mut to_us = Vec::new();
    theirs.greet(&rules, &facts, &mut to_us);
    let (mut received, mut outcome) = (None, None);
    for _ in 0..10 {
        at_us.append(&std::mem::take(&mut to_us));
        let (mut to_them, mut to_client) = (Vec::new(), Vec::new());
        if let backend::Step::Failed(failure, _) =
            ours.read(known, &mut at_us, &mut to_them, &mut to_client)
        {
            outcome = Some(failure);
        }
        assert_eq!(at_them.append(&to_them), to_them.len());
        match theirs.read(&rules, &mut facts, &mut at_them, &mut to_us) {
            Step::Login(credentials) => received = Some(Ok(credentials)),
            Step::Hopeless(_) => received = Some(Err(())),
            Step::More | Step::Answer(_) | Step::StartTls | Step::Close(_) => {}
        }
        if received.is_some() {
            assert!(at_them.is_empty(), "something follows the login");
        }
        assert_eq!(theirs.notes().bad_commands, 0, "a malformed command");
        if received.is_some() || outcome.is_some() {
            break;
        }
    }
    let (helo, left_out) = (theirs.helo().map(str::to_owned), ours.dropped_pairs());
    Visit { received, outcome, facts, helo, left_out }
}

/// Whether credentials hold what ends a line in every protocol; such are never sent.
pub(crate) fn breaks_a_line(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// A login with these credentials and all facts.
pub(crate) fn login_with(user: &str, password: &[u8], master: Option<&str>, plain: bool) -> Login {
    Login {
        user: user.into(),
        password: Secret::new(password.to_vec()),
        master: master.map(Into::into),
        mech: if plain { BackendMech::Plain } else { BackendMech::Auto },
        send_facts: true,
        ..Login::default()
    }
}
