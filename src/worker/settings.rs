//! What a data core is told once, and the ways to the other threads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::network::Networks;
use crate::session::SessionSettings;
use crate::share::counters::Counters;
use crate::share::mailbox::Mailbox;
use crate::share::messages::ToCore;

/// Settings of all data cores.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Settings of the sessions.
    pub session: Arc<SessionSettings>,
    /// `haproxy_trusted_networks`.
    pub haproxy_trusted: Networks,
    /// `login_trusted_networks`.
    pub trusted: Networks,
    /// Connections of this core at most.
    pub connections_max: u32,
    /// A relay without a byte either way ends after this.
    pub relay_idle_timeout: Duration,
}

impl WorkerSettings {
    /// Whether a peer's word about clients is believed.
    #[must_use]
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        self.trusted.contains(peer)
    }
}

/// Ways to the other threads.
#[derive(Clone, Debug)]
pub struct Links {
    /// What others tell this core.
    pub mail: Arc<Mailbox<ToCore>>,
    /// Where reports go.
    pub log: Arc<Mailbox<Event>>,
    /// This core's counters.
    pub counters: Arc<Counters>,
}
