//! What a core tells others of its connections: lines for the log, and counters. The only way to either.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Event;
use crate::fault::Failure;
use crate::names::Protocol;
use crate::ring::port::Overflow;
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
    pub(super) log_debug: bool,
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

    /// The core goes by this edition of the configuration.
    pub(super) fn go_by(&self, edition: u64) {
        self.counters.goes_by(edition);
    }

    /// The core listens on so many sockets.
    pub(super) fn listen(&self, sockets: usize) {
        self.counters.listens(u64::try_from(sockets).unwrap_or(u64::MAX));
    }

    /// A turn of the core is over.
    pub(super) fn took_turn(&self, took: Duration) {
        self.counters.took_turn(took);
    }

    /// The kernel had no room for what it had to say.
    pub(super) fn overflowed(&self, overflow: Overflow) {
        self.count(Counter::RingFull);
        self.add(Counter::RingLost, overflow.lost.into());
    }

    /// Shows the control core that this core turns.
    pub(super) fn answer_beat(&self, number: u64) {
        self.counters.beat.answer(number);
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
            Event::LoggedIn { subject, details, took, .. } => {
                self.count(Counter::LoginSucceeded);
                self.counters.logins.succeeded(subject.protocol, details, *took);
            }
            Event::LoginFailed { subject, details, failure, .. } => {
                self.count(Counter::LoginFailed);
                let mechanism = details.as_ref().and_then(|details| details.mechanism);
                self.counters.logins.failed(subject.protocol, mechanism, *failure);
            }
            Event::BackendFailed { .. } => self.count(Counter::BackendFailed),
            Event::Referred { .. } => self.count(Counter::Referred),
            Event::Delivered { accepted: true, backend, bytes, .. } => {
                self.count(Counter::Delivered);
                if let Some(backend) = backend {
                    self.evidence.moved(backend, Protocol::Lmtp, *bytes);
                }
            }
            Event::Delivered { .. } => self.count(Counter::Undelivered),
            Event::Refused { closed, .. } => {
                self.count(Counter::Refused);
                self.count(Counter::of_closed(*closed));
            }
            Event::Noticed { notice, .. } => self.count(Counter::of(*notice)),
            Event::RelayEnded { subject, backend, by, bytes_up, bytes_down, .. } => {
                self.counters.logins.ended(subject.protocol, *by);
                let bytes = bytes_up.saturating_add(*bytes_down);
                self.evidence.moved(backend, subject.protocol, bytes);
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::share::exchange::Exchange;

    fn reports(exchange: &Exchange) -> Reports {
        Reports::new(
            Arc::clone(&exchange.log),
            Arc::clone(&exchange.counters[0]),
            Arc::clone(&exchange.to_control),
            (exchange.site_attempts.clone(), exchange.evidence.clone()),
            false,
        )
    }

    #[test]
    fn c_site_9_what_an_attempt_at_a_site_has_shown_is_noted_and_told_no_one_else() {
        let exchange = Exchange::new(1).unwrap();
        let reports = reports(&exchange);
        let endpoint = SocketAddr::from(([192, 0, 2, 1], 143));
        for is_reached in [true, false, false] {
            reports.learn(Lesson::Site { host: "lb".into(), endpoint, is_reached }, Tick(0));
        }
        let [seen] = exchange.site_attempts.take().try_into().unwrap();
        assert_eq!(
            (&*seen.host, seen.endpoint, seen.answered, seen.failed),
            ("lb", endpoint, 1, 2)
        );
        assert!(exchange.to_control.is_empty());
    }

    #[test]
    fn c_cache_3_c_cache_5_what_an_attempt_at_a_backend_has_shown_has_the_rows_read_again() {
        let exchange = Exchange::new(1).unwrap();
        let reports = reports(&exchange);
        let (user, group): (Box<str>, Option<Box<str>>) = ("alice".into(), Some("vip".into()));
        reports.learn(Lesson::NotServed { user: user.clone(), group }, Tick(0));
        reports.learn(Lesson::SentOn { user, group: None, to: "be2".into() }, Tick(0));
        let Some(ToControl::ReadAgain { user, group, doubt: Doubt::NotServed }) =
            exchange.to_control.take()
        else {
            panic!("the failure is not told");
        };
        assert_eq!((&*user, group.as_deref()), ("alice", Some("vip")));
        let Some(ToControl::ReadAgain { user, group, doubt: Doubt::SentOn(to) }) =
            exchange.to_control.take()
        else {
            panic!("the referral is not told");
        };
        assert_eq!((&*user, group, &*to), ("alice", None, "be2"));
        assert!(exchange.to_control.is_empty() && exchange.site_attempts.take().is_empty());
    }

    #[test]
    fn c_cache_3_a_full_mailbox_loses_a_lesson_and_no_time() {
        let exchange = Exchange::new(1).unwrap();
        let reports = reports(&exchange);
        let lesson = || Lesson::NotServed { user: "alice".into(), group: None };
        for _ in 0..=crate::limits::MAILBOX_MESSAGES_MAX {
            reports.learn(lesson(), Tick(0));
        }
        let told = std::iter::from_fn(|| exchange.to_control.take()).count();
        assert_eq!(told, crate::limits::MAILBOX_MESSAGES_MAX);
        reports.learn(lesson(), Tick(0));
        assert!(exchange.to_control.take().is_some(), "the next one is told again");
    }
}
