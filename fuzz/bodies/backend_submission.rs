//! Body of the fuzz target `backend_submission`, replayed on stable by `tests/pure/corpus.rs`.

use hale::backend::submission::Submission;
use hale::backend::{Login, Step};
use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PROXY_TTL};
use hale::names::SessionId;
use hale::secret::Secret;
use hale::wire::inbox::Inbox;

/// The first byte chooses the login, the rest is what a backend sends: no panic, the same outcome however it is cut,
/// bounded memory, whole commands of legal length, nothing read behind the end.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let whole = outcome(choice, stream, stream.len().max(1));
    for size in [1, 3, 11, 100] {
        assert_eq!(outcome(choice, stream, size), whole, "in pieces of {size}");
    }
}

/// What went to the backend, and the end with what is left behind it.
fn outcome(choice: u8, stream: &[u8], size: usize) -> (Vec<u8>, String) {
    let flag = |bit: u8| choice & bit != 0;
    let login = Login {
        user: if flag(1) { "t\u{ed}m" } else { "tim" }.into(),
        password: Secret::new(vec![b'p'; if flag(2) { 500 } else { 5 }]),
        master: flag(4).then(|| "root".into()),
        send_facts: flag(8),
        noauth: flag(16),
        helo: flag(32).then(|| "my host=+".into()),
        ..Login::default()
    };
    let (mut submission, mut inbox) = (Submission::new(login), Inbox::new(BACKEND_INPUT_BYTES_MAX));
    let (mut to_backend, mut rest) = (Vec::new(), stream);
    let mut end = "open".to_owned();
    while !rest.is_empty() {
        let taken = inbox.append(rest.get(..size.min(rest.len())).unwrap_or_default());
        assert!(taken > 0, "nothing is complete and there is no room");
        (_, rest) = rest.split_at(taken);
        let step = submission.read(&facts(), &mut inbox, &mut to_backend);
        for command in to_backend.split_inclusive(|&byte| byte == b'\n') {
            // The response of AUTH has a limit of its own.
            let is_short = command.len() <= 512 || !command.contains(&b' ');
            assert!(command.ends_with(b"\r\n") && is_short, "{}", command.escape_ascii());
        }
        if !matches!(step, Step::More) {
            let residue = [inbox.bytes(), rest].concat();
            end = format!("{step:?} {:?} {}", submission.last_line(), residue.escape_ascii());
            break;
        }
    }
    (to_backend, end)
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
