//! What one look at a socket came to, in clear or by TLS: sessions, LMTP clients and LMTP backends read alike.

use crate::facts::{ClientCertificate, Security};
use crate::ring::port::IoFault;
use crate::tls::Fault;

/// What a read has found.
#[derive(Debug)]
pub(in crate::worker) enum Heard {
    /// Nothing that its reader wants to know; readiness tells what comes later.
    Nothing,
    /// Nothing yet, but looking again may find something: TLS has moved on.
    More,
    /// So many bytes, at the front of the reader's space. `more`: another read may find more.
    Bytes { count: usize, more: bool },
    /// A TLS handshake is done. `more`: bytes have come with it, or another read may find some.
    Secured {
        more: bool,
        /// The host name that a client asked for.
        server_name: Option<Box<str>>,
        /// Whom its certificate names, if it showed one.
        client_certificate: ClientCertificate,
        /// Version and cipher, for the log.
        security: Option<Security>,
    },
    /// A handshake failed, or a record is damaged.
    Insecure(Fault),
    /// The peer sends nothing more.
    End,
    /// The connection broke.
    Broken(IoFault),
}
