//! Figures of the last half hour, for the pictures on the pages: a bounded ring for all sessions, and one for each backend.
//!
//! A caller looks every [`limits::HISTORY_EVERY`] and hands in what it sees. Backends that are gone are forgotten; a backend that
//! is new has nothing before it came.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::model::Tone;
use super::sparkline::{Course, Strip};
use crate::limits;

/// What is kept.
#[derive(Debug, Default)]
pub struct History {
    all: VecDeque<Figures>,
    /// How many looks each has; they are the last ones.
    hosts: HashMap<Arc<str>, VecDeque<HostFigures>>,
    totals: Option<[u64; 2]>,
}

/// What all sessions come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Clients that are logged in.
    pub sessions: u32,
    /// Logins that succeeded: handed in as a total, kept as so many a minute.
    pub logins: u64,
    /// Logins that failed, as above.
    pub failures: u64,
}

/// What a backend has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFigures {
    /// Connections of this proxy.
    pub connections: u32,
    /// Logins of the last minute.
    pub logins: u32,
    /// How it stands.
    pub standing: Standing,
}

/// How a backend stands: its row and what is known of it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Online, and nothing speaks against it.
    Online,
    /// Online, and something failed.
    Suspect,
    /// Online, and down.
    Down,
    /// Takes no new users.
    Standby,
    /// Taken out.
    Offline,
}

impl Standing {
    /// How it is to be taken.
    #[must_use]
    pub fn tone(self) -> Tone {
        match self {
            Self::Online => Tone::Good,
            Self::Suspect => Tone::Warn,
            Self::Standby => Tone::Plain,
            Self::Down | Self::Offline => Tone::Bad,
        }
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Standby => "standby",
            Self::Offline => "offline",
        }
    }
}

impl History {
    /// Takes up what is seen now.
    pub fn look(&mut self, figures: Figures, hosts: impl Iterator<Item = (Arc<str>, HostFigures)>) {
        let totals = [figures.logins, figures.failures];
        let before = self.totals.replace(totals).unwrap_or(totals);
        let [logins, failures] = [0, 1].map(|at: usize| {
            let of = |totals: [u64; 2]| totals.get(at).copied().unwrap_or(0);
            per_minute(of(totals).saturating_sub(of(before)))
        });
        keep(&mut self.all, Figures { logins, failures, ..figures });
        let mut kept = HashMap::new();
        for (host, figures) in hosts {
            let mut course = self.hosts.remove(&host).unwrap_or_default();
            keep(&mut course, figures);
            kept.insert(host, course);
        }
        self.hosts = kept;
    }

    /// What was seen last.
    #[must_use]
    pub fn last(&self) -> Option<Figures> {
        self.all.back().copied()
    }

    /// A number of all sessions.
    #[must_use]
    pub fn course(&self, name: &'static str, of: impl Fn(&Figures) -> u64) -> Course {
        let value = |figures: &Figures| u32::try_from(of(figures)).unwrap_or(u32::MAX);
        Course { name, values: padded(self.all.iter().map(value)) }
    }

    /// A number of a backend.
    #[must_use]
    pub fn host_course(
        &self,
        host: &str,
        name: &'static str,
        of: impl Fn(&HostFigures) -> u32,
    ) -> Course {
        let figures = self.hosts.get(host).into_iter().flatten();
        Course { name, values: padded(figures.map(of)) }
    }

    /// How a backend stood.
    #[must_use]
    pub fn host_strip(&self, host: &str) -> Strip {
        let figures = self.hosts.get(host).into_iter().flatten();
        let states = figures.map(|it| (it.standing.tone(), it.standing.name()));
        Strip { values: padded(states) }
    }
}

fn keep<T>(course: &mut VecDeque<T>, value: T) {
    if course.len() >= limits::HISTORY_LOOKS {
        course.pop_front();
    }
    course.push_back(value);
}

/// As many as a whole history has, so that all pictures have the same time.
fn padded<T: Copy>(known: impl Iterator<Item = T>) -> Vec<Option<T>> {
    let known: Vec<T> = known.collect();
    let missing = limits::HISTORY_LOOKS.saturating_sub(known.len());
    std::iter::repeat_n(None, missing).chain(known.into_iter().map(Some)).collect()
}

/// Of what happened between two looks.
fn per_minute(count: u64) -> u64 {
    count.saturating_mul(60).checked_div(limits::HISTORY_EVERY.as_secs()).unwrap_or(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(connections: u32) -> HostFigures {
        HostFigures { connections, logins: 0, standing: Standing::Online }
    }

    #[test]
    fn the_last_half_hour_is_kept_and_no_more() {
        let mut history = History::default();
        for look in 0..limits::HISTORY_LOOKS + 7 {
            let look = u32::try_from(look).unwrap();
            let figures = Figures { sessions: look, logins: u64::from(look) * 5, failures: 0 };
            history.look(figures, [("be1".into(), host(look))].into_iter());
        }
        let course = history.course("sessions", |it| u64::from(it.sessions));
        assert_eq!(course.values.len(), limits::HISTORY_LOOKS);
        assert_eq!(course.values[0], Some(7));
        let last = history.last().unwrap();
        assert_eq!((last.logins, last.failures), (20, 0), "five in fifteen seconds");
        assert_eq!(history.host_course("be1", "c", |it| it.connections).values[0], Some(7));
    }

    #[test]
    fn a_backend_that_comes_late_has_no_past_and_one_that_is_gone_no_room() {
        let mut history = History::default();
        let look = |history: &mut History, name: &str| {
            history.look(Figures::default(), [(name.into(), host(3))].into_iter());
        };
        look(&mut history, "be1");
        look(&mut history, "be2");
        assert_eq!(history.hosts.len(), 1);
        let strip = history.host_strip("be2");
        assert_eq!(strip.values.iter().flatten().count(), 1);
        assert_eq!(strip.values.last(), Some(&Some((Tone::Good, "online"))));
        assert!(history.host_strip("be1").values.iter().all(Option::is_none));
    }
}
