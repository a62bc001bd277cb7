//! The question that a login puts to the password databases.

use std::net::IpAddr;

use crate::names::Protocol;
use crate::secret::Secret;

/// What a client presented. The mechanism has been decoded already: every mechanism in use ends in these fields.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which protocol asks; passdbs may be limited to some.
    pub protocol: Protocol,
    /// The user as typed, before normalisation: the authentication identity.
    pub user: Box<str>,
    /// The user to act for (SASL authzid), when it differs from `user`: a master login request.
    pub authorize_as: Option<Box<str>>,
    /// The password as typed.
    pub password: Secret,
    /// The client as far as anybody knows, for `allow_nets` and variables.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
}
