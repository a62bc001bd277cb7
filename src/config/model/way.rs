//! The way to a backend: attempts, TLS and the PROXY header; and what becomes of a session there.

use std::net::IpAddr;
use std::time::Duration;

/// Logging in at backends.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// From the first connect to the backend's login reply.
    pub login_timeout: Duration,
    /// Attempts after the first.
    pub max_reconnects: u8,
    /// Sessions of a dead backend are ended spread over this time; zero: at once.
    pub max_disconnect_delay: Duration,
    /// What becomes of a session whose token has expired.
    pub token_expiry: TokenExpiry,
    /// Addresses to connect from, in turn; empty: the system's choice.
    pub source_ips: Vec<IpAddr>,
}

/// TLS towards backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySsl {
    /// None.
    No,
    /// The protocol's STARTTLS.
    StartTls,
    /// From the first byte.
    Yes,
}

/// PROXY header towards backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// None.
    No,
    /// The line.
    V1,
    /// The binary form.
    V2,
}

/// What a PROXY header of version 2 tells besides addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderOption {
    /// That the client came by TLS.
    Ssl,
    /// The host name that it asked for.
    Authority,
    /// The session's id.
    UniqueId,
    /// CRC32C of the header.
    Checksum,
}

/// What becomes of a session when the token of its login expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenExpiry {
    /// It goes on.
    Keep,
    /// It ends.
    End,
}
