//! Sessions whose token ends while they last.
//!
//! Decides: what is due of a session when its token has ended. Does not: know tokens (a passdb has told when each ends), or end
//! sessions. A session without a token has no entry here and costs nothing. Driver: `driver`. Tests: below, the simulator,
//! `tests/appliance/e2e/token_expiry.rs`.

use std::collections::HashMap;

use crate::config::TokenExpiry;
use crate::limits;
use crate::tick::Tick;

/// When the tokens of a core's sessions end.
#[derive(Debug)]
pub(in crate::worker) struct Expiries {
    pub(super) rule: TokenExpiry,
    /// By slot.
    ends: HashMap<u32, Tick>,
}

/// What is due of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it has no token, or one that has not ended, or is in the middle of something.
    Nothing,
    /// A line in the log, and it goes on.
    Note,
    /// It is told goodbye, and ends.
    Goodbye,
    /// It ends in the middle of something.
    End,
}

impl Expiries {
    pub(super) fn new(rule: TokenExpiry) -> Self {
        Self { rule, ends: HashMap::new() }
    }

    /// A session has a token that ends then.
    pub(super) fn begin(&mut self, slot: u32, end: Tick) {
        self.ends.insert(slot, end);
    }

    /// The session is over, or its token's end has been dealt with.
    pub(super) fn end(&mut self, slot: u32) {
        if !self.ends.is_empty() {
            self.ends.remove(&slot);
        }
    }

    /// When the session's token ends.
    pub(super) fn at(&self, slot: u32) -> Option<Tick> {
        if self.ends.is_empty() {
            return None;
        }
        self.ends.get(&slot).copied()
    }

    /// When the session is to be looked at next for its token's sake.
    pub(super) fn look_at(&self, slot: u32, now: Tick) -> Option<Tick> {
        self.at(slot).map(|end| end.max(now.after(limits::TOKEN_EXPIRED_QUIET)))
    }

    /// What is due now. `is_quiet`: no byte has moved for [`limits::TOKEN_EXPIRED_QUIET`].
    pub(super) fn due(&self, slot: u32, is_quiet: bool, now: Tick) -> Due {
        let Some(end) = self.at(slot).filter(|end| *end <= now) else { return Due::Nothing };
        match self.rule {
            TokenExpiry::Keep => Due::Note,
            TokenExpiry::End if is_quiet => Due::Goodbye,
            TokenExpiry::End if now.since(end) >= limits::TOKEN_EXPIRED_GRACE => Due::End,
            TokenExpiry::End => Due::Nothing,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_told_goodbye_when_it_is_quiet_and_ends_a_minute_later_at_the_latest() {
        let mut expiries = Expiries::new(TokenExpiry::End);
        assert_eq!(expiries.due(7, true, Tick(90_000)), Due::Nothing, "it has no token");
        expiries.begin(7, Tick(10_000));
        assert_eq!(expiries.due(7, true, Tick(9_999)), Due::Nothing);
        assert_eq!(expiries.due(7, true, Tick(10_000)), Due::Goodbye);
        assert_eq!(expiries.due(7, false, Tick(69_999)), Due::Nothing);
        assert_eq!(expiries.due(7, false, Tick(70_000)), Due::End);
        assert_eq!(expiries.look_at(7, Tick(1_000)), Some(Tick(10_000)));
        assert_eq!(expiries.look_at(7, Tick(10_500)), Some(Tick(11_500)), "again in a second");
        assert_eq!(expiries.look_at(8, Tick(10_500)), None);
        expiries.end(7);
        assert_eq!((expiries.at(7), expiries.count()), (None, 0));
    }

    #[test]
    fn a_session_that_is_kept_is_noted() {
        let mut expiries = Expiries::new(TokenExpiry::Keep);
        expiries.begin(7, Tick(10_000));
        assert_eq!(expiries.due(7, false, Tick(9_000)), Due::Nothing);
        assert_eq!(expiries.due(7, false, Tick(10_000)), Due::Note);
    }
}
