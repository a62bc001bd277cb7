//! The passdb driver `imap`: another server decides.

use crate::template::Template;

/// Which server, and as whom a user logs in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imapc {
    /// Its name or address, which may be made of the user's name.
    pub host: Template,
    /// Its port.
    pub port: u16,
    /// TLS with it.
    pub ssl: ImapcSsl,
    /// Whether its certificate has to be good.
    pub verifies: bool,
    /// The user there.
    pub user: Template,
}

/// TLS with the other server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImapcSsl {
    /// None.
    No,
    /// From the first byte.
    Imaps,
    /// By the protocol's command.
    StartTls,
}
