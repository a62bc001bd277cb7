//! Logins at backends that may be dead, and what becomes of them: sessions, which end with their client, proxy or backend, or
//! because their group leaves; as the session, the data core and the index of sessions have it.

use std::collections::{BTreeMap, BTreeSet};

use hale::fault::Failure;
use hale::health::Finding;
use hale::limits::{BACKEND_SILENT_AFTER, HOLD_LOOK_EVERY};
use hale::tick::Tick;
use uuid::Uuid;

use super::login::{Asked, Login, Why};
use super::logins::MOVE_GRACE;
use super::machines::{MOVE_TIMEOUT, Purpose, millis};
use super::world::{Event, Task, World};

/// Logins at backends, and sessions.
#[derive(Default)]
pub(super) struct Sessions {
    attempts: BTreeMap<u64, Attempt>,
    pub(super) live: BTreeMap<u64, Live>,
    number: u64,
}

/// A login at a backend.
struct Attempt {
    login: Login,
    backend: Uuid,
    group: Option<Box<str>>,
}

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) user: Box<str>,
    /// None of a user who is pinned.
    pub(super) group: Option<Box<str>>,
    /// The one that is connected to the backend.
    pub(super) proxy: usize,
    pub(super) backend: Uuid,
    pub(super) since: u64,
    /// Its login went by what was known, because the GeoDB did not answer (C-CACHE-2).
    pub(super) is_blind: bool,
}

/// Whose sessions end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whom<'a> {
    Groups(&'a BTreeSet<Box<str>>),
    Users(&'a BTreeSet<Box<str>>),
}

impl Whom<'_> {
    pub(super) fn is_of(self, user: &str, group: Option<&str>) -> bool {
        match self {
            Self::Groups(groups) => group.is_some_and(|group| groups.contains(group)),
            Self::Users(users) => users.contains(user),
        }
    }
}

/// What happens to a login at a backend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    /// The backend has been silent for a second, or another one.
    Doubted,
    /// It has answered.
    Answered(Finding),
}

impl World {
    /// A login connects to a backend of the deciding proxy's site.
    pub(super) fn attempt(&mut self, login: Login, backend: Uuid, group: Option<Box<str>>) {
        let proxy = login.proxy;
        let outcome = self.fleet.dial(&mut self.random, (proxy, backend), Purpose::Login);
        self.fleet.sessions.number += 1;
        let number = self.fleet.sessions.number;
        self.fleet.sessions.attempts.insert(number, Attempt { login, backend, group });
        let patience = millis(BACKEND_SILENT_AFTER);
        if outcome.finding == Finding::Silent || outcome.took > patience {
            self.task_at(self.now + patience, proxy, Task::Attempt(number, Turn::Doubted));
        }
        if outcome.finding != Finding::Silent {
            let turn = Turn::Answered(outcome.finding);
            self.task_at(self.now + outcome.took, proxy, Task::Attempt(number, turn));
        }
    }

    pub(super) fn turn(&mut self, number: u64, turn: Turn) {
        let Some(attempt) = self.fleet.sessions.attempts.get(&number) else { return };
        let (proxy, backend) = (attempt.login.proxy, attempt.backend);
        if self.is_gone(&attempt.login) {
            self.fleet.sessions.attempts.remove(&number);
            return;
        }
        match turn {
            Turn::Doubted => self.doubt(number, (proxy, backend)),
            // It may have died since.
            Turn::Answered(Finding::Well) if !self.fleet.machines[&backend].condition.is_dead() => {
                self.log_in(number);
            }
            Turn::Answered(Finding::Unwell) => self.fail(number, Failure::BackendTempFail),
            Turn::Answered(_) => self.fail(number, Failure::Connect),
        }
    }

    /// The backend says nothing: it is doubted, and given up once the table says that it is out.
    fn doubt(&mut self, number: u64, (proxy, backend): (usize, Uuid)) {
        self.login_failed(proxy, backend);
        let is_out = !self.proxies[proxy].is_backend_usable(backend);
        let attempt = &self.fleet.sessions.attempts[&number];
        let session = attempt.login.session.as_ref();
        let deadline = session.and_then(|session| Some(session.attempts.as_ref()?.deadline()));
        if is_out || deadline.is_none_or(|deadline| Tick(self.now) >= deadline) {
            return self.fail(number, Failure::Connect);
        }
        let again = Task::Attempt(number, Turn::Doubted);
        self.task_at(self.now + millis(BACKEND_SILENT_AFTER), proxy, again);
    }

    /// W-FAIL-1: another attempt a second later, wherever the rows lead then.
    fn fail(&mut self, number: u64, failure: Failure) {
        let Some(attempt) = self.fleet.sessions.attempts.remove(&number) else { return };
        let Attempt { login, backend, .. } = attempt;
        self.login_failed(login.proxy, backend);
        let mut login = login.asks(Asked::User);
        let now = Tick(self.now);
        let Some(session) = &mut login.session else { return };
        session.why = Why::Again;
        let again = session.attempts.as_mut().and_then(|it| it.again(now, failure));
        match again {
            Some(at) => self.at(at.0, Event::Again(Box::new(login))),
            None => self.failed(&login, "its backend does not let it in"),
        }
    }

    fn log_in(&mut self, number: u64) {
        let Some(attempt) = self.fleet.sessions.attempts.remove(&number) else { return };
        let Attempt { login, backend, group } = attempt;
        let proxy = login.proxy;
        self.login_succeeded(proxy, backend);
        self.record.served(self.now, &login.user, backend, false);
        let is_blind = login.is_silent || login.session.as_ref().is_some_and(|it| it.is_blind);
        if let Some(group) = &group {
            self.check_session(proxy, group, backend);
            self.check_held_group(proxy, group, backend);
            if !is_blind {
                self.check_session_of(proxy, &login.user, backend);
                self.check_held(proxy, &login.user, backend);
            }
        }
        let live = Live { user: login.user, group, proxy, backend, since: self.now, is_blind };
        self.fleet.sessions.live.insert(number, live);
        let stays = 1_000 + self.random.below(200_000);
        self.at(self.now + stays, Event::Leaves(number));
    }

    /// The group is being moved; the login waits, as long as a source may hold one (C-MOVE-4).
    pub(super) fn hold(&mut self, login: Login) {
        let now = self.now;
        let mut login = login.asks(Asked::User);
        let Some(session) = &mut login.session else { return };
        let longest = now + millis(MOVE_TIMEOUT + MOVE_GRACE);
        let until = *session.held_until.get_or_insert(longest);
        if now >= until {
            return self.failed(&login, "its group is being moved, and has not been");
        }
        self.record.tally.held += 1;
        let at = (now + millis(HOLD_LOOK_EVERY)).min(until);
        self.at(at, Event::Again(Box::new(login)));
    }

    // === Ends ===

    /// All sessions end of which this is true.
    pub(super) fn end_sessions(&mut self, is_meant: impl Fn(&Live) -> bool) -> usize {
        let live = &mut self.fleet.sessions.live;
        let before = live.len();
        live.retain(|_, session| !is_meant(session));
        before - live.len()
    }

    /// These leave a backend, or wherever they are: their sessions end at this proxy, and logins on their way there are routed again.
    pub(super) fn leave(&mut self, proxy: usize, from: Option<Uuid>, whom: Whom<'_>) -> usize {
        let is_there = |backend: Uuid| from.is_none_or(|from| from == backend);
        let is_meant = |it: &Live| {
            it.proxy == proxy && is_there(it.backend) && whom.is_of(&it.user, it.group.as_deref())
        };
        let ended = self.end_sessions(is_meant);
        self.record.tally.moved_sessions += u64::try_from(ended).unwrap();
        let attempts = self.fleet.sessions.attempts.iter();
        let rerouted = attempts.filter(|(_, it)| {
            let is_its = whom.is_of(&it.login.user, it.group.as_deref());
            it.login.proxy == proxy && is_there(it.backend) && is_its
        });
        let rerouted: Vec<u64> = rerouted.map(|(number, _)| *number).collect();
        for number in &rerouted {
            let Some(attempt) = self.fleet.sessions.attempts.remove(number) else { continue };
            let mut login = attempt.login.asks(Asked::User);
            if let Some(session) = &mut login.session {
                session.why = Why::Again;
            }
            self.advance(login);
        }
        ended + rerouted.len()
    }

    /// An operator ends a user's sessions at one proxy.
    pub(super) fn kick(&mut self, proxy: usize, user: &str) {
        self.end_sessions(|it| it.proxy == proxy && *it.user == *user);
        self.record.tally.kicks += 1;
    }
}
