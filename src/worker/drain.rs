//! How long a drain lasts, and when its sessions are looked at (W-PIPE-8, W-REL-7).

use std::time::Duration;

use crate::tick::Tick;

/// A drain under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// Connections that are left then are closed.
    deadline: Tick,
    /// When to look for idle sessions next.
    next_look: Tick,
}

/// What a look at the sessions is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Idle ones end.
    Idle,
    /// All end.
    Over,
}

impl Drain {
    pub(super) fn new(within: Duration, now: Tick) -> Self {
        Self { deadline: now.after(within), next_look: now }
    }

    /// A second order only shortens the time.
    pub(super) fn shorten(&mut self, within: Duration, now: Tick) {
        self.deadline = self.deadline.min(now.after(within));
    }

    /// Whether to look now, and for what.
    pub(super) fn look(&mut self, now: Tick) -> Option<Look> {
        if now < self.next_look || self.deadline == NEVER {
            return None;
        }
        let next_look = now.after(LOOK_EVERY);
        if now >= self.deadline {
            self.next_look = next_look;
            return Some(Look::Over);
        }
        self.next_look = next_look.min(self.deadline);
        Some(Look::Idle)
    }

    /// How long until the next look.
    pub(super) fn wait(&self, now: Tick) -> Option<Duration> {
        (self.deadline != NEVER).then(|| now.until(self.next_look))
    }
}

/// The deadline of a drain that ends no session (`shutdown_clients = no`).
const NEVER: Tick = Tick(u64::MAX);
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_rel_7_idle_sessions_first_and_all_at_the_deadline() {
        let mut drain = Drain::new(Duration::from_secs(60), Tick(1_000));
        assert_eq!(drain.look(Tick(1_000)), Some(Look::Idle));
        assert_eq!(drain.look(Tick(1_100)), None);
        assert_eq!(drain.wait(Tick(1_100)), Some(Duration::from_millis(150)));
        drain.shorten(Duration::from_millis(200), Tick(1_200));
        drain.shorten(Duration::from_secs(60), Tick(1_200));
        assert_eq!(drain.look(Tick(1_300)), Some(Look::Idle));
        assert_eq!(drain.wait(Tick(1_300)), Some(Duration::from_millis(100)));
        assert_eq!(drain.look(Tick(1_400)), Some(Look::Over));
    }

    #[test]
    fn a_drain_without_an_end_closes_no_session() {
        let mut drain = Drain::new(Duration::MAX, Tick(1_000));
        assert_eq!(drain.look(Tick(1_000_000)), None);
        assert_eq!(drain.wait(Tick(1_000_000)), None);
    }
}
