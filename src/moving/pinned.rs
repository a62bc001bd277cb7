//! Users who are pinned to a backend, or no more: their next login is the one that goes where it should (C-PIN-2).
//!
//! Decides: whose sessions end. Does not: end them. Driver: `control::tasks::pins`. Tests: `super::tests`.

use std::collections::BTreeSet;

use crate::route::pins::{Followed, changed};
use crate::route::table::Table;

/// The pins that one proxy has seen.
#[derive(Debug, Default)]
pub struct Pinned {
    known: Option<Followed>,
    /// Whose sessions are still to be ended.
    leaving: BTreeSet<Box<str>>,
}

impl Pinned {
    /// Takes up the published table.
    pub fn look(&mut self, table: &Table) {
        // Before the first rows were read there were no sessions.
        if table.local_site().is_none() {
            return;
        }
        let pins = table.followed_pins();
        if let Some(before) = self.known.replace(pins.clone()) {
            self.leaving.extend(changed(&before, &pins));
        }
    }

    /// All sessions and logins of these users are to end; then [`Self::ended`].
    #[must_use]
    pub fn leaving(&self) -> Vec<Box<str>> {
        self.leaving.iter().cloned().collect()
    }

    /// They have.
    pub fn ended(&mut self, user: &str) {
        self.leaving.remove(user);
    }
}
