//! What becomes of a GeoDB that does not answer (C-CACHE-2): the log says so once a minute, the data cores use what is
//! remembered, and look-ups do not wait for what has just been waited for in vain.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::control::admin::Board;
use crate::control::geodb::GeoDbError;
use crate::event::Event;
use crate::limits;
use crate::ring::clock;
use crate::share::counters::Counter;
use crate::share::exchange::Exchange;
use crate::tick::Tick;

/// Whether the GeoDB is in trouble, as all who ask it see it together.
#[derive(Debug)]
pub(super) struct Trouble {
    exchange: Exchange,
    board: Board,
    now: RefCell<Option<Since>>,
    /// No look-up is made before this.
    silent_until: Cell<Tick>,
    /// When the tables were last read as a whole.
    read_at: Cell<Tick>,
}

/// A trouble that goes on.
#[derive(Debug)]
struct Since {
    began: Tick,
    /// The last failure.
    last: Tick,
    told: Tick,
    fault: Box<str>,
    /// What was counted when it began.
    stale: u64,
}

impl Trouble {
    pub(super) fn new(exchange: &Exchange, board: Board) -> Self {
        Self {
            exchange: exchange.clone(),
            board,
            now: RefCell::new(None),
            silent_until: Cell::new(Tick(0)),
            read_at: Cell::new(clock::now()),
        }
    }

    /// A call failed. A row that makes no sense is the matter of its user's login, whose line says so.
    pub(super) fn failed(&self, fault: &GeoDbError) {
        if !fault.is_outage() {
            return;
        }
        let now = clock::now();
        let text = fault.to_string().into_boxed_str();
        if let GeoDbError::Timeout { .. } = fault {
            self.silent_until.set(now.after(limits::GEODB_SILENT_PAUSE));
        }
        let mut trouble = self.now.borrow_mut();
        if let Some(since) = &mut *trouble {
            (since.last, since.fault) = (now, text);
            return;
        }
        self.board.geodb_failed(&text);
        self.note(true, format!("geodb: {text}; logins go on with what is cached"));
        let stale = self.exchange.total(Counter::GeodbStaleRouting);
        *trouble = Some(Since { began: now, last: now, told: now, fault: text, stale });
        self.exchange.users.set_alone(true);
    }

    /// A call succeeded. While others fail this is no end of the trouble: reads go on while writes wait for a lock.
    pub(super) fn answered(&self) {
        let is_over = |since: &Since| clock::now().since(since.last) >= CALM;
        if self.now.borrow().as_ref().is_some_and(is_over) {
            self.now.take();
            self.silent_until.set(Tick(0));
            self.exchange.users.set_alone(false);
            self.board.geodb_answers();
            self.note(false, "geodb: answers again".to_owned());
        }
    }

    /// Says that it goes on, once a minute.
    pub(super) fn tell_on(&self) {
        let now = clock::now();
        let mut trouble = self.now.borrow_mut();
        let Some(since) = trouble.as_mut() else { return };
        if now.since(since.told) < limits::GEODB_TOLD_EVERY {
            return;
        }
        since.told = now;
        let seconds = now.since(since.began).as_secs();
        let stale = self.exchange.total(Counter::GeodbStaleRouting).wrapping_sub(since.stale);
        let text = format!(
            "geodb: in trouble for {seconds} s: {}; {stale} logins were routed by what is cached",
            since.fault
        );
        drop(trouble);
        self.note(true, text);
    }

    /// Whether calls have failed lately.
    pub(super) fn is_on(&self) -> bool {
        self.now.borrow().is_some()
    }

    /// Whether a look-up would wait in vain: one has just done so. Otherwise the one who asks is the next to find out.
    pub(super) fn is_silent(&self) -> bool {
        clock::now() < self.silent_until.get()
    }

    /// The tables were read as a whole, and are published. Behind a long time without, users may have left a backend and the rows
    /// that told it are gone: each login reads its user first (C-CACHE-3).
    pub(super) fn tables_read(&self) {
        self.tables_read_at(clock::now());
    }

    fn tables_read_at(&self, now: Tick) {
        if now.since(self.read_at.replace(now)) > limits::OUT_OF_TOUCH_AFTER {
            self.exchange.users.doubt_all();
        }
        self.board.geodb_read(self.is_on());
    }

    /// Writes a line to the log.
    pub(super) fn note(&self, warning: bool, text: String) {
        // A full log mailbox loses the line, as with every sender (RS-08).
        let _ = self.exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }
}

/// Trouble is over when nothing failed for so long.
const CALM: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::rows::User;

    #[test]
    fn c_cache_3_behind_a_long_time_without_the_geodb_users_rows_are_doubtful() {
        let exchange = Exchange::new(1).unwrap();
        let trouble = Trouble::new(&exchange, Board::default());
        let row = User { username: "alice".into(), group_name: "g".into(), ..User::default() };
        exchange.users.remember(row, clock::now());
        let is_doubtful = || exchange.users.get("alice").unwrap().is_doubtful;
        let from = |passed: Duration| clock::now().after(passed);
        trouble.tables_read_at(from(limits::OUT_OF_TOUCH_AFTER / 2));
        assert!(!is_doubtful());
        trouble.tables_read_at(from(limits::OUT_OF_TOUCH_AFTER));
        assert!(!is_doubtful());
        trouble.tables_read_at(from(limits::OUT_OF_TOUCH_AFTER * 3));
        assert!(is_doubtful());
    }
}
