//! The way to a backend: TLS and the PROXY header.

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
