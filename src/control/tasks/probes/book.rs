//! What is known of each backend of the site, and when each is to be probed next.
//!
//! Decides: which probe is due first, and what the site is like beside one backend (R-PROBE-5). Does not: judge (`health`), write.
//! Driven by `super`. Tests: below.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::login::Target;
use crate::health::{Change, Ejections, Health, Site, State, Withheld};
use crate::limits;
use crate::names::Protocol;
use crate::route::auto_reason::AutoReason;
use crate::route::rows::BackendStatus;
use crate::tick::Tick;

/// All backends of the site.
#[derive(Debug, Default)]
pub(super) struct Book {
    watched: BTreeMap<Uuid, Watched>,
    /// By when it is due: backend and protocol.
    agenda: BTreeSet<(Tick, Uuid, usize)>,
    /// Those that are not up.
    failing: BTreeSet<Uuid>,
}

/// One backend.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) target: Target,
    pub(super) status: BackendStatus,
    pub(super) reason: Option<Box<str>>,
    /// By protocol, in the order in which they are configured.
    pub(super) courses: Vec<Course>,
    pub(super) ejections: Ejections,
    /// See [`crate::health::Case::is_overruled`].
    pub(super) is_overruled: bool,
    /// A change of its row is being decided.
    pub(super) is_ruled: bool,
    /// Why its row was left alone, as the operator was told last.
    pub(super) told: Option<Withheld>,
}

/// One backend by one protocol.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) protocol: Protocol,
    pub(super) health: Health,
    /// A probe has come to its end, whatever it found.
    pub(super) is_probed: bool,
    /// Why it was not well the last time.
    pub(super) words: Box<str>,
    /// The operator knows that it refuses the test user.
    pub(super) is_account_told: bool,
    /// What the last login of the test user took.
    pub(super) took_ms: Option<u64>,
    /// When it stands in the agenda.
    listed: Option<Tick>,
}

/// What became of a backend's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewStatus {
    /// The same as before.
    Same,
    /// A program took it out.
    TakenOut,
    /// An operator set it online although probes fail.
    Overruled,
    /// Another.
    Other,
}

impl Course {
    /// What is known of it; none: it counts as up, and neither a probe nor a login has shown anything yet.
    pub(super) fn known_state(&self) -> Option<State> {
        let state = self.health.state();
        let is_known = self.is_probed || self.health.last_well().is_some() || state != State::Up;
        is_known.then_some(state)
    }
}

impl Watched {
    fn new(
        target: Target,
        protocols: &[Protocol],
        now: Tick,
        mut draw: impl FnMut() -> u16,
    ) -> Self {
        let courses = protocols.iter().map(|protocol| Course {
            protocol: *protocol,
            health: Health::new(now, draw()),
            is_probed: false,
            words: Box::default(),
            is_account_told: false,
            took_ms: None,
            listed: None,
        });
        Self {
            target,
            status: BackendStatus::Standby,
            reason: None,
            courses: courses.collect(),
            ejections: Ejections::default(),
            is_overruled: false,
            is_ruled: false,
            told: None,
        }
    }

    /// The worst of its protocols.
    pub(super) fn state(&self) -> State {
        self.courses.iter().map(|course| course.health.state()).max().unwrap_or(State::Up)
    }

    /// The protocols that are in this state.
    pub(super) fn failing(&self) -> impl Iterator<Item = &Course> {
        let state = self.state();
        let is_up = state == State::Up;
        self.courses.iter().filter(move |course| !is_up && course.health.state() == state)
    }

    /// The first failure of those.
    pub(super) fn first_failure(&self) -> Option<Tick> {
        self.failing().filter_map(|course| course.health.first_failure()).min()
    }

    /// Whether its row and what is known of it differ.
    pub(super) fn is_contradicted(&self) -> bool {
        match (&self.status, self.state()) {
            (BackendStatus::Online, State::Down) => true,
            (BackendStatus::Offline, State::Up) => self.is_auto() && self.is_proven(),
            _ => false,
        }
    }

    /// Whether probes have logged in, twice in a row by each protocol.
    pub(super) fn is_proven(&self) -> bool {
        !self.courses.is_empty() && self.courses.iter().all(|course| course.health.is_proven())
    }

    /// Whether users are sent there, or were until a program took it out.
    fn is_in_use(&self) -> bool {
        match self.status {
            BackendStatus::Online => true,
            BackendStatus::Offline => self.is_auto(),
            BackendStatus::Standby | BackendStatus::Unknown(_) => false,
        }
    }

    /// Whether it is down, and its row says that it is out: what is left of its sessions leads nowhere.
    fn is_lost(&self) -> bool {
        self.state() == State::Down && self.status == BackendStatus::Offline
    }

    /// Whether a program set its status.
    pub(super) fn is_auto(&self) -> bool {
        self.reason.as_deref().and_then(AutoReason::parse).is_some()
    }

    /// Its row says this.
    pub(super) fn set_status(
        &mut self,
        status: &BackendStatus,
        reason: Option<&str>,
        now: Tick,
    ) -> NewStatus {
        if (&self.status, self.reason.as_deref()) == (status, reason) {
            return NewStatus::Same;
        }
        let was_online = self.status == BackendStatus::Online;
        (self.status, self.reason) = (status.clone(), reason.map(Into::into));
        if *status == BackendStatus::Offline {
            self.courses.iter_mut().for_each(|course| course.health.prove_again());
        }
        match (status, self.is_auto()) {
            (BackendStatus::Offline, true) if was_online => {
                self.ejections.add(now);
                NewStatus::TakenOut
            }
            (BackendStatus::Online, false) if self.state() == State::Down => {
                self.is_overruled = true;
                NewStatus::Overruled
            }
            _ => NewStatus::Other,
        }
    }
}

impl Book {
    /// Backends are these now: new ones are watched from here on, others no more.
    pub(super) fn keep(
        &mut self,
        targets: impl Iterator<Item = (Uuid, Target)>,
        protocols: &[Protocol],
        now: Tick,
        mut draw: impl FnMut() -> u16,
    ) {
        let mut former = std::mem::take(&mut self.watched);
        for (id, target) in targets {
            let watched = match former.remove(&id) {
                Some(watched) if watched.target.host == target.host => {
                    Watched { target, ..watched }
                }
                _ => Watched::new(target, protocols, now, &mut draw),
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
    }

    pub(super) fn get(&self, id: Uuid) -> Option<&Watched> {
        self.watched.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: Uuid) -> Option<&mut Watched> {
        self.watched.get_mut(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Uuid, &Watched)> {
        self.watched.iter().map(|(id, watched)| (*id, watched))
    }

    /// Those that are not up.
    pub(super) fn failing(&self) -> impl Iterator<Item = (Uuid, &Watched)> {
        self.failing.iter().filter_map(|id| Some((*id, self.watched.get(id)?)))
    }

    /// Those that are down, and to which no users are sent any more because of that (R-PROBE-9).
    pub(super) fn lost(&self) -> BTreeSet<Arc<str>> {
        let lost = self.failing().filter(|(_, watched)| watched.is_lost());
        lost.map(|(_, watched)| Arc::clone(&watched.target.host)).collect()
    }

    /// The way in which a protocol is probed; none: it is not.
    pub(super) fn way(&self, id: Uuid, protocol: Protocol) -> Option<usize> {
        self.watched.get(&id)?.courses.iter().position(|course| course.protocol == protocol)
    }

    /// When the next probe is due.
    pub(super) fn next_due(&self) -> Option<Tick> {
        self.agenda.first().map(|(due, ..)| *due)
    }

    /// Takes the first of those that are due; it is in flight from here on.
    pub(super) fn begin(&mut self, now: Tick) -> Option<(Uuid, usize, Target)> {
        let (_, id, way) = self.agenda.first().copied().filter(|(due, ..)| *due <= now)?;
        self.change(id, way, |course| {
            course.health.begin();
            None
        });
        Some((id, way, self.watched.get(&id)?.target.clone()))
    }

    /// Something happened to one of them, which is due at another time now.
    pub(super) fn change(
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
    pub(super) fn look_soon(&mut self, id: Uuid, now: Tick) {
        let ways = self.watched.get(&id).map_or(0, |watched| watched.courses.len());
        for way in 0..ways {
            self.change(id, way, |course| {
                course.health.look_soon(now);
                None
            });
        }
    }

    /// One begins to fail: some others are looked at, so that a failure of ours is seen as such.
    pub(super) fn call_witnesses(&mut self, but: Uuid, now: Tick) {
        let first = self.watched.get(&but).and_then(Watched::first_failure).unwrap_or(now);
        let is_stale = |course: &Course| {
            course.health.state() == State::Up
                && course.health.last_well().is_none_or(|at| at < first)
                && course.listed.is_some_and(|due| due > now)
        };
        let stale = self.watched.iter().filter(|(id, watched)| **id != but && watched.is_in_use());
        let stale: Vec<(Uuid, usize)> = stale
            .filter_map(|(id, watched)| Some((*id, watched.courses.iter().position(is_stale)?)))
            .take(limits::PROBE_WITNESSES)
            .collect();
        for (id, way) in stale {
            self.change(id, way, |course| {
                course.health.hasten(now);
                None
            });
        }
    }

    /// The site beside this backend.
    pub(super) fn site(&self, id: Uuid) -> Site {
        let first = self.watched.get(&id).and_then(Watched::first_failure);
        let in_use = || self.watched.iter().filter(|(_, watched)| watched.is_in_use());
        let is_witness = |(other, watched): (&Uuid, &Watched)| {
            let well = watched.courses.iter().filter_map(|course| course.health.last_well()).max();
            *other != id && first.is_some_and(|first| well.is_some_and(|well| well >= first))
        };
        Site {
            probed: in_use().count(),
            failing: in_use().filter(|(_, watched)| watched.state() != State::Up).count(),
            online: in_use().filter(|(_, it)| it.status == BackendStatus::Online).count(),
            has_witness: in_use().any(is_witness),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Finding;

    const NOW: Tick = Tick(100_000);

    fn book(count: u128) -> Book {
        let mut book = Book::default();
        keep(&mut book, count);
        for n in 0..count {
            let watched = book.get_mut(Uuid::from_u128(n)).unwrap();
            watched.set_status(&BackendStatus::Online, Some("admin"), NOW);
        }
        book
    }

    fn keep(book: &mut Book, count: u128) {
        let target = |n: u128| Target {
            host: format!("be{n}").into(),
            address: None,
            user: format!("probe-be{n}").into(),
        };
        let targets = (0..count).map(|n| (Uuid::from_u128(n), target(n)));
        book.keep(targets, &[Protocol::Imap], NOW, || 500);
    }

    fn end(book: &mut Book, n: u128, finding: Finding, now: Tick) {
        let id = Uuid::from_u128(n);
        book.change(id, 0, |course| {
            course.health.begin();
            course.health.end(finding, now, 0)
        });
    }

    #[test]
    fn r_probe_2_each_is_due_once_and_one_in_flight_is_not() {
        let mut book = book(3);
        let due = book.next_due().unwrap();
        assert_eq!(due, NOW.after(limits::PROBE_EVERY / 2));
        assert!(book.begin(NOW).is_none(), "too early");
        let begun: Vec<Uuid> = std::iter::from_fn(|| book.begin(due)).map(|(id, ..)| id).collect();
        assert_eq!(begun.len(), 3);
        assert_eq!(book.next_due(), None);
        end(&mut book, 1, Finding::Well, due);
        assert_eq!(book.next_due(), Some(due.after(limits::PROBE_EVERY)));
        keep(&mut book, 1);
        assert_eq!(book.next_due(), None, "the only one left is in flight");
    }

    #[test]
    fn r_probe_5_others_are_called_as_witnesses() {
        let mut book = book(4);
        let later = NOW.after(limits::PROBE_TIMEOUT);
        for n in 0..4 {
            end(&mut book, n, Finding::Well, NOW);
        }
        end(&mut book, 0, Finding::Gone, later);
        let site = book.site(Uuid::from_u128(0));
        let seen = Site { probed: 4, failing: 1, online: 4, has_witness: false };
        assert_eq!(site, seen);
        book.call_witnesses(Uuid::from_u128(0), later);
        let begun: Vec<Uuid> =
            std::iter::from_fn(|| book.begin(later)).map(|(id, ..)| id).collect();
        assert_eq!(begun, [1, 2, 3].map(Uuid::from_u128));
        end(&mut book, 2, Finding::Well, later);
        assert!(book.site(Uuid::from_u128(0)).has_witness);
    }

    #[test]
    fn c_backend_2_an_operator_who_sets_it_online_is_not_fought_until_it_was_well() {
        let mut book = book(2);
        for _ in 0..3 {
            end(&mut book, 0, Finding::Gone, NOW);
        }
        let id = Uuid::from_u128(0);
        let set = |book: &mut Book, status, reason| {
            book.get_mut(id).unwrap().set_status(&status, Some(reason), NOW)
        };
        let (offline, online) = (BackendStatus::Offline, BackendStatus::Online);
        assert_eq!(set(&mut book, offline.clone(), "auto:lb1:7:refused"), NewStatus::TakenOut);
        assert_eq!(book.site(id), Site { probed: 2, failing: 1, online: 1, has_witness: false });
        assert_eq!(set(&mut book, online, "admin"), NewStatus::Overruled);
        end(&mut book, 0, Finding::Well, NOW);
        assert!(book.get(id).unwrap().is_overruled);
        end(&mut book, 0, Finding::Well, NOW);
        assert!(!book.get(id).unwrap().is_overruled);
        assert_eq!(set(&mut book, offline, "admin"), NewStatus::Other);
        assert_eq!(book.site(id).probed, 1, "not in use");
        // From standby, too: the operator knows what probes say.
        for _ in 0..3 {
            end(&mut book, 1, Finding::Gone, NOW);
        }
        let other = book.get_mut(Uuid::from_u128(1)).unwrap();
        let standby = other.set_status(&BackendStatus::Standby, Some("admin"), NOW);
        let online = other.set_status(&BackendStatus::Online, Some("admin"), NOW);
        assert_eq!((standby, online), (NewStatus::Other, NewStatus::Overruled));
    }
}
