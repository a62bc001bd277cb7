//! Users that leave a site or a backend for good, while they log in (C-FORCE-2, C-FORCE-3, C-SITE-7).
//!
//! Duty: whom a force-move or an evacuation takes, and where to. All proxies choose alike. Non-duty: groups that leave for now
//! ([`super::site`]), starting and stopping (the cluster commands). Driven by [`super::decide`].

use uuid::Uuid;

use super::change::{UserMove, UserMoveReason};
use super::hash::{self, Candidate, h32};
use super::question::{Login, Writes};
use super::rows::{SiteStatus, User};
use super::settings_rows::FORCE_MOVE;
use super::site::{candidate, is_among, rejection};
use super::steps::{About, Listener, Rejected, Rejection, RowKey, Step};
use super::table::{BackendEntry, SiteEntry};

/// The home that the user is to have instead of this one; none: the user stays.
pub(super) fn leave_site(
    login: &Login<'_>,
    home: &SiteEntry,
    listener: &mut impl Listener,
) -> Option<Box<UserMove>> {
    if login.user.is_moving() || login.writes() == Writes::Withheld {
        return None;
    }
    let (candidates, name, reason) = if let Some(force_move) = &home.force_move
        && is_among(&force_move.id, login.user_name(), force_move.percentage)
    {
        let known = force_move.destinations.iter().map(|id| login.table.site(*id).ok_or(*id));
        (known.collect(), login.user_name(), UserMoveReason::SiteForceMove)
    } else if home.status == SiteStatus::Evacuate
        && is_among(&home.id.to_string(), &login.user.group_name, home.now.evacuated)
    {
        // A group stays together.
        let sites: Vec<_> = login.table.sites().iter().map(Ok).collect();
        (sites, &*login.user.group_name, UserMoveReason::Evacuation)
    } else {
        return None;
    };
    let tag = login.tag().unwrap_or(home.tag);
    let reject = |site: &SiteEntry| {
        if site.id == home.id {
            return Some(Rejection::Left);
        }
        let is_other = reason == UserMoveReason::Evacuation && site.tag != tag;
        rejection(login.table, site).or_else(|| is_other.then_some(Rejection::OtherTag))
    };
    let fit = candidates.iter().filter_map(|site| site.ok()).filter(|site| reject(site).is_none());
    let fit: Vec<Candidate> = fit.map(|site| candidate(site.id)).collect();
    let chosen = hash::rank(name, &fit, None).and_then(|ranking| login.table.site(ranking.best));
    listener.hear(|| {
        let others =
            candidates.iter().filter(|site| site.ok().map(|s| s.id) != chosen.map(|c| c.id));
        let rejected = others.map(|site| match site {
            Ok(site) => Rejected::new(site.name.clone(), reject(site).unwrap_or(Rejection::Behind)),
            Err(id) => Rejected::new(id.to_string(), Rejection::NoRow),
        });
        let found = match chosen {
            Some(site) => format!("{}: to site {}", reason.text(), site.name),
            None => format!("{}, and no other site takes the user", reason.text()),
        };
        let scope = match reason {
            UserMoveReason::Evacuation => RowKey::Site(home.id),
            _ => RowKey::Setting { section: FORCE_MOVE, site: home.id, backend: Uuid::nil() },
        };
        Step::new(About::Leaving, found).on(scope).without(rejected.collect())
    });
    let moved = User { preferred_site_id: Some(chosen?.id), ..login.user.clone() };
    Some(Box::new(UserMove { expected: login.user.clone(), moved, reason }))
}

/// The group on another backend that the user is to have instead; none: the user stays.
pub(super) fn leave_backend(
    login: &Login<'_>,
    backend: &BackendEntry,
    listener: &mut impl Listener,
) -> Option<Box<UserMove>> {
    if login.user.is_moving() || login.writes() == Writes::Withheld {
        return None;
    }
    let force_move = backend.force_move.as_ref()?;
    let user = login.user_name();
    if !is_among(&force_move.id, user, force_move.percentage) {
        return None;
    }
    let reject = |destination: &BackendEntry| {
        if destination.id == backend.id {
            Some(Rejection::Left)
        } else if !destination.is_usable() {
            Some(Rejection::Status(destination.status.as_str().into()))
        } else if destination.force_move.is_some() {
            Some(Rejection::ForceMoved)
        } else if login.table.residents(destination.id).is_empty() {
            Some(Rejection::NoGroup)
        } else {
            None
        }
    };
    let known = || force_move.destinations.iter().map(|id| login.table.backend(*id).ok_or(*id));
    let fit = known().filter_map(Result::ok).filter(|destination| reject(destination).is_none());
    let fit: Vec<Candidate> = fit.map(|destination| candidate(destination.id)).collect();
    let chosen = hash::rank(user, &fit, None).and_then(|ranking| login.table.backend(ranking.best));
    listener.hear(|| {
        let others = known().filter(|one| one.ok().map(|b| b.id) != chosen.map(|c| c.id));
        let rejected = others.map(|one| match one {
            Ok(one) => Rejected::new(&*one.host.name, reject(one).unwrap_or(Rejection::Behind)),
            Err(id) => Rejected::new(id.to_string(), Rejection::NoRow),
        });
        let reason = UserMoveReason::BackendForceMove.text();
        let found = match chosen {
            Some(chosen) => format!("{reason}: to a group on {}", chosen.host.name),
            None => format!("{reason}, and no other backend takes the user"),
        };
        let (section, site) = (FORCE_MOVE, login.local.id);
        let scope = RowKey::Setting { section, site, backend: backend.id };
        Step::new(About::Leaving, found).on(scope).without(rejected.collect())
    });
    let chosen = chosen?.id;
    let groups = login.table.residents(chosen);
    let count = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    let place = usize::try_from(h32(user).checked_rem(count)?).ok()?;
    // A group whose row was read since the table was built may have left the destination: the next by name, then.
    let (before, behind) = groups.split_at_checked(place)?;
    let lives_there = |name: &str| {
        let row = login.group_row(name);
        row.is_some_and(|row| row.backend_id == Some(chosen) && !row.is_moving())
    };
    let (_, group) = behind.iter().chain(before).find(|(_, name)| lives_there(name))?;
    let moved = User { group_name: group.clone(), ..login.user.clone() };
    let reason = UserMoveReason::BackendForceMove;
    Some(Box::new(UserMove { expected: login.user.clone(), moved, reason }))
}
