//! Tests of the pure rooms as a whole: transcripts, properties, comparisons with other implementations, and the replay of
//! stored fuzz inputs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod backend_properties;
mod clusters;
mod corpus;
mod dialogues;
mod imap_oracle;
mod imap_properties;
mod import;
mod lmtp;
mod login_properties;
mod proxy_header;
mod senders;
mod relay;
mod runs;
mod session;
mod smtp_oracle;
mod submission_properties;

use std::net::SocketAddr;

use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::limits::PROXY_TTL;
use hale::names::SessionId;

/// A client as a session sees it right after accept.
fn client_facts(trusted: bool) -> ClientFacts {
    let client = SocketAddr::from(([192, 0, 2, 7], 4711));
    ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: SocketAddr::from(([198, 51, 100, 1], 143)),
        local_name: None,
        session_id: SessionId::parse("sid").unwrap(),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted,
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    }
}
