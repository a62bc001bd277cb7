//! Sessions of which an operator is told what passes (`hale trace`).
//!
//! Decides: which sessions, and how much of each. Does not: hide anything; the control core does (`relay::Redactor`). While no one asks there is
//! nothing here, and the relay looks at nothing. Told bytes are copied: a session that is told of is read through the scratch,
//! like one that is watched. Driver: `driver`. Tests: below; `tests/appliance/e2e/trace.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits;
use crate::share::mailbox::Mailbox;
use crate::share::trace::{Speaker, TraceOrder, Traced};
use crate::tick::Tick;

use super::super::io::socket::Side;
use super::label::Label;

/// What a core tells of its sessions.
#[derive(Debug)]
pub(in crate::worker) struct Taps {
    traced: Arc<Mailbox<Traced>>,
    orders: Vec<Arc<TraceOrder>>,
    taps: HashMap<u32, Tap>,
}

/// One session.
#[derive(Debug)]
pub(super) struct Tap {
    order: Arc<TraceOrder>,
    traced: Arc<Mailbox<Traced>>,
    session: crate::names::SessionId,
    protocol: crate::names::Protocol,
    left: u64,
    missed: u64,
}

impl Taps {
    pub(in crate::worker) fn new(traced: Arc<Mailbox<Traced>>) -> Self {
        Self { traced, orders: Vec::new(), taps: HashMap::new() }
    }

    /// An operator asks.
    pub(in crate::worker) fn take_order(&mut self, order: Arc<TraceOrder>, now: Tick) {
        self.orders.retain(|order| !order.is_over(now));
        if self.orders.len() < limits::TRACES_MAX {
            self.orders.push(order);
        }
    }

    /// A session is there; it is told of, if it is one of those that are asked for.
    pub(in crate::worker) fn begin(&mut self, slot: u32, label: &Label, now: Tick) {
        if self.orders.is_empty() {
            return;
        }
        self.orders.retain(|order| !order.is_over(now));
        let is_meant = |order: &&Arc<TraceOrder>| label.user.as_deref() == Some(&*order.user);
        let Some(order) = self.orders.iter().find(is_meant) else { return };
        if self.taps.len() >= limits::TRACE_SESSIONS_MAX || self.taps.contains_key(&slot) {
            return;
        }
        let tap = Tap {
            order: Arc::clone(order),
            traced: Arc::clone(&self.traced),
            session: label.session.clone(),
            protocol: label.protocol,
            left: order.bytes_max,
            missed: 0,
        };
        self.taps.insert(slot, tap);
    }

    /// Whether any session is told of.
    pub(super) fn are_on(&self) -> bool {
        !self.taps.is_empty()
    }

    /// Whether a session is told of; one that was, long enough, is not any more.
    pub(super) fn is_on(&self, slot: u32) -> bool {
        self.taps.contains_key(&slot)
    }

    /// What tells of a session.
    pub(super) fn tap(&mut self, slot: u32) -> Option<&mut Tap> {
        if self.taps.is_empty() {
            return None;
        }
        self.taps.get_mut(&slot)
    }

    /// Forgets the sessions of which enough was told.
    pub(super) fn drop_those_over(&mut self, now: Tick) {
        self.taps.retain(|_, tap| tap.left > 0 && !tap.order.is_over(now));
    }

    /// The session is over.
    pub(super) fn end(&mut self, slot: u32) {
        if !self.taps.is_empty() {
            self.taps.remove(&slot);
        }
    }
}

impl Tap {
    /// Tells of bytes that pass.
    pub(super) fn tell(&mut self, source: Side, bytes: &[u8], now: Tick) {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let Some(told) = bytes.get(..most).filter(|told| !told.is_empty()) else { return };
        self.left = self.left.saturating_sub(told.len() as u64);
        let from = match source {
            Side::Client => Speaker::Client,
            Side::Backend => Speaker::Backend,
        };
        let traced = Traced {
            number: self.order.number,
            session: self.session.clone(),
            protocol: self.protocol,
            from,
            at: now,
            bytes: told.into(),
            missed: self.missed,
        };
        self.missed = match self.traced.send(traced) {
            Ok(()) => 0,
            Err(_) => self.missed.saturating_add(told.len() as u64),
        };
    }
}
