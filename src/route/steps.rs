//! The steps of a decision as values, told by the code that decides (C-ROUTE-10).
//!
//! Duty: what a step says, and that no login pays for it. Non-duty: deciding; [`super::explain`] collects. Tests:
//! `super::tests`.

use std::fmt;

use uuid::Uuid;

use super::rows::{User, UserGroup};
use super::table::Table;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked for.
    pub about: About,
    /// What came of it.
    pub found: Box<str>,
    /// The rows that it rests on.
    pub rests_on: Vec<RowKey>,
    /// Who might have been chosen, and was not.
    pub rejected: Vec<Rejected>,
}

impl Step {
    /// A step that rests on nothing but its words, so far.
    pub(super) fn new(about: About, found: impl Into<Box<str>>) -> Self {
        Self { about, found: found.into(), rests_on: Vec::new(), rejected: Vec::new() }
    }

    pub(super) fn on(mut self, row: RowKey) -> Self {
        self.rests_on.push(row);
        self
    }

    pub(super) fn without(mut self, rejected: Vec<Rejected>) -> Self {
        self.rejected = rejected;
        self
    }
}

/// What a step looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The site of `cluster_local_site`.
    LocalSite,
    /// Whether the name is a backend's test user.
    TestUser,
    /// Where the user is sent by name.
    Pin,
    /// The user's row.
    User,
    /// The home of a user who has none.
    NewHome,
    /// The user's pending move.
    UserMove,
    /// Whether the user has to leave the home site or the backend.
    Leaving,
    /// The site that serves the user.
    ServingSite,
    /// The group's row at the local site.
    Group,
    /// The backend of the group.
    Backend,
    /// The host's address.
    Address,
    /// A row that the login writes before it goes on.
    Write,
}

impl About {
    /// In a word or two.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::LocalSite => "local site",
            Self::TestUser => "test user",
            Self::Pin => "pin",
            Self::User => "user",
            Self::NewHome => "new home",
            Self::UserMove => "user move",
            Self::Leaving => "leaving",
            Self::ServingSite => "serving site",
            Self::Group => "group",
            Self::Backend => "backend",
            Self::Address => "address",
            Self::Write => "write",
        }
    }
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// Of `sites`.
    Site(Uuid),
    /// Of `site_reachability`.
    Reachability {
        /// Who measured.
        src: Uuid,
        /// What was measured.
        dest: Uuid,
    },
    /// Of `backends`.
    Backend {
        /// First half.
        site: Uuid,
        /// Second half.
        id: Uuid,
    },
    /// Of `user_groups`.
    Group {
        /// First half.
        site: Uuid,
        /// Second half.
        name: Box<str>,
    },
    /// Of `group_sites`.
    GroupSite {
        /// First half.
        group: Box<str>,
        /// Second half.
        site: Uuid,
    },
    /// Of `users`.
    User(Box<str>),
    /// Of `cluster_settings`: all rows of one scope.
    Setting {
        /// The section.
        section: &'static str,
        /// The site.
        site: Uuid,
        /// The backend; nil: the whole site.
        backend: Uuid,
    },
}

impl RowKey {
    /// The GeoDB table.
    #[must_use]
    pub fn table(&self) -> &'static str {
        match self {
            Self::Site(_) => "sites",
            Self::Reachability { .. } => "site_reachability",
            Self::Backend { .. } => "backends",
            Self::Group { .. } => "user_groups",
            Self::GroupSite { .. } => "group_sites",
            Self::User(_) => "users",
            Self::Setting { .. } => "cluster_settings",
        }
    }
}

/// A site or backend that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its name.
    pub candidate: Box<str>,
    /// Why not.
    pub reason: Rejection,
}

impl Rejected {
    pub(super) fn new(candidate: impl Into<Box<str>>, reason: Rejection) -> Self {
        Self { candidate: candidate.into(), reason }
    }
}

/// Why a site or backend was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It has no usable row.
    NoRow,
    /// Its status.
    Status(Box<str>),
    /// The local site does not reach it.
    OutOfReach,
    /// Connections from this proxy to it fail.
    Failing,
    /// Proxies of other sites cannot connect to it.
    NoLoadBalancer,
    /// Users of its tag are others.
    OtherTag,
    /// It is what the user leaves.
    Left,
    /// Users are being moved away from it, too.
    ForceMoved,
    /// It is given no more groups.
    LoadFactorZero,
    /// No group lives there that the user could be moved to.
    NoGroup,
    /// Another has the better score for this user or group.
    Behind,
    /// The row names another.
    NotNamed,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRow => "has no usable row",
            Self::Status(status) => return write!(f, "is {status}"),
            Self::OutOfReach => "cannot be reached from the local site",
            Self::Failing => "connections from this proxy to it fail",
            Self::NoLoadBalancer => "has no load_balancer",
            Self::OtherTag => "has another tag",
            Self::Left => "is what the user leaves",
            Self::ForceMoved => "users are force-moved away from it",
            Self::LoadFactorZero => "has load_factor 0",
            Self::NoGroup => "no group lives there",
            Self::Behind => "another comes first in the rendezvous hash",
            Self::NotNamed => "the row names another",
        })
    }
}

/// Who hears of the steps of a decision.
pub(super) trait Listener {
    /// A step was taken. Called only where the listener wants to know.
    fn hear(&mut self, step: impl FnOnce() -> Step);
}

/// On the road of a login: not even asked.
pub(super) struct Deaf;

impl Listener for Deaf {
    #[inline]
    fn hear(&mut self, _: impl FnOnce() -> Step) {}
}

impl Listener for Vec<Step> {
    fn hear(&mut self, step: impl FnOnce() -> Step) {
        let step = step();
        // The rounds of one login begin alike.
        if !self.contains(&step) {
            self.push(step);
        }
    }
}

pub(super) fn user_text(table: &Table, user: &User) -> String {
    let mut text =
        format!("home {}, group {:?}", site_name(table, user.preferred_site_id), user.group_name);
    if let Some(group) = &user.failover_site_group_name {
        text += &format!(", failover group {group:?}");
    }
    if user.is_moving() {
        let moved = user.moved();
        let home = site_name(table, moved.preferred_site_id);
        text += &format!(", moving to home {home}, group {:?}", moved.group_name);
    }
    text
}

pub(super) fn group_text(table: &Table, row: &UserGroup) -> String {
    let moving = if row.is_moving() { ", moving" } else { "" };
    let backend = backend_name(table, row.backend_id);
    let alternative = backend_name(table, row.alt_backend_id);
    format!("{} on {backend}, next {alternative}{moving}", row.name)
}

pub(super) fn site_name(table: &Table, id: Option<Uuid>) -> String {
    match id {
        None => "(none)".to_owned(),
        Some(id) => table.site(id).map_or_else(|| id.to_string(), |site| site.name.to_string()),
    }
}

pub(super) fn backend_name(table: &Table, id: Option<Uuid>) -> String {
    match id {
        None => "(none)".to_owned(),
        Some(id) => match table.backend(id) {
            Some(backend) => format!("{} ({})", backend.host.name, backend.status),
            None => format!("{id} (no row)"),
        },
    }
}
