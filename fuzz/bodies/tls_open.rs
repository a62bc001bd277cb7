//! Body of the fuzz target `tls_open`, replayed on stable by `tests/appliance`: bytes where a TLS record should be.

use hale::limits::{TLS_HANDSHAKE_BYTES_MAX, TLS_HOT_READ_BYTES, TLS_RECORD_BYTES_MAX};
use hale::names::Protocol;
use hale::tls::{
    Asked, Backends, Engine, OlderForms, Oldest, Servers, ServersBuilder, TicketKeys, Trust,
};

/// Any bytes for either side, whole and in pieces: no panic, nothing is readable before the handshake is done, and whatever
/// is kept or said is bounded.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let size = [stream.len().max(1), 1, 5, 1460][usize::from(choice >> 1) % 4];
    let mut said = Vec::new();
    let engine = if choice & 1 == 0 {
        Engine::server(&servers(), Protocol::Imap, Asked::No)
    } else {
        let trust =
            Trust::new(CERTIFICATE.as_bytes(), OlderForms::Accepted).expect("our own certificate");
        Engine::client(&Backends::new(&trust), "mail.example.org", choice & 8 != 0, &mut said).ok()
    };
    let mut engine = engine.expect("an engine");
    let mut buffer = vec![0; TLS_HOT_READ_BYTES + TLS_RECORD_BYTES_MAX];
    for piece in stream.chunks(size) {
        let start = engine.lay_stash(&mut buffer);
        assert!(start <= TLS_HANDSHAKE_BYTES_MAX);
        let end = start + piece.len().min(buffer.len() - start);
        buffer[start..end].copy_from_slice(&piece[..end - start]);
        let mut plain = Vec::new();
        let outcome = engine.open(&mut buffer[..end], &mut plain, &mut said);
        assert!(plain.is_empty(), "read before the handshake was done");
        assert!(said.len() <= TLS_HANDSHAKE_BYTES_MAX, "{} bytes", said.len());
        if outcome.is_err() || engine.is_closed() {
            return;
        }
    }
}

fn servers() -> Servers {
    use std::sync::OnceLock;
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS
        .get_or_init(|| {
            let identity = hale::tls::Identity::new(
                CERTIFICATE.as_bytes(),
                KEY.as_bytes(),
                None,
                1_795_000_000,
            );
            let mut builder = ServersBuilder::default();
            builder.default_identity(&identity.expect("our own certificate"));
            let tickets = TicketKeys::new().expect("random numbers");
            builder.build(Oldest::Tls12, &tickets).expect("a configuration")
        })
        .clone()
}

// Valid for centuries, for tests only.
const CERTIFICATE: &str = include_str!("tls_open.cert.pem");
const KEY: &str = include_str!("tls_open.key.pem");
