//! The decision at login time (C-ROUTE-1).
//!
//! Duty: from table, user row and question to a destination, or to the write that has to come first. Deterministic:
//! every proxy that sees the same rows decides the same, so writes made twice are harmless. Non-duty: caches, GeoDB,
//! authentication, TTL (W-FWD-2), connecting. Driven by data cores (published table, cached user) and by the control
//! core (fresh rows), which repeats the question after each write. Tests: `super::tests`.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;

use uuid::Uuid;

use super::change::{GroupChange, GroupCreation, SiteChange, UserMoveReason};
pub use super::change::{UserAssignment, UserMove};
use super::departure;
use super::fault::RouteFault;
use super::group;
use super::hash;
use super::leaving::{leave_backend, leave_site};
use super::pins::PIN;
use super::question::Login;
pub use super::question::{RouteQuestion, Writes};
use super::rows::{SiteStatus, User, UserGroup};
use super::site::{Found, Serving, candidate, rejection, serving_site};
use super::steps::{
    About, Deaf, Listener, Rejected, Rejection, RowKey, Step, backend_name, group_text, user_text,
};
use super::table::{BackendEntry, Host, SiteEntry, Table};
use crate::wire::der::utc;

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
        /// The same, for a group that comes home to its site. This login does not go there yet.
        homecoming: Option<Box<SiteChange>>,
    },
    /// Ask the GeoDB for the user's row, then decide again.
    NeedUser,
    /// The fresh group row names a backend that the table does not know yet: build the table anew, then decide again
    /// without the fresh row. Taking the backend for dead would undo what an operator just did.
    NeedTable,
    /// Write the user's home, then decide again with the row as it is then.
    AssignUser(UserAssignment),
    /// The user leaves for good, or a move is finished because its source is gone: write this row, then decide again with it.
    MoveUser(Box<UserMove>),
    /// The group's site is away: write which one stands in, then decide again with the row as it is then.
    FailOver(Box<SiteChange>),
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
    /// Whether the group or the user is being moved, and what that means for the login.
    pub moving: Moving,
    /// The group's row names another backend, which is not usable, and is about to be changed: where this one sends the user on
    /// to, it says of the row as it was (C-CACHE-5).
    pub is_switching: bool,
    /// How many connections its row allows a backend; none: as configured.
    pub connections_max: Option<NonZero<u32>>,
}

/// What a move means for a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moving {
    /// There is none.
    #[default]
    No,
    /// The source may hold the login for `cluster_user_move_timeout` (C-MOVE-1).
    BySource,
    /// The login waits, and asks again, until the move is over (C-MOVE-4).
    Held,
}

/// What kind of host a destination is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hop {
    /// A backend of the local site.
    Backend(Uuid),
    /// The load balancer of another site.
    Site(Uuid),
}

/// Decides about one login.
#[must_use]
pub fn decide(table: &Table, known: UserKnown<'_>, question: &RouteQuestion<'_>) -> Decision {
    decide_telling(table, known, question, &mut Deaf)
}

/// Decides, and tells each step.
pub(super) fn decide_telling(
    table: &Table,
    known: UserKnown<'_>,
    question: &RouteQuestion<'_>,
    listener: &mut impl Listener,
) -> Decision {
    let Some(local) = table.local_site() else {
        return fail(RouteFault::NoLocalSite, &table.settings().local_site);
    };
    listener.hear(|| {
        let text = format!("{} ({})", local.name, local.status);
        Step::new(About::LocalSite, text).on(RowKey::Site(local.id))
    });
    if let Some(backend) = table.backend_by_test_user(question.user) {
        // Step 2a: whatever the backend's status, without group or write; this is how it comes back from offline.
        listener.hear(|| {
            let text = format!("of backend {} ({})", backend.host.name, backend.status);
            Step::new(About::TestUser, text).on(RowKey::Backend { site: local.id, id: backend.id })
        });
        return go(Hop::Backend(backend.id), &backend.host, None, Moving::No, listener);
    }
    if let Some(backend) = pinned(table, local, question.user, listener) {
        return go(Hop::Backend(backend.id), &backend.host, None, Moving::No, listener);
    }
    let wanted_tag = match question.tag.map(|name| table.tag(name).ok_or(name)) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(name)) => return fail(RouteFault::UnknownTag, name),
    };
    let key = || RowKey::User(question.user.into());
    let nothing = User { username: question.user.into(), ..User::default() };
    let login = |user| Login { table, local, user, question: *question, wanted_tag };
    match known {
        UserKnown::NotAsked => {
            listener.hear(|| Step::new(About::User, "not in memory").on(key()));
            Decision::NeedUser
        }
        UserKnown::Absent => {
            listener.hear(|| Step::new(About::User, "no row in the GeoDB").on(key()));
            assign(&login(&nothing), listener)
        }
        UserKnown::Unreachable => {
            listener.hear(|| Step::new(About::User, "the GeoDB does not answer").on(key()));
            decide_without_geodb(&login(&nothing), listener)
        }
        UserKnown::Row(user) => {
            listener.hear(|| Step::new(About::User, user_text(table, user)).on(key()));
            decide_by_row(&login(user), listener)
        }
    }
}

/// C-PIN-1: by name, without group or write. A backend that is gone is no place to try a user out.
fn pinned<'a>(
    table: &'a Table,
    local: &SiteEntry,
    user: &str,
    listener: &mut impl Listener,
) -> Option<&'a BackendEntry> {
    let pin = table.pin(user)?;
    let backend = table.backend(pin.backend)?;
    let is_followed = backend.takes_pinned();
    listener.hear(|| {
        let (host, status) = (&backend.host.name, &backend.status);
        let until = pin.until.map(|until| format!(", until {}", utc(until)));
        let (until, reason) = (until.unwrap_or_default(), &pin.reason);
        let text = if is_followed {
            format!("to {host} ({status}){until}: {reason}")
        } else {
            format!("to {host} ({status}){until}: not followed")
        };
        Step::new(About::Pin, text).on(RowKey::Setting {
            section: PIN,
            site: local.id,
            backend: backend.id,
        })
    });
    is_followed.then_some(backend)
}

fn decide_by_row(login: &Login<'_>, listener: &mut impl Listener) -> Decision {
    let Login { table, user, .. } = login;
    let home = match user.preferred_site_id {
        Some(home) if !user.group_name.is_empty() => home,
        Some(_) | None => return assign(login, listener),
    };
    let Some(home) = table.site(home) else {
        return fail(RouteFault::UnknownHomeSite, &home.to_string());
    };
    if let Some(change) = leave_site(login, home, listener) {
        return Decision::MoveUser(change);
    }
    let mut decision = match serving_site(login, home, listener) {
        Found::At(Serving::Remote(site), homecoming) => {
            let decision = match &site.load_balancer {
                Some(host) => {
                    go(Hop::Site(site.id), host, None, by_source(user.is_moving()), listener)
                }
                None => fail(RouteFault::NoLoadBalancer, &site.name),
            };
            return decision.meanwhile(homecoming);
        }
        Found::At(Serving::StandIn { group }, homecoming) => {
            return decide_by_group(login, group, listener).meanwhile(homecoming);
        }
        Found::At(Serving::Home { group }, homecoming) => {
            let row = login.group_row(group);
            if row.is_some_and(|row| group::is_backend_usable(table, row)) || !user.is_moving() {
                return decide_by_group(login, group, listener).meanwhile(homecoming);
            }
            None
        }
        Found::FailOver(change) => Some(Decision::FailOver(change)),
        Found::Fault(fault, about) => Some(Decision::Fail { fault, about }),
    };
    // The old backend is gone, or its site is. Where the user goes to may be well.
    let moved = user.moved();
    let leads_away = decision.is_none() || moved.preferred_site_id != user.preferred_site_id;
    if user.is_moving() && leads_away {
        decision = Some(finish_move(login, moved, listener));
    }
    decision.unwrap_or_else(|| fail(RouteFault::NoUsableBackend, &user.group_name))
}

/// Step 5, second half. What cannot be written is still where the user goes.
fn finish_move(login: &Login<'_>, moved: User, listener: &mut impl Listener) -> Decision {
    listener.hear(|| {
        let text = format!("its source is gone: {}", user_text(login.table, &moved));
        Step::new(About::UserMove, text).on(RowKey::User(login.user.username.clone()))
    });
    if login.writes() == Writes::Withheld {
        let Login { table, local, question, wanted_tag, .. } = *login;
        return decide_by_row(
            &Login { table, local, user: &moved, question, wanted_tag },
            listener,
        );
    }
    let (expected, reason) = (login.user.clone(), UserMoveReason::Finish);
    Decision::MoveUser(Box::new(UserMove { expected, moved, reason }))
}

fn decide_by_group(login: &Login<'_>, group: &str, listener: &mut impl Listener) -> Decision {
    let Login { table, local, user, question, .. } = login;
    let key = || RowKey::Group { site: local.id, name: group.into() };
    let Some(row) = login.group_row(group) else {
        listener.hear(|| {
            let text = format!("{group} has no row at {}", local.name);
            Step::new(About::Group, text).on(key())
        });
        let created = group::create(table, local.id, group);
        listener.hear(|| {
            let chosen = created.as_ref().map(|creation| creation.backend_id);
            backend_step(login, chosen, None)
        });
        return match created {
            Some(_) if question.writes == Writes::Withheld => {
                fail(RouteFault::GeoDbUnreachable, group)
            }
            Some(creation) => Decision::CreateGroup(creation),
            None => fail(RouteFault::NoUsableBackend, group),
        };
    };
    listener.hear(|| Step::new(About::Group, group_text(table, row)).on(key()));
    let is_fresh = question.fresh_group.is_some_and(|fresh| std::ptr::eq(fresh, row));
    if is_fresh && row.backend_id.is_some_and(|id| table.backend(id).is_none()) {
        return Decision::NeedTable;
    }
    let Some(choice) = group::choose(table, row) else {
        listener.hear(|| backend_step(login, None, Some(row)));
        return fail(RouteFault::NoUsableBackend, group);
    };
    listener.hear(|| backend_step(login, Some(choice.backend.id), Some(row)));
    // A stand-in's users are guests: where they live for good is decided at home.
    if user.preferred_site_id == Some(local.id)
        && *user.group_name == *group
        && let Some(change) = leave_backend(login, choice.backend, listener)
    {
        return Decision::MoveUser(change);
    }
    if choice.change.is_none()
        && let Some(backend) = question.sent_on.and_then(|sent_on| sent_on.backend(table, row))
    {
        listener.hear(|| {
            let text =
                format!("{}, to which the group's backend has sent the user on", backend.host.name);
            let key = RowKey::Backend { site: local.id, id: backend.id };
            Step::new(About::Backend, text).on(key)
        });
        let moving = by_source(user.is_moving() || row.is_moving());
        return go(Hop::Backend(backend.id), &backend.host, Some(group), moving, listener);
    }
    let moving = if group::is_held(table, row) || departure::is_held(table, user, row) {
        Moving::Held
    } else {
        by_source(user.is_moving() || (row.is_moving() && choice.change.is_none()))
    };
    let hop = Hop::Backend(choice.backend.id);
    let is_switching = choice.change.is_some();
    let change = choice.change.filter(|_| question.writes == Writes::Allowed);
    match go(hop, &choice.backend.host, Some(group), moving, listener) {
        Decision::Go { destination, homecoming, .. } => {
            let destination = Destination { is_switching, ..destination };
            Decision::Go { destination, change, homecoming }
        }
        other => other,
    }
}

/// C-CACHE-2: the user's home and group can be computed, but nothing may be written; good enough if the group has a
/// row.
fn decide_without_geodb(login: &Login<'_>, listener: &mut impl Listener) -> Decision {
    let Decision::AssignUser(assignment) = assign(login, listener) else {
        return fail(RouteFault::GeoDbUnreachable, "");
    };
    let user = User {
        username: assignment.username,
        preferred_site_id: Some(assignment.preferred_site_id),
        group_name: assignment.group_name,
        ..User::default()
    };
    let Login { table, local, question, wanted_tag, .. } = *login;
    let question = RouteQuestion { writes: Writes::Withheld, ..question };
    match decide_by_row(&Login { table, local, user: &user, question, wanted_tag }, listener) {
        decision @ (Decision::Go { .. } | Decision::Fail { .. }) => decision,
        _ => fail(RouteFault::GeoDbUnreachable, &user.group_name),
    }
}

/// Step 4: the local site, if it takes new users, and those of this tag; else the one that all proxies find.
fn assign(login: &Login<'_>, listener: &mut impl Listener) -> Decision {
    let Login { table, local, user, question, .. } = login;
    let Some(group_name) = hash::default_group(question.user, table.settings().default_group_count)
    else {
        return fail(RouteFault::NoDefaultGroups, "");
    };
    let tag = login.tag();
    let is_tagged = |site: &SiteEntry| tag.is_none_or(|tag| site.tag == tag);
    // A site whose status has no meaning must not stop.
    let is_open = match local.status {
        SiteStatus::Online | SiteStatus::Unknown(_) => local.force_move.is_none(),
        SiteStatus::Offline | SiteStatus::Standby | SiteStatus::Evacuate => false,
    };
    let reject = |site: &SiteEntry| {
        let wanted = tag.unwrap_or(local.tag);
        rejection(table, site).or_else(|| (site.tag != wanted).then_some(Rejection::OtherTag))
    };
    let home = if is_open && is_tagged(local) {
        Some(local.id)
    } else {
        let fit = table.sites().iter().filter(|site| reject(site).is_none());
        let fit: Vec<hash::Candidate> = fit.map(|site| candidate(site.id)).collect();
        let found = hash::rank(question.user, &fit, None).map(|ranking| ranking.best);
        // Nowhere else: better here than not at all, unless here is closed.
        let is_closed = matches!(local.status, SiteStatus::Offline | SiteStatus::Standby);
        found.or_else(|| (!is_closed && is_tagged(local)).then_some(local.id))
    };
    listener.hear(|| {
        let others = table.sites().iter().filter(|site| Some(site.id) != home);
        let reason = |site| reject(site).unwrap_or(Rejection::Behind);
        let rejected = others.map(|site| Rejected::new(site.name.clone(), reason(site))).collect();
        let found = match home.and_then(|id| table.site(id)) {
            Some(site) => format!("{}, group {group_name:?}", site.name),
            None => "no site takes new users".to_owned(),
        };
        // A user of the local site is not looked for elsewhere.
        let is_here = home == Some(local.id);
        Step::new(About::NewHome, found).without(if is_here { Vec::new() } else { rejected })
    });
    match home {
        Some(preferred_site_id) => Decision::AssignUser(UserAssignment {
            username: user.username.clone(),
            preferred_site_id,
            group_name,
        }),
        None if tag.is_some() => fail(RouteFault::NoSiteOfTag, question.tag.unwrap_or_default()),
        None => fail(RouteFault::LocalSiteNotServing, &local.name),
    }
}

/// Which backend, and which others not.
fn backend_step(login: &Login<'_>, chosen: Option<Uuid>, row: Option<&UserGroup>) -> Step {
    let table = login.table;
    let is_named = row.is_some_and(|row| chosen.is_some() && row.backend_id == chosen);
    let any_weight = table.candidates().iter().any(|candidate| candidate.load_factor > 0);
    let reason = |backend: &BackendEntry| {
        if !backend.is_usable() {
            Rejection::Status(backend.status.as_str().into())
        } else if is_named {
            Rejection::NotNamed
        } else if backend.load_factor == 0 && any_weight {
            Rejection::LoadFactorZero
        } else {
            Rejection::Behind
        }
    };
    let others = table.backends().iter().filter(|backend| Some(backend.id) != chosen);
    let rejected = others.map(|backend| Rejected::new(&*backend.host.name, reason(backend)));
    let found = match chosen {
        Some(_) => backend_name(table, chosen),
        None => "none is online".to_owned(),
    };
    let step = Step::new(About::Backend, found).without(rejected.collect());
    match chosen {
        Some(id) => step.on(RowKey::Backend { site: login.local.id, id }),
        None => step,
    }
}

impl Decision {
    /// The same, and this is written while the login goes on.
    fn meanwhile(self, homecoming: Option<Box<SiteChange>>) -> Self {
        match self {
            Self::Go { destination, change, .. } => Self::Go { destination, change, homecoming },
            other => other,
        }
    }
}

/// Step 10. A host without address fails the login but moves no user: the trouble may be this proxy's own DNS.
fn go(
    hop: Hop,
    host: &Host,
    group: Option<&str>,
    moving: Moving,
    listener: &mut impl Listener,
) -> Decision {
    let Some(address) = host.addresses.first() else {
        listener.hear(|| Step::new(About::Address, format!("{} has none", host.name)));
        return fail(RouteFault::Unresolved, &host.name);
    };
    listener.hear(|| Step::new(About::Address, format!("{} is {address}", host.name)));
    let destination = Destination {
        hop,
        host: host.name.clone(),
        address: *address,
        group: group.map(Box::from),
        moving,
        is_switching: false,
        connections_max: host.connections_max,
    };
    Decision::Go { destination, change: None, homecoming: None }
}

fn by_source(is_moving: bool) -> Moving {
    if is_moving { Moving::BySource } else { Moving::No }
}

fn fail(fault: RouteFault, about: &str) -> Decision {
    Decision::Fail { fault, about: about.into() }
}
