//! What a client or a backend did, beside its logins, that somebody should look at.
//!
//! Decides: that each thing is reported, and only once per connection. Does not: see it; the dialogue takes notes.
//! Driver: `machine`. Tests: `tests/transcripts/session`.

use super::machine::{Session, Stage};
use super::output::{Outbox, Wish};
use crate::event::{Event, Notice};

impl Session {
    /// Reports what is new in the dialogue's notes.
    pub(super) fn report_notes(&mut self, outbox: &mut Outbox) {
        let notes = self.dialogue.notes();
        let reported = std::mem::replace(&mut self.reported, notes);
        let news = [
            (Notice::PasswordExposed, notes.password_exposed && !reported.password_exposed),
            (Notice::FactsForged, notes.forged_facts > 0 && reported.forged_facts == 0),
        ];
        for (notice, _) in news.into_iter().filter(|(_, is_new)| *is_new) {
            outbox.wish(Wish::Report(Event::Noticed { subject: self.subject(), notice }));
        }
    }

    /// What became of a dialogue that was cut short, for the log: where it stood, and what the backend said last.
    pub(super) fn cut_short(&self, word: &str) -> Box<str> {
        let is_talking = matches!(self.stage, Stage::LoggingIn);
        let Some(attempt) = self.attempt.as_ref().filter(|_| is_talking) else {
            return word.into();
        };
        let Some(dialogue) = &attempt.dialogue else { return word.into() };
        let (stage, words) = (dialogue.stage(), dialogue.last_line());
        if words.is_empty() || attempt.is_betrayed_by(words.as_bytes()) {
            format!("{word} (at {stage})").into()
        } else {
            format!("{word} (at {stage}); its last words: {words}").into()
        }
    }

    /// A backend said something where TLS begins that counts for nothing (W-BTLS-4): the log tells it, once per attempt.
    pub(super) fn report_words_in_clear(&self, outbox: &mut Outbox) {
        let dialogue = self.attempt.as_ref().and_then(|attempt| attempt.dialogue.as_ref());
        if dialogue.is_some_and(|dialogue| dialogue.spoke_in_clear()) {
            let (subject, notice) = (self.subject(), Notice::WordsInClear);
            outbox.wish(Wish::Report(Event::Noticed { subject, notice }));
        }
    }
}
