//! TLS of the simulated LMTP peers: when it begins, and the layer between what they say and the wire.
//!
//! The library draws its own random numbers, so what is on the wire differs from run to run; how much of it there is does
//! not (Ed25519 signs with as many bytes each time, and the certificate is always as long), which is all that a seed's
//! course depends on.

use std::sync::{Arc, OnceLock};

use hale::auth::verdict::{BackendTls, Certificate};
use hale::limits;
use hale::names::Protocol;
use hale::tls::{
    Asked, Backends, Context, Engine, Identity, Oldest, Servers, ServersBuilder, TicketKeys, Trust,
};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber, date_time_ymd};

/// How a peer's connections come to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    Never,
    Starttls,
    AtOnce,
}

/// How far a dialogue has come towards TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// It has what it needs, if only nothing.
    Enough,
    /// It has to begin by STARTTLS.
    Wanted,
    /// Both sides have agreed.
    Agreed,
}

impl Security {
    pub(super) fn at_first(begins: Begins) -> Self {
        if begins == Begins::Starttls { Self::Wanted } else { Self::Enough }
    }
}

/// How both sides of LMTP do it in one simulation, and what with.
#[derive(Clone, Debug)]
pub(super) struct MailTls {
    pub(super) senders: Begins,
    pub(super) mailboxes: Begins,
    servers: Servers,
    /// The senders' side.
    backends: Arc<Backends>,
}

impl MailTls {
    pub(super) fn new(senders: Begins, mailboxes: Begins) -> Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        let servers = SERVERS.get_or_init(servers).clone();
        let backends = Arc::new(Backends::new(&Trust::default()));
        Self { senders, mailboxes, servers, backends }
    }

    /// What the core is told of it.
    pub(super) fn context(&self) -> Context {
        Context { servers: Some(self.servers.clone()), trust: Trust::default() }
    }

    pub(super) fn proxy_ssl(&self) -> BackendTls {
        match self.mailboxes {
            Begins::Never => BackendTls::Off,
            Begins::Starttls => BackendTls::Starttls(Certificate::Any),
            Begins::AtOnce => BackendTls::Implicit(Certificate::Any),
        }
    }

    /// A sender's side; `wire`: what has to leave in clear before it.
    pub(super) fn client(&self, mut wire: Vec<u8>) -> Layer {
        let engine = Engine::client(&self.backends, "core.example", true, &mut wire).unwrap();
        Layer { engine, wire }
    }

    /// A mailbox's side.
    pub(super) fn server(&self, wire: Vec<u8>) -> Layer {
        Layer { engine: Engine::server(&self.servers, Protocol::Lmtp, Asked::No).unwrap(), wire }
    }
}

fn servers() -> Servers {
    let mut params = CertificateParams::new(vec!["core.example".to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(1_u64));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(4000, 1, 1);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let identity =
        Identity::new(pem.as_bytes(), key.serialize_pem().as_bytes(), None, 1_795_000_000);
    let mut servers = ServersBuilder::default();
    servers.default_identity(&identity.unwrap());
    servers.build(Oldest::Tls12, &TicketKeys::new().unwrap()).unwrap()
}

/// One peer's TLS session.
#[derive(Debug)]
pub(super) struct Layer {
    engine: Engine,
    /// Sealed, and not sent yet.
    pub(super) wire: Vec<u8>,
}

impl Layer {
    /// Opens what came; plain bytes go to `inbox`. What the core seals is whole and in order, or it is wrong.
    pub(super) fn open(&mut self, bytes: &[u8], inbox: &mut Vec<u8>) {
        for piece in bytes.chunks(limits::TLS_RECORD_BYTES_MAX) {
            let mut buffer = vec![0; limits::TLS_RECORD_BYTES_MAX + piece.len()];
            let start = self.engine.lay_stash(&mut buffer);
            buffer[start..start + piece.len()].copy_from_slice(piece);
            let opened =
                self.engine.open(&mut buffer[..start + piece.len()], inbox, &mut self.wire);
            assert!(opened.is_ok(), "{opened:?}");
        }
    }

    /// Seals what a peer has to say, once it can be said.
    pub(super) fn seal(&mut self, outbox: &mut Vec<u8>) {
        if !outbox.is_empty() && self.engine.seal(outbox, &mut self.wire).is_ok() {
            outbox.clear();
        }
    }

    /// Whether the core has said that it sends nothing more.
    pub(super) fn has_ended(&self) -> bool {
        self.engine.has_ended()
    }
}
