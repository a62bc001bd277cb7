//! The end of a login that failed: when its one reply is given, and what follows it (W-FAIL-3, W-FAIL-4, W-FAIL-5).
//!
//! Decides: which refusals are held back, and until when. Does not: word them; the dialogue does. Driver: `attempt`,
//! `machine`. Tests: `tests/transcripts/session`, `tests/pure/session`.

use super::machine::{Session, Stage, close_reason};
use super::output::{Outbox, Wish};
use crate::auth::delay;
use crate::event::Event;
use crate::fault::Failure;
use crate::preauth::Step;
use crate::tick::Tick;

impl Session {
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
            let at = delay::reply_at(attempt.received, delay, 0, self.seed);
            self.enter(Stage::Holding, at.max(now));
        } else {
            self.answer_held(now, outbox);
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
            Step::More | Step::Login(_) | Step::Hopeless(_) => {
                self.read_commands(now, outbox);
            }
        }
    }
}
