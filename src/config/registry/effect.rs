//! What of the settings a reload changes, and what only a restart.
//!
//! Duty: the answer for each setting, which docs/CONFIG.md shows and a reload tells. Non-duty: keeping to it, which
//! [`Config::within`](crate::config::Config::within) does. Tests: below, and there.

use super::{Scope, Setting};

/// When a setting that was changed takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `hale reload`, for what begins from then on.
    Reload,
    /// Hale has to be started again.
    Restart,
}

impl Setting {
    /// When a change of it takes effect.
    #[must_use]
    pub fn effect(&self) -> Effect {
        let is_named = |names: &[&str]| names.contains(&self.name);
        let begins = RESTART_BEGINNINGS.iter().any(|start| self.name.starts_with(start));
        match self.scope {
            Scope::Dict => Effect::Restart,
            Scope::Global if is_named(RESTART) || begins => Effect::Restart,
            _ => Effect::Reload,
        }
    }
}

impl Effect {
    /// What the documentation says of it.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
        }
    }
}

/// Threads, tables and folders that are made once.
const RESTART: &[&str] = &[
    "auth_cache_size",
    "auth_hash_memory",
    "auth_hash_threads",
    "base_dir",
    "connections_per_core_max",
    "control_core",
    "data_cores",
    "drop_privileges_to",
    "hostname",
    "relay_receive_buffer",
    "relay_unsent_buffer",
    "sandbox",
    "state_dir",
];

/// What the cluster is, and where its rows are.
const RESTART_BEGINNINGS: &[&str] = &["cluster_", "cassandra_", "site_failover_"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::registry;

    #[test]
    fn what_needs_a_restart_is_a_setting() {
        let has = |found: &dyn Fn(&Setting) -> bool| registry::settings().any(found);
        for name in RESTART {
            assert!(has(&|setting| setting.name == *name), "{name}");
        }
        for start in RESTART_BEGINNINGS {
            assert!(has(&|setting| setting.name.starts_with(start)), "{start}");
        }
    }
}
