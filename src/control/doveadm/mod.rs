//! doveadm's protocol, plain and by HTTP: `service doveadm` (W-DOV-1).
//!
//! Duty: listeners, TLS, who may log in and how slowly the others are refused (`listen`, `plain`, `http`); which command is
//! which (`orders`), what Hale carries out itself (`own`), by the same values as the admin socket; commands about a user go
//! to the user's backend (`route`, `remote`) and their rows come back as they are; sessions that moves find at a backend and that no proxy has (`kicks`). Not its duty: the protocol, which is in
//! the pure room `doveadm`; opening ports (`boot`). Everything runs on the control core; data cores hear of it only through
//! enquiries. Driven by the control core's tasks. Tests: in the files, and `tests/appliance/e2e/doveadm*.rs` beside a real
//! Dovecot and with its client.
#![forbid(unsafe_code)]

mod desk;
mod http;
pub(in crate::control) mod kicks;
mod listen;
mod orders;
mod own;
mod plain;
mod remote;
mod route;
mod stream;

use std::time::Duration;

use crate::config::Config;
use crate::config::model::ProxySsl;
use crate::names::Protocol;
use crate::secret::Secret;

pub(in crate::control) use desk::Desk;
pub(in crate::control) use listen::serve;
pub use listen::{Door, Speech};

/// What of the configuration the server goes by.
#[derive(Clone, Debug)]
pub struct DoveadmSettings {
    /// `doveadm_password`, of clients and towards other hosts; none: no client logs in by it.
    pub(super) password: Option<Secret>,
    /// `doveadm_api_key`, of HTTP clients.
    pub(super) api_key: Option<Secret>,
    /// `auth_failure_delay`: a wrong password is refused after this.
    pub(super) failure_delay: Duration,
    /// `doveadm_port` of other hosts; 0: they have none.
    pub(super) port: u16,
    /// `doveadm_ssl`.
    pub(super) proxy_ssl: ProxySsl,
    /// Other hosts must show a valid certificate.
    pub(super) verify_backends: bool,
    /// Backends are asked to end sessions (`cluster_backend_kick`).
    pub(super) kicks_at_backends: bool,
    /// The backends' ports, in the order of [`Protocol::ALL`].
    pub(super) mail_ports: [u16; 5],
}

impl DoveadmSettings {
    /// Of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let doveadm = &config.doveadm;
        Self {
            password: doveadm.password.clone(),
            api_key: doveadm.api_key.clone(),
            failure_delay: config.auth.failure_delay,
            port: doveadm.port,
            proxy_ssl: doveadm.proxy_ssl,
            verify_backends: doveadm.verify_backends,
            kicks_at_backends: config.cluster.backend_kick,
            mail_ports: Protocol::ALL.map(|protocol| config.protocol(protocol).proxy_port),
        }
    }
}
