//! What a core tells others of its connections: lines for the log, and counters. The only way to either.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::fault::Failure;
use crate::names::Protocol;
use crate::session::PIPELINED;
use crate::session::output::Lesson;
use crate::share::counters::{Counter, Counters};
use crate::share::evidence::{Attempt, Evidence};
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Doubt, ToControl};
use crate::share::site_attempts::SiteAttempts;
use crate::tick::Tick;

/// A core's log and counters.
#[derive(Debug)]
pub(super) struct Reports {
    log: Arc<Mailbox<Event>>,
    counters: Arc<Counters>,
    to_control: Arc<Mailbox<ToControl>>,
    site_attempts: SiteAttempts,
    evidence: Evidence,
    /// `log_debug`: reports that only the debug level shows are worth making.
    log_debug: bool,
    /// When a complaint about the host was made last.
    complained_at: Cell<Option<Tick>>,
}

impl Reports {
    pub(super) fn new(
        log: Arc<Mailbox<Event>>,
        counters: Arc<Counters>,
        to_control: Arc<Mailbox<ToControl>>,
        (site_attempts, evidence): (SiteAttempts, Evidence),
        log_debug: bool,
    ) -> Self {
        let complained_at = Cell::new(None);
        Self { log, counters, to_control, site_attempts, evidence, log_debug, complained_at }
    }

    pub(super) fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(super) fn add(&self, counter: Counter, count: u64) {
        self.counters.add(counter, count);
    }

    /// Counts an event and hands it to the log.
    pub(super) fn report(&self, event: Event) {
        self.count_event(&event);
        self.log(event);
    }

    /// Tells the control core what an attempt has shown. A full mailbox: another attempt will show it again.
    pub(super) fn learn(&self, lesson: Lesson, now: Tick) {
        let (user, group, doubt) = match lesson {
            Lesson::Backend { host, protocol, failure } => {
                let attempt = match failure {
                    None => Attempt::Succeeded,
                    Some(Failure::Referred) => Attempt::SentOn,
                    Some(failure) => Attempt::Failed(failure),
                };
                return self.evidence.note(&host, protocol, attempt, now);
            }
            Lesson::Site { host, endpoint, is_reached } => {
                return self.site_attempts.note(&host, endpoint, is_reached);
            }
            Lesson::NotServed { user, group } => (user, group, Doubt::NotServed),
            Lesson::SentOn { user, group, to } => (user, group, Doubt::SentOn(to)),
        };
        let _ = self.to_control.send(ToControl::ReadAgain { user, group, doubt });
    }

    /// Tells the control core that a backend keeps a login waiting.
    pub(super) fn doubt(&self, host: &Arc<str>, protocol: Protocol, now: Tick) {
        self.evidence.note(host, protocol, Attempt::Silent, now);
    }

    /// Hands a report to the log. A full mailbox loses the line, not the time of the core (RS-08).
    pub(super) fn log(&self, event: Event) {
        if event.is_detail() && !self.log_debug {
            return;
        }
        if self.log.send(event).is_err() {
            self.count(Counter::LogLost);
        }
    }

    /// Warns the operator of what is no single connection's business.
    pub(super) fn warn(&self, text: impl Into<Box<str>>) {
        self.log(Event::Note { warning: true, text: text.into() });
    }

    /// Warns of the state of the host: once a second at most (RS-01).
    pub(super) fn complain(&self, now: Tick, text: &'static str) {
        let last = self.complained_at.get();
        if last.is_none_or(|at| now.since(at) >= Duration::from_secs(1)) {
            self.complained_at.set(Some(now));
            self.warn(text);
        }
    }

    /// Pure code of a connection panicked. That is a bug of ours and costs this one connection.
    pub(super) fn panicked(&self) {
        self.count(Counter::Panicked);
        self.warn("a session's code panicked; its connection was closed");
    }

    pub(super) fn count_event(&self, event: &Event) {
        match event {
            Event::LoggedIn { .. } => self.count(Counter::LoginSucceeded),
            Event::LoginFailed { .. } => self.count(Counter::LoginFailed),
            Event::BackendFailed { .. } => self.count(Counter::BackendFailed),
            Event::Referred { .. } => self.count(Counter::Referred),
            Event::Delivered { accepted: true, .. } => self.count(Counter::Delivered),
            Event::Delivered { .. } => self.count(Counter::Undelivered),
            Event::Refused { .. } => self.count(Counter::Refused),
            Event::Noticed { notice, .. } => self.count(Counter::of(*notice)),
            Event::RelayEnded { bytes_up, bytes_down, .. } => {
                self.count(Counter::RelayEnded);
                self.add(Counter::BytesUp, *bytes_up);
                self.add(Counter::BytesDown, *bytes_down);
            }
            Event::Aborted { reason: PIPELINED, .. } => self.count(Counter::StarttlsPipelined),
            Event::CertificateRefused { .. } => self.count(Counter::CertificatesRefused),
            Event::Aborted { .. } | Event::Note { .. } => {}
        }
    }
}
