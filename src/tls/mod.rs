//! TLS as a value: bytes of a peer in, plain bytes out, and the other way round.
//!
//! Decides: versions, suites, which certificate a client is shown, which certificate of a backend will do, when a
//! handshake has gone on for too long. Does not: own a socket, read a file, wait, or know what travels inside.
//! Driver: `worker::tls` before login, `worker::relay::sealed` behind it; `control::certificates` brings the files.
//! The library (rustls, unbuffered API) is named in this room alone. It does handshakes and TLS 1.2; when login is done, a
//! session with TLS 1.3 leaves it for a record layer of our own (`records`), behind the same [`Engine::open`] and
//! [`Engine::seal`] (K-TLS-7).
//! Tests: at the end of the files and in `tests`, in memory; `tests/appliance/e2e/tls` with real clients.
#![forbid(unsafe_code)]

mod backends;
mod clients;
mod engine;
mod fault;
mod identity;
mod key_file;
mod library;
mod makers;
mod provider;
mod records;
mod refusal;
mod secrets;
mod servers;
mod short_nonces;
#[cfg(test)]
mod tests;
mod tickets;
mod trust;

pub use backends::{
    Backends, DriverConfig, DriverFault, driver_config, driver_config_for_any, driver_fault,
    driver_name,
};
pub use clients::{Asked, ClientTrust, ClientTrustFault};
pub use engine::{Engine, Established};
pub use fault::Fault;
pub use identity::{Identity, IdentityFault, Kind};
pub use provider::Manner;
pub use servers::{
    DoveadmSpeech, Server, ServerConfigOfControl, Servers, ServersBuilder, alpn_names,
};
pub use tickets::TicketKeys;
pub use trust::{OlderForms, Trust, TrustFault, remarks_on_trust};

/// Oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oldest {
    /// RFC 5246.
    #[default]
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// Everything of TLS that the control core publishes to the data cores.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Towards clients; none: there is no certificate to show.
    pub servers: Option<Servers>,
    /// Towards backends.
    pub trust: Trust,
}
