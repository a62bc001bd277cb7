//! How clients come in, as options that `run` and `compare` share.

use crate::engine::{Credentials, LoginCommand, Protocol};

/// The clients' side of a load.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SwarmOptions {
    /// How many users there are.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) users: u64,
    #[arg(long, default_value = "secret")]
    pub(crate) password: String,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) login: LoginCommand,
    /// Start every connection with a PROXY header, version 2.
    #[arg(long)]
    pub(crate) proxy_v2: bool,
    /// The size of a message in the scenario `deliver`.
    #[arg(long, default_value_t = 64 << 10)]
    pub(crate) message_bytes: u64,
}

impl SwarmOptions {
    /// Who the clients of one protocol are.
    pub(crate) fn credentials(&self, protocol: Protocol, user_pattern: &str) -> Credentials {
        Credentials {
            protocol,
            user_pattern: user_pattern.to_owned(),
            password: self.password.clone(),
            users: self.users,
            command: self.login,
            proxy_header: self.proxy_v2,
        }
    }
}
