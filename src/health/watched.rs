//! One backend of the site, as one proxy sees it: what its row says, and what it counts as by each protocol that is probed.
//!
//! Decides: whether row and findings differ, and what becomes of its status. Does not: know other backends. Part of
//! [`super::book`]. Tests: there.

use std::sync::Arc;

use super::course::{Health, State};
use super::ejections::Ejections;
use super::ruling::Withheld;
use crate::names::Protocol;
use crate::route::auto_reason::AutoReason;
use crate::route::rows::BackendStatus;
use crate::tick::Tick;

/// One backend.
#[derive(Debug)]
pub struct Watched {
    /// Its name.
    pub host: Arc<str>,
    /// What its row says.
    pub status: BackendStatus,
    /// And why.
    pub reason: Option<Box<str>>,
    /// By protocol, in the order in which they are configured.
    pub courses: Vec<Course>,
    /// How often it was taken out.
    pub ejections: Ejections,
    /// See [`super::Case::is_overruled`].
    pub is_overruled: bool,
    /// A change of its row is being decided.
    pub is_ruled: bool,
    /// Why its row was left alone, as the operator was told last.
    pub told: Option<Withheld>,
}

/// One backend by one protocol.
#[derive(Debug)]
pub struct Course {
    /// The protocol.
    pub protocol: Protocol,
    /// What it counts as.
    pub health: Health,
    /// A probe has come to its end, whatever it found.
    pub is_probed: bool,
    /// Why it was not well the last time.
    pub words: Box<str>,
    /// The operator knows that it refuses the test user.
    pub is_account_told: bool,
    /// What the last login of the test user took.
    pub took_ms: Option<u64>,
    /// When it stands in the agenda.
    pub(super) listed: Option<Tick>,
}

/// What became of a backend's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewStatus {
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
    #[must_use]
    pub fn known_state(&self) -> Option<State> {
        let state = self.health.state();
        let is_known = self.is_probed || self.health.last_well().is_some() || state != State::Up;
        is_known.then_some(state)
    }
}

impl Watched {
    pub(super) fn new(
        host: Arc<str>,
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
            host,
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
    #[must_use]
    pub fn state(&self) -> State {
        self.courses.iter().map(|course| course.health.state()).max().unwrap_or(State::Up)
    }

    /// The protocols that are in this state.
    pub fn failing(&self) -> impl Iterator<Item = &Course> {
        let state = self.state();
        let is_up = state == State::Up;
        self.courses.iter().filter(move |course| !is_up && course.health.state() == state)
    }

    /// The first failure of those.
    #[must_use]
    pub fn first_failure(&self) -> Option<Tick> {
        self.failing().filter_map(|course| course.health.first_failure()).min()
    }

    /// Whether its row and what is known of it differ.
    #[must_use]
    pub fn is_contradicted(&self) -> bool {
        match (&self.status, self.state()) {
            (BackendStatus::Online, State::Down) => true,
            (BackendStatus::Offline, State::Up) => self.is_auto() && self.is_proven(),
            _ => false,
        }
    }

    /// Whether probes have logged in, twice in a row by each protocol.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        !self.courses.is_empty() && self.courses.iter().all(|course| course.health.is_proven())
    }

    /// Whether users are sent there, or were until a program took it out.
    pub(super) fn is_in_use(&self) -> bool {
        match self.status {
            BackendStatus::Online => true,
            BackendStatus::Offline => self.is_auto(),
            BackendStatus::Standby | BackendStatus::Unknown(_) => false,
        }
    }

    /// Whether this proxy is about to take it out: what was found when that began counts, whatever was found since.
    pub(super) fn is_going(&self) -> bool {
        self.is_ruled && self.status == BackendStatus::Online
    }

    /// When the last probe of those that failed began.
    pub(super) fn last_failed(&self) -> Option<Tick> {
        self.failing().filter_map(|course| course.health.last_failed()).max()
    }

    /// Whether it is down, and its row says that it is out: what is left of its sessions leads nowhere.
    pub(super) fn is_lost(&self) -> bool {
        self.state() == State::Down && self.status == BackendStatus::Offline
    }

    /// Whether a program set its status.
    #[must_use]
    pub fn is_auto(&self) -> bool {
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
