//! What a core tells others of its connections: lines for the log, and counters.

use crate::event::Event;
use crate::ring::port::Port;
use crate::session::PIPELINED;
use crate::share::counters::Counter;

use super::run::Worker;

impl<P: Port> Worker<P> {
    /// Hands a report to the log. A full mailbox loses the line, not the time of the core (RS-08).
    pub(super) fn log(&self, event: Event) {
        if matches!(event, Event::LoggedIn { .. }) && !self.settings.log_debug {
            return;
        }
        if self.links.log.send(event).is_err() {
            self.counters.add(Counter::LogLost, 1);
        }
    }

    pub(super) fn count_event(&self, event: &Event) {
        match event {
            Event::LoggedIn { .. } => self.counters.add(Counter::LoginSucceeded, 1),
            Event::LoginFailed { .. } => self.counters.add(Counter::LoginFailed, 1),
            Event::BackendFailed { .. } => self.counters.add(Counter::BackendFailed, 1),
            Event::Referred { .. } => self.counters.add(Counter::Referred, 1),
            Event::Delivered { accepted: true, .. } => self.counters.add(Counter::Delivered, 1),
            Event::Delivered { .. } => self.counters.add(Counter::Undelivered, 1),
            Event::Refused { .. } => self.counters.add(Counter::Refused, 1),
            Event::Noticed { notice, .. } => self.counters.add(Counter::of(*notice), 1),
            Event::RelayEnded { bytes_up, bytes_down, .. } => {
                self.counters.add(Counter::RelayEnded, 1);
                self.counters.add(Counter::BytesUp, *bytes_up);
                self.counters.add(Counter::BytesDown, *bytes_down);
            }
            Event::Aborted { reason: PIPELINED, .. } => {
                self.counters.add(Counter::StarttlsPipelined, 1);
            }
            Event::CertificateRefused { .. } => {
                self.counters.add(Counter::CertificatesRefused, 1);
            }
            Event::Aborted { .. } | Event::Note { .. } => {}
        }
    }
}
