//! Users who move by themselves from one backend to another, where the proxies carry that out (C-MOVE-6).
//!
//! Duty: whether a user's logins wait, from which backend the user goes, and what ends the move. Non-duty: when it ends, and
//! ending sessions ([`crate::moving`]). Results are the same on every proxy that sees the same rows. Driven by
//! [`super::decide`], `moving`, and the commands. Tests: `super::tests`.

use uuid::Uuid;

use super::change::{UserMove, UserMoveReason};
use super::group::is_backend_usable;
use super::rows::{User, UserGroup};
use super::settings_rows::Departure;
use super::table::Table;

/// Whether logins of the user, whose group has this row, wait: the user moves, the proxies carry that out, and both ends are
/// well. A source that is gone has nothing to wait for; to a destination that is gone no user goes.
#[must_use]
pub(super) fn is_held(table: &Table, user: &User, row: &UserGroup) -> bool {
    let is_home = table.local_site.is_some() && user.preferred_site_id == table.local_site;
    table.settings().are_moves_ours
        && user.is_moving()
        && is_home
        && user.group_name == row.name
        && is_backend_usable(table, row)
        && is_well(table, &user.moved())
}

/// The backend that a user who moves comes from; none: the user does not move, or it is not for the proxies of this site, or
/// the source is gone and the next login finishes the move.
#[must_use]
pub fn source(table: &Table, user: &User) -> Option<Uuid> {
    let is_home = table.local_site.is_some() && user.preferred_site_id == table.local_site;
    if !table.settings().are_moves_ours || !user.is_moving() || !is_home {
        return None;
    }
    let row = table.group(&user.group_name)?;
    row.backend_id.filter(|_| is_backend_usable(table, row))
}

/// How a user's move ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The destination takes over: this is written.
    Complete(UserMove),
    /// The destination is not well, and the user stays: this is written.
    GiveUp(UserMove),
}

impl End {
    /// What is written.
    #[must_use]
    pub fn change(&self) -> &UserMove {
        match self {
            Self::Complete(change) | Self::GiveUp(change) => change,
        }
    }
}

/// The end of a user's move.
#[must_use]
pub fn end_of_move(table: &Table, user: &User) -> End {
    let (expected, moved, reason) = (user.clone(), user.moved(), UserMoveReason::Finish);
    if is_well(table, &moved) {
        End::Complete(UserMove { expected, moved, reason })
    } else {
        End::GiveUp(UserMove { expected, moved: user.unmoved(), reason })
    }
}

/// Whether the user lives on this backend, as far as is known here.
#[must_use]
pub fn lives_on(table: &Table, user: &User, backend: Uuid) -> bool {
    let row = table.group(&user.group_name);
    user.preferred_site_id == table.local_site
        && row.is_some_and(|row| row.backend_id == Some(backend))
}

/// What other proxies of the site are to know of a user who moves; none: nothing of this is for proxies.
#[must_use]
pub fn announced(table: &Table, user: &User, unix_millis: i64) -> Option<Departure> {
    let backend_id = source(table, user)?;
    let site_id = user.preferred_site_id?;
    let known = table.departure(&user.username, backend_id);
    if known.is_some_and(|known| user.last_update.is_none_or(|ordered| ordered == known.since)) {
        return None;
    }
    let scope = [site_id, backend_id];
    let since = user.last_update.unwrap_or(unix_millis);
    Departure::among(table.departures().iter(), scope, &user.username, since)
}

/// A group of this site leads somewhere as long as any backend is online: its row is changed at the next login, or made.
fn is_well(table: &Table, moved: &User) -> bool {
    let Some(home) = moved.preferred_site_id else { return false };
    if Some(home) == table.local_site {
        return !table.candidates().is_empty();
    }
    table.site(home).is_some_and(|site| site.takes_strangers() && site.load_balancer.is_some())
}
