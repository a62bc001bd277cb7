//! Whether other proxies of the site can be heard by their rows (R-PROBE-4): where the `GeoDB` took no figures for longer than
//! those are good for, none speaks against a ruling, and that means nothing.

use crate::limits;
use crate::tick::Tick;

/// Of one proxy.
#[derive(Clone, Copy, Debug)]
pub struct Hearing {
    /// When the GeoDB last took this proxy's figures.
    taken: Tick,
    /// The others have had the time to write theirs since.
    from: Tick,
    /// The same of the first time that it took some; none: it has not yet.
    new_until: Option<Tick>,
}

impl Hearing {
    /// This proxy begins. What others have written before counts.
    #[must_use]
    pub fn new(now: Tick) -> Self {
        Self { taken: now, from: now, new_until: None }
    }

    /// The GeoDB took this proxy's figures.
    pub fn figures_taken(&mut self, now: Tick) {
        let written = now.after(limits::STATS_EVERY + limits::STATS_LATE_BY);
        if self.is_out_of_touch(now) {
            self.from = written;
        }
        self.new_until.get_or_insert(written);
        self.taken = now;
    }

    /// Whether this proxy has just begun: those whose words had run out before may not have had the time for new ones.
    #[must_use]
    pub fn is_new(&self, now: Tick) -> bool {
        self.new_until.is_none_or(|until| now < until)
    }

    /// Whether others had the time to say something.
    #[must_use]
    pub fn hears(&self, now: Tick) -> bool {
        !self.is_out_of_touch(now) && now >= self.from
    }

    /// Whether rows of others, which come as often, may have run out since.
    fn is_out_of_touch(&self, now: Tick) -> bool {
        now.since(self.taken) > limits::STATS_FRESH_FOR - limits::STATS_EVERY
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn r_probe_4_behind_an_outage_of_the_geodb_the_others_are_given_time_to_speak() {
        let at = |seconds| Tick(1_000).after(Duration::from_secs(seconds));
        let mut hearing = Hearing::new(at(0));
        assert!(hearing.hears(at(0)), "what was written before counts");
        assert!(hearing.is_new(at(9)), "no figures of its own were taken yet");
        for seconds in [1, 16, 31, 60] {
            hearing.figures_taken(at(seconds));
            assert!(hearing.hears(at(seconds)), "{seconds}");
            assert_eq!(hearing.is_new(at(seconds)), seconds < 18, "{seconds}");
        }
        assert!(hearing.hears(at(90)) && !hearing.hears(at(91)));
        hearing.figures_taken(at(100));
        assert!(!hearing.hears(at(116)));
        assert!(hearing.hears(at(117)));
        hearing.figures_taken(at(115));
        assert!(hearing.hears(at(117)));
    }
}
