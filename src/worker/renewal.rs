//! Another edition of the configuration, as a core takes it up.
//!
//! Decides: which of its settings a core has to make anew. Does not: wait, or touch a session; each keeps the settings that it began
//! with. Driven by the core when the control core says that an edition is published. Tests: `tests/appliance/e2e/reload.rs`.

use std::sync::Arc;

use crate::config::{Config, Edition, OpenListener};
use crate::secret::Secret;
use crate::share::snapshot::Published;

use super::settings::{VerifiedCache, WorkerSettings};

/// What a core's settings are made of besides the configuration; the same until the process ends.
#[derive(Clone, Debug)]
pub struct Basis {
    /// Our name.
    pub host: Box<str>,
    /// Connections of a core at most.
    pub connections_max: u32,
    /// How many data cores there are.
    pub cores: usize,
    /// What challenges are made of and caches are keyed by, drawn at start.
    pub secret: Secret,
}

impl Basis {
    /// What the configuration says to data cores.
    #[must_use]
    pub fn settings(&self, config: &Config) -> WorkerSettings {
        WorkerSettings::new(config, &self.host, self.connections_max, &self.secret)
    }

    /// Each core's part of the cache of verified passwords.
    #[must_use]
    pub fn cache(&self, config: &Config) -> VerifiedCache {
        VerifiedCache::configured(&config.auth, self.cores, self.secret.clone())
    }
}

/// Where a core finds the edition in force.
#[derive(Debug)]
pub struct Renewal {
    editions: Published<Edition>,
    basis: Basis,
    /// What the core's settings were made of.
    config: Arc<Config>,
}

/// What is to be taken up.
#[derive(Debug)]
pub(super) struct News {
    /// Of which edition.
    pub(super) serial: u64,
    /// The listeners.
    pub(super) open: Arc<[OpenListener]>,
    /// Sockets of this number and above are for a later edition.
    pub(super) next_socket: u32,
    /// None: they are as they were.
    pub(super) settings: Option<(WorkerSettings, VerifiedCache)>,
}

impl Renewal {
    /// For a core whose settings were made of `edition`.
    #[must_use]
    pub fn new(editions: Published<Edition>, edition: &Edition, basis: Basis) -> Self {
        Self { editions, basis, config: Arc::clone(&edition.config) }
    }

    /// What has changed since the last look.
    pub(super) fn look(&mut self) -> News {
        let edition = self.editions.load();
        let (serial, next_socket) = (edition.serial, edition.next_socket);
        let open = Arc::clone(&edition.open);
        if Arc::ptr_eq(&edition.config, &self.config) {
            return News { serial, open, next_socket, settings: None };
        }
        self.config = Arc::clone(&edition.config);
        let made = (self.basis.settings(&self.config), self.basis.cache(&self.config));
        News { serial, open, next_socket, settings: Some(made) }
    }
}
