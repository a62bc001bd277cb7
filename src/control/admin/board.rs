//! What the control core's tasks last saw, for operators who ask for the status: each writes its line when it has looked.
//!
//! One thread writes and reads it. Nothing waits for it, and nothing is decided by it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::control::Level;
use crate::control::expiry::Expiry;
use crate::control::loads::Use;
use crate::health::State;
use crate::limits;
use crate::names::Protocol;
use crate::ring::clock;
use crate::tick::Tick;

/// The board. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Board(Rc<RefCell<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    geodb: Reading,
    settings: Reading,
    passdbs: Reading,
    certificates: Reading,
    expiries: Vec<Expiry>,
    look_ups: UnderWay,
    moves: Vec<MoveLine>,
    uses: Uses,
    probes: Vec<ProbeLine>,
    events: VecDeque<Told>,
}

/// A line of the log that an operator may want to see again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Told {
    /// Seconds since 1970.
    pub(in crate::control) at: i64,
    pub(in crate::control) level: Level,
    pub(in crate::control) text: Box<str>,
}

/// What probes and logins have found of a backend by one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct ProbeLine {
    pub(in crate::control) host: Arc<str>,
    pub(in crate::control) protocol: Protocol,
    /// What it counts as.
    pub(in crate::control) state: State,
    /// What the last good login of the test user took.
    pub(in crate::control) took: Option<Duration>,
}

/// A move that holds logins, as this proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct MoveLine {
    pub(in crate::control) of: MoveOf,
    /// The backend that is left.
    pub(in crate::control) from: Box<str>,
    /// Where it leads.
    pub(in crate::control) to: Box<str>,
    /// For how long logins have been held here.
    pub(in crate::control) held: Duration,
    /// Sessions that the last search found.
    pub(in crate::control) left: usize,
    /// When the destination takes over in any case.
    pub(in crate::control) timeout: Duration,
}

/// What moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::control) enum MoveOf {
    Group(Box<str>),
    User(Box<str>),
}

impl MoveLine {
    /// For operators.
    pub(in crate::control) fn described(&self) -> String {
        let Self { of: _, from, to, held, left, timeout } = self;
        format!(
            "from {from} to {to}; logins held for {} s; {left} sessions left; over in {} s at the latest",
            held.as_secs(),
            timeout.saturating_sub(*held).as_secs()
        )
    }
}

/// What hosts are used for, as this proxy knows.
type Uses = HashMap<Arc<str>, Use>;

/// How many of something are under way, and how many were at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct UnderWay {
    pub(in crate::control) now: usize,
    pub(in crate::control) most: usize,
}

/// How something that is read again and again was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct Reading {
    /// When it was last read and put to use.
    pub(in crate::control) read_at: Option<Tick>,
    /// What is wrong with it since.
    pub(in crate::control) trouble: Option<Box<str>>,
}

impl Reading {
    fn now() -> Self {
        Self { read_at: Some(clock::now()), trouble: None }
    }

    fn failed(&mut self, trouble: &str) {
        self.trouble = Some(trouble.into());
    }

    /// Since when it is in use, in seconds.
    pub(in crate::control) fn age(&self, now: Tick) -> Option<u64> {
        self.read_at.map(|at| now.since(at).as_secs())
    }
}

impl Board {
    /// The GeoDB's tables were read as a whole, and are published; `is_in_trouble`: not everything else works.
    pub(in crate::control) fn geodb_read(&self, is_in_trouble: bool) {
        let geodb = &mut self.0.borrow_mut().geodb;
        let trouble = geodb.trouble.take().filter(|_| is_in_trouble);
        *geodb = Reading { trouble, ..Reading::now() };
    }

    /// The GeoDB does not answer.
    pub(in crate::control) fn geodb_failed(&self, trouble: &str) {
        self.0.borrow_mut().geodb.failed(trouble);
    }

    /// It does again.
    pub(in crate::control) fn geodb_answers(&self) {
        self.0.borrow_mut().geodb.trouble = None;
    }

    /// What hosts are used for was counted.
    pub(in crate::control) fn uses_seen(&self, uses: Uses) {
        self.0.borrow_mut().uses = uses;
    }

    /// What they are used for.
    pub(in crate::control) fn uses(&self) -> Uses {
        self.0.borrow().uses.clone()
    }

    /// So many look-ups are under way now.
    pub(in crate::control) fn look_ups(&self, now: usize) {
        let look_ups = &mut self.0.borrow_mut().look_ups;
        *look_ups = UnderWay { now, most: look_ups.most.max(now) };
    }

    /// A line was written to the log.
    pub(in crate::control) fn tell(&self, told: Told) {
        let events = &mut self.0.borrow_mut().events;
        if events.len() >= limits::PAGE_EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(told);
    }

    /// The last of them, the newest first.
    pub(in crate::control) fn events(&self) -> Vec<Told> {
        self.0.borrow().events.iter().rev().cloned().collect()
    }

    /// Probes and logins have found this of each backend.
    pub(in crate::control) fn probed(&self, probes: Vec<ProbeLine>) {
        self.0.borrow_mut().probes = probes;
    }

    /// What they found, by host and protocol.
    pub(in crate::control) fn probes(&self) -> Vec<ProbeLine> {
        self.0.borrow().probes.clone()
    }

    /// These moves are under way now.
    pub(in crate::control) fn moves(&self, moves: Vec<MoveLine>) {
        self.0.borrow_mut().moves = moves;
    }

    pub(in crate::control) fn moves_under_way(&self) -> Vec<MoveLine> {
        self.0.borrow().moves.clone()
    }

    /// What is under way of this group or user.
    pub(in crate::control) fn move_of(&self, of: &MoveOf) -> Option<MoveLine> {
        self.0.borrow().moves.iter().find(|line| line.of == *of).cloned()
    }

    /// The password databases were read and are published; `remarks`: what is wrong with some.
    pub fn passdbs_read(&self, remarks: &[String]) {
        let mut lines = self.0.borrow_mut();
        lines.passdbs = Reading::now();
        if let Some(remark) = remarks.first() {
            lines.passdbs.failed(remark);
        }
    }

    /// Certificates were read and are published; when each of them ends.
    pub fn certificates_read(&self, expiries: Vec<Expiry>) {
        let mut lines = self.0.borrow_mut();
        lines.certificates = Reading::now();
        lines.expiries = expiries;
    }

    /// The configuration was read and is in force.
    pub fn settings_read(&self) {
        self.0.borrow_mut().settings = Reading::now();
    }

    /// It was refused; the former one stays in force.
    pub(in crate::control) fn settings_refused(&self, trouble: &str) {
        self.0.borrow_mut().settings.failed(trouble);
    }

    pub(super) fn settings(&self) -> Reading {
        self.0.borrow().settings.clone()
    }

    pub(in crate::control) fn geodb(&self) -> Reading {
        self.0.borrow().geodb.clone()
    }

    pub(in crate::control) fn look_ups_under_way(&self) -> UnderWay {
        self.0.borrow().look_ups
    }

    pub(in crate::control) fn passdbs(&self) -> Reading {
        self.0.borrow().passdbs.clone()
    }

    pub(in crate::control) fn certificates(&self) -> Reading {
        self.0.borrow().certificates.clone()
    }

    /// When the certificates in use end.
    pub(in crate::control) fn expiries(&self) -> Vec<Expiry> {
        self.0.borrow().expiries.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_stays_until_it_is_over_and_the_last_good_reading_is_remembered() {
        let board = Board::default();
        assert_eq!(board.geodb().age(Tick(9_000)), None);
        board.geodb_read(false);
        let read_at = board.geodb().read_at;
        board.geodb_failed("locked");
        let trouble = Some("locked".into());
        assert_eq!(board.geodb(), Reading { read_at, trouble });
        board.geodb_answers();
        assert_eq!(board.geodb(), Reading { read_at, trouble: None });
        board.geodb_failed("locked");
        board.geodb_read(true);
        assert!(board.geodb().trouble.is_some());
        for under_way in [1, 2, 3, 2] {
            board.look_ups(under_way);
        }
        assert_eq!(board.look_ups_under_way(), UnderWay { now: 2, most: 3 });
        board.passdbs_read(&["users: 3 bad lines".to_owned()]);
        assert!(board.passdbs().trouble.is_some() && board.passdbs().read_at.is_some());
    }
}
