//! A client that is told later that its backend is gone: when it is decided, and what ends the wait.

use std::time::Duration;

use crate::event::{EndedBy, Event};
use crate::limits;
use crate::ring::port::Port;
use crate::share::counters::Counter;
use crate::tick::Tick;

use super::super::connection::{Phase, Relay, Side};
use super::super::run::Worker;
use super::driver::{low_byte, seconds};
use super::spread::{Delayed, First, STEP_MS, Told};

impl<P: Port> Worker<P> {
    /// The backend of a relay went, `word` says how if it broke. Whether the client is told later.
    pub(in crate::worker) fn is_held(&mut self, slot: u32, word: Option<&'static str>) -> bool {
        let (now, over) = (self.now, self.relays.spread.over());
        let Some(connection) = self.slots.get_mut(slot) else { return false };
        let Phase::Relay(relay) = &mut connection.phase else { return false };
        if relay.first_end.is_some() || over.is_zero() {
            return false;
        }
        relay.first_end = Some(Side::Backend);
        if relay.is_talking(now) || self.draining.is_some() {
            return false;
        }
        let backend = std::sync::Arc::clone(&relay.label.backend);
        let Some(endpoint) = relay.endpoint.take() else { return false };
        // Not all cores tell their first client in the same moment.
        let jitter = Duration::from_millis(self.asks.draw() % STEP_MS);
        let Told::Later(at, first) = self.relays.spread.lose(slot, endpoint, word, jitter, now)
        else {
            return false;
        };
        self.wheel.set(slot, at);
        self.counters.add(Counter::EndsSpread, 1);
        if first == First::Yes {
            let seconds = over.as_secs_f64();
            self.log(Event::Note {
                warning: true,
                text: format!(
                    "backend {backend} ends many sessions at once: their clients are told over {seconds} seconds \
                     (login_proxy_max_disconnect_delay), those that send something at once"
                )
                .into(),
            });
        }
        true
    }

    /// A direction of a relay whose client is to be told later is about to move. Whether that leaves everything as it is.
    pub(in crate::worker) fn is_parting_kept(&mut self, slot: u32, source: Side) -> bool {
        let Some(connection) = self.slots.get_mut(slot) else { return true };
        let Phase::Relay(relay) = &connection.phase else { return true };
        match source {
            // It has something to say.
            Side::Client => self.part_early(slot),
            // Last bytes came back, and wait for the client to read: the end goes behind them.
            Side::Backend if relay.down.is_blocked() => drop(self.relays.spread.take(slot)),
            Side::Backend => return true,
        }
        false
    }

    /// Somebody who was to be told later has something to say: what happened to its backend happens now.
    fn part_early(&mut self, slot: u32) {
        match self.relays.spread.take(slot) {
            Some(Delayed { word: None, .. }) => self.direction_ended(slot, Side::Backend),
            Some(Delayed { word: Some(word), .. }) => {
                self.relay_broken(slot, EndedBy::Backend, word);
            }
            None => {}
        }
    }

    /// A deadline passed of a client that is to be told later; `false`: it is none of those.
    pub(in crate::worker) fn is_parted(&mut self, slot: u32) -> bool {
        let Some(at) = self.relays.spread.delayed_until(slot) else { return false };
        if self.now < at {
            self.wheel.set(slot, at);
            return true;
        }
        match self.relays.spread.take(slot).and_then(|parting| parting.word) {
            Some(word) => self.relay_broken(slot, EndedBy::Backend, word),
            // It has been silent, and nobody is left to hear the rest of it.
            None => self.end_relay(slot, EndedBy::Backend, None),
        }
        true
    }
}

impl Relay {
    /// Whether the client sent something a moment ago, or bytes are on their way.
    fn is_talking(&self, now: Tick) -> bool {
        let silent = seconds(now).saturating_sub(self.moved_at);
        // The lowest byte is enough: if it is an old one that looks new, the client is told a little early.
        let unasked = low_byte(seconds(now)).wrapping_sub(self.asked_at);
        let silent = silent.max(unasked.into());
        self.up.is_blocked()
            || self.down.is_blocked()
            || u64::from(silent) <= limits::SPREAD_SILENCE.as_secs()
    }
}
