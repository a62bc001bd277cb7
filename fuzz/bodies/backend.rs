//! Body of the fuzz targets `backend_imap`, `backend_pop3` and `backend_sieve`, replayed on stable by
//! `tests/pure/corpus.rs`.

use hale::auth::verdict::BackendMech;
use hale::backend::{Dialogue, Login, Proof, Step};
use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::limits::{BACKEND_INPUT_BYTES_MAX, BACKEND_UNTAGGED_BYTES_MAX, PROXY_TTL};
use hale::names::mechanism::Mechanism;
use hale::names::{Protocol, SessionId};
use hale::secret::Secret;
use hale::wire::inbox::Inbox;

/// The first byte chooses the login, the rest is what a backend sends: no panic, the same outcome however it is cut,
/// bounded memory and output, nothing read behind the end, whole lines for the client.
pub(crate) fn run(protocol: Protocol, input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let whole = outcome(protocol, choice, stream, stream.len().max(1));
    for size in [1, 3, 11, 100] {
        let cut = outcome(protocol, choice, stream, size);
        // What comes in clear behind the go-ahead for TLS is seen if it comes with it, and then it is refused (W-BTLS-2).
        if cut.begins_tls == whole.begins_tls {
            assert_eq!(cut, whole, "in pieces of {size}");
        } else {
            let refused = if cut.begins_tls { &whole } else { &cut };
            assert!(refused.end.starts_with("Failed(Protocol"), "in pieces of {size}: {refused:?}");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    to_backend: Vec<u8>,
    to_client: Vec<u8>,
    /// With what is left behind it.
    end: String,
    begins_tls: bool,
}

fn outcome(protocol: Protocol, choice: u8, stream: &[u8], size: usize) -> Outcome {
    let flag = |bit: u8| choice & bit != 0;
    let login = Login {
        user: if flag(1) { "t\u{ed}m" } else { "tim" }.into(),
        password: Secret::from(match (flag(1), flag(128)) {
            (true, _) => "p\u{e4}ss\\\"",
            (_, true) => "p\tw",
            _ => "p w",
        }),
        master: flag(2).then(|| "root".into()),
        mech: match (flag(4), flag(64)) {
            (true, _) => BackendMech::Plain,
            (_, true) => BackendMech::Login,
            _ => BackendMech::Auto,
        },
        nopipelining: flag(8),
        send_facts: flag(16),
        starttls: flag(32),
        proof: match (flag(2), flag(4), flag(8)) {
            (true, true, true) => Proof::Led(Mechanism::ScramSha256),
            (true, true, false) => Proof::Token,
            _ => Proof::Password,
        },
        ..Login::default()
    };
    let (mut dialogue, mut inbox) =
        (Dialogue::new(protocol, login), Inbox::new(BACKEND_INPUT_BYTES_MAX));
    let (mut to_backend, mut to_client, mut rest) = (Vec::new(), Vec::new(), stream);
    let (mut end, mut begins_tls) = ("open".to_owned(), false);
    while !rest.is_empty() {
        let taken = inbox.append(piece(protocol, rest, size));
        assert!(taken > 0, "nothing is complete and there is no room");
        (_, rest) = rest.split_at(taken);
        let mut step = dialogue.read(&facts(), &mut inbox, &mut to_backend, &mut to_client);
        // A client answers at once, and the same.
        while matches!(step, Step::Challenge(_)) {
            dialogue.answer(&Secret::from("answer"), &mut to_backend);
            step = dialogue.read(&facts(), &mut inbox, &mut to_backend, &mut to_client);
        }
        if matches!(step, Step::StartTls) {
            begins_tls = true;
            assert!(inbox.is_empty(), "what is behind the go-ahead is no TLS");
            step = dialogue.secured(&facts(), &mut to_backend);
        }
        assert!(to_client.len() <= BACKEND_UNTAGGED_BYTES_MAX, "{} bytes", to_client.len());
        assert!(to_client.is_empty() || to_client.ends_with(b"\r\n"), "half a line");
        assert!(to_backend.is_empty() || to_backend.ends_with(b"\r\n"), "half a command");
        if !matches!(step, Step::More) {
            assert!(
                !dialogue.last_line().is_empty() || !matches!(step, Step::Failed(..)),
                "no reason"
            );
            // What is left behind a failure is not read.
            let is_ready = matches!(step, Step::Ready(_));
            let residue = if is_ready { [inbox.bytes(), rest].concat() } else { Vec::new() };
            end = format!("{step:?} {}", residue.escape_ascii());
            break;
        }
    }
    Outcome { to_backend, to_client, end, begins_tls }
}

/// The next bytes of the backend. Where replies have no tags a piece holds one line at most: two that come together are
/// no replies to two commands.
fn piece(protocol: Protocol, rest: &[u8], size: usize) -> &[u8] {
    let line = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
    let most = if protocol == Protocol::Imap { rest.len() } else { line };
    rest.get(..size.min(most)).unwrap_or_default()
}

fn facts() -> ClientFacts {
    let client = ([192, 0, 2, 7], 4711).into();
    ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 143).into(),
        local_name: Some("mail.example".into()),
        session_id: SessionId::from_bytes([7; 16]),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted: false,
        certificate: ClientCertificate::NONE,
        forward: vec![("k".into(), "v".into())],
    }
}
