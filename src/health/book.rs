//! What one proxy knows of each backend of its site, and when each is to be probed next.
//!
//! Decides: which probe is due first, what follows from what was found, and what the site is like beside one backend (R-PROBE-5).
//! Does not: connect, read or write. Driven by `control::tasks::probes`, and by the simulation of clusters. Tests: `tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::course::{Change, Finding, Health, State};
use super::hearing::Hearing;
use super::ruling::{Site, Withheld};
use super::watched::{Course, NewStatus, Watched};
use crate::limits;
use crate::names::Protocol;
use crate::route::rows::BackendStatus;
use crate::tick::Tick;

/// All backends of the site.
#[derive(Debug)]
pub struct Book {
    watched: BTreeMap<Uuid, Watched>,
    /// By when it is due: backend and protocol.
    agenda: BTreeSet<(Tick, Uuid, usize)>,
    /// Those that are not up.
    failing: BTreeSet<Uuid>,
    /// How many backends users are sent to, or were until a program took them out.
    in_use: usize,
    /// When more than half of those last failed: what was found until then may be this proxy's own doing.
    troubled: Option<Tick>,
    hearing: Hearing,
}

impl Book {
    /// No backend is known yet.
    #[must_use]
    pub fn new(now: Tick) -> Self {
        Self {
            watched: BTreeMap::new(),
            agenda: BTreeSet::new(),
            failing: BTreeSet::new(),
            in_use: 0,
            troubled: None,
            hearing: Hearing::new(now),
        }
    }

    /// The GeoDB took this proxy's figures.
    pub fn figures_taken(&mut self, now: Tick) {
        self.hearing.figures_taken(now);
    }

    /// Backends are these now: new ones are watched from here on, others no more.
    pub fn keep(
        &mut self,
        hosts: impl Iterator<Item = (Uuid, Arc<str>)>,
        protocols: &[Protocol],
        now: Tick,
        mut draw: impl FnMut() -> u16,
    ) {
        let mut former = std::mem::take(&mut self.watched);
        for (id, host) in hosts {
            let watched = match former.remove(&id) {
                Some(watched) if watched.host == host => watched,
                _ => Watched::new(host, protocols, now, &mut draw),
            };
            self.watched.insert(id, watched);
        }
        self.agenda.clear();
        self.failing.retain(|id| self.watched.contains_key(id));
        for (id, watched) in &mut self.watched {
            for (way, course) in watched.courses.iter_mut().enumerate() {
                course.listed = course.health.due();
                self.agenda.extend(course.listed.map(|due| (due, *id, way)));
            }
        }
        self.in_use = self.in_use().count();
    }

    /// The row of a backend says this.
    pub fn set_status(
        &mut self,
        id: Uuid,
        status: &BackendStatus,
        reason: Option<&str>,
        now: Tick,
    ) -> NewStatus {
        let was_troubled = self.is_troubled();
        let Some(watched) = self.watched.get_mut(&id) else { return NewStatus::Same };
        let was_in_use = watched.is_in_use();
        let new = watched.set_status(status, reason, now);
        let is_in_use = watched.is_in_use();
        self.in_use = self.in_use + usize::from(is_in_use) - usize::from(was_in_use);
        self.note_trouble(was_troubled, now);
        new
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: Uuid) -> Option<&Watched> {
        self.watched.get(&id)
    }

    /// The same, for what the driver notes there.
    pub fn get_mut(&mut self, id: Uuid) -> Option<&mut Watched> {
        self.watched.get_mut(&id)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (Uuid, &Watched)> {
        self.watched.iter().map(|(id, watched)| (*id, watched))
    }

    /// Those that are not up.
    pub fn failing(&self) -> impl Iterator<Item = (Uuid, &Watched)> {
        self.failing.iter().filter_map(|id| Some((*id, self.watched.get(id)?)))
    }

    /// Those that are down, and to which no users are sent any more because of that (R-PROBE-9).
    #[must_use]
    pub fn lost(&self) -> BTreeSet<Arc<str>> {
        let lost = self.failing().filter(|(_, watched)| watched.is_lost());
        lost.map(|(_, watched)| Arc::clone(&watched.host)).collect()
    }

    /// The way in which a protocol is probed; none: it is not.
    #[must_use]
    pub fn way(&self, id: Uuid, protocol: Protocol) -> Option<usize> {
        self.watched.get(&id)?.courses.iter().position(|course| course.protocol == protocol)
    }

    /// When the next probe is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Tick> {
        self.agenda.first().map(|(due, ..)| *due)
    }

    /// Takes the first of those that are due; it is in flight from here on.
    pub fn begin(&mut self, now: Tick) -> Option<(Uuid, usize)> {
        let (_, id, way) = self.agenda.first().copied().filter(|(due, ..)| *due <= now)?;
        self.alter(id, way, |course| {
            course.health.begin(now);
            None
        });
        Some((id, way))
    }

    /// The probe could not be made, for a reason of ours: nothing was found.
    pub fn put_off(&mut self, id: Uuid, way: usize, now: Tick) {
        self.alter(id, way, |course| {
            course.health.put_off(now);
            None
        });
    }

    /// A probe has ended. `words`: why it is not well; `took_ms`: what a login took; `jitter`: per mille.
    pub fn found(
        &mut self,
        (id, way): (Uuid, usize),
        (finding, words): (Finding, &str),
        took_ms: Option<u64>,
        now: Tick,
        jitter: u16,
    ) -> Option<Change> {
        self.change(id, way, now, |course| {
            course.is_probed = true;
            if finding == Finding::Well {
                course.took_ms = took_ms;
            }
            course.words = words.into();
            course.health.end(finding, now, jitter)
        })
    }

    /// A login succeeded there, at that moment; it may be known already.
    pub fn login_succeeded(&mut self, id: Uuid, way: usize, at: Tick, now: Tick) -> Option<Change> {
        self.change(id, way, now, |course| {
            let is_news = course.health.last_well().is_none_or(|known| known < at);
            if is_news { course.health.login_succeeded(at) } else { None }
        })
    }

    /// A login failed there, or waits in vain.
    pub fn login_failed(&mut self, id: Uuid, way: usize, now: Tick) -> Option<Change> {
        self.change(id, way, now, |course| course.health.login_failed(now))
    }

    /// Why its row is left alone; none: it is not, or may stay. Whether the operator is to be told: once for each reason, and one
    /// alarm for all of them where this proxy itself is in trouble.
    pub fn note_withheld(&mut self, id: Uuid, why: Option<&Withheld>) -> bool {
        let is_trouble = |why: Option<&Withheld>| matches!(why, Some(Withheld::OwnTrouble { .. }));
        let is_known =
            is_trouble(why) && self.failing().any(|(_, it)| is_trouble(it.told.as_ref()));
        let Some(watched) = self.watched.get_mut(&id) else { return false };
        let is_same = match (&watched.told, why) {
            (Some(told), Some(why)) => std::mem::discriminant(told) == std::mem::discriminant(why),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            watched.told = why.cloned();
        }
        !is_same && !is_known
    }

    /// Those whose rows may have to say something else now that this one was looked at: others wait for what it says of our
    /// own way there.
    #[must_use]
    pub fn concerned(&self, id: Uuid) -> Vec<Uuid> {
        let waits = |watched: &Watched| {
            matches!(watched.told, Some(Withheld::NoWitness | Withheld::Unconfirmed))
        };
        let waiting = self.failing().filter(|(other, it)| *other != id && waits(it));
        std::iter::once(id).chain(waiting.map(|(other, _)| other)).collect()
    }

    /// Something happened to one of them, with all that follows for others.
    fn change(
        &mut self,
        id: Uuid,
        way: usize,
        now: Tick,
        what: impl FnOnce(&mut Course) -> Option<Change>,
    ) -> Option<Change> {
        let was_troubled = self.is_troubled();
        let change = self.alter(id, way, what);
        if change.is_some() {
            self.note_trouble(was_troubled, now);
        }
        if change == Some(Change::Suspected) {
            self.call_witnesses(id, now);
        }
        change
    }

    /// More than half fail, or did until now. What has failed meanwhile is looked at once more: it may have been our own doing.
    fn note_trouble(&mut self, was_troubled: bool, now: Tick) {
        let is_troubled = self.is_troubled();
        if was_troubled || is_troubled {
            self.troubled = Some(now);
        }
        if was_troubled && !is_troubled {
            let failing: Vec<Uuid> = self.failing.iter().copied().collect();
            for id in failing {
                self.hasten_all(id, |health| health.hasten(now));
            }
        }
    }

    /// Whether more than half of those in use fail.
    fn is_troubled(&self) -> bool {
        // Most of the time without a look at each.
        self.failing.len() * 2 > self.in_use && {
            let failing = self.failing().filter(|(_, watched)| watched.is_in_use());
            failing.count() * 2 > self.in_use
        }
    }

    fn in_use(&self) -> impl Iterator<Item = (&Uuid, &Watched)> {
        self.watched.iter().filter(|(_, watched)| watched.is_in_use())
    }

    /// Something happened to one of them, which is due at another time now.
    fn alter(
        &mut self,
        id: Uuid,
        way: usize,
        what: impl FnOnce(&mut Course) -> Option<Change>,
    ) -> Option<Change> {
        let watched = self.watched.get_mut(&id)?;
        let course = watched.courses.get_mut(way)?;
        if let Some(listed) = course.listed.take() {
            self.agenda.remove(&(listed, id, way));
        }
        let change = what(course);
        course.listed = course.health.due();
        self.agenda.extend(course.listed.map(|due| (due, id, way)));
        if watched.state() == State::Up {
            watched.is_overruled = false;
            self.failing.remove(&id);
        } else {
            self.failing.insert(id);
        }
        change
    }

    /// It failed by a protocol that is not probed: what is, is looked at, in case it is the host.
    pub fn look_soon(&mut self, id: Uuid, now: Tick) {
        self.hasten_all(id, |health| health.look_soon(now));
    }

    fn hasten_all(&mut self, id: Uuid, what: impl Fn(&mut Health)) {
        let ways = self.watched.get(&id).map_or(0, |watched| watched.courses.len());
        for way in 0..ways {
            self.alter(id, way, |course| {
                what(&mut course.health);
                None
            });
        }
    }

    /// One begins to fail: some others are looked at, so that a failure of ours is seen as such.
    fn call_witnesses(&mut self, but: Uuid, now: Tick) {
        let first = self.watched.get(&but).and_then(Watched::first_failure).unwrap_or(now);
        let is_stale = |course: &Course| {
            course.health.state() == State::Up
                && course.health.last_well().is_none_or(|at| at < first)
                && course.listed.is_some_and(|due| due > now)
        };
        let stale: Vec<(Uuid, usize)> = self
            .in_use()
            .filter(|(id, _)| **id != but)
            .filter_map(|(id, watched)| Some((*id, watched.courses.iter().position(is_stale)?)))
            .take(limits::PROBE_WITNESSES)
            .collect();
        for (id, way) in stale {
            self.alter(id, way, |course| {
                course.health.hasten(now);
                None
            });
        }
    }

    /// The site beside this backend.
    #[must_use]
    pub fn site(&self, id: Uuid, now: Tick) -> Site {
        let first = self.watched.get(&id).and_then(Watched::first_failure);
        let is_witness = |(other, watched): (&Uuid, &Watched)| {
            let well = watched.courses.iter().filter_map(|course| course.health.last_well()).max();
            *other != id && first.is_some_and(|first| well.is_some_and(|well| well >= first))
        };
        let online = || self.in_use().filter(|(_, it)| it.status == BackendStatus::Online);
        let going = online().filter(|(other, it)| **other != id && it.is_going()).count();
        let failed = self.watched.get(&id).and_then(Watched::last_failed);
        Site {
            probed: self.in_use,
            failing: self.in_use().filter(|(_, watched)| watched.state() != State::Up).count(),
            online: online().count() - going,
            has_witness: self.in_use().any(is_witness),
            is_confirmed: self.troubled.is_none_or(|at| failed.is_some_and(|began| began >= at)),
            is_dark: !online().any(|(_, it)| it.state() != State::Down),
            hears_others: self.hearing.hears(now),
            is_new: self.hearing.is_new(now),
        }
    }

    /// Others that this proxy is about to take out.
    #[must_use]
    pub fn going(&self, but: Uuid) -> BTreeSet<Uuid> {
        let all = self.all().filter(|(id, watched)| *id != but && watched.is_going());
        all.map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
mod tests;
