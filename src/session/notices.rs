//! What a client did, beside its logins, that somebody should look at.
//!
//! Decides: that each thing is reported, and only once per connection. Does not: see it; the dialogue takes notes.
//! Driver: `machine`. Tests: `tests/transcripts/session`.

use super::machine::Session;
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
}
