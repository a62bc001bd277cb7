//! What all relayed sessions of a core share.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::limits;
use crate::relay::Watch;
use crate::ring::port::Port;
use crate::share::mailbox::Mailbox;
use crate::share::trace::Traced;
use crate::tick::Tick;

use super::super::backends::endpoints::EndpointId;
use super::super::io::socket::Side;
use super::super::settings::WorkerSettings;
use super::copy;
use super::disconnects::Disconnects;
use super::expiries::Expiries;
use super::state::Relay;
use super::taps::Taps;

/// The relayed sessions of a core.
#[derive(Debug)]
pub(in crate::worker) struct Relays {
    /// Directions that have more to move, in the order in which they advance.
    pub(super) hot: VecDeque<(u32, Side)>,
    /// What is looked at of the sessions whose bytes are not only moved, by slot.
    pub(super) watches: HashMap<u32, Box<Watch>>,
    /// Who is told when that a backend is gone.
    pub(super) disconnects: Disconnects,
    /// Sessions of which an operator is told what passes.
    pub(in crate::worker) taps: Taps,
    /// The ends of tokens.
    pub(super) expiries: Expiries,
    /// Relayed bytes pass through here.
    pub(in crate::worker) scratch: Box<[u8]>,
    pub(super) settings: Arc<WorkerSettings>,
    /// The process stops: clients are told at once.
    pub(in crate::worker) is_draining: bool,
    count: u32,
}

impl Relays {
    /// `draw`: any number, another one on each core.
    pub(in crate::worker) fn new(
        settings: Arc<WorkerSettings>,
        draw: u64,
        traced: Arc<Mailbox<Traced>>,
    ) -> Self {
        Self {
            hot: VecDeque::with_capacity(256),
            watches: HashMap::new(),
            disconnects: Disconnects::new(settings.spread, draw),
            taps: Taps::new(traced),
            expiries: Expiries::new(settings.token_expiry),
            scratch: vec![0; limits::SCRATCH_BYTES].into_boxed_slice(),
            settings,
            is_draining: false,
            count: 0,
        }
    }

    /// These settings hold from now on. What a relay is looked at by is the same for all of a core's, so that none has to keep it:
    /// its idle timeout, the end of its token, and how a crowd is told that its backend is gone.
    pub(in crate::worker) fn renew(&mut self, settings: Arc<WorkerSettings>) {
        self.disconnects.rules = settings.spread;
        self.expiries.rule = settings.token_expiry;
        self.settings = settings;
    }

    /// A session begins to be relayed; `watch`: what looks at its bytes; `valid_until`: the end of its token.
    pub(in crate::worker) fn enter(
        &mut self,
        slot: u32,
        endpoint: Option<EndpointId>,
        watch: Option<Box<Watch>>,
        valid_until: Option<Tick>,
    ) {
        self.count += 1;
        if let Some(valid_until) = valid_until {
            self.expiries.begin(slot, valid_until);
        }
        if let Some(watch) = watch {
            self.watches.insert(slot, watch);
        }
        if let Some(endpoint) = endpoint {
            self.disconnects.begin(endpoint);
        }
    }

    /// A session is over: what it had of what is shared is given back.
    pub(in crate::worker) fn leave<P: Port>(&mut self, slot: u32, relay: &mut Relay, port: &mut P) {
        debug_assert!(self.count > 0, "more sessions end than began");
        self.count = self.count.saturating_sub(1);
        copy::release_pipe(port, &mut relay.up);
        copy::release_pipe(port, &mut relay.down);
        if !self.watches.is_empty() {
            self.watches.remove(&slot);
        }
        self.taps.end(slot);
        self.expiries.end(slot);
        self.disconnects.take(slot);
        if let Some(endpoint) = relay.endpoint.take() {
            self.disconnects.end(endpoint);
        }
    }

    /// How many directions have more to move.
    pub(in crate::worker) fn queued(&self) -> usize {
        self.hot.len()
    }

    /// The direction that advances now.
    pub(in crate::worker) fn next_queued(&mut self) -> Option<(u32, Side)> {
        self.hot.pop_front()
    }

    /// How many clients are to be told later that their backend is gone.
    pub(in crate::worker) fn partings(&self) -> usize {
        self.disconnects.partings()
    }

    /// Whether the client of a slot is one of them.
    pub(in crate::worker) fn is_parting(&self, slot: u32) -> bool {
        self.disconnects.is_parting(slot)
    }

    /// How many sessions have a token whose end is awaited.
    pub(in crate::worker) fn expiring(&self) -> usize {
        self.expiries.count()
    }

    /// Whether that of a slot is one of them.
    pub(in crate::worker) fn is_expiring(&self, slot: u32) -> bool {
        self.expiries.at(slot).is_some()
    }

    /// How many sessions are looked at.
    pub(in crate::worker) fn watched(&self) -> usize {
        self.watches.len()
    }

    /// Whether that of a slot is one of them.
    pub(in crate::worker) fn is_watched(&self, slot: u32) -> bool {
        self.watches.contains_key(&slot)
    }

    /// Whether a direction is on the list of those that have more to move, for the invariants.
    pub(in crate::worker) fn is_queued(&self, slot: u32, source: Side) -> bool {
        self.hot.contains(&(slot, source))
    }

    /// How many sessions count among those of an endpoint.
    pub(in crate::worker) fn standing(&self) -> usize {
        self.disconnects.standing()
    }

    /// How many sessions there are.
    pub(in crate::worker) fn count(&self) -> u32 {
        self.count
    }
}
