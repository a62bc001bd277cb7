//! What the log says of a GeoDB that does not answer: once when it begins, once when it is over.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::control::admin::Board;
use crate::control::geodb::GeoDbError;
use crate::event::Event;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;

/// Whether the GeoDB is in trouble, as all who ask it see it together.
#[derive(Debug)]
pub(super) struct Trouble {
    log: Arc<Mailbox<Event>>,
    board: Board,
    /// The last failure of those that have been told.
    last: Cell<Option<Tick>>,
}

impl Trouble {
    pub(super) fn new(log: Arc<Mailbox<Event>>, board: Board) -> Self {
        Self { log, board, last: Cell::new(None) }
    }

    /// A call failed. A row that makes no sense is the matter of its user's login, whose line says so.
    pub(super) fn failed(&self, fault: &GeoDbError) {
        if fault.is_outage() && self.last.replace(Some(clock::now())).is_none() {
            self.board.geodb_failed(&fault.to_string());
            self.note(true, format!("geodb: {fault}; logins go on with what is cached"));
        }
    }

    /// A call succeeded. While others fail this is no end of the trouble: reads go on while writes wait for a lock.
    pub(super) fn answered(&self) {
        let is_over = |last: Tick| clock::now().since(last) >= CALM;
        if self.last.get().is_some_and(is_over) {
            self.last.set(None);
            self.board.geodb_answers();
            self.note(false, "geodb: answers again".to_owned());
        }
    }

    /// The tables were read as a whole, and are published.
    pub(super) fn tables_read(&self) {
        self.board.geodb_read(self.last.get().is_some());
    }

    /// Writes a line to the log.
    pub(super) fn note(&self, warning: bool, text: String) {
        // A full log mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }
}

/// Trouble is over when nothing failed for so long.
const CALM: Duration = Duration::from_secs(3);
