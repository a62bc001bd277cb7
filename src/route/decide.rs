//! The decision at login time (C-ROUTE-1).
//!
//! Duty: from table, user row and question to a destination, or to the write that has to come first. Deterministic:
//! every proxy that sees the same rows decides the same, so writes made twice are harmless. Non-duty: caches, GeoDB,
//! authentication, TTL (W-FWD-2), connecting. Driven by data cores (published table, cached user) and by the control
//! core (fresh rows), which repeats the question after each write. Tests: `super::tests`.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::change::{GroupChange, GroupCreation};
use super::fault::RouteFault;
use super::group;
use super::hash;
use super::rows::{User, UserGroup};
use super::site::{Serving, serving_site};
use super::table::{Host, Table};

/// Who wants to be routed.
#[derive(Clone, Copy, Debug)]
pub struct RouteQuestion<'a> {
    /// The normalised user name.
    pub user: &'a str,
    /// A row of the user's group that is newer than the table's: just created, or read after a redirect.
    pub fresh_group: Option<&'a UserGroup>,
}

impl<'a> RouteQuestion<'a> {
    /// The usual question: the table knows the groups.
    #[must_use]
    pub fn of(user: &'a str) -> Self {
        Self { user, fresh_group: None }
    }
}

/// What is known of the user's row.
#[derive(Clone, Copy, Debug)]
pub enum UserKnown<'a> {
    /// Not in the cache; the GeoDB has not been asked yet.
    NotAsked,
    /// The GeoDB was asked and has no row.
    Absent,
    /// The GeoDB was asked and does not answer (C-CACHE-2).
    Unreachable,
    /// The row, as cached or as just read.
    Row(&'a User),
}

/// What to do with the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Connect.
    Go {
        /// Where to.
        destination: Destination,
        /// The write that control should make meanwhile. The login does not wait for it.
        change: Option<Box<GroupChange>>,
    },
    /// Ask the GeoDB for the user's row, then decide again.
    NeedUser,
    /// The fresh group row names a backend that the table does not know yet: build the table anew, then decide again
    /// without the fresh row. Taking the backend for dead would undo what an operator just did.
    NeedTable,
    /// Write the user's home, then decide again with the row as it is then.
    AssignUser(UserAssignment),
    /// The source of a user move is gone: write this row, then decide again with it.
    FinishUserMove(Box<UserMove>),
    /// Create the group at the local site, then decide again with the row as it is then.
    CreateGroup(GroupCreation),
    /// Refuse this login; the same one may succeed when rows or hosts have changed.
    Fail {
        /// Why.
        fault: RouteFault,
        /// The site, group or host it is about; empty when it is about the user.
        about: Box<str>,
    },
}

/// Where a login goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Which row it comes from.
    pub hop: Hop,
    /// The host name as in the row, for TLS verification, logs, statistics.
    pub host: Arc<str>,
    /// The address to connect to. The port is the protocol's (settings or passdb), the same at another site.
    pub address: IpAddr,
    /// The user's group, forwarded as `forward_cl_user_group`; none for test users and for other sites, which
    /// recompute it.
    pub group: Option<Box<str>>,
    /// The group or the user is being moved: the source may hold the login for `cluster_user_move_timeout` (C-MOVE-1).
    pub is_moving: bool,
}

/// What kind of host a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hop {
    /// A backend of the local site.
    Backend(Uuid),
    /// The load balancer of another site.
    Site(Uuid),
}

/// A home for a user who has none. Only columns that are empty by then are written (GE-07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAssignment {
    /// Key.
    pub username: Box<str>,
    /// The local site (C-ROUTE-5).
    pub preferred_site_id: Uuid,
    /// `default-N` (C-ROUTE-6).
    pub group_name: Box<str>,
}

/// A user move to be finished, unless the row differs by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMove {
    /// The row that the decision was made on.
    pub expected: User,
    /// The row to be written.
    pub moved: User,
}

/// Decides about one login.
#[must_use]
pub fn decide(table: &Table, known: UserKnown<'_>, question: &RouteQuestion<'_>) -> Decision {
    let Some(local) = table.local_site() else {
        return fail(RouteFault::NoLocalSite, &table.settings().local_site);
    };
    if let Some(backend) = table.backend_by_test_user(question.user) {
        // Step 2a: whatever the backend's status, without group or write; this is how it comes back from offline.
        return go(Hop::Backend(backend.id), &backend.host, None, false, None);
    }
    match known {
        UserKnown::NotAsked => Decision::NeedUser,
        UserKnown::Absent => match assignment(table, local.id, question.user) {
            Ok(assignment) => Decision::AssignUser(assignment),
            Err(fault) => fail(fault, ""),
        },
        UserKnown::Unreachable => decide_without_geodb(table, local.id, question),
        UserKnown::Row(user) => decide_by_row(table, local.id, user, question),
    }
}

fn decide_by_row(
    table: &Table,
    local: Uuid,
    user: &User,
    question: &RouteQuestion<'_>,
) -> Decision {
    let home = match user.preferred_site_id {
        Some(home) if !user.group_name.is_empty() => home,
        Some(_) | None => {
            return match assignment(table, local, question.user) {
                Ok(assignment) => Decision::AssignUser(assignment),
                Err(fault) => fail(fault, ""),
            };
        }
    };
    // Step 6, forced moves away from the home site, will come in here.
    match serving_site(table, user, home) {
        Ok(Serving::Remote(site)) => match &site.load_balancer {
            Some(host) => go(Hop::Site(site.id), host, None, user.is_moving(), None),
            None => fail(RouteFault::NoLoadBalancer, &site.name),
        },
        Ok(Serving::StandIn { group }) => {
            decide_by_group(table, local, group, user.is_moving(), question)
        }
        Ok(Serving::Home { group }) => {
            let row = group_row(table, local, group, question);
            let is_source_gone = row.is_none_or(|row| !group::is_backend_usable(table, row));
            if user.is_moving() && is_source_gone {
                return Decision::FinishUserMove(Box::new(UserMove {
                    expected: user.clone(),
                    moved: user.moved(),
                }));
            }
            decide_by_group(table, local, group, user.is_moving(), question)
        }
        Err((fault, about)) => Decision::Fail { fault, about },
    }
}

fn decide_by_group(
    table: &Table,
    local: Uuid,
    group: &str,
    is_user_moving: bool,
    question: &RouteQuestion<'_>,
) -> Decision {
    let Some(row) = group_row(table, local, group, question) else {
        return match group::create(table, local, group) {
            Some(creation) => Decision::CreateGroup(creation),
            None => fail(RouteFault::NoUsableBackend, group),
        };
    };
    let is_fresh = question.fresh_group.is_some_and(|fresh| std::ptr::eq(fresh, row));
    if is_fresh && row.backend_id.is_some_and(|id| table.backend(id).is_none()) {
        return Decision::NeedTable;
    }
    let Some(choice) = group::choose(table, row) else {
        return fail(RouteFault::NoUsableBackend, group);
    };
    let is_moving = is_user_moving || (row.is_moving() && choice.change.is_none());
    let hop = Hop::Backend(choice.backend.id);
    go(hop, &choice.backend.host, Some(group), is_moving, choice.change)
}

/// C-CACHE-2: the user's home and group can be computed, but nothing may be written; good enough if the group has a
/// row.
fn decide_without_geodb(table: &Table, local: Uuid, question: &RouteQuestion<'_>) -> Decision {
    let Ok(assignment) = assignment(table, local, question.user) else {
        return fail(RouteFault::GeoDbUnreachable, "");
    };
    let user = User {
        username: assignment.username,
        preferred_site_id: Some(local),
        group_name: assignment.group_name,
        ..User::default()
    };
    match decide_by_row(table, local, &user, question) {
        Decision::Go { destination, .. } => Decision::Go { destination, change: None },
        Decision::Fail { fault, about } => Decision::Fail { fault, about },
        Decision::NeedUser
        | Decision::NeedTable
        | Decision::AssignUser(_)
        | Decision::FinishUserMove(_)
        | Decision::CreateGroup(_) => fail(RouteFault::GeoDbUnreachable, &user.group_name),
    }
}

/// Step 4.
fn assignment(table: &Table, local: Uuid, user: &str) -> Result<UserAssignment, RouteFault> {
    let group = hash::default_group(user, table.settings().default_group_count);
    Ok(UserAssignment {
        username: user.into(),
        preferred_site_id: local,
        group_name: group.ok_or(RouteFault::NoDefaultGroups)?,
    })
}

fn group_row<'q>(
    table: &'q Table,
    local: Uuid,
    name: &str,
    question: &RouteQuestion<'q>,
) -> Option<&'q UserGroup> {
    let fresh = question.fresh_group.filter(|row| row.site_id == local && &*row.name == name);
    fresh.or_else(|| table.group(name))
}

/// Step 10. A host without address fails the login but moves no user: the trouble may be this proxy's own DNS.
fn go(
    hop: Hop,
    host: &Host,
    group: Option<&str>,
    is_moving: bool,
    change: Option<Box<GroupChange>>,
) -> Decision {
    let Some(address) = host.addresses.first() else {
        return fail(RouteFault::Unresolved, &host.name);
    };
    let destination = Destination {
        hop,
        host: host.name.clone(),
        address: *address,
        group: group.map(Box::from),
        is_moving,
    };
    Decision::Go { destination, change }
}

fn fail(fault: RouteFault, about: &str) -> Decision {
    Decision::Fail { fault, about: about.into() }
}
