//! The end of a login that failed: when its one reply is given, and what follows it (W-FAIL-3, W-FAIL-4, W-FAIL-5).
//!
//! Decides: which refusals are held back, and until when; that some grants are, too (`delay_until`). Does not: word them; the dialogue does. Driver: `attempt`,
//! `machine`. Tests: `tests/transcripts/session`, `tests/pure/session`.

use super::machine::{Session, Stage};
use super::output::{Outbox, Wish};
use crate::auth::delay;
use crate::auth::verdict::Elsewhere;
use crate::backend::referral;
use crate::event::Event;
use crate::fault::Failure;
use crate::limits;
use crate::preauth::{CloseReason, Step};
use crate::tick::Tick;

impl Session {
    /// Goes on with a granted login, at once unless a password database wants it held back.
    pub(super) fn wait_until_allowed(&mut self, now: Tick, outbox: &mut Outbox) {
        match self.attempt.as_ref().and_then(|attempt| attempt.not_before) {
            None => self.ask_route(now, outbox),
            Some(at) if at.since(now) <= limits::DELAY_UNTIL_MAX => self.enter(Stage::Waiting, at),
            Some(_) => {
                let detail = "delay_until of the password database is more than 300 s ahead";
                self.fail(now, Failure::Unavailable, None, detail, outbox);
            }
        }
    }

    /// The login failed for good. Refused credentials are answered late, everything else at once.
    pub(super) fn fail(
        &mut self,
        now: Tick,
        failure: Failure,
        text: Option<Box<[u8]>>,
        detail: &str,
        outbox: &mut Outbox,
    ) {
        outbox.wish(Wish::Report(Event::LoginFailed {
            subject: self.subject(),
            failure,
            detail: detail.into(),
        }));
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        attempt.held = Some((failure, text));
        if failure.is_delayed() && !attempt.nodelay {
            let delay = self.settings.failure_delay;
            let seed = self.seed;
            self.seed = delay::next_seed(seed);
            let at = delay::reply_at(attempt.received, delay, attempt.earlier_failures, seed);
            let not_before =
                attempt.not_before.unwrap_or(now).min(now.after(limits::DELAY_UNTIL_MAX));
            self.enter(Stage::Holding, at.max(now).max(not_before));
        } else {
            self.answer_held(now, outbox);
        }
    }

    /// The user logs in elsewhere. Another tier of proxies is told where, at once; everybody else hears what he hears when
    /// somebody may not log in at all (W-REF-5).
    pub(super) fn send_away(&mut self, now: Tick, place: &Elsewhere, outbox: &mut Outbox) {
        let detail = format!("nologin: the user logs in at {}", place.host);
        let reason = place.reason.as_ref().map(|reason| reason.as_bytes().into());
        let text = if self.facts.trusted {
            if let Some(attempt) = &mut self.attempt {
                attempt.nodelay = true;
            }
            Some(referral::written(self.protocol, &place.user, &place.host, place.port))
        } else {
            reason
        };
        self.fail(now, Failure::Disabled, text, &detail, outbox);
    }

    pub(super) fn turn_came(&mut self, now: Tick) {
        if let Some(attempt) = &mut self.attempt {
            attempt.received = now;
        }
    }

    /// Gives the one reply the client is owed and listens to it again (W-FAIL-3, W-FAIL-4).
    pub(super) fn answer_held(&mut self, now: Tick, outbox: &mut Outbox) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let Some((failure, text)) = attempt.held else {
            return;
        };
        self.stage = Stage::Talking;
        self.stage_deadline = None;
        match self.dialogue.refuse(failure, text.as_deref(), &mut outbox.to_client) {
            Step::Close(reason) => {
                outbox.wish(Wish::Report(self.aborted(close_reason(reason))));
                self.close(outbox);
            }
            Step::More | Step::Login(_) | Step::Hopeless(_) | Step::StartTls => {
                self.read_commands(now, outbox);
            }
        }
    }
}

/// Why a connection is closed on which bytes in clear followed STARTTLS (W-STLS-1, TL-03).
pub const PIPELINED: &str = "starttls_pipelined: bytes in clear behind STARTTLS";

pub(super) fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Logout => "client logged out",
        CloseReason::BadCommands => "too many invalid commands",
        CloseReason::FailedLogins => "too many failed logins",
        CloseReason::LineTooLong => "a line without end",
        CloseReason::LiteralTooLarge => "a literal too large to read past",
        CloseReason::StarttlsPipelined => PIPELINED,
        CloseReason::OtherProtocol => "HTTP or TLS on a port for neither",
        CloseReason::Dismissed => "dismissed",
    }
}
